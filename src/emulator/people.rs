//! What people outside do, whom no call of the partner's app can stop: customers, other admins, providers.
//!
//! Never: something that the portals would not let them do.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Deserialize;

use super::{
    days::Days,
    lifecycle,
    refusal::Refusal,
    rules::{self, Match, Whose, Wish},
    world::{
        Action, AssignmentStatus, Extension, Fate, GLOBAL_ADMINISTRATOR, Relationship, Reseller,
        Status, World,
    },
};

/// What somebody does. A relationship is named by its name or its id.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[serde(deny_unknown_fields)]
pub enum Deed {
    /// The customer approves.
    Approve {
        /// Which relationship.
        relationship: String,
        /// The customer's tenant, where the relationship names none.
        #[serde(default)]
        customer: Option<String>,
        /// After how many seconds it goes on; as usual where nothing is said.
        #[serde(default)]
        stays: Option<u32>,
    },
    /// The customer removes the roles: the relationship ends.
    RemoveRoles {
        /// Which relationship.
        relationship: String,
    },
    /// Another admin of the partner gives a group roles, or changes those that it has.
    Assign {
        /// Which relationship.
        relationship: String,
        /// The group.
        group: String,
        /// The template ids of the roles.
        roles: Vec<String>,
    },
    /// Another admin of the partner takes a group's roles away.
    Delete {
        /// Which relationship.
        relationship: String,
        /// The group.
        group: String,
    },
    /// Another admin of the partner ends a relationship.
    Terminate {
        /// Which relationship.
        relationship: String,
    },
    /// The customer or another admin switches the extension.
    Extend {
        /// Which relationship.
        relationship: String,
        /// Whether it is to be on.
        on: bool,
    },
    /// An indirect provider makes a relationship for the partner as its reseller.
    Provide {
        /// Its name.
        relationship: String,
        /// The provider's tenant.
        provider: String,
        /// The customer's tenant.
        customer: String,
        /// The template ids of the roles.
        roles: Vec<String>,
    },
}

/// Does it, and says what was done.
pub fn act(world: &mut World, deed: &Deed, now: Timestamp) -> Result<String, Refusal> {
    match deed {
        Deed::Approve { relationship, customer, stays } => {
            approve(world, relationship, customer.as_deref(), *stays, now)
        }
        Deed::RemoveRoles { relationship } | Deed::Terminate { relationship } => {
            let (id, name) = named(world, relationship)?;
            if !lifecycle::terminate(world, &id, now) {
                return Err(unfit(world, &id, "ended", "active"));
            }
            Ok(format!("`{name}` is being ended"))
        }
        Deed::Assign { relationship, group, roles } => {
            assign(world, relationship, group, roles, now)
        }
        Deed::Delete { relationship, group } => delete(world, relationship, group, now),
        Deed::Extend { relationship, on } => extend(world, relationship, *on, now),
        Deed::Provide { relationship, provider, customer, roles } => {
            provide(world, relationship, provider, customer, roles, now)
        }
    }
}

/// The relationship with this name or id, and its name.
fn named(world: &World, text: &str) -> Result<(String, String), Refusal> {
    let lower = text.to_lowercase();
    let id = world.names.get(&lower).unwrap_or(&lower);
    match world.relationships.get(id) {
        Some(it) => Ok((it.id.clone(), it.display_name.clone())),
        None => Err(Refusal::missing(format!("no relationship is called `{text}`"))),
    }
}

fn found<'w>(world: &'w World, id: &str) -> Result<&'w Relationship, Refusal> {
    rules::relationship(world, id)
}

fn unfit(world: &World, id: &str, done: &str, needed: &str) -> Refusal {
    let status = world.relationships.get(id).and_then(|it| it.status.word());
    let status = status.unwrap_or("being made");
    Refusal::bad(format!("it cannot be {done}: it is `{status}`, and would have to be `{needed}`"))
}

fn approve(
    world: &mut World,
    text: &str,
    customer: Option<&str>,
    stays: Option<u32>,
    now: Timestamp,
) -> Result<String, Refusal> {
    let (id, name) = named(world, text)?;
    let it = found(world, &id)?;
    if it.status != Status::ApprovalPending {
        return Err(unfit(world, &id, "approved", "approvalPending"));
    }
    if it.reseller.as_ref().is_some_and(|it| it.consent_pending) {
        return Err(Refusal::bad(format!("the reseller of `{name}` has not agreed yet")));
    }
    let tenant = match (&it.customer, customer) {
        (Some(own), None) => own.clone(),
        (Some(own), Some(given)) if own.eq_ignore_ascii_case(given) => own.clone(),
        (Some(own), Some(_)) => {
            return Err(Refusal::bad(format!("`{name}` is for the tenant {own}")));
        }
        (None, Some(given)) => given.to_lowercase(),
        (None, None) => {
            let told = format!("`{name}` names no customer: say which tenant approves it");
            return Err(Refusal::bad(told));
        }
    };
    world.change(&id, now, |it| it.customer = Some(tenant));
    world.fate = stays.map_or(Fate::Ordinary, Fate::Slow);
    lifecycle::approve(world, &id, now);
    Ok(format!("`{name}` is approved"))
}

fn ids(roles: &[String]) -> BTreeSet<String> {
    roles.iter().map(|role| role.to_lowercase()).collect()
}

/// The live assignment of a group.
fn held(world: &World, id: &str, group: &str) -> Option<String> {
    let all = world.relationships.get(id)?.assignments.values();
    let mut live = all.filter(|it| it.group == group && it.status != AssignmentStatus::Deleted);
    live.next().map(|it| it.id.clone())
}

fn assign(
    world: &mut World,
    text: &str,
    group: &str,
    roles: &[String],
    now: Timestamp,
) -> Result<String, Refusal> {
    let (id, name) = named(world, text)?;
    let (group, roles) = (group.to_lowercase(), ids(roles));
    match held(world, &id, &group) {
        Some(own) => _ = rules::reassign(world, &id, &own, &Match::Any, &roles, now)?,
        None => _ = rules::assign(world, &id, &group, &roles, now)?,
    }
    Ok(format!("`{group}` is being given its roles in `{name}`"))
}

fn delete(world: &mut World, text: &str, group: &str, now: Timestamp) -> Result<String, Refusal> {
    let (id, name) = named(world, text)?;
    let group = group.to_lowercase();
    let own = held(world, &id, &group);
    let own = own.ok_or_else(|| Refusal::missing(format!("`{group}` has no roles in `{name}`")))?;
    rules::unassign(world, &id, &own, &Match::Any, now)?;
    Ok(format!("the roles of `{group}` in `{name}` are being taken away"))
}

fn extend(world: &mut World, text: &str, on: bool, now: Timestamp) -> Result<String, Refusal> {
    let (id, name) = named(world, text)?;
    let it = found(world, &id)?;
    if it.status != Status::Active {
        return Err(unfit(world, &id, "switched", "active"));
    }
    if on && it.roles.contains(GLOBAL_ADMINISTRATOR) {
        let told = format!("`{name}` has Global Administrator, and so is not extended");
        return Err(Refusal::bad(told));
    }
    let extension = if on { Extension::HalfYear } else { Extension::Off };
    if it.extension != extension {
        world.change(&id, now, |it| it.extension = extension);
    }
    Ok(format!("the extension of `{name}` is {}", if on { "on" } else { "off" }))
}

fn provide(
    world: &mut World,
    name: &str,
    provider: &str,
    customer: &str,
    roles: &[String],
    now: Timestamp,
) -> Result<String, Refusal> {
    let wish = Wish {
        display_name: Some(name.to_owned()),
        duration: Some((Days(730), "P730D".to_owned())),
        extension: None,
        customer: Whose::Tenant(customer.to_lowercase()),
        roles: Some(ids(roles)),
    };
    let reseller = Reseller { provider: provider.to_lowercase(), consent_pending: true };
    let id = rules::create_for(world, &wish, Some(reseller), now)?;
    // The provider sends it in the same breath.
    lifecycle::created(world, &id, now);
    rules::request(world, &id, Action::LockForApproval, now)?;
    Ok(format!("`{name}` waits for the reseller"))
}
