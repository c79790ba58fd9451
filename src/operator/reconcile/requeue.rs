//! When to look at what again although nobody has changed it.
//!
//! Never: an instant by another clock than the store's.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::domain::{ids::ObjectKey, state::RelationshipKey};

/// What is looked at again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requeue {
    /// The rows of a relationship.
    Row(RelationshipKey),
    /// An object, whose status changes.
    Object(ObjectKey),
}

/// Instants, each with what is looked at then.
#[derive(Debug, Default)]
pub struct Requeues {
    at: BTreeSet<(Timestamp, Requeue)>,
    of: BTreeMap<Requeue, Timestamp>,
}

impl Requeues {
    /// Sets when to look at something again, in place of what was set before.
    pub fn set(&mut self, requeue: Requeue, at: Option<Timestamp>) {
        if let Some(before) = self.of.remove(&requeue) {
            self.at.remove(&(before, requeue.clone()));
        }
        if let Some(at) = at {
            self.at.insert((at, requeue.clone()));
            self.of.insert(requeue, at);
        }
    }

    /// Sets it, unless something earlier is set already.
    pub fn set_no_later(&mut self, requeue: Requeue, at: Timestamp) {
        if self.of.get(&requeue).is_none_or(|before| at < *before) {
            self.set(requeue, Some(at));
        }
    }

    /// The next instant.
    pub fn next(&self) -> Option<Timestamp> {
        self.at.first().map(|(at, _)| *at)
    }

    /// Takes what is due.
    pub fn due(&mut self, now: Timestamp) -> Vec<Requeue> {
        let mut due = Vec::new();
        while self.at.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, requeue)) = self.at.pop_first() else { break };
            self.of.remove(&requeue);
            due.push(requeue);
        }
        due
    }
}
