//! The request that a partner pastes into his own mail, document or page.
//!
//! Never: words that promise or press; only who asks for what, for how long, and what to read.

use std::fmt::Write as _;

mod html;
mod markdown;
mod text;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::counted;
use crate::{
    api::{Cloud, PartnerType, Subscription, SubscriptionKind},
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        duration::{Days, Duration},
        ids::RoleId,
        state::{Agreement, Tenant, Terms},
    },
};

/// How the text of an offer is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum OfferFormat {
    /// For a mail.
    #[default]
    Text,
    /// For a document.
    Markdown,
    /// For a page.
    Html,
}

/// What an offer says.
#[derive(Debug, Clone, Copy)]
pub struct OfferText<'a> {
    /// Who asks.
    pub partner: &'a Tenant,
    /// What sort of partner.
    pub type_: PartnerType,
    /// Where both tenants live.
    pub cloud: Cloud,
    /// The ceiling of every grant.
    pub roles: &'a BTreeSet<RoleId>,
    /// For how long, from the acceptance.
    pub duration: Option<Days>,
    /// By how much it is extended on its last day; zero is never.
    pub auto_extend: Duration,
    /// The agreement to read.
    pub agreement: Option<&'a Agreement>,
    /// The partner's own terms.
    pub terms: Option<&'a Terms>,
    /// The subscription that comes with it.
    pub subscription: Option<&'a Subscription>,
    /// Where it is accepted.
    pub link: Option<&'a str>,
    /// Whom it is for; absent for an offer that many customers can read.
    pub recipient: Option<Recipient<'a>>,
}

/// The customer that an invitation is for.
#[derive(Debug, Clone, Copy)]
pub struct Recipient<'a> {
    /// The customer.
    pub customer: &'a Tenant,
    /// The name of the relationship in the store.
    pub relationship: &'a str,
    /// What an acceptance must name.
    pub invitation: Digest,
}

/// A piece of the text, before it is written in a format. Everything in it is plain text.
enum Block {
    Heading(String),
    Paragraph(String),
    List(Vec<String>),
    Link(String),
}

/// The text of an offer.
pub fn offer_text(offer: &OfferText<'_>, format: OfferFormat) -> String {
    let blocks = blocks(offer);
    match format {
        OfferFormat::Text => text::write(&blocks),
        OfferFormat::Markdown => markdown::write(&blocks),
        OfferFormat::Html => html::write(&blocks),
    }
}

fn blocks(offer: &OfferText<'_>) -> Vec<Block> {
    let partner = named(offer.partner);
    let mut blocks = vec![Block::Heading(format!("A request from {partner}"))];
    if let Some(recipient) = &offer.recipient {
        blocks.push(Block::Paragraph(format!("For {}.", with_id(recipient.customer))));
    }
    blocks.push(Block::Paragraph(format!("{partner} asks to {}.", purpose(offer.type_))));
    blocks.push(Block::Paragraph(format!(
        "{partner} has the Microsoft Entra tenant {} in the cloud {:?}. \
         If you are not sure that this request is genuine, please ask {partner} by a way you already know.",
        offer.partner.id, offer.cloud
    )));
    blocks.push(Block::Heading("What the partner may be given".to_owned()));
    if offer.roles.is_empty() {
        let none = "This carries no roles: it gives no administrative access to your tenant.";
        blocks.push(Block::Paragraph(none.to_owned()));
    } else {
        blocks.push(Block::Paragraph(format!(
            "At most {}. Nothing beyond this can be given without asking you again.",
            counted(offer.roles.len(), "role")
        )));
        blocks.push(Block::List(roles(offer.roles)));
    }
    blocks.push(Block::Heading("For how long".to_owned()));
    blocks.push(Block::Paragraph(time(offer)));
    if let Some(subscription) = offer.subscription {
        let kind = match subscription.kind {
            SubscriptionKind::Trial => "a trial subscription",
            SubscriptionKind::Purchase => "a subscription to buy",
        };
        let text = format!("With it comes {kind}: {}.", subscription.reference);
        blocks.push(Block::Paragraph(text));
    }
    blocks.extend(reading(offer));
    blocks.extend(answering(offer));
    blocks
}

fn named(tenant: &Tenant) -> String {
    tenant.name.clone().unwrap_or_else(|| tenant.id.to_string())
}

fn with_id(tenant: &Tenant) -> String {
    match &tenant.name {
        Some(name) => format!("{name}, tenant {}", tenant.id),
        None => format!("the tenant {}", tenant.id),
    }
}

fn purpose(type_: PartnerType) -> &'static str {
    match type_ {
        PartnerType::GranularDelegatedAdmin => {
            "do agreed administrative work in your tenant, with exactly the roles below and for a set time"
        }
        PartnerType::DelegatedAdmin => "administer your tenant on your behalf",
        PartnerType::ResellerAndDelegatedAdmin => {
            "sell to your organisation and administer your tenant on your behalf"
        }
        PartnerType::Advisor => {
            "advise you: to reset passwords and to handle support incidents for you"
        }
        PartnerType::Reseller => "sell Microsoft products to your organisation",
        PartnerType::IndirectReseller => {
            "sell Microsoft products to your organisation together with a provider"
        }
        PartnerType::IndependentSoftwareVendor => "offer its own software to your organisation",
        PartnerType::LineOfBusiness => "develop and submit line-of-business apps for you",
        PartnerType::ProductsAndServicesAgreement => {
            "serve you under the Microsoft Products and Services Agreement"
        }
        PartnerType::OriginalEquipmentManufacturer => {
            "register the devices that you buy from it with your organisation"
        }
        PartnerType::Partner => "work with user accounts of its own in your tenant",
    }
}

/// Each role by name, with what the catalogue says about it.
fn roles(roles: &BTreeSet<RoleId>) -> Vec<String> {
    let catalogue = Catalogue::compiled();
    let mut lines: Vec<String> = roles
        .iter()
        .map(|id| {
            let privileged = catalogue.is_privileged(*id);
            let note = if privileged { "; Microsoft calls it privileged" } else { "" };
            format!("{} ({id}){note}", catalogue.name_of(*id))
        })
        .collect();
    lines.sort();
    lines
}

fn time(offer: &OfferText<'_>) -> String {
    let Some(duration) = offer.duration else {
        return "It has no end of its own. You can end it whenever you like.".to_owned();
    };
    let mut text = format!("For {} from the moment you accept.", in_days(&duration.to_string()));
    if offer.auto_extend.is_zero() {
        text.push_str(" It is not extended by itself.");
    } else {
        let by = in_days(&offer.auto_extend.to_string());
        let _ = write!(text, " On its last day it is extended by {by}, unless you end it before.");
    }
    text.push_str(" You can end it whenever you like.");
    text
}

/// `P365D` as `365 days`; any other duration as it is.
fn in_days(duration: &str) -> String {
    let number = duration.strip_prefix('P').and_then(|rest| rest.strip_suffix('D'));
    match number.and_then(|number| number.parse().ok()) {
        Some(number) => counted(number, "day"),
        None => duration.to_owned(),
    }
}

fn reading(offer: &OfferText<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if offer.agreement.is_none() && offer.terms.is_none() {
        return blocks;
    }
    blocks.push(Block::Heading("Please read before you accept".to_owned()));
    if let Some(agreement) = offer.agreement {
        blocks.push(Block::Paragraph(format!(
            "The {}, template {}, in the text for your country:",
            spaced(&format!("{:?}", agreement.type_)),
            agreement.template_id
        )));
        let texts = agreement.documents.iter();
        blocks.push(Block::List(
            texts
                .map(|text| {
                    format!("{} ({}): SHA-256 {}", text.country, text.language, text.sha256)
                })
                .collect(),
        ));
    }
    if let Some(terms) = offer.terms {
        blocks.push(Block::Paragraph("The partner's own terms:".to_owned()));
        blocks.push(Block::Link(terms.url.clone()));
        blocks.push(Block::Paragraph(format!("SHA-256 of their text: {}", terms.sha256)));
    }
    blocks
}

/// `MicrosoftCustomerAgreement` as `Microsoft Customer Agreement`.
fn spaced(name: &str) -> String {
    let mut words = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(character);
    }
    words
}

fn answering(offer: &OfferText<'_>) -> Vec<Block> {
    let mut blocks = vec![Block::Heading("Your answer".to_owned())];
    match offer.link {
        Some(link) => {
            blocks.push(Block::Paragraph("You can read and answer the request here:".to_owned()));
            blocks.push(Block::Link(link.to_owned()));
        }
        None => blocks.push(Block::Paragraph(
            "Your partner tells you where to answer. Until you accept, nothing is given."
                .to_owned(),
        )),
    }
    if let Some(recipient) = &offer.recipient {
        blocks.push(Block::Paragraph(
            "Your answer is to exactly this invitation, and to no other:".to_owned(),
        ));
        blocks.push(Block::List(vec![
            format!("relationship {}", recipient.relationship),
            format!("invitation {}", recipient.invitation),
        ]));
    }
    blocks.push(Block::Paragraph(
        "If you do not want this, you need not do anything. Thank you for taking the time to read it."
            .to_owned(),
    ));
    blocks
}

/// A link that may be followed: `https`, and of characters that need no escaping anywhere.
fn is_safe(link: &str) -> bool {
    let rest = link.strip_prefix("https://");
    rest.is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~/?#:@%=&+,;$".contains(&byte))
    })
}
