//! Many requests in few calls: up to twenty in each, several calls at a time, and again what was not answered.
//!
//! Never: a request that is passed over because its answer is missing.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};

use super::{
    call::Graph,
    http::Answer,
    wire::{self, Implausible, Part},
};
use crate::{domain::state::seen::Unread, store::StoreError};

/// The most requests of a batch (Graph: "Combine multiple requests in one HTTP call").
pub(super) const BATCH: usize = 20;
/// How often a request within a batch is made at most.
const TRIES: u32 = 5;
/// The longest wait before a request of a batch is made again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

pub(super) fn implausible(graph: &Graph, fault: &Implausible) -> StoreError {
    StoreError::Implausible { store: graph.host().to_owned(), reason: fault.to_string() }
}

/// That a call was answered with what was asked for.
pub(super) fn taken(graph: &Graph, answer: &Answer) -> Result<(), StoreError> {
    if answer.status == 200 {
        return Ok(());
    }
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let store = graph.host().to_owned();
    let error = wire::error_in(&body);
    // A cloud without delegated administration does not know the path.
    if matches!(answer.status, 400 | 404 | 501) && error.contains("segment") {
        let reason =
            format!("delegated administration (GDAP) is not part of this cloud's Graph ({error})");
        return Err(StoreError::NotOffered { store, reason });
    }
    let reason = format!("it answers {} ({error})", answer.status);
    Err(StoreError::Unexpected { store, reason })
}

/// Makes each request, a GET of a path, and gives what was answered, or why nothing was. Answers come in any order.
///
/// # Errors
/// Where a whole call fails, or its answer contradicts itself.
pub(super) async fn ask_each<K: Ord + Clone>(
    graph: &Graph,
    mut open: BTreeMap<K, String>,
    mut take: impl FnMut(K, Result<Part, Unread>),
) -> Result<(), StoreError> {
    let mut reasons: BTreeMap<K, String> = BTreeMap::new();
    for tries in 1..=TRIES {
        let all: Vec<(K, String)> =
            open.iter().map(|(key, url)| (key.clone(), url.clone())).collect();
        let calls = all.chunks(BATCH).map(|requests| one_call(graph, requests.to_vec()));
        let calls: Vec<_> = calls.collect();
        let mut answers = stream::iter(calls).buffer_unordered(graph.in_flight().into());
        let mut wait = Duration::ZERO;
        while let Some(answer) = answers.next().await {
            for (key, part) in answer? {
                match answered(part) {
                    Ok(part) => {
                        open.remove(&key);
                        take(key, Ok(part));
                    }
                    Err((after, reason)) => {
                        wait = wait.max(after);
                        reasons.insert(key, reason);
                    }
                }
            }
        }
        if open.is_empty() || wait > LONGEST_WAIT {
            break;
        }
        if tries < TRIES {
            tokio::time::sleep(wait.max(Duration::from_millis(250 << tries))).await;
        }
    }
    for key in open.into_keys() {
        let reason = reasons.remove(&key).unwrap_or_default();
        take(key, Err(Unread(format!("the service did not answer: {reason}"))));
    }
    Ok(())
}

/// Up to twenty requests in one call, each with its answer, if there is one.
async fn one_call<K>(
    graph: &Graph,
    requests: Vec<(K, String)>,
) -> Result<Vec<(K, Option<Part>)>, StoreError> {
    let numbered: Vec<Value> = (1_usize..)
        .zip(&requests)
        .map(|(number, (_, url))| json!({"id": number.to_string(), "method": "GET", "url": url}))
        .collect();
    let answer = graph.post("/$batch", &json!({"requests": numbered})).await?;
    taken(graph, &answer)?;
    let mut parts = wire::batch(&answer.body).map_err(|fault| implausible(graph, &fault))?;
    let keys = (1_usize..).zip(requests);
    Ok(keys.map(|(number, (key, _))| (key, parts.remove(&number.to_string()))).collect())
}

/// The answer to a request; or after how long at least to ask again, and why.
fn answered(part: Option<Part>) -> Result<Part, (Duration, String)> {
    let part =
        part.ok_or_else(|| (Duration::ZERO, "it left the request out of its answer".to_owned()))?;
    if !matches!(part.status, 401 | 408 | 429 | 500..=599) {
        return Ok(part);
    }
    let after = Duration::from_secs(part.retry_after.unwrap_or_default());
    Err((after, part.refusal()))
}
