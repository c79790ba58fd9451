//! A real API server that asks the real operator, with a certificate that the operator has made itself.
//!
//! Never: a failure of the webhook that looks like its consent; here the API server refuses what it cannot ask about.

use std::net::TcpListener;

use serde_json::Value;

use crate::{
    cluster::Cluster,
    operator::{Operator, active, boundary, field, grant, offer, relationship, until},
};

/// The registration as the chart has it, for a Service that leads to this machine.
pub fn registration(port: u16, failure_policy: &str) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata: {{name: concordat-webhook, namespace: concordat-system}}
spec: {{type: ExternalName, externalName: localhost}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: concordat}}
webhooks:
- name: validate.concordat.dev
  admissionReviewVersions: [v1]
  failurePolicy: {failure_policy}
  sideEffects: NoneOnDryRun
  timeoutSeconds: 10
  clientConfig:
    service: {{name: concordat-webhook, namespace: concordat-system, path: /validate, port: {port}}}
  rules:
  - apiGroups: [concordat.dev]
    apiVersions: [v1alpha1]
    operations: [CREATE, UPDATE, DELETE]
    resources: ['*']
    scope: '*'
"
    )
}

/// What kubectl tells on standard error, and whether it had its way.
fn told(cluster: &Cluster, words: &[&str], input: &str) -> (bool, String) {
    let output = cluster.kubectl_with(words, input);
    (output.status.success(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_real_api_server_is_told_what_is_refused_and_what_is_worth_a_warning() {
    let cluster = Cluster::own();
    cluster.install_definitions();
    cluster.said(&["create", "namespace", "concordat-system"]);
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    cluster.apply(&registration(port, "Fail"));
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("concordat.db").display());
    let listen = format!("127.0.0.1:{port}");
    let flags = ["--settle", "PT1S", "--webhook-listen", &listen];
    let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &flags);
    until("the operator is ready", || operator.get("/readyz")?.contains("200 OK").then_some(()));
    let namespace = cluster.namespace("asked");
    // The first question may come before the API server has heard of the certificate.
    until("the webhook answers", || {
        told(&cluster, &["apply", "-f", "-"], &boundary(&namespace, "")).0.then_some(())
    });
    cluster.wait("", &format!("partnerboundary/{namespace}"), "condition=Ready");

    let set = [
        offer(&namespace),
        relationship(&namespace, "acme", ""),
        grant(&namespace, "line", "acme", 1, ""),
    ];
    let (good, said) =
        told(&cluster, &["apply", "--dry-run=server", "-f", "-"], &set.join("---\n"));
    assert!(good, "{said}");
    assert!(
        said.contains("Warning: C0303 spec.offerRef.name: no offer is called `helpdesk`"),
        "{said}"
    );
    assert!(
        said.contains("Warning: C0304 spec.relationshipRef.name: no relationship is called `acme`"),
        "{said}"
    );
    assert_eq!(
        cluster.said(&["get", "poffer,prel,rgrant", "-n", &namespace, "-o", "name"]).trim(),
        ""
    );

    let bad = grant(&namespace, "bad", "acme", 1, "")
        .replace("Message Center Reader", "Messages Center Reader");
    let (good, said) = told(&cluster, &["apply", "-f", "-"], &bad);
    assert!(!good && said.contains("no role is called `Messages Center Reader`"), "{said}");
    assert!(said.contains("[C0201]"), "{said}");

    active(&cluster, &namespace, "acme", "");
    let line = grant(&namespace, "line", "acme", 1, "");
    let (good, said) = told(&cluster, &["apply", "-f", "-"], &line);
    assert!(good && said.contains("Warning:   + Message Center Reader until "), "{said}");
    cluster.wait(&namespace, "rolegrant/line", "condition=Ready");

    // With a finalizer that only goes because what is on its way out is never refused.
    let (good, said) =
        told(&cluster, &["delete", "rolegrant", "line", "-n", &namespace, "--timeout=60s"], "");
    assert!(good && said.contains("Warning:   - Message Center Reader"), "{said}");

    let bundle = field(
        &cluster,
        "",
        "validatingwebhookconfiguration/concordat",
        "/webhooks/0/clientConfig/caBundle",
    );
    assert!(matches!(bundle, Value::String(_)), "{bundle}");
    let figures = operator.get("/metrics").unwrap();
    for figure in [
        "concordat_api_writes_total{kind=\"Secret\",what=\"create\"} 1",
        "concordat_api_writes_total{kind=\"ValidatingWebhookConfiguration\",what=\"update\"} 1",
        "concordat_admission_total{kind=\"RoleGrant\",verdict=\"refused\"} 1",
    ] {
        assert!(figures.contains(figure), "{figure} in\n{figures}");
    }
    assert!(!figures.contains("concordat_admission_total{kind=\"other\""), "{figures}");
    assert_eq!(operator.stop(), Some(0));
}
