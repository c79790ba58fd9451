//! Tokens: by every proof, in time, kept while they live, and of no other tenant.
//!
//! Never: a proof that is read once and for all.

use std::{
    fs,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use concordat::{
    domain::connection::{Connection, Proof},
    store::StoreError,
};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{
    LOGIN, LOGIN_PATH, both, certificate, folder, harmless, reader, refuse, register, rule, stage,
    tokens,
};
use crate::emulator::served::{READER, ROOT, Served};

const ISSUER: &str = "https://issuer.example";

fn after(minutes: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn an_app_comes_in_by_its_secret_and_a_rolled_one_counts_at_once() {
    let (served, connection) = stage().await;
    let file = folder(&served).join("reader.secret");
    let right = served.secret(READER);
    fs::write(&file, "wrong-Sesame9\n").unwrap();
    let graph = reader(&connection);
    let error = graph.get(ROOT).await.unwrap_err();
    assert!(matches!(error, StoreError::NotLetIn { .. }), "{error}");
    let said = both(&error);
    assert!(said.contains("the secret is wrong") && said.contains("AADSTS7000215"), "{said}");
    assert!(!said.contains("Sesame"), "{said}");
    fs::write(&file, format!("{right}\r\n")).unwrap();
    let answer = graph.get(&format!("{ROOT}?$top=300")).await.unwrap();
    let body: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, body["value"].as_array().unwrap().len()), (200, 7));
    assert!(answer.date.is_some() && answer.request_id.is_some());
    harmless(&served, &format!("{said}{graph:?}{answer:?}{connection:?}"));
}

#[tokio::test]
async fn an_app_comes_in_by_its_certificate_and_by_no_other() {
    let (served, mut connection) = stage().await;
    let (file, own) = certificate(&served, "reader.pem");
    let (other, _) = certificate(&served, "other.pem");
    register(&served, &json!({"certificates": [own]})).await;
    connection.reader.proof = Proof::Certificate { file };
    let graph = reader(&connection);
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    connection.reader.proof = Proof::Certificate { file: other };
    let graph = reader(&connection);
    let error = graph.get(ROOT).await.unwrap_err();
    let said = both(&error);
    assert!(said.contains("AADSTS700027") && said.contains("upload the one"), "{said}");
    harmless(&served, &format!("{said}{graph:?}"));
}

#[tokio::test]
async fn an_app_comes_in_by_a_token_of_somebody_else_that_is_read_each_time() {
    let (served, mut connection) = stage().await;
    register(&served, &trusted("concordat")).await;
    let file = folder(&served).join("token");
    fs::write(&file, federated("concordat", -60)).unwrap();
    connection.reader.proof = Proof::WorkloadIdentity { token_file: Some(file.clone()) };
    let graph = reader(&connection);
    let said = both(&graph.get(ROOT).await.unwrap_err());
    assert!(said.contains("AADSTS700024") && said.contains("written anew"), "{said}");
    harmless(&served, &said);
    fs::write(&file, federated("concordat", 60)).unwrap();
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
}

/// Whose tokens of a cluster an app trusts.
fn trusted(account: &str) -> Value {
    json!({"issuer": ISSUER, "subject": format!("system:serviceaccount:{account}")})
}

/// A token that a cluster gives one of its accounts, for so many seconds.
fn federated(account: &str, lasts: i64) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = json!({
        "iss": ISSUER, "sub": format!("system:serviceaccount:{account}"),
        "aud": "api://AzureADTokenExchange", "exp": Timestamp::now().as_second() + lasts,
    });
    format!("{}.{}.x\n", part(json!({"alg": "RS256"})), part(claims))
}

/// Reads again and again, with tokens that live for three seconds. The proof is rolled after the first, and the old one is
/// then taken by nobody.
async fn reads_while_rolled(served: &Served, connection: &Connection, roll: impl AsyncFnOnce()) {
    served.control("POST", "clock", &json!({"factor": 1000})).await;
    let graph = reader(connection);
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    assert_eq!(served.count("calls", LOGIN).await, 1);
    roll().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(served.count("calls", LOGIN).await >= 2);
}

#[tokio::test]
async fn a_certificate_that_is_rolled_while_the_program_runs_counts_from_the_next_token_and_no_call_fails()
 {
    let (served, mut connection) = stage().await;
    let (file, old) = certificate(&served, "reader.pem");
    let (other, new) = certificate(&served, "new.pem");
    register(&served, &json!({"certificates": [old, new]})).await;
    connection.reader.proof = Proof::Certificate { file: file.clone() };
    reads_while_rolled(&served, &connection, async || {
        fs::rename(other, file).unwrap();
        register(&served, &json!({"certificates": [new]})).await;
    })
    .await;
}

#[tokio::test]
async fn a_token_of_somebody_else_that_is_rotated_while_the_program_runs_counts_from_the_next_token_and_no_call_fails()
 {
    let (served, mut connection) = stage().await;
    let file = folder(&served).join("token");
    register(&served, &trusted("old")).await;
    fs::write(&file, federated("old", 60)).unwrap();
    connection.reader.proof = Proof::WorkloadIdentity { token_file: Some(file.clone()) };
    reads_while_rolled(&served, &connection, async || {
        fs::write(&file, federated("new", 60)).unwrap();
        register(&served, &trusted("new")).await;
    })
    .await;
}

#[tokio::test]
async fn a_token_is_asked_for_once_by_many_and_anew_when_two_thirds_are_over() {
    let (served, connection) = stage().await;
    let tokens = tokens(&connection);
    let now = Timestamp::now();
    let many = futures::future::join_all((0..32).map(|_| tokens.bearer(now))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(served.count("calls", LOGIN).await, 1);
    tokens.bearer(after(39)).await.unwrap();
    assert_eq!(served.count("calls", LOGIN).await, 1);
    let late = after(41);
    let many = futures::future::join_all((0..32).map(|_| tokens.bearer(late))).await;
    assert!(many.iter().all(Result::is_ok));
    assert_eq!(served.count("calls", LOGIN).await, 2);
    tokens.bearer(after(41 + 39)).await.unwrap();
    assert_eq!(served.count("calls", LOGIN).await, 2);
    let token = tokens.bearer(late).await.unwrap();
    assert!(token.expose_secret().starts_with("emulator-"));
    harmless(&served, &format!("{tokens:?}{token:?}"));
}

#[tokio::test]
async fn a_token_that_lives_is_used_while_the_login_is_away_and_no_longer() {
    for fault in [refuse(503), json!({"kind": "cut", "at": "before"}), refuse(400)] {
        let (served, connection) = stage().await;
        let tokens = tokens(&connection);
        tokens.bearer(Timestamp::now()).await.unwrap();
        served.fault(&rule("POST", LOGIN_PATH, None, &fault)).await;
        for _ in 0..3 {
            tokens.bearer(after(50)).await.unwrap();
        }
        assert_eq!(served.count("calls", LOGIN).await, 2, "it is left alone for a while");
        let error = tokens.bearer(after(60)).await.unwrap_err();
        harmless(&served, &both(&error));
        let many = futures::future::join_all((0..8).map(|_| tokens.bearer(after(60)))).await;
        assert!(many.iter().all(Result::is_err));
        let asked = served.count("calls", LOGIN).await;
        assert!(asked <= 5, "{asked}: who waits is told what was said to the one who asked");
        served.control("DELETE", "faults", &Value::Null).await;
        tokens.bearer(after(60)).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_of_another_tenant_or_none_at_all_is_never_sent() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other = "12345678-1111-4222-8333-444444444444";
    let strange = format!("{}.{}.x", part(&json!({})), part(&json!({"tid": other})));
    let cases = [
        ("access_token", json!(strange), other),
        ("access_token", json!(""), "no token"),
        ("access_token", json!("a b\r\nX: y"), "no token"),
        ("expires_in", json!(i64::MAX), "no time"),
        ("expires_in", json!(0), "no time"),
    ];
    for (property, value, expected) in cases {
        let fault = json!({"kind": "rewrite", "property": property, "value": value});
        served.fault(&rule("POST", LOGIN_PATH, Some(1), &fault)).await;
        let said = both(&graph.get(ROOT).await.unwrap_err());
        assert!(said.contains(expected), "{expected}: {said}");
        harmless(&served, &said);
    }
    assert_eq!(served.count("calls", &format!("GET {ROOT}")).await, 0);
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
}

#[tokio::test]
async fn what_the_service_refuses_once_is_asked_again_with_another_token_and_once_only() {
    let (served, connection) = stage().await;
    let graph = reader(&connection);
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    served.fault(&rule("GET", ROOT, Some(1), &refuse(401))).await;
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
    assert_eq!(served.count("calls", LOGIN).await, 2);
    served.pass("PT3600S").await;
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200, "an old one is over by their clock");
    assert_eq!(served.count("calls", LOGIN).await, 3);
    served.fault(&rule("GET", ROOT, None, &refuse(401))).await;
    served.control("DELETE", "calls", &Value::Null).await;
    let error = graph.get(ROOT).await.unwrap_err();
    assert!(matches!(error, StoreError::NotLetIn { .. }), "{error}");
    assert_eq!(served.count("calls", &format!("GET {ROOT}")).await, 2);
    harmless(&served, &both(&error));
}
