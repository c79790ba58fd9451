//! Watches the five kinds and keeps the index as it is.
//!
//! Never: takes a list that failed for an empty one; what was seen stays until a whole list takes its place.

use std::sync::{Arc, Mutex};

use futures::{StreamExt, TryStreamExt, future::BoxFuture};
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, ListSemantic, watcher},
    },
};
use tokio::sync::{Notify, watch::Sender};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::causes;
use crate::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    operator::{
        index::{Guarded, Index, Tabled},
        reconcile::locked,
        telemetry::{
            health::Health,
            metrics::{Metrics, Reach},
        },
    },
};

/// As many objects as are listed at once.
const PAGE: u32 = 500;

/// What all watches share.
#[derive(Clone)]
pub struct Watching {
    /// The server.
    pub client: Client,
    /// What is kept.
    pub index: Arc<Mutex<Index>>,
    /// How often new lists were called for: a new leader may have missed what the one before has seen.
    pub lists: Arc<Sender<u64>>,
    /// Told of every change.
    pub changed: Arc<Notify>,
    /// Told whether a kind is seen.
    pub health: Arc<Health>,
    /// Told the same.
    pub metrics: Arc<Metrics>,
}

/// Every watch, to be run until `stop`.
pub fn watches(watching: &Watching, stop: &CancellationToken) -> Vec<BoxFuture<'static, ()>> {
    vec![
        Box::pin(watch::<PartnerBoundary>(watching.clone(), stop.clone())),
        Box::pin(watch::<PartnerOffer>(watching.clone(), stop.clone())),
        Box::pin(watch::<PartnerRelationship>(watching.clone(), stop.clone())),
        Box::pin(watch::<AgreementAcceptance>(watching.clone(), stop.clone())),
        Box::pin(watch::<RoleGrant>(watching.clone(), stop.clone())),
    ]
}

async fn watch<K: Tabled>(watching: Watching, stop: CancellationToken) {
    let mut lists = watching.lists.subscribe();
    loop {
        let calls = *lists.borrow_and_update();
        tokio::select! {
            () = watch_since::<K>(&watching, calls, &stop) => return,
            called = lists.changed() => if called.is_err() { return },
        }
    }
}

/// Lists, and watches from there on. A list is asked for as it is now, not as a cache of the server has it.
async fn watch_since<K: Tabled>(watching: &Watching, calls: u64, stop: &CancellationToken) {
    let api: Api<Guarded<K>> = Api::all(watching.client.clone());
    let config = watcher::Config::default().list_semantic(ListSemantic::MostRecent).page_size(PAGE);
    let events = watcher(api, config).default_backoff().take_until(stop.cancelled());
    let mut events = std::pin::pin!(events);
    loop {
        match events.try_next().await {
            Ok(None) => return,
            Ok(Some(event)) => {
                let whole = matches!(event, Event::InitDone);
                let mut index = locked(&watching.index);
                index.see::<K>(event);
                if whole {
                    index.listed::<K>(calls);
                    watching.reach(K::KIND, Reach::Up);
                }
                drop(index);
                watching.changed.notify_one();
            }
            Err(error) => {
                // A watch ends now and then; only a list that fails leaves us blind.
                if !matches!(error, watcher::Error::WatchFailed(_) | watcher::Error::WatchError(_))
                {
                    watching.reach(K::KIND, Reach::Down);
                }
                warn!(kind = %K::KIND, error = causes(&error), "the watch is interrupted");
            }
        }
    }
}

impl Watching {
    fn reach(&self, kind: crate::domain::ids::Kind, reach: Reach) {
        self.health.cache(kind, reach);
        self.metrics.watch(kind, reach);
    }
}
