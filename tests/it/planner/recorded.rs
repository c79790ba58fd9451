//! What statuses hold is what the store holds, whatever happened before: a plan made from them is the plan made from it.
//!
//! Never: a comparison of what only guards a write.

use std::collections::BTreeMap;

use concordat::{
    api::{AcceptanceDecision, LeftOut, PartnerRelationshipStatus},
    domain::{
        ids::{GranteeId, RoleId},
        plan::{Plan, plan},
        state::{Assignment, Observed, ObservedAssignment, ObservedRelationship},
        status,
    },
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    build::{Grant, Relationship, claimant, key},
    generate::{Outside, Step, World, history},
    report::{Report, report},
    statuses::{along, configured},
};

/// The same row without its revision, its versions, and the names of tenants.
fn essence(row: &ObservedRelationship) -> ObservedRelationship {
    let mut row = row.clone();
    row.revision = 0;
    (row.customer_name, row.partner_name) = (None, None);
    row.assignments.values_mut().for_each(|assignment| assignment.version = 0);
    // Whoever holds nothing any more is not told.
    row.assignments.retain(|_, assignment| assignment.state != Assignment::default());
    row
}

/// What can be read from statuses, by way of JSON, of a world whose relationships are all declared.
fn read_back(world: &World, told: &Report) -> Observed {
    let desired = world.input.desired();
    let mut observed = world.memory.observed.clone();
    for number in world.input.relationships.keys() {
        let Some(rows) = observed.relationships.get_mut(&key(*number)) else { continue };
        let wish = &desired.relationships[&key(*number)];
        let reported = &told.relationships[&wish.object];
        let json = serde_json::to_string(&reported.status.recorded).unwrap();
        let recorded: Vec<concordat::api::RecordedRow> = serde_json::from_str(&json).unwrap();
        // A status has no names of tenants: whoever reads it takes those of the objects as they were.
        let names: BTreeMap<_, _> = rows
            .iter()
            .map(|row| (row.key.clone(), (row.partner_name.clone(), row.customer_name.clone())))
            .collect();
        *rows = recorded
            .iter()
            .map(|row| status::observed(row, &[&wish.invitation]).unwrap())
            .collect();
        for row in rows.iter_mut() {
            (row.partner_name, row.customer_name) = names[&row.key].clone();
        }
    }
    observed
}

/// A plan in the words that tell what is done, without what guards a write.
fn told(plan: &Plan) -> Vec<String> {
    let line = |change: &concordat::domain::change::Change| {
        format!("{:?} {:?} {:?}", change.subject.relationship, change.effect, change.cause)
    };
    plan.changes.iter().map(line).collect()
}

proptest! {
    #![proptest_config(configured())]

    #[test]
    fn a_plan_from_statuses_is_the_plan_from_the_store(steps in history(Outside::Busy)) {
        let mut last = None;
        along(&steps, |world, _, report| {
            let observed = read_back(world, report);
            let desired = world.input.desired();
            for number in world.input.relationships.keys() {
                let object = &desired.relationships[&key(*number)].object;
                let rows = |observed: &Observed| -> Vec<_> {
                    let rows = observed.relationships.get(&key(*number)).into_iter().flatten();
                    rows.filter(|row| row.owner.object == *object).map(essence).collect()
                };
                prop_assert_eq!(rows(&observed), rows(&world.memory.observed));
            }
            // Also for what was asked for before.
            for desired in [Some(desired), last.take()].into_iter().flatten() {
                let from_statuses = plan(&desired, &observed, &claimant());
                let from_store = plan(&desired, &world.memory.observed, &claimant());
                prop_assert_eq!(told(&from_statuses), told(&from_store));
                prop_assert_eq!(&from_statuses.notices, &from_store.notices);
                prop_assert_eq!(from_statuses.valid_until, from_store.valid_until);
            }
            last = Some(world.input.desired());
            Ok(())
        })?;
    }
}

/// The statuses of a relationship with so many grantees like the first, after `change` made each its own.
fn measured(
    counts: &[u128],
    change: impl Fn(&mut ObservedAssignment),
) -> Vec<PartnerRelationshipStatus> {
    let mut world = World::new();
    world.step(&Step::Relationship(0, Relationship::default()));
    world.step(&Step::Grant(0, Grant::default()));
    world.step(&Step::Apply);
    world.step(&Step::Answer(0, AcceptanceDecision::Accept));
    world.step(&Step::Apply);
    let status = |count: &u128| {
        let rows = world.memory.observed.relationships.get_mut(&key(0)).unwrap();
        let mut one = rows[0].assignments.values().next().unwrap().clone();
        change(&mut one);
        for number in 1..*count {
            let mut assignment = one.clone();
            assignment.grantee.id = GranteeId::from_u128(0xa000 + number);
            rows[0].assignments.insert(assignment.grantee.id, assignment);
        }
        let status = report(&world, None).relationships.into_values().next().unwrap().status;
        let bytes = serde_json::to_string(&status).unwrap().len();
        println!("{count} grantees: {} rows told, {bytes} bytes", status.recorded.len());
        assert!(bytes < 1_200_000, "{count} grantees take {bytes} bytes");
        status
    };
    counts.iter().map(status).collect()
}

#[test]
fn a_status_holds_a_thousand_grantees_and_of_what_is_more_than_the_server_stores_nothing() {
    let statuses = measured(&[1, 1_000, 20_000], |_| {});
    let told: Vec<usize> = statuses.iter().map(|status| status.recorded.len()).collect();
    assert_eq!(told, [1, 1, 0]);
    assert_eq!(statuses[1].left_out, None);
    assert_eq!(statuses[2].left_out, Some(LeftOut { assignments: 19_000, recorded: 1 }));
    let ready = &statuses[2].conditions[0].message;
    assert!(ready.contains("; 1000 of 20000 grantees are listed; too much is recorded"), "{ready}");
}

#[test]
fn a_status_stays_small_whatever_each_grantee_holds_and_however_much_is_written_in_each_grant() {
    let roles: BTreeMap<RoleId, Timestamp> =
        (1..=150).map(|number| (RoleId::from_u128(number), Timestamp::MAX)).collect();
    let many = measured(&[10, 1_000], |assignment| {
        assignment.state.roles = roles.iter().map(|(role, until)| (*role, *until)).collect();
    });
    assert_eq!(many[0].left_out, None);
    let left_out = many[1].left_out.clone().unwrap();
    let listed = i64::try_from(many[1].assignments.len()).unwrap();
    assert_eq!(left_out.assignments + listed, 1_000);
    let long = "why ".repeat(500);
    measured(&[16, 17, 100, 400, 4_000], |assignment| {
        let long = assignment.state.contributions.iter().map(|(grant, given)| {
            let mut given = given.clone();
            given.justification = Some(long.clone());
            given.roles = roles.keys().copied().collect();
            given.asked.words = (0..150).map(|word| format!("{word:0>120}")).collect();
            (grant.clone(), given)
        });
        assignment.state.contributions = long.collect();
    });
}

#[test]
fn who_holds_nothing_any_more_takes_no_room() {
    let statuses = measured(&[5_000], |assignment| assignment.state = Assignment::default());
    assert_eq!(statuses[0].recorded[0].assignments.len(), 1);
}
