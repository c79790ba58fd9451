//! Each relationship with its offer: the invitation that would be sent.
//!
//! Never: two relationships under one name in the store.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    ADOPT_FROM, Object,
    boundaries::Boundaries,
    findings::{Findings, Subject, listed, spec},
    offers::{self, Proposal, Soundness, warn_of_legacy},
    references::Names,
    roles::Resolver,
};
use crate::{
    api::{
        AutoExtendDuration, PartnerOfferSpec, PartnerRelationshipSpec, PartnerType, RenewalMode,
    },
    domain::{
        duration::Duration,
        ids::{GLOBAL_ADMINISTRATOR, Kind},
        problem::{Code, FieldPath},
        state::{Invitation, RelationshipKey},
    },
};

/// Automatic extension with Global Administrator in the ceiling.
pub const EXTENDS_GLOBAL_ADMINISTRATOR: Code = Code(220);
/// Automatic extension of a type that has none.
pub const EXTENDS_ANOTHER_TYPE: Code = Code(221);
/// Two relationships under one name in the store.
pub const NAME_TAKEN: Code = Code(306);
/// A name that a successor of another relationship would get.
pub const NAME_OF_A_SUCCESSOR: Code = Code(307);
/// The annotation `concordat.dev/adopt-from` does not name an owner.
pub const NOT_AN_OWNER: Code = Code(318);
/// A tenant that is its own partner.
pub const OWN_PARTNER: Code = Code(319);
/// A renewal that begins when the relationship does.
pub const RENEWED_AT_ONCE: Code = Code(405);

/// The relationships with what is proposed in each.
pub(super) struct Related<'a> {
    /// In order of their names.
    pub objects: &'a [&'a Object<PartnerRelationshipSpec>],
    /// Those of the offers, in their order, then those that are written out in a relationship.
    pub proposals: Vec<Option<Proposal>>,
    /// For each relationship, the position of its proposal.
    pub proposal_of: Vec<Option<usize>>,
    /// For each relationship, what would be sent.
    pub invitations: Vec<Option<Invitation>>,
}

impl Related<'_> {
    /// The proposal of a relationship, if there is nothing wrong with it.
    pub fn sound(&self, relationship: usize) -> Option<(usize, &Proposal)> {
        let position = self.proposal_of[relationship]?;
        let proposal = self.proposals[position].as_ref()?;
        (proposal.soundness == Soundness::Sound).then_some((position, proposal))
    }

    /// The names of some relationships, few enough to read.
    pub fn listed(&self, relationships: &[usize]) -> String {
        listed(relationships.iter().map(|position| self.objects[*position].name.name.as_str()))
    }
}

/// What is sent for this relationship when its offer proposes that. Nothing where the customer's id is none.
pub fn invitation_of(
    relationship: &PartnerRelationshipSpec,
    proposal: &Proposal,
) -> Option<Invitation> {
    Some(Invitation {
        partner: proposal.partner.id,
        customer: relationship.customer.tenant_id.parse().ok()?,
        type_: proposal.type_,
        cloud: proposal.cloud,
        name: relationship.display_name.clone(),
        roles: proposal.roles.clone(),
        duration: proposal.duration,
        auto_extend: match relationship.auto_extend_duration {
            AutoExtendDuration::Off => Duration::default(),
            AutoExtendDuration::Days180 => Duration::from_days(180),
        },
        agreement: proposal.agreement.clone(),
        terms: proposal.terms.clone(),
    })
}

/// Judges offers and relationships.
pub(super) fn judge<'a>(
    offers: &[&'a Object<PartnerOfferSpec>],
    relationships: &'a [&'a Object<PartnerRelationshipSpec>],
    boundaries: &Boundaries<'_>,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Related<'a> {
    let mut related = Related {
        objects: relationships,
        proposals: Vec::with_capacity(offers.len()),
        proposal_of: Vec::with_capacity(relationships.len()),
        invitations: Vec::with_capacity(relationships.len()),
    };
    for offer in offers {
        let about = offer.subject(Kind::PartnerOffer);
        let path = FieldPath::spec();
        related.proposals.push(proposal(about, &offer.spec, &path, boundaries, resolver, findings));
    }
    let mut names = Names::new(Kind::PartnerOffer, offers);
    for object in relationships {
        let about = object.subject(Kind::PartnerRelationship);
        let position = match (&object.spec.offer_ref, &object.spec.offer) {
            (Some(reference), _) => {
                let path = spec("offerRef").field("name");
                names.find(about, &reference.name, path, findings)
            }
            (None, Some(offer)) => {
                let path = spec("offer");
                let inline = proposal(about, offer, &path, boundaries, resolver, findings);
                related.proposals.push(inline);
                Some(related.proposals.len() - 1)
            }
            (None, None) => {
                let message = "the offer is missing".to_owned();
                findings.does_not_fit(about, FieldPath::spec(), message);
                None
            }
        };
        let proposal = position.and_then(|position| related.proposals[position].as_ref());
        if proposal.is_none_or(|proposal| proposal.soundness == Soundness::Unsound) {
            findings.mark(about);
        }
        let invitation = judge_one(about, object, proposal, boundaries, findings);
        related.proposal_of.push(position.filter(|_| proposal.is_some()));
        related.invitations.push(invitation);
    }
    names_in_store(&related, findings);
    related
}

fn proposal<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    boundaries: &Boundaries<'_>,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Option<Proposal> {
    let mut proposal = offers::judge(about, spec, path, resolver, findings)?;
    let errors_before = findings.count_errors();
    boundaries.offer(about, &proposal, path, findings);
    if findings.count_errors() > errors_before {
        proposal.soundness = Soundness::Unsound;
    }
    Some(proposal)
}

fn judge_one(
    about: Subject<'_>,
    object: &Object<PartnerRelationshipSpec>,
    proposal: Option<&Proposal>,
    boundaries: &Boundaries<'_>,
    findings: &mut Findings<'_>,
) -> Option<Invitation> {
    let at = || spec("customer").field("tenantId");
    let customer = findings.read(about, &object.spec.customer.tenant_id, at);
    let before: Option<Duration> =
        findings.read(about, &object.spec.renewal.before, || spec("renewal").field("before"));
    if let Some(owner) = object.annotations.get(ADOPT_FROM)
        && owner.splitn(4, '/').filter(|part| !part.is_empty()).count() != 3
    {
        let message = format!("`{}` does not name an owner", owner.escape_debug());
        let help = "write `instance/namespace/name`, as `concordat get` prints the owner";
        let path = FieldPath::root().field("metadata").field("annotations").field(ADOPT_FROM);
        findings.error(about, NOT_AN_OWNER, path, message, help);
    }
    if let Some(customer) = customer {
        boundaries.customer(about, customer, findings);
    }
    let proposal = proposal?;
    if customer == Some(proposal.partner.id) {
        let message = "partner and customer are the same tenant";
        let help = "name the tenant of the customer";
        findings.error(about, OWN_PARTNER, at(), message, help);
    }
    if object.spec.offer_ref.is_some() {
        warn_of_legacy(about, proposal.type_, spec("offerRef"), findings);
    }
    auto_extension(about, &object.spec, proposal, findings);
    if let (Some(before), Some(duration), RenewalMode::Invite) =
        (before, proposal.duration, object.spec.renewal.mode)
        && before.after(Timestamp::UNIX_EPOCH) >= duration.after(Timestamp::UNIX_EPOCH)
    {
        let message = format!(
            "the customer would be invited again `{before}` before the end of what lasts \
             `{duration}`: at once, and without end"
        );
        let help = "make `renewal.before` shorter than the duration of the offer";
        let path = spec("renewal").field("before");
        findings.error(about, RENEWED_AT_ONCE, path, message, help);
    }
    invitation_of(&object.spec, proposal)
}

fn auto_extension(
    about: Subject<'_>,
    relationship: &PartnerRelationshipSpec,
    proposal: &Proposal,
    findings: &mut Findings<'_>,
) {
    let path = || spec("autoExtendDuration");
    match (relationship.auto_extend_duration, proposal.type_) {
        (AutoExtendDuration::Off, _) => {}
        (AutoExtendDuration::Days180, PartnerType::GranularDelegatedAdmin) => {
            if proposal.roles.contains(&GLOBAL_ADMINISTRATOR) {
                let message = "a relationship with `Global Administrator` cannot be extended by \
                               itself";
                let help = "leave out `autoExtendDuration`, or move to an offer without \
                            `Global Administrator`";
                findings.error(about, EXTENDS_GLOBAL_ADMINISTRATOR, path(), message, help);
            }
        }
        (AutoExtendDuration::Days180, type_) => {
            let message = format!("type `{type_:?}` is never extended by itself");
            let help = "leave out `autoExtendDuration`: only `GranularDelegatedAdmin` has it";
            findings.error(about, EXTENDS_ANOTHER_TYPE, path(), message, help);
        }
    }
}

/// The first key of a relationship in the store.
pub(super) fn key(invitation: &Invitation) -> RelationshipKey {
    RelationshipKey {
        cloud: invitation.cloud,
        partner: invitation.partner,
        name: invitation.name.as_str().into(),
    }
}

fn names_in_store(related: &Related<'_>, findings: &mut Findings<'_>) {
    let mut taken: BTreeMap<RelationshipKey, Vec<usize>> = BTreeMap::new();
    for (position, invitation) in related.invitations.iter().enumerate() {
        if let Some(invitation) = invitation {
            taken.entry(key(invitation)).or_default().push(position);
        }
    }
    for (key, positions) in &taken {
        for position in positions.iter().filter(|_| positions.len() > 1) {
            let others: Vec<_> = positions.iter().filter(|other| *other != position).collect();
            let others = listed(others.iter().map(|other| &*related.objects[**other].name.name));
            let message = format!("`{}` is the name of {others} in the store too", key.name);
            let help = "give each relationship of a partner a `displayName` of its own; it cannot \
                        change later";
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            findings.error(about, NAME_TAKEN, spec("displayName"), message, help);
        }
        let Some(first) = first_of(&key.name) else { continue };
        let first = RelationshipKey { name: first.into(), ..key.clone() };
        let Some(of) = taken.get(&first) else { continue };
        let of = &related.objects[of[0]].name.name;
        for position in positions {
            let message = format!("a successor of `{of}` would get the name `{}`", key.name);
            let help = "choose a `displayName` that does not end like that; it cannot change later";
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            findings.error(about, NAME_OF_A_SUCCESSOR, spec("displayName"), message, help);
        }
    }
}

/// `acme` of `acme-2`: the relationship whose successor has that name.
fn first_of(name: &str) -> Option<&str> {
    let (first, number) = name.rsplit_once('-')?;
    let counts = !number.starts_with('0') && number.parse::<u32>().is_ok_and(|number| number > 1);
    (counts && number.bytes().all(|digit| digit.is_ascii_digit())).then_some(first)
}

#[cfg(test)]
mod tests;
