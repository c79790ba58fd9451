//! What stands at Microsoft: relationships and who holds what under them, as the service answered.
//!
//! Never: what could not be read as if it were nothing, or a field that the service did not send.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{GranteeKind, Tenant};
use crate::domain::{
    duration::Duration,
    ids::{GranteeId, RoleId},
    lifecycle::Lifecycle,
};

/// The id of a relationship at Microsoft. Its form is theirs: it is compared and never taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceId(pub EcoString);

impl ServiceId {
    /// Whether an id can stand in an annotation and in a path as it is: letters, digits, `-`, `_` and `.`.
    pub fn is_plain(id: &str) -> bool {
        !id.is_empty()
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    }
}

impl std::fmt::Display for ServiceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything that one partner has at Microsoft, or all of it that was asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// The service's clock when it began to answer, where it told it.
    pub now: Option<Timestamp>,
    /// By id.
    pub relationships: BTreeMap<ServiceId, SeenRelationship>,
}

/// One relationship at Microsoft.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRelationship {
    /// Its id.
    pub id: ServiceId,
    /// Its name, as the service has it: it may hold what the schema of ours refuses. Empty where there is none.
    pub name: String,
    /// The customer; absent as long as anybody may accept.
    pub customer: Option<Tenant>,
    /// Its stage. One that nobody knows is carried.
    pub stage: Lifecycle,
    /// What was proposed as its length, in whole days where it is understood.
    pub duration: Option<Duration>,
    /// By how much it is extended; zero is never.
    pub auto_extend: Duration,
    /// The ceiling of every assignment.
    pub roles: BTreeSet<RoleId>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it ends or ended.
    pub ends_at: Option<Timestamp>,
    /// The version that a change must name.
    pub etag: Option<EcoString>,
    /// Who provides it, where an indirect provider does.
    pub provider: Option<Provider>,
    /// What of itself could not be understood: then nothing may rest on any of it.
    pub fault: Option<Unread>,
    /// Who holds what, by the id of the assignment, or why that could not be read.
    pub assignments: Result<BTreeMap<EcoString, SeenAssignment>, Unread>,
}

/// An indirect provider, and whether the partner has still to agree with what it made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// Its tenant, where it is told.
    pub tenant: Option<crate::domain::ids::TenantId>,
    /// Whether the partner has still to approve.
    pub consent_pending: bool,
}

/// What one grantee holds under one relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenAssignment {
    /// Who: the id of a group in the partner's tenant.
    pub grantee: GranteeId,
    /// What sort of grantee.
    pub kind: GranteeKind,
    /// Its roles.
    pub roles: BTreeSet<RoleId>,
    /// Where it is.
    pub status: AssignmentStatus,
    /// The version that a change must name.
    pub etag: Option<EcoString>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

/// Where an assignment is, in the service's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssignmentStatus {
    /// Sent, not yet in force: it counts as held from here on.
    Pending,
    /// In force.
    Active,
    /// Being taken away: it is held until it is gone.
    Deleting,
    /// Gone.
    Deleted,
    /// The service could not do it: it holds nothing.
    Error,
    /// A status that this version does not know: it counts as held.
    Unknown(String),
}

impl AssignmentStatus {
    /// Whether access counts: from when it may exist until it is known to be gone.
    pub fn is_held(&self) -> bool {
        match self {
            Self::Pending | Self::Active | Self::Deleting | Self::Unknown(_) => true,
            Self::Deleted | Self::Error => false,
        }
    }
}

/// Why something could not be read, in words for people. What is unread is never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unread(pub String);
