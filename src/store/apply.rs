//! Carries out what may run, batch by batch, and reports what became of it.
//!
//! Never: reports a change before it is durable, or goes on after the store has failed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use serde_json::json;

use super::{CHANGES_AT_ONCE, Observation, Outcome, Refusal, Signatures, StoreError, Write};
use crate::domain::{
    change::{Cause, Change, Effect, Subject},
    entry::{
        EntryKind,
        tables::{Outside, OutsideRole},
    },
    ids::RoleId,
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
    let changed: BTreeSet<&RelationshipKey> =
        changed.filter_map(|change| change.subject.relationship.as_ref()).collect();
    let mut seen: BTreeMap<&RelationshipKey, (Outside, BTreeMap<String, String>)> = BTreeMap::new();
    let told = plan.notices.iter().filter_map(|notice| Some((notice.outside()?, notice)));
    let mut told = told.peekable();
    if told.peek().is_none() {
        return Vec::new();
    }
    let rows = observed.relationships.values().flatten();
    let rows: BTreeMap<_, _> = rows.map(|row| (&row.key, row)).collect();
    for (row, notice) in told {
        let Some(found) = rows.get(row).filter(|_| !changed.contains(row)) else { continue };
        let (_, said) = seen.entry(row).or_insert_with(|| (outside(found), BTreeMap::new()));
        let told = said.entry(notice.code().to_string()).or_default();
        if !told.is_empty() {
            told.push_str("; ");
        }
        told.push_str(&notice.message());
    }
    let observation = |(row, (outside, said)): (&RelationshipKey, (Outside, _))| {
        let mut payload = json!(said);
        payload["outside"] = json!(outside);
        Observation { kind: EntryKind::Difference, subject: row.name.to_string(), payload }
    };
    seen.into_iter().map(observation).collect()
}

/// What of a row is not as it was recorded, so that the ledger can be compared with it.
fn outside(row: &ObservedRelationship) -> Outside {
    let ended = row.lifecycle.phase() == Phase::Ended && row.ended.is_none();
    let mut roles = Vec::new();
    for (grantee, assignment) in &row.assignments {
        let Assignment { roles: held, recorded, contributions: _ } = &assignment.state;
        let until = |roles: &Roles, role| roles.get(role).map(|until| until.as_millisecond());
        let names: BTreeSet<&RoleId> = held.keys().chain(recorded.keys()).collect();
        for role in names {
            let until_ms = until(held, role);
            if until_ms != until(recorded, role) {
                roles.push(OutsideRole { grantee: *grantee, role: *role, until_ms });
            }
        }
    }
    Outside {
        relationship: row.key.clone(),
        lifecycle: ended.then(|| row.lifecycle.clone()),
        roles,
    }
}
