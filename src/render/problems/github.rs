//! Problems as workflow commands of GitHub Actions: they show beside the line of the file.
//!
//! Never: a command that text from the input could end or begin, or a problem that is not shown and not counted.

use std::fmt::Write as _;

use super::summary;
use crate::{
    domain::problem::{Problem, Severity},
    render::escape,
};

/// GitHub shows this many annotations of each severity for a step, and drops the rest without a word.
const SHOWN: usize = 10;

/// One command for each problem. The total stands first, so that it is among those that are shown; of problems alone it
/// is told only where not all of them are.
pub(in crate::render) fn commands(problems: &[Problem], total: Option<&str>) -> String {
    let of = |severity| problems.iter().filter(|problem| problem.severity == severity).count();
    // The total is a notice itself.
    let dropped = [Severity::Error, Severity::Warning].into_iter().any(|all| of(all) > SHOWN)
        || of(Severity::Notice) >= SHOWN;
    let mut totals: Vec<String> = total.map(str::to_owned).into_iter().collect();
    if dropped {
        totals.push(format!(
            "{}; GitHub shows the first {SHOWN} of each kind, and this log has all of them",
            summary(problems)
        ));
    }
    let mut text = String::new();
    if !totals.is_empty() {
        let totals = escape::github_message(&totals.join("\n"));
        let _ = writeln!(text, "::notice title=concordat::{totals}");
    }
    text.extend(problems.iter().map(command));
    text
}

/// One problem as one command.
fn command(problem: &Problem) -> String {
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
