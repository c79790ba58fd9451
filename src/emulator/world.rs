//! What the emulated service holds: relationships with their requests, assignments and operations, groups and tenants.
//!
//! Never: an id twice, or a change of an entity that leaves its etag as it was.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{chance::Chance, clock::later, days::Days, settings::Settings};

/// The template id of Global Administrator.
pub const GLOBAL_ADMINISTRATOR: &str = "62e90394-69f5-4237-9190-012177145e10";

/// Everything that one partner's tenant holds.
#[derive(Debug, Clone)]
pub struct World {
    /// The partner's tenant.
    pub partner: String,
    /// By id.
    pub relationships: BTreeMap<String, Relationship>,
    /// The id by the name in lower case: names are unique.
    pub names: BTreeMap<String, String>,
    /// The partner's groups, by id.
    pub groups: BTreeMap<String, Group>,
    /// The names of customers' tenants, by id.
    pub tenants: BTreeMap<String, String>,
    /// What is to happen by itself, in order.
    pub agenda: BTreeMap<(Timestamp, u64), Due>,
    /// What becomes of the next thing that is made.
    pub fate: Fate,
    /// What can be set.
    pub settings: Settings,
    chance: Chance,
    changes: u64,
}

/// A relationship.
#[derive(Debug, Clone)]
pub struct Relationship {
    /// Two UUIDs.
    pub id: String,
    /// Unique, at most 50 characters.
    pub display_name: String,
    /// How long, from activation.
    pub duration: Days,
    /// As it was sent.
    pub duration_sent: String,
    /// Whether it is extended on its last day.
    pub extension: Extension,
    /// The customer's tenant; absent until somebody approves where none was named.
    pub customer: Option<String>,
    /// The ceiling: template ids in lower case.
    pub roles: BTreeSet<String>,
    /// Where it stands.
    pub status: Status,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub modified: Timestamp,
    /// When it became active.
    pub activated: Option<Timestamp>,
    /// When it ends.
    pub end: Option<Timestamp>,
    /// Whether a customer, or the reseller, has approved it.
    pub approved: bool,
    /// Changes with every change.
    pub etag: u64,
    /// Where an indirect provider made it for a reseller.
    pub reseller: Option<Reseller>,
    /// By id.
    pub assignments: BTreeMap<String, Assignment>,
    /// By id.
    pub requests: BTreeMap<String, Request>,
    /// By id.
    pub operations: BTreeMap<String, Operation>,
}

/// Whether a relationship is extended by half a year on its last day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extension {
    /// It ends.
    Off,
    /// It goes on.
    HalfYear,
}

impl Extension {
    /// How it is written.
    pub fn days(self) -> Days {
        match self {
            Self::Off => Days(0),
            Self::HalfYear => Days(180),
        }
    }
}

/// What an indirect provider's relationship has besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reseller {
    /// The provider's tenant.
    pub provider: String,
    /// Whether the reseller has not answered yet.
    pub consent_pending: bool,
}

/// Where a relationship stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// It is being made; it has no status yet.
    New,
    /// The partner may still change it.
    Created,
    /// The customer is asked.
    ApprovalPending,
    /// He has agreed.
    Approved,
    /// It is being set up.
    Activating,
    /// It works.
    Active,
    /// Its time is over.
    Expiring,
    /// It has ended with its time.
    Expired,
    /// Somebody ended it.
    TerminationRequested,
    /// It is being taken down.
    Terminating,
    /// It was ended.
    Terminated,
}

impl Status {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 11] = [
        Self::New,
        Self::Created,
        Self::ApprovalPending,
        Self::Approved,
        Self::Activating,
        Self::Active,
        Self::Expiring,
        Self::Expired,
        Self::TerminationRequested,
        Self::Terminating,
        Self::Terminated,
    ];

    /// As Graph writes it; nothing for one that is being made.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::New => None,
            Self::Created => Some("created"),
            Self::ApprovalPending => Some("approvalPending"),
            Self::Approved => Some("approved"),
            Self::Activating => Some("activating"),
            Self::Active => Some("active"),
            Self::Expiring => Some("expiring"),
            Self::Expired => Some("expired"),
            Self::TerminationRequested => Some("terminationRequested"),
            Self::Terminating => Some("terminating"),
            Self::Terminated => Some("terminated"),
        }
    }

    /// Whether the customer has agreed and it is not over: there is a `delegatedAdminCustomer` as long as one is.
    pub fn is_live(self) -> bool {
        match self {
            Self::Approved
            | Self::Activating
            | Self::Active
            | Self::Expiring
            | Self::TerminationRequested
            | Self::Terminating => true,
            Self::New
            | Self::Created
            | Self::ApprovalPending
            | Self::Expired
            | Self::Terminated => false,
        }
    }
}

/// A group's roles in a relationship.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// A UUID.
    pub id: String,
    /// The group.
    pub group: String,
    /// Template ids in lower case.
    pub roles: BTreeSet<String>,
    /// Where it stands.
    pub status: AssignmentStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub modified: Timestamp,
    /// Changes with every change.
    pub etag: u64,
}

/// Where an assignment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AssignmentStatus {
    /// It is being set up.
    Pending,
    /// It works.
    Active,
    /// It is being taken down.
    Deleting,
    /// It is gone, and is still listed.
    Deleted,
    /// It could not be set up.
    Error,
}

impl AssignmentStatus {
    /// As Graph writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Error => "error",
        }
    }
}

/// What somebody asks to be done with a relationship.
#[derive(Debug, Clone)]
pub struct Request {
    /// A UUID.
    pub id: String,
    /// What.
    pub action: Action,
    /// How far it is.
    pub status: RequestStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub modified: Timestamp,
    /// Whether it will fail.
    pub fails: bool,
}

/// What can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Ask the customer.
    LockForApproval,
    /// The reseller agrees.
    Approve,
    /// The reseller does not.
    Reject,
    /// End it.
    Terminate,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::LockForApproval, Self::Approve, Self::Reject, Self::Terminate];

    /// As Graph writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::LockForApproval => "lockForApproval",
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Terminate => "terminate",
        }
    }
}

/// How far a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestStatus {
    /// It was taken.
    Created,
    /// It is being done.
    Pending,
    /// It is done.
    Succeeded,
    /// It could not be done.
    Failed,
}

impl RequestStatus {
    /// As Graph writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A change that takes a while.
#[derive(Debug, Clone)]
pub struct Operation {
    /// A UUID.
    pub id: String,
    /// Larger than that of every one before it.
    pub number: u64,
    /// What is to be.
    pub aim: Aim,
    /// The target as JSON, in a text.
    pub data: String,
    /// How far it is.
    pub status: OperationStatus,
    /// When it was made.
    pub created: Timestamp,
    /// When it was changed.
    pub modified: Timestamp,
    /// Whether it will fail.
    pub fails: bool,
}

impl Operation {
    /// The roles that it is to give to this assignment.
    pub fn roles_of(&self, own: &str) -> Option<&BTreeSet<String>> {
        match &self.aim {
            Aim::Roles { assignment, roles } if assignment == own => Some(roles),
            Aim::Roles { .. } | Aim::NoGlobalAdministrator => None,
        }
    }

    /// Whether it is still to be carried out.
    pub fn is_under_way(&self) -> bool {
        match self.status {
            OperationStatus::NotStarted | OperationStatus::Running => true,
            OperationStatus::Succeeded | OperationStatus::Failed => false,
        }
    }
}

/// What an operation is to reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aim {
    /// An assignment has these roles.
    Roles {
        /// Its id.
        assignment: String,
        /// Template ids.
        roles: BTreeSet<String>,
    },
    /// The relationship is without Global Administrator.
    NoGlobalAdministrator,
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperationStatus {
    /// It was taken.
    NotStarted,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It could not be done.
    Failed,
}

impl OperationStatus {
    /// As Graph writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotStarted => "notStarted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// A group of the partner.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Group {
    /// Its name.
    pub display_name: String,
    /// Whether it can hold roles at all.
    #[serde(default = "yes")]
    pub security_enabled: bool,
    /// Whether it may hold roles of its own tenant.
    #[serde(default)]
    pub is_assignable_to_role: bool,
    /// By which rule people are in it, where it is dynamic.
    #[serde(default)]
    pub membership_rule: Option<String>,
}

fn yes() -> bool {
    true
}

/// What becomes of something that is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fate {
    /// What usually does.
    #[default]
    Ordinary,
    /// It takes so many seconds for the step that matters.
    Slow(u32),
    /// It fails: `error` or `failed`.
    Fails,
}

/// What happens by itself once its time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// A relationship is `created`.
    Created,
    /// A request is `pending`.
    RequestPending(String),
    /// A request is done.
    RequestDone(String),
    /// A relationship is `activating`.
    Activating,
    /// A relationship is `active`.
    Active,
    /// An assignment is `active`.
    Assigned(String),
    /// An assignment is `error`.
    NotAssigned(String),
    /// An assignment is `deleted`.
    Unassigned(String),
    /// An operation is `running`.
    OperationRunning(String),
    /// An operation is done.
    OperationDone(String),
    /// The last day of a relationship has begun.
    LastDay(Timestamp),
    /// The end of a relationship has come.
    End(Timestamp),
    /// A relationship is `expired`.
    Expired,
    /// A relationship is `terminating`.
    Terminating,
    /// A relationship is `terminated`.
    Terminated,
    /// Nobody knows it any more.
    Purged(Status),
    /// One of these, of a relationship.
    Of(String, Box<Due>),
}

impl World {
    /// An empty one.
    pub fn new(partner: &str, seed: u64) -> Self {
        Self {
            partner: partner.to_owned(),
            relationships: BTreeMap::new(),
            names: BTreeMap::new(),
            groups: BTreeMap::new(),
            tenants: BTreeMap::new(),
            agenda: BTreeMap::new(),
            fate: Fate::Ordinary,
            settings: Settings::default(),
            chance: Chance::new(seed),
            changes: 0,
        }
    }

    /// A new id.
    pub fn new_id(&mut self) -> String {
        self.chance.guid()
    }

    /// A new etag.
    pub fn new_etag(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    /// What becomes of what is made now; the next is ordinary again.
    pub fn take_fate(&mut self) -> Fate {
        std::mem::take(&mut self.fate)
    }

    /// Lets something happen to a relationship after some seconds.
    pub fn after(&mut self, seconds: u32, now: Timestamp, relationship: &str, due: Due) {
        self.at(later(now, SignedDuration::from_secs(seconds.into())), relationship, due);
    }

    /// The same at an instant.
    pub fn at(&mut self, when: Timestamp, relationship: &str, due: Due) {
        self.changes += 1;
        let due = Due::Of(relationship.to_owned(), Box::new(due));
        self.agenda.insert((when, self.changes), due);
    }

    /// Changes a relationship: with a new etag and time.
    pub fn change(&mut self, id: &str, now: Timestamp, how: impl FnOnce(&mut Relationship)) {
        let etag = self.new_etag();
        if let Some(relationship) = self.relationships.get_mut(id) {
            how(relationship);
            relationship.etag = etag;
            relationship.modified = now;
        }
    }

    /// Changes an assignment: with a new etag and time.
    pub fn change_assignment(
        &mut self,
        relationship: &str,
        id: &str,
        now: Timestamp,
        how: impl FnOnce(&mut Assignment),
    ) {
        let etag = self.new_etag();
        let follows = self.settings.habits.etag_follows_assignments;
        let Some(relationship) = self.relationships.get_mut(relationship) else { return };
        let Some(assignment) = relationship.assignments.get_mut(id) else { return };
        how(assignment);
        assignment.etag = etag;
        assignment.modified = now;
        if follows {
            relationship.etag = etag;
        }
    }

    /// Forgets a relationship, and frees its name.
    pub fn forget(&mut self, id: &str) {
        if let Some(gone) = self.relationships.remove(id) {
            self.names.remove(&gone.display_name.to_lowercase());
        }
    }

    /// The customers that there are: those of relationships that somebody has approved and that are not over.
    pub fn customers(&self) -> BTreeMap<&str, Option<&str>> {
        let live = self.relationships.values().filter(|it| it.status.is_live());
        live.filter_map(|it| it.customer.as_deref())
            .map(|tenant| (tenant, self.tenants.get(tenant).map(String::as_str)))
            .collect()
    }
}
