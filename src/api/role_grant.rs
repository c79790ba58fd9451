//! `RoleGrant`: roles asked for one grantee under one relationship, or each that a selector finds.
//!
//! Never: a rule that needs the relationship, its offer or the catalogue.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    conditions::{self, Condition},
    field,
    partner_relationship::LocalRef,
};

/// Roles for one grantee under one relationship, or under each that a selector finds, in one window of time.
///
/// Roles are held from `notBefore` until `notAfter`, and never past the end of the relationship. What is asked for must
/// lie within the roles of the offer.
#[derive(CustomResource, KubeSchema, Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "concordat.dev",
    version = "v1alpha1",
    kind = "RoleGrant",
    namespaced,
    status = "RoleGrantStatus",
    derive = "PartialEq",
    doc = "A request for roles: which grantee, under which relationship, which roles, from when until when.",
    shortname = "rgrant",
    category = "concordat",
    selectable = ".spec.relationshipRef.name",
    selectable = ".spec.grantee.securityGroup.id",
    selectable = ".spec.grantee.customerUser.id",
    printcolumn(name = "Relationship", type_ = "string", json_path = ".spec.relationshipRef.name"),
    printcolumn(
        name = "Group",
        type_ = "string",
        json_path = ".spec.grantee.securityGroup.displayName"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(
        name = "In Force",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='InForce')].status"
    ),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.expiresAt"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Group Id",
        type_ = "string",
        json_path = ".spec.grantee.securityGroup.id",
        priority = 1
    ),
    printcolumn(
        name = "User",
        type_ = "string",
        json_path = ".spec.grantee.customerUser.displayName",
        priority = 1
    ),
    printcolumn(name = "Roles", type_ = "string", json_path = ".spec.roles", priority = 1),
    printcolumn(name = "Tasks", type_ = "string", json_path = ".spec.tasks", priority = 1),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].reason",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.relationshipRef) != has(self.relationshipSelector)")
        .message("give exactly one of `relationshipRef` and `relationshipSelector`")
        .field_path(".relationshipRef"),
    validation = Rule::new("has(self.grantee.securityGroup) != has(self.grantee.customerUser)")
        .message("give exactly one of `grantee.securityGroup` and `grantee.customerUser`")
        .field_path(".grantee"),
    validation = Rule::new("has(self.roles) ? !has(self.tasks) && !has(self.accessLevel) : has(self.tasks) != has(self.accessLevel)")
        .message("give exactly one of `roles`, `tasks` and `accessLevel`")
        .field_path(".roles"),
    validation = Rule::new("!has(self.notBefore) || !has(self.notAfter) || self.notBefore < self.notAfter")
        .message("`notAfter` must be later than `notBefore`: the window is empty")
        .field_path(".notAfter")
)]
pub struct RoleGrantSpec {
    /// The relationship, by its name in the same namespace. Exclusive with `relationshipSelector`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_ref: Option<LocalRef>,
    /// Every relationship of the same namespace with these labels. Exclusive with `relationshipRef`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relationship_selector: Option<Selector>,
    /// Who holds the roles: exactly one of a security group and, for partner type `Partner`, a user of the customer.
    pub grantee: GranteeSpec,
    /// Entra built-in roles, by name or template id. Exactly one of `roles`, `tasks` and `accessLevel` is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::roles")]
    pub roles: Vec<String>,
    /// Tasks (`area/task`), turned into the fewest roles that allow them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "field::tasks")]
    pub tasks: Vec<String>,
    /// The shorthand of the legacy partner types.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_level: Option<AccessLevel>,
    /// When the roles begin to be held (RFC 3339 with an offset). Default: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::timestamp")]
    pub not_before: Option<Timestamp>,
    /// When they cease to be held (RFC 3339 with an offset), exclusive. Default: at the end of the relationship.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::timestamp")]
    pub not_after: Option<Timestamp>,
    /// Why, for the person who reviews it. Required where a role is privileged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::text")]
    pub justification: Option<String>,
    /// What deleting this object does. Default: Revoke.
    #[serde(default)]
    pub deletion_policy: GrantDeletionPolicy,
    /// Hold every change of this object, also its deletion. Expiry is not held. Default: false.
    #[serde(default)]
    pub suspend: bool,
}

/// Relationships by their labels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Selector {
    /// Labels that a relationship must have, all of them, with these values. At least one.
    #[schemars(schema_with = "field::labels")]
    pub match_labels: BTreeMap<String, String>,
}

/// Who holds the roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GranteeSpec {
    /// A security group of the partner's tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_group: Option<Principal>,
    /// A user of the customer's tenant: with partner type `Partner`, and only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_user: Option<Principal>,
}

/// A group or user of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Principal {
    /// Its object id: a GUID. This alone decides who is meant.
    #[schemars(schema_with = "field::guid")]
    pub id: String,
    /// Its name, for people.
    #[schemars(schema_with = "field::name")]
    pub display_name: String,
}

/// The shorthand of the legacy partner types.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum AccessLevel {
    /// Global Administrator.
    FullAdministration,
    /// Helpdesk Administrator.
    LimitedAdministration,
}

/// What deleting a grant does.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum GrantDeletionPolicy {
    /// The roles are revoked.
    #[default]
    Revoke,
    /// They stay until they expire.
    Retain,
}

/// What the operator reports about a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoleGrantStatus {
    /// The generation that the operator last acted on; -1 until it has seen one.
    #[serde(default = "conditions::unseen")]
    pub observed_generation: i64,
    /// What the operator has to say.
    #[serde(default = "conditions::pending")]
    #[schemars(schema_with = "conditions::list")]
    pub conditions: Vec<Condition>,
    /// The roles that were asked for, as the catalogue resolves them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 150))]
    pub roles: Vec<ResolvedRole>,
    /// The version of the catalogue that resolved them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub catalogue_version: Option<String>,
    /// Since when the roles are held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub effective_since: Option<Timestamp>,
    /// When they cease to be held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "field::observed_timestamp")]
    pub expires_at: Option<Timestamp>,
}

/// A role as the catalogue knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResolvedRole {
    /// Its template id.
    #[schemars(length(max = 36))]
    pub id: String,
    /// Its name.
    #[schemars(length(max = 128))]
    pub name: String,
}
