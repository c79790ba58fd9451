//! Desired × Observed × now → [`Plan`]: what has to change, in which order, and what a person should know.
//!
//! Never: a step that gives a role outside `before ∪ after`, or takes away because something is absent.

mod access;
mod agreement;
mod answers;
mod assignment;
mod boundaries;
mod contributions;
mod endings;
mod grants;
mod lifecycle;
mod notice;
mod order;
mod proposed;
mod relationship;
mod service;
mod undeclared;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use access::{AccessChange, Besides, Holder, RoleChange, Successors, access_changes};
pub use agreement::{AgreementStanding, access_waits, agreement};
pub use boundaries::Governing;
pub use notice::{
    AccessNotice, AnswerNotice, Bearing, BesideNotice, Claim, ElsewhereNotice, GoesOn, GrantNotice,
    GroupRoles, Holding, NotAdopted, Notice, OrphanWayOut, Over, OwnershipNotice, StageNotice,
    UNEXPLAINED, UNREAD, UndeclaredNotice, WayOut,
};
pub use undeclared::tell_undeclared;

use proposed::{Proposals, Proposed};
use service::TakenOver;

use super::{
    change::{Approval, Cause, Change, Effect, Subject},
    digest::Digest,
    ids::{Kind, ObjectKey, RoleId, TenantId},
    state::{
        AtService, Desired, Doubts, Instance, Observed, ObservedRelationship, Owner,
        RelationshipKey, Tenant,
    },
};

/// What has to change so that the store holds what is desired.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The store's clock when it was read.
    pub now: Timestamp,
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// What a person should know.
    pub notices: Vec<Notice>,
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
    /// The rows that are made of what stands at a service already, with what is held there.
    pub adopted: Vec<ObservedRelationship>,
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
    /// The relationship at Microsoft in which the customer approves, where that is how.
    pub at: Option<AtService>,
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
    let mut plan = Proposals::at(observed.now);
    plan.clocks_differ = observed.service.as_ref().is_some_and(|service| service.clock.is_some());
    let TakenOver { observed, held_back, adopted } =
        service::take_over(desired, observed, claimant, &mut plan);
    let observed = &*observed;
    let keys: BTreeSet<_> =
        desired.relationships.keys().chain(observed.relationships.keys()).collect();
    doubted(desired, observed, &mut plan);
    let mut earliest = None;
    let is_planned = |key: &&RelationshipKey| {
        !observed.doubts.relationships.contains_key(*key) && !held_back.contains(*key)
    };
    for key in keys.into_iter().filter(is_planned) {
        if service::is_elsewhere(key, desired, observed, claimant, &mut plan) {
            continue;
        }
        relationship::plan_relationship(key, desired, observed, claimant, &mut plan);
        if let Some(instant) = plan.differs_at.take() {
            plan.differs.insert(key.clone(), instant);
            earliest = Some(earliest.map_or(instant, |earlier: Timestamp| earlier.min(instant)));
        }
    }
    service::tell_beside(desired, observed, claimant, &mut plan);
    record_agreements(desired, observed, claimant, &mut plan);
    boundaries::plan_boundaries(desired, observed, claimant, &mut plan);
    let Proposals {
        now,
        proposed,
        notices,
        awaited,
        differs_at,
        differs,
        governing,
        ahead,
        clocks_differ: _,
        ends_kept: _,
        ends_ahead: _,
    } = plan;
    let changes = order::in_order(proposed, observed);
    Plan {
        now,
        notices,
        awaited,
        valid_until: [earliest, differs_at].into_iter().flatten().min(),
        differs,
        besides: access::besides(&changes, observed),
        governing,
        successors: access::successors(&changes, observed),
        ahead,
        adopted,
        changes,
    }
}

/// Tells what the ledger does not explain.
fn doubted(desired: &Desired, observed: &Observed, plan: &mut Proposals) {
    let Doubts { relationships, acceptances, gone } = &observed.doubts;
    for (key, found) in relationships {
        let declared = desired.relationships.get(key).map(|declared| &declared.object);
        let row = observed.relationships.get(key).and_then(|rows| rows.last());
        let object = declared.or(row.map(|row| &row.owner.object)).map(|object| ObjectKey {
            kind: Kind::PartnerRelationship,
            namespace: object.namespace.clone(),
            name: object.name.clone(),
        });
        let told =
            |what: &String| Notice::Unexplained { object: object.clone(), what: what.clone() };
        plan.notices.extend(found.iter().map(told));
    }
    let told = |what: &String| Notice::Unexplained { object: None, what: what.clone() };
    plan.notices.extend(acceptances.values().chain(gone).map(told));
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }
}

/// Acceptances of an agreement alone are recorded once each.
fn record_agreements(
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
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
        plan.proposed.push(Proposed {
            subject,
            effect: Effect::RecordAcceptance { acceptance: Box::new(acceptance.clone()) },
            cause: Cause::Answered,
            approval: Approval::NotNeeded,
        });
    }
}
