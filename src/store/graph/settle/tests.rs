//! What became of what was sent, for every way in which the service may show it.
//!
//! Never: a call, or a clock.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{
    api::{Cloud, PartnerType},
    domain::{
        change::{Approval, Cause, Change, Precondition, Subject},
        entry::{Actor, ActorKind, ActorStanding, Intent},
        ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR, TenantId},
        lifecycle::EndReason,
        state::{
            Assignment, Grantee, GranteeKind, Host, Instance, ObjectName, Owner, RelationshipKey,
            Roles, Tenant,
            seen::{SeenAssignment, Unread},
        },
    },
};

const GROUP: GranteeId = GranteeId::from_u128(0x0a);
const BOTH: [RoleId; 2] = [HELPDESK_ADMINISTRATOR, GLOBAL_ADMINISTRATOR];

fn second(number: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + number).unwrap()
}

fn grantee() -> Grantee {
    Grantee { id: GROUP, kind: GranteeKind::SecurityGroup, name: None }
}

/// What was sent at second 0, and is in this state.
fn errand(effect: Effect, state: ErrandState) -> Errand {
    let key = RelationshipKey {
        cloud: Cloud::Global,
        partner: TenantId::from_u128(0xaa),
        name: "acme".into(),
    };
    let object = ObjectName { namespace: "msp".into(), name: "acme".into() };
    let change = Change {
        subject: Subject {
            relationship: Some(key),
            owner: Owner { instance: Instance::cli(), object },
            partner: Tenant { id: TenantId::from_u128(0xaa), name: None },
            customer: Tenant { id: TenantId::from_u128(0xbb), name: None },
            type_: Some(PartnerType::GranularDelegatedAdmin),
        },
        effect,
        cause: Cause::Declared,
        approval: Approval::NotNeeded,
        expects: Precondition { uid: None, revision: 1, version: 0 },
    };
    let actor =
        Actor { name: "ada".to_owned(), kind: ActorKind::Person, standing: ActorStanding::Claimed };
    Errand {
        id: change.id(),
        change,
        scope: "default".to_owned(),
        actor,
        intent: Intent::default(),
        host: Host::Other,
        state,
        at: Some(ServiceId::new("r1")),
        by: None,
        sent_at: second(0),
    }
}

/// Sets the roles of the group from nothing to these.
fn sets(roles: &[RoleId], state: ErrandState) -> Errand {
    let roles: Roles = roles.iter().map(|role| (*role, second(1_000_000))).collect();
    let after = Assignment { recorded: roles.clone(), roles, ..Assignment::default() };
    errand(Effect::SetRoles { grantee: grantee(), before: Assignment::default(), after }, state)
}

/// An assignment of the group: its roles, and where it is.
type Shown<'a> = (&'a [RoleId], AssignmentStatus);

/// The relationship in this stage, under which the group has these assignments.
fn seen(stage: Lifecycle, assignments: &[Shown<'_>]) -> SeenRelationship {
    let assignment = |(number, (roles, status)): (usize, &Shown<'_>)| {
        let assignment = SeenAssignment {
            grantee: GROUP,
            kind: GranteeKind::SecurityGroup,
            roles: roles.iter().copied().collect(),
            status: status.clone(),
            etag: None,
            created_at: None,
        };
        (number.to_string().into(), assignment)
    };
    SeenRelationship {
        id: ServiceId::new("r1"),
        name: "acme".to_owned(),
        customer: Some(Tenant { id: TenantId::from_u128(0xbb), name: None }),
        stage,
        duration: Some(Duration::from_days(730)),
        auto_extend: Duration::ZERO,
        roles: BOTH.into(),
        created_at: None,
        activated_at: None,
        ends_at: None,
        etag: None,
        provider: None,
        fault: None,
        assignments: Ok(assignments.iter().enumerate().map(assignment).collect()),
    }
}

/// What became of it at this second, in one word.
fn word(errand: &Errand, seen: Option<&SeenRelationship>, at: i64) -> &'static str {
    match fate(errand, seen, None, second(at)) {
        Fate::Made => "made",
        Fate::Waits => "waits",
        Fate::Lock => "lock",
        Fate::Refused(_) => "refused",
        Fate::Lost(_) => "lost",
    }
}

#[test]
fn what_a_group_holds_tells_what_became_of_it() {
    use AssignmentStatus::{Active, Deleted, Deleting, Error, Pending, Unknown};
    let helpdesk = &BOTH[..1];
    let odd = Unknown("odd".to_owned());
    // Wanted, what is there, and the word at once and after three minutes, where no answer had come.
    let cases: [(&[RoleId], Vec<Shown<'_>>, &str, &str); 14] = [
        (helpdesk, vec![], "waits", "lost"),
        (helpdesk, vec![(helpdesk, Pending)], "waits", "waits"),
        (helpdesk, vec![(helpdesk, Active)], "made", "made"),
        (helpdesk, vec![(&BOTH, Active)], "waits", "lost"),
        (helpdesk, vec![(&BOTH[1..], Active)], "waits", "lost"),
        (helpdesk, vec![(helpdesk, Deleting)], "waits", "lost"),
        (helpdesk, vec![(helpdesk, Deleted)], "waits", "lost"),
        (helpdesk, vec![(helpdesk, Error)], "refused", "refused"),
        (helpdesk, vec![(helpdesk, Deleted), (helpdesk, Active)], "made", "made"),
        (helpdesk, vec![(helpdesk, odd)], "waits", "lost"),
        (&[], vec![], "made", "made"),
        (&[], vec![(helpdesk, Active)], "waits", "lost"),
        (&[], vec![(helpdesk, Deleting)], "waits", "waits"),
        (&[], vec![(helpdesk, Deleted), (helpdesk, Error)], "made", "made"),
    ];
    for (wanted, there, at_once, later) in cases {
        let errand = sets(wanted, ErrandState::Unknown);
        let there = seen(Lifecycle::Active, &there);
        let words = [1, 180].map(|at| word(&errand, Some(&there), at));
        assert_eq!(words, [at_once, later], "{wanted:?}: {:?}", there.assignments);
    }
}

#[test]
fn what_was_taken_is_given_more_time_than_what_got_no_answer() {
    let there = seen(Lifecycle::Active, &[]);
    for (state, until) in [(ErrandState::Unknown, 120), (ErrandState::Sent, 900)] {
        let errand = sets(&BOTH, state);
        assert_eq!(word(&errand, Some(&there), until - 1), "waits", "{state:?}");
        assert_eq!(word(&errand, Some(&there), until), "lost", "{state:?}");
        assert_eq!(word(&errand, None, until - 1), "waits", "{state:?}");
        assert_eq!(word(&errand, None, until), "lost", "{state:?}");
    }
}

#[test]
fn what_could_not_be_read_settles_nothing_however_late_it_is() {
    let late = SignedDuration::from_hours(48).as_secs();
    let unread = Unread("it answers 500".to_owned());
    let mut there = seen(Lifecycle::Active, &[]);
    there.assignments = Err(unread.clone());
    for wanted in [&BOTH[..], &[]] {
        assert_eq!(word(&sets(wanted, ErrandState::Sent), Some(&there), late), "waits");
    }
    let mut odd = seen(Lifecycle::Active, &[(&BOTH, AssignmentStatus::Active)]);
    odd.fault = Some(unread);
    assert_eq!(word(&sets(&BOTH, ErrandState::Sent), Some(&odd), late), "waits");
}

#[test]
fn under_what_is_over_nobody_holds_anything_and_nothing_is_given() {
    let over = seen(Lifecycle::Terminated, &[]);
    assert_eq!(word(&sets(&[], ErrandState::Sent), Some(&over), 1), "made");
    assert_eq!(word(&sets(&BOTH, ErrandState::Sent), Some(&over), 1), "refused");
}

#[test]
fn what_the_service_says_that_it_refused_is_made_only_where_it_is_there() {
    let errand = sets(&BOTH, ErrandState::Sent);
    let never = Denied::Never("409".to_owned());
    let refused = |there: &SeenRelationship| fate(&errand, Some(there), Some(&never), second(1));
    let there = seen(Lifecycle::Active, &[(&BOTH, AssignmentStatus::Active)]);
    assert_eq!(refused(&there), Fate::Made);
    let absent = seen(Lifecycle::Active, &[]);
    assert_eq!(refused(&absent), Fate::Refused("409".to_owned()));
}

#[test]
fn a_relationship_is_ended_once_it_is_ending_and_not_when_that_was_only_asked_for() {
    let ends = errand(Effect::Terminate { reason: EndReason::Deleted }, ErrandState::Sent);
    let stages = [
        (Lifecycle::Active, "waits"),
        (Lifecycle::TerminationRequested, "waits"),
        (Lifecycle::Terminating, "made"),
        (Lifecycle::Terminated, "made"),
        (Lifecycle::Expired, "made"),
        (Lifecycle::Unknown("odd".to_owned()), "waits"),
    ];
    for (stage, expected) in stages {
        assert_eq!(word(&ends, Some(&seen(stage.clone(), &[])), 1), expected, "{stage}");
    }
}

#[test]
fn a_role_or_an_extension_that_a_patch_did_not_change_is_not_made() {
    let ceiling: BTreeSet<RoleId> = BOTH.into();
    let after: BTreeSet<RoleId> = [HELPDESK_ADMINISTRATOR].into();
    let drops = Effect::DropGlobalAdministrator { before: ceiling, after: after.clone() };
    let drops = errand(drops, ErrandState::Sent);
    let mut there = seen(Lifecycle::Active, &[]);
    assert_eq!(word(&drops, Some(&there), 1), "waits");
    there.roles = after;
    assert_eq!(word(&drops, Some(&there), 1), "made");

    let half_a_year = Duration::from_days(180);
    let extends = Effect::SetAutoExtend { before: Duration::ZERO, after: half_a_year };
    let extends = errand(extends, ErrandState::Sent);
    assert_eq!(word(&extends, Some(&there), 1), "waits");
    there.auto_extend = half_a_year;
    assert_eq!(word(&extends, Some(&there), 1), "made");
    there.stage = Lifecycle::Terminating;
    there.auto_extend = Duration::ZERO;
    assert_eq!(word(&extends, Some(&there), 1), "refused");
}

fn status() -> impl Strategy<Value = AssignmentStatus> {
    use AssignmentStatus::{Active, Deleted, Deleting, Error, Pending, Unknown};
    let odd = Unknown("odd".to_owned());
    prop_oneof![Just(Pending), Just(Active), Just(Deleting), Just(Deleted), Just(Error), Just(odd)]
}

fn some_roles() -> impl Strategy<Value = Vec<RoleId>> {
    proptest::sample::subsequence(BOTH.to_vec(), 0..=2)
}

proptest! {
    /// Whatever is shown: what is told as made is in force and nothing else is held, and what was refused or lost is not
    /// in force.
    #[test]
    fn made_is_exactly_what_is_in_force(
        wanted in some_roles(),
        there in proptest::collection::vec((some_roles(), status()), 0..4),
        at in 0_i64..2_000,
        sent in any::<bool>(),
        refused in any::<bool>(),
    ) {
        let state = if sent { ErrandState::Sent } else { ErrandState::Unknown };
        let errand = sets(&wanted, state);
        let shown: Vec<Shown<'_>> =
            there.iter().map(|(roles, status)| (&roles[..], status.clone())).collect();
        let shown = seen(Lifecycle::Active, &shown);
        let held: Vec<_> = there.iter().filter(|(_, status)| status.is_held()).collect();
        let in_force = match &held[..] {
            [] => wanted.is_empty(),
            [(roles, AssignmentStatus::Active)] => *roles == wanted && !wanted.is_empty(),
            _ => false,
        };
        let denied = refused.then(|| Denied::Perhaps("no".to_owned()));
        let fate = fate(&errand, Some(&shown), denied.as_ref(), second(at));
        prop_assert_eq!(matches!(fate, Fate::Made), in_force, "{:?}: {:?}", fate, there);
    }
}
