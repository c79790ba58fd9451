//! Problems for people, as compilers show them: where, what, the code, and the way out below.
//!
//! Never: two problems on one line, or one problem whose text looks like two.

use super::location;
use crate::{
    domain::problem::{Problem, Severity},
    render::{
        counted, escape,
        style::{Paint, Style},
    },
};

pub(super) fn text(problems: &[Problem], style: Style) -> String {
    let mut text: String = problems.iter().map(|problem| one(problem, style)).collect();
    text.push_str(&summary(problems));
    text.push('\n');
    text
}

/// One problem, with its way out on a line of its own.
pub(in crate::render) fn one(problem: &Problem, style: Style) -> String {
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
    if let Some(help) = &problem.help {
        text.push_str(&style.wrap(&escape::visible(help), "  help: ", "        "));
        text.push('\n');
    }
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
