//! The operator in virtual time, without Kubernetes: real rounds on a real store along random histories, with every
//! fault that can be thought of, judged by a second opinion (T1, T3, T5–T7, T9–T12).
//!
//! `CONCORDAT_SEED` plays one history again, `CONCORDAT_HISTORIES` plays as many as it says.
//!
//! Never: a history that cannot be had again from its seed.

mod cast;
pub(crate) mod chance;
mod clean;
mod cluster;
mod crashes;
mod fights;
mod guard;
mod history;
mod instants;
mod model;
mod operator;
mod oracles;
mod poison;
mod ready;
mod server;
pub(crate) mod stage;
mod stale;
mod store;
mod wild;

use std::{
    collections::BTreeMap,
    env, iter,
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use jiff::SignedDuration;

use cluster::Cluster;
use stage::Stage;

/// After so long at rest nothing new comes.
const LONG: SignedDuration = SignedDuration::from_mins(1_000);

/// How many things happen in a history.
const STEPS: usize = 16;

/// What was tried.
#[derive(Debug, Default)]
struct Figures {
    histories: usize,
    /// What was done to the operator, by kind.
    faults: BTreeMap<String, usize>,
    /// What users, customers, outsiders and time have done, by kind.
    operations: BTreeMap<String, usize>,
    processes: usize,
    rounds: usize,
    calls: usize,
    writes: usize,
    assignments_compared: usize,
    statuses_compared: usize,
    compared_with_clean_starts: usize,
    batches_blocked: usize,
    batches_approved: usize,
}

impl Figures {
    fn of(stage: &Stage) -> Self {
        // Two looks in one expression would wait for each other.
        let (injected, calls) = {
            let weather = stage.weather();
            (weather.injected.clone(), weather.calls)
        };
        let (mut faults, mut operations) = (BTreeMap::new(), BTreeMap::new());
        for (what, many) in &stage.happened {
            let to_us = ["crash", "leadagain", "takeover", "down", "the", "poison", "outside"];
            let of = if to_us.contains(&what.as_str()) { &mut faults } else { &mut operations };
            // "the clock is set back", as a story has it.
            let what = if what == "the" { "clock set back" } else { what };
            of.insert(what.to_owned(), *many);
        }
        faults.extend(injected.into_iter().map(|(what, many)| (what.to_owned(), many)));
        faults.insert("watch broken".to_owned(), stage.relists);
        faults.insert("cache travelled back".to_owned(), stage.travels);
        faults.insert("taken over".to_owned(), stage.taken_over);
        faults.remove("takeover");
        Self {
            histories: 1,
            faults,
            operations,
            processes: stage.processes,
            rounds: stage.rounds,
            calls,
            writes: stage.server.writes,
            assignments_compared: stage.held,
            statuses_compared: stage.statuses_compared,
            compared_with_clean_starts: 0,
            batches_blocked: stage.told.iter().map(|done| done.blocked.len()).sum(),
            batches_approved: stage.told.iter().map(|done| done.approved.len()).sum(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        for (all, more) in
            [(&mut self.faults, &other.faults), (&mut self.operations, &other.operations)]
        {
            for (what, many) in more {
                *all.entry(what.clone()).or_default() += many;
            }
        }
        self.processes += other.processes;
        self.rounds += other.rounds;
        self.calls += other.calls;
        self.writes += other.writes;
        self.assignments_compared += other.assignments_compared;
        self.statuses_compared += other.statuses_compared;
        self.compared_with_clean_starts += other.compared_with_clean_starts;
        self.batches_blocked += other.batches_blocked;
        self.batches_approved += other.batches_approved;
    }
}

/// A history of which the end is known exactly: something is held back only once everything before was seen.
async fn known(seed: u64) -> Figures {
    let mut stage = Stage::new(seed).await;
    history::scene(&mut stage);
    history::beginning(&mut stage).await;
    let first = clean::written(&stage.server);
    match seed % 3 {
        0 => {}
        1 => stage.storm(18),
        _ => stage.storm(5),
    }
    for _ in 0..STEPS {
        let step = history::some_step(&mut stage);
        let free = step.is_free(&stage) && Cluster::of(&stage.server).is_free();
        if !free || stage.chance.one_in(2) {
            stage.calm().await;
        }
        stage.happens(&step).await;
        for _ in 0..stage.chance.below(20) {
            stage.some_step().await;
        }
    }
    stage.calm().await;
    let compared = stage.forgets_its_history(&first, seed.is_multiple_of(4)).await;
    stage.rests_for(LONG, seed.is_multiple_of(50)).await;
    stage.holds_what_is_expected().await;
    stage.ledger_is_sound().await;
    stage.takes_only_what_left().await;
    stage.statuses_are_sound();
    stage.times_move_with_statuses();
    Figures { compared_with_clean_starts: compared, ..Figures::of(&stage) }
}

/// A history in which anything happens. Its end is not known, but what must hold whatever the end is.
async fn wild(seed: u64) -> Figures {
    let mut stage = Stage::new(seed ^ 0x0771_d000).await;
    stage.exact = false;
    history::scene(&mut stage);
    history::beginning(&mut stage).await;
    let mut outside = wild::Outside::default();
    stage.storm(if seed.is_multiple_of(2) { 12 } else { 0 });
    for _ in 0..STEPS {
        stage.wild_step(&mut outside).await;
        for _ in 0..stage.chance.below(16) {
            stage.some_step().await;
        }
        stage.nobody_holds_more(&outside).await;
        if stage.chance.one_in(4) {
            stage.calm().await;
        }
    }
    stage.calm().await;
    stage.rests_for(LONG, false).await;
    stage.ledger_is_sound().await;
    stage.takes_only_what_left().await;
    stage.nobody_holds_more(&outside).await;
    Figures::of(&stage)
}

/// Plays every history, tells what was tried, and of all that fail.
fn play(what: &str, many: u64, history: impl AsyncFn(u64) -> Figures + Send + Sync + Copy) {
    let began = Instant::now();
    let asked = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let many = asked("CONCORDAT_HISTORIES").unwrap_or(many);
    let seeds = asked("CONCORDAT_SEED").map_or_else(|| (0..many).collect(), |seed| vec![seed]);
    let (mut figures, mut failed) = (Figures::default(), Vec::new());
    // Histories differ in length: whoever is free takes the next.
    let taken = AtomicUsize::new(0);
    let next = || seeds.get(taken.fetch_add(1, Ordering::Relaxed)).copied();
    thread::scope(|scope| {
        let players = [(); 2].map(|()| {
            let mine = iter::from_fn(next).map(|seed| (seed, played(seed, history)));
            scope.spawn(|| mine.collect::<Vec<_>>())
        });
        for (seed, played) in players.into_iter().flat_map(|player| player.join().unwrap()) {
            match played {
                Some(played) => figures.add(&played),
                None => failed.push(seed),
            }
        }
    });
    let operations: usize = figures.operations.values().sum();
    let faults: usize = figures.faults.values().sum();
    let took = began.elapsed();
    println!("{what}: seeds {:?} to {:?}, {took:.1?}", seeds.first(), seeds.last());
    println!("{what}: {operations} operations, {faults} faults, {figures:?}");
    assert!(failed.is_empty(), "play one of {failed:?} again: CONCORDAT_SEED={}", failed[0]);
}

fn played(seed: u64, history: impl AsyncFn(u64) -> Figures) -> Option<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(history(seed)))).ok()
}

#[test]
fn whatever_goes_wrong_the_store_comes_to_hold_what_the_last_specs_say_and_stays_so() {
    play("known ends", 1_000, known);
}

#[test]
fn with_outsiders_poison_limits_and_clocks_set_back_everything_comes_to_rest() {
    play("wild", 550, wild);
}
