//! Very many ends of one instant.
//!
//! Never: one of them before its time, or left behind.

use std::fmt::Write as _;

use concordat::{
    domain::entry::EntryKind,
    store::{Read, sql::open_reader},
};
use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::Value;

use super::{Site, acceptance, boundary, grant, offer, relationship, until};

/// More than are read and taken away at once.
const MANY: usize = 300;

#[test]
fn ends_of_one_instant_all_come_then_however_many_they_are() {
    let site = Site::shared();
    let namespace = site.cluster.namespace("together");
    site.cluster.apply(&boundary(
        &namespace,
        "limits: {newGrantees: 1000, revocations: {count: 1000, share: 100}}",
    ));
    let mut relationships = offer(&namespace);
    for number in 0..MANY {
        let labelled = relationship(&namespace, &format!("c{number}"), "")
            .replace("metadata: {", "metadata: {labels: {team: many}, ");
        write!(relationships, "---\n{labelled}").unwrap();
    }
    site.cluster.apply(&relationships);
    let invited = until("all are invited", || {
        let text =
            site.cluster.said(&["get", "-n", &namespace, "partnerrelationships", "-o", "json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        let invited = list["items"].as_array().unwrap().iter().filter_map(|object| {
            let digest = object.pointer("/status/invitation/digest")?.as_str()?.to_owned();
            Some((object["metadata"]["name"].as_str().unwrap().to_owned(), digest))
        });
        let invited: Vec<(String, String)> = invited.collect();
        (invited.len() == MANY).then_some(invited)
    });
    let mut accepted = String::new();
    for (name, digest) in &invited {
        write!(accepted, "---\n{}", acceptance(&namespace, name, digest)).unwrap();
    }
    site.cluster.apply(&accepted);
    let everywhere = |more: &str| {
        grant(&namespace, "all", "none", 1, more).replace(
            "relationshipRef: {name: none}",
            "relationshipSelector: {matchLabels: {team: many}}",
        )
    };
    site.cluster.apply(&everywhere(""));
    let recorded = |kind| recorded(site, &namespace, kind);
    until("it is held everywhere", || (recorded(EntryKind::RolesSet).len() == MANY).then_some(()));

    let end = Timestamp::now().round(Unit::Second).unwrap() + SignedDuration::from_secs(10);
    site.cluster.apply(&everywhere(&format!("notAfter: \"{end}\"")));
    site.cluster.wait(&namespace, "rolegrant/all", "condition=InForce=false");
    let expired = recorded(EntryKind::RolesExpired);
    assert_eq!(expired.len(), MANY);
    assert!(expired.iter().all(|at| *at >= end), "{expired:?}");
    let (code, text) = site.concordat(&["ledger", "verify"]);
    assert_eq!(code, Some(0), "{text}");
}

/// When this was done under relationships of a namespace, by the ledger.
fn recorded(site: &Site, namespace: &str, kind: EntryKind) -> Vec<Timestamp> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let entries = runtime.block_on(async {
        let mut store = open_reader(&site.store.parse().unwrap()).await.unwrap();
        store.entries(0, 100_000).await.unwrap()
    });
    let here = entries.iter().filter(|entry| entry.subject.starts_with(&format!("{namespace}-")));
    here.filter(|entry| entry.kind == kind).map(|entry| entry.time).collect()
}
