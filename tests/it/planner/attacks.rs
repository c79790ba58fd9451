//! What a hostile reader tried on the planner: each sentence failed once.
//!
//! Never: access that nobody may have, or an end that nobody asked for.

use std::collections::BTreeSet;

use concordat::{
    api::{AcceptanceDecision, Gates, ManagementPolicy, RenewalMode},
    domain::{change::Approval, state::Standing},
    store::Outcome,
};

use super::{
    build::{Grant, Relationship, answer, asked, day},
    generate::{Step, World},
    told::{active_with, changes, codes, gives, of},
};

#[test]
fn a_stranger_cannot_claim_a_row_whose_successor_was_withdrawn() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.declare(of(&[0]));
    world.declare(of(&[0, 1]));
    assert_eq!(world.stages(), "Active, Withdrawn (Replaced)");
    let stranger = Relationship { namespace: "other".to_owned(), ..of(&[0, 1]) };
    world.step(&Step::Relationship(0, stranger));
    let plan = world.plan();
    assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0501"));
}

#[test]
fn absence_takes_nothing_away_when_a_relationship_is_replaced() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0], 100));
    world.step(&Step::ForgetGrant(0));
    world.declare(of(&[0, 1, 2]));
    world.accept();
    assert_eq!(world.stages(), "Terminated (Replaced), Active");
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn what_is_held_back_moves_to_the_successor_as_it_was_recorded() {
    for standing in [Standing::Suspended, Standing::Invalid] {
        let mut world = active_with(of(&[0, 1]), &[]);
        world.grant(0, gives(&[0], 100));
        world.grant(0, Grant { standing, ..gives(&[0, 1], 90) });
        world.declare(of(&[0, 1, 2]));
        world.accept();
        assert_eq!(world.held(), "0 until 90", "{standing:?}");
    }
}

#[test]
fn a_successor_gives_an_absent_grant_nothing_that_its_predecessor_did_not() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0, 1], 100));
    world.step(&Step::ForgetGrant(0));
    world.declare(of(&[0, 1]));
    world.accept();
    assert_eq!(world.held(), "0 until 100");
}

#[test]
fn a_role_that_had_not_begun_does_not_begin_once_its_object_is_gone() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0], 10));
    world.grant(1, Grant { window: (Some(5), Some(20)), ..gives(&[0, 1], None) });
    world.steps(&[Step::ForgetGrant(1), Step::Apply, Step::Days(6), Step::Apply]);
    assert_eq!(world.held(), "0 until 20");
}

#[test]
fn what_was_removed_outside_stays_removed_in_the_successor_until_approved() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0], 100));
    world.step(&Step::Outside(0, 0, 0, None));
    world.declare(of(&[0, 1, 2]));
    world.accept();
    assert_eq!(world.held(), "");
    let plan = world.plan();
    assert_eq!(codes(&plan), "C0502");
    assert_eq!(plan.changes[0].approval, Approval::RemovedOutside);
}

#[test]
fn what_was_removed_outside_is_not_restored_when_its_recorded_end_has_passed() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0], 10));
    world.step(&Step::Outside(0, 0, 0, None));
    world.grant(0, gives(&[0], 20));
    world.steps(&[Step::Days(12), Step::Apply]);
    assert_eq!(world.held(), "");
}

#[test]
fn nothing_is_restored_while_its_relationship_is_held_or_observed() {
    let observe = |mut of: Relationship| {
        of.policies.management = ManagementPolicy::Observe;
        of
    };
    let held = |standing| Relationship { standing, ..of(&[0]) };
    for next in [held(Standing::Suspended), held(Standing::Invalid), observe(of(&[0]))] {
        let mut world = active_with(of(&[0]), &[]);
        world.grant(0, gives(&[0], 100));
        world.step(&Step::Outside(0, 0, 0, None));
        world.step(&Step::Relationship(0, next));
        assert_eq!(changes(&world.plan()), "");
    }
}

#[test]
fn expiry_is_enforced_when_the_object_is_gone_or_says_something_else() {
    let moved = Relationship { namespace: "other".to_owned(), ..of(&[0]) };
    for next in [Step::ForgetRelationship(0), Step::Prune(false), Step::Relationship(0, moved)] {
        let mut world = active_with(of(&[0]), &[]);
        world.grant(0, gives(&[0], 10));
        world.steps(&[next.clone(), Step::Days(10)]);
        assert_eq!(changes(&world.plan()), "SetRoles Expired", "{next:?}");
        world.step(&Step::Days(400));
        assert_eq!(changes(&world.plan()), "SetRoles Expired, Expire Expired", "{next:?}");
    }
}

fn with_catalogue(mut grant: Grant, words: &str, version: &str) -> Grant {
    let mut asked = asked(&grant.roles);
    asked.words = BTreeSet::from([words.to_owned()]);
    version.clone_into(&mut asked.catalogue);
    grant.asked = Some(asked);
    grant
}

#[test]
fn a_change_of_the_catalogue_comes_after_what_needs_no_approval() {
    let mut world = active_with(of(&[0, 1, 2]), &[]);
    world.grant(0, with_catalogue(gives(&[0, 1], 100), "tasks", "1"));
    world.steps(&[
        Step::Grant(0, with_catalogue(gives(&[0], 100), "tasks", "2")),
        Step::Grant(1, gives(&[2], 100)),
    ]);
    let plan = world.plan();
    let approvals: Vec<_> = plan.changes.iter().map(|change| change.approval).collect();
    assert_eq!(approvals, [Approval::NotNeeded, Approval::NewCatalogue]);
    for change in &plan.changes {
        assert_eq!(world.memory.apply(change), Outcome::Done);
    }
    assert_eq!(world.held(), "0 until 100, 2 until 100");
}

#[test]
fn a_grant_that_exceeded_its_ceiling_is_no_change_of_the_catalogue_in_the_successor() {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, gives(&[0, 1], 100));
    assert_eq!(world.held(), "0 until 100");
    world.declare(of(&[0, 1]));
    world.accept();
    assert_eq!(world.held(), "0 until 100, 1 until 100");
}

#[test]
fn a_grant_that_comes_back_gives_all_of_what_it_says_again() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.grant(0, gives(&[0], 10));
    let later = Grant { window: (Some(5), Some(20)), ..gives(&[0, 1], None) };
    world.grant(1, later.clone());
    world.steps(&[Step::ForgetGrant(1), Step::Apply, Step::Days(6), Step::Grant(1, later)]);
    world.apply();
    assert_eq!(world.held(), "0 until 20, 1 until 20");
}

#[test]
fn two_approvals_for_one_group_do_not_undo_each_other() {
    let mut world = active_with(of(&[0, 1, 2]), &[]);
    world.grant(0, with_catalogue(gives(&[0], 100), "tasks", "1"));
    world.grant(1, gives(&[1], 100));
    world.step(&Step::Outside(0, 0, 1, None));
    world.step(&Step::Grant(0, with_catalogue(gives(&[2], 100), "tasks", "2")));
    for change in &world.plan().changes {
        assert_eq!(world.memory.apply(change), Outcome::Done);
    }
    assert_eq!(world.held(), "1 until 100, 2 until 100");
}

#[test]
fn what_the_customer_ended_is_not_proposed_again_whatever_changed_before_it_ended() {
    let extends = Relationship { auto_extend: true, ..of(&[0, 1]) };
    let terms = Relationship { terms: 1, ..of(&[0, 1]) };
    let cases = [
        ("nothing", of(&[0, 1]), vec![]),
        ("automatic extension", of(&[0, 1]), vec![extends]),
        ("the terms", of(&[0, 1]), vec![terms]),
        ("there and back", of(&[0, 1]), vec![of(&[0]), of(&[0, 1])]),
        ("the one role that can be dropped", of(&[0, 3]), vec![of(&[0])]),
    ];
    for (name, first, edits) in cases {
        let mut world = active_with(first, &[]);
        for edit in edits {
            world.declare(edit);
        }
        world.step(&Step::EndOutside(0));
        let plan = world.plan();
        assert_eq!((changes(&plan).as_str(), codes(&plan).as_str()), ("", "C0508"), "{name}");
    }
}

#[test]
fn automatic_extension_that_was_turned_off_in_time_does_not_extend() {
    let extends = Relationship { auto_extend: true, days: 20, ..of(&[0]) };
    let mut world = active_with(extends.clone(), &[Step::Days(19)]);
    world.step(&Step::Relationship(0, Relationship { auto_extend: false, ..extends }));
    assert_eq!(changes(&world.plan()), "SetAutoExtend Declared");
}

#[test]
fn an_extension_gives_nothing_longer_that_no_object_asks_for_now() {
    for standing in [None, Some(Standing::Suspended), Some(Standing::Invalid)] {
        let extends = Relationship { auto_extend: true, days: 20, ..of(&[0]) };
        let mut world = active_with(extends, &[]);
        world.grant(0, gives(&[0], None));
        world.step(&standing.map_or(Step::ForgetGrant(0), |it| Step::GrantStanding(0, it)));
        world.steps(&[Step::Days(19), Step::Apply]);
        assert_eq!(world.held(), "0 until 20", "{standing:?}");
        assert_eq!(changes(&world.plan()), "", "{standing:?}");
        world.grant(0, gives(&[0], None));
        assert_eq!(world.held(), "0 until 200", "{standing:?}");
    }
}

#[test]
fn what_is_withheld_is_not_given_later_on_the_word_of_an_object_that_is_gone() {
    for standing in [None, Some(Standing::Suspended), Some(Standing::Invalid)] {
        let mut world = World::new();
        world.declare(of(&[0]));
        let invitation = world.rows()[0].digest;
        let mut accepted = answer(0, AcceptanceDecision::Accept, day(0), Some(invitation));
        accepted.agreement = None;
        world.input.answers.push((0, accepted));
        world.apply();
        world.grant(0, gives(&[0], 50));
        world.declare(Relationship { agreement: Some(Gates::Access), ..of(&[0]) });
        world.grant(0, gives(&[0], 100));
        assert_eq!(world.held(), "0 until 50", "{standing:?}");
        assert_eq!(changes(&world.plan()), "", "{standing:?}");
        world.step(&standing.map_or(Step::ForgetGrant(0), |it| Step::GrantStanding(0, it)));
        world.declare(of(&[0]));
        assert_eq!(world.held(), "0 until 50", "{standing:?}");
    }
}

#[test]
fn automatic_extension_that_is_turned_on_leaves_no_invitation_behind() {
    let ends = Relationship { renewal: RenewalMode::Invite, days: 20, ..of(&[0]) };
    let mut world = active_with(ends.clone(), &[Step::Days(16)]);
    world.step(&Step::Relationship(0, Relationship { auto_extend: true, ..ends }));
    assert_eq!(changes(&world.plan()), "SetAutoExtend Declared");
}

#[test]
fn a_renewal_longer_than_the_relationship_does_not_invite_for_ever() {
    let short =
        Relationship { renewal: RenewalMode::Invite, days: 20, renew_before: 60, ..of(&[0]) };
    let mut world = active_with(short, &[]);
    assert_eq!(changes(&world.plan()), "");
    world.steps(&[Step::Days(19), Step::Apply]);
    assert_eq!(world.stages(), "Active, ApprovalPending");
    world.accept();
    assert_eq!(world.stages(), "Terminated (Replaced), Active");
    assert_eq!(changes(&world.plan()), "");
}
