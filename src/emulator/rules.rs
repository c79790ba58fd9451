//! What a caller may ask of the service, and what it does: each function is one call of Graph, checked and carried out.
//!
//! Never: an effect of a call that is refused.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    days::Days,
    lifecycle::advance,
    refusal::Refusal,
    settings::{Refused, Removal, Taken},
    world::{
        Action, Aim, Assignment, AssignmentStatus, Due, Extension, Fate, GLOBAL_ADMINISTRATOR,
        Operation, OperationStatus, Relationship, Request, RequestStatus, Reseller, Status, World,
    },
};

/// The most characters of a name.
pub const LONGEST_NAME: usize = 50;
/// The longest relationship.
pub const LONGEST: Days = Days(730);

/// What a body says of a relationship; what is absent is not said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wish {
    /// Its name.
    pub display_name: Option<String>,
    /// Its duration, as it was written.
    pub duration: Option<(Days, String)>,
    /// Its extension, in days.
    pub extension: Option<Days>,
    /// Whom it is for.
    pub customer: Whose,
    /// Its ceiling.
    pub roles: Option<BTreeSet<String>>,
}

/// Whom a relationship is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Whose {
    /// Nothing is said.
    #[default]
    Unsaid,
    /// Whoever approves it.
    Anybody,
    /// This tenant.
    Tenant(String),
}

impl Whose {
    /// The tenant, beside the one that was there.
    fn over(&self, old: Option<&String>) -> Option<String> {
        match self {
            Self::Unsaid => old.cloned(),
            Self::Anybody => None,
            Self::Tenant(tenant) => Some(tenant.clone()),
        }
    }
}

/// The etags of an `If-Match` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// There is no header.
    Absent,
    /// `*`.
    Any,
    /// One of these.
    OneOf(BTreeSet<String>),
}

/// What PATCH of a relationship has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patched {
    /// 200, with the object as it is now, changed or not.
    Done,
    /// 202, and an operation with this id.
    Operation(String),
}

/// Makes a relationship and gives its id.
pub fn create(world: &mut World, wish: &Wish, now: Timestamp) -> Result<String, Refusal> {
    create_for(world, wish, None, now)
}

/// The same, made by an indirect provider for the partner as its reseller.
pub fn create_for(
    world: &mut World,
    wish: &Wish,
    reseller: Option<Reseller>,
    now: Timestamp,
) -> Result<String, Refusal> {
    let name = wish.display_name.clone().ok_or_else(|| missing("displayName"))?;
    let (duration, sent) = wish.duration.clone().ok_or_else(|| missing("duration"))?;
    let roles = wish.roles.clone().ok_or_else(|| missing("accessDetails"))?;
    let extension = extension_of(wish.extension.unwrap_or(Days(0)))?;
    check(world, None, &name, duration, extension, &roles)?;

    let id = format!("{}-{}", world.new_id(), world.partner);
    let etag = world.new_etag();
    let made = Relationship {
        id: id.clone(),
        display_name: name.clone(),
        duration,
        duration_sent: sent,
        extension,
        customer: wish.customer.over(None),
        roles,
        status: Status::New,
        created: now,
        modified: now,
        activated: None,
        end: None,
        approved: false,
        etag,
        reseller,
        assignments: std::collections::BTreeMap::new(),
        requests: std::collections::BTreeMap::new(),
        operations: std::collections::BTreeMap::new(),
    };
    world.relationships.insert(id.clone(), made);
    world.names.insert(name.to_lowercase(), id.clone());
    let created = slowed(world.take_fate(), world.settings.delays.created);
    world.after(created, now, &id, Due::Created);
    advance(world, now);
    Ok(id)
}

fn missing(property: &str) -> Refusal {
    Refusal::bad(format!("The property `{property}` is required."))
}

fn extension_of(days: Days) -> Result<Extension, Refusal> {
    match days {
        Days(0) => Ok(Extension::Off),
        Days(180) => Ok(Extension::HalfYear),
        Days(_) => Err(Refusal::bad("`autoExtendDuration` is P0D, PT0S or P180D.")),
    }
}

/// What must hold of a relationship that can still be changed.
fn check(
    world: &World,
    own: Option<&str>,
    name: &str,
    duration: Days,
    extension: Extension,
    roles: &BTreeSet<String>,
) -> Result<(), Refusal> {
    if name.trim().is_empty() || name.chars().any(char::is_control) {
        return Err(Refusal::bad("`displayName` has at least one character that can be seen."));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Refusal::bad("`displayName` has at most 50 characters."));
    }
    if !(Days(1)..=LONGEST).contains(&duration) {
        return Err(Refusal::bad("`duration` is from P1D to P2Y."));
    }
    if roles.is_empty() {
        return Err(Refusal::bad("`accessDetails` has at least one role."));
    }
    without_global_administrator(extension, roles)?;
    match world.names.get(&name.to_lowercase()) {
        Some(id) if Some(id.as_str()) != own => {
            Err(Refusal::conflict("A delegated admin relationship with this name already exists."))
        }
        _ => Ok(()),
    }
}

fn without_global_administrator(
    extension: Extension,
    roles: &BTreeSet<String>,
) -> Result<(), Refusal> {
    match extension {
        Extension::HalfYear if roles.contains(GLOBAL_ADMINISTRATOR) => Err(Refusal::bad(
            "A relationship with Global Administrator cannot be extended by itself.",
        )),
        Extension::HalfYear | Extension::Off => Ok(()),
    }
}

/// The relationship with this id.
pub fn relationship<'w>(world: &'w World, id: &str) -> Result<&'w Relationship, Refusal> {
    let is_id = |text: Option<&str>| {
        text.is_some_and(|text| text.len() == 36 && uuid::Uuid::try_parse(text).is_ok())
    };
    let has_form = id.len() == 73 && id.get(36..37) == Some("-");
    if !has_form || !is_id(id.get(..36)) || !is_id(id.get(37..)) {
        return Err(Refusal::bad("The passed in delegatedAdminRelationshipId is invalid."));
    }
    let found = world.relationships.get(&id.to_lowercase());
    found.ok_or_else(|| Refusal::missing("No delegated admin relationship has this id."))
}

/// The assignment with this id.
pub fn assignment<'w>(world: &'w World, id: &str, own: &str) -> Result<&'w Assignment, Refusal> {
    let found = relationship(world, id)?.assignments.get(&own.to_lowercase());
    found.ok_or_else(|| Refusal::missing("No access assignment has this id."))
}

/// Whether the caller has seen what is there.
fn seen(etag: u64, given: &Match) -> Result<(), Refusal> {
    match given {
        Match::Absent => Err(Refusal::bad("The header If-Match is required.")),
        Match::Any => Ok(()),
        Match::OneOf(etags) if etags.contains(&super::wire::etag(etag)) => Ok(()),
        Match::OneOf(_) => Err(Refusal::changed()),
    }
}

/// Changes a relationship, as far as its status lets anybody.
pub fn patch(
    world: &mut World,
    id: &str,
    given: &Match,
    wish: &Wish,
    now: Timestamp,
) -> Result<Patched, Refusal> {
    let old = relationship(world, id)?.clone();
    seen(old.etag, given)?;
    match old.status {
        Status::Created => patch_created(world, &old, wish, now),
        Status::Active => patch_active(world, &old, wish, now),
        Status::New
        | Status::ApprovalPending
        | Status::Approved
        | Status::Activating
        | Status::Expiring
        | Status::Expired
        | Status::TerminationRequested
        | Status::Terminating
        | Status::Terminated => Ok(Patched::Done),
    }
}

fn patch_created(
    world: &mut World,
    old: &Relationship,
    wish: &Wish,
    now: Timestamp,
) -> Result<Patched, Refusal> {
    let name = wish.display_name.clone().unwrap_or_else(|| old.display_name.clone());
    let (duration, sent) =
        wish.duration.clone().unwrap_or((old.duration, old.duration_sent.clone()));
    let extension = wish.extension.map_or(Ok(old.extension), extension_of)?;
    let roles = wish.roles.clone().unwrap_or_else(|| old.roles.clone());
    let customer = wish.customer.over(old.customer.as_ref());
    check(world, Some(&old.id), &name, duration, extension, &roles)?;
    let is_so = (&name, &sent, extension) == (&old.display_name, &old.duration_sent, old.extension)
        && (&roles, &customer) == (&old.roles, &old.customer);
    if is_so {
        return Ok(Patched::Done);
    }
    world.names.remove(&old.display_name.to_lowercase());
    world.names.insert(name.to_lowercase(), old.id.clone());
    world.change(&old.id, now, |it| {
        it.display_name = name;
        it.duration = duration;
        it.duration_sent = sent;
        it.extension = extension;
        it.roles = roles;
        it.customer = customer;
    });
    Ok(Patched::Done)
}

/// In an active one the extension can be switched, and Global Administrator taken away; the rest is ignored without a word.
fn patch_active(
    world: &mut World,
    old: &Relationship,
    wish: &Wish,
    now: Timestamp,
) -> Result<Patched, Refusal> {
    let extension = wish.extension.map_or(Ok(old.extension), extension_of)?;
    without_global_administrator(extension, &old.roles)?;
    if extension != old.extension {
        world.change(&old.id, now, |it| it.extension = extension);
    }
    let removal = world.settings.habits.removal;
    let Some(roles) = &wish.roles else { return Ok(Patched::Done) };
    if !takes_global_administrator_away(old, roles, removal) {
        return Ok(Patched::Done);
    }
    match removal {
        Removal::AtOnce => {
            world.change(&old.id, now, |it| {
                it.roles.remove(GLOBAL_ADMINISTRATOR);
            });
            super::lifecycle::keep_within(world, &old.id, now);
            Ok(Patched::Done)
        }
        Removal::WithoutIt | Removal::NamingIt => {
            Ok(Patched::Operation(begin(world, &old.id, Aim::NoGlobalAdministrator, now)))
        }
        Removal::Fails => {
            world.fate = Fate::Fails;
            Ok(Patched::Operation(begin(world, &old.id, Aim::NoGlobalAdministrator, now)))
        }
    }
}

fn takes_global_administrator_away(
    old: &Relationship,
    roles: &BTreeSet<String>,
    removal: Removal,
) -> bool {
    let mut rest = old.roles.clone();
    // What would leave no role at all is no removal.
    if !rest.remove(GLOBAL_ADMINISTRATOR) || rest.is_empty() {
        return false;
    }
    match removal {
        Removal::WithoutIt | Removal::Fails | Removal::AtOnce => *roles == rest,
        Removal::NamingIt => roles.len() == 1 && roles.contains(GLOBAL_ADMINISTRATOR),
    }
}

/// Deletes a relationship that nobody was asked about.
pub fn delete(world: &mut World, id: &str, given: &Match) -> Result<(), Refusal> {
    let old = relationship(world, id)?;
    seen(old.etag, given)?;
    if old.status != Status::Created {
        return Err(Refusal::bad("Only a relationship whose status is `created` can be deleted."));
    }
    let id = old.id.clone();
    world.forget(&id);
    Ok(())
}

/// Takes a request and gives its id; it is carried out later.
pub fn request(
    world: &mut World,
    id: &str,
    action: Action,
    now: Timestamp,
) -> Result<String, Refusal> {
    let old = relationship(world, id)?;
    let id = old.id.clone();
    if !admits(old, action) {
        let word = old.status.word().unwrap_or("not there yet");
        let action = action.word();
        return Err(Refusal::bad(format!("`{action}` cannot be asked for while it is `{word}`.")));
    }
    let waits = |it: &Request| {
        it.action == action && matches!(it.status, RequestStatus::Created | RequestStatus::Pending)
    };
    if old.requests.values().any(waits) {
        return Err(Refusal::conflict("The resource already exists."));
    }
    let own = world.new_id();
    let fate = world.take_fate();
    let made = Request {
        id: own.clone(),
        action,
        status: RequestStatus::Created,
        created: now,
        modified: now,
        fails: fate == Fate::Fails,
    };
    if let Some(relationship) = world.relationships.get_mut(&id) {
        relationship.requests.insert(own.clone(), made);
    }
    let pending = slowed(fate, world.settings.delays.request_pending);
    world.after(pending, now, &id, Due::RequestPending(own.clone()));
    Ok(own)
}

/// Whether a request fits the status.
pub fn admits(relationship: &Relationship, action: Action) -> bool {
    let asked = relationship.reseller.as_ref().is_some_and(|it| it.consent_pending);
    match action {
        Action::LockForApproval => relationship.status == Status::Created,
        Action::Terminate => relationship.status == Status::Active,
        Action::Approve | Action::Reject => relationship.status == Status::ApprovalPending && asked,
    }
}

/// Gives a group roles, and gives the id of the assignment.
pub fn assign(
    world: &mut World,
    id: &str,
    group: &str,
    roles: &BTreeSet<String>,
    now: Timestamp,
) -> Result<String, Refusal> {
    let old = relationship(world, id)?;
    let id = old.id.clone();
    let group = group.to_lowercase();
    if old.status != Status::Active {
        return Err(Refusal::bad("Roles can be assigned while the relationship is `active`."));
    }
    within(old, roles)?;
    match world.groups.get(&group) {
        Some(it) if it.security_enabled => {}
        Some(_) => return Err(Refusal::bad("The access container is no security group.")),
        None if world.settings.habits.any_group => {}
        None => return Err(Refusal::bad("The access container does not exist.")),
    }
    let is_there = |it: &Assignment| it.group == group && it.status != AssignmentStatus::Deleted;
    if old.assignments.values().any(is_there) {
        return Err(Refusal::conflict("The resource already exists."));
    }
    let own = world.new_id();
    let etag = world.new_etag();
    let made = Assignment {
        id: own.clone(),
        group,
        roles: roles.clone(),
        status: AssignmentStatus::Pending,
        created: now,
        modified: now,
        etag,
    };
    let follows = world.settings.habits.etag_follows_assignments;
    if let Some(relationship) = world.relationships.get_mut(&id) {
        relationship.assignments.insert(own.clone(), made);
        if follows {
            relationship.etag = etag;
        }
    }
    let delay = world.settings.delays.assignment;
    let hangs = world.settings.habits.hangs_from.is_some_and(|from| roles.len() >= from);
    match world.take_fate() {
        _ if hangs => {}
        Fate::Ordinary => world.after(delay, now, &id, Due::Assigned(own.clone())),
        Fate::Slow(seconds) => world.after(seconds, now, &id, Due::Assigned(own.clone())),
        Fate::Fails => world.after(delay, now, &id, Due::NotAssigned(own.clone())),
    }
    Ok(own)
}

fn within(relationship: &Relationship, roles: &BTreeSet<String>) -> Result<(), Refusal> {
    if roles.is_empty() {
        return Err(Refusal::bad("`accessDetails` has at least one role."));
    }
    match roles.iter().find(|role| !relationship.roles.contains(*role)) {
        Some(role) => Err(Refusal::bad(format!("The relationship does not have the role {role}."))),
        None => Ok(()),
    }
}

/// Changes the roles of an assignment: `None` where they are so and stay so, else the operation.
pub fn reassign(
    world: &mut World,
    id: &str,
    own: &str,
    given: &Match,
    roles: &BTreeSet<String>,
    now: Timestamp,
) -> Result<Option<String>, Refusal> {
    let old = assignment(world, id, own)?;
    seen(old.etag, given)?;
    let accepted = match old.status {
        AssignmentStatus::Active => true,
        AssignmentStatus::Pending => world.settings.habits.patch_pending == Refused::Taken,
        AssignmentStatus::Deleting | AssignmentStatus::Deleted | AssignmentStatus::Error => false,
    };
    let holder = relationship(world, id)?;
    if !accepted || holder.status != Status::Active {
        return Err(Refusal::bad("The access assignment is not in a status to be changed."));
    }
    within(holder, roles)?;
    let is_to_change =
        holder.operations.values().any(|it| it.is_under_way() && it.roles_of(&old.id).is_some());
    if old.roles == *roles && !is_to_change {
        return Ok(None);
    }
    let (id, assignment) = (holder.id.clone(), old.id.clone());
    Ok(Some(begin(world, &id, Aim::Roles { assignment, roles: roles.clone() }, now)))
}

/// Takes a group's roles away.
pub fn unassign(
    world: &mut World,
    id: &str,
    own: &str,
    given: &Match,
    now: Timestamp,
) -> Result<(), Refusal> {
    let old = assignment(world, id, own)?;
    seen(old.etag, given)?;
    match old.status {
        AssignmentStatus::Active | AssignmentStatus::Error => {}
        AssignmentStatus::Pending if world.settings.habits.delete_pending == Taken::Taken => {}
        AssignmentStatus::Pending => {
            return Err(Refusal::bad("The access assignment is `pending`."));
        }
        AssignmentStatus::Deleting => {
            return Err(Refusal::conflict("The access assignment is being deleted."));
        }
        AssignmentStatus::Deleted => {
            return Err(Refusal::missing("No access assignment has this id."));
        }
    }
    let (id, own) = (relationship(world, id)?.id.clone(), old.id.clone());
    super::lifecycle::take_away(world, &id, &own, now);
    Ok(())
}

/// Begins an operation and gives its id.
fn begin(world: &mut World, id: &str, aim: Aim, now: Timestamp) -> String {
    let own = world.new_id();
    let fate = world.take_fate();
    let data = super::wire::target(world, id, &aim);
    let made = Operation {
        id: own.clone(),
        number: world.new_etag(),
        aim,
        data,
        status: OperationStatus::NotStarted,
        created: now,
        modified: now,
        fails: fate == Fate::Fails,
    };
    if let Some(relationship) = world.relationships.get_mut(id) {
        relationship.operations.insert(own.clone(), made);
    }
    let running = slowed(fate, world.settings.delays.operation_running);
    world.after(running, now, id, Due::OperationRunning(own.clone()));
    own
}

fn slowed(fate: Fate, usual: u32) -> u32 {
    match fate {
        Fate::Slow(seconds) => seconds,
        Fate::Ordinary | Fate::Fails => usual,
    }
}

#[cfg(test)]
mod tests;
