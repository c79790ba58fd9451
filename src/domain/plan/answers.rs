//! The customer's answers to an invitation (DESIGN §4, L1, L13).
//!
//! Never: an authorisation that nobody gave, or the same one twice.

use super::{
    Cause, Effect,
    relationship::{Draft, Row},
};
use crate::{
    api::AcceptanceDecision,
    domain::{
        catalogue::Catalogue,
        ids::{Kind, RoleId},
        lifecycle::Phase,
        partner_type,
        problem::{Code, Severity},
        state::{Acceptance, DesiredRelationship, Observed},
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
/// Applies the customer's answers to the pending invitation (L1).
pub(super) fn answer(
    wish: &DesiredRelationship,
    rows: &mut [Row<'_>],
    observed: &Observed,
    draft: &mut Draft<'_>,
) {
    let mut answers: Vec<&Acceptance> = wish.answers.iter().collect();
    answers.sort_by_key(|answer| (answer.accepted_at, answer.content, &answer.object));
    answers.dedup_by_key(|answer| answer.content);
    for answer in answers {
        if let Some(recorded) = observed.acceptances.get(&answer.content) {
            let used = recorded.used_for.as_ref();
            let ended = |row: &Row<'_>| Some(&row.key) == used && row.phase == Phase::Ended;
            if rows.iter().any(|row| row.phase == Phase::Pending) && rows.iter().any(ended) {
                let message =
                    format!("`{}` was used before and authorises nothing more", answer.object);
                about_answer(answer, ALREADY_USED, Severity::Notice, message, draft);
            }
            continue;
        }
        let pending = rows.iter().rposition(|row| row.phase == Phase::Pending);
        match pending.filter(|position| Some(rows[*position].digest) == answer.invitation) {
            Some(position) => apply_answer(answer, &mut rows[position], draft),
            None if rows.iter().any(|row| Some(row.digest) == answer.invitation) => {
                let message =
                    format!("`{}` answers an invitation that was answered before", answer.object);
                about_answer(answer, ALREADY_USED, Severity::Notice, message, draft);
            }
            None => {
                let message = format!(
                    "`{}` names the invitation `{}`, which is not the one that is pending",
                    answer.object,
                    answer.invitation.map(|digest| digest.short()).unwrap_or_default(),
                );
                about_answer(answer, OTHER_INVITATION, Severity::Warning, message, draft);
            }
        }
    }
}

fn about_answer(
    answer: &Acceptance,
    code: Code,
    severity: Severity,
    message: String,
    draft: &mut Draft<'_>,
) {
    let help = "show the pending invitation with `concordat offer --relationship NAME`";
    let object = Some(&answer.object);
    draft.notice_about(Kind::AgreementAcceptance, object, code, severity, message, Some(help));
}

fn apply_answer(answer: &Acceptance, row: &mut Row<'_>, draft: &mut Draft<'_>) {
    let acceptance = Box::new(answer.clone());
    if answer.decision == AcceptanceDecision::Decline {
        draft.change(&row.key, Effect::Decline { acceptance }, Cause::Answered);
        row.phase = Phase::Ended;
        return;
    }
    let privileged = |role: &RoleId| Catalogue::compiled().is_privileged(*role);
    let needs_administrator = row.invitation.roles.iter().any(privileged);
    if !partner_type::may_accept(answer.accepted_by.role, &row.invitation, needs_administrator) {
        let message = format!(
            "`{}` may not accept `{}` as `{:?}`",
            answer.object, row.key, answer.accepted_by.role
        );
        about_answer(answer, MAY_NOT_ACCEPT, Severity::Error, message, draft);
        return;
    }
    let ends_at = row.invitation.duration.and_then(|days| days.after(answer.accepted_at));
    if ends_at.is_some_and(|ends_at| ends_at <= draft.now()) {
        let message = format!("`{}` is so old that what it allowed is over", answer.object);
        about_answer(answer, ACCEPTANCE_TOO_OLD, Severity::Warning, message, draft);
        return;
    }
    draft.change(&row.key, Effect::Authorise { acceptance, ends_at }, Cause::Answered);
    row.phase = Phase::Active;
    row.ends_at = ends_at;
    if let Some(ends_at) = ends_at {
        draft.differs_at(ends_at);
    }
}
