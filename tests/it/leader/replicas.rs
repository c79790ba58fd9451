//! Two real operators before one PostgreSQL: the leader is paused in the middle of a write, and wakes too late (T19).
//!
//! Never: a pause that the leader may use, since it ends only when another one leads.

use std::{
    fs::{self, File},
    process::{Child, Command, Stdio},
};

use concordat::store::{Read, sql::open_reader};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, ResourceExt};

use super::{EPOCH, until};
use crate::{
    cluster::Cluster,
    program::BINARY,
    store_samples::{Place, chain_is_whole},
    work::{Gate, entries, typed},
};

/// A process of the operator, and what it says.
struct Replica {
    process: Child,
    log: std::path::PathBuf,
}

impl Replica {
    fn start(cluster: &Cluster, namespace: &str, identity: &str, store: &Place) -> Self {
        let log = cluster.folder().join(format!("{identity}.log"));
        let mut command = Command::new(BINARY);
        cluster.prepare(&mut command);
        command.args(["operator", "--namespace", namespace, "--identity", identity]);
        command.args(["--listen", "127.0.0.1:0", "--log-format", "json"]);
        command.args(["--store", &typed(store)]);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        Self { process: command.spawn().unwrap(), log }
    }

    fn signal(&self, signal: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().unwrap().success());
    }

    /// Everything it has logged.
    fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A relationship of that name, and what it needs.
fn objects(namespace: &str, name: &str) -> String {
    let partner = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    format!(
        "apiVersion: concordat.dev/v1alpha1\nkind: PartnerBoundary\nmetadata: {{name: all}}\n\
         spec: {{namespaces: [{namespace}], customers: {{any: true}}, grantees: {{any: true}}, \
         roles: {{any: true}}, partner: {{tenantId: {partner}, cloud: Global, \
         certifiedFor: [GranularDelegatedAdmin]}}}}\n---\n\
         apiVersion: concordat.dev/v1alpha1\nkind: PartnerOffer\n\
         metadata: {{name: all, namespace: {namespace}}}\n\
         spec: {{partner: {{tenantId: {partner}, displayName: Contoso}}, \
         type: GranularDelegatedAdmin, duration: P730D, roles: [Reports Reader]}}\n---\n\
         apiVersion: concordat.dev/v1alpha1\nkind: PartnerRelationship\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec: {{customer: {{tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff, \
         displayName: Fabrikam}}, displayName: {name}, offerRef: {{name: all}}}}\n"
    )
}

/// Where a leader is stopped: in a transaction that writes, which the server ends before another leads; and with what
/// it has read in its hand, so that it writes once it wakes.
const PAUSES: [&str; 2] =
    ["SELECT * FROM ledger_head FOR UPDATE", "LOCK TABLE relationships IN ACCESS EXCLUSIVE MODE"];

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_stopped_anywhere_and_wakes_under_another_writes_nothing() {
    let (cluster, store) = (Cluster::own(), Place::postgres());
    cluster.install_definitions();
    let namespace = cluster.namespace("replicas");
    let leases: Api<Lease> = Api::namespaced(cluster.client().await, &namespace);
    let leads = async |identity: &str, epoch: usize| {
        let lease = leases.get_opt("concordat").await.unwrap().unwrap_or_default();
        let holder = lease.spec.clone().and_then(|spec| spec.holder_identity);
        let taken = lease.annotations().get(EPOCH).is_some_and(|it| *it == epoch.to_string());
        taken && holder.as_deref() == Some(identity)
    };
    let invited = async |many| entries(&store.url()).await == many;

    let names = ["first", "second"];
    let begin = |name| Replica::start(&cluster, &namespace, name, &store);
    let first = begin(names[0]);
    until("lead", async || leads(names[0], 1).await).await;
    let replicas = [first, begin(names[1])];
    cluster.apply(&objects(&namespace, "before"));
    until("invite", async || invited(1).await).await;
    for (turn, lock) in PAUSES.into_iter().enumerate() {
        let (leader, next, many) =
            (&replicas[turn], names[1 - turn], 2 * i64::try_from(turn).unwrap());
        let mut gate = Gate::shut_by(&typed(&store), lock).await;
        cluster.apply(&objects(&namespace, &format!("during-{turn}")));
        gate.is_waited_for().await;
        leader.signal("STOP");
        gate.open_after("SELECT 1").await;
        until("pass", async || leads(next, turn + 2).await).await;
        until("invite again", async || invited(many + 2).await).await;

        leader.signal("CONT");
        let gone = ["steps down", "leads no longer"];
        until("wake", async || gone.iter().any(|words| leader.said().contains(words))).await;
        cluster.apply(&objects(&namespace, &format!("after-{turn}")));
        until("go on", async || invited(many + 3).await).await;
        assert!(leads(next, turn + 2).await);
    }
    let refused = replicas[1].said();
    // Where the machine is slow, the database may have hung up on it before (C0609).
    let refused =
        refused.lines().find(|line| ["C0613", "C0609"].iter().any(|code| line.contains(code)));
    println!("{}", refused.expect("the store has refused whoever woke with a write in its hand"));

    let mut reader = open_reader(&store.url()).await.unwrap();
    chain_is_whole(&mut reader, 5).await;
    let entries = reader.entries(0, 9).await.unwrap();
    let subjects: Vec<&str> = entries.iter().map(|entry| entry.subject.as_str()).collect();
    assert_eq!(subjects, ["before", "during-0", "after-0", "during-1", "after-1"]);
    drop(replicas);
}
