//! What a round leaves alone: namespaces without a boundary, objects whose finalizer is not written yet, and endings
//! that cannot be undone until they have settled.
//!
//! Never: holds back expiry.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

use super::row_index::RowIndex;
use crate::{
    domain::{
        change::{Cause, Effect},
        ids::{Kind, ObjectKey},
        limits::Admitted,
        plan::Plan,
        problem::{Problem, Severity},
        state::{Desired, ObjectName, RelationshipKey, Standing},
    },
    operator::index::key,
};

/// The namespaces that a boundary without problems admits. Two boundaries for one namespace admit it to nothing.
pub fn admitted(desired: &Desired, problems: &[Problem]) -> BTreeSet<EcoString> {
    let broken: BTreeSet<&ObjectKey> = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error)
        .filter_map(|problem| problem.object.as_ref())
        .filter(|object| object.kind == Kind::PartnerBoundary)
        .collect();
    let sound = desired.boundaries.iter().filter(|(name, _)| {
        let name = ObjectName { namespace: EcoString::new(), name: (*name).into() };
        !broken.contains(&key(Kind::PartnerBoundary, &name))
    });
    sound.flat_map(|(_, boundary)| boundary.namespaces.iter().cloned()).collect()
}

/// Leaves everything outside `admitted` as it is recorded, and gives the namespaces that are left alone.
pub fn outside(desired: &mut Desired, admitted: &BTreeSet<EcoString>) -> BTreeSet<EcoString> {
    let is_out = |namespace: &EcoString| !admitted.contains(namespace);
    for declared in desired.relationships.values_mut() {
        if is_out(&declared.object.namespace) {
            declared.standing = Standing::Invalid;
        }
    }
    for (object, said) in &mut desired.grant_objects {
        if is_out(&object.namespace) {
            said.standing = Standing::Invalid;
        }
    }
    desired.leaving.retain(|object, _| !is_out(&object.namespace));
    desired.acceptances.retain(|acceptance| !is_out(&acceptance.object.namespace));
    desired.namespaces.iter().filter(|namespace| is_out(namespace)).cloned().collect()
}

/// Leaves what these objects ask for as it is recorded, until their finalizers stand.
pub fn until_held(
    desired: &mut Desired,
    relationships: &BTreeSet<ObjectName>,
    grants: &BTreeSet<ObjectName>,
) {
    let held = |standing| if standing == Standing::Live { Standing::Invalid } else { standing };
    for declared in desired.relationships.values_mut() {
        if relationships.contains(&declared.object) {
            declared.standing = held(declared.standing);
        }
    }
    desired.stand_grants(
        |object, standing| {
            if grants.contains(object) { held(standing) } else { standing }
        },
    );
}

/// The relationships that wait because they would be terminated, each until when.
///
/// A termination cannot be undone: it waits for a while, and what is pending for one partner by then is judged together.
pub fn settling(
    plan: &Plan,
    first_keys: &BTreeMap<RelationshipKey, RelationshipKey>,
    settles_for: SignedDuration,
    row_index: &mut RowIndex,
) -> BTreeMap<RelationshipKey, Timestamp> {
    let mut pending = BTreeMap::new();
    for change in &plan.changes {
        let ends =
            matches!(change.effect, Effect::Terminate { .. }) && change.cause == Cause::Deleted;
        let Some(row) = change.subject.relationship.as_ref().filter(|_| ends) else { continue };
        let first = first_keys.get(row).unwrap_or(row);
        let until = row_index.settling_since(first, plan.now).saturating_add(settles_for);
        pending.insert(first.clone(), until.unwrap_or(plan.now));
    }
    for first in first_keys.values() {
        if !pending.contains_key(first) {
            row_index.settled(first);
        }
    }
    pending.retain(|_, until| *until > plan.now);
    pending
}

/// What may run now: everything but changes of relationships that settle. Expiry never waits.
pub fn ready(
    run: Vec<Admitted>,
    first_keys: &BTreeMap<RelationshipKey, RelationshipKey>,
    settling: &BTreeMap<RelationshipKey, Timestamp>,
) -> Vec<Admitted> {
    let waits = |admitted: &Admitted| {
        let row = admitted.change.subject.relationship.as_ref();
        let first = row.map(|row| first_keys.get(row).unwrap_or(row));
        admitted.change.cause != Cause::Expired
            && first.is_some_and(|first| settling.contains_key(first))
    };
    run.into_iter().filter(|admitted| !waits(admitted)).collect()
}
