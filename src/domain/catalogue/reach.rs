//! Who may reset the password of whom. One action identifier reaches differently far for each role that has it.
//!
//! Never: a reach guessed from actions; only what Microsoft's tables say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Catalogue;
use crate::domain::ids::RoleId;

/// The action that every actor of the tables has.
const UPDATE_PASSWORD: &str = "microsoft.directory/users/password/update";

/// Something that reaches only some people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Reset a password, or invalidate refresh tokens.
    ResetPassword,
    /// Disable, delete or restore an account, or change its user principal name, phone numbers or other sensitive properties.
    ChangeSensitiveProperties,
}

/// Who may be acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Somebody without any administrative role.
    NoRole,
    /// Somebody who holds this role.
    Role(RoleId),
    /// Somebody who holds a role that the tables do not name.
    AnyOtherRole,
    /// A member or owner of a group that can be given roles.
    RoleAssignableGroup,
    /// Somebody whose role is scoped to a restricted management administrative unit.
    RestrictedUnit,
}

/// For each act and actor, whom it reaches; and every target that the tables name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Restrictions {
    tables: BTreeMap<Act, BTreeMap<RoleId, BTreeSet<Target>>>,
    listed: BTreeSet<RoleId>,
    /// Names of roles that reach people without a role only.
    without_role_only: Vec<&'static str>,
    /// Names of roles that reach everybody.
    everybody: Vec<&'static str>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source<'a> {
    #[serde(borrow)]
    actors: BTreeMap<&'a str, &'a str>,
    #[serde(borrow)]
    password_reset_and_token_revocation: Vec<SourceRow<'a>>,
    #[serde(borrow)]
    sensitive_actions: SourceSensitive<'a>,
    #[serde(borrow)]
    non_admin_targets_only: Vec<&'a str>,
    #[serde(borrow)]
    all_targets: Vec<&'a str>,
}

#[derive(Deserialize)]
struct SourceSensitive<'a> {
    #[serde(borrow)]
    matrix: Vec<SourceRow<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceRow<'a> {
    target: &'a str,
    target_template_id: Option<&'a str>,
    #[serde(borrow)]
    allowed_actors: Vec<&'a str>,
}

pub(super) fn parse(text: &'static str) -> Restrictions {
    let source: Source = serde_json::from_str(text).expect("the restrictions are compiled in");
    let Source {
        actors,
        password_reset_and_token_revocation: reset,
        sensitive_actions: SourceSensitive { matrix },
        non_admin_targets_only: without_role_only,
        all_targets: everybody,
    } = source;
    let listed = reset.iter().filter_map(|row| row.target_template_id).map(role_id).collect();
    let tables = [(Act::ResetPassword, reset), (Act::ChangeSensitiveProperties, matrix)]
        .into_iter()
        .map(|(act, rows)| (act, table(&actors, &rows)))
        .collect();
    Restrictions { tables, listed, without_role_only, everybody }
}

fn role_id(text: &str) -> RoleId {
    text.parse().expect("template ids in the compiled-in data are GUIDs")
}

fn table(actors: &BTreeMap<&str, &str>, rows: &[SourceRow]) -> BTreeMap<RoleId, BTreeSet<Target>> {
    let mut table: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in rows {
        let target = target(row);
        for actor in &row.allowed_actors {
            table.entry(role_id(actors[actor])).or_default().insert(target);
        }
    }
    table
}

fn target(row: &SourceRow) -> Target {
    match (row.target_template_id, row.target) {
        (Some(id), _) => Target::Role(role_id(id)),
        (None, "*no-admin-role") => Target::NoRole,
        (None, "*member-or-owner-of-role-assignable-group") => Target::RoleAssignableGroup,
        (None, "*role-scoped-to-restricted-management-au") => Target::RestrictedUnit,
        (None, _) => Target::AnyOtherRole,
    }
}

impl Catalogue {
    /// Whom a role reaches with an act, in a tenant-wide assignment. Empty for a role that cannot do it at all.
    pub fn reach(&self, actor: RoleId, act: Act) -> BTreeSet<Target> {
        if let Some(reach) = self.restrictions.tables[&act].get(&actor) {
            return reach.clone();
        }
        let Some(role) = self.role(actor) else { return BTreeSet::new() };
        if act != Act::ResetPassword || !self.own_actions(actor).contains(UPDATE_PASSWORD) {
            return BTreeSet::new();
        }
        if self.restrictions.everybody.contains(&role.name) {
            return self.restrictions.tables[&act].values().flatten().copied().collect();
        }
        BTreeSet::from_iter(
            self.restrictions.without_role_only.contains(&role.name).then_some(Target::NoRole),
        )
    }

    /// Whether a role may do an act to somebody who holds these roles: it must reach each of them.
    pub fn reaches(&self, actor: RoleId, act: Act, holding: &BTreeSet<RoleId>) -> bool {
        let reach = self.reach(actor, act);
        if holding.is_empty() {
            return reach.contains(&Target::NoRole);
        }
        holding.iter().all(|role| {
            let listed = self.restrictions.listed.contains(role);
            reach.contains(&if listed { Target::Role(*role) } else { Target::AnyOtherRole })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(name: &str) -> RoleId {
        Catalogue::compiled().find(name).unwrap().id
    }

    fn resets(actor: &str, holding: &[&str]) -> bool {
        let holding = holding.iter().map(|name| role(name)).collect();
        Catalogue::compiled().reaches(role(actor), Act::ResetPassword, &holding)
    }

    #[test]
    fn who_may_reset_whose_password_follows_the_table() {
        let cases: [(&str, &[&str], bool); 11] = [
            ("Password Administrator", &[], true),
            ("Password Administrator", &["Guest Inviter"], true),
            ("Password Administrator", &["Reports Reader"], false),
            ("Helpdesk Administrator", &["Reports Reader"], true),
            ("Helpdesk Administrator", &["Reports Reader", "User Administrator"], false),
            ("User Administrator", &["User Administrator"], true),
            ("Authentication Administrator", &["Helpdesk Administrator"], false),
            ("Helpdesk Administrator", &["Exchange Administrator"], false),
            ("Privileged Authentication Administrator", &["Global Administrator"], true),
            ("Security Operator", &[], true),
            ("Security Operator", &["Guest Inviter"], false),
        ];
        for (actor, holding, expected) in cases {
            assert_eq!(resets(actor, holding), expected, "{actor} {holding:?}");
        }
    }

    #[test]
    fn a_role_without_the_action_reaches_nobody() {
        let catalogue = Catalogue::compiled();
        for name in ["Security Administrator", "Reports Reader", "Groups Administrator"] {
            assert!(catalogue.reach(role(name), Act::ResetPassword).is_empty(), "{name}");
        }
    }

    #[test]
    fn resetting_a_password_reaches_further_than_changing_an_account() {
        let catalogue = Catalogue::compiled();
        let helpdesk = role("Helpdesk Administrator");
        assert!(catalogue.reaches(helpdesk, Act::ResetPassword, &BTreeSet::new()));
        assert!(!catalogue.reaches(helpdesk, Act::ChangeSensitiveProperties, &BTreeSet::new()));
    }
}
