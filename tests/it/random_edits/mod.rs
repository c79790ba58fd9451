//! Random edits of manifests as text, each followed by the line of `diff` and `apply`, judged by a second opinion that
//! reads the database with SQL of its own.
//!
//! `CONCORDAT_SEED` plays one sequence again, `CONCORDAT_HISTORIES` plays as many as it says.
//!
//! Never: a sequence that cannot be had again from its seed, or a rule that cannot fail.

mod access;
mod bounds;
mod broken;
mod cast;
mod declared;
mod edits;
mod folder;
mod limits;
mod oracle;
mod sequence;
mod snapshot;
mod world;

use std::{collections::BTreeMap, env, panic::AssertUnwindSafe, thread, time::Instant};

use oracle::Known;
use sequence::Sequence;

/// How many sequences the gate plays, and of how many steps each is.
const SEQUENCES: u64 = 440;
const STEPS: usize = 24;

/// What was tried.
#[derive(Debug, Default)]
struct Figures {
    steps: usize,
    refused_inputs: usize,
    changes: usize,
    /// Batches that had to wait, and changes that were made under an approval.
    batches: usize,
    approved: usize,
    /// Steps after which the same input was applied again.
    repeated: usize,
    /// Roles that were held and compared with what was accepted and declared.
    held: usize,
    edits: BTreeMap<&'static str, usize>,
    /// What does not hold and is known.
    known: BTreeMap<Known, usize>,
}

impl Figures {
    fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.refused_inputs += other.refused_inputs;
        self.changes += other.changes;
        self.batches += other.batches;
        self.approved += other.approved;
        self.repeated += other.repeated;
        self.held += other.held;
        for (edit, many) in &other.edits {
            *self.edits.entry(edit).or_default() += many;
        }
        for (known, many) in &other.known {
            *self.known.entry(*known).or_default() += many;
        }
    }
}

/// One sequence, from an empty store on.
async fn played(seed: u64) -> Figures {
    let mut sequence = Sequence::new(seed).await;
    sequence.begin().await;
    while sequence.figures.steps < STEPS {
        sequence.step().await;
    }
    sequence.ledger_is_whole().await;
    sequence.figures
}

/// What came of a sequence; nothing where a rule does not hold, which is told.
fn outcome(seed: u64) -> Option<Figures> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    std::panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(played(seed)))).ok()
}

#[test]
fn whatever_is_edited_nobody_holds_more_or_longer_than_accepted_and_declared_or_untold_or_past_a_limit()
 {
    let began = Instant::now();
    let asked = |name| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let many = asked("CONCORDAT_HISTORIES").unwrap_or(SEQUENCES);
    let seeds = asked("CONCORDAT_SEED").map_or_else(|| (0..many).collect(), |seed| vec![seed]);
    let (mut figures, mut failed) = (Figures::default(), Vec::new());
    thread::scope(|scope| {
        let halves = [0, 1].map(|half| {
            let mine: Vec<u64> = seeds.iter().copied().skip(half).step_by(2).collect();
            let played = || mine.into_iter().map(|seed| (seed, outcome(seed)));
            scope.spawn(move || played().collect::<Vec<_>>())
        });
        for (seed, outcome) in halves.into_iter().flat_map(|half| half.join().unwrap()) {
            match outcome {
                Some(outcome) => figures.add(&outcome),
                None => failed.push(seed),
            }
        }
    });
    let took = began.elapsed();
    println!("random edits: seeds {:?} to {:?}, {took:.1?}", seeds.first(), seeds.last());
    println!("random edits: {figures:?}");
    failed.sort_unstable();
    assert_eq!(failed, Vec::<u64>::new(), "play one again: CONCORDAT_SEED=");
    if many >= SEQUENCES && seeds.len() > 1 {
        assert!(figures.steps >= 10_000, "{} steps", figures.steps);
        let missing = edits::SORTS.iter().filter(|(name, ..)| !figures.edits.contains_key(name));
        assert_eq!(missing.map(|(name, ..)| name).collect::<Vec<_>>(), Vec::<&&str>::new());
    }
}
