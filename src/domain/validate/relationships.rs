//! Each relationship with its offer: the invitation that would be sent.
//!
//! Never: two relationships under one name in the store.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{
    ADOPT_FROM, Object, Owners, Presence,
    boundaries::Boundaries,
    findings::{Findings, Subject, listed, spec},
    is_at_microsoft,
    offers::{self, Proposal, Soundness, warn_of_legacy},
    references::Names,
    roles::Resolver,
};
use crate::{
    api::{
        AutoExtendDuration, Cloud, ManagementPolicy, PartnerOfferSpec, PartnerRelationshipSpec,
        PartnerType, RenewalMode,
    },
    domain::{
        duration::Duration,
        ids::{GLOBAL_ADMINISTRATOR, Kind, TenantId},
        problem::{Code, FieldPath},
        state::{AT_MICROSOFT, Invitation, Owner, RelationshipKey},
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
/// A name that differs from another's only in blanks or in the case of letters.
pub const LOOKS_LIKE_ANOTHER: Code = Code(22);
/// A tenant that is in two clouds.
pub const TENANT_IN_TWO_CLOUDS: Code = Code(328);
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
    pub proposals: Vec<Proposal>,
    /// For each relationship, the position of its proposal.
    pub proposal_of: Vec<Option<usize>>,
    /// For each relationship, what would be sent.
    pub invitations: Vec<Option<Invitation>>,
    /// For each relationship, what it has to say about its name in the store.
    pub says: Vec<Say>,
    /// Whether the objects are those of a cluster, whose namespaces are strangers to each other.
    on_cluster: bool,
}

/// What a relationship has to say about its name in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Say {
    /// Nothing: no row could ever become its own as it is.
    Nothing,
    /// As much as any other that has no row.
    Equal,
    /// The row is its own.
    Owner,
}

impl Related<'_> {
    /// The proposal of a relationship, if there is nothing wrong with it.
    pub fn sound(&self, relationship: usize) -> Option<(usize, &Proposal)> {
        let position = self.proposal_of[relationship]?;
        let proposal = &self.proposals[position];
        proposal.is_sound().then_some((position, proposal))
    }

    /// The proposal of a relationship, if what it carries could be understood, whatever else is wrong with it.
    pub fn with_ceiling(&self, relationship: usize) -> Option<&Proposal> {
        let proposal = &self.proposals[self.proposal_of[relationship]?];
        (proposal.soundness != Soundness::WithoutCeiling).then_some(proposal)
    }

    /// The names of some relationships as another one is told of them: on a cluster without those of other namespaces.
    fn told_to(&self, relationship: usize, others: &[usize]) -> String {
        let own = &self.objects[relationship].name.namespace;
        let is_told =
            |other: &&usize| !self.on_cluster || self.objects[**other].name.namespace == *own;
        let told: Vec<usize> = others.iter().filter(is_told).copied().collect();
        let hidden = others.len() - told.len();
        let mut parts: Vec<String> = Vec::new();
        if !told.is_empty() {
            parts.push(self.listed(&told));
        }
        if hidden > 0 {
            parts.push("a relationship of another namespace".to_owned());
        }
        parts.join(" and ")
    }

    /// The names of some relationships, few enough to read.
    pub fn listed(&self, relationships: &[usize]) -> String {
        self.first_listed(relationships.iter().copied(), relationships.len())
    }

    /// The same of so many relationships, of which these are the first.
    pub fn first_listed(&self, first: impl Iterator<Item = usize>, count: usize) -> String {
        listed(first.map(|position| self.objects[position].name.name.as_str()), count)
    }
}

/// What is sent for this relationship when its offer proposes that. Nothing where an id is none.
pub fn invitation_of(
    relationship: &PartnerRelationshipSpec,
    proposal: &Proposal,
) -> Option<Invitation> {
    Some(Invitation {
        partner: proposal.partner.as_ref()?.id,
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
    owners: Option<&Owners>,
    boundaries: &Boundaries<'_>,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Related<'a> {
    let mut related = Related {
        objects: relationships,
        says: Vec::with_capacity(relationships.len()),
        on_cluster: owners.is_some(),
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
        let proposal = position.map(|position| &related.proposals[position]);
        if proposal.is_none_or(|proposal| !proposal.is_sound()) {
            findings.mark(about);
        }
        let invitation = judge_one(about, object, proposal, boundaries, findings);
        related.proposal_of.push(position);
        let say = match owners {
            None => Say::Equal,
            Some(owners) => say(object, invitation.as_ref(), owners, boundaries, findings),
        };
        related.says.push(say);
        related.invitations.push(invitation);
    }
    names_in_store(&related, findings);
    look_alikes(&related, findings);
    one_cloud(&related, findings);
    related
}

fn proposal<'a>(
    about: Subject<'_>,
    spec: &'a PartnerOfferSpec,
    path: &FieldPath,
    boundaries: &Boundaries<'_>,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Proposal {
    let mut proposal = offers::judge(about, spec, path, resolver, findings);
    let errors_before = findings.count_errors();
    boundaries.offer(about, &proposal, path, findings);
    if findings.count_errors() > errors_before && proposal.is_sound() {
        proposal.soundness = Soundness::Unsound;
    }
    proposal
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
    let claim = object.annotations.get(ADOPT_FROM);
    if let Some(owner) = claim
        && owner.parse::<Owner>().is_err()
        && !is_at_microsoft(owner)
    {
        let message = format!("`{}` does not name an owner", owner.escape_debug());
        let help = if owner.starts_with(AT_MICROSOFT) {
            "write `graph/ID`, with the id as `concordat import` finds it"
        } else {
            "write `instance/namespace/name`, as `concordat get` prints the owner"
        };
        let path = FieldPath::root().field("metadata").field("annotations").field(ADOPT_FROM);
        findings.error(about, NOT_AN_OWNER, path, message, help);
    }
    if let Some(customer) = customer {
        boundaries.customer(about, customer, findings);
    }
    let proposal = proposal?;
    if customer.is_some() && customer == proposal.partner.as_ref().map(|partner| partner.id) {
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

/// On a cluster strangers share the names: who owns the row is not harmed by whoever comes later, and who cannot get a row
/// keeps nobody from getting it.
fn say(
    object: &Object<PartnerRelationshipSpec>,
    invitation: Option<&Invitation>,
    owners: &Owners,
    boundaries: &Boundaries<'_>,
    findings: &Findings<'_>,
) -> Say {
    let owner = invitation.and_then(|invitation| owners.get(&key(invitation)));
    if owner == Some(&object.name) {
        return Say::Owner;
    }
    let is_free = object.presence == Presence::Present
        && !object.spec.suspend
        && object.spec.management_policy == ManagementPolicy::Manage;
    let is_sound = !findings.is_broken(object.subject(Kind::PartnerRelationship));
    if is_free && is_sound && boundaries.admit(&object.name.namespace, findings) {
        Say::Equal
    } else {
        Say::Nothing
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
            let own = related.says[*position];
            let others = positions.iter().filter(|other| *other != position);
            let others: Vec<usize> = others
                .filter(|other| {
                    related.says[**other] > Say::Nothing && related.says[**other] >= own
                })
                .copied()
                .collect();
            if others.is_empty() || own == Say::Owner {
                continue;
            }
            let others = related.told_to(*position, &others);
            let message = format!("`{}` is the name of {others} in the store too", key.name);
            let help = "give each relationship of a partner a `displayName` of its own; it cannot \
                        change later";
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            findings.error(about, NAME_TAKEN, spec("displayName"), message, help);
        }
        let Some(first) = first_of(&key.name) else { continue };
        let first = RelationshipKey { name: first.into(), ..key.clone() };
        let Some(firsts) = taken.get(&first) else { continue };
        names_of_successors(key, (firsts, positions), related, findings);
    }
}

/// Of a name and that of its successor the later is wrong: whichever has no row, and that of the successor where neither
/// has one.
fn names_of_successors(
    key: &RelationshipKey,
    (firsts, successors): (&[usize], &[usize]),
    related: &Related<'_>,
    findings: &mut Findings<'_>,
) {
    let help = "choose a `displayName` that does not end like that; it cannot change later";
    let strongest = |positions: &[usize]| {
        let best = positions.iter().map(|position| related.says[*position]).max();
        best.unwrap_or(Say::Nothing)
    };
    if strongest(firsts) > Say::Nothing {
        let unowned = |position: &&usize| related.says[**position] != Say::Owner;
        for position in successors.iter().filter(unowned) {
            let of = related.told_to(*position, &firsts[..1]);
            let message = format!("a successor of {of} would get the name `{}`", key.name);
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            findings.error(about, NAME_OF_A_SUCCESSOR, spec("displayName"), message, help);
        }
    }
    if strongest(successors) == Say::Owner {
        let unowned = |position: &&usize| related.says[**position] != Say::Owner;
        for position in firsts.iter().filter(unowned) {
            let message =
                format!("its successor would get the name `{}`, which is taken", key.name);
            let help = "choose another `displayName`; it cannot change later";
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            findings.error(about, NAME_OF_A_SUCCESSOR, spec("displayName"), message, help);
        }
    }
}

/// Names in the store that people take for one. Those of other namespaces are nobody's business.
fn look_alikes(related: &Related<'_>, findings: &mut Findings<'_>) {
    let mut alike: BTreeMap<_, Vec<(usize, &str)>> = BTreeMap::new();
    for (position, invitation) in related.invitations.iter().enumerate() {
        if let Some(Invitation { cloud, partner, name, .. }) = invitation {
            let namespace = &related.objects[position].name.namespace;
            let plain: String = name.split_whitespace().flat_map(str::chars).collect();
            let plain = plain.to_lowercase();
            alike.entry((*cloud, *partner, namespace, plain)).or_default().push((position, name));
        }
    }
    for names in alike.into_values() {
        for (position, name) in &names {
            let Some((other, taken)) = names.iter().find(|(_, other)| other != name) else { break };
            let about = related.objects[*position].subject(Kind::PartnerRelationship);
            let same_words = names.iter().find(|(_, other)| {
                other != name && other.split_whitespace().eq(name.split_whitespace())
            });
            if let Some((other, taken)) = same_words
                && related.says[*position] != Say::Owner
            {
                let other = &related.objects[*other].name.name;
                let message = format!(
                    "`{name}` differs only in the number of blanks from `{taken}`, the name of `{other}`"
                );
                let help = "choose another `displayName` for one of them, without blanks at its ends; it cannot change later";
                findings.error(about, LOOKS_LIKE_ANOTHER, spec("displayName"), message, help);
                continue;
            }
            let other = &related.objects[*other].name.name;
            let message = format!(
                "`{name}` differs only in blanks or in the case of letters from `{taken}`, the name of `{other}`"
            );
            let help = "choose a `displayName` that people can tell apart; it cannot change later";
            findings.warning(about, LOOKS_LIKE_ANOTHER, spec("displayName"), message, help);
        }
    }
}

/// A tenant lives in one cloud. On a cluster, what stands in other namespaces is nobody's business.
fn one_cloud(related: &Related<'_>, findings: &mut Findings<'_>) {
    let mut all = related.invitations.iter().flatten().map(|invitation| invitation.cloud);
    let first = all.next();
    if all.all(|cloud| Some(cloud) == first) {
        return;
    }
    let mut clouds: BTreeMap<(&str, TenantId), BTreeMap<Cloud, usize>> = BTreeMap::new();
    let tenants = |position: usize| {
        let invitation: &Invitation = related.invitations[position].as_ref()?;
        let namespace = related.objects[position].name.namespace.as_str();
        let namespace = if related.on_cluster { namespace } else { "" };
        let customer = ("customer", (namespace, invitation.customer));
        let partner = ("partner", (namespace, invitation.partner));
        Some((invitation.cloud, [customer, partner]))
    };
    for position in 0..related.objects.len() {
        let Some((cloud, tenants)) = tenants(position) else { continue };
        for (_, tenant) in tenants {
            clouds.entry(tenant).or_default().entry(cloud).or_insert(position);
        }
    }
    clouds.retain(|_, clouds| clouds.len() > 1);
    if clouds.is_empty() {
        return;
    }
    for position in 0..related.objects.len() {
        let Some((cloud, tenants)) = tenants(position) else { continue };
        for (what, tenant) in tenants {
            let others = clouds.get(&tenant).into_iter().flatten();
            let Some((other, of)) = others.into_iter().find(|(other, _)| **other != cloud) else {
                continue;
            };
            let message = format!(
                "the {what} `{}` is in cloud `{cloud:?}` here and in `{other:?}` in `{}`",
                tenant.1, related.objects[*of].name.name
            );
            let help =
                "a tenant lives in one cloud, and nothing crosses: name an offer of that cloud";
            let path = match what {
                "customer" => spec("customer").field("tenantId"),
                _ => spec("offerRef"),
            };
            let about = related.objects[position].subject(Kind::PartnerRelationship);
            findings.error(about, TENANT_IN_TWO_CLOUDS, path, message, help);
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
