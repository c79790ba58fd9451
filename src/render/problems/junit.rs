//! Results as `JUnit` XML, which test reports of most build servers read.
//!
//! Never: a failure for a warning or a notice, or two cases of one name, of which readers drop one.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{location, text};
use crate::{
    domain::problem::{Problem, Severity},
    render::{Style, escape},
};

/// One case of a suite.
pub(in crate::render) struct TestCase {
    /// The group it is listed under.
    pub class: String,
    /// The file that it is about, where it is about one.
    pub file: Option<String>,
    /// What it is called.
    pub name: String,
    /// A short reason and the full text, where it failed.
    pub failure: Option<(String, String)>,
    /// What is shown beside it, where it did not.
    pub output: String,
}

pub(super) fn junit(problems: &[Problem]) -> String {
    let mut cases: Vec<TestCase> = problems.iter().map(case).collect();
    if cases.is_empty() {
        cases.push(TestCase {
            class: "concordat".to_owned(),
            file: None,
            name: "no problems".to_owned(),
            failure: None,
            output: String::new(),
        });
    }
    test_suite("concordat validate", &cases)
}

/// A problem as a case, which fails where it is an error.
pub(in crate::render) fn case(problem: &Problem) -> TestCase {
    let class = match (&problem.place, &problem.object) {
        (Some(place), _) => place.file.clone(),
        (None, Some(object)) => object.to_string(),
        (None, None) => "concordat".to_owned(),
    };
    let whole = text::one(problem, Style::default());
    let failed = problem.severity == Severity::Error;
    TestCase {
        class,
        file: problem.place.as_ref().map(|place| place.file.clone()).filter(|file| file != "-"),
        name: format!("{} {}", problem.code, location(problem)).trim_end().to_owned(),
        failure: failed.then(|| (problem.message.clone(), whole.clone())),
        output: if failed { String::new() } else { whole },
    }
}

/// A suite of cases.
pub(in crate::render) fn test_suite(name: &str, cases: &[TestCase]) -> String {
    let failures = cases.iter().filter(|case| case.failure.is_some()).count();
    let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\"", cases.len());
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(text, "<testsuites {counts}>");
    let _ = writeln!(text, "  <testsuite name=\"{}\" {counts}>", escape::html(name));
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for TestCase { class, file, name, failure, output } in cases {
        let number = seen.entry((class, name)).or_default();
        *number += 1;
        let again = if *number > 1 { format!(" ({number})") } else { String::new() };
        let (class, name) = (escape::html(class), escape::html(name));
        let _ = write!(text, "    <testcase classname=\"{class}\" name=\"{name}{again}\"");
        if let Some(file) = file {
            let _ = write!(text, " file=\"{}\"", escape::html(file));
        }
        match failure {
            Some((message, whole)) => {
                let message = escape::html(message);
                let whole = escape::xml_lines(whole.trim_end());
                let _ = writeln!(text, ">\n      <failure message=\"{message}\">{whole}</failure>");
                text.push_str("    </testcase>\n");
            }
            None if output.is_empty() => text.push_str("/>\n"),
            None => {
                let output = escape::xml_lines(output.trim_end());
                let _ = writeln!(text, ">\n      <system-out>{output}</system-out>");
                text.push_str("    </testcase>\n");
            }
        }
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}
