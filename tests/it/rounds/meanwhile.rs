//! What changes while a round is carried out: it is judged as it was, and what came meanwhile is the next round's.
//!
//! Never: a finalizer taken off for something that no plan has looked at.

use std::{
    collections::{BTreeMap, BTreeSet},
    slice,
    sync::Mutex,
};

use concordat::{
    domain::{
        change::{Change, widens},
        entry::{Entry, Head},
        ids::Kind,
        lifecycle::Lifecycle,
        limits::{Admitted, Batch, Budget, Limits},
        state::{Beside, Observed},
    },
    operator::{
        index::Index,
        reconcile::{Reconciled, locked},
    },
    store::{
        Apart, Observation, Outcome, Read, Scope, Signature, Signatures, StoreError, Write,
        sql::SqlWriter,
    },
};
use ecow::EcoString;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::{Desk, grant, key_of, offer};
use crate::kinds::see;

/// A store during whose last read of a round a watch tells of an object, and which takes what gives access and never makes
/// it.
struct Meanwhile<'a> {
    store: &'a mut SqlWriter,
    tells: Option<(&'a Mutex<Index>, Kind, Value)>,
    takes_gains: bool,
}

impl Read for Meanwhile<'_> {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
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
        if let Some((world, kind, object)) = self.tells.take() {
            see(&mut locked(world), kind, Event::Apply(object));
        }
        self.store.last_entries(subjects).await
    }
}

impl Write for Meanwhile<'_> {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        let gives = |change: &Change| {
            let roles = change.effect.roles_set();
            roles.is_some_and(|(_, before, after)| widens(&before.roles, &after.roles))
        };
        let mut outcomes = Vec::new();
        for admitted in changes {
            if self.takes_gains && gives(&admitted.change) {
                outcomes.push(Outcome::Underway);
            } else {
                outcomes.extend(self.store.apply(slice::from_ref(admitted), limits, by).await?);
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

impl Desk {
    /// One round, during which a relationship is deleted.
    fn round_while_it_is_deleted(&mut self, name: &str) -> Reconciled {
        let object = key_of(Kind::PartnerRelationship, name);
        let mut stored = self.objects[&object].clone();
        let version: u64 = stored["metadata"]["resourceVersion"].as_str().unwrap().parse().unwrap();
        stored["metadata"]["resourceVersion"] = json!((version + 1).to_string());
        stored["metadata"]["deletionTimestamp"] = json!(self.now().to_string());
        self.objects.insert(object, stored.clone());
        self.work.objects.append(&mut locked(&self.world).take_dirty());
        let work = std::mem::take(&mut self.work);
        let tells = Some((&self.world, Kind::PartnerRelationship, stored));
        let mut store = Meanwhile { store: &mut self.store, tells, takes_gains: false };
        let round = self.rounds.reconcile(&self.world, &work, &mut store);
        let done = self.runtime.block_on(round).unwrap();
        assert!(store.tells.is_none(), "it was deleted during the round");
        done
    }
}

#[test]
fn a_relationship_that_is_deleted_during_the_round_that_misses_its_offer_is_not_let_go() {
    let mut desk = Desk::new(&json!({ "revocations": { "count": 0, "share": 0 } }));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &["Message Center Reader"]));
    desk.rests();
    desk.delete("dora", Kind::PartnerOffer, "acme");
    let done = desk.round_while_it_is_deleted("acme");
    let acme = key_of(Kind::PartnerRelationship, "acme");
    let let_go = done.marks.iter().any(|mark| mark.object == acme && mark.finalizers.is_empty());
    assert!(!let_go, "{:?}", done.marks);
    desk.rests();
    assert!(desk.exists(Kind::PartnerRelationship, "acme"));
    assert!(desk.waits_in("acme").is_some(), "what it gave waits for a person");
}

#[test]
fn nothing_is_taken_from_a_predecessor_while_what_its_successor_gives_is_on_its_way() {
    let mut desk = Desk::new(&json!({ "revocations": { "count": 100, "share": 100 } }));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &["Message Center Reader"]));
    desk.rests();
    desk.put("olga", Kind::PartnerOffer, "acme", offer("P180D"));
    desk.rests();
    desk.accept("acme-again", "acme");
    desk.work.objects.append(&mut locked(&desk.world).take_dirty());
    let work = std::mem::take(&mut desk.work);
    let mut store = Meanwhile { store: &mut desk.store, tells: None, takes_gains: true };
    let round = desk.rounds.reconcile(&desk.world, &work, &mut store);
    let done = desk.runtime.block_on(round).unwrap();
    let underway = done.effects.iter().filter(|effect| effect.outcome == Outcome::Underway);
    assert_eq!(underway.count(), 1, "it is not sent again: {:#?}", done.effects);
    let observed = desk.runtime.block_on(desk.store.observe(&Scope::All)).unwrap();
    let rows: Vec<_> = observed.relationships.values().flatten().collect();
    let held = |row: usize| -> usize {
        rows[row].assignments.values().map(|it| it.state.roles.len()).sum()
    };
    assert_eq!(rows.iter().map(|row| &row.lifecycle).collect::<Vec<_>>(), [&Lifecycle::Active; 2]);
    assert_eq!([held(0), held(1)], [1, 0], "{:#?}", done.effects);
    desk.rests();
    desk.looks_at_everything();
    desk.rests();
}
