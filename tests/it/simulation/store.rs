//! A real store behind calls that may fail: before they reach it, after they have done their work, or long after
//! everybody has given up.
//!
//! Never: a failure that leaves half a call behind; the store itself is tested for that.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use concordat::{
    domain::{
        change::{Change, Effect},
        entry::{Entry, Head},
        limits::{Admitted, Batch, Budget, Limits},
        state::{Beside, Observed},
    },
    store::{
        Apart, Observation, Outcome, Read, Refusal, Scope, Signature, Signatures, StoreError,
        Write, sql::SqlWriter,
    },
};
use ecow::EcoString;

use super::chance::Chance;

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It never comes to the store.
    Before,
    /// The store does it, and the answer is lost.
    After,
    /// It is lost, and comes to the store later. Only a change does.
    Late,
    /// Some of its changes are taken and made later, or not at all; it is said that they are under way. Of a call that
    /// changes nothing it says nothing.
    Underway,
    /// The same, and nobody says what became of them.
    Unknown,
}

impl Fault {
    /// What is said of the changes that are taken.
    fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Before | Self::After | Self::Late => None,
            Self::Underway => Some(Outcome::Underway),
            Self::Unknown => Some(Outcome::Unknown),
        }
    }
}

/// What goes wrong, and what is counted.
#[derive(Debug)]
pub struct Weather {
    chance: Chance,
    /// A call fails once in so many; never where it is 0.
    pub fails_one_in: usize,
    /// The process dies at this step, before or after it.
    pub dies_at: Option<(usize, Fault)>,
    /// How many steps there were: calls of the store and writes to the server.
    pub steps: usize,
    /// The process is dead.
    pub dead: bool,
    /// Changes that are still on their way.
    pub late: Vec<Late>,
    /// What is said of changes that were taken and are not made yet.
    pub open: Vec<(Change, Outcome)>,
    /// By so many seconds the clock of the store differs from that of the process.
    pub clocks_differ_by: i64,
    pub injected: BTreeMap<&'static str, usize>,
    pub calls: usize,
}

/// Changes that come to the store later.
#[derive(Debug, Clone)]
pub struct Late {
    pub changes: Vec<Admitted>,
    pub limits: BTreeMap<String, Limits>,
    pub by: Signatures,
    pub epoch: i64,
}

impl Weather {
    pub fn fair(chance: Chance) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            chance,
            fails_one_in: 0,
            dies_at: None,
            steps: 0,
            dead: false,
            late: Vec::new(),
            open: Vec::new(),
            clocks_differ_by: 0,
            injected: BTreeMap::new(),
            calls: 0,
        }))
    }

    fn count(&mut self, fault: Fault) {
        let what = match fault {
            Fault::Before => "call failed before",
            Fault::After => "answer lost",
            Fault::Late => "call came late",
            Fault::Underway => "change under way",
            Fault::Unknown => "change without an answer",
        };
        *self.injected.entry(what).or_default() += 1;
    }

    /// What is said of a change at once, where it is taken or rests on one that was. One in four is never made.
    fn answer(&mut self, late: Late, fault: Option<Fault>) -> Option<Outcome> {
        let change = &late.changes[0].change;
        if let Some((_, outcome)) = self.open.iter().find(|(open, _)| open.id() == change.id()) {
            return Some(outcome.clone());
        }
        if self.open.iter().any(|(open, _)| change.rests_on(open)) {
            return Some(Outcome::Refused(Refusal::Stale));
        }
        let outcome = fault.and_then(Fault::outcome).filter(|_| self.chance.one_in(2))?;
        self.open.push((change.clone(), outcome.clone()));
        if !self.chance.one_in(4) {
            self.late.push(late);
        }
        Some(outcome)
    }

    /// What is on its way, which is then known to be made or not.
    pub fn landing(&mut self) -> Vec<Late> {
        self.open.clear();
        std::mem::take(&mut self.late)
    }

    /// What happens to the next step.
    pub fn step(&mut self) -> Option<Fault> {
        if self.dead {
            return Some(Fault::Before);
        }
        self.steps += 1;
        if let Some((at, fault)) = self.dies_at
            && at == self.steps
        {
            self.dead = true;
            self.count(fault);
            return Some(fault);
        }
        if self.fails_one_in > 0 && self.chance.one_in(self.fails_one_in) {
            let fault = self.chance.pick(&[
                Fault::Before,
                Fault::After,
                Fault::Late,
                Fault::Underway,
                Fault::Unknown,
            ]);
            self.count(fault);
            return Some(fault);
        }
        None
    }
}

/// A store in that weather.
pub struct Faulty {
    pub store: SqlWriter,
    pub weather: Arc<Mutex<Weather>>,
    pub epoch: i64,
}

pub fn gone() -> StoreError {
    StoreError::Unreachable {
        store: "the store".to_owned(),
        reason: "as the test wants".to_owned(),
    }
}

impl Faulty {
    fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap()
    }

    fn fault(&self) -> Option<Fault> {
        let mut weather = self.weather();
        weather.calls += 1;
        weather.step()
    }
}

async fn faulty<T>(
    fault: Option<Fault>,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    match fault {
        None | Some(Fault::Underway | Fault::Unknown) => call.await,
        Some(Fault::Before | Fault::Late) => Err(gone()),
        Some(Fault::After) => {
            call.await?;
            Err(gone())
        }
    }
}

/// What the store itself refuses while the clocks disagree.
fn records_an_end(effect: &Effect) -> bool {
    matches!(effect, Effect::Terminate { .. } | Effect::Expire { .. } | Effect::Withdraw { .. })
}

impl Read for Faulty {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        faulty(self.fault(), self.store.observe(scope)).await
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        faulty(self.fault(), self.store.beside(apart)).await
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        faulty(self.fault(), self.store.budgets(limits)).await
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        faulty(self.fault(), self.store.entries(after, at_most)).await
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        faulty(self.fault(), self.store.head()).await
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        faulty(self.fault(), self.store.last_entries(subjects)).await
    }
}

impl Write for Faulty {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        let fault = self.fault();
        if fault == Some(Fault::Late) {
            let (changes, limits, by) = (changes.to_vec(), limits.clone(), by.clone());
            let late = Late { changes, limits, by, epoch: self.epoch };
            self.weather().late.push(late);
        }
        let seconds = self.weather().clocks_differ_by;
        let barred = |admitted: &Admitted| seconds > 60 && records_an_end(&admitted.change.effect);
        let mut left = Vec::new();
        let mut said = Vec::new();
        for admitted in changes {
            let answer = if barred(admitted) {
                Some(Outcome::Refused(Refusal::ClocksDisagree { seconds }))
            } else {
                let (limits, by) = (limits.clone(), by.clone());
                let late = Late { changes: vec![admitted.clone()], limits, by, epoch: self.epoch };
                self.weather().answer(late, fault)
            };
            if answer.is_none() {
                left.push(admitted.clone());
            }
            said.push(answer);
        }
        let made = faulty(fault, self.store.apply(&left, limits, by)).await?;
        let mut made = made.into_iter();
        let made = |answer: Option<Outcome>| {
            answer.or_else(|| made.next()).expect("there is one outcome for each change")
        };
        Ok(said.into_iter().map(made).collect())
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        faulty(self.fault(), self.store.block(batches, by)).await
    }

    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        faulty(self.fault(), self.store.approve(batch, by)).await
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        faulty(self.fault(), self.store.record(seen, by)).await
    }
}
