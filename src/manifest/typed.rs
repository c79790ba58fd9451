//! From documents to the objects that the domain judges: each by its own schema first.
//!
//! Never: an object that its schema refuses, taken at its word.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    CONTENT_CODES, DUPLICATE_OBJECT, Document, EMPTIED, Input, ReadError, Source, TEXT_CODES,
    explain::{shown, visible},
    object::METADATA,
    read_and_make,
};
use crate::{
    api::{
        AgreementAcceptanceSpec, PartnerBoundarySpec, PartnerOfferSpec, PartnerRelationshipSpec,
        RoleGrantSpec,
        schema::{Belongs, PathStep, Rest, Schemas, Violation, ViolationKind},
    },
    domain::{
        ids::{Kind, ObjectKey},
        problem::{Code, FieldPath, Place, Problem, Severity},
        state::{Absence, ObjectName, Uid},
        validate::{Flawed, Object, Objects, Presence, texts},
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
    let (mut input, judged) =
        read_and_make(sources, default_namespace, &|document| judged(schemas, document))?;
    let mut objects = Objects::none(absence);
    let mut problems = Vec::new();
    for (document, judged) in input.documents.iter().zip(judged) {
        let source = Some(document.source);
        match judged {
            Judged::Refused(violations) => {
                problems.extend(refused(&input, document, violations, &mut objects.flawed));
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
    let twice = input.problems.iter().filter(|problem| problem.code == DUPLICATE_OBJECT);
    objects.flawed.twice.extend(twice.filter_map(|problem| problem.object.clone()));
    for lost in &input.lost {
        let Some(name) = &lost.name else {
            objects.flawed.unnamed.extend(&lost.kinds);
            continue;
        };
        let is_name = |sign: u8| matches!(sign, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if !name.bytes().all(is_name) {
            objects.flawed.unnamed.extend(&lost.kinds);
        }
        for kind in &lost.kinds {
            let namespace = if *kind == Kind::PartnerBoundary {
                ""
            } else {
                lost.namespace.as_deref().unwrap_or(default_namespace)
            };
            let (kind, name) = (*kind, name.as_str().into());
            objects.invalid.insert(ObjectKey { kind, namespace: namespace.into(), name });
        }
    }
    input.locate(&mut problems);
    let of_text = [&TEXT_CODES[..], &CONTENT_CODES[..]].concat();
    let told: BTreeSet<&Place> = input
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error && of_text.contains(&problem.code))
        .filter_map(|problem| problem.place.as_ref())
        .collect();
    // What is wrong with the text at a place is why the value there is.
    problems.retain(|problem| problem.place.as_ref().is_none_or(|place| !told.contains(place)));
    let refused: BTreeSet<&Place> =
        problems.iter().filter_map(|problem| problem.place.as_ref()).collect();
    // Where a value is needed, the problem says that it is a comment, and the schema knows labels better.
    let is_told = |place: &Place| refused.contains(place);
    input.problems.retain(|problem| {
        let gives_way = matches!(problem.code, EMPTIED | METADATA);
        !gives_way || !problem.place.as_ref().is_some_and(is_told)
    });
    Ok((input, objects, problems))
}

/// What is wrong with an object that its schema refuses, and with the rest of it. What can be read of it is kept among
/// the flawed.
fn refused(
    input: &Input,
    document: &Document,
    mut violations: Vec<Violation>,
    flawed: &mut Flawed,
) -> Vec<Problem> {
    let schemas = Schemas::compiled();
    let kind = document.key.kind.to_string();
    for violation in &mut violations {
        as_typed(input, document, &kind, violation);
    }
    let rest = schemas.rest(&kind, &document.value, &violations);
    if let Some(Rest { violations: others, readable }) = rest {
        violations.extend(others);
        keep(document, readable, flawed);
    }
    // A field under a wrong name is not missing as well.
    let meant: Vec<Vec<PathStep>> = violations.iter().filter_map(meant_field).collect();
    violations.retain(|violation| match violation.kind {
        ViolationKind::Missing => !meant.contains(&violation.path),
        ViolationKind::Rule => !is_choice_with(violation, &meant),
        ViolationKind::UnknownField { .. }
        | ViolationKind::WrongType
        | ViolationKind::NotOneOf
        | ViolationKind::Pattern
        | ViolationKind::Format
        | ViolationKind::TooLong
        | ViolationKind::TooShort
        | ViolationKind::TooMany
        | ViolationKind::TooFew
        | ViolationKind::OutOfRange
        | ViolationKind::Duplicate => true,
    });
    let told = violations.iter().map(|violation| &violation.path).chain(&meant);
    let told: Vec<FieldPath> = told.map(|steps| path(steps)).collect();
    flawed.told.entry(document.key.clone()).or_default().extend(told);
    violations.into_iter().map(|found| problem(document, found)).collect()
}

/// Whether a rule asks for one of several fields, of which one stands there under a wrong name.
fn is_choice_with(rule: &Violation, meant: &[Vec<PathStep>]) -> bool {
    let names = |steps: &[PathStep]| rule.message.contains(&format!("`{}`", path(steps)));
    rule.message.starts_with("give exactly one of ")
        && meant.iter().any(|meant| names(meant.get(1..).unwrap_or_default()))
}

/// The field that a wrong name was probably meant for.
fn meant_field(violation: &Violation) -> Option<Vec<PathStep>> {
    let ViolationKind::UnknownField { suggestion: Some(name) } = &violation.kind else {
        return None;
    };
    let (_, around) = violation.path.split_last()?;
    Some(around.iter().cloned().chain([PathStep::Field(name.clone())]).collect())
}

/// Where text belongs and another value was read, what counts is what was typed: `+49` and not the number 49.
fn as_typed(input: &Input, document: &Document, kind: &str, violation: &mut Violation) {
    let is_wrong_type = violation.kind == ViolationKind::WrongType;
    let schemas = Schemas::compiled();
    let belongs = schemas.belongs(kind, &violation.path);
    if !is_wrong_type || belongs.is_none() {
        return;
    }
    let Some(typed) = input.written(document.source, &path(&violation.path)) else { return };
    if !typed.plain || matches!(typed.text.as_str(), "" | "~" | "null" | "Null" | "NULL") {
        return;
    }
    let text = shown(&typed.text);
    if belongs != Some(Belongs::Text) {
        if let Some((wanted, _)) = violation.message.split_once(", not the number `") {
            violation.message = format!("{wanted}, not the number `{text}`");
        }
        return;
    }
    let of_text = schemas.text_at(kind, &violation.path, &typed.text);
    if let Some(refused) = of_text.into_iter().flatten().next() {
        *violation = refused;
    } else {
        violation.message = format!("text belongs here, and `{text}` is none without quotes");
        violation.help = Some(format!("put it in quotes: `\"{}\"`", visible(&typed.text)));
        violation.instead = Some(typed.text.into());
    }
}

/// Puts what can be read of an object among the flawed.
fn keep(document: &Document, readable: Value, flawed: &mut Flawed) {
    let source = Some(document.source);
    let mut document = Document { value: readable, ..document.clone() };
    match document.key.kind {
        Kind::PartnerOffer => {
            flawed.offers.extend(as_object(&mut document).map(|it| Object { source, ..it }));
        }
        Kind::PartnerRelationship => {
            flawed.relationships.extend(as_object(&mut document).map(|it| Object { source, ..it }));
        }
        Kind::RoleGrant => {
            flawed.grants.extend(as_object(&mut document).map(|it| Object { source, ..it }));
        }
        Kind::AgreementAcceptance => {
            flawed.acceptances.extend(as_object(&mut document).map(|it| Object { source, ..it }));
        }
        Kind::PartnerBoundary => {
            flawed.boundaries.extend(as_object(&mut document).map(|it| Object { source, ..it }));
        }
    }
}

fn path(steps: &[PathStep]) -> FieldPath {
    steps.iter().fold(FieldPath::root(), |path, step| match step {
        PathStep::Field(name) => path.field(name),
        PathStep::Index(index) => path.index(*index),
    })
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
    as_object(document).expect("what passes the schema that is generated from a type has that type")
}

/// The object, where its value has the type of the kind.
fn as_object<S: DeserializeOwned>(document: &mut Document) -> Option<Object<S>> {
    let spec = document.value.take()["spec"].take();
    let spec = serde_json::from_value(spec).ok()?;
    Some(Object {
        name: ObjectName {
            namespace: document.key.namespace.clone(),
            name: document.key.name.clone(),
        },
        uid: document.uid.as_ref().map_or_else(Uid::of_file, |uid| Uid(uid.into())),
        labels: texts(std::mem::take(&mut document.labels)),
        annotations: texts(document.annotations.clone()),
        // Only a cluster knows of an object that it leaves, and a file that says so is refused.
        presence: Presence::Present,
        source: None,
        spec,
    })
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
    let path = path(&violation.path);
    let problem =
        Problem::error(code, violation.message).about(&document.key, Some(document.source));
    match violation.help {
        Some(help) => problem.help(help),
        None => problem,
    }
    .path(path)
}
