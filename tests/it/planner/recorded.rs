//! What statuses hold is what the store holds, whatever happened before: a plan made from them is the plan made from it.
//!
//! Never: a comparison of what only guards a write.

use concordat::{
    api::AcceptanceDecision,
    domain::{
        ids::GranteeId,
        plan::{Plan, plan},
        state::{Observed, ObservedRelationship},
        status,
    },
};
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
        *rows = recorded
            .iter()
            .map(|row| status::observed(row, &[&wish.invitation]).unwrap())
            .collect();
    }
    observed
}

/// A plan in the words that tell what is done, without what guards a write.
fn told(plan: &Plan) -> Vec<String> {
    let line = |change: &concordat::domain::plan::Change| {
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

#[test]
fn a_status_holds_a_thousand_grantees_and_of_what_is_more_than_the_server_stores_nothing() {
    let mut world = World::new();
    world.step(&Step::Relationship(0, Relationship::default()));
    world.step(&Step::Grant(0, Grant::default()));
    world.step(&Step::Apply);
    world.step(&Step::Answer(0, AcceptanceDecision::Accept));
    world.step(&Step::Apply);
    let rows = world.memory.observed.relationships.get_mut(&key(0)).unwrap();
    let one = rows[0].assignments.values().next().unwrap().clone();
    let mut measured = Vec::new();
    for count in [1_u128, 1_000, 20_000] {
        let rows = world.memory.observed.relationships.get_mut(&key(0)).unwrap();
        for number in 1..count {
            let mut assignment = one.clone();
            assignment.grantee.id = GranteeId::from_u128(0xa000 + number);
            rows[0].assignments.insert(assignment.grantee.id, assignment);
        }
        let status = report(&world, None).relationships.into_values().next().unwrap().status;
        let bytes = serde_json::to_string(&status).unwrap().len();
        measured.push((count, status.recorded.len(), bytes));
    }
    println!("(grantees, rows told, bytes of status): {measured:?}");
    let told: Vec<usize> = measured.iter().map(|(_, told, _)| *told).collect();
    assert_eq!(told, [1, 1, 0]);
    assert!(measured.iter().all(|(_, _, bytes)| *bytes < 1_400_000), "{measured:?}");
}
