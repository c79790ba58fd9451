//! Stores that are not there, are something else, or do not answer.
//!
//! Never: a store made or changed by looking.

use std::{fs, time::Instant};

use super::{Team, nothing_changes, says};

#[test]
fn diff_before_the_store_exists_shows_everything_and_makes_nothing() {
    let team = Team::new();
    says(&team.diff(&[]), 1, &["does not exist yet", "3 to gain"]);
    assert!(
        fs::read_dir(team.place.path()).unwrap().all(|entry| entry.unwrap().file_name() == "m")
    );
    says(&team.apply(&[]), 0, &["3 gained"]);
    nothing_changes(&team.diff(&[]));
}

#[test]
fn what_is_no_store_is_refused_and_left_as_it_was() {
    let team = Team::new();
    team.place.write("text.db", "hello\n");
    team.place.write("folder.db/file", "");
    for command in ["diff", "apply"] {
        let with = |store: &str| team.run(&[command, "-f", "m", "--store", store]);
        says(&with("sqlite:text.db"), 2, &["`sqlite:text.db` is not a Concordat store"]);
        assert_eq!(fs::read(team.place.path().join("text.db")).unwrap(), b"hello\n");
        says(&with("sqlite:folder.db"), 2, &["`sqlite:folder.db`"]);
        says(&with("sqlite:missing/a.db"), 2, &["there is no folder `missing`"]);
        says(&with("sqlite::memory:"), 2, &["a store is `sqlite:PATH`"]);
        says(&with("sqlite:a.db?mode=ro"), 2, &["a store is `sqlite:PATH`"]);
        says(&with("graph://"), 2, &["a store is `sqlite:PATH`"]);
    }
}

#[test]
fn the_store_of_another_program_is_left_alone() {
    let team = Team::new();
    fs::write(team.place.path().join("concordat.db"), b"").unwrap();
    team.sql("CREATE TABLE things (a)");
    let before = fs::read(team.place.path().join("concordat.db")).unwrap();
    says(&team.diff(&[]), 2, &["is not a Concordat store"]);
    says(&team.apply(&[]), 2, &["is not a Concordat store"]);
    assert_eq!(fs::read(team.place.path().join("concordat.db")).unwrap(), before);
}

#[test]
fn two_slashes_in_the_name_of_a_store_do_not_lead_elsewhere() {
    let team = Team::applied();
    nothing_changes(&team.diff(&["--store", "sqlite://concordat.db"]));
}

#[test]
fn a_server_that_does_not_answer_is_told_fast_and_without_the_password() {
    let team = Team::new();
    let began = Instant::now();
    for command in ["diff", "apply"] {
        let store = "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable";
        let ran = team.run(&[command, "-f", "m", "--store", store]);
        says(&ran, 2, &["`postgres://127.0.0.1:1/db` cannot be reached"]);
        assert!(!format!("{ran:?}").contains("hunter2"));
        assert_eq!(ran.stdout, "");
    }
    assert!(began.elapsed().as_secs() < 20);
}
