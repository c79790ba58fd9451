//! Traces: a round and its steps arrive at a collector, also the last ones, and nobody waits for one that is away.
//!
//! Never: a collector that decides how long an operator takes.

use std::time::{Duration, Instant};

use concordat::operator::telemetry::{
    labels::RoundResult,
    logs::{LogFormat, subscriber},
    traces::{Step, Traces, end, round, step},
};
use tracing_subscriber::EnvFilter;

use super::collector::collector;

fn one_round() {
    let whole = round(3);
    whole.in_scope(|| {
        step(Step::Observe).in_scope(|| tracing::info!("read"));
        step(Step::Plan).in_scope(|| {});
        step(Step::Apply).in_scope(|| tracing::warn!("SECRET of a log line"));
    });
    end(&whole, 2, RoundResult::Changed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_is_a_span_with_its_steps_and_the_last_ones_are_sent_at_the_end() {
    let (endpoint, received) = collector().await;
    let traces = Traces::open(&endpoint, "replica-1").unwrap();
    let subscriber =
        subscriber(LogFormat::Json, EnvFilter::new("off"), std::io::sink, Some(&traces));
    tracing::subscriber::with_default(subscriber, || {
        (0..50).for_each(|_| one_round());
        tracing::info_span!(target: "hyper", "somebody else's").in_scope(|| {});
    });
    traces.close().await.unwrap();
    let received = received.lock().unwrap();
    println!("{} spans in {} requests", received.spans.len(), received.requests);
    assert_eq!(received.spans.len(), 200);
    assert_eq!(received.resource["service.name"], "concordat");
    assert_eq!(received.resource["service.instance.id"], "replica-1");
    let rounds: Vec<_> = received.spans.iter().filter(|span| span.name == "round").collect();
    assert_eq!(rounds.len(), 50);
    for round in rounds {
        assert!(round.parent.is_empty());
        assert_eq!(round.attributes["result"], "changed");
        assert_eq!(round.attributes["relationships"], "3");
        assert_eq!(round.attributes["changes"], "2");
        let steps = received.spans.iter().filter(|span| span.parent == round.id);
        let mut names: Vec<_> = steps.map(|span| span.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["apply", "observe", "plan"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_away_holds_up_nobody() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let traces = Traces::open(&format!("http://127.0.0.1:{port}/"), "replica-1").unwrap();
    let subscriber =
        subscriber(LogFormat::Text, EnvFilter::new("off"), std::io::sink, Some(&traces));
    let begun = Instant::now();
    tracing::subscriber::with_default(subscriber, || (0..5_000).for_each(|_| one_round()));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let _ = traces.close().await;
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_endpoint_that_is_none_is_refused_without_its_password() {
    for endpoint in ["", "collector:4318", "https://collector:4318", "http://", "http://a b"] {
        Traces::open(endpoint, "x").unwrap_err();
    }
    let error = Traces::open("http://user:hunter2@collector:4318", "x").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`http://collector:4318` is not `http://HOST:PORT`: name a collector inside the cluster"
    );
}
