//! What the webhook is told besides the object: everything around it, and what the store holds of that.
//!
//! Never: a write, or a wait for a store that does not answer.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{runtime::Handle, time::timeout};

use super::{
    admission::{proposed::Proposed, review::Context, server::Known},
    index::{Affected, Index, key},
    reconcile::locked,
    store,
};
use crate::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::{
        ids::Kind,
        plan::{Claimant, Foreign},
        state::{Instance, Observed},
        validate::Objects,
    },
    store::{AnyReader, Scope, StoreUrl},
};

/// How long the store may take.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// What answers for the webhook, out of the caches of this replica and with a reader of its own.
pub fn known(index: &Arc<Mutex<Index>>, url: &StoreUrl, instance: &Instance) -> Known {
    let (index, url) = (Arc::clone(index), url.clone());
    let claimant = Claimant { instance: instance.clone(), foreign: Foreign::Conflict };
    let reader: Arc<tokio::sync::Mutex<Option<AnyReader>>> = Arc::default();
    Arc::new(move |proposed| {
        let (mut objects, scope) = around(&mut locked(&index), proposed)?;
        let reading = async {
            let mut reader = reader.lock().await;
            read(&mut reader, &url, &scope).await
        };
        let observed = Handle::current().block_on(timeout(READ_WITHIN, reading));
        let observed = observed.ok().flatten();
        let owners = observed.as_ref().map(|observed| observed.owners(&claimant.instance));
        objects.owners = Some(owners.unwrap_or_default());
        Some(Context { objects, observed, claimant: claimant.clone() })
    })
}

async fn read(reader: &mut Option<AnyReader>, url: &StoreUrl, scope: &Scope) -> Option<Observed> {
    let mut open = match reader.take() {
        Some(open) => open,
        None => store::reader(url).await.ok()?,
    };
    let observed = open.recorded(scope).await.ok()?;
    *reader = Some(open);
    Some(observed)
}

/// The objects around a proposed one as if it were stored, and what is to be read of the store. Nothing before all was
/// listed.
fn around(index: &mut Index, proposed: &Proposed) -> Option<(Objects, Scope)> {
    if !index.is_synced() {
        return None;
    }
    Some(match proposed.clone() {
        Proposed::Offer(object) => {
            let changed = key(Kind::PartnerOffer, &object.name);
            index.with::<PartnerOffer, _>(*object, |index| look(index, changed))
        }
        Proposed::Relationship(object) => {
            let changed = key(Kind::PartnerRelationship, &object.name);
            index.with::<PartnerRelationship, _>(*object, |index| look(index, changed))
        }
        Proposed::Grant(object) => {
            let changed = key(Kind::RoleGrant, &object.name);
            index.with::<RoleGrant, _>(*object, |index| look(index, changed))
        }
        Proposed::Acceptance(object) => {
            let changed = key(Kind::AgreementAcceptance, &object.name);
            index.with::<AgreementAcceptance, _>(*object, |index| look(index, changed))
        }
        Proposed::Boundary(object) => {
            let namespaces = object.spec.namespaces.clone();
            index.with::<PartnerBoundary, _>(*object, |index| {
                let mut affected = Affected::default();
                for namespace in &namespaces {
                    index.affect_namespace(namespace, &mut affected);
                }
                looked(index, affected)
            })
        }
    })
}

fn look(index: &Index, changed: crate::domain::ids::ObjectKey) -> (Objects, Scope) {
    looked(index, index.affected(&[changed].into()))
}

fn looked(index: &Index, mut affected: Affected) -> (Objects, Scope) {
    for relationship in affected.relationships.clone() {
        affected.grants.extend(index.grants_of(&relationship));
    }
    let objects = index.objects(&affected);
    let keys = affected.relationships.iter().filter_map(|name| index.first_key(name)).collect();
    let scope = Scope::Of {
        keys,
        customers: std::collections::BTreeSet::new(),
        owned: None,
        bounded: None,
        adopted: std::collections::BTreeSet::new(),
    };
    (objects, scope)
}
