//! What a grant has under a relationship that is not there any more.
//!
//! Never: a part where nothing is held.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    condition::{Drift, Verdict},
    part::{GrantPart, Held, held},
    reason::Reason,
    rows::Rows,
};
use crate::domain::state::{ObjectName, ObservedRelationship, Window};

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
    (held != Held::Nothing).then(|| GrantPart {
        verdict: Verdict::reached(Reason::InSync, message),
        held,
        ends_at,
        roles: BTreeSet::new(),
        catalogue: None,
        window: Window::default(),
        drift: Drift::None,
        removed_outside: BTreeSet::new(),
        blocked: BTreeSet::new(),
        next_change: ends_at.filter(|ends_at| *ends_at > now),
    })
}
