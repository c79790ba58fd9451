//! Problems for pull requests.
//!
//! Never: a table that text from the input could break.

use super::{location, text::summary};
use crate::{
    domain::problem::{Problem, Severity},
    render::escape,
};

pub(super) fn markdown(problems: &[Problem]) -> String {
    let mut text = format!("**{}**\n", summary(problems));
    if problems.is_empty() {
        return text;
    }
    text.push_str("\n| | where | what | way out |\n| --- | --- | --- | --- |\n");
    for problem in problems {
        text.push_str(&row(problem));
    }
    text
}

fn row(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let location = location(problem);
    let location =
        if location.is_empty() { String::new() } else { escape::markdown_code(&location) };
    let help = problem.help.as_deref().map(escape::markdown_message).unwrap_or_default();
    format!(
        "| {severity} {} | {location} | {} | {help} |\n",
        problem.code,
        escape::markdown_message(&problem.message)
    )
}
