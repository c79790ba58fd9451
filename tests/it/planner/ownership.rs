//! What a hostile reader tried on owners, deletions and successors: each sentence failed once.
//!
//! Never: an end for a row by an object that it does not belong to.

use concordat::{
    api::{AcceptanceDecision, Gates, GrantDeletionPolicy, ManagementPolicy, UnmanagedAssignments},
    domain::{
        change::{Cause, Effect},
        lifecycle::{EndReason, Ended, Lifecycle},
        plan::{Claimant, Foreign, plan},
        state::{DesiredGrant, Instance, Standing, Uid},
    },
};

use super::{
    build::{Grant, Relationship, answer, claimant, day, key, object, role, roles},
    generate::{Step, World, free},
    told::{active_with, changes, codes, gives, of},
};

#[test]
fn agreements_are_recorded_in_the_same_order_whatever_the_order_of_the_input() {
    let mut world = World::new();
    for number in 0..4 {
        let day = day(-i64::from(number) * 7 % 5);
        world.input.agreements.push(answer(number, AcceptanceDecision::Accept, day, None));
    }
    let mut again = world.input.agreements[0].clone();
    again.object = object("again");
    world.input.agreements.push(again);
    let plan = world.plan();
    world.input.agreements.reverse();
    assert_eq!(plan, world.plan());
}

#[test]
fn a_grant_that_says_retain_when_it_is_deleted_is_retained() {
    for (recorded, said, held) in [
        (GrantDeletionPolicy::Revoke, GrantDeletionPolicy::Retain, "0 until 100"),
        (GrantDeletionPolicy::Retain, GrantDeletionPolicy::Revoke, ""),
    ] {
        let mut world = active_with(of(&[0]), &[]);
        world.grant(0, Grant { deletion: recorded, ..gives(&[0], 100) });
        let deleted = Standing::Deleted;
        world.grant(0, Grant { deletion: said, standing: deleted, ..gives(&[0], 100) });
        assert_eq!(world.held(), held, "{said:?}");
    }
}

#[test]
fn a_deleted_grant_whose_group_was_edited_is_still_retained() {
    let mut world = active_with(of(&[0]), &[]);
    let grant = Grant { deletion: GrantDeletionPolicy::Retain, ..gives(&[0], 100) };
    world.grant(0, grant.clone());
    world.grant(0, Grant { grantee: 1, standing: Standing::Deleted, ..grant });
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn a_deleted_relationship_ends_only_what_is_its_own() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    let deleted = Relationship { standing: Standing::Deleted, ..of(&[0]) };
    let adopting = Relationship {
        namespace: "other".to_owned(),
        adopt_from: Some("cluster/msp/relationship-0".to_owned()),
        ..deleted.clone()
    };
    world.step(&Step::Relationship(0, adopting));
    assert_eq!(changes(&world.plan()), "");
    world.step(&Step::Relationship(0, deleted));
    let relationship = world.input.relationships.get_mut(&0).unwrap();
    relationship.uid = 999;
    assert_eq!(changes(&world.plan()), "", "the deletion of another UID");
}

#[test]
fn a_row_is_claimed_before_anything_else_is_done_with_it() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 10));
    let adopting = Relationship {
        namespace: "other".to_owned(),
        adopt_from: Some("cluster/msp/relationship-0".to_owned()),
        ..of(&[0])
    };
    world.steps(&[Step::Relationship(0, adopting), Step::Days(10), Step::Apply]);
    assert_eq!(changes(&world.plan()), "");
    assert_eq!(world.rows()[0].owner.to_string(), "cluster/other/relationship-0");
}

#[test]
fn an_abandoned_invitation_that_is_approved_later_gets_nothing_and_is_ended() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.declare(of(&[0, 1]));
    world.declare(of(&[0, 2]));
    assert_eq!(world.stages(), "Active, Withdrawn (Replaced), ApprovalPending");
    let row = &mut world.memory.observed.relationships.get_mut(&key(0)).unwrap()[1];
    row.lifecycle = Lifecycle::Active;
    row.ended = Some(Ended { at: day(0), reason: EndReason::Replaced });
    row.ends_at = Some(day(365));
    assert_eq!(changes(&world.plan()), "Terminate Replaced");
    world.apply();
    assert_eq!(world.stages(), "Active, Terminated (Replaced), ApprovalPending");
}

#[test]
fn a_successor_that_waits_for_the_agreement_does_not_cut_off_its_predecessor() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.declare(Relationship { agreement: Some(Gates::Access), ..of(&[0, 1]) });
    let row = world.rows()[1].clone();
    let mut accept = answer(0, AcceptanceDecision::Accept, day(0), Some(row.digest));
    accept.agreement = None;
    world.input.answers.push((0, accept));
    world.apply();
    let held: Vec<_> = world.rows().iter().flat_map(|row| row.assignments.values()).collect();
    let held = held.iter().any(|held| held.state.roles.contains_key(&role(0)));
    assert!(held, "{}", world.stages());
}

#[test]
fn a_spec_that_is_reverted_between_activation_and_termination_keeps_what_matches() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.declare(of(&[0, 1]));
    world.steps(&[Step::Answer(0, AcceptanceDecision::Accept), Step::ApplySome(1)]);
    world.declare(of(&[0]));
    assert_eq!(world.stages(), "Active, Terminated (Replaced)");
    assert_eq!(changes(&world.plan()), "");
}

#[test]
fn a_successor_takes_a_name_that_nobody_else_has() {
    let mut world = active_with(of(&[0]), &[]);
    let mut rows = world.memory.observed.relationships[&key(0)].clone();
    let mut other = key(0);
    other.name.push_str("-2");
    rows[0].key = other.clone();
    world.memory.observed.relationships.insert(other, rows);
    world.declare(of(&[0, 1]));
    assert_eq!(world.rows()[1].key.name, "customer 0-3");
}

#[test]
fn an_ended_contribution_is_no_reason_to_write() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 10));
    world.grant(1, gives(&[0], 20));
    let mut observed = of(&[0]);
    observed.policies.management = ManagementPolicy::Observe;
    world.steps(&[Step::Relationship(0, observed), Step::Days(12)]);
    assert_eq!(changes(&world.plan()), "");
}

#[test]
fn a_difference_of_uids_is_none_when_the_rows_of_a_cluster_are_read_from_files() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 10));
    let mut desired = world.input.desired();
    for wish in desired.relationships.values_mut() {
        wish.uid = Uid::of_file();
        wish.grants = wish
            .grants
            .iter()
            .map(|(name, grant)| {
                (name.clone(), DesiredGrant { uid: Uid::of_file(), ..grant.clone() })
            })
            .collect();
    }
    let plan = plan(&desired, &world.memory.observed, &Claimant::cli(Foreign::ReadAs));
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", ""));
}

#[test]
fn rows_of_another_instance_are_a_conflict_for_who_would_write() {
    let world = active_with(of(&[0]), &[]);
    let other = Claimant { instance: Instance("other".into()), ..claimant() };
    let plan = plan(&world.input.desired(), &world.memory.observed, &other);
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0501"));
}

#[test]
fn global_administrator_is_taken_from_people_before_it_is_dropped_from_the_ceiling() {
    let mut world = active_with(of(&[0, 1, 3]), &[]);
    world.grant(0, gives(&[0, 3], 100));
    world.steps(&[Step::Grant(0, gives(&[0, 1], 100)), Step::Relationship(0, of(&[0, 1]))]);
    let plan = world.plan();
    assert_eq!(changes(&plan), "SetRoles Declared, DropGlobalAdministrator Declared");
    assert_eq!(free(&plan).count(), 2);
}

#[test]
fn a_held_grant_of_global_administrator_loses_it_with_the_ceiling_and_nothing_is_left_to_do() {
    let mut world = active_with(of(&[0, 1, 3]), &[]);
    world.grant(0, gives(&[0, 3], 100));
    world.step(&Step::GrantStanding(0, Standing::Suspended));
    world.declare(of(&[0, 1]));
    assert_eq!((world.held().as_str(), changes(&world.plan()).as_str()), ("0 until 100", ""));
}

#[test]
fn access_that_was_prolonged_outside_is_cut_where_it_is_to_be_revoked() {
    let mut revoke = of(&[0]);
    revoke.policies.unmanaged = UnmanagedAssignments::Revoke;
    let mut world = active_with(revoke, &[]);
    world.grant(0, gives(&[0], 10));
    world.steps(&[Step::Outside(0, 0, 0, Some(50)), Step::Apply]);
    assert_eq!(world.held(), "0 until 10");
    let caused = |cause| world.plan().changes.iter().any(|change| change.cause == cause);
    assert!(!caused(Cause::Unmanaged));
    let effects = world.plan().changes;
    assert!(!effects.iter().any(|change| matches!(change.effect, Effect::SetRoles { .. })));
    assert_eq!(roles(&[0]).len(), 1);
}

#[test]
fn a_deleted_relationship_whose_offer_is_gone_ends_by_what_the_store_has_recorded() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    world.input.relationships.get_mut(&0).unwrap().standing = Standing::Deleted;
    let mut desired = world.input.desired();
    desired.relationships.clear();
    let ended = plan(&desired, &world.memory.observed, &claimant());
    assert_eq!(ended.changes.len(), 1, "{}", changes(&ended));
    desired.leaving.values_mut().for_each(|uid| *uid = Uid("of another object".into()));
    let kept = plan(&desired, &world.memory.observed, &claimant());
    assert_eq!(changes(&kept), "", "the deletion of another UID");
}

#[test]
fn a_deleted_grant_takes_away_what_it_gave_also_under_a_relationship_that_is_gone() {
    for (deletion, number) in [(GrantDeletionPolicy::Revoke, 1), (GrantDeletionPolicy::Retain, 0)] {
        let mut world = active_with(of(&[0]), &[]);
        world.grant(0, Grant { deletion, ..gives(&[0], 100) });
        world.input.grants.get_mut(&0).unwrap().standing = Standing::Deleted;
        let mut desired = world.input.desired();
        desired.relationships.clear();
        let ended = plan(&desired, &world.memory.observed, &claimant());
        assert_eq!(ended.changes.len(), number, "{deletion:?}: {}", changes(&ended));
        desired.leaving.values_mut().for_each(|uid| *uid = Uid("of another object".into()));
        let kept = plan(&desired, &world.memory.observed, &claimant());
        assert_eq!(changes(&kept), "", "the deletion of another UID");
    }
}

#[test]
fn a_relationship_with_problems_gives_nothing_and_keeps_nothing_that_its_grants_give_up() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0, 1], 100));
    world.grant(1, gives(&[0], 50));
    world.step(&Step::RelationshipStanding(0, Standing::Invalid));
    world.grant(0, gives(&[1, 2], 200));
    assert_eq!(world.held(), "0 until 50, 1 until 100", "less, and nothing else or longer");
    world.grant(1, Grant { standing: Standing::Deleted, ..gives(&[0], 50) });
    assert_eq!(world.held(), "1 until 100");
    world.grant(0, Grant { grantee: 1, ..gives(&[1], 200) });
    assert_eq!((world.held().as_str(), world.held_by(1).as_str()), ("", ""));
    world.step(&Step::RelationshipStanding(0, Standing::Live));
    world.apply();
    assert_eq!(world.held_by(1), "1 until 200", "all of it once the problem is mended");
}

#[test]
fn a_row_is_claimed_from_no_object_that_is_not_proven_to_be_gone() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 100));
    let adopting = Relationship {
        namespace: "other".to_owned(),
        adopt_from: Some("cluster/msp/relationship-0".to_owned()),
        ..of(&[0])
    };
    world.step(&Step::Relationship(0, adopting));
    let mut desired = world.input.desired();
    assert_eq!(changes(&plan(&desired, &world.memory.observed, &claimant())), "Claim Declared");
    desired.gone.clear();
    let standing = plan(&desired, &world.memory.observed, &claimant());
    assert_eq!((changes(&standing).as_str(), codes(&standing).as_str()), ("", "C0501"));
    let message = standing.notices[0].message();
    assert!(!message.contains("msp"), "other namespaces are not told on a cluster: {message}");
    let other = Claimant { instance: Instance("other".into()), ..claimant() };
    let foreign = plan(&world.input.desired(), &world.memory.observed, &other);
    assert_eq!((changes(&foreign).as_str(), codes(&foreign).as_str()), ("", "C0501"));
}
