//! `/healthz` and `/readyz` over HTTP, check by check, and the end.
//!
//! Never: ready before the caches are synced and the store was read.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::{Duration, Instant},
};

use concordat::{
    domain::{ids::Kind, problem::Code},
    operator::telemetry::{
        health::{Check, Health, LOOP_LASTS, Report, STORE_LASTS},
        metrics::{Metrics, Reach},
        server::{Shown, listen, serve},
    },
};
use tokio_util::sync::CancellationToken;

/// What a plain client is answered.
fn asked(address: SocketAddr, path: &str, accept: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer)
}

fn synced(health: &Health, now: Instant) {
    for kind in Kind::ALL {
        health.cache(kind, Reach::Up);
    }
    health.store(Ok(()), now);
    health.beat(now);
}

#[test]
fn a_replica_becomes_ready_and_unready_check_by_check() {
    let start = Instant::now();
    let health = Health::new(start);
    let told = |at: Duration| Report::of(&health, &Check::READY, &[], start + at).verbose("readyz");
    assert_eq!(
        told(Duration::ZERO),
        "[+]loop ok\n\
         [-]caches failed: waiting for PartnerOffer, PartnerRelationship, RoleGrant, AgreementAcceptance, PartnerBoundary\n\
         [-]store failed: the store has not been read yet\n\
         [-]migrations failed: the tables of the store are not known yet\n\
         [+]running ok\n\
         readyz check failed\n"
    );
    synced(&health, start);
    assert!(told(Duration::ZERO).ends_with("readyz check passed\n"));

    health.cache(Kind::RoleGrant, Reach::Down);
    assert!(told(Duration::ZERO).contains("[-]caches failed: waiting for RoleGrant\n"));
    synced(&health, start);
    health.store(Err(Code(609)), start);
    assert!(told(Duration::ZERO).contains("[-]store failed: the store could not be read: C0609\n"));
    assert!(told(Duration::ZERO).contains("[+]migrations ok\n"));

    synced(&health, start);
    assert!(told(STORE_LASTS).ends_with("passed\n"));
    let late = told(LOOP_LASTS + Duration::from_secs(1));
    assert!(late.contains("[-]loop failed: the loop has not gone round for 61 s\n"), "{late}");
    assert!(late.contains("[-]store failed: the store was read 61 s ago\n"), "{late}");
    health.stopping();
    assert!(told(Duration::ZERO).contains("[-]running failed: it was asked to stop\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checks_are_answered_as_the_api_servers_own() {
    let health = Arc::new(Health::new(Instant::now()));
    let shown = Shown { metrics: Arc::new(Metrics::new()), health: Arc::clone(&health) };
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(serve(listener, shown, stop.clone()));
    let asking = tokio::task::spawn_blocking(move || {
        let ask = |path: &str| asked(address, path, "*/*");
        assert_eq!(ask("/healthz").0, 200);
        let (status, answer) = ask("/readyz");
        assert_eq!(status, 503);
        assert!(answer.contains("[-]caches failed: waiting for PartnerOffer"), "{answer}");
        synced(&health, Instant::now());
        let (status, answer) = ask("/readyz");
        assert_eq!((status, answer.ends_with("\r\n\r\nok")), (200, true), "{answer}");
        assert!(ask("/readyz?verbose").1.ends_with("[+]running ok\nreadyz check passed\n"));
        health.store(Err(Code(609)), Instant::now());
        assert_eq!(ask("/readyz/store").0, 503);
        assert_eq!(ask("/readyz/caches").0, 200);
        assert_eq!(ask("/readyz?exclude=store").0, 200);
        assert_eq!(ask("/readyz/nothing").0, 404);
        assert_eq!(ask("/healthz").0, 200, "a store that is away is no reason for a restart");
        assert_eq!(ask("/").0, 404);
        let (_, plain) = ask("/metrics");
        assert!(plain.contains("content-type: text/plain; version=0.0.4"), "{plain}");
        assert!(plain.contains("# TYPE concordat_rounds_total counter\n"), "{plain}");
        let (_, open) =
            asked(address, "/metrics", "application/openmetrics-text;version=1.0.0,*/*;q=0.1");
        assert!(open.contains("content-type: application/openmetrics-text; version=1.0.0"));
        assert!(open.ends_with("# EOF\n"));
    });
    asking.await.unwrap();
    // A client that says nothing holds up nobody.
    let silent = TcpStream::connect(address).unwrap();
    stop.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(15), served).await;
    ended.expect("it ends").unwrap().unwrap();
    drop(silent);
}
