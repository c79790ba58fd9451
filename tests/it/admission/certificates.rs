//! Certificates of our own: made once for all replicas, renewed in time, and trusted before they are shown.
//!
//! Never: two replicas that show certificates of which the API server trusts one.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use concordat::operator::{
    admission::{
        certificate::{Certificate, LIFE},
        own::{Own, OwnError},
        source::{Pace, Source},
        validity,
    },
    telemetry::metrics::Metrics,
};
use jiff::{SignedDuration, Timestamp};
use kube::Client;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

use super::{
    api_server::{Shared, api_server, path},
    asked,
    client::{Client as Caller, NAME},
    grant,
    https::{Running, runtime},
    now,
};

fn own(client: Client, life: SignedDuration) -> Own {
    Own {
        client,
        namespace: "concordat-system".to_owned(),
        secret: "concordat-webhook".to_owned(),
        service: "concordat-webhook".to_owned(),
        configuration: "concordat".to_owned(),
        life,
        metrics: Arc::new(Metrics::new()),
    }
}

fn writes(held: &Shared) -> Vec<String> {
    std::mem::take(&mut held.lock().unwrap().writes)
}

fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

#[test]
fn a_certificate_convinces_by_its_name_within_its_time() {
    let certificate = Certificate::issue(&[NAME.to_owned()], now(), LIFE, "").unwrap();
    assert!(certificate.convinces(NAME, now()));
    assert!(certificate.convinces(NAME, now() + days(89)));
    assert!(!certificate.convinces(NAME, now() + days(91)));
    assert!(!certificate.convinces(NAME, now() - days(1)));
    assert!(!certificate.convinces("another.concordat-system.svc", now()));
    assert_eq!(certificate.validity.until, now() + LIFE);
    let due = certificate.renew_at();
    assert!(due > now() + days(59) && due < now() + days(61), "{due}");
    assert!(!format!("{certificate:?}").contains("PRIVATE"));
}

#[test]
fn the_time_of_a_certificate_is_read_from_whatever_it_is() {
    let certificate = Certificate::issue(&[NAME.to_owned()], now(), days(40_000), "").unwrap();
    assert_eq!(certificate.validity.until, now() + days(40_000), "beyond 2050, with four digits");
    let der = CertificateDer::from_pem_slice(certificate.chain.as_bytes()).unwrap();
    assert_eq!(validity::of(&der), Some(certificate.validity));
    for cut in 0..der.len() {
        // Cut or changed anywhere there is an answer or none, and no panic.
        let _ = validity::of(&der[..cut]);
        let mut changed = der.to_vec();
        changed[cut] ^= 0xff;
        let _ = validity::of(&changed);
    }
    assert_eq!(validity::of(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
}

#[tokio::test]
async fn two_replicas_that_start_at_once_share_one_certificate() {
    let (held, client) = api_server().await;
    let replicas: Vec<_> = (0..4).map(|_| own(client.clone(), LIFE)).collect();
    let all = futures::future::join_all(replicas.iter().map(|own| own.certificate(now()))).await;
    let chains: Vec<_> = all.into_iter().map(|found| found.unwrap().chain).collect();
    assert!(chains.iter().all(|chain| *chain == chains[0]));
    assert_eq!(writes(&held), ["create secret"]);
    replicas[0].certificate(now() + days(1)).await.unwrap();
    assert_eq!(writes(&held), [""; 0], "nothing is written at rest");
}

#[tokio::test]
async fn it_is_renewed_at_two_thirds_of_its_life_and_both_authorities_are_trusted() {
    let (held, client) = api_server().await;
    let own = own(client, LIFE);
    let first = own.certificate(now()).await.unwrap();
    own.publish(&first).await.unwrap();
    own.publish(&first).await.unwrap();
    assert_eq!(writes(&held), ["create secret", "patch registration"]);
    assert!(held.lock().unwrap().bundle(1).is_some());
    assert_eq!(held.lock().unwrap().bundle(0), None, "a webhook of another service is left alone");

    assert_eq!(own.certificate(now() + days(59)).await.unwrap().chain, first.chain);
    let later = now() + days(61);
    let second = own.certificate(later).await.unwrap();
    assert_ne!(second.chain, first.chain);
    assert!(second.convinces(NAME, later));
    let still = Certificate { authorities: second.authorities.clone(), ..first.clone() };
    assert!(still.convinces(NAME, later), "a replica that shows the first is still believed");
    own.publish(&second).await.unwrap();
    assert_eq!(writes(&held), ["update secret", "patch registration"]);

    let called = path(&held);
    assert!(
        called.starts_with("/validate/") && called.len() == "/validate/".len() + 64,
        "{called}"
    );
    let third = own.certificate(now() + days(122)).await.unwrap();
    assert_eq!(
        third.authorities.matches("BEGIN").count(),
        2,
        "what is over is not trusted for ever"
    );
}

#[tokio::test]
async fn replicas_that_renew_at_once_agree() {
    let (held, client) = api_server().await;
    let replicas: Vec<_> = (0..4).map(|_| own(client.clone(), LIFE)).collect();
    replicas[0].certificate(now()).await.unwrap();
    writes(&held);
    let later = now() + days(61);
    let all = futures::future::join_all(replicas.iter().map(|own| own.certificate(later))).await;
    let chains: Vec<_> = all.into_iter().map(|found| found.unwrap().chain).collect();
    assert!(chains.iter().all(|chain| *chain == chains[0]));
    assert_eq!(writes(&held), ["update secret"]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_used_is_written_anew() {
    let (held, client) = api_server().await;
    let own = own(client, LIFE);
    own.certificate(now()).await.unwrap();
    let spoiled = [json!({}), json!({ "tls.crt": "eA==", "tls.key": "eA==", "ca.crt": "eA==" })];
    for data in spoiled {
        held.lock().unwrap().secret.as_mut().unwrap()["data"] = data;
        writes(&held);
        assert!(own.certificate(now()).await.unwrap().convinces(NAME, now()));
        assert_eq!(writes(&held), ["update secret"]);
    }
}

#[tokio::test]
async fn what_is_missing_is_told_by_its_name() {
    let (_held, client) = api_server().await;
    let certificate = Certificate::issue(&[NAME.to_owned()], now(), LIFE, "").unwrap();
    let another = Own { service: "renamed".to_owned(), ..own(client.clone(), LIFE) };
    let error = another.publish(&certificate).await.unwrap_err();
    assert_eq!(error.to_string(), "no webhook of `concordat` calls service `renamed`");
    let another = Own { configuration: "renamed".to_owned(), ..own(client, LIFE) };
    let error = another.publish(&certificate).await.unwrap_err();
    assert!(matches!(error, OwnError::Api { done: "read", .. }), "{error:?}");
}

#[test]
fn an_api_server_that_is_away_does_not_hold_up_the_end() {
    let runtime = runtime();
    let (held, client) = runtime.block_on(api_server());
    let pace = Pace { every: Duration::from_millis(5), grace: Duration::ZERO };
    let running = Running::start(runtime, Source::Own(Box::new(own(client, LIFE))), pace);
    while held.lock().unwrap().bundle(1).is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Caller::connect(running.address, &trusted(&held), NAME).unwrap();
    held.lock().unwrap().gone = true;
    std::thread::sleep(Duration::from_millis(50));
    let begun = Instant::now();
    running.end();
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

/// The authorities that the API server trusts now.
fn trusted(held: &Shared) -> String {
    let bundle = held.lock().unwrap().bundle(1).unwrap();
    let bundle: k8s_openapi::ByteString = serde_json::from_value(bundle).unwrap();
    String::from_utf8(bundle.0).unwrap()
}

#[test]
fn whoever_trusts_what_is_registered_is_answered_through_every_renewal() {
    let runtime = runtime();
    let (held, client) = runtime.block_on(api_server());
    // Each lasts three seconds, so it is renewed every two.
    let life = SignedDuration::from_secs(3);
    let own = own(client, life);
    let pace = Pace { every: Duration::from_millis(50), grace: Duration::from_millis(200) };
    let running = Running::start(runtime, Source::Own(Box::new(own)), pace);
    let question = asked("CREATE", &grant(), &Value::Null).to_string();
    let mut seen = std::collections::BTreeSet::new();
    let begun = Timestamp::now();
    while held.lock().unwrap().bundle(1).is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut answered = 0;
    while Timestamp::now() < begun + SignedDuration::from_secs(6) {
        // An API server that is away for a moment takes nothing down.
        held.lock().unwrap().gone = answered % 50 == 5;
        let mut caller = Caller::connect(running.address, &trusted(&held), NAME).unwrap();
        seen.insert(caller.shown());
        assert_eq!(caller.ask_at(&path(&held), question.as_bytes()).unwrap().status, 200);
        answered += 1;
    }
    println!("{answered} connections through {} certificates, none refused", seen.len());
    assert!(seen.len() >= 2, "{} certificates", seen.len());
    running.end();
}
