//! The invariants of the planner (docs/concepts.md, Planning), each along random histories.
//!
//! Never: an invariant that is checked only at the end of a history.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{AcceptanceDecision, GrantDeletionPolicy, ManagementPolicy},
    domain::{
        change::{Cause, Effect},
        ids::GranteeId,
        lifecycle::Phase,
        plan::access_changes,
        state::{Observed, Roles},
    },
    store::{Outcome, Refusal},
};
use proptest::prelude::*;

use super::{
    build::{Grant, Relationship, claimant, day, group, key},
    generate::{Outside, Step, World, free, grant, history, relationship},
    model::active,
};

/// Checks something after each step of a history.
fn along(
    steps: &[Step],
    mut check: impl FnMut(&World) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut world = World::new();
    for step in steps {
        world.step(step);
        check(&world)?;
    }
    Ok(())
}

fn configured() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(48),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// What every grantee holds in every active row, by the number of the relationship.
fn holdings(observed: &Observed) -> BTreeMap<(u8, GranteeId), Roles> {
    let mut holdings = BTreeMap::new();
    for number in 0..2 {
        let Some(row) = active(observed, number) else { continue };
        for (id, held) in &row.assignments {
            if !held.state.roles.is_empty() {
                holdings.insert((number, *id), held.state.roles.clone());
            }
        }
    }
    holdings
}

proptest! {
    #![proptest_config(configured())]

    #[test]
    fn one_plan_leads_to_what_a_careful_reader_expects(steps in history(Outside::Quiet)) {
        let whole = |step: Step| if let Step::ApplySome(_) = step { Step::Apply } else { step };
        let steps: Vec<_> = steps.into_iter().map(whole).collect();
        along(&steps, |world| {
            let mut world = world.clone();
            world.apply();
            for number in 0..2 {
                for grantee in [group(0).id, group(1).id] {
                    let held = holdings(&world.memory.observed);
                    let held = held.get(&(number, grantee)).cloned().unwrap_or_default();
                    let expected =
                        world.model.held(&world.memory.observed, number, grantee, world.today);
                    prop_assert_eq!(held, expected, "relationship {}, {}", number, grantee);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn after_a_plan_there_is_nothing_left_to_do(steps in history(Outside::Busy)) {
        along(&steps, |world| {
            let mut world = world.clone();
            world.apply();
            let left = world.plan();
            prop_assert_eq!(free(&left).next(), None, "{:#?}", left);
            Ok(())
        })?;
    }

    #[test]
    fn a_plan_that_was_interrupted_anywhere_is_finished_by_the_next(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world| {
            let mut whole = world.clone();
            let changes = free(&whole.apply()).count();
            for stop in 0..changes {
                let mut world = world.clone();
                world.step(&Step::ApplySome(stop));
                world.apply();
                prop_assert_eq!(
                    holdings(&world.memory.observed),
                    holdings(&whole.memory.observed),
                    "after {} changes", stop
                );
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_only_takes_away_goes_first_and_no_step_gives_more_than_before_and_after(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world| {
            let plan = world.plan();
            let mut given = false;
            for change in &plan.changes {
                let Effect::SetRoles { before, after, .. } = &change.effect else { continue };
                let gives = after
                    .roles
                    .iter()
                    .any(|(role, until)| before.roles.get(role).is_none_or(|held| held < until));
                given |= gives;
                prop_assert!(gives || !given || change.cause == Cause::Replaced
                    || change.approval.is_needed(), "{:#?}", plan.changes);
            }
            Ok(())
        })?;
    }

    #[test]
    fn nobody_is_cut_off_between_a_relationship_and_its_successor(
        steps in history(Outside::Quiet),
    ) {
        along(&steps, |world| {
            let mut end = world.clone();
            let plan = end.apply();
            let effective = |world: &World| effective(&world.memory.observed);
            let (before, after) = (effective(world), effective(&end));
            let mut on_the_way = world.clone();
            for change in free(&plan) {
                on_the_way.memory.apply(change);
                for (who, roles) in &effective(&on_the_way) {
                    let either = before.get(who).into_iter().chain(after.get(who)).flatten();
                    let either: BTreeSet<_> = either.collect();
                    prop_assert!(roles.iter().all(|role| either.contains(role)), "{:#?}", change);
                }
                for (who, roles) in &before {
                    let both = roles.iter().filter(|role| {
                        after.get(who).is_some_and(|after| after.contains(role))
                    });
                    let now = effective(&on_the_way).remove(who).unwrap_or_default();
                    for role in both {
                        prop_assert!(now.contains(role), "{:?} lost {} by {:#?}", who, role, change);
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn the_end_depends_on_the_last_specs_only(
        first in proptest::collection::vec(grant(), 1..4),
        last in proptest::collection::vec(grant(), 1..4),
        ceilings in (relationship(), relationship()),
        today in 0_i64..10,
    ) {
        let spec = |of: &Relationship, grants: &[Grant]| -> Vec<Step> {
            let mut steps: Vec<Step> = (0..4).map(Step::ForgetGrant).collect();
            steps.extend([Step::Prune(true), Step::Relationship(0, managed(of))]);
            let named = grants.iter().zip(0..).map(|(grant, name)| {
                Step::Grant(name, Grant { deletion: GrantDeletionPolicy::Revoke, ..grant.clone() })
            });
            steps.extend(named);
            let accept = Step::Answer(0, AcceptanceDecision::Accept);
            steps.extend([Step::Apply, accept, Step::Apply]);
            steps
        };
        let (mut by_way_of, mut straight) = (World::new(), World::new());
        for step in [Step::Days(today)].into_iter().chain(spec(&ceilings.0, &first)) {
            by_way_of.step(&step);
        }
        straight.step(&Step::Days(today));
        for step in spec(&ceilings.1, &last) {
            by_way_of.step(&step);
            straight.step(&step);
        }
        prop_assert_eq!(holdings(&by_way_of.memory.observed), holdings(&straight.memory.observed));
    }

    #[test]
    fn the_order_of_the_input_makes_no_difference(steps in history(Outside::Busy)) {
        along(&steps, |world| {
            let mut shuffled = world.clone();
            shuffled.input.answers.reverse();
            shuffled.input.agreements.reverse();
            prop_assert_eq!(format!("{:?}", world.plan()), format!("{:?}", shuffled.plan()));
            Ok(())
        })?;
    }

    #[test]
    fn a_change_is_refused_once_what_it_expects_is_gone_and_done_once_however_often_it_is_sent(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world| {
            let plan = world.plan();
            let mut world = world.clone();
            for change in free(&plan) {
                let mut other = world.clone();
                if let Some(row) =
                    change.subject.relationship.as_ref().and_then(|key| other.memory.row(key))
                {
                    row.revision += 1;
                    let outcome = other.memory.apply(change);
                    prop_assert_eq!(outcome, Outcome::Refused(Refusal::Stale), "{:#?}", change);
                }
                prop_assert_eq!(world.memory.apply(change), Outcome::Done);
                let once = world.memory.clone();
                prop_assert_eq!(world.memory.apply(change), Outcome::Done);
                prop_assert_eq!(&world.memory, &once);
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_is_told_of_access_is_the_difference_that_is_made(steps in history(Outside::Busy)) {
        along(&steps, |world| {
            let mut after = world.clone();
            let plan = after.apply();
            let told = access_changes(free(&plan), &plan.besides);
            let mut untold: BTreeSet<_> = BTreeSet::new();
            let (before, after) = (all(&world.memory.observed), all(&after.memory.observed));
            for who in before.keys().chain(after.keys()) {
                let (had, has) = (before.get(who), after.get(who));
                if had != has {
                    untold.insert(*who);
                }
            }
            for change in &told {
                let who = (change.customer.id, change.grantee.id);
                prop_assert!(untold.remove(&who), "told of nothing: {:#?}", change);
                for role in &change.roles {
                    let until = |of: Option<&Roles>| of.and_then(|of| of.get(&role.id)).copied();
                    prop_assert_eq!(role.before, until(before.get(&who)));
                    prop_assert_eq!(role.after, until(after.get(&who)));
                }
            }
            prop_assert!(untold.is_empty(), "{:?} of {:#?}", untold, plan);
            Ok(())
        })?;
    }

    #[test]
    fn a_plan_stays_the_same_until_it_says_so(steps in history(Outside::Busy), part in 1_i64..100) {
        along(&steps, |world| {
            let plan = world.plan();
            let horizon = day(world.today + 900);
            let until = plan.valid_until.unwrap_or(horizon).min(horizon);
            let length = until.as_second() - plan.now.as_second();
            let last = jiff::Timestamp::from_second(until.as_second() - 1).unwrap();
            let between =
                jiff::Timestamp::from_second(plan.now.as_second() + length * part / 100).unwrap();
            for later in [between, last] {
                let mut world = world.clone();
                world.memory.observed.now = later;
                let mut again = world.plan();
                again.now = plan.now;
                prop_assert_eq!(format!("{:#?}", again), format!("{:#?}", &plan), "{}", later);
            }
            Ok(())
        })?;
    }

    #[test]
    fn nothing_is_held_that_is_over_and_nothing_before_a_relationship_is_active(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world| {
            let mut world = world.clone();
            world.apply();
            let now = day(world.today);
            for row in world.memory.observed.relationships.values().flatten() {
                let phase = row.lifecycle.phase();
                prop_assert!(phase != Phase::Active || row.ends_at.is_none_or(|end| end > now));
                for held in row.assignments.values() {
                    prop_assert!(held.state.roles.values().all(|until| *until > now), "{:#?}", row);
                    let has = !held.state.roles.is_empty();
                    prop_assert!(!has || phase == Phase::Active, "{:#?}", row);
                }
            }
            Ok(())
        })?;
    }
}

/// The same, changed freely.
fn managed(of: &Relationship) -> Relationship {
    let mut of = of.clone();
    of.policies.management = ManagementPolicy::Manage;
    of
}

/// What can be used now, by relationship and grantee, over all active rows.
fn effective(
    observed: &Observed,
) -> BTreeMap<(u8, GranteeId), BTreeSet<concordat::domain::ids::RoleId>> {
    let mut found: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for number in 0..2 {
        let rows = observed.relationships.get(&key(number)).into_iter().flatten();
        for row in rows.filter(|row| {
            row.lifecycle.phase() == Phase::Active
                && row.ends_at.is_none_or(|ends_at| ends_at > observed.now)
        }) {
            for (id, held) in &row.assignments {
                let live = held.state.roles.iter().filter(|(_, until)| **until > observed.now);
                let roles = found.entry((number, *id)).or_default();
                roles.extend(live.map(|(role, _)| *role));
            }
        }
    }
    found
}

/// What is in the store, over for now or not, by customer and grantee.
fn all(observed: &Observed) -> BTreeMap<(concordat::domain::ids::TenantId, GranteeId), Roles> {
    let mut all: BTreeMap<_, Roles> = BTreeMap::new();
    for row in observed.relationships.values().flatten() {
        for (id, held) in &row.assignments {
            for (role, until) in &held.state.roles {
                let roles = all.entry((row.invitation.customer, *id)).or_default();
                let end = roles.entry(*role).or_insert(*until);
                *end = (*end).max(*until);
            }
        }
    }
    all
}

#[test]
fn the_command_line_and_the_cluster_are_told_apart() {
    assert_ne!(claimant().instance.to_string(), "cli");
}
