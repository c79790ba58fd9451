//! A real store that takes its n-th change and makes it later or never, for every n: what is said of it meanwhile is that
//! it is under way, or nothing.
//!
//! Never: a change that is made twice, or one that is made before what it rests on.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::ControlFlow,
};

use concordat::{
    domain::{
        change::Change,
        entry::{Entry, Head},
        limits::{Admitted, Batch, Budget, DEFAULT_SCOPE, Limits},
        state::{Beside, Desired, Observed},
    },
    store::{
        Apart, Observation, Outcome, Read, Refusal, Scope, Signature, Signatures, StoreError,
        Write, apply::apply, sql::SqlWriter,
    },
};
use ecow::EcoString;

use crate::{
    failing_store::{checked, scenes},
    store_samples::{Place, by},
    work::{Told, told},
};

/// What becomes of the one change that is taken.
#[derive(Debug, Clone)]
struct Course {
    /// Which change it is, counted from 1.
    at: usize,
    /// What is said of it.
    said: Outcome,
    /// After how many calls it is known what became of it.
    after: usize,
    /// Whether it was made.
    lands: bool,
}

/// A change on its way.
struct Open {
    admitted: Admitted,
    limits: BTreeMap<String, Limits>,
    by: Signatures,
    calls: usize,
}

struct Slow {
    store: SqlWriter,
    course: Course,
    changes: usize,
    open: Option<Open>,
}

impl Slow {
    /// A call comes: by then it may be known what became of the change.
    async fn pass(&mut self) {
        let Some(open) = self.open.take_if(|open| open.calls == 0) else {
            self.open.iter_mut().for_each(|open| open.calls -= 1);
            return;
        };
        if self.course.lands {
            let made = self.store.apply(&[open.admitted], &open.limits, &open.by).await.unwrap();
            assert_eq!(made, [Outcome::Done], "nothing else was made of what it rests on");
        }
    }

    /// What is said of a change that is on its way, rests on one, or is the one that is taken.
    fn said(&mut self, admitted: &Admitted) -> Option<Outcome> {
        let change = &admitted.change;
        let open: Option<&Change> = self.open.as_ref().map(|open| &open.admitted.change);
        if open.is_some_and(|open| open.id() == change.id()) {
            return Some(self.course.said.clone());
        }
        if open.is_some_and(|open| change.rests_on(open)) {
            return Some(Outcome::Refused(Refusal::Stale));
        }
        self.changes += 1;
        (self.changes == self.course.at).then(|| self.course.said.clone())
    }
}

impl Read for Slow {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        self.pass().await;
        self.store.observe(scope).await
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        self.store.beside(apart).await
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        self.store.budgets(limits).await
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        self.store.entries(after, at_most).await
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        self.store.head().await
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        self.store.last_entries(subjects).await
    }
}

impl Write for Slow {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.pass().await;
        let mut outcomes = Vec::new();
        for admitted in changes {
            if let Some(said) = self.said(admitted) {
                if said.is_open() && self.open.is_none() {
                    let (admitted, limits, by) = (admitted.clone(), limits.clone(), by.clone());
                    self.open = Some(Open { admitted, limits, by, calls: self.course.after });
                }
                outcomes.push(said);
            } else {
                outcomes
                    .extend(self.store.apply(std::slice::from_ref(admitted), limits, by).await?);
            }
        }
        Ok(outcomes)
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        self.store.block(batches, by).await
    }

    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        self.store.approve(batch, by).await
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        self.store.record(seen, by).await
    }
}

/// Plans and applies until nothing is left to do, and approves what waits.
async fn bring(store: &mut Slow, desired: &Desired) {
    const ATTEMPTS: usize = 20;
    let limits = BTreeMap::from([(DEFAULT_SCOPE.to_owned(), Limits::default())]);
    let by = by("ada");
    for _ in 0..ATTEMPTS {
        let waiting = checked(store, desired, &limits, &BTreeSet::new()).await.unwrap();
        store.block(&waiting.blocked, &by).await.unwrap();
        let approvals = waiting.blocked.iter().map(|batch| batch.hash).collect();
        let checked = checked(store, desired, &limits, &approvals).await.unwrap();
        for batch in &checked.approved {
            store.approve(batch, &by).await.unwrap();
        }
        if checked.run.is_empty() {
            return;
        }
        let go_on = |_| ControlFlow::Continue(());
        let report = apply(store, checked.run, &limits, &by.clone().into(), go_on).await;
        assert_eq!(report.stopped, None);
        for (admitted, outcome) in report.tried {
            let is_told = outcome == Outcome::Done
                || outcome.is_open()
                || outcome == Outcome::Refused(Refusal::Stale);
            assert!(is_told, "{outcome:?}: {:#?}", admitted.change);
        }
    }
    panic!("not at rest after {ATTEMPTS} attempts: {:?}", store.course);
}

/// Goes through the scenes; how many changes there were, and what the store tells.
async fn play(place: &Place, scenes: &[Desired], course: Course) -> (usize, Told) {
    let store = place.writer().await;
    let mut store = Slow { store, course, changes: 0, open: None };
    for desired in scenes {
        bring(&mut store, desired).await;
    }
    let changes = store.changes;
    drop(store);
    (changes, told(&place.url()).await)
}

async fn any_change_may_be_on_its_way(empty: fn() -> Place, step: usize) {
    let scenes = scenes();
    let at_once = Course { at: 0, said: Outcome::Underway, after: 0, lands: true };
    let (changes, expected) = play(&empty(), &scenes, at_once).await;
    for at in (1..=changes).step_by(step) {
        for said in [Outcome::Underway, Outcome::Unknown] {
            for (after, lands) in [(0, true), (3, true), (3, false)] {
                let course = Course { at, said: said.clone(), after, lands };
                let (_, found) = play(&empty(), &scenes, course.clone()).await;
                assert_eq!(found, expected, "{course:?} of {changes}");
            }
        }
    }
}

#[tokio::test]
async fn any_change_of_sqlite_may_be_on_its_way_and_the_end_is_the_same() {
    any_change_may_be_on_its_way(Place::sqlite, 1).await;
}

#[tokio::test]
async fn any_change_of_postgres_may_be_on_its_way_and_the_end_is_the_same() {
    any_change_may_be_on_its_way(Place::postgres, 4).await;
}
