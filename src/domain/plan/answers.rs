//! The customer's answers to an invitation (docs/concepts.md, Lifecycle, L1, L13).
//!
//! Never: an authorisation that nobody gave, or the same one twice, or against a customer who says no as well.

use super::{
    AnswerNotice, Notice,
    proposed::Proposals,
    relationship::{Draft, Row},
};
use crate::{
    api::AcceptanceDecision,
    domain::{
        catalogue::Catalogue,
        change::{Cause, Effect},
        ids::RoleId,
        lifecycle::Phase,
        partner_type,
        state::{Acceptance, Agreement, DesiredRelationship, Observed},
    },
};

/// Applies the customer's answers to the pending invitation (L1). Whoever says yes and no has not accepted.
pub(super) fn answer(
    declared: &DesiredRelationship,
    rows: &mut [Row<'_>],
    observed: &Observed,
    draft: &mut Draft<'_>,
) {
    let mut answers: Vec<&Acceptance> = declared.answers.iter().collect();
    answers.sort_by_key(|answer| {
        let accepts = answer.decision == AcceptanceDecision::Accept;
        (accepts, answer.accepted_at, answer.content, &answer.object)
    });
    answers.dedup_by_key(|answer| answer.content);
    for answer in answers {
        if !has_happened(answer, draft.plan) {
            continue;
        }
        if let Some(recorded) = observed.acceptances.get(&answer.content) {
            let used = recorded.used_for.as_ref();
            let ended =
                |row: &Row<'_>| Some(&row.key) == used && row.lifecycle.phase() == Phase::Ended;
            if rows.iter().any(|row| row.lifecycle.phase() == Phase::Pending)
                && rows.iter().any(ended)
            {
                tell(answer, AnswerNotice::UsedBefore, draft.plan);
            }
            continue;
        }
        let pending = rows.iter().rposition(|row| row.lifecycle.phase() == Phase::Pending);
        match pending.filter(|position| Some(rows[*position].digest) == answer.invitation) {
            Some(position) => apply_answer(answer, &mut rows[position], draft),
            None if is_contrary(answer, rows) => {
                tell(answer, AnswerNotice::DeclinedInForce, draft.plan);
            }
            None if rows.iter().any(|row| Some(row.digest) == answer.invitation) => {
                tell(answer, AnswerNotice::AnsweredBefore, draft.plan);
            }
            None => tell(answer, AnswerNotice::OtherInvitation(answer.invitation), draft.plan),
        }
    }
}

/// What is declined of what goes on, where nothing else is done with the answers.
pub(super) fn contrary_answers(
    declared: &DesiredRelationship,
    rows: &[Row<'_>],
    draft: &mut Draft<'_>,
) {
    for answer in declared.answers.iter().filter(|answer| is_contrary(answer, rows)) {
        tell(answer, AnswerNotice::DeclinedInForce, draft.plan);
    }
}

/// Whether it declines an invitation that was accepted, and what that gives goes on.
fn is_contrary(answer: &Acceptance, rows: &[Row<'_>]) -> bool {
    let goes_on = |row: &Row<'_>| match row.lifecycle.phase() {
        Phase::Active | Phase::Ending | Phase::Unknown => Some(row.digest) == answer.invitation,
        Phase::Pending | Phase::Ended => false,
    };
    answer.decision == AcceptanceDecision::Decline && rows.iter().any(goes_on)
}

/// Whether what an answer says has happened, by the store's own clock. It counts once it has.
pub(super) fn has_happened(answer: &Acceptance, plan: &mut Proposals) -> bool {
    let (at, now) = (answer.accepted_at, plan.now);
    if at <= now {
        return true;
    }
    plan.differs_at(at);
    tell(answer, AnswerNotice::InTheFuture { at, now }, plan);
    false
}

fn tell(answer: &Acceptance, told: AnswerNotice, plan: &mut Proposals) {
    plan.notices.push(Notice::Answer(answer.object.clone(), told));
}

fn apply_answer(answer: &Acceptance, row: &mut Row<'_>, draft: &mut Draft<'_>) {
    let acceptance = Box::new(answer.clone());
    if answer.decision == AcceptanceDecision::Decline {
        draft.make(row, Effect::Decline { acceptance }, Cause::Answered);
        return;
    }
    let text = answer.agreement.as_ref();
    let accepts = |agreement: &Agreement| text.is_some_and(|text| agreement.is_accepted_by(text));
    if row.invitation.agreement.as_ref().is_some_and(|agreement| !accepts(agreement)) {
        tell(answer, AnswerNotice::OtherDocument(row.key.clone()), draft.plan);
        return;
    }
    let privileged = |role: &RoleId| Catalogue::compiled().is_privileged(*role);
    let needs_administrator = row.invitation.roles.iter().any(privileged);
    if !partner_type::may_accept(answer.accepted_by.role, &row.invitation, needs_administrator) {
        let told = AnswerNotice::MayNotAccept(row.key.clone(), answer.accepted_by.role);
        tell(answer, told, draft.plan);
        return;
    }
    let ends_at = row.invitation.duration.and_then(|days| days.after(answer.accepted_at));
    if ends_at.is_some_and(|ends_at| ends_at <= draft.now()) {
        tell(answer, AnswerNotice::TooOld, draft.plan);
        return;
    }
    draft.make(row, Effect::Authorise { acceptance, ends_at }, Cause::Answered);
    if let Some(ends_at) = ends_at {
        draft.differs_at(ends_at);
    }
}
