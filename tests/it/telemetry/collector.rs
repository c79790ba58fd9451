//! A collector of traces: takes what is sent by OTLP over HTTP and reads the protocol buffers.
//!
//! Never: more of the format than names, parents and attributes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};

/// A span as it came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Span {
    pub id: Vec<u8>,
    pub trace: Vec<u8>,
    pub parent: Vec<u8>,
    pub name: String,
    pub attributes: BTreeMap<String, String>,
}

/// What came: the spans, and the resource of the last ones.
#[derive(Debug, Default)]
pub struct Received {
    pub spans: Vec<Span>,
    pub resource: BTreeMap<String, String>,
    pub requests: usize,
}

/// Listens on a free port; gives its endpoint.
pub async fn collector() -> (String, Arc<Mutex<Received>>) {
    let received = Arc::default();
    let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&received));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (endpoint, received)
}

async fn take(State(received): State<Arc<Mutex<Received>>>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut received = received.lock().unwrap();
    received.requests += 1;
    for resource_spans in each(&body, 1) {
        for resource in each(resource_spans, 1) {
            received.resource = attributes(resource, 1);
        }
        for span in each(resource_spans, 2).into_iter().flat_map(|scope| each(scope, 2)) {
            let bytes = |field| each(span, field).first().map(|bytes| bytes.to_vec());
            received.spans.push(Span {
                trace: bytes(1).unwrap(),
                id: bytes(2).unwrap(),
                parent: bytes(4).unwrap_or_default(),
                name: text(span, 5),
                attributes: attributes(span, 9),
            });
        }
    }
}

fn attributes(message: &[u8], field: u64) -> BTreeMap<String, String> {
    let pair = |pair: &[u8]| {
        let value = each(pair, 2)[0].to_vec();
        let shown = match fields(&value).first() {
            Some((1, Value::Bytes(text))) => String::from_utf8(text.to_vec()).unwrap(),
            Some((_, Value::Number(number))) => number.to_string(),
            other => format!("{other:?}"),
        };
        (text(pair, 1), shown)
    };
    each(message, field).into_iter().map(pair).collect()
}

fn text(message: &[u8], field: u64) -> String {
    String::from_utf8(each(message, field)[0].to_vec()).unwrap()
}

/// The messages, texts or bytes of one field.
fn each(message: &[u8], field: u64) -> Vec<&[u8]> {
    let of = |value| match value {
        Value::Bytes(bytes) => Some(bytes),
        Value::Number(_) => None,
    };
    let all = fields(message).into_iter().filter(|(number, _)| *number == field);
    all.filter_map(|(_, value)| of(value)).collect()
}

#[derive(Debug)]
enum Value<'a> {
    Bytes(&'a [u8]),
    Number(u64),
}

fn fields(message: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut all = Vec::new();
    let mut rest = message;
    while let Some((number, value, after)) = next(rest) {
        all.push((number, value));
        rest = after;
    }
    all
}

fn next(message: &[u8]) -> Option<(u64, Value<'_>, &[u8])> {
    let (tag, rest) = varint(message)?;
    let (value, rest) = match tag & 7 {
        0 => varint(rest).map(|(number, rest)| (Value::Number(number), rest))?,
        1 => (Value::Bytes(&rest[..8]), &rest[8..]),
        2 => {
            let (length, rest) = varint(rest)?;
            let (bytes, rest) = rest.split_at(usize::try_from(length).unwrap());
            (Value::Bytes(bytes), rest)
        }
        5 => (Value::Bytes(&rest[..4]), &rest[4..]),
        other => panic!("wire type {other}"),
    };
    Some((tag >> 3, value, rest))
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut number = 0;
    for (position, byte) in bytes.iter().enumerate() {
        number |= u64::from(byte & 0x7f) << (7 * position);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[position + 1..]));
        }
    }
    None
}
