//! The verdict on single objects: each rule of each kind, with an object that breaks it and what the user reads.
//!
//! Never: a rule without an object that breaks it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod changes;
pub mod good;
mod rules;
mod shape;

use std::{collections::BTreeSet, fmt::Write as _};

use concordat::api::{PathStep, Schemas, Violation, ViolationKind};
use kube::core::cel::Validator;
use serde_json::Value;

use crate::crds::schemas;

type Edit = fn(&mut Value);

fn refused(cases: &[(&str, Value, Edit, &str)]) {
    for (name, good, edit, expected) in cases {
        let mut object = good.clone();
        edit(&mut object);
        assert_eq!(verdict(&mut object, None), *expected, "{name}");
    }
}

fn verdict(object: &mut Value, old: Option<&Value>) -> String {
    let kind = object["kind"].as_str().unwrap().to_owned();
    let violations = Schemas::compiled().verdict(&kind, object, old);
    if violations.iter().all(|violation| violation.kind == ViolationKind::Rule) {
        let ours: BTreeSet<_> = violations.iter().map(|found| found.message.clone()).collect();
        assert_eq!(ours, rules_broken_by_kube_cel(&kind, object, old), "{object:#}");
    }
    violations.iter().map(sentence).collect::<Vec<_>>().join("\n")
}

/// The same rules judged by the library as a whole, which knows nothing of what a rule looks at.
fn rules_broken_by_kube_cel(kind: &str, object: &Value, old: Option<&Value>) -> BTreeSet<String> {
    let (_, mut schema) = schemas().into_iter().find(|(name, _)| name == kind).unwrap();
    schema["properties"].as_object_mut().unwrap().remove("status");
    let sorted = |object: &Value| {
        let mut object = object.clone();
        if let Some(roles) = object.pointer_mut("/spec/roles").and_then(Value::as_array_mut) {
            roles.sort_by_key(ToString::to_string);
        }
        object
    };
    let old = old.map(sorted);
    match Validator::new().validate(&schema, &sorted(object), old.as_ref()) {
        Ok(()) => BTreeSet::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

fn sentence(violation: &Violation) -> String {
    let mut sentence = String::new();
    for step in &violation.path {
        match step {
            PathStep::Field(name) if sentence.is_empty() => sentence.push_str(name),
            PathStep::Field(name) => write!(sentence, ".{name}").unwrap(),
            PathStep::Index(index) => write!(sentence, "[{index}]").unwrap(),
        }
    }
    if sentence.is_empty() {
        sentence.push_str("the object");
    }
    write!(sentence, ": {}", violation.message).unwrap();
    if let Some(help) = &violation.help {
        write!(sentence, " ({help})").unwrap();
    }
    sentence
}
