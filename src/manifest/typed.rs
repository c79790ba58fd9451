//! From documents to the objects that the domain judges: each by its own schema first.
//!
//! Never: an object that its schema refuses, taken at its word.

use std::thread;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Document, Input};
use crate::{
    api::schema::{PathStep, Schemas, Violation, ViolationKind},
    domain::{
        ids::Kind,
        problem::{Code, FieldPath, Problem},
        state::{Absence, ObjectName, Uid},
        validate::{Object, Objects, Presence},
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

/// Judges every document by its schema, and gives those that pass to the domain. Defaults are filled in.
pub fn objects(input: &mut Input, absence: Absence) -> (Objects, Vec<Problem>) {
    let verdicts = verdicts(&mut input.documents);
    let mut objects = Objects::none(absence);
    let mut problems = Vec::new();
    for (document, violations) in input.documents.iter_mut().zip(verdicts) {
        let refused = !violations.is_empty();
        problems.extend(violations.into_iter().map(|violation| problem(document, violation)));
        if refused {
            objects.invalid.insert(document.key.clone());
            continue;
        }
        let spec = document.value["spec"].take();
        match document.key.kind {
            Kind::PartnerOffer => objects.offers.push(object(document, spec)),
            Kind::PartnerRelationship => objects.relationships.push(object(document, spec)),
            Kind::RoleGrant => objects.grants.push(object(document, spec)),
            Kind::AgreementAcceptance => objects.acceptances.push(object(document, spec)),
            Kind::PartnerBoundary => objects.boundaries.push(object(document, spec)),
        }
    }
    (objects, problems)
}

/// The verdict on each document; enough of them are shared between the cores.
fn verdicts(documents: &mut [Document]) -> Vec<Vec<Violation>> {
    const WORTH_A_THREAD: usize = 64;
    let judge = |documents: &mut [Document]| -> Vec<Vec<Violation>> {
        let schemas = Schemas::compiled();
        let verdict = |document: &mut Document| {
            schemas.verdict(&document.key.kind.to_string(), &mut document.value, None)
        };
        documents.iter_mut().map(verdict).collect()
    };
    let cores = thread::available_parallelism().map_or(1, usize::from).min(8);
    let share = documents.len().div_ceil(cores).max(WORTH_A_THREAD);
    thread::scope(|scope| {
        let judge = &judge;
        let workers: Vec<_> =
            documents.chunks_mut(share).map(|chunk| scope.spawn(move || judge(chunk))).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().expect("judging a document does not panic"))
            .collect()
    })
}

fn object<S: DeserializeOwned>(document: &mut Document, spec: Value) -> Object<S> {
    let spec = serde_json::from_value(spec)
        .expect("what passes the schema that is generated from a type has that type");
    Object {
        name: ObjectName {
            namespace: document.key.namespace.clone(),
            name: document.key.name.clone(),
        },
        uid: document.uid.clone().map_or_else(Uid::of_file, Uid),
        labels: std::mem::take(&mut document.labels),
        annotations: document.annotations.clone(),
        presence: match document.deletion_timestamp {
            Some(_) => Presence::Deleting,
            None => Presence::Present,
        },
        source: Some(document.source),
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
