//! Two replicas on PostgreSQL: one writes, and who was paused or cut off writes no more.
//!
//! Never: an effect twice.

use std::collections::BTreeMap;

use concordat::store::{Read, sql::open_reader};

use super::{Operator, active, boundary, grant, until};
use crate::{cluster::Cluster, postgres};

/// Each change stands in the ledger once, and the chain is whole.
fn each_effect_once(url: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let entries = runtime.block_on(async {
        let mut reader = open_reader(&url.parse().unwrap()).await.unwrap();
        reader.entries(0, 100_000).await.unwrap()
    });
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind.is_effect()) {
        *times.entry(entry.payload.to_string()).or_default() += 1;
    }
    let twice: Vec<_> = times.iter().filter(|(_, number)| **number > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
    for (before, after) in entries.iter().zip(entries.iter().skip(1)) {
        assert_eq!(after.previous, before.hash);
        assert_eq!(after.computed_hash(), after.hash);
    }
}

#[test]
fn whoever_was_killed_paused_or_cut_off_is_followed_by_another_and_writes_no_more() {
    let cluster = Cluster::own();
    cluster.install_definitions();
    cluster.said(&["create", "namespace", "concordat-system"]);
    let namespace = cluster.namespace("two");
    cluster.apply(&boundary(&namespace, ""));
    let server = postgres::Server::private();
    let database = server.database("replicas");
    let start = |name: &str| {
        let flags = ["--identity", name];
        Operator::start(&cluster, &cluster.kubeconfig(), database.url(), &flags)
    };
    let leads = |operator: &Operator| until("somebody leads", || operator.leads().then_some(()));
    let gives = |name: &str, number: u32| {
        cluster.apply(&grant(&namespace, name, "acme", number, ""));
        cluster.wait(&namespace, &format!("rolegrant/{name}"), "condition=InForce");
    };

    let first = start("first");
    leads(&first);
    let second = start("second");
    active(&cluster, &namespace, "acme", "");
    gives("one", 1);
    assert!(!second.leads());

    first.signal("-KILL");
    leads(&second);
    gives("two", 2);

    let third = start("third");
    second.signal("-STOP");
    leads(&third);
    gives("three", 3);
    second.signal("-CONT");
    until("who was paused has noticed", || (!second.leads()).then_some(()));
    gives("four", 4);
    let log = second.log();
    assert!(log.contains("leads no longer") || log.contains("steps down"), "{log}");

    cluster.pause_api_server();
    until("nobody leads without the server", || (!third.leads()).then_some(()));
    cluster.resume_api_server();
    until("somebody leads again", || (second.leads() || third.leads()).then_some(()));
    gives("five", 5);

    server.stop_hard();
    cluster.apply(&grant(&namespace, "six", "acme", 6, ""));
    until("the store is missed", || {
        let leader = if second.leads() { &second } else { &third };
        leader.get("/readyz")?.contains(" 503 ").then_some(())
    });
    server.restart();
    cluster.wait(&namespace, "rolegrant/six", "condition=InForce");
    each_effect_once(database.url());
    println!(
        "replicas: 6 grants through a kill, a pause, a cut from the API server and a crash of the database"
    );
}
