//! Every command in the README and the documents is run, and prints what the document says it prints.
//!
//! Never: a command in a document that nothing runs.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

use regex::Regex;

use crate::program::{Place, assert_file, finished, root};

/// Every document for users.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md")];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        found.push(entry.unwrap().path());
    }
    found.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    found.sort();
    found
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The document with the output that its commands give now. Blocks marked `console` are run in order, in one folder
/// that holds the examples.
fn replayed(text: &str) -> String {
    let place = Place::new();
    copy(&root().join("examples"), &place.path().join("examples"));
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}").unwrap();
        if line != "```console" {
            continue;
        }
        while let Some(line) = lines.next() {
            if line == "```" {
                writeln!(out, "{line}").unwrap();
                break;
            }
            let Some(first) = line.strip_prefix("$ ") else { continue };
            writeln!(out, "{line}").unwrap();
            let mut command = first.to_owned();
            while command.ends_with('\\') {
                let more = lines.next().expect("a command goes on after a backslash");
                writeln!(out, "{more}").unwrap();
                command.pop();
                command.push_str(more);
            }
            let mut shell = Command::new("bash");
            shell.args(["-c", &format!("{{ {command}\n}} 2>&1")]);
            place.prepare(&mut shell);
            out.push_str(&finished(shell, b"").stdout);
        }
    }
    out
}

/// The text without what differs in each run: the time of the run, and hashes in which that time is.
fn lasting(text: &str) -> String {
    let time = Regex::new(r"(at|#\d+) \d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let hash = Regex::new(r"(hash|head) [0-9a-f]{12,64}").unwrap();
    let text = time.replace_all(text, "$1 TIME");
    hash.replace_all(&text, "$1 HASH").into_owned()
}

#[test]
fn every_command_in_a_document_prints_what_the_document_says() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let replayed = replayed(&text);
        if lasting(&text) != lasting(&replayed) {
            assert_file(&path, &replayed);
        }
    }
}
