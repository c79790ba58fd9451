//! Statuses that do not say what the store holds now: no plan is made from them.
//!
//! Never: a cluster; what was read of one is enough.

use concordat::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::state::Absence,
    manifest::Source,
    operator::{
        index::{Index, Tabled},
        status_store::Reading,
    },
    store::code::BEHIND,
};
use jiff::Timestamp;
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::{boundary, grant, offer, relationship};

/// A cluster as it was read, without one.
fn reading(objects: &[Value]) -> Reading {
    fn list<K: Tabled>(world: &mut Index, objects: &[Value]) {
        world.see::<K>(Event::Init);
        for object in objects.iter().filter(|object| object["kind"] == K::KIND.to_string()) {
            world.see::<K>(Event::InitApply(serde_json::from_value(object.clone()).unwrap()));
        }
        world.see::<K>(Event::InitDone);
    }
    let mut world = Index::default();
    list::<PartnerBoundary>(&mut world, objects);
    list::<PartnerOffer>(&mut world, objects);
    list::<PartnerRelationship>(&mut world, objects);
    list::<AgreementAcceptance>(&mut world, objects);
    list::<RoleGrant>(&mut world, objects);
    let now = Timestamp::now();
    Reading { index: world, through: now, now }
}

#[test]
fn statuses_that_are_behind_or_hold_a_part_are_named_and_give_no_plan() {
    let stored = |yaml: &str, generation: i64, status: Value| {
        let mut object: Value = serde_yaml::from_str(yaml).unwrap();
        object["metadata"]["uid"] = json!("u");
        object["metadata"]["resourceVersion"] = json!("1");
        object["metadata"]["generation"] = json!(generation);
        object["status"] = status;
        object
    };
    let seen = json!({ "observedGeneration": 1, "conditions": [] });
    let all = |relationship: Value, grant: Value| {
        let boundary = stored(&boundary("team", ""), 1, seen.clone());
        vec![boundary, stored(&offer("team"), 1, seen.clone()), relationship, grant]
    };
    let acme = |generation, status| stored(&relationship("team", "acme", ""), generation, status);
    let first =
        |generation, status| stored(&grant("team", "first", "acme", 1, ""), generation, status);
    let input = || {
        let yaml = grant("team", "second", "acme", 2, "").into_bytes();
        concordat::manifest::read_objects(&[Source::Stdin(yaml)], "team", Absence::Keep).unwrap().1
    };
    let current = all(acme(1, seen.clone()), first(1, seen.clone()));
    let laid = reading(&current).laid(input()).unwrap();
    assert_eq!(laid.desired.relationships.len(), 1);

    let told = json!({ "observedGeneration": 1, "conditions": [], "storeId": "team-acme" });
    let mut large = told.clone();
    large["leftOut"] = json!({ "assignments": 0, "recorded": 1 });
    let cases = [
        (
            all(acme(2, seen.clone()), first(1, seen.clone())),
            "PartnerRelationship/team/acme` has generation 2",
        ),
        (
            all(acme(1, seen.clone()), first(3, seen.clone())),
            "RoleGrant/team/first` has generation 3",
        ),
        (all(acme(1, seen.clone()), first(1, Value::Null)), "the operator has seen none"),
        (
            all(acme(1, told.clone()), first(1, seen.clone())),
            "does not hold what the store records",
        ),
        (
            all(acme(1, large.clone()), first(1, seen.clone())),
            "`PartnerRelationship/team/acme` has more in the store than a status holds",
        ),
        // What a grant gave under it before is not known.
        (
            [current.clone(), vec![stored(&relationship("team", "vast", ""), 1, large)]].concat(),
            "`PartnerRelationship/team/vast` has more in the store than a status holds",
        ),
    ];
    for (objects, expected) in cases {
        let error = reading(&objects).laid(input()).unwrap_err();
        assert_eq!(error.code(), BEHIND, "{expected}");
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
    let mut adopting = acme(1, seen.clone());
    adopting["metadata"]["annotations"] = json!({ "concordat.dev/adopt-from": "old/team/gone" });
    let adopting = all(adopting, first(1, seen.clone()));
    let error = reading(&adopting).laid(input()).unwrap_err();
    assert!(error.to_string().contains("adopts a row"), "{error}");
}
