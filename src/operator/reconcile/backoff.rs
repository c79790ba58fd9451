//! What the store has refused: the same change is tried again later each time, so that what can never be made fills
//! neither the ledger nor the cluster.
//!
//! Never: a change that was not refused itself held up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    domain::{change::Change, digest::Digest, state::RelationshipKey},
    store::Refusal,
};

/// What only somebody else can change is asked for once in so long at the least.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// What time may change.
const LONGEST_OF_TIME: SignedDuration = SignedDuration::from_mins(5);

/// One refused change.
#[derive(Debug)]
struct Refused {
    refusal: Refusal,
    wait: SignedDuration,
    until: Timestamp,
}

/// The changes that the store has refused, by row.
#[derive(Debug, Default)]
pub struct Backoff {
    by_row: BTreeMap<RelationshipKey, BTreeMap<Digest, Refused>>,
}

impl Backoff {
    /// Whether nothing was refused lately.
    pub fn is_empty(&self) -> bool {
        self.by_row.is_empty()
    }

    /// Takes note; the first wait is `after`, and each that follows is twice as long.
    pub fn refused(
        &mut self,
        change: &Change,
        refusal: &Refusal,
        now: Timestamp,
        after: SignedDuration,
    ) {
        let Some(row) = &change.subject.relationship else { return };
        let refused = self.by_row.entry(row.clone()).or_default();
        let before = refused.get(&change.id());
        let wait = before.map_or(after, |before| before.wait.saturating_add(before.wait));
        let wait = wait.min(longest(refusal).max(after));
        let until = now.saturating_add(wait).unwrap_or(now);
        let entry = Refused { refusal: refusal.clone(), wait, until };
        refused.insert(change.id(), entry);
    }

    /// Why a change is not tried again yet, and until when.
    pub fn waits(&self, change: &Change, now: Timestamp) -> Option<(&Refusal, Timestamp)> {
        let refused = self.by_row.get(change.subject.relationship.as_ref()?)?;
        let refused = refused.get(&change.id())?;
        // A clock that was set back is no reason to wait longer.
        let began = refused.until.saturating_sub(refused.wait).unwrap_or(refused.until);
        let waits = began <= now && now < refused.until;
        waits.then_some((&refused.refusal, refused.until))
    }

    /// Of these rows only what is still planned counts.
    pub fn keep<'a>(
        &mut self,
        rows: impl IntoIterator<Item = &'a RelationshipKey>,
        planned: &BTreeSet<Digest>,
    ) {
        for row in rows {
            if let Some(refused) = self.by_row.get_mut(row) {
                refused.retain(|id, _| planned.contains(id));
                if refused.is_empty() {
                    self.by_row.remove(row);
                }
            }
        }
    }
}

fn longest(refusal: &Refusal) -> SignedDuration {
    match refusal {
        Refusal::OwnedByAnother { .. }
        | Refusal::AlreadyUsed
        | Refusal::Unexplained { .. }
        | Refusal::Outside(_)
        | Refusal::Constraint(_) => LONGEST,
        Refusal::Stale
        | Refusal::OverLimit { .. }
        | Refusal::Blocked
        | Refusal::NotApproved { .. }
        | Refusal::AlreadyOver { .. }
        | Refusal::ClocksDisagree { .. } => LONGEST_OF_TIME,
    }
}
