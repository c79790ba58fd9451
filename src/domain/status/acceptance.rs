//! The status of an acceptance.
//!
//! Never: a person's name, mail address or telephone number.

use jiff::Timestamp;

use super::{
    About, Hold, Reported,
    condition::{Verdict, conditions},
    judged, offer,
    reason::Reason,
    recorded::recorded_acceptance,
    text,
};
use crate::{
    api::{AcceptanceDecision, AgreementAcceptanceStatus},
    domain::{
        digest::Digest,
        plan::{AnswerNotice, Notice},
        problem::Problem,
        state::ObservedAcceptance,
    },
};

/// What a round knows of an acceptance.
#[derive(Debug, Clone, Default)]
pub struct AcceptanceFacts<'a> {
    /// When it says that it was accepted: one that lies in the future counts from then on.
    pub accepted_at: Option<Timestamp>,
    /// The digest of what it says, where that could be understood.
    pub content: Option<Digest>,
    /// What is recorded of it, found by its content.
    pub recorded: Option<&'a ObservedAcceptance>,
    /// Problems of the validation about it.
    pub problems: Vec<&'a Problem>,
    /// Notices about it, of the plan that was made after reading back.
    pub notices: Vec<&'a Notice>,
    /// What the store refused just now.
    pub refused: Vec<String>,
    /// Why it is left alone.
    pub hold: Option<Hold>,
}

/// Why an acceptance that is not recorded authorises nothing, the gravest first.
const SAID: [Reason; 4] =
    [Reason::MayNotAccept, Reason::TooOld, Reason::OtherInvitation, Reason::AlreadyUsed];

/// What a notice of the plan says about an acceptance.
fn said(notice: &Notice) -> Option<Reason> {
    let Notice::Answer(_, told) = notice else { return None };
    match told {
        AnswerNotice::MayNotAccept(..) => Some(Reason::MayNotAccept),
        AnswerNotice::TooOld => Some(Reason::TooOld),
        AnswerNotice::OtherInvitation(_) => Some(Reason::OtherInvitation),
        AnswerNotice::UsedBefore | AnswerNotice::AnsweredBefore => Some(Reason::AlreadyUsed),
        AnswerNotice::DeclinedInForce
        | AnswerNotice::InTheFuture { .. }
        | AnswerNotice::OtherDocument(_)
        | AnswerNotice::AcceptedThere(_) => None,
    }
}

/// The status of an acceptance. Its name does not count, and neither do the problems of what came later: what is
/// recorded stays recorded.
pub fn acceptance(
    about: &About<'_>,
    facts: &AcceptanceFacts<'_>,
) -> Reported<AgreementAcceptanceStatus> {
    let status = AgreementAcceptanceStatus {
        observed_generation: about.generation,
        conditions: conditions(about, readiness(facts), judged::invalid(&facts.problems)),
        recorded: facts
            .content
            .zip(facts.recorded)
            .map(|(content, recorded)| recorded_acceptance(content, recorded)),
    };
    Reported { status, next_change: facts.accepted_at.filter(|at| *at > about.now) }
}

fn readiness(facts: &AcceptanceFacts<'_>) -> Verdict {
    if let Some(recorded) = facts.recorded {
        return recorded_verdict(facts, recorded);
    }
    if let Some(verdict) = judged::verdict(&facts.problems) {
        return verdict;
    }
    for reason in SAID {
        let told = facts.notices.iter().copied().filter(|notice| said(notice) == Some(reason));
        let message = text::notices(told);
        if !message.is_empty() {
            return Verdict::stuck(reason, message);
        }
    }
    if !facts.refused.is_empty() {
        let message = format!("the store refused it: {}", text::list(facts.refused.clone()));
        return Verdict::under_way(Reason::Refused, message);
    }
    offer::held(facts.hold)
        .unwrap_or_else(|| Verdict::under_way(Reason::Pending, "it is not recorded yet"))
}

fn recorded_verdict(facts: &AcceptanceFacts<'_>, recorded: &ObservedAcceptance) -> Verdict {
    let is_used = |notice: &&&Notice| said(notice) == Some(Reason::AlreadyUsed);
    if let Some(used) = facts.notices.iter().find(is_used) {
        return Verdict::reached(Reason::AlreadyUsed, text::notices([*used]));
    }
    match (&recorded.used_for, recorded.decision) {
        (Some(row), AcceptanceDecision::Accept) => {
            Verdict::reached(Reason::Authorized, format!("it authorised `{row}`"))
        }
        (Some(row), AcceptanceDecision::Decline) => {
            Verdict::reached(Reason::Declined, format!("it declined `{row}`"))
        }
        (None, _) => Verdict::reached(Reason::Recorded, "the agreement is recorded as accepted"),
    }
}
