//! Each acceptance: whom and what it is about, and whether that person may.
//!
//! Never: a verdict that needs the store. Whether the invitation named is the pending one is for the planner.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Object,
    boundaries::Boundaries,
    findings::{Findings, Subject, spec},
    offers::INDIRECT_RESELLER_CANNOT_ATTEST,
    references::Names,
    relationships::Related,
};
use crate::{
    api::{AcceptanceDecision, AgreementAcceptanceSpec, PartnerType},
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        ids::{Kind, TenantId},
        partner_type,
        problem::{Code, FieldPath},
        state::{Acceptance, Document, Invitation, Person},
    },
};

/// The tenants are not those of the relationship.
pub const OTHER_TENANTS: Code = Code(312);
/// The text is not one of the offer.
pub const OTHER_DOCUMENT: Code = Code(313);
/// The declared role may not accept this (L13).
pub const ROLE_MAY_NOT_ACCEPT: Code = Code(314);
/// The invitation is not the one that these files make.
pub const NOT_THIS_INVITATION: Code = Code(316);
/// Accepted in the future.
pub const ACCEPTED_IN_THE_FUTURE: Code = Code(401);

/// Acceptances without errors.
pub(super) struct Accepted<'a> {
    /// For each relationship that is named, who answered.
    pub answers: BTreeMap<usize, Vec<Acceptance>>,
    /// Agreements accepted, by namespace, customer and partner.
    pub agreements: BTreeMap<(&'a str, TenantId, TenantId), Vec<Acceptance>>,
    /// Of an agreement alone.
    pub alone: Vec<Acceptance>,
}

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
    let sellers = indirect_sellers(acceptances, related);
    let mut subjects: BTreeMap<usize, Vec<(Subject<'_>, Option<Digest>)>> = BTreeMap::new();
    for object in acceptances {
        let about = object.subject(Kind::AgreementAcceptance);
        let Some(acceptance) = read(about, object, findings) else { continue };
        let (customer, partner) = (acceptance.customer, acceptance.partner);
        if acceptance.accepted_at > now {
            let message = format!("it was accepted at {}, in the future", acceptance.accepted_at);
            let help = "write when it was accepted, with the offset of that place";
            findings.error(about, ACCEPTED_IN_THE_FUTURE, spec("acceptedAt"), message, help);
        }
        boundaries.parties(about, customer, partner, findings);
        let namespace = object.name.namespace.as_str();
        let target = object.spec.relationship_ref.as_ref().map(|reference| {
            let path = spec("relationshipRef").field("name");
            names.find(about, &reference.name, path, findings)
        });
        match target {
            Some(Some(position)) => {
                if let Some(invitation) = &related.invitations[position] {
                    tenants(about, &acceptance, invitation, &reference(object), findings);
                    if related.sound(position).is_some() {
                        answer(about, &acceptance, invitation, catalogue, findings);
                        let entry = subjects.entry(position).or_default();
                        entry.push((about, acceptance.invitation));
                    }
                }
            }
            Some(None) => {}
            None => {
                alone(about, &acceptance, findings);
                if sellers.contains(&(namespace, customer, partner)) {
                    let message = "an indirect reseller cannot attest an agreement: its provider \
                                   does";
                    let help = "record it for the provider, whose tenant is then the `partner`";
                    let path = spec("partner").field("tenantId");
                    findings.error(about, INDIRECT_RESELLER_CANNOT_ATTEST, path, message, help);
                }
            }
        }
        if findings.is_broken(about) {
            continue;
        }
        if acceptance.decision == AcceptanceDecision::Accept {
            let key = (namespace, customer, partner);
            accepted.agreements.entry(key).or_default().push(acceptance.clone());
        }
        match target {
            Some(Some(position)) => accepted.answers.entry(position).or_default().push(acceptance),
            Some(None) | None => accepted.alone.push(acceptance),
        }
    }
    for (position, answers) in &subjects {
        if let Some(invitation) = &related.invitations[*position] {
            let name = &related.objects[*position].name.name;
            not_this_invitation(name, invitation, answers, findings);
        }
    }
    accepted
}

fn reference(object: &Object<AgreementAcceptanceSpec>) -> String {
    object.spec.relationship_ref.as_ref().map(|to| to.name.clone()).unwrap_or_default()
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
    let at = || spec("agreement").field("documentSha256");
    let sha256 = findings.read(about, &agreement.document_sha256, at);
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
        agreement_type: agreement.type_,
        template_id: agreement.template_id.to_ascii_lowercase(),
        document: Document {
            country: agreement.country.clone(),
            language: agreement.language.clone(),
            sha256: sha256?,
        },
        accepted_by: Person {
            first_name: accepted_by.first_name.clone(),
            last_name: accepted_by.last_name.clone(),
            email: accepted_by.email.clone(),
            phone_number: accepted_by.phone_number.clone(),
            role: accepted_by.role,
        },
        accepted_at: *accepted_at,
        invitation,
    })
}

/// The parties between which there are relationships, all of them of type `IndirectReseller`.
fn indirect_sellers<'a>(
    acceptances: &[&'a Object<AgreementAcceptanceSpec>],
    related: &Related<'_>,
) -> BTreeSet<(&'a str, TenantId, TenantId)> {
    let mut only: BTreeMap<(&str, TenantId, TenantId), bool> = BTreeMap::new();
    for (object, invitation) in related.objects.iter().zip(&related.invitations) {
        let Some(invitation) = invitation else { continue };
        let key = (object.name.namespace.as_str(), invitation.customer, invitation.partner);
        let indirect = invitation.type_ == PartnerType::IndirectReseller;
        *only.entry(key).or_insert(true) &= indirect;
    }
    let parties = acceptances.iter().filter_map(|object| {
        let customer = object.spec.customer.tenant_id.parse().ok()?;
        let partner = object.spec.partner.tenant_id.parse().ok()?;
        let key = (object.name.namespace.as_str(), customer, partner);
        only.get(&key).copied().unwrap_or_default().then_some(key)
    });
    parties.collect()
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

fn answer(
    about: Subject<'_>,
    acceptance: &Acceptance,
    invitation: &Invitation,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    if acceptance.decision == AcceptanceDecision::Decline {
        return;
    }
    if let Some(agreement) = &invitation.agreement {
        let same = agreement.type_ == acceptance.agreement_type
            && agreement.template_id == acceptance.template_id
            && agreement.documents.contains(&acceptance.document);
        if !same {
            let Document { country, language, .. } = &acceptance.document;
            let message = format!(
                "the text accepted for `{country}` in `{language}` is not one that the offer names"
            );
            let help = "the texts of the offer stand in its `agreement.documents`; `concordat \
                        accept` shows the one to read";
            findings.error(about, OTHER_DOCUMENT, spec("agreement"), message, help);
        }
    }
    let privileged = |role| catalogue.role(role).is_none_or(|role| role.privileged);
    let privileged = invitation.roles.iter().copied().any(privileged);
    let role = acceptance.accepted_by.role;
    if !partner_type::may_accept(role, invitation, privileged) {
        let message = if privileged {
            format!("a `{role:?}` may not accept a ceiling with a privileged role")
        } else {
            format!("a `{role:?}` may not accept a relationship of type `{:?}`", invitation.type_)
        };
        let who = partner_type::who_may_accept(invitation, privileged);
        let help = format!("have it accepted by {who}");
        may_not(about, message, help, findings);
    }
}

fn may_not(about: Subject<'_>, message: String, help: String, findings: &mut Findings<'_>) {
    let path = spec("acceptedBy").field("role");
    findings.error(about, ROLE_MAY_NOT_ACCEPT, path, message, help);
}

/// An agreement without a relationship.
fn alone(about: Subject<'_>, acceptance: &Acceptance, findings: &mut Findings<'_>) {
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

/// Successors of a relationship that are tried: each has an invitation of its own.
const SUCCESSORS: u32 = 20;

/// Warns where nobody answers the invitation that these files make.
fn not_this_invitation(
    name: &str,
    invitation: &Invitation,
    answers: &[(Subject<'_>, Option<Digest>)],
    findings: &mut Findings<'_>,
) {
    let answered = |digest: Digest| answers.iter().any(|(_, answer)| *answer == Some(digest));
    let successor = |number: u32| {
        let name = format!("{}-{number}", invitation.name);
        Invitation { name, ..invitation.clone() }.digest()
    };
    if answered(invitation.digest()) || (2..=SUCCESSORS).map(successor).any(answered) {
        return;
    }
    for (about, _) in answers {
        let message = format!("what is proposed in `{name}` now is not what was accepted here");
        let help = format!(
            "read it with `concordat offer --relationship {name}`; if it is right, have it \
             accepted with `concordat accept`"
        );
        findings.warning(*about, NOT_THIS_INVITATION, spec("invitation"), message, help);
    }
}

#[cfg(test)]
mod tests;
