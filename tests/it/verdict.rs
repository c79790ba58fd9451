//! The verdict on single objects: each rule of each kind, with an object that breaks it and what the user reads.
//!
//! Never: a rule without an object that breaks it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{collections::BTreeSet, fmt::Write as _};

use concordat::api::{PathStep, Schemas, Violation, ViolationKind};
use kube::core::cel::Validator;
use serde_json::{Value, json};

use crate::crds::schemas;

const GUID: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn good_objects_pass_and_get_their_defaults() {
    for mut object in [offer(), relationship(), grant(), acceptance(), boundary()] {
        assert_eq!(verdict(&mut object, None), "", "{object:#}");
        assert_eq!(verdict(&mut object, None), "", "with defaults: {object:#}");
    }
    let mut object = relationship();
    verdict(&mut object, None);
    assert_eq!(object["spec"]["renewal"], json!({ "mode": "Notify", "before": "P60D" }));
    assert_eq!(object["spec"]["deletionPolicy"], "Revoke");
    assert_eq!(object["spec"]["suspend"], false);
    assert_eq!(object.get("status"), None);
}

#[test]
fn every_kind_becomes_its_rust_type_and_comes_back() {
    use concordat::api::{
        AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant,
    };
    fn there_and_back<K: serde::de::DeserializeOwned + serde::Serialize>(mut object: Value) {
        verdict(&mut object, None);
        let typed: K = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(serde_json::to_value(&typed).unwrap(), object);
    }
    there_and_back::<PartnerOffer>(offer());
    there_and_back::<PartnerRelationship>(relationship());
    there_and_back::<RoleGrant>(grant());
    there_and_back::<AgreementAcceptance>(acceptance());
    there_and_back::<PartnerBoundary>(boundary());
}

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
            "spec.grantee.user: no field is called `user` (the fields here are `customerUser`, `securityGroup`)",
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
            "spec.grantee.securityGroup.id: `helpdesk` is not a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8`",
        ),
        (
            "months",
            offer(),
            |o| o["spec"]["duration"] = json!("P1M"),
            "spec.duration: `P1M` is not a number of days from `P1D` to `P730D`; months and years are written as days",
        ),
        (
            "too long",
            offer(),
            |o| o["spec"]["duration"] = json!("P731D"),
            "spec.duration: `P731D` is not a number of days from `P1D` to `P730D`; months and years are written as days",
        ),
        (
            "store name",
            relationship(),
            |o| o["spec"]["displayName"] = json!("acme/helpdesk"),
            "spec.displayName: `acme/helpdesk` is not 1 to 44 letters, digits, blanks, `_` and `-`",
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
            "spec.partner.displayName: `Acme\\u{202e}x` is not text on one line that begins with a letter or sign, without characters that cannot be seen or turn the direction of writing",
        ),
        (
            "no offset",
            grant(),
            |o| o["spec"]["notAfter"] = json!("2026-11-21T17:00:00"),
            "spec.notAfter: `2026-11-21T17:00:00` is not a date and time with an offset, of the years 2000 to 2999, such as `2026-11-21T17:00:00Z`",
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
            "spec.roles: it is empty, at least 1 item is needed (leave the field out where it is not required)",
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
            "spec.relationshipSelector.matchLabels: it is empty, at least 1 entry is needed (leave the field out where it is not required)",
        ),
        (
            "two at once",
            grant(),
            |o| {
                o["spec"]["suspend"] = json!(1);
                o["spec"]["rolse"] = json!([]);
            },
            "spec.rolse: no field is called `rolse` (did you mean `roles`?)\nspec.suspend: `true` or `false` belongs here, not the number `1`",
        ),
    ]);
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table, one row for each way to break a rule")]
fn an_object_that_breaks_a_rule_is_refused_in_the_words_of_the_rule() {
    refused(&[
        (
            "roles and tasks",
            offer(),
            |o| o["spec"]["tasks"] = json!(["users/reset-password-non-admin"]),
            "spec: give `roles` or `tasks`, not both: tasks are turned into the fewest roles that allow them",
        ),
        (
            "no offer",
            relationship(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("offerRef");
            },
            "spec: give exactly one of `offerRef` and `offer`",
        ),
        (
            "two offers",
            relationship(),
            |o| o["spec"]["offer"] = offer()["spec"].clone(),
            "spec: give exactly one of `offerRef` and `offer`",
        ),
        (
            "inline offer",
            relationship(),
            |o| {
                o["spec"].as_object_mut().unwrap().remove("offerRef");
                o["spec"]["offer"] = offer()["spec"].clone();
                o["spec"]["offer"]["tasks"] = json!(["users/reset-password-non-admin"]);
            },
            "spec.offer: give `roles` or `tasks`, not both: tasks are turned into the fewest roles that allow them",
        ),
        (
            "no relationship",
            grant(),
            |o| o["spec"]["relationshipRef"] = Value::Null,
            "spec: give exactly one of `relationshipRef` and `relationshipSelector`",
        ),
        (
            "two relationships",
            grant(),
            |o| o["spec"]["relationshipSelector"] = json!({ "matchLabels": { "a": "b" } }),
            "spec: give exactly one of `relationshipRef` and `relationshipSelector`",
        ),
        (
            "no grantee",
            grant(),
            |o| o["spec"]["grantee"] = json!({}),
            "spec: give exactly one of `grantee.securityGroup` and `grantee.customerUser`",
        ),
        (
            "two grantees",
            grant(),
            |o| o["spec"]["grantee"]["customerUser"] = json!({ "id": GUID, "displayName": "Ada" }),
            "spec: give exactly one of `grantee.securityGroup` and `grantee.customerUser`",
        ),
        (
            "no roles",
            grant(),
            |o| o["spec"]["roles"] = Value::Null,
            "spec: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "roles and level",
            grant(),
            |o| o["spec"]["accessLevel"] = json!("FullAdministration"),
            "spec: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "all three",
            grant(),
            |o| {
                o["spec"]["accessLevel"] = json!("FullAdministration");
                o["spec"]["tasks"] = json!(["users/reset-password-non-admin"]);
            },
            "spec: give exactly one of `roles`, `tasks` and `accessLevel`",
        ),
        (
            "empty window",
            grant(),
            |o| o["spec"]["notBefore"] = json!("2027-01-01T02:00:00+02:00"),
            "spec: `notAfter` must be later than `notBefore`: the window is empty",
        ),
        (
            "digest without relationship",
            acceptance(),
            |o| o["spec"]["relationshipRef"] = Value::Null,
            "spec: `relationshipRef` and `invitation` stand together: the digest says what was accepted; leave both out to accept the agreement alone",
        ),
        (
            "relationship without digest",
            acceptance(),
            |o| o["spec"]["invitation"] = Value::Null,
            "spec: `relationshipRef` and `invitation` stand together: the digest says what was accepted; leave both out to accept the agreement alone",
        ),
        (
            "decline nothing",
            acceptance(),
            |o| {
                o["spec"]["decision"] = json!("Decline");
                o["spec"]["relationshipRef"] = Value::Null;
                o["spec"]["invitation"] = Value::Null;
            },
            "spec: `decision: Decline` needs `relationshipRef`: what is declined is the invitation to a relationship",
        ),
        (
            "not read",
            acceptance(),
            |o| o["spec"]["readConfirmed"] = json!(false),
            "spec: `readConfirmed` must be `true`: whoever decides has read the agreement",
        ),
        (
            "any and some",
            boundary(),
            |o| o["spec"]["customers"]["any"] = json!(true),
            "spec: give exactly one of `customers.any: true` and `customers.tenantIds`",
        ),
        (
            "no groups",
            boundary(),
            |o| o["spec"]["grantees"] = json!({}),
            "spec: give exactly one of `grantees.any: true` and `grantees.groupIds`",
        ),
        (
            "no allowed roles",
            boundary(),
            |o| o["spec"]["roles"] = json!({}),
            "spec: give exactly one of `roles.any: true` and `roles.allowed`",
        ),
    ]);
}

#[test]
fn what_cannot_change_does_not() {
    let offer_identity = "the object: `partner`, `type` and `cloud` of an offer cannot change: write a new offer under another name";
    let offer_ceiling = "the object: `roles`, `tasks` and `duration` of an offer cannot change: write a new offer under another name, and move each customer to it by `offerRef`";
    let relationship_identity = "spec: `customer` and `displayName` of a relationship cannot change: write a new relationship";
    let inline_identity =
        "spec: `partner`, `type` and `cloud` of an offer cannot change: write a new relationship";
    let fact = "spec: an acceptance is a fact and cannot change: write a new one";
    let mut inline = relationship();
    inline["spec"].as_object_mut().unwrap().remove("offerRef");
    inline["spec"]["offer"] = offer()["spec"].clone();
    let cases: &[(&str, Value, Edit, &str)] = &[
        ("nothing", offer(), |_| {}, ""),
        (
            "another partner",
            offer(),
            |o| o["spec"]["partner"]["displayName"] = json!("Other"),
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
            |o| o["spec"]["customer"]["displayName"] = json!("Other"),
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

type Edit = fn(&mut Value);

fn refused(cases: &[(&str, Value, Edit, &str)]) {
    for (name, good, edit, expected) in cases {
        let mut object = good.clone();
        edit(&mut object);
        assert_eq!(verdict(&mut object, None), *expected, "{name}");
    }
}

fn verdict(object: &mut Value, old: Option<&Value>) -> String {
    let kind = object["kind"].as_str().unwrap().to_owned();
    let violations = Schemas::compiled().verdict(&kind, object, old);
    if violations.iter().all(|violation| violation.kind == ViolationKind::Rule) {
        let ours: BTreeSet<_> = violations.iter().map(|found| found.message.clone()).collect();
        assert_eq!(ours, rules_broken_by_kube_cel(&kind, object, old), "{object:#}");
    }
    violations.iter().map(sentence).collect::<Vec<_>>().join("\n")
}

/// The same rules judged by the library as a whole, which knows nothing of what a rule looks at.
fn rules_broken_by_kube_cel(kind: &str, object: &Value, old: Option<&Value>) -> BTreeSet<String> {
    let (_, mut schema) = schemas().into_iter().find(|(name, _)| name == kind).unwrap();
    schema["properties"].as_object_mut().unwrap().remove("status");
    let sorted = |object: &Value| {
        let mut object = object.clone();
        if let Some(roles) = object.pointer_mut("/spec/roles").and_then(Value::as_array_mut) {
            roles.sort_by_key(ToString::to_string);
        }
        object
    };
    let old = old.map(sorted);
    match Validator::new().validate(&schema, &sorted(object), old.as_ref()) {
        Ok(()) => BTreeSet::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

fn sentence(violation: &Violation) -> String {
    let mut sentence = String::new();
    for step in &violation.path {
        match step {
            PathStep::Field(name) if sentence.is_empty() => sentence.push_str(name),
            PathStep::Field(name) => write!(sentence, ".{name}").unwrap(),
            PathStep::Index(index) => write!(sentence, "[{index}]").unwrap(),
        }
    }
    if sentence.is_empty() {
        sentence.push_str("the object");
    }
    write!(sentence, ": {}", violation.message).unwrap();
    if let Some(help) = &violation.help {
        write!(sentence, " ({help})").unwrap();
    }
    sentence
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": "sample", "namespace": "msp-helpdesk" },
        "spec": spec,
    })
}

fn offer() -> Value {
    object(
        "PartnerOffer",
        &json!({
            "partner": { "tenantId": GUID, "displayName": "Contoso" },
            "type": "GranularDelegatedAdmin",
            "duration": "P365D",
            "roles": ["User Administrator", "Helpdesk Administrator"],
            "agreement": {
                "type": "MicrosoftCustomerAgreement",
                "templateId": GUID,
                "documents": [{ "country": "DE", "language": "de", "sha256": "a".repeat(64) }],
            },
            "terms": { "url": "https://example.com/terms", "sha256": "a".repeat(64) },
        }),
    )
}

fn relationship() -> Value {
    object(
        "PartnerRelationship",
        &json!({
            "customer": { "tenantId": GUID, "displayName": "Acme" },
            "displayName": "acme-helpdesk",
            "offerRef": { "name": "helpdesk" },
        }),
    )
}

fn grant() -> Value {
    object(
        "RoleGrant",
        &json!({
            "relationshipRef": { "name": "acme" },
            "grantee": { "securityGroup": { "id": GUID, "displayName": "Helpdesk" } },
            "roles": ["Helpdesk Administrator"],
            "notAfter": "2027-01-01T00:00:00Z",
            "justification": "first level support",
        }),
    )
}

fn acceptance() -> Value {
    object(
        "AgreementAcceptance",
        &json!({
            "decision": "Accept",
            "customer": { "tenantId": GUID },
            "partner": { "tenantId": GUID },
            "agreement": {
                "type": "MicrosoftCustomerAgreement",
                "templateId": GUID,
                "country": "DE",
                "language": "de",
                "documentSha256": "a".repeat(64),
            },
            "acceptedBy": {
                "firstName": "Ada",
                "lastName": "Lovelace",
                "email": "ada@example.com",
                "role": "GlobalAdministrator",
            },
            "acceptedAt": "2026-11-21T10:00:00Z",
            "readConfirmed": true,
            "relationshipRef": { "name": "acme" },
            "invitation": "a".repeat(64),
        }),
    )
}

fn boundary() -> Value {
    object(
        "PartnerBoundary",
        &json!({
            "namespaces": ["msp-helpdesk"],
            "partner": { "tenantId": GUID, "certifiedFor": ["GranularDelegatedAdmin"] },
            "customers": { "tenantIds": [GUID] },
            "grantees": { "any": true },
            "roles": { "allowed": ["Helpdesk Administrator"] },
            "privileged": { "maxWindow": "PT8H" },
            "limits": { "window": "PT1H", "revocations": { "count": 25 } },
        }),
    )
}
