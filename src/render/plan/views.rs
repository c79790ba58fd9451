//! The parts of a plan's and a report's documents.
//!
//! Never: a field renamed or dropped without another `formatVersion`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Tense,
    words::role_sign,
    words::{self, Sign},
};
use crate::domain::{
    change::{Change, Effect},
    digest::Digest,
    limits::Batch,
    plan::{AccessChange, Awaited, RoleChange},
    state::{Grantee, Tenant},
};

/// How much there is of what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SummaryView {
    /// Roles that somebody gains.
    pub gained: usize,
    /// Roles that somebody loses.
    pub lost: usize,
    /// Roles that somebody holds until another time.
    pub until_another_time: usize,
    /// Invitations that are sent.
    pub invitations: usize,
    /// Relationships that become active.
    pub authorisations: usize,
    /// Relationships and invitations that end.
    pub endings: usize,
    /// All other changes.
    pub others: usize,
}

/// What one grantee gains and loses in one customer's tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccessView {
    /// Where.
    pub customer: TenantView,
    /// Whose people.
    pub partner: TenantView,
    /// Who.
    pub grantee: GranteeView,
    /// The relationships it goes through.
    pub relationships: Vec<String>,
    /// Each role that is gained, lost, or held until another time.
    pub roles: Vec<RoleView>,
    /// Actions that no role allowed before.
    pub actions_added: Vec<String>,
    /// Actions that no role allows afterwards.
    pub actions_removed: Vec<String>,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantView {
    /// Its id.
    pub id: String,
    /// Its name, free text.
    pub name: Option<String>,
}

/// A grantee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GranteeView {
    /// Its object id.
    pub id: String,
    /// `SecurityGroup` or `CustomerUser`.
    pub kind: String,
    /// Its name, free text.
    pub name: Option<String>,
}

/// A role that is gained, lost, or held until another time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleView {
    /// Its template id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether it counts as privileged.
    pub privileged: bool,
    /// `+` gained, `-` lost, `~` held until another time.
    pub sign: String,
    /// Until when it is held before.
    #[schemars(with = "Option<String>")]
    pub before: Option<Timestamp>,
    /// Until when it is held afterwards.
    #[schemars(with = "Option<String>")]
    pub after: Option<Timestamp>,
}

/// Changes that wait for a person, together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchView {
    /// What `--approve` must name.
    #[schemars(with = "String")]
    pub hash: Digest,
    /// Whose limits.
    pub scope: String,
    /// What was gone beyond, in words.
    pub exceeded: Vec<String>,
    /// The changes in words.
    pub lines: Vec<String>,
    /// The ids of the changes.
    #[schemars(with = "Vec<String>")]
    pub changes: Vec<Digest>,
}

/// An answer that a customer has yet to give.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwaitedView {
    /// The relationship's name in the store.
    pub relationship: String,
    /// Who is asked.
    pub customer: TenantView,
    /// The digest that an acceptance must name.
    #[schemars(with = "String")]
    pub invitation: Digest,
    /// `Start`, `Replacement` or `Renewal`.
    pub reason: String,
    /// `Now` or `Before`.
    pub sent: String,
    /// The id of the relationship at Microsoft, where the customer approves there and no acceptance counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_microsoft: Option<String>,
}

impl SummaryView {
    /// Counts changes, of which `access` tells what they mean for people.
    pub fn of(changes: &[&Change], access: &[AccessChange]) -> Self {
        let mut counts = Self::default();
        for role in access.iter().flat_map(|change| &change.roles) {
            match role_sign(role) {
                Sign::Adds => counts.gained += 1,
                Sign::Removes => counts.lost += 1,
                Sign::Alters => counts.until_another_time += 1,
            }
        }
        let shown: BTreeSet<_> =
            access.iter().map(|one| (one.customer.id, one.grantee.id)).collect();
        for change in changes {
            match &change.effect {
                Effect::Invite { .. } => counts.invitations += 1,
                Effect::Authorise { .. } => counts.authorisations += 1,
                Effect::Decline { .. }
                | Effect::Withdraw { .. }
                | Effect::Terminate { .. }
                | Effect::Expire { .. } => counts.endings += 1,
                Effect::SetRoles { grantee, before, after } => {
                    let told = before.roles != after.roles
                        && shown.contains(&(change.subject.customer.id, grantee.id));
                    counts.others += usize::from(!told);
                }
                Effect::Adopt { .. }
                | Effect::Recognise { .. }
                | Effect::SetAutoExtend { .. }
                | Effect::DropGlobalAdministrator { .. }
                | Effect::Extend { .. }
                | Effect::Claim { .. }
                | Effect::SetPolicies { .. }
                | Effect::Rename { .. }
                | Effect::RecordAcceptance { .. }
                | Effect::SetBoundary { .. } => counts.others += 1,
            }
        }
        counts
    }
}

impl AccessView {
    pub(super) fn of(change: &AccessChange) -> Self {
        let texts = |actions: &BTreeSet<&'static str>| {
            actions.iter().map(|action| (*action).to_owned()).collect()
        };
        let AccessChange {
            customer,
            partner,
            grantee,
            relationships,
            roles,
            actions_added,
            actions_removed,
        } = change;
        let Grantee { id, kind, name } = grantee;
        Self {
            customer: TenantView::of(customer),
            partner: TenantView::of(partner),
            grantee: GranteeView {
                id: id.to_string(),
                kind: format!("{kind:?}"),
                name: name.clone(),
            },
            relationships: relationships.iter().map(ToString::to_string).collect(),
            roles: roles.iter().map(RoleView::of).collect(),
            actions_added: texts(actions_added),
            actions_removed: texts(actions_removed),
        }
    }
}

impl TenantView {
    pub(super) fn of(tenant: &Tenant) -> Self {
        Self { id: tenant.id.to_string(), name: tenant.name.clone() }
    }
}

impl RoleView {
    pub(super) fn of(role: &RoleChange) -> Self {
        let RoleChange { id, name, privileged, before, after } = role;
        Self {
            id: id.to_string(),
            name: name.clone(),
            privileged: *privileged,
            sign: role_sign(role).symbol().to_owned(),
            before: *before,
            after: *after,
        }
    }
}

impl BatchView {
    pub(super) fn of(batch: &Batch) -> Self {
        let Batch { hash, scope, exceeded: _, members: _, changes, limits: _, asked: _ } = batch;
        Self {
            hash: *hash,
            scope: scope.clone(),
            exceeded: words::exceeded(batch),
            lines: changes.iter().map(|change| words::line(change, Tense::Planned)).collect(),
            changes: changes.iter().map(Change::id).collect(),
        }
    }
}

impl AwaitedView {
    pub(super) fn of(awaited: &Awaited) -> Self {
        let Awaited { relationship, customer, invitation, reason, sent, at } = awaited;
        Self {
            relationship: relationship.name.to_string(),
            customer: TenantView::of(customer),
            invitation: *invitation,
            reason: format!("{reason:?}"),
            sent: format!("{sent:?}"),
            at_microsoft: at.as_ref().map(|at| at.id.to_string()),
        }
    }
}
