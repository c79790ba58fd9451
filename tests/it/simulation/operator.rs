//! The operator without Kubernetes: the real world, rounds and store, in the loop of `operator::controller`, with watches and
//! writers that a history can hold up.
//!
//! Never: a step that the real loop would not make.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use concordat::{
    domain::{
        entry::Head,
        ids::{Kind, ObjectKey},
        state::RelationshipKey,
    },
    operator::{
        cluster::Post,
        index::Index,
        reconcile::{Expiry, Reconciled, Reconciler, Settings, Work, locked, read_expiry},
    },
    store::{
        Read, Scope, StoreError, StoreUrl,
        sql::{Clock, open_writer_again, open_writer_at},
    },
};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;

use super::{
    server::{Refused, Server},
    store::{Fault, Faulty, Weather},
};
use crate::kinds::{listed, see};

/// How often everything is compared.
pub const OBSERVES_EVERY: SignedDuration = SignedDuration::from_secs(300);

/// How often the store's clock and the end of its ledger are read.
const TICKS_EVERY: SignedDuration = SignedDuration::from_secs(5);

/// How far the watch of one kind is.
#[derive(Debug, Clone, Copy, Default)]
struct Watch {
    /// So many changes were seen.
    seen: usize,
    listed: bool,
}

/// A process.
pub struct Operator {
    pub world: Mutex<Index>,
    watches: BTreeMap<Kind, Watch>,
    /// How often new lists were called for.
    lists: u64,
    pub outbox: BTreeMap<ObjectKey, Post>,
    pub term: Term,
}

/// From taking the Lease to losing it.
pub struct Term {
    pub epoch: i64,
    pub rounds: Reconciler,
    store: Option<Faulty>,
    begun: bool,
    pub work: Work,
    next_observation: SignedDuration,
    next_tick: SignedDuration,
    /// The store's clock, and when it was read.
    clock: (Timestamp, SignedDuration),
    /// The end of the ledger as it was last seen.
    known: Head,
}

/// What is outside the process.
pub struct Around<'a> {
    pub url: &'a StoreUrl,
    pub clock: &'a Clock,
    pub weather: &'a Arc<Mutex<Weather>>,
    /// What has passed on a clock that nobody sets.
    pub passed: SignedDuration,
    pub settings: &'a Settings,
    /// Everything that rounds have told.
    pub told: &'a mut Vec<Reconciled>,
}

impl Operator {
    pub fn new(epoch: i64, settings: &Settings) -> Self {
        Self {
            world: Mutex::default(),
            watches: no_watches(),
            lists: 0,
            outbox: BTreeMap::new(),
            term: Term::new(epoch, settings),
        }
    }

    /// Takes the Lease, perhaps again: the world stays.
    pub fn lead_again(&mut self, epoch: i64, settings: &Settings) {
        self.term = Term::new(epoch, settings);
        self.outbox.clear();
        locked(&self.world).forget_reports();
    }

    /// Whether a kind has changed in a way that was not seen yet.
    pub fn lags(&self, kind: Kind, server: &Server) -> bool {
        let watch = self.watches[&kind];
        !watch.listed || watch.seen < server.changes(kind)
    }

    /// Lists a kind anew, as it was a few changes ago. Where the list fails in its middle it counts for nothing.
    pub fn list(&mut self, kind: Kind, server: &Server, ago: usize, fails: bool) {
        let watch = self.watches.get_mut(&kind).expect("all kinds are watched");
        let at = server.changes(kind).saturating_sub(ago);
        let mut world = locked(&self.world);
        see(&mut world, kind, Event::Init);
        let objects = server.listed(kind, at);
        let many = if fails { objects.len() / 2 } else { objects.len() };
        for object in objects.into_iter().take(many) {
            see(&mut world, kind, Event::InitApply(object));
        }
        if fails {
            return;
        }
        see(&mut world, kind, Event::InitDone);
        listed(&mut world, kind, self.lists);
        *watch = Watch { seen: at, listed: true };
    }

    /// Sees the next change of a kind, or lists it where that was not done.
    pub fn watch(&mut self, kind: Kind, server: &Server, twice: bool) {
        let watch = self.watches.get_mut(&kind).expect("all kinds are watched");
        if !watch.listed {
            self.list(kind, server, 0, false);
            return;
        }
        let Some(told) = server.log.get(&kind).and_then(|log| log.get(watch.seen)) else { return };
        watch.seen += 1;
        let mut world = locked(&self.world);
        for _ in 0..=usize::from(twice) {
            let object = told.object.clone();
            let event = if told.gone { Event::Delete(object) } else { Event::Apply(object) };
            see(&mut world, kind, event);
        }
    }

    /// Sees everything.
    pub fn catch_up(&mut self, server: &Server) {
        for kind in Kind::ALL {
            while self.lags(kind, server) {
                self.watch(kind, server, false);
            }
        }
    }

    /// Whether there is nothing to do but to wait.
    pub fn rests(&self, passed: SignedDuration) -> bool {
        let term = &self.term;
        term.store.is_some()
            && term.work.is_empty()
            && term.rounds.has_swept()
            && !term.rounds.is_sweeping()
            && self.outbox.is_empty()
            && locked(&self.world).waiting() == 0
            && term.next_observation > passed
            && term.rounds.next_requeue().is_none_or(|at| at > term.now(passed))
    }

    /// The next turn begins a look at everything.
    pub fn looks_at_everything(&mut self) {
        self.term.next_observation = SignedDuration::ZERO;
    }

    /// When something is due, as far as this process knows.
    pub fn due_in(&self, passed: SignedDuration) -> Option<SignedDuration> {
        let wake = self.term.rounds.next_requeue()?;
        Some(wake.duration_since(self.term.now(passed)).max(SignedDuration::ZERO))
    }

    /// When everything is looked at again.
    pub fn observes_in(&self, passed: SignedDuration) -> SignedDuration {
        (self.term.next_observation - passed).max(SignedDuration::ZERO)
    }

    /// One time around the loop.
    pub async fn turn(&mut self, around: &mut Around<'_>) -> Result<(), StoreError> {
        let turned = Box::pin(self.try_turn(around)).await;
        if turned.is_err() {
            self.term.store = None;
        }
        turned
    }

    async fn try_turn(&mut self, around: &mut Around<'_>) -> Result<(), StoreError> {
        if self.term.store.is_none() {
            let begun = self.term.begun;
            let opened = self.term.open(around).await;
            if self.term.begun && !begun {
                self.lists += 1;
                self.watches = no_watches();
            }
            self.hand_on(opened?, around)?;
        }
        let term = &mut self.term;
        let store = term.store.as_mut().expect("it is open");
        if around.passed >= term.next_tick {
            let now = store.observe(&nothing()).await?.now;
            term.known = store.head().await?;
            term.clock = (now, around.passed);
            term.next_tick = around.passed + TICKS_EVERY;
        }
        let (read, at) = term.clock;
        let now = read.saturating_add(around.passed - at).unwrap_or(read);
        if !locked(&self.world).is_listed_since(self.lists) {
            if term.rounds.row_index().next_end().is_some_and(|end| end <= now) {
                let done = term.rounds.expire(store).await?;
                self.hand_on(done, around)?;
            }
            return Ok(());
        }
        if around.passed >= term.next_observation {
            term.rounds.begin_sweep(&mut locked(&self.world));
            term.next_observation = around.passed + OBSERVES_EVERY;
        }
        term.work.objects.append(&mut locked(&self.world).take_dirty());
        for wake in term.rounds.due(now) {
            term.work.enqueue(wake);
        }
        if let Some(mut done) = term.rounds.resync(&self.world, store).await? {
            for wake in std::mem::take(&mut done.again) {
                term.work.enqueue(wake);
            }
            self.hand_on(done, around)?;
        }
        let term = &mut self.term;
        if term.work.is_empty() || !term.rounds.has_swept() {
            return Ok(());
        }
        self.expire_due(now, around).await?;
        let term = &mut self.term;
        let store = term.store.as_mut().expect("it is open");
        let done = term.rounds.reconcile(&self.world, &term.work, store).await?;
        term.clock = (done.now, around.passed);
        let again = done.again.clone();
        self.hand_on(done, around)?;
        self.term.work = Work::default();
        for wake in again {
            self.term.work.enqueue(wake);
        }
        Ok(())
    }

    /// Takes away what has ended; the next part is read before one is taken away.
    async fn expire_due(
        &mut self,
        now: Timestamp,
        around: &mut Around<'_>,
    ) -> Result<(), StoreError> {
        let mut parts = self.term.rounds.ended(&self.term.work, now).into_iter();
        let mut next = self.term.read_expiry(parts.next(), around.settings).await;
        while let Some(ends) = next {
            let ends = ends?;
            next = self.term.read_expiry(parts.next(), around.settings).await;
            let store = self.term.store.as_mut().expect("it is open");
            let done = self.term.rounds.take_away(ends, store).await;
            self.hand_on(done, around)?;
        }
        Ok(())
    }

    /// Tells what was done, also where the store failed in the middle of it.
    fn hand_on(&mut self, done: Reconciled, around: &mut Around<'_>) -> Result<(), StoreError> {
        let failed = done.failed.clone();
        self.tell(done, around);
        failed.map_or(Ok(()), Err)
    }

    fn tell(&mut self, done: Reconciled, around: &mut Around<'_>) {
        let mut world = locked(&self.world);
        for report in &done.reports {
            world.reports(&report.object, report.status.clone());
        }
        drop(world);
        for mark in &done.marks {
            locked(&self.world).marks(&mark.object, &mark.version);
            let post = self.outbox.entry(mark.object.clone()).or_default();
            post.mark = Some(Box::new(mark.clone()));
        }
        for report in &done.reports {
            let object = report.object.clone();
            self.outbox.entry(object).or_default().report = Some(report.clone());
        }
        around.told.push(done);
    }

    /// Writes what waits for one object. A write may be lost, or done with its answer lost; then it is tried again.
    pub fn post(&mut self, object: &ObjectKey, server: &mut Server, weather: &Mutex<Weather>) {
        let Some(post) = self.outbox.remove(object) else { return };
        let Post { mark, report, tried } = post.clone();
        let ends = mark.as_ref().is_some_and(|mark| mark.finalizers.is_empty()) && report.is_none();
        let marked = match &mark {
            Some(mark) => sent(weather, || server.mark(mark)),
            None => Fate::Written,
        };
        let fate = match (marked, &report) {
            (Fate::Written, Some(report)) if !ends => sent(weather, || server.report(report)),
            (fate, _) => fate,
        };
        match fate {
            Fate::Written => {}
            Fate::Refused => locked(&self.world).unmark(object),
            Fate::Outdated => locked(&self.world).forget_report(object),
            Fate::Failed => {
                let again = Post { tried: tried + 1, ..post };
                self.outbox.insert(object.clone(), again);
            }
        }
    }
}

impl Term {
    fn new(epoch: i64, settings: &Settings) -> Self {
        Self {
            epoch,
            rounds: Reconciler::new(settings.clone()),
            store: None,
            begun: false,
            work: Work::default(),
            next_observation: SignedDuration::ZERO,
            next_tick: SignedDuration::ZERO,
            clock: (Timestamp::UNIX_EPOCH, SignedDuration::ZERO),
            known: Head::empty(),
        }
    }

    async fn read_expiry(
        &mut self,
        keys: Option<BTreeSet<RelationshipKey>>,
        settings: &Settings,
    ) -> Option<Result<Expiry, StoreError>> {
        let store = self.store.as_mut().expect("it is open");
        Some(read_expiry(keys?, settings, store).await)
    }

    async fn open(&mut self, around: &Around<'_>) -> Result<Reconciled, StoreError> {
        let Around { url, clock, weather, passed, settings, .. } = around;
        if weather.lock().unwrap().step().is_some() {
            return Err(super::store::gone());
        }
        let store = if self.begun {
            open_writer_again(url, &settings.instance, self.epoch, &self.known).await?
        } else {
            open_writer_at(url, &settings.instance, self.epoch).await?
        };
        self.begun = true;
        let store = store.with_clock(Arc::clone(clock));
        let mut store = Faulty { store, weather: Arc::clone(weather), epoch: self.epoch };
        let done = self.rounds.expire(&mut store).await?;
        self.clock = (done.now, *passed);
        self.store = Some(store);
        Ok(done)
    }

    /// The store's clock by now, as far as this process knows.
    fn now(&self, passed: SignedDuration) -> Timestamp {
        let (read, at) = self.clock;
        read.saturating_add(passed - at).unwrap_or(read)
    }
}

/// What became of a write.
#[derive(Clone, Copy)]
enum Fate {
    Written,
    Outdated,
    Failed,
    Refused,
}

fn sent(weather: &Mutex<Weather>, write: impl FnOnce() -> Result<(), Refused>) -> Fate {
    let fault = weather.lock().unwrap().step();
    if matches!(fault, Some(Fault::Before | Fault::Late)) {
        return Fate::Failed;
    }
    match write() {
        _ if fault == Some(Fault::After) => Fate::Failed,
        Ok(()) => Fate::Written,
        Err(Refused::NotFound | Refused::Conflict) => Fate::Outdated,
        Err(Refused::Invalid) => Fate::Refused,
        Err(Refused::Failed) => Fate::Failed,
    }
}

fn nothing() -> Scope {
    Scope::Of {
        keys: BTreeSet::new(),
        customers: BTreeSet::new(),
        owned: None,
        bounded: None,
        adopted: BTreeSet::new(),
    }
}

fn no_watches() -> BTreeMap<Kind, Watch> {
    Kind::ALL.into_iter().map(|kind| (kind, Watch::default())).collect()
}
