//! Results as `JUnit` XML, which test reports of most build servers read.
//!
//! Never: a failure for a warning or a notice.

use super::{location, text};
use crate::{
    domain::problem::{Problem, Severity},
    render::{Style, escape},
};

/// One case of a suite.
pub(in crate::render) struct TestCase {
    /// The group it is listed under.
    pub class: String,
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
            name: "no problems".to_owned(),
            failure: None,
            output: String::new(),
        });
    }
    test_suite("concordat validate", &cases)
}

fn case(problem: &Problem) -> TestCase {
    let class = match (&problem.place, &problem.object) {
        (Some(place), _) => place.file.clone(),
        (None, Some(object)) => object.to_string(),
        (None, None) => "concordat".to_owned(),
    };
    let whole = text::one(problem, Style::default());
    let failed = problem.severity == Severity::Error;
    TestCase {
        class,
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
    text.push_str(&format!("<testsuites {counts}>\n"));
    text.push_str(&format!("  <testsuite name=\"{}\" {counts}>\n", escape::html(name)));
    for TestCase { class, name, failure, output } in cases {
        let (class, name) = (escape::html(class), escape::html(name));
        text.push_str(&format!("    <testcase classname=\"{class}\" name=\"{name}\""));
        match failure {
            Some((message, whole)) => text.push_str(&format!(
                ">\n      <failure message=\"{}\">{}</failure>\n    </testcase>\n",
                escape::html(message),
                escape::xml_lines(whole.trim_end())
            )),
            None if output.is_empty() => text.push_str("/>\n"),
            None => text.push_str(&format!(
                ">\n      <system-out>{}</system-out>\n    </testcase>\n",
                escape::xml_lines(output.trim_end())
            )),
        }
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}
