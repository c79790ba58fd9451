//! From the definitions of the version before to those of today, with live objects, and back (T21).
//!
//! Never: an object or access lost on the way.

use super::{Operator, active, boundary, grant, until};
use crate::{cluster::Cluster, program::root};

fn before(cluster: &Cluster) {
    let folder = root().join("tests/it/operator/before").display().to_string();
    cluster.said(&["apply", "--server-side", "--force-conflicts", "-f", &folder]);
    let all = ["wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"];
    cluster.said(&all);
}

#[test]
fn live_objects_and_access_outlast_an_upgrade_and_a_downgrade_of_the_definitions() {
    let cluster = Cluster::own();
    before(&cluster);
    cluster.said(&["create", "namespace", "concordat-system"]);
    let namespace = cluster.namespace("upgraded");
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("concordat.db").display());
    until("the old definitions take objects", || {
        let taken = cluster.kubectl_with(&["apply", "-f", "-"], &boundary(&namespace, ""));
        taken.status.success().then_some(())
    });
    let uid = |object: &str| super::field(&cluster, &namespace, object, "/metadata/uid");

    cluster.install_definitions();
    let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &[]);
    active(&cluster, &namespace, "acme", "");
    cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    cluster.wait(&namespace, "rolegrant/first", "condition=InForce");
    let known = (uid("rolegrant/first"), uid("partnerrelationship/acme"));
    let entries = || operator.figure("concordat_ledger_head_sequence");
    until("the ledger is told", || (entries() > 0.0).then_some(()));
    assert_eq!(operator.stop(), Some(0), "a graceful end");

    before(&cluster);
    let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &[]);
    until("the operator is ready with the old definitions", || {
        operator.get("/readyz")?.contains("200 OK").then_some(())
    });
    cluster.apply(&grant(&namespace, "second", "acme", 2, ""));
    until("access is given with the old definitions as well", || {
        (operator.figure("concordat_grants_in_force") >= 2.0).then_some(())
    });
    cluster.install_definitions();
    cluster.said(&[
        "annotate",
        "-n",
        &namespace,
        "rolegrant/second",
        "reconcile.concordat.dev/requestedAt=now",
    ]);
    cluster.wait(&namespace, "rolegrant/second", "condition=InForce");
    assert_eq!(known, (uid("rolegrant/first"), uid("partnerrelationship/acme")));
}
