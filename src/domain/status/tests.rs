//! Tables of what small facts come to. The rules that need a planner are told in the tests of the planner.
//!
//! Never: a store, or a plan.

use jiff::Timestamp;

use super::{
    condition::{Told, Verdict, conditions},
    expiry::Expiry,
    *,
};
use crate::{
    api::{AcceptanceDecision, AcceptorRole, LedgerHead},
    domain::{
        digest::Digest,
        ids::TenantId,
        plan::{AnswerNotice, Notice},
        problem::{Code, FieldPath, Problem, Severity},
        state::{ObjectName, ObservedAcceptance, RelationshipKey},
        validate::references::{NO_SUCH_OFFER, NO_SUCH_RELATIONSHIP, NOTHING_SELECTED},
    },
};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(super) fn day(number: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + number * 86_400).unwrap()
}

pub(super) fn about(conditions: &[Condition], now: Timestamp) -> About<'_> {
    About { generation: 3, presence: Presence::Present, created: None, now, conditions }
}

fn name() -> ObjectName {
    ObjectName { namespace: "msp".into(), name: "acme".into() }
}

fn error(code: Code) -> Problem {
    Problem::error(code, "something is wrong").path(FieldPath::spec().field("roles")).help("do so")
}

fn warning(code: Code) -> Problem {
    error(code).severity(Severity::Warning)
}

/// `Ready=True Valid`, and what else is true or false.
pub(super) fn line(conditions: &[Condition]) -> String {
    let told =
        conditions.iter().map(|one| format!("{}={:?} {}", one.type_, one.status, one.reason));
    told.collect::<Vec<_>>().join(", ")
}

fn ready(conditions: &[Condition]) -> &Condition {
    conditions.iter().find(|condition| condition.type_ == "Ready").unwrap()
}

#[test]
fn a_transition_time_moves_with_the_status_of_its_condition_only() {
    let first = conditions(
        &about(&[], at("2026-01-01T00:00:00.750Z")),
        Verdict::under_way(Reason::Pending, "one"),
        [Told::yes(ConditionType::Unmanaged, Reason::AddedOutside, "1")],
    );
    assert_eq!(
        line(&first),
        "Ready=False Pending, Reconciling=True Pending, Unmanaged=True AddedOutside"
    );
    assert!(first.iter().all(|one| one.last_transition_time == day(0)), "in whole seconds");
    let second = conditions(&about(&first, day(1)), Verdict::stuck(Reason::Blocked, "two"), []);
    assert_eq!(line(&second), "Ready=False Blocked, Stalled=True Blocked");
    let times: Vec<_> = second.iter().map(|one| one.last_transition_time).collect();
    assert_eq!(times, [day(0), day(1)]);
    let third = conditions(&about(&second, day(2)), Verdict::reached(Reason::InSync, "three"), []);
    assert_eq!(line(&third), "Ready=True InSync");
    assert_eq!((third[0].last_transition_time, third[0].observed_generation), (day(2), Some(3)));
}

#[test]
fn texts_are_cut_at_whole_characters_and_end_in_an_ellipsis() {
    for (text, longest, expected) in [
        ("", 3, ""),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("äöüß", 3, "äö…"),
        ("äöü", 3, "äöü"),
        ("ab", 1, "…"),
    ] {
        assert_eq!(text::cut_to(text.to_owned(), longest), expected);
    }
    assert_eq!(text::cut("ß".repeat(50_000)).chars().count(), text::LONGEST);
}

#[test]
fn lists_are_told_up_to_ten_and_then_counted() {
    let items = |count: usize| text::list((0..count).map(|item| item.to_string()));
    assert_eq!(items(2), "0; 1");
    assert_eq!(items(10), "0; 1; 2; 3; 4; 5; 6; 7; 8; 9");
    assert_eq!(items(12), "0; 1; 2; 3; 4; 5; 6; 7; 8; 9; and 2 more");
}

#[test]
fn an_end_is_near_at_30_7_and_1_days_unless_it_was_so_from_the_beginning() {
    let cases = [
        // began, ends, now, reason, changes at
        (None, 365, 0, None, 335),
        (Some(0), 365, 334, None, 335),
        (Some(0), 365, 335, Some(Reason::Within30Days), 358),
        (Some(0), 365, 358, Some(Reason::Within7Days), 364),
        (Some(0), 365, 364, Some(Reason::Within1Day), 365),
        (Some(0), 20, 0, None, 13),
        (Some(0), 20, 13, Some(Reason::Within7Days), 19),
        (Some(0), 7, 0, None, 6),
        (Some(0), 1, 0, None, 1),
        (None, 20, 0, Some(Reason::Within30Days), 13),
    ];
    for (began, ends, now, reason, changes) in cases {
        let expiry = Expiry::of("it", began.map(day), day(ends), day(now));
        let told = expiry.told.map(|told| told.reason);
        let expected = (reason, Some(day(changes)));
        assert_eq!((told, expiry.next_change), expected, "{began:?} to {ends}, on day {now}");
    }
    let over = Expiry::of("it", None, day(5), day(5));
    assert_eq!((over.told, over.next_change), (None, None));
}

#[test]
fn an_object_with_problems_has_failed_and_one_that_waits_for_another_is_in_progress() {
    let wrong = Code(201);
    let cases: [(&[Problem], &str); 7] = [
        (&[], "Ready=True Valid"),
        (&[warning(wrong)], "Ready=True Valid"),
        (&[error(wrong)], "Ready=False Invalid, Stalled=True Invalid, Invalid=True Invalid"),
        (
            &[error(NO_SUCH_OFFER), error(wrong)],
            "Ready=False Invalid, Stalled=True Invalid, Invalid=True Invalid",
        ),
        (&[error(NO_SUCH_OFFER)], "Ready=False OfferNotFound, Reconciling=True OfferNotFound"),
        (
            &[error(NO_SUCH_RELATIONSHIP)],
            "Ready=False RelationshipNotFound, Reconciling=True RelationshipNotFound",
        ),
        (
            &[warning(NOTHING_SELECTED)],
            "Ready=False RelationshipNotFound, Reconciling=True RelationshipNotFound",
        ),
    ];
    for (problems, expected) in cases {
        let problems: Vec<&Problem> = problems.iter().collect();
        let told =
            offer(&about(&[], day(0)), &OfferFacts { problems: problems.clone(), hold: None });
        assert_eq!(line(&told.status.conditions), expected);
        let told = boundary(&about(&[], day(0)), &problems);
        assert_eq!(line(&told.status.conditions), expected);
        assert_eq!(told.status.observed_generation, 3);
    }
}

#[test]
fn problems_are_told_in_order_with_field_way_out_and_code_and_warnings_as_advice() {
    let (one, other) = (error(Code(202)), error(Code(201)));
    let facts = OfferFacts { problems: vec![&one, &other, &one], hold: None };
    let told = offer(&about(&[], day(0)), &facts);
    assert_eq!(
        ready(&told.status.conditions).message,
        "spec.roles: something is wrong (do so; C0201); spec.roles: something is wrong (do so; C0202)"
    );
    let advice = warning(Code(212));
    let facts = OfferFacts { problems: vec![&advice], hold: None };
    let told = offer(&about(&[], day(0)), &facts);
    assert_eq!(
        ready(&told.status.conditions).message,
        "it can be made to customers; to consider: spec.roles: something is wrong (do so; C0212)"
    );
}

#[test]
fn without_a_boundary_everything_of_a_namespace_waits_and_says_whom_to_ask() {
    let waits = "Ready=False NoBoundary, Reconciling=True NoBoundary";
    let hold = Some(Hold::NoBoundary);
    let told = offer(&about(&[], day(0)), &OfferFacts { problems: Vec::new(), hold });
    assert_eq!(line(&told.status.conditions), waits);
    let told = acceptance(&about(&[], day(0)), &AcceptanceFacts { hold, ..Default::default() });
    assert_eq!(line(&told.status.conditions), waits);
    let name = name();
    let facts =
        GrantFacts { object: &name, problems: Vec::new(), hold, selected: 1, elsewhere: &[] };
    let told = grant(&about(&[], day(0)), &facts, [], None);
    assert_eq!(line(&told.status.conditions), format!("{waits}, InForce=False NotHeld"));
}

#[test]
fn a_grant_waits_for_what_it_names_and_for_the_rest_of_what_it_selects() {
    let name = name();
    let absent = error(NO_SUCH_RELATIONSHIP);
    let cases = [
        (vec![&absent], 0, "RelationshipNotFound"),
        (Vec::new(), 0, "RelationshipNotFound"),
        (Vec::new(), 2, "Pending"),
    ];
    for (problems, selected, reason) in cases {
        let facts = GrantFacts { object: &name, problems, hold: None, selected, elsewhere: &[] };
        let told = grant(&about(&[], day(0)), &facts, [], None);
        let expected =
            format!("Ready=False {reason}, Reconciling=True {reason}, InForce=False NotHeld");
        assert_eq!(line(&told.status.conditions), expected);
    }
}

fn no_facts<'a>(
    object: &'a ObjectName,
    acceptances: &'a std::collections::BTreeMap<Digest, ObservedAcceptance>,
) -> RelationshipFacts<'a> {
    RelationshipFacts {
        object,
        declared: None,
        rows: &[],
        acceptances,
        problems: Vec::new(),
        notices: Vec::new(),
        left: Vec::new(),
        held_back: Vec::new(),
        blocked: Vec::new(),
        awaited: Vec::new(),
        refused: Vec::new(),
        hold: None,
        valid_until: None,
        held_back_until: None,
        ledger: None,
    }
}

#[test]
fn a_relationship_waits_for_its_offer_and_keeps_the_last_entry_of_the_ledger() {
    let (name, acceptances) = (name(), std::collections::BTreeMap::new());
    let absent = error(NO_SUCH_OFFER);
    let mut facts = no_facts(&name, &acceptances);
    facts.problems.push(&absent);
    facts.ledger = Some(LedgerHead { sequence: 7, hash: "ab".repeat(32) });
    let first = relationship(&about(&[], day(0)), &facts, None).status;
    assert_eq!(
        line(&first.conditions),
        "Ready=False OfferNotFound, Reconciling=True OfferNotFound"
    );
    facts.ledger = None;
    facts.problems.clear();
    let second = relationship(&about(&first.conditions, day(1)), &facts, Some(&first)).status;
    assert_eq!(line(&second.conditions), "Ready=False OfferInvalid, Reconciling=True OfferInvalid");
    assert_eq!(second.ledger, first.ledger);
    assert_eq!(second.conditions[0].last_transition_time, day(0));
}

#[test]
fn an_acceptance_is_ready_once_it_is_recorded_and_says_why_it_authorises_nothing() {
    let recorded = |decision, used_for: Option<&str>| ObservedAcceptance {
        namespace: "msp".to_owned(),
        customer: TenantId::from_u128(1),
        partner: TenantId::from_u128(2),
        decision,
        agreement: None,
        accepted_at: day(0),
        used_for: used_for.map(|name| RelationshipKey {
            cloud: crate::api::Cloud::Global,
            partner: TenantId::from_u128(2),
            name: name.into(),
        }),
    };
    let row = || RelationshipKey {
        cloud: crate::api::Cloud::Global,
        partner: TenantId::from_u128(2),
        name: "acme".into(),
    };
    let may_not = AnswerNotice::MayNotAccept(row(), AcceptorRole::BillingAdministrator);
    let accepts = |used_for| Some(recorded(AcceptanceDecision::Accept, used_for));
    let declines = Some(recorded(AcceptanceDecision::Decline, Some("acme")));
    let cases = [
        (None, None, "Ready=False Pending, Reconciling=True Pending"),
        (accepts(Some("acme")), None, "Ready=True Authorized"),
        (accepts(None), None, "Ready=True Recorded"),
        (declines, None, "Ready=True Declined"),
        (accepts(Some("acme")), Some(AnswerNotice::UsedBefore), "Ready=True AlreadyUsed"),
        (
            None,
            Some(AnswerNotice::AnsweredBefore),
            "Ready=False AlreadyUsed, Stalled=True AlreadyUsed",
        ),
        (
            None,
            Some(AnswerNotice::OtherInvitation(None)),
            "Ready=False OtherInvitation, Stalled=True OtherInvitation",
        ),
        (None, Some(AnswerNotice::TooOld), "Ready=False TooOld, Stalled=True TooOld"),
        (None, Some(may_not), "Ready=False MayNotAccept, Stalled=True MayNotAccept"),
    ];
    for (recorded, notice, expected) in cases {
        let notice = notice.map(|told| Notice::Answer(name(), told));
        let facts = AcceptanceFacts {
            accepted_at: Some(day(5)),
            recorded: recorded.as_ref(),
            notices: notice.iter().collect(),
            ..Default::default()
        };
        let told = acceptance(&about(&[], day(0)), &facts);
        assert_eq!(line(&told.status.conditions), expected);
        assert_eq!(told.next_change, Some(day(5)), "what lies in the future counts from then on");
    }
    let facts = AcceptanceFacts { refused: vec!["no".to_owned()], ..Default::default() };
    let told = acceptance(&about(&[], day(0)), &facts);
    assert_eq!(line(&told.status.conditions), "Ready=False Refused, Reconciling=True Refused");
}
