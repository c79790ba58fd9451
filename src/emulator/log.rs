//! What was called: counts by method and path, and the last calls with their bodies.
//!
//! Never: a token or a secret. Neither the header `Authorization` nor what is sent to the login is kept.

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

/// What was called since the start, or since the last reset.
#[derive(Debug, Clone, Default)]
pub struct Log {
    calls: BTreeMap<String, u64>,
    batched: BTreeMap<String, u64>,
    kept: VecDeque<Value>,
    number: u64,
}

impl Log {
    /// Counts a call and keeps it, with its answer, beside at most `most - 1` others.
    pub fn note(
        &mut self,
        call: &Call,
        answer: &Answer,
        cut: Option<Cut>,
        now: Timestamp,
        most: usize,
    ) {
        let key = format!("{} {}", call.method, pattern(call));
        let counts = if call.in_batch { &mut self.batched } else { &mut self.calls };
        *counts.entry(key).or_default() += 1;
        self.number += 1;
        if most == 0 {
            return;
        }
        while self.kept.len() >= most {
            self.kept.pop_front();
        }
        self.kept.push_back(kept(self.number, call, answer, cut, now));
    }

    /// The counts.
    pub fn counts(&self) -> Value {
        json!({"calls": self.calls, "batched": self.batched})
    }

    /// The last calls.
    pub fn kept(&self) -> Value {
        json!({"value": self.kept})
    }
}

fn kept(number: u64, call: &Call, answer: &Answer, cut: Option<Cut>, now: Timestamp) -> Value {
    let secret = is_login(call);
    let asked: Value =
        if secret { Value::Null } else { serde_json::from_slice(&call.body).unwrap_or_default() };
    let given = match &answer.body {
        Body::Json(body) if !secret => body.clone(),
        Body::Json(_) | Body::Nothing | Body::Raw(_) => Value::Null,
    };
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
        "status": answer.status,
        "cut": cut,
        "answer": given,
        "answerHeaders": answer.headers.iter().cloned().collect::<BTreeMap<_, _>>(),
    })
}

/// The path with `{id}` where an id stands, and without the version.
pub fn pattern(call: &Call) -> String {
    let is_id = |part: &str| {
        part.len() >= 36
            && part.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-')
            && part.split('-').count() >= 5
    };
    let mut segments = call.segments();
    if segments.first().is_some_and(|first| first == "v1.0" || first == "beta") {
        segments.remove(0);
    }
    let parts: Vec<&str> =
        segments.iter().map(|part| if is_id(part) { "{id}" } else { part.as_str() }).collect();
    format!("/{}", parts.join("/"))
}
