//! Tables of statuses before and after, and the events between them.
//!
//! Never: an event for what stays.

use super::{
    super::{
        condition::{Told, Verdict, conditions},
        tests::{about, day, line},
    },
    *,
};
use crate::api::{EffectiveRole, InvitationStatus};

/// The conditions of a status with this verdict, and further ones.
fn with(ready: Verdict, further: &[(ConditionType, Reason, &str)]) -> Vec<Condition> {
    let further =
        further.iter().map(|(type_, reason, message)| Told::yes(*type_, *reason, *message));
    conditions(&about(&[], day(0)), ready, further)
}

fn in_sync() -> Verdict {
    Verdict::reached(Reason::InSync, "all is well")
}

fn reasons(events: &[Event]) -> String {
    events.iter().map(|event| event.reason.to_string()).collect::<Vec<_>>().join(", ")
}

#[test]
fn events_tell_transitions_of_conditions_and_nothing_that_stays() {
    let soon = |reason| with(in_sync(), &[(ConditionType::ExpiringSoon, reason, "ends")]);
    let blocked = |hash| {
        let stuck = Verdict::stuck(Reason::Blocked, "waits");
        with(stuck, &[(ConditionType::PlanBlocked, Reason::Blocked, hash)])
    };
    let conflict = |message| with(Verdict::stuck(Reason::Conflict, message), &[]);
    let cases = [
        (Vec::new(), with(in_sync(), &[]), ""),
        (with(in_sync(), &[]), soon(Reason::RenewalDue), ""),
        (with(in_sync(), &[]), soon(Reason::Within30Days), "Expiring"),
        (soon(Reason::Within30Days), soon(Reason::Within30Days), ""),
        (soon(Reason::Within30Days), soon(Reason::Within7Days), "Expiring"),
        (soon(Reason::Within1Day), with(in_sync(), &[]), ""),
        (with(in_sync(), &[]), blocked("one"), "Blocked"),
        (blocked("one"), blocked("one"), ""),
        (blocked("one"), blocked("two"), "Blocked"),
        (with(in_sync(), &[]), conflict("a"), "Conflict"),
        (conflict("a"), conflict("b"), ""),
    ];
    for (old, new, expected) in cases {
        assert_eq!(reasons(&other_events(&old, &new)), expected, "{}", line(&new));
    }
}

fn relationship_status(conditions: Vec<Condition>) -> PartnerRelationshipStatus {
    PartnerRelationshipStatus {
        observed_generation: 1,
        conditions,
        store_id: Some("acme".to_owned()),
        lifecycle: None,
        invitation: None,
        invited_at: None,
        activated_at: None,
        ends_at: None,
        assignments: Vec::new(),
        plan: None,
        ledger: None,
        recorded: Vec::new(),
        left_out: None,
    }
}

#[test]
fn events_of_a_relationship_tell_invitation_authorisation_access_and_end() {
    let invited = PartnerRelationshipStatus {
        invitation: Some(InvitationStatus { link: None, digest: "ab".to_owned() }),
        ..relationship_status(with(Verdict::under_way(Reason::WaitingForCustomer, "waits"), &[]))
    };
    let accepted = [(ConditionType::Authorized, Reason::Authorized, "accepted")];
    let active = PartnerRelationshipStatus {
        activated_at: Some(day(1)),
        ..relationship_status(with(in_sync(), &accepted))
    };
    let held = |roles: &[(&str, i64)]| PartnerRelationshipStatus {
        assignments: vec![EffectiveAssignment {
            grantee: "group".to_owned(),
            roles: roles
                .iter()
                .map(|(role, until)| EffectiveRole {
                    id: (*role).to_owned(),
                    name: (*role).to_owned(),
                    until: Some(day(*until)),
                })
                .collect(),
        }],
        ..active.clone()
    };
    let over = relationship_status(with(Verdict::stuck(Reason::Expired, "over"), &[]));
    let cases = [
        (None, &invited, "Invited"),
        (Some(&invited), &invited, ""),
        (Some(&invited), &active, "Authorised"),
        (Some(&active), &held(&[("a", 9)]), "RoleGranted"),
        (Some(&held(&[("a", 9)])), &held(&[("b", 9)]), "RoleRevoked, RoleGranted"),
        (Some(&held(&[("a", 9)])), &held(&[("a", 8)]), ""),
        (Some(&held(&[("a", 2), ("b", 9)])), &active, "RoleRevoked"),
        (Some(&held(&[("a", 2)])), &active, ""),
        (Some(&active), &over, "Expired"),
        (Some(&over), &over, ""),
    ];
    for (position, (old, new, expected)) in cases.into_iter().enumerate() {
        let events = relationship_events(old, new, day(2));
        assert_eq!(reasons(&events), expected, "case {position}");
    }
    let told = relationship_events(Some(&held(&[("a", 2), ("b", 9)])), &active, day(2));
    assert_eq!(told[0].note, "`group` no longer holds `b`");
    assert_eq!((told[0].reason.action(), told[0].reason.type_()), ("Revoke", EventType::Normal));
}

#[test]
fn events_of_a_grant_tell_when_access_begins_and_whether_it_ended_by_time() {
    let status = |ready: Verdict, in_force: ConditionStatus| {
        let told = Told {
            type_: ConditionType::InForce,
            status: in_force,
            reason: Reason::Held,
            message: "access is held under 1 relationship".to_owned(),
        };
        RoleGrantStatus {
            observed_generation: 1,
            conditions: conditions(&about(&[], day(0)), ready, [told]),
            roles: Vec::new(),
            catalogue_version: None,
            effective_since: None,
            expires_at: None,
        }
    };
    let (yes, no) = (ConditionStatus::True, ConditionStatus::False);
    let scheduled = status(Verdict::reached(Reason::Scheduled, "later"), no);
    let held = status(in_sync(), yes);
    let expired = status(Verdict::reached(Reason::Expired, "over"), no);
    let revoked = status(Verdict::under_way(Reason::Deleting, "goes"), no);
    for (old, new, expected) in [
        (None, &scheduled, ""),
        (Some(&scheduled), &held, "RoleGranted"),
        (None, &held, "RoleGranted"),
        (Some(&held), &held, ""),
        (Some(&held), &expired, "Expired"),
        (Some(&expired), &expired, ""),
        (Some(&held), &revoked, "RoleRevoked"),
    ] {
        assert_eq!(reasons(&grant_events(old, new)), expected);
    }
    let long = "x".repeat(5_000);
    let note = &other_events(&[], &with(Verdict::stuck(Reason::Conflict, long), &[]))[0].note;
    assert_eq!(note.chars().count(), 1_024);
}
