//! T9: somebody else writes to the store, or to the cluster, again and again.
//!
//! Never: more writes of ours than of theirs, and none at all of what was taken away.

use concordat::domain::ids::{Kind, ObjectKey};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    cast::{ASKER, Under, grant, grant_key, group, relationship, relationship_key, role},
    history::{Step, scene},
    operator::OBSERVES_EVERY,
    stage::Stage,
    wild::outsider,
};

/// A relationship that its customer has accepted, with one grant.
async fn accepted(unmanaged: &str) -> Stage {
    let mut stage = Stage::new(41).await;
    stage.exact = false;
    scene(&mut stage);
    let mut spec = relationship("msp", "r0", "all");
    spec["unmanagedAssignments"] = json!(unmanaged);
    stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
    stage.settle().await;
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    let spec = grant(Under::Named("r0"), 0, &[1]);
    stage.server.create(&grant_key("msp", "g0"), &json!({}), &spec, ASKER);
    stage.settle().await;
    stage
}

/// Somebody gives the group a role until an instant, or takes it away.
async fn writes(stage: &mut Stage, number: usize, until: Option<SignedDuration>) {
    let of = "(SELECT id FROM relationships WHERE name = 'msp-r0' AND lifecycle = 'Active')";
    let until = until.map(|time| (stage.now() + time).as_millisecond());
    let text = match until {
        Some(_) => format!("INSERT OR REPLACE INTO assignment_roles SELECT {of}, $1, $2, $3"),
        None => format!(
            "DELETE FROM assignment_roles WHERE relationship_id = {of} AND grantee_id = $1 \
             AND role_id = $2"
        ),
    };
    let mut store = outsider(stage).await;
    let query = sqlx::query(sqlx::AssertSqlSafe(text)).bind(group(0).to_string());
    let query = query.bind(role(number).to_string());
    query.bind(until).execute(&mut store).await.unwrap();
}

async fn held(stage: &mut Stage) -> Vec<usize> {
    let observed = stage.observed().await;
    let rows = observed.relationships.values().flatten();
    let held = rows.flat_map(|row| row.assignments.values());
    let held: Vec<_> = held.flat_map(|held| held.state.roles.keys().copied()).collect();
    (0..3).filter(|number| held.contains(&role(*number))).collect()
}

fn condition(stage: &Stage, key: &ObjectKey, kind: &str) -> Option<(Value, Value)> {
    let conditions = stage.server.get(key)?["status"]["conditions"].as_array()?.clone();
    let found = conditions.into_iter().find(|condition| condition["type"] == json!(kind))?;
    Some((found["status"].clone(), found["reason"].clone()))
}

fn made(stage: &Stage) -> usize {
    stage.told.iter().map(|done| done.effects.len()).sum()
}

#[tokio::test]
async fn whoever_gives_the_same_again_and_again_is_told_of_and_not_fought_for_ever() {
    const FLIPS: usize = 200;
    for (number, long) in [(2, 40), (1, 400 * 24)] {
        let mut stage = accepted("Revoke").await;
        stage.told.clear();
        let before = stage.written().await;
        let mut stalled = 0;
        for _ in 0..FLIPS {
            // As soon as it is gone, it is given again.
            writes(&mut stage, number, Some(SignedDuration::from_hours(long))).await;
            stage.live(OBSERVES_EVERY).await;
            let said = condition(&stage, &relationship_key("msp", "r0"), "Stalled");
            stalled += usize::from(said == Some((json!("True"), json!("Fought"))));
        }
        let after = stage.written().await;
        let (writes, entries) = (after.0 - before.0, after.1 - before.1);
        println!(
            "T9: given {FLIPS} times: {} changes, {writes} writes, {entries} entries",
            made(&stage)
        );
        let hours = FLIPS / 12;
        assert!(made(&stage) <= 6 + hours, "{}", made(&stage));
        assert!(writes <= 2 * FLIPS, "{writes}");
        assert!(stalled > FLIPS / 2, "told {stalled} times");
        // They give up: what they gave is taken away within an hour, and all is well.
        stage.live(SignedDuration::from_mins(70)).await;
        assert_eq!(held(&mut stage).await, vec![1]);
        let ready = condition(&stage, &relationship_key("msp", "r0"), "Ready");
        assert_eq!(ready, Some((json!("True"), json!("InSync"))));
        stage.rests_for(SignedDuration::from_hours(10), true).await;
        stage.ledger_is_sound().await;
    }
}

#[tokio::test]
async fn an_edit_is_made_at_once_also_in_a_fight() {
    let mut stage = accepted("Revoke").await;
    for _ in 0..6 {
        writes(&mut stage, 2, Some(SignedDuration::from_hours(40))).await;
        stage.live(OBSERVES_EVERY).await;
    }
    assert_eq!(held(&mut stage).await, vec![1, 2]);
    let spec = grant(Under::Named("r0"), 0, &[0]);
    stage.happens(&Step::Put(grant_key("msp", "g0"), json!({}), spec)).await;
    stage.settle().await;
    assert_eq!(held(&mut stage).await, vec![0]);
}

#[tokio::test]
async fn what_is_taken_away_again_and_again_is_never_given_back_unasked() {
    let mut stage = accepted("Keep").await;
    writes(&mut stage, 1, None).await;
    stage.told.clear();
    stage.live(OBSERVES_EVERY).await;
    let mut before = stage.written().await;
    for flip in 0..50 {
        // They give and take; what they gave again is what is asked for.
        writes(&mut stage, 1, (flip % 2 == 0).then_some(SignedDuration::from_hours(24 * 300)))
            .await;
        stage.live(OBSERVES_EVERY).await;
        stage.live(OBSERVES_EVERY).await;
        let after = stage.written().await;
        assert!(after.0 - before.0 <= 4, "{} writes", after.0 - before.0);
        before = after;
        if flip % 2 == 1 {
            assert_eq!(held(&mut stage).await, Vec::<usize>::new());
            let said = condition(&stage, &grant_key("msp", "g0"), "Stalled");
            // To give it back waits for a person.
            assert_eq!(said, Some((json!("True"), json!("Blocked"))), "{flip}");
        }
    }
    println!("T9: given and taken 50 times: {} changes", made(&stage));
    assert!(made(&stage) <= 50);
}

#[tokio::test]
async fn whoever_writes_our_statuses_is_answered_once_each_time() {
    let mut stage = accepted("Keep").await;
    let key = relationship_key("msp", "r0");
    for _ in 0..50 {
        let before = stage.server.writes;
        stage.server.edit(&key, "somebody@else", |object| {
            object["status"]["conditions"] = json!([]);
        });
        stage.live(SignedDuration::from_mins(1)).await;
        assert_eq!(stage.server.writes - before, 1);
        assert_eq!(condition(&stage, &key, "Ready"), Some((json!("True"), json!("InSync"))));
    }
    for _ in 0..50 {
        let before = stage.server.writes;
        stage.server.edit(&key, "somebody@else", |object| {
            object["metadata"]["finalizers"] = json!([]);
        });
        stage.live(SignedDuration::from_mins(1)).await;
        assert!(stage.server.writes - before <= 3, "{}", stage.server.writes - before);
        assert_eq!(stage.server.of_kind(Kind::PartnerRelationship).count(), 1);
    }
    assert_eq!(held(&mut stage).await, vec![1]);
}
