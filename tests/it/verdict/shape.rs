//! Objects of the wrong shape: unknown and missing fields, wrong types, values, lengths and forms.
//!
//! Never: a rule between two fields.

use serde_json::{Value, json};

use super::{
    good::{acceptance, boundary, grant, offer, relationship},
    refused, verdict,
};

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each thing that can be wrong")]
fn an_object_of_the_wrong_shape_is_refused_with_every_reason() {
    refused(&[
        (
            "unknown field",
            grant(),
            |o| o["spec"]["rolse"] = json!(["x"]),
            "spec.rolse: no field is called `rolse` (did you mean `roles`?)",
        ),
        (
            "unknown nested field",
            grant(),
            |o| o["spec"]["grantee"]["user"] = json!({}),
            "spec.grantee.user: no field is called `user` (did you mean `customerUser`?)",
        ),
        (
            "unknown metadata",
            grant(),
            |o| o["metadata"]["lables"] = json!({}),
            "metadata.lables: no field is called `lables` (did you mean `labels`?)",
        ),
        (
            "unknown root field",
            grant(),
            |o| o["sepc"] = json!({}),
            "sepc: no field is called `sepc` (did you mean `spec`?)",
        ),
        (
            "no spec",
            grant(),
            |o| o["spec"] = Value::Null,
            "spec: `spec` is missing (Roles for one grantee under one relationship, or under each that a selector finds, in one window of time)",
        ),
        (
            "no name",
            grant(),
            |o| o["metadata"] = json!({}),
            "metadata.name: `name` is missing (The name of the object)",
        ),
        (
            "number for text",
            offer(),
            |o| o["spec"]["partner"]["displayName"] = json!(2026),
            "spec.partner.displayName: text belongs here, not the number `2026` (put it in quotes: `\"2026\"`)",
        ),
        (
            "text for a list",
            grant(),
            |o| o["spec"]["roles"] = json!("User Administrator"),
            "spec.roles: a list belongs here, not the text `User Administrator` (write it as a list: `[User Administrator]`)",
        ),
        (
            "text for truth",
            grant(),
            |o| o["spec"]["suspend"] = json!("true"),
            "spec.suspend: `true` or `false` belongs here, not the text `true` (write it without quotes)",
        ),
        (
            "null in a list",
            grant(),
            |o| o["spec"]["roles"] = json!([null]),
            "spec.roles[0]: text belongs here, not nothing",
        ),
        (
            "missing field",
            relationship(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("displayName");
            },
            "spec.displayName: `displayName` is missing (The name in the store, unique among the relationships of the partner: letters, digits, blanks, `_` and `-`, at most 44)",
        ),
        (
            "wrong value",
            offer(),
            |o| o["spec"]["type"] = json!("GranularDelegatedAdministrator"),
            "spec.type: `GranularDelegatedAdministrator` is not a value of this field (did you mean `GranularDelegatedAdmin`?)",
        ),
        (
            "wrong value, nothing near",
            offer(),
            |o| o["spec"]["cloud"] = json!("Mars"),
            "spec.cloud: `Mars` is not a value of this field (one of `Global`, `USGovL4`, `USGovDoD`, `China21Vianet`)",
        ),
        (
            "not a GUID",
            grant(),
            |o| o["spec"]["grantee"]["securityGroup"]["id"] = json!("helpdesk"),
            "spec.grantee.securityGroup.id: `helpdesk` is not a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8` (the object id stands in the Microsoft Entra admin center, on the page of the group or user)",
        ),
        (
            "months",
            offer(),
            |o| o["spec"]["duration"] = json!("P1M"),
            "spec.duration: `P1M` is not a number of days from `P1D` to `P730D`; months and years are written as days (write `P30D`)",
        ),
        (
            "too long",
            offer(),
            |o| o["spec"]["duration"] = json!("P731D"),
            "spec.duration: `P731D` is not a number of days from `P1D` to `P730D`; months and years are written as days (write at most `P730D`, two years: it can be extended or renewed then)",
        ),
        (
            "store name",
            relationship(),
            |o| o["spec"]["displayName"] = json!("acme/helpdesk"),
            "spec.displayName: `acme/helpdesk` is not 1 to 44 letters, digits, blanks, `_` and `-`, and not blanks alone (write `acme-helpdesk`)",
        ),
        (
            "store name too long",
            relationship(),
            |o| o["spec"]["displayName"] = json!("a".repeat(45)),
            "spec.displayName: 45 characters are too many, at most 44 are allowed",
        ),
        (
            "bidirectional name",
            offer(),
            |o| o["spec"]["partner"]["displayName"] = json!("Acme\u{202e}x"),
            "spec.partner.displayName: `Acme\\u{202e}x` is not text on one line that begins with a letter or sign, without characters that cannot be seen or turn the direction of writing (write `Acmex`)",
        ),
        (
            "no offset",
            grant(),
            |o| o["spec"]["notAfter"] = json!("2026-11-21T17:00:00"),
            "spec.notAfter: `2026-11-21T17:00:00` is not a date and time with an offset, of the years 2000 to 2999, such as `2026-11-21T17:00:00Z` (write `\"2026-11-21T17:00:00Z\"`, with the offset of the place that is meant for the `Z`)",
        ),
        (
            "no such day",
            grant(),
            |o| o["spec"]["notAfter"] = json!("2027-02-30T17:00:00Z"),
            "spec.notAfter: `2027-02-30T17:00:00Z` is no date and time that exists (write a date and time with an offset, of the years 2000 to 2999, such as `2026-11-21T17:00:00Z`)",
        ),
        (
            "empty list",
            grant(),
            |o| o["spec"]["roles"] = json!([]),
            "spec.roles: it is empty, at least 1 item is needed (write at least 1)",
        ),
        (
            "duplicate",
            grant(),
            |o| o["spec"]["roles"] = json!(["User Administrator", "User Administrator"]),
            "spec.roles[1]: `User Administrator` stands here twice (remove one of the two)",
        ),
        (
            "duplicate key",
            offer(),
            |o| {
                let document = o["spec"]["agreement"]["documents"][0].clone();
                o["spec"]["agreement"]["documents"] = json!([document, document]);
            },
            "spec.agreement.documents[1]: `DE, de` stands here twice (remove one of the two)",
        ),
        (
            "out of range",
            boundary(),
            |o| o["spec"]["limits"] = json!({ "revocations": { "share": 101 } }),
            "spec.limits.revocations.share: `101` is not a number from 0 to 100",
        ),
        (
            "empty selector",
            grant(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("relationshipRef");
                o["spec"]["relationshipSelector"] = json!({ "matchLabels": {} });
            },
            "spec.relationshipSelector.matchLabels: it is empty, at least 1 entry is needed (write at least 1)",
        ),
        (
            "the same three times",
            grant(),
            |o| o["spec"]["roles"] = json!(vec!["User Administrator"; 3]),
            "spec.roles[1]: `User Administrator` stands here twice (remove one of the two)",
        ),
        (
            "a list for a time",
            grant(),
            |o| o["spec"]["notAfter"] = json!(["2027-01-01T00:00:00Z"]),
            "spec.notAfter: text belongs here, not a list (write `2027-01-01T00:00:00Z`: one value, not a list)",
        ),
        (
            "a blank that is none in every language",
            acceptance(),
            |o| o["spec"]["acceptedBy"]["email"] = json!("a\u{a0}b@c"),
            "spec.acceptedBy.email: `a\\u{a0}b@c` is not a mail address such as `ada@example.com` (write the address alone, without blanks)",
        ),
        (
            "the key of a label",
            grant(),
            |o| o["metadata"]["labels"] = json!({ "bad key": "a" }),
            "metadata.labels.bad key: `bad key` is not a name of at most 63 letters, digits, `-`, `_` and `.`, with or without a domain before it such as `example.com/`",
        ),
        (
            "no metadata",
            grant(),
            |o| o["metadata"] = Value::Null,
            "metadata.name: `name` is missing (The name of the object)",
        ),
        (
            "a status with unknown fields",
            grant(),
            |o| {
                o["status"] =
                    json!({ "observedGeneration": "x", "extra": true, "roles": { "x": 1 } });
            },
            "status.extra: no field is called `extra` (the fields here are `catalogueVersion`, `conditions`, `effectiveSince`, `expiresAt`, `observedGeneration`, `roles`)\nstatus.roles.x: no field is called `x` (no field belongs here)",
        ),
        (
            "two at once",
            grant(),
            |o| {
                o["spec"]["suspend"] = json!(1);
                o["spec"]["rolse"] = json!([]);
            },
            "spec.rolse: no field is called `rolse` (did you mean `roles`?)\nspec.suspend: `true` or `false` belongs here, not the number `1` (write `true`)",
        ),
    ]);
}

#[test]
fn a_whole_number_may_be_written_with_a_point_and_null_is_an_empty_label() {
    let mut object = boundary();
    object["spec"]["limits"]["revocations"]["count"] = json!(25.0);
    object["metadata"]["labels"] = json!({ "team": null });
    assert_eq!(verdict(&mut object, None), "");
    assert_eq!(object["spec"]["limits"]["revocations"]["count"], json!(25));
    assert_eq!(object["metadata"]["labels"], json!({ "team": "" }));
}
