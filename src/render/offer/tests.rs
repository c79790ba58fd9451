//! Offers, with names that would like to be markup.
//!
//! Never: an exclamation mark in our own words.

use insta::assert_snapshot;

use super::*;
use crate::{
    api::{AgreementType, Gates},
    domain::{
        ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR},
        state::Document,
    },
};

const HOSTILE: &str = "Con<b>toso</b> [x](javascript:1) @a\u{202e}\n# forged";

fn told(name: &str, link: &str, format: OfferFormat) -> String {
    let tenant = |digit: u32, name: &str| Tenant {
        id: format!("{digit:08}-0000-4000-8000-000000000000").parse().unwrap(),
        name: Some(name.to_owned()),
    };
    let (partner, customer) = (tenant(1, name), tenant(2, "Fabrikam"));
    let document = Document {
        country: "CH".to_owned(),
        language: "de".to_owned(),
        sha256: Digest::of_bytes(b"text"),
    };
    let agreement = Agreement {
        type_: AgreementType::MicrosoftCustomerAgreement,
        template_id: "template".to_owned(),
        documents: BTreeSet::from([document]),
        gates: Gates::Purchase,
    };
    let terms = Terms { url: link.to_owned(), sha256: Digest::of_bytes(b"terms") };
    let roles = BTreeSet::from([GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR]);
    let offer = OfferText {
        partner: &partner,
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: Cloud::Global,
        roles: &roles,
        duration: Some("P365D".parse().unwrap()),
        auto_extend: Duration::default(),
        agreement: Some(&agreement),
        terms: Some(&terms),
        subscription: None,
        link: Some(link),
        recipient: Some(Recipient {
            customer: &customer,
            relationship: "acme-helpdesk",
            invitation: Digest::ZERO,
        }),
    };
    offer_text(&offer, format)
}

#[test]
fn an_offer_says_who_asks_for_what_for_how_long_and_what_to_read() {
    let text = told("Contoso", "https://contoso.example/terms?a=1", OfferFormat::Text);
    assert_snapshot!(text);
    assert!(!text.contains('!'), "{text}");
}

#[test]
fn an_offer_in_markdown_has_no_markup_from_a_name() {
    let text = told(HOSTILE, "https://contoso.example/terms", OfferFormat::Markdown);
    assert_snapshot!(text);
    for forged in ["<b>", "[x](", "@a", "\u{202e}", "\n# forged"] {
        assert!(!text.contains(forged), "{forged}");
    }
}

#[test]
fn an_offer_in_html_has_no_element_from_a_name_and_no_link_but_https() {
    let text = told(HOSTILE, "javascript:alert(1)", OfferFormat::Html);
    assert_snapshot!(text);
    assert!(!text.contains("<b>") && !text.contains("<a "), "{text}");
    assert!(
        told("Contoso", "https://a.example/", OfferFormat::Html)
            .contains("<a href=\"https://a.example/\"")
    );
}
