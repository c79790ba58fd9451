//! A plan told in access terms: who gains or loses which role, in which tenant, until when.
//!
//! Never: a group's name without its id.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::Serialize;

use super::{Cause, Change, Effect};
use crate::domain::{
    catalogue::Catalogue,
    ids::{GranteeId, RoleId, TenantId},
    state::{Grantee, Observed, RelationshipKey, Roles, Tenant},
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

/// What grantees hold in a customer's tenant under relationships that a plan leaves alone.
pub type Besides = BTreeMap<(TenantId, GranteeId), Roles>;

/// What the grantees that lose something to a successor hold under rows that the changes leave alone: a plan that goes
/// on with an interrupted replacement takes nothing from them.
pub(super) fn besides(changes: &[Change], observed: &Observed) -> Besides {
    let touched: BTreeSet<(&RelationshipKey, GranteeId)> = changes
        .iter()
        .filter_map(|change| {
            let (grantee, _, _) = change.effect.roles_set()?;
            Some((change.subject.relationship.as_ref()?, grantee.id))
        })
        .collect();
    let grantees: BTreeSet<GranteeId> = touched.iter().map(|(_, grantee)| *grantee).collect();
    let mut besides = Besides::new();
    let replaced = changes.iter().any(|change| change.cause == Cause::Replaced);
    for row in observed.relationships.values().flatten().filter(|_| replaced) {
        let held = row.assignments.iter().filter(|(grantee, _)| {
            grantees.contains(grantee) && !touched.contains(&(&row.key, **grantee))
        });
        for (grantee, assignment) in held {
            let roles = besides.entry((row.invitation.customer, *grantee)).or_default();
            let live = assignment.state.roles.iter().filter(|(_, until)| **until > observed.now);
            for (role, until) in live {
                let end = roles.entry(*role).or_insert(*until);
                *end = (*end).max(*until);
            }
        }
    }
    besides
}

/// What the changes mean for people, by customer and grantee. Roles that only move from one relationship to its
/// successor are not listed; `besides` is what is held under relationships that the plan leaves alone.
pub fn access_changes<'a>(
    changes: impl IntoIterator<Item = &'a Change>,
    besides: &Besides,
) -> Vec<AccessChange> {
    let mut people: BTreeMap<(Tenant, GranteeId), Person<'a>> = BTreeMap::new();
    for change in changes {
        let Effect::SetRoles { grantee, before, after } = &change.effect else { continue };
        let Some(row) = &change.subject.relationship else { continue };
        let who = (change.subject.customer.clone(), grantee.id);
        let person = people.entry(who).or_insert_with(|| Person {
            partner: &change.subject.partner,
            grantee,
            rows: BTreeMap::new(),
        });
        person
            .rows
            .entry(row)
            .and_modify(|roles| roles.1 = &after.roles)
            .or_insert((&before.roles, &after.roles));
    }
    let nothing = Roles::new();
    let told = people.into_iter().map(|((customer, grantee), person)| {
        let besides = besides.get(&(customer.id, grantee)).unwrap_or(&nothing);
        person.tell(customer, besides)
    });
    told.filter(|change| !change.roles.is_empty()).collect()
}

/// What one grantee holds before and after, by row.
struct Person<'a> {
    partner: &'a Tenant,
    grantee: &'a Grantee,
    rows: BTreeMap<&'a RelationshipKey, (&'a Roles, &'a Roles)>,
}

impl Person<'_> {
    fn tell(self, customer: Tenant, besides: &Roles) -> AccessChange {
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
            customer,
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
    for (role, until) in rows.flatten() {
        let end = latest.entry(*role).or_insert(*until);
        *end = (*end).max(*until);
    }
    latest
}
