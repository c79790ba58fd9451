//! Each acceptance: whom and what it is about, and whether that person may.
//!
//! Never: a verdict that needs the store. Whether the invitation named is the pending one is for the planner.

use std::{collections::BTreeMap, mem, ops::RangeInclusive};

use jiff::Timestamp;

use super::{
    Object, agreements,
    boundaries::Boundaries,
    findings::{Findings, Subject, spec},
    offers::INDIRECT_RESELLER_CANNOT_ATTEST,
    references::Names,
    relationships::{OWN_PARTNER, Related},
};
use crate::{
    api::{AcceptanceDecision, AcceptedAgreement, AgreementAcceptanceSpec, PartnerType},
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        duration::Duration,
        ids::{GLOBAL_ADMINISTRATOR, Kind, TenantId},
        partner_type,
        problem::{Code, FieldPath},
        state::{Acceptance, AcceptedText, Agreement, Document, Invitation, Person},
    },
};

/// The tenants are not those of the relationship.
pub const OTHER_TENANTS: Code = Code(312);
/// The text is not one of the offer, or of no offer between these tenants.
pub const OTHER_DOCUMENT: Code = Code(313);
/// The declared role may not accept this (L13).
pub const ROLE_MAY_NOT_ACCEPT: Code = Code(314);
/// The invitation is not the one that these files make.
pub const NOT_THIS_INVITATION: Code = Code(316);
/// The same invitation is accepted and declined.
pub const CONTRARY_ANSWERS: Code = Code(327);
/// Accepted in the future.
pub const ACCEPTED_IN_THE_FUTURE: Code = Code(401);

/// Acceptances without errors.
pub(super) struct Accepted<'a> {
    /// For each relationship that is named, who answered.
    pub answers: BTreeMap<usize, Vec<Acceptance>>,
    /// Agreements accepted, by namespace, customer and partner.
    pub agreements: BTreeMap<Parties<'a>, Vec<Acceptance>>,
    /// Of an agreement alone.
    pub alone: Vec<Acceptance>,
}

/// A namespace and the two tenants that objects in it are about.
type Parties<'a> = (&'a str, TenantId, TenantId);

/// Judges every acceptance.
pub(super) fn judge<'a>(
    acceptances: &[&'a Object<AgreementAcceptanceSpec>],
    related: &Related<'_>,
    boundaries: &Boundaries<'_>,
    now: Timestamp,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) -> Accepted<'a> {
    let mut names = Names::new(Kind::PartnerRelationship, related.objects);
    let mut accepted =
        Accepted { answers: BTreeMap::new(), agreements: BTreeMap::new(), alone: Vec::new() };
    let mut questions = BTreeMap::new();
    let mut alone = Vec::new();
    for object in acceptances {
        let about = object.subject(Kind::AgreementAcceptance);
        let reference = object.spec.relationship_ref.as_ref();
        let found = reference.map(|reference| {
            let path = spec("relationshipRef").field("name");
            names.find(about, &reference.name, path, findings)
        });
        let accepted_at = super::stored(object.spec.accepted_at);
        if accepted_at > now {
            let message = format!("it was accepted at {accepted_at}, in the future");
            let help = "write when it was accepted, with the offset of that place";
            findings.error(about, ACCEPTED_IN_THE_FUTURE, spec("acceptedAt"), message, help);
        }
        let Some(acceptance) = read(about, object, findings) else { continue };
        let parties = (&*object.name.namespace, acceptance.customer, acceptance.partner);
        boundaries.parties(about, acceptance.customer, acceptance.partner, findings);
        let position = if let Some(reference) = reference {
            let Some(position) = found.flatten() else { continue };
            let relationship = related.objects[position].subject(Kind::PartnerRelationship);
            if let Some(invitation) = &related.invitations[position] {
                tenants(about, &acceptance, invitation, &reference.name, findings);
                let is_known = related.sound(position).is_some();
                if is_known && !findings.is_flawed(relationship) && !findings.is_flawed(about) {
                    let question: &mut Question<'_> =
                        questions.entry(position).or_insert_with(|| Question::of(invitation));
                    question.hear(about, &acceptance, catalogue, findings);
                }
            }
            Some(position)
        } else {
            agreement_alone(about, &acceptance, findings);
            alone.push((about, parties));
            None
        };
        if findings.is_broken(about) {
            continue;
        }
        if acceptance.decision == AcceptanceDecision::Accept {
            accepted.agreements.entry(parties).or_default().push(acceptance.clone());
        }
        match position {
            Some(position) => accepted.answers.entry(position).or_default().push(acceptance),
            None => accepted.alone.push(acceptance),
        }
    }
    for (position, question) in &mut questions {
        question.unanswered(&related.objects[*position].name.name, catalogue, findings);
    }
    for answers in accepted.answers.values() {
        contrary(acceptances, answers, findings);
    }
    if !alone.is_empty() {
        of_no_use(&alone, related, &mut accepted, findings);
    }
    accepted
}

fn read(
    about: Subject<'_>,
    object: &Object<AgreementAcceptanceSpec>,
    findings: &mut Findings<'_>,
) -> Option<Acceptance> {
    let AgreementAcceptanceSpec {
        decision,
        customer,
        partner,
        agreement,
        accepted_by,
        accepted_at,
        read_confirmed: _,
        relationship_ref: _,
        invitation,
    } = &object.spec;
    let tenant = |field: &str| spec(field).field("tenantId");
    let customer = findings.read(about, &customer.tenant_id, || tenant("customer"));
    let partner = findings.read(about, &partner.tenant_id, || tenant("partner"));
    let text = match agreement {
        Some(agreement) => Some(accepted_text(about, agreement, findings)?),
        None => None,
    };
    let invitation = match invitation {
        Some(text) => Some(findings.read(about, text, || spec("invitation"))?),
        None => None,
    };
    Some(Acceptance {
        object: object.name.clone(),
        content: Digest::of(&object.spec),
        decision: *decision,
        customer: customer?,
        partner: partner?,
        agreement: text,
        accepted_by: Person {
            first_name: accepted_by.first_name.clone(),
            last_name: accepted_by.last_name.clone(),
            email: accepted_by.email.clone(),
            phone_number: accepted_by.phone_number.clone(),
            role: accepted_by.role,
        },
        accepted_at: super::stored(*accepted_at),
        invitation,
    })
}

fn accepted_text(
    about: Subject<'_>,
    agreement: &AcceptedAgreement,
    findings: &mut Findings<'_>,
) -> Option<AcceptedText> {
    let at = || spec("agreement").field("documentSha256");
    let text = (agreement.country.as_str(), agreement.language.as_str());
    agreements::text(about, text, &spec("agreement"), findings);
    let sha256 = findings.read(about, &agreement.document_sha256, at)?;
    Some(AcceptedText {
        type_: agreement.type_,
        template_id: agreement.template_id.to_ascii_lowercase(),
        document: Document {
            country: agreement.country.clone(),
            language: agreement.language.clone(),
            sha256,
        },
    })
}

/// Agreements alone that no partner of these parties can have recorded, or that no offer between them names.
fn of_no_use<'a>(
    alone: &[(Subject<'_>, Parties<'a>)],
    related: &Related<'_>,
    accepted: &mut Accepted<'a>,
    findings: &mut Findings<'_>,
) {
    let mut between: BTreeMap<Parties<'_>, Vec<&Invitation>> = BTreeMap::new();
    for (object, invitation) in related.objects.iter().zip(&related.invitations) {
        let Some(invitation) = invitation else { continue };
        let parties = (&*object.name.namespace, invitation.customer, invitation.partner);
        between.entry(parties).or_default().push(invitation);
    }
    for (about, parties) in alone {
        let Some(invitations) = between.get(parties) else { continue };
        let indirect = |invitation: &&Invitation| invitation.type_ == PartnerType::IndirectReseller;
        if invitations.iter().all(indirect) {
            let message = "an indirect reseller cannot attest an agreement: its provider does";
            let help = "record it for the provider, whose tenant is then the `partner`";
            let path = spec("partner").field("tenantId");
            findings.error(*about, INDIRECT_RESELLER_CANNOT_ATTEST, path, message, help);
            let another = |acceptance: &Acceptance| acceptance.object != *about.name;
            accepted.alone.retain(another);
            accepted.agreements.entry(*parties).or_default().retain(another);
            continue;
        }
        let accepted = accepted.agreements.get(parties).map_or(&[][..], Vec::as_slice);
        let mut agreements = invitations.iter().filter_map(|one| one.agreement.as_ref()).peekable();
        let counts = |agreement: &Agreement| accepted.iter().any(|one| is_of(one, agreement));
        if agreements.peek().is_some() && !agreements.any(counts) {
            let message = "no offer between these tenants names the text that was accepted";
            let path = spec("agreement");
            findings.warning(*about, OTHER_DOCUMENT, path, message, WHERE_TEXTS_STAND);
        }
    }
}

/// How to find the text to accept.
pub const WHERE_TEXTS_STAND: &str = "the texts of the offer stand in its `agreement.documents`; \
                                 `concordat accept` shows the one to read";

/// Whether it is this agreement, in one of its texts.
fn is_of(acceptance: &Acceptance, agreement: &Agreement) -> bool {
    acceptance.agreement.as_ref().is_some_and(|text| agreement.is_accepted_by(text))
}

fn tenants(
    about: Subject<'_>,
    acceptance: &Acceptance,
    invitation: &Invitation,
    name: &str,
    findings: &mut Findings<'_>,
) {
    let both = [
        ("customer", acceptance.customer, invitation.customer),
        ("partner", acceptance.partner, invitation.partner),
    ];
    for (field, own, other) in both {
        if own != other {
            let message = format!("`{own}` is not the {field} of `{name}`, which is `{other}`");
            let help = "name the relationship that was accepted, with its own tenants";
            let path = spec(field).field("tenantId");
            findings.error(about, OTHER_TENANTS, path, message, help);
        }
    }
}

/// Yes and no to one invitation.
fn contrary(
    acceptances: &[&Object<AgreementAcceptanceSpec>],
    answers: &[Acceptance],
    findings: &mut Findings<'_>,
) {
    let declines = |answer: &&Acceptance| answer.decision == AcceptanceDecision::Decline;
    for decline in answers.iter().filter(declines) {
        let same = |other: &&Acceptance| {
            other.decision == AcceptanceDecision::Accept && other.invitation == decline.invitation
        };
        for accept in answers.iter().filter(same) {
            let both = [
                (decline, "declines", accept, "accepts"),
                (accept, "accepts", decline, "declines"),
            ];
            for (one, says, other, contradicts) in both {
                let found = acceptances.binary_search_by(|object| object.name.cmp(&one.object));
                let Ok(found) = found else { continue };
                let about = acceptances[found].subject(Kind::AgreementAcceptance);
                let other = &other.object.name;
                let message = format!("it {says} the invitation that `{other}` {contradicts}");
                let help = "what is declined before it was authorised is not accepted any more: keep \
                            the answer that holds";
                findings.warning(about, CONTRARY_ANSWERS, spec("decision"), message, help);
            }
        }
    }
}

/// The successors of a relationship that are thought of at once, and where nothing else fits: each has an invitation of its
/// own. The planner judges each by the very row that it answers.
const FIRST_SUCCESSORS: RangeInclusive<u32> = 2..=9;
const FURTHER_SUCCESSORS: RangeInclusive<u32> = 10..=99;

/// What the files ask a customer, and who answered.
struct Question<'a> {
    invitation: &'a Invitation,
    digest: Digest,
    /// Answers to something else: what was asked before the files changed, or elsewhere.
    others: Vec<(Subject<'a>, Acceptance)>,
    answers: usize,
}

impl<'a> Question<'a> {
    fn of(invitation: &'a Invitation) -> Self {
        Self { invitation, digest: invitation.digest(), others: Vec::new(), answers: 0 }
    }

    /// Judges an answer, if it is one to what is asked now. What was right once is not judged by what is asked later.
    fn hear(
        &mut self,
        about: Subject<'a>,
        acceptance: &Acceptance,
        catalogue: &Catalogue,
        findings: &mut Findings<'_>,
    ) {
        let is_first = acceptance.invitation == Some(self.digest);
        if is_first || self.is_of_successor(acceptance, FIRST_SUCCESSORS) {
            self.answer(about, acceptance, catalogue, findings);
        } else if self.changed_without_asking(acceptance) {
            self.answers += 1;
        } else {
            self.others.push((about, acceptance.clone()));
        }
    }

    fn answer(
        &mut self,
        about: Subject<'a>,
        acceptance: &Acceptance,
        catalogue: &Catalogue,
        findings: &mut Findings<'_>,
    ) {
        self.answers += 1;
        if acceptance.decision == AcceptanceDecision::Decline {
            return;
        }
        let invitation = self.invitation;
        if invitation.agreement.as_ref().is_some_and(|agreement| !is_of(acceptance, agreement)) {
            let message = match &acceptance.agreement {
                Some(AcceptedText { document: Document { country, language, .. }, .. }) => format!(
                    "the text accepted for `{country}` in `{language}` is not one that the offer names"
                ),
                None => {
                    "the offer names an agreement, and nothing says that it was accepted".to_owned()
                }
            };
            let path = spec("agreement");
            findings.error(about, OTHER_DOCUMENT, path, message, WHERE_TEXTS_STAND);
        }
        let privileged = |role| catalogue.is_privileged(role);
        let privileged = invitation.roles.iter().copied().any(privileged);
        let role = acceptance.accepted_by.role;
        if !partner_type::may_accept(role, invitation, privileged) {
            let type_ = invitation.type_;
            let message = if privileged {
                format!("a `{role:?}` may not accept a ceiling with a privileged role")
            } else {
                format!("a `{role:?}` may not accept a relationship of type `{type_:?}`")
            };
            let who = partner_type::who_may_accept(invitation, privileged);
            may_not(about, message, format!("have it accepted by {who}"), findings);
        }
    }

    /// Whether it answers what was asked before a change that needs no customer (L4): of the automatic extension, or to
    /// a ceiling without Global Administrator.
    fn changed_without_asking(&self, acceptance: &Acceptance) -> bool {
        let invitation = self.invitation;
        let mut ceilings = vec![invitation.roles.clone()];
        if invitation.type_ == PartnerType::GranularDelegatedAdmin
            && !invitation.roles.contains(&GLOBAL_ADMINISTRATOR)
        {
            let with = invitation.roles.iter().copied().chain([GLOBAL_ADMINISTRATOR]);
            ceilings.push(with.collect());
        }
        let before = ceilings.into_iter().flat_map(|roles| {
            [Duration::default(), Duration::from_days(180)].map(|auto_extend| Invitation {
                roles: roles.clone(),
                auto_extend,
                ..invitation.clone()
            })
        });
        before.into_iter().any(|before| {
            let digest = before.digest();
            let question = Question { invitation: &before, digest, others: Vec::new(), answers: 0 };
            acceptance.invitation == Some(digest)
                || question.is_of_successor(acceptance, FIRST_SUCCESSORS)
        })
    }

    fn is_of_successor(&self, acceptance: &Acceptance, mut numbers: RangeInclusive<u32>) -> bool {
        numbers.any(|number| {
            let name = format!("{}-{number}", self.invitation.name);
            let successor = Invitation { name, ..self.invitation.clone() };
            acceptance.invitation == Some(successor.digest())
        })
    }

    /// Warns where nobody answers what is asked now.
    fn unanswered(&mut self, name: &str, catalogue: &Catalogue, findings: &mut Findings<'_>) {
        if self.answers > 0 {
            return;
        }
        let others = mem::take(&mut self.others);
        let (late, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|(_, answer)| self.is_of_successor(answer, FURTHER_SUCCESSORS));
        for (about, answer) in &late {
            self.answer(*about, answer, catalogue, findings);
        }
        for (about, _) in others.iter().filter(|_| late.is_empty()) {
            let message = format!("what is proposed in `{name}` now is not what was accepted here");
            let help = format!(
                "read it with `concordat offer --relationship {name}`; where `concordat diff` says \
                 that it waits for the customer, have it accepted with `concordat accept`"
            );
            findings.warning(*about, NOT_THIS_INVITATION, spec("invitation"), message, help);
        }
    }
}

fn may_not(about: Subject<'_>, message: String, help: String, findings: &mut Findings<'_>) {
    let path = spec("acceptedBy").field("role");
    findings.error(about, ROLE_MAY_NOT_ACCEPT, path, message, help);
}

/// An agreement without a relationship.
fn agreement_alone(about: Subject<'_>, acceptance: &Acceptance, findings: &mut Findings<'_>) {
    if acceptance.customer == acceptance.partner {
        let message = "partner and customer are the same tenant";
        let path = spec("customer").field("tenantId");
        findings.error(about, OWN_PARTNER, path, message, "name the tenant of the customer");
    }
    if acceptance.decision == AcceptanceDecision::Decline {
        let message = "`decision: Decline` needs `relationshipRef`".to_owned();
        findings.does_not_fit(about, FieldPath::spec(), message);
        return;
    }
    let role = acceptance.accepted_by.role;
    if !partner_type::may_accept_agreement(role) {
        let message = format!("a `{role:?}` may not accept an agreement");
        let help = "have it accepted by a Billing Administrator or a Global Administrator";
        may_not(about, message, help.to_owned(), findings);
    }
}

#[cfg(test)]
mod tests;
