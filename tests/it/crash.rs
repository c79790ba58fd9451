//! `kill -9` of the real program at many moments of `apply`: applied again, it is as if nothing had happened.
//!
//! Never: an effect that is lost, made twice, or reported before it is there.

use std::{
    fs::File,
    process::{Child, Stdio},
    time::{Duration, Instant},
};

use concordat::store::{Read, sql::open_reader};

use crate::{
    store_samples::Place,
    work::{Told, Work, entries, large, told, typed},
};

/// When the program is killed.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// As soon as the ledger has so many entries.
    AtEntries(i64),
}

fn start(work: &Work, place: &Place, stdout: &str) -> Child {
    let mut command = work.place.command(&["apply", "-f", "work", "--store", &typed(place)]);
    let stdout = File::create(work.place.path().join(stdout)).unwrap();
    command.stdout(stdout).stderr(Stdio::null()).spawn().unwrap()
}

/// Applies to the end.
fn finish(work: &Work, place: &Place) {
    let ran = work.place.run(&["apply", "-f", "work", "--store", &typed(place)]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// Starts `apply` and kills it then. Whatever it had reported is in the store.
async fn kill(work: &Work, place: &Place, moment: Moment, stdout: &str) {
    let mut child = start(work, place, stdout);
    let started = Instant::now();
    let mut reader = None;
    loop {
        let is_now = match moment {
            Moment::After(wait) => started.elapsed() >= wait,
            Moment::AtEntries(many) => {
                if reader.is_none() {
                    reader = open_reader(&place.url()).await.ok();
                }
                match &mut reader {
                    Some(reader) => reader.head().await.unwrap().sequence >= many,
                    None => false,
                }
            }
        };
        if is_now || child.try_wait().unwrap().is_some() {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let _ = child.kill();
    child.wait().unwrap();
    let reported = std::fs::read_to_string(work.place.path().join(stdout)).unwrap();
    if !reported.is_empty() {
        let all = i64::try_from(work.changes).unwrap();
        assert_eq!(entries(&place.url()).await, all, "it reported what is not there: {reported}");
    }
}

/// Kills at each of the moments on a store of its own, at every other one a second time later, and applies again.
async fn sweep(work: &Work, empty: fn() -> Place, expected: &Told, moments: &[Moment]) {
    let mut seen = Vec::new();
    for (number, moment) in moments.iter().enumerate() {
        let place = empty();
        let stdout =
            format!("{}-{number}.txt", if typed(&place).starts_with("sq") { "s" } else { "p" });
        kill(work, &place, *moment, &stdout).await;
        seen.push(entries(&place.url()).await);
        if number % 2 == 1 {
            kill(work, &place, moments[number / 2], &stdout).await;
            seen.push(entries(&place.url()).await);
        }
        finish(work, &place);
        assert_eq!(told(&place.url()).await, *expected, "after a kill at {moment:?}");
    }
    let all = i64::try_from(work.changes).unwrap();
    let between = seen.iter().filter(|entries| (1..all).contains(*entries)).count();
    println!("{} kills; entries then: {seen:?}", seen.len());
    assert!(between >= 1, "no kill hit between two transactions: {seen:?}");
}

/// Moments from before the store is opened to after the last commit, and those between two transactions.
fn moments(whole: Duration, many: u32) -> Vec<Moment> {
    let after = |part| Moment::After(whole * part / (many - 2));
    let at = [1, 501].map(Moment::AtEntries);
    at.into_iter().chain((0..many).map(after)).collect()
}

async fn killed_at_any_moment_and_applied_again_it_ends_in_the_same_state(
    empty: fn() -> Place,
    many: u32,
) {
    let work = large();
    let (place, other) = (empty(), empty());
    let started = Instant::now();
    finish(work, &place);
    let first = started.elapsed();
    finish(work, &other);
    let whole = first.min(started.elapsed() - first);
    let expected = told(&place.url()).await;
    assert_eq!(expected.effects.len(), work.changes);
    sweep(work, empty, &expected, &moments(whole, many)).await;
}

#[tokio::test]
async fn killed_at_any_moment_and_applied_again_sqlite_ends_in_the_same_state() {
    killed_at_any_moment_and_applied_again_it_ends_in_the_same_state(Place::sqlite, 16).await;
}

#[tokio::test]
async fn killed_at_any_moment_and_applied_again_postgres_ends_in_the_same_state() {
    killed_at_any_moment_and_applied_again_it_ends_in_the_same_state(Place::postgres, 16).await;
}
