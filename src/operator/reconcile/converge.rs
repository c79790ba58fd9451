//! Makes what may be made, and reads it back.
//!
//! Never: the same change twice in a round after the store has refused it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
    sync::Mutex,
};

use jiff::Timestamp;

use super::{
    Settings, actors,
    approvals::{self, Counted, NotApproved, Waiting, Written},
    desired::Validated,
    fights::Fought,
    holds, locked,
    outcome::{Effected, Reconciled},
    row_index::RowIndex,
};
use crate::{
    domain::{
        catalogue::Catalogue,
        change::Change,
        digest::Digest,
        limits::{
            Admitted, Batch, Budget, Checked, Reach, asker_names, check, check_as_approved, member,
        },
        plan::{Claimant, Foreign, Plan, plan},
        state::{Observed, RelationshipKey},
    },
    operator::index::Index,
    store::{
        Outcome, Refusal, Scope, Signature, Signatures, StoreError, Write,
        apply::{Stopped, Unmade, apply, seen_outside},
        plan_hash,
    },
};

/// How often a round plans again because somebody else wrote meanwhile, or because one step made room for the next.
const ATTEMPTS: usize = 4;

/// A round under way: what was judged, and what the store holds by now.
pub struct Run {
    pub validated: Validated,
    pub observed: Observed,
    pub plan: Plan,
    pub checked: Checked,
    pub budgets: BTreeMap<String, Budget>,
    /// Relationships that settle, each until when.
    pub settling: BTreeMap<RelationshipKey, Timestamp>,
    /// Relationships of which something is left alone, because somebody undoes it.
    pub fought: BTreeMap<RelationshipKey, Fought>,
    /// What the store refused, by the id of the change.
    pub refused: BTreeMap<Digest, (Change, Refusal)>,
    /// What was sent in this round and is not known to be made, by the id of the change.
    pub open: BTreeMap<Digest, Change>,
    /// What of the round is not made.
    unmade: Unmade,
    /// Approvals that do not count.
    pub not_approved: Vec<(Written, NotApproved)>,
    /// The batches for which an approval has counted.
    counted: BTreeSet<Digest>,
    /// Approvals that were read and can go.
    pub approvals: Vec<Written>,
    scope: Scope,
    claimant: Claimant,
}

impl Run {
    pub fn new(validated: Validated, observed: Observed, scope: Scope, claimant: Claimant) -> Self {
        let plan = plan(&validated.desired, &observed, &claimant);
        let checked = Checked { run: Vec::new(), blocked: Vec::new(), approved: Vec::new() };
        Self {
            validated,
            observed,
            plan,
            checked,
            budgets: BTreeMap::new(),
            settling: BTreeMap::new(),
            fought: BTreeMap::new(),
            refused: BTreeMap::new(),
            open: BTreeMap::new(),
            unmade: Unmade::default(),
            not_approved: Vec::new(),
            counted: BTreeSet::new(),
            approvals: Vec::new(),
            scope,
            claimant,
        }
    }

    /// Makes what may be made until nothing is left that may.
    pub async fn all(
        &mut self,
        store: &mut impl Write,
        index: &Mutex<Index>,
        settings: &Settings,
        row_index: &mut RowIndex,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        self.approvals = approvals::written(&self.validated.affected, &locked(index));
        for _ in 0..ATTEMPTS {
            if !self.plan.changes.is_empty() {
                self.budgets = store.budgets(&self.validated.desired.limits()).await?;
            }
            let approved = self.check(index, settings);
            let first_keys = self.first_keys();
            self.settling =
                holds::settling(&self.plan, &first_keys, settings.settles_for, row_index);
            let run = std::mem::take(&mut self.checked.run);
            let mut run = holds::ready(run, &first_keys, &self.settling);
            let now = self.observed.now;
            run.retain(|admitted| {
                let row = admitted.change.subject.relationship.as_ref();
                let fought = row_index.fights.waits(&admitted.change, now);
                if let (Some(fought), Some(row)) = (fought, row) {
                    let first = first_keys.get(row).unwrap_or(row);
                    self.fought.insert(first.clone(), fought);
                }
                if let Some((refusal, _)) = row_index.backoff.waits(&admitted.change, now) {
                    let refused = (admitted.change.clone(), refusal.clone());
                    self.refused.insert(admitted.id(), refused);
                }
                let id = admitted.id();
                let waits = fought.is_some() || self.refused.contains_key(&id);
                if waits {
                    self.unmade.note(&admitted.change, false);
                }
                // What is on its way was noted when it was sent.
                !waits && !self.open.contains_key(&id)
            });
            // Nothing is taken for what is not given after all.
            run.retain(|admitted| self.unmade.under(&admitted.change).is_none());
            let by = operator(settings, &run);
            self.block(store, &by, done).await?;
            for batch in &self.checked.approved {
                for (namespace, actor) in approved.get(&batch.hash).into_iter().flatten() {
                    let part = batch.within(namespace);
                    if part.members.is_empty() {
                        continue;
                    }
                    let by = Signature { actor: actor.clone(), intent: by.intent.clone() };
                    store.approve(&part, &by).await?;
                    done.approved.push((part.hash, actor.name.clone()));
                }
            }
            if run.is_empty() {
                break;
            }
            let changes = actors::signatures(&run, &locked(index), &self.budgets, &by);
            let signatures = Signatures { run: by, changes };
            let tried = done.effects.len();
            // What was read and planned before is of no use any more, and there can be very much of it.
            self.plan.changes = Vec::new();
            self.observed.relationships = BTreeMap::new();
            self.apply(store, run, &signatures, done).await;
            for effected in &done.effects[tried..] {
                if effected.outcome == Outcome::Done || effected.outcome.is_open() {
                    row_index.fights.made(&effected.change, self.observed.now);
                }
                if let Some((change, refusal)) = self.refused.get(&effected.id) {
                    let (now, after) = (self.observed.now, settings.retries_after);
                    row_index.backoff.refused(change, refusal, now, after);
                }
            }
            if done.failed.is_some() {
                return Ok(());
            }
            self.observed = store.observe(&self.scope).await?;
            self.plan = plan(&self.validated.desired, &self.observed, &self.claimant);
        }
        if !row_index.backoff.is_empty() {
            let planned = self.plan.changes.iter().map(Change::id).collect();
            row_index.backoff.keep(self.first_keys().keys(), &planned);
        }
        self.record(store, settings, row_index, done).await
    }

    async fn apply(
        &mut self,
        store: &mut impl Write,
        run: Vec<Admitted>,
        signatures: &Signatures,
        done: &mut Reconciled,
    ) {
        let limits = self.validated.desired.limits();
        let report = apply(store, run, &limits, signatures, |_| ControlFlow::Continue(())).await;
        for (admitted, outcome) in report.tried {
            if let Outcome::Refused(refusal) = &outcome
                && *refusal != Refusal::Stale
            {
                self.refused.insert(admitted.id(), (admitted.change.clone(), refusal.clone()));
            }
            if outcome.is_open() {
                self.unmade.note(&admitted.change, true);
                self.open.insert(admitted.id(), admitted.change.clone());
            }
            let by = signatures.of(&admitted.id()).clone();
            done.effects.push(Effected { id: admitted.id(), change: admitted.change, outcome, by });
        }
        if let Some(Stopped::Failed(error)) = report.stopped {
            done.failed = Some(error);
        }
    }

    /// Divides the plan, with the approvals that count; gives who approved what.
    fn check(&mut self, index: &Mutex<Index>, settings: &Settings) -> Counted {
        let desired = &self.validated.desired;
        self.checked = check(&self.plan, desired, &self.budgets, &BTreeSet::new());
        if self.approvals.is_empty() {
            self.note_askers(&locked(index));
            return Counted::new();
        }
        let mut waiting: BTreeMap<Digest, Waiting<'_>> = BTreeMap::new();
        for batch in &self.checked.blocked {
            waiting.entry(batch.hash).or_default().changes.extend(&batch.changes);
            for change in &batch.changes {
                if let Some(stored) = self.stored_batch(change) {
                    waiting.entry(stored).or_default().changes.push(change);
                }
            }
        }
        for budget in self.budgets.values() {
            for (member, hash) in &budget.blocked {
                let asked = budget.asked.get(member).into_iter().flat_map(|it| asker_names(it));
                waiting.entry(*hash).and_modify(|waits| waits.asked.extend(asked));
            }
        }
        let written = &self.approvals;
        let (counted, refused) = approvals::judged(written, &waiting, settings, &locked(index));
        if !counted.is_empty() {
            let within = |by: &BTreeMap<_, _>| Reach::Within(by.keys().cloned().collect());
            let approvals = counted.iter().map(|(hash, by)| (*hash, within(by))).collect();
            self.checked = check_as_approved(&self.plan, desired, &self.budgets, &approvals);
        }
        self.counted.extend(counted.keys());
        self.tell_refused(refused);
        self.note_askers(&locked(index));
        counted
    }

    /// Writes on each batch who has asked for it, beside those who are known already.
    fn note_askers(&mut self, index: &Index) {
        for batch in self.checked.blocked.iter_mut().chain(&mut self.checked.approved) {
            let stored = self.budgets.get(&batch.scope).map(|budget| &budget.asked);
            let asked = batch.changes.iter().map(|change| {
                let member = member(change);
                let stored = stored.and_then(|asked| asked.get(&member));
                (member, actors::asked(change, index, stored.map(String::as_str)))
            });
            batch.asked = asked.collect();
        }
    }

    /// Keeps the first reason for each approval. What has counted once waits for nothing after that.
    fn tell_refused(&mut self, refused: Vec<(Written, NotApproved)>) {
        self.not_approved.extend(refused);
        let mut told = BTreeSet::new();
        let counted = &self.counted;
        self.not_approved.retain(|(approval, why)| {
            let has_counted = approval.text.parse().is_ok_and(|hash| counted.contains(&hash));
            let is_used = has_counted
                && matches!(why, NotApproved::NothingWaits(_) | NotApproved::Elsewhere { .. });
            !is_used && told.insert(approval.object.clone())
        });
    }

    /// The batch in which a change is stored already.
    pub fn stored_batch(&self, change: &Change) -> Option<Digest> {
        let scope = self.validated.desired.scope_of(&change.subject.owner.object.namespace);
        self.budgets.get(scope)?.blocked.get(&member(change)).copied()
    }

    /// Of each batch that is stored, the members for which somebody has asked who had not before.
    fn asked_since(&self) -> Vec<Batch> {
        let mut batches: BTreeMap<Digest, Batch> = BTreeMap::new();
        for batch in &self.checked.blocked {
            let Some(budget) = self.budgets.get(&batch.scope) else { continue };
            for (member, asked) in &batch.asked {
                let stored = budget.blocked.get(member);
                let Some(hash) = stored.filter(|_| budget.asked.get(member) != Some(asked)) else {
                    continue;
                };
                let more = batches.entry(*hash).or_insert_with(|| Batch {
                    hash: *hash,
                    scope: batch.scope.clone(),
                    exceeded: Vec::new(),
                    members: BTreeSet::new(),
                    changes: Vec::new(),
                    limits: batch.limits.clone(),
                    asked: BTreeMap::new(),
                });
                more.members.insert(*member);
                more.asked.insert(*member, asked.clone());
            }
        }
        batches.into_values().collect()
    }

    /// Stores what waits where some of it did not before, all of it as one batch, and whoever has asked for it since. What
    /// is stored keeps its batch, however little of it a round looks at.
    async fn block(
        &mut self,
        store: &mut impl Write,
        by: &Signature,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        let new = |change: &Change| self.stored_batch(change).is_none();
        let blocked = self.checked.blocked.iter();
        let fresh: Vec<Batch> =
            blocked.filter(|batch| batch.changes.iter().any(new)).cloned().collect();
        let more = self.asked_since();
        if fresh.is_empty() && more.is_empty() {
            return Ok(());
        }
        store.block(&[fresh.clone(), more].concat(), by).await?;
        for batch in &self.checked.blocked {
            let budget = self.budgets.entry(batch.scope.clone()).or_default();
            budget.asked.extend(batch.asked.clone());
        }
        for batch in &fresh {
            let budget = self.budgets.entry(batch.scope.clone()).or_default();
            budget.blocked.extend(batch.members.iter().map(|member| (*member, batch.hash)));
        }
        done.blocked.extend(fresh);
        Ok(())
    }

    /// Records what was changed outside, of relationships that this round has not changed itself, and was not seen
    /// before.
    async fn record(
        &mut self,
        store: &mut impl Write,
        settings: &Settings,
        row_index: &mut RowIndex,
        done: &mut Reconciled,
    ) -> Result<(), StoreError> {
        if self.plan.notices.iter().all(|notice| notice.outside().is_none()) {
            row_index.differences.learn(&self.observed, &[]);
            return Ok(());
        }
        row_index
            .differences
            .learn(&self.observed, &seen_outside(&self.plan, &self.observed, std::iter::empty()));
        let told = done.effects.iter().filter(|effect| !effect.outcome.is_open());
        let changed = told.map(|effect| &effect.change);
        let mut seen = seen_outside(&self.plan, &self.observed, changed);
        seen.retain(|one| !row_index.differences.knows(one));
        if seen.is_empty() {
            return Ok(());
        }
        store.record(seen.clone(), &operator(settings, &[])).await?;
        row_index.differences.remember(seen);
        Ok(())
    }

    /// The first key of each row, also of rows that the plan makes.
    pub fn first_keys(&self) -> BTreeMap<RelationshipKey, RelationshipKey> {
        let rows = self.observed.relationships.iter();
        let mut firsts: BTreeMap<_, _> = rows
            .flat_map(|(first, rows)| rows.iter().map(|row| (row.key.clone(), first.clone())))
            .collect();
        for change in &self.plan.changes {
            if let (Some(row), Some((first, _, _))) =
                (&change.subject.relationship, change.effect.makes_row())
            {
                firsts.insert(row.clone(), first.clone());
            }
        }
        firsts
    }
}

/// Whose rows are planned: what another instance has is left alone.
pub fn claimant(settings: &Settings) -> Claimant {
    Claimant { instance: settings.instance.clone(), foreign: Foreign::Conflict }
}

/// The operator itself, for what nobody else is behind.
pub fn operator(settings: &Settings, run: &[Admitted]) -> Signature {
    let catalogue = Catalogue::compiled().version();
    actors::operator(&settings.instance, catalogue, plan_hash(run))
}
