//! The client of Microsoft Graph against the emulator: what is sent, what is kept, and what is said of failures.
//!
//! Never: a secret in what is said, or a call to somebody who was not named.

mod calls;
mod planning;
mod reading;
mod tokens;

use std::path::PathBuf;

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
    let authority = connection.hosts.as_ref().unwrap().ca.as_deref();
    let transport = Transport::new(authority, CALL_LIMIT).unwrap();
    Tokens::new(connection, &connection.reader, transport)
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
