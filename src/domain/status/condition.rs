//! Conditions from values: what is told, and when it last became true or false.
//!
//! Never: a transition time that moves although the status of the condition stays.

use jiff::Timestamp;

use super::{
    About,
    reason::{ConditionType, Reason},
    text,
};
use crate::api::{Condition, ConditionStatus};

/// How far an object is: what kstatus, and so Flux and Argo CD, make of it is one of four words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stand {
    /// Failed: nothing moves until somebody does something.
    Stuck,
    /// In progress: it moves by itself, or somebody is awaited.
    UnderWay,
    /// In progress to kstatus, as a paused Deployment is: somebody holds it on purpose.
    OnHold,
    /// Current: what is asked for now was read back.
    Reached,
}

/// Whether what is only observed differs from what is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drift {
    InSync,
    Differs,
}

/// How far an object is, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    pub stand: Stand,
    pub reason: Reason,
    pub message: String,
}

impl Verdict {
    pub fn stuck(reason: Reason, message: impl Into<String>) -> Self {
        Self { stand: Stand::Stuck, reason, message: message.into() }
    }

    pub fn under_way(reason: Reason, message: impl Into<String>) -> Self {
        Self { stand: Stand::UnderWay, reason, message: message.into() }
    }

    pub fn on_hold(reason: Reason, message: impl Into<String>) -> Self {
        Self { stand: Stand::OnHold, reason, message: message.into() }
    }

    pub fn reached(reason: Reason, message: impl Into<String>) -> Self {
        Self { stand: Stand::Reached, reason, message: message.into() }
    }
}

/// One condition before it is compared with what stood there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub type_: ConditionType,
    pub status: ConditionStatus,
    pub reason: Reason,
    pub message: String,
}

impl Told {
    pub fn yes(type_: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status: ConditionStatus::True, reason, message: message.into() }
    }

    pub fn no(type_: ConditionType, reason: Reason, message: impl Into<String>) -> Self {
        Self { type_, status: ConditionStatus::False, reason, message: message.into() }
    }
}

/// The conditions of an object: `Ready` with its companions, and what else is told.
pub(super) fn conditions(
    about: &About<'_>,
    ready: Verdict,
    further: impl IntoIterator<Item = Told>,
) -> Vec<Condition> {
    let Verdict { stand, reason, message } = ready;
    let mut told: Vec<Told> = match stand {
        Stand::Reached => vec![Told::yes(ConditionType::Ready, reason, message)],
        Stand::OnHold => vec![Told::no(ConditionType::Ready, reason, message)],
        Stand::UnderWay => vec![
            Told::no(ConditionType::Ready, reason, message.clone()),
            Told::yes(ConditionType::Reconciling, reason, message),
        ],
        Stand::Stuck => vec![
            Told::no(ConditionType::Ready, reason, message.clone()),
            Told::yes(ConditionType::Stalled, reason, message),
        ],
    };
    told.extend(further);
    told.sort_by_key(|told| told.type_);
    told.into_iter().map(|told| condition(about, told)).collect()
}

fn condition(about: &About<'_>, told: Told) -> Condition {
    let Told { type_, status, reason, message } = told;
    let type_ = type_.to_string();
    let before = about.conditions.iter().find(|before| before.type_ == type_);
    let same = before.filter(|before| before.status == status);
    Condition {
        type_,
        status,
        reason: reason.to_string(),
        message: text::cut(message),
        last_transition_time: same
            .map_or_else(|| whole_seconds(about.now), |same| same.last_transition_time),
        observed_generation: Some(about.generation),
    }
}

/// An instant as Kubernetes writes it.
pub(super) fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second())
        .expect("the beginning of a second that can be written can be written as well")
}
