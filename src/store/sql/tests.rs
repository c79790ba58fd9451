//! What can be brought about only from inside: a full disk, and clocks that disagree.
//!
//! Never: what a user of the contract can see as well.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{admit::World, session::both, *};
use crate::{
    domain::entry::{Actor, ActorKind, ActorStanding, EntryKind, Intent},
    store::Refusal,
};

#[tokio::test]
async fn a_full_disk_is_said_and_what_was_written_before_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let url = StoreUrl::Sqlite(folder.path().join("store.db"));
    let mut store = open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    let actor =
        Actor { name: "ada".to_owned(), kind: ActorKind::Person, standing: ActorStanding::Claimed };
    let by = Signature { actor, intent: Intent::default() };
    let seen = |length| Observation {
        kind: EntryKind::Difference,
        subject: "acme".to_owned(),
        payload: json!("x".repeat(length)),
    };
    store.record(vec![seen(10)], &by).await.unwrap();
    store.session.tell(both("PRAGMA max_page_count = 60"), &[]).await.unwrap();
    let full = StoreError::Full { store: url.to_string() };
    assert_eq!(store.record(vec![seen(20), seen(1_000_000)], &by).await, Err(full));
    assert_eq!(store.head().await.unwrap().sequence, 1);
    store.record(vec![seen(30)], &by).await.unwrap();
    assert_eq!(store.entries(0, 9).await.unwrap().len(), 2);
}

#[test]
fn an_end_is_recorded_only_while_both_clocks_agree_within_a_minute() {
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let (instance, limits) = (Instance::cli(), BTreeMap::new());
    let agree = |seconds| {
        let (host, laid) = (Host::Microsoft, crate::store::Laid::new());
        let none = crate::domain::errand::Errands::default();
        let aside = super::Aside { host, laid: &laid, errands: &none, deeds: &[] };
        let world = World {
            now,
            began: now,
            here: now + SignedDuration::from_secs(seconds),
            instance: &instance,
            limits: &limits,
            budgets: BTreeMap::new(),
            made: BTreeSet::new(),
            relationships: BTreeMap::new(),
            assignments: BTreeMap::new(),
            boundaries: BTreeMap::new(),
            carried: BTreeMap::new(),
            accepted: BTreeSet::new(),
            seals: BTreeMap::new(),
            doubts: BTreeMap::new(),
            gone: BTreeSet::new(),
            aside,
            open: Vec::new(),
            next_id: 1,
            written: super::admit::Written::default(),
        };
        world.clocks_agree()
    };
    assert_eq!((agree(-60), agree(0), agree(60)), (Ok(()), Ok(()), Ok(())));
    assert_eq!(agree(61), Err(Refusal::ClocksDisagree { seconds: 61 }));
    assert_eq!(agree(-3_600), Err(Refusal::ClocksDisagree { seconds: 3_600 }));
}
