//! What a grant has under a relationship that is not there any more, or asks for nothing that is understood.
//!
//! Never: a role that is asked for.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    condition::{Drift, Verdict},
    part::{GrantPart, Held, held},
    reason::Reason,
    rows::Rows,
};
use crate::domain::state::{ObjectName, ObservedRelationship, Window};

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
            drift: Drift::None,
            removed_outside: BTreeSet::new(),
            blocked: BTreeSet::new(),
            next_change: ends_at.filter(|ends_at| *ends_at > now),
        }
    }
}

/// What a grant still has under a relationship whose object is gone, if anything.
pub fn gone_part(
    object: &ObjectName,
    relationship: &ObjectName,
    rows: &[&ObservedRelationship],
    now: Timestamp,
) -> Option<GrantPart> {
    let given = Rows::those(rows).given(object, now);
    let (held, ends_at) = held(&given, now, |given| Some(&given.contribution.roles));
    let until = ends_at.map(|end| format!(" until {end}")).unwrap_or_default();
    let message = format!("it is held{until} under `{relationship}`, which is not there any more");
    let verdict = Verdict::reached(Reason::InSync, message);
    (held != Held::Nothing).then(|| GrantPart::of_given(verdict, (held, ends_at), now))
}
