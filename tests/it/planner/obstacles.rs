//! What keeps objects from being ready, as their statuses tell it: holds, blocks, conflicts, and sums of many.
//!
//! Never: a relationship's life, whose rules have tests of their own.

use concordat::{
    api::ManagementPolicy,
    domain::{ids::Kind, state::Standing},
};

use super::{
    build::{Grant, Relationship, object, roles},
    generate::Step,
    lines::{IN_SYNC, active, message, of_kind, relationship_name, tells},
    report::report,
    told::{active_with, gives, of},
};

fn suspended(mut relationship: Relationship) -> Relationship {
    relationship.standing = Standing::Suspended;
    relationship
}

#[test]
fn what_is_suspended_keeps_telling_the_truth() {
    let mut world = active();
    world.declare(suspended(of(&[0, 1])));
    tells(&world, "Current Suspended, Authorized Authorized", "Current Suspended, InForce Held");
    world.grant(0, gives(&[1], 300));
    tells(
        &world,
        "InProgress Suspended, Authorized Authorized",
        "InProgress Suspended, InForce PartlyHeld",
    );
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    let types: Vec<&str> = status.conditions.iter().map(|one| one.type_.as_str()).collect();
    assert_eq!(types, ["Ready", "Authorized"], "held on purpose: not reconciling, not stalled");
    world.steps(&[Step::GrantStanding(0, Standing::Suspended)]);
    world.declare(of(&[0, 1]));
    tells(&world, IN_SYNC, "InProgress Suspended, InForce PartlyHeld");
}

#[test]
fn what_is_only_observed_is_ready_and_tells_how_it_differs() {
    let mut relationship = of(&[0, 1]);
    let mut world = active();
    relationship.policies.management = ManagementPolicy::Observe;
    world.declare(relationship);
    tells(&world, "Current Observed, Authorized Authorized", "Current Observed, InForce Held");
    world.grant(0, gives(&[1], 300));
    tells(
        &world,
        "Current Observed, Authorized Authorized, Drifted Differs",
        "Current Observed, InForce PartlyHeld, Drifted Differs",
    );
}

#[test]
fn too_much_at_once_is_blocked_on_every_member_and_on_nobody_else() {
    let mut world = active_with(of(&[0, 1]), &[]);
    for name in 0..30 {
        let mut grant = gives(&[1], 300);
        grant.grantee = name;
        world.step(&Step::Grant(name, grant));
    }
    world.apply();
    for name in 0..30 {
        world.step(&Step::GrantStanding(name, Standing::Deleted));
    }
    world.step(&Step::Grant(
        40,
        Grant { grantee: 40, window: (Some(5), None), ..gives(&[1], None) },
    ));
    let told = report(&world, None);
    let relationship = of_kind(&told, Kind::PartnerRelationship);
    assert_eq!(relationship, "Failed Blocked, Authorized Authorized, PlanBlocked Blocked");
    let grants = of_kind(&told, Kind::RoleGrant);
    let blocked = grants.matches("Terminating Blocked, InForce Held, PlanBlocked Blocked").count();
    assert_eq!((blocked, grants.matches("Current Scheduled").count()), (30, 1), "{grants}");
}

#[test]
fn a_row_of_another_owner_is_a_conflict_and_nothing_of_it_is_shown() {
    let mut world = active();
    for row in world.memory.observed.relationships.values_mut().flatten() {
        row.owner.object = object("somebody-else");
    }
    tells(&world, "Failed Conflict", "InProgress RelationshipNotActive, InForce=False NotHeld");
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    assert_eq!((&status.store_id, &status.lifecycle, status.assignments.len()), (&None, &None, 0));
    let message = message(&told, Kind::PartnerRelationship, "Ready");
    assert!(message.contains("belongs to `cluster/msp/somebody-else`"), "{message}");
}

#[test]
fn a_selector_sums_up_what_differs_and_counts_what_does_not() {
    let mut world = active_with(of(&[0, 1]), &[]);
    world.step(&Step::Relationship(1, of(&[0, 1])));
    let selects = [0, 1].into_iter().collect();
    world.grant(0, Grant { selects, roles: roles(&[0]), ..gives(&[0], 300) });
    let told = report(&world, None);
    assert_eq!(
        of_kind(&told, Kind::RoleGrant),
        "InProgress RelationshipNotActive, InForce PartlyHeld"
    );
    assert_eq!(
        message(&told, Kind::RoleGrant, "Ready"),
        "of 2 relationships: 1 RelationshipNotActive (`relationship-1`): it waits until the customer has \
         accepted `customer 1`; 1 InSync"
    );
    assert_eq!(
        message(&told, Kind::RoleGrant, "InForce"),
        "access is held under 1 of 2 relationships, and in full under 1"
    );
}
