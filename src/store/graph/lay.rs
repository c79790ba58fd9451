//! Lays what is on its way over what the book and the service have: it is planned from as if it were made.
//!
//! Never: what is on its way as something that is in force.

use crate::{
    domain::{
        change::Effect,
        errand::{Errand, Errands},
        lifecycle::Lifecycle,
        relationship::effect,
        state::{AtService, Flight, Observed, ObservedAssignment, ObservedRelationship},
    },
    store::Scope,
};

/// Lays open errands over what was observed of a scope.
pub(super) fn lay(observed: &mut Observed, errands: &Errands, scope: &Scope) {
    if let Some(service) = &mut observed.service {
        service.underway = errands.open().count();
    }
    for errand in errands.open() {
        if errand.change.effect.makes_row().is_some() {
            invited(observed, errand, scope);
        } else if let Some(row) = row_of(observed, errand) {
            made(row, errand);
        }
    }
}

fn row_of<'a>(observed: &'a mut Observed, errand: &Errand) -> Option<&'a mut ObservedRelationship> {
    let key = errand.change.subject.relationship.as_ref()?;
    // Most rows are the first of their name.
    let is_it = |row: &&mut ObservedRelationship| row.key == *key;
    let rows = &mut observed.relationships;
    if rows.get(key).is_some_and(|rows| rows.iter().any(|row| row.key == *key)) {
        return rows.get_mut(key)?.iter_mut().find(is_it);
    }
    rows.values_mut().flatten().find(is_it)
}

/// The row of an invitation that is on its way. Where nobody knows yet whether it is made, nothing is planned for it.
fn invited(observed: &mut Observed, errand: &Errand, scope: &Scope) {
    let Some((first, _, _)) = errand.change.effect.makes_row() else { return };
    let is_asked_for = match scope {
        Scope::All => true,
        Scope::Of { keys, owned, .. } => {
            let owner = &errand.change.subject.owner;
            let is_owned = owned.as_ref().is_some_and(|(instance, namespaces)| {
                *instance == owner.instance && namespaces.contains(&owner.object.namespace)
            });
            is_owned || keys.contains(first) || observed.relationships.contains_key(first)
        }
    };
    let Some(service) = &mut observed.service else { return };
    let Some(id) = &errand.at else {
        if is_asked_for {
            let reason = "an invitation was sent for it and no answer came: nobody knows yet whether it is made";
            service.unread.insert(first.clone(), reason.to_owned());
        }
        return;
    };
    service.unclaimed.remove(id);
    if !is_asked_for {
        return;
    }
    let change = &errand.change;
    let Some(row) = effect::made(&change.subject, &change.effect, errand.sent_at) else { return };
    service.claimed.insert(id.clone(), row.key.clone());
    let at = Some(AtService { id: id.clone(), host: service.host });
    let rows = observed.relationships.entry(first.clone()).or_default();
    rows.push(ObservedRelationship { at, ..row });
}

/// A row as what is on its way makes it.
fn made(row: &mut ObservedRelationship, errand: &Errand) {
    let Effect::SetRoles { grantee, before: _, after } = &errand.change.effect else {
        if let Effect::Terminate { .. } = &errand.change.effect {
            row.lifecycle = Lifecycle::TerminationRequested;
        } else {
            effect::make(row, &errand.change.effect, errand.sent_at);
        }
        if let Some(moved) = &mut row.moved {
            moved.stands = None;
            moved.auto_extend = None;
        }
        return;
    };
    // What goes whole is held until it is gone, and needs nothing more.
    if after.roles.is_empty() {
        if let Some(held) = row.assignments.get_mut(&grantee.id) {
            held.flight = Flight::Leaving;
        }
        return;
    }
    let flight = Flight::Arriving;
    let version = errand.change.expects.version + 1;
    let (grantee, state) = (grantee.clone(), after.clone());
    if let Some(moved) = &mut row.moved {
        moved.believed.remove(&grantee.id);
    }
    row.assignments.insert(grantee.id, ObservedAssignment { grantee, version, state, flight });
}

/// What may be held besides, since it was sent and is not known to have failed.
pub(super) fn may_be_held(observed: &mut Observed, errands: &Errands) {
    for errand in errands.open() {
        let Effect::SetRoles { grantee, before: _, after } = &errand.change.effect else {
            continue;
        };
        let Some(row) = row_of(observed, errand) else { continue };
        let nothing = || ObservedAssignment {
            grantee: grantee.clone(),
            version: 0,
            state: crate::domain::state::Assignment::default(),
            flight: Flight::Arriving,
        };
        let held = row.assignments.entry(grantee.id).or_insert_with(nothing);
        for (role, until) in &after.roles {
            let known = held.state.roles.get(role).is_some_and(|known| known >= until);
            if !known {
                held.state.roles.insert(*role, *until);
            }
        }
    }
}
