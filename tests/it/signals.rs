//! Ctrl-C, a reader that goes, a full disk behind standard output, and two at once.
//!
//! Never: a complaint about a reader that has gone, or silence about an answer that did not arrive.

use std::{
    fs::{self, File},
    io::Read,
    process::{Child, Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use crate::{
    program,
    store_samples::Place,
    work::{Gate, Work, entries, large, small, told, typed},
};

fn start(work: &Work, url: &str) -> Child {
    let words = ["apply", "-f", "work", "-o", "json", "--store", url];
    let mut command = work.place.command(&words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// It stopped after one transaction, said so, and the rest comes with the next `apply`. So many entries were there before.
async fn assert_stopped(work: &Work, place: &Place, output: &Output, before: usize) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let count = |field: &str| report[field].as_array().unwrap().len();
    let done = usize::try_from(entries(&place.url()).await).unwrap();
    assert_eq!((count("tried"), count("left")), (done - before, work.changes - done));
    assert!(done > before && done < work.changes);
    assert_eq!(report["stopped"], "stopped on request");
    assert!(stderr.contains(&format!("{} changes are left", work.changes - done)), "{stderr}");
    let again = work.place.run(&["apply", "-f", "work", "--store", &typed(place)]);
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    assert_eq!(told(&place.url()).await.effects.len(), work.changes);
}

#[tokio::test]
async fn ctrl_c_on_postgres_ends_after_the_change_in_flight_and_says_what_is_left() {
    let (work, place) = (large(), Place::postgres());
    let empty = work.place.run(&["apply", "-f", "work/frame.yaml", "--store", &typed(&place)]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let mut gate = Gate::shut(&typed(&place)).await;
    let child = start(work, &typed(&place));
    gate.is_waited_for().await;
    interrupt(&child);
    thread::sleep(Duration::from_millis(200));
    gate.open_after("SELECT 1").await;
    // What the frame brought, its boundary, was there before.
    assert_stopped(work, &place, &child.wait_with_output().unwrap(), 1).await;
}

#[tokio::test]
async fn ctrl_c_on_sqlite_ends_after_the_change_in_flight_and_says_what_is_left() {
    let work = large();
    for _ in 0..5 {
        let place = Place::sqlite();
        let child = start(work, &typed(&place));
        while entries(&place.url()).await == 0 {
            thread::sleep(Duration::from_millis(1));
        }
        interrupt(&child);
        let output = child.wait_with_output().unwrap();
        // It may have been at its last transaction already.
        if output.status.code() != Some(0) {
            return assert_stopped(work, &place, &output, 0).await;
        }
        assert_eq!(told(&place.url()).await.effects.len(), work.changes);
    }
    panic!("it was too late each time");
}

/// A folder with a store to which the small work was applied.
fn applied() -> program::Place {
    let place = program::Place::new();
    for name in ["frame.yaml", "objects.yaml", "acceptances.yaml"] {
        place.write(&format!("work/{name}"), fs::read(small().folder().join(name)).unwrap());
    }
    let done = place.run(&["apply", "-f", "work"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    place
}

const ANSWERS: [&[&str]; 14] = [
    &["roles", "list"],
    &["roles", "list", "-o", "json"],
    &["history"],
    &["history", "-o", "yaml"],
    &["diff", "-f", "work"],
    &["diff", "-f", "work", "-o", "json"],
    &["validate", "-f", "work", "-o", "sarif"],
    &["apply", "-f", "work"],
    &["get", "grants"],
    &["get", "relationships", "-o", "json"],
    &["ledger", "verify"],
    &["ledger", "export"],
    &["crd"],
    &["explain", "C0309"],
];

#[test]
fn a_reader_that_has_gone_is_no_error_and_nothing_is_said() {
    let place = applied();
    for words in ANSWERS.into_iter().chain([&["completions", "bash"][..], &["--help"]]) {
        let whole = place.run(words);
        let mut command = place.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), whole.code, "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), whole.stderr, "{words:?}");
    }
    let mut command = Command::new("sh");
    command.args(["-c", "{ concordat roles list; echo $? >code; } | head -1"]);
    place.prepare(&mut command);
    let ran = program::finished(command, b"");
    assert_eq!((ran.stdout.lines().count(), ran.stderr.as_str()), (1, ""));
    assert_eq!(fs::read_to_string(place.path().join("code")).unwrap(), "0\n");
}

#[test]
fn a_listener_on_standard_error_that_has_gone_changes_no_answer() {
    let place = applied();
    for words in ANSWERS {
        let whole = place.run(words);
        let mut command = place.command(words);
        command.arg("-vv").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        drop(child.stderr.take());
        let mut stdout = String::new();
        child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        assert_eq!(child.wait().unwrap().code(), whole.code, "{words:?}");
        assert_eq!(stdout.is_empty(), whole.stdout.is_empty(), "{words:?}");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_an_error_and_nothing_is_lost() {
    let place = applied();
    place.write("work/more.yaml", crate::work::grant(0, 7, "2028-06-30T22:00:00Z"));
    let before = place.run(&["ledger", "export"]).stdout.lines().count();
    for words in ANSWERS.into_iter().chain([&["completions", "bash"][..]]) {
        let mut command = place.command(words);
        command.stdout(File::options().write(true).open("/dev/full").unwrap());
        let output = command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        assert!(stderr.contains("No space left on device"), "{words:?}: {stderr}");
        if words[0] == "apply" {
            assert!(stderr.contains("1 change was made"), "{stderr}");
        }
    }
    assert_eq!(place.run(&["ledger", "export"]).stdout.lines().count(), before + 1);
    assert_eq!(place.run(&["diff", "-f", "work"]).code, Some(0));
}

/// Starts a second `apply` beside the first and returns once it says that it waits, with what it says.
fn second(work: &Work, url: &str, stderr: &str) -> (Child, String) {
    let path = work.place.path().join(stderr);
    let mut command = work.place.command(&["apply", "-f", "work", "--store", url]);
    command.stdout(Stdio::null()).stderr(File::create(&path).unwrap());
    let mut child = command.spawn().unwrap();
    loop {
        let said = fs::read_to_string(&path).unwrap();
        if said.contains("waiting for") {
            return (child, said);
        }
        assert_eq!(child.try_wait().unwrap(), None, "it did not wait: {said}");
        thread::sleep(Duration::from_millis(5));
    }
}

async fn assert_both_end_well(
    work: &Work,
    place: &Place,
    mut first: Child,
    (mut second, said): (Child, String),
) {
    // A server tells besides by which of its processes and which login.
    let expected = format!("waiting for process {} of `tester`", first.id());
    assert!(said.contains(&expected) && said.contains(", since "), "{said}");
    assert!(first.wait().unwrap().success());
    assert!(second.wait().unwrap().success());
    assert_eq!(told(&place.url()).await.effects.len(), work.changes);
}

#[tokio::test]
async fn a_second_apply_to_postgres_waits_says_for_whom_and_both_end_well() {
    let (work, place) = (small(), Place::postgres());
    let empty = work.place.run(&["apply", "-f", "work/frame.yaml", "--store", &typed(&place)]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let mut gate = Gate::shut(&typed(&place)).await;
    let first = start(work, &typed(&place));
    gate.is_waited_for().await;
    let second = second(work, &typed(&place), "second-p.txt");
    gate.open_after("SELECT 1").await;
    assert_both_end_well(work, &place, first, second).await;
}

#[tokio::test]
async fn a_second_apply_to_sqlite_waits_says_for_whom_and_both_end_well() {
    let (work, place) = (small(), Place::sqlite());
    let empty = work.place.run(&["apply", "-f", "work/frame.yaml", "--store", &typed(&place)]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let Place::Sqlite(folder) = &place else { unreachable!("it is SQLite") };
    let options =
        sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut outsider =
        <sqlx::SqliteConnection as sqlx::Connection>::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut outsider).await.unwrap();
    let first = start(work, &typed(&place));
    let holds = |entry: std::io::Result<fs::DirEntry>| {
        // Whoever opens and closes the file of the store itself takes the outsider's lock away.
        let path = entry.unwrap().path();
        let is_lock = path.to_string_lossy().contains("-lock-");
        let text = if is_lock { fs::read_to_string(path).unwrap() } else { String::new() };
        text.contains(&format!("process {} ", first.id()))
    };
    while !fs::read_dir(folder.path()).unwrap().any(holds) {
        thread::sleep(Duration::from_millis(5));
    }
    let second = second(work, &typed(&place), "second-s.txt");
    sqlx::raw_sql("COMMIT").execute(&mut outsider).await.unwrap();
    assert_both_end_well(work, &place, first, second).await;
}
