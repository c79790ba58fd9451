//! The object that a question is about, as the domain knows it.
//!
//! Never: an object taken at its word where it does not fit its schema.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    api::{
        AgreementAcceptanceSpec, PartnerBoundarySpec, PartnerOfferSpec, PartnerRelationshipSpec,
        PathStep, RoleGrantSpec, Schemas,
    },
    domain::{
        ids::{Kind, ObjectKey},
        problem::{FieldPath, Problem},
        state::{Absence, BoundarySource, ObjectName, Uid},
        validate::{Object, Objects, Presence, findings::DOES_NOT_FIT_ITS_SCHEMA, texts},
    },
};

/// One object of ours, as it would be stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Proposed {
    /// An offer.
    Offer(Box<Object<PartnerOfferSpec>>),
    /// A relationship.
    Relationship(Box<Object<PartnerRelationshipSpec>>),
    /// A grant.
    Grant(Box<Object<RoleGrantSpec>>),
    /// An acceptance.
    Acceptance(Box<Object<AgreementAcceptanceSpec>>),
    /// A boundary.
    Boundary(Box<Object<PartnerBoundarySpec>>),
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    uid: Option<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
}

impl Proposed {
    /// The object of this JSON. `key` is what the question calls it, where the object itself does not say.
    ///
    /// # Errors
    /// What is wrong with it, in the words of its schema.
    pub fn read(key: &ObjectKey, object: &Value) -> Result<Self, Vec<Problem>> {
        let metadata = Metadata::deserialize(&object["metadata"]).unwrap_or_default();
        Ok(match key.kind {
            Kind::PartnerOffer => Self::Offer(typed(key, metadata, object)?),
            Kind::PartnerRelationship => Self::Relationship(typed(key, metadata, object)?),
            Kind::RoleGrant => Self::Grant(typed(key, metadata, object)?),
            Kind::AgreementAcceptance => Self::Acceptance(typed(key, metadata, object)?),
            Kind::PartnerBoundary => Self::Boundary(typed(key, metadata, object)?),
        })
    }

    /// Which object it is.
    pub fn key(&self) -> ObjectKey {
        let (kind, name) = match self {
            Self::Offer(object) => (Kind::PartnerOffer, &object.name),
            Self::Relationship(object) => (Kind::PartnerRelationship, &object.name),
            Self::Grant(object) => (Kind::RoleGrant, &object.name),
            Self::Acceptance(object) => (Kind::AgreementAcceptance, &object.name),
            Self::Boundary(object) => (Kind::PartnerBoundary, &object.name),
        };
        ObjectKey { kind, namespace: name.namespace.clone(), name: name.name.clone() }
    }

    /// The same object on its way out.
    #[must_use]
    pub fn deleting(mut self) -> Self {
        let presence = match &mut self {
            Self::Offer(object) => &mut object.presence,
            Self::Relationship(object) => &mut object.presence,
            Self::Grant(object) => &mut object.presence,
            Self::Acceptance(object) => &mut object.presence,
            Self::Boundary(object) => &mut object.presence,
        };
        *presence = Presence::Deleting;
        self
    }

    /// Puts it among objects, in the place of the one with its name.
    pub fn lay_over(&self, objects: &mut Objects) {
        match self {
            Self::Offer(object) => replace(&mut objects.offers, object),
            Self::Relationship(object) => replace(&mut objects.relationships, object),
            Self::Grant(object) => replace(&mut objects.grants, object),
            Self::Acceptance(object) => replace(&mut objects.acceptances, object),
            Self::Boundary(object) => replace(&mut objects.boundaries, object),
        }
        objects.invalid.remove(&self.key());
    }

    /// It, and no other object.
    pub fn alone(&self) -> Objects {
        let mut objects = Objects::none(Absence::Keep);
        objects.boundary_source = BoundarySource::Cluster;
        self.lay_over(&mut objects);
        objects
    }
}

fn replace<S: Clone>(objects: &mut Vec<Object<S>>, object: &Object<S>) {
    objects.retain(|other| other.name != object.name);
    objects.push(object.clone());
}

fn typed<S: DeserializeOwned>(
    key: &ObjectKey,
    metadata: Metadata,
    object: &Value,
) -> Result<Box<Object<S>>, Vec<Problem>> {
    let spec = S::deserialize(&object["spec"]).map_err(|error| refused(key, object, &error))?;
    let Metadata { name, namespace, uid, labels, annotations, deletion_timestamp } = metadata;
    let or = |own: String, asked: &str| if own.is_empty() { asked.to_owned() } else { own };
    Ok(Box::new(Object {
        name: ObjectName {
            namespace: or(namespace, &key.namespace).into(),
            name: or(name, &key.name).into(),
        },
        uid: uid.map_or_else(Uid::of_file, |uid| Uid(uid.into())),
        labels: texts(labels),
        annotations: texts(annotations),
        presence: match deletion_timestamp {
            Some(_) => Presence::Deleting,
            None => Presence::Present,
        },
        source: None,
        spec,
    }))
}

/// Why it does not fit its schema; the server has let it pass with another schema than ours.
fn refused(key: &ObjectKey, object: &Value, error: &serde_json::Error) -> Vec<Problem> {
    let kind = key.kind.to_string();
    let violations = Schemas::compiled().verdict(&kind, &mut object.clone(), None);
    let problem = |path: FieldPath, message: String, help: Option<String>| {
        let problem = Problem::error(DOES_NOT_FIT_ITS_SCHEMA, message).about(key, None).path(path);
        match help {
            Some(help) => problem.help(help),
            None => problem,
        }
    };
    if violations.is_empty() {
        return vec![problem(FieldPath::spec(), error.to_string(), None)];
    }
    let problems = violations.into_iter().map(|violation| {
        let path = violation.path.into_iter().fold(FieldPath::root(), |path, step| match step {
            PathStep::Field(name) => path.field(name),
            PathStep::Index(index) => path.index(index),
        });
        problem(path, violation.message, violation.help)
    });
    problems.collect()
}
