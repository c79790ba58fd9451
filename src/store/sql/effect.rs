//! What each effect makes of a row, and what it must find there (DESIGN §4).
//!
//! Never: a stage that the lifecycle does not admit.

use jiff::Timestamp;

use super::rows::{Millis, RelationshipRow};
use crate::{
    api::AcceptanceDecision,
    domain::{
        digest::Digest,
        ids::GLOBAL_ADMINISTRATOR,
        lifecycle::{EndReason, Lifecycle, Phase},
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
            answers(acceptance, AcceptanceDecision::Accept, &row)?;
            if let Some(until) = ends_at.filter(|ends_at| *ends_at <= now) {
                return Err(Refusal::AlreadyOver { until, now });
            }
            row.lifecycle = Lifecycle::Active;
            row.activated_at_ms = Some(now.into());
            row.ends_at_ms = ends_at.map(Into::into);
        }
        Effect::Decline { acceptance } => {
            only_in(Phase::Pending)?;
            answers(acceptance, AcceptanceDecision::Decline, &row)?;
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
        Effect::Invite { .. } | Effect::SetRoles { .. } | Effect::RecordAcceptance { .. } => {}
    }
    Ok(row)
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
) -> Result<(), Refusal> {
    let named: Option<Digest> = acceptance.invitation;
    let parties = (acceptance.customer, acceptance.partner) == (row.customer, row.partner);
    if named == Some(row.digest) && acceptance.decision == decision && parties {
        Ok(())
    } else {
        Err(Refusal::Constraint("the acceptance is for something else".to_owned()))
    }
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
