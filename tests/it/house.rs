//! The rules of the house that a program can check.
//!
//! Never: a rule that no sample breaks; each checker is shown a text that it must refuse.

use crate::sources::{CodePath, Kind, Source, below};

/// A rule looks at one file and names what breaks it, each with its place.
type Rule = fn(&Source) -> Vec<String>;

/// Applies a rule to the files of some folders and names every offender.
#[track_caller]
fn holds(folders: &[&str], rule: Rule) {
    let sources: Vec<_> = folders.iter().flat_map(|folder| below(folder)).collect();
    assert!(!sources.is_empty(), "no sources were found");
    let found: Vec<_> = sources.iter().flat_map(rule).collect();
    assert!(found.is_empty(), "{} to mend:\n{}", found.len(), found.join("\n"));
}

/// Shows a rule what it must refuse and what it must let pass.
#[track_caller]
fn tells(rule: Rule, bad: &[(&str, &str)], good: &[(&str, &str)]) {
    for (name, text) in bad {
        assert!(!rule(&Source::new(name, text)).is_empty(), "{name} was let pass: {text}");
    }
    for (name, text) in good {
        assert_eq!(rule(&Source::new(name, text)), [""; 0], "{name} was refused: {text}");
    }
}

const EVERYWHERE: [&str; 3] = ["src", "tests", "benches"];

fn opening(source: &Source) -> Vec<String> {
    let lines: Vec<_> = source
        .text
        .lines()
        .take_while(|line| line.starts_with("//!"))
        .map(|line| line.trim_start_matches("//!").trim())
        .collect();
    let mut found = Vec::new();
    if lines.first().is_none_or(|line| line.is_empty() || line.starts_with("Never:")) {
        found.push(format!("{}: does not open with `//!` and what it is for", source.at(1)));
    }
    let words = lines.join(" ");
    if !words.starts_with("Never: ") && !words.contains(" Never: ") {
        found.push(format!("{}: its opening has no sentence `Never: …`", source.at(1)));
    }
    found
}

#[test]
fn every_file_says_what_it_is_for_and_what_never_happens_there() {
    holds(&EVERYWHERE, opening);
    tells(
        opening,
        &[
            ("src/a.rs", "use a;"),
            ("src/a.rs", "//! Words.\n"),
            ("src/a.rs", "//! Never: words.\n"),
            ("src/a.rs", "//! Words.\n\n//! Never: after a gap.\n"),
            ("src/a.rs", "// Words.\n//! Never: late.\n"),
        ],
        &[("src/a.rs", "//! Words.\n//!\n//! Never: words.\n"), ("src/a.rs", "//! A. Never: b.\n")],
    );
}

fn names(source: &Source) -> Vec<String> {
    let empty = ["utils", "util", "common", "helpers", "helper", "types", "misc"];
    let mut found = Vec::new();
    let parts = source.name.trim_end_matches(".rs").split('/');
    if let Some(part) = parts.into_iter().find(|part| empty.contains(part)) {
        found.push(format!("{}: `{part}` says nothing about what is in it", source.at(1)));
    }
    for pair in source.code().windows(2) {
        if pair[0].text == "mod" && empty.contains(&pair[1].text.as_str()) {
            let place = source.at(pair[1].line);
            found.push(format!("{place}: `{}` says nothing about what is in it", pair[1].text));
        }
    }
    found
}

#[test]
fn no_module_has_a_name_that_fits_anything() {
    holds(&EVERYWHERE, names);
    tells(
        names,
        &[
            ("src/utils.rs", ""),
            ("src/cli/common/mod.rs", ""),
            ("tests/it/misc.rs", ""),
            ("src/a.rs", "mod helpers {}"),
            ("src/a.rs", "pub mod types;"),
        ],
        &[("src/domain/partner_type.rs", "use std::types; // mod utils")],
    );
}

/// Two levels below a top module, as in `domain/catalogue/solve.rs`; a file of tests may stand one deeper.
fn depth(source: &Source) -> Vec<String> {
    let mut module = source.module();
    if module.last().is_some_and(|last| last == "tests") {
        module.pop();
    }
    let too_deep = module.len() > 3;
    let complaint = || format!("{}: `{}` is too deep", source.at(1), module.join("::"));
    too_deep.then(complaint).into_iter().collect()
}

#[test]
fn modules_go_no_deeper_than_two_levels_below_a_top_module() {
    holds(&["src"], depth);
    tells(
        depth,
        &[("src/a/b/c/d.rs", ""), ("src/a/b/c/d/mod.rs", "")],
        &[("src/a/b/c.rs", ""), ("src/a/b/c/mod.rs", ""), ("src/a/b/c/tests.rs", "")],
    );
}

/// Paths of the file that a test objects to.
fn paths(source: &Source, objects: impl Fn(&CodePath) -> bool, why: &str) -> Vec<String> {
    let bad = source.paths().into_iter().filter(objects);
    bad.map(|path| format!("{}: `{}`: {why}", source.at(path.line), path.segments.join("::")))
        .collect()
}

/// Calls of macros with one of these names.
fn macros(source: &Source, listed: &[&str], why: &str) -> Vec<String> {
    let code = source.code();
    let bad = code.windows(3).filter(|next| {
        // `a!=b` is a comparison.
        listed.contains(&next[0].text.as_str())
            && next[1].text == "!"
            && matches!(next[2].text.as_str(), "(" | "[" | "{")
    });
    bad.map(|next| format!("{}: `{}!`: {why}", source.at(next[0].line), next[0].text)).collect()
}

fn is_in(source: &Source, modules: &[&str]) -> bool {
    source.module().first().is_some_and(|module| modules.contains(&module.as_str()))
}

fn purity(source: &Source) -> Vec<String> {
    if !is_in(source, &["domain", "api"]) {
        return Vec::new();
    }
    let words = [
        "async",
        "await",
        "tokio",
        "futures",
        "sqlx",
        "rand",
        "getrandom",
        "tracing",
        "log",
        "SystemTime",
        "new_v4",
        "now_v7",
    ];
    let parts = ["env", "fs", "io", "net", "process", "thread"];
    let clocks = ["Timestamp", "Zoned", "Instant", "SystemTime"];
    let objects = |path: &CodePath| {
        let segments: Vec<_> = path.segments.iter().map(String::as_str).collect();
        match segments[..] {
            ["std", part, ..] if parts.contains(&part) => true,
            ["std", "time", "Instant", ..] | ["std" | "jiff", "*"] => true,
            [word] => matches!(word, "async" | "await"),
            _ => {
                segments.iter().any(|segment| words.contains(segment))
                    || segments.windows(2).any(|pair| clocks.contains(&pair[0]) && pair[1] == "now")
            }
        }
    };
    let why = "the domain has no async, clock, environment, randomness, logging or I/O";
    let mut found = paths(source, objects, why);
    found.extend(macros(source, &["println", "eprintln", "print", "eprint"], why));
    found
}

#[test]
fn the_domain_is_pure() {
    holds(&["src"], purity);
    let bad = [
        "async fn f() {}",
        "fn f() { x.await }",
        "fn f() { Timestamp::now() }",
        "fn f() { jiff::Zoned::now() }",
        "use std::time::SystemTime;",
        "use std::time::{Duration, Instant};",
        "use std::{fmt, env};",
        "use std::{collections::{BTreeMap}, fs::{self, File}};",
        "fn f() { ::std::io::stdin() }",
        "fn f() { rand::random() }",
        "use tracing::info;",
        "fn f() { tracing::info!(\"x\") }",
        "fn f() { println!(\"x\") }",
        "fn f() { Uuid::new_v4() }",
    ];
    let bad = bad.map(|text| ("src/domain/a.rs", text));
    let good = [
        ("src/domain/a.rs", "// async Timestamp::now()\nfn f(now: Timestamp) { \"std::env\" }"),
        ("src/domain/a.rs", "const A: &str = include_str!(concat!(env!(\"X\"), \"a\"));"),
        ("src/domain/a.rs", "use std::{fmt, str::FromStr, time::Duration}; fn f(log: Log) {}"),
        ("src/store/mod.rs", "async fn f() { Timestamp::now() }"),
    ];
    tells(purity, &bad, &good);
}

fn whole_errors(source: &Source) -> Vec<String> {
    if is_in(source, &["cli", "main"]) {
        return Vec::new();
    }
    let why = "the library has errors with names; `anyhow` is for `cli` and `main`";
    paths(source, |path| path.segments[0] == "anyhow", why)
}

#[test]
fn anyhow_is_known_to_the_shell_only() {
    holds(&["src"], whole_errors);
    tells(
        whole_errors,
        &[("src/store/mod.rs", "use anyhow::Context;"), ("src/lib.rs", "fn f() { anyhow!(\"\") }")],
        &[("src/cli/diff.rs", "use anyhow::Context;"), ("src/main.rs", "use anyhow::Result;")],
    );
}

fn yaml(source: &Source) -> Vec<String> {
    if is_in(source, &["manifest"]) {
        return Vec::new();
    }
    paths(source, |path| path.segments[0] == "serde_yaml", "YAML goes through `manifest`")
}

#[test]
fn yaml_is_read_and_written_by_manifest_only() {
    holds(&["src"], yaml);
    tells(
        yaml,
        &[
            ("src/cli/get.rs", "serde_yaml::to_string(x)"),
            ("src/render/a.rs", "use serde_yaml as y;"),
        ],
        &[
            ("src/manifest/read.rs", "use serde_yaml::Value;"),
            ("src/manifest.rs", "serde_yaml::a()"),
        ],
    );
}

fn printing(source: &Source) -> Vec<String> {
    if is_in(source, &["cli"]) {
        return Vec::new();
    }
    let listed = ["println", "eprintln", "print", "eprint"];
    let mut found = macros(source, &listed, "only `cli` prints");
    let doors = |path: &CodePath| {
        let segments: Vec<_> = path.segments.iter().map(String::as_str).collect();
        segments.windows(2).any(|pair| pair[0] == "io" && matches!(pair[1], "stdout" | "stderr"))
    };
    found.extend(paths(source, doors, "only `cli` prints"));
    found
}

#[test]
fn only_the_command_line_prints() {
    holds(&["src"], printing);
    tells(
        printing,
        &[
            ("src/main.rs", "fn f() { eprintln!(\"x\") }"),
            ("src/store/mod.rs", "fn f() { std::println!(\"x\") }"),
            ("src/store/mod.rs", "fn f() { io::stdout().write_all(x) }"),
        ],
        &[
            ("src/cli/mod.rs", "fn f() { println!(\"x\") }"),
            ("src/a.rs", "fn f() { if print != 1 {} }"),
        ],
    );
}

fn unfinished(source: &Source) -> Vec<String> {
    let why = "finish it, or file it";
    let mut found = macros(source, &["todo", "unimplemented", "dbg"], why);
    for token in source.tokens.iter().filter(|token| token.kind == Kind::Comment) {
        let marked = token
            .text
            .split(|letter: char| !letter.is_alphanumeric())
            .any(|word| matches!(word, "TODO" | "FIXME" | "XXX" | "HACK"));
        if marked || token.text.contains("(being written)") {
            found.push(format!("{}: {}: {why}", source.at(token.line), token.text.trim()));
        }
    }
    found
}

#[test]
fn nothing_is_left_for_later() {
    holds(&EVERYWHERE, unfinished);
    tells(
        unfinished,
        &[
            ("src/a.rs", "fn f() { todo!() }"),
            ("src/a.rs", "fn f() { unimplemented!(\"x\") }"),
            ("src/a.rs", "fn f() { dbg!(x) }"),
            ("src/a.rs", "// TODO: x"),
            ("src/a.rs", "/* FIXME */"),
        ],
        &[("src/a.rs", "// todo lists are fine\nlet x = \"TODO\";")],
    );
}

fn words(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for token in source.tokens.iter().filter(|token| token.kind == Kind::Word) {
        let why = match token.text.as_str() {
            "HashMap" | "HashSet" => "what is printed, compared or planned has an order",
            word if word.to_lowercase().replace('_', "").contains("dryrun") => {
                "a dry run is not calling `apply`"
            }
            _ => continue,
        };
        found.push(format!("{}: `{}`: {why}", source.at(token.line), token.text));
    }
    found
}

#[test]
fn there_is_no_dry_run_and_no_map_without_an_order() {
    holds(&["src"], words);
    tells(
        words,
        &[
            ("src/a.rs", "fn f(dry_run: bool) {}"),
            ("src/a.rs", "enum A { DryRun }"),
            ("src/a.rs", "use std::collections::HashMap;"),
        ],
        &[("src/a.rs", "// there is no `dry_run`, and no HashMap\nuse a::BTreeMap;")],
    );
}
