//! What Graph is known to write, what nobody knows, and what could deceive, each read.
//!
//! Never: bytes after which a parser panics.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const GROUP: &str = "0a0a0a0a-1111-4222-8333-444444444444";

/// As Graph writes one that is active.
fn active() -> Value {
    json!({
        "@odata.etag": "W/\"1\"",
        "id": "5e5594d3-6f82-458b-b567-77db4811f0cd-00000000-0000-0000-0000-000000001234",
        "displayName": "fabrikam-helpdesk",
        "duration": "P730D",
        "autoExtendDuration": "PT0S",
        "customer": {"tenantId": "bbbbcccc-1111-dddd-2222-eeee3333ffff", "displayName": "Fabrikam"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK}]},
        "status": "active",
        "createdDateTime": "2026-11-01T10:00:00Z",
        "activatedDateTime": "2026-11-02T10:00:00.1234567Z",
        "endDateTime": "2028-11-01T10:00:00Z"
    })
}

fn with(change: Value) -> Value {
    let mut object = active();
    let (Value::Object(all), Value::Object(change)) = (&mut object, change) else { unreachable!() };
    for (name, value) in change {
        all.insert(name, value);
    }
    object
}

fn given(change: Value) -> Value {
    let mut object = json!({
        "@odata.etag": "W/\"2\"",
        "id": "0e0e0e0e-1111-4222-8333-444444444444",
        "status": "active",
        "createdDateTime": "2026-11-02T11:00:00Z",
        "accessContainer": {"accessContainerId": GROUP, "accessContainerType": "securityGroup"},
        "accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK}]}
    });
    let (Value::Object(all), Value::Object(change)) = (&mut object, change) else { unreachable!() };
    all.extend(change);
    object
}

#[test]
fn what_the_service_is_known_to_write_is_read_as_it_is_meant() {
    let plain = relationship(&active()).unwrap();
    assert_eq!(plain.stage, Lifecycle::Active);
    assert_eq!(plain.duration, Some(Duration::from_days(730)));
    assert_eq!(plain.assignments, Ok(BTreeMap::new()));
    let same = [
        json!({"duration": "P2Y"}),
        json!({"duration": "P104W2D"}),
        json!({"autoExtendDuration": "P0D"}),
        json!({"autoExtendDuration": null}),
        json!({"customer": {"tenantId": "BBBBCCCC-1111-DDDD-2222-EEEE3333FFFF", "displayName": "Fabrikam"}}),
        json!({"accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK.to_uppercase(), "later": 1}]}}),
        json!({"aMemberThatNobodyKnows": {"deep": [1, 2]}}),
        json!({"endDateTime": "2028-11-01T10:00:00.0000000+00:00"}),
    ];
    for change in same {
        assert_eq!(relationship(&with(change.clone())).unwrap(), plain, "{change}");
    }
    let nothing = [
        json!({"activatedDateTime": ""}),
        json!({"activatedDateTime": null}),
        json!({"activatedDateTime": "0001-01-01T00:00:00Z"}),
    ];
    for change in nothing {
        let read = relationship(&with(change.clone())).unwrap();
        assert_eq!((read.activated_at, read.assignments.is_ok()), (None, true), "{change}");
    }
    for customer in [json!(null), json!({}), json!({"tenantId": null}), json!({"tenantId": ""})] {
        assert_eq!(relationship(&with(json!({"customer": customer}))).unwrap().customer, None);
    }
    let nameless = json!({"customer": {"tenantId": "bbbbcccc-1111-dddd-2222-eeee3333ffff"}});
    assert_eq!(relationship(&with(nameless)).unwrap().customer.unwrap().name, None);
}

#[test]
fn what_nobody_knows_is_carried_and_never_taken_for_something_else() {
    for (status, expected) in [
        (json!("approvalPending"), Lifecycle::ApprovalPending),
        (json!("terminationRequested"), Lifecycle::TerminationRequested),
        (json!("unknownFutureValue"), Lifecycle::Unknown("unknownFutureValue".into())),
        (json!("frozen"), Lifecycle::Unknown("frozen".into())),
        (json!("withdrawn"), Lifecycle::Unknown("withdrawn".into())),
        (json!(null), Lifecycle::Unknown("none".into())),
        (json!(""), Lifecycle::Unknown("none".into())),
    ] {
        assert_eq!(relationship(&with(json!({"status": status}))).unwrap().stage, expected);
    }
    for (status, held) in
        [("pending", true), ("deleting", true), ("deleted", false), ("error", false), ("odd", true)]
    {
        let (_, read) = assignment(&given(json!({"status": status}))).unwrap();
        assert_eq!(read.status.is_held(), held, "{status}");
    }
    for duration in ["P12M", "two years", "-P1D", "P99999999Y"] {
        assert_eq!(relationship(&with(json!({"duration": duration}))).unwrap().duration, None);
    }
}

#[test]
fn what_cannot_be_understood_leaves_a_relationship_unread_and_says_why() {
    let changes = [
        (json!({"accessDetails": null}), "`accessDetails.unifiedRoles` is missing"),
        (json!({"accessDetails": {}}), "`accessDetails.unifiedRoles` is missing"),
        (json!({"accessDetails": {"unifiedRoles": [{}]}}), "a role has no `roleDefinitionId`"),
        (
            json!({"accessDetails": {"unifiedRoles": [{"roleDefinitionId": "admin"}]}}),
            "`roleDefinitionId` is no GUID: `admin`",
        ),
        (
            json!({"customer": {"tenantId": "fabrikam"}}),
            "`customer.tenantId` is no GUID: `fabrikam`",
        ),
        (json!({"customer": []}), "`customer` is no object"),
        (json!({"endDateTime": "soon"}), "`endDateTime` is no instant: `soon`"),
        (json!({"displayName": 7}), "`displayName` is no text"),
        (json!({"autoExtendDuration": "P6M"}), "`autoExtendDuration` is no length of time: `P6M`"),
        (json!({"isPartnerConsentPending": "yes"}), "neither true nor false"),
    ];
    for (change, expected) in changes {
        let unread = relationship(&with(change)).unwrap().assignments.unwrap_err();
        assert!(unread.0.contains(expected), "{unread}");
    }
    let changes = [
        json!({"accessContainer": null}),
        json!({"accessContainer": {"accessContainerId": "first line"}}),
        json!({"accessContainer": {"accessContainerId": GROUP, "accessContainerType": "robot"}}),
        json!({"accessDetails": {"unifiedRoles": "all"}}),
        json!({"id": null}),
        json!({"id": "../../users"}),
    ];
    for change in changes {
        assert!(assignment(&given(change.clone())).is_err(), "{change}");
    }
}

#[test]
fn who_provides_is_told_and_consent_that_is_not_told_is_not_given() {
    let subtype = "#microsoft.graph.resellerDelegatedAdminRelationship";
    let provider = |change| relationship(&with(change)).unwrap().provider;
    assert_eq!(provider(json!({})), None);
    let tenant = Some("ffffaaaa-5555-bbbb-6666-cccc7777dddd".parse().unwrap());
    let told = provider(json!({
        "@odata.type": subtype,
        "indirectProviderTenantId": "ffffaaaa-5555-bbbb-6666-cccc7777dddd",
        "isPartnerConsentPending": false
    }));
    assert_eq!(told, Some(Provider { tenant, consent_pending: false }));
    let silent = provider(json!({"@odata.type": subtype}));
    assert_eq!(silent, Some(Provider { tenant: None, consent_pending: true }));
}

#[test]
fn an_answer_that_could_deceive_is_refused() {
    let deep = "[".repeat(10_000);
    let refused = [
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"value\": null}",
        "{\"value\": {}}",
        "{\"value\": [], \"@odata.nextLink\": 7}",
        "{\"value\": [], \"@odata.nextLink\": \"\"}",
        "{\"error\": {\"code\": \"x\"}}",
        "<html>",
        &deep,
        &format!("{{\"value\": {}1{}}}", "[".repeat(70), "]".repeat(70)),
    ];
    for body in refused {
        assert!(page(body.as_bytes()).is_err(), "{body:.40}");
    }
    assert_eq!(page(b"{\"value\": []}").unwrap(), Page { items: vec![], next: None });
    assert!(relationship(&with(json!({"id": null}))).is_err());
    assert!(relationship(&with(json!({"id": "a/../b"}))).is_err());
    assert!(relationship(&with(json!({"id": ".."}))).is_err());
    assert!(relationship(&json!("text")).is_err());
}

#[test]
fn the_answers_of_a_batch_are_found_by_their_ids() {
    let body = json!({"responses": [
        {"id": "2", "status": 429, "headers": {"retry-after": "7"}, "body": {}},
        {"id": "1", "status": 200, "body": {"value": []}},
        {"id": "1", "status": 200, "body": {"value": []}},
    ]});
    let parts = batch(body.to_string().as_bytes()).unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts["2"].status, parts["2"].retry_after), (429, Some(7)));
    let two = json!({"responses": [{"id": "1", "status": 200, "body": 1}, {"id": "1", "status": 200, "body": 2}]});
    assert!(batch(two.to_string().as_bytes()).is_err());
    for body in
        ["{}", "{\"responses\": 1}", "{\"responses\": [{}]}", "{\"responses\": [{\"id\": \"1\"}]}"]
    {
        assert!(batch(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn foreign_words_are_shown_short_and_harmless() {
    let error = json!({"error": {"code": "a\u{202e}b", "message": "x".repeat(5000)}});
    let shown = error_in(&error);
    assert!(shown.len() < 400 && !shown.contains('\u{202e}'), "{shown}");
    assert_eq!(error_in(&json!(7)), "no reason is given");
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("active")),
        Just(json!(HELPDESK)),
        Just(json!("P2Y")),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name = prop_oneof![
            Just("id"),
            Just("value"),
            Just("customer"),
            Just("tenantId"),
            Just("accessDetails"),
            Just("unifiedRoles"),
            Just("roleDefinitionId"),
            Just("status"),
            Just("duration"),
            Just("accessContainer"),
            Just("endDateTime"),
            Just("@odata.nextLink"),
            Just("responses"),
            Just("body"),
            Just("headers"),
            Just("error"),
            Just("message"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6).prop_map(|fields| fields
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = page(&body);
        let _ = batch(&body);
    }

    #[test]
    fn no_value_makes_a_parser_panic(value in any_value()) {
        let _ = relationship(&value);
        let _ = assignment(&value);
        let _ = error_in(&value);
        let _ = page_in(value.clone());
        let body = value.to_string();
        let _ = page(body.as_bytes());
        let _ = batch(body.as_bytes());
    }

    #[test]
    fn any_one_member_that_is_wrong_never_makes_somebody_hold_nothing(at in 0..11_usize, value in any_value()) {
        let names: Vec<String> = active().as_object().unwrap().keys().cloned().collect();
        let read = relationship(&with(json!({names[at].clone(): value})));
        // It is read as before but for that member, or it is unread, or refused.
        if let Ok(read) = read
            && read.assignments.is_ok()
            && names[at] != "accessDetails"
        {
            prop_assert_eq!(read.roles.len(), 1);
        }
    }
}
