//! `PartnerBoundary`: what a namespace may do, for which partner, customers, groups and roles, and how much at once.
//!
//! Never: something that the namespace itself could change.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    conditions::{self, Condition},
    field,
    partner_offer::{Cloud, PartnerType},
};

/// What the objects of some namespaces may do: for which partner, customers, groups and roles, and how much at once.
///
/// Without a boundary that admits it, the operator writes nothing for a namespace.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "concordat.dev",
    version = "v1alpha1",
    kind = "PartnerBoundary",
    plural = "partnerboundaries",
    status = "PartnerBoundaryStatus",
    derive = "PartialEq",
    doc = "A boundary around namespaces: which partner, customers, groups and roles, and how much at once.",
    shortname = "pbound",
    category = "concordat",
    selectable = ".spec.partner.tenantId",
    printcolumn(name = "Partner", type_ = "string", json_path = ".spec.partner.tenantId"),
    printcolumn(name = "Namespaces", type_ = "string", json_path = ".spec.namespaces"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Cloud", type_ = "string", json_path = ".spec.partner.cloud", priority = 1),
    printcolumn(
        name = "Certified For",
        type_ = "string",
        json_path = ".spec.partner.certifiedFor",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("self.customers.any != has(self.customers.tenantIds)")
        .message("give exactly one of `customers.any: true` and `customers.tenantIds`")
        .field_path(".customers"),
    validation = Rule::new("self.grantees.any != has(self.grantees.groupIds)")
        .message("give exactly one of `grantees.any: true` and `grantees.groupIds`")
        .field_path(".grantees"),
    validation = Rule::new("self.roles.any != has(self.roles.allowed)")
        .message("give exactly one of `roles.any: true` and `roles.allowed`")
        .field_path(".roles")
)]
pub struct PartnerBoundarySpec {
    /// The namespaces that the boundary is for.
    #[schemars(schema_with = "field::namespaces")]
    pub namespaces: Vec<String>,
    /// The partner that their objects may speak for.
    pub partner: BoundaryPartner,
    /// The customers that they may invite.
    pub customers: TenantScope,
    /// The groups and users that they may give roles to.
    pub grantees: GranteeScope,
    /// The roles that they may give.
    pub roles: RoleScope,
    /// What holds for privileged roles besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub privileged: Option<Privileged>,
    /// How much may happen at once without a person's approval. Each limit that is left out has its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

/// The partner of a boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BoundaryPartner {
    /// The partner's tenant: a GUID.
    #[schemars(schema_with = "field::guid")]
    pub tenant_id: String,
    /// The Microsoft cloud of that tenant. Default: Global.
    #[serde(default)]
    pub cloud: Cloud,
    /// The partner types it is certified for; no other can be offered.
    #[schemars(schema_with = "partner_types")]
    pub certified_for: Vec<PartnerType>,
}

/// Which customers: any, or those listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TenantScope {
    /// Every customer. Default: false.
    #[serde(default)]
    pub any: bool,
    /// Their tenants: GUIDs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::guids")]
    pub tenant_ids: Vec<String>,
}

/// Which grantees: any, or those listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GranteeScope {
    /// Every group and user. Default: false.
    #[serde(default)]
    pub any: bool,
    /// Their object ids: GUIDs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::guids")]
    pub group_ids: Vec<String>,
}

/// Which roles: any, or those listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleScope {
    /// Every role. Default: false.
    #[serde(default)]
    pub any: bool,
    /// Entra built-in roles, by name or template id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::roles")]
    pub allowed: Vec<String>,
}

/// What holds for privileged roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Privileged {
    /// For how long a privileged role may be held without a break, for example PT8H.
    #[schemars(schema_with = "field::duration")]
    pub max_window: String,
}

/// How much may happen at once without a person's approval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// The stretch of time that is counted, for example PT30M. Default: PT1H.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::duration")]
    pub window: Option<String>,
    /// How many assignments may lose roles.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocations: Option<RevocationLimit>,
    /// How many relationships may be terminated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminations: Option<TerminationLimit>,
    /// How many privileged roles may be gained. Default: 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "count")]
    pub privileged_gains: Option<u32>,
    /// How many grantees may appear that held nothing before. Default: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "count")]
    pub new_grantees: Option<u32>,
    /// How many relationships may be replaced. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "count")]
    pub replacements: Option<u32>,
}

/// How many assignments may lose roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevocationLimit {
    /// In number. Default: 25.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "count")]
    pub count: Option<u32>,
    /// In percent of all assignments, from five assignments up. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "percent")]
    pub share: Option<u32>,
}

/// How many relationships may be terminated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TerminationLimit {
    /// In number. Default: 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "count")]
    pub count: Option<u32>,
    /// In percent of all relationships, from five up. Default: 10.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "percent")]
    pub share: Option<u32>,
}

/// What the operator reports about a boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartnerBoundaryStatus {
    /// The generation that the operator last acted on; -1 until it has seen one.
    #[serde(default = "conditions::unseen")]
    pub observed_generation: i64,
    /// What the operator has to say.
    #[serde(default = "conditions::pending")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
}

fn partner_types(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "array",
        "items": generator.subschema_for::<PartnerType>(),
        "minItems": 1,
        "maxItems": 11,
        "x-kubernetes-list-type": "set",
    })
}

fn count(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": 1_000_000 })
}

fn percent(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "integer", "format": "int32", "minimum": 0, "maximum": 100 })
}
