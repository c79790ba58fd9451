//! Problems for pull requests.
//!
//! Never: a table that text from the input could break, or more than a comment holds.

use std::fmt::Write as _;

use super::{location, text::summary};
use crate::{
    domain::problem::{Problem, Severity},
    render::{MARKDOWN_LIMIT, counted, escape},
};

/// What is kept free for the line that counts what is left out.
const ROOM_FOR_THE_REST: usize = 200;

pub(super) fn markdown(problems: &[Problem]) -> String {
    let mut text = format!("**{}**\n", summary(problems));
    if problems.is_empty() {
        return text;
    }
    text.push_str("\n| | where | what | way out |\n| --- | --- | --- | --- |\n");
    let mut room = MARKDOWN_LIMIT - text.chars().count() - ROOM_FOR_THE_REST;
    for (position, problem) in problems.iter().enumerate() {
        let row = row(problem);
        let length = row.chars().count();
        if length > room {
            let rest = counted(problems.len() - position, "more row");
            let _ = writeln!(text, "\n… and {rest}: `concordat validate` lists all of them");
            break;
        }
        room -= length;
        text.push_str(&row);
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
