//! Where a row stands outside of the book: at the service that carries the relationship out, and how it was seen there.
//!
//! Never: a guess; what the service did not tell is what the book has.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    RelationshipKey, Roles,
    seen::{SeenRelationship, ServiceId},
};
use crate::{
    api::Cloud,
    domain::{
        duration::Duration,
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::Lifecycle,
    },
};

/// The one relationship at the service that a row is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AtService {
    /// Its id there.
    pub id: ServiceId,
    /// At whose hosts: a row never moves from one to the other.
    pub host: Host,
}

/// Whose hosts answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Host {
    /// Microsoft's own of a cloud.
    Microsoft,
    /// Others: an emulator, or a private cloud.
    Other,
}

/// What the service moves by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stands {
    /// The stage.
    pub lifecycle: Lifecycle,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it ends or ended.
    pub ends_at: Option<Timestamp>,
    /// The ceiling that holds now.
    pub ceiling: BTreeSet<RoleId>,
}

/// A relationship of the service as it was found, when a row was made for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Which.
    pub at: AtService,
    /// What it is called there.
    pub name: String,
    /// How it stands.
    pub stands: Stands,
    /// By how much it is extended; zero is never.
    pub auto_extend: Duration,
    /// When it was made there, where that is told.
    pub created_at: Option<Timestamp>,
}

/// How a row stands at the service, where that is not what the book has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// What the service moves by itself, where it has moved.
    pub stands: Option<Stands>,
    /// By how much it is extended there, where that differs.
    pub auto_extend: Option<Duration>,
    /// What the book has of grantees who hold something else there, or until another time.
    pub believed: BTreeMap<GranteeId, Roles>,
    /// When it ended before the service extended it, where a plan has just taken that over.
    pub extended_from: Option<Timestamp>,
}

/// Clocks that differ by more are told: ends are counted by them.
pub const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_mins(5);

/// Where an assignment is between sent and read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Flight {
    /// It is as it is read.
    #[default]
    Landed,
    /// It was sent, and is not yet in force.
    Arriving,
    /// It is being taken away, and is held until it is gone.
    Leaving,
    /// In a state that this version does not know.
    Unknown,
}

/// The page on which an administrator of the customer approves a relationship, where Microsoft says where that is
/// ("Obtain GDAP permissions", <https://learn.microsoft.com/partner-center/customers/gdap-obtain-admin-permissions>).
pub fn approval_link(cloud: Cloud, at: &AtService) -> Option<String> {
    let page = "https://admin.microsoft.com/AdminPortal/Home#/partners/invitation/granularAdminRelationships";
    let is_known = (cloud, at.host) == (Cloud::Global, Host::Microsoft);
    is_known.then(|| format!("{page}/{}", at.id))
}

/// What a service was seen to have beside the rows of the book.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// The partner whose relationships it has.
    pub partner: TenantId,
    /// In which cloud.
    pub cloud: Cloud,
    /// At whose hosts.
    pub host: Host,
    /// By how much its clock is ahead of ours, where it tells that and they do not agree to [`CLOCKS_DIFFER`].
    pub clock: Option<SignedDuration>,
    /// Whether it was looked at: where it was not, what is absent here may be there.
    pub seen: bool,
    /// Relationships of which something could not be read, by the key of the first row, with the reason. Nothing is planned
    /// for them: what could not be read is not empty.
    pub unread: BTreeMap<RelationshipKey, String>,
    /// Relationships that no row of the book is for.
    pub unclaimed: BTreeMap<ServiceId, SeenRelationship>,
    /// What has which name there, in lower case. Also what is over keeps its own.
    pub names: BTreeMap<EcoString, ServiceId>,
    /// Those that were given up here, and wait there for the customer until they lapse.
    pub waiting: BTreeSet<ServiceId>,
    /// How many changes are on their way there.
    pub underway: usize,
    /// The rows that those are for which somebody asks to adopt, where there are such.
    pub claimed: BTreeMap<ServiceId, RelationshipKey>,
}
