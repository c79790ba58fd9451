//! Finalizers, and approvals that were read: what is to be changed of an object's metadata.
//!
//! Never: a finalizer taken off while something of the object is still to be taken away.

use super::{outcome::Mark, report::Sources, run::Run};
use crate::{
    api::{GrantDeletionPolicy, PartnerRelationshipSpec, PartnerRelationshipStatus},
    domain::{
        ids::ObjectKey,
        lifecycle::Phase,
        state::{ObjectName, Standing},
        status::RelationshipFacts,
    },
    operator::world::{APPROVE, FINALIZER, Seen},
};

/// What a finalizer is to be.
pub(super) enum Wanted {
    On,
    Off,
    AsIs,
}

/// Whether nothing of a relationship that goes is left to be done.
pub(super) fn is_over(
    facts: &RelationshipFacts<'_>,
    seen: &Seen<PartnerRelationshipSpec, PartnerRelationshipStatus>,
) -> bool {
    let live = facts.rows.iter().any(|row| {
        row.owner.object == *facts.object
            && row.uid == seen.object.uid
            && row.lifecycle.phase() != Phase::Ended
    });
    let planned = match facts.wish {
        Some(wish) => wish.standing == Standing::Deleted,
        None => !seen.object.spec.suspend,
    };
    !live || (planned && facts.hold.is_none() && facts.left.is_empty() && facts.refused.is_empty())
}

/// Whether something in the store still comes from this very grant, and would go with it.
pub(super) fn gives(run: &Run, grant: &ObjectName, uid: &str) -> bool {
    let live = run
        .observed
        .relationships
        .values()
        .flatten()
        .filter(|row| row.lifecycle.phase() == Phase::Active);
    live.flat_map(|row| row.assignments.values()).any(|assignment| {
        let given = assignment.state.contributions.get(grant);
        given.is_some_and(|given| {
            given.uid.0 == uid && given.deletion == GrantDeletionPolicy::Revoke
        })
    })
}

/// What is to be changed of an object's metadata.
pub(super) fn mark_of<S, T>(
    seen: &Seen<S, T>,
    object: &ObjectKey,
    sources: &Sources<'_>,
    wanted: impl Fn(&[String]) -> Wanted,
) -> Option<Mark> {
    let mut finalizers = seen.finalizers.clone();
    match wanted(&finalizers) {
        Wanted::On => finalizers.push(FINALIZER.to_owned()),
        Wanted::Off => finalizers.retain(|finalizer| finalizer != FINALIZER),
        Wanted::AsIs => {}
    }
    let read = sources.run.approvals.iter().any(|approval| approval.object == *object);
    let drops_approval = read && seen.annotation(APPROVE).is_some();
    (finalizers != seen.finalizers || drops_approval).then(|| Mark {
        object: object.clone(),
        uid: seen.object.uid.clone(),
        version: seen.version.clone(),
        is_last: seen.is_leaving() && finalizers.is_empty(),
        finalizers,
        drops_approval,
    })
}
