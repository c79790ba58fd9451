//! What is done for an object of any kind, by its kind.
//!
//! Never: anything that differs from kind to kind.

use concordat::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::ids::Kind,
    operator::index::{Guarded, Index, Watched},
};
use kube::runtime::watcher::Event;
use serde_json::Value;

/// Lets the world see what a watch of this kind tells.
pub fn see(world: &mut Index, kind: Kind, event: Event<Value>) {
    match kind {
        Kind::PartnerOffer => world.see(read::<PartnerOffer>(event)),
        Kind::PartnerRelationship => world.see(read::<PartnerRelationship>(event)),
        Kind::RoleGrant => world.see(read::<RoleGrant>(event)),
        Kind::AgreementAcceptance => world.see(read::<AgreementAcceptance>(event)),
        Kind::PartnerBoundary => world.see(read::<PartnerBoundary>(event)),
    }
}

/// Lets it know that the kind was listed whole, after so many calls for new lists.
pub fn listed(world: &mut Index, kind: Kind, calls: u64) {
    match kind {
        Kind::PartnerOffer => world.listed::<PartnerOffer>(calls),
        Kind::PartnerRelationship => world.listed::<PartnerRelationship>(calls),
        Kind::RoleGrant => world.listed::<RoleGrant>(calls),
        Kind::AgreementAcceptance => world.listed::<AgreementAcceptance>(calls),
        Kind::PartnerBoundary => world.listed::<PartnerBoundary>(calls),
    }
}

fn read<K: Watched>(event: Event<Value>) -> Event<Guarded<K>> {
    let read = |object| serde_json::from_value(object).expect("every object has metadata");
    match event {
        Event::Init => Event::Init,
        Event::InitApply(object) => Event::InitApply(read(object)),
        Event::InitDone => Event::InitDone,
        Event::Apply(object) => Event::Apply(read(object)),
        Event::Delete(object) => Event::Delete(read(object)),
    }
}
