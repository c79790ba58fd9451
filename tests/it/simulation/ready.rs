//! What statuses should say at rest, worked out from the objects, the rows of the store and what each grant gives: whether
//! an object is ready and why, where that is clear, and whether access is held by a grant.
//!
//! Never: a condition that another condition explains.

use std::collections::BTreeSet;

use concordat::{
    api::{ManagementPolicy, PartnerRelationshipSpec, RoleGrantSpec},
    domain::{
        ids::{Kind, ObjectKey},
        lifecycle::{EndReason, Phase},
        state::{Observed, ObservedRelationship},
    },
};
use serde_json::{Value, json};

use super::{
    clean::is_of,
    cluster::{Cluster, Name, Seen, Stand, known, offer_of, selects, within},
    model::{Model, active},
    server::leaves,
    stage::Stage,
};

/// Whether it is ready, and why; a reason is told only where one alone is possible.
#[derive(Debug, Clone, PartialEq)]
struct Expected {
    ready: Option<bool>,
    reason: Option<&'static str>,
}

fn yes(reason: &'static str) -> Expected {
    Expected { ready: Some(true), reason: Some(reason) }
}

fn no(reason: &'static str) -> Expected {
    Expected { ready: Some(false), reason: Some(reason) }
}

/// All rows of a relationship, by number.
fn rows<'a>(observed: &'a Observed, name: &Name) -> &'a [ObservedRelationship] {
    let first = super::cast::store_name(&name.0, &name.1);
    let found = observed.relationships.iter().find(|(key, _)| key.name == first);
    found.map_or(&[], |(_, rows)| rows)
}

fn ended(row: &ObservedRelationship) -> Expected {
    no(match row.ended.as_ref().map(|ended| ended.reason) {
        Some(EndReason::Declined) => "Declined",
        Some(EndReason::Lapsed) => "InvitationLapsed",
        Some(EndReason::Expired) => "Expired",
        Some(EndReason::Deleted | EndReason::Replaced) => "Ended",
        None => "EndedByCustomer",
    })
}

/// A relationship that is neither held back nor on its way out.
fn live(observed: &Observed, name: &Name, spec: &PartnerRelationshipSpec) -> Expected {
    let rows = rows(observed, name);
    let pending = rows.iter().any(|row| row.lifecycle.phase() == Phase::Pending);
    let is_wanted = |row: &&ObservedRelationship| {
        row.lifecycle.phase() == Phase::Active && is_of(row, offer_of(spec))
    };
    match (rows.iter().any(|row| is_wanted(&row)), pending, rows.last()) {
        (true, _, _) => yes("InSync"),
        (false, true, _) => no("WaitingForCustomer"),
        (false, false, Some(newest)) => ended(newest),
        (false, false, None) => no("Pending"),
    }
}

fn of_relationship(
    cluster: &Cluster,
    observed: &Observed,
    name: &Name,
    of: &Seen<PartnerRelationshipSpec>,
    leaving: bool,
) -> Expected {
    let admitted = cluster.admitted.contains(&name.0);
    if leaving {
        return Expected { ready: Some(false), reason: None };
    }
    if !admitted {
        return no("NoBoundary");
    }
    if of.spec.management_policy == ManagementPolicy::Observe {
        return yes("Observed");
    }
    let live = live(observed, name, &of.spec);
    if of.spec.suspend {
        // What its grants ask for is held, too.
        let ready = live.ready.filter(|ready| !ready);
        return Expected { ready, reason: Some("Suspended") };
    }
    live
}

/// A sound grant under one relationship.
fn part(
    model: &Model,
    observed: &Observed,
    (name, of): (&Name, &Seen<PartnerRelationshipSpec>),
    (grant, spec): (&str, &RoleGrantSpec),
) -> Option<Expected> {
    if of.stand == Stand::Leaving || of.is_leaving {
        return None;
    }
    if of.spec.management_policy == ManagementPolicy::Observe {
        return Some(yes("Observed"));
    }
    if spec.suspend || of.spec.suspend {
        return None;
    }
    let now = observed.now;
    if spec.not_after.is_some_and(|end| end <= now) {
        return Some(yes("Expired"));
    }
    if spec.not_before.is_some_and(|start| start > now) {
        return Some(yes("Scheduled"));
    }
    let roles = known(&spec.roles)?;
    let Some(row) = active(observed, name) else { return Some(no("RelationshipNotActive")) };
    if roles.is_subset(&row.ceiling) {
        let who = &spec.grantee.security_group.as_ref()?.id;
        let held: BTreeSet<_> = model.held(name, row, who, now).keys().copied().collect();
        assert!(roles.is_subset(&held), "{grant} is held under {name:?}");
        return Some(yes("InSync"));
    }
    Some(Expected { ready: Some(false), reason: None })
}

fn of_grant(
    model: &Model,
    cluster: &Cluster,
    observed: &Observed,
    (namespace, grant): (&str, &str),
    seen: &Seen<RoleGrantSpec>,
) -> Option<Expected> {
    if seen.is_leaving {
        return Some(Expected { ready: Some(false), reason: None });
    }
    let spec = &seen.spec;
    let of: Vec<(&Name, &Seen<PartnerRelationshipSpec>)> = cluster
        .relationships
        .iter()
        .filter(|(name, of)| name.0 == namespace && selects(spec, name, &of.labels))
        .collect();
    let roles = known(&spec.roles);
    if roles.is_none() || of.iter().any(|(_, of)| !within(roles.as_ref(), &of.spec)) {
        return Some(no("Invalid"));
    }
    if of.is_empty() {
        return Some(no("RelationshipNotFound"));
    }
    if !cluster.admitted.contains(namespace) {
        return Some(no("NoBoundary"));
    }
    let parts = of.iter().map(|of| part(model, observed, *of, (grant, spec)));
    let parts: Vec<Expected> = parts.collect::<Option<_>>()?;
    let first = parts.first()?.reason;
    let alike = parts.iter().all(|part| part.reason == first);
    let ready = parts.iter().all(|part| part.ready == Some(true));
    Some(Expected { ready: Some(ready), reason: first.filter(|_| alike) })
}

/// Whether anything that this grant gives is held.
fn in_force(model: &Model, observed: &Observed, namespace: &str, grant: &str) -> bool {
    let own = model.given_by(namespace, grant);
    let mut own = own.filter_map(|(name, given)| Some((name, given, active(observed, name)?)));
    own.any(|(name, given, row)| {
        let held = model.held(name, row, given.grantee(), observed.now);
        given.contains(observed.now) && given.roles().any(|role| held.contains_key(role))
    })
}

fn condition<'a>(object: &'a Value, kind: &str) -> &'a Value {
    let conditions = object["status"]["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == json!(kind)).unwrap_or(&Value::Null)
}

impl Stage {
    /// Compares every status of a relationship and of a grant with what it should say.
    pub fn tells_what_is_expected(&mut self, observed: &Observed) {
        let cluster = Cluster::of(&self.server);
        let mut told = 0;
        let server = &self.server;
        let compare = |key: &ObjectKey, object: &Value, expected: &Expected| {
            let ready = condition(object, "Ready");
            let is_ready = ready["status"] == json!("True");
            let as_expected = expected.ready.is_none_or(|ready| is_ready == ready)
                && expected.reason.is_none_or(|reason| ready["reason"] == json!(reason));
            assert!(as_expected, "{expected:?}: {key} {object:#}\n{}", self.story);
        };
        for (key, object) in server.of_kind(Kind::PartnerRelationship) {
            let name = (key.namespace.to_string(), key.name.to_string());
            let of = &cluster.relationships[&name];
            let expected = of_relationship(&cluster, observed, &name, of, leaves(object));
            compare(key, object, &expected);
            told += 1;
        }
        for (key, object) in server.of_kind(Kind::RoleGrant) {
            let at = (key.namespace.as_str(), key.name.as_str());
            let seen = &cluster.grants[&(key.namespace.to_string(), key.name.to_string())];
            if let Some(expected) = of_grant(&self.model, &cluster, observed, at, seen) {
                compare(key, object, &expected);
                told += 1;
            }
            let expected = in_force(&self.model, observed, at.0, at.1);
            let found = condition(object, "InForce")["status"] == json!("True");
            assert_eq!(found, expected, "in force: {key} {object:#}\n{}", self.story);
        }
        self.statuses_compared += told;
    }
}
