//! The client of Microsoft Graph against the emulator: what is sent, what is kept, and what is said of failures.
//!
//! Never: a secret in what is said, or a call to somebody who was not named.

mod attacked;
mod calls;
mod clouds;
mod monkey;
mod operator;
mod planning;
mod reading;
mod secrets;
mod tokens;
mod writing;

use std::{fs, path::PathBuf, process::Command};

use concordat::{
    domain::connection::Connection,
    manifest::read_connection,
    store::{
        StoreError,
        graph::{As, CALL_LIMIT, Graph, Tokens, Transport},
    },
};
use serde_json::{Value, json};

use crate::emulator::served::{READER, Served};

/// The calls to the login, as the emulator counts them.
pub const LOGIN: &str = "POST /{id}/oauth2/v2.0/token";
/// The same, for a fault.
pub const LOGIN_PATH: &str = "/*/oauth2/v2.0/token";

/// An emulator whose counts begin anew, and the connection that it has written.
pub async fn stage() -> (Served, Connection) {
    let served = Served::new(&[]).await;
    served.control("DELETE", "calls", &Value::Null).await;
    let connection = read_connection(&folder(&served).join("graph.yaml")).unwrap();
    (served, connection)
}

pub fn folder(served: &Served) -> PathBuf {
    served.place.path().join("emulator")
}

pub fn reader(connection: &Connection) -> Graph {
    Graph::open(connection, As::Reader).unwrap()
}

pub fn tokens(connection: &Connection) -> Tokens {
    let transport = Transport::new(connection.login_authority(), CALL_LIMIT).unwrap();
    Tokens::new(connection, &connection.reader, transport)
}

/// A new certificate and its key in a file of the emulator's folder, and the certificate in DER as base64.
pub fn certificate(served: &Served, name: &str) -> (PathBuf, String) {
    let file = folder(served).join(name);
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]);
    openssl.args(["-subj", "/CN=reader", "-keyout"]).arg(&file);
    let certificate = folder(served).join(format!("{name}.crt"));
    openssl.arg("-out").arg(&certificate);
    assert!(openssl.output().expect("install openssl").status.success());
    let certificate = fs::read_to_string(certificate).unwrap();
    let both = fs::read_to_string(&file).unwrap() + &certificate;
    fs::write(&file, both).unwrap();
    let lines = certificate.lines().filter(|line| !line.starts_with("-----"));
    (file, lines.collect())
}

/// The reader from now on, with what proves it.
pub async fn register(served: &Served, proofs: &Value) {
    let mut app = json!({
        "clientId": READER, "roles": ["DelegatedAdminRelationship.Read.All", "Group.Read.All"],
    });
    let proofs = proofs.as_object().unwrap().clone();
    app.as_object_mut().unwrap().extend(proofs);
    served.control("POST", "apps", &app).await;
}

/// Something that goes wrong with each call of this sort, or with the first few.
pub fn rule(method: &str, path: &str, times: Option<u32>, fault: &Value) -> Value {
    let mut rule = json!({"method": method, "path": path, "fault": fault});
    if let Some(times) = times {
        rule["times"] = json!(times);
    }
    rule
}

pub fn refuse(status: u16) -> Value {
    json!({"kind": "refuse", "status": status})
}

/// Nothing of what is said is a secret or a token.
#[track_caller]
pub fn harmless(served: &Served, said: &str) {
    assert!(!said.contains(&served.secret(READER)), "a secret is told: {said}");
    for part in ["emulator-", "eyJ", "Bearer ", "BEGIN"] {
        assert!(!said.contains(part), "`{part}`: {said}");
    }
}

/// What an error says, to people and to whoever looks inside.
pub fn both(error: &StoreError) -> String {
    format!("{error}\n{error:?}")
}
