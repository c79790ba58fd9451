//! What waits for a person, and for how long (docs/concepts.md, Planning, limits).
//!
//! Never: an expiry that waits, or an approval that counts for something else.

use std::collections::{BTreeMap, BTreeSet};

use concordat::domain::{
    change::{Cause, Change},
    limits::{Batch, Budget, Checked, Reach, check, check_as_approved, matter, member},
    state::Standing,
};

use super::{
    build::{Grant, Relationship},
    generate::{Step, World},
    told::{active_with, gives, of},
};

fn checked(world: &World, budget: &Budget, approvals: &[&Batch]) -> Checked {
    let budgets = BTreeMap::from([("default".to_owned(), budget.clone())]);
    let approvals: BTreeSet<_> = approvals.iter().map(|batch| batch.hash).collect();
    check(&world.plan(), &world.input.desired(), &budgets, &approvals)
}

/// So many groups hold one role.
fn groups(count: u8) -> (World, Budget) {
    let mut world = active_with(of(&[0, 1]), &[]);
    for number in 0..count {
        world.step(&Step::Grant(number, Grant { grantee: number, ..gives(&[1], 100) }));
    }
    world.apply();
    let budget = Budget { assignments: u32::from(count), relationships: 1, ..Budget::default() };
    (world, budget)
}

fn delete(world: &mut World, names: std::ops::Range<u8>) {
    for name in names {
        world.step(&Step::GrantStanding(name, Standing::Deleted));
    }
}

fn blocked(budget: &Budget, batch: &Batch) -> Budget {
    let members = batch.members.iter().map(|member| (*member, batch.hash));
    Budget { blocked: members.collect(), ..budget.clone() }
}

fn is_blocked(checked: &Checked, count: usize) -> bool {
    checked.run.is_empty()
        && checked.blocked.len() == 1
        && checked.blocked[0].changes.len() == count
}

#[test]
fn a_few_revocations_run_and_a_mass_of_them_waits_as_a_whole() {
    let (mut world, budget) = groups(10);
    delete(&mut world, 0..3);
    assert_eq!(checked(&world, &budget, &[]).run.len(), 3);
    delete(&mut world, 3..4);
    assert!(is_blocked(&checked(&world, &budget, &[]), 4));
}

#[test]
fn the_share_counts_from_five_up_and_leaves_one() {
    for (groups_held, deleted, waits) in [(4, 4, false), (5, 1, false), (5, 2, true)] {
        let (mut world, budget) = groups(groups_held);
        delete(&mut world, 0..deleted);
        let checked = checked(&world, &budget, &[]);
        assert_eq!(!checked.blocked.is_empty(), waits, "{deleted} of {groups_held}");
    }
}

#[test]
fn what_waits_has_the_same_hash_tomorrow_and_runs_whole_when_that_is_approved() {
    let (mut world, budget) = groups(10);
    delete(&mut world, 0..4);
    let batch = checked(&world, &budget, &[]).blocked[0].clone();
    let stored = blocked(&budget, &batch);
    world.step(&Step::Days(1));
    let tomorrow = checked(&world, &stored, &[]);
    assert_eq!(tomorrow.blocked[0].hash, batch.hash);
    let approved = checked(&world, &stored, &[&batch]);
    assert_eq!((approved.run.len(), approved.blocked.len()), (4, 0));
    assert!(approved.run.iter().all(|admitted| admitted.approved == Some(batch.hash)));
}

/// So many groups are to hold a privileged role for so many days.
fn gains(count: u8, days: i64) -> World {
    let mut world = active_with(of(&[0, 1]), &[]);
    for number in 0..count {
        world.step(&Step::Grant(number, Grant { grantee: number, ..gives(&[0], days) }));
    }
    world
}

#[test]
fn what_is_approved_runs_with_the_ends_that_were_shown_and_with_no_others() {
    let none = Budget::default();
    let batch = checked(&gains(30, 90), &none, &[]).blocked[0].clone();
    let stored =
        Budget { waiting: batch.changes.iter().map(matter).collect(), ..blocked(&none, &batch) };
    for days in [89, 91] {
        let mut world = gains(30, 90);
        world.step(&Step::Grant(0, Grant { grantee: 0, ..gives(&[0], days) }));
        let checked = checked(&world, &stored, &[&batch]);
        assert_eq!((checked.run.len(), checked.blocked[0].changes.len()), (29, 1), "{days}");
        assert_ne!(checked.blocked[0].hash, batch.hash);
        // With the approval of before it is not in the budget either.
        let members = batch.members.iter().map(|member| (*member, batch.hash));
        let approved =
            Budget { approved: members.collect(), blocked: BTreeMap::new(), ..stored.clone() };
        let checked = self::checked(&world, &approved, &[]);
        assert_eq!((checked.run.len(), checked.blocked[0].changes.len()), (29, 1), "{days}");
    }
    assert_eq!(checked(&gains(30, 90), &stored, &[&batch]).run.len(), 30);
}

#[test]
fn what_waits_still_waits_when_the_rest_of_its_batch_is_gone() {
    let (mut world, budget) = groups(10);
    delete(&mut world, 0..4);
    let batch = checked(&world, &budget, &[]).blocked[0].clone();
    let stored = blocked(&budget, &batch);
    for name in 1..4 {
        world.step(&Step::ForgetGrant(name));
        world.step(&Step::Grant(name, Grant { grantee: name, ..gives(&[1], 100) }));
    }
    let revokes = |change: &Change| change.cause == Cause::Deleted;
    assert!(checked(&world, &stored, &[]).run.iter().all(|run| !revokes(&run.change)));
    let approved = checked(&world, &stored, &[&batch]);
    assert!(approved.run.iter().any(|run| revokes(&run.change)), "as far as it still applies");
}

#[test]
fn expiry_runs_though_the_same_revocation_waits() {
    let (mut world, budget) = groups(10);
    delete(&mut world, 0..4);
    let batch = checked(&world, &budget, &[]).blocked[0].clone();
    let stored = blocked(&budget, &batch);
    world.step(&Step::Days(100));
    let checked = checked(&world, &stored, &[]);
    assert_eq!(checked.run.len(), 10);
    assert!(checked.run.iter().all(|run| run.change.cause == Cause::Expired));
    assert!(checked.blocked.is_empty());
}

#[test]
fn an_approval_of_one_gain_does_not_restore_what_was_removed_outside() {
    let mut world = active_with(of(&[0]), &[]);
    world.step(&Step::Grant(0, gives(&[0], 100)));
    let given = member(&world.plan().changes[0]);
    world.steps(&[Step::Apply, Step::Outside(0, 0, 0, None)]);
    let restored = member(&world.plan().changes[0]);
    assert_ne!(given, restored);
    assert!(is_blocked(&checked(&world, &Budget::default(), &[]), 1));
}

#[test]
fn a_predecessor_stays_while_what_its_successor_gains_waits() {
    let mut world = active_with(of(&[1]), &[]);
    world.grant(0, gives(&[1], 100));
    let mut successor: Relationship = of(&[0, 1]);
    successor.days = 100;
    world.declare(successor);
    for name in 1..30 {
        world.step(&Step::Grant(name, Grant { grantee: name, ..gives(&[0], 90) }));
    }
    world.step(&Step::Answer(0, concordat::api::AcceptanceDecision::Accept));
    let checked = checked(&world, &Budget::default(), &[]);
    let runs = |cause| checked.run.iter().any(|run| run.change.cause == cause);
    assert!(!checked.blocked.is_empty() && runs(Cause::Answered) && !runs(Cause::Replaced));
}

#[test]
fn a_termination_that_waits_keeps_the_access_that_it_would_end() {
    let mut first = of(&[0]);
    first.policies.deletion = concordat::api::RelationshipDeletionPolicy::Terminate;
    let mut world = active_with(first, &[]);
    world.grant(0, gives(&[0], 100));
    world.step(&Step::RelationshipStanding(0, Standing::Deleted));
    let mut budget = Budget { assignments: 1, relationships: 1, ..Budget::default() };
    assert_eq!(checked(&world, &budget, &[]).run.len(), 2);
    budget.spent.terminations = 3;
    assert!(is_blocked(&checked(&world, &budget, &[]), 2));
}

#[test]
fn an_approval_moves_what_lies_in_its_own_namespaces_and_the_rest_waits_on() {
    let (mut world, budget) = groups(10);
    delete(&mut world, 0..6);
    let (mut plan, desired) = (world.plan(), world.input.desired());
    for change in plan.changes.iter_mut().take(2) {
        change.subject.owner.object.namespace = "elsewhere".into();
    }
    let batch = checked(&world, &budget, &[]).blocked.remove(0);
    let within = |namespaces: &[&str], budget: &Budget| {
        let reach = Reach::Within(namespaces.iter().map(|name| (*name).into()).collect());
        let budgets = BTreeMap::from([("default".to_owned(), budget.clone())]);
        let found =
            check_as_approved(&plan, &desired, &budgets, &BTreeMap::from([(batch.hash, reach)]));
        let waits: usize = found.blocked.iter().map(|batch| batch.changes.len()).sum();
        (found.run.len(), waits)
    };
    let stored = blocked(&budget, &batch);
    assert_eq!(within(&["elsewhere"], &stored), (2, 4));
    assert_eq!(within(&["nowhere"], &stored), (0, 6));
    let home = plan.changes[5].subject.owner.object.namespace.clone();
    assert_eq!(within(&[&home], &stored), (4, 2));
    assert_eq!(within(&[&home, "elsewhere"], &stored), (6, 0));
    assert_eq!(within(&["elsewhere"], &budget), (0, 6), "what nobody has seen runs as a whole");
    assert_eq!(within(&[&home, "elsewhere"], &budget), (6, 0));
}
