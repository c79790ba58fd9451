//! What happens by itself with time: requests are carried out, relationships become active, end and are forgotten.
//!
//! Never: a step whose time has come and that is skipped, or one that is made from a status that does not admit it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::{
    clock::later,
    world::{
        Action, Aim, AssignmentStatus, Due, Extension, GLOBAL_ADMINISTRATOR, OperationStatus,
        RequestStatus, Status, World,
    },
};

/// After how long an invitation that nobody answers is forgotten.
const UNANSWERED: SignedDuration = SignedDuration::from_hours(90 * 24);
/// After how long a relationship that has ended is forgotten.
const ENDED: SignedDuration = SignedDuration::from_hours(365 * 24);
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Lets everything happen whose time has come, in order, each at its own time.
pub fn advance(world: &mut World, now: Timestamp) {
    while let Some(entry) = world.agenda.first_entry() {
        let (when, _) = *entry.key();
        if when > now {
            return;
        }
        if let Due::Of(id, due) = entry.remove() {
            happen(world, &id, *due, when);
        }
    }
}

/// When the next thing happens by itself.
pub fn next(world: &World) -> Option<Timestamp> {
    world.agenda.first_key_value().map(|((when, _), _)| *when)
}

fn happen(world: &mut World, id: &str, due: Due, now: Timestamp) {
    let delays = world.settings.delays.clone();
    match due {
        Due::Created => created(world, id, now),
        Due::RequestPending(request) => request_pending(world, id, &request, now),
        Due::RequestDone(request) => request_done(world, id, &request, now),
        Due::Activating => {
            if step(world, id, Status::Approved, Status::Activating, now) {
                world.after(delays.active, now, id, Due::Active);
            }
        }
        Due::Active => activate(world, id, now),
        Due::Assigned(own) => land(world, id, &own, AssignmentStatus::Active, now),
        Due::NotAssigned(own) => land(world, id, &own, AssignmentStatus::Error, now),
        Due::Unassigned(own) => gone(world, id, &own, now),
        Due::OperationRunning(own) => operation_running(world, id, &own, now),
        Due::OperationDone(own) => operation_done(world, id, &own, now),
        Due::LastDay(end) => _ = extend(world, id, end, now),
        Due::End(end) => expire(world, id, end, now),
        Due::Expired => {
            if step(world, id, Status::Expiring, Status::Expired, now) {
                ended(world, id, Status::Expired, now);
            }
        }
        Due::Terminating => {
            if step(world, id, Status::TerminationRequested, Status::Terminating, now) {
                world.after(delays.terminated, now, id, Due::Terminated);
            }
        }
        Due::Terminated => {
            if step(world, id, Status::Terminating, Status::Terminated, now) {
                ended(world, id, Status::Terminated, now);
            }
        }
        Due::Purged(from) => {
            if world.relationships.get(id).is_some_and(|it| it.status == from) {
                world.forget(id);
            }
        }
        Due::Of(id, due) => happen(world, &id, *due, now),
    }
}

/// Moves a relationship on if it stands where it should.
fn step(world: &mut World, id: &str, from: Status, to: Status, now: Timestamp) -> bool {
    let fits = world.relationships.get(id).is_some_and(|it| it.status == from);
    if fits {
        world.change(id, now, |it| it.status = to);
    }
    fits
}

/// It is there, and can be sent.
pub fn created(world: &mut World, id: &str, now: Timestamp) {
    step(world, id, Status::New, Status::Created, now);
}

/// The customer, or the reseller, agrees. Gives whether it was asked.
pub fn approve(world: &mut World, id: &str, now: Timestamp) -> bool {
    let asked = step(world, id, Status::ApprovalPending, Status::Approved, now);
    if asked {
        world.change(id, now, |it| it.approved = true);
        let seconds = match world.take_fate() {
            super::world::Fate::Slow(seconds) => seconds,
            super::world::Fate::Ordinary | super::world::Fate::Fails => {
                world.settings.delays.activating
            }
        };
        world.after(seconds, now, id, Due::Activating);
    }
    asked
}

/// Somebody ends it. Gives whether it was active.
pub fn terminate(world: &mut World, id: &str, now: Timestamp) -> bool {
    let active = step(world, id, Status::Active, Status::TerminationRequested, now);
    if active {
        world.after(world.settings.delays.terminating, now, id, Due::Terminating);
    }
    active
}

/// An assignment begins to go.
pub fn take_away(world: &mut World, id: &str, own: &str, now: Timestamp) {
    world.change_assignment(id, own, now, |it| it.status = AssignmentStatus::Deleting);
    world.after(world.settings.delays.deletion, now, id, Due::Unassigned(own.to_owned()));
}

fn activate(world: &mut World, id: &str, now: Timestamp) {
    if !step(world, id, Status::Activating, Status::Active, now) {
        return;
    }
    let Some(relationship) = world.relationships.get(id) else { return };
    let end = later(now, DAY * i32::try_from(relationship.duration.0).unwrap_or(i32::MAX));
    world.change(id, now, |it| {
        it.activated = Some(now);
        it.end = Some(end);
    });
    plan_end(world, id, end);
}

fn plan_end(world: &mut World, id: &str, end: Timestamp) {
    world.at(later(end, -DAY), id, Due::LastDay(end));
    world.at(end, id, Due::End(end));
}

/// On the last day one that is to be extended gets half a year more.
fn extend(world: &mut World, id: &str, end: Timestamp, now: Timestamp) -> bool {
    let due = world.relationships.get(id).is_some_and(|it| {
        it.status == Status::Active
            && it.end == Some(end)
            && it.extension == Extension::HalfYear
            && !it.roles.contains(GLOBAL_ADMINISTRATOR)
    });
    let longer = later(end, DAY * 180);
    // At the end of time there is nothing to add.
    if !due || longer <= end {
        return false;
    }
    world.change(id, now, |it| it.end = Some(longer));
    plan_end(world, id, longer);
    true
}

fn expire(world: &mut World, id: &str, end: Timestamp, now: Timestamp) {
    // It may have been switched on in its last hours.
    if extend(world, id, end, now) {
        return;
    }
    let over = world.relationships.get(id).is_some_and(|it| it.end == Some(end));
    if over && step(world, id, Status::Active, Status::Expiring, now) {
        world.after(world.settings.delays.expired, now, id, Due::Expired);
    }
}

/// With a relationship its assignments end, and later it is forgotten.
fn ended(world: &mut World, id: &str, status: Status, now: Timestamp) {
    let all: Vec<String> = world
        .relationships
        .get(id)
        .map(|it| it.assignments.keys().cloned().collect())
        .unwrap_or_default();
    for own in all {
        gone(world, id, &own, now);
    }
    world.at(later(now, ENDED), id, Due::Purged(status));
}

fn gone(world: &mut World, id: &str, own: &str, now: Timestamp) {
    let there = world.relationships.get(id).and_then(|it| it.assignments.get(own));
    if there.is_some_and(|it| it.status != AssignmentStatus::Deleted) {
        world.change_assignment(id, own, now, |it| it.status = AssignmentStatus::Deleted);
    }
}

fn land(world: &mut World, id: &str, own: &str, status: AssignmentStatus, now: Timestamp) {
    let there = world.relationships.get(id).and_then(|it| it.assignments.get(own));
    if there.is_some_and(|it| it.status == AssignmentStatus::Pending) {
        world.change_assignment(id, own, now, |it| it.status = status);
    }
}

fn set_request(world: &mut World, id: &str, own: &str, status: RequestStatus, now: Timestamp) {
    let Some(relationship) = world.relationships.get_mut(id) else { return };
    if let Some(request) = relationship.requests.get_mut(own) {
        request.status = status;
        request.modified = now;
    }
}

fn request_pending(world: &mut World, id: &str, own: &str, now: Timestamp) {
    let Some(request) = world.relationships.get(id).and_then(|it| it.requests.get(own)) else {
        return;
    };
    let (action, fails) = (request.action, request.fails);
    set_request(world, id, own, RequestStatus::Pending, now);
    let delays = &world.settings.delays;
    let done = match action {
        Action::LockForApproval | Action::Approve | Action::Reject => delays.request_done,
        // It is done when the relationship has ended.
        Action::Terminate => delays.terminating.saturating_add(delays.terminated),
    };
    if action == Action::Terminate && !fails && !terminate(world, id, now) {
        set_request(world, id, own, RequestStatus::Failed, now);
        return;
    }
    world.after(done, now, id, Due::RequestDone(own.to_owned()));
}

fn request_done(world: &mut World, id: &str, own: &str, now: Timestamp) {
    let Some(request) = world.relationships.get(id).and_then(|it| it.requests.get(own)) else {
        return;
    };
    let (action, fails) = (request.action, request.fails);
    let succeeded = !fails && carried_out(world, id, action, now);
    let status = if succeeded { RequestStatus::Succeeded } else { RequestStatus::Failed };
    set_request(world, id, own, status, now);
}

fn carried_out(world: &mut World, id: &str, action: Action, now: Timestamp) -> bool {
    match action {
        Action::LockForApproval => {
            let locked = step(world, id, Status::Created, Status::ApprovalPending, now);
            if locked {
                let purged = Due::Purged(Status::ApprovalPending);
                world.at(later(now, UNANSWERED), id, purged);
            }
            locked
        }
        Action::Approve => {
            let approved = approve(world, id, now);
            answered(world, id, approved, now);
            approved
        }
        Action::Reject => {
            let rejected = step(world, id, Status::ApprovalPending, Status::Terminated, now);
            answered(world, id, rejected, now);
            if rejected {
                ended(world, id, Status::Terminated, now);
            }
            rejected
        }
        Action::Terminate => true,
    }
}

/// The reseller has answered.
fn answered(world: &mut World, id: &str, has: bool, now: Timestamp) {
    if has {
        world.change(id, now, |it| {
            if let Some(reseller) = &mut it.reseller {
                reseller.consent_pending = false;
            }
        });
    }
}

fn set_operation(world: &mut World, id: &str, own: &str, status: OperationStatus, now: Timestamp) {
    let Some(relationship) = world.relationships.get_mut(id) else { return };
    if let Some(operation) = relationship.operations.get_mut(own) {
        operation.status = status;
        operation.modified = now;
    }
}

fn operation_running(world: &mut World, id: &str, own: &str, now: Timestamp) {
    set_operation(world, id, own, OperationStatus::Running, now);
    world.after(world.settings.delays.operation_done, now, id, Due::OperationDone(own.to_owned()));
}

fn operation_done(world: &mut World, id: &str, own: &str, now: Timestamp) {
    let Some(operation) = world.relationships.get(id).and_then(|it| it.operations.get(own)) else {
        return;
    };
    let (aim, fails, number) = (operation.aim.clone(), operation.fails, operation.number);
    let reached = !fails && reach(world, id, aim, number, now);
    let status = if reached { OperationStatus::Succeeded } else { OperationStatus::Failed };
    set_operation(world, id, own, status, now);
}

/// Carries an operation out, if what it is about is still there.
fn reach(world: &mut World, id: &str, aim: Aim, number: u64, now: Timestamp) -> bool {
    let Some(relationship) = world.relationships.get(id) else { return false };
    if relationship.status != Status::Active {
        return false;
    }
    match aim {
        Aim::Roles { assignment, roles } => {
            let live =
                relationship.assignments.get(&assignment).is_some_and(|it| match it.status {
                    AssignmentStatus::Pending | AssignmentStatus::Active => true,
                    AssignmentStatus::Deleting
                    | AssignmentStatus::Deleted
                    | AssignmentStatus::Error => false,
                });
            let overtaken = relationship.operations.values().any(|it| {
                it.number > number
                    && it.status == OperationStatus::Succeeded
                    && it.roles_of(&assignment).is_some()
            });
            // Global Administrator may have gone meanwhile.
            let fits = live && !overtaken && roles.is_subset(&relationship.roles);
            if fits {
                world.change_assignment(id, &assignment, now, |it| it.roles = roles);
            }
            fits
        }
        Aim::NoGlobalAdministrator => {
            world.change(id, now, |it| {
                it.roles.remove(GLOBAL_ADMINISTRATOR);
            });
            keep_within(world, id, now);
            true
        }
    }
}

/// Takes from every assignment what the relationship no longer has; one that has nothing left goes.
pub fn keep_within(world: &mut World, id: &str, now: Timestamp) {
    let Some(relationship) = world.relationships.get(id) else { return };
    let ceiling = relationship.roles.clone();
    let beyond: Vec<(String, BTreeSet<String>)> = relationship
        .assignments
        .values()
        .filter(|it| !it.roles.is_subset(&ceiling))
        .map(|it| (it.id.clone(), it.roles.intersection(&ceiling).cloned().collect()))
        .collect();
    for (own, rest) in beyond {
        if rest.is_empty() {
            gone(world, id, &own, now);
        } else {
            world.change_assignment(id, &own, now, |it| it.roles = rest);
        }
    }
}
