//! Relationships whose objects are gone while access under them is not: what grants still have there.
//!
//! Never: access that is held and told as not held, because nobody declares any more what it was given under.

use std::{
    cell::LazyCell,
    collections::{BTreeMap, BTreeSet},
};

use super::{
    Reconciler,
    outcome::Reconciled,
    report::{Blocked, Sources, by_owner},
};
use crate::domain::{
    state::{ObjectName, ObservedRelationship},
    status,
};

impl Reconciler {
    /// Sets the parts of grants under relationships that are not there.
    pub(super) fn gone(&mut self, sources: &Sources<'_>, done: &Reconciled) {
        let tables = sources.index.tables();
        let mut gone: BTreeMap<&ObjectName, Vec<&ObservedRelationship>> = BTreeMap::new();
        for row in sources.run.observed.relationships.values().flatten() {
            let owner = &row.owner;
            if owner.instance == self.settings.instance
                && tables.relationships.get(&owner.object).is_none()
            {
                gone.entry(&owner.object).or_default().push(row);
            }
        }
        // Mostly nothing is gone.
        let pending = LazyCell::new(|| by_owner(&sources.run.plan.changes));
        let blocked = LazyCell::new(|| Blocked::of(sources.run));
        for (name, rows) in &gone {
            let left = pending.get(name).map_or(&[][..], Vec::as_slice);
            let batches = blocked.batches_of(name);
            let assignments = rows.iter().flat_map(|row| row.assignments.values());
            let grants: BTreeSet<&ObjectName> =
                assignments.flat_map(|assignment| assignment.state.contributions.keys()).collect();
            let grant_parts = grants.into_iter().filter_map(|grant| {
                tables.grants.get(grant)?;
                let part = status::gone_part(grant, name, rows, (left, &batches), done.now)?;
                Some((grant.clone(), part))
            });
            self.grant_parts.set(name, grant_parts.collect());
        }
        // What another object has claimed meanwhile is that one's.
        let claimed: BTreeSet<ObjectName> = sources
            .run
            .validated
            .affected
            .grants
            .iter()
            .flat_map(|grant| self.grant_parts.relationships_of(grant))
            .filter(|name| tables.relationships.get(name).is_none())
            .filter(|name| self.row_index.owned_by(name).next().is_none())
            .cloned()
            .collect();
        for name in claimed {
            self.grant_parts.set(&name, BTreeMap::new());
        }
    }
}
