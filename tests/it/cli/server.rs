//! The program and a real PostgreSQL server.
//!
//! Never: a password in any answer, complaint or log.

use super::{SECOND_LINE, Team, nothing_changes, says};
use crate::postgres::server;

#[test]
fn a_wrong_password_is_refused_and_not_shown() {
    let team = Team::new();
    let database = server().database("cli");
    let (right, name) = (&database.owner.url, &database.owner.name);
    let wrong = right.replace(&database.owner.password, "hunter2");
    assert_ne!(*right, wrong);
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "m", "-vv", "--store", &wrong]);
        says(&ran, 2, &["refuses the user or the password"]);
        assert!(!format!("{ran:?}").contains("hunter2"), "{name}: {}", ran.stderr);
    }
    for more in ["-vv", "-v"] {
        let ran = team.apply(&[more, "--store", right]);
        says(&ran, 0, &[]);
        assert!(!format!("{ran:?}").contains(&database.owner.password), "{}", ran.stderr);
    }
    nothing_changes(&team.diff(&["--store", right]));
}

#[test]
fn a_reader_is_answered_without_the_persons_and_may_not_apply() {
    let team = Team::new();
    let database = server().database("cli");
    assert_eq!(team.apply(&["--store", &database.owner.url]).code, Some(0));
    server().administer(&database.name, concordat::store::sql::POSTGRES_ROLES);
    let reader = server().login(&database, "reader");
    server().administer(&database.name, &format!("GRANT concordat_reader TO {}", reader.name));
    let with = |words: &[&str]| team.run(&[words, &["--store", &reader.url]].concat());
    nothing_changes(&with(&["diff", "-f", "m"]));
    let why = with(&["why", SECOND_LINE]);
    says(&why, 0, &["a person whose data is not here", "who accepted is not shown"]);
    assert!(!why.stdout.contains("Lovelace"));
    says(&with(&["ledger", "verify"]), 0, &["the ledger is whole"]);
    says(&with(&["history"]), 0, &["#4"]);
    says(&with(&["apply", "-f", "m"]), 2, &["does not allow it"]);
}
