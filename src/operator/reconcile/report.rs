//! From what was read back to what the cluster is told: statuses, events, finalizers, and when to look again.
//!
//! Never: a status from before the last look into the store.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{
    Reconciler, Requeue,
    converge::Run,
    fights::Fought,
    finalizers::{FinalizerGoal, giving, is_over, mark_of},
    others,
    outcome::{MetadataPatch, Reconciled, StatusPatch},
};
use crate::{
    api::{Condition, GrantDeletionPolicy, LedgerHead},
    domain::{
        change::Change,
        digest::Digest,
        entry::Head,
        ids::{Kind, ObjectKey},
        limits::{Batch, member},
        plan::{Awaited, Notice, Plan},
        state::{DesiredRelationship, ObjectName, ObservedRelationship, RelationshipKey},
        status::{self, About, GrantFacts, GrantPart, Hold, RelationshipFacts},
    },
    operator::index::{Index, Indexed, StatusText, key},
};

/// What a report needs besides the run.
pub struct Sources<'a> {
    pub index: &'a Index,
    pub run: &'a Run,
    /// The plan of the same with nothing held back.
    pub unheld: &'a Plan,
    /// The last entries of the ledger, by the name of the row.
    pub ledger: &'a BTreeMap<EcoString, Head>,
}

pub(super) fn about<'a, S>(
    seen: &Indexed<S>,
    conditions: &'a [Condition],
    now: Timestamp,
) -> About<'a> {
    About {
        generation: seen.generation,
        presence: seen.object.presence,
        created: seen.created,
        now,
        conditions,
    }
}

impl Reconciler {
    /// Everything that the cluster is to be told, and when to look again.
    pub(super) fn report(&mut self, sources: &Sources<'_>, done: &mut Reconciled) {
        self.relationships(sources, done);
        self.gone(sources, done);
        self.grants(sources, done);
        self.acceptances(sources, done);
        others::offers(sources, done);
        others::boundaries(sources, done);
        self.rows(sources, done);
        done.left = sources.run.plan.changes.len();
    }

    fn relationships(&mut self, sources: &Sources<'_>, done: &mut Reconciled) {
        let Sources { index, run, .. } = sources;
        let tables = index.tables();
        let declared: BTreeMap<&ObjectName, (&RelationshipKey, &DesiredRelationship)> = run
            .validated
            .desired
            .relationships
            .iter()
            .map(|(key, declared)| (&declared.object, (key, declared)))
            .collect();
        let pending = by_owner(&run.plan.changes);
        let held_back = by_owner(&sources.unheld.changes);
        let notices = by_object(&run.plan.notices);
        let blocked = Blocked::of(run);
        let awaited = awaited(run);
        for name in &run.validated.affected.relationships {
            let Some(seen) = tables.relationships.get(name) else {
                self.grant_parts.set(name, BTreeMap::new());
                continue;
            };
            let object = key(Kind::PartnerRelationship, name);
            let declared = declared.get(name).copied();
            let first = declared
                .map(|(key, _)| key.clone())
                .or_else(|| self.row_index.owned_by(name).next().cloned());
            let rows = first.as_ref().and_then(|first| run.observed.relationships.get(first));
            let rows = rows.map_or(&[][..], Vec::as_slice);
            let left = pending.get(name).cloned().unwrap_or_default();
            let grants = index.grants_of(name);
            let mut told: Vec<&Notice> = notices.get(&object).cloned().unwrap_or_default();
            for grant in &grants {
                let grant = key(Kind::RoleGrant, grant);
                told.extend(notices.get(&grant).into_iter().flatten());
            }
            let facts = RelationshipFacts {
                object: name,
                declared: declared.map(|(_, declared)| declared),
                rows,
                acceptances: &run.observed.acceptances,
                problems: run.validated.problems_of(&object).collect(),
                notices: told,
                held_back: held_back.get(name).cloned().unwrap_or_default(),
                blocked: blocked.batches_of(name),
                awaited: awaited_of(&awaited, rows, first.as_ref()),
                refused: refused(run, name),
                hold: hold(run, name, first.as_ref()),
                valid_until: first.as_ref().and_then(|first| run.plan.differs.get(first)).copied(),
                held_back_until: first
                    .as_ref()
                    .and_then(|first| sources.unheld.differs.get(first))
                    .copied(),
                ledger: ledger(rows, sources.ledger),
                left,
            };
            let grant_parts: BTreeMap<ObjectName, GrantPart> = grants
                .into_iter()
                .map(|grant| {
                    let part = status::grant_part(&grant, &facts, done.now);
                    (grant, part)
                })
                .collect();
            self.grant_parts.set(name, grant_parts);
            let old = tables.relationships.status(name);
            let conditions = old.as_ref().map_or(&[][..], |old| &old.conditions);
            let about = about(seen, conditions, done.now);
            let reported = status::relationship(&about, &facts, old.as_ref());
            self.requeues.set(Requeue::Object(object.clone()), reported.next_change);
            let set = &run.validated.finalizers;
            let wanted = if seen.is_leaving() {
                FinalizerGoal::when_released(is_over(run, &facts, seen))
            } else {
                FinalizerGoal::for_live(name, &set.relationships, &set.needless_relationships)
            };
            let mark = mark_of(seen, &object, sources, wanted);
            let is_new =
                |mark: &MetadataPatch| !tables.relationships.is_marked(name, &mark.version);
            done.marks.extend(mark.filter(is_new));
            // What is said once the finalizer stands is the first that is worth a write.
            let awaited = run.validated.finalizers.relationships.contains(name);
            if !awaited && old.as_ref() != Some(&reported.status) {
                for event in status::relationship_events(old.as_ref(), &reported.status, done.now) {
                    done.events.push((object.clone(), seen.object.uid.clone(), event));
                }
                done.reports.push(StatusPatch {
                    object,
                    uid: seen.object.uid.clone(),
                    status: StatusText::of(&reported.status),
                });
            }
        }
    }

    fn grants(&mut self, sources: &Sources<'_>, done: &mut Reconciled) {
        let Sources { index, run, .. } = sources;
        let table = &index.tables().grants;
        let giving = giving(run);
        for name in &run.validated.affected.grants {
            let Some(seen) = table.get(name) else { continue };
            let object = key(Kind::RoleGrant, name);
            let Some(elsewhere) = self.elsewhere(name, run) else {
                done.again.push(Requeue::Object(object));
                continue;
            };
            let facts = GrantFacts {
                object: name,
                problems: run.validated.problems_of(&object).collect(),
                hold: if run.validated.unadmitted.contains(&name.namespace) {
                    Some(Hold::NoBoundary)
                } else {
                    run.validated.finalizers.grants.contains(name).then_some(Hold::Finalizer)
                },
                selected: index.selected_by(&seen.object).len(),
                elsewhere: &elsewhere,
            };
            let old = table.status(name);
            let conditions = old.as_ref().map_or(&[][..], |old| &old.conditions);
            let about = about(seen, conditions, done.now);
            let reported = status::grant(&about, &facts, self.grant_parts.of(name), old.as_ref());
            self.requeues.set(Requeue::Object(object.clone()), reported.next_change);
            let set = &run.validated.finalizers;
            let wanted = if seen.is_leaving() {
                let keeps = seen.object.spec.deletion_policy == GrantDeletionPolicy::Retain;
                let read = |row| run.observed.relationships.contains_key(row);
                let whole = self.row_index.given_by(name).all(read);
                if !whole {
                    // It was looked at only for a relationship that it selects, and has given something elsewhere.
                    done.again.push(Requeue::Object(object.clone()));
                }
                let gives = giving.contains(&(name, &seen.object.uid));
                FinalizerGoal::when_released(keeps || (whole && !gives))
            } else {
                FinalizerGoal::for_live(name, &set.grants, &set.needless_grants)
            };
            let mark = mark_of(seen, &object, sources, wanted);
            done.marks.extend(mark.filter(|mark| !table.is_marked(name, &mark.version)));
            let awaited = run.validated.finalizers.grants.contains(name)
                || self.grant_parts.relationships_of(name).any(|relationship| {
                    run.validated.finalizers.relationships.contains(relationship)
                });
            if !awaited && old.as_ref() != Some(&reported.status) {
                for event in status::grant_events(old.as_ref(), &reported.status) {
                    done.events.push((object.clone(), seen.object.uid.clone(), event));
                }
                done.reports.push(StatusPatch {
                    object,
                    uid: seen.object.uid.clone(),
                    status: StatusText::of(&reported.status),
                });
            }
        }
    }

    /// What a grant has given under relationships that it does not name or select any more, and what of that is still
    /// held, each until when; nothing where some of them were not read.
    fn elsewhere<'a>(
        &self,
        grant: &ObjectName,
        run: &'a Run,
    ) -> Option<Vec<(&'a RelationshipKey, Timestamp)>> {
        let is_other = |row: &&RelationshipKey| {
            !self.row_index.owners_of(row).any(|owner| self.grant_parts.is_under(grant, owner))
        };
        let mut elsewhere = Vec::new();
        for first in self.row_index.given_by(grant).filter(is_other) {
            let rows = run.observed.relationships.get(first)?;
            elsewhere.extend(rows.iter().filter_map(|row| {
                let until = status::given_until(row, grant, run.observed.now)?;
                Some((&row.key, until))
            }));
        }
        Some(elsewhere)
    }

    /// When to look at rows again, and which of them wait for a person.
    fn rows(&mut self, sources: &Sources<'_>, done: &mut Reconciled) {
        let run = sources.run;
        let first_keys = run.first_keys();
        let mut blocked: BTreeMap<&RelationshipKey, BTreeSet<Digest>> = BTreeMap::new();
        for change in run.checked.blocked.iter().flat_map(|batch| &batch.changes) {
            let Some(row) = &change.subject.relationship else { continue };
            let first = first_keys.get(row).unwrap_or(row);
            blocked.entry(first).or_default().extend(run.stored_batch(change));
        }
        let concerned: BTreeSet<&RelationshipKey> =
            run.validated.affected.rows.iter().chain(run.observed.relationships.keys()).collect();
        for row in concerned {
            self.row_index.set_blocked(row, blocked.remove(row).unwrap_or_default());
            self.requeues.set(Requeue::Row(row.clone()), run.plan.differs.get(row).copied());
            let fought = run.fought.get(row).map(|fought| &fought.until);
            for until in run.settling.get(row).into_iter().chain(fought) {
                self.requeues.set_no_later(Requeue::Row(row.clone()), *until);
            }
        }
        let again = done.now.saturating_add(self.settings.retries_after).unwrap_or(done.now);
        for (change, _) in run.refused.values() {
            if let Some(row) = &change.subject.relationship {
                let first = first_keys.get(row).unwrap_or(row);
                let until = self.row_index.backoff.waits(change, done.now);
                let until = until.map_or(again, |(_, until)| until);
                self.requeues.set_no_later(Requeue::Row(first.clone()), until);
            }
        }
        for row in run.open.values().filter_map(|change| change.subject.relationship.as_ref()) {
            let first = first_keys.get(row).unwrap_or(row);
            self.requeues.set_no_later(Requeue::Row(first.clone()), again);
        }
        for (approval, why) in &run.not_approved {
            if !self.row_index.approvals.knows(approval) {
                let (object, uid) = (approval.object.clone(), approval.uid.clone());
                let event = status::approval_refused(&why.to_string());
                done.events.push((object.clone(), uid.clone(), event));
                done.not_approved.push((object, uid, why.clone()));
            }
        }
        self.row_index.approvals.learn(&run.validated.affected, &run.approvals);
    }
}

pub(super) fn by_owner(changes: &[Change]) -> BTreeMap<&ObjectName, Vec<&Change>> {
    let mut by_owner: BTreeMap<&ObjectName, Vec<&Change>> = BTreeMap::new();
    // An acceptance of an agreement alone comes from an object of another kind, which may have the same name.
    for change in changes.iter().filter(|change| change.subject.relationship.is_some()) {
        by_owner.entry(&change.subject.owner.object).or_default().push(change);
    }
    by_owner
}

pub(super) fn by_object(notices: &[Notice]) -> BTreeMap<ObjectKey, Vec<&Notice>> {
    let mut by_object: BTreeMap<ObjectKey, Vec<&Notice>> = BTreeMap::new();
    for notice in notices {
        if let Some(object) = notice.about() {
            by_object.entry(object).or_default().push(notice);
        }
    }
    by_object
}

/// The batches in which changes wait, found by the relationship whose changes they are.
pub(super) struct Blocked<'a> {
    batches: Vec<Batch>,
    by_owner: BTreeMap<&'a ObjectName, BTreeSet<usize>>,
}

impl<'a> Blocked<'a> {
    /// Each batch under the hash that it is stored by, with what is stored there.
    pub fn of(run: &'a Run) -> Self {
        let mut blocked = Self { batches: Vec::new(), by_owner: BTreeMap::new() };
        for batch in &run.checked.blocked {
            let mut stored: BTreeMap<Digest, usize> = BTreeMap::new();
            let changes = batch.changes.iter();
            for change in changes.filter(|change| change.subject.relationship.is_some()) {
                let hash = run.stored_batch(change).unwrap_or(batch.hash);
                let position = *stored.entry(hash).or_insert_with(|| {
                    let (scope, exceeded) = (batch.scope.clone(), batch.exceeded.clone());
                    let (members, changes) = (BTreeSet::new(), Vec::new());
                    let (limits, asked) = (batch.limits.clone(), BTreeMap::new());
                    let batch = Batch { hash, scope, exceeded, members, changes, asked, limits };
                    blocked.batches.push(batch);
                    blocked.batches.len() - 1
                });
                blocked.batches[position].members.insert(member(change));
                blocked.batches[position].changes.push(change.clone());
                let owner = &change.subject.owner.object;
                blocked.by_owner.entry(owner).or_default().insert(position);
            }
        }
        blocked
    }

    pub fn batches_of(&self, relationship: &ObjectName) -> Vec<&Batch> {
        let positions = self.by_owner.get(relationship).into_iter().flatten();
        positions.map(|position| &self.batches[*position]).collect()
    }
}

/// The answers that are awaited, by the row that waits, each with its position in the plan.
fn awaited(run: &Run) -> BTreeMap<&RelationshipKey, Vec<(usize, &Awaited)>> {
    let mut by_row: BTreeMap<&RelationshipKey, Vec<(usize, &Awaited)>> = BTreeMap::new();
    for (position, awaited) in run.plan.awaited.iter().enumerate() {
        by_row.entry(&awaited.relationship).or_default().push((position, awaited));
    }
    by_row
}

/// Those of one relationship, in the order of the plan.
fn awaited_of<'a>(
    awaited: &BTreeMap<&RelationshipKey, Vec<(usize, &'a Awaited)>>,
    rows: &[ObservedRelationship],
    first: Option<&RelationshipKey>,
) -> Vec<&'a Awaited> {
    let keys: BTreeSet<&RelationshipKey> = rows.iter().map(|row| &row.key).chain(first).collect();
    let found = keys.into_iter().filter_map(|key| awaited.get(key)).flatten();
    let mut found: Vec<(usize, &Awaited)> = found.copied().collect();
    found.sort_by_key(|(position, _)| *position);
    found.into_iter().map(|(_, awaited)| awaited).collect()
}

fn refused(run: &Run, name: &ObjectName) -> Vec<String> {
    let own = run.refused.values().filter(|(change, _)| {
        change.subject.relationship.is_some() && change.subject.owner.object == *name
    });
    own.map(|(_, refusal)| refusal.to_string()).collect()
}

pub(super) fn no_boundary(run: &Run, name: &ObjectName) -> Option<Hold> {
    run.validated.unadmitted.contains(&name.namespace).then_some(Hold::NoBoundary)
}

fn hold(run: &Run, name: &ObjectName, first: Option<&RelationshipKey>) -> Option<Hold> {
    if let Some(hold) = no_boundary(run, name) {
        return Some(hold);
    }
    if run.validated.finalizers.relationships.contains(name) {
        return Some(Hold::Finalizer);
    }
    if let Some(until) = run.settling.get(first?) {
        return Some(Hold::Settling { until: *until });
    }
    let Fought { times, until } = *run.fought.get(first?)?;
    Some(Hold::Fought { times, until })
}

fn ledger(rows: &[ObservedRelationship], last: &BTreeMap<EcoString, Head>) -> Option<LedgerHead> {
    let heads = rows.iter().filter_map(|row| last.get(&row.key.name));
    let newest = heads.max_by_key(|head| head.sequence)?;
    Some(LedgerHead { sequence: newest.sequence, hash: newest.hash.to_string() })
}
