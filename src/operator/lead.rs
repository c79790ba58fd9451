//! The loop of the leader: expiry first, then everything once, then whatever changes or comes due.
//!
//! Never: a round before every kind was listed whole, or after the Lease is lost.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    cluster::{Events, Outbox, Post},
    leader::{Leadership, Published, Role},
    round::{Done, Report, Rounds, Settings, StatusOf, Work, locked},
    telemetry::{
        health::Health,
        labels::{ChangeOutcome, RoundResult},
        logs,
        metrics::{self, Holdings, LedgerHead, Metrics, Reach},
    },
    world::{World, key},
};
use crate::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::{entry::Head, ids::Kind},
    store::{
        Outcome, Read, Scope, StoreError, StoreUrl,
        sql::{SqlWriter, open_reader, open_writer_again, open_writer_at},
    },
};

/// How fast the leader is.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How long changes are collected before a round.
    pub collects_for: Duration,
    /// The same while many objects are still to be written.
    pub collects_long_for: Duration,
    /// How often the store's clock is read, and the Lease told how far we are.
    pub ticks_every: Duration,
    /// How often everything is compared although nothing has changed here: that is how drift is found.
    pub observes_every: Duration,
    /// How long a termination waits for others to be judged with it.
    pub settles_for: SignedDuration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            collects_for: Duration::from_millis(10),
            collects_long_for: Duration::from_millis(250),
            ticks_every: Duration::from_secs(5),
            observes_every: Duration::from_secs(300),
            settles_for: SignedDuration::from_secs(30),
        }
    }
}

/// With so many objects still to be written, changes are collected for longer.
const MANY: usize = 100;
/// After a failure of the store it is tried again, later each time.
const FIRST_RETRY: Duration = Duration::from_millis(200);
const LAST_RETRY: Duration = Duration::from_secs(30);

/// What leads.
pub struct Lead {
    /// How rounds are run.
    pub settings: Settings,
    /// The store.
    pub store: StoreUrl,
    /// How fast.
    pub pace: Pace,
    /// What is known of the cluster.
    pub world: Arc<Mutex<World>>,
    /// Told when that changes.
    pub changed: Arc<Notify>,
    /// What is to be written to the cluster.
    pub outbox: Arc<Outbox>,
    /// What is to be told there.
    pub events: Events,
    /// Whether we lead.
    pub leadership: Arc<Leadership>,
    /// Told how we are.
    pub health: Arc<Health>,
    /// Told the same in figures.
    pub metrics: Arc<Metrics>,
}

/// Why a term ended.
enum End {
    /// Somebody asked.
    Stopped,
    /// The Lease is lost, or was given up.
    Lost,
}

/// A term: from taking the Lease to losing it.
struct Term<'a> {
    lead: &'a Lead,
    epoch: i64,
    rounds: Rounds,
    store: Option<SqlWriter>,
    begun: bool,
    /// The store's clock, and when it was read.
    clock: (Timestamp, Instant),
    /// The end of the ledger, as it was seen last.
    head: Head,
}

impl Lead {
    /// Leads whenever it may, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut role = self.leadership.role();
        loop {
            self.health.beat(Instant::now().into_std());
            let epoch = match *role.borrow_and_update() {
                Role::Leader { epoch } => Some(epoch),
                Role::Follower => None,
            };
            if let Some(epoch) = epoch {
                self.metrics.leadership(metrics::Leadership::Leads);
                info!(epoch, "this replica leads");
                let end = self.term(epoch, &mut role, &stop).await;
                self.outbox.clear();
                locked(&self.world).forget_reports();
                self.metrics.leadership(metrics::Leadership::Follows);
                match end {
                    End::Stopped => return,
                    End::Lost => info!(epoch, "this replica leads no longer"),
                }
                continue;
            }
            self.look().await;
            tokio::select! {
                () = stop.cancelled() => return,
                _ = role.changed() => {}
                () = sleep(self.pace.ticks_every) => {}
            }
        }
    }

    /// A follower only looks whether the store can be read.
    async fn look(&self) {
        let read = async { open_reader(&self.store).await?.head().await };
        let result = read.await;
        self.reached(&result.map(drop));
    }

    fn reached(&self, result: &Result<(), StoreError>) {
        let now = Instant::now().into_std();
        match result {
            Ok(()) => {
                self.metrics.store(Reach::Up);
                self.health.store(Ok(()), now);
            }
            Err(error) => {
                self.metrics.store(Reach::Down);
                self.health.store(Err(error.code()), now);
            }
        }
    }

    async fn term(
        &self,
        epoch: i64,
        role: &mut watch::Receiver<Role>,
        stop: &CancellationToken,
    ) -> End {
        let mut term = Term {
            lead: self,
            epoch,
            rounds: Rounds::new(self.settings.clone()),
            store: None,
            begun: false,
            clock: (Timestamp::UNIX_EPOCH, Instant::now()),
            head: Head::empty(),
        };
        let mut work = Work::default();
        let mut retry = FIRST_RETRY;
        let mut next_tick = Instant::now();
        let mut next_observation = Instant::now();
        loop {
            self.health.beat(Instant::now().into_std());
            match term.turn(&mut work, &mut next_tick, &mut next_observation).await {
                Ok(()) => retry = FIRST_RETRY,
                // What the Lease and the store say is judged anew by whoever takes the Lease next.
                Err(error @ (StoreError::StaleEpoch { .. } | StoreError::Rewound { .. })) => {
                    warn!(epoch, %error, code = %error.code(), "this replica steps down");
                    self.reached(&Err(error));
                    self.leadership.step_down();
                    return self.until_lost(role, stop).await;
                }
                Err(error) => {
                    error!(%error, code = %error.code(), "the store failed: it is tried again");
                    self.reached(&Err(error));
                    self.metrics.round(RoundResult::Failed, Duration::ZERO);
                    term.store = None;
                    tokio::select! {
                        () = stop.cancelled() => return End::Stopped,
                        _ = role.changed() => {}
                        () = sleep(retry) => {}
                    }
                    retry = (retry * 2).min(LAST_RETRY);
                }
            }
            if !is_leader(role, epoch) {
                return End::Lost;
            }
            let wake = term.wakes_at().min(next_tick);
            tokio::select! {
                () = stop.cancelled() => {
                    term.close().await;
                    return End::Stopped;
                }
                _ = role.changed() => {}
                () = self.changed.notified() => {
                    let many = self.outbox.len() > MANY;
                    let Pace { collects_for, collects_long_for, .. } = self.pace;
                    sleep(if many { collects_long_for } else { collects_for }).await;
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            if !is_leader(role, epoch) {
                return End::Lost;
            }
        }
    }

    async fn until_lost(&self, role: &mut watch::Receiver<Role>, stop: &CancellationToken) -> End {
        tokio::select! {
            () = stop.cancelled() => End::Stopped,
            _ = role.changed() => End::Lost,
        }
    }

    /// Hands on what a round has to tell.
    fn tell(&self, done: Done, took: Duration) {
        for effect in &done.effects {
            let (outcome, code) = match &effect.outcome {
                Outcome::Done => (ChangeOutcome::Done, None),
                Outcome::Refused(refusal) => (ChangeOutcome::Refused, Some(refusal.code())),
            };
            self.metrics.store_change(&effect.change, outcome);
            logs::effect(&effect.change, logs::Effected { outcome, code, sequence: None });
        }
        for batch in &done.blocked {
            warn!(
                batch = %batch.hash,
                scope = batch.scope,
                changes = batch.changes.len(),
                "a batch waits for an approval"
            );
        }
        for (batch, by) in &done.approved {
            info!(%batch, by, "a batch was approved");
        }
        for (object, _, why) in &done.not_approved {
            warn!(%object, %why, "an approval does not count");
        }
        let result = if done.failed.is_some() {
            RoundResult::Failed
        } else if !done.blocked.is_empty() {
            RoundResult::Blocked
        } else if done.effects.is_empty() {
            RoundResult::AtRest
        } else {
            RoundResult::Changed
        };
        self.metrics.round(result, took);
        let mut world = locked(&self.world);
        for report in &done.reports {
            remember(&mut world, report);
        }
        drop(world);
        let posts = done
            .marks
            .into_iter()
            .map(|mark| (mark.object.clone(), Post { mark: Some(mark), ..Post::default() }));
        let mut posts: std::collections::BTreeMap<_, Post> = posts.collect();
        for report in done.reports {
            let object = key(kind_of(&report.status), &report.name);
            posts.entry(object).or_default().report = Some(report);
        }
        for (object, post) in posts {
            self.outbox.put(object, post);
        }
        for (object, uid, event) in done.events {
            self.events.tell(object, uid, event);
        }
    }
}

fn is_leader(role: &watch::Receiver<Role>, of: i64) -> bool {
    matches!(*role.borrow(), Role::Leader { epoch } if epoch == of)
}

fn kind_of(status: &StatusOf) -> Kind {
    match status {
        StatusOf::Offer(_) => Kind::PartnerOffer,
        StatusOf::Relationship(_) => Kind::PartnerRelationship,
        StatusOf::Grant(_) => Kind::RoleGrant,
        StatusOf::Acceptance(_) => Kind::AgreementAcceptance,
        StatusOf::Boundary(_) => Kind::PartnerBoundary,
    }
}

fn remember(world: &mut World, report: &Report) {
    let name = &report.name;
    match report.status.clone() {
        StatusOf::Offer(status) => world.reports::<PartnerOffer>(name, status),
        StatusOf::Relationship(status) => world.reports::<PartnerRelationship>(name, *status),
        StatusOf::Grant(status) => world.reports::<RoleGrant>(name, *status),
        StatusOf::Acceptance(status) => world.reports::<AgreementAcceptance>(name, status),
        StatusOf::Boundary(status) => world.reports::<PartnerBoundary>(name, status),
    }
}

impl Term<'_> {
    /// One time around: a look at the clock now and then, and a round where there is something to look at.
    async fn turn(
        &mut self,
        work: &mut Work,
        next_tick: &mut Instant,
        next_observation: &mut Instant,
    ) -> Result<(), StoreError> {
        if self.store.is_none() {
            self.open().await?;
        }
        if Instant::now() >= *next_tick {
            self.tick(work.is_empty()).await?;
            *next_tick = Instant::now() + self.lead.pace.ticks_every;
        }
        if !locked(&self.lead.world).is_synced() {
            return Ok(());
        }
        if Instant::now() >= *next_observation {
            work.everything = true;
            *next_observation = Instant::now() + self.lead.pace.observes_every;
        }
        work.objects.append(&mut locked(&self.lead.world).take_dirty());
        for wake in self.rounds.due(self.now()) {
            work.also(wake);
        }
        self.lead.metrics.queue_depth(work.objects.len() + work.rows.len());
        if work.is_empty() {
            return Ok(());
        }
        let Some(store) = &mut self.store else { return Ok(()) };
        let began = Instant::now();
        let done = self.rounds.round(&self.lead.world, work, store).await?;
        self.clock = (done.now, Instant::now());
        let failed = done.failed.clone();
        let again = done.again.clone();
        let left = done.left;
        self.lead.tell(done, began.elapsed());
        if let Some(error) = failed {
            return Err(error);
        }
        *work = Work::default();
        again.into_iter().for_each(|wake| work.also(wake));
        self.lead.reached(&Ok(()));
        self.count(left);
        Ok(())
    }

    /// Opens the store in our epoch; what time has ended meanwhile goes before anything else is looked at.
    async fn open(&mut self) -> Result<(), StoreError> {
        let Lead { store: url, settings, .. } = self.lead;
        let mut store = if self.begun {
            open_writer_again(url, &settings.instance, self.epoch, &self.head).await?
        } else {
            open_writer_at(url, &settings.instance, self.epoch).await?
        };
        self.begun = true;
        let began = Instant::now();
        let done = self.rounds.expire(&mut store).await?;
        self.clock = (done.now, Instant::now());
        self.store = Some(store);
        self.lead.reached(&Ok(()));
        self.lead.tell(done, began.elapsed());
        Ok(())
    }

    /// Reads the store's clock and the end of the ledger, and lets the Lease tell how far we are.
    async fn tick(&mut self, at_rest: bool) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else { return Ok(()) };
        let nothing = Scope::Of {
            keys: std::collections::BTreeSet::new(),
            customers: std::collections::BTreeSet::new(),
            owned: None,
        };
        let now = store.observe(&nothing).await?.now;
        self.clock = (now, Instant::now());
        let head = store.head().await?;
        self.head = head;
        self.lead.reached(&Ok(()));
        self.lead.metrics.ledger_head(LedgerHead { sequence: head.sequence, written: now });
        let mut synced = {
            let world = locked(&self.lead.world);
            world.is_synced() && world.waiting() == 0
        };
        synced &= at_rest && self.lead.outbox.is_empty();
        let observed_through = synced.then_some(now);
        self.lead.leadership.publish(self.epoch, Published { observed_through, head });
        if !locked(&self.lead.world).is_synced()
            && self.rounds.memory().next_end().is_some_and(|end| end <= now)
            && let Some(store) = &mut self.store
        {
            let done = self.rounds.expire(store).await?;
            self.lead.tell(done, Duration::ZERO);
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
    fn wakes_at(&self) -> Instant {
        let far = Instant::now() + self.lead.pace.ticks_every;
        let Some(next) = self.rounds.next_wake() else { return far };
        let wait = Duration::try_from(next.duration_since(self.now())).unwrap_or(Duration::ZERO);
        far.min(Instant::now() + wait)
    }

    fn count(&self, left: usize) {
        let memory = self.rounds.memory();
        self.lead.metrics.holdings(Holdings {
            plan_changes: left as u64,
            grants_in_force: memory.in_force() as u64,
            overdue_revocations: memory.overdue(self.now()) as u64,
            blocked_batches: memory.batches().len() as u64,
            next_expiry: memory.next_end(),
        });
    }

    async fn close(self) {
        if let Some(store) = self.store
            && let Err(error) = store.close().await
        {
            warn!(%error, "the goodbye to the store failed");
        }
    }
}
