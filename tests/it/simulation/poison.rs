//! T8: an object that nobody can read, that the store refuses or that the server refuses to hear about delays nobody
//! else; and what was mended is as if it had never been broken.
//!
//! Never: a bound that depends on how many others there are.

use concordat::{
    domain::ids::{Kind, ObjectKey},
    store::Outcome,
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{
    cast::{ASKER, Under, boundary_key, grant, grant_key, key, relationship, relationship_key},
    history::{Step, scene},
    server::Refused,
    stage::Stage,
    wild::outsider,
};

/// As many sound relationships as there are besides the poison, each with a grant.
const SOUND: usize = 12;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Poison {
    /// Nothing.
    None,
    /// Specs that nobody understands.
    Unreadable,
    /// The store refuses the invitation every time.
    Uninvitable,
    /// The store refuses what the grant gives every time.
    Ungivable,
    /// The server refuses the status every time.
    Untellable,
    /// The server fails whenever the status is written.
    Unreachable,
}

const POISONS: [Poison; 5] = [
    Poison::Unreadable,
    Poison::Uninvitable,
    Poison::Ungivable,
    Poison::Untellable,
    Poison::Unreachable,
];

fn sound(number: usize) -> (ObjectKey, ObjectKey) {
    (
        relationship_key("msp", &format!("sound-{number}")),
        grant_key("msp", &format!("sound-{number}")),
    )
}

fn poisoned() -> [ObjectKey; 2] {
    // The first of all by name, so that it stands before the others wherever there is an order.
    [relationship_key("msp", "a-poison"), grant_key("msp", "a-poison")]
}

fn is_ready(stage: &Stage, key: &ObjectKey) -> bool {
    condition(stage, key, "Ready").is_some_and(|ready| ready["status"] == json!("True"))
}

fn condition(stage: &Stage, key: &ObjectKey, kind: &str) -> Option<Value> {
    let conditions = stage.server.get(key)?["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == json!(kind)).cloned()
}

fn put(stage: &mut Stage, name: &str, roles: &[usize]) {
    let spec = relationship("msp", name, "all");
    stage.server.create(&relationship_key("msp", name), &json!({}), &spec, ASKER);
    let mut spec = grant(Under::Labelled("none"), 1, roles);
    spec.as_object_mut().unwrap().remove("relationshipSelector");
    spec["relationshipRef"] = json!({ "name": name });
    stage.server.create(&grant_key("msp", name), &json!({}), &spec, ASKER);
}

async fn spoil(stage: &mut Stage, poison: Poison) {
    let refuse = |what: &str| {
        format!("CREATE TRIGGER poison BEFORE {what} BEGIN SELECT RAISE(ABORT, 'poison'); END")
    };
    let store = match poison {
        Poison::None => return,
        Poison::Unreadable => {
            for key in poisoned() {
                let spec = json!({ "offerRef": 7, "roles": "all" });
                stage.server.create(&key, &json!({}), &spec, ASKER);
            }
            return;
        }
        Poison::Untellable | Poison::Unreachable => {
            let how = if poison == Poison::Untellable { Some(Refused::Invalid) } else { None };
            stage.server.unheard = poisoned().map(|key| (key, how.clone())).into();
            put(stage, "a-poison", &[1]);
            return;
        }
        Poison::Uninvitable => refuse("INSERT ON relationships WHEN NEW.name = 'msp-a-poison'"),
        Poison::Ungivable => refuse(
            "INSERT ON assignment_roles WHEN (SELECT name FROM relationships \
             WHERE id = NEW.relationship_id) = 'msp-a-poison'",
        ),
    };
    let mut outside = outsider(stage).await;
    sqlx::query(sqlx::AssertSqlSafe(store)).execute(&mut outside).await.unwrap();
    put(stage, "a-poison", &[1]);
}

/// Reconciler until everything sound is as it should be, when all of it comes at once; each followed by whatever it writes.
async fn rounds_until(stage: &mut Stage, done: impl Fn(&Stage) -> bool) -> usize {
    for rounds in 0..20 {
        if done(stage) {
            return rounds;
        }
        stage.begin();
        stage.operator.as_mut().unwrap().catch_up(&stage.server);
        stage.turn().await;
        stage.post_all();
    }
    panic!("it is delayed without a bound");
}

/// Plays it, and tells how many rounds invitations, grants and changes took.
async fn play(poison: Poison) -> [usize; 3] {
    let mut stage = Stage::new(31).await;
    stage.exact = false;
    scene(&mut stage);
    stage.settle().await;
    spoil(&mut stage, poison).await;
    for number in 0..SOUND {
        put(&mut stage, &format!("sound-{number}"), &[0, 1]);
    }
    let all = |is: &dyn Fn(usize) -> bool| (0..SOUND).all(is);
    let invited = rounds_until(&mut stage, |stage| {
        all(&|number| {
            let relationship = stage.server.get(&sound(number).0).unwrap();
            relationship["status"]["invitation"]["digest"].is_string()
        })
    });
    let invited = invited.await;
    for number in 0..SOUND {
        stage.answers("msp", &format!("sound-{number}"), "Accept");
    }
    stage.answers("msp", "a-poison", "Accept");
    let ready = |stage: &Stage| {
        all(&|number| is_ready(stage, &sound(number).0) && is_ready(stage, &sound(number).1))
    };
    let given = rounds_until(&mut stage, ready).await;
    for number in 0..SOUND {
        stage.server.edit(&sound(number).1, ASKER, |grant| {
            grant["spec"]["roles"] = json!(super::cast::role_names(&[2]));
        });
    }
    let generations = |stage: &Stage| {
        ready(stage)
            && all(&|number| {
                let grant = stage.server.get(&sound(number).1).unwrap();
                grant["status"]["observedGeneration"] == grant["metadata"]["generation"]
            })
    };
    let changed = rounds_until(&mut stage, generations).await;
    rests(&mut stage, poison).await;
    [invited, given, changed]
}

/// The poison says so where it can, and is tried again later each time.
async fn rests(stage: &mut Stage, poison: Poison) {
    stage.told.clear();
    let before = stage.written().await;
    for _ in 0..60 * 2 {
        stage.begin();
        let operator = stage.operator.as_mut().unwrap();
        operator.catch_up(&stage.server);
        stage.turn().await;
        stage.post_all();
        stage.pass(SignedDuration::from_secs(30));
    }
    let after = stage.written().await;
    let tried = stage.told.iter().flat_map(|done| &done.effects);
    let tried: Vec<_> = tried.collect();
    assert!(tried.iter().all(|effect| effect.outcome != Outcome::Done), "{poison:?}");
    let (written, entries) = (after.0 - before.0, after.1 - before.1);
    assert!(tried.len() <= 7, "{poison:?}: tried {} times in an hour", tried.len());
    assert!(written <= 8, "{poison:?}: {written} writes in an hour");
    println!(
        "T8: {poison:?}: an hour later: {} tries, {written} writes, {entries} entries",
        tried.len()
    );
    let reason = |key: &ObjectKey| condition(stage, key, "Ready").map(|it| it["reason"].clone());
    let [relationship, grant] = poisoned();
    match poison {
        Poison::Uninvitable => assert_eq!(reason(&relationship), Some(json!("Refused"))),
        Poison::Ungivable => assert_ne!(reason(&grant), Some(json!("InSync"))),
        Poison::None | Poison::Unreadable | Poison::Untellable | Poison::Unreachable => {}
    }
}

#[tokio::test]
async fn a_poison_object_delays_nobody_else_by_a_single_round() {
    let bound = play(Poison::None).await;
    for poison in POISONS {
        let rounds = play(poison).await;
        println!("T8: {poison:?}: invited, given, changed in {rounds:?} rounds; without {bound:?}");
        assert!(rounds.iter().zip(bound).all(|(rounds, bound)| *rounds <= bound), "{poison:?}");
    }
}

/// What somebody breaks, and how it was before.
fn mistakes() -> Vec<(&'static str, Vec<Step>, Vec<Step>)> {
    let (relationship_key, grant_key) = (relationship_key("msp", "r0"), grant_key("msp", "g0"));
    let good = grant(Under::Named("r0"), 0, &[1]);
    let set = |field: &'static str, value: Value| vec![Step::Set(grant_key.clone(), field, value)];
    let mend = vec![Step::Put(grant_key.clone(), json!({}), good.clone())];
    let row = relationship("msp", "r0", "all");
    let mend_row = vec![Step::Put(relationship_key.clone(), json!({}), row)];
    let set_row =
        |field: &'static str, value: Value| vec![Step::Set(relationship_key.clone(), field, value)];
    let boundary = super::cast::boundary("msp", &super::cast::no_limits());
    vec![
        ("an unknown role", set("roles", json!(["No Such Role"])), mend.clone()),
        ("another relationship", set("relationshipRef", json!({ "name": "nobody" })), mend.clone()),
        ("a grant that nobody can read", set("roles", json!("all")), mend.clone()),
        ("no grantee", set("grantee", json!({})), mend),
        ("another offer", set_row("offerRef", json!({ "name": "nobody" })), mend_row.clone()),
        ("a relationship that nobody can read", set_row("customer", json!(7)), mend_row.clone()),
        (
            "a bad duration",
            set_row("renewal", json!({ "mode": "Notify", "before": "soon" })),
            mend_row,
        ),
        (
            "no boundary",
            vec![Step::Delete(boundary_key("msp"))],
            vec![Step::Put(boundary_key("msp"), json!({}), boundary)],
        ),
    ]
}

/// What statuses say, times and the numbers of entries apart.
fn said(stage: &Stage) -> Vec<(String, Value)> {
    let kinds = [Kind::PartnerRelationship, Kind::RoleGrant];
    let objects = stage.server.objects.iter().filter(|(key, _)| kinds.contains(&key.kind));
    let said = objects.map(|(key, object)| {
        let mut status = object["status"].clone();
        status["observedGeneration"].take();
        status["ledger"].take();
        for condition in status["conditions"].as_array_mut().unwrap() {
            condition["lastTransitionTime"].take();
            condition["observedGeneration"].take();
        }
        (key.to_string(), status)
    });
    said.collect()
}

#[tokio::test]
async fn what_is_mended_is_as_if_it_had_never_been_broken() {
    let mut stage = Stage::new(32).await;
    scene(&mut stage);
    let spec = relationship("msp", "r0", "all");
    stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
    stage.calm().await;
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    let spec = grant(Under::Named("r0"), 0, &[1]);
    stage.server.create(&grant_key("msp", "g0"), &json!({}), &spec, ASKER);
    stage.calm().await;
    stage.exact = false;
    let before = said(&stage);
    for (what, breaks, mends) in mistakes() {
        stage.told.clear();
        for step in &breaks {
            stage.happens(step).await;
        }
        stage.settle().await;
        stage.live(SignedDuration::from_mins(6)).await;
        let is_current = |object: &Value| {
            object["status"]["observedGeneration"] == object["metadata"]["generation"]
        };
        let told = stage.server.objects.values().all(is_current);
        assert!(!told || said(&stage) != before, "{what} passes for good");
        for step in &mends {
            stage.happens(step).await;
        }
        stage.settle().await;
        for (now, then) in said(&stage).iter().zip(&before) {
            assert_eq!(format!("{:#}", now.1), format!("{:#}", then.1), "{what}: {}", then.0);
        }
        let made: usize = stage.told.iter().map(|done| done.effects.len()).sum();
        assert_eq!(made, 0, "{what} changes nothing");
    }
    let poison = key(Kind::RoleGrant, "msp", "g0");
    assert!(is_ready(&stage, &poison));
    stage.rests_for(SignedDuration::from_hours(2), true).await;
}
