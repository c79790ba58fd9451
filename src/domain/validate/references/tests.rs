//! Names that mean nothing, and names that mean two things.
//!
//! Never: a reference across namespaces.

use serde_json::{Value, json};

use super::super::{
    sample::{edited, now, objects, tells, text, verdict},
    validate,
};
use crate::domain::{
    catalogue::Catalogue,
    ids::{Kind, ObjectKey},
    state::{Absence, ObjectName, Standing},
};

const NONE: Value = Value::Null;

#[test]
fn a_reference_to_nothing_is_told_with_what_was_probably_meant() {
    tells(&[("relationship/spec/offerRef/name", json!("desc"))], "
        error C0303 PartnerRelationship/msp/acme spec.offerRef.name: no offer is called `desc` in namespace `msp`
        help: did you mean `desk`?
    ");
    tells(&[("grant/spec/relationshipRef/name", json!("globex"))], "
        error C0304 RoleGrant/msp/first-line spec.relationshipRef.name: no relationship is called `globex` in namespace `msp`
        help: declare the relationship in the same namespace
    ");
}

#[test]
fn a_name_that_kustomize_has_renamed_is_named_and_so_is_what_renames_the_reference() {
    for renamed in ["prod-desk", "desk-eu", "prod-desk-eu", "prod.desk"] {
        let told = verdict(&[("offer/name", json!(renamed))]);
        let told = text(&told.problems);
        assert!(
            told.contains(&format!("help: there is `{renamed}`: where `namePrefix`")),
            "{told}"
        );
    }
    for another in ["helpdesk", "desks", "de"] {
        let told = verdict(&[("offer/name", json!(another))]);
        assert!(!text(&told.problems).contains("namePrefix"), "{another}");
    }
}

#[test]
fn a_reference_never_leaves_its_namespace() {
    tells(&[("grant/namespace", json!("other"))], "
        error C0304 RoleGrant/other/first-line spec.relationshipRef.name: no relationship is called `acme` in namespace `other`
        help: there is one in namespace `msp`, and references never leave their namespace
    ");
}

#[test]
fn a_selector_takes_relationships_with_all_its_labels_from_its_own_namespace() {
    let selector = |labels: Value| {
        vec![
            ("grant/spec/relationshipRef", NONE),
            ("grant/spec/relationshipSelector", json!({"matchLabels": labels})),
            ("more", json!("relationship beta")),
        ]
    };
    let count = |edits: &[(&str, Value)]| {
        let desired = verdict(edits).desired;
        desired.relationships.values().filter(|declared| !declared.grants.is_empty()).count()
    };
    assert_eq!(count(&selector(json!({"tier": "gold"}))), 2);
    let mut edits = selector(json!({"tier": "gold", "region": "eu"}));
    edits.push(("relationship/labels/region", json!("eu")));
    assert_eq!(count(&edits), 1);
    tells(&selector(json!({"tier": "silver"})), "
        warning C0305 RoleGrant/msp/first-line spec.relationshipSelector.matchLabels: the selector selects no relationship in namespace `msp`
        help: give the relationships that are meant these labels
    ");
    assert_eq!(count(&selector(json!({}))), 0);
}

#[test]
fn an_object_that_is_declared_twice_is_told_at_both_places() {
    tells(&[("more", json!("grant first-line"))], "
        error C0302 RoleGrant/msp/first-line metadata.name: `RoleGrant/msp/first-line` is declared twice
        help: keep one of them; two would take turns in being right
        error C0302 RoleGrant/msp/first-line metadata.name: `RoleGrant/msp/first-line` is declared twice
        help: keep one of them; two would take turns in being right
    ");
}

#[test]
fn what_does_not_fit_its_schema_is_not_said_to_be_missing() {
    let mut objects = objects(&edited(&[("relationship", NONE)]));
    let key =
        ObjectKey { kind: Kind::PartnerRelationship, namespace: "msp".into(), name: "acme".into() };
    objects.invalid.insert(key);
    let verdict = validate(&objects, Catalogue::compiled(), now());
    assert_eq!(text(&verdict.problems), "");
    let name = ObjectName { namespace: "msp".into(), name: "first-line".into() };
    assert_eq!(verdict.desired.grant_objects[&name].standing, Standing::Invalid);
    assert_eq!(verdict.desired.absence, Absence::Keep);
}
