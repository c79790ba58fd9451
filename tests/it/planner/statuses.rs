//! Statuses along random histories: what must hold of them whatever happens.
//!
//! Never: a property that is checked only at the end of a history.

use std::collections::BTreeSet;

use concordat::{
    api::{Condition, ConditionStatus, PartnerRelationshipStatus},
    domain::{
        ids::Kind,
        state::Standing,
        status::{EventReason, Held, grant_events, relationship_events},
    },
};
use jiff::SignedDuration;
use proptest::prelude::*;

use super::{
    fit::misfits,
    generate::{Outside, Step, World, history},
    report::{Kstatus, Report, kstatus, report},
};

pub(super) fn configured() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        cases: cases.unwrap_or(48),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Checks something after each step of a history, with the report before that step and the one after it.
pub(super) fn along(
    steps: &[Step],
    mut check: impl FnMut(&World, Option<&Report>, &Report) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let mut world = World::new();
    let mut before = None;
    for step in steps {
        world.step(step);
        let after = report(&world, before.as_ref());
        check(&world, before.as_ref(), &after)?;
        before = Some(after);
    }
    Ok(())
}

fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

fn is_true(conditions: &[Condition], type_: &str) -> bool {
    find(conditions, type_).is_some_and(|one| one.status == ConditionStatus::True)
}

proptest! {
    #![proptest_config(configured())]

    #[test]
    fn a_second_look_at_the_same_world_writes_the_same_bytes(steps in history(Outside::Busy)) {
        along(&steps, |world, _, after| {
            prop_assert_eq!(report(world, Some(after)).statuses(), after.statuses());
            Ok(())
        })?;
    }

    #[test]
    fn a_status_fits_the_schema_of_its_kind(steps in history(Outside::Busy)) {
        along(&steps, |_, _, after| {
            prop_assert_eq!(misfits(after), Vec::<String>::new());
            Ok(())
        })?;
    }

    #[test]
    fn events_tell_each_gain_and_loss_of_access_once(steps in history(Outside::Busy)) {
        along(&steps, |world, before, after| {
            let now = world.memory.observed.now;
            for (name, reported) in &after.relationships {
                let new = &reported.status;
                prop_assert_eq!(relationship_events(Some(new), new, now), vec![]);
                let old = before.and_then(|before| before.relationships.get(name));
                let old = old.map(|old| &old.status);
                let events = relationship_events(old, new, now);
                let told = |reason| events.iter().any(|event| event.reason == reason);
                let held = |status: &PartnerRelationshipStatus| -> BTreeSet<(String, String)> {
                    let all = status.assignments.iter().flat_map(|of| {
                        let live = of.roles.iter().filter(|role| role.until > Some(now));
                        live.map(|role| (of.grantee.clone(), role.id.clone()))
                    });
                    all.collect()
                };
                let (had, has) = (old.map(held).unwrap_or_default(), held(new));
                prop_assert_eq!(told(EventReason::RoleGranted), !has.is_subset(&had));
                prop_assert_eq!(told(EventReason::RoleRevoked), !had.is_subset(&has));
            }
            for (name, reported) in &after.grants {
                let new = &reported.status;
                prop_assert_eq!(grant_events(Some(new), new), vec![]);
                let old = before.and_then(|before| before.grants.get(name));
                let events = grant_events(old.map(|old| &old.status), new);
                let told = |reason| events.iter().any(|event| event.reason == reason);
                let had = old.is_some_and(|old| is_true(&old.status.conditions, "InForce"));
                let has = is_true(&new.conditions, "InForce");
                prop_assert_eq!(told(EventReason::RoleGranted), has && !had);
                let ended = told(EventReason::RoleRevoked) || told(EventReason::Expired);
                prop_assert!(ended || has || !had, "{events:?}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_system_at_rest_writes_nothing_until_the_instant_that_was_told(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world, _, _| {
            let mut world = world.clone();
            world.apply();
            let now = report(&world, None);
            let far = world.memory.observed.now + SignedDuration::from_hours(24 * 2_000);
            let next = now.next_change().unwrap_or(far);
            world.memory.observed.now = next - SignedDuration::from_millis(1);
            let later = report(&world, Some(&now));
            prop_assert_eq!(later.statuses(), now.statuses(), "just before {}", next);
            prop_assert_eq!(later.next_change(), now.next_change());
            Ok(())
        })?;
    }

    #[test]
    fn conditions_have_the_form_that_kubernetes_asks_for(steps in history(Outside::Busy)) {
        along(&steps, |_, before, after| {
            for (kind, name, observed, conditions) in after.conditions() {
                let types: BTreeSet<&str> =
                    conditions.iter().map(|condition| condition.type_.as_str()).collect();
                prop_assert_eq!(types.len(), conditions.len(), "a type occurs twice");
                prop_assert!(types.contains("Ready"), "{name} is neither ready nor not");
                prop_assert_eq!(observed, 1);
                for one in conditions {
                    prop_assert_eq!(one.observed_generation, Some(1));
                    let letters = one.reason.chars().all(|letter| letter.is_ascii_alphanumeric());
                    prop_assert!(letters && !one.reason.is_empty(), "{one:?}");
                    prop_assert!(!one.message.is_empty(), "{one:?}");
                    let had = before.into_iter().flat_map(Report::conditions);
                    let had = had.filter(|(had, of, _, _)| (*had, *of) == (kind, name));
                    let had = had.flat_map(|(_, _, _, had)| had).find(|had| had.type_ == one.type_);
                    let kept = had.is_some_and(|had| {
                        had.last_transition_time == one.last_transition_time
                    });
                    let same = had.is_some_and(|had| had.status == one.status);
                    prop_assert!(kept || !same, "{one:?} was {had:?}");
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn what_tells_of_trouble_is_there_only_while_there_is_some(steps in history(Outside::Busy)) {
        along(&steps, |_, _, after| {
            for (_, name, _, conditions) in after.conditions() {
                for abnormal in [
                    "Reconciling", "Stalled", "PlanBlocked", "Drifted", "Unmanaged",
                    "ExpiringSoon", "Invalid",
                ] {
                    let found = find(conditions, abnormal);
                    prop_assert!(found.is_none_or(|one| one.status == ConditionStatus::True));
                }
                let companions = ["Ready", "Reconciling", "Stalled"];
                let count = companions.iter().filter(|type_| is_true(conditions, type_)).count();
                prop_assert!(count <= 1, "{name}: {conditions:#?}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn an_object_is_current_only_if_nothing_is_left_to_do_for_it(steps in history(Outside::Busy)) {
        along(&steps, |world, _, after| {
            for (kind, name, observed, conditions) in after.conditions() {
                let leaves = after.leaving.contains(&(kind, name.clone()));
                let current = kstatus(leaves, 1, observed, conditions) == Kstatus::Current;
                prop_assert!(!(leaves && current));
                let reason = &find(conditions, "Ready").unwrap().reason;
                if kind != Kind::PartnerRelationship || !current || reason == "Observed" {
                    continue;
                }
                let left = after.left.changes.iter().filter(|change| {
                    change.subject.owner.object == *name && change.subject.relationship.is_some()
                });
                prop_assert_eq!(left.count(), 0, "{} is {}: {:#?}", name, reason, after.left);
                let rows = world.memory.observed.relationships.values().flatten();
                let mut active = rows.filter(|row| {
                    row.owner.object == *name && row.lifecycle.to_string() == "Active"
                });
                let wanted = world.input.relationships.iter().find(|(number, _)| {
                    *name == super::build::object(format!("relationship-{number}"))
                });
                let (number, wanted) = wanted.unwrap();
                let wanted = super::build::invitation(*number, wanted);
                let active = active.any(|row| {
                    row.ceiling == wanted.roles && row.invitation.duration == wanted.duration
                });
                prop_assert!(active, "{name} is {reason}");
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_grant_is_in_force_exactly_while_the_store_holds_something_that_it_gave(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world, _, after| {
            let now = world.memory.observed.now;
            for ((grant, relationship), part) in &after.parts {
                let rows = world.memory.observed.relationships.values().flatten();
                let active = rows.filter(|row| {
                    row.owner.object == *relationship
                        && row.lifecycle.to_string() == "Active"
                        && row.ends_at.is_none_or(|end| end > now)
                });
                let mut held = active.flat_map(|row| row.assignments.values()).flat_map(|held| {
                    let given = held.state.contributions.get(grant);
                    let given = given.filter(|given| {
                        let window = given.window;
                        window.not_before.is_none_or(|start| start <= now)
                            && window.not_after.is_none_or(|end| now < end)
                    });
                    let roles = given.into_iter().flat_map(|given| &given.roles);
                    roles.filter_map(|role| held.state.roles.get(role))
                });
                prop_assert_eq!(part.held() != Held::Nothing, held.any(|until| *until > now));
            }
            for (name, reported) in &after.grants {
                let parts = after.parts.iter().filter(|((grant, _), _)| grant == name);
                let any = parts.map(|(_, part)| part.held()).any(|held| held != Held::Nothing);
                prop_assert_eq!(is_true(&reported.status.conditions, "InForce"), any);
                prop_assert_eq!(reported.status.effective_since.is_some(), any);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_live_grant_that_is_ready_holds_what_it_asks_for_and_an_expired_one_holds_nothing(
        steps in history(Outside::Busy),
    ) {
        along(&steps, |world, _, after| {
            let now = world.memory.observed.now;
            for (number, grant) in &world.input.grants {
                let name = super::build::object(format!("grant-{number}"));
                let Some(reported) = after.grants.get(&name) else { continue };
                let conditions = &reported.status.conditions;
                let ready = find(conditions, "Ready").unwrap();
                if ready.status != ConditionStatus::True || grant.standing != Standing::Live {
                    continue;
                }
                let window = grant.window();
                match ready.reason.as_str() {
                    "InSync" => {
                        prop_assert!(window.contains(now));
                        let parts = after.parts.iter().filter(|((grant, _), _)| *grant == name);
                        for (_, part) in parts {
                            prop_assert_eq!(part.held(), Held::Everything);
                        }
                    }
                    "Scheduled" => prop_assert!(window.not_before.unwrap() > now),
                    "Expired" => {
                        prop_assert!(window.not_after.unwrap() <= now);
                        prop_assert!(!is_true(conditions, "InForce"), "{conditions:#?}");
                    }
                    "Observed" | "Suspended" => {}
                    other => prop_assert!(false, "ready, reason {other}"),
                }
            }
            Ok(())
        })?;
    }
}
