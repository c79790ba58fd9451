//! What an import left out, changed or could not be sure of, as data and in words.
//!
//! Never: a text from outside that is shown as it came; what cannot be seen is spelled out.

use crate::{
    domain::{
        duration::Duration,
        enumeration::counted,
        ids::{GranteeId, RoleId},
        lifecycle::Lifecycle,
        partner_type::role_names,
        state::seen::ServiceId,
    },
    manifest::explain::shown,
};

/// Something that a person should know of an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A relationship is in none of the files.
    LeftOut(Which, Why),
    /// A relationship needs a look.
    Look(Which, Look),
    /// An assignment of a relationship needs a look.
    Assignment {
        /// Under what.
        of: Which,
        /// Its id.
        id: String,
        /// What there is to see.
        look: LookAssignment,
    },
    /// The name of somebody is written in another way.
    NameCleaned {
        /// Whose.
        party: Party,
        /// As it is at Microsoft.
        from: String,
        /// As it is written.
        to: String,
    },
    /// The directory was read, and does not know a group that holds something.
    GroupUnknown(GranteeId),
    /// It knows the group, and has no name for it.
    GroupWithoutName(GranteeId),
    /// A role that the catalogue does not know is kept by its id.
    UnknownRole {
        /// Its template id.
        role: RoleId,
        /// How many relationships carry it.
        relationships: usize,
    },
    /// A role that no offer may carry is kept.
    RefusedRole {
        /// Its template id.
        role: RoleId,
        /// How many relationships carry it.
        relationships: usize,
    },
    /// The boundary admits any of something, since there are more than it can list.
    BoundaryAdmitsAny(Listed),
    /// There is no boundary, since nobody holds anything that it could admit.
    NoBoundary,
}

/// A relationship at Microsoft, as it is called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Which {
    /// Its id.
    pub id: ServiceId,
    /// Its name as the service has it, which may be empty.
    pub name: String,
}

/// Why a relationship was left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// It is over or ending.
    Ended(Lifecycle),
    /// It was made and never sent.
    Created,
    /// Nobody knows its stage.
    UnknownStage(String),
    /// An indirect provider made it, and the partner has to consent first.
    ConsentPending,
    /// It has no customer: anybody may accept it.
    NoCustomer,
    /// Its customer cannot be one: an id that nobody has, or the partner itself.
    OddCustomer(String),
    /// Its length is not a number of whole days from 1 to 730; nothing where it was not understood.
    Length(Option<Duration>),
    /// It carries no roles, or more than an offer may: so many.
    RoleCount(usize),
    /// Its id cannot stand in an annotation.
    OddId,
    /// What of it was not understood.
    NotUnderstood(String),
}

/// What there is to see at a relationship that is in the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is over or ending, and was asked for: it is written, and held.
    EndedAndHeld(Lifecycle),
    /// Nothing can be held under it yet: it has no label of its offer, by which a grant would select it.
    NotYetActive(Lifecycle),
    /// Who holds what could not be read, and why: no grant speaks of it.
    AssignmentsUnread(String),
    /// Microsoft made it when it moved partners to granular delegated administration.
    MadeByMicrosoft,
    /// It is extended in a way that cannot be declared: it is only observed.
    ExtendedOtherwise(Duration),
    /// Its object would have the name of another: the name that it has instead.
    NameShared(String),
    /// Its name cannot be one here, or cannot stand beside another: the name that it has instead.
    NameChanged(String),
    /// A group has several assignments under it that differ: there is a grant for each.
    SeveralAssignments(GranteeId),
}

/// What there is to see at an assignment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookAssignment {
    /// The service could not do it: it holds nothing.
    Error,
    /// It is in a state that nobody knows, and counts as held.
    UnknownStatus(String),
    /// It is being taken away, and is left out.
    Leaving,
    /// It was given a moment ago, and is not in force yet.
    Arriving,
    /// It has no roles that its relationship carries, and is left out.
    NoRoles,
    /// Its grantee is no group, and it is left out.
    NoGroup(GranteeId),
    /// Its grantee has the id of nobody, of a tenant or of a role, and it is left out.
    OddGrantee(GranteeId),
    /// It stands under a relationship that is not active, and is left out.
    NotActive,
    /// It has roles that its relationship does not carry: those are left out.
    Beyond(Vec<RoleId>),
}

/// Whose name it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// The partner.
    Partner,
    /// A customer.
    Customer,
    /// A group of the partner.
    Group,
}

/// What a boundary lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Tenants of customers.
    Customers,
    /// Groups.
    Groups,
    /// Roles.
    Roles,
}

impl Told {
    /// What it says to a person: lower case, no full stop, names in backticks.
    pub fn words(&self) -> String {
        match self {
            Self::LeftOut(which, why) => format!("{} is left out: {}", which.words(), why.words()),
            Self::Look(which, look) => format!("{} {}", which.words(), look.words()),
            Self::Assignment { of, id, look } => {
                format!("assignment `{}` of {} {}", shown(id), of.words(), look.words())
            }
            Self::NameCleaned { party, from, to } => {
                let whose = match party {
                    Party::Partner => "the partner",
                    Party::Customer => "a customer",
                    Party::Group => "a group",
                };
                let (from, to) = (shown(from), shown(to));
                format!("the name of {whose} is written as `{to}`: at Microsoft it is `{from}`")
            }
            Self::GroupUnknown(group) => format!(
                "group `{group}` holds roles, and the directory does not know it: take its grants away"
            ),
            Self::GroupWithoutName(group) => {
                format!("the directory has no name for group `{group}`: it is written by its id")
            }
            Self::UnknownRole { role, relationships } => format!(
                "the catalogue does not know role `{role}` of {}: it is kept by its id, and `concordat validate` \
                 refuses it until a version knows it",
                counted(*relationships, "relationship")
            ),
            Self::RefusedRole { role, relationships } => format!(
                "no offer may carry {}, which is one of {}: it is kept, and `concordat validate` refuses it",
                role_names([role]),
                counted(*relationships, "relationship")
            ),
            Self::BoundaryAdmitsAny(listed) => {
                let what = match listed {
                    Listed::Customers => "customers",
                    Listed::Groups => "groups",
                    Listed::Roles => "roles",
                };
                format!("there are more {what} than a boundary can list: it admits any of them")
            }
            Self::NoBoundary => {
                "there is no boundary, since no group holds anything that it could admit".to_owned()
            }
        }
    }
}

impl Which {
    fn words(&self) -> String {
        /// No id of a relationship is longer.
        const LONGEST: usize = 128;
        let id = &self.id.0;
        let is_plain = id.len() <= LONGEST && id.bytes().all(|byte| byte.is_ascii_graphic());
        let id = if is_plain { id.to_string() } else { shown(id) };
        if self.name.trim().is_empty() {
            format!("relationship `{id}`")
        } else {
            format!("relationship `{}` (`{id}`)", shown(&self.name))
        }
    }
}

impl Why {
    fn words(&self) -> String {
        match self {
            Self::Ended(stage) => format!("it is `{stage}`"),
            Self::Created => "it was made and never sent to the customer".to_owned(),
            Self::UnknownStage(stage) => format!("nobody knows its stage `{}`", shown(stage)),
            Self::ConsentPending => {
                "a provider made it, and it waits for the partner to consent".to_owned()
            }
            Self::NoCustomer => "it names no customer, so that anybody may accept it".to_owned(),
            Self::OddCustomer(id) => format!("`{}` is not the tenant of a customer", shown(id)),
            Self::Length(Some(length)) => {
                format!("it lasts `{length}`, which is not from 1 to 730 whole days")
            }
            Self::Length(None) => "how long it lasts is not understood".to_owned(),
            Self::RoleCount(0) => "it carries no roles".to_owned(),
            Self::RoleCount(roles) => {
                format!("it carries {roles} roles, more than an offer may")
            }
            Self::NotUnderstood(reason) => reason.clone(),
            Self::OddId => "its id holds characters that cannot stand in an annotation".to_owned(),
        }
    }
}

impl Look {
    fn words(&self) -> String {
        match self {
            Self::EndedAndHeld(stage) => {
                format!("is `{stage}`: it is written with `suspend: true`, so that nothing is done for it")
            }
            Self::NotYetActive(stage) => format!(
                "is `{stage}`: no grant speaks of it, so that nobody gets access when it becomes active; write one where \
                 that is meant"
            ),
            Self::AssignmentsUnread(why) => {
                format!("has assignments that could not be read, so that no grant speaks of it: {}", shown(why))
            }
            Self::MadeByMicrosoft => {
                "was made by Microsoft when it moved partners to granular delegated administration: look whether it is \
                 still needed"
                    .to_owned()
            }
            Self::ExtendedOtherwise(by) => format!(
                "is extended by `{by}`, which cannot be declared for it: it is only observed, without \
                 `autoExtendDuration`"
            ),
            Self::NameShared(name) => {
                format!("would share the name of its object with another: it is called `{name}`")
            }
            Self::NameChanged(name) => {
                format!("has a name that cannot be its `displayName` here: it is written as `{name}`")
            }
            Self::SeveralAssignments(group) => {
                format!("has several assignments of group `{group}` that differ: there is a grant for each")
            }
        }
    }
}

impl LookAssignment {
    fn words(&self) -> String {
        match self {
            Self::Error => {
                "is left out: the service could not do it, and it holds nothing".to_owned()
            }
            Self::UnknownStatus(status) => {
                format!("is in a state that nobody knows, `{}`: it counts as held", shown(status))
            }
            Self::Leaving => "is being taken away at Microsoft, and is left out".to_owned(),
            Self::Arriving => "is not in force yet: look whether it becomes so".to_owned(),
            Self::NoRoles => {
                "is left out: it has no roles that its relationship carries".to_owned()
            }
            Self::NoGroup(grantee) => format!("is left out: `{grantee}` is no security group"),
            Self::OddGrantee(grantee) => {
                format!("is left out: `{grantee}` is the id of nobody, of a tenant or of a role")
            }
            Self::NotActive => "is left out: its relationship is not active".to_owned(),
            Self::Beyond(roles) => {
                format!(
                    "has {}, which its relationship does not carry: that is left out",
                    role_names(roles)
                )
            }
        }
    }
}
