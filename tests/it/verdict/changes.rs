//! Objects that were right before and are right now, and may not become one from the other.
//!
//! Never: an object that is refused whatever it was before.

use serde_json::{Value, json};

use super::{
    Edit,
    good::{acceptance, grant, offer, relationship},
    verdict,
};

#[test]
fn a_name_of_a_partner_or_customer_can_be_mended() {
    for (old, party) in [(offer(), "partner"), (relationship(), "customer")] {
        let mut object = old.clone();
        object["spec"][party]["displayName"] = json!("Other");
        assert_eq!(verdict(&mut object, Some(&old)), "", "{party}");
    }
}

#[test]
fn what_cannot_change_does_not() {
    let offer_identity = "the object: the partner's `tenantId`, `type` and `cloud` of an offer cannot change: write a new offer under another name";
    let offer_ceiling = "the object: `roles`, `tasks` and `duration` of an offer cannot change: write a new offer under another name, and move each customer to it by `offerRef`";
    let relationship_identity = "spec: the customer's `tenantId` and the `displayName` of a relationship cannot change: write a new relationship";
    let inline_identity = "spec: the partner's `tenantId`, `type` and `cloud` of an offer cannot change: write a new relationship";
    let fact = "spec: an acceptance is a fact and cannot change: write a new one";
    let mut inline = relationship();
    inline["spec"].as_object_mut().unwrap().remove("offerRef");
    inline["spec"]["offer"] = offer()["spec"].clone();
    let cases: &[(&str, Value, Edit, &str)] = &[
        ("nothing", offer(), |_| {}, ""),
        (
            "another partner",
            offer(),
            |o| o["spec"]["partner"]["tenantId"] = json!("00000000-0000-4000-8000-000000000077"),
            offer_identity,
        ),
        ("another cloud", offer(), |o| o["spec"]["cloud"] = json!("USGovL4"), offer_identity),
        ("another type", offer(), |o| o["spec"]["type"] = json!("Partner"), offer_identity),
        ("the default written out", offer(), |o| o["spec"]["cloud"] = json!("Global"), ""),
        (
            "more roles",
            offer(),
            |o| o["spec"]["roles"] = json!(["Helpdesk Administrator"]),
            offer_ceiling,
        ),
        (
            "roles in another order",
            offer(),
            |o| o["spec"]["roles"].as_array_mut().unwrap().reverse(),
            "",
        ),
        ("no duration", offer(), |o| o["spec"]["duration"] = Value::Null, offer_ceiling),
        (
            "roles to tasks",
            offer(),
            |o| {
                o["spec"]["roles"] = Value::Null;
                o["spec"]["tasks"] = json!(["users/reset-password-non-admin"]);
            },
            offer_ceiling,
        ),
        (
            "another text",
            offer(),
            |o| o["spec"]["agreement"]["documents"][0]["sha256"] = json!("b".repeat(64)),
            "",
        ),
        (
            "another customer",
            relationship(),
            |o| o["spec"]["customer"]["tenantId"] = json!("00000000-0000-4000-8000-000000000077"),
            relationship_identity,
        ),
        (
            "another name",
            relationship(),
            |o| o["spec"]["displayName"] = json!("other"),
            relationship_identity,
        ),
        ("another offer", relationship(), |o| o["spec"]["offerRef"]["name"] = json!("other"), ""),
        ("suspend", relationship(), |o| o["spec"]["suspend"] = json!(true), ""),
        (
            "inline ceiling",
            inline.clone(),
            |o| o["spec"]["offer"]["roles"] = json!(["Helpdesk Administrator"]),
            "",
        ),
        (
            "inline cloud",
            inline,
            |o| o["spec"]["offer"]["cloud"] = json!("USGovL4"),
            inline_identity,
        ),
        (
            "another grantee",
            grant(),
            |o| o["spec"]["grantee"]["securityGroup"]["displayName"] = json!("x"),
            "",
        ),
        (
            "another time",
            acceptance(),
            |o| o["spec"]["acceptedAt"] = json!("2026-10-01T00:00:00Z"),
            fact,
        ),
        ("another label", acceptance(), |o| o["metadata"]["labels"] = json!({ "a": "b" }), ""),
        (
            "another phone",
            acceptance(),
            |o| o["spec"]["acceptedBy"]["phoneNumber"] = json!("+49 30 1"),
            fact,
        ),
    ];
    for (name, old, edit, expected) in cases {
        let mut object = old.clone();
        edit(&mut object);
        assert_eq!(verdict(&mut object, Some(old)), *expected, "{name}");
    }
}
