//! Stores that are not there, are something else, or do not answer.
//!
//! Never: a store made or changed by looking.

use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Instant};

use super::{FABRIKAM, FIRST_LINE, Team, nothing_changes, says};
use crate::program::finished;

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
fn a_command_that_reads_never_answers_from_a_store_that_is_not_there() {
    let team = Team::applied();
    fs::write(team.place.path().join("empty.db"), b"").unwrap();
    let questions: [&[&str]; 9] = [
        &["get", "grants"],
        &["get", "relationships", "-o", "json"],
        &["get", "grants", "--as-of", "2026-01-01T00:00:00Z"],
        &["history"],
        &["why", FIRST_LINE],
        &["who-can", "Helpdesk Administrator", "--customer", FABRIKAM],
        &["ledger", "show"],
        &["ledger", "export"],
        &["ledger", "verify"],
    ];
    for words in questions {
        for store in ["sqlite:conocrdat.db", "sqlite:empty.db"] {
            let ran = team.run(&[words, &["--store", store]].concat());
            says(&ran, 2, &[store, "C0601"]);
            assert_eq!(ran.stdout, "", "{words:?}");
        }
    }
    assert!(!team.place.path().join("conocrdat.db").exists());
    assert_eq!(fs::read(team.place.path().join("empty.db")).unwrap(), b"");
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
        says(&with("graph://"), 2, &["Microsoft Graph is `graph:FILE`"]);
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

#[test]
fn what_is_no_name_of_a_store_is_told_with_what_to_write_and_never_quoted() {
    let team = Team::new();
    let cases = [
        ("jdbc:postgresql://h/hunter2", "leave out what stands before it"),
        ("postgresql+psycopg2://u:hunter2@h/d", "between `postgresql` and `://`"),
        ("psql 'postgresql://u:hunter2@h/d'", "leave out what stands before it"),
        ("'postgres://u:hunter2@h/d'", "without quotation marks"),
        ("hunter2.db", "write `sqlite:` before the path"),
        ("file:///hunter2.db", "write `sqlite:` before the path"),
        ("~/hunter2.db", "write `sqlite:` before the path"),
        ("sqlite:~/hunter2.db", "write `sqlite:$HOME/…`"),
        (":memory:", "would be gone at the end of the command"),
        ("sqlite::memory:", "would be gone at the end of the command"),
        ("sqlite:hunter2.db?mode=ro", "without settings"),
        ("sqlite:", "the name of the file is missing"),
        ("cluster:hunter2", "the cluster is `cluster:` and nothing else"),
        (
            "mysql://u:hunter2@h/d",
            "a store is `sqlite:PATH`, `postgres://HOST/DATABASE`, `graph:FILE` or `cluster:`",
        ),
        ("graph://u:hunter2@h", "Microsoft Graph is `graph:FILE`"),
        ("graph:~/hunter2.yaml", "write `$HOME`"),
        ("postgres://u:hun/ter2@h/d", "`%2F` for `/`"),
        ("postgres://u:hunter2@h1,h2/d", "it names several hosts"),
        ("postgres://u:hunter2@::1/d", "stands in brackets"),
        ("postgres://u:hunter2@h:x/d", "its port is no number"),
        ("postgres://u:[YOUR-PASSWORD]@h/d", "still a placeholder"),
        (
            "postgres://u:hunter2@h/d?channel_binding=require",
            "`channel_binding=require` is not supported: leave it out",
        ),
        ("postgres://u:hunter2@h/d?sslmode=on", "`sslmode` is one of `disable`"),
        ("postgres://u:hunter2@h/d?sslmod=require", "did you mean `sslmode`?"),
        ("postgres://u:hunter2@h/d?schema=hunter2", "the tables stand in the schema `concordat`"),
    ];
    for (store, expected) in cases {
        let mut by_variable = team.place.command(&["get", "grants", "-vv"]);
        by_variable.env("CONCORDAT_STORE", store);
        for ran in [team.run(&["diff", "-f", "m", "--store", store]), finished(by_variable, b"")] {
            says(&ran, 2, &[expected]);
            assert!(
                !ran.stderr.contains("C0614") && !ran.stderr.contains("ter2"),
                "{}",
                ran.stderr
            );
        }
    }
    let files = fs::read_dir(team.place.path()).unwrap();
    assert!(files.into_iter().all(|entry| entry.unwrap().file_name() == "m"));
}

/// Runs the program where nothing can be written below `folder`, and nowhere else.
fn mounted_read_only(team: &Team, folder: &str, words: &str) -> crate::program::Ran {
    let mut command = Command::new("unshare");
    let line = format!(
        "mount --bind {folder} {folder} && mount -o remount,bind,ro {folder} {folder} && exec concordat {words}"
    );
    command.args(["-rm", "sh", "-c", &line]);
    team.place.prepare(&mut command);
    finished(command, b"")
}

#[test]
fn a_log_that_cannot_be_read_where_nothing_can_be_written_is_named_with_the_way_out() {
    let team = Team::new();
    fs::create_dir(team.place.path().join("st")).unwrap();
    says(&team.apply(&["--store", "sqlite:st/c.db"]), 0, &[]);
    let diff = |team: &Team| mounted_read_only(team, "st", "diff -f m --store sqlite:st/c.db");
    // Without a log it is read there as anywhere.
    nothing_changes(&diff(&team));
    let apply = mounted_read_only(&team, "st", "apply -f m --store sqlite:st/c.db");
    says(&apply, 2, &["its file system is mounted to be read only"]);
    fs::write(team.place.path().join("st/c.db-wal"), [0_u8; 64]).unwrap();
    let ran = diff(&team);
    says(&ran, 2, &["its log `st/c.db-wal`", "copy both to such a place"]);
    assert!(!ran.stderr.contains("unable to open"), "{}", ran.stderr);
}

#[test]
fn what_only_stands_where_a_file_belongs_is_called_what_it_is() {
    let team = Team::new();
    team.place.write("folder.db/file", "");
    let path = |name: &str| team.place.path().join(name);
    std::os::unix::fs::symlink("loop.db", path("loop.db")).unwrap();
    assert!(Command::new("mkfifo").arg(path("pipe.db")).status().unwrap().success());
    let long = format!("sqlite:{}", "a".repeat(300));
    let cases = [
        ("sqlite:folder.db", "it is a folder, and a store is a file"),
        ("sqlite:loop.db", "it is a link that leads nowhere"),
        ("sqlite:pipe.db", "it is no file on a disk"),
        ("sqlite:/dev/null", "it is no file on a disk"),
        (long.as_str(), "its name is too long"),
        ("sqlite:m/offer.yaml", "is not a Concordat store"),
        ("sqlite:folder.db/", "the name of the file is missing"),
    ];
    for (store, expected) in cases {
        for words in [
            &["diff", "-f", "m"][..],
            &["apply", "-f", "m"],
            &["get", "grants"],
            &["ledger", "verify"],
        ] {
            says(&team.run(&[words, &["--store", store]].concat()), 2, &[expected]);
        }
    }
    assert!(path("folder.db").is_dir());
}

#[test]
fn a_link_to_a_store_is_that_store() {
    let team = Team::applied();
    std::os::unix::fs::symlink("concordat.db", team.place.path().join("link.db")).unwrap();
    nothing_changes(&team.diff(&["--store", "sqlite:link.db"]));
    let path = team.place.path().join("concordat.db");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    says(&team.apply(&["--store", "sqlite:link.db"]), 0, &[]);
}
