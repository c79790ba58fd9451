//! The verdict as a whole: its order, its standing of objects, and that nothing makes it stop.
//!
//! Never: a rule of one kind; those are beside their code.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    sample::{edited, names, now, objects, text, verdict},
    *,
};

const NONE: Value = Value::Null;

fn standings(edits: &[(&str, Value)]) -> (Standing, Standing) {
    let desired = verdict(edits).desired;
    let relationship = desired.relationships.values().next().unwrap();
    let grant = relationship.grants.values().next().unwrap();
    let said = desired.grant_objects.values().next().unwrap();
    assert_eq!(said.standing, grant.standing);
    assert_eq!((said.not_after, said.deletion), (grant.window.not_after, Some(grant.deletion)));
    (relationship.standing, grant.standing)
}

#[test]
fn an_object_with_errors_is_invalid_and_a_hold_or_a_deletion_counts_first() {
    use Standing::{Deleted, Invalid, Live, Suspended};
    let bad_grant = ("grant/spec/roles", json!(["User Administrator"]));
    let bad_offer = ("offer/spec/duration", NONE);
    let cases = [
        (vec![], (Live, Live)),
        (vec![bad_grant.clone()], (Live, Invalid)),
        (vec![bad_offer.clone()], (Invalid, Live)),
        (vec![bad_grant.clone(), ("grant/spec/suspend", json!(true))], (Live, Suspended)),
        (vec![bad_grant.clone(), ("grant/deleting", json!(true))], (Live, Deleted)),
        (vec![bad_offer, ("relationship/deleting", json!(true))], (Deleted, Live)),
        (
            vec![
                ("relationship/deleting", json!(true)),
                ("relationship/spec/suspend", json!(true)),
            ],
            (Suspended, Live),
        ),
    ];
    for (edits, expected) in cases {
        assert_eq!(standings(&edits), expected, "{edits:?}");
    }
}

#[test]
fn nobody_is_told_to_mend_what_is_on_its_way_out() {
    let edits = [("grant/deleting", json!(true)), ("grant/spec/roles", json!(["Nonsense"]))];
    assert_eq!(text(&verdict(&edits).problems), "");
}

#[test]
fn what_the_input_does_not_hold_is_kept_while_anything_in_it_is_wrong() {
    assert_eq!(verdict(&[]).desired.absence, Absence::Prune);
    let edits = [("grant/spec/roles", json!(["Nonsense"]))];
    assert_eq!(verdict(&edits).desired.absence, Absence::Keep);
}

#[test]
fn the_input_speaks_for_the_namespaces_of_its_objects() {
    let desired = verdict(&[("boundary", json!({}))]).desired;
    assert_eq!(names(&desired.namespaces), ["msp"]);
}

#[test]
fn every_problem_is_told_at_once() {
    let edits = [
        ("offer/spec/duration", NONE),
        ("offer/spec/roles", json!(["Nonsense", "AI Reader"])),
        ("relationship/spec/customer/tenantId", json!("acme")),
        ("grant/spec/roles", json!(["Nonsense"])),
        ("grant/spec/notAfter", json!("2020-01-01T00:00:00Z")),
        ("acceptance/spec/acceptedAt", json!("2030-01-01T00:00:00Z")),
    ];
    let codes: Vec<_> =
        verdict(&edits).problems.iter().map(|problem| problem.code.to_string()).collect();
    assert_eq!(codes, ["C0401", "C0402", "C0201", "C0217", "C0201", "C0207", "C0301"]);
}

/// Edits that break many rules, each alone or with others.
fn breakages() -> Vec<(&'static str, Value)> {
    vec![
        ("offer/spec/type", json!("Reseller")),
        ("offer/spec/type", json!("Advisor")),
        ("offer/spec/type", json!("Partner")),
        ("offer/spec/type", json!("DelegatedAdmin")),
        ("offer/spec/duration", NONE),
        ("offer/spec/duration", json!("P999999D")),
        ("offer/spec/cloud", json!("USGovDoD")),
        ("offer/spec/roles", json!(["Global Administrator", "Nonsense", ""])),
        ("offer/spec/tasks", json!(["users/reset-password-non-admin", "x"])),
        ("offer/spec/partner/tenantId", json!("ü")),
        ("relationship/spec/offerRef", NONE),
        ("relationship/spec/offerRef", json!({"name": "other"})),
        ("relationship/spec/autoExtendDuration", json!("P180D")),
        ("relationship/spec/customer/tenantId", json!("")),
        ("relationship/spec/renewal", json!({"mode": "Invite", "before": "P1Y"})),
        ("relationship/spec/displayName", json!("-2")),
        ("relationship/annotations", json!({ADOPT_FROM: "////"})),
        ("relationship/deleting", json!(true)),
        ("grant/spec/relationshipRef", NONE),
        ("grant/spec/relationshipSelector", json!({"matchLabels": {"tier": "gold"}})),
        ("grant/spec/grantee", json!({})),
        ("grant/spec/grantee/customerUser", json!({"id": "x", "displayName": ""})),
        ("grant/spec/roles", NONE),
        ("grant/spec/roles", json!(["Intune Administrator"])),
        ("grant/spec/tasks", json!(["custom-domain-names/manage-subscriptions"])),
        ("grant/spec/accessLevel", json!("FullAdministration")),
        ("grant/spec/notAfter", json!("2000-01-01T00:00:00Z")),
        ("grant/spec/justification", NONE),
        ("acceptance/spec/relationshipRef", json!({"name": "acme"})),
        ("acceptance/spec/invitation", json!("0")),
        ("acceptance/spec/decision", json!("Decline")),
        ("acceptance/spec/acceptedBy/role", json!("BillingAdministrator")),
        ("boundary/spec/partner/tenantId", json!("x")),
        ("boundary/spec/privileged", json!({"maxWindow": "eight hours"})),
        ("boundary/spec/roles", json!({"allowed": ["Nonsense"]})),
        ("boundary/spec/customers", json!({})),
        ("more", json!("relationship acme-2")),
        ("more", json!("relationship beta")),
        ("more", json!("grant second")),
        ("more", json!("grant first-line")),
        ("more", json!("offer desk")),
    ]
}

fn some_edits() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    proptest::sample::subsequence(breakages(), 0..12)
}

proptest! {
    #[test]
    fn shuffled_input_has_the_same_verdict(
        edits in some_edits(),
        order in Just((0_usize..12).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut values = edited(&edits);
        for (source, value) in values.iter_mut().enumerate() {
            value["source"] = json!(source);
        }
        let straight = validate(&objects(&values), Catalogue::compiled(), now());
        let order = order.into_iter().filter(|position| *position < values.len());
        let shuffled: Vec<_> = order.map(|position| values[position].clone()).collect();
        let shuffled = validate(&objects(&shuffled), Catalogue::compiled(), now());
        prop_assert_eq!(&straight.desired, &shuffled.desired);
        prop_assert_eq!(text(&straight.problems), text(&shuffled.problems));
    }

    #[test]
    fn whatever_is_wrong_there_is_a_verdict_and_a_way_out(edits in some_edits()) {
        let verdict = verdict(&edits);
        for problem in &verdict.problems {
            prop_assert!(problem.help.is_some() && problem.source.is_some());
            prop_assert!(!problem.message.ends_with('.'), "{}", problem.message);
        }
        let live = verdict.desired.relationships.values().flat_map(|declared| {
            declared.grants.values().filter(|grant| grant.standing == Standing::Live && declared.standing == Standing::Live)
                .map(|grant| (declared.invitation.roles.clone(), grant.roles.clone()))
        });
        for (ceiling, roles) in live {
            prop_assert!(!roles.is_empty() && roles.is_subset(&ceiling));
        }
    }

    #[test]
    fn whatever_stands_in_the_fields_there_is_a_verdict(
        edits in some_edits(),
        texts in proptest::collection::vec((any::<prop::sample::Index>(), odd_text()), 0..6),
    ) {
        let mut values = edited(&edits);
        for (place, text) in texts {
            let mut fields = Vec::new();
            for value in &mut values {
                collect_texts(&mut value["spec"], &mut fields);
            }
            let index = place.index(fields.len());
            *fields.swap_remove(index) = text;
        }
        let objects = objects(&values);
        let verdict = validate(&objects, Catalogue::compiled(), now());
        prop_assert!(verdict.problems.is_sorted_by_key(|problem| problem.source));
        for object in &objects.grants {
            prop_assert!(verdict.desired.grant_objects.contains_key(&object.name));
        }
    }
}

/// Text that is anything, or nearly what belongs there.
fn odd_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,40}",
        "P[0-9]{1,9}D",
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
        "[0-9a-f]{64}",
        "[0-9]{4}-0[0-9]-[0-3][0-9]T00:00:00Z",
        Just("\u{202e}Helpdesk Administrator\u{200b}".to_owned()),
    ]
}

fn collect_texts<'a>(value: &'a mut Value, texts: &mut Vec<&'a mut String>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => {
            for item in items {
                collect_texts(item, texts);
            }
        }
        Value::Object(fields) => {
            for field in fields.values_mut() {
                collect_texts(field, texts);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
