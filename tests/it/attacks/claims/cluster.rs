//! Claims and names on a real API server, with the chart's own policies and the real operator.
//!
//! Never: an owner harmed by an object of another namespace.

use serde_json::{Value, json};

use super::{grant, group_id, offer, relationship};
use crate::{
    chart::stage::{FLUX, MSP, NAMED, Stage},
    cluster::access::As,
    operator::{Site, active, boundary, until},
    program::finished,
};

const OTHER: &str = "theirs";

/// Lets somebody apply an object; whether it was taken, and what was said.
fn applies(stage: &Stage, who: &str, object: &Value) -> (bool, String) {
    let token = who.strip_prefix("system:serviceaccount:").map(|account| {
        let (namespace, name) = account.split_once(':').unwrap();
        stage.cluster.service_account_token(namespace, name)
    });
    let who = match &token {
        Some(token) => As::Token(token),
        None => As::Person(who, &["system:authenticated"]),
    };
    let mut command = stage.cluster.kubectl_command();
    command.env("KUBECONFIG", stage.cluster.kubeconfig_of("claimer", who));
    command.args(["apply", "-f", "-"]);
    let ran = finished(command, object.to_string().as_bytes());
    (ran.code == Some(0), ran.stdout + &ran.stderr)
}

#[test]
fn who_claims_may_adopt_where_the_row_comes_from_and_where_it_goes_to() {
    let stage = Stage::new();
    stage.cluster.said(&["create", "namespace", OTHER]);
    let bind = |person: &str, role: &str, namespace: &str| {
        let name = format!("{person}-{role}-{namespace}");
        let (role, user) = (format!("--clusterrole={role}"), format!("--user={person}"));
        stage.cluster.said(&["create", "rolebinding", &name, &role, &user, "-n", namespace]);
    };
    // Bob may adopt in `msp` alone, ira there and in the other namespace, and omar in the other one alone.
    for (person, namespace) in [("ira", MSP), ("ira", OTHER), ("omar", OTHER)] {
        bind(person, "concordat-adopter", namespace);
    }
    for person in ["ira", "omar"] {
        bind(person, "edit", MSP);
    }
    let claims = |name: &str, owner: &str| relationship(MSP, name, name, Some(owner));
    let living = format!("cluster/{OTHER}/r1");
    let refused = [
        ("bob", &*living, "in namespace `theirs`, where the row comes from"),
        ("omar", &living, "in namespace `msp`"),
        ("eve", &living, "may not adopt"),
        ("bob", "cluster/nowhere/r1", "in namespace `nowhere`"),
        (FLUX, &living, "is a robot and may not adopt"),
        ("ira", "r1", "names an owner"),
        ("ira", "theirs/r1", "names an owner"),
        ("ira", "cluster//r1", "names an owner"),
        ("ira", "cluster/theirs/r1/x", "names an owner"),
        ("ira", "cluster/theirs/r1 ", "names an owner"),
        ("ira", "cluster/msp\n/r1", "names an owner"),
        ("bob", "a/msp/theirs/r1", "names an owner"),
    ];
    for (who, owner, reason) in refused {
        let (taken, said) = applies(&stage, who, &claims("claims", owner));
        assert!(!taken && said.contains(reason), "{who} {owner:?}: {said}");
    }
    for (who, owner) in [("ira", &*living), ("bob", "cluster/msp/r1"), (NAMED, &living)] {
        let name = format!("of-{}", who.rsplit(':').next().unwrap());
        let (taken, said) = applies(&stage, who, &claims(&name, owner));
        assert!(taken, "{who}: {said}");
    }
    // What somebody else has claimed may be edited, and be turned to nobody else.
    let mut edited = claims("of-ira", &living);
    edited["metadata"]["labels"] = json!({ "tier": "standard" });
    assert!(applies(&stage, "eve", &edited).0);
    let turned = claims("of-ira", "cluster/theirs/r2");
    assert!(!applies(&stage, "bob", &turned).0);
}

/// Who owns the row of this name.
fn owner(site: &Site, name: &str) -> String {
    let (_, text) = site.concordat(&["get", "relationships", "-o", "json"]);
    let document: Value = serde_json::from_str(&text).unwrap();
    let rows = document["items"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).expect("there is such a row");
    row["owner"].as_str().unwrap().to_owned()
}

fn holds(site: &Site, group: u32) -> bool {
    site.concordat(&["get", "grants"]).1.contains(&group_id(group))
}

/// The condition `Ready` of a relationship once the operator has judged it as it is now.
fn ready(site: &Site, namespace: &str, name: &str) -> String {
    until("it is judged", || {
        let object = format!("partnerrelationship/{name}");
        let object = site.field(namespace, &object, "");
        let seen = object["status"]["observedGeneration"] == object["metadata"]["generation"];
        let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
        let ready = conditions.into_iter().find(|one| one["type"] == "Ready")?;
        (seen && ready["reason"] != "Pending").then(|| ready.to_string())
    })
}

/// Writes an annotation, and waits until the operator has looked at the object again.
fn looks_again(site: &Site, namespace: &str, name: &str) {
    let now = jiff::Timestamp::now();
    let asked = format!("reconcile.concordat.dev/requestedAt={now}");
    let object = format!("partnerrelationship/{name}");
    site.cluster.said(&["annotate", "-n", namespace, &object, "--overwrite", &asked]);
    // What is written after it is judged after it.
    let probe = format!("probe-{}", now.as_millisecond());
    site.cluster.apply(&grant(namespace, &probe, name, 900).to_string());
    until("the probe is judged", || {
        let probe = site.field(namespace, &format!("rolegrant/{probe}"), "/status/conditions");
        let conditions = probe.as_array()?;
        conditions
            .iter()
            .any(|one| one["type"] == "Ready" && one["reason"] != "Pending")
            .then_some(())
    });
    site.cluster.said(&["delete", "-n", namespace, &format!("rolegrant/{probe}")]);
}

#[test]
fn the_operator_gives_a_row_away_only_once_its_owners_object_is_gone() {
    let site = Site::shared();
    let (owning, claiming) = (site.namespace("owning"), site.namespace("claiming"));
    site.active(&owning, "r1", "deletionPolicy: Retain");
    site.cluster.apply(&crate::operator::grant(&owning, "g1", "r1", 601, ""));
    until("the owner's group holds it", || holds(site, 601).then_some(()));
    let name = format!("{owning}-r1");
    let first = owner(site, &name);
    assert!(first.ends_with(&format!("/{owning}/r1")), "{first}");
    let claim = [
        offer(&claiming),
        relationship(&claiming, "thief", &name, Some(&first)),
        grant(&claiming, "g6", "thief", 666),
    ];
    for object in &claim {
        site.cluster.apply(&object.to_string());
    }
    let patch = |object: &str, patch: &str| {
        site.cluster.said(&["patch", "-n", &owning, object, "--type=merge", "--patch", patch]);
    };
    let kept = |what: &str| {
        looks_again(site, &claiming, "thief");
        let told = ready(site, &claiming, "thief");
        assert!(told.contains(r#""status":"False""#), "{what}: {told}");
        assert_eq!(owner(site, &name), first, "{what}");
        assert!(holds(site, 601) && !holds(site, 666), "{what}");
    };
    let prel = "partnerrelationship/r1";
    kept("sound");
    site.cluster.said(&["delete", "-n", &owning, "partneroffer/helpdesk"]);
    kept("without its offer");
    site.cluster.apply(&crate::operator::offer(&owning));
    patch(prel, r#"{"spec":{"suspend":true}}"#);
    kept("suspended");
    patch(prel, r#"{"spec":{"suspend":false,"renewal":{"mode":"Invite","before":"P700D"}}}"#);
    kept("with a problem");
    patch(prel, r#"{"spec":{"renewal":{"mode":"Notify","before":"P60D"}}}"#);
    site.cluster.said(&["delete", "partnerboundary", &owning]);
    kept("without a boundary");
    site.cluster.apply(&boundary(&owning, ""));
    patch(prel, r#"{"metadata":{"finalizers":["example.com/stays"]}}"#);
    site.cluster.said(&["delete", "-n", &owning, prel, "--wait=false"]);
    kept("on its way out");
    patch(prel, r#"{"metadata":{"finalizers":null}}"#);
    let claimed = format!("/{claiming}/thief");
    until("it is claimed", || owner(site, &name).ends_with(&claimed).then_some(()));
    until("what the new owner gives is held", || holds(site, 666).then_some(()));
    assert!(holds(site, 601), "what the old owner gave does not vanish silently");
}

#[test]
fn a_stranger_who_takes_the_name_of_an_owner_harms_only_itself() {
    let site = Site::shared();
    let owning = site.namespace("named");
    let (admitted, unadmitted) = (site.namespace("stranger"), site.cluster.namespace("nobody"));
    active(&site.cluster, &owning, "r-2", "");
    let name = format!("{owning}-r-2");
    site.cluster.apply(&crate::operator::grant(&owning, "g1", "r-2", 701, ""));
    until("the owner's group holds it", || holds(site, 701).then_some(()));
    let first = owner(site, &name);
    for stranger in [&admitted, &unadmitted] {
        site.cluster.apply(&offer(stranger).to_string());
        // The same name, one whose successor would get it, and one that a successor of it would get.
        let strangers = [("same", name.clone()), ("first", format!("{owning}-r"))];
        for (object, display_name) in strangers {
            let object = relationship(stranger, object, &display_name, None);
            site.cluster.apply(&object.to_string());
        }
    }
    for object in ["same", "first"] {
        let told = ready(site, &admitted, object);
        assert!(told.contains(r#""status":"False""#), "{told}");
        assert!(!told.contains(&format!("{owning}/")) && !told.contains("`r-2`"), "{told}");
    }
    ready(site, &unadmitted, "same");
    looks_again(site, &owning, "r-2");
    let own = ready(site, &owning, "r-2");
    assert!(own.contains(r#""status":"True""#), "{own}");
    site.cluster.apply(&crate::operator::grant(&owning, "g2", "r-2", 702, ""));
    until("a new grant is given", || holds(site, 702).then_some(()));
    site.cluster.said(&["delete", "-n", &owning, "rolegrant/g1", "--timeout=60s"]);
    until("a grant that goes takes away", || (!holds(site, 701)).then_some(()));
    assert_eq!(owner(site, &name), first);
    for stranger in [&admitted, &unadmitted] {
        let all = ["delete", "-n", stranger, "partnerrelationship", "--all", "--timeout=60s"];
        site.cluster.said(&all);
    }
    assert_eq!(owner(site, &name), first);
    assert!(holds(site, 702));
}
