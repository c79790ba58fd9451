//! What keeps objects from being ready, as their statuses tell it: holds, blocks, conflicts, and sums of many.
//!
//! Never: a relationship's life, whose rules have tests of their own.

use concordat::{
    api::ManagementPolicy,
    domain::{ids::Kind, lifecycle::Lifecycle, state::Standing, status::Hold},
};

use super::{
    build::{Grant, Relationship, day, group, object, roles},
    fit::misfits,
    generate::{Step, World},
    lines::{
        HELD, IN_SYNC, WAITS, active, message, of_kind, relationship_name, report_tells, tells,
    },
    report::{report, report_with},
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

#[test]
fn what_a_round_was_kept_from_is_told_and_when_it_goes_on() {
    let mut world = active();
    let until = day(0) + jiff::SignedDuration::from_secs(30);
    let settling = report_with(&world, None, |facts| facts.hold = Some(Hold::Settling { until }));
    report_tells(&settling, "InProgress Settling, Authorized Authorized", HELD);
    assert_eq!(settling.next_change(), Some(until));
    let finalizer = report_with(&world, None, |facts| facts.hold = Some(Hold::Finalizer));
    report_tells(&finalizer, "InProgress Pending, Authorized Authorized", HELD);
    let nobody = report_with(&world, None, |facts| facts.hold = Some(Hold::NoBoundary));
    report_tells(
        &nobody,
        "InProgress NoBoundary, Authorized Authorized",
        "InProgress NoBoundary, InForce Held",
    );
    let refused = report_with(&world, None, |facts| facts.refused = vec!["b".into(), "a".into()]);
    report_tells(&refused, "InProgress Refused, Authorized Authorized", HELD);
    assert_eq!(
        message(&refused, Kind::PartnerRelationship, "Ready"),
        "the store refused what is planned again: a; b"
    );
    let nothing = report_with(&world, None, |facts| facts.declared = None);
    report_tells(
        &nothing,
        "InProgress OfferInvalid, Authorized Authorized",
        "InProgress RelationshipInvalid, InForce Held",
    );
    world.step(&Step::RelationshipStanding(0, Standing::Invalid));
    tells(&world, "InProgress OfferInvalid, Authorized Authorized", HELD);
    world.step(&Step::Grant(0, gives(&[1], 300)));
    tells(
        &world,
        "InProgress OfferInvalid, Authorized Authorized",
        "InProgress Pending, InForce PartlyHeld",
    );
    world.apply();
    tells(
        &world,
        "InProgress OfferInvalid, Authorized Authorized",
        "InProgress RelationshipInvalid, InForce=False NotHeld",
    );
}

#[test]
fn stages_that_others_set_are_told_and_one_that_is_unknown_needs_somebody() {
    let cases = [
        ("Created", WAITS),
        ("Approved", "InProgress Activating, Authorized=False Activating"),
        ("Activating", "InProgress Activating, Authorized=False Activating"),
        ("TerminationRequested", "InProgress Ending, Authorized=False Ending"),
        ("Terminating", "InProgress Ending, Authorized=False Ending"),
        ("Expiring", "InProgress Ending, Authorized=False Ending"),
        ("frozenSolid", "Failed UnknownStage, Authorized=Unknown UnknownStage"),
    ];
    for (stage, expected) in cases {
        let mut world = World::new();
        world.declare(of(&[0]));
        for row in world.memory.observed.relationships.values_mut().flatten() {
            row.lifecycle = Lifecycle::from(stage.to_owned());
        }
        tells(&world, expected, "");
        let told = report(&world, None);
        let status = &told.relationships[&relationship_name()].status;
        assert_eq!(status.lifecycle.as_deref(), Some(stage));
    }
}

#[test]
fn a_deletion_that_is_held_says_by_what() {
    let mut world = active();
    world.step(&Step::RelationshipStanding(0, Standing::Suspended));
    world.step(&Step::GrantStanding(0, Standing::Deleted));
    tells(
        &world,
        "InProgress Suspended, Authorized Authorized",
        "Terminating Suspended, InForce Held",
    );
    world.step(&Step::RelationshipStanding(0, Standing::Invalid));
    tells(
        &world,
        "InProgress OfferInvalid, Authorized Authorized",
        "Terminating Deleting, InForce Held",
    );
    world.step(&Step::RelationshipStanding(0, Standing::Live));
    let pending = "InProgress Pending, Authorized Authorized";
    tells(&world, pending, "Terminating Deleting, InForce Held");
    world.apply();
    tells(&world, IN_SYNC, "Terminating Deleting, InForce=False NotHeld");
    assert_eq!(
        message(&report(&world, None), Kind::RoleGrant, "Ready"),
        "nothing is in the way any more"
    );
}

#[test]
fn a_status_fits_its_schema_however_much_is_held() {
    let mut world = active_with(of(&[0, 1]), &[]);
    let row = world.memory.observed.relationships.values_mut().flatten().next().unwrap();
    for number in 0..1_200_u32 {
        let id = concordat::domain::ids::GranteeId::from_u128(0x9000 + u128::from(number));
        let roles = (0..160).map(|role| {
            let role = concordat::domain::ids::RoleId::from_u128(0x7000 + role);
            (role, day(100))
        });
        let state =
            concordat::domain::state::Assignment { roles: roles.collect(), ..Default::default() };
        let grantee = concordat::domain::state::Grantee { id, ..group(0) };
        let held = concordat::domain::state::ObservedAssignment {
            grantee,
            version: 1,
            state,
            flight: concordat::domain::state::Flight::Landed,
        };
        row.assignments.insert(id, held);
    }
    let told = report(&world, None);
    let status = &told.relationships[&relationship_name()].status;
    assert_eq!((status.assignments.len(), status.assignments[0].roles.len()), (16, 150));
    let ready = message(&told, Kind::PartnerRelationship, "Ready");
    assert!(ready.contains("; 16 of 1200 grantees are listed; too much is recorded"), "{ready}");
    assert_eq!(misfits(&told), Vec::<String>::new());
}
