//! Whether statuses fit the schemas that the API server is given.
//!
//! Never: a field that the schema does not know, or a text or list that is longer than it allows.

use std::{collections::BTreeMap, sync::OnceLock};

use concordat::{api::crds, domain::ids::Kind};
use serde_json::{Value, json};

use super::report::Report;

/// What does not fit, each with its path.
pub fn misfits(report: &Report) -> Vec<String> {
    let relationships = report.relationships.values().map(|told| json!(told.status));
    let grants = report.grants.values().map(|told| json!(told.status));
    let acceptances = report.acceptances.values().map(|told| json!(told.status));
    let all = relationships
        .map(|status| (Kind::PartnerRelationship, status))
        .chain(grants.map(|status| (Kind::RoleGrant, status)))
        .chain(acceptances.map(|status| (Kind::AgreementAcceptance, status)));
    let mut found = Vec::new();
    for (kind, status) in all {
        compare(&schemas()[&kind], &status, &mut format!("{kind}.status"), &mut found);
    }
    found
}

/// The schema of the status of each kind.
fn schemas() -> &'static BTreeMap<Kind, Value> {
    static SCHEMAS: OnceLock<BTreeMap<Kind, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| {
        let schemas = Kind::ALL.into_iter().zip(crds()).map(|(kind, crd)| {
            assert_eq!(crd.spec.names.kind, kind.to_string());
            let version = serde_json::to_value(&crd.spec.versions[0]).unwrap();
            (kind, version["schema"]["openAPIV3Schema"]["properties"]["status"].clone())
        });
        schemas.collect()
    })
}

fn compare(schema: &Value, value: &Value, path: &mut String, found: &mut Vec<String>) {
    let limit = |name: &str| schema[name].as_u64().map(|limit| usize::try_from(limit).unwrap());
    let (length, longest) = match value {
        Value::String(text) => (text.chars().count(), limit("maxLength")),
        Value::Array(items) => (items.len(), limit("maxItems")),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => (0, None),
    };
    if longest.is_some_and(|longest| length > longest) {
        found.push(format!("{path} has {length}"));
    }
    if let Some(allowed) = schema["enum"].as_array()
        && !allowed.contains(value)
    {
        found.push(format!("{path} is {value}"));
    }
    let expected = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        Value::Number(_) => "integer",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
    };
    if schema["type"] != expected {
        found.push(format!("{path} is no {}", schema["type"]));
    }
    let end = path.len();
    if let Value::Object(fields) = value {
        for (name, value) in fields {
            path.push('.');
            path.push_str(name);
            match schema["properties"].get(name) {
                Some(schema) => compare(schema, value, path, found),
                None => found.push(format!("{path} is not known")),
            }
            path.truncate(end);
        }
    }
    if let Value::Array(items) = value {
        for item in items {
            compare(&schema["items"], item, path, found);
        }
    }
}
