//! What each effect makes of a row, and what it must find there (DESIGN §4).
//!
//! Never: a stage that the lifecycle does not admit.

use jiff::Timestamp;

use super::rows::{Millis, RelationshipRow};
use crate::{
    api::AcceptanceDecision,
    domain::{
        digest::Digest,
        duration::Duration,
        ids::GLOBAL_ADMINISTRATOR,
        lifecycle::{
            AUTO_EXTENDS_BEFORE_END_DAYS, AUTO_EXTENDS_BY_DAYS, EndReason, Lifecycle, Phase,
        },
        plan::Effect,
        state::{Acceptance, Roles, Uid},
    },
    store::Refusal,
};

/// The row after the effect.
pub(super) fn after(
    row: &RelationshipRow,
    effect: &Effect,
    now: Timestamp,
) -> Result<RelationshipRow, Refusal> {
    let phase = row.lifecycle.phase();
    let only_in = |expected: Phase| if phase == expected { Ok(()) } else { Err(Refusal::Stale) };
    let mut row = row.clone();
    match effect {
        Effect::Authorise { acceptance, ends_at } => {
            only_in(Phase::Pending)?;
            answers(acceptance, AcceptanceDecision::Accept, &row, now)?;
            accepts_the_agreement(acceptance, &row)?;
            lasts(*ends_at, acceptance.accepted_at, &row)?;
            if let Some(until) = ends_at.filter(|ends_at| *ends_at <= now) {
                return Err(Refusal::AlreadyOver { until, now });
            }
            row.lifecycle = Lifecycle::Active;
            row.activated_at_ms = Some(now.into());
            row.ends_at_ms = ends_at.map(Into::into);
        }
        Effect::Decline { acceptance } => {
            only_in(Phase::Pending)?;
            answers(acceptance, AcceptanceDecision::Decline, &row, now)?;
            end(&mut row, Lifecycle::Withdrawn, now, EndReason::Declined);
        }
        Effect::Withdraw { reason } => {
            only_in(Phase::Pending)?;
            end(&mut row, Lifecycle::Withdrawn, now, *reason);
        }
        Effect::Terminate { reason } => {
            only_in(Phase::Active)?;
            end(&mut row, Lifecycle::Terminated, now, *reason);
        }
        Effect::Expire { ended_at } => {
            only_in(Phase::Active)?;
            same(&row.ends_at_ms, &Some((*ended_at).into()))?;
            if *ended_at > now {
                return Err(Refusal::Stale);
            }
            end(&mut row, Lifecycle::Expired, *ended_at, EndReason::Expired);
        }
        Effect::SetAutoExtend { before, after } => {
            only_in(Phase::Active)?;
            same(&row.auto_extend, before)?;
            if !after.is_zero() && row.ceiling.contains(&GLOBAL_ADMINISTRATOR) {
                let reason = "a relationship with Global Administrator is never extended by itself";
                return Err(Refusal::Constraint(reason.to_owned()));
            }
            row.auto_extend = *after;
        }
        Effect::DropGlobalAdministrator { before, after } => {
            only_in(Phase::Active)?;
            same(&row.ceiling, before)?;
            let mut dropped = before.clone();
            dropped.remove(&GLOBAL_ADMINISTRATOR);
            if dropped != *after {
                let reason =
                    "an active relationship can drop Global Administrator and no other role";
                return Err(Refusal::Constraint(reason.to_owned()));
            }
            row.ceiling.clone_from(after);
        }
        Effect::Extend { before, after } => {
            only_in(Phase::Active)?;
            same(&row.ends_at_ms, &Some((*before).into()))?;
            if *before <= now {
                return Err(Refusal::AlreadyOver { until: *before, now });
            }
            // It may be switched on by a change that comes after this one, and there is one length of it only.
            let by = if row.auto_extend.is_zero() {
                Duration::from_days(AUTO_EXTENDS_BY_DAYS)
            } else {
                row.auto_extend
            };
            same(&Some(*after), &by.after(*before))?;
            let last_day = Duration::from_days(AUTO_EXTENDS_BEFORE_END_DAYS).before(*before);
            if last_day.is_some_and(|last_day| now < last_day) {
                return Err(Refusal::Stale);
            }
            row.ends_at_ms = Some((*after).into());
        }
        Effect::Claim { before: (owner, Uid(uid)), after: (new_owner, Uid(new_uid)) } => {
            same(&(&row.owner(), row.owner_uid.as_str()), &(owner, uid.as_str()))?;
            row.owner_instance = new_owner.instance.to_string();
            row.owner_namespace = new_owner.object.namespace.to_string();
            row.owner_name = new_owner.object.name.to_string();
            row.owner_uid = new_uid.to_string();
        }
        Effect::SetPolicies { before, after } => {
            same(&row.policies, before)?;
            row.policies.clone_from(after);
        }
        Effect::Rename { before, after } => {
            same(&(&row.partner_name, &row.customer_name), &(&before.partner, &before.customer))?;
            row.partner_name.clone_from(&after.partner);
            row.customer_name.clone_from(&after.customer);
        }
        Effect::Invite { .. }
        | Effect::SetRoles { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => {}
    }
    Ok(row)
}

/// Whether something is there with this effect that was not there before, as shares count it.
pub(super) fn comes(effect: &Effect) -> bool {
    let authorises = matches!(effect, Effect::Authorise { .. });
    let roles = effect.roles_set();
    authorises
        || roles
            .is_some_and(|(_, before, after)| before.roles.is_empty() && !after.roles.is_empty())
}

fn same<T: PartialEq>(found: &T, expected: &T) -> Result<(), Refusal> {
    if found == expected { Ok(()) } else { Err(Refusal::Stale) }
}

fn end(row: &mut RelationshipRow, stage: Lifecycle, at: Timestamp, reason: EndReason) {
    row.lifecycle = stage;
    row.ended_at_ms = Some(at.into());
    row.end_reason = Some(reason);
}

/// An answer answers the very invitation that it names, and nothing else (L1).
fn answers(
    acceptance: &Acceptance,
    decision: AcceptanceDecision,
    row: &RelationshipRow,
    now: Timestamp,
) -> Result<(), Refusal> {
    let named: Option<Digest> = acceptance.invitation;
    let parties = (acceptance.customer, acceptance.partner) == (row.customer, row.partner);
    if named == Some(row.digest) && acceptance.decision == decision && parties {
        has_happened(acceptance, now)
    } else {
        Err(Refusal::Constraint("the acceptance is for something else".to_owned()))
    }
}

/// Nobody has accepted or declined what lies ahead of the store's own clock.
pub(super) fn has_happened(acceptance: &Acceptance, now: Timestamp) -> Result<(), Refusal> {
    let at = acceptance.accepted_at;
    if at <= now {
        return Ok(());
    }
    let reason = format!("it was answered at {at}, and the store's clock says {now}");
    Err(Refusal::Constraint(reason))
}

/// What authorises accepts the agreement that the invitation itself names.
fn accepts_the_agreement(acceptance: &Acceptance, row: &RelationshipRow) -> Result<(), Refusal> {
    let Some(agreement) = &row.invitation.agreement else { return Ok(()) };
    if acceptance.agreement.as_ref().is_some_and(|text| agreement.is_accepted_by(text)) {
        return Ok(());
    }
    let reason = "the agreement that the invitation names is not accepted with it";
    Err(Refusal::Constraint(reason.to_owned()))
}

/// A relationship lasts as long as its invitation says, from the instant at which that was accepted.
fn lasts(
    ends_at: Option<Timestamp>,
    accepted_at: Timestamp,
    row: &RelationshipRow,
) -> Result<(), Refusal> {
    let lasts = row.invitation.duration.and_then(|days| days.after(accepted_at));
    let millis = |end: Timestamp| Millis::from(end);
    if ends_at.map(millis) == lasts.map(millis) {
        return Ok(());
    }
    let end = lasts.map_or("never".to_owned(), |end| end.to_string());
    let reason = format!("by its invitation it ends at another time: {end}");
    Err(Refusal::Constraint(reason))
}

/// Whether roles may be given: under an active relationship, within its ceiling and its time, and not for the past.
/// Taking away is always allowed.
pub(super) fn may_hold(
    row: &RelationshipRow,
    before: &Roles,
    after: &Roles,
    now: Timestamp,
) -> Result<(), Refusal> {
    let gained: Vec<_> = after
        .iter()
        .filter(|(role, until)| before.get(role).is_none_or(|had| had < *until))
        .collect();
    if gained.is_empty() {
        return Ok(());
    }
    if row.lifecycle != Lifecycle::Active {
        let reason = format!("a relationship in stage `{}` gives no access", row.lifecycle);
        return Err(Refusal::Constraint(reason));
    }
    if let Some(until) = after.values().find(|until| **until <= now) {
        return Err(Refusal::AlreadyOver { until: *until, now });
    }
    for (role, until) in gained {
        if !row.ceiling.contains(role) {
            let reason = format!("the role `{role}` is above the ceiling");
            return Err(Refusal::Constraint(reason));
        }
        if row.ends_at_ms.is_some_and(|ends_at| Millis::from(*until) > ends_at) {
            let reason = format!("the role `{role}` would outlast the relationship");
            return Err(Refusal::Constraint(reason));
        }
    }
    Ok(())
}
