//! Problems for people, as compilers show them: where, what, the code, the line with the place, and the way out below.
//!
//! Never: two problems on one line, or one problem whose text looks like two.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DecorStyle};

use super::location;
use crate::{
    api::tells_secret,
    domain::problem::{Lines, Problem, Severity, Step},
    render::{
        Colour, counted, escape,
        style::{Paint, Style},
    },
};

pub(super) fn text(problems: &[Problem], lines: &Lines<'_>, style: Style) -> String {
    let told = |problem| {
        let excerpt = excerpt(problem, lines, style).unwrap_or_default();
        short(problem, style) + &excerpt + &way_out(problem, style)
    };
    let mut text: String = problems.iter().map(told).collect();
    text.push_str(&summary(problems));
    text.push('\n');
    text
}

/// Each problem on one line, as editors and `grep` like it.
pub(super) fn shorts(problems: &[Problem], style: Style) -> String {
    let mut text: String = problems.iter().map(|problem| short(problem, style)).collect();
    text.push_str(&summary(problems));
    text.push('\n');
    text
}

/// One problem, with its way out on a line of its own.
pub(in crate::render) fn one(problem: &Problem, style: Style) -> String {
    short(problem, style) + &way_out(problem, style)
}

/// The line that a problem is on, with signs below its place. What is none of our objects may be somebody's secret, and is
/// not shown; nor is one that may hold a secret.
fn excerpt(problem: &Problem, lines: &Lines<'_>, style: Style) -> Option<String> {
    problem.object.as_ref()?;
    let place = problem.place.as_ref()?;
    let line = lines.line(place)?.trim_end();
    let is_link =
        line.contains("://") || problem.path.steps().ends_with(&[Step::Field("url".into())]);
    if is_link && line.contains('@') || tells_secret(line) {
        return None;
    }
    let begin = line.char_indices().nth(place.column.saturating_sub(1));
    let begin = begin.map_or(line.len(), |(begin, _)| begin);
    let (line, begin) = around(line, begin);
    let marked = word(line, begin);
    let [before, at, after] = [&line[..begin], &line[marked.clone()], &line[marked.end..]]
        .map(|part| escape::visible(part).into_owned());
    let span = before.len()..before.len() + at.len();
    let shown = [before, at, after].concat();
    let (kind, level) = match problem.severity {
        Severity::Error => (AnnotationKind::Primary, Level::ERROR),
        Severity::Warning => (AnnotationKind::Primary, Level::WARNING),
        Severity::Notice => (AnnotationKind::Primary, Level::NOTE),
    };
    let snippet = Snippet::source(&shown).line_start(place.line).annotation(kind.span(span));
    let renderer = match style.colour {
        Colour::Always => Renderer::styled().decor_style(DecorStyle::Ascii),
        Colour::Never => Renderer::plain(),
    };
    let group = Group::with_level(level).element(snippet);
    Some(renderer.term_width(style.width).render(&[group]) + "\n")
}

/// A part of a long line around a byte of it, and that byte in the part: whoever reads it sees no more, and a file of one
/// line with thousands of problems is not shown thousands of times.
fn around(line: &str, begin: usize) -> (&str, usize) {
    const BEFORE: usize = 120;
    const LONGEST: usize = 400;
    if line.len() <= LONGEST {
        return (line, begin);
    }
    let boundary = |near: usize| (0..=near).rev().find(|at| line.is_char_boundary(*at));
    let from = boundary(begin.saturating_sub(BEFORE)).unwrap_or_default();
    let until = boundary((from + LONGEST).min(line.len())).unwrap_or(line.len());
    (&line[from..until], begin - from)
}

/// The word that begins at a byte of a line: a quotation, or what stands until a sign of YAML ends it.
fn word(line: &str, begin: usize) -> Range<usize> {
    let rest = &line[begin..];
    let quotation = rest.chars().next().filter(|sign| matches!(sign, '"' | '\''));
    if let Some(end) = quotation.and_then(|sign| rest[1..].find(sign)) {
        return begin..begin + end + 2;
    }
    let ends = [": ", " #", ",", "]", "}"].map(|sign| rest.find(sign));
    let end = ends.into_iter().flatten().min().unwrap_or(rest.len());
    let word = rest[..end].trim_end().trim_end_matches(':');
    begin..begin + word.len()
}

fn way_out(problem: &Problem, style: Style) -> String {
    let Some(help) = &problem.help else { return String::new() };
    style.wrap(&escape::visible(help), "  help: ", "        ") + "\n"
}

/// One problem on one line, without its way out.
pub(in crate::render) fn short(problem: &Problem, style: Style) -> String {
    let location = location(problem);
    let location = escape::visible(&location);
    let mut text = String::new();
    if !location.is_empty() {
        text.push_str(&style.paint(Paint::Strong, &format!("{location}:")));
        text.push(' ');
    }
    match problem.severity {
        Severity::Error if location.is_empty() => {
            text.push_str(&style.paint(Paint::Loss, "error:"));
            text.push(' ');
        }
        Severity::Error => {}
        Severity::Warning => {
            text.push_str(&style.paint(Paint::Change, "warning:"));
            text.push(' ');
        }
        Severity::Notice => {
            text.push_str(&style.paint(Paint::Faint, "notice:"));
            text.push(' ');
        }
    }
    text.push_str(&escape::visible(&problem.message));
    text.push(' ');
    text.push_str(&style.paint(Paint::Faint, &format!("[{}]", problem.code)));
    text.push('\n');
    text
}

/// `2 problems, 1 warning`, or that there are none.
pub fn summary(problems: &[Problem]) -> String {
    let of = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    let parts: Vec<String> = [
        (of(Severity::Error), "problem"),
        (of(Severity::Warning), "warning"),
        (of(Severity::Notice), "notice"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, word)| counted(number, word))
    .collect();
    if parts.is_empty() { "no problems".to_owned() } else { parts.join(", ") }
}
