//! `PartnerRelationship`: one offer made to one customer, and how it should be kept.
//!
//! Never: a rule that needs the offer behind `offerRef`.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    conditions::{self, Condition},
    field,
    partner_offer::PartnerOfferSpec,
    recorded::RecordedRow,
};

/// One offer made to one customer, and how the relationship is kept.
///
/// The partner invites, the customer authorises: until then nobody holds access. Deleting the object takes away its
/// access; what else happens is said by `deletionPolicy`.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "concordat.dev",
    version = "v1alpha1",
    kind = "PartnerRelationship",
    namespaced,
    status = "PartnerRelationshipStatus",
    derive = "PartialEq",
    doc = "A relationship of a partner with one customer: which offer was made, and how it is kept.",
    shortname = "prel",
    category = "concordat",
    selectable = ".spec.customer.tenantId",
    selectable = ".spec.displayName",
    selectable = ".spec.offerRef.name",
    selectable = ".status.lifecycle",
    printcolumn(name = "Customer", type_ = "string", json_path = ".spec.customer.displayName"),
    printcolumn(name = "Name", type_ = "string", json_path = ".spec.displayName"),
    printcolumn(name = "Lifecycle", type_ = "string", json_path = ".status.lifecycle"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Ends", type_ = "string", json_path = ".status.endsAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Offer", type_ = "string", json_path = ".spec.offerRef.name", priority = 1),
    printcolumn(
        name = "Customer Tenant",
        type_ = "string",
        json_path = ".spec.customer.tenantId",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = 1
    ),
    printcolumn(
        name = "Invitation",
        type_ = "string",
        json_path = ".status.invitation.link",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.offerRef) != has(self.offer)")
        .message("give exactly one of `offerRef` and `offer`")
        .field_path(".offerRef"),
    validation = Rule::new("self.customer.tenantId == oldSelf.customer.tenantId && self.displayName == oldSelf.displayName")
        .message("the customer's `tenantId` and the `displayName` of a relationship cannot change: write a new relationship"),
    validation = Rule::new("!has(self.offer) || !has(oldSelf.offer) || (self.offer.partner.tenantId == oldSelf.offer.partner.tenantId && self.offer.type == oldSelf.offer.type && self.offer.cloud == oldSelf.offer.cloud)")
        .message("the partner's `tenantId`, `type` and `cloud` of an offer cannot change: write a new relationship")
)]
pub struct PartnerRelationshipSpec {
    /// The customer. Its name can be mended, and its `tenantId` cannot change.
    pub customer: Customer,
    /// The name in the store, unique among the relationships of the partner: letters, digits, blanks, `_` and `-`, at most 44. It cannot change.
    #[schemars(schema_with = "field::store_name")]
    pub display_name: String,
    /// The offer, by its name in the same namespace. Exclusive with `offer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer_ref: Option<LocalRef>,
    /// The offer, written out here. Exclusive with `offerRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<PartnerOfferSpec>,
    /// By how much the relationship is extended at its end, without asking again: PT0S (not at all) or P180D. Default: PT0S. Refused with Global Administrator.
    #[serde(default)]
    pub auto_extend_duration: AutoExtendDuration,
    /// What happens when the end comes near.
    #[serde(default)]
    pub renewal: Renewal,
    /// Whether the relationship is kept as declared, or only watched. Default: Manage.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What deleting this object does. Default: Revoke.
    #[serde(default)]
    pub deletion_policy: RelationshipDeletionPolicy,
    /// What happens to access in the store that no grant explains. Default: Keep.
    #[serde(default)]
    pub unmanaged_assignments: UnmanagedAssignments,
    /// Hold every change of this object, also its deletion. Expiry is not held. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// The customer: a tenant, and its name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Customer {
    /// The customer's tenant: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub tenant_id: String,
    /// The customer's name, for people.
    #[schemars(schema_with = "field::name")]
    pub display_name: String,
}

/// An object of the same namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalRef {
    /// Its name.
    #[schemars(schema_with = "field::object_name")]
    pub name: String,
}

/// By how much a relationship is extended at its end.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AutoExtendDuration {
    /// Not at all.
    #[default]
    #[serde(rename = "PT0S")]
    Off,
    /// By 180 days, again and again.
    #[serde(rename = "P180D")]
    Days180,
}

/// What happens when the end of a relationship comes near.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Renewal {
    /// Tell, or invite the customer again. Default: Notify.
    #[serde(default)]
    pub mode: RenewalMode,
    /// How long before the end, in days: P1D to P730D. Default: P60D.
    #[serde(default = "sixty_days")]
    #[schemars(schema_with = "field::days")]
    pub before: String,
}

impl Default for Renewal {
    fn default() -> Self {
        Self { mode: RenewalMode::default(), before: sixty_days() }
    }
}

fn sixty_days() -> String {
    "P60D".to_owned()
}

/// Tell, or invite the customer again.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RenewalMode {
    /// Say in a condition that the end is near.
    #[default]
    Notify,
    /// Also invite the customer to a successor.
    Invite,
}

/// Whether a relationship is kept as declared.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ManagementPolicy {
    /// The store is made to hold what is declared.
    #[default]
    Manage,
    /// The store is only read and reported.
    Observe,
}

/// What deleting a relationship does.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum RelationshipDeletionPolicy {
    /// Access ends, the relationship stays.
    #[default]
    Revoke,
    /// Access ends, also that of grants with `Retain`, then the relationship is terminated.
    Terminate,
    /// Nothing is taken away.
    Retain,
}

/// What happens to access that no grant explains.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum UnmanagedAssignments {
    /// It stays, and is reported.
    #[default]
    Keep,
    /// It is revoked; every plan prints who loses what.
    Revoke,
}

/// What the operator reports about a relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerRelationshipStatus {
    /// The generation that the operator last acted on; -1 until it has seen one.
    #[serde(default = "conditions::unseen")]
    pub observed_generation: i64,
    /// What the operator has to say.
    #[serde(default = "conditions::pending")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
    /// The id of the relationship in the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub store_id: Option<String>,
    /// Where the relationship is in its life, for example `Active`, in the words of Microsoft Graph.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub lifecycle: Option<String>,
    /// The invitation that the customer may accept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationStatus>,
    /// When the customer was invited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub invited_at: Option<Timestamp>,
    /// When the relationship became active.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub activated_at: Option<Timestamp>,
    /// When the relationship ends, or ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub ends_at: Option<Timestamp>,
    /// Who holds which role until when, as last read from the store.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub assignments: Vec<EffectiveAssignment>,
    /// What the last plan would do or did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanSummary>,
    /// The last entry of the ledger about this relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ledger: Option<LedgerHead>,
    /// What the store records under each name that the relationship has had there, the newest last: from this
    /// `concordat diff --store cluster:` plans. Absent where it is more than an object can hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub recorded: Vec<RecordedRow>,
    /// How much is not listed here, where it is more than an object can hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_out: Option<LeftOut>,
}

/// How much of what the store holds a status does not list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftOut {
    /// How many grantees hold something and are not in `assignments`.
    pub assignments: i64,
    /// How many relationships of the store are not in `recorded`.
    pub recorded: i64,
}

/// An invitation as the customer sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvitationStatus {
    /// Where the customer accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub link: Option<String>,
    /// Its digest: what an acceptance repeats in `invitation`.
    #[schemars(length(max = 64))]
    pub digest: String,
}

/// What one grantee holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveAssignment {
    /// The object id of the security group or user.
    #[schemars(length(max = 36))]
    pub grantee: String,
    /// Its roles.
    #[schemars(length(max = 150))]
    pub roles: Vec<EffectiveRole>,
}

/// One role that is held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EffectiveRole {
    /// Its template id.
    #[schemars(length(max = 36))]
    pub id: String,
    /// Its name.
    #[schemars(length(max = 128))]
    pub name: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub until: Option<Timestamp>,
}

/// A plan in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSummary {
    /// How many changes are left to do.
    pub changes: i64,
    /// In words: who gains and who loses what.
    #[schemars(schema_with = "field::observed_text")]
    pub summary: String,
    /// The hash of the batch that waits for approval, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub blocked: Option<String>,
    /// The hashes of further batches that wait.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub also_blocked: Vec<String>,
    /// When the plan would differ without any edit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub valid_until: Option<Timestamp>,
}

/// An entry of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LedgerHead {
    /// Its number.
    pub sequence: i64,
    /// Its hash.
    #[schemars(length(max = 64))]
    pub hash: String,
}
