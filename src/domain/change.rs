//! One change: what it is about, what it does, why, and what it expects to find.
//!
//! Never: a change of which half can be made.

use std::collections::BTreeSet;

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    duration::Duration,
    ids::RoleId,
    lifecycle::{EndReason, Phase},
    state::{
        Acceptance, Asked, Assignment, DesiredRelationship, Found, Grantee, Instance, Invitation,
        Names, NamespaceBoundary, ObservedRelationship, Owner, Policies, RelationshipKey, Roles,
        Stands, Tenant, Uid,
    },
};
use crate::api::PartnerType;

/// One change: applied whole or not at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// What it is about.
    pub subject: Subject,
    /// What it does.
    pub effect: Effect,
    /// Why.
    pub cause: Cause,
    /// Whether a person must approve it first, whatever the limits.
    pub approval: Approval,
    /// What must still be true in the store when it is made.
    pub expects: Precondition,
}

impl Change {
    /// The same change has the same id: a store that has seen it answers "done" (docs/concepts.md, Stores).
    pub fn id(&self) -> Digest {
        Digest::of(&(&self.subject.relationship, &self.effect, &self.expects))
    }

    /// Whether it is what time alone does. How the service has moved a row is taken over with that: an end may rest on it.
    pub fn is_of_time(&self) -> bool {
        self.cause == Cause::Expired || matches!(self.effect, Effect::Recognise { .. })
    }

    /// Whether it can only be made once another change of the same row is. What two grantees hold is apart, and taking away
    /// waits for nothing; all else of a row is one.
    pub fn rests_on(&self, other: &Self) -> bool {
        let row = &self.subject.relationship;
        let roles = self.effect.roles_set();
        if roles.is_some_and(|(_, before, after)| !widens(&before.roles, &after.roles)) {
            return false;
        }
        let grantee = |change: &Self| change.effect.roles_set().map(|(grantee, _, _)| grantee.id);
        let both = grantee(self).zip(grantee(other));
        let apart = both.is_some_and(|(own, theirs)| own != theirs);
        row.is_some() && *row == other.subject.relationship && !apart
    }

    /// Whether it has to wait while another change of the same row is on its way: it rests on that, or both are about what
    /// one grantee holds.
    pub fn waits_for(&self, underway: &Self) -> bool {
        let grantee = |change: &Self| change.effect.roles_set().map(|(grantee, _, _)| grantee.id);
        let is_of_row = self.subject.relationship == underway.subject.relationship;
        let is_same = is_of_row && grantee(self).is_some() && grantee(self) == grantee(underway);
        is_same || self.rests_on(underway)
    }
}

/// What a change is about, in the words that are printed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The row; absent for the acceptance of an agreement alone, and for the boundary of a namespace.
    pub relationship: Option<RelationshipKey>,
    /// Who owns the row, or the object that the change comes from.
    pub owner: Owner,
    /// The partner.
    pub partner: Tenant,
    /// The customer; all zeros for the boundary of a namespace.
    pub customer: Tenant,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: Option<PartnerType>,
}

impl Subject {
    /// Of a change of a row.
    pub fn of_row(row: &ObservedRelationship) -> Self {
        Self {
            relationship: Some(row.key.clone()),
            owner: row.owner.clone(),
            partner: Tenant { id: row.key.partner, name: row.partner_name.clone() },
            customer: Tenant { id: row.invitation.customer, name: row.customer_name.clone() },
            type_: Some(row.invitation.type_),
        }
    }

    /// Of a change of the row with this key, in which an instance carries out what is declared.
    pub fn of_declared(
        key: &RelationshipKey,
        declared: &DesiredRelationship,
        instance: &Instance,
    ) -> Self {
        let (instance, object) = (instance.clone(), declared.object.clone());
        Self {
            relationship: Some(key.clone()),
            owner: Owner { instance, object },
            partner: declared.partner.clone(),
            customer: declared.customer.clone(),
            type_: Some(declared.invitation.type_),
        }
    }
}

/// Whether a change waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Approval {
    /// It does not.
    NotNeeded,
    /// It restores access that was removed outside (L12).
    RemovedOutside,
    /// It follows from a new catalogue alone.
    NewCatalogue,
}

impl Approval {
    /// Whether a person must agree first.
    pub fn is_needed(self) -> bool {
        self != Self::NotNeeded
    }
}

/// Why a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// The input says so.
    Declared,
    /// Its time is over.
    Expired,
    /// Its object was deleted or pruned.
    Deleted,
    /// Nobody declared it, and `unmanagedAssignments` is `Revoke`.
    Unmanaged,
    /// A successor takes its place.
    Replaced,
    /// It ends soon.
    Renewal,
    /// The customer answered.
    Answered,
}

/// What must still be true when a change is made (docs/concepts.md, Stores). Any mismatch is a conflict, unless the row
/// already carries the id of this very change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// The UID recorded with the row; absent where no row may exist.
    pub uid: Option<Uid>,
    /// The revision of the row; 0 where no row may exist.
    pub revision: i64,
    /// The version of the assignment; 0 where none may exist.
    pub version: i64,
}

/// What a change does. Each carries what was before and what is after.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Effect {
    /// Makes the row and sends the invitation.
    Invite {
        /// The request as it is sent.
        invitation: Box<Invitation>,
        /// How its ceiling was asked for.
        asked: Asked,
        /// What is recorded with it.
        policies: Policies,
        /// The key of the first row under this name.
        first: RelationshipKey,
        /// 1 for the first, one above the highest recorded for a successor.
        number: u32,
        /// Who it is made for.
        uid: Uid,
    },
    /// Makes the row of what stands at the service already. Nothing is changed there.
    Adopt {
        /// What it is taken for: the request as it would have been sent.
        invitation: Box<Invitation>,
        /// How its ceiling was asked for.
        asked: Asked,
        /// What is recorded with it.
        policies: Policies,
        /// The key of the first row under this name.
        first: RelationshipKey,
        /// 1 for the first, one above the highest recorded for a later one.
        number: u32,
        /// Who it is made for.
        uid: Uid,
        /// What was found.
        found: Box<Found>,
    },
    /// Takes over how the service was seen to have moved it.
    Recognise {
        /// As recorded.
        before: Box<Stands>,
        /// As seen.
        after: Box<Stands>,
    },
    /// The customer accepted: access can be held from now on.
    Authorise {
        /// The acceptance.
        acceptance: Box<Acceptance>,
        /// When it ends: the duration from the acceptance.
        ends_at: Option<Timestamp>,
    },
    /// The customer declined.
    Decline {
        /// The answer.
        acceptance: Box<Acceptance>,
    },
    /// Cancels an invitation that nobody has accepted (L6).
    Withdraw {
        /// Why.
        reason: EndReason,
    },
    /// What one grantee holds.
    SetRoles {
        /// Who.
        grantee: Grantee,
        /// What it holds now.
        before: Assignment,
        /// What it holds then.
        after: Assignment,
    },
    /// Automatic extension on or off.
    SetAutoExtend {
        /// Before.
        before: Duration,
        /// After.
        after: Duration,
    },
    /// The one change of ceiling that an active relationship admits (L4).
    DropGlobalAdministrator {
        /// The ceiling before.
        before: BTreeSet<RoleId>,
        /// The ceiling after.
        after: BTreeSet<RoleId>,
    },
    /// Automatic extension on the last day.
    Extend {
        /// The end before.
        before: Timestamp,
        /// The end after.
        after: Timestamp,
    },
    /// Another object, or a new one of the same name, owns the row from now on.
    Claim {
        /// Owner and UID before.
        before: (Owner, Uid),
        /// Owner and UID after.
        after: (Owner, Uid),
    },
    /// What is recorded so that it can be ended without its object.
    SetPolicies {
        /// Before.
        before: Policies,
        /// After.
        after: Policies,
    },
    /// What people call the two tenants.
    Rename {
        /// Before.
        before: Names,
        /// After.
        after: Names,
    },
    /// Ends it for good. Every assignment under it is gone before.
    Terminate {
        /// Why.
        reason: EndReason,
    },
    /// Its time was over at this instant.
    Expire {
        /// The end.
        ended_at: Timestamp,
    },
    /// Records that an agreement was accepted, and nothing else.
    RecordAcceptance {
        /// The acceptance.
        acceptance: Box<Acceptance>,
    },
    /// What bounds a namespace from the next run on.
    SetBoundary {
        /// The namespace.
        namespace: EcoString,
        /// What bounded it, as far as is known; absent where nothing is held in it or remembered of it.
        before: Option<Box<NamespaceBoundary>>,
        /// What bounds it then.
        after: Box<NamespaceBoundary>,
    },
}

impl Effect {
    /// Whether something is there with it that was not there before, as shares count it.
    pub fn comes(&self) -> bool {
        let begins = match self {
            Self::Authorise { .. } => true,
            Self::Adopt { found, .. } => found.stands.lifecycle.phase() == Phase::Active,
            Self::Recognise { before, after } => {
                let active = |stands: &Stands| stands.lifecycle.phase() == Phase::Active;
                active(after) && !active(before)
            }
            Self::Invite { .. }
            | Self::Decline { .. }
            | Self::Withdraw { .. }
            | Self::SetRoles { .. }
            | Self::SetAutoExtend { .. }
            | Self::DropGlobalAdministrator { .. }
            | Self::Extend { .. }
            | Self::Claim { .. }
            | Self::SetPolicies { .. }
            | Self::Rename { .. }
            | Self::Terminate { .. }
            | Self::Expire { .. }
            | Self::RecordAcceptance { .. }
            | Self::SetBoundary { .. } => false,
        };
        let roles = self.roles_set();
        begins
            || roles.is_some_and(|(_, before, after)| {
                before.roles.is_empty() && !after.roles.is_empty()
            })
    }

    /// Whose roles are set, from what to what, where that is what it does.
    pub fn roles_set(&self) -> Option<(&Grantee, &Assignment, &Assignment)> {
        match self {
            Self::SetRoles { grantee, before, after } => Some((grantee, before, after)),
            Self::Invite { .. }
            | Self::Adopt { .. }
            | Self::Recognise { .. }
            | Self::Authorise { .. }
            | Self::Decline { .. }
            | Self::Withdraw { .. }
            | Self::SetAutoExtend { .. }
            | Self::DropGlobalAdministrator { .. }
            | Self::Extend { .. }
            | Self::Claim { .. }
            | Self::SetPolicies { .. }
            | Self::Rename { .. }
            | Self::Terminate { .. }
            | Self::Expire { .. }
            | Self::RecordAcceptance { .. }
            | Self::SetBoundary { .. } => None,
        }
    }

    /// The key of the first row of the family that a row is made in, its number and whose it is, where one is made.
    pub fn makes_row(&self) -> Option<(&RelationshipKey, u32, &Uid)> {
        if let Self::Invite { first, number, uid, .. } | Self::Adopt { first, number, uid, .. } =
            self
        {
            Some((first, *number, uid))
        } else {
            None
        }
    }
}

/// Whether `after` gives anything that `before` did not.
pub fn widens(before: &Roles, after: &Roles) -> bool {
    after.iter().any(|(role, until)| before.get(role).is_none_or(|earlier| earlier < until))
}
