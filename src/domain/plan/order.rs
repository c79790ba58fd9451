//! The order of changes, and what each expects of the store given those before it.
//!
//! Never: gives before it takes away, except where a successor must be complete before its predecessor goes.

use std::collections::BTreeMap;

use super::{Approval, Cause, Change, Effect, Precondition};
use crate::domain::{
    ids::GranteeId,
    state::{Observed, RelationshipKey, Roles, Uid},
};

/// Sorts the changes and fills in their preconditions.
pub(super) fn sort_and_expect(changes: &mut [Change], observed: &Observed) {
    changes.sort_by_cached_key(|change| {
        (rank(change), change.subject.relationship.clone(), grantee(change), change.approval)
    });
    let mut rows = rows(observed);
    for change in changes {
        let Some(key) = &change.subject.relationship else { continue };
        let row = rows.entry(key.clone()).or_default();
        change.expects = row.expects(change);
        row.advance(&change.effect);
    }
}

/// What goes first has the lowest rank (DESIGN §5, invariant 4). A row is claimed before anything is done with it, what
/// a person must approve comes after what it builds on, and a ceiling shrinks once nobody holds more.
fn rank(change: &Change) -> u8 {
    match (&change.effect, change.cause) {
        (Effect::Claim { .. }, _) => 0,
        (Effect::SetRoles { .. }, Cause::Expired) => 1,
        (Effect::Expire { .. }, _) => 2,
        (Effect::SetRoles { .. }, Cause::Replaced) => 10,
        (Effect::SetRoles { before, after, .. }, _) => {
            if change.approval.is_needed() || widens(&before.roles, &after.roles) { 8 } else { 3 }
        }
        (Effect::Withdraw { .. } | Effect::Decline { .. }, _) => 4,
        (Effect::SetPolicies { .. } | Effect::Rename { .. } | Effect::Extend { .. }, _) => 5,
        (Effect::Invite { .. }, _) => 6,
        (Effect::Authorise { .. } | Effect::RecordAcceptance { .. }, _) => 7,
        (Effect::DropGlobalAdministrator { .. } | Effect::SetAutoExtend { .. }, _) => 9,
        (Effect::Terminate { .. }, _) => 11,
        // A first boundary is there before anything that it admits, so that an interrupted run can be finished; what was
        // planned under an earlier one is made before another is remembered.
        (Effect::SetBoundary { before, .. }, _) => {
            if before.is_none() {
                0
            } else {
                12
            }
        }
    }
}

/// Whether `after` gives anything that `before` did not.
pub(super) fn widens(before: &Roles, after: &Roles) -> bool {
    after.iter().any(|(role, until)| before.get(role).is_none_or(|earlier| earlier < until))
}

fn grantee(change: &Change) -> Option<GranteeId> {
    if let Effect::SetRoles { grantee, .. } = &change.effect { Some(grantee.id) } else { None }
}

/// A row as it will be when the changes so far are made.
#[derive(Default)]
struct Row {
    uid: Option<Uid>,
    revision: i64,
    versions: BTreeMap<GranteeId, i64>,
}

fn rows(observed: &Observed) -> BTreeMap<RelationshipKey, Row> {
    let rows = observed.relationships.values().flatten();
    rows.map(|row| {
        let versions =
            row.assignments.iter().map(|(id, assignment)| (*id, assignment.version)).collect();
        let uid = Some(row.uid.clone());
        (row.key.clone(), Row { uid, revision: row.revision, versions })
    })
    .collect()
}

impl Row {
    fn expects(&self, change: &Change) -> Precondition {
        if matches!(change.effect, Effect::Invite { .. }) {
            return Precondition { uid: None, revision: 0, version: 0 };
        }
        let version = grantee(change).and_then(|id| self.versions.get(&id)).copied().unwrap_or(0);
        Precondition { uid: self.uid.clone(), revision: self.revision, version }
    }

    fn advance(&mut self, effect: &Effect) {
        match effect {
            Effect::SetRoles { grantee, .. } => {
                *self.versions.entry(grantee.id).or_default() += 1;
                return;
            }
            Effect::Invite { uid, .. } | Effect::Claim { after: (_, uid), .. } => {
                self.uid = Some(uid.clone());
            }
            Effect::Authorise { .. }
            | Effect::Decline { .. }
            | Effect::Withdraw { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::Terminate { .. }
            | Effect::Expire { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetBoundary { .. } => {}
        }
        self.revision += 1;
    }
}

impl Approval {
    /// Whether a person must agree first.
    pub fn is_needed(self) -> bool {
        self != Self::NotNeeded
    }
}
