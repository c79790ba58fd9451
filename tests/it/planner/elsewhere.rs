//! What an object says counts also where it is not a relationship's own any more: its end, and what its deletion does.
//!
//! Never: more access than was recorded.

use concordat::{
    api::{GrantDeletionPolicy, RelationshipDeletionPolicy},
    domain::{
        change::Cause,
        plan::plan,
        state::{Desired, Standing},
    },
};

use super::{
    build::{Grant, claimant, tenant},
    generate::{Step, World},
    told::{active_with, changes, gives, of},
};

/// An active relationship and a grant that is in force under it until day 100.
fn in_force(deletion: GrantDeletionPolicy) -> World {
    let mut world = active_with(of(&[0]), &[]);
    world.grant(0, Grant { deletion, ..gives(&[0], 100) });
    world
}

/// The grant as it is edited, selecting nothing any more.
fn elsewhere(until: i64, standing: Standing) -> Grant {
    Grant { selects: [].into(), standing, ..gives(&[0], until) }
}

/// What is held after a plan of what `edit` makes of the input.
fn held_after(mut world: World, edit: impl Fn(&mut Desired)) -> String {
    let mut desired = world.input.desired();
    edit(&mut desired);
    for change in plan(&desired, &world.memory.observed, &claimant()).changes {
        world.memory.apply(&change);
    }
    world.held()
}

#[test]
fn a_held_grant_that_selects_a_relationship_no_more_gives_until_the_earlier_end() {
    for (standing, until, held) in [
        (Standing::Suspended, 40, "0 until 40"),
        (Standing::Invalid, 40, "0 until 40"),
        (Standing::Invalid, 300, "0 until 100"),
        (Standing::Live, 40, ""),
    ] {
        let mut world = in_force(GrantDeletionPolicy::Revoke);
        world.grant(0, elsewhere(until, standing));
        assert_eq!(world.held(), held, "{standing:?}");
    }
}

#[test]
fn under_a_suspended_relationship_a_grant_that_left_it_gives_until_the_earlier_end() {
    let mut world = in_force(GrantDeletionPolicy::Revoke);
    world.step(&Step::RelationshipStanding(0, Standing::Suspended));
    world.grant(0, elsewhere(40, Standing::Live));
    assert_eq!(world.held(), "0 until 40");
}

#[test]
fn under_a_relationship_that_nobody_declares_a_grant_gives_until_the_earlier_end() {
    for standing in [Standing::Live, Standing::Suspended, Standing::Invalid] {
        let mut world = in_force(GrantDeletionPolicy::Revoke);
        world.steps(&[Step::ForgetRelationship(0), Step::Grant(0, elsewhere(40, standing))]);
        world.apply();
        assert_eq!(world.held(), "0 until 40", "{standing:?}");
    }
}

#[test]
fn what_a_deletion_leaves_of_grants_ends_as_they_say_to_the_last() {
    for (standing, deletion) in [
        (Standing::Suspended, GrantDeletionPolicy::Revoke),
        (Standing::Live, GrantDeletionPolicy::Retain),
    ] {
        let mut world = in_force(GrantDeletionPolicy::Revoke);
        let edited = Grant { standing, deletion, ..gives(&[0], 40) };
        world.steps(&[
            Step::Grant(0, edited),
            Step::RelationshipStanding(0, Standing::Deleted),
            Step::Apply,
        ]);
        assert_eq!(world.held(), "0 until 40", "{standing:?} {deletion:?}");
    }
}

#[test]
fn a_grant_that_leaves_says_to_the_last_what_happens_also_where_it_selects_nothing_any_more() {
    use GrantDeletionPolicy::{Retain, Revoke};
    for (recorded, said, held) in [(Revoke, Retain, "0 until 100"), (Retain, Revoke, "")] {
        let mut world = in_force(recorded);
        let leaves = Grant { deletion: said, ..elsewhere(100, Standing::Deleted) };
        world.step(&Step::Grant(0, leaves));
        assert_eq!(held_after(world.clone(), |_| ()), held, "{said:?}");
        let undeclared = held_after(world, |desired| desired.relationships.clear());
        assert_eq!(undeclared, held, "{said:?}, and nobody declares the relationship");
    }
}

#[test]
fn what_a_deleted_grant_takes_away_is_told_as_deleted_also_where_it_selects_nothing_any_more() {
    for deleted in [
        Grant { standing: Standing::Deleted, ..gives(&[0], 100) },
        elsewhere(100, Standing::Deleted),
    ] {
        let mut world = in_force(GrantDeletionPolicy::Revoke);
        world.step(&Step::Grant(0, deleted));
        let plan = plan(&world.input.desired(), &world.memory.observed, &claimant());
        let causes: Vec<Cause> = plan.changes.iter().map(|change| change.cause).collect();
        assert_eq!(causes, [Cause::Deleted]);
    }
}

#[test]
fn a_deleted_grant_goes_also_under_a_relationship_that_is_retained_when_it_is_deleted() {
    let mut retained = of(&[0]);
    retained.policies.deletion = RelationshipDeletionPolicy::Retain;
    let mut world = active_with(retained, &[]);
    world.grant(0, gives(&[0], 100));
    world.steps(&[
        Step::GrantStanding(0, Standing::Deleted),
        Step::RelationshipStanding(0, Standing::Deleted),
        Step::Apply,
    ]);
    assert_eq!(world.held(), "");
}

#[test]
fn a_deleted_grant_goes_also_under_a_relationship_that_was_made_anew_and_deleted() {
    let mut world = in_force(GrantDeletionPolicy::Revoke);
    world.steps(&[
        Step::ForgetRelationship(0),
        Step::Relationship(0, of(&[0])),
        Step::RelationshipStanding(0, Standing::Deleted),
        Step::GrantStanding(0, Standing::Deleted),
        Step::Apply,
    ]);
    assert_eq!(world.held(), "");
    assert_eq!(world.stages(), "Active", "the deletion of another object");
}

#[test]
fn a_deleted_grant_goes_also_where_the_name_of_its_relationship_is_declared_for_another_customer() {
    let mut world = in_force(GrantDeletionPolicy::Revoke);
    world.step(&Step::GrantStanding(0, Standing::Deleted));
    let held = held_after(world, |desired| {
        for wish in desired.relationships.values_mut() {
            wish.invitation.customer = tenant(7).id;
        }
    });
    assert_eq!(held, "");
}

#[test]
fn a_deleted_relationship_that_names_another_customer_now_ends_what_is_recorded_for_that_very_object()
 {
    let mut world = in_force(GrantDeletionPolicy::Revoke);
    world.step(&Step::RelationshipStanding(0, Standing::Deleted));
    let mut desired = world.input.desired();
    for wish in desired.relationships.values_mut() {
        wish.invitation.customer = tenant(7).id;
    }
    let ended = plan(&desired, &world.memory.observed, &claimant());
    assert_eq!(changes(&ended), "SetRoles Deleted");
}
