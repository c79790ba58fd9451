//! T1: a fixed story, in which the process dies before and after each call of the store and each write to the server.
//!
//! Never: an end other than that of the story without a crash.

use std::collections::BTreeMap;

use concordat::store::Read;
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    cast::{Under, grant, grant_key, relationship, relationship_key},
    history::{Step, scene},
    stage::Stage,
    store::Fault,
};

fn story() -> Vec<Step> {
    let mut first = relationship("msp", "r0", "all");
    first["deletionPolicy"] = json!("Terminate");
    let second = relationship("msp", "r1", "few");
    let tier = json!({ "tier": "gold" });
    let mut short = grant(Under::Labelled("gold"), 1, &[1]);
    short["notAfter"] = json!("2026-01-01T06:00:00Z");
    vec![
        Step::Put(relationship_key("msp", "r0"), tier.clone(), first),
        Step::Put(relationship_key("msp", "r1"), tier, second),
        Step::Put(grant_key("msp", "g0"), json!({}), grant(Under::Named("r0"), 0, &[0, 2])),
        Step::Put(grant_key("msp", "g1"), json!({}), short),
        Step::Answer("msp", "r0", "Accept"),
        Step::Answer("msp", "r1", "Accept"),
        Step::Put(grant_key("msp", "g0"), json!({}), grant(Under::Named("r0"), 0, &[1])),
        Step::Pass(SignedDuration::from_hours(8)),
        Step::Put(grant_key("msp", "g2"), json!({}), grant(Under::Named("r1"), 1, &[0])),
        Step::Delete(grant_key("msp", "g2")),
        Step::Delete(relationship_key("msp", "r0")),
    ]
}

/// How a story ended.
#[derive(Debug, PartialEq)]
struct End {
    objects: BTreeMap<String, Value>,
    rows: Vec<String>,
    effects: BTreeMap<String, usize>,
}

/// Plays the story, and tells in how many steps and how it ended.
async fn play(dies_at: Option<(usize, Fault)>) -> (usize, End) {
    let mut stage = Stage::new(1).await;
    scene(&mut stage);
    stage.weather().dies_at = dies_at;
    stage.settle().await;
    for step in story() {
        stage.happens(&step).await;
        stage.settle().await;
    }
    stage.live(SignedDuration::from_mins(2)).await;
    let steps = stage.weather().steps;
    stage.rests_for(SignedDuration::from_mins(6), true).await;
    stage.ledger_is_sound().await;
    stage.statuses_are_sound();
    // What settles begins anew with each process, and so may be told later.
    let conditions = |object: &Value| {
        let mut conditions = object["status"]["conditions"].clone();
        for condition in conditions.as_array_mut().unwrap() {
            condition["lastTransitionTime"].take();
        }
        conditions
    };
    let objects = stage.server.objects.iter();
    let objects = objects.map(|(key, object)| (key.to_string(), conditions(object))).collect();
    let observed = stage.observed().await;
    let rows = observed.relationships.values().flatten();
    let rows = rows.map(|row| {
        let held = row.assignments.iter().map(|(who, held)| (who, &held.state.roles));
        let held: Vec<_> = held.collect();
        let reason = row.ended.as_ref().map(|ended| ended.reason);
        format!("{} {} {reason:?} {held:?}", row.key, row.lifecycle)
    });
    let entries = stage.reader().await.entries(0, u32::MAX).await.unwrap();
    let mut effects = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.kind.is_effect()) {
        *effects.entry(format!("{} {}", entry.kind, entry.subject)).or_default() += 1;
    }
    (steps, End { objects, rows: rows.collect(), effects })
}

fn played(dies_at: Option<(usize, Fault)>) -> (usize, End) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(play(dies_at))
}

#[test]
fn a_crash_at_any_call_or_write_ends_as_the_story_without_one() {
    let (steps, expected) = played(None);
    for kind in ["Invited", "Authorised", "RolesSet", "Terminated"] {
        assert!(expected.effects.keys().any(|effect| effect.starts_with(kind)), "no {kind}");
    }
    assert!(!expected.objects.keys().any(|key| key.contains("g2")), "a finalizer stays");
    std::thread::scope(|scope| {
        for fault in [Fault::Before, Fault::After] {
            let expected = &expected;
            scope.spawn(move || {
                for at in 1..=steps {
                    let (_, found) = played(Some((at, fault)));
                    assert_eq!(found, *expected, "it dies {fault:?} step {at} of {steps}");
                }
            });
        }
    });
    println!("T1: {steps} calls and writes, {} crashes", 2 * steps);
}
