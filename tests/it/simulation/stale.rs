//! T3, T4: caches that lag or travel back in time, and leaders that have not seen what others did before them.
//!
//! Never: a cache of something that never was.

use concordat::{
    domain::{
        change::Effect,
        ids::{Kind, ObjectKey},
    },
    store::Outcome,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    cast::{ASKER, Under, grant, grant_key, relationship, relationship_key},
    cluster::Cluster,
    history::{Step, scene},
    operator::Operator,
    server::leaves,
    stage::Stage,
};

impl Stage {
    /// Another process begins to watch.
    pub fn stand_by(&mut self) {
        if self.standby.is_none() {
            self.standby = Some(Operator::new(0, &self.settings));
        }
    }

    /// The Lease goes to the process that stands by, as far as that has seen anything. Who led before may not have
    /// noticed yet, and what it has on its way to the server still comes there.
    pub async fn take_over(&mut self) {
        self.stand_by();
        let Some(mut next) = self.standby.take() else { return };
        self.taken_over += 1;
        self.epoch += 1;
        next.lead_again(self.epoch, &self.settings);
        self.weather().dead = false;
        let Some(before) = self.operator.replace(next) else { return };
        self.turn().await;
        let Some(next) = self.operator.replace(before) else { return };
        if self.chance.one_in(2) {
            self.turn().await;
        }
        if self.chance.one_in(2) {
            self.post_all();
        }
        self.standby = self.operator.replace(next);
    }

    /// One kind is seen as it was some changes ago. Where the end is known, nothing has gone since: what is made for an
    /// object that is gone stays, as it does for whoever removes a finalizer.
    pub fn travel(&mut self) {
        let Some(operator) = &mut self.operator else { return };
        let kind = self.chance.pick(&Kind::ALL);
        let ago = 1 + self.chance.below(8);
        let log = self.server.log.get(&kind).map_or(&[][..], Vec::as_slice);
        let gone = log.iter().rev().take(ago).any(|told| told.gone);
        if self.exact && (gone || !Cluster::of(&self.server).is_free()) {
            return;
        }
        operator.list(kind, &self.server, ago, false);
        self.travels += 1;
    }
}

/// A relationship that its customer has accepted, with one grant.
async fn accepted(deletion: &str) -> Stage {
    let mut stage = Stage::new(11).await;
    scene(&mut stage);
    let mut spec = relationship("msp", "r0", "all");
    spec["deletionPolicy"] = json!(deletion);
    stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
    stage.calm().await;
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    give(&mut stage);
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    stage
}

fn give(stage: &mut Stage) {
    let spec = grant(Under::Named("r0"), 0, &[1]);
    assert!(stage.server.create(&grant_key("msp", "g0"), &json!({}), &spec, ASKER));
}

async fn held(stage: &mut Stage) -> usize {
    let observed = stage.observed().await;
    let rows = observed.relationships.values().flatten();
    rows.flat_map(|row| row.assignments.values()).map(|held| held.state.roles.len()).sum()
}

/// How many changes of a kind there were when this object was last in such a state.
fn when(stage: &Stage, key: &ObjectKey, was: impl Fn(&Value) -> bool) -> usize {
    let log = &stage.server.log[&key.kind];
    let told = |object: &Value| object["metadata"]["name"] == json!(key.name) && was(object);
    let at = log.iter().rposition(|change| !change.gone && told(&change.object));
    at.expect("it was so once") + 1
}

/// A new process that is given a list of one kind as it was after so many changes, and everything else as it is.
async fn begin_at(stage: &mut Stage, kind: Kind, at: usize) {
    stage.crash();
    stage.begin();
    stage.turn().await;
    let operator = stage.operator.as_mut().unwrap();
    operator.catch_up(&stage.server);
    operator.list(kind, &stage.server, stage.server.changes(kind) - at, false);
}

fn effects(stage: &Stage) -> Vec<&Effect> {
    let done = stage.told.iter().flat_map(|done| &done.effects);
    done.filter(|effect| effect.outcome == Outcome::Done)
        .map(|effect| &effect.change.effect)
        .collect()
}

#[tokio::test]
async fn a_grant_made_again_is_not_taken_away_because_of_the_deletion_of_the_old_one() {
    let mut stage = accepted("Revoke").await;
    let key = grant_key("msp", "g0");
    stage.server.delete(&key);
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0);
    give(&mut stage);
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    let back = when(&stage, &key, leaves);
    stage.told.clear();
    begin_at(&mut stage, Kind::RoleGrant, back).await;
    for _ in 0..20 {
        stage.turn().await;
        stage.post_all();
        assert_eq!(held(&mut stage).await, 1, "the old one takes nothing from the new one");
    }
    let operator = stage.operator.as_mut().unwrap();
    operator.watch(Kind::RoleGrant, &stage.server, false);
    stage.turn().await;
    assert_eq!(held(&mut stage).await, 1, "neither does its end");
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    assert_eq!(effects(&stage), Vec::<&Effect>::new());
}

#[tokio::test]
async fn a_relationship_made_again_is_not_ended_because_of_the_deletion_of_the_old_one() {
    for policy in ["Revoke", "Terminate"] {
        let mut stage = accepted(policy).await;
        let key = relationship_key("msp", "r0");
        let spec = stage.server.get(&key).unwrap()["spec"].clone();
        stage.server.delete(&key);
        stage.calm().await;
        assert_eq!(held(&mut stage).await, 0);
        stage.server.create(&key, &json!({}), &spec, ASKER);
        stage.calm().await;
        stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
        stage.calm().await;
        assert_eq!(held(&mut stage).await, 1, "{policy}\n{}", stage.story);
        let back = when(&stage, &key, leaves);
        stage.told.clear();
        begin_at(&mut stage, Kind::PartnerRelationship, back).await;
        for _ in 0..20 {
            stage.turn().await;
            stage.post_all();
            assert_eq!(held(&mut stage).await, 1, "{policy}");
        }
        stage.calm().await;
        assert_eq!(held(&mut stage).await, 1, "{policy}");
        assert_eq!(effects(&stage), Vec::<&Effect>::new(), "{policy}");
    }
}

#[tokio::test]
async fn a_process_that_starts_with_an_old_spec_ends_with_the_new_one() {
    let mut stage = accepted("Revoke").await;
    let key = grant_key("msp", "g0");
    let wider = |roles: &[usize]| {
        let mut spec = grant(Under::Named("r0"), 0, roles);
        spec["justification"] = json!("more");
        Step::Put(grant_key("msp", "g0"), json!({}), spec)
    };
    stage.happens(&wider(&[0, 1, 2])).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 3);
    stage.happens(&wider(&[2])).await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    let roles = |many: usize| {
        move |object: &Value| object["spec"]["roles"].as_array().unwrap().len() == many
    };
    let back = when(&stage, &key, roles(3));
    begin_at(&mut stage, Kind::RoleGrant, back).await;
    stage.turn().await;
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 1);
    stage.rests_for(SignedDuration::from_hours(2), true).await;
    stage.ledger_is_sound().await;
}

#[tokio::test]
async fn a_new_leader_invites_nobody_twice() {
    for late in [false, true] {
        let mut stage = Stage::new(12).await;
        scene(&mut stage);
        let spec = relationship("msp", "r0", "all");
        stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
        stage.begin();
        stage.stand_by();
        while effects(&stage).is_empty() {
            // The first leader puts its finalizer on, and invites; nobody hears of that.
            let operator = stage.operator.as_mut().unwrap();
            operator.catch_up(&stage.server);
            stage.turn().await;
            if effects(&stage).is_empty() {
                stage.post_all();
            }
            let standby = stage.standby.as_mut().unwrap();
            standby.catch_up(&stage.server);
        }
        assert_eq!(effects(&stage).len(), 1, "invited");
        if late {
            // What the old leader reported comes to the server once the new one leads.
            stage.operator.as_mut().unwrap().outbox.clear();
        }
        stage.take_over().await;
        for _ in 0..20 {
            stage.turn().await;
            stage.turn().await;
        }
        stage.calm().await;
        let invited =
            effects(&stage).into_iter().filter(|effect| matches!(effect, Effect::Invite { .. }));
        assert_eq!(invited.count(), 1, "late {late}");
        stage.rests_for(SignedDuration::from_hours(2), true).await;
        stage.ledger_is_sound().await;
    }
}

#[tokio::test]
async fn a_new_leader_gives_nothing_for_what_it_has_not_seen_go() {
    let mut stage = accepted("Revoke").await;
    stage.stand_by();
    stage.standby.as_mut().unwrap().catch_up(&stage.server);
    stage.server.delete(&grant_key("msp", "g0"));
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0);
    assert!(stage.server.get(&grant_key("msp", "g0")).is_none());
    // Its watch has heard nothing of that yet.
    stage.take_over().await;
    for _ in 0..20 {
        stage.turn().await;
        stage.post_all();
        assert_eq!(held(&mut stage).await, 0, "what was taken away is given again");
    }
    stage.calm().await;
    assert_eq!(held(&mut stage).await, 0);
}

#[tokio::test]
async fn a_new_leader_invites_nobody_for_what_it_has_not_seen_go() {
    let mut stage = accepted("Terminate").await;
    stage.stand_by();
    stage.standby.as_mut().unwrap().catch_up(&stage.server);
    stage.server.delete(&relationship_key("msp", "r0"));
    stage.calm().await;
    stage.told.clear();
    stage.take_over().await;
    stage.turn().await;
    stage.calm().await;
    let invited =
        effects(&stage).into_iter().filter(|effect| matches!(effect, Effect::Invite { .. }));
    assert_eq!(invited.count(), 0);
}
