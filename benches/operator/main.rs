//! How fast the operator is on a real API server, side by side with what that server can do by itself:
//! `cargo bench --bench operator [-- OBJECTS]`.
//!
//! Never: a figure of the server taken in another run, or on another machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails"
)]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/cluster/mod.rs"]
mod cluster;
mod fleet;
mod program;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use concordat::store::{Read, StoreUrl, sql::open_reader};
use fleet::{GRANTS_OF_EACH, NAMESPACE, OTHER_ROLE, ROLE, fleet, grant};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use program::Operator;
use serde_json::{Value, json};

const CONNECTIONS: usize = 16;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let objects: usize = asked.unwrap_or(10_000);
    let cluster = cluster::Cluster::own();
    cluster.install_definitions();
    cluster.kubectl(&["create", "namespace", NAMESPACE]);
    cluster.kubectl(&["create", "namespace", "concordat-system"]);
    let client = cluster.client().await;
    let place = tempfile::tempdir().unwrap();
    let store = place.path().join("concordat.db");

    let fleet = fleet(objects);
    let began = Instant::now();
    create(&client, fleet.clone()).await;
    let took = began.elapsed();
    told("the server creates", format!("{:.0} objects/s", fleet.len() as f64 / took.as_secs_f64()));
    let rate_before = own_rate(&client).await;

    let operator = Operator::start(&cluster, &store);
    let before = operator.processor_time();
    let took = operator.until_quiet().await;
    let writes = operator.api_writes();
    let used = operator.processor_time();
    let ready = ready(&client).await;
    assert_eq!(ready, fleet.len(), "objects that are ready");
    let rate = writes as f64 / took.as_secs_f64();
    told(
        "cold start to Ready",
        format!(
            "{} objects in {:.1} s, {:.2} writes an object, {rate:.0} writes/s",
            fleet.len(),
            took.as_secs_f64(),
            writes as f64 / fleet.len() as f64,
        ),
    );
    let used: Vec<String> = used
        .into_iter()
        .map(|(name, seconds)| (seconds - before.get(&name).unwrap_or(&0.0), name))
        .map(|(seconds, name)| format!("{name} {seconds:.1} s"))
        .collect();
    told("  processor time", format!("{}; {} events told", used.join(", "), operator.events()));
    told(
        "memory",
        format!(
            "{} now, {} at most (100 MB wanted)",
            operator.memory("VmRSS"),
            operator.memory("VmHWM")
        ),
    );

    changes(&client, &store).await;

    let rested = operator.api_writes();
    tokio::time::sleep(Duration::from_secs(60)).await;
    told(
        "a minute of rest",
        format!("{} writes but the Lease's (0 wanted)", operator.api_writes() - rested),
    );
    operator.stop();

    // Taken on both sides of the cold start, since a machine is not equally fast all the time.
    let rate_after = own_rate(&client).await;
    let own_rate = f64::midpoint(rate_before, rate_after);
    told(
        "the server patches statuses",
        format!(
            "{rate_before:.0}/s before and {rate_after:.0}/s after with {CONNECTIONS} connections: the cold \
             start had {:.0} % of that (80 wanted)",
            100.0 * rate / own_rate
        ),
    );

    let operator = Operator::start(&cluster, &store);
    let took = operator.until_ready().await;
    operator.until_quiet().await;
    told(
        "restart with nothing to do",
        format!(
            "ready in {:.1} s (5 wanted), {} writes but the Lease's (0 wanted), {} at most",
            took.as_secs_f64(),
            operator.api_writes(),
            operator.memory("VmHWM")
        ),
    );
    expiry(&client, &operator, &store, fleet.len()).await;
    operator.stop();
}

fn told(what: &str, figure: impl std::fmt::Display) {
    println!("{what:<28} {figure}");
}

fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let plural = match kind {
        "PartnerBoundary" => "partnerboundaries".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let resource = ApiResource {
        group: "concordat.dev".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "concordat.dev/v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural,
    };
    if kind == "PartnerBoundary" {
        return Api::all_with(client.clone(), &resource);
    }
    Api::namespaced_with(
        client.clone(),
        object["metadata"]["namespace"].as_str().unwrap(),
        &resource,
    )
}

async fn create(client: &Client, objects: Vec<Value>) {
    stream::iter(objects)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let api = api_of(client, &object);
            let object = serde_json::from_value(object).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
        })
        .await;
}

/// What the server does by itself: a bare client applies the status that the operator gives a grant, with nobody
/// watching.
async fn own_rate(client: &Client) -> f64 {
    let number = 3_000;
    let mut others = Vec::new();
    for index in 0..number {
        let name = format!("other-{index}");
        let mut object = grant(0, 0, None);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!("default");
        others.push(object);
    }
    create(client, others.clone()).await;
    let status = json!({
        "observedGeneration": 1,
        "catalogueVersion": "2026-11-21+510b5e75",
        "roles": [{ "id": "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "name": ROLE }],
        "effectiveSince": "2026-11-21T00:00:00Z",
        "expiresAt": "2028-11-20T19:19:42.368Z",
        "conditions": [
            { "type": "Ready", "status": "True", "reason": "InSync", "observedGeneration": 1,
              "message": "it is held under `customer-0` until 2028-11-20T19:19:42.368Z",
              "lastTransitionTime": "2026-11-21T00:00:00Z" },
            { "type": "InForce", "status": "True", "reason": "Held", "observedGeneration": 1,
              "message": "access is held under 1 relationship",
              "lastTransitionTime": "2026-11-21T00:00:00Z" },
        ],
    });
    let began = Instant::now();
    stream::iter(others.clone())
        .for_each_concurrent(CONNECTIONS, |object| {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let status = json!({
                "apiVersion": "concordat.dev/v1alpha1",
                "kind": "RoleGrant",
                "metadata": { "name": name, "namespace": "default" },
                "status": status,
            });
            async move {
                let params = PatchParams::apply("bench").force();
                let patch = Patch::Apply(&status);
                api_of(client, &object).patch_status(&name, &params, &patch).await.unwrap();
            }
        })
        .await;
    let rate = f64::from(number) / began.elapsed().as_secs_f64();
    stream::iter(others)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            api_of(client, &object)
                .delete(&name, &kube::api::DeleteParams::default())
                .await
                .unwrap();
        })
        .await;
    rate
}

/// How many objects are ready.
async fn ready(client: &Client) -> usize {
    let mut ready = 0;
    for kind in [
        "PartnerBoundary",
        "PartnerOffer",
        "PartnerRelationship",
        "AgreementAcceptance",
        "RoleGrant",
    ] {
        let sample = json!({ "kind": kind, "metadata": { "namespace": NAMESPACE } });
        let list = api_of(client, &sample).list(&kube::api::ListParams::default()).await.unwrap();
        ready += list.items.iter().filter(|object| is_ready(&object.data)).count();
    }
    ready
}

fn is_ready(object: &Value) -> bool {
    object["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    })
}

/// From a change in the cluster to its effect in the store, while everything else rests.
async fn changes(client: &Client, store: &Path) {
    let url: StoreUrl = format!("sqlite:{}", store.display()).parse().unwrap();
    let mut reader = open_reader(&url).await.unwrap();
    let mut latencies = Vec::new();
    for round in 0..200 {
        // A role more each time: what takes away would use up the budget of the expiry that follows.
        let object = grant(round, round % GRANTS_OF_EACH, None);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let roles = json!([ROLE, OTHER_ROLE]);
        let before = reader.head().await.unwrap().sequence;
        let began = Instant::now();
        let patch = json!({ "spec": { "roles": roles } });
        let patched = api_of(client, &object);
        patched.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        while reader.head().await.unwrap().sequence == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    latencies.sort();
    let at = |share: usize| latencies[latencies.len() * share / 100].as_secs_f64() * 1_000.0;
    told("change to effect", format!("p50 {:.0} ms, p99 {:.0} ms (100 wanted)", at(50), at(99)));
}

/// Grants that all end in one second.
async fn expiry(client: &Client, operator: &Operator, store: &Path, number: usize) {
    let url: StoreUrl = format!("sqlite:{}", store.display()).parse().unwrap();
    let relationships = number / (GRANTS_OF_EACH + 2);
    let end =
        Timestamp::now() + SignedDuration::from_secs(60 + i64::try_from(number).unwrap() / 100);
    let end = Timestamp::from_second(end.as_second()).unwrap();
    let grants: Vec<Value> = (0..relationships)
        .flat_map(|number| (0..GRANTS_OF_EACH).map(move |grant| (number, grant)))
        .map(|(number, grant)| fleet::grant(number, grant, Some(end)))
        .collect();
    let expiring = grants.len();
    stream::iter(grants)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let patch = json!({ "spec": { "notAfter": object["spec"]["notAfter"] } });
            let api = api_of(client, &object);
            api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        })
        .await;
    operator.until_quiet().await;
    let mut reader = open_reader(&url).await.unwrap();
    let before = reader.head().await.unwrap().sequence;
    let left = end.duration_since(Timestamp::now());
    assert!(left.is_positive(), "there was not enough time to prepare");
    tokio::time::sleep(Duration::try_from(left).unwrap() + Duration::from_secs(20)).await;
    let mut expired = Vec::new();
    let mut after = before;
    loop {
        let entries = reader.entries(after, 1_000).await.unwrap();
        let Some(last) = entries.last() else { break };
        after = last.sequence;
        expired.extend(entries.iter().map(|entry| entry.time.duration_since(end).as_secs_f64()));
    }
    let latest = expired.iter().copied().fold(0.0, f64::max);
    told(
        "expiry in one second",
        format!(
            "{} of {expiring} revoked, the last {latest:.2} s after its time (1 wanted)",
            expired.len()
        ),
    );
}
