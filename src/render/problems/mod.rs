//! Problems and notices, in every format.
//!
//! Never: a problem without its code, or one that a format leaves out.

mod document;
mod github;
mod junit;
mod markdown;
mod sarif;
mod text;

#[cfg(test)]
mod tests;

pub use document::{Counts, ObjectView, PlaceView, ProblemView, ProblemsDocument, SeverityView};
pub use text::summary;
pub(super) use {
    github::commands, junit::TestCase, junit::case, junit::test_suite, sarif::sarif,
    text::one as one_text, text::short,
};

use super::{Format, Rendered, Style};
use crate::domain::problem::{Code, Lines, Problem};

/// What is known of the input besides its problems.
#[derive(Debug, Default)]
pub struct Surroundings<'a> {
    /// Its first file: where a problem is shown that has no place.
    pub first: &'a str,
    /// Its lines.
    pub lines: Lines<'a>,
}

/// Problems in a format. `page` gives the page of a code: its title and text go into SARIF.
pub fn render(
    problems: &[Problem],
    format: Format,
    style: Style,
    surroundings: &Surroundings<'_>,
    page: impl Fn(Code) -> Option<&'static str>,
) -> Rendered {
    let Surroundings { first, lines } = surroundings;
    match format {
        Format::Text => Rendered::Text(text::text(problems, lines, style)),
        // No problems are asked for as rows: `Answer::formats`.
        Format::Short | Format::Csv => Rendered::Text(text::shorts(problems, style)),
        Format::Json | Format::Yaml => Rendered::document(&ProblemsDocument::of(problems)),
        Format::Markdown => Rendered::Text(markdown::markdown(problems)),
        Format::Sarif => Rendered::Text(sarif::sarif(problems, first, page)),
        Format::Junit => Rendered::Text(junit::junit(problems)),
        Format::Github => Rendered::Text(github::commands(problems, None)),
    }
}

/// Where a problem is, for people: its place, else its object, with the field.
fn location(problem: &Problem) -> String {
    let subject = match (&problem.place, &problem.object) {
        (Some(place), _) => place.to_string(),
        (None, Some(object)) => object.to_string(),
        (None, None) => String::new(),
    };
    let path = problem.path.to_string();
    match (subject.is_empty(), path.is_empty()) {
        (false, false) => format!("{subject} {path}"),
        (false, true) => subject,
        (true, _) => path,
    }
}
