//! Problems as workflow commands of GitHub Actions: they show beside the line of the file.
//!
//! Never: a command that text from the input could end or begin.

use crate::{
    domain::problem::{Problem, Severity},
    render::escape,
};

/// One problem as one command.
pub(in crate::render) fn command(problem: &Problem) -> String {
    let name = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "notice",
    };
    let mut properties = Vec::new();
    if let Some(place) = problem.place.as_ref().filter(|place| place.file != "-") {
        properties.push(format!("file={}", escape::github_property(&place.file)));
        properties.push(format!("line={}", place.line));
        properties.push(format!("col={}", place.column));
    }
    properties.push(format!("title={}", problem.code));
    let path = problem.path.to_string();
    let subject = match (&problem.object, path.is_empty()) {
        (Some(object), true) => format!("{object}: "),
        (Some(object), false) => format!("{object} {path}: "),
        (None, true) => String::new(),
        (None, false) => format!("{path}: "),
    };
    let help = problem.help.as_ref().map(|help| format!("\nhelp: {}", one_line(help)));
    let message =
        format!("{}{}{}", one_line(&subject), one_line(&problem.message), help.unwrap_or_default());
    format!("::{name} {}::{}\n", properties.join(","), escape::github_message(&message))
}

fn one_line(text: &str) -> String {
    escape::visible(text).into_owned()
}
