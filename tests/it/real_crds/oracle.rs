//! What the real API server says to an object, in terms that the offline verdict can be compared with.
//!
//! Never: an object that is stored; the server is asked what it would do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use concordat::api::{PathStep, Schemas, Violation, ViolationKind};
use kube::{
    Client,
    core::{Request, params::PostParams, response::Status},
};
use serde_json::{Map, Value};

/// A verdict in comparable form.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// The object as it would be stored, without what the server writes itself.
    Accepted(Value),
    /// What is wrong with it.
    Refused(Refusal),
}

/// Where an object is wrong.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Refusal {
    /// The fields that are wrong, where they are told.
    pub paths: BTreeSet<String>,
    /// Those of them that nobody knows. The server looks at nothing else once there is one.
    pub unknown: BTreeSet<String>,
    /// Those that hold a list where a time belongs. The server sees that by a rule only, and rules come last.
    pub lists_for_times: BTreeSet<String>,
    /// All that was said.
    pub words: String,
}

impl Refusal {
    /// Whether this is what the server told, as far as it told anything.
    pub fn agrees_with(&self, server: &Self) -> bool {
        if !server.unknown.is_empty() {
            // The server looks for unknown fields also below a value of the wrong type.
            let below_wrong = |path: &&String| {
                let above = |wrong: &String| {
                    path.strip_prefix(wrong).is_some_and(|rest| rest.starts_with(['.', '[']))
                };
                !self.unknown.contains(*path) && self.paths.iter().any(above)
            };
            let real: BTreeSet<_> = server.unknown.iter().filter(|it| !below_wrong(it)).collect();
            return real == self.unknown.iter().collect();
        }
        let rules_were_checked = !server.words.contains(NOT_CHECKED);
        let told = |path: &&String| {
            rules_were_checked
                || server.paths.contains(*path)
                || !self.lists_for_times.contains(*path)
        };
        server.paths.is_empty() || server.paths.iter().eq(self.paths.iter().filter(told))
    }
}

const NOT_CHECKED: &str = "some validation rules were not checked";

/// The way to objects of a kind.
pub fn url(kind: &str, namespace: &str) -> String {
    static PLURALS: LazyLock<BTreeMap<String, (String, bool)>> = LazyLock::new(|| {
        let plurals = concordat::api::crds().into_iter().map(|crd| {
            let of_cluster = crd.spec.scope == "Cluster";
            (crd.spec.names.kind, (crd.spec.names.plural, of_cluster))
        });
        plurals.collect()
    });
    match &PLURALS[kind] {
        (plural, true) => format!("/apis/concordat.dev/v1alpha1/{plural}"),
        (plural, false) => format!("/apis/concordat.dev/v1alpha1/namespaces/{namespace}/{plural}"),
    }
}

/// What the server would do with the object: created, or, where it is there already, replaced.
pub async fn server(client: &Client, namespace: &str, object: &Value, is_there: bool) -> Said {
    let kind = object["kind"].as_str().unwrap();
    let request = Request::new(url(kind, namespace));
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let body = object.to_string().into_bytes();
    let mut request = if is_there {
        let name = object["metadata"]["name"].as_str().unwrap();
        request.replace(name, &parameters, body).unwrap()
    } else {
        request.create(&parameters, body).unwrap()
    };
    let strict = format!("{}&fieldValidation=Strict", request.uri());
    *request.uri_mut() = strict.parse().unwrap();
    match client.request::<Value>(request).await {
        Ok(stored) => Said::Accepted(own(stored)),
        Err(kube::Error::Api(status)) => refusal(&status),
        Err(error) => panic!("the server does not answer: {error}"),
    }
}

fn refusal(status: &Status) -> Said {
    assert!(matches!(status.code, 400 | 422), "neither accepted nor refused: {status:?}");
    let words = status.message.clone();
    let unknown: BTreeSet<_> = words.split("unknown field \"").skip(1).map(unquoted).collect();
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let told: Vec<_> = causes
        .filter(|cause| !cause.message.contains(NOT_CHECKED))
        .map(|cause| {
            // One sort of complaint names its field in words only.
            let in_words = cause.message.rsplit_once(" with format int32 in ");
            let field = in_words.map_or(cause.field.as_str(), |(_, field)| field);
            (field.replace("<nil>", ""), cause.message.contains("evaluating rule"))
        })
        .collect();
    // A rule that cannot be evaluated, since a value that it looks at is wrong, is a consequence of that.
    let is_consequence = |(field, not_evaluated): &&(String, bool)| {
        let below =
            |(other, _): &(String, bool)| other.len() > field.len() && other.starts_with(field);
        *not_evaluated && told.iter().any(below)
    };
    let paths = told.iter().filter(|cause| !is_consequence(cause));
    let paths = paths.map(|(field, _)| field.clone()).collect();
    Said::Refused(Refusal { paths, unknown, words, ..Refusal::default() })
}

/// The text up to the quote that ends it.
fn unquoted(rest: &str) -> String {
    let mut text = String::from("\"");
    let mut escaped = false;
    for letter in rest.chars() {
        text.push(letter);
        match letter {
            '"' if !escaped => break,
            _ => escaped = letter == '\\' && !escaped,
        }
    }
    serde_json::from_str(&text).unwrap_or(text)
}

/// What this program says offline.
pub fn offline(object: &Value, old: Option<&Value>) -> Said {
    let mut object = object.clone();
    let kind = object["kind"].as_str().unwrap().to_owned();
    let violations = Schemas::compiled().verdict(&kind, &mut object, old);
    if violations.is_empty() {
        return Said::Accepted(own(object));
    }
    let paths = |told: &dyn Fn(&Violation) -> bool| {
        let told = violations.iter().filter(|violation| told(violation));
        told.map(|violation| path(&violation.path)).collect()
    };
    Said::Refused(Refusal {
        paths: paths(&|_| true),
        unknown: paths(&|violation| matches!(violation.kind, ViolationKind::UnknownField { .. })),
        lists_for_times: paths(&|violation| {
            let pointer: String = violation
                .path
                .iter()
                .map(|step| match step {
                    PathStep::Field(name) => format!("/{name}"),
                    PathStep::Index(index) => format!("/{index}"),
                })
                .collect();
            let is_time =
                ["/notBefore", "/notAfter", "/acceptedAt"].iter().any(|it| pointer.ends_with(it));
            is_time && object.pointer(&pointer).is_some_and(Value::is_array)
        }),
        words: format!("{violations:?}"),
    })
}

/// In the server's spelling. Of labels, annotations and finalizers it does not say which one.
fn path(steps: &[PathStep]) -> String {
    let is = |position: usize, names: &[&str]| match steps.get(position) {
        Some(PathStep::Field(name)) => names.contains(&name.as_str()),
        _ => false,
    };
    let whole = is(0, &["metadata"]) && is(1, &["labels", "annotations", "finalizers"]);
    let steps = if whole { &steps[..2] } else { steps };
    let text = steps.iter().map(|step| match step {
        PathStep::Field(name) => format!(".{name}"),
        PathStep::Index(index) => format!("[{index}]"),
    });
    text.collect::<String>().trim_start_matches('.').to_owned()
}

/// What people write, of an object that has been through a verdict.
fn own(mut object: Value) -> Value {
    let fields = object.as_object_mut().expect("an object has fields");
    fields.remove("status");
    if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
        let is_empty = |value: &Value| {
            value.is_null()
                || value.as_object().is_some_and(Map::is_empty)
                || value.as_array().is_some_and(Vec::is_empty)
        };
        metadata.retain(|name, value| {
            matches!(name.as_str(), "name" | "labels" | "annotations" | "finalizers")
                && !is_empty(value)
        });
    }
    object
}
