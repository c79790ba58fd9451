//! Whether this replica lives and whether it is ready, check by check.
//!
//! Never: a host, a name or a message of the outside in an answer that anybody may read; a code says where to look.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::metrics::Reach;
use crate::domain::{ids::Kind, problem::Code};

/// A loop that has not gone round for so long hangs.
pub const LOOP_LASTS: Duration = Duration::from_secs(60);
/// What was seen of the store counts for so long.
pub const STORE_LASTS: Duration = Duration::from_secs(60);

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The main loop has gone round lately.
    Loop,
    /// The caches hold what the API server holds.
    Caches,
    /// The store can be read.
    Store,
    /// The store has the tables that this program knows.
    Migrations,
    /// Nobody has asked it to stop.
    Running,
}

impl Check {
    /// What keeps a replica alive.
    pub const LIVE: [Self; 1] = [Self::Loop];
    /// What makes a replica ready; the same for a leader and for one that follows.
    pub const READY: [Self; 5] =
        [Self::Loop, Self::Caches, Self::Store, Self::Migrations, Self::Running];

    /// Its name in a path and in an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Loop => "loop",
            Self::Caches => "caches",
            Self::Store => "store",
            Self::Migrations => "migrations",
            Self::Running => "running",
        }
    }
}

/// What is known of this replica. Cheap to share in an `Arc`; every method takes `&self`.
#[derive(Debug)]
pub struct Health(Mutex<Seen>);

#[derive(Debug)]
struct Seen {
    round: Instant,
    synced: BTreeSet<Kind>,
    store: Option<(Instant, Result<(), Code>)>,
    migrated: bool,
    stopping: bool,
}

/// What a check came to: nothing, or what is wrong.
pub type Finding = Result<(), String>;

impl Health {
    /// Of a replica that has just started at `now`: it lives, and is not ready.
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new(Seen {
            round: now,
            synced: BTreeSet::new(),
            store: None,
            migrated: false,
            stopping: false,
        }))
    }

    /// The main loop has gone round.
    pub fn beat(&self, now: Instant) {
        self.change(|seen| seen.round = now);
    }

    /// Whether the cache of a kind holds what the API server holds.
    pub fn cache(&self, kind: Kind, reach: Reach) {
        self.change(|seen| match reach {
            Reach::Up => {
                seen.synced.insert(kind);
            }
            Reach::Down => {
                seen.synced.remove(&kind);
            }
        });
    }

    /// What became of the last try to read the store, by the code of the error.
    pub fn store(&self, result: Result<(), Code>, now: Instant) {
        self.change(|seen| {
            seen.migrated |= result.is_ok();
            seen.store = Some((now, result));
        });
    }

    /// The store has the tables that this program knows; a store that was read has them.
    pub fn migrated(&self) {
        self.change(|seen| seen.migrated = true);
    }

    /// It was asked to stop: nobody should send anything here any more.
    pub fn stopping(&self) {
        self.change(|seen| seen.stopping = true);
    }

    /// What a check comes to.
    pub fn finding(&self, check: Check, now: Instant) -> Finding {
        self.change(|seen| seen.finding(check, now))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seen {
    fn finding(&self, check: Check, now: Instant) -> Finding {
        let age = |then: Instant| now.saturating_duration_since(then);
        match check {
            Check::Loop if age(self.round) <= LOOP_LASTS => Ok(()),
            Check::Loop => {
                Err(format!("the loop has not gone round for {} s", age(self.round).as_secs()))
            }
            Check::Caches => {
                let missing: Vec<_> = Kind::ALL
                    .iter()
                    .filter(|kind| !self.synced.contains(kind))
                    .map(ToString::to_string)
                    .collect();
                if missing.is_empty() {
                    return Ok(());
                }
                Err(format!("waiting for {}", missing.join(", ")))
            }
            Check::Store => match self.store {
                None => Err("the store has not been read yet".to_owned()),
                Some((_, Err(code))) => Err(format!("the store could not be read: {code}")),
                Some((when, Ok(()))) if age(when) <= STORE_LASTS => Ok(()),
                Some((when, Ok(()))) => {
                    Err(format!("the store was read {} s ago", age(when).as_secs()))
                }
            },
            Check::Migrations if self.migrated => Ok(()),
            Check::Migrations => Err("the tables of the store are not known yet".to_owned()),
            Check::Running if self.stopping => Err("it was asked to stop".to_owned()),
            Check::Running => Ok(()),
        }
    }
}

/// The findings of some checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report(BTreeMap<Check, Finding>);

impl Report {
    /// What some checks come to, save for those that are left out.
    pub fn of(health: &Health, checks: &[Check], left_out: &[String], now: Instant) -> Self {
        let asked = checks.iter().filter(|check| !left_out.iter().any(|out| out == check.name()));
        Self(asked.map(|check| (*check, health.finding(*check, now))).collect())
    }

    /// Whether nothing is wrong.
    pub fn is_good(&self) -> bool {
        self.0.values().all(Result::is_ok)
    }

    /// As the API server's own checks are told: a line for each, and a last line.
    pub fn verbose(&self, what: &str) -> String {
        let mut text = String::new();
        for (check, finding) in &self.0 {
            let name = check.name();
            match finding {
                Ok(()) => writeln!(text, "[+]{name} ok"),
                Err(why) => writeln!(text, "[-]{name} failed: {why}"),
            }
            .expect("a text takes what is written");
        }
        let end = if self.is_good() { "passed" } else { "failed" };
        writeln!(text, "{what} check {end}").expect("a text takes what is written");
        text
    }
}
