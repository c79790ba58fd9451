//! What time alone has ended: read by one session and taken away by another, so that the next part is planned while one is
//! written.
//!
//! Never: a word of any object, or an end that was put off since it was read; the store refuses that as stale.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use jiff::Timestamp;

use super::{
    Reconciler, Settings, Work,
    converge::{claimant, operator},
    outcome::{Effected, Reconciled},
};
use crate::{
    domain::{
        change::Change,
        limits::{Admitted, Limits},
        plan::plan,
        state::{Observed, RelationshipKey},
        validate::desired_by_nobody,
    },
    store::{
        Read, Scope, Signatures, StoreError, Write,
        apply::{Stopped, apply},
    },
};

/// Of so many relationships what has ended is read and taken away at once, so that the first do not wait for the last.
const AT_ONCE: usize = 250;

/// What has ended of some relationships, and what they held when it was read.
#[derive(Debug)]
pub struct Expiry {
    observed: Observed,
    limits: BTreeMap<String, Limits>,
    changes: Vec<Admitted>,
    by: Signatures,
}

/// Reads what has ended of these relationships by now.
///
/// # Errors
/// When the store could not be read.
pub async fn read_expiry(
    keys: BTreeSet<RelationshipKey>,
    settings: &Settings,
    store: &mut impl Read,
) -> Result<Expiry, StoreError> {
    let scope = Scope::Of {
        keys,
        customers: BTreeSet::new(),
        owned: None,
        bounded: None,
        adopted: BTreeSet::new(),
    };
    Expiry::read(&scope, settings, store).await
}

impl Expiry {
    async fn read(
        scope: &Scope,
        settings: &Settings,
        store: &mut impl Read,
    ) -> Result<Self, StoreError> {
        let observed = store.observe(scope).await?;
        let desired = desired_by_nobody();
        let plan = plan(&desired, &observed, &claimant(settings));
        let expired = plan.changes.into_iter().filter(Change::is_of_time);
        let changes: Vec<Admitted> = expired
            .map(|change| {
                let scope = desired.scope_of(&change.subject.owner.object.namespace).to_owned();
                Admitted::free(change, scope)
            })
            .collect();
        let by = Signatures::from(operator(settings, &changes));
        Ok(Self { observed, limits: desired.limits(), changes, by })
    }
}

impl Reconciler {
    /// What time alone has ended, whatever any object says: done first after a start, before anything is listed.
    ///
    /// # Errors
    /// When the store could not be read. What was made before it failed stands in [`Reconciled`], with the failure.
    pub async fn expire(&mut self, store: &mut impl Write) -> Result<Reconciled, StoreError> {
        let ends = Expiry::read(&Scope::All, &self.settings, store).await?;
        Ok(self.take_away(ends, store).await)
    }

    /// The relationships of the work under which something has ended, a part at a time: it goes before anybody works out
    /// what else there is to do.
    pub fn ended(&self, work: &Work, now: Timestamp) -> Vec<BTreeSet<RelationshipKey>> {
        let ended = work.rows.iter().filter(|row| self.row_index.has_ended(row, now));
        let ended: Vec<&RelationshipKey> = ended.collect();
        ended.chunks(AT_ONCE).map(|keys| keys.iter().copied().cloned().collect()).collect()
    }

    /// Takes away what has ended, where it is still as it was read.
    pub async fn take_away(&mut self, ends: Expiry, store: &mut impl Write) -> Reconciled {
        let Expiry { observed, limits, changes, by } = ends;
        self.row_index.learn(observed.relationships.keys(), &observed, &self.settings.instance);
        let mut done = Reconciled::at(observed.now);
        drop(observed);
        if changes.is_empty() {
            return done;
        }
        let report = apply(store, changes, &limits, &by, |_| ControlFlow::Continue(())).await;
        for (admitted, outcome) in report.tried {
            let (id, by) = (admitted.id(), by.run.clone());
            done.effects.push(Effected { id, change: admitted.change, outcome, by });
        }
        if let Some(Stopped::Failed(error)) = report.stopped {
            done.failed = Some(error);
        }
        done
    }
}
