//! A plan told in access terms: who gains or loses which role, in which tenant, until when.
//!
//! Never: a group's name without its id.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{
    catalogue::Catalogue,
    change::{Cause, Change, Effect, Subject},
    ids::{GranteeId, RoleId, TenantId},
    state::{Grantee, Observed, Owner, RelationshipKey, Roles, Tenant},
};

/// What one grantee gains and loses in one customer's tenant, over all changes together.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessChange {
    /// Where.
    pub customer: Tenant,
    /// Whose people.
    pub partner: Tenant,
    /// Who.
    pub grantee: Grantee,
    /// The relationships it goes through.
    pub relationships: BTreeSet<EcoString>,
    /// Each role that is gained, lost, or held until another time.
    pub roles: Vec<RoleChange>,
    /// Actions that no role allowed before.
    pub actions_added: BTreeSet<&'static str>,
    /// Actions that no role allows afterwards.
    pub actions_removed: BTreeSet<&'static str>,
}

/// One role of an [`AccessChange`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleChange {
    /// The role.
    pub id: RoleId,
    /// Its name.
    pub name: String,
    /// Whether Microsoft labels it privileged; a role that the catalogue does not know counts as privileged.
    pub privileged: bool,
    /// Until when it is held before; absent if it is not.
    pub before: Option<Timestamp>,
    /// Until when it is held afterwards; absent if it is not.
    pub after: Option<Timestamp>,
}

/// Who holds something where: a group's id means something only within the tenant that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Holder {
    /// The customer's tenant.
    pub customer: TenantId,
    /// The partner's tenant.
    pub partner: TenantId,
    /// The group or user.
    pub grantee: GranteeId,
}

/// What the grantees of a plan hold in a customer's tenant before it, under every relationship that is known: whoever
/// holds a role under another one neither gains nor loses it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Besides(BTreeMap<Holder, BTreeMap<RelationshipKey, Roles>>);

impl Besides {
    /// The same after some changes.
    #[must_use]
    pub fn after<'a>(&self, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        let mut besides = self.clone();
        for change in changes {
            let Effect::SetRoles { grantee, after, .. } = &change.effect else { continue };
            let Some(row) = &change.subject.relationship else { continue };
            let Subject { customer, partner, .. } = &change.subject;
            let holder = Holder { customer: customer.id, partner: partner.id, grantee: grantee.id };
            besides.0.entry(holder).or_default().insert(row.clone(), after.roles.clone());
        }
        besides
    }

    /// The same without the relationships of which that is untrue.
    #[must_use]
    pub fn only(mut self, keep: impl Fn(&RelationshipKey) -> bool) -> Self {
        for rows in self.0.values_mut() {
            rows.retain(|row, _| keep(row));
        }
        self
    }
}

/// What each grantee that loses something to a successor will hold under it, by the owner of both.
pub type Successors = BTreeMap<(Owner, GranteeId), Roles>;

/// What remains under successors: as they are, or as changes that wait for nobody make them.
pub(super) fn successors(changes: &[Change], observed: &Observed) -> Successors {
    let mut successors = Successors::new();
    let mut replaced = BTreeMap::new();
    for change in changes.iter().filter(|change| change.cause == Cause::Replaced) {
        let Some((grantee, _, _)) = change.effect.roles_set() else { continue };
        let Some(row) = &change.subject.relationship else { continue };
        replaced.insert(row, &change.subject.owner);
        successors.insert((change.subject.owner.clone(), grantee.id), Roles::new());
    }
    if successors.is_empty() {
        return successors;
    }
    let mut remain = |owner: &Owner, grantee, roles| {
        if let Some(kept) = successors.get_mut(&(owner.clone(), grantee)) {
            keep(kept, roles);
        }
    };
    let mut touched = BTreeMap::new();
    for change in changes.iter().filter(|change| !change.approval.is_needed()) {
        let Some((grantee, _, after)) = change.effect.roles_set() else { continue };
        let Some(row) = &change.subject.relationship else { continue };
        if !replaced.contains_key(row) {
            touched.insert((row, grantee.id), (&change.subject.owner, &after.roles));
        }
    }
    for ((_, grantee), (owner, roles)) in &touched {
        remain(owner, *grantee, roles);
    }
    for rows in observed.relationships.values() {
        let Some(owner) = rows.iter().find_map(|row| replaced.get(&row.key)) else { continue };
        for row in rows.iter().filter(|row| !replaced.contains_key(&row.key)) {
            let left = row.assignments.iter();
            let left = left.filter(|(id, _)| !touched.contains_key(&(&row.key, **id)));
            left.for_each(|(id, assignment)| remain(owner, *id, &assignment.state.roles));
        }
    }
    successors
}

/// Adds what is held until later.
fn keep(kept: &mut Roles, roles: &Roles) {
    for (role, until) in roles {
        let end = kept.entry(*role).or_insert(*until);
        *end = (*end).max(*until);
    }
}

/// What the grantees of the changes hold now.
pub(super) fn besides(changes: &[Change], observed: &Observed) -> Besides {
    let sets = changes.iter().filter_map(|change| change.effect.roles_set());
    let grantees: BTreeSet<GranteeId> = sets.map(|(grantee, _, _)| grantee.id).collect();
    let mut besides = Besides::default();
    if grantees.is_empty() {
        return besides;
    }
    for row in observed.relationships.values().flatten() {
        let held = row.assignments.iter().filter(|(grantee, _)| grantees.contains(grantee));
        for (grantee, assignment) in held {
            let (customer, partner) = (row.invitation.customer, row.key.partner);
            let holder = Holder { customer, partner, grantee: *grantee };
            let live = assignment.state.roles.iter().filter(|(_, until)| **until > observed.now);
            let live = live.map(|(role, until)| (*role, *until)).collect();
            besides.0.entry(holder).or_default().insert(row.key.clone(), live);
        }
    }
    besides
}

/// What the changes mean for people, by customer, partner and grantee. Roles that only move from one relationship to its
/// successor are not listed, nor those that are held under another one; `besides` is what is held before the changes.
pub fn access_changes<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    besides: &Besides,
) -> Vec<AccessChange> {
    let mut people: BTreeMap<Holder, Person<'a>> = BTreeMap::new();
    for change in changes {
        let Effect::SetRoles { grantee, before, after } = &change.effect else { continue };
        let Some(row) = &change.subject.relationship else { continue };
        let Subject { customer, partner, .. } = &change.subject;
        let who = Holder { customer: customer.id, partner: partner.id, grantee: grantee.id };
        let person = people.entry(who).or_insert_with(|| Person {
            customer,
            partner,
            grantee,
            rows: BTreeMap::new(),
        });
        person
            .rows
            .entry(row)
            .and_modify(|roles| roles.1 = &after.roles)
            .or_insert((&before.roles, &after.roles));
    }
    let told = people.into_iter().map(|(holder, person)| {
        let held = besides.0.get(&holder).into_iter().flatten();
        let others = held.filter(|(row, _)| !person.rows.contains_key(row));
        let others = latest(others.map(|(_, roles)| roles));
        person.tell(&others)
    });
    told.filter(|change| !change.roles.is_empty()).collect()
}

/// What one grantee holds before and after, by row.
struct Person<'a> {
    customer: &'a Tenant,
    partner: &'a Tenant,
    grantee: &'a Grantee,
    rows: BTreeMap<&'a RelationshipKey, (&'a Roles, &'a Roles)>,
}

impl Person<'_> {
    fn tell(self, besides: &Roles) -> AccessChange {
        let before = latest(self.rows.values().map(|(before, _)| *before).chain([besides]));
        let after = latest(self.rows.values().map(|(_, after)| *after).chain([besides]));
        let catalogue = Catalogue::compiled();
        let ids: BTreeSet<RoleId> = before.keys().chain(after.keys()).copied().collect();
        let mut roles: Vec<RoleChange> = ids
            .into_iter()
            .map(|id| RoleChange {
                id,
                name: catalogue.name_of(id),
                privileged: catalogue.is_privileged(id),
                before: before.get(&id).copied(),
                after: after.get(&id).copied(),
            })
            .filter(|role| role.before != role.after)
            .collect();
        roles.sort_by(|a, b| a.name.cmp(&b.name));
        let allowed_before = catalogue.actions_of(before.keys().copied());
        let allowed_after = catalogue.actions_of(after.keys().copied());
        AccessChange {
            customer: self.customer.clone(),
            partner: self.partner.clone(),
            grantee: self.grantee.clone(),
            relationships: self.rows.keys().map(|row| row.name.clone()).collect(),
            roles,
            actions_added: allowed_after.difference(&allowed_before).copied().collect(),
            actions_removed: allowed_before.difference(&allowed_after).copied().collect(),
        }
    }
}

/// For each role the latest end of several rows.
fn latest<'a>(rows: impl Iterator<Item = &'a Roles>) -> Roles {
    let mut latest = Roles::new();
    rows.for_each(|roles| keep(&mut latest, roles));
    latest
}
