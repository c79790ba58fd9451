//! What is typed wrong, and what is asked for first.
//!
//! Never: exit code 1 for something that could not be understood.

use std::fs;

use super::{Team, says};
use crate::program::{Place, root};

const COMMANDS: [&str; 15] = [
    "validate",
    "diff",
    "apply",
    "get",
    "offer",
    "accept",
    "roles",
    "why",
    "who-can",
    "history",
    "ledger",
    "emulate",
    "explain",
    "crd",
    "completions",
];

#[test]
fn every_command_has_help_on_standard_output() {
    let place = Place::new();
    let all = place.run(&["--help"]);
    for command in COMMANDS {
        assert!(all.stdout.contains(&format!("\n  {command}")), "{command}");
        let ran = place.run(&[command, "--help"]);
        says(&ran, 0, &["Usage: concordat"]);
        assert_eq!(ran.stderr, "", "{command}");
    }
}

#[test]
fn a_word_of_another_tool_leads_to_the_command_that_does_it() {
    let team = Team::new();
    let cases: &[(&[&str], &str)] = &[
        (&["plan", "-f", "m"], "`concordat diff` shows what"),
        (&["preview"], "`concordat diff` shows what"),
        (&["apply", "-f", "m", "--dry-run"], "`concordat diff` shows what"),
        (&["apply", "-f", "m", "--dry-run=server"], "`concordat diff` shows what"),
        (&["validate", "-f", "m", "--dry-run=client"], "`concordat diff` shows what"),
        (&["destroy", "-f", "m"], "concordat apply --prune"),
        (&["apply", "-f", "m", "--auto-approve"], "--approve HASH"),
        (&["apply", "-f", "m", "-y"], "--approve HASH"),
        (&["diff", "-f", "m", "--out", "plan"], "-o json > plan.json"),
        (&["diff", "-f", "m", "-R"], "a folder is read with everything in it"),
        (&["lint", "m"], "`concordat validate`"),
        (&["show"], "`concordat get`"),
    ];
    for (words, expected) in cases {
        let ran = team.run(words);
        says(&ran, 2, &[expected]);
        assert!(!ran.stderr.contains("a similar"), "{}", ran.stderr);
    }
    assert!(!team.place.path().join("concordat.db").exists());
    says(&team.run(&["aply", "-f", "m"]), 2, &["a similar subcommand exists: 'apply'"]);
}

#[test]
fn a_code_is_explained_as_it_is_printed() {
    let place = Place::new();
    let page = place.run(&["explain", "C0308"]);
    says(&page, 0, &["# "]);
    for code in ["[C0308]", "C0308:", "(c0308)", "`C0308`", "error[C0308]", "308", "C-0308"] {
        assert_eq!(place.run(&["explain", code]), page, "{code}");
    }
}

#[test]
fn what_cannot_be_understood_is_exit_code_2_and_nothing_on_standard_output() {
    let team = Team::applied();
    let cases: &[&[&str]] = &[
        &[],
        &["frobnicate"],
        &["validate"],
        &["validate", "-f", "m", "-o", "html"],
        &["validate", "-f", "m", "-n", "Not A Namespace"],
        &["diff", "-f", "m", "--fail-on", "everything"],
        &["diff", "-f", "m", "--store", "concordat.db"],
        &["apply", "-f", "m", "--approve", "0123456789ab"],
        &["get", "customers"],
        &["get", "grants", "-o", "sarif"],
        &["get", "grants", "--as-of", "yesterday"],
        &["get", "grants", "--as-of", "2999-01-01T00:00:00Z"],
        &["get", "relationships", "nobody"],
        &["offer", "nothing", "-f", "m"],
        &["roles", "show", "Nobody"],
        &["roles", "solve"],
        &["roles", "solve", "users/fly"],
        &["why", "somebody"],
        &["who-can", "fly", "--customer", super::FABRIKAM],
        &["ledger", "show", "0"],
        &["ledger", "show", "99"],
        &["ledger", "show", "--", "-9223372036854775808"],
        &["ledger", "verify", "--file", "missing.ndjson"],
        &["ledger", "verify", "--head", "0123456789ab"],
        &["ledger", "erase", "nobody"],
        &["ledger", "erase", "ada@fabrikam.example"],
        &["explain", "C9999"],
        &["completions", "cmd"],
        &["crd", "-o", "text"],
    ];
    for words in cases {
        let ran = team.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}: {}{}", ran.stdout, ran.stderr);
        assert_eq!(ran.stdout, "", "{words:?}");
        assert!(ran.stderr.len() > 10, "{words:?}");
    }
}

#[test]
fn a_form_that_an_answer_does_not_have_is_not_offered() {
    let place = Place::new();
    let why = place.run(&["why", "--help"]).stdout;
    assert!(why.contains("json") && !why.contains("sarif"), "{why}");
    let roles = place.run(&["roles", "list", "--help"]).stdout;
    assert!(roles.contains("markdown") && !roles.contains("junit"), "{roles}");
}

#[test]
fn a_near_miss_gets_a_suggestion() {
    let place = Place::new();
    says(&place.run(&["roles", "show", "Helpdesk Admin"]), 2, &["did you mean `Helpdesk Admin"]);
    says(&place.run(&["explain", "C0031"]), 2, &["did you mean", "`C0021`"]);
    says(&place.run(&["vaildate"]), 2, &["validate"]);
    assert_eq!(place.run(&["explain", "101"]), place.run(&["explain", "c0101"]));
}

#[test]
fn every_code_that_is_listed_is_explained() {
    let place = Place::new();
    let list = place.run(&["explain"]);
    assert_eq!(list.code, Some(0));
    let pages = fs::read_dir(root().join("src/domain/pages")).unwrap().count();
    assert_eq!(list.stdout.lines().count(), pages);
    let fewer = list.stdout.lines().step_by(7);
    for code in fewer.map(|line| line.split(' ').next().unwrap()) {
        says(&place.run(&["explain", code]), 0, &["# "]);
    }
}

#[test]
fn definitions_are_those_of_the_folder() {
    let ran = Place::new().run(&["crd"]);
    let mut files: Vec<_> =
        fs::read_dir(root().join("crds")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let body: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert!(ran.stdout.contains(&body.join("\n")), "{}", file.display());
    }
}

#[test]
fn each_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        says(&Place::new().run(&["completions", shell]), 0, &["who-can", "ledger"]);
    }
}

#[test]
fn a_password_in_a_mistyped_store_is_never_shown() {
    let team = Team::applied();
    let words =
        ["hunter2@h/db", "hunter2@h:99999/db", "hunter2@", "hunter2@127.0.0.1:1/db?x=hunter2"];
    for scheme in ["postgres://u:", "mysql://u:", "postgrex:u:", "u:", "//u:"] {
        for rest in words {
            let store = format!("{scheme}{rest}");
            for words in [&["get", "grants", "-vv", "--store", &store][..], &["diff", &store]] {
                let ran = team.run(words);
                assert_eq!(ran.code, Some(2), "{words:?}");
                assert!(!format!("{ran:?}").contains("hunter2"), "{words:?}: {}", ran.stderr);
            }
            let mut command = team.place.command(&["history", "-vv"]);
            command.env("CONCORDAT_STORE", &store);
            let ran = crate::program::finished(command, b"");
            assert!(!format!("{ran:?}").contains("hunter2"), "{store}: {}", ran.stderr);
        }
    }
    let typo = "postgres://u:hunter2@127.0.0.1:1/db?sslmod=verify-full";
    says(&team.run(&["history", "--store", typo]), 2, &["setting that nobody knows: `sslmod`"]);
    let help = {
        let mut command = team.place.command(&["diff", "--help"]);
        command.env("CONCORDAT_STORE", "postgres://u:hunter2@h/db");
        crate::program::finished(command, b"")
    };
    assert!(!help.stdout.contains("hunter2"));
}

#[test]
fn colour_is_for_terminals_and_for_whom_asks() {
    let team = Team::unanswered();
    let escape = '\u{1b}';
    assert!(!team.diff(&[]).stdout.contains(escape));
    assert!(team.diff(&["--color", "always"]).stdout.contains(escape));
    let words = ["diff", "-f", "m"];
    assert!(team.on_terminal(&words, "").stdout.contains(escape));
    assert!(
        !team.on_terminal(&["diff", "-f", "m", "--color", "never"], "").stdout.contains(escape)
    );
}

#[test]
fn an_import_is_written_to_a_folder_and_says_so_where_a_form_was_meant() {
    let place = Place::new();
    for form in ["json", "yaml", "text"] {
        let ran = place.run(&["import", "--store", "graph:graph.yaml", "-o", form]);
        assert_eq!(ran.code, Some(2), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("the folder for them"), "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("`./{form}`")), "{}", ran.stderr);
    }
    let ran = place.run(&["import", "--store", "graph:graph.yaml", "-o", "./json"]);
    assert!(!ran.stderr.contains("the folder for them"), "{}", ran.stderr);
}
