//! What more than a few at once needs: a person who did not ask for it.
//!
//! Never: an approval that counts twice.

use std::process::Command;

use super::{Operator, Site, active, boundary, condition, field, grant, until};
use crate::{
    cluster::Cluster,
    program::{BINARY, root},
};

#[test]
fn a_mass_deletion_waits_as_one_batch_for_somebody_else_and_runs_once() {
    let site = Site::shared();
    let namespace = site.namespace("mass");
    let limits = "limits: {revocations: {count: 3, share: 30}}";
    site.cluster.apply(&boundary(&namespace, limits));
    active(&site.cluster, &namespace, "acme", "");
    let all: String = (1..=10)
        .map(|number| grant(&namespace, &format!("g{number}"), "acme", number, "") + "---\n")
        .collect();
    site.cluster.apply(&all);
    for number in 1..=10 {
        site.cluster.wait(&namespace, &format!("rolegrant/g{number}"), "condition=InForce");
    }
    site.cluster.said(&["delete", "-n", &namespace, "rolegrant", "--all", "--wait=false"]);
    site.cluster.wait(&namespace, "partnerrelationship/acme", "condition=PlanBlocked");
    let left = || {
        let (_, text) = site.concordat(&["get", "grants", &format!("{namespace}-acme")]);
        text.matches("Message Center Reader").count()
    };
    assert!(left() >= 7, "{} of 10 are left", left());
    let status = field(&site.cluster, &namespace, "partnerrelationship/acme", "/status");
    let blocked = condition(&status, "PlanBlocked")["message"].as_str().unwrap().to_owned();
    let hash = status["plan"]["blocked"].as_str().unwrap().to_owned();
    assert!(blocked.contains(&hash), "{blocked}");

    let annotate = |by: &str| {
        site.cluster.said(&[
            "annotate",
            "-n",
            &namespace,
            "partnerrelationship/acme",
            "--overwrite",
            &format!("concordat.dev/approve={hash}"),
            &format!("concordat.dev/approved-by={by}"),
        ]);
    };
    annotate("system:serviceaccount:flux-system:flux");
    until("the robot is refused", || site.operator.log().contains("is a robot").then_some(()));
    assert!(left() >= 7);
    annotate("grace");
    until("everything is revoked", || (left() == 0).then_some(()));
    until("the approval is taken off", || {
        let annotations =
            field(&site.cluster, &namespace, "partnerrelationship/acme", "/metadata/annotations");
        annotations["concordat.dev/approve"].is_null().then_some(())
    });
    until("the objects are gone", || {
        let left = site.cluster.said(&["get", "rolegrant", "-n", &namespace, "-o", "name"]);
        left.trim().is_empty().then_some(())
    });
    let (_, history) = site.concordat(&["history", "-o", "json"]);
    assert!(history.contains("grace"), "{history}");
}

#[test]
fn the_deletion_of_a_namespace_is_held_like_any_other() {
    let site = Site::shared();
    let namespace = site.namespace("going");
    let limits = "limits: {revocations: {count: 1, share: 10}}";
    site.cluster.apply(&boundary(&namespace, limits));
    active(&site.cluster, &namespace, "acme", "");
    for number in 1..=3 {
        site.cluster.apply(&grant(&namespace, &format!("g{number}"), "acme", number, ""));
    }
    for number in 1..=3 {
        site.cluster.wait(&namespace, &format!("rolegrant/g{number}"), "condition=InForce");
    }
    site.cluster.said(&["delete", "namespace", &namespace, "--wait=false"]);
    site.cluster.wait(&namespace, "partnerrelationship/acme", "condition=PlanBlocked");
    let (_, text) = site.concordat(&["get", "grants", &format!("{namespace}-acme")]);
    assert!(text.matches("Message Center Reader").count() >= 2, "{text}");
}

#[test]
fn neither_what_could_not_be_listed_nor_what_is_not_there_takes_anything_away() {
    let cluster = Cluster::own();
    cluster.install_definitions();
    cluster.said(&["create", "namespace", "concordat-system"]);
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("concordat.db").display());
    let concordat = |words: &[&str]| {
        let ran = Command::new(BINARY).args(words).args(["--store", &store]).output().unwrap();
        String::from_utf8(ran.stdout).unwrap()
    };
    let quickstart = root().join("examples/quickstart").display().to_string();
    concordat(&["apply", "-f", &quickstart]);
    let held = concordat(&["get", "grants"]);
    assert!(held.contains("Helpdesk Administrator"), "{held}");

    cluster.said(&["delete", "crd", "rolegrants.concordat.dev"]);
    let flags = ["--instance", "cli"];
    let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &flags);
    let synced = |number: f64| {
        until("so many kinds are listed", || {
            (operator.figure("concordat_watch_synced") >= number).then_some(())
        });
    };
    synced(4.0);
    until("it leads and has looked into the store", || {
        (operator.leads() && operator.figure("concordat_ledger_head_sequence") > 0.0).then_some(())
    });
    assert!(operator.get("/readyz").unwrap().contains(" 503 "));
    assert_eq!(concordat(&["get", "grants"]), held);

    cluster.install_definitions();
    synced(5.0);
    until("everything was looked at", || {
        (operator.figure("concordat_rounds_total") >= 1.0).then_some(())
    });
    assert_eq!(concordat(&["get", "grants"]), held);
}
