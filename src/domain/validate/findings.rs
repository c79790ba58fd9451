//! Where problems are collected, and put in an order that does not depend on that of the input.
//!
//! Never: stops at the first problem.

use std::{collections::BTreeSet, fmt::Display, str::FromStr};

use crate::domain::{
    enumeration::{enumeration, quoted},
    ids::{Kind, ObjectKey},
    problem::{Code, FieldPath, Problem, Severity, SourceId, Step},
    state::ObjectName,
    validate::{
        Flawed,
        roles::{ONE_ROLE_TWICE, UNKNOWN_ROLE, UNKNOWN_TASK},
    },
};

/// A field that the schema of its kind would have refused.
pub const DOES_NOT_FIT_ITS_SCHEMA: Code = Code(301);

/// Which object a problem is about.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub kind: Kind,
    pub name: &'a ObjectName,
    pub source: Option<SourceId>,
}

impl Subject<'_> {
    pub fn key(&self) -> ObjectKey {
        ObjectKey {
            kind: self.kind,
            namespace: self.name.namespace.clone(),
            name: self.name.name.clone(),
        }
    }
}

/// What was found so far.
pub(super) struct Findings<'a> {
    invalid: &'a BTreeSet<ObjectKey>,
    problems: Vec<Problem>,
    broken: BTreeSet<ObjectKey>,
    errors: usize,
    flawed: Option<&'a Flawed>,
}

impl<'a> Findings<'a> {
    /// `invalid` are the objects whose schema has spoken already.
    pub fn new(invalid: &'a BTreeSet<ObjectKey>) -> Self {
        Self { invalid, problems: Vec::new(), broken: invalid.clone(), errors: 0, flawed: None }
    }

    /// Beside objects that could be read in part.
    pub fn beside(self, flawed: &'a Flawed) -> Self {
        Self { flawed: Some(flawed), ..self }
    }

    /// Whether only a part of the object could be read.
    pub fn is_flawed(&self, about: Subject<'_>) -> bool {
        self.flawed
            .is_some_and(|flawed| !flawed.told.is_empty() && flawed.told.contains_key(&about.key()))
    }

    /// Whether something was said about a field of an object that could be read in part, or about what is within the field.
    pub fn is_told_within(&self, about: Subject<'_>, path: &FieldPath) -> bool {
        let told = self.flawed.and_then(|flawed| flawed.told.get(&about.key()));
        told.is_some_and(|told| told.iter().any(|told| told.steps().starts_with(path.steps())))
    }

    /// Whether it was said that the object stands in several documents.
    pub fn is_told_twice(&self, object: &ObjectKey) -> bool {
        self.flawed.is_some_and(|flawed| flawed.twice.contains(object))
    }

    /// Whether there may be an object of this kind under any name.
    pub fn has_unnamed(&self, kind: Kind) -> bool {
        self.flawed.is_some_and(|flawed| flawed.unnamed.contains(&kind))
    }

    /// Whether there are objects of this kind in the namespace about which not everything is known.
    pub fn is_unsure_of(&self, kind: Kind, namespace: &str) -> bool {
        let is_there = |key: &ObjectKey| key.kind == kind && key.namespace == namespace;
        self.has_unnamed(kind) || self.invalid.iter().any(is_there)
    }

    /// Whether a problem only follows from another one that was told.
    fn follows(&self, problem: &Problem) -> bool {
        let Some((flawed, object)) = self.flawed.zip(problem.object.as_ref()) else { return false };
        let Some(told) = flawed.told.get(object) else { return false };
        let steps = problem.path.steps();
        let type_ = Step::Field("type".to_owned());
        let of_names = [UNKNOWN_ROLE, UNKNOWN_TASK, ONE_ROLE_TWICE];
        told.iter().map(FieldPath::steps).any(|told| {
            // What an offer may hold depends on its type.
            let is_of_type = told.last() == Some(&type_)
                && steps.starts_with(&told[..told.len() - 1])
                && object.kind != Kind::AgreementAcceptance
                && !of_names.contains(&problem.code);
            let window = [spec("notBefore"), spec("notAfter")];
            let is_of_window = window.iter().any(|end| end.steps() == told)
                && window.iter().any(|end| end.steps() == steps);
            is_of_type
                || is_of_window
                || steps.starts_with(told)
                || steps.len() > 1 && told.starts_with(steps)
        })
    }

    pub fn error(
        &mut self,
        about: Subject<'_>,
        code: Code,
        path: FieldPath,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.errors += 1;
        self.broken.insert(about.key());
        self.add(about, Problem::error(code, message).path(path).help(help));
    }

    pub fn warning(
        &mut self,
        about: Subject<'_>,
        code: Code,
        path: FieldPath,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let problem = Problem::error(code, message).severity(Severity::Warning);
        self.add(about, problem.path(path).help(help));
    }

    fn add(&mut self, about: Subject<'_>, problem: Problem) {
        self.problems.push(problem.about(&about.key(), about.source));
    }

    /// Marks an object without a word: what is wrong with it was told, about it or about what it refers to.
    pub fn mark(&mut self, about: Subject<'_>) {
        self.broken.insert(about.key());
    }

    /// Reads a text whose form the schema has checked.
    pub fn read<T: FromStr<Err: Display>>(
        &mut self,
        about: Subject<'_>,
        text: &str,
        path: impl FnOnce() -> FieldPath,
    ) -> Option<T> {
        match text.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.does_not_fit(about, path(), error.to_string());
                None
            }
        }
    }

    /// Says that an object does not fit its schema, unless its schema has said so.
    pub fn does_not_fit(&mut self, about: Subject<'_>, path: FieldPath, message: String) {
        if !self.was_invalid(about) {
            let help = format!("`kubectl explain {}.spec` shows each field", about.kind);
            self.error(about, DOES_NOT_FIT_ITS_SCHEMA, path, message, help);
        }
    }

    /// Whether the schema has refused the object before.
    pub fn was_invalid(&self, about: Subject<'_>) -> bool {
        !self.invalid.is_empty() && self.invalid.contains(&about.key())
    }

    /// Whether anything is wrong with the object so far.
    pub fn is_broken(&self, about: Subject<'_>) -> bool {
        !self.broken.is_empty() && self.broken.contains(&about.key())
    }

    /// The same of an object by its key.
    pub fn has_problems(&self, object: &ObjectKey) -> bool {
        self.broken.contains(object)
    }

    /// Whether there is an object of this name that does not fit its schema.
    pub fn has_invalid(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        let key = || ObjectKey { kind, namespace: namespace.into(), name: name.into() };
        !self.invalid.is_empty() && self.invalid.contains(&key())
    }

    /// How many errors were found so far.
    pub fn count_errors(&self) -> usize {
        self.errors
    }

    /// Whether any object has an error.
    pub fn has_errors(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Every problem, by document, object and field; none about an object of `silent`.
    pub fn into_problems(mut self, silent: &BTreeSet<ObjectKey>) -> Vec<Problem> {
        let mut problems = std::mem::take(&mut self.problems);
        problems.retain(|problem| {
            let is_told = problem.object.as_ref().is_none_or(|object| !silent.contains(object));
            is_told && !self.follows(problem)
        });
        problems.sort_by(|one, other| {
            let place = |problem: &Problem| (problem.source, problem.code, problem.severity);
            (one.source, &one.object, &one.path)
                .cmp(&(other.source, &other.object, &other.path))
                .then_with(|| place(one).cmp(&place(other)))
                .then_with(|| one.message.cmp(&other.message))
        });
        problems.dedup();
        problems
    }
}

/// So many names are shown.
pub(super) const SHOWN: usize = 3;

/// `` `a` ``, `` `a` and `b` ``, `` `a`, `b` and 3 more ``: the first names of so many objects, few enough to read.
pub(super) fn listed<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let mut parts: Vec<String> = names.take(SHOWN).map(quoted).collect();
    if count > SHOWN {
        parts.push(format!("{} more", count - SHOWN));
    }
    enumeration(&parts, "and").unwrap_or_default()
}

/// The field below `spec`.
pub(super) fn spec(field: &str) -> FieldPath {
    FieldPath::spec().field(field)
}
