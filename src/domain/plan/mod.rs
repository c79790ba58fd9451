//! Desired × Observed × now → [`Plan`]: what has to change, in which order, and what a person should know.
//!
//! Never: a step that gives a role outside `before ∪ after`, or takes away because something is absent.

mod access;
mod agreement;
pub(super) mod answers;
mod assignment;
mod boundaries;
mod contributions;
mod endings;
pub(super) mod grants;
pub(super) mod lifecycle;
mod order;
pub(super) mod relationship;
mod undeclared;

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use access::{AccessChange, Besides, Holder, RoleChange, Successors, access_changes};
pub use agreement::{AgreementStanding, access_waits, agreement};
pub use boundaries::{BOUNDARY_ABSENT, Governing};
pub use grants::UNMANAGED;
pub use undeclared::{NOT_DECLARED, tell_undeclared};

use super::{
    digest::Digest,
    duration::Duration,
    ids::{Kind, ObjectKey, RoleId, TenantId},
    lifecycle::EndReason,
    problem::{Code, Problem},
    state::{
        Acceptance, Asked, Assignment, Desired, Doubts, Grantee, Instance, Invitation, Names,
        NamespaceBoundary, Observed, Owner, Policies, RelationshipKey, Tenant, Uid,
    },
};
use crate::api::PartnerType;

/// What is told of changes that somebody made outside (L12).
pub const CHANGED_OUTSIDE: [Code; 3] =
    [grants::REMOVED_OUTSIDE, grants::UNMANAGED, lifecycle::ENDED_BY_CUSTOMER];

/// What is told of access that is declared and that the store does not hold, or holds otherwise, for as long as nobody
/// outside does something about it.
pub const NOT_HELD: [Code; 16] = [
    relationship::OWNED_BY_ANOTHER,
    relationship::ANOTHER_IDENTITY,
    answers::OTHER_INVITATION,
    answers::ACCEPTANCE_TOO_OLD,
    answers::MAY_NOT_ACCEPT,
    answers::DECLINED_IN_FORCE,
    grants::REMOVED_OUTSIDE,
    grants::AGREEMENT_NOT_ACCEPTED,
    grants::ACCESS_WAITS,
    grants::GRANT_WAITS,
    grants::NEVER_BEGINS,
    lifecycle::ENDED_BY_CUSTOMER,
    lifecycle::DECLINED_OR_LAPSED,
    lifecycle::EXPIRED,
    lifecycle::NEEDS_CUSTOMER,
    lifecycle::NOT_UNDERSTOOD,
];

/// The ledger does not explain what the store holds: nothing is done about it, and nothing rests on it.
pub const UNEXPLAINED: Code = Code(570);

/// What has to change so that the store holds what is desired.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The store's clock when it was read.
    pub now: Timestamp,
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub notices: Vec<Problem>,
    /// Customers whose answer is awaited.
    pub awaited: Vec<Awaited>,
    /// The next instant at which the plan would differ, where there is one.
    pub valid_until: Option<Timestamp>,
    /// The same for each relationship by itself, by the key of its first row.
    pub differs: BTreeMap<RelationshipKey, Timestamp>,
    /// What the grantees of the changes hold before them.
    pub besides: Besides,
    /// What bounds each namespace while the plan is carried out.
    pub governing: Governing,
    /// What grantees hold under the successors that take the place of what they lose.
    pub successors: Successors,
    /// What begins later by itself: no change of this plan, and given by a later one.
    pub ahead: Vec<Ahead>,
}

/// Roles that a grant gives from a later instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ahead {
    /// The roles.
    pub roles: BTreeSet<RoleId>,
    /// From when.
    pub from: Timestamp,
    /// Until when, where the grant itself ends before the relationship.
    pub until: Option<Timestamp>,
}

/// An answer that a customer has yet to give.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Awaited {
    /// The row that waits.
    pub relationship: RelationshipKey,
    /// The customer.
    pub customer: Tenant,
    /// The digest that an acceptance must name.
    pub invitation: Digest,
    /// Why the customer is asked.
    pub reason: AwaitedFor,
    /// Whether the plan sends the invitation, or it was sent before.
    pub sent: Sent,
}

/// Whether an invitation is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Sent {
    /// By this plan.
    Now,
    /// Before.
    Before,
}

/// Why a customer is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum AwaitedFor {
    /// There is no relationship yet.
    Start,
    /// The ceiling or the duration changed (L3).
    Replacement,
    /// The relationship ends soon.
    Renewal,
}

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
    /// The same change has the same id: a store that has seen it answers "done" (DESIGN §7).
    pub fn id(&self) -> Digest {
        Digest::of(&(&self.subject.relationship, &self.effect, &self.expects))
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

/// What must still be true when a change is made (DESIGN §7). Any mismatch is a conflict, unless the row already
/// carries the id of this very change.
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
    /// Whose roles are set, from what to what, where that is what it does.
    pub fn roles_set(&self) -> Option<(&Grantee, &Assignment, &Assignment)> {
        match self {
            Self::SetRoles { grantee, before, after } => Some((grantee, before, after)),
            Self::Invite { .. }
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
}

/// Who plans, and what it may claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The instance that would write.
    pub instance: Instance,
    /// What it does with a row of another instance whose namespace and name are the same.
    pub foreign: Foreign,
}

/// A row of another instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// Is planned as that instance would: for `diff`, which writes nothing.
    ReadAs,
    /// Is a conflict.
    Conflict,
}

/// The plan for everything that is desired, each relationship by itself.
pub fn plan(desired: &Desired, observed: &Observed, claimant: &Claimant) -> Plan {
    let mut plan = Plan {
        now: observed.now,
        changes: Vec::new(),
        notices: Vec::new(),
        awaited: Vec::new(),
        valid_until: None,
        differs: BTreeMap::new(),
        besides: Besides::default(),
        governing: Governing::default(),
        successors: Successors::new(),
        ahead: Vec::new(),
    };
    let keys: BTreeSet<_> =
        desired.relationships.keys().chain(observed.relationships.keys()).collect();
    doubted(desired, observed, &mut plan);
    let mut earliest = None;
    for key in keys.into_iter().filter(|key| !observed.doubts.relationships.contains_key(*key)) {
        relationship::plan_relationship(key, desired, observed, claimant, &mut plan);
        if let Some(instant) = plan.valid_until.take() {
            plan.differs.insert(key.clone(), instant);
            earliest = Some(earliest.map_or(instant, |earlier: Timestamp| earlier.min(instant)));
        }
    }
    plan.valid_until = earliest;
    record_agreements(desired, observed, claimant, &mut plan);
    boundaries::plan_boundaries(desired, observed, claimant, &mut plan);
    order::sort_and_expect(&mut plan.changes, observed);
    plan.besides = access::besides(&plan.changes, observed);
    plan.successors = access::successors(&plan.changes, observed);
    plan
}

/// Tells what the ledger does not explain.
fn doubted(desired: &Desired, observed: &Observed, plan: &mut Plan) {
    let problem = |what: &str| {
        let help = "nothing is done about it: `concordat ledger verify` names every such row, and whoever changed it \
                    must put it back, or a backup";
        Problem::error(UNEXPLAINED, format!("the ledger does not explain the store: {what}"))
            .help(help)
    };
    let Doubts { relationships, acceptances, gone } = &observed.doubts;
    for (key, found) in relationships {
        let wish = desired.relationships.get(key).map(|wish| &wish.object);
        let row = observed.relationships.get(key).and_then(|rows| rows.last());
        let object = wish.or(row.map(|row| &row.owner.object)).map(|object| ObjectKey {
            kind: Kind::PartnerRelationship,
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        });
        plan.notices.extend(found.iter().map(|what| match &object {
            Some(object) => problem(what).about(object, None),
            None => problem(what),
        }));
    }
    plan.notices.extend(acceptances.values().chain(gone).map(|what| problem(what)));
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Notes that the plan would differ at `instant`, if that is still to come.
    fn differs_at(&mut self, instant: Timestamp) {
        if instant > self.now && self.valid_until.is_none_or(|earlier| instant < earlier) {
            self.valid_until = Some(instant);
        }
    }
}

/// Acceptances of an agreement alone are recorded once each.
fn record_agreements(desired: &Desired, observed: &Observed, claimant: &Claimant, plan: &mut Plan) {
    let mut seen = BTreeSet::new();
    let mut acceptances: Vec<_> = desired.acceptances.iter().collect();
    acceptances.sort_by_key(|acceptance| (acceptance.content, &acceptance.object));
    for acceptance in acceptances {
        if observed.acceptances.contains_key(&acceptance.content)
            || observed.doubts.acceptances.contains_key(&acceptance.content)
            || !seen.insert(acceptance.content)
        {
            continue;
        }
        let tenant = |id: TenantId| Tenant { id, name: None };
        let subject = Subject {
            relationship: None,
            owner: Owner { instance: claimant.instance.clone(), object: acceptance.object.clone() },
            partner: tenant(acceptance.partner),
            customer: tenant(acceptance.customer),
            type_: None,
        };
        if !answers::has_happened(acceptance, plan) {
            continue;
        }
        plan.changes.push(Change {
            subject,
            effect: Effect::RecordAcceptance { acceptance: Box::new(acceptance.clone()) },
            cause: Cause::Answered,
            approval: Approval::NotNeeded,
            expects: Precondition { uid: None, revision: 0, version: 0 },
        });
    }
}
