//! What each effect makes of a row, and what it must find there (docs/concepts.md, Lifecycle, L1–L7).
//!
//! Whoever carries changes out asks [`check`] first; what a change then makes is [`make`], for a store as for whoever
//! reads a ledger.
//!
//! Never: a stage that the lifecycle does not admit.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::{
    api::AcceptanceDecision,
    domain::{
        change::{Effect, Subject},
        duration::Duration,
        ids::GLOBAL_ADMINISTRATOR,
        lifecycle::{
            AUTO_EXTENDS_BEFORE_END_DAYS, AUTO_EXTENDS_BY_DAYS, EndReason, Ended, Lifecycle, Phase,
        },
        state::{
            Acceptance, Asked, Flight, Found, Invitation, ObservedAssignment, ObservedRelationship,
            Policies, Roles, Stands, Uid,
        },
    },
};

/// Why an effect may not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forbidden {
    /// The row is no longer as the effect expects it.
    Stale,
    /// It would be over before it begins.
    AlreadyOver {
        /// The end.
        until: Timestamp,
        /// The instant at which it was asked.
        now: Timestamp,
    },
    /// The lifecycle never admits it, in the words of why.
    Never(String),
}

fn never(why: &str) -> Forbidden {
    Forbidden::Never(why.to_owned())
}

/// Whether an effect may be, on the row as it is. `is_held` tells whether anybody holds a role under it.
///
/// # Errors
///
/// With why not.
pub fn check(
    row: &ObservedRelationship,
    is_held: bool,
    effect: &Effect,
    now: Timestamp,
) -> Result<(), Forbidden> {
    let phase = row.lifecycle.phase();
    let only_in = |expected: Phase| same(&phase, &expected);
    match effect {
        Effect::Authorise { acceptance, ends_at } => {
            only_in(Phase::Pending)?;
            answers(acceptance, AcceptanceDecision::Accept, row, now)?;
            accepts_the_agreement(acceptance, row)?;
            lasts(*ends_at, acceptance.accepted_at, row)?;
            match ends_at.filter(|ends_at| *ends_at <= now) {
                Some(until) => Err(Forbidden::AlreadyOver { until, now }),
                None => Ok(()),
            }
        }
        Effect::Decline { acceptance } => {
            only_in(Phase::Pending)?;
            answers(acceptance, AcceptanceDecision::Decline, row, now)
        }
        Effect::Withdraw { reason: _ } => only_in(Phase::Pending),
        Effect::Terminate { reason: _ } if is_held => Err(never("access is still held under it")),
        Effect::Terminate { reason: _ } => only_in(Phase::Active),
        Effect::Expire { ended_at } => {
            only_in(Phase::Active)?;
            same_end(row.ends_at, *ended_at)?;
            if *ended_at > now { Err(Forbidden::Stale) } else { Ok(()) }
        }
        Effect::SetRoles { grantee: _, before, after } => {
            may_hold(row, &before.roles, &after.roles, now)
        }
        Effect::SetAutoExtend { before, after } => {
            only_in(Phase::Active)?;
            same(&row.auto_extend, before)?;
            if !after.is_zero() && row.ceiling.contains(&GLOBAL_ADMINISTRATOR) {
                let why = "a relationship with Global Administrator is never extended by itself";
                return Err(never(why));
            }
            Ok(())
        }
        Effect::DropGlobalAdministrator { before, after } => {
            only_in(Phase::Active)?;
            same(&row.ceiling, before)?;
            let mut dropped = before.clone();
            dropped.remove(&GLOBAL_ADMINISTRATOR);
            if dropped != *after {
                let why = "an active relationship can drop Global Administrator and no other role";
                return Err(never(why));
            }
            Ok(())
        }
        Effect::Extend { before, after } => {
            only_in(Phase::Active)?;
            extends(row, *before, *after, now)
        }
        Effect::Claim { before: (owner, uid), after: _ } => {
            same(&(&row.owner, &row.uid), &(owner, uid))
        }
        Effect::SetPolicies { before, after: _ } => same(&row.policies, before),
        Effect::Rename { before, after: _ } => {
            same(&(&row.partner_name, &row.customer_name), &(&before.partner, &before.customer))
        }
        Effect::Recognise { before, after } => recognises(row, before, after),
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => Ok(()),
    }
}

/// Makes of a row what an effect makes of it at `at`, whether it may be or not.
pub fn make(row: &mut ObservedRelationship, effect: &Effect, at: Timestamp) {
    let end = |row: &mut ObservedRelationship, stage, at, reason| {
        row.lifecycle = stage;
        row.ended = Some(Ended { at, reason });
    };
    match effect {
        Effect::SetRoles { grantee, before: _, after } => {
            let earlier = row.assignments.get(&grantee.id);
            let version = earlier.map_or(0, |assignment| assignment.version) + 1;
            let (grantee, state) = (grantee.clone(), after.clone());
            let assignment = ObservedAssignment { grantee, version, state, flight: Flight::Landed };
            row.assignments.insert(assignment.grantee.id, assignment);
        }
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => {}
        Effect::Recognise { before: _, after } => {
            row.stand((**after).clone());
        }
        Effect::Authorise { acceptance: _, ends_at } => {
            row.lifecycle = Lifecycle::Active;
            row.activated_at = Some(at);
            row.ends_at = *ends_at;
        }
        Effect::Decline { acceptance: _ } => {
            end(row, Lifecycle::Withdrawn, at, EndReason::Declined);
        }
        Effect::Withdraw { reason } => end(row, Lifecycle::Withdrawn, at, *reason),
        Effect::Terminate { reason } => end(row, Lifecycle::Terminated, at, *reason),
        Effect::Expire { ended_at } => {
            end(row, Lifecycle::Expired, *ended_at, EndReason::Expired);
        }
        Effect::SetAutoExtend { before: _, after } => row.auto_extend = *after,
        Effect::DropGlobalAdministrator { before: _, after } => row.ceiling.clone_from(after),
        Effect::Extend { before: _, after } => row.ends_at = Some(*after),
        Effect::Claim { before: _, after } => (row.owner, row.uid) = after.clone(),
        Effect::SetPolicies { before: _, after } => row.policies.clone_from(after),
        Effect::Rename { before: _, after } => {
            row.partner_name.clone_from(&after.partner);
            row.customer_name.clone_from(&after.customer);
        }
    }
    row.revision += i64::from(is_revision(effect));
}

/// Whether it is the row that an effect changes, and not what one grantee holds under it.
pub fn is_revision(effect: &Effect) -> bool {
    !matches!(
        effect,
        Effect::SetRoles { .. }
            | Effect::Invite { .. }
            | Effect::Adopt { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetBoundary { .. }
    )
}

/// The row that an invitation or an adoption makes at `at`; nothing where the effect is another one.
pub fn made(subject: &Subject, effect: &Effect, at: Timestamp) -> Option<ObservedRelationship> {
    let row = |invitation: &Invitation, asked: &Asked, policies: &Policies, number, uid: &Uid| {
        Some(ObservedRelationship {
            key: subject.relationship.clone()?,
            number,
            owner: subject.owner.clone(),
            uid: uid.clone(),
            revision: 1,
            customer_name: subject.customer.name.clone(),
            partner_name: subject.partner.name.clone(),
            lifecycle: Lifecycle::ApprovalPending,
            digest: invitation.digest(),
            asked: asked.clone(),
            invited_at: at,
            activated_at: None,
            ends_at: None,
            auto_extend: invitation.auto_extend,
            ceiling: invitation.roles.clone(),
            ended: None,
            policies: policies.clone(),
            at: None,
            moved: None,
            assignments: BTreeMap::new(),
            invitation: invitation.clone(),
        })
    };
    if let Effect::Adopt { invitation, asked, policies, first: _, number, uid, found } = effect {
        let Found { at: service, name: _, stands, auto_extend, created_at } = &**found;
        let mut row = ObservedRelationship {
            auto_extend: *auto_extend,
            invited_at: created_at.unwrap_or(at),
            at: Some(service.clone()),
            ..row(invitation, asked, policies, *number, uid)?
        };
        row.stand(stands.clone());
        return Some(row);
    }
    let Effect::Invite { invitation, asked, policies, first: _, number, uid } = effect else {
        return None;
    };
    row(invitation, asked, policies, *number, uid)
}

/// What the service has moved is taken over as it was seen. What is over is over: only an invitation that was given up
/// here, and could not be taken back there, may still have been accepted.
fn recognises(
    row: &ObservedRelationship,
    before: &Stands,
    after: &Stands,
) -> Result<(), Forbidden> {
    if row.at.is_none() {
        return Err(never("no relationship at the service is known for it"));
    }
    same(&row.stands(), before)?;
    let revives = row.lifecycle.phase() == Phase::Ended && after.lifecycle.phase() != Phase::Ended;
    if revives && row.lifecycle != Lifecycle::Withdrawn {
        return Err(never("it is over, and nothing revives it"));
    }
    Ok(())
}

fn same<T: PartialEq>(found: &T, expected: &T) -> Result<(), Forbidden> {
    if found == expected { Ok(()) } else { Err(Forbidden::Stale) }
}

/// Stores hold whole milliseconds.
fn same_end(found: Option<Timestamp>, expected: Timestamp) -> Result<(), Forbidden> {
    same(&found.map(Timestamp::as_millisecond), &Some(expected.as_millisecond()))
}

/// An answer answers the very invitation that it names, and nothing else (L1).
fn answers(
    acceptance: &Acceptance,
    decision: AcceptanceDecision,
    row: &ObservedRelationship,
    now: Timestamp,
) -> Result<(), Forbidden> {
    let asked = (row.invitation.customer, row.key.partner);
    let parties = (acceptance.customer, acceptance.partner) == asked;
    if acceptance.invitation == Some(row.digest) && acceptance.decision == decision && parties {
        has_happened(acceptance, now)
    } else {
        Err(never("the acceptance is for something else"))
    }
}

/// Nobody has accepted or declined what lies ahead of the clock.
///
/// # Errors
///
/// Where it does.
pub fn has_happened(acceptance: &Acceptance, now: Timestamp) -> Result<(), Forbidden> {
    let at = acceptance.accepted_at;
    if at <= now {
        return Ok(());
    }
    Err(Forbidden::Never(format!("it was answered at {at}, and the store's clock says {now}")))
}

/// What authorises accepts the agreement that the invitation itself names.
fn accepts_the_agreement(
    acceptance: &Acceptance,
    row: &ObservedRelationship,
) -> Result<(), Forbidden> {
    let Some(agreement) = &row.invitation.agreement else { return Ok(()) };
    if acceptance.agreement.as_ref().is_some_and(|text| agreement.is_accepted_by(text)) {
        return Ok(());
    }
    Err(never("the agreement that the invitation names is not accepted with it"))
}

/// A relationship lasts as long as its invitation says, from the instant at which that was accepted.
fn lasts(
    ends_at: Option<Timestamp>,
    accepted_at: Timestamp,
    row: &ObservedRelationship,
) -> Result<(), Forbidden> {
    let lasts = row.invitation.duration.and_then(|days| days.after(accepted_at));
    if ends_at.map(Timestamp::as_millisecond) == lasts.map(Timestamp::as_millisecond) {
        return Ok(());
    }
    let end = lasts.map_or("never".to_owned(), |end| end.to_string());
    Err(Forbidden::Never(format!("by its invitation it ends at another time: {end}")))
}

/// It is extended on its last day, by the one length there is.
fn extends(
    row: &ObservedRelationship,
    before: Timestamp,
    after: Timestamp,
    now: Timestamp,
) -> Result<(), Forbidden> {
    same_end(row.ends_at, before)?;
    if before <= now {
        return Err(Forbidden::AlreadyOver { until: before, now });
    }
    // It may be switched on by a change that comes after this one.
    let by = if row.auto_extend.is_zero() {
        Duration::from_days(AUTO_EXTENDS_BY_DAYS)
    } else {
        row.auto_extend
    };
    same(&Some(after), &by.after(before))?;
    let last_day = Duration::from_days(AUTO_EXTENDS_BEFORE_END_DAYS).before(before);
    if last_day.is_some_and(|last_day| now < last_day) { Err(Forbidden::Stale) } else { Ok(()) }
}

/// Whether roles may be given: under an active relationship, within its ceiling and its time, and not for the past.
/// Taking away is always allowed.
fn may_hold(
    row: &ObservedRelationship,
    before: &Roles,
    after: &Roles,
    now: Timestamp,
) -> Result<(), Forbidden> {
    let gained: Vec<_> = after
        .iter()
        .filter(|(role, until)| before.get(role).is_none_or(|had| had < *until))
        .collect();
    if gained.is_empty() {
        return Ok(());
    }
    if row.lifecycle != Lifecycle::Active {
        let why = format!("a relationship in stage `{}` gives no access", row.lifecycle);
        return Err(Forbidden::Never(why));
    }
    if let Some(until) = after.values().find(|until| **until <= now) {
        return Err(Forbidden::AlreadyOver { until: *until, now });
    }
    let end = row.ends_at.map(Timestamp::as_millisecond);
    for (role, until) in gained {
        if !row.ceiling.contains(role) {
            return Err(Forbidden::Never(format!("the role `{role}` is above the ceiling")));
        }
        if end.is_some_and(|end| until.as_millisecond() > end) {
            return Err(Forbidden::Never(format!(
                "the role `{role}` would outlast the relationship"
            )));
        }
    }
    Ok(())
}
