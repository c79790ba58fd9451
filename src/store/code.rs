//! The code of each thing that a store says, for `concordat explain`.
//!
//! Never: two meanings under one code.

use super::{Refusal, StoreError};
use crate::domain::{plan::UNEXPLAINED, problem::Code};

/// There is no store.
pub const MISSING: Code = Code(601);
/// The server has no such database.
pub const NO_DATABASE: Code = Code(631);
/// It is something else.
pub const NOT_CONCORDAT: Code = Code(602);
/// A newer program has written it.
pub const NEWER_SCHEMA: Code = Code(603);
/// An older program has written it.
pub const OLDER_SCHEMA: Code = Code(604);
/// Somebody else holds it.
pub const LOCKED: Code = Code(605);
/// It cannot be written.
pub const READ_ONLY: Code = Code(606);
/// There is no room.
pub const FULL: Code = Code(607);
/// It is damaged.
pub const CORRUPT: Code = Code(608);
/// It does not answer.
pub const UNREACHABLE: Code = Code(609);
/// It refuses the user or the password.
pub const UNAUTHENTICATED: Code = Code(610);
/// The user lacks a right.
pub const FORBIDDEN: Code = Code(611);
/// It has no connection left.
pub const TOO_MANY_CONNECTIONS: Code = Code(612);
/// A newer session writes.
pub const STALE_EPOCH: Code = Code(613);
/// It answers something else.
pub const UNEXPECTED: Code = Code(614);
/// It was restored from a backup.
pub const REWOUND: Code = Code(615);
/// There is no way into a cluster.
pub const NO_CLUSTER: Code = Code(616);
/// The cluster does not know a kind.
pub const NO_DEFINITIONS: Code = Code(617);
/// No operator says what it has observed.
pub const NOT_OBSERVED: Code = Code(618);
/// The operator has seen nothing for too long.
pub const TOO_OLD: Code = Code(619);
/// Statuses do not say what the store holds now.
pub const BEHIND: Code = Code(620);
/// The store has changed.
pub const STALE: Code = Code(621);
/// The row is another one's.
pub const OWNED_BY_ANOTHER: Code = Code(622);
/// The budget is spent.
pub const OVER_LIMIT: Code = Code(623);
/// It waits.
pub const BLOCKED: Code = Code(624);
/// The approval does not count.
pub const NOT_APPROVED: Code = Code(625);
/// It would be over.
pub const ALREADY_OVER: Code = Code(626);
/// The clocks differ.
pub const CLOCKS_DISAGREE: Code = Code(627);
/// The acceptance was used.
pub const ACCEPTANCE_USED: Code = Code(628);
/// A rule forbids it.
pub const CONSTRAINT: Code = Code(629);
/// The cluster can only be read.
pub const ONLY_READ: Code = Code(630);
/// It cannot be opened as it is named.
pub const MISNAMED: Code = Code(634);
/// It answers what cannot be the whole truth.
pub const IMPLAUSIBLE: Code = Code(632);
/// Its cloud has nothing of the kind.
pub const NOT_OFFERED: Code = Code(635);
/// It wants to be left alone.
pub const THROTTLED: Code = Code(636);
/// It does not let the app in.
pub const NOT_LET_IN: Code = Code(637);
/// The service does not make the change.
pub const NOT_MADE: Code = Code(638);
/// Somebody else's code may run.
pub const UNTRUSTED: Code = Code(830);

impl StoreError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::Missing { .. } => MISSING,
            Self::NoDatabase { .. } => NO_DATABASE,
            Self::NotConcordat { .. } => NOT_CONCORDAT,
            Self::NewerSchema { .. } => NEWER_SCHEMA,
            Self::OlderSchema { .. } => OLDER_SCHEMA,
            Self::Locked { .. } => LOCKED,
            Self::ReadOnly { .. } => READ_ONLY,
            Self::Full { .. } => FULL,
            Self::Corrupt { .. } => CORRUPT,
            Self::Unreachable { .. } => UNREACHABLE,
            Self::Misnamed { .. } => MISNAMED,
            Self::Unauthenticated { .. } => UNAUTHENTICATED,
            Self::Forbidden { .. } => FORBIDDEN,
            Self::Untrusted { .. } => UNTRUSTED,
            Self::TooManyConnections { .. } => TOO_MANY_CONNECTIONS,
            Self::StaleEpoch { .. } => STALE_EPOCH,
            Self::Rewound { .. } => REWOUND,
            Self::Unexpected { .. } => UNEXPECTED,
            Self::NoCluster { .. } => NO_CLUSTER,
            Self::NoDefinitions { .. } => NO_DEFINITIONS,
            Self::NotObserved { .. } => NOT_OBSERVED,
            Self::TooOld { .. } => TOO_OLD,
            Self::Behind { .. } => BEHIND,
            Self::OnlyRead { .. } => ONLY_READ,
            Self::Implausible { .. } => IMPLAUSIBLE,
            Self::NotOffered { .. } => NOT_OFFERED,
            Self::Throttled { .. } => THROTTLED,
            Self::NotLetIn { .. } => NOT_LET_IN,
        }
    }
}

impl Refusal {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Self::Stale => STALE,
            Self::OwnedByAnother { .. } => OWNED_BY_ANOTHER,
            Self::OverLimit { .. } => OVER_LIMIT,
            Self::Blocked => BLOCKED,
            Self::NotApproved { .. } => NOT_APPROVED,
            Self::AlreadyOver { .. } => ALREADY_OVER,
            Self::ClocksDisagree { .. } => CLOCKS_DISAGREE,
            Self::AlreadyUsed => ACCEPTANCE_USED,
            Self::Unexplained { .. } => UNEXPLAINED,
            Self::Outside(_) => NOT_MADE,
            Self::Constraint(_) => CONSTRAINT,
        }
    }
}
