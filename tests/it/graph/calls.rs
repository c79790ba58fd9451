//! Reads: to one host, at a pace, again where that helps, and what is said where it does not.
//!
//! Never: an answer that is made of half of one.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use concordat::store::{
    Retry, StoreError,
    graph::{As, Graph},
};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{LOGIN_PATH, both, folder, harmless, reader, refuse, rule, stage};
use crate::{
    emulator::served::{ROOT, Served},
    program::finished,
};

async fn reads(served: &Served) -> u64 {
    served.count("calls", &format!("GET {ROOT}")).await
}

fn list(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

#[tokio::test]
async fn a_call_says_who_asks_and_pages_follow_each_other_on_one_host() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    let first = list(&graph.get(&format!("{ROOT}?$top=3")).await.unwrap().body);
    let next = first["@odata.nextLink"].as_str().unwrap();
    let second = graph.get_next(next).await.unwrap();
    assert_eq!(list(&second.body)["value"].as_array().unwrap().len(), 3);
    let calls = served.control("GET", "calls", &Value::Null).await.to_string();
    for part in
        ["concordat/0.1.0", "include-unknown-enum-members", "client-request-id", "skiptoken"]
    {
        assert!(calls.contains(part), "{part}: {calls}");
    }
    let id = "00000000-0000-4000-8000-000000000000-00000000-0000-4000-8000-000000000001";
    let missing = graph.get(&format!("{ROOT}/{id}")).await.unwrap();
    assert_eq!(missing.status, 404, "what it means is for the caller to judge");
}

#[tokio::test]
async fn a_next_page_elsewhere_gets_no_call_and_no_token() {
    let (served, connection) = stage().await;
    let other = Served::new(&[]).await;
    other.control("DELETE", "calls", &Value::Null).await;
    let graph = reader(&connection);
    let fault = json!({"kind": "page", "how": "elsewhere", "origin": other.url});
    served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
    let page = list(&graph.get(&format!("{ROOT}?$top=2")).await.unwrap().body);
    let next = page["@odata.nextLink"].as_str().unwrap().to_owned();
    assert!(next.starts_with(&other.url), "{next}");
    let own = connection.graph_host();
    for link in [
        next,
        format!("http://{own}/v1.0{ROOT}"),
        format!("https://{own}/beta{ROOT}"),
        format!("https://{own}/v1.0/../beta{ROOT}"),
        format!("https://{own}@evil.example/v1.0{ROOT}"),
        format!("https://evil.example/v1.0/{own}"),
        "javascript:1".to_owned(),
    ] {
        let error = graph.get_next(&link).await.unwrap_err();
        assert!(both(&error).contains("nobody was asked"), "{link}: {error}");
    }
    let counts = other.control("GET", "counts", &Value::Null).await;
    assert_eq!(counts["calls"], json!({}), "{counts}");
    assert_eq!(reads(&served).await, 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let other = Served::new(&[]).await;
    other.control("DELETE", "calls", &Value::Null).await;
    let (_served, mut connection) = stage().await;
    let place = format!("{}/v1.0{ROOT}", other.url);
    let own = Redirecting::to(&place, connection.file.parent().unwrap()).await;
    let hosts = connection.hosts.as_mut().unwrap();
    (hosts.login, hosts.graph) = (Some(own.host.clone()), Some(own.host));
    hosts.ca = Some(own.authority);
    let answer = reader(&connection).get(ROOT).await.unwrap();
    assert_eq!((answer.status, answer.location.as_deref()), (307, Some(place.as_str())));
    let counts = other.control("GET", "counts", &Value::Null).await;
    assert_eq!(counts["calls"], json!({}), "{counts}");
}

/// A host that gives a token to anybody, and sends whoever comes with one elsewhere.
struct Redirecting {
    host: String,
    authority: std::path::PathBuf,
}

impl Redirecting {
    async fn to(place: &str, folder: &Path) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let authority = folder.join("own.pem");
        std::fs::write(&authority, certificate.pem()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = format!("localhost:{}", listener.local_addr().unwrap().port());
        let place = place.to_owned();
        tokio::spawn(async move {
            while let Ok((line, _)) = listener.accept().await {
                let Ok(mut line) = acceptor.accept(line).await else { continue };
                let answer = redirected(&heard(&mut line).await, &place);
                let _ = line.write_all(answer.as_bytes()).await;
                let _ = line.shutdown().await;
            }
        });
        Self { host, authority }
    }
}

/// A call to the end of its body.
async fn heard(line: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let (mut call, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let read = line.read(&mut part).await.unwrap_or_default();
        call.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&call).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return text;
            }
            continue;
        };
        let head = head.to_lowercase();
        let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest);
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length || read == 0 {
            return text;
        }
    }
}

fn redirected(call: &str, place: &str) -> String {
    let (head, body) = if call.starts_with("POST") {
        ("200 OK".to_owned(), r#"{"token_type":"Bearer","expires_in":3599,"access_token":"x"}"#)
    } else {
        (format!("307 Temporary Redirect\r\nLocation: {place}"), "")
    };
    let length = body.len();
    format!("HTTP/1.1 {head}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}")
}

#[tokio::test]
async fn what_passes_is_asked_again() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    for fault in [
        refuse(500),
        refuse(502),
        refuse(503),
        refuse(504),
        refuse(429),
        json!({"kind": "cut", "at": "before"}),
        json!({"kind": "cut", "at": "half"}),
        json!({"kind": "cut", "at": "after"}),
    ] {
        served.fault(&rule("GET", ROOT, Some(1), &fault)).await;
        served.control("DELETE", "calls", &Value::Null).await;
        assert_eq!(graph.get(ROOT).await.unwrap().status, 200, "{fault}");
        assert_eq!(reads(&served).await, 2, "{fault}");
    }
    served.fault(&rule("POST", LOGIN_PATH, Some(1), &refuse(503))).await;
    assert_eq!(reader(&connection).get(ROOT).await.unwrap().status, 200, "the login as well");
}

#[tokio::test]
async fn what_does_not_pass_ends_after_five_tries_with_words() {
    let (served, connection) = stage().await;
    served.fault(&rule("GET", ROOT, None, &refuse(500))).await;
    let error = reader(&connection).get(ROOT).await.unwrap_err();
    assert_eq!((reads(&served).await, error.retry()), (5, Retry::WithBackoff));
    let said = both(&error);
    assert!(said.contains("it answers 500") && said.contains("request-id"), "{said}");
    harmless(&served, &said);
}

#[tokio::test]
async fn a_wait_that_the_service_names_is_kept_by_everybody() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    let wait = json!({"kind": "refuse", "status": 429, "retryAfter": "2"});
    served.fault(&rule("GET", ROOT, Some(1), &wait)).await;
    let begun = Instant::now();
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());

    served.control("DELETE", "calls", &Value::Null).await;
    let wait = json!({"kind": "refuse", "status": 429, "retryAfter": "3600"});
    served.fault(&rule("GET", ROOT, None, &wait)).await;
    for _ in 0..3 {
        let error = graph.get(ROOT).await.unwrap_err();
        let StoreError::Throttled { again, .. } = &error else { panic!("{error}") };
        let left = again.duration_since(Timestamp::now());
        assert!((left - SignedDuration::from_hours(1)).abs() < SignedDuration::from_secs(20));
        assert!(error.to_string().contains(&again.to_string()), "{error}");
    }
    assert_eq!(reads(&served).await, 1, "nobody asks before that");
}

#[tokio::test]
async fn an_answer_is_no_larger_than_allowed() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    let huge = |bytes: usize| json!({"kind": "huge", "bytes": bytes});
    served.fault(&rule("GET", ROOT, Some(1), &huge(15 << 20))).await;
    assert!(graph.get(ROOT).await.unwrap().body.len() > 15 << 20);
    served.fault(&rule("GET", ROOT, Some(1), &huge(17 << 20))).await;
    let error = graph.get(ROOT).await.unwrap_err();
    assert!(matches!(error, StoreError::Unexpected { .. }), "{error}");
    assert!(error.to_string().contains("more than 16 MiB"), "{error}");
    served.fault(&rule("POST", LOGIN_PATH, Some(1), &huge(17 << 20))).await;
    let error = reader(&connection).get(ROOT).await.unwrap_err();
    assert!(error.to_string().contains("more than 16 MiB"), "{error}");
}

#[tokio::test]
async fn a_refusal_names_the_permission_of_the_app_that_asked() {
    let (served, connection) = stage().await;
    served.fault(&rule("GET", ROOT, None, &refuse(403))).await;
    for (app, permission) in [
        (As::Reader, "`DelegatedAdminRelationship.Read.All`"),
        (As::Writer, "`DelegatedAdminRelationship.ReadWrite.All`"),
    ] {
        let error = Graph::open(&connection, app).unwrap().get(ROOT).await.unwrap_err();
        assert!(matches!(error, StoreError::Forbidden { .. }), "{error}");
        assert!(error.to_string().contains(permission), "{error}");
        harmless(&served, &both(&error));
    }
    assert_eq!(reads(&served).await, 2);
}

#[tokio::test]
async fn a_batch_counts_as_what_is_in_it() {
    let (served, mut connection) = stage().await;
    connection.pace.reads_per_second = 20;
    let graph = reader(&connection);
    let request = |number: usize| json!({"id": number.to_string(), "method": "GET", "url": ROOT});
    let batch = json!({"requests": (0..20).map(request).collect::<Vec<_>>()});
    let begun = Instant::now();
    for _ in 0..3 {
        let answer = graph.post("/$batch", &batch).await.unwrap();
        let body = list(&answer.body);
        assert_eq!((answer.status, body["responses"].as_array().unwrap().len()), (200, 20));
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(10), "{took:?}");
    assert_eq!(served.count("batched", &format!("GET {ROOT}")).await, 60);
}

#[tokio::test]
async fn clocks_that_differ_are_told() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    assert_eq!(graph.clock_difference(), None);
    graph.get(ROOT).await.unwrap();
    assert!(graph.clock_difference().unwrap().abs() < SignedDuration::from_mins(1));
    served.pass("PT10M").await;
    graph.get(ROOT).await.unwrap();
    let difference = graph.clock_difference().unwrap();
    assert!((difference - SignedDuration::from_mins(10)).abs() < SignedDuration::from_mins(1));
}

#[tokio::test]
async fn whoever_is_not_trusted_or_not_there_is_told_in_words() {
    let (_served, mut connection) = stage().await;
    let mut strange = connection.clone();
    strange.hosts.as_mut().unwrap().ca = None;
    let error = reader_once(&strange).await;
    assert!(error.contains("signed by nobody who is trusted here"), "{error}");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let hosts = connection.hosts.as_mut().unwrap();
    hosts.login = Some(format!("localhost:{}", free.port()));
    let error = reader_once(&connection).await;
    assert!(error.contains("no connection") && error.contains("refused"), "{error}");
}

#[tokio::test]
async fn the_authority_of_hosts_that_are_named_is_the_only_one_that_vouches_for_them() {
    let (served, connection) = stage().await;
    let folder = folder(&served);
    // A machine that trusts the emulator's authority as one of its own.
    let doctor = |hosts: &str| {
        let file = folder.join("graph.yaml");
        let text = std::fs::read_to_string(folder.join("first.yaml")).unwrap();
        std::fs::write(&file, text.replace("ca: ca.pem", hosts)).unwrap();
        let mut command = served.place.command(&["doctor", "--store", "graph:emulator/graph.yaml"]);
        command.env("SSL_CERT_FILE", folder.join("ca.pem"));
        finished(command, b"").stdout
    };
    std::fs::copy(folder.join("graph.yaml"), folder.join("first.yaml")).unwrap();
    let said = doctor("");
    assert!(said.contains("ok       reader"), "the machine vouches where no file is named: {said}");
    let strange = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("strange.pem"), strange.cert.pem()).unwrap();
    served.control("DELETE", "calls", &Value::Null).await;
    let said = doctor("ca: strange.pem");
    assert!(!said.contains("ok       reader"), "{said}");
    assert!(said.contains("signed by nobody who is trusted here"), "{said}");
    // Of two hosts each is vouched for by its own.
    let mut one = connection.clone();
    let hosts = one.hosts.as_mut().unwrap();
    hosts.ca = Some(folder.join("strange.pem"));
    hosts.graph = None;
    let error = reader_once(&one).await;
    assert!(error.contains("signed by nobody who is trusted here"), "{error}");
    let counts = served.control("GET", "counts", &Value::Null).await;
    assert_eq!(counts["calls"], json!({}), "nobody is sent a secret: {counts}");
}

/// What the login says to one asking; a read would be tried again.
async fn reader_once(connection: &concordat::domain::connection::Connection) -> String {
    let authority = connection.login_authority();
    let transport =
        concordat::store::graph::Transport::new(authority, Duration::from_secs(5)).unwrap();
    let tokens = concordat::store::graph::Tokens::new(connection, &connection.reader, transport);
    tokens.bearer(Timestamp::now()).await.unwrap_err().to_string()
}
