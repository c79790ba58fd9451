//! What stands at Microsoft: relationships and who holds what under them, as the service answered.
//!
//! Never: what could not be read as if it were nothing, or a field that the service did not send.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Flight, Grantee, GranteeKind, Roles, Stands, Tenant};
use crate::domain::{
    duration::Duration,
    ids::{GranteeId, RoleId},
    lifecycle::{Lifecycle, Phase},
};

/// The id of a relationship at Microsoft. Its form is theirs: it is compared and never taken apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ServiceId(pub EcoString);

impl ServiceId {
    /// The id with this text. One that is made of GUIDs, as they are known so far, is the same in letters of either case.
    pub fn new(text: &str) -> Self {
        let is_digit = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
        if text.bytes().all(is_digit) {
            return Self(text.to_ascii_lowercase().into());
        }
        Self(text.into())
    }

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

/// What one grantee holds at the service.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenHolding {
    /// Who. The service tells no name.
    pub grantee: Grantee,
    /// Which roles, and until when.
    pub roles: Roles,
    /// Whether something of it is on its way.
    pub flight: Flight,
}

impl SeenRelationship {
    /// What the service moves by itself. What it does not tell is absent.
    pub fn stands(&self) -> Stands {
        Stands {
            lifecycle: self.stage.clone(),
            activated_at: self.activated_at,
            ends_at: self.ends_at,
            ceiling: self.roles.clone(),
        }
    }

    /// Whether anybody may hold something under it.
    pub fn may_have_assignments(&self) -> bool {
        match self.stage.phase() {
            Phase::Active | Phase::Ending | Phase::Unknown => true,
            Phase::Pending | Phase::Ended => false,
        }
    }

    /// Who holds what under it. The service knows no end of an assignment: what is held lasts as long as the relationship,
    /// until `ends_at`, but for what `recorded` knows to end earlier; and beyond that end for as long as it stands there.
    ///
    /// # Errors
    ///
    /// With why that could not be read, or the relationship itself could not be understood.
    pub fn holdings(
        &self,
        now: Timestamp,
        ends_at: Option<Timestamp>,
        recorded: impl Fn(GranteeId, RoleId) -> Option<Timestamp>,
    ) -> Result<BTreeMap<GranteeId, SeenHolding>, Unread> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let ends_at = ends_at.filter(|end| *end > now).unwrap_or(Timestamp::MAX);
        let mut holdings: BTreeMap<GranteeId, SeenHolding> = BTreeMap::new();
        for assignment in self.assignments.as_ref().map_err(Clone::clone)?.values() {
            let SeenAssignment { grantee: id, kind, roles, status, .. } = assignment;
            if !status.is_held() {
                continue;
            }
            let grantee = Grantee { id: *id, kind: *kind, name: None };
            let held = holdings.entry(*id).or_insert_with(|| SeenHolding {
                grantee,
                roles: Roles::new(),
                flight: Flight::Landed,
            });
            for role in roles {
                held.roles.insert(*role, recorded(*id, *role).unwrap_or(ends_at));
            }
            if held.flight == Flight::Landed {
                held.flight = status.flight();
            }
        }
        Ok(holdings)
    }
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
    /// Whether it is on its way.
    pub fn flight(&self) -> Flight {
        match self {
            Self::Active | Self::Deleted | Self::Error => Flight::Landed,
            Self::Pending => Flight::Arriving,
            Self::Deleting => Flight::Leaving,
            Self::Unknown(_) => Flight::Unknown,
        }
    }

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
