//! What the operator remembers of the store between rounds, so that it finds the rows behind an object without asking.
//!
//! Never: the reason for a change; everything here is read anew before anything is decided.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use litemap::LiteMap;

use super::{approvals, backoff::Backoff, fights::Fights};
use crate::{
    domain::{
        digest::Digest,
        lifecycle::Phase,
        state::{Instance, ObjectName, Observed, ObservedRelationship, RelationshipKey},
    },
    store::Observation,
};

/// What is remembered of the rows of one relationship.
#[derive(Debug, Clone, Default, PartialEq)]
struct Rows {
    owners: Names,
    grants: Names,
    in_force: usize,
    next_end: Option<Timestamp>,
}

/// A few names, each once.
type Names = LiteMap<ObjectName, ()>;

/// The rows behind each object: mostly one.
type ByObject = BTreeMap<ObjectName, LiteMap<RelationshipKey, ()>>;

/// What is remembered of the store.
#[derive(Debug, Default)]
pub struct RowIndex {
    rows: BTreeMap<RelationshipKey, Rows>,
    by_owner: ByObject,
    by_grant: ByObject,
    blocked: BTreeMap<RelationshipKey, BTreeSet<Digest>>,
    settling: BTreeMap<RelationshipKey, Timestamp>,
    /// What the store has refused lately.
    pub(super) backoff: Backoff,
    /// What was made lately, and may be undone by somebody.
    pub(super) fights: Fights,
    /// Differences that were made outside, and recorded.
    pub(super) differences: Differences,
    /// Approvals that were read.
    pub(super) approvals: approvals::Read,
}

/// Differences that stand in the ledger and still hold, by the name of their row: each is recorded once, whatever else
/// changes meanwhile.
#[derive(Debug, Default)]
pub(super) struct Differences(BTreeMap<EcoString, Observation>);

impl Differences {
    /// Forgets what does not hold any more, of the rows that were looked at.
    pub fn learn(&mut self, observed: &Observed, seen: &[Observation]) {
        if self.0.is_empty() {
            return;
        }
        for row in observed.relationships.values().flatten() {
            let name = &row.key.name;
            if self.0.get(name).is_some_and(|known| !seen.contains(known)) {
                self.0.remove(name);
            }
        }
    }

    /// Whether just this is recorded.
    pub fn knows(&self, seen: &Observation) -> bool {
        self.0.get(seen.subject.as_str()) == Some(seen)
    }

    /// It is recorded by now.
    pub fn remember(&mut self, seen: Vec<Observation>) {
        self.0.extend(seen.into_iter().map(|one| (one.subject.as_str().into(), one)));
    }
}

impl RowIndex {
    /// Remembers what was read of these relationships; of one that was not found nothing is left.
    pub fn learn<'a>(
        &mut self,
        keys: impl IntoIterator<Item = &'a RelationshipKey>,
        observed: &Observed,
        instance: &Instance,
    ) {
        for key in keys {
            let read = observed.relationships.get(key).map(|rows| remembered(rows, instance));
            let read = read.unwrap_or_default();
            let before = self.rows.remove(key).unwrap_or_default();
            move_in(&mut self.by_owner, key, &before.owners, &read.owners);
            move_in(&mut self.by_grant, key, &before.grants, &read.grants);
            if read != Rows::default() {
                self.rows.insert(key.clone(), read);
            }
        }
    }

    /// The relationships in the store that an object owns.
    pub fn owned_by(&self, object: &ObjectName) -> impl Iterator<Item = &RelationshipKey> {
        self.by_owner.get(object).into_iter().flat_map(LiteMap::keys)
    }

    /// The objects that own the rows of a relationship.
    pub fn owners_of(&self, key: &RelationshipKey) -> impl Iterator<Item = &ObjectName> {
        self.rows.get(key).into_iter().flat_map(|rows| rows.owners.keys())
    }

    /// The relationships in the store under which a grant has given something.
    pub fn given_by(&self, grant: &ObjectName) -> impl Iterator<Item = &RelationshipKey> {
        self.by_grant.get(grant).into_iter().flat_map(LiteMap::keys)
    }

    /// The grants that have given something under a relationship.
    pub fn grants_of(&self, key: &RelationshipKey) -> impl Iterator<Item = &ObjectName> {
        self.rows.get(key).into_iter().flat_map(|rows| rows.grants.keys())
    }

    /// Whether anything in the store comes from this grant.
    pub fn gives(&self, grant: &ObjectName) -> bool {
        self.by_grant.contains_key(grant)
    }

    /// Every relationship that is remembered.
    pub fn keys(&self) -> impl Iterator<Item = &RelationshipKey> {
        self.rows.keys()
    }

    /// How many assignments hold something.
    pub fn in_force(&self) -> usize {
        self.rows.values().map(|rows| rows.in_force).sum()
    }

    /// The next instant at which somebody loses something because its time is over.
    pub fn next_end(&self) -> Option<Timestamp> {
        self.rows.values().filter_map(|rows| rows.next_end).min()
    }

    /// Whether an end has passed under a relationship and was still in the store.
    pub fn has_ended(&self, key: &RelationshipKey, now: Timestamp) -> bool {
        self.rows.get(key).is_some_and(|rows| rows.next_end.is_some_and(|end| end <= now))
    }

    /// How many ends have passed and are still in the store.
    pub fn overdue(&self, now: Timestamp) -> usize {
        self.rows.values().filter(|rows| rows.next_end.is_some_and(|end| end <= now)).count()
    }

    /// Which batches hold changes of a relationship.
    pub fn set_blocked(&mut self, key: &RelationshipKey, batches: BTreeSet<Digest>) {
        if batches.is_empty() {
            self.blocked.remove(key);
        } else {
            self.blocked.insert(key.clone(), batches);
        }
    }

    /// The relationships with changes in a batch.
    pub fn blocked_by(&self, batch: &Digest) -> impl Iterator<Item = &RelationshipKey> {
        self.blocked.iter().filter(|(_, batches)| batches.contains(batch)).map(|(key, _)| key)
    }

    /// The relationships of these namespaces with changes that wait: whatever joins them waits with them.
    pub fn blocked_in(
        &self,
        namespaces: &BTreeSet<&str>,
    ) -> impl Iterator<Item = &RelationshipKey> {
        self.blocked.keys().filter(|key| {
            self.owners_of(key).any(|owner| namespaces.contains(owner.namespace.as_str()))
        })
    }

    /// The batches that wait.
    pub fn batches(&self) -> BTreeSet<Digest> {
        self.blocked.values().flatten().copied().collect()
    }

    /// Since when a termination is pending: from now on, if it was not before.
    pub fn settling_since(&mut self, key: &RelationshipKey, now: Timestamp) -> Timestamp {
        *self.settling.entry(key.clone()).or_insert(now)
    }

    /// No termination is pending any more.
    pub fn settled(&mut self, key: &RelationshipKey) {
        self.settling.remove(key);
    }

    /// The relationships of one partner whose termination is pending.
    pub fn settling(&self) -> impl Iterator<Item = &RelationshipKey> {
        self.settling.keys()
    }
}

fn remembered(rows: &[ObservedRelationship], instance: &Instance) -> Rows {
    let own = rows.iter().filter(|row| row.owner.instance == *instance);
    let mut remembered = Rows::default();
    for row in own {
        remembered.owners.insert(row.owner.object.clone(), ());
        if row.lifecycle.phase() == Phase::Active
            && let Some(end) = row.ends_at
        {
            remembered.end(end);
        }
        for assignment in row.assignments.values() {
            for grant in assignment.state.contributions.keys() {
                remembered.grants.insert(grant.clone(), ());
            }
            remembered.in_force += usize::from(!assignment.state.roles.is_empty());
            assignment.state.roles.values().for_each(|until| remembered.end(*until));
        }
    }
    remembered
}

impl Rows {
    fn end(&mut self, end: Timestamp) {
        self.next_end = Some(self.next_end.map_or(end, |next| next.min(end)));
    }
}

fn move_in(index: &mut ByObject, key: &RelationshipKey, before: &Names, now: &Names) {
    for object in before.keys().filter(|object| !now.contains_key(*object)) {
        if let Some(keys) = index.get_mut(object) {
            keys.remove(key);
            if keys.is_empty() {
                index.remove(object);
            }
        }
    }
    for object in now.keys() {
        index.entry(object.clone()).or_default().insert(key.clone(), ());
    }
}
