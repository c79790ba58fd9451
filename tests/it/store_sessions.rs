//! Who may write: locks, epochs, several writers at once, the ledger they share, limits and approvals.
//!
//! Never: two sessions of one instance that both believe they write.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex,
    time::Duration,
};

use concordat::{
    domain::{
        digest::Digest,
        entry::{EntryKind, PersonRecord},
        limits::{Batch, Limits, Share, check, member},
        plan::{Claimant, Foreign, plan},
        state::{Absence, Desired, Instance},
    },
    store::{
        CHANGES_AT_ONCE, Observation, Outcome, Read, Refusal, Scope, StoreError, Write,
        sql::{Erased, SqlWriter, open_writer_within},
    },
};

use crate::{store_contract::on_each, store_samples::*};

on_each! {
    a_second_writer_of_the_same_instance_waits_and_is_told_for_whom
    an_older_session_is_refused
    five_hundred_at_a_time_make_one_chain
    writers_of_different_instances_keep_one_chain
    a_person_is_erased_and_the_chain_stays_true
    what_was_seen_outside_is_recorded
    a_budget_is_taken_once_however_many_want_it
    what_is_over_the_limit_waits_until_it_is_approved_and_runs_once
    an_approval_lapses
    an_approval_counts_for_its_own_members_and_for_no_other_of_the_batch
    whoever_has_asked_is_kept_through_every_other_batch_about_the_same
}

async fn a_second_writer_of_the_same_instance_waits_and_is_told_for_whom(place: &Place) {
    let first = place.writer().await;
    let told = Mutex::new(Vec::new());
    let patience = Duration::from_millis(300);
    let (url, instance) = (place.url(), Instance::cli());
    let second = open_writer_within(patience, &url, &instance, |holder| {
        told.lock().unwrap().push(holder.to_owned());
    });
    let error = second.await.err().unwrap();
    let StoreError::Locked { holder, .. } = &error else { panic!("{error}") };
    assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    assert_eq!(told.lock().unwrap().as_slice(), std::slice::from_ref(holder));

    // Another instance need not wait, and the next of this one goes on when the first has gone.
    drop(place.writer_of(&Instance("operator".into())).await);
    drop(first);
    place.writer().await;
}

async fn an_older_session_is_refused(place: &Place) {
    let mut old = place.writer().await;
    let changes = planned(&mut old, &only(relationship("acme", 1))).await;
    place.outside("UPDATE instances SET epoch = epoch + 1 WHERE instance = 'cli'").await;
    let stale = StoreError::StaleEpoch { instance: "cli".to_owned() };
    let outcome = old.apply(&changes, &BTreeMap::new(), &by("ada").into()).await;
    assert_eq!(outcome, Err(stale.clone()));
    assert_eq!(old.record(Vec::new(), &by("ada")).await, Err(stale));
    assert_eq!(old.head().await.unwrap().sequence, 0);
    // It holds nobody up either.
    let mut other = place.writer_of(&Instance("operator".into())).await;
    other.record(Vec::new(), &by("ada")).await.unwrap();
}

async fn five_hundred_at_a_time_make_one_chain(place: &Place) {
    let mut store = place.writer().await;
    let wishes = (1..=200).map(|number| {
        let wish = accepted(relationship(&format!("r{number}"), number));
        (1..=4).fold(wish, |wish, group| grant(wish, group, &[REPORTS_READER], None))
    });
    let desired = all(wishes);
    let changes = planned(&mut store, &desired).await.len();
    assert!(changes > 2 * CHANGES_AT_ONCE);
    bring(&mut store, &desired).await;
    assert!(planned(&mut store, &desired).await.is_empty());
    chain_is_whole(&mut store, changes).await;
}

async fn writers_of_different_instances_keep_one_chain(place: &Place) {
    drop(place.writer().await);
    let write = async |instance: u128| {
        let mut store = place.writer_of(&Instance(format!("operator-{instance}").into())).await;
        for number in 0..10 {
            let name = format!("i{instance}-r{number}");
            let desired = only(relationship(&name, instance * 100 + number));
            let observed = store.observe(&Scope::All).await.unwrap();
            let instance = Instance(format!("operator-{instance}").into());
            let changes = free(changes(&desired, &observed, &instance));
            let outcome = store.apply(&changes, &BTreeMap::new(), &by("ada").into()).await.unwrap();
            assert_eq!(outcome, [Outcome::Done]);
        }
    };
    tokio::join!(write(1), write(2), write(3));
    chain_is_whole(&mut place.reader().await, 30).await;
    let ids = "SELECT count(DISTINCT id) FROM relationships";
    assert_eq!(place.number(ids).await, 30);
}

async fn a_person_is_erased_and_the_chain_stays_true(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    let persons = place.reader().await.persons().await.unwrap();
    let [(hash, Some(record))] = &persons.into_iter().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!(PersonRecord::hash_of(&record.salt, &record.content), *hash);
    assert!(record.salt.len() >= 32 && record.content.contains("Lovelace"));
    let entries = store.entries(0, 10).await.unwrap();
    let told = serde_json::to_string(&entries).unwrap();
    assert!(told.contains(&hash.to_string()) && !told.contains("Lovelace"));

    assert_eq!(
        store.erase(&Erased::Mail("nobody@else.example".to_owned()), &by("ada")).await,
        Ok(0)
    );
    assert_eq!(
        store.erase(&Erased::Mail("ada@Customer.example".to_owned()), &by("ada")).await,
        Ok(1)
    );
    assert_eq!(store.erase(&Erased::Record(*hash), &by("ada")).await, Ok(0));
    let persons = place.reader().await.persons().await.unwrap();
    assert_eq!(persons, BTreeMap::from([(*hash, None)]));
    chain_is_whole(&mut store, 3).await;
    if let Place::Sqlite(folder) = place {
        for file in std::fs::read_dir(folder.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let text = String::from_utf8_lossy(&bytes);
            assert!(!text.contains("Lovelace"), "it is still in a file");
        }
    }
}

async fn what_was_seen_outside_is_recorded(place: &Place) {
    let mut store = place.writer().await;
    let seen = Observation {
        kind: EntryKind::Difference,
        subject: "acme".to_owned(),
        payload: serde_json::json!({ "removed": [REPORTS_READER] }),
    };
    store.record(vec![seen.clone(), seen.clone()], &by("ada")).await.unwrap();
    chain_is_whole(&mut store, 2).await;
    let entry = store.entries(1, 1).await.unwrap().remove(0);
    assert_eq!((entry.kind, entry.subject, entry.payload), (seen.kind, seen.subject, seen.payload));
}

/// Three grantees under each of two relationships.
fn six() -> Desired {
    all((1..=2).map(|number| {
        let wish = accepted(relationship(&format!("r{number}"), number));
        (1..=3).fold(wish, |wish, group| grant(wish, group, &[REPORTS_READER], None))
    }))
}

fn three_grantees() -> Limits {
    Limits { new_grantees: 3, ..Limits::default() }
}

/// The same without its grants, which are revoked.
fn pruned() -> Desired {
    let wishes = (1..=2).map(|number| accepted(relationship(&format!("r{number}"), number)));
    Desired { absence: Absence::Prune, ..all(wishes) }
}

async fn a_budget_is_taken_once_however_many_want_it(place: &Place) {
    let mut store = place.writer().await;
    let limits = BTreeMap::from([("default".to_owned(), three_grantees())]);
    let observed = store.observe(&Scope::All).await.unwrap();
    let claimant = Claimant { instance: Instance::cli(), foreign: Foreign::Conflict };
    let plan = plan(&six(), &observed, &claimant);
    // Both have looked when there was budget for all; here the limit is smaller.
    let wide = BTreeMap::new();
    let checked = check(&plan, &six(), &wide, &BTreeSet::new());
    let outcome = store.apply(&checked.run, &limits, &by("ada").into()).await.unwrap();
    let over = Outcome::Refused(Refusal::OverLimit { measure: "new grantees".to_owned() });
    let made = outcome.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let refused = outcome.iter().filter(|outcome| **outcome == over).count();
    assert_eq!((made, refused), (4 + 3, 3));
    let budget = &store.budgets(&limits).await.unwrap()["default"];
    assert_eq!((budget.spent.new_grantees, budget.assignments, budget.relationships), (3, 3, 2));

    let again = store.apply(&checked.run, &limits, &by("ada").into()).await.unwrap();
    assert_eq!(again, outcome, "what is made is done, and what is over stays over");
    place.outside("UPDATE spent SET at_ms = at_ms - 3600001").await;
    let later = store.apply(&checked.run, &limits, &by("ada").into()).await.unwrap();
    assert!(later.iter().all(|outcome| *outcome == Outcome::Done), "{later:?}");
}

/// The batch that a plan would wait with.
async fn batch(store: &mut impl Read, desired: &Desired, limits: &Limits) -> Batch {
    let limits = BTreeMap::from([("default".to_owned(), limits.clone())]);
    let mut desired = desired.clone();
    desired.boundaries = BTreeMap::new();
    let observed = store.observe(&Scope::All).await.unwrap();
    let claimant = Claimant { instance: Instance::cli(), foreign: Foreign::Conflict };
    let plan = plan(&desired, &observed, &claimant);
    let budgets = store.budgets(&limits).await.unwrap();
    check(&plan, &desired, &budgets, &BTreeSet::new()).blocked.remove(0)
}

async fn what_is_over_the_limit_waits_until_it_is_approved_and_runs_once(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &six()).await;
    let limits = Limits::default();
    let report = within(&mut store, &pruned(), &limits).await;
    assert_eq!(report.tried, []);
    let waiting = place.reader().await.batches().await.unwrap();
    let [stored] = &waiting[..] else { panic!("{waiting:?}") };
    assert_eq!((stored.members, stored.made, &stored.approved), (6, 0, &None));
    assert_eq!((stored.blocked_by.as_str(), stored.counts), ("ada", false));
    let entries = store.head().await.unwrap().sequence;

    // Asking again makes no second entry, and a smaller part of it waits as well.
    within(&mut store, &pruned(), &limits).await;
    assert_eq!(store.head().await.unwrap().sequence, entries);
    let budgets = BTreeMap::from([("default".to_owned(), limits.clone())]);
    assert_eq!(store.budgets(&budgets).await.unwrap()["default"].blocked.len(), 6);

    let batch = batch(&mut store, &pruned(), &limits).await;
    assert_eq!(batch.hash, stored.hash);
    store.approve(&batch, &by("grace")).await.unwrap();
    let report = within(&mut store, &pruned(), &limits).await;
    assert_eq!(report.tried.len(), 6);
    assert!(report.tried.iter().all(|(_, outcome)| *outcome == Outcome::Done), "{report:?}");
    let last = store.entries(entries, 1).await.unwrap().remove(0);
    assert_eq!((last.kind, last.actor.name.as_str()), (EntryKind::Approved, "grace"));
    assert_eq!(place.reader().await.batches().await.unwrap(), []);

    // The same once more: the approval is used up, also for who still believes in it.
    bring(&mut store, &six()).await;
    let stale = report.tried.into_iter().map(|(admitted, _)| admitted).collect::<Vec<_>>();
    let fresh = planned(&mut store, &pruned()).await;
    let again: Vec<_> = fresh
        .into_iter()
        .map(|mut admitted| {
            admitted.approved = stale[0].approved;
            admitted
        })
        .collect();
    let outcome = store.apply(&again, &budgets, &by("ada").into()).await.unwrap();
    assert!(
        outcome.iter().all(|it| matches!(it, Outcome::Refused(Refusal::NotApproved { .. }))),
        "{outcome:?}"
    );
    assert_eq!(within(&mut store, &pruned(), &limits).await.tried, []);
}

async fn an_approval_lapses(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &six()).await;
    let limits = Limits { revocations: Share { count: 0, percent: 0 }, ..Limits::default() };
    let batch = batch(&mut store, &pruned(), &limits).await;
    store.approve(&batch, &by("grace")).await.unwrap();
    let scopes = BTreeMap::from([("default".to_owned(), limits.clone())]);
    let budget = |budgets: BTreeMap<String, concordat::domain::limits::Budget>| {
        let budget = &budgets["default"];
        (budget.approved.len(), budget.blocked.len())
    };
    assert_eq!(budget(store.budgets(&scopes).await.unwrap()), (6, 0));
    match place {
        Place::Sqlite(_) => {
            let later = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(61);
            store = store.with_clock(std::sync::Arc::new(move || later));
        }
        // A server keeps its own clock: an approval of another time than its entry's is none.
        Place::Postgres(_) => {
            let earlier = "UPDATE batch_members SET approved_at_ms = approved_at_ms - 3600001";
            place.outside(earlier).await;
        }
    }
    assert_eq!(budget(store.budgets(&scopes).await.unwrap()), (0, 6));
    assert_eq!(within(&mut store, &pruned(), &limits).await.tried, []);
    let known: BTreeMap<Digest, Digest> =
        batch.members.iter().map(|member| (*member, batch.hash)).collect();
    assert_eq!(store.budgets(&scopes).await.unwrap()["default"].blocked, known);
}

fn nothing_lost() -> Limits {
    Limits { revocations: Share { count: 0, percent: 0 }, ..Limits::default() }
}

async fn an_approval_counts_for_its_own_members_and_for_no_other_of_the_batch(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &six()).await;
    let limits = nothing_lost();
    let whole = batch(&mut store, &pruned(), &limits).await;
    store.block(std::slice::from_ref(&whole), &by("ada")).await.unwrap();
    let mut part = whole.clone();
    part.changes.truncate(2);
    part.members = part.changes.iter().map(member).collect();
    store.approve(&part, &by("grace")).await.unwrap();
    let scopes = BTreeMap::from([("default".to_owned(), limits.clone())]);
    let budget = store.budgets(&scopes).await.unwrap().remove("default").unwrap();
    assert_eq!(budget.approved.keys().copied().collect::<BTreeSet<_>>(), part.members);
    assert_eq!(budget.blocked.len(), 4);
    // Who believes that all of it is approved is refused the rest by the store itself.
    let observed = store.observe(&Scope::All).await.unwrap();
    let claimant = Claimant { instance: Instance::cli(), foreign: Foreign::Conflict };
    let plan = plan(&pruned(), &observed, &claimant);
    let budgets = store.budgets(&scopes).await.unwrap();
    let checked = check(&plan, &pruned(), &budgets, &BTreeSet::from([whole.hash]));
    let outcome = store.apply(&checked.run, &scopes, &by("ada").into()).await.unwrap();
    let made = outcome.iter().filter(|outcome| **outcome == Outcome::Done).count();
    let refused = |it: &&Outcome| matches!(it, Outcome::Refused(Refusal::NotApproved { .. }));
    assert_eq!((made, outcome.iter().filter(refused).count()), (2, 4), "{outcome:?}");
    let last = store.entries(0, 1000).await.unwrap();
    let approved = last.iter().find(|entry| entry.kind == EntryKind::Approved).unwrap();
    let payload = &approved.payload;
    assert_eq!(payload["members"].as_array().unwrap().len(), 2);
}

async fn whoever_has_asked_is_kept_through_every_other_batch_about_the_same(place: &Place) {
    let mut store = place.writer().await;
    bring(&mut store, &six()).await;
    let limits = nothing_lost();
    let mut whole = batch(&mut store, &pruned(), &limits).await;
    let asked_by = |batch: &Batch, names: &str| -> BTreeMap<Digest, String> {
        batch.members.iter().map(|member| (*member, names.to_owned())).collect()
    };
    whole.asked = asked_by(&whole, "bob\nmia");
    let asked = async |store: &mut SqlWriter| -> BTreeSet<String> {
        let scopes = BTreeMap::from([("default".to_owned(), nothing_lost())]);
        let budget = store.budgets(&scopes).await.unwrap().remove("default").unwrap();
        let newest = budget.blocked.keys().filter_map(|member| budget.asked.get(member));
        newest.flat_map(|names| names.lines().map(str::to_owned)).collect()
    };
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    store.block(std::slice::from_ref(&whole), &by("ada")).await.unwrap();
    assert_eq!(asked(&mut store).await, names(&["bob", "mia"]));
    let entries = store.head().await.unwrap().sequence;
    let since = Batch { asked: asked_by(&whole, "bob\nmia\ncarl"), ..whole.clone() };
    store.block(std::slice::from_ref(&since), &by("ada")).await.unwrap();
    assert_eq!(asked(&mut store).await, names(&["bob", "carl", "mia"]));
    let last = store.entries(entries, 9).await.unwrap();
    assert_eq!(last.iter().map(|entry| entry.kind).collect::<Vec<_>>(), [EntryKind::Asked]);
    store.block(std::slice::from_ref(&since), &by("ada")).await.unwrap();
    assert_eq!(store.head().await.unwrap().sequence, entries + 1, "nobody has asked since");

    // Something else about the same is another batch, and somebody else asks for that.
    let other: Vec<_> = whole
        .changes
        .iter()
        .cloned()
        .map(|mut change| {
            change.approval = concordat::domain::change::Approval::NewCatalogue;
            change
        })
        .collect();
    let members: BTreeSet<Digest> = other.iter().map(member).collect();
    assert!(members.is_disjoint(&whole.members));
    let other = Batch {
        hash: Digest::of(&members),
        members: members.clone(),
        changes: other,
        asked: members.iter().map(|member| (*member, "dora".to_owned())).collect(),
        ..whole.clone()
    };
    store.block(std::slice::from_ref(&other), &by("ada")).await.unwrap();
    let scopes = BTreeMap::from([("default".to_owned(), limits.clone())]);
    let budget = store.budgets(&scopes).await.unwrap().remove("default").unwrap();
    for member in &members {
        assert_eq!(budget.asked[member], "bob\nmia\ncarl\ndora");
    }
    let blocked = store.entries(0, 1000).await.unwrap();
    let blocked = blocked.iter().rfind(|entry| entry.kind == EntryKind::Blocked).unwrap();
    let payload = &blocked.payload;
    assert_eq!(payload["askers"], serde_json::json!(["dora"]));
}
