//! One term: the store opened in its epoch, expiry before all else, and a round whenever there is something to look at.
//!
//! Never: an instant by this machine's wall clock; the store's clock counts, and between two looks at it what has passed.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;
use tracing::warn;

use super::Controller;
use crate::{
    domain::entry::Head,
    operator::{
        election::Published,
        index::Index,
        reconcile::{Reconciled, Reconciler, Requeue, Work, locked},
        store,
        telemetry::metrics::{Holdings, LedgerHead},
    },
    store::{AnyWriter, Read, StoreError, Write},
};

/// A term: from taking the Lease to losing it.
pub(super) struct Term<'a> {
    pub lead: &'a Controller,
    epoch: i64,
    /// The lists that count were begun after so many calls for new ones; none does before the store was opened.
    lists: Option<u64>,
    pub rounds: Reconciler,
    /// Open, unless it failed.
    pub store: Option<AnyWriter>,
    begun: bool,
    /// The store's clock, and when it was read.
    clock: (Timestamp, Instant),
    /// The end of the ledger, as it was seen last.
    head: Head,
    /// When a service is asked next what has changed there.
    next_hints: Instant,
    /// When it is asked next what became of what is on its way, and how long was waited for that.
    next_settling: Option<(Instant, Duration)>,
}

/// The first and the longest wait before a service is asked what became of what is on its way.
const SETTLES_FIRST: Duration = Duration::from_secs(2);
const SETTLES_LAST: Duration = Duration::from_secs(30);

impl<'a> Term<'a> {
    /// Nothing is known yet.
    pub fn begin(lead: &'a Controller, epoch: i64) -> Self {
        Self {
            lead,
            epoch,
            lists: None,
            rounds: Reconciler::new(lead.settings.clone()),
            store: None,
            begun: false,
            clock: (Timestamp::UNIX_EPOCH, Instant::now()),
            head: Head::empty(),
            next_hints: Instant::now() + lead.pace.hints_every,
            next_settling: None,
        }
    }

    /// One time around: a look at the clock now and then, and a round where there is something to look at.
    pub async fn turn(
        &mut self,
        work: &mut Work,
        next_tick: &mut Instant,
        next_observation: &mut Instant,
    ) -> Result<(), StoreError> {
        if self.store.is_none() {
            self.open().await?;
        }
        if Instant::now() >= *next_tick {
            let at_rest = work.is_empty() && self.rounds.has_swept() && !self.rounds.is_sweeping();
            self.tick(at_rest).await?;
            *next_tick = Instant::now() + self.lead.pace.ticks_every;
        }
        if !self.is_listed(&locked(&self.lead.index)) {
            return Ok(());
        }
        if Instant::now() >= *next_observation {
            self.rounds.begin_sweep(&mut locked(&self.lead.index));
            *next_observation = Instant::now() + self.lead.pace.observes_every;
        }
        work.objects.append(&mut locked(&self.lead.index).take_dirty());
        for wake in self.rounds.due(self.now()) {
            work.enqueue(wake);
        }
        self.look_outside(work).await?;
        self.lead.metrics.queue_depth(work.objects.len() + work.rows.len());
        self.sweep(work).await?;
        if work.is_empty() || !self.rounds.has_swept() {
            return Ok(());
        }
        let now = self.now();
        self.expire_due(work, now).await?;
        let Some(store) = &mut self.store else { return Ok(()) };
        let began = Instant::now();
        let done = self.rounds.reconcile(&self.lead.index, work, store).await?;
        let again = done.again.clone();
        let left = done.left;
        self.tell(done, began)?;
        *work = Work::default();
        for wake in again {
            work.enqueue(wake);
        }
        self.lead.reached(&Ok(()));
        self.count(left);
        Ok(())
    }

    /// Asks a service what became of what is on its way, the sooner the later it was sent, and what has changed there besides.
    async fn look_outside(&mut self, work: &mut Work) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let now = Instant::now();
        if now >= self.next_hints {
            self.next_hints = now + self.lead.pace.hints_every;
            work.rows.extend(store.hints().await?);
        }
        let underway = store.underway();
        if underway.is_empty() {
            self.next_settling = None;
            return Ok(());
        }
        let (at, wait) = self.next_settling.unwrap_or((now + SETTLES_FIRST, SETTLES_FIRST));
        if now < at {
            self.next_settling = Some((at, wait));
            return Ok(());
        }
        let wait = (wait * 2).min(SETTLES_LAST);
        self.next_settling = Some((now + wait, wait));
        let before = underway.len();
        if store.settle().await?.open < before {
            for row in underway {
                work.enqueue(Requeue::Row(row));
            }
        }
        Ok(())
    }

    /// Whether every kind was listed whole since nobody else writes.
    fn is_listed(&self, index: &Index) -> bool {
        self.lists.is_some_and(|calls| index.is_listed_since(calls))
    }

    /// Looks at a part of everything, if that is going on.
    async fn sweep(&mut self, work: &mut Work) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let began = Instant::now();
        let Some(mut done) = self.rounds.resync(&self.lead.index, store).await? else {
            return Ok(());
        };
        for wake in std::mem::take(&mut done.again) {
            work.enqueue(wake);
        }
        self.tell(done, began)?;
        self.lead.reached(&Ok(()));
        Ok(())
    }

    /// Opens the store in our epoch; what time has ended meanwhile goes before anything else is looked at.
    async fn open(&mut self) -> Result<(), StoreError> {
        let Controller { store: url, settings, .. } = self.lead;
        let known = self.begun.then_some(&self.head);
        let mut store = store::writer(url, &settings.instance, self.epoch, known).await?;
        let leadership = Arc::downgrade(&self.lead.leadership);
        store.only_while(move || leadership.upgrade().is_some_and(|lead| lead.leads_now()));
        if !self.begun {
            // From here on nobody else writes. What a watch has told so far may be older than what the leader before has
            // acted on: a grant that it has taken away would be given again.
            self.lead.lists.send_modify(|calls| *calls += 1);
            self.lists = Some(*self.lead.lists.borrow());
        }
        self.begun = true;
        let began = Instant::now();
        let done = self.rounds.expire(&mut store).await?;
        self.tell(done, began)?;
        self.store = Some(store);
        self.lead.reached(&Ok(()));
        Ok(())
    }

    /// Hands on what was done, also where the store failed in the middle of it.
    pub fn tell(&mut self, done: Reconciled, began: Instant) -> Result<(), StoreError> {
        self.clock = (done.now, Instant::now());
        let failed = done.failed.clone();
        self.lead.tell(done, began.elapsed());
        failed.map_or(Ok(()), Err)
    }

    /// Reads the store's clock and the end of the ledger, and lets the Lease tell how far we are.
    async fn tick(&mut self, at_rest: bool) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let now = store.now().await?;
        self.clock = (now, Instant::now());
        let head = store.head().await?;
        self.head = head;
        self.lead.reached(&Ok(()));
        self.lead.metrics.ledger_head(LedgerHead { sequence: head.sequence, written: now });
        let mut synced = {
            let index = locked(&self.lead.index);
            self.is_listed(&index) && index.waiting() == 0
        };
        synced &= at_rest && self.lead.outbox.is_empty();
        let observed_through = synced.then_some(now);
        self.lead.leadership.publish(self.epoch, Published { observed_through, head });
        if !self.is_listed(&locked(&self.lead.index))
            && self.rounds.row_index().next_end().is_some_and(|end| end <= now)
            && let Some(store) = &mut self.store
        {
            let began = Instant::now();
            let done = self.rounds.expire(store).await?;
            self.tell(done, began)?;
        }
        Ok(())
    }

    /// The store's clock by now.
    fn now(&self) -> Timestamp {
        let (read, at) = self.clock;
        let passed = SignedDuration::try_from(at.elapsed()).unwrap_or_default();
        read.saturating_add(passed).unwrap_or(read)
    }

    /// When something is due.
    pub fn wakes_at(&self) -> Instant {
        if self.rounds.is_sweeping() {
            return Instant::now();
        }
        let settles = self.next_settling.map(|(at, _)| at);
        let far = Instant::now() + self.lead.pace.ticks_every;
        let far = settles.map_or(far, |at| at.min(far));
        let Some(next) = self.rounds.next_requeue() else { return far };
        let wait = Duration::try_from(next.duration_since(self.now())).unwrap_or(Duration::ZERO);
        far.min(Instant::now() + wait)
    }

    fn count(&self, left: usize) {
        let memory = self.rounds.row_index();
        self.lead.metrics.holdings(Holdings {
            plan_changes: left as u64,
            grants_in_force: memory.in_force() as u64,
            overdue_revocations: memory.overdue(self.now()) as u64,
            blocked_batches: memory.batches().len() as u64,
            next_expiry: memory.next_end(),
        });
    }

    pub async fn close(self) {
        if let Some(store) = self.store
            && let Err(error) = store.close().await
        {
            warn!(%error, "the goodbye to the store failed");
        }
    }
}
