//! Every example is run, and gives what stands beside it.
//!
//! Never: an example that nothing runs.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use crate::program::{Place, Ran, assert_file, root};

fn examples() -> PathBuf {
    root().join("examples")
}

/// What was typed and what came back, as it stands beside an example.
fn shown(words: &[&str], ran: &Ran) -> String {
    let examples = examples();
    let base = format!("{}/", examples.display());
    let mut text = format!("$ concordat {}\n", words.join(" "));
    for line in ran.stderr.lines() {
        // Where a ledger ends is another place each time: it holds when things were done.
        let line = line
            .split_once(", head ")
            .map_or(line.to_owned(), |(ledger, _)| format!("{ledger}, head …"));
        writeln!(text, "! {line}").unwrap();
    }
    text.push_str(&ran.stdout);
    format!("{text}(exit {})\n", ran.code.unwrap()).replace(&base, "")
}

/// Runs each command in one folder, and compares the whole.
fn session(expected: &Path, commands: &[&[&str]]) {
    let place = Place::new();
    let text: Vec<String> = commands
        .iter()
        .map(|words| {
            let ran = place.run(words);
            shown(words, &ran)
        })
        .collect();
    assert_file(expected, &text.join("\n"));
}

fn folder(name: &str) -> String {
    examples().join(name).display().to_string()
}

#[test]
fn the_quickstart_is_applied_and_then_nothing_changes() {
    let manifests = folder("quickstart");
    let apply: &[&str] = &["apply", "-f", &manifests];
    let diff: &[&str] = &["diff", "-f", &manifests];
    session(&examples().join("quickstart/expected.txt"), &[diff, apply, apply, diff]);
}

#[test]
fn each_partner_type_has_an_example_that_is_applied() {
    let folders: BTreeSet<PathBuf> = fs::read_dir(examples().join("partner-types"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 11, "one folder for each partner type");
    for path in folders {
        let manifests = path.display().to_string();
        let apply: &[&str] = &["apply", "-f", &manifests];
        session(&path.join("expected.txt"), &[apply, apply]);
    }
}

#[test]
fn one_offer_and_a_handful_of_grants_serve_many_customers() {
    let manifests = folder("msp");
    let apply: &[&str] = &["apply", "-f", &manifests];
    session(&examples().join("msp/expected.txt"), &[apply, &["get", "relationships"]]);
}

#[test]
fn roles_are_removed_and_the_relationship_stays() {
    let (before, after) =
        (folder("remove-roles/1-granted"), folder("remove-roles/2-roles-removed"));
    session(
        &examples().join("remove-roles/expected.txt"),
        &[
            &["apply", "-f", &before],
            &["apply", "-f", &after],
            &["apply", "-f", &after, "--prune"],
            &["get", "relationships"],
        ],
    );
}

#[test]
fn an_agreement_alone_is_recorded_and_authorises_nobody() {
    let manifests = folder("agreement-only");
    let apply: &[&str] = &["apply", "-f", &manifests];
    session(&examples().join("agreement-only/expected.txt"), &[apply, apply]);
}

#[test]
fn each_refused_example_is_refused_with_its_message() {
    let mut seen = 0;
    for entry in fs::read_dir(examples().join("refused")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let manifest = path.display().to_string();
        let ran = Place::new().run(&["validate", "-f", &manifest]);
        assert_eq!(ran.code, Some(1), "{manifest}: {}", ran.stderr);
        assert_file(
            &path.with_extension("expected.txt"),
            &shown(&["validate", "-f", &manifest], &ran),
        );
        seen += 1;
    }
    assert!(seen >= 10);
}

#[test]
fn each_shipped_workflow_reviews_with_the_flags_that_it_merges_with() {
    for name in [".github/workflows/access.yaml", ".gitlab-ci.yml", "azure-pipelines.yml"] {
        let text = fs::read_to_string(examples().join("gitops").join(name)).unwrap();
        let flags = |command: &str| -> Vec<Vec<String>> {
            let lines = text.lines().filter_map(|line| line.split_once(command));
            lines
                .map(|(_, words)| {
                    let mut words = words.split_whitespace();
                    let mut flags = Vec::new();
                    while let Some(word) = words.next().filter(|word| !word.starts_with(['>', '|']))
                    {
                        if word == "-o" {
                            words.next();
                        } else {
                            flags.push(word.to_owned());
                        }
                    }
                    flags
                })
                .collect()
        };
        let (review, merge) = (flags("concordat diff "), flags("concordat apply "));
        assert_eq!(review.len(), 1, "{name}");
        assert_eq!(review, merge, "{name}");
        assert!(review[0].contains(&"--prune".to_owned()), "{name}");
    }
}

#[test]
fn every_yaml_file_of_the_examples_belongs_to_one_that_is_run() {
    let known = [
        "quickstart",
        "partner-types",
        "msp",
        "remove-roles",
        "agreement-only",
        "refused",
        "gitops",
    ];
    for entry in fs::read_dir(examples()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(known.contains(&name.as_str()), "nothing runs `examples/{name}`");
    }
}
