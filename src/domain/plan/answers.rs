//! The customer's answers to an invitation (docs/concepts.md, Lifecycle, L1, L13).
//!
//! Never: an authorisation that nobody gave, or the same one twice, or against a customer who says no as well.

use super::{
    proposed::Proposals,
    relationship::{Draft, Row},
};
use crate::{
    api::AcceptanceDecision,
    domain::{
        catalogue::Catalogue,
        change::{Cause, Effect},
        ids::{Kind, ObjectKey, RoleId},
        lifecycle::Phase,
        partner_type,
        problem::{Code, Problem, Severity},
        state::{Acceptance, Agreement, DesiredRelationship, ObjectName, Observed},
        validate::acceptances::{ACCEPTED_IN_THE_FUTURE, OTHER_DOCUMENT, WHERE_TEXTS_STAND},
    },
};

/// An acceptance names an invitation that is not the pending one.
pub const OTHER_INVITATION: Code = Code(506);
/// An acceptance counts once.
pub const ALREADY_USED: Code = Code(507);
/// The acceptance is so old that what it allowed is over.
pub const ACCEPTANCE_TOO_OLD: Code = Code(519);
/// The declared role may not accept this ceiling (L13).
pub const MAY_NOT_ACCEPT: Code = Code(526);
/// The customer declines what was accepted, and access goes on.
pub const DECLINED_IN_FORCE: Code = Code(532);

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
                let message =
                    format!("`{}` was used before and authorises nothing more", answer.object);
                about_answer(
                    answer,
                    ALREADY_USED,
                    Severity::Notice,
                    message,
                    WHERE_IT_PENDS,
                    draft.plan,
                );
            }
            continue;
        }
        let pending = rows.iter().rposition(|row| row.lifecycle.phase() == Phase::Pending);
        match pending.filter(|position| Some(rows[*position].digest) == answer.invitation) {
            Some(position) => apply_answer(answer, &mut rows[position], draft),
            None if is_contrary(answer, rows) => contrary(answer, draft),
            None if rows.iter().any(|row| Some(row.digest) == answer.invitation) => {
                let message =
                    format!("`{}` answers an invitation that was answered before", answer.object);
                about_answer(
                    answer,
                    ALREADY_USED,
                    Severity::Notice,
                    message,
                    WHERE_IT_PENDS,
                    draft.plan,
                );
            }
            None => {
                let message = format!(
                    "`{}` names the invitation `{}`, which is not the one that is pending",
                    answer.object,
                    answer.invitation.map(|digest| digest.short()).unwrap_or_default(),
                );
                about_answer(
                    answer,
                    OTHER_INVITATION,
                    Severity::Warning,
                    message,
                    WHERE_IT_PENDS,
                    draft.plan,
                );
            }
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
        contrary(answer, draft);
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

fn contrary(answer: &Acceptance, draft: &mut Draft<'_>) {
    let message = format!(
        "`{}` declines an invitation that was accepted before, and access goes on",
        answer.object
    );
    let help = "end the relationship with `deletionPolicy: Terminate`, or delete the answer that \
                does not hold";
    about_answer(answer, DECLINED_IN_FORCE, Severity::Error, message, help, draft.plan);
}

/// Whether what an answer says has happened, by the store's own clock. It counts once it has.
pub(super) fn has_happened(answer: &Acceptance, plan: &mut Proposals) -> bool {
    let (at, now) = (answer.accepted_at, plan.now);
    if at <= now {
        return true;
    }
    plan.differs_at(at);
    let message =
        format!("`{}` was given at {at}, and the store's clock says {now}", answer.object);
    let help = "write when it was given, or set the clock of the machine that it was written on";
    about_answer(answer, ACCEPTED_IN_THE_FUTURE, Severity::Error, message, help, plan);
    false
}

const WHERE_IT_PENDS: &str =
    "show the pending invitation with `concordat offer --relationship NAME`";

fn about_answer(
    answer: &Acceptance,
    code: Code,
    severity: Severity,
    message: String,
    help: &str,
    plan: &mut Proposals,
) {
    let ObjectName { namespace, name } = answer.object.clone();
    let key = ObjectKey { kind: Kind::AgreementAcceptance, namespace, name };
    plan.notices
        .push(Problem::error(code, message).severity(severity).about(&key, None).help(help));
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
        let message = format!(
            "`{}` does not accept the agreement that the invitation `{}` names",
            answer.object, row.key
        );
        about_answer(
            answer,
            OTHER_DOCUMENT,
            Severity::Error,
            message,
            WHERE_TEXTS_STAND,
            draft.plan,
        );
        return;
    }
    let privileged = |role: &RoleId| Catalogue::compiled().is_privileged(*role);
    let needs_administrator = row.invitation.roles.iter().any(privileged);
    if !partner_type::may_accept(answer.accepted_by.role, &row.invitation, needs_administrator) {
        let message = format!(
            "`{}` may not accept `{}` as `{:?}`",
            answer.object, row.key, answer.accepted_by.role
        );
        about_answer(answer, MAY_NOT_ACCEPT, Severity::Error, message, WHERE_IT_PENDS, draft.plan);
        return;
    }
    let ends_at = row.invitation.duration.and_then(|days| days.after(answer.accepted_at));
    if ends_at.is_some_and(|ends_at| ends_at <= draft.now()) {
        let message = format!("`{}` is so old that what it allowed is over", answer.object);
        about_answer(
            answer,
            ACCEPTANCE_TOO_OLD,
            Severity::Warning,
            message,
            WHERE_IT_PENDS,
            draft.plan,
        );
        return;
    }
    draft.make(row, Effect::Authorise { acceptance, ends_at }, Cause::Answered);
    if let Some(ends_at) = ends_at {
        draft.differs_at(ends_at);
    }
}
