//! What the validation said about an object, as a verdict.
//!
//! Never: an object that merely waits for another told as broken.

use super::{
    condition::{Stand, Told, Verdict},
    reason::{ConditionType, Reason},
    text,
};
use crate::domain::{
    problem::{Code, Problem, Severity},
    validate::references::{NO_SUCH_OFFER, NO_SUCH_RELATIONSHIP, NOTHING_SELECTED},
};

/// What is not there yet.
const ABSENT: [(Code, Reason); 3] = [
    (NO_SUCH_OFFER, Reason::OfferNotFound),
    (NO_SUCH_RELATIONSHIP, Reason::RelationshipNotFound),
    (NOTHING_SELECTED, Reason::RelationshipNotFound),
];

/// The verdict on an object with problems, if it has any that count: its own first, then what it waits for.
pub(super) fn verdict(problems: &[&Problem]) -> Option<Verdict> {
    if let Some(message) = own(problems) {
        return Some(Verdict::stuck(Reason::Invalid, message));
    }
    let reason = |problem: &&Problem| {
        ABSENT.iter().find(|(code, _)| *code == problem.code).map(|(_, reason)| *reason)
    };
    let reason = problems.iter().find_map(reason)?;
    let absent = problems.iter().copied().filter(|problem| is_absence(problem));
    Some(Verdict::under_way(reason, text::problems(absent)))
}

/// The same verdict and, where nothing is in the way, what is probably not meant so.
pub(super) fn with_warnings(mut verdict: Verdict, problems: &[&Problem]) -> Verdict {
    let warnings = problems
        .iter()
        .copied()
        .filter(|problem| problem.severity == Severity::Warning && !is_absence(problem));
    let warnings = text::problems(warnings);
    if verdict.stand == Stand::Reached && !warnings.is_empty() {
        verdict.message = format!("{}; to consider: {warnings}", verdict.message);
    }
    verdict
}

/// The condition `Invalid`, where the object has problems of its own.
pub(super) fn invalid(problems: &[&Problem]) -> Option<Told> {
    own(problems).map(|message| Told::yes(ConditionType::Invalid, Reason::Invalid, message))
}

fn own(problems: &[&Problem]) -> Option<String> {
    let errors = problems
        .iter()
        .copied()
        .filter(|problem| problem.severity == Severity::Error && !is_absence(problem));
    let message = text::problems(errors);
    (!message.is_empty()).then_some(message)
}

fn is_absence(problem: &Problem) -> bool {
    ABSENT.iter().any(|(code, _)| *code == problem.code)
}
