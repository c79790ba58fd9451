//! T12, T13, T14: what is gone at once, what could not be listed, and what was over before anybody looked.
//!
//! Never: a batch that runs because nobody was there to see it.

use concordat::domain::ids::{GranteeId, Kind};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    cast::{
        APPROVER, ASKER, RELATIONSHIPS, ROBOT, Under, boundary, boundary_key, grant, grant_key,
        relationship, relationship_key,
    },
    history::{Step, scene},
    stage::Stage,
};

const GRANTS: usize = 12;

fn name(number: usize) -> String {
    format!("many-{number}")
}

/// Three relationships with many grants to as many groups, and usual limits.
async fn many() -> Stage {
    let mut stage = Stage::new(7).await;
    scene(&mut stage);
    for name in RELATIONSHIPS {
        let spec = relationship("msp", name, "all");
        stage.server.create(&relationship_key("msp", name), &json!({}), &spec, ASKER);
    }
    stage.calm().await;
    for name in RELATIONSHIPS {
        stage.happens(&Step::Answer("msp", name, "Accept")).await;
    }
    for number in 0..GRANTS {
        let mut spec = grant(Under::Named(RELATIONSHIPS[number % 3]), 0, &[1]);
        let id = GranteeId::from_u128(0x4000_8000_0000_0000_5000 + number as u128).to_string();
        spec["grantee"]["securityGroup"]["id"] = json!(id);
        stage.server.create(&grant_key("msp", &name(number)), &json!({}), &spec, ASKER);
    }
    stage.calm().await;
    stage.exact = false;
    stage.happens(&Step::Put(boundary_key("msp"), json!({}), boundary("msp", &json!({})))).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, GRANTS);
    stage
}

async fn held(stage: &mut Stage) -> usize {
    let observed = stage.observed().await;
    let rows = observed.relationships.values().flatten();
    let assignments = rows.flat_map(|row| row.assignments.values());
    assignments.filter(|assignment| !assignment.state.roles.is_empty()).count()
}

fn blocked(stage: &Stage) -> Vec<&Value> {
    let relationships = stage.server.of_kind(Kind::PartnerRelationship);
    relationships.filter_map(|(_, object)| object["status"]["plan"].get("blocked")).collect()
}

#[tokio::test]
async fn a_mass_deletion_at_the_start_is_one_batch_that_one_other_person_approves_once() {
    let mut stage = many().await;
    stage.crash();
    for number in 0..GRANTS {
        stage.server.delete(&grant_key("msp", &name(number)));
    }
    stage.told.clear();
    stage.calm().await;
    assert_eq!(held(&mut stage).await, GRANTS, "{}", stage.story);
    let batches: Vec<_> = stage.told.iter().flat_map(|done| &done.blocked).collect();
    assert_eq!(batches.len(), 1, "{batches:#?}");
    let hashes = blocked(&stage);
    assert_eq!(hashes.len(), RELATIONSHIPS.len());
    assert!(hashes.iter().all(|hash| **hash == json!(batches[0].hash.to_string())));
    stage.rests_for(SignedDuration::from_hours(5), false).await;
    for user in [ROBOT, ASKER] {
        stage.happens(&Step::Approve(user)).await;
        stage.calm().await;
        assert_eq!(held(&mut stage).await, GRANTS, "{user} may not approve it");
    }
    stage.crash();
    stage.happens(&Step::Approve(APPROVER)).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0, "{}", stage.story);
    assert_eq!(stage.server.of_kind(Kind::RoleGrant).count(), 0, "every finalizer is gone");
    assert_eq!(stage.told.iter().map(|done| done.approved.len()).sum::<usize>(), 1);
    stage.ledger_is_sound().await;
}

#[tokio::test]
async fn a_list_that_fails_and_an_empty_list_take_nothing_away() {
    let mut stage = many().await;
    let effects = stage.told.iter().map(|done| done.effects.len()).sum::<usize>();
    for kind in Kind::ALL {
        let operator = stage.operator.as_mut().unwrap();
        operator.list(kind, &stage.server, 0, true);
        stage.settle().await;
        // Somebody has removed the definition of the kind: nothing is there, and nobody deleted it.
        let operator = stage.operator.as_mut().unwrap();
        operator.list(kind, &stage.server, usize::MAX, false);
        stage.turn().await;
    }
    assert_eq!(held(&mut stage).await, GRANTS);
    stage.crash();
    stage.calm().await;
    assert_eq!(held(&mut stage).await, GRANTS);
    let after = stage.told.iter().map(|done| done.effects.len()).sum::<usize>();
    assert_eq!(after, effects, "nothing was changed");
}

#[tokio::test]
async fn what_ended_while_nobody_looked_goes_before_anything_is_listed() {
    let mut stage = Stage::new(9).await;
    scene(&mut stage);
    let spec = relationship("msp", "r0", "all");
    stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
    stage.calm().await;
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    let mut short = grant(Under::Named("r0"), 0, &[1]);
    short["notAfter"] = json!((stage.now() + SignedDuration::from_hours(2)).to_string());
    stage.server.create(&grant_key("msp", "g0"), &json!({}), &short, ASKER);
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    stage.crash();
    stage.pass(SignedDuration::from_hours(2));
    stage.server.create(&grant_key("msp", "g1"), &json!({}), &short, ASKER);
    stage.told.clear();
    stage.begin();
    stage.turn().await;
    assert_eq!(held(&mut stage).await, 0, "no kind was listed yet");
    assert_eq!(stage.told[0].effects.len(), 1);
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0, "what is over is never given");
    assert_eq!(stage.told.iter().map(|done| done.effects.len()).sum::<usize>(), 1);
}

#[tokio::test]
async fn a_grant_that_goes_is_held_by_what_it_gave_where_a_round_does_not_look() {
    let mut stage = Stage::new(13).await;
    scene(&mut stage);
    let gold = json!({ "tier": "gold" });
    let first = relationship("msp", "r1", "all");
    stage.happens(&Step::Put(relationship_key("msp", "r1"), gold.clone(), first)).await;
    stage.calm().await;
    stage.happens(&Step::Answer("msp", "r1", "Accept")).await;
    let all = grant(Under::Labelled("gold"), 0, &[1]);
    stage.happens(&Step::Put(grant_key("msp", "g0"), json!({}), all)).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    let suspend = |on: bool| Step::Set(relationship_key("msp", "r1"), "suspend", json!(on));
    stage.happens(&suspend(true)).await;
    stage.happens(&Step::Label(relationship_key("msp", "r1"), "silver")).await;
    stage.happens(&Step::Delete(grant_key("msp", "g0"))).await;
    stage.calm().await;
    let second = relationship("msp", "r0", "all");
    stage.happens(&Step::Put(relationship_key("msp", "r0"), gold, second)).await;
    stage.calm().await;
    assert!(stage.server.get(&grant_key("msp", "g0")).is_some(), "what it gave is still held");
    stage.happens(&suspend(false)).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0);
    assert!(stage.server.get(&grant_key("msp", "g0")).is_none());
}
