//! What the store holds: the rows of relationships, what each grantee holds under them, and recorded acceptances.
//!
//! Never: a wish; what is here was written, whoever wrote it.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AcceptedText, Asked, AtService, Flight, Grantee, Instance, Invitation, Moved, ObjectName,
    ObservedBoundary, Owner, Policies, RelationshipKey, Roles, Service, SmallMap, Stands, Uid,
    Window,
};
use crate::{
    api::{AcceptanceDecision, GrantDeletionPolicy},
    domain::{
        digest::Digest,
        duration::Duration,
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::{Ended, Lifecycle, Phase},
    },
};

/// What the store holds within a scope, read at one instant of its own clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The store's clock.
    pub now: Timestamp,
    /// Every row of each relationship, by the key of the first; rows are sorted by number.
    pub relationships: BTreeMap<RelationshipKey, Vec<ObservedRelationship>>,
    /// Recorded acceptances of the customers in scope, by content.
    pub acceptances: BTreeMap<Digest, ObservedAcceptance>,
    /// What bounds the namespaces in scope, by instance and namespace; nothing where nothing is held or remembered.
    pub boundaries: BTreeMap<(Instance, EcoString), ObservedBoundary>,
    /// What of it the ledger does not explain: nothing may rest on that.
    pub doubts: Doubts,
    /// What the service that carries it out was seen to have besides; absent where the store is all there is.
    pub service: Option<Box<Service>>,
}

impl Observed {
    /// The objects of an instance that own the rows of each relationship: of the newest row that is not over, or else of the
    /// newest.
    pub fn owners(&self, instance: &Instance) -> BTreeMap<RelationshipKey, ObjectName> {
        let owner = |rows: &[ObservedRelationship]| {
            let live = rows.iter().rfind(|row| row.lifecycle.phase() != Phase::Ended);
            let owner = &live.or(rows.last())?.owner;
            (owner.instance == *instance).then(|| owner.object.clone())
        };
        let all = self.relationships.iter();
        all.filter_map(|(key, rows)| Some((key.clone(), owner(rows)?))).collect()
    }
}

/// What an instance owns, and is not over, beside what a plan is made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beside {
    /// How many relationships there are, by namespace.
    pub owned: BTreeMap<EcoString, usize>,
    /// The first of them, by key.
    pub rows: Vec<ObservedRelationship>,
}

/// Rows that the ledger does not explain, each in the words of what is wrong with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    /// By the key of the first row.
    pub relationships: BTreeMap<RelationshipKey, Vec<String>>,
    /// Acceptances of an agreement alone, by content. They are not among the recorded ones.
    pub acceptances: BTreeMap<Digest, String>,
    /// Rows that are gone, where nothing else is left to say it with.
    pub gone: Vec<String>,
}

impl Doubts {
    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        let Self { relationships, acceptances, gone } = self;
        let rows = relationships.values().flatten();
        rows.chain(acceptances.values()).chain(gone).map(String::as_str)
    }
}

/// A recorded acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedAcceptance {
    /// The namespace it was recorded for; it counts there.
    pub namespace: String,
    /// The customer's tenant.
    pub customer: TenantId,
    /// The partner's tenant.
    pub partner: TenantId,
    /// Accepted or declined.
    pub decision: AcceptanceDecision,
    /// The agreement that was accepted, if one was.
    pub agreement: Option<AcceptedText>,
    /// When.
    pub accepted_at: Timestamp,
    /// The row that it authorised or declined, if any.
    pub used_for: Option<RelationshipKey>,
}

/// A row: one relationship under one name in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedRelationship {
    /// Its key.
    pub key: RelationshipKey,
    /// 1 for the first under a name, then 2 and on.
    pub number: u32,
    /// Who owns it.
    pub owner: Owner,
    /// The UID of the object that declared it.
    pub uid: Uid,
    /// Raised by every change of lifecycle or ownership.
    pub revision: i64,
    /// The customer's name as it was given.
    pub customer_name: Option<String>,
    /// The partner's name as it was given.
    pub partner_name: Option<String>,
    /// Its stage.
    pub lifecycle: Lifecycle,
    /// What was proposed, as it was sent.
    pub invitation: Invitation,
    /// Its digest.
    pub digest: Digest,
    /// How the ceiling was asked for.
    pub asked: Asked,
    /// When it was sent.
    pub invited_at: Timestamp,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it ends or ended; absent where it has no end.
    pub ends_at: Option<Timestamp>,
    /// By how much it is extended on its last day.
    pub auto_extend: Duration,
    /// The ceiling that holds now: that of the invitation, less Global Administrator where that was dropped.
    pub ceiling: BTreeSet<RoleId>,
    /// Who ended it and why, where Concordat did or recorded it.
    pub ended: Option<Ended>,
    /// What is recorded with it.
    pub policies: Policies,
    /// The relationship at the service that it is for; absent where the store is all there is.
    pub at: Option<AtService>,
    /// How that stands there, where it is not as recorded here.
    pub moved: Option<Box<Moved>>,
    /// What each grantee holds.
    pub assignments: BTreeMap<GranteeId, ObservedAssignment>,
}

impl ObservedRelationship {
    /// Whether its time is over, also where nobody has recorded that yet.
    pub fn is_over(&self, now: Timestamp) -> bool {
        let over = self.ends_at.is_some_and(|end| end <= now);
        self.lifecycle.phase() == Phase::Ended || (over && self.lifecycle == Lifecycle::Active)
    }

    /// What of it the service moves by itself, as it is recorded.
    pub fn stands(&self) -> Stands {
        Stands {
            lifecycle: self.lifecycle.clone(),
            activated_at: self.activated_at,
            ends_at: self.ends_at,
            ceiling: self.ceiling.clone(),
        }
    }

    /// Stands as the service has moved it.
    pub fn stand(&mut self, stands: Stands) {
        let Stands { lifecycle, activated_at, ends_at, ceiling } = stands;
        self.lifecycle = lifecycle;
        self.activated_at = activated_at;
        self.ends_at = ends_at;
        self.ceiling = ceiling;
    }

    /// Its stage at an instant: what is over has expired, also where nobody has recorded that yet.
    pub fn stage(&self, now: Timestamp) -> Lifecycle {
        let unrecorded = self.lifecycle == Lifecycle::Active && self.is_over(now);
        if unrecorded { Lifecycle::Expired } else { self.lifecycle.clone() }
    }

    /// Whether access under it counts. What is ending or not understood is still told.
    pub fn gives_access(&self, now: Timestamp) -> bool {
        let over = self.ends_at.is_some_and(|end| end <= now);
        match self.lifecycle.phase() {
            Phase::Pending | Phase::Ended => false,
            Phase::Active | Phase::Ending | Phase::Unknown => !over,
        }
    }
}

/// What one grantee holds under one relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedAssignment {
    /// Who.
    pub grantee: Grantee,
    /// Raised by every change of it.
    pub version: i64,
    /// What it holds and why.
    pub state: Assignment,
    /// Whether something of it is on its way at the service.
    pub flight: Flight,
}

/// The content of an access assignment: what a change has before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What is held: the truth, whoever wrote it.
    pub roles: Roles,
    /// What Concordat last wrote. More in `roles` was added outside; less was removed outside.
    pub recorded: Roles,
    /// What each grant adds.
    pub contributions: Contributions,
}

/// What each grant adds to an assignment: mostly it is one grant.
pub type Contributions = SmallMap<ObjectName, Box<Contribution>>;

/// What one grant adds to an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// The UID of the grant's object.
    pub uid: Uid,
    /// Its roles.
    pub roles: BTreeSet<RoleId>,
    /// How they were asked for.
    pub asked: Asked,
    /// When.
    pub window: Window,
    /// What happens when the object goes.
    pub deletion: GrantDeletionPolicy,
    /// Why, in the words of whoever asked.
    pub justification: Option<String>,
}
