//! Invitations, answers, replacement and renewal (docs/concepts.md, Lifecycle, L1, L3–L9).
//!
//! Never: invents an authorisation, revives what is over, or ends a row before its successor is in place.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    Awaited, AwaitedFor, Notice, Over, OwnershipNotice, Sent, StageNotice,
    answers::answer,
    relationship::{Draft, Row, expire_rows, extend_rows},
    service,
};
use crate::{
    api::RenewalMode,
    domain::{
        carrier::Carrier,
        change::{Approval, Cause, Effect},
        duration::Duration,
        ids::{GLOBAL_ADMINISTRATOR, RoleId},
        lifecycle::{EndReason, INVITATION_LAPSES_AFTER_DAYS, Lifecycle, Phase},
        relationship::rows,
        state::{
            Desired, DesiredRelationship, Invitation, Observed, ObservedRelationship,
            RelationshipKey, Standing,
        },
    },
};

/// Plans the stages of every row, and leaves in `rows` what they will be.
pub(super) fn plan_lifecycle<'a>(
    declared: &'a DesiredRelationship,
    rows: &mut Vec<Row<'a>>,
    desired: &Desired,
    observed: &Observed,
    draft: &mut Draft<'_>,
) {
    expire_rows(rows, draft);
    if let Some(row) = rows.last()
        && matches!(row.lifecycle.phase(), Phase::Ending | Phase::Unknown)
    {
        let stage = row.observed.map(|row| row.lifecycle.clone());
        draft.tell(Notice::Stage, StageNotice::NotUnderstood { row: row.key.clone(), stage });
        return;
    }
    drop_global_administrator(declared, rows, draft);
    turn_extension_off_again(declared, rows, draft);
    set_auto_extend(declared, rows, draft);
    extend_rows(rows, draft);
    let need = need(declared, rows, draft);
    abandon_invitations(declared, rows, need, draft);
    let pending = rows.iter().rposition(|row| row.lifecycle.phase() == Phase::Pending);
    let sent = if pending.is_some() { Sent::Before } else { Sent::Now };
    if let (None, Some(reason)) = (pending, need)
        && may_invite(declared, rows, draft)
    {
        invite(declared, rows, reason, (desired, observed), draft);
    }
    match Carrier::of(declared.invitation.type_, observed) {
        Carrier::Book => answer(declared, rows, observed, draft),
        Carrier::Graph => service::tell_answers(declared, rows, draft),
    }
    if let Some(row) = rows.iter().rfind(|row| row.lifecycle.phase() == Phase::Pending) {
        let reason = need.unwrap_or(AwaitedFor::Start);
        let awaited = Awaited {
            relationship: row.key.clone(),
            customer: declared.customer.clone(),
            invitation: row.digest,
            reason,
            sent,
            at: row.at.clone(),
        };
        if reason == AwaitedFor::Replacement {
            draft.tell(Notice::Stage, StageNotice::NeedsCustomer(row.key.clone()));
        }
        draft.plan.awaited.push(awaited);
    }
    set_auto_extend(declared, rows, draft);
}

fn matches(row: &Row<'_>, declared: &DesiredRelationship) -> bool {
    rows::will_be_as_asked(row.observed, &row.invitation, &row.ceiling, declared)
}

/// The row in which access is held: the newest that is what is wanted, or else the newest. One whose invitation was
/// abandoned and that was approved later never is (L3).
pub(super) fn current(rows: &[Row<'_>], declared: &DesiredRelationship) -> Option<usize> {
    let active = |row: &Row<'_>| {
        row.lifecycle.phase() == Phase::Active
            && row.observed.is_none_or(|observed| observed.ended.is_none())
    };
    let wanted = rows.iter().rposition(|row| active(row) && matches(row, declared));
    wanted.or_else(|| rows.iter().rposition(active))
}

fn differs_by_catalogue(row: &Row<'_>, declared: &DesiredRelationship) -> bool {
    row.observed.is_some_and(|observed| rows::differs_by_catalogue(observed, declared))
}

/// L4: the one change of ceiling that an active relationship admits.
fn drop_global_administrator(
    declared: &DesiredRelationship,
    rows: &mut [Row<'_>],
    draft: &mut Draft<'_>,
) {
    let Some(row) = current(rows, declared).map(|position| &mut rows[position]) else { return };
    if differs_by_catalogue(row, declared) {
        draft.tell(Notice::Stage, StageNotice::NewerCatalogue(row.key.clone()));
        return;
    }
    let mut after = row.ceiling.clone();
    let dropped = after.remove(&GLOBAL_ADMINISTRATOR);
    if dropped
        && after == declared.invitation.roles
        && row.invitation.duration == declared.invitation.duration
    {
        let before = row.ceiling.clone();
        draft.make(row, Effect::DropGlobalAdministrator { before, after }, Cause::Declared);
    }
}

/// Why an invitation should be out, if one should.
fn need(
    declared: &DesiredRelationship,
    rows: &[Row<'_>],
    draft: &mut Draft<'_>,
) -> Option<AwaitedFor> {
    let Some(active) = current(rows, declared).map(|position| &rows[position]) else {
        return Some(AwaitedFor::Start);
    };
    if !matches(active, declared) {
        return Some(AwaitedFor::Replacement);
    }
    let switched = active.observed.and_then(|row| row.moved.as_ref()?.auto_extend);
    let extends = switched.unwrap_or(active.auto_extend);
    let ends_at = active.ends_at.filter(|_| extends.is_zero())?;
    let starts = renewal_starts(declared, active, ends_at)?;
    if draft.now() < starts {
        draft.differs_at(starts);
        return None;
    }
    match declared.renewal.mode {
        RenewalMode::Invite => Some(AwaitedFor::Renewal),
        RenewalMode::Notify => {
            let row = active.key.clone();
            draft.tell(Notice::Stage, StageNotice::ExpiringSoon { row, ends_at });
            None
        }
    }
}

/// When a renewal is due: never in the first half, or each successor would be due for renewal at once.
fn renewal_starts(
    declared: &DesiredRelationship,
    active: &Row<'_>,
    ends_at: Timestamp,
) -> Option<Timestamp> {
    let starts = declared.renewal.before.before(ends_at)?;
    let lasts = active.invitation.duration?.after(Timestamp::UNIX_EPOCH)?.as_second();
    let half = Duration::from_seconds(u32::try_from(lasts / 2).ok()?);
    Some(starts.max(half.before(ends_at)?))
}

/// Withdraws every invitation that is no longer wanted, and those that nobody answered in time.
fn abandon_invitations(
    declared: &DesiredRelationship,
    rows: &mut [Row<'_>],
    need: Option<AwaitedFor>,
    draft: &mut Draft<'_>,
) {
    let lapse = Duration::from_days(INVITATION_LAPSES_AFTER_DAYS);
    let newest = rows.iter().map(|row| row.number).max();
    let now = draft.now();
    for row in rows.iter_mut().filter(|row| row.lifecycle.phase() == Phase::Pending) {
        // What stands at the service lapses there, and is seen to have.
        let lapses_at = lapse.after(row.invited_at).filter(|_| row.at.is_none());
        if let Some(lapses_at) = lapses_at {
            draft.differs_at(lapses_at);
        }
        let wanted = need.is_some() && Some(row.number) == newest && matches(row, declared);
        let reason = match lapses_at {
            Some(lapses_at) if lapses_at <= now => EndReason::Lapsed,
            _ if !wanted => EndReason::Replaced,
            _ => continue,
        };
        let cause = match reason {
            EndReason::Lapsed => Cause::Expired,
            EndReason::Deleted | EndReason::Replaced | EndReason::Declined | EndReason::Expired => {
                Cause::Replaced
            }
        };
        draft.make(row, Effect::Withdraw { reason }, cause);
        if reason != EndReason::Lapsed {
            service::tell_withdrawn(row, draft);
        }
    }
}

/// Whether the history of this relationship allows another invitation without a change of its spec. What counts is
/// the newest row above the active one that was not merely replaced.
fn may_invite(declared: &DesiredRelationship, rows: &[Row<'_>], draft: &mut Draft<'_>) -> bool {
    let renews = declared.renewal.mode == RenewalMode::Invite
        && rows.iter().all(|row| row.lifecycle.phase() != Phase::Active);
    for row in rows.iter().rev() {
        let Some(last) = row.observed.filter(|_| row.lifecycle.phase() != Phase::Active) else {
            return true;
        };
        let reason = end_reason(last, draft);
        if reason == Some(EndReason::Replaced) {
            continue;
        }
        return match reason {
            Some(EndReason::Deleted | EndReason::Replaced) => true,
            _ if spec_changed(last, declared) => true,
            Some(EndReason::Expired | EndReason::Lapsed) if renews => true,
            Some(EndReason::Expired) => refuse(last, Over::Expired, draft),
            Some(EndReason::Lapsed) => refuse(last, Over::Lapsed, draft),
            Some(EndReason::Declined) => refuse(last, Over::Declined, draft),
            None => refuse(last, Over::EndedOutside, draft),
        };
    }
    true
}

/// Why a row is over; a row that this very plan ends was ended by time.
fn end_reason(last: &ObservedRelationship, draft: &Draft<'_>) -> Option<EndReason> {
    if let Some(ended) = &last.ended {
        return Some(ended.reason);
    }
    let lapse = Duration::from_days(INVITATION_LAPSES_AFTER_DAYS);
    match last.lifecycle.phase() {
        Phase::Active => Some(EndReason::Expired),
        Phase::Pending
            if last.at.is_none()
                && lapse.after(last.invited_at).is_some_and(|at| at <= draft.now()) =>
        {
            Some(EndReason::Lapsed)
        }
        Phase::Pending => Some(EndReason::Replaced),
        Phase::Ended if last.lifecycle == Lifecycle::Expired => Some(EndReason::Expired),
        Phase::Ending | Phase::Ended | Phase::Unknown => None,
    }
}

/// Whether something else is proposed than what a row was when it ended. While a row is active, other texts touch
/// later invitations only: they say nothing about what the customer ended.
fn spec_changed(last: &ObservedRelationship, declared: &DesiredRelationship) -> bool {
    let mut wanted = declared.invitation.clone();
    if last.asked.words == declared.asked.words && last.asked.catalogue != declared.asked.catalogue
    {
        wanted.roles.clone_from(&last.invitation.roles);
    }
    if last.activated_at.is_none() {
        return last.invitation.digest_without_name() != wanted.digest_without_name();
    }
    wanted.roles != last.ceiling
        || wanted.duration != last.invitation.duration
        || wanted.auto_extend != last.auto_extend
}

fn refuse(last: &ObservedRelationship, over: Over, draft: &mut Draft<'_>) -> bool {
    draft.tell(Notice::Stage, StageNotice::NotInvited { row: last.key.clone(), over });
    false
}

/// Adds the row of a new invitation, under the next name that nobody else has.
fn invite(
    declared: &DesiredRelationship,
    rows: &mut Vec<Row<'_>>,
    reason: AwaitedFor,
    (desired, observed): (&Desired, &Observed),
    draft: &mut Draft<'_>,
) {
    let mut number = rows.iter().map(|row| row.number).max().unwrap_or(0) + 1;
    let first = RelationshipKey {
        cloud: declared.invitation.cloud,
        partner: declared.invitation.partner,
        name: declared.invitation.name.as_str().into(),
    };
    let numbered = |number: u32| RelationshipKey {
        name: if number == 1 {
            first.name.clone()
        } else {
            format!("{}-{number}", first.name).into()
        },
        ..first.clone()
    };
    if number == 1 && is_successor_of_another(&first, observed) {
        draft.tell(Notice::Ownership, OwnershipNotice::SuccessorOfAnother(first));
        return;
    }
    let service = match Carrier::of(declared.invitation.type_, observed) {
        Carrier::Book => None,
        Carrier::Graph => observed.service.as_deref(),
    };
    if number == 1
        && let Some(id) = service::named_there(&first, service)
    {
        draft.tell(Notice::Ownership, OwnershipNotice::NamedThere(first, id.clone()));
        return;
    }
    let taken = |key: &RelationshipKey| {
        let other = desired.relationships.get(key);
        observed.relationships.contains_key(key)
            || service::named_there(key, service).is_some()
            || other.is_some_and(|other| other.standing != Standing::Invalid)
    };
    while number > 1 && taken(&numbered(number)) {
        number += 1;
    }
    let key = numbered(number);
    let invitation = Invitation { name: key.name.to_string(), ..declared.invitation.clone() };
    let cause = match reason {
        AwaitedFor::Start => Cause::Declared,
        AwaitedFor::Replacement => Cause::Replaced,
        AwaitedFor::Renewal => Cause::Renewal,
    };
    let effect = Effect::Invite {
        invitation: Box::new(invitation),
        asked: declared.asked.clone(),
        policies: declared.policies.clone(),
        first,
        number,
        uid: declared.uid.clone(),
    };
    if let Some(row) = lost_global_administrator(declared, rows) {
        draft.tell(Notice::Stage, StageNotice::CeilingLost(row.key.clone()));
        draft.change_approved(&key, effect, cause, Approval::RemovedOutside);
    } else {
        rows.extend(draft.invite(&key, effect, cause));
    }
}

/// L12: the newest row that was accepted, where Global Administrator was taken out of it at the service and is offered all
/// the same.
fn lost_global_administrator<'a, 'b>(
    declared: &DesiredRelationship,
    rows: &'b [Row<'a>],
) -> Option<&'b Row<'a>> {
    let accepted = rows.iter().rfind(|row| row.activated_at.is_some())?;
    let had = |roles: &BTreeSet<RoleId>| roles.contains(&GLOBAL_ADMINISTRATOR);
    let lost = had(&accepted.invitation.roles) && !had(&accepted.ceiling);
    (accepted.at.is_some() && lost && had(&declared.invitation.roles)).then_some(accepted)
}

/// Whether this name is that of a row `NAME-N` under another first name.
fn is_successor_of_another(key: &RelationshipKey, observed: &Observed) -> bool {
    let Some((name, _)) = key.name.rsplit_once('-') else { return false };
    let first = RelationshipKey { name: name.into(), ..key.clone() };
    let rows = observed.relationships.get(&first).into_iter().flatten();
    rows.into_iter().any(|row| row.key == *key)
}

/// L4: an extension that somebody has turned on at the service is turned off as declared. One that was turned off is not
/// turned on again unasked.
fn turn_extension_off_again(
    declared: &DesiredRelationship,
    rows: &mut [Row<'_>],
    draft: &mut Draft<'_>,
) {
    let Some(row) = current(rows, declared).map(|position| &mut rows[position]) else { return };
    let switched = row.observed.and_then(|row| row.moved.as_ref()?.auto_extend);
    let is_on = switched.is_some_and(|extension| !extension.is_zero());
    let (before, after) = (row.auto_extend, declared.invitation.auto_extend);
    if is_on && after.is_zero() && before.is_zero() {
        draft.make(row, Effect::SetAutoExtend { before, after }, Cause::Declared);
    }
}

/// L4: the other change that an active relationship admits.
fn set_auto_extend(declared: &DesiredRelationship, rows: &mut [Row<'_>], draft: &mut Draft<'_>) {
    let Some(row) = current(rows, declared).map(|position| &mut rows[position]) else { return };
    if row.observed.is_some_and(|row| row.moved.as_ref().is_some_and(|it| it.auto_extend.is_some()))
    {
        return;
    }
    let (before, after) = (row.auto_extend, declared.invitation.auto_extend);
    let barred = !after.is_zero() && row.ceiling.contains(&GLOBAL_ADMINISTRATOR);
    if before != after && !barred {
        draft.make(row, Effect::SetAutoExtend { before, after }, Cause::Declared);
    }
}
