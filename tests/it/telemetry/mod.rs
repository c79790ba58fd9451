//! What the operator shows: figures as Prometheus reads them, health as Kubernetes asks for it, log lines, and traces.
//!
//! Never: a figure, a line or a span with something that a person chose freely.

mod collector;
mod figures;
mod health;
mod lines;
mod spans;

use concordat::{
    api::PartnerType,
    domain::{
        change::{Approval, Cause, Change, Effect, Precondition, Subject},
        ids::RoleId,
        state::{Assignment, Owner, RelationshipKey, Tenant},
    },
};
use jiff::Timestamp;

use crate::planner::build::{group, instance, object, tenant};

pub fn instant(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A change of what one group holds; its names are ones that must not come out.
pub fn set_roles(before: &[(RoleId, Timestamp)], after: &[(RoleId, Timestamp)]) -> Change {
    let held = |roles: &[(RoleId, Timestamp)]| Assignment {
        roles: roles.iter().copied().collect(),
        ..Assignment::default()
    };
    let grantee =
        concordat::domain::state::Grantee { name: Some("SECRET group".to_owned()), ..group(1) };
    change(Effect::SetRoles { grantee, before: held(before), after: held(after) })
}

pub fn change(effect: Effect) -> Change {
    let named = |number| Tenant { name: Some("SECRET tenant".to_owned()), ..tenant(number) };
    Change {
        subject: Subject {
            relationship: Some(RelationshipKey {
                cloud: concordat::api::Cloud::Global,
                partner: tenant(1).id,
                name: "acme-helpdesk".into(),
            }),
            owner: Owner { instance: instance(), object: object("acme") },
            partner: named(1),
            customer: named(2),
            type_: Some(PartnerType::GranularDelegatedAdmin),
        },
        effect,
        cause: Cause::Declared,
        approval: Approval::NotNeeded,
        expects: Precondition { uid: None, revision: 1, version: 1 },
    }
}
