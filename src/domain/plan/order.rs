//! The order of changes, and what each expects of the store given those before it.
//!
//! Never: gives before it takes away, except where a successor must be complete before its predecessor goes.

use std::collections::BTreeMap;

use super::proposed::Proposed;
use crate::domain::{
    change::{Cause, Change, Effect, Precondition, widens},
    ids::GranteeId,
    relationship::effect,
    state::{Observed, ObservedAssignment, ObservedRelationship, RelationshipKey, Uid},
};

/// The changes in their order, each with what it expects.
pub(super) fn in_order(mut proposed: Vec<Proposed>, observed: &Observed) -> Vec<Change> {
    proposed.sort_by_cached_key(|change| {
        let Proposed { subject, effect, cause: _, approval } = change;
        (rank(change), subject.relationship.clone(), grantee(effect), *approval)
    });
    let stored = observed.relationships.values().flatten();
    let stored: BTreeMap<_, _> = stored.map(|row| (&row.key, row)).collect();
    let mut touched = BTreeMap::new();
    let in_place = |change| {
        let expects = expects(&change, observed, &stored, &mut touched);
        let Proposed { subject, effect, cause, approval } = change;
        Change { subject, effect, cause, approval, expects }
    };
    proposed.into_iter().map(in_place).collect()
}

/// What goes first is least (docs/concepts.md, Planning, invariant 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// A row is claimed, or made of what stands at the service, before anything is done with it. A first boundary is there before anything that it admits, so
    /// that an interrupted run can be finished.
    Claimed,
    AccessOver,
    RelationshipOver,
    AccessTaken,
    InvitationClosed,
    Noted,
    Invited,
    Answered,
    AccessGiven,
    /// A ceiling shrinks once nobody holds more.
    CeilingLowered,
    /// What a predecessor gives is taken once its successor gives it.
    AccessMoved,
    Ended,
    /// What was planned under an earlier boundary is made before another is remembered.
    BoundaryReplaced,
}

/// What a person must approve comes after what it builds on, also where it takes away.
fn rank(change: &Proposed) -> Rank {
    match (&change.effect, change.cause) {
        // What a service has extended is taken over with that.
        (
            Effect::Claim { .. }
            | Effect::Adopt { .. }
            | Effect::Recognise { .. }
            | Effect::SetBoundary { before: None, .. },
            _,
        )
        | (Effect::SetRoles { .. }, Cause::Renewal) => Rank::Claimed,
        (Effect::SetRoles { .. }, Cause::Expired) => Rank::AccessOver,
        (Effect::Expire { .. }, _) => Rank::RelationshipOver,
        (Effect::SetRoles { .. }, Cause::Replaced) => Rank::AccessMoved,
        (Effect::SetRoles { before, after, .. }, _) => {
            if change.approval.is_needed() || widens(&before.roles, &after.roles) {
                Rank::AccessGiven
            } else {
                Rank::AccessTaken
            }
        }
        (Effect::Withdraw { .. } | Effect::Decline { .. }, _) => Rank::InvitationClosed,
        (Effect::SetPolicies { .. } | Effect::Rename { .. } | Effect::Extend { .. }, _) => {
            Rank::Noted
        }
        (Effect::Invite { .. }, _) => Rank::Invited,
        (Effect::Authorise { .. } | Effect::RecordAcceptance { .. }, _) => Rank::Answered,
        (Effect::DropGlobalAdministrator { .. } | Effect::SetAutoExtend { .. }, _) => {
            Rank::CeilingLowered
        }
        (Effect::Terminate { .. }, _) => Rank::Ended,
        (Effect::SetBoundary { before: Some(_), .. }, _) => Rank::BoundaryReplaced,
    }
}

fn grantee(effect: &Effect) -> Option<GranteeId> {
    effect.roles_set().map(|(grantee, _, _)| grantee.id)
}

/// What of a row changes expect, when those before them are made.
struct Row {
    uid: Uid,
    revision: i64,
    versions: BTreeMap<GranteeId, i64>,
}

impl Row {
    fn of(row: &ObservedRelationship) -> Self {
        let version =
            |(id, assignment): (&GranteeId, &ObservedAssignment)| (*id, assignment.version);
        let versions = row.assignments.iter().map(version).collect();
        Self { uid: row.uid.clone(), revision: row.revision, versions }
    }

    fn advance(&mut self, effect: &Effect) {
        if let Some(grantee) = grantee(effect) {
            *self.versions.entry(grantee).or_default() += 1;
        }
        if let Effect::Claim { after: (_, uid), .. } = effect {
            self.uid = uid.clone();
        }
        self.revision += i64::from(effect::is_revision(effect));
    }
}

/// What a change expects to find. `touched` holds the rows as the changes before it leave them.
fn expects(
    change: &Proposed,
    observed: &Observed,
    stored: &BTreeMap<&RelationshipKey, &ObservedRelationship>,
    touched: &mut BTreeMap<RelationshipKey, Row>,
) -> Precondition {
    let nothing = Precondition { uid: None, revision: 0, version: 0 };
    let Proposed { subject, effect, .. } = change;
    if let Effect::SetBoundary { namespace, .. } = effect {
        let known = observed.boundaries.get(&(subject.owner.instance.clone(), namespace.clone()));
        let revision = known.map_or(0, |known| known.revision);
        return Precondition { revision, ..nothing };
    }
    let Some(key) = &subject.relationship else { return nothing };
    if let Some((_, _, uid)) = effect.makes_row() {
        let row = Row { uid: uid.clone(), revision: 1, versions: BTreeMap::new() };
        touched.insert(key.clone(), row);
        return nothing;
    }
    if !touched.contains_key(key) {
        let Some(row) = stored.get(key) else { return nothing };
        touched.insert(key.clone(), Row::of(row));
    }
    let Some(row) = touched.get_mut(key) else { return nothing };
    let version = grantee(effect).and_then(|id| row.versions.get(&id)).copied().unwrap_or(0);
    let expects = Precondition { uid: Some(row.uid.clone()), revision: row.revision, version };
    row.advance(effect);
    expects
}
