//! Tokens: by every proof, in time, kept while they live, and of no other tenant.
//!
//! Never: a proof that is read once and for all.

use std::{fs, process::Command};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use concordat::{domain::connection::Proof, store::StoreError};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{LOGIN, LOGIN_PATH, both, folder, harmless, reader, refuse, rule, stage, tokens};
use crate::emulator::served::{READER, ROOT};

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
    let made = |name: &str| {
        let file = folder(&served).join(name);
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
        openssl.args(["-subj", "/CN=reader", "-keyout"]).arg(&file);
        let certificate = folder(&served).join(format!("{name}.crt"));
        openssl.arg("-out").arg(&certificate);
        assert!(openssl.output().expect("install openssl").status.success());
        let certificate = fs::read_to_string(certificate).unwrap();
        let both = fs::read_to_string(&file).unwrap() + &certificate;
        fs::write(&file, both).unwrap();
        let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
        (file, lines.collect::<String>())
    };
    let (file, certificate) = made("reader.pem");
    let (other, _) = made("other.pem");
    let app = json!({
        "clientId": READER, "roles": ["DelegatedAdminRelationship.Read.All"],
        "certificates": [certificate],
    });
    served.control("POST", "apps", &app).await;
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
    let app = json!({
        "clientId": READER, "roles": ["DelegatedAdminRelationship.Read.All"],
        "issuer": "https://issuer.example", "subject": "system:serviceaccount:concordat",
    });
    served.control("POST", "apps", &app).await;
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let token = |lasts: i64| {
        let claims = json!({
            "iss": "https://issuer.example", "sub": "system:serviceaccount:concordat",
            "aud": "api://AzureADTokenExchange", "exp": Timestamp::now().as_second() + lasts,
        });
        format!("{}.{}.x\n", part(json!({"alg": "RS256"})), part(claims))
    };
    let file = folder(&served).join("token");
    fs::write(&file, token(-60)).unwrap();
    connection.reader.proof = Proof::WorkloadIdentity { token_file: Some(file.clone()) };
    let graph = reader(&connection);
    let said = both(&graph.get(ROOT).await.unwrap_err());
    assert!(said.contains("AADSTS700024") && said.contains("written anew"), "{said}");
    harmless(&served, &said);
    fs::write(&file, token(60)).unwrap();
    assert_eq!(graph.get(ROOT).await.unwrap().status, 200);
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
