//! Whether the agreement that an offer names is accepted (docs/concepts.md, Lifecycle, L8 and L9).
//!
//! Never: an acceptance of another namespace, or of another text.

use std::{collections::BTreeMap, iter};

use jiff::Timestamp;

use crate::{
    api::{AcceptanceDecision, Gates},
    domain::{
        digest::Digest,
        state::{
            AcceptedText, Agreement, DesiredRelationship, Invitation, ObservedAcceptance,
            RelationshipKey,
        },
    },
};

/// How the customer stands to the agreement of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgreementStanding {
    /// None is named.
    NotAsked,
    /// It is accepted.
    Accepted,
    /// It is not accepted yet.
    Awaited,
}

/// A row by its key, with what was proposed in it.
pub type Accepted<'a> = (&'a RelationshipKey, &'a Invitation);

/// How the customer of a relationship stands by `now` to the agreement that is proposed and to that of the row in which
/// access is held, by what is declared and what is recorded.
pub fn agreement(
    declared: &DesiredRelationship,
    row: Option<Accepted<'_>>,
    recorded: &BTreeMap<Digest, ObservedAcceptance>,
    now: Timestamp,
) -> AgreementStanding {
    let mut asked = asked(declared, row).peekable();
    if asked.peek().is_none() {
        return AgreementStanding::NotAsked;
    }
    if asked.all(|agreement| is_accepted(agreement, declared, row, recorded, now)) {
        AgreementStanding::Accepted
    } else {
        AgreementStanding::Awaited
    }
}

/// Whether access waits for an agreement: that of the row, whatever became of the offer since, or that of the offer.
pub fn access_waits(
    declared: &DesiredRelationship,
    row: Option<Accepted<'_>>,
    recorded: &BTreeMap<Digest, ObservedAcceptance>,
    now: Timestamp,
) -> bool {
    asked(declared, row)
        .filter(|agreement| agreement.gates == Gates::Access)
        .any(|agreement| !is_accepted(agreement, declared, row, recorded, now))
}

fn asked<'a>(
    declared: &'a DesiredRelationship,
    row: Option<Accepted<'a>>,
) -> impl Iterator<Item = &'a Agreement> {
    let own = row.map(|(_, invitation)| invitation);
    iter::once(&declared.invitation).chain(own).filter_map(|of| of.agreement.as_ref())
}

fn is_accepted(
    agreement: &Agreement,
    declared: &DesiredRelationship,
    row: Option<Accepted<'_>>,
    recorded: &BTreeMap<Digest, ObservedAcceptance>,
    now: Timestamp,
) -> bool {
    let parties = (declared.invitation.customer, declared.invitation.partner);
    let accepts = |text: &Option<AcceptedText>| {
        text.as_ref().is_some_and(|text| agreement.is_accepted_by(text))
    };
    let is_declared = declared.agreements.iter().any(|acceptance| {
        acceptance.decision == AcceptanceDecision::Accept
            && acceptance.accepted_at <= now
            && accepts(&acceptance.agreement)
    });
    // What has authorised the row goes with it, whoever has it by now.
    let counts_here = |acceptance: &ObservedAcceptance| {
        acceptance.namespace == declared.object.namespace
            || row.is_some_and(|(key, _)| acceptance.used_for.as_ref() == Some(key))
    };
    let recorded = || {
        recorded.values().any(|acceptance| {
            counts_here(acceptance)
                && acceptance.decision == AcceptanceDecision::Accept
                && acceptance.accepted_at <= now
                && (acceptance.customer, acceptance.partner) == parties
                && accepts(&acceptance.agreement)
        })
    };
    is_declared || recorded()
}
