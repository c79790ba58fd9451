//! `ledger`: whole or not, from which entry on, and what is kept of a person.
//!
//! Never: a ledger that somebody changed and that looks whole.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Command};

use serde_json::Value;

use super::{FABRIKAM, FIRST_LINE, SECOND_LINE, Team, says};
use crate::program::{finished, root};

/// Makes the ledger's own guard look away.
const UNGUARDED: &str = "DROP TRIGGER ledger_is_not_changed; DROP TRIGGER ledger_is_not_shortened; \
                         DROP INDEX ledger_by_change;";

#[test]
fn an_entry_that_was_changed_removed_or_cannot_be_read_is_named() {
    let cases = [
        ("UPDATE ledger SET time_ms = time_ms + 1 WHERE sequence = 2", "entry 2"),
        ("UPDATE ledger SET payload = '{}' WHERE sequence = 3", "entry 3"),
        ("UPDATE ledger SET subject = 'other' WHERE sequence = 1", "entry 1"),
        ("DELETE FROM ledger WHERE sequence = 2", "entry 2"),
        ("DELETE FROM ledger WHERE sequence = 4", "entry 4"),
        ("DELETE FROM ledger", "entry 1"),
        ("UPDATE ledger SET sequence = 9 WHERE sequence = 4", "entry 4"),
        ("UPDATE ledger SET kind = 'Nonsense' WHERE sequence = 3", "entry 3"),
        ("UPDATE ledger SET hash = 'zz' WHERE sequence = 3", "entry 3"),
        ("UPDATE ledger SET actor = 'null' WHERE sequence = 2", "entry 2"),
        ("UPDATE ledger SET intent = '[' WHERE sequence = 4", "entry 4"),
        ("UPDATE ledger_head SET hash = replace(hash, substr(hash, 1, 8), '00000000')", "entry 4"),
    ];
    let team = Team::applied();
    let path = team.place.path().join("concordat.db");
    let whole = fs::read(&path).unwrap();
    for (statement, expected) in cases {
        fs::write(&path, &whole).unwrap();
        for end in ["-wal", "-shm"] {
            let _ = fs::remove_file(team.place.path().join(format!("concordat.db{end}")));
        }
        team.sql(&format!("{UNGUARDED}{statement}"));
        let ran = team.run(&["ledger", "verify"]);
        assert_eq!(ran.code, Some(1), "{statement}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(&format!("error: {expected}:")), "{statement}: {}", ran.stdout);
        let json = team.run(&["ledger", "verify", "-o", "json"]);
        let verdict: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(format!("entry {}", verdict["fault"]["sequence"]), expected, "{statement}");
    }
}

#[test]
fn a_token_in_the_place_of_a_name_is_not_kept_for_ever() {
    let team = Team::new();
    let mut apply = team.place.command(&["apply", "-f", "m"]);
    apply.env("CONCORDAT_ACTOR", "ghp_hunter2hunter2hunter2").env("GITHUB_ACTOR", "x:hunter2@h");
    assert_eq!(finished(apply, b"").code, Some(0));
    let export = team.place.run(&["ledger", "export"]);
    assert!(export.stdout.contains("\"tester\""), "{}", export.stdout);
    assert!(!export.stdout.contains("hunter2"), "{}", export.stdout);
}

#[test]
fn a_head_that_was_kept_elsewhere_shows_a_cut_tail() {
    let team = Team::applied();
    let verdict: Value =
        serde_json::from_str(&team.run(&["ledger", "verify", "-o", "json"]).stdout).unwrap();
    let head = verdict["wholeUntil"]["hash"].as_str().unwrap().to_owned();
    says(&team.run(&["ledger", "verify", "--head", &head]), 0, &["is entry 4; 0 follow it"]);
    team.edit("grants.yaml", "  - Message Center Reader\n", "");
    says(&team.apply(&[]), 0, &["1 lost"]);
    says(&team.run(&["ledger", "verify", "--head", &format!("4:{head}")]), 0, &["1 follow it"]);
    let later: Value =
        serde_json::from_str(&team.run(&["ledger", "verify", "-o", "json"]).stdout).unwrap();
    let later = later["wholeUntil"]["hash"].as_str().unwrap();
    team.sql(&format!(
        "{UNGUARDED} DELETE FROM ledger WHERE sequence = 5; \
         UPDATE ledger_head SET sequence = 4, hash = '{head}'"
    ));
    // The rows still say what the entry did.
    says(&team.run(&["ledger", "verify"]), 1, &["of `assignments`: no entry gave it", "[C0710]"]);
    says(&team.run(&["ledger", "verify", "--head", later]), 1, &[&later[..12]]);
}

#[test]
fn an_export_is_verified_without_the_store() {
    let team = Team::applied();
    says(&team.run(&["ledger", "export", "--write", "l.ndjson"]), 0, &[]);
    let printed = team.run(&["ledger", "export"]).stdout;
    let path = team.place.path().join("l.ndjson");
    assert_eq!(fs::read_to_string(&path).unwrap(), printed);
    assert!(printed.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    says(&team.run(&["ledger", "verify", "--file", "l.ndjson"]), 0, &["entries 1 to 4"]);
    says(&team.run(&["ledger", "export", "--write", "l.ndjson"]), 2, &["cannot be made"]);
    fs::write(&path, printed.replacen("GlobalAdministrator", "BillingAdministrator", 1)).unwrap();
    says(&team.run(&["ledger", "verify", "--file", "l.ndjson"]), 1, &["entry 2"]);
    fs::write(&path, [printed.as_str(), "{\"cut"].concat()).unwrap();
    says(&team.run(&["ledger", "verify", "--file", "l.ndjson"]), 1, &["entry 5"]);
    fs::write(&path, "").unwrap();
    says(&team.run(&["ledger", "verify", "--file", "l.ndjson"]), 2, &["holds no entry"]);
}

#[test]
fn a_head_counts_with_the_number_that_was_kept_with_it() {
    let team = Team::applied();
    let entries: Vec<Value> = team
        .run(&["ledger", "export"])
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let hash = entries[2]["hash"].as_str().unwrap();
    let verify =
        |sequence: u32| team.run(&["ledger", "verify", "--head", &format!("{sequence}:{hash}")]);
    says(&verify(3), 0, &["is entry 3; 1 follow it"]);
    says(&verify(2), 1, &["entry 2", "was kept elsewhere"]);
    for other in [4, 9] {
        let told =
            format!("entry 3: it has the hash {hash}, which was kept as that of entry {other}");
        says(&verify(other), 1, &[&told]);
    }
}

#[test]
fn the_head_of_an_empty_ledger_proves_nothing_and_is_refused() {
    let team = Team::applied();
    let nothing = "0".repeat(64);
    for head in [nothing.clone(), format!("0:{nothing}"), format!("4:{nothing}")] {
        let told = "the head of a ledger that has an entry";
        says(&team.run(&["ledger", "verify", "--head", &head]), 2, &[told]);
    }
}

#[test]
fn an_instant_after_an_entry_says_what_was_changed_outside_tells_what_was_held_then() {
    let reader = "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b";
    let now = || jiff::Timestamp::now().to_string();
    let team = Team::applied();
    let before = now();
    let at = |instant: &str, words: &[&str]| team.run(&[words, &["--as-of", instant]].concat());
    let message_center = ["why", FIRST_LINE, "--role", "Message Center Reader"];
    assert_eq!(at(&before, &message_center).code, Some(0));
    team.sql(&format!("DELETE FROM assignment_roles WHERE role_id = '{reader}'"));
    team.apply(&[]);
    let removed = now();
    let last = team.run(&["ledger", "export"]).stdout.lines().count();
    says(&at(&removed, &message_center), 1, &["removed outside", &format!("entry     #{last} ")]);
    says(&at(&before, &message_center), 0, &["holds Message Center Reader"]);
    let who = ["who-can", "Message Center Reader", "--customer", FABRIKAM];
    assert_eq!(at(&before, &who).code, Some(0));
    assert_eq!(at(&removed, &who).code, Some(1));
    assert!(at(&before, &["get", "grants"]).stdout.contains("Message Center Reader"));
    assert!(!at(&removed, &["get", "grants"]).stdout.contains("Message Center Reader"));
    // What somebody has added is told as what no entry gave.
    team.sql(&format!(
        "INSERT INTO assignment_roles SELECT relationship_id, grantee_id, '{reader}', until_ms \
         FROM assignment_roles WHERE grantee_id = '{SECOND_LINE}'"
    ));
    team.apply(&[]);
    let added = ["why", SECOND_LINE, "--role", "Message Center Reader"];
    assert_eq!(at(&removed, &added).code, Some(1));
    says(&at(&now(), &added), 1, &["holds Message Center Reader", "it was given outside"]);
}

#[test]
fn a_head_is_kept_where_the_ledger_goes_on_from_the_one_before_and_not_elsewhere() {
    let workflows = [".github/workflows/access.yaml", "azure-pipelines.yml", ".gitlab-ci.yml"];
    for workflow in workflows {
        let path = root().join("examples/gitops").join(workflow);
        let document: Value = serde_yaml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let team = Team::applied();
        let kept = |head: &str, applied: &str| run_apply_job(&team, &document, head, applied);
        let first = kept("", "0");
        assert!(first.1.contains("4:"), "{workflow}: {first:?}");
        let head = first.1.split([' ', '=']).find(|word| word.starts_with("4:")).unwrap().trim();
        let again = kept(head, "0");
        assert_eq!(again, (true, first.1.clone()), "{workflow}");
        let waiting = kept(head, "1");
        assert_eq!(waiting, (false, first.1.clone()), "{workflow}: something waits");
        let other = format!("4:{}", "a".repeat(64));
        for applied in ["0", "1"] {
            let forged = kept(&other, applied);
            assert_eq!(forged, (false, String::new()), "{workflow}: the ledger was rewritten");
        }
        team.sql(&format!("{UNGUARDED}UPDATE ledger SET time_ms = 1 WHERE sequence = 1"));
        for head in ["", head] {
            assert_eq!(kept(head, "0"), (false, String::new()), "{workflow}: the chain is broken");
        }
        let empty = Team::new();
        empty.write("grants.yaml", "");
        let unanswered = run_apply_job(&empty, &document, "", "2");
        assert_eq!(unanswered, (false, String::new()), "{workflow}: there is no store");
    }
}

/// Runs what a workflow does on the default branch once the boundaries are there, as its runner does, where `apply`
/// exits like this. Gives whether all went well, and what the variable was set with.
fn run_apply_job(team: &Team, workflow: &Value, head: &str, applied: &str) -> (bool, String) {
    let at = |name: &str| team.place.path().join(name);
    let _ = fs::remove_file(at("set"));
    let stub = "#!/bin/sh\necho \"$@\" >> set\n".to_owned();
    let concordat = format!(
        "#!/bin/sh\n[ \"$1\" = apply ] && exit {applied}\nexec {} \"$@\"\n",
        crate::program::BINARY
    );
    for (name, text) in [("gh", &stub), ("az", &stub), ("curl", &stub), ("concordat", &concordat)] {
        let path = team.place.write(&format!("bin/{name}"), text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let shell = |flags: &str, script: &str| {
        let mut command = Command::new("bash");
        team.place.prepare(&mut command);
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        command.args(["--noprofile", "--norc", flags, "-c", script]);
        command.env("PATH", path).env("LEDGER_HEAD", head).env("LEDGER_GROUP", "1");
        finished(command, b"").code == Some(0)
    };
    let jobs = &workflow["jobs"];
    let (steps, flags) = if let Some(script) = workflow["apply"]["script"].as_array() {
        let lines: Vec<&str> = script.iter().map(|line| line.as_str().unwrap()).collect();
        let well = shell("-e", &format!("set -o pipefail\n{}", lines.join("\n")));
        return (well, fs::read_to_string(at("set")).unwrap_or_default());
    } else if let Some(steps) = jobs["apply"]["steps"].as_array() {
        (steps, "-e")
    } else {
        (jobs[1]["steps"].as_array().unwrap(), "+e")
    };
    let mut well = true;
    for step in steps {
        let script = step["run"].as_str().or(step["script"].as_str()).unwrap_or_default();
        let condition = step["if"].as_str().or(step["condition"].as_str()).unwrap_or_default();
        let is_due =
            condition == "always()" || well && (!condition.contains("''") || !head.is_empty());
        if is_due && script.contains("concordat ") {
            well &= shell(flags, script);
        }
    }
    (well, fs::read_to_string(at("set")).unwrap_or_default())
}

#[test]
fn an_erased_person_is_named_nowhere_and_the_ledger_is_true() {
    let team = Team::applied();
    says(&team.run(&["why", SECOND_LINE]), 0, &["Ada Lovelace <ada@fabrikam.example>"]);
    let ran = team.run(&["ledger", "erase", "ada@fabrikam.example", "--yes"]);
    says(&ran, 0, &["Erased what was kept of 1 acceptance"]);
    says(&team.run(&["ledger", "verify"]), 0, &["the ledger is whole", "1 erased"]);
    let why = team.run(&["why", SECOND_LINE]);
    says(&why, 0, &["a person whose data is not here"]);
    assert!(!why.stdout.contains("Lovelace"));
    for entry in fs::read_dir(team.place.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let name = b"Lovelace";
            assert!(!bytes.windows(name.len()).any(|window| window == name), "{}", path.display());
        }
    }
    says(&team.run(&["ledger", "erase", "ada@fabrikam.example", "--yes"]), 2, &["nothing is kept"]);
}

#[test]
fn erasing_where_nothing_is_makes_no_store() {
    let team = Team::new();
    says(&team.run(&["ledger", "erase", "a@b.example", "--yes"]), 2, &["there is no store"]);
    assert!(!team.place.path().join("concordat.db").exists());
}

#[test]
fn one_entry_is_shown_by_its_number() {
    let team = Team::applied();
    let ran = team.run(&["ledger", "show", "2"]);
    says(&ran, 0, &["sequence: 2", "kind: Authorised"]);
    assert!(!ran.stdout.contains("---"), "{}", ran.stdout);
    says(&team.run(&["ledger", "show", "--last", "2"]), 0, &["sequence: 3", "sequence: 4"]);
}
