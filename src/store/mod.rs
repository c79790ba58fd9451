//! Where relationships and assignments live: one contract, several stores.
//!
//! Never: a write method on what can only read, or "empty" where it could not be read.

mod any;
pub mod apply;
pub mod code;
mod error;
pub mod graph;
pub mod server;
pub mod sql;
pub mod url;

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use ecow::EcoString;
use jiff::Timestamp;

use crate::domain::relationship::effect::Forbidden;

pub use any::{AnyReader, AnyWriter, BookReader};
pub use error::{Retry, StoreError};
pub use url::{CLUSTER, StoreUrl};

use crate::domain::{
    digest::Digest,
    entry::{Actor, Entry, EntryKind, Head, Intent},
    ids::{GranteeId, TenantId},
    limits::{Admitted, Batch, Budget, Limits},
    state::{Beside, Instance, Observed, RelationshipKey, Roles, seen::ServiceId},
};

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Everything.
    All,
    /// Every row of some relationships, and the acceptances of their customers.
    Of {
        /// The relationships with these first keys.
        keys: BTreeSet<RelationshipKey>,
        /// Customers whose acceptances are read besides.
        customers: BTreeSet<TenantId>,
        /// Whatever an instance owns in these namespaces.
        owned: Option<(Instance, BTreeSet<EcoString>)>,
        /// Namespaces of an instance whose boundaries are read.
        bounded: Option<(Instance, BTreeSet<EcoString>)>,
        /// Relationships at the service that somebody asks to adopt.
        adopted: BTreeSet<ServiceId>,
    },
}

/// What is held at a service beside the book, by relationship and grantee: what a change of it expects to find.
pub type Laid = BTreeMap<ServiceId, BTreeMap<GranteeId, Roles>>;

/// What was read already of what an instance owns, so that the rest can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Apart {
    /// The instance.
    pub instance: Instance,
    /// The store's clock when that was read.
    pub now: Timestamp,
    /// How many of its rows that were not over were read: where there are no more, there is no rest.
    pub read: usize,
    /// The relationships with these first keys were.
    pub keys: BTreeSet<RelationshipKey>,
    /// Whatever these namespaces own was.
    pub namespaces: BTreeSet<EcoString>,
    /// The namespaces that the input speaks for: of them more is read than of others.
    pub near: BTreeSet<EcoString>,
}

/// What can be read of a store.
pub trait Read: Send {
    /// What the store holds within a scope, in a constant number of bulk reads, at one instant of its clock.
    fn observe(
        &mut self,
        scope: &Scope,
    ) -> impl Future<Output = Result<Observed, StoreError>> + Send;

    /// What an instance owns, and is not over, beside what was read: in a constant number of bulk reads, and no more rows
    /// than a person reads.
    fn beside(&mut self, apart: &Apart) -> impl Future<Output = Result<Beside, StoreError>> + Send;

    /// How much there is and was spent, for each scope of limits.
    fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> impl Future<Output = Result<BTreeMap<String, Budget>, StoreError>> + Send;

    /// The entries of the ledger after `sequence`, in order, at most `at_most` of them.
    fn entries(
        &mut self,
        after: i64,
        at_most: u32,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send;

    /// The head of the ledger as the store keeps it.
    fn head(&mut self) -> impl Future<Output = Result<Head, StoreError>> + Send;

    /// The last entry about each of some subjects, such as names of relationships, in one read.
    fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> impl Future<Output = Result<BTreeMap<EcoString, Head>, StoreError>> + Send;
}

/// What can be written, by one instance in one epoch.
pub trait Write: Read {
    /// Makes each change whose precondition holds, in order, each whole or not at all, and each with its entry in the
    /// ledger. Up to [`Write::at_once`]. When this returns, what is [`Outcome::Done`] was read back and is durable, and
    /// what is [`Outcome::Underway`] or [`Outcome::Unknown`] is durable as something that was sent: until it is known
    /// what became of it, whatever rests on it ([`rests_on`](crate::domain::change::Change::rests_on)) is refused as [`Refusal::Stale`].
    ///
    /// A change that was made before, by its id, is [`Outcome::Done`] again and makes no second entry. One that is still
    /// on its way is not sent again.
    fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> impl Future<Output = Result<Vec<Outcome>, StoreError>> + Send;

    /// The most changes in one call of [`Write::apply`].
    fn at_once(&self) -> usize {
        CHANGES_AT_ONCE
    }

    /// Asks what became of what is on its way, does what comes next for it, and writes down what is known of it now. A store
    /// that makes changes itself has nothing on its way.
    fn settle(&mut self) -> impl Future<Output = Result<Settled, StoreError>> + Send {
        std::future::ready(Ok(Settled::default()))
    }

    /// Stores batches that wait for a person, so that they wait however the window slides.
    fn block(
        &mut self,
        batches: &[Batch],
        by: &Signature,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Records that a person approved a batch. It counts for [`APPROVAL_LASTS_MINUTES`], and once for each of its
    /// members: what was made under it does not run under it again, and a run that was interrupted can go on.
    fn approve(
        &mut self,
        batch: &Batch,
        by: &Signature,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Records what was seen and not done: differences, and ends that came from outside. What was last recorded of a
    /// subject is not recorded again.
    fn record(
        &mut self,
        seen: Vec<Observation>,
        by: &Signature,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Something to be recorded that no change of ours has made.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// What sort of entry.
    pub kind: EntryKind,
    /// What it is about: the name of a relationship.
    pub subject: String,
    /// What was seen. Without persons.
    pub payload: serde_json::Value,
}

/// What is known of what was on its way.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Settled {
    /// By the id of the change.
    pub outcomes: BTreeMap<Digest, Outcome>,
    /// How many are still on their way.
    pub open: usize,
}

/// The most changes in one call of [`Write::apply`], and so in one transaction.
pub const CHANGES_AT_ONCE: usize = 500;

/// How long an approval counts.
pub const APPROVAL_LASTS_MINUTES: u32 = 60;

/// Who writes, and from what.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// Who.
    pub actor: Actor,
    /// From what.
    pub intent: Intent,
}

/// Who is behind each change of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Signatures {
    /// Whoever carries out the run, and stands for each change that has no signature of its own.
    pub run: Signature,
    /// By the id of the change.
    pub changes: BTreeMap<Digest, Signature>,
}

impl Signatures {
    /// Whose the change with this id is.
    pub fn of(&self, change: &Digest) -> &Signature {
        self.changes.get(change).unwrap_or(&self.run)
    }
}

impl From<Signature> for Signatures {
    fn from(run: Signature) -> Self {
        Self { run, changes: BTreeMap::new() }
    }
}

/// What became of one change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is made, was read back, and is durable; now or by an earlier call.
    Done,
    /// Whoever carries it out has taken it, and it was not read back yet. A store that makes changes itself never says so.
    Underway,
    /// It was sent, and no answer came: it may be made now, later or never.
    Unknown,
    /// It was refused, and nothing of it is there.
    Refused(Refusal),
}

/// Why a change was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The store no longer is as the change expects: plan again.
    #[error("the store has changed since it was read")]
    Stale,
    /// The row belongs to somebody else.
    #[error("the row belongs to `{owner}`")]
    OwnedByAnother {
        /// The owner.
        owner: String,
    },
    /// The budget was spent meanwhile.
    #[error("the limit on {measure} is reached")]
    OverLimit {
        /// What is limited.
        measure: String,
    },
    /// It waits in a batch that nobody has approved.
    #[error("it waits in a blocked batch")]
    Blocked,
    /// The approval is not there, has lapsed, or was used for this change before.
    #[error("the batch `{batch}` is not approved, or its approval is used up")]
    NotApproved {
        /// The first digits of the batch's hash.
        batch: String,
    },
    /// A role would be over before it begins, by the store's own clock.
    #[error("it would be over at {until}, and the store's clock says {now}")]
    AlreadyOver {
        /// The end.
        until: Timestamp,
        /// The store's clock.
        now: Timestamp,
    },
    /// The store's and this machine's clocks differ by more than a minute, and the change records an end.
    #[error("the store's clock and this machine's differ by {seconds} seconds")]
    ClocksDisagree {
        /// By how much.
        seconds: i64,
    },
    /// The acceptance was used before.
    #[error("the acceptance was used before")]
    AlreadyUsed,
    /// The ledger does not explain what the store holds.
    #[error("the ledger does not explain what the store holds: {reason}")]
    Unexplained {
        /// What.
        reason: String,
    },
    /// The service does not make it.
    #[error("Microsoft does not make it: {0}")]
    Outside(String),
    /// The store's own rules forbid it.
    #[error("the store refuses it: {0}")]
    Constraint(String),
}

impl Outcome {
    /// Whether it was sent, and is not known to be made.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Underway | Self::Unknown)
    }
}

impl From<Forbidden> for Refusal {
    fn from(forbidden: Forbidden) -> Self {
        match forbidden {
            Forbidden::Stale => Self::Stale,
            Forbidden::AlreadyOver { until, now } => Self::AlreadyOver { until, now },
            Forbidden::Never(why) => Self::Constraint(why),
        }
    }
}

/// The hash by which a plan is recorded with its effects.
pub fn plan_hash(changes: &[Admitted]) -> Digest {
    let ids: Vec<Digest> = changes.iter().map(Admitted::id).collect();
    Digest::of(&ids)
}
