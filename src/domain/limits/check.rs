//! Divides a plan into what may run and what waits for a person.
//!
//! Never: lets a change run while something that it rests on waits.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Budget, Cost, Limits, Measure,
    cost::{cost, member, moved},
};
use crate::domain::{
    digest::Digest,
    ids::GranteeId,
    lifecycle::EndReason,
    plan::{Cause, Change, Effect, Plan},
    state::{Desired, RelationshipKey},
};

/// A change that may be made, and what it takes from the budget.
#[derive(Debug, Clone, PartialEq)]
pub struct Admitted {
    /// The change.
    pub change: Change,
    /// Whose budget.
    pub scope: String,
    /// What it takes; nothing if it was approved.
    pub cost: Cost,
    /// The batch under whose approval it runs.
    pub approved: Option<Digest>,
    id: Digest,
}

impl Admitted {
    /// The id of the change, which takes long to find out and is asked for often.
    pub fn id(&self) -> Digest {
        self.id
    }

    /// A change that takes nothing from the budget of its scope.
    pub fn free(change: Change, scope: String) -> Self {
        Self { id: change.id(), change, scope, cost: Cost::default(), approved: None }
    }
}

/// Changes that wait for a person, together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Batch {
    /// What an approval must name: SHA-256 of the members.
    pub hash: Digest,
    /// Whose limits.
    pub scope: String,
    /// What was gone beyond: what it would come to and what is allowed.
    pub exceeded: Vec<(Measure, u32, u32)>,
    /// The digest of each member: what it would do, without time, version or text.
    pub members: BTreeSet<Digest>,
    /// The changes.
    pub changes: Vec<Change>,
}

/// What of a plan may run.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What may run, in order.
    pub run: Vec<Admitted>,
    /// What waits.
    pub blocked: Vec<Batch>,
    /// What would wait, had it not been approved with this very run.
    pub approved: Vec<Batch>,
}

/// Divides a plan into what may run and what waits for a person.
///
/// `budgets` is by scope; `approvals` are the hashes of batches that a person approves with this very run.
pub fn check(
    plan: &Plan,
    desired: &Desired,
    budgets: &BTreeMap<String, Budget>,
    approvals: &BTreeSet<Digest>,
) -> Checked {
    let moved = moved(&plan.changes);
    let mut scopes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, change) in plan.changes.iter().enumerate() {
        let scope = desired.scope_of(&change.subject.owner.object.namespace);
        scopes.entry(scope).or_default().push(position);
    }
    let mut admitted: Vec<Option<(&str, Cost, Option<Digest>)>> = vec![None; plan.changes.len()];
    let (mut blocked, mut approved) = (Vec::new(), Vec::new());
    let none = Budget::default();
    for (scope, positions) in scopes {
        let mut budget = budgets.get(scope).unwrap_or(&none).clone();
        let limits = desired.limits_of(scope);
        let costs: BTreeMap<usize, Cost> = positions
            .iter()
            .map(|position| (*position, cost(&plan.changes[*position], &moved)))
            .collect();
        let member: BTreeMap<usize, Digest> = positions
            .iter()
            .map(|position| (*position, member(&plan.changes[*position])))
            .collect();
        approved.extend(approve_stored(plan, scope, &member, &mut budget, approvals));
        let (waiting, exceeded) = waiting(plan, &costs, &member, &budget, &limits);
        let waiting = with_dependents(plan, &positions, waiting);
        let members: BTreeSet<Digest> = waiting.iter().map(|position| member[position]).collect();
        let hash = Digest::of(&(scope, &members));
        let is_approved = approvals.contains(&hash);
        for position in &positions {
            if waiting.contains(position) && !is_approved {
                continue;
            }
            let batch = budget.approved.get(&member[position]).copied();
            let batch = batch.or_else(|| waiting.contains(position).then_some(hash));
            let counts = batch.is_none();
            let cost = if counts { costs[position] } else { Cost::default() };
            admitted[*position] = Some((scope, cost, batch));
        }
        if !waiting.is_empty() {
            let changes = waiting.iter().map(|position| plan.changes[*position].clone()).collect();
            let batch = Batch { hash, scope: scope.to_owned(), exceeded, members, changes };
            if is_approved { approved.push(batch) } else { blocked.push(batch) }
        }
    }
    let mut run = Vec::with_capacity(admitted.iter().flatten().count());
    for (change, admitted) in plan.changes.iter().zip(admitted) {
        let Some((scope, cost, approved)) = admitted else { continue };
        run.push(Admitted { cost, approved, ..Admitted::free(change.clone(), scope.to_owned()) });
    }
    Checked { run, blocked, approved }
}

/// Batches that were stored before and are approved with this very run: they run as far as they still apply.
fn approve_stored(
    plan: &Plan,
    scope: &str,
    member: &BTreeMap<usize, Digest>,
    budget: &mut Budget,
    approvals: &BTreeSet<Digest>,
) -> Vec<Batch> {
    let mut batches: BTreeMap<Digest, Batch> = BTreeMap::new();
    for (position, member) in member {
        let Some(hash) = budget.blocked.get(member).copied() else { continue };
        if !approvals.contains(&hash) {
            continue;
        }
        budget.approved.insert(*member, hash);
        let batch = batches.entry(hash).or_insert_with(|| Batch {
            hash,
            scope: scope.to_owned(),
            exceeded: Vec::new(),
            members: BTreeSet::new(),
            changes: Vec::new(),
        });
        batch.members.insert(*member);
        batch.changes.push(plan.changes[*position].clone());
    }
    batches.into_values().collect()
}

/// The changes of one scope that wait, and why.
fn waiting(
    plan: &Plan,
    costs: &BTreeMap<usize, Cost>,
    member: &BTreeMap<usize, Digest>,
    budget: &Budget,
    limits: &Limits,
) -> (BTreeSet<usize>, Vec<(Measure, u32, u32)>) {
    let mut waiting = BTreeSet::new();
    let mut total = Cost::default();
    let mut need_approval = 0;
    for (position, cost) in costs {
        let change = &plan.changes[*position];
        if budget.approved.contains_key(&member[position]) || change.cause == Cause::Expired {
            continue;
        }
        if change.approval.is_needed() {
            need_approval += 1;
            waiting.insert(*position);
        } else if budget.blocked.contains_key(&member[position]) {
            waiting.insert(*position);
        } else {
            total = total.plus(*cost);
        }
    }
    let mut exceeded = limits.exceeded(total, budget);
    for (position, cost) in costs {
        let over = |(measure, amount): (Measure, u32)| {
            amount > 0 && exceeded.iter().any(|(exceeded, _, _)| *exceeded == measure)
        };
        let free = !budget.approved.contains_key(&member[position]);
        if free && cost.measures().into_iter().any(over) {
            waiting.insert(*position);
        }
    }
    if need_approval > 0 {
        exceeded.push((Measure::NeedApproval, need_approval, 0));
    }
    (waiting, exceeded)
}

/// Adds what must not happen while something before it waits: a row ends only after its access is gone, a
/// predecessor only after its successor is complete, and nothing is written to a row that does not exist yet.
fn with_dependents(
    plan: &Plan,
    positions: &[usize],
    mut waiting: BTreeSet<usize>,
) -> BTreeSet<usize> {
    let mut rows: BTreeSet<&RelationshipKey> = BTreeSet::new();
    let mut assignments: BTreeSet<(&RelationshipKey, GranteeId)> = BTreeSet::new();
    let mut held: BTreeSet<&RelationshipKey> = BTreeSet::new();
    let mut owners = BTreeSet::new();
    for position in positions {
        let change = &plan.changes[*position];
        let Some(row) = &change.subject.relationship else { continue };
        let depends = match &change.effect {
            Effect::SetRoles { .. } if change.cause == Cause::Expired => false,
            Effect::SetRoles { grantee, .. } => {
                rows.contains(row)
                    || assignments.contains(&(row, grantee.id))
                    || (change.cause == Cause::Replaced && owners.contains(&change.subject.owner))
            }
            Effect::Terminate { reason } => {
                rows.contains(row)
                    || held.contains(row)
                    || (*reason == EndReason::Replaced && owners.contains(&change.subject.owner))
            }
            Effect::Expire { .. } | Effect::RecordAcceptance { .. } => false,
            Effect::Invite { .. }
            | Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. } => rows.contains(row),
            Effect::DropGlobalAdministrator { .. } => rows.contains(row) || held.contains(row),
        };
        if depends {
            waiting.insert(*position);
        }
        if !waiting.contains(position) {
            continue;
        }
        owners.insert(&change.subject.owner);
        match &change.effect {
            Effect::SetRoles { grantee, .. } => {
                assignments.insert((row, grantee.id));
                held.insert(row);
            }
            Effect::Terminate { .. } => {}
            Effect::Invite { .. }
            | Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Expire { .. }
            | Effect::RecordAcceptance { .. } => drop(rows.insert(row)),
        }
    }
    hold_revocations_of_waiting_terminations(plan, positions, &mut waiting);
    waiting
}

/// A termination that waits keeps the access that it would end.
fn hold_revocations_of_waiting_terminations(
    plan: &Plan,
    positions: &[usize],
    waiting: &mut BTreeSet<usize>,
) {
    let ending: BTreeSet<&RelationshipKey> = waiting
        .iter()
        .map(|position| &plan.changes[*position])
        .filter(|change| matches!(change.effect, Effect::Terminate { .. }))
        .filter_map(|change| change.subject.relationship.as_ref())
        .collect();
    for position in positions {
        let change = &plan.changes[*position];
        let revokes = matches!(change.effect, Effect::SetRoles { .. })
            && matches!(change.cause, Cause::Deleted | Cause::Replaced);
        if revokes && change.subject.relationship.as_ref().is_some_and(|row| ending.contains(row)) {
            waiting.insert(*position);
        }
    }
}
