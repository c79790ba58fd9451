//! Who carries a relationship out: the store alone, or a service whose book the store is.
//!
//! Never: a change that is taken for made because it was written down.

use super::{
    change::{Change, Effect},
    state::{Observed, Roles},
};
use crate::api::PartnerType;

/// Who carries relationships of one type out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// The store: what is written there is all there is. The customer's acceptance is recorded by an object, and time
    /// moves stages because somebody records that.
    Book,
    /// Microsoft Graph: the customer accepts there, it moves stages by itself, and what was sent cannot be withdrawn.
    Graph,
}

impl Carrier {
    /// Who carries this type out, where the store has seen a service or has none (Graph: `delegatedAdminRelationship`
    /// holds granular relationships and no others).
    pub fn of(type_: PartnerType, observed: &Observed) -> Self {
        match observed.service {
            Some(_) if type_ == PartnerType::GranularDelegatedAdmin => Self::Graph,
            Some(_) | None => Self::Book,
        }
    }
}

/// Whether a change has to be made at the service, where that carries its relationship out: the book alone is not enough.
/// What is given up here while the customer has not answered cannot be taken back there, and lapses.
pub fn is_outward(change: &Change) -> bool {
    if change.subject.type_ != Some(PartnerType::GranularDelegatedAdmin) {
        return false;
    }
    match &change.effect {
        Effect::Invite { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Terminate { .. } => true,
        Effect::SetRoles { before, after, .. } => !same_roles(&before.roles, &after.roles),
        Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Authorise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Expire { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => false,
    }
}

/// Whether the same roles are held, until whenever: the service knows no end of an assignment.
fn same_roles(before: &Roles, after: &Roles) -> bool {
    before.keys().eq(after.keys())
}
