//! The words that labels of metrics may have: each from an enum, so that their number is bounded.
//!
//! Never: a name, an id or any other text that comes from outside.

use crate::domain::{
    change::{Change, Effect},
    ids::Kind,
};

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoundResult {
    /// Everything was as desired.
    AtRest,
    /// Something was changed, and read back.
    Changed,
    /// Something waits for a person.
    Blocked,
    /// The store, or the cluster, did not do what was asked.
    Failed,
}

impl RoundResult {
    /// Every result.
    pub const ALL: [Self; 4] = [Self::AtRest, Self::Changed, Self::Blocked, Self::Failed];

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::AtRest => "at_rest",
            Self::Changed => "changed",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
        }
    }
}

/// What became of a change that the store was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeOutcome {
    /// It is made, and durable.
    Done,
    /// The store refused it.
    Refused,
    /// Whoever carries it out has taken it, and it is not there yet.
    Underway,
    /// Nobody answered: it may be made.
    Unknown,
}

impl ChangeOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::Underway, Self::Unknown];

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Underway => "underway",
            Self::Unknown => "unknown",
        }
    }
}

/// What is written to the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiObject {
    /// One of our kinds.
    Of(Kind),
    /// An event.
    Event,
    /// The leader's lease.
    Lease,
    /// The webhook's certificate.
    Secret,
    /// The webhook's registration.
    ValidatingWebhookConfiguration,
}

impl ApiObject {
    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Of(kind) => kind_label(kind),
            Self::Event => "Event",
            Self::Lease => "Lease",
            Self::Secret => "Secret",
            Self::ValidatingWebhookConfiguration => "ValidatingWebhookConfiguration",
        }
    }
}

/// Which part of it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ApiWrite {
    /// The status.
    Status,
    /// The finalizers.
    Finalizers,
    /// Who deleted it.
    Stamp,
    /// All of it, for the first time.
    Create,
    /// Some of it.
    Update,
}

impl ApiWrite {
    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Finalizers => "finalizers",
            Self::Stamp => "stamp",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// What the webhook answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AdmissionVerdict {
    /// Admitted without a word.
    Admitted,
    /// Admitted with warnings.
    Warned,
    /// Refused.
    Refused,
    /// The question could not be read.
    Unreadable,
}

impl AdmissionVerdict {
    /// Every verdict.
    pub const ALL: [Self; 4] = [Self::Admitted, Self::Warned, Self::Refused, Self::Unreadable];

    /// Its label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Warned => "warned",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
        }
    }
}

/// The label of a kind.
pub fn kind_label(kind: Kind) -> &'static str {
    match kind {
        Kind::PartnerOffer => "PartnerOffer",
        Kind::PartnerRelationship => "PartnerRelationship",
        Kind::RoleGrant => "RoleGrant",
        Kind::AgreementAcceptance => "AgreementAcceptance",
        Kind::PartnerBoundary => "PartnerBoundary",
    }
}

/// The label of every effect.
pub const EFFECTS: [&str; 14] = [
    "invite",
    "authorise",
    "decline",
    "withdraw",
    "set_roles",
    "set_auto_extend",
    "drop_global_administrator",
    "extend",
    "claim",
    "set_policies",
    "rename",
    "terminate",
    "expire",
    "record_acceptance",
];

/// The label of a change's effect.
pub fn effect_label(change: &Change) -> &'static str {
    match &change.effect {
        Effect::Invite { .. } => "invite",
        Effect::Adopt { .. } => "adopt",
        Effect::Recognise { .. } => "recognise",
        Effect::Authorise { .. } => "authorise",
        Effect::Decline { .. } => "decline",
        Effect::Withdraw { .. } => "withdraw",
        Effect::SetRoles { .. } => "set_roles",
        Effect::SetAutoExtend { .. } => "set_auto_extend",
        Effect::DropGlobalAdministrator { .. } => "drop_global_administrator",
        Effect::Extend { .. } => "extend",
        Effect::Claim { .. } => "claim",
        Effect::SetPolicies { .. } => "set_policies",
        Effect::Rename { .. } => "rename",
        Effect::Terminate { .. } => "terminate",
        Effect::Expire { .. } => "expire",
        Effect::RecordAcceptance { .. } => "record_acceptance",
        Effect::SetBoundary { .. } => "set_boundary",
    }
}
