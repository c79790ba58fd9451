//! Who asked, who deleted and who approves, on a real API server.
//!
//! Never: a name that was written by whom it does not belong to.

use std::{net::SocketAddr, sync::OnceLock};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    admission::{
        self, asked,
        client::{Client, NAME, Reply},
        with,
    },
    chart::{NAMESPACE, RELEASE},
    cluster::access::As,
    operator::{acceptance, boundary, field, grant, offer, relationship, until},
    story::scene::Scene,
};

/// A cluster with the chart and the operator under its own account, shared by tests with namespaces of their own.
fn scene() -> &'static Scene {
    static SHARED: OnceLock<Scene> = OnceLock::new();
    SHARED.get_or_init(|| {
        let mut scene = Scene::new();
        scene.start_the_operator();
        until("the API server is told of the path", || {
            registered(&scene).1.starts_with("/validate").then_some(())
        });
        scene
    })
}

/// The authorities and the path by which the API server calls.
fn registered(scene: &Scene) -> (String, String) {
    let config = "/webhooks/0/clientConfig";
    let found = field(&scene.cluster, "", "validatingwebhookconfiguration/concordat", config);
    let bundle = serde_json::from_value::<k8s_openapi::ByteString>(found["caBundle"].clone());
    let bundle = bundle.map(|bundle| String::from_utf8(bundle.0).unwrap()).unwrap_or_default();
    (bundle, found["service"]["path"].as_str().unwrap_or_default().to_owned())
}

/// Runs `kubectl` as somebody in a namespace; whether it succeeded, and all that it said.
fn tries(who: &str, namespace: &str, words: &[&str], input: &str) -> (bool, String) {
    let who = format!("--as={who}");
    let words = [words, &["-n", namespace, &who]].concat();
    let output = scene().cluster.kubectl_with(&words, input);
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[track_caller]
fn does(who: &str, namespace: &str, words: &[&str], input: &str) {
    let (succeeded, said) = tries(who, namespace, words, input);
    assert!(succeeded, "{who}: kubectl {}: {said}", words.join(" "));
}

const APPLY: [&str; 5] = ["apply", "--server-side", "--force-conflicts", "-f", "-"];

/// Gives people their rights in a namespace of their own: everybody edits, all but mia approve.
fn people(namespace: &str) {
    let cluster = &scene().cluster;
    cluster.said(&["create", "namespace", namespace]);
    for (person, role) in [
        ("mia", "edit"),
        ("bob", "edit"),
        ("carla", "edit"),
        ("grace", "edit"),
        ("bob", "concordat-approver"),
        ("carla", "concordat-approver"),
        ("grace", "concordat-approver"),
    ] {
        let (name, role) = (format!("{person}-{role}"), format!("--clusterrole={role}"));
        let user = format!("--user={person}");
        cluster.said(&["create", "rolebinding", &name, &role, &user, "-n", namespace]);
    }
}

/// An active relationship `acme` of mia's, with so many of her grants in force; nobody may lose anything without a person.
fn active(namespace: &str, grants: u32) {
    people(namespace);
    let cluster = &scene().cluster;
    cluster.apply(&boundary(namespace, "limits: {revocations: {count: 0, share: 0}}"));
    filled(namespace, grants);
}

fn filled(namespace: &str, grants: u32) {
    let cluster = &scene().cluster;
    does("mia", namespace, &APPLY, &offer(namespace));
    does("mia", namespace, &APPLY, &relationship(namespace, "acme", ""));
    let acme = "partnerrelationship/acme";
    let awaits = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=WaitingForCustomer";
    cluster.wait(namespace, acme, awaits);
    let digest = field(cluster, namespace, acme, "/status/invitation/digest");
    cluster.apply(&acceptance(namespace, "acme", digest.as_str().unwrap()));
    cluster.wait(namespace, acme, "condition=Authorized");
    let all: Vec<String> = (1..=grants)
        .map(|number| grant(namespace, &format!("g{number}"), "acme", number, ""))
        .collect();
    does("mia", namespace, &APPLY, &all.join("---\n"));
    for number in 1..=grants {
        cluster.wait(namespace, &format!("rolegrant/g{number}"), "condition=InForce");
    }
}

fn annotation(namespace: &str, object: &str, name: &str) -> Value {
    let path = format!("/metadata/annotations/concordat.dev~1{name}");
    field(&scene().cluster, namespace, object, &path)
}

/// The hash of what waits.
fn waits(namespace: &str) -> String {
    let acme = "partnerrelationship/acme";
    scene().cluster.wait(namespace, acme, "condition=PlanBlocked");
    let hash = field(&scene().cluster, namespace, acme, "/status/plan/blocked");
    hash.as_str().unwrap().to_owned()
}

/// Approves on an object, and waits until the operator has read it.
fn approves(who: &str, namespace: &str, hash: &str) {
    let approve = format!("concordat.dev/approve={hash}");
    does(who, namespace, &["annotate", "--overwrite", "partnerrelationship/acme", &approve], "");
    until("the approval is read", || {
        annotation(namespace, "partnerrelationship/acme", "approve").is_null().then_some(())
    });
}

fn left(namespace: &str) -> usize {
    let words = ["get", "rolegrant", "-n", namespace, "-o", "name"];
    scene().cluster.said(&words).lines().count()
}

#[track_caller]
fn all_are_gone(namespace: &str) {
    until("all are gone", || (left(namespace) == 0).then_some(()));
}

/// What the ledger says of the relationship of a namespace.
fn entries_about(namespace: &str) -> Vec<Value> {
    let ran = scene().concordat(&["ledger", "export"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let entries = ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    entries.filter(|entry| entry["subject"] == format!("{namespace}-acme")).collect()
}

/// Posts to the webhook without any credential.
fn posts(path: &str, body: &[u8]) -> Reply {
    let address = SocketAddr::from(([127, 0, 0, 1], scene().webhook()));
    let mut client = Client::connect(address, &registered(scene()).0, NAME).unwrap();
    client.ask_at(path, body).unwrap()
}

/// A question about a deletion, as a stranger makes it up.
fn deletion(namespace: &str, name: &str, user: &str) -> Value {
    let object = json!({
        "apiVersion": "concordat.dev/v1alpha1", "kind": "RoleGrant",
        "metadata": {
            "name": name, "namespace": namespace, "uid": "any",
            "finalizers": ["concordat.dev/revoke"],
        },
    });
    let question = with(asked("DELETE", &Value::Null, &object), "/request/dryRun", json!(false));
    with(question, "/request/userInfo", json!({ "username": user }))
}

#[test]
fn whoever_posts_to_the_webhook_writes_no_name_and_learns_nothing() {
    let namespace = "posted";
    active(namespace, 5);
    let grants = ["rolegrant/g1", "rolegrant/g2", "rolegrant/g3", "rolegrant/g4"];
    does("bob", namespace, &[&["delete", "--wait=false"][..], &grants].concat(), "");
    let hash = waits(namespace);
    let path = registered(scene()).1;
    let guesses = [
        "/".to_owned(),
        "/validate".to_owned(),
        "/validate/".to_owned(),
        format!("/validate/{}", "0".repeat(64)),
        path[..path.len() - 1].to_owned(),
        format!("{path}/"),
        format!("/validate/../{path}"),
        path.to_uppercase(),
        "/metrics".to_owned(),
    ];
    for guess in &guesses {
        for name in ["g1", "g5"] {
            let reply = posts(guess, deletion(namespace, name, "mia").to_string().as_bytes());
            assert_eq!((reply.status, reply.body.as_str()), (404, ""), "{guess}");
        }
    }
    assert_eq!(annotation(namespace, "rolegrant/g1", "deleted-by"), "bob");
    assert_eq!(annotation(namespace, "rolegrant/g5", "deleted-by"), Value::Null);
    // Even in the words of the API server: what stands there is for that to say, and not for the question.
    for name in ["g1", "g2", "g3", "g4"] {
        let question = deletion(namespace, name, "mia");
        assert_eq!(posts(&path, question.to_string().as_bytes()).status, 200);
        assert_eq!(annotation(namespace, &format!("rolegrant/{name}"), "deleted-by"), "bob");
    }
    approves("bob", namespace, &hash);
    assert_eq!(left(namespace), 5, "whoever deleted does not approve");
    approves("grace", namespace, &hash);
    until("what bob deleted is gone", || (left(namespace) == 1).then_some(()));
    let lost = entries_about(namespace).split_off(entries_about(namespace).len() - 4);
    assert!(lost.iter().all(|entry| entry["actor"]["name"] == "bob"), "{lost:#?}");
}

/// What a patch by the operator's own token comes to.
fn operator_patches(path: &str, how: &str, patch: &Value) -> Result<(), String> {
    let cluster = &scene().cluster;
    let token = cluster.service_account_token(NAMESPACE, RELEASE);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = cluster.client_of(As::Token(&token)).await;
        let request = http::Request::builder()
            .method("PATCH")
            .uri(path)
            .header("Content-Type", how)
            .body(patch.to_string().into_bytes())
            .unwrap();
        client.request::<Value>(request).await.map(drop).map_err(|error| error.to_string())
    })
}

const MERGE: &str = "application/merge-patch+json";

#[test]
fn the_operators_token_changes_no_name_that_stands() {
    let namespace = "standing";
    active(namespace, 2);
    does("bob", namespace, &["delete", "--wait=false", "rolegrant/g1"], "");
    let hash = waits(namespace);
    let path = |name: &str| {
        format!("/apis/concordat.dev/v1alpha1/namespaces/{namespace}/rolegrants/{name}")
    };
    let by = |names: Value| json!({ "metadata": { "annotations": { "concordat.dev/deleted-by": names } } });
    for names in
        [json!("mia"), json!(""), Value::Null, json!("bo"), json!("bobmia"), json!("mia\nbob")]
    {
        let refused = operator_patches(&path("g1"), MERGE, &by(names.clone())).unwrap_err();
        assert!(refused.contains("who deleted an object"), "{names}: {refused}");
    }
    for stamp in ["requested-by", "changed-by", "approved-by", "approve", "approver-acts-for"] {
        let name = format!("concordat.dev/{stamp}");
        let patch = json!({ "metadata": { "annotations": { name: "mallory" } } });
        assert!(operator_patches(&path("g1"), MERGE, &patch).is_err(), "{stamp}");
    }
    operator_patches(&path("g1"), MERGE, &by(json!("bob\nmia"))).unwrap();
    approves("bob", namespace, &hash);
    assert_eq!(left(namespace), 2);
    approves("grace", namespace, &hash);
    until("it is gone", || (left(namespace) == 1).then_some(()));
}

#[test]
fn the_operators_token_is_shown_no_other_objects_and_makes_no_other_secret() {
    let config = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/concordat";
    let json_patch = "application/json-patch+json";
    let replace = |path: &str, value: Value| json!([{ "op": "add", "path": format!("/webhooks/0/{path}"), "value": value }]);
    let secrets = json!({
        "apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["secrets"],
        "scope": "*",
    });
    let second = json!({
        "name": "more.concordat.dev", "admissionReviewVersions": ["v1"], "sideEffects": "None",
        "clientConfig": { "url": "https://mallory.example/" }, "rules": [secrets],
    });
    for patch in [
        replace("rules/-", secrets.clone()),
        replace("rules/0/resources", json!(["*"])),
        replace("rules/0/apiGroups", json!(["*"])),
        replace("rules/0/operations", json!(["*"])),
        replace("clientConfig", json!({ "url": "https://mallory.example/" })),
        replace("clientConfig/service/name", json!("mallory")),
        replace("clientConfig/service/namespace", json!("default")),
        replace("clientConfig/service/port", json!(1)),
        replace("clientConfig/service/path", json!("/elsewhere")),
        replace("clientConfig/service/path", json!(format!("/validate/{}/a", "0".repeat(64)))),
        replace("failurePolicy", json!("Fail")),
        replace("matchPolicy", json!("Exact")),
        replace("timeoutSeconds", json!(30)),
        replace("name", json!("other.concordat.dev")),
        replace("namespaceSelector", json!({ "matchLabels": { "a": "b" } })),
        replace("objectSelector", json!({ "matchLabels": { "a": "b" } })),
        replace("matchConditions", json!([{ "name": "never", "expression": "false" }])),
        replace("admissionReviewVersions", json!(["v1", "v1beta1"])),
        json!([{ "op": "add", "path": "/webhooks/-", "value": second }]),
        json!([{ "op": "remove", "path": "/webhooks/0" }]),
        json!([{ "op": "add", "path": "/metadata/labels/app", "value": "mallory" }]),
    ] {
        let refused = operator_patches(config, json_patch, &patch).unwrap_err();
        assert!(refused.contains("denied request"), "{patch}: {refused}");
    }
    // What it needs goes on working.
    let bundle = &scene().bundle();
    operator_patches(config, json_patch, &replace("clientConfig/caBundle", bundle.clone()))
        .unwrap();
    let path = registered(scene()).1;
    operator_patches(config, json_patch, &replace("clientConfig/service/path", json!(path)))
        .unwrap();

    let cluster = &scene().cluster;
    let token = cluster.service_account_token(NAMESPACE, RELEASE);
    let kubeconfig = cluster.kubeconfig_of("thief", As::Token(&token)).display().to_string();
    let of_another = "apiVersion: v1
kind: Secret
metadata:
  name: stolen
  namespace: concordat-system
  annotations: {kubernetes.io/service-account.name: default}
type: kubernetes.io/service-account-token
";
    let create = ["create", "-f", "-", "--kubeconfig", &kubeconfig];
    let output = cluster.kubectl_with(&create, of_another);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("and no other"), "{said}");
}

#[test]
fn an_approval_counts_in_its_own_namespace_only() {
    for namespace in ["near", "far"] {
        people(namespace);
    }
    let cluster = &scene().cluster;
    // Of the two, dora may approve in one.
    for (namespace, role) in [("near", "edit"), ("near", "concordat-approver"), ("far", "edit")] {
        let (name, role) = (format!("dora-{role}"), format!("--clusterrole={role}"));
        let bind = ["create", "rolebinding", &name, &role, "--user=dora", "-n", namespace];
        cluster.said(&bind);
    }
    for namespace in ["near", "far"] {
        cluster.apply(&boundary(namespace, "limits: {revocations: {count: 0, share: 0}}"));
        filled(namespace, 2);
    }
    does("mia", "far", &["delete", "--wait=false", "rolegrant/g1"], "");
    let far = waits("far");
    let refused = "counts in its own namespace only";
    for (object, told) in [("partnerrelationship/acme", 1), ("rolegrant/g2", 2)] {
        let approve = format!("concordat.dev/approve={far}");
        does("dora", "near", &["annotate", "--overwrite", object, &approve], "");
        until("it is refused", || {
            (scene().operator().log().matches(refused).count() >= told).then_some(())
        });
        until("it is taken off", || annotation("near", object, "approve").is_null().then_some(()));
    }
    assert_eq!((left("far"), waits("far")), (2, far.clone()));
    let (may, said) = tries(
        "dora",
        "far",
        &["annotate", "partnerrelationship/acme", &format!("concordat.dev/approve={far}")],
        "",
    );
    assert!(!may, "{said}");
    // Where each may, it counts.
    does("mia", "near", &["delete", "--wait=false", "rolegrant/g1"], "");
    approves("dora", "near", &waits("near"));
    until("what may be approved here is gone", || (left("near") == 1).then_some(()));
    assert_eq!(left("far"), 2);
    approves("grace", "far", &waits("far"));
    until("the rest is gone", || (left("far") == 1).then_some(()));
}

#[test]
fn a_label_of_somebody_else_takes_nobodys_request_away() {
    let namespace = "labelled";
    active(namespace, 3);
    let numbers = 1..=3;
    let ends = json!({ "spec": { "notAfter": "2027-03-01T00:00:00Z" } }).to_string();
    for number in numbers.clone() {
        let grant = format!("rolegrant/g{number}");
        does("bob", namespace, &["patch", &grant, "--type=merge", "--patch", &ends], "");
    }
    until("all three wait together", || {
        let waiting = numbers.clone().all(|number| {
            let grant = format!("rolegrant/g{number}");
            let status = field(&scene().cluster, namespace, &grant, "/status");
            crate::operator::condition(&status, "PlanBlocked")["status"] == "True"
        });
        waiting.then_some(())
    });
    let hash = waits(namespace);
    for number in numbers {
        let grant = format!("rolegrant/g{number}");
        does("mia", namespace, &["label", &grant, "tier=standard"], "");
        assert_eq!(annotation(namespace, &grant, "changed-by"), "mia");
    }
    for asker in ["bob", "bob"] {
        let before = scene().operator().log().matches("`bob` asked for some of it").count();
        approves(asker, namespace, &hash);
        until("who asked is refused", || {
            let now = scene().operator().log().matches("`bob` asked for some of it").count();
            (now > before).then_some(())
        });
    }
    assert_eq!(waits(namespace), hash);
    approves("grace", namespace, &hash);
    until("nothing waits any more", || {
        let status = field(&scene().cluster, namespace, "partnerrelationship/acme", "/status");
        crate::operator::condition(&status, "PlanBlocked").is_null().then_some(())
    });
    let last = entries_about(namespace).pop().unwrap();
    assert_eq!((&last["kind"], &last["actor"]["name"]), (&json!("RolesSet"), &json!("bob")));
    assert_eq!(last["intent"]["askers"], json!(["bob", "mia"]));
}

#[test]
fn whoever_may_impersonate_a_robot_does_not_approve_what_it_asked_for() {
    let namespace = "robots";
    active(namespace, 2);
    let robot = format!("system:serviceaccount:{namespace}:flux");
    let cluster = &scene().cluster;
    cluster.said(&["create", "serviceaccount", "flux", "-n", namespace]);
    let account = format!("--serviceaccount={namespace}:flux");
    let edit = ["create", "rolebinding", "flux", "--clusterrole=edit", &account, "-n", namespace];
    cluster.said(&edit);
    // Approves, and may change an object, but is nobody's robot.
    let role = ["create", "role", "annotates", "--verb=get,list,watch,patch", "-n", namespace];
    let what = "--resource=partnerrelationships.concordat.dev,rolegrants.concordat.dev";
    cluster.said(&[&role[..], &[what]].concat());
    for (name, role) in [("a", "--role=annotates"), ("b", "--clusterrole=concordat-approver")] {
        let words = ["create", "rolebinding", &format!("heidi-{name}"), role, "--user=heidi"];
        cluster.said(&[&words[..], &["-n", namespace]].concat());
    }
    does(&robot, namespace, &["delete", "--wait=false", "rolegrant/g1", "rolegrant/g2"], "");
    let hash = waits(namespace);
    assert_eq!(annotation(namespace, "rolegrant/g1", "deleted-by"), robot.as_str());
    let forged = "concordat.dev/approver-acts-for=nobody";
    let (may, said) =
        tries("carla", namespace, &["annotate", "partnerrelationship/acme", forged], "");
    assert!(!may && said.contains("is stamped by the cluster"), "{said}");
    approves("carla", namespace, &hash);
    let refused = "`carla` may act as `system:serviceaccount:robots:flux`";
    until("carla is refused", || scene().operator().log().contains(refused).then_some(()));
    assert_eq!(left(namespace), 2);
    approves("heidi", namespace, &hash);
    all_are_gone(namespace);
}

#[test]
fn no_name_that_the_api_server_would_not_give_becomes_a_part_of_a_path() {
    let hostile = [
        "",
        " ",
        "g 1",
        "g1\0",
        "g1?force=true",
        "g1#a",
        "g1/status",
        "..",
        ".",
        "../g1",
        "g1/..",
        "%2e%2e",
        "g1%00",
        "G1",
        "-g1",
        "g1-",
        "g1.",
        ".g1",
        "g1..g2",
        "gä",
        "g1\n",
        "n/../z",
        &"a".repeat(254),
    ];
    for name in hostile {
        for question in [
            deletion("posted", name, "mia"),
            deletion(name, "g1", "mia"),
            deletion(name, name, "mia"),
        ] {
            let found = admission_request(&question);
            assert_eq!(found, None, "{name:?}");
        }
    }
    let right = admission_request(&deletion("posted", "a.b-c.d1", "mia")).unwrap();
    assert_eq!(right.object.name, "a.b-c.d1");
}

fn admission_request(
    question: &Value,
) -> Option<concordat::operator::admission::deletion::Deletion> {
    let request = concordat::operator::admission::request::read(question.to_string().as_bytes());
    concordat::operator::admission::deletion::deletion(&request.ok()?)
}

/// Any JSON, mostly of the shapes that a review has.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("DELETE")),
        Just(json!("RoleGrant")),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name = prop_oneof![
            Just("metadata".to_owned()),
            Just("spec".to_owned()),
            Just("name".to_owned()),
            Just("finalizers".to_owned()),
            ".{0,6}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_body_makes_the_webhook_panic(
        field in prop::sample::select(vec![
            "uid", "kind", "name", "namespace", "operation", "userInfo", "object", "oldObject",
            "dryRun", "subResource", "options", "resource",
        ]),
        value in any_json(),
        operation in prop::sample::select(vec!["CREATE", "UPDATE", "DELETE", "CONNECT"]),
    ) {
        let grant = admission::grant();
        let mut question = asked(operation, &grant, &grant);
        question["request"][field] = value;
        let body = question.to_string();
        if let Ok(request) = concordat::operator::admission::request::read(body.as_bytes()) {
            let catalogue = concordat::domain::catalogue::Catalogue::compiled();
            let answer = concordat::operator::admission::review::review(
                &request, |_| None, catalogue, admission::now(),
            );
            prop_assert!(answer.to_json().is_object());
            if let Some(found) = concordat::operator::admission::deletion::deletion(&request) {
                let plain = |text: &str| text.bytes().all(|byte| {
                    byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
                });
                prop_assert!(plain(&found.object.name) && plain(&found.object.namespace));
                prop_assert!(!found.object.name.contains(".."));
            }
        }
    }
}
