//! What a round has done, and what is to be told in the cluster.
//!
//! Never: anything that the cluster says already.

use jiff::Timestamp;

use super::{approvals::NotApproved, requeue::Requeue};
use crate::{
    domain::{
        change::Change, digest::Digest, ids::ObjectKey, limits::Batch, state::Uid, status::Event,
    },
    operator::index::StatusText,
    store::{Outcome, Signature, StoreError},
};

/// What a round has done.
#[derive(Debug)]
pub struct Reconciled {
    /// The store's clock when it was last read.
    pub now: Timestamp,
    /// Every change that was tried, in order.
    pub effects: Vec<Effected>,
    /// Batches that wait from now on.
    pub blocked: Vec<Batch>,
    /// Batches that were approved, by whom.
    pub approved: Vec<(Digest, String)>,
    /// Statuses that differ from what the cluster says.
    pub reports: Vec<StatusPatch>,
    /// Finalizers and approvals to be put on or taken off.
    pub marks: Vec<MetadataPatch>,
    /// What happened, for people who look at the objects.
    pub events: Vec<(ObjectKey, Uid, Event)>,
    /// Approvals that do not count.
    pub not_approved: Vec<(ObjectKey, Uid, NotApproved)>,
    /// What is to be looked at again at once.
    pub again: Vec<Requeue>,
    /// Changes that are still to be made.
    pub left: usize,
    /// Where the store failed in the middle.
    pub failed: Option<StoreError>,
}

/// A status to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusPatch {
    /// Of which object.
    pub object: ObjectKey,
    /// The very object.
    pub uid: Uid,
    /// What it says.
    pub status: StatusText,
}

/// A change of an object's metadata, for exactly the version that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataPatch {
    /// The object.
    pub object: ObjectKey,
    /// The very object.
    pub uid: Uid,
    /// Its version; another one is a conflict, and is looked at again.
    pub version: String,
    /// All finalizers that it has then.
    pub finalizers: Vec<String>,
    /// Whether the object is gone with that: nothing is left to report to.
    pub is_last: bool,
    /// Whether the annotation with an approval goes, since it was read.
    pub drops_approval: bool,
}

/// A change that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Effected {
    /// The change.
    pub change: Change,
    /// Its id.
    pub id: Digest,
    /// What became of it.
    pub outcome: Outcome,
    /// Who is behind it.
    pub by: Signature,
}

impl Reconciled {
    /// Nothing is done yet.
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            effects: Vec::new(),
            blocked: Vec::new(),
            approved: Vec::new(),
            reports: Vec::new(),
            marks: Vec::new(),
            events: Vec::new(),
            not_approved: Vec::new(),
            again: Vec::new(),
            left: 0,
            failed: None,
        }
    }
}
