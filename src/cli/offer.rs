//! `concordat offer`: the request that a partner pastes into his own mail, document or page.
//!
//! Never: sends anything, or names a customer in an offer that many can read.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};
use clap::Args;
use jiff::Timestamp;

use super::{
    BoundaryArgs, ExitStatus, InputArgs, Output, StoreArgs, desired,
    planning::{self, Planned},
    store,
};
use crate::{
    api::{PartnerOfferSpec, PartnerType, Subscription},
    domain::{
        carrier::Carrier,
        catalogue::Catalogue,
        change::Effect,
        duration::Duration,
        ids::TenantId,
        lifecycle::Phase,
        plan::{Claimant, Foreign},
        state::{
            Absence, AtService, Desired, DesiredRelationship, Invitation, ObjectName, approval_link,
        },
        validate::{Objects, proposal_of},
    },
    render::{
        Format,
        offer::{OfferFormat, OfferText, Recipient, offer_text},
    },
    store::StoreUrl,
};

/// Which offer, for whom, and in which form.
#[derive(Debug, Args)]
pub struct Offer {
    /// The offer, by the name of its object. With `--relationship` it may be left out.
    #[arg(required_unless_present = "relationship")]
    pub name: Option<String>,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// For one customer: names him, and the digest that an acceptance must name.
    #[arg(long, value_name = "NAME")]
    pub relationship: Option<String>,
    /// The form of the text.
    #[arg(short, long, value_enum, default_value_t = OfferFormat::Text)]
    pub output: OfferFormat,
}

/// Prints the request.
pub async fn offer(args: &Offer, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let (loaded, objects) =
        desired::load(&args.input, &BoundaryArgs::default(), Absence::Keep, Timestamp::now(), out)?;
    super::validate::tell(&loaded.problems, &loaded.input, Format::Text, out);
    if loaded.has_errors() {
        return Ok(ExitStatus::No);
    }
    let text = match (&args.relationship, &args.name) {
        (Some(name), offer) => {
            let declared = relationship(&loaded.desired, name, args.input.namespace())?;
            let asked = invitation(declared, &loaded.desired, &args.store.store, out).await?;
            let (invitation, place) = asked;
            let link = link_of(&invitation, place)?;
            let subscription = subscription(&objects, offer.as_deref(), declared);
            rendered(&invitation, declared, subscription, &link, args.output)
        }
        (None, Some(name)) => reusable(&objects, name, args.input.namespace(), args.output)?,
        (None, None) => bail!("name an offer, or a relationship with `--relationship`"),
    };
    out.answer(&text)?;
    Ok(ExitStatus::AsDesired)
}

/// The text for every customer.
fn reusable(
    objects: &Objects,
    name: &str,
    namespace: &str,
    format: OfferFormat,
) -> anyhow::Result<String> {
    let offer = one(objects.offers.iter(), |offer| &offer.name, name, namespace, "offer")?;
    let (proposal, _) = proposal_of(offer, Catalogue::compiled());
    let partner = proposal.partner.as_ref();
    let partner = partner.ok_or_else(|| anyhow!("the offer `{name}` names no partner"))?;
    let link = link(proposal.type_, partner.id);
    Ok(offer_text(
        &OfferText {
            partner,
            type_: proposal.type_,
            cloud: proposal.cloud,
            roles: &proposal.roles,
            duration: proposal.duration,
            auto_extend: Duration::default(),
            agreement: proposal.agreement.as_ref(),
            terms: proposal.terms.as_ref(),
            subscription: offer.spec.subscription.as_ref(),
            link: link.as_deref(),
            recipient: None,
        },
        format,
    ))
}

fn rendered(
    invitation: &Invitation,
    declared: &DesiredRelationship,
    subscription: Option<&Subscription>,
    link: &str,
    format: OfferFormat,
) -> String {
    offer_text(
        &OfferText {
            partner: &declared.partner,
            type_: invitation.type_,
            cloud: invitation.cloud,
            roles: &invitation.roles,
            duration: invitation.duration,
            auto_extend: invitation.auto_extend,
            agreement: invitation.agreement.as_ref(),
            terms: invitation.terms.as_ref(),
            subscription,
            link: Some(link),
            recipient: Some(Recipient {
                customer: &declared.customer,
                relationship: &invitation.name,
                invitation: invitation.digest(),
            }),
        },
        format,
    )
}

/// What is shown before it is accepted.
pub fn shown(invitation: &Invitation, declared: &DesiredRelationship) -> String {
    let link = link_in_a_book(invitation);
    rendered(invitation, declared, None, &link, OfferFormat::Text)
}

/// Where an invitation is accepted. What stands at Microsoft is approved there, once it is sent.
fn link_of(invitation: &Invitation, place: Place) -> anyhow::Result<String> {
    match place {
        Place::Book => Ok(link_in_a_book(invitation)),
        Place::NotSent => bail!(
            "the invitation `{}` is not sent to Microsoft yet, and it has no link before: run `concordat apply`",
            invitation.name
        ),
        Place::Microsoft(at) => {
            let unknown = || format!("the admin center of Microsoft 365, relationship {}", at.id);
            Ok(approval_link(invitation.cloud, &at).unwrap_or_else(unknown))
        }
    }
}

fn link_in_a_book(invitation: &Invitation) -> String {
    link(invitation.type_, invitation.partner)
        .unwrap_or_else(|| format!("concordat:{}", invitation.digest()))
}

/// Where an invitation stands.
pub enum Place {
    /// In a store that is all there is.
    Book,
    /// At Microsoft.
    Microsoft(AtService),
    /// It is to be sent to Microsoft.
    NotSent,
}

/// Where a reseller's invitation is accepted: Microsoft's page, the same for every customer of the partner (Partner
/// Center, "Request a reseller relationship with a customer"). Other types have no page that a store in SQL could name.
fn link(type_: PartnerType, partner: TenantId) -> Option<String> {
    let sells = matches!(type_, PartnerType::Reseller | PartnerType::IndirectReseller);
    sells.then(|| {
        format!(
            "https://admin.microsoft.com/Adminportal/Home?invType=ResellerRelationship\
             &partnerId={partner}&msppId=0&DAP=false#/BillingAccounts/partner-invitation"
        )
    })
}

fn subscription<'a>(
    objects: &'a Objects,
    offer: Option<&str>,
    declared: &DesiredRelationship,
) -> Option<&'a Subscription> {
    let relationship =
        objects.relationships.iter().find(|relationship| relationship.name == declared.object)?;
    let named = relationship.spec.offer_ref.as_ref().map(|reference| reference.name.as_str());
    let spec: Option<&PartnerOfferSpec> = relationship.spec.offer.as_ref().or_else(|| {
        let wanted = offer.or(named)?;
        let found = objects.offers.iter().find(|offer| {
            offer.name.name == wanted && offer.name.namespace == declared.object.namespace
        })?;
        Some(&found.spec)
    });
    spec?.subscription.as_ref()
}

/// The relationship with this name: in the default namespace or, if it is the only one, in any.
pub fn relationship<'a>(
    desired: &'a Desired,
    name: &str,
    namespace: &str,
) -> anyhow::Result<&'a DesiredRelationship> {
    one(
        desired.relationships.values(),
        |declared| &declared.object,
        name,
        namespace,
        "relationship",
    )
}

fn one<'a, T: 'a>(
    all: impl Iterator<Item = &'a T>,
    object: impl Fn(&T) -> &ObjectName,
    name: &str,
    namespace: &str,
    kind: &str,
) -> anyhow::Result<&'a T> {
    let mut named: Vec<&T> = all.filter(|one| object(one).name == name).collect();
    if named.len() > 1 {
        named.retain(|one| object(one).namespace == namespace);
    }
    match named.as_slice() {
        [one] => Ok(one),
        [] => bail!("the manifests have no {kind} called `{name}`"),
        _ => bail!("several namespaces have a {kind} called `{name}`: say which with `-n`"),
    }
}

/// The invitation that `apply` of these manifests would send or, where it would send none, the one that waits in the
/// store for the customer's answer.
pub async fn invitation(
    declared: &DesiredRelationship,
    desired: &Desired,
    store: &StoreUrl,
    out: &mut Output,
) -> anyhow::Result<(Invitation, Place)> {
    let mut reader = store::reader(store, out).await?;
    let claimant = Claimant::cli(Foreign::ReadAs);
    let Planned { plan, observed, .. } =
        planning::planned(&mut reader, desired, &claimant, &BTreeSet::new()).await?;
    let sent = plan.changes.iter().find_map(|change| {
        let Effect::Invite { invitation, .. } = &change.effect else { return None };
        (change.subject.owner.object == declared.object).then_some(&**invitation)
    });
    let rows = observed.relationships.values().flatten();
    let of_declared: Vec<_> = rows.filter(|row| row.owner.object == declared.object).collect();
    let pending = of_declared.iter().rfind(|row| row.lifecycle.phase() == Phase::Pending);
    let carrier = Carrier::of(declared.invitation.type_, &observed);
    if let Some(invitation) = sent {
        let place = if carrier == Carrier::Graph { Place::NotSent } else { Place::Book };
        return Ok((invitation.clone(), place));
    }
    if let Some(row) = pending {
        let place = row.at.clone().map_or(Place::Book, Place::Microsoft);
        return Ok((row.invitation.clone(), place));
    }
    match of_declared.last() {
        Some(row) => bail!(
            "no invitation of `{}` waits for an answer: `{}` is {}\n  \
             help: `concordat diff` tells what would change, `concordat history` what was answered",
            declared.object.name,
            row.key.name,
            row.stage(observed.now)
        ),
        None => bail!(
            "no invitation of `{}` would be sent\n  help: `concordat diff` tells why",
            declared.object.name
        ),
    }
}

/// Whether an invitation has a privileged role in its ceiling.
pub fn has_privileged_role(invitation: &Invitation) -> bool {
    let catalogue = Catalogue::compiled();
    let privileged = |role| catalogue.is_privileged(role);
    invitation.roles.iter().any(|role| privileged(*role))
}
