//! Answers as text: plans, problems, reports and tables, for people and for programs.
//!
//! Never: prints, reads a clock or the terminal, or lets a name that somebody chose act as markup.

pub mod checks;
pub mod commands;
pub mod escape;
pub mod get;
pub mod offer;
pub mod page;
pub mod plan;
pub mod problems;
pub mod roles;
pub mod schema;
pub mod style;
pub mod table;

pub use style::{Colour, Style};

use std::{fmt, str::FromStr};

use crate::domain::enumeration::counted;

/// The version of every JSON document. It is raised when a field changes its meaning or goes.
pub const FORMAT_VERSION: u32 = 1;

/// How an answer is written: `-o FORMAT`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
#[value(rename_all = "lower")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One line for each problem and each change.
    Short,
    /// For programs; has a `formatVersion` and a published schema.
    Json,
    /// The same as YAML.
    Yaml,
    /// For pull requests.
    Markdown,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// `JUnit` XML, for test reports.
    Junit,
    /// Workflow commands of GitHub Actions.
    Github,
    /// Rows for spreadsheets, with the ids (RFC 4180).
    Csv,
}

impl Format {
    /// Every format, in order.
    pub const ALL: [Self; 9] = [
        Self::Text,
        Self::Short,
        Self::Json,
        Self::Yaml,
        Self::Markdown,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::Csv,
    ];

    /// Whether a build server reads it, which names files from the root of its workspace.
    pub fn is_for_builds(self) -> bool {
        matches!(self, Self::Sarif | Self::Junit | Self::Github)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Short => "short",
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Markdown => "markdown",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::Csv => "csv",
        })
    }
}

/// No format has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no format is called `{}`: use one of {}", escape::visible(.0), listed(&Format::ALL))]
pub struct UnknownFormat(pub String);

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let named = Self::ALL.into_iter().find(|format| format.to_string() == text);
        named.ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// What is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The problems of the input.
    Problems,
    /// What would change.
    Plan,
    /// What was done.
    Report,
    /// Rows of relationships or grants.
    Table,
    /// Roles, tasks and their comparison.
    Roles,
    /// The page of a code.
    Page,
    /// The text of an offer.
    Offer,
}

impl Answer {
    /// The formats in which it can be written.
    pub fn formats(self) -> &'static [Format] {
        match self {
            Self::Problems | Self::Plan | Self::Report => &[
                Format::Text,
                Format::Short,
                Format::Json,
                Format::Yaml,
                Format::Markdown,
                Format::Sarif,
                Format::Junit,
                Format::Github,
            ],
            Self::Table => {
                &[Format::Text, Format::Json, Format::Yaml, Format::Markdown, Format::Csv]
            }
            Self::Roles | Self::Page => {
                &[Format::Text, Format::Json, Format::Yaml, Format::Markdown]
            }
            Self::Offer => &[Format::Text, Format::Markdown],
        }
    }

    /// Refuses a format in which it cannot be written.
    pub fn admits(self, format: Format) -> Result<Format, Unsupported> {
        if self.formats().contains(&format) {
            Ok(format)
        } else {
            Err(Unsupported { answer: self, format })
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Problems => "problems",
            Self::Plan => "a plan",
            Self::Report => "a report",
            Self::Table => "a table",
            Self::Roles => "an answer about roles",
            Self::Page => "the page of a code",
            Self::Offer => "the text of an offer",
        })
    }
}

/// An answer cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{answer} cannot be written as `{format}`: use one of {}", listed(.answer.formats()))]
pub struct Unsupported {
    /// What was to be written.
    pub answer: Answer,
    /// The format that was asked for.
    pub format: Format,
}

fn listed(formats: &[Format]) -> String {
    let names: Vec<String> = formats.iter().map(|format| format!("`{format}`")).collect();
    names.join(", ")
}

/// The most characters of an answer in Markdown: GitHub takes 65,536 for a comment, and some are left for what others
/// put around it.
pub const MARKDOWN_LIMIT: usize = 60_000;

/// An answer, written.
#[derive(Debug, Clone, PartialEq)]
pub enum Rendered {
    /// As it is to be printed.
    Text(String),
    /// A document, to be printed as JSON or as YAML.
    Document(serde_json::Value),
}

impl Rendered {
    /// A document of our own.
    fn document(document: &impl serde::Serialize) -> Self {
        Self::Document(serde_json::to_value(document).expect("our documents have text keys"))
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn a_format_is_read_by_the_name_under_which_it_is_printed() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse(), Ok(format));
            let value = format.to_possible_value().unwrap();
            assert_eq!(value.get_name(), format.to_string());
        }
    }

    #[test]
    fn an_unknown_format_is_refused_with_those_there_are() {
        let error = "jsn".parse::<Format>().unwrap_err().to_string();
        assert!(
            error.starts_with("no format is called `jsn`: use one of `text`, `short`, `json`"),
            "{error}"
        );
    }

    #[test]
    fn an_answer_refuses_a_format_that_cannot_hold_it() {
        let error = Answer::Table.admits(Format::Sarif).unwrap_err().to_string();
        assert_eq!(
            error,
            "a table cannot be written as `sarif`: use one of `text`, `json`, `yaml`, `markdown`, `csv`"
        );
        assert_eq!(Answer::Plan.admits(Format::Github), Ok(Format::Github));
    }
}
