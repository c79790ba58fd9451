//! Who else writes: the same assignment made again and again is undone by somebody. It is told, and made again later each
//! time, so that two who disagree do not write for ever.
//!
//! Never: a change that says something new held up, or one that time asks for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::domain::{
    change::{Cause, Change},
    digest::Digest,
    ids::GranteeId,
    state::RelationshipKey,
};

/// Made so often, it is a fight.
const TIMES: u32 = 3;
/// How long it is left alone then, at first and at the most.
const FIRST: SignedDuration = SignedDuration::from_mins(10);
const LONGEST: SignedDuration = SignedDuration::from_hours(1);
/// What was last made so long ago has held.
const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_hours(6);

/// What was made for one grantee.
#[derive(Debug)]
struct Made {
    change: Digest,
    after: Digest,
    times: u32,
    last: Timestamp,
    until: Timestamp,
}

/// What was made for each grantee of each row.
#[derive(Debug, Default)]
pub struct Fights {
    made: BTreeMap<(RelationshipKey, GranteeId), Made>,
}

/// A change that is left alone for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fought {
    /// How often it was made.
    pub times: u32,
    /// When it is made again.
    pub until: Timestamp,
}

impl Fights {
    /// Takes note of a change that was made, or is on its way, and then once.
    pub fn made(&mut self, change: &Change, now: Timestamp) {
        let Some((at, after)) = fought_over(change) else { return };
        let is_recent = |made: &Made| now.duration_since(made.last) < FORGOTTEN_AFTER;
        self.made.retain(|_, made| is_recent(made));
        let before = self.made.get(&at).filter(|made| made.after == after);
        let change = change.id();
        if before.is_some_and(|before| before.change == change) {
            return;
        }
        let times = before.map_or(0, |made| made.times).saturating_add(1);
        let wait = match times.checked_sub(TIMES) {
            None => SignedDuration::ZERO,
            Some(more) => FIRST.saturating_mul(1 << more.min(8)).min(LONGEST),
        };
        let until = now.saturating_add(wait).unwrap_or(now);
        self.made.insert(at, Made { change, after, times, last: now, until });
    }

    /// Whether a change is left alone for a while, because somebody undoes it.
    pub fn waits(&self, change: &Change, now: Timestamp) -> Option<Fought> {
        let (at, after) = fought_over(change)?;
        let made = self.made.get(&at).filter(|made| made.after == after)?;
        let waits = made.last <= now && now < made.until;
        waits.then_some(Fought { times: made.times, until: made.until })
    }
}

/// What is made of an assignment that is not as it was left; nothing else is worth a note.
fn fought_over(change: &Change) -> Option<((RelationshipKey, GranteeId), Digest)> {
    let (grantee, before, after) = change.effect.roles_set()?;
    if change.cause == Cause::Expired || before.roles == before.recorded {
        return None;
    }
    let row = change.subject.relationship.clone()?;
    Some(((row, grantee.id), Digest::of(after)))
}
