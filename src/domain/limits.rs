//! What needs a person: how much may be lost or gained at once (DESIGN §5).
//!
//! Never: counts expiry, a completed replacement, or what a person approved.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

use super::{
    catalogue::Catalogue,
    digest::Digest,
    duration::Duration,
    ids::{GranteeId, RoleId},
    lifecycle::EndReason,
    plan::{Cause, Change, Effect, Plan},
    state::{Desired, RelationshipKey, Roles},
};

/// How much may happen within a window without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The stretch of time that is counted.
    pub window: Duration,
    /// Assignments that lose something.
    pub revocations: Share,
    /// Relationships that are terminated.
    pub terminations: Share,
    /// Privileged roles that are gained.
    pub privileged_gains: u32,
    /// Grantees that held nothing before.
    pub new_grantees: u32,
    /// Relationships that are replaced.
    pub replacements: u32,
}

/// A number, and a share that counts from [`SHARE_COUNTS_FROM`] up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// In number.
    pub count: u32,
    /// In percent of all.
    pub percent: u32,
}

/// The number of assignments, or relationships, from which the share counts.
pub const SHARE_COUNTS_FROM: u32 = 5;

/// The name of the scope of namespaces without a boundary.
pub const DEFAULT_SCOPE: &str = "default";

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: Duration::from_seconds(3_600),
            revocations: Share { count: 25, percent: 30 },
            terminations: Share { count: 3, percent: 10 },
            privileged_gains: 25,
            new_grantees: 100,
            replacements: 10,
        }
    }
}

/// What a change counts as, and what was spent within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// Assignments that lose something.
    pub revocations: u32,
    /// Relationships that are terminated.
    pub terminations: u32,
    /// Privileged roles that are gained.
    pub privileged_gains: u32,
    /// Grantees that held nothing before.
    pub new_grantees: u32,
    /// Relationships that are replaced.
    pub replacements: u32,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            revocations: self.revocations.saturating_add(other.revocations),
            terminations: self.terminations.saturating_add(other.terminations),
            privileged_gains: self.privileged_gains.saturating_add(other.privileged_gains),
            new_grantees: self.new_grantees.saturating_add(other.new_grantees),
            replacements: self.replacements.saturating_add(other.replacements),
        }
    }

    fn measures(self) -> [(Measure, u32); 5] {
        [
            (Measure::Revocations, self.revocations),
            (Measure::Terminations, self.terminations),
            (Measure::PrivilegedGains, self.privileged_gains),
            (Measure::NewGrantees, self.new_grantees),
            (Measure::Replacements, self.replacements),
        ]
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Assignments that lose something.
    Revocations,
    /// Relationships that are terminated.
    Terminations,
    /// Privileged roles that are gained.
    PrivilegedGains,
    /// Grantees that held nothing before.
    NewGrantees,
    /// Relationships that are replaced.
    Replacements,
    /// Changes that a person must approve whatever the limits.
    NeedApproval,
}

/// How much there is and how much was spent, for one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Spent within the window.
    pub spent: Cost,
    /// Assignments that hold something.
    pub assignments: u32,
    /// Relationships that are active.
    pub relationships: u32,
    /// Members of stored batches that nobody has approved, each with the hash of its batch: blocked however the window
    /// slides.
    pub blocked: BTreeMap<Digest, Digest>,
    /// Members of approved batches, by the hash of the batch.
    pub approved: BTreeMap<Digest, Digest>,
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revocations => "revocations",
            Self::Terminations => "terminations",
            Self::PrivilegedGains => "gains of privileged roles",
            Self::NewGrantees => "new grantees",
            Self::Replacements => "replacements",
            Self::NeedApproval => "what needs an approval",
        })
    }
}

impl Limits {
    /// What `cost` goes beyond: each with what it would come to and what is allowed.
    pub fn exceeded(&self, cost: Cost, budget: &Budget) -> Vec<(Measure, u32, u32)> {
        let total = cost.plus(budget.spent);
        let share = |share: Share, of: u32| {
            let by_percent = u64::from(of) * u64::from(share.percent) / 100;
            let by_percent = u32::try_from(by_percent).unwrap_or(u32::MAX);
            if of < SHARE_COUNTS_FROM { share.count } else { share.count.min(by_percent.max(1)) }
        };
        let allowed = |measure| match measure {
            Measure::Revocations => share(self.revocations, budget.assignments),
            Measure::Terminations => share(self.terminations, budget.relationships),
            Measure::PrivilegedGains => self.privileged_gains,
            Measure::NewGrantees => self.new_grantees,
            Measure::Replacements => self.replacements,
            Measure::NeedApproval => 0,
        };
        let counted = cost.measures().into_iter().zip(total.measures());
        counted
            .filter(|((measure, now), (_, total))| *now > 0 && *total > allowed(*measure))
            .map(|((measure, _), (_, total))| (measure, total, allowed(measure)))
            .collect()
    }
}

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
    let mut fate: Vec<Option<Admitted>> = vec![None; plan.changes.len()];
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
            fate[*position] = Some(Admitted {
                change: plan.changes[*position].clone(),
                scope: scope.to_owned(),
                cost: if counts { costs[position] } else { Cost::default() },
                approved: batch,
            });
        }
        if !waiting.is_empty() {
            let changes = waiting.iter().map(|position| plan.changes[*position].clone()).collect();
            let batch = Batch { hash, scope: scope.to_owned(), exceeded, members, changes };
            if is_approved { approved.push(batch) } else { blocked.push(batch) }
        }
    }
    Checked { run: fate.into_iter().flatten().collect(), blocked, approved }
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

/// What moves from a predecessor to its successor: gained by nobody.
type Moved<'a> = BTreeMap<(&'a super::state::Owner, GranteeId), &'a Roles>;

fn moved(changes: &[Change]) -> Moved<'_> {
    let replaced = changes.iter().filter(|change| change.cause == Cause::Replaced);
    replaced
        .filter_map(|change| match &change.effect {
            Effect::SetRoles { grantee, before, .. } => {
                Some(((&change.subject.owner, grantee.id), &before.roles))
            }
            _ => None,
        })
        .collect()
}

/// What a change counts as.
fn cost(change: &Change, moved: &Moved<'_>) -> Cost {
    let mut cost = Cost::default();
    match (&change.effect, change.cause) {
        (_, Cause::Expired) | (Effect::SetRoles { .. }, Cause::Replaced) => {}
        (Effect::SetRoles { grantee, before, after }, _) => {
            let had = moved.get(&(&change.subject.owner, grantee.id));
            let held = |role: &RoleId| {
                before.roles.contains_key(role) || had.is_some_and(|had| had.contains_key(role))
            };
            let loses = before
                .roles
                .iter()
                .any(|(role, until)| after.roles.get(role).is_none_or(|later| later < until));
            let gained = after.roles.keys().filter(|role| !held(role));
            let privileged = gained.filter(|role| {
                Catalogue::compiled().role(**role).is_none_or(|role| role.privileged)
            });
            cost.revocations = u32::from(loses);
            cost.privileged_gains = u32::try_from(privileged.count()).unwrap_or(u32::MAX);
            let held_nothing = before.roles.is_empty() && had.is_none_or(|had| had.is_empty());
            cost.new_grantees = u32::from(held_nothing && !after.roles.is_empty());
        }
        (Effect::Terminate { reason }, _) => {
            cost.terminations = u32::from(*reason != EndReason::Replaced);
        }
        (Effect::Invite { .. }, Cause::Replaced) => cost.replacements = 1,
        _ => {}
    }
    cost
}

/// What a change would do, without time, version or text: the same tomorrow.
pub fn member(change: &Change) -> Digest {
    let row = &change.subject.relationship;
    match &change.effect {
        Effect::SetRoles { grantee, before, after } => {
            let (before, after): (BTreeSet<_>, BTreeSet<_>) =
                (before.roles.keys().collect(), after.roles.keys().collect());
            Digest::of(&("SetRoles", row, grantee.id, before, after, change.approval))
        }
        Effect::Invite { invitation, .. } => Digest::of(&("Invite", row, invitation.digest())),
        Effect::Terminate { reason } => Digest::of(&("Terminate", row, reason)),
        Effect::Authorise { acceptance, .. } => Digest::of(&("Authorise", row, acceptance.content)),
        Effect::Decline { acceptance } => Digest::of(&("Decline", row, acceptance.content)),
        Effect::RecordAcceptance { acceptance } => {
            Digest::of(&("RecordAcceptance", acceptance.content))
        }
        Effect::Withdraw { reason } => Digest::of(&("Withdraw", row, reason)),
        Effect::SetAutoExtend { after, .. } => Digest::of(&("SetAutoExtend", row, after)),
        Effect::DropGlobalAdministrator { .. } => Digest::of(&("DropGlobalAdministrator", row)),
        Effect::Extend { .. } => Digest::of(&("Extend", row)),
        Effect::Claim { after, .. } => Digest::of(&("Claim", row, after)),
        Effect::SetPolicies { after, .. } => Digest::of(&("SetPolicies", row, after)),
        Effect::Expire { .. } => Digest::of(&("Expire", row)),
    }
}
