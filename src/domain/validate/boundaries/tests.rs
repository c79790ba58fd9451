//! What a boundary keeps out.
//!
//! Never: a namespace that no boundary names is judged by one.

use serde_json::{Value, json};

use super::super::sample::{CUSTOMER, GROUP, tells, verdict};
use crate::domain::duration::Duration;

const NONE: Value = Value::Null;

#[test]
fn what_lies_within_is_admitted() {
    tells(&[("boundary", json!({}))], "");
    let edits = [
        ("boundary/spec/customers", json!({"tenantIds": [CUSTOMER.to_uppercase()]})),
        ("boundary/spec/grantees", json!({"groupIds": [GROUP]})),
        ("boundary/spec/roles", json!({"allowed": ["helpdesk administrator", "Reports Reader"]})),
    ];
    tells(&edits, "");
}

#[test]
fn another_partner_or_cloud_lies_outside() {
    tells(&[("boundary/spec/partner/tenantId", json!(GROUP))], "@");
    tells(&[("boundary/spec/partner/cloud", json!("USGovL4"))], "@");
}

#[test]
fn r2_only_a_certified_partner_offers_delegated_administration() {
    tells(&[("boundary/spec/partner/certifiedFor", json!(["Reseller"]))], "@");
}

#[test]
fn customers_grantees_and_roles_may_be_listed() {
    let none = json!(["eeeeeeee-0000-4000-8000-000000000001"]);
    tells(&[("boundary/spec/customers", json!({"tenantIds": none}))], "@");
    tells(&[("boundary/spec/grantees", json!({"groupIds": none}))], "@");
    tells(&[("boundary/spec/roles", json!({"allowed": ["Reports Reader"]}))], "@");
}

#[test]
fn an_agreement_alone_is_of_the_partner_and_the_customers_within() {
    let none = json!(["eeeeeeee-0000-4000-8000-000000000001"]);
    let edits = [
        ("boundary/spec/customers", json!({"tenantIds": none})),
        ("boundary/spec/partner/tenantId", json!(GROUP)),
        ("acceptance", json!({})),
        ("relationship", NONE),
        ("grant", NONE),
        ("offer", NONE),
    ];
    tells(&edits, "@");
}

#[test]
fn a_privileged_role_is_held_no_longer_than_the_boundary_says() {
    let edits = |start: Value, end: Value| {
        [
            ("boundary/spec/privileged", json!({"maxWindow": "PT8H"})),
            ("grant/spec/notBefore", start),
            ("grant/spec/notAfter", end),
        ]
    };
    tells(&edits(json!("2026-12-01T08:00:00Z"), json!("2026-12-01T16:00:00Z")), "");
    tells(&edits(json!("2026-12-01T08:00:00Z"), json!("2026-12-01T16:00:01Z")), "@");
    tells(&edits(NONE, json!("2026-11-21T13:00:00Z")), "@");
    let mut harmless = edits(NONE, NONE).to_vec();
    harmless.push(("grant/spec/roles", json!(["Reports Reader"])));
    tells(&harmless, "");
}

#[test]
fn a_namespace_has_one_boundary() {
    let edits = [("boundary", json!({})), ("more", json!("boundary other"))];
    tells(&edits, "@");
}

#[test]
fn limits_that_are_left_out_have_their_defaults() {
    let limits = json!({"window": "PT30M", "revocations": {"count": 5}, "newGrantees": 7});
    let desired = verdict(&[("boundary/spec/limits", limits)]).desired;
    let limits = desired.limits_of(desired.scope_of("msp"));
    assert_eq!(limits.window, Duration::from_seconds(1_800));
    assert_eq!((limits.revocations.count, limits.revocations.percent), (5, 30));
    assert_eq!((limits.new_grantees, limits.replacements), (7, 10));
    assert_eq!(desired.scope_of("elsewhere"), "default");
}
