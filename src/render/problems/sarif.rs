//! Problems as SARIF 2.1.0, which code scanning reads.
//!
//! Never: a rule without a result, or a result without a rule or without a place: GitHub refuses the whole file then.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::{Value, json};

use crate::{
    domain::problem::{Code, Place, Problem, Severity},
    render::escape,
};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// GitHub takes this many results of a run, and refuses the file where there are more.
const RESULTS: usize = 25_000;

/// A log with one run. What has no place is shown at the `first` file.
pub(in crate::render) fn sarif(
    problems: &[Problem],
    first: &str,
    page: impl Fn(Code) -> Option<&'static str>,
) -> String {
    let mut all: Vec<&Problem> = problems.iter().collect();
    if all.len() > RESULTS {
        all.sort_by_key(|problem| problem.severity);
        all.truncate(RESULTS);
    }
    let codes: BTreeSet<Code> = all.iter().map(|problem| problem.code).collect();
    let codes: Vec<Code> = codes.into_iter().collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code, page(*code))).collect();
    let results: Vec<Value> = all.iter().map(|problem| result(problem, &codes, first)).collect();
    let mut log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "concordat",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    if all.len() < problems.len() {
        let left = problems.len() - all.len();
        let text = format!("{left} more results are left out: a run holds {RESULTS}");
        log["runs"][0]["invocations"] = json!([{
            "executionSuccessful": true,
            "toolExecutionNotifications": [{ "level": "warning", "message": { "text": text } }],
        }]);
    }
    format!("{log:#}\n")
}

fn rule(code: Code, page: Option<&str>) -> Value {
    let mut rule = json!({ "id": code.to_string() });
    let Some(page) = page else { return rule };
    let (title, text) = page.split_once('\n').unwrap_or((page, ""));
    rule["shortDescription"] = json!({ "text": title.trim_start_matches("# ").trim() });
    if !text.trim().is_empty() {
        rule["help"] = json!({ "text": text.trim(), "markdown": text.trim() });
    }
    rule
}

fn result(problem: &Problem, codes: &[Code], first: &str) -> Value {
    let level = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Notice => "note",
    };
    let mut text = escape::visible(&problem.message).into_owned();
    if let Some(help) = &problem.help {
        let _ = write!(text, "\nhelp: {}", escape::visible(help));
    }
    let mut result = json!({
        "ruleId": problem.code.to_string(),
        "ruleIndex": codes.binary_search(&problem.code).expect("each code has its rule"),
        "level": level,
        // In SARIF a bracket begins a link.
        "message": { "text": text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]") },
    });
    let nowhere = Place { file: first.to_owned(), line: 1, column: 1 };
    let Place { file, line, column } = problem.place.as_ref().unwrap_or(&nowhere);
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(file) },
        "region": { "startLine": line, "startColumn": column },
    }});
    let path = problem.path.to_string();
    let name = match (&problem.object, path.is_empty()) {
        (Some(object), true) => object.to_string(),
        (Some(object), false) => format!("{object} {path}"),
        (None, _) => path,
    };
    if !name.is_empty() {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": name, "kind": "object" }]);
    }
    result["locations"] = json!([location]);
    result
}

/// A file as a URI reference: relative, unless the file is named from the root of the machine.
fn uri(file: &str) -> String {
    if file == "-" || file.is_empty() {
        return "stdin".to_owned();
    }
    let mut uri = String::from(if file.starts_with('/') { "file://" } else { "" });
    for byte in file.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
