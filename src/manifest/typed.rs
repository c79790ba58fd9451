//! From documents to the objects that the domain judges: each by its own schema first.
//!
//! Never: an object that its schema refuses, taken at its word.

use serde::de::DeserializeOwned;

use super::{Document, Input, ReadError, Source, read_and_make};
use crate::{
    api::{
        AgreementAcceptanceSpec, PartnerBoundarySpec, PartnerOfferSpec, PartnerRelationshipSpec,
        RoleGrantSpec,
        schema::{PathStep, Schemas, Violation, ViolationKind},
    },
    domain::{
        ids::Kind,
        problem::{Code, FieldPath, Problem},
        state::{Absence, ObjectName, Uid},
        validate::{Object, Objects, Presence, texts},
    },
};

/// A field that the kind does not have.
pub const UNKNOWN_FIELD: Code = Code(101);
/// A value of another type than the field's.
pub const WRONG_TYPE: Code = Code(102);
/// A field that must be there is missing.
pub const MISSING_FIELD: Code = Code(103);
/// A value that the field does not allow.
pub const VALUE_NOT_ALLOWED: Code = Code(104);
/// A rule of the kind is broken.
pub const RULE_BROKEN: Code = Code(105);
/// An item stands twice in a set.
pub const DUPLICATE_ITEM: Code = Code(106);

/// Reads every source, judges each document by its schema, and gives those that pass to the domain, with what is wrong
/// with the others. Defaults are filled in.
///
/// # Errors
/// As [`super::read`].
pub fn read_objects(
    sources: &[Source],
    default_namespace: &str,
    absence: Absence,
) -> Result<(Input, Objects, Vec<Problem>), ReadError> {
    let schemas = Schemas::compiled();
    let (input, judged) =
        read_and_make(sources, default_namespace, &|document| judged(schemas, document))?;
    let mut objects = Objects::none(absence);
    let mut problems = Vec::new();
    for (document, judged) in input.documents.iter().zip(judged) {
        let source = Some(document.source);
        match judged {
            Judged::Refused(violations) => {
                problems.extend(violations.into_iter().map(|found| problem(document, found)));
                objects.invalid.insert(document.key.clone());
            }
            Judged::Offer(object) => objects.offers.push(Object { source, ..*object }),
            Judged::Relationship(object) => {
                objects.relationships.push(Object { source, ..*object });
            }
            Judged::Grant(object) => objects.grants.push(Object { source, ..*object }),
            Judged::Acceptance(object) => objects.acceptances.push(Object { source, ..*object }),
            Judged::Boundary(object) => objects.boundaries.push(Object { source, ..*object }),
        }
    }
    Ok((input, objects, problems))
}

/// What the schema of its kind makes of a document.
enum Judged {
    Refused(Vec<Violation>),
    Offer(Box<Object<PartnerOfferSpec>>),
    Relationship(Box<Object<PartnerRelationshipSpec>>),
    Grant(Box<Object<RoleGrantSpec>>),
    Acceptance(Box<Object<AgreementAcceptanceSpec>>),
    Boundary(Box<Object<PartnerBoundarySpec>>),
}

fn judged(schemas: &Schemas, document: &mut Document) -> Judged {
    let kind = document.key.kind;
    let violations = schemas.verdict(&kind.to_string(), &mut document.value, None);
    if !violations.is_empty() {
        return Judged::Refused(violations);
    }
    match kind {
        Kind::PartnerOffer => Judged::Offer(Box::new(object(document))),
        Kind::PartnerRelationship => Judged::Relationship(Box::new(object(document))),
        Kind::RoleGrant => Judged::Grant(Box::new(object(document))),
        Kind::AgreementAcceptance => Judged::Acceptance(Box::new(object(document))),
        Kind::PartnerBoundary => Judged::Boundary(Box::new(object(document))),
    }
}

fn object<S: DeserializeOwned>(document: &mut Document) -> Object<S> {
    let spec = document.value.take()["spec"].take();
    let spec = serde_json::from_value(spec)
        .expect("what passes the schema that is generated from a type has that type");
    Object {
        name: ObjectName {
            namespace: document.key.namespace.clone(),
            name: document.key.name.clone(),
        },
        uid: document.uid.as_ref().map_or_else(Uid::of_file, |uid| Uid(uid.into())),
        labels: texts(std::mem::take(&mut document.labels)),
        annotations: texts(document.annotations.clone()),
        presence: match document.deletion_timestamp {
            Some(_) => Presence::Deleting,
            None => Presence::Present,
        },
        source: None,
        spec,
    }
}

fn problem(document: &Document, violation: Violation) -> Problem {
    let code = match violation.kind {
        ViolationKind::UnknownField { .. } => UNKNOWN_FIELD,
        ViolationKind::WrongType => WRONG_TYPE,
        ViolationKind::Missing => MISSING_FIELD,
        ViolationKind::Rule => RULE_BROKEN,
        ViolationKind::Duplicate => DUPLICATE_ITEM,
        ViolationKind::NotOneOf
        | ViolationKind::Pattern
        | ViolationKind::Format
        | ViolationKind::TooLong
        | ViolationKind::TooShort
        | ViolationKind::TooMany
        | ViolationKind::TooFew
        | ViolationKind::OutOfRange => VALUE_NOT_ALLOWED,
    };
    let path = violation.path.into_iter().fold(FieldPath::root(), |path, step| match step {
        PathStep::Field(name) => path.field(name),
        PathStep::Index(index) => path.index(index),
    });
    let mut problem =
        Problem::error(code, violation.message).about(&document.key, Some(document.source));
    problem.help = violation.help;
    problem.path(path)
}
