//! What a fresh emulator holds: a partner with groups and customers, and relationships of every sort.
//!
//! Never: something that the rules would not let anybody make.

use jiff::{SignedDuration, Timestamp};

use super::{
    clock::later,
    lifecycle::advance,
    people::{Deed, act},
    refusal::Refusal,
    rules::{self, Whose, Wish},
    world::{Action, GLOBAL_ADMINISTRATOR, Group, World},
};

/// The partner of every sample in this repository.
pub const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

/// Customers: a tenant and its name.
pub const CUSTOMERS: [(&str, &str); 4] = [
    ("bbbbcccc-1111-dddd-2222-eeee3333ffff", "Fabrikam"),
    ("ccccdddd-2222-eeee-3333-ffff4444aaaa", "Northwind Traders"),
    ("ddddeeee-3333-ffff-4444-aaaa5555bbbb", "Adventure Works"),
    ("eeeeffff-4444-aaaa-5555-bbbb6666cccc", "Wide World Importers"),
];

const FIRST_LINE: &str = "0a0a0a0a-1111-4222-8333-444444444444";
const SECOND_LINE: &str = "0b0b0b0b-1111-4222-8333-444444444444";
const ENGINEERS: &str = "0c0c0c0c-1111-4222-8333-444444444444";
const EVERYBODY: &str = "0d0d0d0d-1111-4222-8333-444444444444";

const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const MESSAGES: &str = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";
const SUPPORT: &str = "f023fd81-a637-4b56-95fd-791ac0226033";
const USERS: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";

/// An empty partner: groups and customers, and no relationship.
pub fn empty(partner: &str, seed: u64) -> World {
    let mut world = World::new(partner, seed);
    for (id, name) in CUSTOMERS {
        world.tenants.insert(id.to_owned(), name.to_owned());
    }
    let group = |name: &str, rule: Option<&str>| Group {
        display_name: name.to_owned(),
        security_enabled: true,
        is_assignable_to_role: rule.is_none(),
        membership_rule: rule.map(str::to_owned),
    };
    let groups = [
        (FIRST_LINE, group("First line", None)),
        (SECOND_LINE, group("Second line", None)),
        (ENGINEERS, group("Engineers", None)),
        (EVERYBODY, group("Everybody", Some("user.accountEnabled -eq true"))),
    ];
    for (id, group) in groups {
        world.groups.insert(id.to_owned(), group);
    }
    world
}

/// The same with relationships, made in the month before `now`.
///
/// # Errors
/// Where a rule refuses one: a bug of the sample.
pub fn full(partner: &str, seed: u64, now: Timestamp) -> Result<World, Refusal> {
    let mut world = empty(partner, seed);
    let mut time = later(now, SignedDuration::from_hours(-30 * 24));
    let [(fabrikam, _), (northwind, _), (adventure, _), (wide, _)] = CUSTOMERS;

    let helpdesk = [HELPDESK, MESSAGES, SUPPORT];
    let id = sent(&mut world, "northwind-helpdesk", Some(northwind), &helpdesk, &mut time)?;
    agreed(&mut world, &id, &mut time)?;
    given(&mut world, &id, FIRST_LINE, &[MESSAGES, SUPPORT], time)?;
    given(&mut world, &id, SECOND_LINE, &[HELPDESK], time)?;
    let id = sent(
        &mut world,
        "adventure-everything",
        Some(adventure),
        &[GLOBAL_ADMINISTRATOR, USERS],
        &mut time,
    )?;
    agreed(&mut world, &id, &mut time)?;
    given(&mut world, &id, ENGINEERS, &[GLOBAL_ADMINISTRATOR, USERS], time)?;
    let id = sent(&mut world, "adventure-old", Some(adventure), &[HELPDESK], &mut time)?;
    agreed(&mut world, &id, &mut time)?;
    act(&mut world, &Deed::RemoveRoles { relationship: id }, time)?;
    sent(&mut world, "wide-helpdesk", Some(wide), &helpdesk, &mut time)?;
    sent(&mut world, "whoever-answers", None, &[MESSAGES], &mut time)?;
    made(&mut world, "fabrikam-draft", Some(fabrikam), &[USERS], &mut time)?;
    let deed = Deed::Provide {
        relationship: "wide-by-provider".to_owned(),
        provider: "ffffaaaa-5555-bbbb-6666-cccc7777dddd".to_owned(),
        customer: wide.to_owned(),
        roles: vec![SUPPORT.to_owned()],
    };
    act(&mut world, &deed, time)?;
    advance(&mut world, now);
    Ok(world)
}

/// Some minutes pass.
fn wait(world: &mut World, time: &mut Timestamp) {
    *time = later(*time, SignedDuration::from_mins(10));
    advance(world, *time);
}

fn made(
    world: &mut World,
    name: &str,
    customer: Option<&str>,
    roles: &[&str],
    time: &mut Timestamp,
) -> Result<String, Refusal> {
    let wish = Wish {
        display_name: Some(name.to_owned()),
        duration: Some((rules::LONGEST, "P730D".to_owned())),
        extension: None,
        customer: customer.map_or(Whose::Anybody, |tenant| Whose::Tenant(tenant.to_owned())),
        roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
    };
    let id = rules::create(world, &wish, *time)?;
    wait(world, time);
    Ok(id)
}

fn sent(
    world: &mut World,
    name: &str,
    customer: Option<&str>,
    roles: &[&str],
    time: &mut Timestamp,
) -> Result<String, Refusal> {
    let id = made(world, name, customer, roles, time)?;
    rules::request(world, &id, Action::LockForApproval, *time)?;
    wait(world, time);
    Ok(id)
}

fn agreed(world: &mut World, id: &str, time: &mut Timestamp) -> Result<(), Refusal> {
    let deed = Deed::Approve { relationship: id.to_owned(), customer: None, stays: None };
    act(world, &deed, *time)?;
    wait(world, time);
    Ok(())
}

fn given(
    world: &mut World,
    id: &str,
    group: &str,
    roles: &[&str],
    time: Timestamp,
) -> Result<(), Refusal> {
    let roles = roles.iter().map(|role| (*role).to_owned()).collect();
    rules::assign(world, id, group, &roles, time).map(drop)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::emulator::world::Status;

    #[test]
    fn it_holds_relationships_of_every_sort() {
        let now = "2026-12-01T00:00:00Z".parse().unwrap();
        let world = full(PARTNER, 1, now).unwrap();
        let mut stands: BTreeMap<Status, usize> = BTreeMap::new();
        for it in world.relationships.values() {
            *stands.entry(it.status).or_default() += 1;
        }
        let expected = [
            (Status::Created, 1),
            (Status::ApprovalPending, 3),
            (Status::Active, 2),
            (Status::Terminated, 1),
        ];
        assert_eq!(stands, expected.into());
        assert_eq!(world.customers().len(), 2);
        assert_eq!(world.agenda.range((now, 0)..).count(), world.agenda.len());
    }
}
