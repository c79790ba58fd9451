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
    tells(&[("boundary/spec/partner/tenantId", json!(GROUP))], "
        error C0320 PartnerOffer/msp/desk spec.partner.tenantId: partner `aaaaaaaa-0000-4000-8000-000000000001` in cloud `Global` lies outside boundary `edge`, which is for `dddddddd-0000-4000-8000-000000000001` in `Global`
        help: put the object into a namespace of that partner, or have the boundary changed
    ");
    tells(&[("boundary/spec/partner/cloud", json!("USGovL4"))], "
        error C0320 PartnerOffer/msp/desk spec.partner.tenantId: partner `aaaaaaaa-0000-4000-8000-000000000001` in cloud `Global` lies outside boundary `edge`, which is for `aaaaaaaa-0000-4000-8000-000000000001` in `USGovL4`
        help: put the object into a namespace of that partner, or have the boundary changed
    ");
}

#[test]
fn r2_only_a_certified_partner_offers_delegated_administration() {
    tells(&[("boundary/spec/partner/certifiedFor", json!(["Reseller"]))], "
        error C0321 PartnerOffer/msp/desk spec.type: boundary `edge` does not certify the partner for `GranularDelegatedAdmin`
        help: choose a type that the partner is certified for, or have the boundary changed
    ");
}

#[test]
fn customers_grantees_and_roles_may_be_listed() {
    let none = json!(["eeeeeeee-0000-4000-8000-000000000001"]);
    tells(&[("boundary/spec/customers", json!({"tenantIds": none}))], "
        error C0322 PartnerRelationship/msp/acme spec.customer.tenantId: customer `cccccccc-0000-4000-8000-000000000001` lies outside boundary `edge`
        help: have the customer added to the boundary
    ");
    tells(&[("boundary/spec/grantees", json!({"groupIds": none}))], "
        error C0323 RoleGrant/msp/first-line spec.grantee: grantee `dddddddd-0000-4000-8000-000000000001` lies outside boundary `edge`
        help: have it added to the boundary
    ");
    tells(&[("boundary/spec/roles", json!({"allowed": ["Reports Reader"]}))], "
        error C0324 RoleGrant/msp/first-line spec.roles: boundary `edge` does not admit `Helpdesk Administrator`
        help: ask for roles that it admits, or have it changed
        warning C0324 PartnerOffer/msp/desk spec: the offer asks for `Helpdesk Administrator`, which boundary `edge` lets nobody hold
        help: ask the customer only for what will be given
    ");
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
    tells(&edits, "
        error C0322 AgreementAcceptance/msp/acme-yes spec.customer.tenantId: customer `cccccccc-0000-4000-8000-000000000001` lies outside boundary `edge`
        help: have the customer added to the boundary
        error C0320 AgreementAcceptance/msp/acme-yes spec.partner.tenantId: partner `aaaaaaaa-0000-4000-8000-000000000001` in cloud `Global` lies outside boundary `edge`, which is for `dddddddd-0000-4000-8000-000000000001` in `Global`
        help: put the object into a namespace of that partner, or have the boundary changed
    ");
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
    tells(&edits(json!("2026-12-01T08:00:00Z"), json!("2026-12-01T16:00:01Z")), "
        error C0403 RoleGrant/msp/first-line spec.notAfter: boundary `edge` admits `Helpdesk Administrator` for `PT8H` at most
        help: set `notBefore` and `notAfter`, at most `PT8H` apart
    ");
    tells(&edits(NONE, json!("2026-11-21T13:00:00Z")), "
        error C0403 RoleGrant/msp/first-line spec.notAfter: boundary `edge` admits `Helpdesk Administrator` for `PT8H` at most
        help: set `notBefore` and `notAfter`, at most `PT8H` apart
    ");
    let mut harmless = edits(NONE, NONE).to_vec();
    harmless.push(("grant/spec/roles", json!(["Reports Reader"])));
    tells(&harmless, "");
}

#[test]
fn a_namespace_has_one_boundary() {
    let edits = [("boundary", json!({})), ("more", json!("boundary other"))];
    tells(
        &edits,
        "
        error C0326 PartnerBoundary/edge spec.namespaces[0]: namespace `msp` is named by `other` too
        help: name each namespace in one boundary: its budget is counted there
        error C0326 PartnerBoundary/other spec.namespaces[0]: namespace `msp` is named by `edge` too
        help: name each namespace in one boundary: its budget is counted there
    ",
    );
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
