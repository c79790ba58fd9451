//! What the store records, as the operator writes it down in statuses: enough for a plan to be made by who may read the
//! cluster and not the store.
//!
//! Never: the name, mail address or telephone number of a person.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    field,
    partner_offer::{Cloud, PartnerType},
    partner_relationship::{ManagementPolicy, RelationshipDeletionPolicy, UnmanagedAssignments},
    role_grant::GrantDeletionPolicy,
};

/// A relationship under one name in the store: as it was proposed, how far it is, and who holds what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRow {
    /// Its name in the store.
    #[schemars(length(max = 128))]
    pub name: String,
    /// 1 for the first, then 2 and on for those that take its place.
    pub number: i64,
    /// Who owns it: `instance/namespace/name`.
    #[schemars(length(max = 640))]
    pub owner: String,
    /// The UID of the object that it was made for.
    #[schemars(length(max = 128))]
    pub uid: String,
    /// The cloud.
    #[serde(default)]
    pub cloud: Cloud,
    /// The partner's tenant.
    #[schemars(length(max = 36))]
    pub partner: String,
    /// The customer's tenant.
    #[schemars(length(max = 36))]
    pub customer: String,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: PartnerType,
    /// Its stage.
    #[schemars(length(max = 128))]
    pub lifecycle: String,
    /// What was proposed.
    pub proposed: Proposed,
    /// How the roles were asked for.
    pub asked: AskedFor,
    /// When it was sent.
    #[schemars(schema_with = "field::observed_timestamp")]
    pub invited_at: Timestamp,
    /// When it became active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub activated_at: Option<Timestamp>,
    /// When it ends or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub ends_at: Option<Timestamp>,
    /// By how much it is extended on its last day.
    #[schemars(length(max = 24))]
    pub auto_extend: String,
    /// The roles that can be held under it, where these are fewer than were proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 150), inner(length(max = 36)))]
    pub ceiling: Option<Vec<String>>,
    /// When and why it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<RecordedEnd>,
    /// What is recorded of the policies of its object.
    pub policies: RecordedPolicies,
    /// Who holds what.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000))]
    pub assignments: Vec<RecordedAssignment>,
}

/// What was proposed to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proposed {
    /// The digest of the whole invitation, its texts included.
    #[schemars(length(max = 64))]
    pub digest: String,
    /// The ceiling.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 150), inner(length(max = 36)))]
    pub roles: Vec<String>,
    /// For how long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 24))]
    pub duration: Option<String>,
    /// By how much it was to be extended.
    #[schemars(length(max = 24))]
    pub auto_extend: String,
}

/// Roles as they were asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AskedFor {
    /// Names, tasks or an access level.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 400), inner(length(max = 256)))]
    pub words: Vec<String>,
    /// The version of the catalogue that resolved them.
    #[schemars(length(max = 64))]
    pub catalogue: String,
}

/// When and why something is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedEnd {
    /// When.
    #[schemars(schema_with = "field::observed_timestamp")]
    pub at: Timestamp,
    /// Why.
    #[schemars(length(max = 64))]
    pub reason: String,
}

/// Policies as they are recorded in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedPolicies {
    /// What happens when the object goes.
    pub deletion_policy: RelationshipDeletionPolicy,
    /// What happens to access that nobody declared.
    pub unmanaged_assignments: UnmanagedAssignments,
    /// Whether anything is changed.
    pub management_policy: ManagementPolicy,
}

/// What one grantee holds under one name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAssignment {
    /// The object id of the security group or user.
    #[schemars(length(max = 36))]
    pub grantee: String,
    /// Whether it is a group or a user.
    pub kind: RecordedGrantee,
    /// Its name, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub display_name: Option<String>,
    /// Its roles, held or recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 300))]
    pub roles: Vec<RecordedRole>,
    /// What each grant adds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 5000))]
    pub grants: Vec<RecordedGrant>,
}

/// What sort of grantee.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RecordedGrantee {
    /// A security group of the partner's tenant.
    SecurityGroup,
    /// A user of the customer's tenant.
    CustomerUser,
}

/// One role: until when it is held, and until when Concordat gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedRole {
    /// Its template id.
    #[schemars(length(max = 36))]
    pub id: String,
    /// Until when it is held, as Concordat gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub until: Option<Timestamp>,
    /// Until when it is held, where that is not as Concordat gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub held: Option<Timestamp>,
    /// Until when Concordat gave it, where that is not how it is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub given: Option<Timestamp>,
}

/// What one grant adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedGrant {
    /// Its namespace and name.
    #[schemars(length(max = 320))]
    pub object: String,
    /// Its UID.
    #[schemars(length(max = 128))]
    pub uid: String,
    /// Its roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 150), inner(length(max = 36)))]
    pub roles: Vec<String>,
    /// How they were asked for.
    pub asked: AskedFor,
    /// Since when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub not_before: Option<Timestamp>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub not_after: Option<Timestamp>,
    /// What happens when the object goes.
    pub deletion_policy: GrantDeletionPolicy,
    /// Why, in the words of whoever asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2000))]
    pub justification: Option<String>,
}

/// What the store records of an acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordedAcceptance {
    /// The digest of what it says.
    #[schemars(length(max = 64))]
    pub content: String,
    /// The name in the store of what it authorised or declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub used_for: Option<String>,
}
