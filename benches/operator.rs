//! How fast the operator is on a real API server, side by side with what that server can do by itself:
//! `cargo bench --bench operator [-- OBJECTS]`.
//!
//! Never: a figure of the server taken in another run, or on another machine.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails"
)]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../tests/it/cluster/mod.rs"]
mod cluster;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use concordat::{
    domain::validate::{Object, Presence},
    store::{Read, StoreUrl, sql::open_reader},
};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

const NAMESPACE: &str = "msp";
const CONNECTIONS: usize = 16;
const GRANTS_OF_EACH: usize = 6;
const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
/// Low enough that no boundary of roles is needed.
const ROLE: &str = "Message Center Reader";
const OTHER_ROLE: &str = "Service Support Administrator";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let objects: usize = asked.unwrap_or(10_000);
    let cluster = cluster::Cluster::own();
    cluster.install_definitions();
    cluster.kubectl(&["create", "namespace", NAMESPACE]);
    cluster.kubectl(&["create", "namespace", "concordat-system"]);
    let client = cluster.client().await;
    let place = tempfile::tempdir().unwrap();
    let store = place.path().join("concordat.db");

    let fleet = fleet(objects);
    let began = Instant::now();
    create(&client, fleet.clone()).await;
    let took = began.elapsed();
    told("the server creates", format!("{:.0} objects/s", fleet.len() as f64 / took.as_secs_f64()));
    let own_rate = own_rate(&client).await;
    told("the server patches statuses", format!("{own_rate:.0}/s with {CONNECTIONS} connections"));

    let operator = Operator::start(&cluster, &store);
    let took = operator.until_quiet().await;
    let writes = operator.api_writes().await;
    let ready = ready(&client).await;
    assert_eq!(ready, fleet.len(), "objects that are ready");
    let rate = writes as f64 / took.as_secs_f64();
    told(
        "cold start to Ready",
        format!(
            "{} objects in {:.1} s, {:.2} writes an object, {rate:.0} writes/s: {:.0} % of the server's rate (80 wanted)",
            fleet.len(),
            took.as_secs_f64(),
            writes as f64 / fleet.len() as f64,
            100.0 * rate / own_rate
        ),
    );
    told(
        "memory",
        format!(
            "{} now, {} at most (100 MB wanted)",
            operator.memory("VmRSS"),
            operator.memory("VmHWM")
        ),
    );

    changes(&client, &store).await;

    let rested = operator.api_writes().await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    told(
        "a minute of rest",
        format!("{} writes but the Lease's (0 wanted)", operator.api_writes().await - rested),
    );
    operator.stop();

    let operator = Operator::start(&cluster, &store);
    let took = operator.until_ready().await;
    operator.until_quiet().await;
    told(
        "restart with nothing to do",
        format!(
            "ready in {:.1} s (5 wanted), {} writes but the Lease's (0 wanted), {} at most",
            took.as_secs_f64(),
            operator.api_writes().await,
            operator.memory("VmHWM")
        ),
    );
    expiry(&client, &operator, &store, fleet.len()).await;
    operator.stop();
}

fn told(what: &str, figure: String) {
    println!("{what:<28} {figure}");
}

fn named(kind: &str, name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": spec,
    })
}

fn guid(kind: u32, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// One offer and one boundary, and relationships that are accepted, each with its grants.
fn fleet(objects: usize) -> Vec<Value> {
    let mut fleet = vec![
        json!({
            "apiVersion": "concordat.dev/v1alpha1",
            "kind": "PartnerBoundary",
            "metadata": { "name": "msp" },
            "spec": {
                "namespaces": [NAMESPACE],
                "partner": { "tenantId": PARTNER, "certifiedFor": ["GranularDelegatedAdmin"] },
                "customers": { "any": true },
                "grantees": { "any": true },
                "roles": { "any": true },
                "limits": { "newGrantees": 1_000_000, "privilegedGains": 1_000_000,
                            "revocations": { "count": 1_000_000, "share": 100 } },
            },
        }),
        named(
            "PartnerOffer",
            "helpdesk",
            json!({
                "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
                "type": "GranularDelegatedAdmin",
                "duration": "P730D",
                "roles": [ROLE, OTHER_ROLE],
            }),
        ),
    ];
    let relationships = (objects - 2) / (GRANTS_OF_EACH + 2);
    for number in 0..relationships {
        fleet.extend(relationship(number));
        for grant in 0..GRANTS_OF_EACH {
            fleet.push(self::grant(number, grant, None));
        }
    }
    fleet
}

fn relationship(number: usize) -> Vec<Value> {
    let name = format!("customer-{number}");
    let customer = guid(1, number);
    let spec = json!({
        "customer": { "tenantId": customer, "displayName": name },
        "displayName": name,
        "offerRef": { "name": "helpdesk" },
    });
    let invitation = digest(&spec);
    let accepted = Timestamp::now() - SignedDuration::from_hours(1);
    vec![
        named("PartnerRelationship", &name, spec),
        named(
            "AgreementAcceptance",
            &name,
            json!({
                "decision": "Accept",
                "customer": { "tenantId": customer },
                "partner": { "tenantId": PARTNER },
                "acceptedBy": { "firstName": "Ada", "lastName": "Lovelace",
                                "email": "ada@customer.example", "role": "GlobalAdministrator" },
                "acceptedAt": accepted.to_string(),
                "readConfirmed": true,
                "relationshipRef": { "name": name },
                "invitation": invitation,
            }),
        ),
    ]
}

/// The digest that the customer accepts, computed from the files alone as anybody can.
fn digest(relationship: &Value) -> String {
    use concordat::domain::{
        catalogue::Catalogue,
        state::{Absence, ObjectName, Uid},
        validate::{Objects, validate},
    };
    fn object<S>(name: &str, spec: S) -> Object<S> {
        Object {
            name: ObjectName { namespace: NAMESPACE.to_owned(), name: name.to_owned() },
            uid: Uid::of_file(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            presence: Presence::Present,
            source: None,
            spec,
        }
    }
    let mut objects = Objects::none(Absence::Keep);
    let offer = json!({
        "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
        "type": "GranularDelegatedAdmin", "duration": "P730D", "roles": [ROLE, OTHER_ROLE],
    });
    objects.offers.push(object("helpdesk", serde_json::from_value(offer).unwrap()));
    let spec = serde_json::from_value(relationship.clone()).unwrap();
    objects.relationships.push(object("it", spec));
    let verdict = validate(&objects, Catalogue::compiled(), Timestamp::now());
    let wish = verdict.desired.relationships.values().next().unwrap();
    wish.invitation.digest().to_string()
}

fn grant(number: usize, grant: usize, not_after: Option<Timestamp>) -> Value {
    let mut spec = json!({
        "relationshipRef": { "name": format!("customer-{number}") },
        "grantee": { "securityGroup": { "id": guid(2, grant), "displayName": format!("group {grant}") } },
        "roles": [ROLE],
    });
    if let Some(not_after) = not_after {
        spec["notAfter"] = json!(not_after.to_string());
    }
    named("RoleGrant", &format!("grant-{number}-{grant}"), spec)
}

fn api_of(client: &Client, object: &Value) -> Api<DynamicObject> {
    let kind = object["kind"].as_str().unwrap();
    let plural = match kind {
        "PartnerBoundary" => "partnerboundaries".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let resource = ApiResource {
        group: "concordat.dev".to_owned(),
        version: "v1alpha1".to_owned(),
        api_version: "concordat.dev/v1alpha1".to_owned(),
        kind: kind.to_owned(),
        plural,
    };
    if kind == "PartnerBoundary" {
        return Api::all_with(client.clone(), &resource);
    }
    Api::namespaced_with(
        client.clone(),
        object["metadata"]["namespace"].as_str().unwrap(),
        &resource,
    )
}

async fn create(client: &Client, objects: Vec<Value>) {
    stream::iter(objects)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let api = api_of(client, &object);
            let object = serde_json::from_value(object).unwrap();
            api.create(&PostParams::default(), &object).await.unwrap();
        })
        .await;
}

/// What the server does by itself: server-side apply of statuses, on objects that no operator looks at.
async fn own_rate(client: &Client) -> f64 {
    let number = 3_000;
    let mut others = Vec::new();
    for index in 0..number {
        let name = format!("other-{index}");
        let mut object = grant(0, 0, None);
        object["metadata"]["name"] = json!(name);
        object["metadata"]["namespace"] = json!("default");
        others.push(object);
    }
    create(client, others.clone()).await;
    let began = Instant::now();
    stream::iter(others.clone())
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let status = json!({
                "apiVersion": "concordat.dev/v1alpha1",
                "kind": "RoleGrant",
                "metadata": { "name": name, "namespace": "default" },
                "status": { "observedGeneration": 1, "conditions": [
                    { "type": "Ready", "status": "True", "reason": "InSync", "message": "the store holds what is asked for",
                      "lastTransitionTime": "2026-11-21T00:00:00Z", "observedGeneration": 1 },
                    { "type": "InForce", "status": "True", "reason": "Held", "message": "access is held under 1 relationship",
                      "lastTransitionTime": "2026-11-21T00:00:00Z", "observedGeneration": 1 },
                ] },
            });
            let params = PatchParams::apply("bench").force();
            api_of(client, &object).patch_status(&name, &params, &Patch::Apply(&status)).await.unwrap();
        })
        .await;
    let rate = f64::from(number) / began.elapsed().as_secs_f64();
    stream::iter(others)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            api_of(client, &object)
                .delete(&name, &kube::api::DeleteParams::default())
                .await
                .unwrap();
        })
        .await;
    rate
}

/// How many objects are ready.
async fn ready(client: &Client) -> usize {
    let mut ready = 0;
    for kind in [
        "PartnerBoundary",
        "PartnerOffer",
        "PartnerRelationship",
        "AgreementAcceptance",
        "RoleGrant",
    ] {
        let sample = json!({ "kind": kind, "metadata": { "namespace": NAMESPACE } });
        let list = api_of(client, &sample).list(&kube::api::ListParams::default()).await.unwrap();
        ready += list.items.iter().filter(|object| is_ready(&object.data)).count();
    }
    ready
}

fn is_ready(object: &Value) -> bool {
    object["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    })
}

/// From a change in the cluster to its effect in the store, while everything else rests.
async fn changes(client: &Client, store: &Path) {
    let url: StoreUrl = format!("sqlite:{}", store.display()).parse().unwrap();
    let mut reader = open_reader(&url).await.unwrap();
    let mut latencies = Vec::new();
    for round in 0..200 {
        let object = grant(round % 100, round % GRANTS_OF_EACH, None);
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let roles = if round < 100 { json!([OTHER_ROLE]) } else { json!([ROLE]) };
        let before = reader.head().await.unwrap().sequence;
        let began = Instant::now();
        let patch = json!({ "spec": { "roles": roles } });
        let patched = api_of(client, &object);
        patched.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        while reader.head().await.unwrap().sequence == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        latencies.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    latencies.sort();
    let at = |share: usize| latencies[latencies.len() * share / 100].as_secs_f64() * 1_000.0;
    told("change to effect", format!("p50 {:.0} ms, p99 {:.0} ms (100 wanted)", at(50), at(99)));
}

/// Grants that all end in one second.
async fn expiry(client: &Client, operator: &Operator, store: &Path, number: usize) {
    let url: StoreUrl = format!("sqlite:{}", store.display()).parse().unwrap();
    let relationships = number / (GRANTS_OF_EACH + 2);
    let end = Timestamp::now() + SignedDuration::from_secs(60 + number as i64 / 100);
    let end = Timestamp::from_second(end.as_second()).unwrap();
    let grants: Vec<Value> = (0..relationships)
        .flat_map(|number| (0..GRANTS_OF_EACH).map(move |grant| (number, grant)))
        .map(|(number, grant)| self::grant(number, grant, Some(end)))
        .collect();
    let expiring = grants.len();
    stream::iter(grants)
        .for_each_concurrent(CONNECTIONS, |object| async move {
            let name = object["metadata"]["name"].as_str().unwrap().to_owned();
            let patch = json!({ "spec": { "notAfter": object["spec"]["notAfter"] } });
            let api = api_of(client, &object);
            api.patch(&name, &PatchParams::default(), &Patch::Merge(&patch)).await.unwrap();
        })
        .await;
    operator.until_quiet().await;
    let mut reader = open_reader(&url).await.unwrap();
    let before = reader.head().await.unwrap().sequence;
    let left = end.duration_since(Timestamp::now());
    assert!(left.is_positive(), "there was not enough time to prepare");
    tokio::time::sleep(Duration::try_from(left).unwrap() + Duration::from_secs(20)).await;
    let mut expired = Vec::new();
    let mut after = before;
    loop {
        let entries = reader.entries(after, 1_000).await.unwrap();
        let Some(last) = entries.last() else { break };
        after = last.sequence;
        expired.extend(entries.iter().map(|entry| entry.time.duration_since(end).as_secs_f64()));
    }
    let latest = expired.iter().copied().fold(0.0, f64::max);
    told(
        "expiry in one second",
        format!(
            "{} of {expiring} revoked, the last {latest:.2} s after its time (1 wanted)",
            expired.len()
        ),
    );
}

struct Operator {
    child: Child,
    port: u16,
    began: Instant,
}

impl Operator {
    fn start(cluster: &cluster::Cluster, store: &Path) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let program = PathBuf::from(env!("CARGO_BIN_EXE_concordat"));
        let log = fs::File::create(store.with_extension("log")).unwrap();
        let mut command = Command::new(program);
        command
            .args(["operator", "--store", &format!("sqlite:{}", store.display())])
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .env("KUBECONFIG", cluster.kubeconfig())
            .env("CONCORDAT_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(log);
        Self { child: command.spawn().unwrap(), port, began: Instant::now() }
    }

    fn get(&self, path: &str) -> Option<(bool, String)> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some((answer.contains(" 200 "), answer))
    }

    async fn until_ready(&self) -> Duration {
        while !self.get("/readyz").is_some_and(|(ready, _)| ready) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.began.elapsed()
    }

    fn figure(&self, name: &str) -> f64 {
        let Some((_, text)) = self.get("/metrics") else { return f64::NAN };
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count")]
    async fn api_writes(&self) -> u64 {
        let Some((_, text)) = self.get("/metrics") else { return 0 };
        let own = text.lines().filter(|line| {
            line.starts_with("concordat_api_writes_total")
                && !line.contains("Lease")
                && !line.contains("\"Event\"")
        });
        own.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as u64
    }

    /// Until nothing was written for a while: how long it was busy.
    async fn until_quiet(&self) -> Duration {
        self.until_ready().await;
        let mut last =
            (self.began.elapsed(), self.api_writes().await, self.figure("concordat_rounds_total"));
        let mut quiet = Instant::now();
        while quiet.elapsed() < Duration::from_secs(4) {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let (writes, rounds) = (self.api_writes().await, self.figure("concordat_rounds_total"));
            if writes != last.1 || rounds.to_bits() != last.2.to_bits() {
                last = (self.began.elapsed(), writes, rounds);
                quiet = Instant::now();
            }
        }
        last.0
    }

    fn memory(&self, what: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with(what)).unwrap();
        let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        format!("{:.0} MB", kilobytes / 1_024.0)
    }

    fn stop(mut self) {
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.child.wait().unwrap();
    }
}
