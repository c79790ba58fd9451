//! What has ended goes first, and the next part of it is read while one is taken away.
//!
//! Never: what could not be read taken for nothing; it fails as the store does.

use std::{collections::BTreeSet, vec};

use jiff::Timestamp;
use tokio::{sync::mpsc, time::Instant};

use super::term::Term;
use crate::{
    domain::state::RelationshipKey,
    operator::{
        reconcile::{Expiry, Settings, Work, read_expiry},
        store,
    },
    store::{StoreError, StoreUrl},
};

/// So many parts are kept until they are told of, so that they do not become too much.
const PARTS_UNTOLD: usize = 64;

impl Term<'_> {
    /// Takes away what of the work has ended, and tells of it afterwards: whoever comes last does not wait for that.
    pub async fn expire_due(&mut self, work: &Work, now: Timestamp) -> Result<(), StoreError> {
        let mut parts = self.rounds.ended(work, now).into_iter();
        let (Some(first), Some(store)) = (parts.next(), &mut self.store) else { return Ok(()) };
        let mut began = Instant::now();
        let mut ahead = read_ahead(parts, &self.lead.store, &self.lead.settings);
        let mut next = Some(read_expiry(first, &self.lead.settings, store).await);
        let mut untold = Vec::new();
        let mut failed = None;
        while let (Some(ends), Some(store)) = (next, &mut self.store) {
            match ends {
                Ok(ends) => {
                    let done = self.rounds.take_away(ends, store).await;
                    failed.clone_from(&done.failed);
                    untold.push((done, began));
                }
                Err(error) => failed = Some(error),
            }
            if failed.is_some() {
                break;
            }
            if untold.len() >= PARTS_UNTOLD {
                for (done, began) in untold.drain(..) {
                    self.tell(done, began)?;
                }
            }
            began = Instant::now();
            next = ahead.recv().await;
        }
        for (done, began) in untold {
            // What failed is told once everything is that was done before.
            drop(self.tell(done, began));
        }
        failed.map_or(Ok(()), Err)
    }
}

/// Reads what has ended under these relationships in a session of its own, at most two parts ahead. Whatever it leaves
/// because it ends early is found by the round that comes next.
fn read_ahead(
    parts: vec::IntoIter<BTreeSet<RelationshipKey>>,
    url: &StoreUrl,
    settings: &Settings,
) -> mpsc::Receiver<Result<Expiry, StoreError>> {
    let (sender, receiver) = mpsc::channel(1);
    if parts.len() == 0 {
        return receiver;
    }
    let (url, settings) = (url.clone(), settings.clone());
    tokio::spawn(async move {
        let mut store = match store::reader(&url).await {
            Ok(store) => store,
            Err(error) => return drop(sender.send(Err(error)).await),
        };
        for keys in parts {
            let ends = read_expiry(keys, &settings, &mut store).await;
            // Nobody waits for what comes after a failure.
            if sender.send(ends).await.is_err() {
                return;
            }
        }
    });
    receiver
}
