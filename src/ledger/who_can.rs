//! Who can do something in a customer's tenant, by what is held and what the catalogue documents.
//!
//! Never: "nobody" without what was not looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde::Serialize;

use super::{
    held::{Held, held},
    words::NamedRole,
};
use crate::domain::{
    catalogue::{Catalogue, Holder, NotFound, TaskId},
    ids::{GLOBAL_ADMINISTRATOR, GranteeId, RoleId, TenantId},
    state::{Grantee, Observed, RelationshipKey, Tenant},
};

/// What somebody may be able to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Ability {
    /// A task of the catalogue.
    Task(TaskId),
    /// An action, as Microsoft spells it.
    Action(String),
    /// Whatever a role allows.
    Role(NamedRole),
}

/// Why a text names nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoSuchAbility {
    /// No task or role has this name.
    #[error(transparent)]
    NotFound(#[from] NotFound),
    /// No role of the catalogue allows this action.
    #[error("no role allows an action called `{}`", .0.escape_debug())]
    Action(String),
}

impl NoSuchAbility {
    /// The way out.
    pub fn help(&self) -> String {
        match self {
            Self::NotFound(not_found) => not_found.help(),
            Self::Action(_) => "`concordat roles show ROLE` lists the actions of a role".to_owned(),
        }
    }
}

impl Ability {
    /// What a text names: a task by its id, an action, or a role by name or id.
    pub fn find(text: &str) -> Result<Self, NoSuchAbility> {
        let catalogue = Catalogue::compiled();
        if text.starts_with("microsoft.") {
            let action = text.to_owned();
            let allowed =
                |id| catalogue.own_actions(id).iter().any(|known| known.eq_ignore_ascii_case(text));
            return if catalogue.roles().any(|role| allowed(role.id)) {
                Ok(Self::Action(action))
            } else {
                Err(NoSuchAbility::Action(action))
            };
        }
        if text.contains('/') {
            return Ok(Self::Task(catalogue.task(text)?.id.clone()));
        }
        Ok(Self::Role(catalogue.find(text)?.id.into()))
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Task(id) => write!(f, "who can do `{id}`"),
            Self::Action(action) => write!(f, "who is allowed `{action}`"),
            Self::Role(role) => write!(f, "who holds {role}"),
        }
    }
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WhoCan {
    /// What was asked.
    pub ability: Ability,
    /// In whose tenant.
    pub customer: Tenant,
    /// The instant that it is true for.
    pub at: Timestamp,
    /// Who can.
    pub able: Vec<Able>,
    /// Why every user can, where that is so.
    pub everyone: Option<&'static str>,
    /// What could change the answer and was not looked at.
    pub not_looked_at: Vec<String>,
}

impl WhoCan {
    /// Whether there is nobody.
    pub fn is_nobody(&self) -> bool {
        self.able.is_empty() && self.everyone.is_none()
    }
}

/// Somebody who can.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Able {
    /// Who.
    pub grantee: Grantee,
    /// Until when.
    pub until: Timestamp,
    /// Through which roles.
    pub through: Vec<Through>,
}

/// A role through which somebody can.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Through {
    /// The role.
    pub role: NamedRole,
    /// Until when it is held.
    pub until: Timestamp,
    /// Under which relationship.
    pub relationship: RelationshipKey,
    /// Whose people.
    pub partner: Tenant,
    /// Why that role counts.
    pub basis: Basis,
}

/// Why a role counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Basis {
    /// It is the role asked for, or allows the action asked for.
    Itself,
    /// Microsoft documents it for the task.
    Documented,
    /// It is not documented for the task, but allows every action of this role, which is.
    AllowsAsMuchAs(NamedRole),
    /// It is Global Administrator: every other role follows from it.
    GlobalAdministrator,
}

/// What an ability needs: one role of each of these.
struct Needs {
    all_of: Vec<BTreeMap<RoleId, Basis>>,
    everyone: Option<&'static str>,
    besides: Vec<String>,
}

/// Who can, by what is held in `state`.
pub fn who_can(ability: Ability, customer: TenantId, state: &Observed) -> WhoCan {
    let needs = needs(&ability);
    let rows = state.relationships.values().flatten();
    let mut names = rows.filter(|row| row.invitation.customer == customer);
    let name = names.find_map(|row| row.customer_name.clone());
    let mut grantees: BTreeMap<(GranteeId, TenantId), Vec<Held>> = BTreeMap::new();
    for held in held(state).filter(|held| held.row.invitation.customer == customer) {
        let who = (held.assignment.grantee.id, held.row.key.partner);
        grantees.entry(who).or_default().push(held);
    }
    let able = grantees.into_values().filter_map(|held| needs.met_by(&held)).collect();
    let mut not_looked_at = vec![
        "who is a member or an owner of these groups".to_owned(),
        "access given outside this store: by other partners, by role assignments in the customer's tenant, \
         by Privileged Identity Management or Azure RBAC"
            .to_owned(),
        "roles that the customer has made, and conditional access".to_owned(),
        "whom a role reaches: some act on users without an administrative role only".to_owned(),
        "roles that allow less than a documented one, and may be enough all the same".to_owned(),
    ];
    not_looked_at.extend(needs.besides);
    WhoCan {
        ability,
        customer: Tenant { id: customer, name },
        at: state.now,
        able,
        everyone: needs.everyone,
        not_looked_at,
    }
}

fn needs(ability: &Ability) -> Needs {
    let mut needs = Needs { all_of: Vec::new(), everyone: None, besides: Vec::new() };
    match ability {
        Ability::Role(role) => needs.all_of.push(BTreeMap::from([(role.id, Basis::Itself)])),
        Ability::Action(action) => needs.one_of(roles_that_allow(action), &Basis::Itself),
        Ability::Task(id) => {
            let catalogue = Catalogue::compiled();
            let task = catalogue.task(id.as_str()).expect("it was found in this catalogue");
            let (first, rest) = task.least.split_first().expect("`least` is never empty");
            needs.part(std::iter::once(first).chain(&task.additional));
            for holder in rest {
                needs.part([holder]);
            }
        }
    }
    needs
}

fn roles_that_allow(action: &str) -> BTreeSet<RoleId> {
    let catalogue = Catalogue::compiled();
    let allows = |id: &RoleId| {
        catalogue.expanded_actions(*id).iter().any(|known| known.eq_ignore_ascii_case(action))
    };
    catalogue.roles().map(|role| role.id).filter(allows).collect()
}

/// For each role that allows every action of one of these, that one.
fn roles_that_allow_as_much(documented: &BTreeSet<RoleId>) -> BTreeMap<RoleId, Basis> {
    let catalogue = Catalogue::compiled();
    let mut found = BTreeMap::new();
    for less in documented {
        let needed = catalogue.expanded_actions(*less);
        let more = catalogue.roles().filter(|role| {
            !needed.is_empty() && catalogue.expanded_actions(role.id).is_superset(&needed)
        });
        for role in more {
            found.entry(role.id).or_insert_with(|| Basis::AllowsAsMuchAs((*less).into()));
        }
    }
    found
}

impl Needs {
    /// One part of a task: any of these holders will do.
    fn part<'a>(&mut self, holders: impl IntoIterator<Item = &'a Holder>) {
        let mut roles = BTreeSet::new();
        for holder in holders {
            let besides = match holder {
                Holder::Role(role) => {
                    roles.insert(*role);
                    continue;
                }
                Holder::AnyRole => {
                    roles.extend(Catalogue::compiled().roles().map(|role| role.id));
                    continue;
                }
                Holder::EveryUser(note) => {
                    self.everyone = Some(*note);
                    continue;
                }
                Holder::AzureRole(name) => format!("who holds the Azure role `{name}`"),
                Holder::Owner(what) => format!("who is the {what}"),
                Holder::Group(name) => format!("who is a member of `{name}`"),
            };
            self.besides.push(format!("{besides}, which is documented for it"));
        }
        if !roles.is_empty() {
            self.one_of(roles, &Basis::Documented);
        }
    }

    fn one_of(&mut self, roles: BTreeSet<RoleId>, basis: &Basis) {
        let mut counts = match basis {
            Basis::Documented => roles_that_allow_as_much(&roles),
            Basis::Itself | Basis::AllowsAsMuchAs(_) | Basis::GlobalAdministrator => {
                BTreeMap::new()
            }
        };
        counts.insert(GLOBAL_ADMINISTRATOR, Basis::GlobalAdministrator);
        counts.extend(roles.into_iter().map(|role| (role, basis.clone())));
        self.all_of.push(counts);
    }

    /// How one grantee meets them, by all that it holds.
    fn met_by(&self, held: &[Held]) -> Option<Able> {
        let mut until = None;
        for one_of in &self.all_of {
            let latest =
                held.iter().filter(|held| one_of.contains_key(&held.role)).map(|held| held.until);
            let latest = latest.max()?;
            until = Some(until.map_or(latest, |earlier: Timestamp| earlier.min(latest)));
        }
        let counts = |role| self.all_of.iter().find_map(|one_of| one_of.get(role));
        let through = held.iter().filter_map(|held| {
            let row = held.row;
            Some(Through {
                role: held.role.into(),
                until: held.until,
                relationship: row.key.clone(),
                partner: Tenant { id: row.invitation.partner, name: row.partner_name.clone() },
                basis: counts(&held.role)?.clone(),
            })
        });
        let grantee = held.first()?.assignment.grantee.clone();
        Some(Able { grantee, until: until?, through: through.collect() })
    }
}
