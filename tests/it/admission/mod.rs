//! The webhook: its verdict, whatever body it is sent, over HTTPS, and with certificates that change.
//!
//! Never: an answer that is not read as the API server reads it.

mod answers;
mod api_server;
mod bodies;
mod certificates;
pub mod client;
mod deletions;
mod https;
pub mod real;
mod verdict;

use std::sync::OnceLock;

use concordat::{
    domain::{
        catalogue::Catalogue,
        plan::{Claimant, Foreign},
        state::{Absence, Observed},
        validate::Objects,
    },
    manifest,
    operator::admission::{
        answer::Answer,
        proposed::Proposed,
        request::{self, Request},
        review::{Context, review},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::program::root;

pub const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
pub const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";
pub const GROUP: &str = "0a0a0a0a-1111-4222-8333-444444444444";

pub fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": "msp-helpdesk", "uid": format!("uid-{name}") },
        "spec": spec,
    })
}

/// A grant of the quickstart's relationship.
pub fn grant() -> Value {
    object(
        "RoleGrant",
        "third-line",
        &json!({
            "relationshipRef": { "name": "fabrikam" },
            "grantee": { "securityGroup": { "id": GROUP, "displayName": "First line" } },
            "roles": ["Message Center Reader"],
        }),
    )
}

pub fn relationship() -> Value {
    object(
        "PartnerRelationship",
        "fabrikam",
        &json!({
            "customer": { "tenantId": CUSTOMER, "displayName": "Fabrikam" },
            "displayName": "fabrikam-helpdesk",
            "offerRef": { "name": "helpdesk" },
            "renewal": { "mode": "Notify", "before": "P60D" },
        }),
    )
}

pub fn offer() -> Value {
    object(
        "PartnerOffer",
        "helpdesk",
        &json!({
            "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
            "type": "GranularDelegatedAdmin",
            "duration": "P365D",
            "roles": ["Helpdesk Administrator", "Message Center Reader"],
        }),
    )
}

/// A question about an object, as the API server asks it.
pub fn asked(operation: &str, object: &Value, old: &Value) -> Value {
    let of = if object.is_null() { old } else { object };
    let text = |pointer: &str, other: &str| {
        of.pointer(pointer).and_then(Value::as_str).unwrap_or(other).to_owned()
    };
    json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
            "kind": { "group": "concordat.dev", "version": "v1alpha1", "kind": text("/kind", "RoleGrant") },
            "resource": { "group": "concordat.dev", "version": "v1alpha1", "resource": "rolegrants" },
            "name": text("/metadata/name", ""),
            "namespace": text("/metadata/namespace", "msp-helpdesk"),
            "operation": operation,
            "userInfo": { "username": "ada", "groups": ["system:authenticated"] },
            "object": object,
            "oldObject": old,
            "dryRun": true,
            "options": { "kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1" },
        },
    })
}

pub fn request(question: &Value) -> Request {
    request::read(question.to_string().as_bytes()).unwrap()
}

/// The answer where no other object is known.
pub fn alone(question: &Value) -> Answer {
    review(&request(question), |_| None, Catalogue::compiled(), now())
}

/// The answer where all objects of the quickstart are known, and what the store holds.
pub fn among(question: &Value, objects: Objects, observed: Option<Observed>) -> Answer {
    let context = |proposed: &Proposed| {
        let mut objects = objects;
        proposed.lay_over(&mut objects);
        Some(Context { objects, observed, claimant: Claimant::cli(Foreign::Conflict) })
    };
    review(&request(question), context, Catalogue::compiled(), now())
}

/// The objects of the quickstart.
pub fn quickstart() -> Objects {
    static OBJECTS: OnceLock<Objects> = OnceLock::new();
    let read = || {
        let sources = [manifest::Source::Path(root().join("examples/quickstart"))];
        let (_, objects, problems) =
            manifest::read_objects(&sources, "default", Absence::Keep).unwrap();
        assert_eq!(problems, []);
        objects
    };
    OBJECTS.get_or_init(read).clone()
}

/// The codes of a refusal.
pub fn codes(answer: &Answer) -> Vec<String> {
    answer.refused.iter().map(|problem| problem.code.to_string()).collect()
}

pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    object.pointer_mut(parent).unwrap()[field] = value;
    object
}
