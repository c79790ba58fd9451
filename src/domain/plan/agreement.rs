//! Whether the agreement that an offer names is accepted (DESIGN §4, L8 and L9).
//!
//! Never: an acceptance of another namespace, or of another text.

use std::collections::BTreeMap;

use crate::{
    api::AcceptanceDecision,
    domain::{
        digest::Digest,
        state::{AcceptedText, DesiredRelationship, ObservedAcceptance},
    },
};

/// How the customer stands to the agreement of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementStanding {
    /// The offer names none.
    NotAsked,
    /// It is accepted.
    Accepted,
    /// It is not accepted yet.
    Awaited,
}

/// How the customer of a relationship stands to the agreement, by what is declared and what is recorded.
pub fn agreement(
    wish: &DesiredRelationship,
    recorded: &BTreeMap<Digest, ObservedAcceptance>,
) -> AgreementStanding {
    let Some(agreement) = &wish.invitation.agreement else { return AgreementStanding::NotAsked };
    let parties = (wish.invitation.customer, wish.invitation.partner);
    let accepts = |text: &Option<AcceptedText>| {
        text.as_ref().is_some_and(|text| agreement.is_accepted_by(text))
    };
    let declared = wish.agreements.iter().any(|acceptance| {
        acceptance.decision == AcceptanceDecision::Accept && accepts(&acceptance.agreement)
    });
    let recorded = || {
        recorded.values().any(|acceptance| {
            acceptance.namespace == wish.object.namespace
                && acceptance.decision == AcceptanceDecision::Accept
                && (acceptance.customer, acceptance.partner) == parties
                && accepts(&acceptance.agreement)
        })
    };
    if declared || recorded() { AgreementStanding::Accepted } else { AgreementStanding::Awaited }
}
