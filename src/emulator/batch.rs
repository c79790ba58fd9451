//! `$batch`: up to twenty requests in one call, each answered by itself.
//!
//! Never: a request that runs although one that it depends on has failed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    body,
    call::{Answer, Body, Call},
    refusal::Refusal,
};

/// The most requests of a batch.
pub const LARGEST: usize = 20;

/// One request of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// As the caller named it.
    pub id: String,
    /// What must have succeeded before.
    pub depends_on: Vec<String>,
    /// The call; where it cannot be one, what is wrong.
    pub call: Result<Call, Refusal>,
}

/// The requests of a batch.
pub fn parts(outer: &Call) -> Result<Vec<Part>, Refusal> {
    let object = body::object(&outer.body)?;
    let requests = object.get("requests").and_then(Value::as_array);
    let requests = requests.ok_or_else(|| Refusal::bad("Invalid batch payload format."))?;
    if requests.is_empty() || requests.len() > LARGEST {
        return Err(Refusal::bad("Number of batch request steps is from 1 to 20."));
    }
    let parts: Vec<Part> =
        requests.iter().map(|request| part(outer, request)).collect::<Result<_, _>>()?;
    let mut known = BTreeSet::new();
    for part in &parts {
        // What is waited for stands before.
        if part.depends_on.iter().any(|id| !known.contains(id)) {
            return Err(Refusal::bad(format!("dependsOn of request '{}' is invalid.", part.id)));
        }
        if !known.insert(part.id.clone()) {
            return Err(Refusal::bad(format!("Request Id '{}' stands there twice.", part.id)));
        }
    }
    Ok(parts)
}

fn part(outer: &Call, request: &Value) -> Result<Part, Refusal> {
    let wrong = || Refusal::bad("Invalid batch payload format.");
    let word = |name: &str| request.get(name).and_then(Value::as_str).map(str::to_owned);
    let id = word("id").ok_or_else(wrong)?;
    let method = word("method").ok_or_else(wrong)?.to_uppercase();
    let url = word("url").ok_or_else(wrong)?;
    let depends_on = match request.get("dependsOn") {
        None => Vec::new(),
        Some(all) => {
            let all = all.as_array().ok_or_else(wrong)?;
            all.iter()
                .map(|id| id.as_str().map(str::to_owned).ok_or_else(wrong))
                .collect::<Result<_, _>>()?
        }
    };
    let headers = request.get("headers").and_then(Value::as_object);
    let call = call(outer, method, &url, headers, request.get("body"));
    Ok(Part { id, depends_on, call })
}

fn call(
    outer: &Call,
    method: String,
    url: &str,
    headers: Option<&Map<String, Value>>,
    body: Option<&Value>,
) -> Result<Call, Refusal> {
    let mut all = BTreeMap::new();
    for name in ["authorization", "host"] {
        if let Some(value) = outer.header(name) {
            all.insert(name.to_owned(), value.to_owned());
        }
    }
    for (name, value) in headers.into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        all.insert(name.to_lowercase(), value);
    }
    if body.is_some() && !all.contains_key("content-type") {
        return Err(Refusal::bad("Write request with a body needs the header Content-Type."));
    }
    let version = outer.segments().into_iter().next().unwrap_or_default();
    let target = format!("/{version}/{}", url.trim_start_matches('/'));
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    let call = Call { method, target, headers: all, body, in_batch: true };
    if call.segments().last().is_some_and(|last| last == "$batch") {
        return Err(Refusal::bad("A batch stands in no batch."));
    }
    Ok(call)
}

/// Runs the parts in order and gives one answer to all.
pub fn run(outer: &Call, mut one: impl FnMut(&Call) -> Answer) -> Answer {
    let parts = match parts(outer) {
        Ok(parts) => parts,
        Err(refusal) => return Answer::from(refusal),
    };
    let mut good = BTreeSet::new();
    let mut responses = Vec::new();
    for part in parts {
        let answer = if part.depends_on.iter().all(|id| good.contains(id)) {
            part.call.map_or_else(Answer::from, |call| one(&call))
        } else {
            Answer::from(Refusal {
                status: 424,
                code: "FailedDependency",
                message: "A request that this one depends on has failed.".to_owned(),
            })
        };
        if answer.is_success() {
            good.insert(part.id.clone());
        }
        responses.push(response(&part.id, answer));
    }
    Answer::json(200, json!({"responses": responses}))
}

fn response(id: &str, answer: Answer) -> Value {
    let mut headers: Map<String, Value> =
        answer.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
    let mut response = json!({"id": id, "status": answer.status});
    match answer.body {
        Body::Nothing => {}
        Body::Json(body) => {
            headers.insert("Content-Type".to_owned(), json!("application/json"));
            response["body"] = body;
        }
        Body::Raw(bytes) => response["body"] = json!(String::from_utf8_lossy(&bytes)),
    }
    response["headers"] = Value::Object(headers);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(requests: &Value) -> Call {
        let body = json!({"requests": requests}).to_string().into_bytes();
        Call {
            method: "POST".to_owned(),
            target: "/v1.0/$batch".to_owned(),
            body,
            ..Call::default()
        }
    }

    fn get(id: &str) -> Value {
        json!({"id": id, "method": "GET", "url": format!("/{id}")})
    }

    #[test]
    fn each_is_answered_by_itself_and_in_order() {
        let mut after = get("c");
        after["dependsOn"] = json!(["b"]);
        let answer = run(&batch(&json!([get("a"), get("b"), after, get("d")])), |call| {
            if call.target == "/v1.0/b" {
                return Answer::from(Refusal::missing("b"));
            }
            Answer::empty(204)
        });
        let all = answer.value().unwrap()["responses"].as_array().unwrap();
        let all: Vec<_> = all.iter().map(|it| (it["id"].as_str(), it["status"].as_u64())).collect();
        let expected = [("a", 204), ("b", 404), ("c", 424), ("d", 204)];
        assert_eq!(all, expected.map(|(id, status)| (Some(id), Some(status))));
    }

    #[test]
    fn what_is_no_batch_is_refused_whole_and_nothing_is_done() {
        let mut early = get("a");
        early["dependsOn"] = json!(["b"]);
        let many: Vec<_> = (0..21).map(|number| get(&number.to_string())).collect();
        for requests in [
            json!([]),
            json!(many),
            json!([get("a"), get("a")]),
            json!([early, get("b")]),
            json!([{"id": 1, "method": "GET", "url": "/a"}]),
            json!([{"id": "a", "url": "/a"}]),
            json!("a"),
        ] {
            let answer = run(&batch(&requests), |_| Answer::empty(500));
            assert_eq!(answer.status, 400, "{requests}");
        }
    }

    #[test]
    fn a_body_without_its_form_and_a_batch_in_a_batch_are_refused_alone() {
        let requests = json!([
            {"id": "a", "method": "POST", "url": "/a", "body": {}},
            {"id": "b", "method": "POST", "url": "/$batch", "headers": {"Content-Type": "application/json"}, "body": {}},
            {"id": "c", "method": "post", "url": "c", "headers": {"content-type": "application/json", "If-Match": "x"}, "body": {"d": 1}},
        ]);
        let answer = run(&batch(&requests), |call| {
            assert_eq!((call.method.as_str(), call.target.as_str()), ("POST", "/v1.0/c"));
            assert_eq!(call.header("if-match"), Some("x"));
            assert_eq!(call.body, br#"{"d":1}"#);
            Answer::empty(204)
        });
        let all = answer.value().unwrap()["responses"].as_array().unwrap();
        let all: Vec<_> = all.iter().map(|it| it["status"].as_u64().unwrap()).collect();
        assert_eq!(all, [400, 400, 204]);
    }
}
