//! The conditions of a status, and the ones that stand there before the operator has seen an object.
//!
//! Never: a decision. Conditions report.

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::field;

/// One condition of a status, in the form of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What the condition is about, for example `Ready`.
    #[serde(rename = "type")]
    #[schemars(length(min = 1, max = 64))]
    pub type_: String,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word that programs may compare.
    #[schemars(length(min = 1, max = 64))]
    pub reason: String,
    /// Why, in words, and the next step where one is needed.
    #[schemars(schema_with = "field::observed_text")]
    pub message: String,
    /// When `status` last changed.
    #[schemars(schema_with = "field::observed_timestamp")]
    pub last_transition_time: Timestamp,
    /// The generation of the object that this condition is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
}

/// Whether a condition holds.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub enum ConditionStatus {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Nobody has looked yet, or could not tell.
    Unknown,
}

/// What stands in a status until the operator has seen the object: `Ready=Unknown`, reason `Pending`.
pub fn pending() -> Vec<Condition> {
    vec![Condition {
        type_: "Ready".to_owned(),
        status: ConditionStatus::Unknown,
        reason: "Pending".to_owned(),
        message: "waiting for the operator".to_owned(),
        last_transition_time: Timestamp::UNIX_EPOCH,
        observed_generation: None,
    }]
}

/// The generation that the operator has seen before it has seen any: no object has it, so none looks current.
pub fn unseen() -> i64 {
    -1
}

/// The schema of a list of conditions: one of each type.
pub fn list(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "items": generator.subschema_for::<Condition>(),
        "maxItems": 16,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
    })
}
