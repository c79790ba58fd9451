//! T7: whatever happened before, what is held in the end is what a new store and a new operator come to from the last
//! objects alone.
//!
//! Left out, because history may count there: relationships that their customers have not accepted as they are asked for
//! now, or that are over; whatever is suspended, observed, broken or without a boundary; and what was given for objects
//! that are gone and left it behind (`Retain`). Of two ends of relationships each is its own, since each begins when its
//! customer accepts.
//!
//! Never: anything of the store that the history has filled.

use std::collections::{BTreeMap, BTreeSet};

use concordat::domain::{
    ids::{Kind, ObjectKey, RoleId},
    state::{Observed, ObservedRelationship},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    cast::{ASKER, ceiling, offer, relationship_key, role, store_name},
    cluster::{Cluster, Name},
    history::Step,
    model::active,
    server::{Server, leaves},
    stage::Stage,
};

/// What users have written: labels and specs.
pub type Written = BTreeMap<ObjectKey, (Value, Value)>;

/// Who holds what.
type Access = BTreeMap<(Name, String), BTreeMap<RoleId, Timestamp>>;

/// As long as each state of the objects takes to come to rest, with what settles.
const A_WHILE: SignedDuration = SignedDuration::from_secs(65);

/// What users have written and not deleted, answers apart.
pub fn written(server: &Server) -> Written {
    let stays = |(key, object): &(&ObjectKey, &Value)| {
        key.kind != Kind::AgreementAcceptance && !leaves(object)
    };
    let parts = |object: &Value| (object["metadata"]["labels"].clone(), object["spec"].clone());
    let objects = server.objects.iter().filter(stays);
    objects.map(|(key, object)| (key.clone(), parts(object))).collect()
}

/// The relationships that customers have accepted as they are asked for now, and that nothing holds back.
fn accepted(cluster: &Cluster, observed: &Observed) -> BTreeSet<Name> {
    let names = cluster.live_relationships();
    let as_asked =
        |(name, spec): &(Name, &str)| active(observed, name).is_some_and(|row| is_of(row, spec));
    names.filter(as_asked).map(|(name, _)| name).collect()
}

/// Whether a row is what this offer asks for.
pub fn is_of(row: &ObservedRelationship, name: &str) -> bool {
    let roles: BTreeSet<RoleId> = ceiling(name).iter().map(|number| role(*number)).collect();
    let duration = row.invitation.duration.map(|duration| duration.to_string());
    row.ceiling == roles && duration.as_deref() == offer(name)["duration"].as_str()
}

/// What is held under these relationships.
fn access(observed: &Observed, names: &BTreeSet<Name>) -> Access {
    let mut access = Access::new();
    for name in names {
        let Some(row) = active(observed, name) else { continue };
        for (grantee, held) in &row.assignments {
            if !held.state.roles.is_empty() {
                let roles = held.state.roles.iter().map(|(role, until)| (*role, *until));
                access.insert((name.clone(), grantee.to_string()), roles.collect());
            }
        }
    }
    access
}

/// When these relationships end.
fn ends(observed: &Observed, names: &BTreeSet<Name>) -> BTreeMap<Name, Timestamp> {
    let end = |name: &Name| Some((name.clone(), active(observed, name)?.ends_at?));
    names.iter().filter_map(end).collect()
}

/// The assignments in which something counts that is not in the last specs.
fn remembered(stage: &Stage, observed: &Observed) -> BTreeSet<(String, String)> {
    let cluster = Cluster::of(&stage.server);
    let mut remembered = BTreeSet::new();
    for row in observed.relationships.values().flatten() {
        for (grantee, held) in &row.assignments {
            let mut given = held.state.contributions.iter();
            if given.any(|(grant, given)| !cluster.is_live(grant, &given.uid.0)) {
                remembered.insert((row.key.name.to_string(), grantee.to_string()));
            }
        }
    }
    remembered
}

/// What is held in a new store once these states of the objects were there one after the other, each accepted by the
/// customers, the last of them at this instant.
async fn reached(states: &[&Written], names: &BTreeSet<Name>, now: Timestamp) -> Stage {
    let mut stage = Stage::new(0).await;
    stage.exact = false;
    let steps = i32::try_from(2 * states.len()).unwrap();
    stage.pass(now.duration_since(stage.now()) - A_WHILE * steps);
    for state in states {
        let there: Vec<ObjectKey> = stage.server.objects.keys().cloned().collect();
        for key in there.iter().filter(|key| key.kind != Kind::AgreementAcceptance) {
            if !state.contains_key(key) {
                stage.server.delete(key);
            }
        }
        for (key, (labels, spec)) in *state {
            if !stage.server.create(key, labels, spec, ASKER) {
                stage.server.edit(key, ASKER, |object| {
                    object["metadata"]["labels"] = labels.clone();
                    object["spec"] = spec.clone();
                });
            }
        }
        stage.live(A_WHILE).await;
        for (namespace, name) in names {
            stage.answers(namespace, name, "Accept");
        }
        stage.live(A_WHILE).await;
    }
    stage
}

impl Stage {
    /// Compares what is held with a clean start, and with the way there without what was between. Gives how many
    /// assignments were compared.
    pub async fn forgets_its_history(&mut self, first: &Written, also_directly: bool) -> usize {
        let observed = self.observed().await;
        let names = accepted(&Cluster::of(&self.server), &observed);
        let last = written(&self.server);
        let mut compared = 0;
        for states in
            [&[&last][..], &[first, &last][..]].iter().take(1 + usize::from(also_directly))
        {
            let mut other = reached(states, &names, observed.now).await;
            let reached = other.observed().await;
            let mut left_out = remembered(self, &observed);
            left_out.extend(remembered(&other, &reached));
            let is_left_out = |(namespace, name): &Name, grantee: &str| {
                let name = store_name(namespace, name);
                let of = |row: &str| row == name || row.starts_with(&format!("{name}-"));
                left_out.iter().any(|(row, who)| of(row) && who == grantee)
            };
            let ends = [ends(&observed, &names), ends(&reached, &names)];
            let [held, clean] = [&observed, &reached].map(|of| {
                let mut access = access(of, &names);
                access.retain(|(name, grantee), _| !is_left_out(name, grantee));
                for ((name, _), roles) in &mut access {
                    for until in roles.values_mut() {
                        let ends = ends.iter().filter_map(|ends| ends.get(name).copied());
                        *until = ends.fold(*until, Ord::min);
                    }
                }
                access
            });
            let many = states.len();
            assert_eq!(held, clean, "held, and by a start in {many} states\n{}", self.story);
            compared += held.len();
        }
        compared
    }
}

/// A history in three states: at the first, between, and at the last; what is held then.
async fn three(between: Option<&[Step]>, last: &[Step]) -> Access {
    let mut stage = Stage::new(21).await;
    super::history::scene(&mut stage);
    let relationship = super::cast::relationship("msp", "r0", "all");
    stage.happens(&Step::Put(relationship_key("msp", "r0"), Value::Null, relationship)).await;
    stage.calm().await;
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    stage.calm().await;
    for step in between.into_iter().flatten().chain(last) {
        stage.happens(step).await;
        stage.calm().await;
    }
    let observed = stage.observed().await;
    access(&observed, &BTreeSet::from([("msp".to_owned(), "r0".to_owned())]))
}

#[tokio::test]
async fn what_was_between_two_states_leaves_nothing_behind() {
    use super::cast::{Under, grant, grant_key};
    let put = |name: &str, who: usize, roles: &[usize]| {
        let spec = grant(Under::Named("r0"), who, roles);
        Step::Put(grant_key("msp", name), Value::Null, spec)
    };
    let set = |name: &str, field: &'static str, value: &str| {
        Step::Set(grant_key("msp", name), field, Value::from(value))
    };
    let last = [put("g0", 0, &[0, 1]), put("g1", 1, &[2])];
    let between = [
        put("g0", 1, &[2]),
        put("g2", 0, &[2]),
        set("g0", "notAfter", "2026-01-05T00:00:00Z"),
        put("g1", 0, &[0]),
        Step::Delete(grant_key("msp", "g1")),
        set("g0", "notBefore", "2026-01-04T00:00:00Z"),
        Step::Set(grant_key("msp", "g0"), "roles", serde_json::json!(["No Such Role"])),
        Step::Delete(grant_key("msp", "g2")),
    ];
    let expected = three(None, &last).await;
    assert_eq!(expected.len(), 2);
    for many in 0..=between.len() {
        let mut last = last.to_vec();
        last.push(Step::Delete(grant_key("msp", "g2")));
        assert_eq!(three(Some(&between[..many]), &last).await, expected, "{many}");
    }
}
