//! Objects of the right shape that break a rule between their fields.
//!
//! Never: a rule that needs the object as it was before.

use serde_json::{Value, json};

use super::{
    good::{GUID, acceptance, boundary, grant, offer, relationship},
    refused,
};

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each way to break a rule")]
fn an_object_that_breaks_a_rule_is_refused_in_the_words_of_the_rule() {
    refused(&[
        (
            "roles and tasks",
            offer(),
            |o| o["spec"]["tasks"] = json!(["users/reset-password-non-admin"]),
            "spec.tasks: give `roles` or `tasks`, not both: tasks are turned into the fewest roles that allow them",
        ),
        (
            "no offer",
            relationship(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("offerRef");
            },
            "spec.offerRef: give exactly one of `offerRef` and `offer`",
        ),
        (
            "two offers",
            relationship(),
            |o| o["spec"]["offer"] = offer()["spec"].clone(),
            "spec.offerRef: give exactly one of `offerRef` and `offer`",
        ),
        (
            "inline offer",
            relationship(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("offerRef");
                o["spec"]["offer"] = offer()["spec"].clone();
                o["spec"]["offer"]["tasks"] = json!(["users/reset-password-non-admin"]);
            },
            "spec.offer.tasks: give `roles` or `tasks`, not both: tasks are turned into the fewest roles that allow them",
        ),
        (
            "no relationship",
            grant(),
            |o| o["spec"]["relationshipRef"] = Value::Null,
            "spec.relationshipRef: give exactly one of `relationshipRef` and `relationshipSelector`",
        ),
        (
            "two relationships",
            grant(),
            |o| o["spec"]["relationshipSelector"] = json!({ "matchLabels": { "a": "b" } }),
            "spec.relationshipRef: give exactly one of `relationshipRef` and `relationshipSelector`",
        ),
        (
            "no grantee",
            grant(),
            |o| o["spec"]["grantee"] = json!({}),
            "spec.grantee: give exactly one of `grantee.securityGroup` and `grantee.customerUser`",
        ),
        (
            "two grantees",
            grant(),
            |o| o["spec"]["grantee"]["customerUser"] = json!({ "id": GUID, "displayName": "Ada" }),
            "spec.grantee: give exactly one of `grantee.securityGroup` and `grantee.customerUser`",
        ),
        (
            "no roles",
            grant(),
            |o| o["spec"]["roles"] = Value::Null,
            "spec.roles: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "roles and level",
            grant(),
            |o| o["spec"]["accessLevel"] = json!("FullAdministration"),
            "spec.roles: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "all three",
            grant(),
            |o| {
                o["spec"]["accessLevel"] = json!("FullAdministration");
                o["spec"]["tasks"] = json!(["users/reset-password-non-admin"]);
            },
            "spec.roles: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "empty window",
            grant(),
            |o| o["spec"]["notBefore"] = json!("2027-01-01T02:00:00+02:00"),
            "spec.notAfter: `notAfter` must be later than `notBefore`: the window is empty",
        ),
        (
            "digest without relationship",
            acceptance(),
            |o| o["spec"]["relationshipRef"] = Value::Null,
            "spec.invitation: `relationshipRef` and `invitation` stand together: the digest says what was accepted; leave both out to accept the agreement alone",
        ),
        (
            "relationship without digest",
            acceptance(),
            |o| o["spec"]["invitation"] = Value::Null,
            "spec.invitation: `relationshipRef` and `invitation` stand together: the digest says what was accepted; leave both out to accept the agreement alone",
        ),
        (
            "decline nothing",
            acceptance(),
            |o| {
                o["spec"]["decision"] = json!("Decline");
                o["spec"]["relationshipRef"] = Value::Null;
                o["spec"]["invitation"] = Value::Null;
            },
            "spec.decision: `decision: Decline` needs `relationshipRef`: what is declined is the invitation to a relationship",
        ),
        (
            "not read",
            acceptance(),
            |o| o["spec"]["readConfirmed"] = json!(false),
            "spec.readConfirmed: `readConfirmed` must be `true`: whoever decides has read the agreement",
        ),
        (
            "any and some",
            boundary(),
            |o| o["spec"]["customers"]["any"] = json!(true),
            "spec.customers: give exactly one of `customers.any: true` and `customers.tenantIds`",
        ),
        (
            "no groups",
            boundary(),
            |o| o["spec"]["grantees"] = json!({}),
            "spec.grantees: give exactly one of `grantees.any: true` and `grantees.groupIds`",
        ),
        (
            "no allowed roles",
            boundary(),
            |o| o["spec"]["roles"] = json!({}),
            "spec.roles: give exactly one of `roles.any: true` and `roles.allowed`",
        ),
    ]);
}
