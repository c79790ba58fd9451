//! The task of a candidate: takes the Lease, renews it, and lets it go.
//!
//! Never: a Lease that is written over what somebody else has written meanwhile.

use std::{sync::Arc, time::Duration};

use futures::FutureExt;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, api::PostParams};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use super::{
    Candidate, EPOCH, Published, Requests, Role, Trouble, Until,
    record::{Record, Watched},
};
use crate::store::sql::{ensure_holds, stored_epoch};

/// A candidate at work.
pub(super) struct Term {
    pub api: Api<Lease>,
    pub candidate: Candidate,
    pub watched: Watched,
    pub role: watch::Sender<Role>,
    pub trouble: watch::Sender<Option<Trouble>>,
    pub published: watch::Receiver<Option<(i64, Published)>>,
    pub requests: Arc<Requests>,
    pub until: Arc<Until>,
}

/// A Lease that is ours.
struct Held {
    record: Record,
    epoch: i64,
    /// When the request was sent that made it ours for another while.
    since: Instant,
}

/// Why somebody does not lead any more.
enum Ended {
    Lost,
    Stopped,
    SteppedDown,
}

impl Term {
    pub async fn run(mut self) {
        while let Some(mut held) = self.taken().await {
            self.until.set(Some(held.since + self.candidate.pace.give_up_after));
            // Whoever was asked to step down before this had nothing to step down from.
            let _ = self.requests.step_down.notified().now_or_never();
            self.role.send_replace(Role::Leader { epoch: held.epoch });
            let ended = self.hold(&mut held).await;
            self.until.set(None);
            self.role.send_replace(Role::Follower);
            match ended {
                Ended::Lost => {}
                Ended::Stopped => return self.free(&held).await,
                Ended::SteppedDown => {
                    self.free(&held).await;
                    self.wait(self.candidate.pace.lasts).await;
                }
            }
        }
    }

    /// Tries until the Lease is ours; nothing if it is no longer wanted.
    async fn taken(&mut self) -> Option<Held> {
        while !self.requests.stop.is_cancelled() {
            match self.try_to_take().await {
                Ok(Some(held)) => {
                    self.tell(None);
                    return Some(held);
                }
                Ok(None) => self.tell(None),
                Err(trouble) => self.tell(Some(trouble)),
            }
            self.wait(self.candidate.pace.ask_again_after).await;
        }
        None
    }

    async fn try_to_take(&mut self) -> Result<Option<Held>, Trouble> {
        let Candidate { lease, identity, store, instance, pace, .. } = &self.candidate;
        let found = within(pace.renew_every, self.api.get_opt(lease)).await?;
        let there = found.is_some();
        let record = found.map_or_else(|| Record::new(lease), Record);
        if !self.watched.may_take(&record, identity, Instant::now().into_std()) {
            return Ok(None);
        }
        ensure_holds(store, &record.head()?).await?;
        let last = record.epoch()?.max(stored_epoch(store, instance).await?);
        let epoch = last.checked_add(1).ok_or(Trouble::Unreadable { annotation: EPOCH })?;
        let Record(wanted) = record.taken(identity, pace.lasts, epoch);
        let since = Instant::now();
        let parameters = PostParams::default();
        // The version that was read goes with it: whoever was faster has it.
        let written = if there {
            within(pace.renew_every, self.api.replace(lease, &parameters, &wanted)).await
        } else {
            within(pace.renew_every, self.api.create(&parameters, &wanted)).await
        };
        match written {
            Ok(lease) => Ok(Some(Held { record: Record(lease), epoch, since })),
            Err(Failed::Faster) => Ok(None),
            Err(failed) => Err(failed.into()),
        }
    }

    /// Renews the Lease for as long as that works.
    async fn hold(&self, held: &mut Held) -> Ended {
        let pace = self.candidate.pace;
        let mut next = held.since + pace.renew_every;
        loop {
            tokio::select! {
                () = self.requests.stop.cancelled() => return Ended::Stopped,
                () = self.requests.step_down.notified() => return Ended::SteppedDown,
                () = sleep_until(next) => {}
            }
            let give_up = held.since + pace.give_up_after;
            let now = Instant::now();
            match timeout_at(give_up, self.renew(held)).await {
                Ok(Ok(true)) => {
                    self.until.set(Some(held.since + pace.give_up_after));
                    self.tell(None);
                    next = held.since + pace.renew_every;
                }
                Ok(Ok(false)) | Err(_) => return Ended::Lost,
                Ok(Err(trouble)) => {
                    self.tell(Some(trouble));
                    next = (now + pace.ask_again_after).min(give_up);
                    if Instant::now() >= give_up {
                        return Ended::Lost;
                    }
                }
            }
        }
    }

    /// Renews once; whether it still is ours.
    async fn renew(&self, held: &mut Held) -> Result<bool, Trouble> {
        let Candidate { lease, identity, pace, .. } = &self.candidate;
        let Record(wanted) = held.record.renewed(self.published_in(held.epoch));
        let since = Instant::now();
        let parameters = PostParams::default();
        let replaced = self.api.replace(lease, &parameters, &wanted);
        match within(pace.renew_every, replaced).await {
            Ok(lease) => {
                (held.record, held.since) = (Record(lease), since);
                Ok(true)
            }
            Err(Failed::Faster | Failed::Gone) => {
                let found = within(pace.renew_every, self.api.get_opt(lease)).await?.map(Record);
                let ours = |record: &Record| {
                    record.holder() == Some(identity) && record.epoch() == Ok(held.epoch)
                };
                let Some(record) = found.filter(ours) else { return Ok(false) };
                // Somebody has annotated it, or the answer to our own write was lost.
                held.record = record;
                Err(Failed::Faster.into())
            }
            Err(failed) => Err(failed.into()),
        }
    }

    /// Lets the next one begin at once. If that fails, the Lease lapses by itself.
    async fn free(&self, held: &Held) {
        let Record(free) = held.record.released(self.published_in(held.epoch));
        let Candidate { lease, pace, .. } = &self.candidate;
        let parameters = PostParams::default();
        let freed = self.api.replace(lease, &parameters, &free);
        self.tell(within(pace.renew_every, freed).await.err().map(Trouble::from));
    }

    /// What was published in this very epoch: what an earlier one knew may be older than what stands in the Lease.
    fn published_in(&self, epoch: i64) -> Option<Published> {
        let (of, published) = (*self.published.borrow())?;
        (of == epoch).then_some(published)
    }

    /// Waits, unless there is nothing left to wait for.
    async fn wait(&self, how_long: Duration) {
        let stopped = timeout(how_long, self.requests.stop.cancelled()).await;
        drop(stopped);
    }

    fn tell(&self, trouble: Option<Trouble>) {
        self.trouble.send_if_modified(|told| {
            let differs = *told != trouble;
            *told = trouble;
            differs
        });
    }
}

/// Why a request came to nothing.
enum Failed {
    /// The Lease is no longer as it was read.
    Faster,
    /// There is no such Lease, or no such namespace.
    Gone,
    Other(String),
}

impl From<Failed> for Trouble {
    fn from(failed: Failed) -> Self {
        Self::Lease(match failed {
            Failed::Faster => "somebody else has changed it meanwhile".to_owned(),
            Failed::Gone => "it, or its namespace, is not there".to_owned(),
            Failed::Other(reason) => reason,
        })
    }
}

/// The answer to a request, within a limit.
async fn within<T>(
    limit: Duration,
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, Failed> {
    match timeout(limit, request).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(match status.code {
            404 => Failed::Gone,
            409 => Failed::Faster,
            _ => Failed::Other(status.message),
        }),
        Ok(Err(error)) => Err(Failed::Other(error.to_string())),
        Err(_) => Err(Failed::Other("the API server does not answer in time".to_owned())),
    }
}
