//! The custom resources as users write them: plain data, one file a kind, with the rules that one object can tell
//! about itself in its schema. What needs the catalogue or another object is in the domain.
//!
//! Never: a rule that also stands in the domain.

pub mod agreement_acceptance;
pub mod conditions;
pub mod field;
pub mod partner_boundary;
pub mod partner_offer;
pub mod partner_relationship;
pub mod role_grant;

pub use agreement_acceptance::{
    AcceptanceDecision, AcceptedAgreement, AcceptorRole, AgreementAcceptance,
    AgreementAcceptanceSpec, AgreementAcceptanceStatus, Person, Tenant,
};
pub use conditions::{Condition, ConditionStatus};
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
    LocalRef, ManagementPolicy, PartnerRelationship, PartnerRelationshipSpec,
    PartnerRelationshipStatus, PlanSummary, RelationshipDeletionPolicy, Renewal, RenewalMode,
    UnmanagedAssignments,
};
pub use role_grant::{
    AccessLevel, GrantDeletionPolicy, GranteeSpec, Principal, ResolvedRole, RoleGrant,
    RoleGrantSpec, RoleGrantStatus, Selector,
};

/// The API group of every kind.
pub const GROUP: &str = "concordat.dev";
/// The one version of the group.
pub const VERSION: &str = "v1alpha1";
/// What stands in `apiVersion`.
pub const API_VERSION: &str = "concordat.dev/v1alpha1";
