//! The custom resources as users write them: plain data, one file a kind, with the rules that one object can tell
//! about itself in its schema. What needs the catalogue or another object is in the domain.
//!
//! Never: a rule that also stands in the domain.

#![expect(clippy::duplicated_attributes, reason = "two printer columns may be of one type")]

pub mod agreement_acceptance;
mod cel;
pub mod conditions;
pub mod copied;
pub mod field;
mod json_schema;
pub mod partner_boundary;
pub mod partner_offer;
pub mod partner_relationship;
pub mod recorded;
pub mod role_grant;
pub mod schema;
mod structure;

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use serde_json::json;

pub use agreement_acceptance::{
    AcceptanceDecision, AcceptedAgreement, AcceptorRole, AgreementAcceptance,
    AgreementAcceptanceSpec, AgreementAcceptanceStatus, Person, Tenant,
};
pub use conditions::{Condition, ConditionStatus};
pub use copied::{NOT_READ, aside, holds_secret, quoting_no_secret, tells_secret, without_secret};
pub use json_schema::{json_schema, json_schema_text};
pub use partner_boundary::{
    BoundaryPartner, GranteeScope, Limits, PartnerBoundary, PartnerBoundarySpec,
    PartnerBoundaryStatus, Privileged, RevocationLimit, RoleScope, TenantScope, TerminationLimit,
};
pub use partner_offer::{
    Agreement, AgreementDocument, AgreementType, Cloud, Gates, Partner, PartnerOffer,
    PartnerOfferSpec, PartnerOfferStatus, PartnerType, ShareVisibility, Subscription,
    SubscriptionKind, Terms,
};
pub use partner_relationship::{
    AutoExtendDuration, Customer, EffectiveAssignment, EffectiveRole, InvitationStatus, LedgerHead,
    LeftOut, LocalRef, ManagementPolicy, PartnerRelationship, PartnerRelationshipSpec,
    PartnerRelationshipStatus, PlanSummary, RelationshipDeletionPolicy, Renewal, RenewalMode,
    UnmanagedAssignments,
};
pub use recorded::{
    AskedFor, Proposed, RecordedAcceptance, RecordedAssignment, RecordedEnd, RecordedGrant,
    RecordedGrantee, RecordedPolicies, RecordedRole, RecordedRow,
};
pub use role_grant::{
    AccessLevel, GrantDeletionPolicy, GranteeSpec, Principal, ResolvedRole, RoleGrant,
    RoleGrantSpec, RoleGrantStatus, Selector,
};
pub use schema::{Belongs, PathStep, Rest, Schemas, Violation, ViolationKind};
pub use structure::nearest;

/// The API group of every kind.
pub const GROUP: &str = "concordat.dev";
/// The one version of the group.
pub const VERSION: &str = "v1alpha1";
/// What stands in `apiVersion`.
pub const API_VERSION: &str = "concordat.dev/v1alpha1";

/// The five definitions, in the order of their kinds, as the API server is given them.
///
/// They differ from what the derive makes in two ways: no field is nullable, so that `null` means absent, and a status
/// that nobody has written yet says so.
pub fn crds() -> Vec<CustomResourceDefinition> {
    DEFINITIONS.iter().map(|(_, made)| served(made())).collect()
}

/// What the derive makes of a kind.
type Made = fn() -> CustomResourceDefinition;

/// Each kind, and what the derive makes of it.
const DEFINITIONS: [(&str, Made); 5] = [
    ("PartnerOffer", PartnerOffer::crd),
    ("PartnerRelationship", PartnerRelationship::crd),
    ("RoleGrant", RoleGrant::crd),
    ("AgreementAcceptance", AgreementAcceptance::crd),
    ("PartnerBoundary", PartnerBoundary::crd),
];

/// A definition as the API server is given it.
fn served(mut crd: CustomResourceDefinition) -> CustomResourceDefinition {
    let versions = crd.spec.versions.iter_mut();
    for schema in versions.filter_map(|version| version.schema.as_mut()) {
        let Some(root) = schema.open_api_v3_schema.as_mut() else { continue };
        refuse_null(root);
        if let Some(status) = root.properties.as_mut().and_then(|fields| fields.get_mut("status")) {
            status.default = Some(JSON(json!({
                "observedGeneration": conditions::unseen(),
                "conditions": conditions::pending(),
            })));
        }
    }
    crd
}

fn refuse_null(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.properties.iter_mut().flat_map(BTreeMap::values_mut).for_each(refuse_null);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = schema.items.as_mut() {
        refuse_null(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = schema.additional_properties.as_mut() {
        refuse_null(values);
    }
}
