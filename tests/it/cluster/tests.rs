//! Whether the cluster for tests is what it promises.
//!
//! Never: a look into the servers' files where a client can see the same.

use std::process::{Child, Command, Stdio};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::{Api, api::PostParams};
use serde_json::json;

use super::{
    access::As,
    kstatus::{
        Status::{Current, InProgress, NotFound},
        kstatus,
    },
    *,
};

fn config_map(name: &str) -> ConfigMap {
    serde_json::from_value(json!({ "metadata": { "name": name } })).unwrap()
}

#[tokio::test]
async fn each_test_has_namespaces_of_its_own_in_a_shared_cluster() {
    let cluster = Cluster::shared();
    let namespaces = [cluster.namespace("mine"), cluster.namespace("mine")];
    assert_ne!(namespaces[0], namespaces[1]);
    let client = cluster.client().await;
    for namespace in &namespaces {
        let maps = Api::<ConfigMap>::namespaced(client.clone(), namespace);
        maps.create(&PostParams::default(), &config_map("first")).await.unwrap();
    }
    cluster.said(&["delete", "namespace", &namespaces[0], "--timeout=60s"]);
    cluster.wait(&namespaces[0], "configmap/first", "delete");
    cluster.wait(&namespaces[1], "configmap/first", "jsonpath={.metadata.name}=first");
}

#[tokio::test]
async fn a_person_and_a_service_account_may_do_only_what_they_are_allowed() {
    let cluster = Cluster::shared();
    let namespace = cluster.namespace("rights");
    cluster.said(&["create", "serviceaccount", "robot", "-n", &namespace]);
    let token = cluster.service_account_token(&namespace, "robot");
    let (ada, robot) = (As::Person("ada", &["operators", "readers"]), As::Token(&token));
    for who in [ada, robot] {
        let maps = Api::<ConfigMap>::namespaced(cluster.client_of(who).await, &namespace);
        let refused = maps.create(&PostParams::default(), &config_map("a")).await.unwrap_err();
        assert!(matches!(&refused, kube::Error::Api(status) if status.code == 403), "{refused}");
    }
    cluster.said(&[
        "create",
        "rolebinding",
        "both",
        "--clusterrole=edit",
        "--group=readers",
        &format!("--serviceaccount={namespace}:robot"),
        "-n",
        &namespace,
    ]);
    for (name, who) in [("by-ada", ada), ("by-robot", robot)] {
        let kubeconfig = cluster.kubeconfig_of(name, who);
        let mut command = cluster.kubectl_command();
        command.env("KUBECONFIG", kubeconfig).args(["create", "configmap", name, "-n", &namespace]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn an_own_cluster_crashes_stops_goes_on_keeps_what_was_written_and_leaves_nothing() {
    let began = Instant::now();
    let policy = "apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- { level: Metadata, resources: [{ resources: [configmaps] }] }
";
    let audit_policy = Some(policy.to_owned());
    let cluster = Cluster::start(Options { audit_policy, ..Options::default() });
    println!("a cluster is ready after {:.1} s", began.elapsed().as_secs_f32());
    let maps = Api::<ConfigMap>::namespaced(cluster.client().await, "default");
    maps.create(&PostParams::default(), &config_map("kept")).await.unwrap();
    let seen = |event: &serde_json::Value| event["objectRef"]["name"] == "kept";
    assert!(cluster.audit().iter().any(seen));

    cluster.kill_api_server();
    assert!(maps.get("kept").await.is_err());
    cluster.start_api_server();
    maps.get("kept").await.unwrap();

    cluster.pause_api_server();
    let moment = Duration::from_millis(500);
    assert!(tokio::time::timeout(moment, maps.get("kept")).await.is_err());
    cluster.resume_api_server();
    maps.get("kept").await.unwrap();

    let (folder, url) = (cluster.folder().to_owned(), cluster.url());
    drop(cluster);
    assert!(!folder.exists());
    let address = url.trim_start_matches("https://");
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn a_killed_test_process_leaves_no_cluster_and_no_folder() {
    let own_name = "cluster::tests::a_killed_test_process_leaves_no_cluster_and_no_folder";
    // The process that is killed is this test again, told where to say which cluster it uses.
    if let Some(note) = std::env::var_os("TEST_WRITES_CLUSTER_TO") {
        let cluster = Cluster::own();
        let address = cluster.url().trim_start_matches("https://").to_owned();
        fs::write(note, format!("{}\n{address}\n", cluster.folder().display())).unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    // Its time is not that of a first build.
    program(API_SERVER);
    let notes = tempfile::tempdir().unwrap();
    let note = notes.path().join("cluster");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", own_name])
        .env("TEST_WRITES_CLUSTER_TO", &note)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let mut until = |done: &dyn Fn(&mut Child) -> bool| {
        while !done(&mut process) {
            assert!(begin.elapsed() < PATIENCE, "waited in vain");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    until(&|process| {
        let ended = process.try_wait().unwrap();
        assert!(ended.is_none(), "it ended by itself: {ended:?}");
        fs::read_to_string(&note).is_ok_and(|text| text.lines().count() == 2)
    });
    let text = fs::read_to_string(&note).unwrap();
    let (folder, address) = text.trim().split_once('\n').unwrap();
    assert!(std::net::TcpStream::connect(address).is_ok());
    until(&|process| process.kill().is_ok());
    until(&|process| process.try_wait().unwrap().is_some() && !Path::new(folder).exists());
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[test]
fn every_tool_is_built_from_what_is_pinned() {
    for (module, words) in [(&go::HELM, "version"), (&go::KUBECONFORM, "-h")] {
        let output = Command::new(module.program()).arg(words).output().unwrap();
        assert!(output.status.success(), "{}: {output:?}", module.name);
    }
}

#[test]
fn the_field_reads_a_status_by_its_conditions_and_its_generation() {
    let with = |observed: i64, ready: &str| {
        json!({
            "apiVersion": "concordat.dev/v1alpha1",
            "kind": "RoleGrant",
            "metadata": { "name": "a", "namespace": "b", "generation": 2 },
            "status": {
                "observedGeneration": observed,
                "conditions": [{ "type": "Ready", "status": ready, "reason": "R", "message": "why" }],
            },
        })
    };
    let objects = [with(2, "True"), with(2, "False"), with(1, "True"), serde_json::Value::Null];
    let statuses: Vec<_> = kstatus(&objects).into_iter().map(|(status, _)| status).collect();
    assert_eq!(statuses, [Current, InProgress, InProgress, NotFound]);
}
