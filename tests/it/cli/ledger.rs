//! `ledger`: whole or not, from which entry on, and what is kept of a person.
//!
//! Never: a ledger that somebody changed and that looks whole.

use std::fs;

use serde_json::Value;

use super::{SECOND_LINE, Team, says};

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
    says(&team.run(&["ledger", "verify"]), 0, &["the ledger is whole"]);
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
