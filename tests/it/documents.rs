//! Every command in the README and the documents is run, and prints what the document says it prints.
//!
//! Never: a command in a document that nothing runs.

use std::{fmt::Write as _, fs, path::PathBuf, process::Command};

use regex::Regex;

use crate::{
    emulator::served::started,
    program::{Place, assert_file, finished, root},
};

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

/// Stands before a block that is about a cluster, and run on one.
const ON_A_CLUSTER: &str = "<!-- on a cluster -->";

/// Stands in each section of a document whose commands ask an emulator.
const WITH_AN_EMULATOR: &str = "<!-- with an emulator -->";

/// Which blocks are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocks {
    Plain,
    OnACluster,
}

/// The folder that commands of documents are run in.
pub fn with_examples() -> Place {
    let place = Place::new();
    copy(&root().join("examples"), &place.path().join("examples"));
    place
}

/// The document with the output that its commands give now. Blocks marked `console` are run in order, in surroundings that
/// are the same for all.
pub fn replayed(text: &str, blocks: Blocks, prepare: impl Fn(&mut Command)) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    let mut before = "";
    while let Some(line) = lines.next() {
        writeln!(out, "{line}").unwrap();
        let found = if before == ON_A_CLUSTER { Blocks::OnACluster } else { Blocks::Plain };
        before = line;
        if line != "```console" || found != blocks {
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
            prepare(&mut shell);
            out.push_str(&finished(shell, b"").stdout);
        }
    }
    out
}

/// The text without what differs in each run: the time of the run, and hashes in which that time is.
pub fn lasting(text: &str) -> String {
    let text = &without_ends(text);
    let time = Regex::new(r"(at|#\d+) \d{4}-\d\d-\d\dT[0-9:.]+Z").unwrap();
    let hash = Regex::new(r"(hash|head) [0-9a-f]{12,64}").unwrap();
    let age = Regex::new(r" \d+s *(\n|$)").unwrap();
    let port = Regex::new(r"localhost:\d+").unwrap();
    let text = time.replace_all(text, "$1 TIME");
    let text = age.replace_all(&text, " AGE$1");
    let text = port.replace_all(&text, "localhost:PORT");
    hash.replace_all(&text, "$1 HASH").into_owned()
}

/// The text without the ends of what an emulator holds, which are counted from its start, and hashes of them, in the
/// sections about one.
fn without_ends(text: &str) -> String {
    let end = Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+Z|\b[0-9a-f]{64}\b").unwrap();
    let blanks = Regex::new(" +").unwrap();
    let mut emulated = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        emulated = line == WITH_AN_EMULATOR || emulated && !line.starts_with("## ");
        if !emulated {
            lines.push(line.to_owned());
            continue;
        }
        // Columns are as wide as what stands in them.
        let line = end.replace_all(line, "END");
        lines.push(blanks.replace_all(&line, " ").into_owned());
    }
    lines.join("\n")
}

/// An emulator that ends with the document.
struct Emulated(std::process::Child);

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// As the document says it is started, but for a port that nobody else has.
fn emulator(place: &Place) -> Emulated {
    let words = ["emulate", "--listen", "127.0.0.1:0", "--clock", "0"];
    let (child, url) = started(place, &words);
    assert!(url.starts_with("https://"), "it did not start");
    Emulated(child)
}

#[test]
fn every_command_in_a_document_prints_what_the_document_says() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let place = with_examples();
        let _emulator = text.contains(WITH_AN_EMULATOR).then(|| emulator(&place));
        let replayed = replayed(&text, Blocks::Plain, |shell| place.prepare(shell));
        if lasting(&text) != lasting(&replayed) {
            assert_file(&path, &replayed);
        }
    }
}
