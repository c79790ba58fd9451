//! Events, from the status that stood there and the one that is to stand there.
//!
//! Never: an event without a transition.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;

use super::{
    reason::{ConditionType, Reason},
    text,
};
use crate::api::{
    Condition, ConditionStatus, EffectiveAssignment, PartnerRelationshipStatus, RoleGrantStatus,
};

/// As many characters as `events.k8s.io` holds in a note.
const LONGEST_NOTE: usize = 1_024;

/// What happened, in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventReason {
    /// The customer was invited.
    Invited,
    /// The customer has accepted.
    Authorised,
    /// Access is held.
    RoleGranted,
    /// Access is not held any more.
    RoleRevoked,
    /// The end is 30, 7 or 1 days away.
    Expiring,
    /// Time is over.
    Expired,
    /// Changes wait for a person.
    Blocked,
    /// An approval that somebody wrote does not count.
    ApprovalRefused,
    /// The row in the store is another's.
    Conflict,
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl EventReason {
    /// What was done, or found, as `action` of an event.
    pub fn action(self) -> &'static str {
        match self {
            Self::Invited => "Invite",
            Self::Authorised => "Authorise",
            Self::RoleGranted => "Grant",
            Self::RoleRevoked => "Revoke",
            Self::Expiring => "Watch",
            Self::Expired => "Expire",
            Self::Blocked => "Block",
            Self::ApprovalRefused => "Approve",
            Self::Conflict => "Plan",
        }
    }

    /// Whether somebody should look at it.
    pub fn type_(self) -> EventType {
        match self {
            Self::Invited | Self::Authorised | Self::RoleGranted | Self::RoleRevoked => {
                EventType::Normal
            }
            Self::Expired => EventType::Normal,
            Self::Expiring | Self::Blocked | Self::ApprovalRefused | Self::Conflict => {
                EventType::Warning
            }
        }
    }
}

/// The two types of events that Kubernetes knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventType {
    /// All is well.
    Normal,
    /// Somebody should look at it.
    Warning,
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An event about one object, before it has a time and a reporter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// What happened.
    pub reason: EventReason,
    /// In words.
    pub note: String,
}

/// An approval on the object does not count.
pub fn approval_refused(why: &str) -> Event {
    event(EventReason::ApprovalRefused, format!("the approval does not count: {why}"))
}

/// What happened to a relationship.
pub fn relationship_events(
    old: Option<&PartnerRelationshipStatus>,
    new: &PartnerRelationshipStatus,
    now: Timestamp,
) -> Vec<Event> {
    let before = old.map_or(&[][..], |old| &old.conditions);
    let mut events = Vec::new();
    if let Some(invitation) = &new.invitation
        && old.and_then(|old| old.invitation.as_ref()) != Some(invitation)
    {
        let note = format!("the customer is invited to accept invitation `{}`", invitation.digest);
        events.push(event(EventReason::Invited, note));
    }
    if let (Some(activated_at), Some(name)) = (new.activated_at, &new.store_id)
        && holds(&new.conditions, ConditionType::Authorized).is_some()
        && old.and_then(|old| old.activated_at) != Some(activated_at)
    {
        let note =
            format!("the customer has accepted `{name}`, which is active since {activated_at}");
        events.push(event(EventReason::Authorised, note));
    }
    let held_before = old.map_or(&[][..], |old| &old.assignments);
    for (reason, verb, difference) in [
        (EventReason::RoleRevoked, "no longer holds", missing(held_before, &new.assignments, now)),
        (EventReason::RoleGranted, "holds", missing(&new.assignments, held_before, now)),
    ] {
        let told = difference
            .iter()
            .map(|(grantee, roles)| format!("`{grantee}` {verb} {}", roles.join(", ")));
        let note = text::list(told);
        if !note.is_empty() {
            events.push(event(reason, note));
        }
    }
    if let Some(ready) = became(before, &new.conditions, Reason::Expired) {
        events.push(event(EventReason::Expired, ready.message.clone()));
    }
    events.extend(other_events(before, &new.conditions));
    events
}

/// The roles, by grantee, that some assignments have and others have not. Those that were to end by now are not told:
/// the grant tells that it has expired.
fn missing<'a>(
    of: &'a [EffectiveAssignment],
    among: &[EffectiveAssignment],
    now: Timestamp,
) -> BTreeMap<&'a str, Vec<String>> {
    let there: BTreeSet<(&str, &str)> = among
        .iter()
        .flat_map(|assignment| {
            assignment.roles.iter().map(|role| (&*assignment.grantee, &*role.id))
        })
        .collect();
    let mut missing: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let pairs = of
        .iter()
        .flat_map(|assignment| assignment.roles.iter().map(|role| (&*assignment.grantee, role)));
    for (grantee, role) in pairs {
        if !there.contains(&(grantee, &*role.id)) && role.until.is_none_or(|until| until > now) {
            missing.entry(grantee).or_default().push(format!("`{}`", role.name));
        }
    }
    missing
}

/// What happened to a grant.
pub fn grant_events(old: Option<&RoleGrantStatus>, new: &RoleGrantStatus) -> Vec<Event> {
    let before = old.map_or(&[][..], |old| &old.conditions);
    let mut events = Vec::new();
    let in_force = ConditionType::InForce;
    let expired = became(before, &new.conditions, Reason::Expired);
    match (holds(before, in_force), holds(&new.conditions, in_force)) {
        (None, Some(held)) => {
            let roles: Vec<String> =
                new.roles.iter().map(|role| format!("`{}`", role.name)).collect();
            let until = new.expires_at.map(|end| format!(" until {end}")).unwrap_or_default();
            let note = format!("{}: {}{until}", held.message, roles.join(", "));
            events.push(event(EventReason::RoleGranted, note));
        }
        (Some(_), None) if expired.is_none() => {
            let note = "no access is held by this grant any more".to_owned();
            events.push(event(EventReason::RoleRevoked, note));
        }
        (Some(_) | None, None) | (Some(_), Some(_)) => {}
    }
    if let Some(ready) = expired {
        events.push(event(EventReason::Expired, ready.message.clone()));
    }
    events.extend(other_events(before, &new.conditions));
    events
}

/// What conditions alone tell, of any object.
pub fn other_events(old: &[Condition], new: &[Condition]) -> Vec<Event> {
    let mut events = Vec::new();
    let same_reason = |type_, condition: &Condition| {
        holds(old, type_).is_some_and(|old| old.reason == condition.reason)
    };
    if let Some(expiring) = holds(new, ConditionType::ExpiringSoon)
        && expiring.reason != Reason::RenewalDue.to_string()
        && !same_reason(ConditionType::ExpiringSoon, expiring)
    {
        events.push(event(EventReason::Expiring, expiring.message.clone()));
    }
    if let Some(blocked) = holds(new, ConditionType::PlanBlocked)
        && holds(old, ConditionType::PlanBlocked).is_none_or(|old| old.message != blocked.message)
    {
        events.push(event(EventReason::Blocked, blocked.message.clone()));
    }
    if let Some(conflict) = became(old, new, Reason::Conflict) {
        events.push(event(EventReason::Conflict, conflict.message.clone()));
    }
    events
}

fn event(reason: EventReason, note: String) -> Event {
    Event { reason, note: text::cut_to(note, LONGEST_NOTE) }
}

/// The condition of this type, where it is true.
fn holds(conditions: &[Condition], type_: ConditionType) -> Option<&Condition> {
    let type_ = type_.to_string();
    conditions
        .iter()
        .find(|condition| condition.type_ == type_ && condition.status == ConditionStatus::True)
}

/// `Ready`, where its reason is this one and was not before.
fn became<'a>(old: &[Condition], new: &'a [Condition], reason: Reason) -> Option<&'a Condition> {
    let (type_, reason) = (ConditionType::Ready.to_string(), reason.to_string());
    let is = |condition: &&Condition| condition.type_ == type_ && condition.reason == reason;
    new.iter().find(is).filter(|_| !old.iter().any(|condition| is(&condition)))
}

#[cfg(test)]
mod tests;
