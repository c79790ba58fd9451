//! `AgreementAcceptance`: the recorded fact that a named person accepted or declined.
//!
//! Never: an edit. The spec is a fact, and deleting the object does not undo it.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    conditions::{self, Condition},
    field,
    partner_offer::AgreementType,
    partner_relationship::LocalRef,
    recorded::RecordedAcceptance,
};

/// The fact that a named person accepted an agreement, or declined an invitation, at one time.
///
/// With `relationshipRef` it also authorises that relationship, once; without, only the agreement is accepted. It cannot
/// be edited, and deleting it does not undo the fact.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "concordat.dev",
    version = "v1alpha1",
    kind = "AgreementAcceptance",
    namespaced,
    status = "AgreementAcceptanceStatus",
    derive = "PartialEq",
    doc = "An acceptance of an agreement, with or without authorising a relationship.",
    shortname = "accept",
    category = "concordat",
    selectable = ".spec.customer.tenantId",
    selectable = ".spec.partner.tenantId",
    selectable = ".spec.relationshipRef.name",
    printcolumn(name = "Decision", type_ = "string", json_path = ".spec.decision"),
    printcolumn(name = "Customer", type_ = "string", json_path = ".spec.customer.tenantId"),
    printcolumn(name = "Relationship", type_ = "string", json_path = ".spec.relationshipRef.name"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Accepted", type_ = "string", json_path = ".spec.acceptedAt"),
    printcolumn(
        name = "Agreement",
        type_ = "string",
        json_path = ".spec.agreement.type",
        priority = 1
    ),
    printcolumn(
        name = "Country",
        type_ = "string",
        json_path = ".spec.agreement.country",
        priority = 1
    ),
    printcolumn(
        name = "Role",
        type_ = "string",
        json_path = ".spec.acceptedBy.role",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self == oldSelf")
        .message("an acceptance is a fact and cannot change: write a new one"),
    validation = Rule::new("has(self.relationshipRef) == has(self.invitation)")
        .message("`relationshipRef` and `invitation` stand together: the digest says what was accepted; leave both out to accept the agreement alone")
        .field_path(".invitation"),
    validation = Rule::new("has(self.agreement) || has(self.relationshipRef)")
        .message("an acceptance names an `agreement`, a `relationshipRef`, or both")
        .field_path(".agreement"),
    validation = Rule::new("self.decision != 'Decline' || has(self.relationshipRef)")
        .message("`decision: Decline` needs `relationshipRef`: what is declined is the invitation to a relationship")
        .field_path(".decision"),
    validation = Rule::new("self.readConfirmed")
        .message("`readConfirmed` must be `true`: whoever decides has read the agreement")
        .field_path(".readConfirmed")
)]
pub struct AgreementAcceptanceSpec {
    /// Accept, or cancel the invitation instead.
    pub decision: AcceptanceDecision,
    /// The customer's tenant.
    pub customer: Tenant,
    /// The partner's tenant.
    pub partner: Tenant,
    /// Which text was accepted. Left out where the offer names no agreement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<AcceptedAgreement>,
    /// Who accepted it.
    pub accepted_by: Person,
    /// When (RFC 3339 with an offset); never in the future.
    #[schemars(schema_with = "field::timestamp")]
    pub accepted_at: Timestamp,
    /// The box that says "I have read it". It must be true.
    pub read_confirmed: bool,
    /// The relationship that is authorised or declined in the same act, by its name in the same namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_ref: Option<LocalRef>,
    /// The digest of the invitation that was accepted: a SHA-256. Required with `relationshipRef`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::sha256")]
    pub invitation: Option<String>,
}

/// Accept, or cancel the invitation instead.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AcceptanceDecision {
    /// The agreement is accepted, and the relationship, where one is named, is authorised.
    Accept,
    /// The invitation to the relationship is cancelled.
    Decline,
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tenant {
    /// Its id: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub tenant_id: String,
}

/// The text that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedAgreement {
    /// Which agreement.
    #[serde(rename = "type")]
    pub type_: AgreementType,
    /// The id of its template: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub template_id: String,
    /// The country of the text, in two capital letters (ISO 3166-1).
    #[schemars(schema_with = "field::country")]
    pub country: String,
    /// The language of the text, for example `en` or `pt-BR` (BCP 47).
    #[schemars(schema_with = "field::language")]
    pub language: String,
    /// The SHA-256 of the text, in 64 lower-case hexadecimal digits.
    #[schemars(schema_with = "field::sha256")]
    pub document_sha256: String,
}

/// A person at the customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Person {
    /// The first name.
    #[schemars(schema_with = "field::name")]
    pub first_name: String,
    /// The last name.
    #[schemars(schema_with = "field::name")]
    pub last_name: String,
    /// The mail address.
    #[schemars(schema_with = "field::email")]
    pub email: String,
    /// The telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::telephone")]
    pub phone_number: Option<String>,
    /// The role that the person holds at the customer, as declared.
    pub role: AcceptorRole,
}

/// The roles at a customer that may accept.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AcceptorRole {
    /// May accept agreements, and relationships without roles.
    BillingAdministrator,
    /// May accept everything.
    GlobalAdministrator,
    /// May authorise relationships with roles.
    CustomerDelegatedAdminRelationshipAdministrator,
}

/// What the operator reports about an acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgreementAcceptanceStatus {
    /// The generation that the operator last acted on; -1 until it has seen one.
    #[serde(default = "conditions::unseen")]
    pub observed_generation: i64,
    /// What the operator has to say.
    #[serde(default = "conditions::pending")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
    /// What the store records of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedAcceptance>,
}
