//! Who is connected to whom, looked up in both directions without going through all objects.
//!
//! Never: a connection that leaves its namespace.

use std::collections::BTreeSet;

use ecow::EcoString;

use crate::{
    api::{
        AgreementAcceptanceSpec, PartnerBoundarySpec, PartnerOfferSpec, PartnerRelationshipSpec,
        RoleGrantSpec,
    },
    domain::{
        ids::{Kind, ObjectKey},
        state::ObjectName,
        validate::Object,
    },
};

/// Something that an object names or has, under which others find it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Link {
    /// Names this offer.
    Offer(ObjectName),
    /// Names this relationship.
    Relationship(ObjectName),
    /// Is a relationship with this label: namespace, label, value.
    Labelled(EcoString, EcoString, EcoString),
    /// Selects by this label, the first of its selector: namespace, label, value.
    Selects(EcoString, EcoString, EcoString),
    /// Has this name in the store.
    StoreName(EcoString),
    /// Is about this customer: namespace, tenant.
    Customer(EcoString, EcoString),
}

/// What an object can be found under.
pub trait Linked {
    /// All of it.
    fn links(object: &Object<Self>) -> Vec<Link>
    where
        Self: Sized;
}

impl Linked for PartnerOfferSpec {
    fn links(_: &Object<Self>) -> Vec<Link> {
        Vec::new()
    }
}

impl Linked for PartnerBoundarySpec {
    fn links(_: &Object<Self>) -> Vec<Link> {
        Vec::new()
    }
}

impl Linked for PartnerRelationshipSpec {
    fn links(object: &Object<Self>) -> Vec<Link> {
        let Object { name, labels, spec, .. } = object;
        let namespace = &name.namespace;
        let offer = spec.offer_ref.iter().map(|reference| {
            Link::Offer(ObjectName {
                namespace: namespace.clone(),
                name: reference.name.as_str().into(),
            })
        });
        let labelled = labels
            .iter()
            .map(|(label, value)| Link::Labelled(namespace.clone(), label.into(), value.into()));
        let customer = spec.customer.tenant_id.to_ascii_lowercase();
        let own = [
            Link::StoreName(spec.display_name.as_str().into()),
            Link::Customer(namespace.clone(), customer.into()),
        ];
        offer.chain(labelled).chain(own).collect()
    }
}

impl Linked for RoleGrantSpec {
    fn links(object: &Object<Self>) -> Vec<Link> {
        let namespace = &object.name.namespace;
        let reference = object.spec.relationship_ref.iter().map(|reference| {
            let name = reference.name.clone();
            Link::Relationship(ObjectName { namespace: namespace.clone(), name: name.into() })
        });
        let selector = object.spec.relationship_selector.iter();
        let first = selector.filter_map(|selector| selector.match_labels.iter().next());
        let first = first
            .map(|(label, value)| Link::Selects(namespace.clone(), label.into(), value.into()));
        reference.chain(first).collect()
    }
}

impl Linked for AgreementAcceptanceSpec {
    fn links(object: &Object<Self>) -> Vec<Link> {
        let namespace = &object.name.namespace;
        let reference = object.spec.relationship_ref.iter().map(|reference| {
            let name = reference.name.clone();
            Link::Relationship(ObjectName { namespace: namespace.clone(), name: name.into() })
        });
        let customer = object.spec.customer.tenant_id.to_ascii_lowercase();
        reference.chain([Link::Customer(namespace.clone(), customer.into())]).collect()
    }
}

/// All connections. Most links lead to one or two objects, for which a set of their own would be much.
#[derive(Debug, Default)]
pub struct Links {
    found: BTreeSet<(Link, Kind, ObjectName)>,
}

impl Links {
    /// Finds an object under what it names and has.
    pub fn add(&mut self, kind: Kind, name: &ObjectName, links: Vec<Link>) {
        self.found.extend(links.into_iter().map(|link| (link, kind, name.clone())));
    }

    /// Finds it no more.
    pub fn remove(&mut self, kind: Kind, name: &ObjectName, links: Vec<Link>) {
        for link in links {
            self.found.remove(&(link, kind, name.clone()));
        }
    }

    /// The objects of one kind under a link, in order.
    pub fn of(&self, link: &Link, kind: Kind) -> impl Iterator<Item = &ObjectName> {
        let from = (link.clone(), kind, ObjectName::first());
        self.found
            .range(from..)
            .take_while(move |(of, under, _)| of == link && *under == kind)
            .map(|(_, _, name)| name)
    }

    /// The relationships whose name in the store is `name` and a number, as a successor's would be.
    pub fn numbered(&self, name: &str) -> impl Iterator<Item = &ObjectName> {
        let prefix = format!("{name}-");
        let from = Link::StoreName(prefix.as_str().into());
        self.found
            .range((from, Kind::ALL[0], ObjectName::first())..)
            .take_while(
                move |(link, _, _)| matches!(link, Link::StoreName(name) if name.starts_with(&*prefix)),
            )
            .map(|(_, _, name)| name)
    }
}

/// The key of an object.
pub fn key(kind: Kind, name: &ObjectName) -> ObjectKey {
    ObjectKey { kind, namespace: name.namespace.clone(), name: name.name.clone() }
}
