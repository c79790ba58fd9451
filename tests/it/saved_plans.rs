//! A saved plan is a claim: `apply --plan` does exactly what it says, or nothing.
//!
//! Never: a plan run that leaves a trace in the store.

#![allow(clippy::print_stdout, reason = "a sweep says how much it tried")]

use std::{fs, thread, time::Duration};

use concordat::render::plan;
use serde_json::Value;

use crate::{
    program,
    store_samples::{self, in_seconds},
    work::{Gate, Work, entries, grant, small, typed},
};

/// Saves the plan of the small work for an empty store, in a folder of its own.
fn saved() -> (program::Place, String) {
    let place = program::Place::new();
    let from = small().folder();
    for name in ["frame.yaml", "objects.yaml", "acceptances.yaml"] {
        place.write(&format!("work/{name}"), fs::read(from.join(name)).unwrap());
    }
    let plan = place.run(&["diff", "-f", "work", "-o", "json"]);
    assert_eq!(plan.code, Some(1), "{}", plan.stderr);
    place.write("plan.json", &plan.stdout);
    (place, plan.stdout)
}

fn apply(place: &program::Place) -> program::Ran {
    place.run(&["apply", "-f", "work", "--plan", "plan.json"])
}

/// It was refused with this code, and the store is as it was.
#[track_caller]
fn assert_refused(place: &program::Place, code: &str) {
    let before = place.run(&["ledger", "export"]).stdout;
    let refused = apply(place);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(2), ""), "{}", refused.stderr);
    assert!(refused.stderr.contains(code), "{}", refused.stderr);
    assert_eq!(place.run(&["ledger", "export"]).stdout, before);
}

#[test]
fn a_saved_plan_is_applied_and_not_a_second_time() {
    let (place, _) = saved();
    let done = apply(&place);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_refused(&place, "C0814");
}

#[test]
fn a_plan_is_refused_when_the_store_or_the_manifests_have_changed() {
    let (place, _) = saved();
    place.write("work/more.yaml", grant(0, 7, "2028-06-30T22:00:00Z"));
    assert_refused(&place, "C0814");
    fs::remove_file(place.path().join("work/more.yaml")).unwrap();

    place.write("one/frame.yaml", fs::read(place.path().join("work/frame.yaml")).unwrap());
    let objects = fs::read_to_string(place.path().join("work/objects.yaml")).unwrap();
    let first: Vec<&str> = objects.split("---\n").take(2).collect();
    place.write("one/objects.yaml", first.join("---\n"));
    let done = place.run(&["apply", "-f", "one"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert_refused(&place, "C0814");
}

#[test]
fn a_plan_is_refused_after_the_time_at_which_it_would_differ() {
    let (place, _) = saved();
    let ends = in_seconds(3).to_string();
    place.write("work/more.yaml", grant(0, 7, &ends));
    place.write("plan.json", place.run(&["diff", "-f", "work", "-o", "json"]).stdout);
    let plan: Value = serde_json::from_slice(&fs::read(place.path().join("plan.json")).unwrap())
        .expect("a plan is JSON");
    assert_eq!(plan["validUntil"], ends);
    thread::sleep(Duration::from_millis(3_100));
    assert_refused(&place, "C0815");
}

#[test]
fn a_plan_of_which_any_byte_was_edited_is_refused_or_still_says_the_same() {
    let (place, text) = saved();
    let as_written: Value = serde_json::from_str(&text).unwrap();
    let mut tried = 0;
    for (position, bit) in (0..text.len()).step_by(13).zip((0..8).cycle()) {
        let mut bytes = text.clone().into_bytes();
        bytes[position] ^= 1 << bit;
        tried += 1;
        if plan::read(&bytes).is_ok() {
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(read, as_written, "byte {position}, bit {bit}");
        }
    }
    println!("{tried} edits");
    place.write("plan.json", text.replacen("customer-0", "customer-1", 1));
    assert_refused(&place, "C0813");
    place.write("plan.json", &text[..text.len() / 2]);
    assert_refused(&place, "C0810");
    place.write("plan.json", text.replacen("\"documentHash\"", "\"now\": 1, \"documentHash\"", 1));
    assert_refused(&place, "C0813");
}

#[test]
fn looking_writes_nothing_to_a_file() {
    let (place, _) = saved();
    assert_eq!(apply(&place).code, Some(0));
    let file = place.path().join("concordat.db");
    let looks = || {
        let about = fs::metadata(&file).unwrap();
        (fs::read(&file).unwrap(), about.modified().unwrap())
    };
    let before = looks();
    place.write("work/more.yaml", grant(0, 7, "2028-06-30T22:00:00Z"));
    for words in [
        &["diff", "-f", "work"][..],
        &["diff", "-f", "work", "--prune", "-o", "json"],
        &["get", "grants"],
        &["history"],
        &["ledger", "verify"],
    ] {
        assert!(place.run(words).code.unwrap() < 2);
    }
    assert!(before == looks(), "the file is not as it was");
}

/// Somebody else writes between the plan and its first change.
async fn overtaken(words: &[&str]) -> (program::Ran, i64) {
    let (work, store): (&Work, _) = (small(), store_samples::Place::postgres());
    let (place, _) = saved();
    let url = typed(&store);
    let empty = place.run(&["apply", "-f", "work/frame.yaml", "--store", &url]);
    assert_eq!(empty.code, Some(0), "{}", empty.stderr);
    let half = place.run(&["apply", "-f", "work", "--store", &url]);
    assert_eq!(half.code, Some(0), "{}", half.stderr);
    place.write("work/more.yaml", grant(0, 7, "2028-06-30T22:00:00Z"));
    let plan = place.run(&["diff", "-f", "work", "-o", "json", "--store", &url]);
    place.write("plan.json", plan.stdout);

    let mut gate = Gate::shut(&url).await;
    let mut command = place.command(words);
    command.args(["-f", "work", "-o", "json", "--store", &url]);
    let running = thread::spawn(move || program::finished(command, b""));
    gate.is_waited_for().await;
    // Somebody else knows the group already.
    gate.open_after(
        "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind) SELECT id, \
         '00000000-0000-4000-9000-000000000007', 'SecurityGroup' FROM relationships \
         WHERE name = 'customer-0'",
    )
    .await;
    let ran = running.join().unwrap();
    let changes = i64::try_from(work.changes).unwrap();
    (ran, entries(&store.url()).await - changes)
}

#[tokio::test]
async fn what_somebody_else_overtakes_is_planned_again_and_told_in_one_report() {
    let (ran, _) = overtaken(&["apply"]).await;
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    let tried = report["tried"].as_array().unwrap();
    assert_eq!(tried.len(), 1, "{tried:?}");
    assert_eq!(tried[0]["fate"], "done");
}

#[tokio::test]
async fn a_saved_plan_that_is_overtaken_is_not_planned_again() {
    let (ran, more) = overtaken(&["apply", "--plan", "plan.json"]).await;
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    assert_eq!(report["tried"][0]["reason"], "the store has changed since it was read");
    assert_eq!(more, 1, "the refusal is in the ledger, and nothing else");
}
