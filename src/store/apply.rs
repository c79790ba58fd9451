//! Carries out what may run, batch by batch, and reports what became of it.
//!
//! Never: reports a change before it is durable, or goes on after the store has failed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use jiff::Timestamp;
use serde_json::json;

use super::{CHANGES_AT_ONCE, Observation, Outcome, Refusal, Signatures, StoreError, Write};
use crate::domain::{
    change::{Cause, Change, Effect, Subject},
    entry::{
        EntryKind,
        tables::{Outside, OutsideRole},
    },
    ids::{GranteeId, RoleId},
    lifecycle::Phase,
    limits::{Admitted, Limits},
    plan::Plan,
    state::{Assignment, Observed, ObservedRelationship, Owner, RelationshipKey, Roles},
};

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Each change that was tried, with what became of it.
    pub tried: Vec<(Admitted, Outcome)>,
    /// Changes that were not tried: it stopped before, or they rest on what is on its way.
    pub left: Vec<Admitted>,
    /// Why it stopped early, if it did.
    pub stopped: Option<Stopped>,
}

/// Why `apply` stopped early.
#[derive(Debug, Clone, PartialEq)]
pub enum Stopped {
    /// Somebody asked.
    OnRequest,
    /// The store failed. The changes in flight may or may not have been made: planning again tells.
    Failed(StoreError),
}

/// What was asked and is not made: what rests on it waits.
#[derive(Debug, Clone, Default)]
pub struct Unmade {
    /// What is on its way, by row.
    open: BTreeMap<RelationshipKey, Vec<Change>>,
    /// Who has something on its way, and who has a change that is not made for another reason.
    waiting: BTreeSet<Owner>,
    incomplete: BTreeSet<Owner>,
}

/// On what a change rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rests {
    /// On something that is on its way.
    OnOpen,
    /// On something that was not made.
    OnUnmade,
}

impl Unmade {
    /// Takes note of a change that is not made; `is_open` where it is on its way.
    pub fn note(&mut self, change: &Change, is_open: bool) {
        let Subject { owner, relationship, .. } = &change.subject;
        if !is_open {
            self.incomplete.insert(owner.clone());
            return;
        }
        self.waiting.insert(owner.clone());
        if let Some(row) = relationship {
            self.open.entry(row.clone()).or_default().push(change.clone());
        }
    }

    /// On what of it a change rests, if it does. What a successor gets is known to be there before anything is taken from
    /// its predecessor.
    pub fn under(&self, change: &Change) -> Option<Rests> {
        let owner = &change.subject.owner;
        let row = change.subject.relationship.as_ref();
        let mut open = row.and_then(|row| self.open.get(row)).into_iter().flatten();
        let moves = is_move(change);
        if open.any(|open| change.rests_on(open)) || moves && self.waiting.contains(owner) {
            return Some(Rests::OnOpen);
        }
        (moves && self.incomplete.contains(owner)).then_some(Rests::OnUnmade)
    }
}

/// Whether a change takes something from a predecessor because its successor has it. What the successor gets is known
/// to be there before: it was sent in an earlier call, and a refusal there holds this back.
fn is_move(change: &Change) -> bool {
    let takes = matches!(change.effect, Effect::SetRoles { .. } | Effect::Terminate { .. });
    takes && change.cause == Cause::Replaced
}

/// Makes the changes, in order. `progress` is told after each transaction how many are done, and may stop it.
pub async fn apply(
    store: &mut impl Write,
    changes: Vec<Admitted>,
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Report {
    let mut report = Report { tried: Vec::new(), left: Vec::new(), stopped: None };
    let mut unmade = Unmade::default();
    let is_move = |admitted: &Admitted| is_move(&admitted.change);
    let mut left = changes;
    while !left.is_empty() {
        if progress(report.tried.len()).is_break() {
            report.stopped = Some(Stopped::OnRequest);
            break;
        }
        let together = left.iter().skip(1).position(is_move).map_or(left.len(), |moves| moves + 1);
        let together = if left.first().is_some_and(is_move) { left.len() } else { together };
        let rest = left.split_off(together.min(CHANGES_AT_ONCE));
        let mut ready = Vec::new();
        for admitted in left {
            match unmade.under(&admitted.change) {
                None => ready.push(admitted),
                Some(Rests::OnOpen) => report.left.push(admitted),
                Some(Rests::OnUnmade) => {
                    report.tried.push((admitted, Outcome::Refused(Refusal::Stale)));
                }
            }
        }
        left = ready;
        match store.apply(&left, limits, by).await {
            Ok(outcomes) => {
                for (admitted, outcome) in left.iter().zip(&outcomes) {
                    if *outcome != Outcome::Done {
                        unmade.note(&admitted.change, outcome.is_open());
                    }
                }
                report.tried.extend(left.into_iter().zip(outcomes));
            }
            Err(error) => {
                report.stopped = Some(Stopped::Failed(error));
                report.left.extend(left);
                report.left.extend(rest);
                return report;
            }
        }
        left = rest;
    }
    report.left.extend(left);
    report
}

/// What was changed outside, for the ledger: one observation for each relationship, repeated only once it differs. Of a
/// relationship that was just changed the entry of that change tells more; what is left is seen by the next run.
pub fn seen_outside<'a>(
    plan: &Plan,
    observed: &Observed,
    changed: impl Iterator<Item = &'a Change>,
) -> Vec<Observation> {
    let changed: Vec<&Change> = changed.collect();
    let touched: BTreeSet<&RelationshipKey> =
        changed.iter().filter_map(|change| change.subject.relationship.as_ref()).collect();
    let mut seen: BTreeMap<&RelationshipKey, (Outside, BTreeMap<String, String>)> = BTreeMap::new();
    let rows = observed.relationships.values().flatten();
    let rows: BTreeMap<_, _> = rows.map(|row| (&row.key, row)).collect();
    for row in rows.values() {
        let roles = moved_there(row, &changed);
        if !roles.is_empty() {
            seen.insert(&row.key, (Outside { roles, ..outside(row) }, BTreeMap::new()));
        }
    }
    for (row, notice) in plan.notices.iter().filter_map(|it| Some((it.outside()?, it))) {
        let Some(found) = rows.get(row) else { continue };
        // What stands at a service is recorded once it is held otherwise than is recorded, and not for as long as it is.
        let is_moved = found.at.is_some() && seen.contains_key(row);
        if !is_moved && (found.at.is_some() || touched.contains(row)) {
            continue;
        }
        let (_, said) = seen.entry(row).or_insert_with(|| (outside(found), BTreeMap::new()));
        let told = said.entry(notice.code().to_string()).or_default();
        if !told.is_empty() {
            told.push_str("; ");
        }
        told.push_str(&notice.message());
    }
    for row in &plan.adopted {
        let roles = held_when_adopted(row, &changed);
        if !roles.is_empty() {
            seen.insert(&row.key, (Outside { roles, ..outside(row) }, BTreeMap::new()));
        }
    }
    let observation = |(row, (outside, said)): (&RelationshipKey, (Outside, _))| {
        let mut payload = json!(said);
        payload["outside"] = json!(outside);
        Observation { kind: EntryKind::Difference, subject: row.name.to_string(), payload }
    };
    seen.into_iter().map(observation).collect()
}

/// The grantees under a row whose roles these changes set.
fn explained(row: &ObservedRelationship, changed: &[&Change]) -> BTreeSet<GranteeId> {
    let of_row = changed.iter().filter(|it| it.subject.relationship.as_ref() == Some(&row.key));
    of_row.filter_map(|it| it.effect.roles_set().map(|(grantee, _, _)| grantee.id)).collect()
}

/// What grantees hold at a service otherwise than the book has it, and no change has explained.
fn moved_there(row: &ObservedRelationship, changed: &[&Change]) -> Vec<OutsideRole> {
    let nothing = Roles::new();
    let explained = explained(row, changed);
    let believed = row.moved.iter().flat_map(|moved| &moved.believed);
    let believed = believed.filter(|(grantee, _)| !explained.contains(*grantee));
    let roles = believed.flat_map(|(grantee, believed)| {
        let held = row.assignments.get(grantee).map_or(&nothing, |held| &held.state.roles);
        differing(*grantee, held, believed)
    });
    roles.collect()
}

/// What was held under a row when it was adopted, and no change has explained.
fn held_when_adopted(row: &ObservedRelationship, changed: &[&Change]) -> Vec<OutsideRole> {
    let adopts = |change: &&Change| {
        change.subject.relationship.as_ref() == Some(&row.key)
            && matches!(change.effect, Effect::Adopt { .. })
    };
    let is_made = changed.iter().any(adopts);
    let explained = explained(row, changed);
    let held = row.assignments.iter().filter(|(id, _)| is_made && !explained.contains(*id));
    let nothing = Roles::new();
    held.flat_map(|(id, held)| differing(*id, &held.state.roles, &nothing)).collect()
}

/// What of a row is not as it was recorded, so that the ledger can be compared with it.
fn outside(row: &ObservedRelationship) -> Outside {
    let ended = row.lifecycle.phase() == Phase::Ended && row.ended.is_none();
    let roles = row.assignments.iter().flat_map(|(grantee, assignment)| {
        let Assignment { roles: held, recorded, contributions: _ } = &assignment.state;
        differing(*grantee, held, recorded)
    });
    Outside {
        relationship: row.key.clone(),
        lifecycle: ended.then(|| row.lifecycle.clone()),
        roles: roles.collect(),
    }
}

/// The roles that are not held as they were recorded.
fn differing(grantee: GranteeId, held: &Roles, recorded: &Roles) -> Vec<OutsideRole> {
    let until = |roles: &Roles, role: &RoleId| {
        roles.get(role).map(|until: &Timestamp| until.as_millisecond())
    };
    let names: BTreeSet<&RoleId> = held.keys().chain(recorded.keys()).collect();
    let differs = names.into_iter().filter(|role| until(held, role) != until(recorded, role));
    differs.map(|role| OutsideRole { grantee, role: *role, until_ms: until(held, role) }).collect()
}
