//! The service over HTTPS, on the machine's own address.
//!
//! Never: an address that others can reach.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt, Full, Limited, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Bytes, Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use jiff::Timestamp;
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::{
    call::{Answer, Body, Call},
    faults::Cut,
    machine::{Machine, Reply},
};

/// The largest body of a call.
const LARGEST_BODY: usize = 16 << 20;
/// How long a handshake and the heads of a call may take.
const BEGINNING: Duration = Duration::from_secs(10);
/// How long half of an answer has to arrive before the line is cut.
const HALF: Duration = Duration::from_millis(20);

type Line = BoxBody<Bytes, io::Error>;

/// Serves until `stop`; then ends what was begun.
pub async fn serve(
    listener: TcpListener,
    tls: TlsAcceptor,
    machine: Arc<Mutex<Machine>>,
    stop: CancellationToken,
) {
    let mut lines = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    _ = socket.set_nodelay(true);
                    lines.spawn(line(socket, tls.clone(), Arc::clone(&machine), stop.clone()));
                }
                // Too many are open, or one has gone already: the others go on.
                Err(_) => sleep(HALF).await,
            },
            Some(_) = lines.join_next() => {}
        }
    }
    while lines.join_next().await.is_some() {}
}

/// One connection, from its handshake to its end. What goes wrong with it is the caller's to see.
async fn line(
    socket: TcpStream,
    tls: TlsAcceptor,
    machine: Arc<Mutex<Machine>>,
    stop: CancellationToken,
) {
    let Ok(Ok(stream)) = timeout(BEGINNING, tls.accept(socket)).await else { return };
    let service = service_fn(|request| answered(request, &machine));
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(BEGINNING);
    let connection = http.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}

/// One call. An error cuts the line, and the caller hears nothing.
async fn answered(
    request: Request<Incoming>,
    machine: &Mutex<Machine>,
) -> io::Result<Response<Line>> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, LARGEST_BODY).collect().await else {
        return response(&Answer::empty(413), None);
    };
    let headers: BTreeMap<String, String> = head
        .headers
        .iter()
        .map(|(name, value)| {
            (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        })
        .collect();
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = head.method.as_str().to_owned();
    let call = Call { method, target, headers, body: body.to_bytes().to_vec(), in_batch: false };
    let reply =
        machine.lock().unwrap_or_else(PoisonError::into_inner).reply(&call, Timestamp::now());
    let Reply { answer, cut, wait } = reply;
    if wait > 0 {
        sleep(Duration::from_millis(wait)).await;
    }
    response(&answer, cut)
}

fn response(answer: &Answer, cut: Option<Cut>) -> io::Result<Response<Line>> {
    let gone = || io::Error::new(io::ErrorKind::ConnectionAborted, "a fault that was asked for");
    if matches!(cut, Some(Cut::Before | Cut::After)) {
        return Err(gone());
    }
    let bytes = Bytes::from(answer.bytes());
    let mut response = Response::builder().status(answer.status);
    if answer.body != Body::Nothing {
        response = response
            .header("Content-Type", "application/json; odata.metadata=minimal; charset=utf-8")
            .header("Content-Length", bytes.len());
    }
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    let body: Line = if cut == Some(Cut::Half) {
        let half = bytes.slice(..bytes.len() / 2);
        let first = stream::once(async move { Ok(Frame::data(half)) });
        let end = stream::once(async move {
            sleep(HALF).await;
            Err(gone())
        });
        BodyExt::boxed(StreamBody::new(first.chain(end)))
    } else {
        Full::new(bytes).map_err(|never| match never {}).boxed()
    };
    response.body(body).map_err(io::Error::other)
}
