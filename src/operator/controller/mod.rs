//! The loop of the leader: expiry first, then everything once, then whatever changes or comes due.
//!
//! Never: a round before every kind was listed whole since the Lease was taken, or after it is lost.

mod expiry;
mod term;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::SignedDuration;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use term::Term;

use super::{
    cluster::{Events, Outbox, Post},
    election::{Leadership, Role},
    index::Index,
    reconcile::{Reconciled, Settings, Work, locked},
    store,
    telemetry::{
        health::Health,
        labels::{ChangeOutcome, RoundResult},
        logs,
        metrics::{self, Metrics, Reach},
    },
};
use crate::{
    domain::ids::ObjectKey,
    store::{Outcome, Read, StoreError, StoreUrl, sql::open_reader},
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
    /// How often a service is asked by one list what has changed there.
    pub hints_every: Duration,
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
            hints_every: Duration::from_secs(60),
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
pub struct Controller {
    /// How rounds are run.
    pub settings: Settings,
    /// The store.
    pub store: StoreUrl,
    /// How fast.
    pub pace: Pace,
    /// What is known of the cluster.
    pub index: Arc<Mutex<Index>>,
    /// Told when that changes.
    pub changed: Arc<Notify>,
    /// How often new lists were called for.
    pub lists: Arc<watch::Sender<u64>>,
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

impl Controller {
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
                locked(&self.index).forget_reports();
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
        let read = async { open_reader(&store::ledger(&self.store)?).await?.head().await };
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
        let mut term = Term::begin(self, epoch);
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
    fn tell(&self, done: Reconciled, took: Duration) {
        for effect in &done.effects {
            let (outcome, code) = match &effect.outcome {
                Outcome::Done => (ChangeOutcome::Done, None),
                Outcome::Refused(refusal) => (ChangeOutcome::Refused, Some(refusal.code())),
                Outcome::Underway => (ChangeOutcome::Underway, None),
                Outcome::Unknown => (ChangeOutcome::Unknown, None),
            };
            self.metrics.store_change(&effect.change, outcome);
            let told = logs::Effected { outcome, code, sequence: None };
            logs::effect(&effect.change, effect.id, told);
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
        let mut index = locked(&self.index);
        for report in &done.reports {
            index.reports(&report.object, report.status.clone());
        }
        for mark in &done.marks {
            index.marks(&mark.object, &mark.version);
        }
        drop(index);
        let mut posts: BTreeMap<ObjectKey, Post> = BTreeMap::new();
        for mark in done.marks {
            let post = posts.entry(mark.object.clone()).or_default();
            post.mark = Some(Box::new(mark));
        }
        for report in done.reports {
            let post = posts.entry(report.object.clone()).or_default();
            post.report = Some(report);
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
