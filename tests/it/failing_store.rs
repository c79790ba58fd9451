//! A real store that fails at the n-th call, for every n: before the call, after it, or somewhere in its middle.
//!
//! Never: a fault from which planning and applying again does not come to the same end.

#![allow(clippy::print_stdout, reason = "a sweep says how much it tried")]

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    ops::ControlFlow,
    pin::pin,
    task::Poll,
};

use concordat::{
    api::RelationshipDeletionPolicy,
    domain::{
        digest::Digest,
        entry::{Entry, Head},
        ids::HELPDESK_ADMINISTRATOR,
        limits::{Admitted, Batch, Budget, Checked, DEFAULT_SCOPE, Limits, check},
        plan::{Claimant, Foreign, plan},
        state::{Absence, Beside, Desired, Observed},
    },
    store::{
        Apart, Observation, Outcome, Read, Scope, Signature, Signatures, StoreError, Write,
        apply::{Stopped, apply},
        sql::SqlWriter,
    },
};
use ecow::EcoString;

use crate::{
    store_samples::{Place, REPORTS_READER, accepted, all, by, grant, in_seconds, relationship},
    work::{Told, told},
};

/// How a call fails.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// It never comes to the store.
    Before,
    /// The store does it, and the answer is lost.
    After,
    /// Nobody waits any more after this many steps of it; then the connection is gone.
    Silence(usize),
}

/// A store whose call number `at` fails.
struct Failing {
    store: SqlWriter,
    calls: usize,
    at: usize,
    fault: Fault,
}

fn gone() -> StoreError {
    StoreError::Unreachable {
        store: "the store".to_owned(),
        reason: "as the test wants".to_owned(),
    }
}

async fn faulty<T>(
    fault: Option<Fault>,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    match fault {
        None => call.await,
        Some(Fault::Before) => Err(gone()),
        Some(Fault::After) => {
            call.await.unwrap();
            Err(gone())
        }
        Some(Fault::Silence(steps)) => {
            let (mut call, mut left) = (pin!(call), steps);
            poll_fn(move |ctx| {
                let ended = left == 0 || call.as_mut().poll(ctx).is_ready();
                left = left.saturating_sub(1);
                if ended { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            Err(gone())
        }
    }
}

impl Failing {
    fn fault(&mut self) -> Option<Fault> {
        self.calls += 1;
        (self.calls == self.at).then_some(self.fault)
    }
}

impl Read for Failing {
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

impl Write for Failing {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        faulty(self.fault(), self.store.apply(changes, limits, by)).await
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

/// What is wanted, one after the other: access is given; more than the limits allow is taken, which a person approves;
/// one relationship ends.
pub fn scenes() -> [Desired; 3] {
    let (soon, role) = (Some(in_seconds(86_400)), HELPDESK_ADMINISTRATOR);
    let start = |name, customer| {
        let mut wish = accepted(relationship(name, customer));
        wish.policies.deletion = RelationshipDeletionPolicy::Terminate;
        wish
    };
    let acme = grant(grant(start("acme", 1), 1, &[role], soon), 2, &[role, REPORTS_READER], None);
    let beta = grant(grant(start("beta", 2), 3, &[role], soon), 4, &[REPORTS_READER], None);
    let given = all([acme.clone(), grant(beta.clone(), 5, &[REPORTS_READER], soon)]);
    let mut fewer = grant(beta, 3, &[REPORTS_READER], soon);
    let but_last = fewer.grants.len() - 1;
    let kept = fewer.grants.iter().take(but_last);
    fewer.grants = kept.map(|(name, grant)| (name.clone(), grant.clone())).collect();
    let pruned = |desired| Desired { absence: Absence::Prune, ..desired };
    let (taken, ended) = (pruned(all([acme.clone(), fewer])), pruned(all([acme])));
    [given, taken, ended]
}

/// Plans and applies as the command line does, each change in a transaction of its own, and approves what waits.
/// Every change that was reported as done is added to `reported`.
async fn bring(
    store: &mut impl Write,
    desired: &Desired,
    reported: &mut BTreeSet<Digest>,
) -> Result<(), StoreError> {
    let limits = BTreeMap::from([(DEFAULT_SCOPE.to_owned(), Limits::default())]);
    let by = by("ada");
    let checked = checked(store, desired, &limits, &BTreeSet::new()).await?;
    store.block(&checked.blocked, &by).await?;
    let approvals = checked.blocked.iter().map(|batch| batch.hash).collect();
    let checked = self::checked(store, desired, &limits, &approvals).await?;
    for batch in &checked.approved {
        store.approve(batch, &by).await?;
    }
    for change in checked.run {
        let go_on = |_| ControlFlow::Continue(());
        let report = apply(store, vec![change.clone()], &limits, &by.clone().into(), go_on).await;
        match report.stopped {
            None => assert_eq!(report.tried, [(change.clone(), Outcome::Done)]),
            Some(Stopped::Failed(error)) => {
                assert_eq!((report.tried, report.left), (Vec::new(), vec![change]));
                return Err(error);
            }
            Some(Stopped::OnRequest) => panic!("nobody asked for that"),
        }
        reported.insert(change.change.id());
    }
    Ok(())
}

pub async fn checked(
    store: &mut impl Read,
    desired: &Desired,
    limits: &BTreeMap<String, Limits>,
    approvals: &BTreeSet<Digest>,
) -> Result<Checked, StoreError> {
    let observed = store.observe(&Scope::All).await?;
    let plan = plan(desired, &observed, &Claimant::cli(Foreign::Conflict));
    Ok(check(&plan, desired, &store.budgets(limits).await?, approvals))
}

/// Goes through the scenes with one fault, each again after a failure; the number of calls, and what the store tells.
async fn play(place: &Place, scenes: &[Desired], at: usize, fault: Fault) -> (usize, Told) {
    let mut store = Failing { store: place.writer().await, calls: 0, at, fault };
    let mut reported = BTreeSet::new();
    for desired in scenes {
        while let Err(error) = bring(&mut store, desired, &mut reported).await {
            assert_eq!((error, store.calls), (gone(), at), "only the fault that is wanted");
            // Whether the next attempt has a session of its own or the same one makes no difference.
            if at.is_multiple_of(2) || matches!(fault, Fault::Silence(_)) {
                let Failing { store: broken, .. } = store;
                drop(broken);
                store = Failing { store: place.writer().await, calls: at, at, fault };
            }
        }
    }
    let entries = store.store.entries(0, u32::MAX).await.unwrap();
    let made: BTreeSet<Digest> = entries
        .iter()
        .filter(|entry| entry.kind.is_effect())
        .map(|entry| serde_json::from_value(entry.payload["change"].clone()).unwrap())
        .collect();
    assert!(reported.is_subset(&made), "something was reported that is not in the ledger");
    let calls = store.calls;
    drop(store);
    (calls, told(&place.url()).await)
}

async fn every_call_may_fail(empty: fn() -> Place, faults: &[Fault], step: usize) {
    let scenes = scenes();
    let (calls, expected) = play(&empty(), &scenes, 0, Fault::Before).await;
    assert!(expected.effects.values().all(|times| *times == 1), "{:?}", expected.effects);
    for kind in ["Invited", "Authorised", "RolesSet", "Blocked", "Approved", "Terminated"] {
        assert!(expected.effects.keys().any(|effect| effect.starts_with(kind)), "no {kind}");
    }
    let mut injected = 0;
    for fault in faults {
        for at in (1..=calls).step_by(step) {
            let (_, found) = play(&empty(), &scenes, at, *fault).await;
            assert_eq!(found, expected, "{fault:?} at call {at} of {calls}");
            injected += 1;
        }
    }
    println!("{calls} calls, {injected} faults");
}

#[tokio::test]
async fn every_call_to_sqlite_may_fail_before_or_after_and_the_end_is_the_same() {
    every_call_may_fail(Place::sqlite, &[Fault::Before, Fault::After], 1).await;
}

#[tokio::test]
async fn every_call_to_sqlite_may_be_given_up_in_its_middle_and_the_end_is_the_same() {
    let faults = [1, 2, 4, 7, 11, 16].map(Fault::Silence);
    every_call_may_fail(Place::sqlite, &faults, 1).await;
}

#[tokio::test]
async fn any_call_to_postgres_may_fail_and_the_end_is_the_same() {
    let faults = [Fault::Before, Fault::After, Fault::Silence(3), Fault::Silence(12)];
    every_call_may_fail(Place::postgres, &faults, 3).await;
}
