//! How long the rounds of the operator take and what they hold in memory, without a cluster: `cargo bench --bench rounds
//! [-- OBJECTS]`.
//!
//! Never: a server that costs anything between two figures; objects are parsed and statuses kept outside of what is timed.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails"
)]

#[allow(dead_code, reason = "the measurement on a cluster uses more of it")]
#[path = "../operator/fleet.rs"]
mod fleet;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/kinds.rs"]
mod kinds;
mod server;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};

use concordat::{
    domain::state::Instance,
    operator::{
        index::Index,
        reconcile::{Reconciled, Reconciler, Settings, Work, locked, read_expiry},
    },
    store::{
        StoreUrl,
        sql::{SqlWriter, open_writer_at},
    },
};
use fleet::{GRANTS_OF_EACH, fleet, grant};
use jiff::{SignedDuration, Timestamp};
use peak_alloc::PeakAlloc;
use server::Server;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let objects: usize = asked.unwrap_or(10_000);
    let place = tempfile::tempdir().unwrap();
    let url: StoreUrl = format!("sqlite:{}", place.path().join("it.db").display()).parse().unwrap();
    let began = Timestamp::now().as_millisecond();
    let clock = Arc::new(AtomicI64::new(began));
    let told = Arc::clone(&clock);
    let store = open_writer_at(&url, &Instance("bench".into()), 1).await.unwrap();
    let store = store.with_clock(Arc::new(move || {
        Timestamp::from_millisecond(told.load(Ordering::Relaxed)).unwrap()
    }));

    let settings = Settings::of(Instance("bench".into()));
    let mut stage = Stage {
        server: Server::of(fleet(objects)),
        world: Mutex::default(),
        rounds: Reconciler::new(settings.clone()),
        settings,
        store,
    };
    stage.server.list(&mut locked(&stage.world));
    let held = stage.own(MEMORY.current_usage());
    told_of("listed", Duration::ZERO, held, held);

    stage.sweep("cold").await;
    stage.settle("cold", Work::default()).await;
    stage.sweep("everything again").await;

    let end = Timestamp::from_second(began / 1_000 + 3_600).unwrap();
    for number in 0..(objects - 2) / (GRANTS_OF_EACH + 2) {
        for index in 0..GRANTS_OF_EACH {
            stage.server.apply(&grant(number, index, Some(end)), &mut locked(&stage.world));
        }
    }
    stage.settle("an end set everywhere", Work::default()).await;
    clock.store(end.as_millisecond(), Ordering::Relaxed);
    let mut work = Work::default();
    stage.rounds.due(end).into_iter().for_each(|wake| work.enqueue(wake));
    let began = Instant::now();
    let mut effects = 0;
    for keys in stage.rounds.ended(&work, end) {
        let ends = read_expiry(keys, &stage.settings, &mut stage.store).await.unwrap();
        effects += stage.rounds.take_away(ends, &mut stage.store).await.effects.len();
    }
    let took = began.elapsed();
    let name = format!("all ends come, expired first: {effects} effects");
    told_of(&name, took, stage.own(MEMORY.peak_usage()), stage.own(MEMORY.current_usage()));
    stage.settle("all ends come", work).await;
    clock.store((end + SignedDuration::from_hours(1)).as_millisecond(), Ordering::Relaxed);
    stage.sweep("everything at last").await;
}

struct Stage {
    server: Server,
    world: Mutex<Index>,
    rounds: Reconciler,
    settings: Settings,
    store: SqlWriter,
}

impl Stage {
    /// What is not the server's.
    fn own(&self, bytes: usize) -> usize {
        bytes.saturating_sub(self.server.bytes())
    }

    /// A look at everything.
    async fn sweep(&mut self, what: &str) {
        MEMORY.reset_peak_usage();
        let (mut took, mut parts, mut statuses, mut left) = (Duration::ZERO, 0, 0, 0);
        self.rounds.begin_sweep(&mut locked(&self.world));
        while self.rounds.is_sweeping() {
            let began = Instant::now();
            let done = self.rounds.resync(&self.world, &mut self.store).await.unwrap().unwrap();
            took += began.elapsed();
            parts += 1;
            statuses += done.reports.len();
            left += done.again.len();
            self.server.take_in(done, &mut locked(&self.world));
        }
        let name = format!("{what}, {parts} parts: {statuses} statuses, {left} left to a round");
        told_of(&name, took, self.own(MEMORY.peak_usage()), self.own(MEMORY.current_usage()));
    }

    /// Reconciler until nothing is left to do.
    async fn settle(&mut self, what: &str, mut work: Work) {
        for number in 1.. {
            work.objects.append(&mut locked(&self.world).take_dirty());
            if work.is_empty() {
                break;
            }
            MEMORY.reset_peak_usage();
            let began = Instant::now();
            let done = self.rounds.reconcile(&self.world, &work, &mut self.store).await.unwrap();
            let took = began.elapsed();
            let Reconciled { effects, reports, marks, again, failed, .. } = &done;
            assert_eq!(*failed, None);
            let name = format!(
                "{what}, round {number}: {} effects, {} statuses, {} finalizers",
                effects.len(),
                reports.len(),
                marks.len()
            );
            told_of(&name, took, self.own(MEMORY.peak_usage()), self.own(MEMORY.current_usage()));
            work = Work::default();
            again.iter().cloned().for_each(|wake| work.enqueue(wake));
            self.server.take_in(done, &mut locked(&self.world));
        }
    }
}

fn told_of(what: &str, took: Duration, most: usize, now: usize) {
    let mega = |bytes: usize| bytes as f64 / 1_048_576.0;
    println!(
        "{what:<80} {:>7.0} ms {:>6.1} MB at most {:>6.1} MB then",
        took.as_secs_f64() * 1_000.0,
        mega(most),
        mega(now)
    );
}
