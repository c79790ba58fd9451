//! `--boundary`: what bounds the namespaces, read from where whoever writes the manifests cannot change it.
//!
//! Never: a boundary among the manifests that counts besides, or a namespace that none of these names.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;

use super::args::namespace;
use crate::{
    api::PartnerBoundarySpec,
    domain::{
        catalogue::Catalogue,
        ids::{Kind, ObjectKey},
        problem::{Code, FieldPath, Problem},
        state::{Absence, BoundarySource, Desired},
        validate::{Object, Objects, validate},
    },
    manifest::{self, Document, Input, Source},
};

/// A boundary among the manifests that does not count.
pub const NOT_HONOURED: Code = Code(552);
/// A namespace that no trusted boundary names.
pub const NOT_BOUNDED: Code = Code(553);
/// An object in a namespace that the run may not speak for.
pub const ELSEWHERE: Code = Code(554);

/// Where the boundaries that count stand.
#[derive(Debug, Clone, Default, Args)]
pub struct BoundaryArgs {
    /// A file or folder with the boundaries that count, out of reach of whoever writes the manifests. Others do not count
    /// then. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub boundary: Vec<PathBuf>,
    /// The namespace of the manifests: an object of another one is an error. For a store that several teams use. May be
    /// repeated.
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    pub only_namespace: Vec<String>,
}

impl BoundaryArgs {
    /// Whether boundaries are read from a place of their own.
    pub fn are_given(&self) -> bool {
        !self.boundary.is_empty()
    }

    /// Puts the trusted boundaries in the place of those among the manifests, and says what is wrong with either.
    pub fn put(&self, objects: &mut Objects, now: Timestamp) -> anyhow::Result<Vec<Problem>> {
        if !self.are_given() {
            return Ok(Vec::new());
        }
        let (trusted, mut problems) = self.read(now)?;
        let found = std::mem::replace(&mut objects.boundaries, trusted);
        objects.boundary_source = BoundarySource::Trusted;
        let counts = |one: &&Object<PartnerBoundarySpec>| {
            let mut trusted = objects.boundaries.iter();
            trusted.any(|other| (&one.name, &one.spec) == (&other.name, &other.spec))
        };
        for boundary in found.iter().filter(|one| !counts(one)) {
            let name = &boundary.name.name;
            let message =
                format!("boundary `{name}` does not count: boundaries are read from `--boundary`");
            let key = ObjectKey {
                kind: Kind::PartnerBoundary,
                namespace: boundary.name.namespace.clone(),
                name: name.clone(),
            };
            let help = "remove it, or have it put where `--boundary` reads";
            let problem = Problem::error(NOT_HONOURED, message);
            problems.push(problem.about(&key, boundary.source).help(help));
        }
        Ok(problems)
    }

    /// The boundaries, and what is wrong with them, in their own place.
    fn read(
        &self,
        now: Timestamp,
    ) -> anyhow::Result<(Vec<Object<PartnerBoundarySpec>>, Vec<Problem>)> {
        let sources: Vec<Source> = self.boundary.iter().cloned().map(Source::Path).collect();
        let (input, objects, mut problems) =
            manifest::read_objects(&sources, "default", Absence::Keep)?;
        let mut alone = Objects::none(Absence::Keep);
        alone.boundaries = objects.boundaries;
        problems.extend(input.problems.iter().cloned());
        problems.extend(validate(&alone, Catalogue::compiled(), now).problems);
        input.locate(&mut problems);
        if alone.boundaries.is_empty() && problems.is_empty() {
            let named: Vec<String> =
                self.boundary.iter().map(|path| format!("`{}`", path.display())).collect();
            bail!("no boundary was found in {}", named.join(", "));
        }
        for problem in &mut problems {
            problem.source = None;
        }
        let placeless = |boundary| Object { source: None, ..boundary };
        Ok((alone.boundaries.into_iter().map(placeless).collect(), problems))
    }

    /// The objects of namespaces that the run may not speak for: by its own word a file would claim what another team owns,
    /// or make all of it absent.
    pub fn elsewhere(&self, input: &Input) -> Vec<Problem> {
        if self.only_namespace.is_empty() {
            return Vec::new();
        }
        let is_elsewhere = |document: &&Document| {
            let ObjectKey { kind, namespace, name: _ } = &document.key;
            *kind != Kind::PartnerBoundary
                && !self.only_namespace.iter().any(|only| *namespace == *only)
        };
        let documents = input.documents.iter().filter(is_elsewhere);
        documents
            .map(|document| {
                let message = format!(
                    "namespace `{}` is not one of `--only-namespace`",
                    document.key.namespace
                );
                let path = FieldPath::root().field("metadata").field("namespace");
                let problem = Problem::error(ELSEWHERE, message).path(path);
                problem
                    .about(&document.key, Some(document.source))
                    .help("take the object out: what another namespace owns is its team's")
            })
            .collect()
    }

    /// Whether a problem of the whole is one that [`Self::put`] has told.
    pub fn have_told(&self, problem: &Problem) -> bool {
        let about = problem.object.as_ref().map(|key| key.kind);
        self.are_given() && about == Some(Kind::PartnerBoundary)
    }

    /// The namespaces that the manifests speak for and no trusted boundary names: nothing may be done there.
    pub fn unbounded(&self, desired: &Desired, input: &Input) -> Vec<Problem> {
        if !self.are_given() {
            return Vec::new();
        }
        let named = |namespace: &str| desired.boundary_of(namespace).is_some();
        let unnamed = desired.namespaces.iter().filter(|namespace| !named(namespace));
        unnamed
            .map(|namespace| {
                let message =
                    format!("no boundary of `--boundary` names the namespace `{namespace}`");
                let help = "have one name it, or move its objects into a namespace that is named";
                let problem = Problem::error(NOT_BOUNDED, message).help(help);
                let mut documents = input.documents.iter();
                let first = documents.find(|document| document.key.namespace == *namespace);
                match first {
                    Some(document) => problem.about(&document.key, Some(document.source)),
                    None => problem,
                }
            })
            .collect()
    }
}
