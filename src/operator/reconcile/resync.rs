//! A look at everything there is, a part at a time, so that it neither holds everything at once nor keeps others waiting.
//!
//! A part is told what is so where nothing is to be made. Wherever something is, it waits until all parts were looked at,
//! and is then planned in one round: what is too much is too much in sum, and never seems little because it was divided.
//!
//! Never: a change made while a part is looked at, or a grant told from some of its relationships.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Mutex,
};

use super::{Extent, Reconciler, Requeue, Work, outcome::Reconciled};
use crate::{
    domain::{ids::Kind, state::ObjectName},
    operator::index::{Affected, Index, key},
    store::{StoreError, Write},
};

/// How far the look at everything is.
#[derive(Debug, Default)]
pub(super) struct Resync {
    grant_parts: VecDeque<Affected>,
    /// What waits until all parts were looked at.
    postponed: Work,
    /// Whether all parts were looked at once.
    has_ended: bool,
}

impl Reconciler {
    /// Looks at everything from here on, unless that is going on already. The first time nobody need look at what has
    /// changed so far besides.
    pub fn begin_sweep(&mut self, index: &mut Index) {
        if self.is_sweeping() {
            return;
        }
        if !self.resync.has_ended {
            drop(index.take_dirty());
        }
        self.resync.grant_parts = self.all_parts(index).into();
        for (name, known) in index.tables().boundaries.iter() {
            let named = known.read().map(|seen| seen.object.spec.namespaces.iter().cloned());
            let bounded = self.bounded.entry(name.clone());
            bounded.or_insert_with(|| named.into_iter().flatten().map(Into::into).collect());
        }
    }

    /// Whether parts are left to be looked at.
    pub fn is_sweeping(&self) -> bool {
        !self.resync.grant_parts.is_empty()
    }

    /// Whether everything was looked at once. Before that, what a grant comes to elsewhere is not known.
    pub fn has_swept(&self) -> bool {
        self.resync.has_ended
    }

    /// Looks at the next part. With the last one comes everything that is to be made, for one round.
    ///
    /// # Errors
    /// When the store could not be read. The part is looked at again then.
    pub async fn resync(
        &mut self,
        index: &Mutex<Index>,
        store: &mut impl Write,
    ) -> Result<Option<Reconciled>, StoreError> {
        let Some(part) = self.resync.grant_parts.front().cloned() else { return Ok(None) };
        let again = postponed(&part);
        let done = self.carry_out(index, part, Extent::Part, store).await?;
        self.resync.grant_parts.pop_front();
        let mut done = done.unwrap_or_else(|| {
            for requeue in again {
                self.resync.postponed.enqueue(requeue);
            }
            Reconciled::at(self.now)
        });
        if self.resync.grant_parts.is_empty() {
            self.resync.has_ended = true;
            let Work { objects, rows } = std::mem::take(&mut self.resync.postponed);
            done.again.extend(objects.into_iter().map(Requeue::Object));
            done.again.extend(rows.into_iter().map(Requeue::Row));
        }
        Ok(Some(done))
    }

    /// Everything, divided so that every grant has all its relationships in one part.
    fn all_parts(&self, index: &Index) -> Vec<Affected> {
        let tables = index.tables();
        let mut grant_parts = Vec::new();
        let mut part = Affected::default();
        let mut under = Vec::new();
        for group in self.groups(index, &mut under) {
            if !part.relationships.is_empty()
                && part.relationships.len() + group.len() > self.settings.looks_at
            {
                grant_parts.push(std::mem::take(&mut part));
            }
            part.relationships.extend(group.into_iter().cloned());
        }
        grant_parts.push(part);
        for part in &mut grant_parts {
            self.around(index, part);
            self.with_grants(part, index);
            // Also what a grant has given under a relationship whose object is gone.
            let given = part.grants.iter().flat_map(|grant| self.row_index.given_by(grant));
            let given: Vec<_> = given.cloned().collect();
            part.rows.extend(given);
        }
        let mut rest = Affected::default();
        rest.grants.extend(under.into_iter().cloned());
        let answers = tables.acceptances.iter().filter(|(name, known)| {
            let reference =
                known.read().and_then(|seen| seen.object.spec.relationship_ref.as_ref());
            let relationship = reference.map(|reference| ObjectName {
                namespace: name.namespace.clone(),
                name: reference.name.as_str().into(),
            });
            relationship.is_none_or(|name| tables.relationships.known(&name).is_none())
        });
        rest.acceptances.extend(answers.map(|(name, _)| name.clone()));
        let is_owned = |row: &&_| {
            self.row_index.owners_of(row).any(|owner| tables.relationships.known(owner).is_some())
        };
        rest.rows.extend(self.row_index.keys().filter(|row| !is_owned(row)).cloned());
        grant_parts.push(rest);
        grant_parts.push(Affected {
            offers: tables.offers.iter().map(|(name, _)| name.clone()).collect(),
            boundaries: tables.boundaries.iter().map(|(name, _)| name.clone()).collect(),
            ..Affected::default()
        });
        grant_parts
    }

    /// The relationships, those together that have a grant in common; and the grants that lie under none.
    fn groups<'a>(
        &'a self,
        index: &'a Index,
        under_none: &mut Vec<&'a ObjectName>,
    ) -> Vec<Vec<&'a ObjectName>> {
        let tables = index.tables();
        let names: Vec<&ObjectName> = tables.relationships.iter().map(|(name, _)| name).collect();
        let positions: BTreeMap<&ObjectName, usize> =
            names.iter().enumerate().map(|(position, name)| (*name, position)).collect();
        let mut joined = Joined { towards: (0..names.len()).collect() };
        for (grant, known) in tables.grants.iter() {
            let selected = known.read().map(|seen| index.selected_by(&seen.object));
            let given =
                self.row_index.given_by(grant).flat_map(|row| self.row_index.owners_of(row));
            let mut found = selected
                .iter()
                .flatten()
                .chain(given)
                .filter_map(|relationship| positions.get(relationship).copied());
            let Some(first) = found.next() else {
                under_none.push(grant);
                continue;
            };
            found.for_each(|other| joined.join(first, other));
        }
        let mut groups: BTreeMap<usize, Vec<&ObjectName>> = BTreeMap::new();
        for (position, name) in names.into_iter().enumerate() {
            groups.entry(joined.root(position)).or_default().push(name);
        }
        groups.into_values().collect()
    }
}

/// What a part comes to in an ordinary round.
fn postponed(part: &Affected) -> Vec<Requeue> {
    let of = |kind, names: &BTreeSet<ObjectName>| -> Vec<Requeue> {
        names.iter().map(|name| Requeue::Object(key(kind, name))).collect()
    };
    let mut requeues = of(Kind::PartnerRelationship, &part.relationships);
    requeues.extend(of(Kind::RoleGrant, &part.grants));
    requeues.extend(of(Kind::AgreementAcceptance, &part.acceptances));
    requeues.extend(part.rows.iter().cloned().map(Requeue::Row));
    requeues
}

/// Which positions belong together: each points towards the first of its group.
struct Joined {
    towards: Vec<usize>,
}

impl Joined {
    fn root(&mut self, mut of: usize) -> usize {
        while self.towards[of] != of {
            self.towards[of] = self.towards[self.towards[of]];
            of = self.towards[of];
        }
        of
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        self.towards[one.max(other)] = one.min(other);
    }
}
