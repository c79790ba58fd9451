//! What an instance owns and nobody declares: who holds what until when, and how to end it.
//!
//! Never: silence about a relationship because its file, its name or its whole namespace is gone.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{GoesOn, GrantNotice, Holding, Notice, OrphanWayOut, Plan, UndeclaredNotice, WayOut};
use crate::{
    api::{GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy},
    domain::{
        change::{Change, Effect},
        ids::{GranteeId, RoleId},
        lifecycle::Phase,
        state::{
            Absence, Assignment, Beside, Desired, Grantee, Instance, ObjectName, Observed,
            ObservedRelationship, RelationshipKey, Tenant,
        },
    },
};

/// Relationships of one namespace, and grantees of one relationship, that are told by name.
const RELATIONSHIPS: usize = 50;
const GRANTEES: usize = 10;

/// Adds to a plan what `instance` owns and the input does not declare: of what was observed whatever the plan leaves, and
/// what the store holds beside it.
pub fn tell_undeclared(
    desired: &Desired,
    observed: &Observed,
    beside: &Beside,
    instance: &Instance,
    plan: &mut Plan,
) {
    let left = Left::after(&plan.changes, observed.now);
    let mut notices = orphans(desired, observed, instance, plan, &left);
    let mut rows: Vec<&ObservedRelationship> = beside.rows.iter().collect();
    let mut owned = beside.owned.clone();
    for (_, family) in
        observed.relationships.iter().filter(|(key, _)| !desired.relationships.contains_key(*key))
    {
        let own =
            |row: &&ObservedRelationship| row.owner.instance == *instance && left.goes_on(row);
        for row in family.iter().filter(own) {
            *owned.entry(row.owner.object.namespace.clone()).or_default() += 1;
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| (&row.owner.object.namespace, &row.key));
    let mut by_namespace: BTreeMap<&EcoString, Vec<&ObservedRelationship>> = BTreeMap::new();
    for row in rows {
        by_namespace.entry(&row.owner.object.namespace).or_default().push(row);
    }
    let declared = if owned.is_empty() { Names::new() } else { names(desired) };
    let mut untold = BTreeMap::new();
    for (namespace, number) in &owned {
        let rows = by_namespace.remove(namespace).unwrap_or_default();
        if desired.namespaces.contains(namespace) {
            let told = rows.iter().take(RELATIONSHIPS);
            let notice = |row: &&ObservedRelationship| {
                one(row, declared.get(&row.owner.object).copied(), desired.absence, &left)
            };
            notices.extend(told.map(notice));
            let rest = number - rows.len().min(RELATIONSHIPS);
            if rest > 0 {
                let told = UndeclaredNotice::More(namespace.clone(), rest);
                notices.push(Notice::Undeclared(told));
            }
        } else if rows.is_empty() {
            untold.insert(namespace.clone(), *number);
        } else {
            notices.push(Notice::Undeclared(UndeclaredNotice::Namespace {
                namespace: namespace.clone(),
                rows: rows.iter().map(|row| goes_on(row, &left.held(row), &left)).collect(),
                number: *number,
            }));
        }
    }
    if !untold.is_empty() {
        notices.push(Notice::Undeclared(UndeclaredNotice::Namespaces(untold)));
    }
    plan.notices.append(&mut notices);
}

/// The name in the store that each object declares.
type Names<'a> = BTreeMap<&'a ObjectName, &'a EcoString>;

fn names(desired: &Desired) -> Names<'_> {
    desired.relationships.iter().map(|(key, declared)| (&declared.object, &key.name)).collect()
}

/// What is left of rows once a plan is carried out.
struct Left<'a> {
    now: Timestamp,
    over: BTreeSet<&'a RelationshipKey>,
    held: BTreeMap<(&'a RelationshipKey, GranteeId), &'a Assignment>,
}

impl<'a> Left<'a> {
    fn after(changes: &'a [Change], now: Timestamp) -> Self {
        let mut left = Self { now, over: BTreeSet::new(), held: BTreeMap::new() };
        for change in changes {
            let Some(row) = &change.subject.relationship else { continue };
            if let Some((grantee, _, after)) = change.effect.roles_set() {
                left.held.insert((row, grantee.id), after);
            } else if matches!(
                change.effect,
                Effect::Withdraw { .. } | Effect::Terminate { .. } | Effect::Expire { .. }
            ) {
                left.over.insert(row);
            }
        }
        left
    }

    /// Whether a row is not over then.
    fn goes_on(&self, row: &ObservedRelationship) -> bool {
        !row.is_over(self.now) && !self.over.contains(&row.key)
    }

    /// What each grantee holds under a row then.
    fn held<'b>(&'b self, row: &'b ObservedRelationship) -> Vec<(&'b Grantee, &'b Assignment)> {
        let all = row.assignments.iter().map(|(id, assignment)| {
            let state = self.held.get(&(&row.key, *id)).copied().unwrap_or(&assignment.state);
            (&assignment.grantee, state)
        });
        all.filter(|(_, state)| state.roles.values().any(|until| *until > self.now)).collect()
    }
}

/// Grants that are gone and are not told by the plan of their relationship, which is held, observed or invalid.
fn orphans(
    desired: &Desired,
    observed: &Observed,
    instance: &Instance,
    plan: &Plan,
    left: &Left<'_>,
) -> Vec<Notice> {
    let orphan = |notice: &Notice| {
        let Notice::Grant(object, GrantNotice::Orphaned { .. }) = notice else { return None };
        Some(object.clone())
    };
    let mut told: BTreeSet<ObjectName> = plan.notices.iter().filter_map(orphan).collect();
    let mut notices = Vec::new();
    for key in desired.relationships.keys() {
        let rows = observed.relationships.get(key).into_iter().flatten();
        for row in rows.filter(|row| row.owner.instance == *instance && left.goes_on(row)) {
            for (grantee, state) in left.held(row) {
                for (object, given) in &state.contributions {
                    if desired.grant_objects.contains_key(object) || !told.insert(object.clone()) {
                        continue;
                    }
                    let orphaned = GrantNotice::Orphaned {
                        grantee: grantee.id,
                        name: grantee.name.clone(),
                        roles: given.roles.clone(),
                        until: given.window.not_after,
                        ends_at: row.ends_at,
                        way_out: OrphanWayOut::NotWhileHeld,
                    };
                    notices.push(Notice::Grant(object.clone(), orphaned));
                }
            }
        }
    }
    notices
}

/// One relationship of a namespace that the input speaks for.
fn one(
    row: &ObservedRelationship,
    renamed: Option<&EcoString>,
    absence: Absence,
    left: &Left<'_>,
) -> Notice {
    let held = left.held(row);
    Notice::Undeclared(UndeclaredNotice::Relationship {
        object: row.owner.object.clone(),
        goes_on: Box::new(goes_on(row, &held, left)),
        renamed: renamed.cloned(),
        way_out: way_out(row, &held, absence),
    })
}

/// A row, and who holds what under it until when.
fn goes_on(
    row: &ObservedRelationship,
    held: &[(&Grantee, &Assignment)],
    left: &Left<'_>,
) -> GoesOn {
    let holding = |(grantee, state): &(&Grantee, &Assignment)| {
        let mut roles: BTreeMap<Timestamp, BTreeSet<RoleId>> = BTreeMap::new();
        for (role, until) in state.roles.iter().filter(|(_, until)| **until > left.now) {
            let until = row.ends_at.map_or(*until, |end| end.min(*until));
            roles.entry(until).or_default().insert(*role);
        }
        Holding { grantee: grantee.id, name: grantee.name.clone(), roles }
    };
    GoesOn {
        row: row.key.clone(),
        customer: Tenant { id: row.invitation.customer, name: row.customer_name.clone() },
        lifecycle: row.lifecycle.clone(),
        ends_at: row.ends_at,
        holders: held.iter().take(GRANTEES).map(holding).collect(),
        more: held.len().saturating_sub(GRANTEES),
    }
}

fn way_out(
    row: &ObservedRelationship,
    held: &[(&Grantee, &Assignment)],
    absence: Absence,
) -> WayOut {
    let retained = held.iter().any(|(_, state)| {
        state.contributions.values().any(|given| given.deletion == GrantDeletionPolicy::Retain)
    });
    match (row.policies.management, row.policies.deletion) {
        (ManagementPolicy::Observe, _) => WayOut::Manage,
        (ManagementPolicy::Manage, RelationshipDeletionPolicy::Retain) => WayOut::Terminate,
        (ManagementPolicy::Manage, RelationshipDeletionPolicy::Revoke)
            if absence == Absence::Prune || retained || held.is_empty() =>
        {
            if row.lifecycle.phase() == Phase::Pending && absence == Absence::Keep {
                WayOut::Prune
            } else {
                WayOut::Terminate
            }
        }
        (ManagementPolicy::Manage, _) => WayOut::Prune,
    }
}
