//! `PartnerOffer`: what a partner proposes. It names no customer, so it serves many.
//!
//! Never: a rule that needs the table of partner types or the catalogue.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    conditions::{self, Condition},
    field,
};

/// What a partner proposes to customers: a partner type, the most roles that any grant may hold, and for how long.
///
/// An offer names no customer and serves many. Its `partner`, `type`, `cloud`, `roles`, `tasks` and `duration` cannot
/// change: write a new offer, and move each customer to it by `offerRef`.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "concordat.dev",
    version = "v1alpha1",
    kind = "PartnerOffer",
    namespaced,
    status = "PartnerOfferStatus",
    derive = "PartialEq",
    doc = "An offer of a partner: who asks, which partner type, which roles at most, for how long.",
    shortname = "poffer",
    category = "concordat",
    selectable = ".spec.partner.tenantId",
    selectable = ".spec.type",
    printcolumn(name = "Type", type_ = "string", json_path = ".spec.type"),
    printcolumn(name = "Partner", type_ = "string", json_path = ".spec.partner.displayName"),
    printcolumn(name = "Duration", type_ = "string", json_path = ".spec.duration"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Partner Tenant",
        type_ = "string",
        json_path = ".spec.partner.tenantId",
        priority = 1
    ),
    printcolumn(name = "Cloud", type_ = "string", json_path = ".spec.cloud", priority = 1),
    validation = Rule::new("self.spec.partner.tenantId == oldSelf.spec.partner.tenantId && self.spec.type == oldSelf.spec.type && self.spec.cloud == oldSelf.spec.cloud")
        .message("the partner's `tenantId`, `type` and `cloud` of an offer cannot change: write a new offer under another name"),
    validation = Rule::new("has(self.spec.duration) == has(oldSelf.spec.duration) && (!has(self.spec.duration) || self.spec.duration == oldSelf.spec.duration) && has(self.spec.roles) == has(oldSelf.spec.roles) && (!has(self.spec.roles) || self.spec.roles == oldSelf.spec.roles) && has(self.spec.tasks) == has(oldSelf.spec.tasks) && (!has(self.spec.tasks) || self.spec.tasks == oldSelf.spec.tasks)")
        .message("`roles`, `tasks` and `duration` of an offer cannot change: write a new offer under another name, and move each customer to it by `offerRef`")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.roles) || !has(self.tasks)")
        .message("give `roles` or `tasks`, not both: tasks are turned into the fewest roles that allow them")
        .field_path(".tasks")
)]
pub struct PartnerOfferSpec {
    /// The partner who asks.
    pub partner: Partner,
    /// The kind of partnership. It decides which roles may be granted, and whether the partner may sell.
    #[serde(rename = "type")]
    pub type_: PartnerType,
    /// The Microsoft cloud that both tenants are in. Nothing crosses clouds. Default: Global.
    #[serde(default)]
    pub cloud: Cloud,
    /// How long a relationship lasts once it is active, in days: P1D to P730D. Required where the type manages the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::days")]
    pub duration: Option<String>,
    /// The ceiling as Entra built-in roles, by name or template id: no grant can hold more. Exclusive with `tasks`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::roles")]
    pub roles: Vec<String>,
    /// The ceiling as tasks (`area/task`), turned into the fewest roles that allow them. Exclusive with `roles`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::tasks")]
    pub tasks: Vec<String>,
    /// The agreement that the customer must accept, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// The partner's own terms, shown beside the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// A subscription that comes with the offer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscription: Option<Subscription>,
    /// Whether other MPSA partners of the customer see what was bought here. Only for type `ProductsAndServicesAgreement`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share_visibility: Option<ShareVisibility>,
}

/// The partner: a tenant, and its name for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Partner {
    /// The partner's tenant: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub tenant_id: String,
    /// The partner's name as customers know it.
    #[schemars(schema_with = "field::name")]
    pub display_name: String,
}

/// The kind of partnership.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum PartnerType {
    /// Time-bound delegated administration with chosen roles (GDAP): the normal case.
    GranularDelegatedAdmin,
    /// The older delegated administration (DAP).
    DelegatedAdmin,
    /// Sells, and administers in the older way.
    ResellerAndDelegatedAdmin,
    /// Resets passwords and handles support incidents.
    Advisor,
    /// Sells, and holds no role.
    Reseller,
    /// Sells through a provider, and holds no role.
    IndirectReseller,
    /// Sells software, and holds no role.
    IndependentSoftwareVendor,
    /// Develops line-of-business apps, and holds no role.
    LineOfBusiness,
    /// A partner of the Microsoft Products and Services Agreement (MPSA), and holds no role.
    ProductsAndServicesAgreement,
    /// Registers devices, and never holds a role.
    OriginalEquipmentManufacturer,
    /// Has user accounts in the customer's tenant; those are the grantees.
    Partner,
}

/// A Microsoft cloud.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
pub enum Cloud {
    /// The worldwide cloud.
    #[default]
    Global,
    /// US Government, L4.
    USGovL4,
    /// US Government, L5 (Department of Defense).
    USGovDoD,
    /// China, operated by 21Vianet.
    China21Vianet,
}

/// An agreement that a customer must accept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Agreement {
    /// Which agreement.
    #[serde(rename = "type")]
    pub type_: AgreementType,
    /// The id of its template: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub template_id: String,
    /// The texts, one for each country and language.
    #[schemars(schema_with = "documents")]
    pub documents: Vec<AgreementDocument>,
    /// What waits for the acceptance. Default: Purchase.
    #[serde(default)]
    pub gates: Gates,
}

/// The agreements that are known.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum AgreementType {
    /// The Microsoft Customer Agreement. Its text differs by country.
    MicrosoftCustomerAgreement,
}

/// One text of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AgreementDocument {
    /// The country it is for, in two capital letters (ISO 3166-1).
    #[schemars(schema_with = "field::country")]
    pub country: String,
    /// The language it is in, for example `en` or `pt-BR` (BCP 47).
    #[schemars(schema_with = "field::language")]
    pub language: String,
    /// The SHA-256 of the text, in 64 lower-case hexadecimal digits.
    #[schemars(schema_with = "field::sha256")]
    pub sha256: String,
}

/// What waits until the agreement is accepted.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum Gates {
    /// Purchases, and the managing of subscriptions.
    #[default]
    Purchase,
    /// Those, and every grant.
    Access,
}

/// The partner's own terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Terms {
    /// Where they can be read: an `https` link.
    #[schemars(schema_with = "field::url")]
    pub url: String,
    /// The SHA-256 of the text, in 64 lower-case hexadecimal digits.
    #[schemars(schema_with = "field::sha256")]
    pub sha256: String,
}

/// A subscription that comes with an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// Whether it is tried or bought.
    pub kind: SubscriptionKind,
    /// The partner's reference to it, for people.
    #[schemars(schema_with = "field::name")]
    pub reference: String,
}

/// Whether a subscription is tried or bought.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum SubscriptionKind {
    /// A trial.
    Trial,
    /// A purchase.
    Purchase,
}

/// Whether MPSA partners see each other's purchases.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ShareVisibility {
    /// Only this partner sees them.
    Private,
    /// Every MPSA partner of the customer sees them.
    Shared,
}

/// What the operator reports about an offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerOfferStatus {
    /// The generation that the operator last acted on; -1 until it has seen one.
    #[serde(default = "conditions::unseen")]
    pub observed_generation: i64,
    /// What the operator has to say.
    #[serde(default = "conditions::pending")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

fn documents(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": generator.subschema_for::<AgreementDocument>(),
        "minItems": 1,
        "maxItems": 500,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["country", "language"],
    })
}
