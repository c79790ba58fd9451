//! What a grant has under a relationship that is not there any more, or asks for nothing that is understood.
//!
//! Never: a role that is asked for.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    condition::{Drift, Verdict},
    part::{GrantPart, Held, among, blocked, held, takes},
    reason::Reason,
    rows::Rows,
};
use crate::domain::{
    change::Change,
    limits::Batch,
    state::{ObjectName, ObservedRelationship, Window},
};

impl GrantPart {
    /// Of a grant that asks for nothing here that is understood: only what it has given counts.
    pub(super) fn of_given(
        verdict: Verdict,
        (held, ends_at): (Held, Option<Timestamp>),
        now: Timestamp,
    ) -> Self {
        Self {
            verdict,
            held,
            ends_at,
            roles: Box::default(),
            catalogue: None,
            window: Window::default(),
            drift: Drift::InSync,
            removed_outside: BTreeSet::new(),
            blocked: BTreeSet::new(),
            next_change: ends_at.filter(|ends_at| *ends_at > now),
        }
    }
}

/// What a grant still has under a relationship whose object is gone, if anything, and the batch in which it waits to be
/// taken away: `left` is what is left to be done there, and `batches` what of it waits.
pub fn gone_part(
    object: &ObjectName,
    relationship: &ObjectName,
    rows: &[&ObservedRelationship],
    (left, batches): (&[&Change], &[&Batch]),
    now: Timestamp,
) -> Option<GrantPart> {
    let given = Rows::those(rows).given(object, now);
    let (held, ends_at) = held(&given, now, |given| Some(&given.contribution.roles));
    if held == Held::Nothing {
        return None;
    }
    let waiting: Vec<&Change> = left.iter().copied().filter(|it| takes(object, it)).collect();
    let batches = among(batches, &waiting);
    let verdict = if let Some(hash) = batches.first() {
        blocked(*hash, &waiting)
    } else {
        let until = ends_at.map(|end| format!(" until {end}")).unwrap_or_default();
        let message =
            format!("it is held{until} under `{relationship}`, which is not there any more");
        Verdict::reached(Reason::InSync, message)
    };
    let part = GrantPart::of_given(verdict, (held, ends_at), now);
    Some(GrantPart { blocked: batches, ..part })
}
