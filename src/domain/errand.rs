//! A change that was intended at a service, and is not read back from there yet.
//!
//! Never: a change that is taken for made because it was sent, or for not made because no answer came.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    change::Change,
    digest::Digest,
    entry::{Actor, Intent},
    state::{Host, RelationshipKey, seen::ServiceId},
};

/// A change on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Errand {
    /// The change, as the ledger says that it was intended.
    pub change: Change,
    /// Its id.
    pub id: Digest,
    /// Whose budget has paid for it.
    pub scope: String,
    /// Who intended it.
    pub actor: Actor,
    /// On whose behalf.
    pub intent: Intent,
    /// At whose hosts it is made.
    pub host: Host,
    /// Where it is.
    pub state: ErrandState,
    /// The relationship at the service, where that is known.
    pub at: Option<ServiceId>,
    /// What the service carries it out by, as a path below the relationship: `operations/ID` or `requests/ID`.
    pub by: Option<String>,
    /// When it was last sent, by the store's clock.
    pub sent_at: Timestamp,
}

/// Where an errand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrandState {
    /// It may be sent, and no answer is known: it may be made, now, later or never.
    Unknown,
    /// The service has taken it.
    Sent,
    /// Nobody waits for it any more. What it asked for is ours all the same, should it appear.
    GivenUp,
    /// It was refused, and can never appear. It is kept for what it has paid.
    Refused,
}

impl Errand {
    /// Whether somebody waits for it.
    pub fn is_open(&self) -> bool {
        match self.state {
            ErrandState::Unknown | ErrandState::Sent => true,
            ErrandState::GivenUp | ErrandState::Refused => false,
        }
    }
}

/// Errands, found by their id and by their row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Errands {
    by_id: BTreeMap<Digest, Errand>,
    by_row: BTreeMap<RelationshipKey, BTreeSet<Digest>>,
}

impl Errands {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Errand> {
        self.by_id.values()
    }

    /// Those for which somebody waits.
    pub fn open(&self) -> impl Iterator<Item = &Errand> {
        self.iter().filter(|errand| errand.is_open())
    }

    /// The same of one row.
    pub fn open_of(&self, row: &RelationshipKey) -> impl Iterator<Item = &Errand> {
        let ids = self.by_row.get(row).into_iter().flatten();
        ids.filter_map(|id| self.by_id.get(id)).filter(|errand| errand.is_open())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The one of this change.
    pub fn get(&self, change: &Digest) -> Option<&Errand> {
        self.by_id.get(change)
    }

    /// The same, to be changed. Its change stays what it is.
    pub fn get_mut(&mut self, change: &Digest) -> Option<&mut Errand> {
        self.by_id.get_mut(change)
    }

    /// Puts one in the place of an earlier one of the same change.
    pub fn insert(&mut self, errand: Errand) {
        if let Some(row) = &errand.change.subject.relationship {
            self.by_row.entry(row.clone()).or_default().insert(errand.id);
        }
        self.by_id.insert(errand.id, errand);
    }

    /// Takes one out.
    pub fn remove(&mut self, change: &Digest) {
        let Some(errand) = self.by_id.remove(change) else { return };
        let row = errand.change.subject.relationship.as_ref();
        if let Some(of_row) = row.and_then(|row| self.by_row.get_mut(row)) {
            of_row.remove(change);
        }
    }
}

impl FromIterator<Errand> for Errands {
    fn from_iter<T: IntoIterator<Item = Errand>>(errands: T) -> Self {
        let mut all = Self::default();
        errands.into_iter().for_each(|errand| all.insert(errand));
        all
    }
}

impl IntoIterator for Errands {
    type Item = Errand;
    type IntoIter = std::collections::btree_map::IntoValues<Digest, Errand>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_id.into_values()
    }
}
