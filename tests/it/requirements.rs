//! The requirements of the field: each is kept by a test, or told where a user would look.
//!
//! Never: a requirement that nobody answers.

use std::{collections::BTreeSet, fs};

use regex::Regex;

use crate::{program::root, sources::below};

/// The names of all functions in the sources and the tests.
fn functions() -> BTreeSet<String> {
    let name = Regex::new(r"fn ([a-z0-9_]+)").unwrap();
    ["src", "tests"]
        .iter()
        .flat_map(|folder| below(folder))
        .flat_map(|source| {
            name.captures_iter(&source.text).map(|found| found[1].to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn each_of_the_42_requirements_is_kept_by_a_test_or_told() {
    let text = fs::read_to_string(root().join("docs/requirements.md")).unwrap();
    let functions = functions();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| R")).collect();
    let quoted = Regex::new(r"`([a-z][a-z0-9_]*_[a-z0-9_]+)`").unwrap();
    for (position, row) in rows.iter().enumerate() {
        let number = position + 1;
        assert!(row.starts_with(&format!("| R{number} |")), "R{number} is missing or out of order");
        let tests: Vec<&str> =
            quoted.captures_iter(row).map(|found| found.get(1).unwrap().as_str()).collect();
        for test in &tests {
            assert!(functions.contains(*test), "R{number} names `{test}`, which is no test");
        }
        assert!(!tests.is_empty() || row.contains("told"), "R{number} is neither kept nor told");
    }
    assert_eq!(rows.len(), 42);
}

#[test]
fn each_test_that_the_threat_model_names_exists() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let functions = functions();
    let quoted = Regex::new(r"`([a-z][a-z0-9]*(?:_[a-z0-9]+){4,})`").unwrap();
    let tests: Vec<&str> =
        quoted.captures_iter(&text).map(|found| found.get(1).unwrap().as_str()).collect();
    assert!(tests.len() > 20, "{tests:?}");
    let missing: Vec<_> = tests.iter().filter(|test| !functions.contains(**test)).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}
