//! What has to be looked at together: the objects around those that changed.
//!
//! A verdict about some relationships is the verdict about everything, restricted to them. So whatever can change it is
//! included: their offers, their grants and all that those select, the answers and agreements of their customers,
//! relationships that want the same name in the store, and every boundary.
//!
//! Never: an object planned whose surroundings are not all there.

use std::collections::BTreeSet;

use super::{Index, Known, Link, Table, key};
use crate::{
    api::{PartnerRelationshipSpec, RoleGrantSpec},
    domain::{
        ids::{Kind, ObjectKey},
        state::{Absence, BoundarySource, ObjectName, Owner, RelationshipKey},
        validate::{ADOPT_FROM, Object, Objects, Owners, has_all},
    },
};

/// The objects whose verdict and status are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Affected {
    /// Offers.
    pub offers: BTreeSet<ObjectName>,
    /// Relationships, each planned with all its grants.
    pub relationships: BTreeSet<ObjectName>,
    /// Grants, also those that lie under no relationship.
    pub grants: BTreeSet<ObjectName>,
    /// Acceptances.
    pub acceptances: BTreeSet<ObjectName>,
    /// Boundaries.
    pub boundaries: BTreeSet<ObjectName>,
    /// Rows in the store that are looked at whatever declares them.
    pub rows: BTreeSet<RelationshipKey>,
}

impl Index {
    /// The key of the first row of a relationship, where its offer is there to say whose partner it is.
    pub fn first_key(&self, relationship: &ObjectName) -> Option<RelationshipKey> {
        let spec = &self.tables().relationships.get(relationship)?.object.spec;
        let offer = match (&spec.offer_ref, &spec.offer) {
            (Some(reference), _) => {
                let (namespace, name) = (relationship.namespace.clone(), reference.name.clone());
                &self.tables().offers.get(&ObjectName { namespace, name: name.into() })?.object.spec
            }
            (None, Some(offer)) => offer,
            (None, None) => return None,
        };
        let partner = offer.partner.tenant_id.parse().ok()?;
        Some(RelationshipKey {
            cloud: offer.cloud,
            partner,
            name: spec.display_name.as_str().into(),
        })
    }

    /// The relationships that a grant names or selects, as far as they are there.
    pub fn selected_by(&self, grant: &Object<RoleGrantSpec>) -> Vec<ObjectName> {
        let namespace = &grant.name.namespace;
        if let Some(reference) = &grant.spec.relationship_ref {
            let name =
                ObjectName { namespace: namespace.clone(), name: reference.name.as_str().into() };
            let is_there = self.tables().relationships.known(&name).is_some();
            return if is_there { vec![name] } else { Vec::new() };
        }
        let Some(selector) = &grant.spec.relationship_selector else { return Vec::new() };
        let Some((label, value)) = selector.match_labels.iter().next() else { return Vec::new() };
        let link = Link::Labelled(namespace.clone(), label.into(), value.into());
        let selected = self.links().of(&link, Kind::PartnerRelationship).filter(|name| {
            let Some(seen) = self.tables().relationships.get(name) else { return false };
            has_all(&seen.object.labels, &selector.match_labels)
        });
        selected.cloned().collect()
    }

    /// The grants that name or select a relationship.
    pub fn grants_of(&self, relationship: &ObjectName) -> BTreeSet<ObjectName> {
        let by_name = Link::Relationship(relationship.clone());
        let mut grants: BTreeSet<ObjectName> =
            self.links().of(&by_name, Kind::RoleGrant).cloned().collect();
        let Some(seen) = self.tables().relationships.get(relationship) else { return grants };
        let labels = &seen.object.labels;
        for (label, value) in labels {
            let link = Link::Selects(relationship.namespace.clone(), label.into(), value.into());
            let selects = |name: &&ObjectName| {
                let grant = self.tables().grants.get(name);
                let selector =
                    grant.and_then(|grant| grant.object.spec.relationship_selector.as_ref());
                selector.is_some_and(|selector| has_all(labels, &selector.match_labels))
            };
            grants.extend(self.links().of(&link, Kind::RoleGrant).filter(selects).cloned());
        }
        grants
    }

    /// The acceptances that name a relationship.
    pub fn answers_to(&self, relationship: &ObjectName) -> BTreeSet<ObjectName> {
        let link = Link::Relationship(relationship.clone());
        self.links().of(&link, Kind::AgreementAcceptance).cloned().collect()
    }

    /// What has to be looked at because these objects changed.
    pub fn affected(&self, changed: &BTreeSet<ObjectKey>) -> Affected {
        let mut affected = Affected::default();
        for ObjectKey { kind, namespace, name } in changed {
            let name = ObjectName { namespace: namespace.clone(), name: name.clone() };
            match kind {
                Kind::PartnerOffer => {
                    let link = Link::Offer(name.clone());
                    let of = self.links().of(&link, Kind::PartnerRelationship);
                    for relationship in of {
                        self.also_of_same_name(relationship, &mut affected);
                        affected.relationships.insert(relationship.clone());
                    }
                    affected.offers.insert(name);
                }
                Kind::PartnerRelationship => {
                    self.also_of_same_name(&name, &mut affected);
                    let link = Link::Relationship(name.clone());
                    let waiting = self.links().of(&link, Kind::RoleGrant).cloned();
                    affected.grants.extend(waiting);
                    affected.relationships.insert(name);
                }
                Kind::RoleGrant => {
                    if let Some(seen) = self.tables().grants.get(&name) {
                        affected.relationships.extend(self.selected_by(&seen.object));
                    }
                    affected.grants.insert(name);
                }
                Kind::AgreementAcceptance => {
                    if let Some(seen) = self.tables().acceptances.get(&name) {
                        let spec = &seen.object.spec;
                        let customer = spec.customer.tenant_id.to_ascii_lowercase();
                        let link = Link::Customer(namespace.clone(), customer.into());
                        let of = self.links().of(&link, Kind::PartnerRelationship).cloned();
                        affected.relationships.extend(of);
                    }
                    affected.acceptances.insert(name);
                }
                Kind::PartnerBoundary => drop(affected.boundaries.insert(name)),
            }
        }
        // What becomes of a relationship is what becomes of the answers to it.
        for relationship in &affected.relationships {
            let link = Link::Relationship(relationship.clone());
            let answers = self.links().of(&link, Kind::AgreementAcceptance).cloned();
            affected.acceptances.extend(answers);
        }
        affected
    }

    /// Everything in a namespace.
    pub fn affect_namespace(&self, namespace: &str, affected: &mut Affected) {
        let tables = self.tables();
        affected.offers.extend(tables.offers.names_in(namespace).cloned());
        affected.relationships.extend(tables.relationships.names_in(namespace).cloned());
        affected.grants.extend(tables.grants.names_in(namespace).cloned());
        affected.acceptances.extend(tables.acceptances.names_in(namespace).cloned());
    }

    /// Relationships that want the same name in the store, or the name of a successor.
    fn also_of_same_name(&self, name: &ObjectName, affected: &mut Affected) {
        let Some(seen) = self.tables().relationships.get(name) else { return };
        let wanted = &seen.object.spec.display_name;
        let same = Link::StoreName(wanted.into());
        let same = self.links().of(&same, Kind::PartnerRelationship);
        affected.relationships.extend(same.chain(self.links().numbered(wanted)).cloned());
    }

    /// The objects with which a concern is judged: itself and everything that its verdict rests on, but for who owns the
    /// rows in the store.
    pub fn objects(&self, affected: &Affected) -> Objects {
        let tables = self.tables();
        let mut around = affected.clone();
        for name in &affected.relationships {
            around.grants.extend(self.grants_of(name));
            around.acceptances.extend(self.answers_to(name));
            if let Some(seen) = tables.relationships.get(name) {
                let customer = seen.object.spec.customer.tenant_id.to_ascii_lowercase();
                let link = Link::Customer(name.namespace.clone(), customer.into());
                let of = self.links().of(&link, Kind::AgreementAcceptance).cloned();
                around.acceptances.extend(of);
                self.also_first_of(&seen.object.spec, &mut around);
            }
            self.also_of_same_name(name, &mut around);
        }
        for name in &around.grants {
            if let Some(seen) = tables.grants.get(name) {
                around.relationships.extend(self.selected_by(&seen.object));
            }
        }
        for name in &around.acceptances {
            let seen = tables.acceptances.get(name);
            let reference = seen.and_then(|seen| seen.object.spec.relationship_ref.as_ref());
            if let Some(reference) = reference {
                let (namespace, name) = (name.namespace.clone(), reference.name.clone());
                around.relationships.insert(ObjectName { namespace, name: name.into() });
            }
        }
        // A claim holds only where the owner that it names does not stand, in whatever state.
        let claims = around.relationships.iter().filter_map(|name| {
            let seen = tables.relationships.get(name)?;
            seen.annotation(ADOPT_FROM)?.parse::<Owner>().ok()
        });
        let owners: Vec<ObjectName> = claims.map(|owner| owner.object).collect();
        around.relationships.extend(owners);
        for name in &around.relationships {
            let seen = tables.relationships.get(name);
            let reference = seen.and_then(|seen| seen.object.spec.offer_ref.as_ref());
            if let Some(reference) = reference {
                let (namespace, name) = (name.namespace.clone(), reference.name.clone());
                around.offers.insert(ObjectName { namespace, name: name.into() });
            }
        }
        around.boundaries.extend(tables.boundaries.iter().map(|(name, _)| name.clone()));
        let mut objects = Objects::none(Absence::Keep);
        objects.owners = Some(Owners::new());
        objects.boundary_source = BoundarySource::Cluster;
        let invalid = &mut objects.invalid;
        objects.offers = picked(&tables.offers, Kind::PartnerOffer, &around.offers, invalid);
        let (kind, names) = (Kind::PartnerRelationship, &around.relationships);
        objects.relationships = picked(&tables.relationships, kind, names, invalid);
        objects.grants = picked(&tables.grants, Kind::RoleGrant, &around.grants, invalid);
        let (kind, names) = (Kind::AgreementAcceptance, &around.acceptances);
        objects.acceptances = picked(&tables.acceptances, kind, names, invalid);
        let (kind, names) = (Kind::PartnerBoundary, &around.boundaries);
        objects.boundaries = picked(&tables.boundaries, kind, names, invalid);
        objects
    }

    /// The relationship whose successor would have this one's name.
    fn also_first_of(&self, spec: &PartnerRelationshipSpec, around: &mut Affected) {
        if let Some((first, _)) = spec.display_name.rsplit_once('-') {
            let link = Link::StoreName(first.into());
            let of = self.links().of(&link, Kind::PartnerRelationship).cloned();
            around.relationships.extend(of);
        }
    }
}

fn picked<S: Clone, T>(
    table: &Table<S, T>,
    kind: Kind,
    names: &BTreeSet<ObjectName>,
    invalid: &mut BTreeSet<ObjectKey>,
) -> Vec<Object<S>> {
    let mut objects = Vec::with_capacity(names.len());
    for name in names {
        match table.known(name) {
            Some(Known::Read(seen)) => objects.push(seen.object.clone()),
            Some(Known::Unread(_)) => drop(invalid.insert(key(kind, name))),
            None => {}
        }
    }
    objects
}
