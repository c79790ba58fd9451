//! What is asked for and what is there: [`Desired`] and [`Observed`], in the same words, so that they can be compared.
//!
//! Never: a field that nobody compares, prints or records.

mod boundary;
mod desired;
mod grants;
mod invitation;
mod map;
mod names;
mod observed;
pub mod seen;
mod service;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use boundary::{Bounds, Difference, NamespaceBoundary, ObservedBoundary, Reach, Width};
pub use desired::{
    AT_MICROSOFT, Absence, Acceptance, Boundary, BoundarySource, Desired, DesiredGrant,
    DesiredRelationship, GrantObject, Person, Renewal, Standing,
};
pub use grants::{Grants, Part};
pub use invitation::{AcceptedText, Agreement, Document, Invitation, Terms};
pub use map::SmallMap;
pub use names::{
    Grantee, GranteeKind, Instance, Names, ObjectName, Owner, RelationshipKey, Tenant, Uid,
};
pub use observed::{
    Assignment, Beside, Contribution, Contributions, Doubts, Observed, ObservedAcceptance,
    ObservedAssignment, ObservedRelationship,
};
pub use service::{
    AtService, CLOCKS_DIFFER, Flight, Found, Host, Moved, Service, Stands, approval_link,
};

use super::ids::RoleId;
use crate::api::{ManagementPolicy, RelationshipDeletionPolicy, UnmanagedAssignments};

/// For each role, until when. The end is exclusive. Mostly there are a few, and there are very many of these maps.
pub type Roles = SmallMap<RoleId, Timestamp>;

/// `[from, to)`. An absent end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// The first instant of it.
    pub not_before: Option<Timestamp>,
    /// The first instant after it.
    pub not_after: Option<Timestamp>,
}

impl Window {
    /// Whether `instant` lies in it.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= instant)
            && self.not_after.is_none_or(|end| instant < end)
    }
}

/// Roles as they were asked for, and what the catalogue made of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// The request in its own words, sorted: role names, tasks or an access level.
    pub words: BTreeSet<String>,
    /// The version of the catalogue that resolved them.
    pub catalogue: String,
}

/// What the store records of a relationship so that it can be ended without any object (L5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policies {
    /// What happens to it when its object goes.
    pub deletion: RelationshipDeletionPolicy,
    /// What happens to access that nobody declared.
    pub unmanaged: UnmanagedAssignments,
    /// Whether anything is changed at all.
    pub management: ManagementPolicy,
}
