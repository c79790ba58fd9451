//! A sound input to start from, edits of it, and problems as text: for the tests of this module.
//!
//! Never: used outside tests.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Object, Objects, Presence, Verdict, validate};
use crate::domain::{
    catalogue::Catalogue,
    problem::{Problem, Severity, SourceId},
    state::{Absence, ObjectName, Uid},
};

pub(super) const PARTNER: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(super) const CUSTOMER: &str = "cccccccc-0000-4000-8000-000000000001";
pub(super) const GROUP: &str = "dddddddd-0000-4000-8000-000000000001";

pub(super) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// An offer, a relationship and a grant that belong together.
fn sound() -> BTreeMap<String, Value> {
    let offer = json!({
        "kind": "PartnerOffer", "name": "desk",
        "spec": {
            "partner": {"tenantId": PARTNER, "displayName": "Contoso"},
            "type": "GranularDelegatedAdmin",
            "duration": "P365D",
            "roles": ["Helpdesk Administrator", "Reports Reader"],
        },
    });
    let relationship = json!({
        "kind": "PartnerRelationship", "name": "acme", "labels": {"tier": "gold"},
        "spec": {
            "customer": {"tenantId": CUSTOMER, "displayName": "Acme"},
            "displayName": "acme",
            "offerRef": {"name": "desk"},
        },
    });
    let grant = json!({
        "kind": "RoleGrant", "name": "first-line",
        "spec": {
            "relationshipRef": {"name": "acme"},
            "grantee": {"securityGroup": {"id": GROUP, "displayName": "First line"}},
            "roles": ["Helpdesk Administrator"],
            "justification": "first line support",
        },
    });
    let all = [("offer", offer), ("relationship", relationship), ("grant", grant)];
    all.into_iter().map(|(name, object)| (name.to_owned(), object)).collect()
}

/// Objects that an edit brings in by naming them.
fn further(name: &str) -> Value {
    match name {
        "acceptance" => json!({
            "kind": "AgreementAcceptance", "name": "acme-yes",
            "spec": {
                "decision": "Accept",
                "customer": {"tenantId": CUSTOMER},
                "partner": {"tenantId": PARTNER},
                "agreement": {
                    "type": "MicrosoftCustomerAgreement", "templateId": GROUP,
                    "country": "DE", "language": "de", "documentSha256": "ab".repeat(32),
                },
                "acceptedBy": {
                    "firstName": "Ada", "lastName": "Love", "email": "ada@example.com",
                    "role": "GlobalAdministrator",
                },
                "acceptedAt": "2026-11-20T12:00:00Z",
                "readConfirmed": true,
            },
        }),
        "boundary" => json!({
            "kind": "PartnerBoundary", "name": "edge", "namespace": "",
            "spec": {
                "namespaces": ["msp"],
                "partner": {"tenantId": PARTNER, "certifiedFor": ["GranularDelegatedAdmin"]},
                "customers": {"any": true},
                "grantees": {"any": true},
                "roles": {"any": true},
            },
        }),
        other => panic!("there is no sample called `{other}`"),
    }
}

/// The sound input after some edits. `("grant/spec/roles", value)` sets a field, null takes it away; `("grant", null)` takes
/// the object away, `("more", object)` adds one, `("more", "grant x")` adds a copy of one under another name.
pub(super) fn edited(edits: &[(&str, Value)]) -> Vec<Value> {
    let mut objects = sound();
    for (position, (path, value)) in edits.iter().enumerate() {
        let (name, pointer) = path.split_once('/').unwrap_or((path, ""));
        if name == "more" {
            objects.insert(format!("more{position:02}"), addition(&objects, value));
            continue;
        }
        if pointer.is_empty() && value.is_null() {
            objects.remove(name);
            continue;
        }
        let object = objects.entry(name.to_owned()).or_insert_with(|| further(name));
        set(object, pointer, value);
    }
    objects.into_values().collect()
}

fn addition(objects: &BTreeMap<String, Value>, value: &Value) -> Value {
    let Some((of, name)) = value.as_str().and_then(|text| text.split_once(' ')) else {
        return value.clone();
    };
    let mut copy = objects[of].clone();
    copy["name"] = json!(name);
    if of == "relationship" {
        copy["spec"]["displayName"] = json!(name);
    }
    copy
}

fn set(object: &mut Value, pointer: &str, value: &Value) {
    let Some((parent, field)) = pointer.rsplit_once('/') else {
        if !pointer.is_empty() {
            object[pointer] = value.clone();
        }
        return;
    };
    let mut target = object;
    for step in parent.split('/') {
        target = &mut target[step];
    }
    if value.is_null() {
        target.as_object_mut().unwrap().remove(field);
    } else {
        target[field] = value.clone();
    }
}

/// The objects as `validate` takes them, each from a document of its own; those that no type can hold are left out.
pub(super) fn objects(values: &[Value]) -> Objects {
    let mut objects = Objects::none(Absence::Prune);
    for (position, value) in values.iter().enumerate() {
        let source =
            value["source"].as_u64().map_or(position, |source| usize::try_from(source).unwrap());
        match value["kind"].as_str().unwrap() {
            "PartnerOffer" => objects.offers.extend(object(value, source)),
            "PartnerRelationship" => objects.relationships.extend(object(value, source)),
            "RoleGrant" => objects.grants.extend(object(value, source)),
            "AgreementAcceptance" => objects.acceptances.extend(object(value, source)),
            "PartnerBoundary" => objects.boundaries.extend(object(value, source)),
            other => panic!("there is no kind `{other}`"),
        }
    }
    objects
}

fn object<S: DeserializeOwned>(value: &Value, source: usize) -> Option<Object<S>> {
    let texts = |field: &str| serde_json::from_value(value[field].clone()).unwrap_or_default();
    Some(Object {
        name: ObjectName {
            namespace: value["namespace"].as_str().unwrap_or("msp").into(),
            name: value["name"].as_str().unwrap().into(),
        },
        uid: Uid::of_file(),
        labels: texts("labels"),
        annotations: texts("annotations"),
        presence: if value["deleting"] == true { Presence::Deleting } else { Presence::Present },
        source: Some(SourceId(source)),
        spec: serde_json::from_value(value["spec"].clone()).ok()?,
    })
}

pub(super) fn verdict(edits: &[(&str, Value)]) -> Verdict {
    validate(&objects(&edited(edits)), Catalogue::compiled(), now())
}

/// Problems as text: severity, code, object, field, message and help.
pub(super) fn text(problems: &[Problem]) -> String {
    let lines = problems.iter().map(|problem| {
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        };
        let object = problem.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let help = problem.help.as_deref().unwrap_or("none");
        let (code, path, message) = (problem.code, &problem.path, &problem.message);
        format!("{severity} {code} {object} {path}: {message}\nhelp: {help}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Asserts that the sound input, edited like that, has exactly these problems. White space before a line does not count.
#[track_caller]
pub(super) fn tells(edits: &[(&str, Value)], expected: &str) {
    let found = text(&verdict(edits).problems);
    let expected: Vec<_> =
        expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert!(
        found.lines().eq(expected.iter().copied()),
        "found:\n{found}\nexpected:\n{}",
        expected.join("\n")
    );
}

/// The names of the namespaces, for a glance at what was desired.
pub(super) fn names(names: &BTreeSet<EcoString>) -> Vec<&str> {
    names.iter().map(EcoString::as_str).collect()
}
