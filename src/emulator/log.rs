//! What was called: counts by method and path, and the last calls with their bodies.
//!
//! Never: a token or a secret. Neither a header `Authorization`, also in a batch, nor what is sent to the login, nor the
//! body of somebody without a token is kept.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    call::{Answer, Body, Call},
    faults::Cut,
    login::is_login,
};

/// Headers of a call that are kept.
const KEPT: [&str; 5] = ["client-request-id", "content-type", "if-match", "prefer", "user-agent"];
/// The most bytes of a body that are kept.
const LARGEST_BODY: usize = 64 << 10;
/// The most bytes of all calls together that are kept.
const LARGEST: usize = 16 << 20;
/// What stands for a path that nobody knows.
const UNKNOWN: &str = "/{unknown}";
/// The paths that are known.
const PATHS: [&str; 17] = [
    "/$batch",
    "/groups/{id}",
    "/tenantRelationships/delegatedAdminCustomers",
    "/tenantRelationships/delegatedAdminCustomers/{id}",
    "/tenantRelationships/delegatedAdminCustomers/{id}/serviceManagementDetails",
    "/tenantRelationships/delegatedAdminRelationships",
    "/tenantRelationships/delegatedAdminRelationships/{id}",
    "/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments",
    "/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments/{id}",
    "/tenantRelationships/delegatedAdminRelationships/{id}/operations",
    "/tenantRelationships/delegatedAdminRelationships/{id}/operations/{id}",
    "/tenantRelationships/delegatedAdminRelationships/{id}/requests",
    "/tenantRelationships/delegatedAdminRelationships/{id}/requests/{id}",
    "/common/discovery/instance",
    "/{id}/discovery/v2.0/keys",
    "/{id}/oauth2/v2.0/token",
    "/{id}/v2.0/.well-known/openid-configuration",
];
const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];

/// Who has called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    /// Somebody with a token.
    Known,
    /// Anybody; nothing of the body is kept.
    Stranger,
}

/// What was called since the start, or since the last reset.
#[derive(Debug, Clone, Default)]
pub struct Log {
    calls: BTreeMap<String, u64>,
    batched: BTreeMap<String, u64>,
    kept: VecDeque<(Value, usize)>,
    bytes: usize,
    number: u64,
}

impl Log {
    /// Counts a call and keeps it, with its answer, beside at most `most - 1` others.
    pub fn note(
        &mut self,
        (call, sender): (&Call, Sender),
        answer: &Answer,
        cut: Option<Cut>,
        now: Timestamp,
        most: usize,
    ) {
        let method = if METHODS.contains(&call.method.as_str()) { &call.method } else { "OTHER" };
        let key = format!("{method} {}", pattern(call));
        let counts = if call.in_batch { &mut self.batched } else { &mut self.calls };
        *counts.entry(key).or_default() += 1;
        self.number += 1;
        if most == 0 {
            return;
        }
        let own = kept(self.number, call, sender, answer, cut, now);
        let size = own.to_string().len();
        while self.kept.len() >= most || self.bytes.saturating_add(size) > LARGEST {
            let Some((_, gone)) = self.kept.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(gone);
        }
        self.bytes = self.bytes.saturating_add(size);
        self.kept.push_back((own, size));
    }

    /// The counts.
    pub fn counts(&self) -> Value {
        json!({"calls": self.calls, "batched": self.batched})
    }

    /// The last calls.
    pub fn kept(&self) -> Value {
        let all: Vec<&Value> = self.kept.iter().map(|(own, _)| own).collect();
        json!({"value": all})
    }
}

fn kept(
    number: u64,
    call: &Call,
    sender: Sender,
    answer: &Answer,
    cut: Option<Cut>,
    now: Timestamp,
) -> Value {
    let asked = match sender {
        Sender::Known if !matches!(answer.status, 401 | 403) => {
            serde_json::from_slice(&call.body).unwrap_or_default()
        }
        Sender::Known | Sender::Stranger => Value::Null,
    };
    let given = match &answer.body {
        Body::Json(body) if !is_login(call) => body.clone(),
        Body::Json(_) | Body::Nothing | Body::Raw(_) => Value::Null,
    };
    let (asked, asked_cut) = shortened(asked);
    let (given, given_cut) = shortened(given);
    let headers: BTreeMap<&str, &str> =
        KEPT.iter().filter_map(|name| Some((*name, call.header(name)?))).collect();
    json!({
        "number": number,
        "at": now.to_string(),
        "method": call.method,
        "target": call.target,
        "pattern": pattern(call),
        "inBatch": call.in_batch,
        "headers": headers,
        "body": asked,
        "bodyCut": asked_cut,
        "status": answer.status,
        "cut": cut,
        "answer": given,
        "answerCut": given_cut,
        "answerHeaders": answer.headers.iter().cloned().collect::<BTreeMap<_, _>>(),
    })
}

/// A body without tokens; of one that is too large the beginning as a text, and how many bytes it had.
fn shortened(mut body: Value) -> (Value, Option<usize>) {
    without_tokens(&mut body);
    let mut text = body.to_string();
    let size = text.len();
    if size <= LARGEST_BODY {
        return (body, None);
    }
    let end = (0..=LARGEST_BODY).rev().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or_default());
    (Value::String(text), Some(size))
}

/// A request in a batch has headers of its own.
fn without_tokens(value: &mut Value) {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                if name.eq_ignore_ascii_case("authorization") {
                    *value = json!("not recorded");
                } else {
                    without_tokens(value);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(without_tokens),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The path with `{id}` where an id stands, and without the version.
pub fn pattern(call: &Call) -> &'static str {
    let mut segments = call.segments();
    if segments.first().is_some_and(|first| first == "v1.0" || first == "beta") {
        segments.remove(0);
    }
    let fits = |path: &str| {
        let parts = path.split('/').skip(1);
        parts.clone().count() == segments.len()
            && parts.zip(&segments).all(|(part, own)| part == "{id}" || part == own)
    };
    PATHS.into_iter().find(|path| fits(path)).unwrap_or(UNKNOWN)
}
