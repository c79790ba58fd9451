//! The offline verdict is the real API server's, over thousands of objects good and bad (T17).
//!
//! Never: a difference that is explained away.

use futures::StreamExt;
use kube::core::{Request, params::PostParams};
use serde_json::Value;

use super::{
    corpus::Corpus,
    oracle::{Said, offline, server, url},
};
use crate::cluster::Cluster;

/// How many objects are asked about; `CORPUS=100000` asks about more.
fn size() -> usize {
    std::env::var("CORPUS").ok().map_or(6000, |text| text.parse().unwrap())
}

/// Printed, and taken from `SEED` where it is set.
fn seed() -> u64 {
    std::env::var("SEED").ok().map_or(17, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_offline_verdict_is_that_of_the_real_server() {
    let (cluster, began) = (Cluster::shared(), std::time::Instant::now());
    let namespace = cluster.namespace("fidelity");
    let client = cluster.client().await;
    let mut corpus = Corpus::new(seed());
    let stored = stored(&client, &namespace, &corpus.good).await;

    let mut cases: Vec<(Value, Option<Value>)> = Vec::new();
    for object in &corpus.good {
        cases.push((named(object, "new", &namespace), None));
    }
    for number in cases.len()..size() {
        let old = &stored[number % stored.len()];
        cases.push(match number % 3 {
            0 => (same(corpus.changed(old.clone()), old), Some(old.clone())),
            _ => (named(&corpus.next(), "new", &namespace), None),
        });
    }
    let told = futures::stream::iter(cases).map(|(object, old)| {
        let (client, namespace) = (client.clone(), namespace.clone());
        async move {
            let real = server(&client, &namespace, &object, old.is_some()).await;
            let ours = offline(&object, old.as_ref());
            (object, old, real, ours)
        }
    });
    let (mut accepted, mut refused, mut differences) = (0, 0, Vec::new());
    let mut told = told.buffer_unordered(32);
    while let Some((object, old, real, ours)) = told.next().await {
        match real {
            Said::Accepted(_) => accepted += 1,
            Said::Refused(_) => refused += 1,
        }
        if let Some(difference) = difference(&real, &ours) {
            let was = old.map(|old| format!("\nwas {}", old["spec"])).unwrap_or_default();
            differences.push(format!("{difference}\n{object}{was}"));
        }
    }
    println!(
        "offline verdict and real server, seed {}: {} objects, {accepted} accepted, {refused} refused, {} differences, {:.0} s",
        seed(),
        accepted + refused,
        differences.len(),
        began.elapsed().as_secs_f32(),
    );
    assert!(differences.is_empty(), "{}", differences[..differences.len().min(20)].join("\n\n"));
    assert!(accepted > size() / 10 && refused > size() / 3, "the corpus is one-sided");
}

/// Stores the good objects and returns them as they are there, in the form in which people write them.
async fn stored(client: &kube::Client, namespace: &str, good: &[Value]) -> Vec<Value> {
    let mut stored = Vec::new();
    for (number, object) in good.iter().enumerate() {
        let object = named(object, &format!("old-{number}"), namespace);
        let request = Request::new(url(object["kind"].as_str().unwrap(), namespace));
        let body = object.to_string().into_bytes();
        let request = request.create(&PostParams::default(), body).unwrap();
        let mut there: Value = client.request(request).await.unwrap();
        there.as_object_mut().unwrap().remove("status");
        let metadata = there["metadata"].as_object_mut().unwrap();
        metadata.remove("managedFields");
        stored.push(there);
    }
    stored
}

/// Under a name of its own: boundaries are seen by every test of the shared cluster.
fn named(object: &Value, name: &str, namespace: &str) -> Value {
    let mut object = object.clone();
    let Some(metadata) = object["metadata"].as_object_mut() else { return object };
    metadata.insert("name".to_owned(), format!("{namespace}-{name}").into());
    if object["kind"] == "PartnerBoundary" {
        object["metadata"].as_object_mut().unwrap().remove("namespace");
    } else {
        object["metadata"]["namespace"] = namespace.into();
    }
    object
}

/// With what says which object it is, and which version of it.
fn same(mut object: Value, old: &Value) -> Value {
    if !object["metadata"].is_object() {
        object["metadata"] = old["metadata"].clone();
    }
    for (name, value) in old["metadata"].as_object().unwrap() {
        if !matches!(name.as_str(), "labels" | "annotations" | "finalizers") {
            object["metadata"][name] = value.clone();
        }
    }
    object
}

fn difference(real: &Said, ours: &Said) -> Option<String> {
    match (real, ours) {
        (Said::Accepted(real), Said::Accepted(ours)) => {
            (real != ours).then(|| format!("another object:\nserver  {real}\noffline {ours}"))
        }
        (Said::Refused(real), Said::Refused(ours)) => (!ours.agrees_with(real)).then(|| {
            format!(
                "other fields: server {:?}, offline {:?}\nserver  {}\noffline {}",
                real.paths, ours.paths, real.words, ours.words
            )
        }),
        (Said::Accepted(_), Said::Refused(ours)) => {
            Some(format!("the server accepts what is refused offline: {}", ours.words))
        }
        (Said::Refused(real), Said::Accepted(_)) => {
            Some(format!("the server refuses what is accepted offline: {}", real.words))
        }
    }
}
