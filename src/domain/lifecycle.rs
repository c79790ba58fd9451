//! The life of a relationship: its stages and how it ends (docs/concepts.md, Lifecycle). The names are Microsoft
//! Graph's.
//!
//! Never: a stage that is fatal because it is unknown.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A stage.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Lifecycle {
    /// Made, not yet sent.
    Created,
    /// Sent; the customer has not answered.
    ApprovalPending,
    /// The customer has said yes.
    Approved,
    /// Being provisioned.
    Activating,
    /// Access can be held.
    Active,
    /// Its end was asked for.
    TerminationRequested,
    /// Being ended.
    Terminating,
    /// Ended by somebody.
    Terminated,
    /// Its time is running out now.
    Expiring,
    /// Ended by time.
    Expired,
    /// Cancelled or declined instead of accepted.
    Withdrawn,
    /// A stage that this version does not know: carried, never fatal.
    Unknown(String),
}

/// What a stage means to the planner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The customer's answer is awaited, or being provisioned: no access.
    Pending,
    /// Access can be held.
    Active,
    /// Ending: nothing more is written.
    Ending,
    /// Over, and never revived (L7).
    Ended,
    /// Not understood: nothing is written.
    Unknown,
}

impl Lifecycle {
    const NAMED: [Self; 11] = [
        Self::Created,
        Self::ApprovalPending,
        Self::Approved,
        Self::Activating,
        Self::Active,
        Self::TerminationRequested,
        Self::Terminating,
        Self::Terminated,
        Self::Expiring,
        Self::Expired,
        Self::Withdrawn,
    ];

    /// What it means to the planner.
    pub fn phase(&self) -> Phase {
        match self {
            Self::Created | Self::ApprovalPending | Self::Approved | Self::Activating => {
                Phase::Pending
            }
            Self::Active => Phase::Active,
            Self::TerminationRequested | Self::Terminating | Self::Expiring => Phase::Ending,
            Self::Terminated | Self::Expired | Self::Withdrawn => Phase::Ended,
            Self::Unknown(_) => Phase::Unknown,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Created => "Created",
            Self::ApprovalPending => "ApprovalPending",
            Self::Approved => "Approved",
            Self::Activating => "Activating",
            Self::Active => "Active",
            Self::TerminationRequested => "TerminationRequested",
            Self::Terminating => "Terminating",
            Self::Terminated => "Terminated",
            Self::Expiring => "Expiring",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
            Self::Unknown(name) => name,
        }
    }
}

impl fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<String> for Lifecycle {
    fn from(name: String) -> Self {
        Self::NAMED.into_iter().find(|stage| stage.name() == name).unwrap_or(Self::Unknown(name))
    }
}

impl From<Lifecycle> for String {
    fn from(stage: Lifecycle) -> Self {
        stage.to_string()
    }
}

/// When and why Concordat ended, or saw the end of, a relationship.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: EndReason,
}

/// Why a relationship is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EndReason {
    /// Its object was deleted.
    Deleted,
    /// A successor took its place, or the invitation was abandoned for another.
    Replaced,
    /// The customer declined the invitation.
    Declined,
    /// Nobody answered within [`INVITATION_LAPSES_AFTER_DAYS`].
    Lapsed,
    /// Its time was over.
    Expired,
}

/// Days after which an unanswered invitation lapses (Partner Center's rule for GDAP requests).
pub const INVITATION_LAPSES_AFTER_DAYS: u16 = 90;

/// For how long Microsoft keeps what has ended (Graph: `delegatedAdminRelationship`, a year); after that it is unknown there.
pub const ENDED_IS_KEPT_FOR_DAYS: u16 = 365;

/// Days before its end on which a relationship with automatic extension is extended (Partner Center extends on the
/// last day).
pub const AUTO_EXTENDS_BEFORE_END_DAYS: u16 = 1;

/// By how many days a relationship is extended automatically: there is no other length.
pub const AUTO_EXTENDS_BY_DAYS: u16 = 180;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_stage_is_carried_as_it_is() {
        let stage = Lifecycle::from("frozenSolid".to_owned());
        assert_eq!(stage.phase(), Phase::Unknown);
        assert_eq!(String::from(stage), "frozenSolid");
    }

    #[test]
    fn each_named_stage_is_read_back_as_itself() {
        for stage in Lifecycle::NAMED {
            assert_eq!(Lifecycle::from(stage.to_string()), stage);
        }
    }
}
