//! The service over HTTPS, on the machine's own address.
//!
//! Never: an address that others can reach.

use std::{
    collections::BTreeMap,
    error::Error,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited, StreamBody, combinators::BoxBody};
use hyper::{
    HeaderMap, Request, Response,
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
    refusal::Refusal,
};

/// The largest body of a call.
const LARGEST_BODY: usize = 16 << 20;
/// How long a handshake and the heads of a call may take.
const BEGINNING: Duration = Duration::from_secs(10);
/// How long the body of a call may take.
const ARRIVAL: Duration = Duration::from_secs(30);
/// How long what was begun has to end, once nobody is to be served any more.
const ENDING: Duration = Duration::from_secs(3);
/// How long half of an answer has to arrive before the line is cut.
const HALF: Duration = Duration::from_millis(20);

/// Headers that mean one thing or nothing.
const ONCE: [&str; 5] = ["authorization", "content-type", "host", "if-match", "origin"];

type Line = BoxBody<Bytes, io::Error>;

/// Serves until `stop`; then ends what was begun, if it ends soon.
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
    let all = async { while lines.join_next().await.is_some() {} };
    // Whoever has not ended by then never will; what is left is cut.
    _ = timeout(ENDING, all).await;
    lines.shutdown().await;
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
    let body = match whole(body, ARRIVAL).await {
        Ok(body) => body,
        Err(refusal) => return response(&Answer::from(refusal), None),
    };
    let headers = match headers(&head.headers) {
        Ok(headers) => headers,
        Err(refusal) => return response(&Answer::from(refusal), None),
    };
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let method = head.method.as_str().to_owned();
    let call = Call { method, target, headers, body: body.to_vec(), in_batch: false };
    let reply =
        machine.lock().unwrap_or_else(PoisonError::into_inner).reply(&call, Timestamp::now());
    let Reply { answer, cut, wait } = reply;
    if wait > 0 {
        sleep(Duration::from_millis(wait)).await;
    }
    response(&answer, cut)
}

/// The headers by their names; of one that stands there several times all values, where that means anything.
fn headers(given: &HeaderMap) -> Result<BTreeMap<String, String>, Refusal> {
    let mut all: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in given {
        let value = String::from_utf8_lossy(value.as_bytes());
        match all.get_mut(name.as_str()) {
            None => _ = all.insert(name.as_str().to_owned(), value.into_owned()),
            Some(_) if ONCE.contains(&name.as_str()) => {
                return Err(Refusal::bad(format!("The header `{name}` stands there twice.")));
            }
            Some(before) => {
                before.push_str(", ");
                before.push_str(&value);
            }
        }
    }
    Ok(all)
}

/// All of a body.
async fn whole<B: hyper::body::Body<Data = Bytes, Error: Error + Send + Sync + 'static>>(
    body: B,
    within: Duration,
) -> Result<Bytes, Refusal> {
    let (status, message) = match timeout(within, Limited::new(body, LARGEST_BODY).collect()).await
    {
        Ok(Ok(body)) => return Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            (413, "The body of a call has at most 16 MiB.")
        }
        Ok(Err(_)) => (400, "The body of the call did not come whole."),
        Err(_) => (408, "The body of the call did not come in time."),
    };
    Err(Refusal { status, code: "badRequest", message: message.to_owned() })
}

fn response(answer: &Answer, cut: Option<Cut>) -> io::Result<Response<Line>> {
    let gone = || io::Error::new(io::ErrorKind::ConnectionAborted, "a fault that was asked for");
    if matches!(cut, Some(Cut::Before | Cut::After)) {
        return Err(gone());
    }
    let bytes = Bytes::from(answer.bytes());
    let mut response = Response::builder().status(answer.status);
    let says = answer.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if answer.body != Body::Nothing && !says {
        let kind = "application/json; odata.metadata=minimal; charset=utf-8";
        response = response.header("Content-Type", kind);
    }
    if answer.body != Body::Nothing {
        response = response.header("Content-Length", bytes.len());
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures::FutureExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::emulator::{Emulator, Options};

    fn frames(bytes: usize) -> impl futures::Stream<Item = Result<Frame<Bytes>, Infallible>> {
        stream::iter([Ok(Frame::data(Bytes::from(vec![b' '; bytes])))])
    }

    #[test]
    fn a_header_that_is_repeated_is_joined_or_refused() {
        let given = |name: &'static str| {
            let mut all = HeaderMap::new();
            for value in ["a", "b"] {
                all.append(name, value.parse().unwrap());
            }
            headers(&all)
        };
        assert_eq!(given("prefer").unwrap()["prefer"], "a, b");
        for name in ["host", "if-match", "authorization"] {
            assert_eq!(given(name).map_err(|it| it.status), Err(400), "{name}");
        }
    }

    #[tokio::test]
    async fn a_body_comes_in_time_and_is_not_too_large_or_the_caller_is_told() {
        let soon = Duration::from_millis(10);
        assert_eq!(whole(StreamBody::new(frames(7)), soon).await.unwrap().len(), 7);
        let large = whole(StreamBody::new(frames(LARGEST_BODY + 1)), soon).await;
        assert_eq!(large.map_err(|it| it.status), Err(413));
        let never = StreamBody::new(frames(7).chain(stream::pending()));
        assert_eq!(whole(never, soon).await.map_err(|it| it.status), Err(408));
        let broken = stream::iter([Err::<Frame<Bytes>, _>(io::Error::other("gone"))]);
        assert_eq!(whole(StreamBody::new(broken), soon).await.map_err(|it| it.status), Err(400));
    }

    #[tokio::test]
    async fn a_call_that_never_ends_does_not_keep_it_from_ending() {
        let emulator = Emulator::listen(&Options::default()).await.unwrap();
        let mut roots = rustls::RootCertStore::empty();
        let authority = emulator.authority.clone();
        let all = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::pem_slice_iter(authority.as_bytes());
        for one in all {
            roots.add(one.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let address = emulator.address;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(emulator.serve(stop.clone()));
        let socket = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let mut line = connector.connect("localhost".try_into().unwrap(), socket).await.unwrap();
        let text = b"POST /v1.0/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{";
        line.write_all(text).await.unwrap();
        line.flush().await.unwrap();
        sleep(Duration::from_millis(200)).await;
        stop.cancel();
        assert!(timeout(ENDING * 2, serving.map(drop)).await.is_ok());
    }
}
