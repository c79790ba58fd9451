//! The objects of the cluster as the rules see them: what may be done with each, and which belong together.
//!
//! Never: anything of the store.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    api::{
        GrantDeletionPolicy, ManagementPolicy, PartnerRelationshipSpec, RelationshipDeletionPolicy,
        RoleGrantSpec,
    },
    domain::{
        catalogue::Catalogue,
        ids::{Kind, ObjectKey, RoleId},
        state::ObjectName,
    },
};
use serde_json::{Value, json};

use super::{
    cast::{NAMESPACES, boundary_key, ceiling, role},
    server::{Server, leaves},
};

/// What may be done with an object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stand {
    Live,
    Held,
    Leaving,
}

/// A relationship in the cluster, by namespace and name.
pub type Name = (String, String);

/// An object as it stands.
pub struct Seen<S> {
    pub uid: String,
    pub spec: S,
    pub stand: Stand,
    pub is_leaving: bool,
    pub labels: Value,
}

pub fn spec<S: serde::de::DeserializeOwned>(object: &Value) -> S {
    serde_json::from_value(object["spec"].clone()).unwrap()
}

pub fn known(roles: &[String]) -> Option<BTreeSet<RoleId>> {
    roles.iter().map(|name| Catalogue::compiled().find(name).ok().map(|role| role.id)).collect()
}

fn named(key: &ObjectKey) -> Name {
    (key.namespace.to_string(), key.name.to_string())
}

pub fn selects(grant: &RoleGrantSpec, relationship: &Name, labels: &Value) -> bool {
    match (&grant.relationship_ref, &grant.relationship_selector) {
        (Some(reference), _) => reference.name == relationship.1,
        (None, Some(selector)) => selector
            .match_labels
            .iter()
            .all(|(label, value)| labels.get(label) == Some(&json!(value))),
        (None, None) => false,
    }
}

/// The cluster as the rules see it.
pub struct Cluster {
    pub relationships: BTreeMap<Name, Seen<PartnerRelationshipSpec>>,
    pub grants: BTreeMap<Name, Seen<RoleGrantSpec>>,
    /// Namespaces that a boundary admits.
    pub admitted: BTreeSet<String>,
}

impl Cluster {
    pub fn of(server: &Server) -> Self {
        let admitted = |namespace: &str| server.get(&boundary_key(namespace)).is_some();
        let relationships = server.of_kind(Kind::PartnerRelationship).map(|(key, object)| {
            let spec: PartnerRelationshipSpec = spec(object);
            let held = spec.suspend || !admitted(&key.namespace);
            (named(key), seen(object, spec, held))
        });
        let relationships: BTreeMap<_, _> = relationships.collect();
        let grants = server.of_kind(Kind::RoleGrant).map(|(key, object)| {
            let grant: RoleGrantSpec = spec(object);
            let roles = known(&grant.roles);
            let beyond = relationships
                .iter()
                .filter(|(name, of)| name.0 == key.namespace && selects(&grant, name, &of.labels))
                .any(|(_, of)| !within(roles.as_ref(), &of.spec));
            let broken = (roles.is_none() || beyond) && !leaves(object);
            let held = grant.suspend || broken || !admitted(&key.namespace);
            let lost = grant.relationship_ref.as_ref().is_some_and(|of| {
                !relationships.contains_key(&(key.namespace.to_string(), of.name.clone()))
            });
            let held = held || (lost && !leaves(object));
            (named(key), seen(object, grant, held))
        });
        let grants = grants.collect();
        let namespaces = NAMESPACES.into_iter().filter(|namespace| admitted(namespace));
        Self { grants, relationships, admitted: namespaces.map(str::to_owned).collect() }
    }

    /// Relationships that nothing holds back, each with its offer.
    pub fn live_relationships(&self) -> impl Iterator<Item = (Name, &str)> {
        let live = self.relationships.iter().filter(|(_, of)| {
            of.stand == Stand::Live && of.spec.management_policy == ManagementPolicy::Manage
        });
        live.map(|(name, of)| (name.clone(), offer_of(&of.spec)))
    }

    /// Whether this very grant is there, and nothing holds it back.
    pub fn is_live(&self, grant: &ObjectName, uid: &str) -> bool {
        let grant = self.grants.get(&(grant.namespace.to_string(), grant.name.to_string()));
        grant.is_some_and(|grant| grant.stand == Stand::Live && grant.uid == uid)
    }

    /// Whether nobody holds anything back, so that the last specs alone tell the end.
    pub fn is_free(&self) -> bool {
        let live = |stand: Stand| stand != Stand::Held;
        self.relationships.values().all(|of| {
            live(of.stand)
                && of.spec.management_policy == ManagementPolicy::Manage
                && of.spec.deletion_policy != RelationshipDeletionPolicy::Retain
        }) && self
            .grants
            .values()
            .all(|of| live(of.stand) && of.spec.deletion_policy == GrantDeletionPolicy::Revoke)
    }
}

fn seen<S>(object: &Value, spec: S, held: bool) -> Seen<S> {
    let stand = match (held, leaves(object)) {
        (true, _) => Stand::Held,
        (false, true) => Stand::Leaving,
        (false, false) => Stand::Live,
    };
    let metadata = &object["metadata"];
    let uid = metadata["uid"].as_str().unwrap().to_owned();
    let is_leaving = leaves(object);
    Seen { uid, spec, stand, is_leaving, labels: metadata["labels"].clone() }
}

pub fn offer_of(of: &PartnerRelationshipSpec) -> &str {
    &of.offer_ref.as_ref().expect("every relationship here names its offer").name
}

/// Whether the offer of a relationship carries these roles.
pub fn within(roles: Option<&BTreeSet<RoleId>>, of: &PartnerRelationshipSpec) -> bool {
    let carried: BTreeSet<RoleId> =
        ceiling(offer_of(of)).iter().map(|number| role(*number)).collect();
    roles.is_none_or(|roles| roles.is_subset(&carried))
}
