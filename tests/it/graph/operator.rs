//! The operator on Microsoft Graph, from `kubectl apply` to what stands there and back to the status.
//!
//! Never: a wait for a length of time; always for what is to be seen.

use serde_json::json;

use super::{
    planning::tells,
    writing::{CONTOSO, held, is_ending, there},
};
use crate::{
    cluster::Cluster,
    emulator::served::Served,
    operator::{Operator, boundary, field, until},
};

const PREL: &str = "partnerrelationship/fabrikam";
const GRANT: &str = "rolegrant/first-line";

fn reason(cluster: &Cluster, namespace: &str, object: &str, type_: &str) -> String {
    let conditions = field(cluster, namespace, object, "/status/conditions");
    let all = conditions.as_array().cloned().unwrap_or_default();
    let found = all.into_iter().find(|one| one["type"] == type_).unwrap_or_default();
    found["reason"].as_str().unwrap_or_default().to_owned()
}

/// An operator that leads a store at an emulator whose clock goes on by a minute each second.
async fn site() -> (Served, Cluster, Operator, String) {
    let (served, _) = super::stage().await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    served.control("POST", "settings", &json!({"date": "machine"})).await;
    let cluster = Cluster::own();
    cluster.install_definitions();
    cluster.said(&["create", "namespace", "concordat-system"]);
    let store = format!("graph:{}", super::folder(&served).join("graph.yaml").display());
    let flags = ["--settle", "PT1S"];
    let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &flags);
    until("the operator is ready", || operator.get("/readyz")?.contains("200 OK").then_some(()));
    let namespace = cluster.namespace("msp");
    cluster.apply(&boundary(&namespace, ""));
    cluster.wait("", &format!("partnerboundary/{namespace}"), "condition=Ready");
    (served, cluster, operator, namespace)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_applied_to_a_cluster_is_made_there_and_the_customer_answers_there() {
    let (mut served, cluster, operator, namespace) = site().await;
    let objects = CONTOSO.replace("namespace: msp", &format!("namespace: {namespace}"));
    cluster.apply(&objects);
    let awaits = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=WaitingForCustomer";
    cluster.wait(&namespace, PREL, awaits);
    while there(&mut served, "fabrikam-help").await["status"] != "approvalPending" {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    served
        .control("POST", "people", &json!({"kind": "approve", "relationship": "fabrikam-help"}))
        .await;
    cluster.wait(&namespace, GRANT, "condition=InForce");
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);

    cluster.said(&["delete", "-n", &namespace, GRANT]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    cluster.said(&["delete", "-n", &namespace, PREL]);
    let status = there(&mut served, "fabrikam-help").await["status"].clone();
    // What has been asked for cannot be taken back.
    assert!(is_ending(status.as_str().unwrap()) || status == "terminationRequested", "{status}");
    assert_eq!(reason(&cluster, &namespace, "partneroffer/helpdesk", "Ready"), "Valid");
    assert_eq!(operator.stop(), Some(0));
    let verify = super::planning::ends(&served, 0, &["ledger", "verify"]);
    tells(&verify, &["the ledger is whole"]);
}
