//! The status of an offer.
//!
//! Never: how many relationships are made of it, which would be written with each of them.

use super::{
    About, Hold, Reported,
    condition::{Verdict, conditions},
    judged,
    reason::Reason,
};
use crate::{api::PartnerOfferStatus, domain::problem::Problem};

/// What is known of an offer.
#[derive(Debug, Clone, Default)]
pub struct OfferFacts<'a> {
    /// Problems of the validation about it.
    pub problems: Vec<&'a Problem>,
    /// Why it is left alone.
    pub hold: Option<Hold>,
}

/// The status of an offer.
pub fn offer(about: &About<'_>, facts: &OfferFacts<'_>) -> Reported<PartnerOfferStatus> {
    let ready = judged::verdict(&facts.problems)
        .or_else(|| held(facts.hold))
        .unwrap_or_else(|| Verdict::reached(Reason::Valid, "it can be made to customers"));
    let status = PartnerOfferStatus {
        observed_generation: about.generation,
        conditions: conditions(
            about,
            judged::with_warnings(ready, &facts.problems),
            judged::invalid(&facts.problems),
        ),
    };
    Reported { status, next_change: None }
}

/// The verdict on an object that is left alone.
pub(super) fn held(hold: Option<Hold>) -> Option<Verdict> {
    Some(match hold? {
        Hold::NoBoundary => Verdict::under_way(
            Reason::NoBoundary,
            "no `PartnerBoundary` admits this namespace, so nothing is written for it; ask who \
             administers the cluster for one",
        ),
        Hold::Settling { until } => Verdict::under_way(
            Reason::Settling,
            format!(
                "what cannot be undone is done after {until}, together with what comes until then"
            ),
        ),
        Hold::Fought { times, until } => Verdict::stuck(
            Reason::Fought,
            format!(
                "somebody outside has undone {times} times what is made; it is made again at \
                 {until}: find out who else writes to the store"
            ),
        ),
        Hold::Finalizer => Verdict::under_way(Reason::Pending, "its finalizer is being written"),
    })
}
