//! Divides a plan into what may run and what waits for a person.
//!
//! Never: lets a change run while something that it rests on waits.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use serde::Serialize;

use super::{
    Budget, Cost, Limits, Measure,
    cost::{cost, member, moved},
};
use crate::domain::{
    change::{Cause, Change, Effect},
    digest::Digest,
    ids::GranteeId,
    lifecycle::EndReason,
    plan::Plan,
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
    /// The digest of each member: what it would do, with its ends and without the time of planning, version or text.
    pub members: BTreeSet<Digest>,
    /// The changes.
    pub changes: Vec<Change>,
    /// Who has asked for each member, as far as anybody knows: one name a line, the first of them by whom it came about.
    #[serde(skip)]
    pub asked: BTreeMap<Digest, String>,
    /// The limits that they were judged by.
    pub limits: Limits,
}

impl Batch {
    /// What of it lies in a namespace.
    #[must_use]
    pub fn within(&self, namespace: &str) -> Self {
        let is_in = |change: &&Change| change.subject.owner.object.namespace == namespace;
        let changes: Vec<Change> = self.changes.iter().filter(is_in).cloned().collect();
        let members = changes.iter().map(member).collect();
        Self { members, changes, ..self.clone() }
    }
}

/// How far an approval counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reach {
    /// For the whole batch.
    All,
    /// For what belongs to objects in these namespaces.
    Within(BTreeSet<EcoString>),
}

impl Reach {
    fn covers(&self, change: &Change) -> bool {
        match self {
            Self::All => true,
            Self::Within(namespaces) => namespaces.contains(&change.subject.owner.object.namespace),
        }
    }
}

/// The hashes of the batches that somebody approves, each as far as that counts.
pub type Approvals = BTreeMap<Digest, Reach>;

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
    let approvals = approvals.iter().map(|hash| (*hash, Reach::All)).collect();
    check_as_approved(plan, desired, budgets, &approvals)
}

/// The same where each approval counts only so far. A batch that was not stored before runs only where all of it is
/// approved.
pub fn check_as_approved(
    plan: &Plan,
    desired: &Desired,
    budgets: &BTreeMap<String, Budget>,
    approvals: &Approvals,
) -> Checked {
    let moved = moved(&plan.changes);
    let mut scopes: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (position, change) in plan.changes.iter().enumerate() {
        let namespace = &change.subject.owner.object.namespace;
        let scope = plan.governing.scope_of(namespace, desired);
        scopes.entry(scope).or_default().push(position);
    }
    let mut admitted: Vec<Option<(&str, Cost, Option<Digest>)>> = vec![None; plan.changes.len()];
    let (mut blocked, mut approved) = (Vec::new(), Vec::new());
    let none = Budget::default();
    for (scope, positions) in scopes {
        let mut budget = budgets.get(scope).unwrap_or(&none).clone();
        let limits = plan.governing.limits_of(scope, desired);
        let costs: BTreeMap<usize, Cost> = positions
            .iter()
            .map(|position| (*position, cost(&plan.changes[*position], &moved, &plan.successors)))
            .collect();
        let member: BTreeMap<usize, Digest> = positions
            .iter()
            .map(|position| (*position, member(&plan.changes[*position])))
            .collect();
        approved.extend(approve_stored(plan, (scope, &limits), &member, &mut budget, approvals));
        let (waiting, mut exceeded) = waiting(plan, &costs, &member, &budget, &limits);
        let waiting = with_dependents(plan, &positions, waiting);
        let waiting = with_boundaries(plan, &member, waiting, &budget, &mut exceeded);
        let members: BTreeSet<Digest> = waiting.iter().map(|position| member[position]).collect();
        let hash = Digest::of(&members);
        let is_approved = approvals.get(&hash).is_some_and(|reach| {
            waiting.iter().all(|position| reach.covers(&plan.changes[*position]))
        });
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
            let (scope, limits, asked) = (scope.to_owned(), limits.clone(), BTreeMap::new());
            let batch = Batch { hash, scope, exceeded, members, changes, asked, limits };
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

/// Batches that were stored before and are approved with this very run: they run as far as they still apply, with the
/// very ends that were stored.
fn approve_stored(
    plan: &Plan,
    (scope, limits): (&str, &Limits),
    member: &BTreeMap<usize, Digest>,
    budget: &mut Budget,
    approvals: &Approvals,
) -> Vec<Batch> {
    let mut batches: BTreeMap<Digest, Batch> = BTreeMap::new();
    for (position, member) in member {
        let Some(hash) = budget.blocked.get(member).copied() else { continue };
        let change = &plan.changes[*position];
        if !approvals.get(&hash).is_some_and(|reach| reach.covers(change)) {
            continue;
        }
        budget.approved.insert(*member, hash);
        let batch = batches.entry(hash).or_insert_with(|| Batch {
            hash,
            scope: scope.to_owned(),
            exceeded: Vec::new(),
            members: BTreeSet::new(),
            changes: Vec::new(),
            asked: BTreeMap::new(),
            limits: limits.clone(),
        });
        batch.members.insert(*member);
        batch.changes.push(change.clone());
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
    let (mut total, mut waited) = (Cost::default(), Cost::default());
    let (mut need_approval, mut outside, mut held) = (0, 0, 0);
    for (position, cost) in costs {
        let change = &plan.changes[*position];
        let bounds = matches!(change.effect, Effect::SetBoundary { .. });
        let approved = budget.approved.contains_key(&member[position]);
        if approved || bounds || change.cause == Cause::Expired {
            continue;
        }
        if change.approval.is_needed() {
            need_approval += 1;
            waiting.insert(*position);
        } else if plan.governing.holds_back(change, plan.now)
            || (takes_away(*cost) && plan.governing.has_arrived(change))
        {
            outside += 1;
            waiting.insert(*position);
        } else if budget.holds(change) {
            held += 1;
            waited = waited.plus(*cost);
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
    // What waited before does so whatever is left of the limits by now: why it does is told as if it were new.
    if held > 0 {
        exceeded = limits.exceeded(total.plus(waited), budget);
        if exceeded.is_empty() {
            need_approval += held;
        }
    }
    if need_approval > 0 {
        exceeded.push((Measure::NeedApproval, need_approval, 0));
    }
    if outside > 0 {
        exceeded.push((Measure::EarlierBoundary, outside, 0));
    }
    (waiting, exceeded)
}

/// Whether a change counts as one that takes something away, of which a share may be lost.
fn takes_away(cost: Cost) -> bool {
    cost.revocations > 0 || cost.terminations > 0 || cost.replacements > 0
}

/// Adds the boundaries that would be wider than what bounded their namespaces so far, where something waits with them or
/// lies outside of that: a boundary is not remembered in one run with what needs it.
fn with_boundaries(
    plan: &Plan,
    member: &BTreeMap<usize, Digest>,
    mut waiting: BTreeSet<usize>,
    budget: &Budget,
    exceeded: &mut Vec<(Measure, u32, u32)>,
) -> BTreeSet<usize> {
    let guarded = |position: &usize| !plan.changes[*position].approval.is_needed();
    let something_waits = waiting.iter().any(guarded);
    let mut wider = 0;
    for (position, member) in member {
        let change = &plan.changes[*position];
        let Effect::SetBoundary { namespace, .. } = &change.effect else { continue };
        let waited = budget.blocked.contains_key(member);
        let waits = something_waits || waited || plan.governing.is_outgrown(namespace);
        if waits && plan.governing.widens(change) && !budget.approved.contains_key(member) {
            waiting.insert(*position);
            wider += 1;
        }
    }
    if wider > 0 {
        exceeded.push((Measure::WiderBoundary, wider, 0));
    }
    waiting
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
            Effect::Expire { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetBoundary { .. }
            | Effect::Adopt { .. }
            | Effect::Recognise { .. } => false,
            Effect::Invite { .. }
            | Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. } => rows.contains(row),
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
            | Effect::Adopt { .. }
            | Effect::Recognise { .. }
            | Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::Expire { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetBoundary { .. } => drop(rows.insert(row)),
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
