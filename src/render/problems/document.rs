//! Problems for programs: the published form.
//!
//! Never: a field renamed or dropped without another `formatVersion`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{
        ids::ObjectKey,
        problem::{Place, Problem, Severity},
    },
    render::FORMAT_VERSION,
};

/// Every problem of the input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemsDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Problems`.
    pub kind: String,
    /// How many there are of each severity.
    pub summary: Counts,
    /// The problems, in order.
    pub problems: Vec<ProblemView>,
}

/// How many problems there are of each severity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// What stands in the way.
    pub errors: usize,
    /// What is allowed and probably not meant.
    pub warnings: usize,
    /// What a person should know.
    pub notices: usize,
}

/// One problem or notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemView {
    /// Its stable code, such as `C0201`.
    pub code: String,
    /// How much it matters.
    pub severity: SeverityView,
    /// Where it is in the input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<PlaceView>,
    /// The object that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectView>,
    /// The field of that object, such as `spec.roles[1]`; empty for the object itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// The way out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityView {
    /// Nothing is done while it stands.
    Error,
    /// Allowed, and probably not what was meant.
    Warning,
    /// Something a person should know.
    Notice,
}

/// A place in a file; lines and columns count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlaceView {
    /// The file as it was named; `-` is standard input.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// An object of the input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectView {
    /// Its kind.
    pub kind: String,
    /// Its namespace; empty for a cluster-scoped kind.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ProblemsDocument {
    /// The document of these problems.
    pub fn of(problems: &[Problem]) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            kind: "Problems".to_owned(),
            summary: Counts::of(problems),
            problems: problems.iter().map(ProblemView::of).collect(),
        }
    }
}

impl Counts {
    /// Counts problems.
    pub fn of(problems: &[Problem]) -> Self {
        let of = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
        Self {
            errors: of(Severity::Error),
            warnings: of(Severity::Warning),
            notices: of(Severity::Notice),
        }
    }
}

impl ProblemView {
    /// The published form of a problem.
    pub fn of(problem: &Problem) -> Self {
        let Problem { code, severity, place, object, source: _, path, message, help } = problem;
        Self {
            code: code.to_string(),
            severity: match severity {
                Severity::Error => SeverityView::Error,
                Severity::Warning => SeverityView::Warning,
                Severity::Notice => SeverityView::Notice,
            },
            place: place.as_ref().map(|Place { file, line, column }| PlaceView {
                file: file.clone(),
                line: *line,
                column: *column,
            }),
            object: object.as_ref().map(|ObjectKey { kind, namespace, name }| ObjectView {
                kind: kind.to_string(),
                namespace: namespace.to_string(),
                name: name.to_string(),
            }),
            path: path.to_string(),
            message: message.clone(),
            help: help.clone(),
        }
    }
}
