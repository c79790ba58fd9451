//! Sessions whose epoch was taken elsewhere: the newest one writes, and whoever only believes to does not.
//!
//! Never: an entry of an older epoch after one of a newer.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::poll_fn,
    sync::Arc,
    task::Poll,
};

use concordat::{
    api::RelationshipDeletionPolicy,
    domain::{
        digest::Digest,
        entry::{Actor, ActorKind, ActorStanding, EntryKind, Head, Intent},
        limits::Batch,
        state::{Absence, Instance},
    },
    store::{
        Observation, Outcome, Read, Refusal, Scope, Signature, Signatures, StoreError, Write,
        sql::{SqlWriter, ensure_holds, open_writer_again, open_writer_at, stored_epoch},
    },
};
use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

use crate::{store_contract::on_each, store_samples::*};

on_each! {
    an_epoch_begins_once_and_only_above_the_last
    an_epoch_goes_on_after_a_lost_connection_unless_something_is_lost_with_it
    whatever_an_older_epoch_writes_is_refused
    who_races_for_epochs_leaves_one_chain_without_a_step_back
    a_writer_that_is_paused_anywhere_is_passed_and_does_nothing_when_it_wakes
    each_change_has_a_signature_of_its_own
    a_clock_that_is_passed_in_is_this_sides
    the_last_entry_about_each_subject_is_found
    a_ledger_is_known_by_any_of_its_entries
    what_was_spent_long_ago_is_forgotten
}

async fn writer_at(place: &Place, epoch: i64) -> Result<SqlWriter, StoreError> {
    open_writer_at(&place.url(), &Instance::cli(), epoch).await
}

fn stale() -> StoreError {
    StoreError::StaleEpoch { instance: "cli".to_owned() }
}

fn seen(subject: &str, what: &str) -> Observation {
    let (kind, subject) = (EntryKind::Difference, subject.to_owned());
    Observation { kind, subject, payload: what.into() }
}

async fn an_epoch_begins_once_and_only_above_the_last(place: &Place) {
    let (url, cli) = (place.url(), Instance::cli());
    assert_eq!(stored_epoch(&url, &cli).await, Ok(0));
    assert_eq!(stored_epoch(&url, &cli).await, Ok(0), "looking has made nothing");
    let first = writer_at(place, 7).await.unwrap();
    assert_eq!(stored_epoch(&url, &cli).await, Ok(7));
    assert_eq!(stored_epoch(&url, &Instance("other".into())).await, Ok(0));
    for epoch in [6, 7] {
        assert_eq!(writer_at(place, epoch).await.err(), Some(stale()));
    }
    // There is nothing to wait for while the first is still there.
    drop(writer_at(place, 8).await.unwrap());
    drop(first);
    drop(place.writer().await);
    assert_eq!(stored_epoch(&url, &cli).await, Ok(9), "the command line counts on");
}

async fn an_epoch_goes_on_after_a_lost_connection_unless_something_is_lost_with_it(place: &Place) {
    let mut first = writer_at(place, 3).await.unwrap();
    first.record(vec![seen("acme", "this")], &by("ada")).await.unwrap();
    let known = first.head().await.unwrap();
    drop(first);
    let again = async |epoch, known: &Head| {
        open_writer_again(&place.url(), &Instance::cli(), epoch, known).await.map(drop)
    };
    assert_eq!(again(3, &Head::empty()).await, Ok(()));
    assert_eq!(again(3, &known).await, Ok(()));
    let lost = Head { sequence: 2, ..known };
    let rewound = StoreError::Rewound { store: place.url().to_string(), sequence: 2 };
    assert_eq!(again(3, &lost).await, Err(rewound));
    assert_eq!(again(2, &known).await, Err(stale()));
    assert_eq!(again(4, &known).await, Err(stale()), "nobody has begun it");
    drop(writer_at(place, 4).await.unwrap());
    assert_eq!(again(3, &known).await, Err(stale()));
}

async fn whatever_an_older_epoch_writes_is_refused(place: &Place) {
    let mut old = writer_at(place, 1).await.unwrap();
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    let changes = planned(&mut old, &only(wish)).await;
    let mut new = writer_at(place, 2).await.unwrap();
    let member = concordat::domain::limits::member(&changes[0].change);
    let batch = Batch {
        hash: Digest::of(&[member]),
        scope: "default".to_owned(),
        exceeded: Vec::new(),
        members: BTreeSet::from([member]),
        changes: vec![changes[0].change.clone()],
        asked: BTreeMap::new(),
        limits: concordat::domain::limits::Limits::default(),
    };
    let (ada, batches) = (by("ada"), [batch]);
    assert_eq!(old.apply(&changes, &BTreeMap::new(), &ada.clone().into()).await, Err(stale()));
    assert_eq!(old.block(&batches, &ada).await, Err(stale()));
    assert_eq!(old.approve(&batches[0], &ada).await, Err(stale()));
    assert_eq!(old.record(vec![seen("acme", "this")], &ada).await, Err(stale()));
    let everybody = concordat::store::sql::Erased::Mail("ada@customer.example".to_owned());
    assert_eq!(old.erase(&everybody, &ada).await, Err(stale()));
    assert_eq!(old.head().await.unwrap(), Head::empty());
    let outcome = new.apply(&changes, &BTreeMap::new(), &ada.into()).await.unwrap();
    assert_eq!(outcome, [Outcome::Done, Outcome::Done, Outcome::Done]);
    // What it may is to look.
    assert_eq!(old.observe(&Scope::All).await.unwrap().relationships.len(), 1);
    assert_eq!(old.batches().await.unwrap(), []);
}

async fn who_races_for_epochs_leaves_one_chain_without_a_step_back(place: &Place) {
    drop(writer_at(place, 1).await.unwrap());
    let race = async |racer: usize| {
        for turn in 0..6 {
            let next = stored_epoch(&place.url(), &Instance::cli()).await.unwrap() + 1;
            let mut store = match writer_at(place, next).await {
                Ok(store) => store,
                Err(error) => {
                    assert_eq!(error, stale());
                    continue;
                }
            };
            for number in 0..4 {
                let what = seen("acme", &format!("{racer} {turn} {number}"));
                match store.record(vec![what], &by(&next.to_string())).await {
                    Ok(()) => {}
                    Err(error) => assert_eq!(error, stale()),
                }
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::join!(race(1), race(2), race(3), race(4));
    let mut reader = place.reader().await;
    let entries = reader.entries(0, u32::MAX >> 1).await.unwrap();
    chain_is_whole(&mut reader, entries.len()).await;
    let epochs: Vec<i64> = entries.iter().map(|entry| entry.actor.name.parse().unwrap()).collect();
    assert!(epochs.is_sorted(), "{epochs:?}");
    assert!(epochs.first() < epochs.last(), "{epochs:?}");
}

/// A pause is a call that nobody goes on with after some of its steps. A server throws out whoever is paused inside a
/// transaction; on SQLite the next one cannot begin before the first goes on or is gone.
async fn a_writer_that_is_paused_anywhere_is_passed_and_does_nothing_when_it_wakes(place: &Place) {
    let (mut epoch, mut made) = (0, 0);
    let mut woken = Vec::new();
    for steps in [0, 2, 8] {
        epoch += 1;
        let mut old = writer_at(place, epoch).await.unwrap();
        let changes = planned(&mut old, &only(relationship(&format!("r{steps}"), 1))).await;
        let (limits, ada) = (BTreeMap::new(), by("ada").into());
        let mut call = Box::pin(old.apply(&changes, &limits, &ada));
        let (mut left, mut ended) = (steps, None);
        poll_fn(|ctx| {
            while left > 0 && ended.is_none() {
                left -= 1;
                match call.as_mut().poll(ctx) {
                    Poll::Ready(outcome) => ended = Some(outcome),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(())
        })
        .await;
        epoch += 1;
        let passed = writer_at(place, epoch).await;
        let ended = match ended {
            Some(ended) => ended,
            None => call.as_mut().await,
        };
        drop(call);
        made += i64::from(ended.is_ok());
        let mut new = match (passed, place) {
            (Ok(new), _) => {
                woken.extend(ended.err());
                new
            }
            (Err(StoreError::Locked { .. }), Place::Sqlite(_)) => {
                ended.unwrap();
                writer_at(place, epoch).await.unwrap()
            }
            (Err(error), _) => panic!("{steps} steps: {error}"),
        };
        chain_is_whole(&mut new, usize::try_from(made).unwrap()).await;
        old.record(Vec::new(), &by("ada")).await.unwrap_err();
    }
    assert_eq!(woken[0], stale(), "{woken:?}");
    println!("{} of 3 were passed in the middle: {woken:?}", woken.len());
}

async fn each_change_has_a_signature_of_its_own(place: &Place) {
    let mut store = place.writer().await;
    let desired = all(["acme", "beta", "gamma"].map(|name| relationship(name, 1)));
    let changes = planned(&mut store, &desired).await;
    let ids: Vec<Digest> = changes.iter().map(|admitted| admitted.change.id()).collect();
    let signed = |name: &str, generation| Signature {
        actor: Actor {
            name: name.to_owned(),
            kind: ActorKind::Robot,
            standing: ActorStanding::Authenticated,
        },
        intent: Intent { generation: Some(generation), ..Intent::default() },
    };
    let signatures = Signatures {
        run: by("operator"),
        changes: BTreeMap::from([(ids[0], signed("flux", 3)), (ids[2], signed("argo", 4))]),
    };
    store.apply(&changes, &BTreeMap::new(), &signatures).await.unwrap();
    let entries = store.entries(0, 9).await.unwrap();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.actor.name.as_str(), entry.intent.generation, &entry.payload["change"]))
        .collect();
    let id = |number: usize| serde_json::json!(ids[number]);
    let expected =
        [("flux", Some(3), &id(0)), ("operator", None, &id(1)), ("argo", Some(4), &id(2))];
    assert_eq!(told, expected);
    // What is told of the object is added where the signature does not say it.
    assert!(entries.iter().all(|entry| entry.intent.uid.is_some()), "{entries:?}");
}

async fn a_clock_that_is_passed_in_is_this_sides(place: &Place) {
    let mut wish = accepted(relationship("acme", 1));
    wish.policies.deletion = RelationshipDeletionPolicy::Terminate;
    let mut store = place.writer().await;
    bring(&mut store, &only(wish)).await;
    let later = in_seconds(3_600);
    let mut store = store.with_clock(Arc::new(move || later));
    let now = store.observe(&Scope::All).await.unwrap().now;
    let mut ended = nothing();
    ended.absence = Absence::Prune;
    let changes = planned(&mut store, &ended).await;
    let outcome = store.apply(&changes, &BTreeMap::new(), &by("ada").into()).await.unwrap();
    let last = store.entries(2, 1).await.unwrap().remove(0);
    if let Place::Sqlite(_) = place {
        assert_eq!((now, last.time), (later, later));
        assert_eq!(outcome, [Outcome::Done]);
    } else {
        let off = |time: Timestamp| time.duration_since(Timestamp::now()).abs();
        assert!(off(now).max(off(last.time)) < SignedDuration::from_secs(60));
        let disagree = matches!(outcome[0], Outcome::Refused(Refusal::ClocksDisagree { .. }));
        assert!(disagree, "{outcome:?}");
    }
}

async fn the_last_entry_about_each_subject_is_found(place: &Place) {
    let mut store = place.writer().await;
    let (acme, beta) = (accepted(relationship("acme", 1)), relationship("beta", 2));
    bring(&mut store, &all([acme, beta])).await;
    store.record(vec![seen("gone", "this"), seen("gone", "that")], &by("ada")).await.unwrap();
    let entries = store.entries(0, 9).await.unwrap();
    let mut expected = BTreeMap::new();
    for entry in &entries {
        expected.insert(entry.subject.as_str().into(), entry.head());
    }
    assert_eq!((entries.len(), expected.len()), (5, 3));
    let mut subjects: BTreeSet<EcoString> = expected.keys().cloned().collect();
    subjects.insert("nobody".into());
    assert_eq!(store.last_entries(&subjects).await, Ok(expected.clone()));
    assert_eq!(place.reader().await.last_entries(&subjects).await, Ok(expected));
    assert_eq!(store.last_entries(&BTreeSet::new()).await, Ok(BTreeMap::new()));
}

async fn a_ledger_is_known_by_any_of_its_entries(place: &Place) {
    let url = place.url();
    let strange = Head { sequence: 1, hash: Digest::of(&"another ledger") };
    let rewound = |sequence| Err(StoreError::Rewound { store: url.to_string(), sequence });
    assert_eq!(ensure_holds(&url, &Head::empty()).await, Ok(()));
    assert_eq!(ensure_holds(&url, &strange).await, rewound(1));
    let mut store = place.writer().await;
    assert_eq!(ensure_holds(&url, &strange).await, rewound(1));
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    for entry in store.entries(0, 9).await.unwrap() {
        assert_eq!(ensure_holds(&url, &entry.head()).await, Ok(()));
    }
    let ahead = Head { sequence: 3, ..store.head().await.unwrap() };
    assert_eq!(ensure_holds(&url, &ahead).await, rewound(3));
    assert_eq!(ensure_holds(&url, &strange).await, rewound(1));
}

async fn what_was_spent_long_ago_is_forgotten(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    let days = |days: i64| in_seconds(-days * 86_400).as_millisecond();
    let spent = |scope: &str, at: i64| {
        format!(
            "INSERT INTO spent (scope, at_ms, revocations, terminations, privileged_gains, \
             new_grantees, replacements) VALUES ('{scope}', {at}, 1, 0, 0, 0, 0);"
        )
    };
    let rows = [("default", 31), ("default", 29), ("long", 31), ("long", 61), ("other", 31)];
    let rows: String = rows.map(|(scope, ago)| spent(scope, days(ago))).concat();
    place.outside(&rows).await;
    let long =
        concordat::domain::limits::Limits { window: "P60D".parse().unwrap(), ..Default::default() };
    let limits = BTreeMap::from([("long".to_owned(), long)]);
    for (number, scope) in ["default", "long"].into_iter().enumerate() {
        let wish = accepted(relationship("acme", 1));
        let wish = (0..=number as u128).fold(wish, |wish, number| {
            grant(wish, number + 1, &[REPORTS_READER], None) //
        });
        let mut changes = planned(&mut store, &only(wish)).await;
        scope.clone_into(&mut changes[0].scope);
        changes[0].cost.new_grantees = 1;
        let outcome = store.apply(&changes, &limits, &by("ada").into()).await.unwrap();
        assert_eq!(outcome, [Outcome::Done]);
    }
    let kept = async |scope: &str| {
        place.number(&format!("SELECT count(*) FROM spent WHERE scope = '{scope}'")).await
    };
    assert_eq!((kept("default").await, kept("long").await, kept("other").await), (2, 2, 1));
}
