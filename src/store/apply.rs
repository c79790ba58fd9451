//! Carries out what may run, batch by batch, and reports what became of it.
//!
//! Never: reports a change before it is durable, or goes on after the store has failed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    time::Duration,
};

use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

use super::{Observation, Outcome, Refusal, Settled, Signatures, StoreError, Write};
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
    /// How much is still on its way, also of earlier runs.
    pub open: usize,
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
        let moves = is_move(change) || gives_up(change);
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

/// Whether an invitation is given up because another one takes its place.
pub(super) fn gives_up(change: &Change) -> bool {
    matches!(change.effect, Effect::Withdraw { .. }) && change.cause == Cause::Replaced
}

/// Makes the changes, in order. `progress` is told after each transaction how many are done, and may stop it.
pub async fn apply(
    store: &mut impl Write,
    changes: Vec<Admitted>,
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    progress: impl FnMut(usize) -> ControlFlow<()> + Send,
) -> Report {
    apply_within(Duration::ZERO, store, changes, limits, by, progress).await
}

/// The same, and waits so long at most for what is on its way, and for what rests on it.
pub async fn apply_within(
    patience: Duration,
    store: &mut impl Write,
    changes: Vec<Admitted>,
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    mut progress: impl FnMut(usize) -> ControlFlow<()> + Send,
) -> Report {
    let mut report = Report { tried: Vec::new(), left: Vec::new(), stopped: None, open: 0 };
    let (begun, mut left) = (Instant::now(), changes);
    loop {
        pass(store, left, limits, by, &mut report, &mut progress).await;
        left = loop {
            if report.stopped.is_some() {
                return report;
            }
            match store.settle().await {
                Ok(settled) => report.learn(&settled),
                Err(error) => report.stopped = Some(Stopped::Failed(error)),
            }
            let ready = report.ready();
            if !ready.is_empty() {
                break ready;
            }
            let rest = patience.saturating_sub(begun.elapsed());
            if report.open == 0 || rest.is_zero() {
                return report;
            }
            if progress(report.tried.len()).is_break() {
                report.stopped = Some(Stopped::OnRequest);
            } else {
                let (shortest, longest) = LOOKS_AGAIN_AFTER;
                let pause = (begun.elapsed() / 4).clamp(shortest, longest);
                tokio::time::sleep(pause.min(rest)).await;
            }
        };
    }
}

/// The shortest and the longest time between two looks at what is on its way: the longer it takes, the longer.
const LOOKS_AGAIN_AFTER: (Duration, Duration) =
    (Duration::from_millis(500), Duration::from_secs(10));

impl Report {
    /// Takes over what is known of what was on its way.
    fn learn(&mut self, settled: &Settled) {
        self.open = settled.open;
        let open = self.tried.iter_mut().filter(|(_, outcome)| outcome.is_open());
        for (admitted, outcome) in open {
            if let Some(known) = settled.outcomes.get(&admitted.id()) {
                outcome.clone_from(known);
            }
        }
    }

    /// What was left and rests on nothing that is on its way any more.
    fn ready(&mut self) -> Vec<Admitted> {
        let mut unmade = Unmade::default();
        for (admitted, outcome) in &self.tried {
            if *outcome != Outcome::Done {
                unmade.note(&admitted.change, outcome.is_open());
            }
        }
        let waits = |admitted: &Admitted| unmade.under(&admitted.change) == Some(Rests::OnOpen);
        let (left, ready) = std::mem::take(&mut self.left).into_iter().partition(waits);
        self.left = left;
        ready
    }
}

/// Tries each change once, but for what rests on what is on its way.
async fn pass(
    store: &mut impl Write,
    changes: Vec<Admitted>,
    limits: &BTreeMap<String, Limits>,
    by: &Signatures,
    report: &mut Report,
    progress: &mut (impl FnMut(usize) -> ControlFlow<()> + Send),
) {
    let mut unmade = Unmade::default();
    for (admitted, outcome) in &report.tried {
        if *outcome != Outcome::Done {
            unmade.note(&admitted.change, outcome.is_open());
        }
    }
    let is_move = |admitted: &Admitted| is_move(&admitted.change);
    let mut left = changes;
    while !left.is_empty() {
        if progress(report.tried.len()).is_break() {
            report.stopped = Some(Stopped::OnRequest);
            break;
        }
        let together = left.iter().skip(1).position(is_move).map_or(left.len(), |moves| moves + 1);
        let together = if left.first().is_some_and(is_move) { left.len() } else { together };
        let rest = left.split_off(together.min(store.at_once()));
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
                    if outcome.is_open() {
                        unmade.note(&admitted.change, true);
                    }
                }
                for (admitted, outcome) in left.into_iter().zip(outcomes) {
                    let rests = unmade.under(&admitted.change) == Some(Rests::OnOpen);
                    if rests && outcome == Outcome::Refused(Refusal::Stale) {
                        report.left.push(admitted);
                        continue;
                    }
                    if let Outcome::Refused(_) = outcome {
                        unmade.note(&admitted.change, false);
                    }
                    report.tried.push((admitted, outcome));
                }
            }
            Err(error) => {
                report.stopped = Some(Stopped::Failed(error));
                report.left.extend(left);
                report.left.extend(rest);
                return;
            }
        }
        left = rest;
    }
    report.left.extend(left);
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
