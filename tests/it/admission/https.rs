//! The webhook over a real socket: certificates, limits, and an end that cuts nobody off.
//!
//! Never: a client that trusts everybody.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use concordat::{
    domain::catalogue::Catalogue,
    operator::{
        admission::{
            certificate::Certificate,
            deletion::Stamps,
            server::{LARGEST_BODY, Webhook, serve},
            source::{Pace, Source, Word},
        },
        telemetry::{metrics::Metrics, server::listen},
    },
};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::{runtime::Runtime, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{
    asked,
    client::{Client, NAME, WORD},
    grant, with,
};

pub const FAST: Pace = Pace { every: Duration::from_millis(20), grace: Duration::ZERO };

/// A webhook that runs.
pub struct Running {
    pub address: SocketAddr,
    pub metrics: Arc<Metrics>,
    pub stop: CancellationToken,
    pub served: JoinHandle<std::io::Result<()>>,
    pub runtime: Runtime,
}

impl Running {
    pub fn start(runtime: Runtime, source: Source, pace: Pace) -> Self {
        Self::stamping(runtime, source, pace, Arc::new(|_| Box::pin(async { Ok(()) })))
    }

    /// One that writes down who deletes.
    pub fn stamping(runtime: Runtime, source: Source, pace: Pace, stamps: Stamps) -> Self {
        let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let metrics = Arc::new(Metrics::new());
        let webhook =
            Webhook::new(Arc::new(|_| None), Catalogue::compiled(), Arc::clone(&metrics), stamps);
        let stop = CancellationToken::new();
        let served = runtime.spawn(serve(listener, webhook, source, pace, stop.clone()));
        Self { address, metrics, stop, served, runtime }
    }

    /// Ends it as a signal would.
    pub fn end(self) {
        self.stop.cancel();
        self.runtime.block_on(self.served).unwrap().unwrap();
    }
}

pub fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub fn issued(earlier: &str) -> Certificate {
    let life = SignedDuration::from_hours(24);
    Certificate::issue(&[NAME.to_owned()], Timestamp::now(), life, earlier).unwrap()
}

/// Puts a certificate where cert-manager would, key first.
fn put(folder: &Path, certificate: &Certificate) {
    for (name, text) in
        [("tls.key", certificate.key.expose_secret()), ("tls.crt", &certificate.chain)]
    {
        let new = folder.join(format!(".{name}"));
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, folder.join(name)).unwrap();
    }
}

fn with_files() -> (tempfile::TempDir, Certificate, Running) {
    stamping(Arc::new(|_| Box::pin(async { Ok(()) })))
}

/// A webhook that writes down who deletes, and the certificate that it shows.
pub fn stamping(stamps: Stamps) -> (tempfile::TempDir, Certificate, Running) {
    let folder = tempfile::tempdir().unwrap();
    let certificate = issued("");
    put(folder.path(), &certificate);
    let source = Source::Files(PathBuf::from(folder.path()), Word::Given(WORD.to_owned().into()));
    let running = Running::stamping(runtime(), source, FAST, stamps);
    (folder, certificate, running)
}

#[test]
fn a_client_that_checks_the_certificate_gets_the_verdict() {
    let (_folder, certificate, running) = with_files();
    let mut client = Client::connect(running.address, &certificate.authorities, NAME).unwrap();
    let bad = with(grant(), "/spec/roles", json!(["No Such Role"]));
    for (object, allowed) in [(grant(), true), (bad, false)] {
        let question = asked("CREATE", &object, &Value::Null).to_string();
        let reply = client.ask(question.as_bytes()).unwrap();
        assert_eq!(reply.status, 200);
        let answer: Value = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(answer["response"]["allowed"], allowed, "{answer:#}");
    }
    let text = running.metrics.text(Timestamp::now());
    assert!(text.contains(r#"concordat_admission_total{kind="RoleGrant",verdict="refused"} 1"#));
    assert!(text.contains(r#"concordat_admission_total{kind="RoleGrant",verdict="warned"} 1"#));
    running.end();
}

#[test]
fn another_authority_and_another_name_are_not_believed() {
    let (_folder, certificate, running) = with_files();
    assert!(Client::connect(running.address, &issued("").authorities, NAME).is_err());
    assert!(Client::connect(running.address, &certificate.authorities, "other.ns.svc").is_err());
    Client::connect(running.address, &certificate.authorities, NAME).unwrap();
    running.end();
}

#[test]
fn what_is_no_question_is_refused_and_the_next_one_is_answered() {
    let (_folder, certificate, running) = with_files();
    let connect = || Client::connect(running.address, &certificate.authorities, NAME).unwrap();
    let question = asked("CREATE", &grant(), &Value::Null).to_string();
    let mut client = connect();
    for body in [&b""[..], b"{", b"null", b"[]", b"\xff\xfe", &question.as_bytes()[1..]] {
        assert_eq!(client.ask(body).unwrap().status, 400);
    }
    assert_eq!(connect().ask_at("/other", b"{}").unwrap().status, 404);
    assert_eq!(client.ask(question.as_bytes()).unwrap().status, 200);
    let deep = "[".repeat(LARGEST_BODY - 1);
    assert_eq!(connect().ask(deep.as_bytes()).unwrap().status, 400);
    let huge = vec![b' '; LARGEST_BODY + 1];
    // It may be refused before all of it was sent.
    assert!(
        connect().ask(&huge).is_ok_and(|reply| reply.status == 413)
            || connect().ask(&huge).is_err()
    );
    assert_eq!(connect().ask(question.as_bytes()).unwrap().status, 200);
    running.end();
}

#[test]
fn a_new_certificate_is_shown_while_open_connections_go_on() {
    let (folder, first, running) = with_files();
    let mut open = Client::connect(running.address, &first.authorities, NAME).unwrap();
    let question = asked("CREATE", &grant(), &Value::Null).to_string();
    let mut answered = 0;
    let mut before = first;
    for _ in 0..5 {
        let next = issued(&before.authorities);
        put(folder.path(), &next);
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            // Whoever trusts both is never turned away, whichever of the two is shown.
            let mut client = Client::connect(running.address, &next.authorities, NAME).unwrap();
            assert_eq!(client.ask(question.as_bytes()).unwrap().status, 200);
            assert_eq!(open.ask(question.as_bytes()).unwrap().status, 200);
            answered += 2;
            if Client::connect(running.address, &before.authorities, NAME).is_err() {
                break;
            }
            assert!(Instant::now() < deadline, "the new certificate is not shown");
        }
        before = next;
    }
    println!("5 new certificates, {answered} questions answered, none lost");
    let text = running.metrics.text(Timestamp::now());
    assert!(text.contains("concordat_webhook_certificate_seconds_left 86"), "{text}");
    running.end();
}

#[test]
fn a_key_that_does_not_fit_leaves_the_old_certificate() {
    let (folder, first, running) = with_files();
    Client::connect(running.address, &first.authorities, NAME).unwrap();
    std::fs::write(folder.path().join("tls.key"), issued("").key.expose_secret()).unwrap();
    std::thread::sleep(FAST.every * 4);
    Client::connect(running.address, &first.authorities, NAME).unwrap();
    std::fs::remove_file(folder.path().join("tls.crt")).unwrap();
    std::thread::sleep(FAST.every * 4);
    Client::connect(running.address, &first.authorities, NAME).unwrap();
    running.end();
}

#[test]
fn what_was_asked_before_the_end_is_answered() {
    let (_folder, certificate, running) = with_files();
    let question = asked("CREATE", &grant(), &Value::Null).to_string();
    let clients: Vec<_> = (0..8)
        .map(|_| Client::connect(running.address, &certificate.authorities, NAME).unwrap())
        .collect();
    let asking: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let question = question.clone();
            std::thread::spawn(move || {
                let first = client.ask(question.as_bytes()).unwrap().status;
                let mut answered = 1;
                // Between two questions the server may close; within one it may not.
                while let Ok(reply) = client.ask(question.as_bytes()) {
                    assert_eq!(reply.status, 200);
                    answered += 1;
                }
                (first, answered)
            })
        })
        .collect();
    std::thread::sleep(Duration::from_millis(100));
    let address = running.address;
    running.end();
    for client in asking {
        let (first, answered) = client.join().unwrap();
        assert_eq!(first, 200);
        assert!(answered >= 1);
    }
    assert!(std::net::TcpStream::connect(address).is_err(), "the port is closed");
}
