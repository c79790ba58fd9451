//! What a round of the operator knows → the statuses of the five kinds, their conditions, and the events of transitions.
//!
//! Conditions are read by people and, through kstatus, by Flux and Argo CD: an object is *Current* when what its spec
//! asks for now was read back from the store (`Ready`), *in progress* while it moves by itself or somebody is awaited
//! (`Reconciling`), and *failed* when nothing moves until somebody does something (`Stalled`). The two companions of
//! `Ready`, and whatever tells that something is not as it should be, are absent unless they are true.
//!
//! * What somebody holds on purpose (`suspend`) keeps telling the truth: `Ready` with reason `Suspended` where the store
//!   holds what is asked for, not ready and neither reconciling nor stalled where it does not, as kstatus treats a
//!   paused Deployment. Flux does not fail over it, and waits.
//! * What is only observed is `Ready` with reason `Observed`, since observing is all that was asked for; `Drifted` tells
//!   that it differs.
//! * A grant whose window has not begun, or is over, is `Ready`; `InForce` tells whether access is held.
//! * A reference that is not there yet is awaited; an object with problems of its own has failed.
//!
//! Never: a decision, or a text that changes by time alone; a system at rest writes nothing.

mod acceptance;
mod boundary;
mod condition;
mod events;
mod expiry;
mod gone;
mod grant;
mod judged;
mod offer;
mod part;
mod readiness;
mod reason;
mod recorded;
mod relationship;
mod rows;
#[cfg(test)]
mod tests;
mod text;

use jiff::Timestamp;

pub use acceptance::{AcceptanceFacts, acceptance};
pub use boundary::boundary;
pub use condition::Stand;
pub use events::{
    Event, EventReason, EventType, approval_refused, grant_events, other_events,
    relationship_events,
};
pub use gone::gone_part;
pub use grant::{GrantFacts, grant};
pub use offer::{OfferFacts, offer};
pub use part::{GrantPart, Held, grant_part};
pub use reason::{ConditionType, Reason};
pub use recorded::{NotUnderstood, observed};
pub use relationship::{RelationshipFacts, relationship};
pub use rows::given_until;

use super::{
    state::{Desired, Standing},
    validate::Presence,
};
use crate::api::{Condition, ManagementPolicy};

/// What is known of any object.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Its generation.
    pub generation: i64,
    /// Whether it is on its way out.
    pub presence: Presence,
    /// When it was made, where that is known: an end that was near from the beginning is no news.
    pub created: Option<Timestamp>,
    /// The store's clock.
    pub now: Timestamp,
    /// The conditions that stand in its status.
    pub conditions: &'a [Condition],
}

/// Why a round left an object alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hold {
    /// No boundary admits its namespace.
    NoBoundary,
    /// What cannot be undone waits until then.
    Settling {
        /// Until when.
        until: Timestamp,
    },
    /// Somebody undoes again and again what is made.
    Fought {
        /// How often it was made.
        times: u32,
        /// When it is made again.
        until: Timestamp,
    },
    /// Its finalizer is not written yet.
    Finalizer,
}

/// A status, and the next instant at which it would differ without any edit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported<S> {
    /// The status.
    pub status: S,
    /// When to look again.
    pub next_change: Option<Timestamp>,
}

/// The same input with nothing suspended and nothing only observed; absent where nothing is. A plan of it tells what is
/// held back.
pub fn unheld(desired: &Desired) -> Option<Desired> {
    let held = |standing| standing == Standing::Suspended;
    let observes = |management: ManagementPolicy| management == ManagementPolicy::Observe;
    let any = desired.relationships.values().any(|declared| {
        held(declared.standing)
            || observes(declared.policies.management)
            || declared.grants.any(|grant| held(grant.standing))
    });
    if !any {
        return None;
    }
    let released = |standing| if held(standing) { Standing::Live } else { standing };
    let mut unheld = desired.clone();
    unheld.stand_grants(|_, standing| released(standing));
    for declared in unheld.relationships.values_mut() {
        declared.standing = released(declared.standing);
        declared.policies.management = ManagementPolicy::Manage;
    }
    Some(unheld)
}

/// The earlier of two instants, of which either may be absent.
fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
