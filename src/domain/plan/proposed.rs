//! What is planned before it is put in order.
//!
//! Never: anything that a change expects; that depends on those before it.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Ahead, Awaited, Governing, Notice};
use crate::domain::{
    change::{Approval, Cause, Effect, Subject},
    state::RelationshipKey,
};

/// What is planned so far: its changes have no order yet, and so nothing that they expect.
pub(super) struct Proposals {
    pub now: Timestamp,
    pub proposed: Vec<Proposed>,
    pub notices: Vec<Notice>,
    pub awaited: Vec<Awaited>,
    /// When the plan of the relationship at hand would differ, or of what is about none.
    pub differs_at: Option<Timestamp>,
    pub differs: BTreeMap<RelationshipKey, Timestamp>,
    pub governing: Governing,
    pub ahead: Vec<Ahead>,
    /// Whether the clock of the service and ours do not agree, so that no end there is taken for one.
    pub clocks_differ: bool,
    /// How many grantees hold something that is over by ours, and is not taken away for that.
    pub ends_kept: usize,
    /// The first end that the service does not keep, so that somebody must take away what is over then.
    pub ends_ahead: Option<Timestamp>,
}

/// A change without its place among the others.
pub(super) struct Proposed {
    pub subject: Subject,
    pub effect: Effect,
    pub cause: Cause,
    pub approval: Approval,
}

impl Proposals {
    pub fn at(now: Timestamp) -> Self {
        Self {
            now,
            proposed: Vec::new(),
            notices: Vec::new(),
            awaited: Vec::new(),
            differs_at: None,
            differs: BTreeMap::new(),
            governing: Governing::default(),
            ahead: Vec::new(),
            clocks_differ: false,
            ends_kept: 0,
            ends_ahead: None,
        }
    }

    /// Notes that the plan would differ at `instant`, if that is still to come.
    pub fn differs_at(&mut self, instant: Timestamp) {
        if instant > self.now && self.differs_at.is_none_or(|earlier| instant < earlier) {
            self.differs_at = Some(instant);
        }
    }
}
