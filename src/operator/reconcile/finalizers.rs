//! Finalizers, and approvals that were read: what is to be changed of an object's metadata.
//!
//! Never: a finalizer taken off while something of the object is still to be taken away.

use std::collections::BTreeSet;

use super::{converge::Run, outcome::MetadataPatch, report::Sources};
use crate::{
    api::PartnerRelationshipSpec,
    domain::{
        ids::{Kind, ObjectKey},
        lifecycle::Phase,
        state::{ObjectName, Uid},
        status::RelationshipFacts,
    },
    operator::index::{APPROVE, FINALIZER, Indexed},
};

/// What a finalizer is to be.
#[derive(Clone, Copy)]
pub(super) enum FinalizerGoal {
    On,
    Off,
    AsIs,
}

impl FinalizerGoal {
    /// Of an object that stays, which needs one that is not there, or has one that nothing needs.
    pub fn for_live(
        name: &ObjectName,
        needed: &BTreeSet<ObjectName>,
        needless: &BTreeSet<ObjectName>,
    ) -> Self {
        match (needed.contains(name), needless.contains(name)) {
            (true, _) => Self::On,
            (_, true) => Self::Off,
            (_, _) => Self::AsIs,
        }
    }

    /// The finalizers of an object that has these now. It may have got ours since somebody asked for it: what is
    /// asked for was worked out before the round's effects, and what is there is looked up after them.
    fn applied_to(self, finalizers: &[String]) -> Vec<String> {
        let mut finalizers = finalizers.to_vec();
        match self {
            Self::On if finalizers.iter().any(|finalizer| finalizer == FINALIZER) => {}
            Self::On => finalizers.push(FINALIZER.to_owned()),
            Self::Off => finalizers.retain(|finalizer| finalizer != FINALIZER),
            Self::AsIs => {}
        }
        finalizers
    }

    /// Of an object that goes.
    pub fn when_released(free: bool) -> Self {
        if free { Self::Off } else { Self::AsIs }
    }
}

/// Whether nothing of a relationship that goes is left to be done. What counts is what was judged: a plan for an object
/// that was to stay says nothing of one whose deletion came while the round was carried out.
pub(super) fn is_over(
    run: &Run,
    facts: &RelationshipFacts<'_>,
    seen: &Indexed<PartnerRelationshipSpec>,
) -> bool {
    let live = facts.rows.iter().any(|row| {
        row.owner.object == *facts.object
            && row.uid == seen.object.uid
            && row.lifecycle.phase() != Phase::Ended
    });
    let kind = Kind::PartnerRelationship;
    let planned = run.validated.desired.is_leaving(kind, facts.object, &seen.object.uid);
    !live || (planned && facts.hold.is_none() && facts.left.is_empty() && facts.refused.is_empty())
}

/// The very grants that something in the store still comes from.
pub(super) fn giving(run: &Run) -> BTreeSet<(&ObjectName, &Uid)> {
    let rows = run.observed.relationships.values().flatten();
    rows.filter(|row| row.lifecycle.phase() == Phase::Active)
        .flat_map(|row| row.assignments.values())
        .flat_map(|assignment| &assignment.state.contributions)
        .map(|(grant, given)| (grant, &given.uid))
        .collect()
}

/// What is to be changed of an object's metadata.
pub(super) fn mark_of<S>(
    seen: &Indexed<S>,
    object: &ObjectKey,
    sources: &Sources<'_>,
    wanted: FinalizerGoal,
) -> Option<MetadataPatch> {
    let finalizers = wanted.applied_to(&seen.finalizers);
    let read = sources.run.approvals.iter().any(|approval| approval.object == *object);
    let drops_approval = read && seen.annotation(APPROVE).is_some();
    (finalizers != seen.finalizers || drops_approval).then(|| MetadataPatch {
        object: object.clone(),
        uid: seen.object.uid.clone(),
        version: seen.version.clone(),
        is_last: seen.is_leaving() && finalizers.is_empty(),
        finalizers,
        drops_approval,
    })
}

#[cfg(test)]
mod tests {
    use super::{FINALIZER, FinalizerGoal};

    #[test]
    fn a_finalizer_that_came_meanwhile_is_not_added_once_more() {
        let with_ours = ["others".to_owned(), FINALIZER.to_owned()];
        let without = ["others".to_owned()];
        assert_eq!(FinalizerGoal::On.applied_to(&with_ours), with_ours);
        assert_eq!(FinalizerGoal::On.applied_to(&without), with_ours);
        assert_eq!(FinalizerGoal::Off.applied_to(&with_ours), without);
        assert_eq!(FinalizerGoal::AsIs.applied_to(&with_ours), with_ours);
    }
}
