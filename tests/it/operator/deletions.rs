//! Who deletes has asked for it, on a real API server with real users.
//!
//! Never: a deletion approved by whoever made it.

use std::net::TcpListener;

use serde_json::Value;

use super::{Operator, active, boundary, condition, field, grant, until};
use crate::{admission::real::registration, cluster::Cluster};

const STAMP: &str = "/metadata/annotations/concordat.dev~1deleted-by";
const APPROVAL: &str = r"jsonpath={.metadata.annotations.concordat\.dev/approve}";

struct Scene {
    cluster: Cluster,
    store: String,
    port: u16,
    namespace: String,
    _folder: tempfile::TempDir,
}

impl Scene {
    fn start(&self) -> Operator {
        let listen = format!("127.0.0.1:{}", self.port);
        let flags = ["--settle", "PT1S", "--webhook-listen", &listen];
        let operator =
            Operator::start(&self.cluster, &self.cluster.kubeconfig(), &self.store, &flags);
        until("the operator is ready", || {
            operator.get("/readyz")?.contains("200 OK").then_some(())
        });
        until("the webhook answers", || {
            let trial = ["delete", "--dry-run=server", "-n", &self.namespace, "prel", "acme"];
            self.cluster.kubectl(&trial).status.success().then_some(())?;
            let asked = r#"concordat_admission_total{kind="PartnerRelationship""#;
            (operator.figure(asked) > 0.0).then_some(())
        });
        operator
    }

    fn delete(&self, who: &str, numbers: std::ops::RangeInclusive<u32>) {
        let names: Vec<_> = numbers.map(|number| format!("rolegrant/g{number}")).collect();
        let mut words = vec!["delete", "-n", &self.namespace, "--wait=false", "--as", who];
        words.extend(["--as-group", "system:masters"]);
        words.extend(names.iter().map(String::as_str));
        self.cluster.said(&words);
    }

    fn stamp(&self, number: u32) -> Value {
        field(&self.cluster, &self.namespace, &format!("rolegrant/g{number}"), STAMP)
    }

    /// Approves what waits as the chart's policy would stamp it.
    fn approve(&self, by: &str) {
        let object = "partnerrelationship/acme";
        let hash = until("a batch waits", || {
            let hash = field(&self.cluster, &self.namespace, object, "/status/plan/blocked");
            hash.as_str().map(str::to_owned)
        });
        self.cluster.said(&[
            "annotate",
            "-n",
            &self.namespace,
            "partnerrelationship/acme",
            "--overwrite",
            &format!("concordat.dev/approve={hash}"),
            &format!("concordat.dev/approved-by={by}"),
        ]);
        until("the approval is read", || {
            let words = ["get", "-n", &self.namespace, "prel/acme", "--ignore-not-found", "-o"];
            let stands = self.cluster.said(&[&words[..], &[APPROVAL]].concat());
            stands.is_empty().then_some(())
        });
    }

    fn left(&self) -> usize {
        let left = self.cluster.said(&["get", "rolegrant", "-n", &self.namespace, "-o", "name"]);
        left.lines().count()
    }
}

#[test]
fn whoever_deleted_it_cannot_approve_it_nor_anybody_while_nobody_knows_who_did() {
    let cluster = Cluster::own();
    cluster.install_definitions();
    cluster.said(&["create", "namespace", "concordat-system"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    cluster.apply(&registration(port, "Ignore"));
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("concordat.db").display());
    let namespace = cluster.namespace("deleters");
    let scene = Scene { cluster, store, port, namespace: namespace.clone(), _folder: folder };
    let cluster = &scene.cluster;
    cluster.apply(&boundary(&namespace, "limits: {revocations: {count: 0, share: 0}}"));
    let operator = {
        let listen = format!("127.0.0.1:{port}");
        let flags = ["--settle", "PT1S", "--webhook-listen", &listen];
        Operator::start(cluster, &cluster.kubeconfig(), &scene.store, &flags)
    };
    active(cluster, &namespace, "acme", "");
    operator.stop();
    let operator = scene.start();
    let all: String = (1..=12)
        .map(|number| grant(&namespace, &format!("g{number}"), "acme", number, "") + "---\n")
        .collect();
    cluster.apply(&all);
    for number in 1..=12 {
        cluster.wait(&namespace, &format!("rolegrant/g{number}"), "condition=InForce");
    }

    // A trial leaves no name.
    let trial = ["delete", "-n", &namespace, "rolegrant/g1", "--dry-run=server", "--as", "mallory"];
    cluster.said(&[&trial[..], &["--as-group", "system:masters"]].concat());
    assert_eq!(scene.stamp(1), Value::Null);

    scene.delete("mallory", 1..=6);
    for number in 1..=6 {
        assert_eq!(scene.stamp(number), "mallory");
    }
    // Who deletes what is deleted already has deleted nothing.
    scene.delete("grace", 1..=6);
    assert_eq!(scene.stamp(1), "mallory");
    scene.approve("mallory");
    assert!(operator.log().contains("`mallory` asked for some of it"), "{}", operator.log());
    assert_eq!(scene.left(), 12);
    scene.approve("grace");
    until("the six are gone", || (scene.left() == 6).then_some(()));

    operator.stop();
    scene.delete("mallory", 7..=12);
    assert_eq!(scene.stamp(7), Value::Null, "nobody was asked");
    let operator = scene.start();
    scene.approve("mallory");
    assert!(operator.log().contains("nobody stamped who deleted"), "{}", operator.log());
    assert_eq!(scene.left(), 6);
    scene.delete("grace", 7..=12);
    assert_eq!(scene.stamp(7), "grace");
    scene.approve("grace");
    assert_eq!(scene.left(), 6);
    let status = field(cluster, &namespace, "partnerrelationship/acme", "/status");
    assert_eq!(condition(&status, "PlanBlocked")["status"], "True");
    scene.approve("heidi");
    until("all are gone", || (scene.left() == 0).then_some(()));
    let figures = operator.get("/metrics").unwrap();
    let figure = "concordat_api_writes_total{kind=\"RoleGrant\",what=\"stamp\"} 6";
    assert!(figures.contains(figure), "{figures}");

    // Whoever deletes a namespace has its controller delete what is in it.
    cluster.apply(&grant(&namespace, "g13", "acme", 13, ""));
    cluster.wait(&namespace, "rolegrant/g13", "condition=InForce");
    cluster.said(&["delete", "namespace", &namespace, "--wait=false"]);
    until("who empties it is written down", || scene.stamp(13).as_str().map(drop));
    cluster.wait(&namespace, "rolegrant/g13", "condition=PlanBlocked");
    scene.approve("heidi");
    cluster.wait("", &format!("namespace/{namespace}"), "delete");

    let history = std::process::Command::new(crate::program::BINARY)
        .args(["history", "-o", "json", "--store", &scene.store])
        .output()
        .unwrap();
    let history = String::from_utf8(history.stdout).unwrap();
    assert!(history.contains("\"mallory\"") && history.contains("\"heidi\""), "{history}");
}
