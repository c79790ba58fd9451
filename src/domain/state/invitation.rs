//! What is proposed to a customer: the [`Invitation`] and the texts that it asks to be read.
//!
//! Never: a time or an id of the store in what an acceptance names by its digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    api::{AgreementType, Cloud, Gates, PartnerType},
    domain::{
        digest::Digest,
        duration::{Days, Duration},
        ids::{RoleId, TenantId},
    },
};

/// The request as it is sent: what an acceptance accepts. No time and no store id, so that its digest can be
/// computed from files alone (docs/concepts.md, Words).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The tenant that is let in.
    pub partner: TenantId,
    /// The tenant that lets in.
    pub customer: TenantId,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: PartnerType,
    /// Where both tenants live.
    pub cloud: Cloud,
    /// The name in the store.
    pub name: String,
    /// The ceiling of every grant.
    pub roles: BTreeSet<RoleId>,
    /// How long, from the acceptance; absent for a type that manages nothing.
    pub duration: Option<Days>,
    /// By how much it is extended on its last day; zero is never.
    pub auto_extend: Duration,
    /// The agreement to read.
    pub agreement: Option<Agreement>,
    /// The partner's own terms.
    pub terms: Option<Terms>,
}

impl Invitation {
    /// What an acceptance must name to accept this very invitation.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// The same whatever its name in the store: what tells a changed spec from an unchanged one.
    pub fn digest_without_name(&self) -> Digest {
        Digest::of(&Self { name: String::new(), ..self.clone() })
    }
}

/// An agreement as an offer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agreement {
    /// Its type, such as `MicrosoftCustomerAgreement`.
    #[serde(rename = "type")]
    pub type_: AgreementType,
    /// Its template.
    pub template_id: String,
    /// Its text for each country and language.
    pub documents: BTreeSet<Document>,
    /// What waits for its acceptance.
    pub gates: Gates,
}

impl Agreement {
    /// Whether accepting this text is accepting this agreement.
    pub fn is_accepted_by(&self, text: &AcceptedText) -> bool {
        self.type_ == text.type_
            && self.template_id == text.template_id
            && self.documents.contains(&text.document)
    }
}

/// One text of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// BCP 47.
    pub language: String,
    /// SHA-256 of the text.
    pub sha256: Digest,
}

/// The one text of an agreement that was read and accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AcceptedText {
    /// The type of the agreement.
    #[serde(rename = "type")]
    pub type_: AgreementType,
    /// Its template.
    pub template_id: String,
    /// The text.
    pub document: Document,
}

/// The partner's own terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Terms {
    /// Where they can be read.
    pub url: String,
    /// SHA-256 of the text.
    pub sha256: Digest,
}
