//! The words of conditions: their types and their reasons, which programs may compare.
//!
//! Never: a reason that is not in the enumeration.

use std::fmt;

/// The types of conditions, in the order in which they stand in a status.
///
/// `Reconciling`, `Stalled` and everything from `PlanBlocked` on tell what is not as it should be: they are absent
/// unless they are true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConditionType {
    /// What the spec asks for now was read back from the store.
    Ready,
    /// Work is under way, or somebody is awaited.
    Reconciling,
    /// Nothing will move until somebody does something.
    Stalled,
    /// The customer has accepted the relationship, and it is not over.
    Authorized,
    /// The agreement that the offer names is accepted.
    AgreementAccepted,
    /// Access is held by this grant.
    InForce,
    /// Changes wait for a person.
    PlanBlocked,
    /// Something was changed outside, or differs from what is observed only.
    Drifted,
    /// Access is held that no grant explains.
    Unmanaged,
    /// The end is 30, 7 or 1 days away, or less.
    ExpiringSoon,
    /// The object has problems.
    Invalid,
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Why a condition is as it is, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The object has problems of its own.
    Invalid,
    /// The row in the store is another's.
    Conflict,
    /// Changes wait for an approval.
    Blocked,
    /// The customer ended the relationship.
    EndedByCustomer,
    /// The customer declined the invitation.
    Declined,
    /// Nobody answered the invitation in time.
    InvitationLapsed,
    /// Its time is over.
    Expired,
    /// It was ended.
    Ended,
    /// It is in a stage that this version does not know.
    UnknownStage,
    /// The acceptance names an invitation that is not the pending one.
    OtherInvitation,
    /// The acceptance, or the invitation that it answers, was used before.
    AlreadyUsed,
    /// What the acceptance allowed is over.
    TooOld,
    /// The declared role may not accept this.
    MayNotAccept,
    /// No boundary admits the namespace.
    NoBoundary,
    /// The offer is not there yet.
    OfferNotFound,
    /// The offer has problems.
    OfferInvalid,
    /// The relationship is not there yet.
    RelationshipNotFound,
    /// The relationship has problems.
    RelationshipInvalid,
    /// The relationship is not active yet, or not any more.
    RelationshipNotActive,
    /// Access waits for the acceptance of the agreement.
    AgreementNotAccepted,
    /// The customer's answer is awaited.
    WaitingForCustomer,
    /// The customer has accepted, and the relationship is being set up.
    Activating,
    /// The relationship is being ended.
    Ending,
    /// The store refused a change, which is planned again.
    Refused,
    /// Somebody else undoes again and again what is made.
    Fought,
    /// What cannot be undone waits a moment.
    Settling,
    /// What was sent is not read back yet.
    Provisioning,
    /// Changes are still to be made.
    Pending,
    /// The object is being deleted.
    Deleting,
    /// The object is suspended.
    Suspended,
    /// The object is observed only.
    Observed,
    /// The window of the grant has not begun.
    Scheduled,
    /// The store holds what is asked for.
    InSync,
    /// The object has no problems.
    Valid,
    /// The agreement is accepted.
    Accepted,
    /// What the object says is recorded.
    Recorded,
    /// The acceptance authorised its relationship.
    Authorized,
    /// Every role of the grant is held, under each of its relationships.
    Held,
    /// Some of the grant is held.
    PartlyHeld,
    /// Nothing of the grant is held.
    NotHeld,
    /// Access was taken away outside.
    RemovedOutside,
    /// Access was given outside.
    AddedOutside,
    /// What is observed differs from what is declared.
    Differs,
    /// It ends so soon that its renewal is due.
    RenewalDue,
    /// The end is 30 days away or less.
    Within30Days,
    /// The end is 7 days away or less.
    Within7Days,
    /// The end is one day away or less.
    Within1Day,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
