//! A problem: what is wrong, where, and the way out. Notices of a plan are told in the same form, with codes of the same kind.
//!
//! Never: a problem without a stable code, or a message that only its author understands.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use super::ids::ObjectKey;
use crate::api::{quoting_no_secret, without_secret};

/// A stable code, printed `C0123`. Each has a page: `concordat explain C0123`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code(pub u16);

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "C{:04}", self.0)
    }
}

impl Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is done while it stands.
    Error,
    /// Allowed, and probably not what was meant.
    Warning,
    /// Something a person should know.
    Notice,
}

/// Where in an object: `spec.roles[1]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The value of a key.
    Field(String),
    /// The item at a position, counted from 0.
    Index(usize),
}

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// `spec`, where most fields are.
    pub fn spec() -> Self {
        Self::root().field("spec")
    }

    /// The field `name` of what this path names.
    #[must_use]
    pub fn field(mut self, name: impl Into<String>) -> Self {
        self.0.push(Step::Field(name.into()));
        self
    }

    /// The item at `index` of what this path names.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Step::Index(index));
        self
    }

    /// The steps from the object to the field.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, step) in self.0.iter().enumerate() {
            let name = match step {
                // A key may be a secret that stands in the wrong place.
                Step::Field(name) => without_secret(name),
                Step::Index(index) => {
                    write!(f, "[{index}]")?;
                    continue;
                }
            };
            if position == 0 {
                write!(f, "{name}")?;
            } else if name.contains(['.', '/', '[']) {
                write!(f, "[{name:?}]")?;
            } else {
                write!(f, ".{name}")?;
            }
        }
        Ok(())
    }
}

impl Serialize for FieldPath {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A place in a file. Lines and columns count from 1; a column counts characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Place {
    /// The file as it was named by the user; `-` is standard input.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// The lines of some files, by the names of the files.
#[derive(Debug, Default)]
pub struct Lines<'t>(BTreeMap<&'t str, Vec<&'t str>>);

impl<'t> Lines<'t> {
    /// The lines of these files, each with its name and its text.
    pub fn of(files: impl IntoIterator<Item = (&'t str, &'t str)>) -> Self {
        let lines = |text: &'t str| text.trim_start_matches('\u{feff}').split('\n').collect();
        Self(files.into_iter().map(|(name, text)| (name, lines(text))).collect())
    }

    /// The line that a place is on.
    pub fn line(&self, place: &Place) -> Option<&'t str> {
        self.0.get(place.file.as_str())?.get(place.line.checked_sub(1)?).copied()
    }
}

/// The number of a document in the input, in reading order. Two documents may describe one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub usize);

/// One problem. `validate` collects all of them before it stops.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// Its stable code.
    pub code: Code,
    /// How much it matters.
    pub severity: Severity,
    /// Where it is, once known. Filled in by the reader of manifests.
    pub place: Option<Place>,
    /// Which object it is about, where it is about one.
    pub object: Option<ObjectKey>,
    /// The document of the input which that object came from.
    #[serde(skip)]
    pub source: Option<SourceId>,
    /// The field.
    pub path: FieldPath,
    /// What is wrong: lower case, no full stop, names in backticks.
    pub message: String,
    /// The way out, in the same form.
    pub help: Option<String>,
}

impl Problem {
    /// An error that is about no object, or none yet. What may be a secret in what it quotes is left out, whoever quotes it.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            place: None,
            object: None,
            source: None,
            path: FieldPath::root(),
            message: quoting_no_secret(message.into()),
            help: None,
        }
    }

    /// The same with another severity.
    #[must_use]
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// The same at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// The same about a field.
    #[must_use]
    pub fn path(mut self, path: FieldPath) -> Self {
        self.path = path;
        self
    }

    /// The same about an object, and the document it came from.
    #[must_use]
    pub fn about(mut self, object: &ObjectKey, source: Option<SourceId>) -> Self {
        self.object = Some(object.clone());
        self.source = source;
        self
    }

    /// The same with a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(quoting_no_secret(help.into()));
        self
    }
}
