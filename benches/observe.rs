//! How long it takes to read what a partner has at Microsoft, beside the ways of others: `cargo bench --bench observe
//! [-- RELATIONSHIPS]`.
//!
//! The emulator answers each call after 50 ms and each request of a batch after 1 ms more. CIPP asks for assignments in
//! batches of twenty, one after the other; Microsoft's bulk tool asks for each relationship, five at a time. Both ways are
//! written anew here. Without a pace, and with six groups under each relationship.
//!
//! Then the program itself: what was read is imported and adopted, and `diff` has nothing to do, beside the `diff` of as
//! much in a SQLite store that is all there is. A connection's file admits 1,000 reads a second and no more, so that this
//! part has a pace.
//!
//! Never: a figure of a way that has not read everything, or of a plan that is not the one that was meant.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails"
)]

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use concordat::{
    api::Cloud,
    domain::connection::{Connection, Credential, Groups, Hosts, Pace, Proof},
    emulator::{Content, Emulator, Options, READER, WRITER},
    store::graph::{As, Graph, everything},
};
use futures::{StreamExt as _, stream};
use peak_alloc::PeakAlloc;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const ROOT: &str = "/tenantRelationships/delegatedAdminRelationships";
const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";
const GROUPS: usize = 6;
/// The most that a connection's file admits.
const READS_PER_SECOND: u16 = 1_000;
const GRAPH: [&str; 2] = ["--store", "graph:graph.yaml"];
const BOOK: [&str; 2] = ["--store", "sqlite:alone.db"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let relationships: usize = asked.unwrap_or(2_000);
    let place = tempfile::tempdir().unwrap();
    let stage = Stage::new(place.path().to_owned()).await;
    stage.fill(relationships).await;
    let latency = json!({"latency": {"call": 50, "subRequest": 1}});
    stage.control("POST", "settings", &latency).await;
    println!("{relationships} relationships, {} assignments", relationships * GROUPS);

    stage.control("DELETE", "calls", &Value::Null).await;
    let graph = Graph::open(&stage.connection, As::Reader).unwrap();
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    let began = Instant::now();
    let seen = everything(&graph).await.unwrap();
    let took = began.elapsed();
    let held = seen.relationships.values().map(|one| one.assignments.as_ref().unwrap().len());
    assert_eq!(held.sum::<usize>(), relationships * GROUPS);
    let calls = stage.calls().await;
    assert_eq!(calls, relationships.div_ceil(300) + relationships.div_ceil(20));
    let megabytes = (MEMORY.peak_usage() - before) as f64 / 1e6;
    println!("everything: {took:.2?}, {calls} calls, {megabytes:.0} MB with the emulator's own");

    for (name, at_a_time, batch) in [("CIPP's way", 1, 20), ("the bulk tool's way", 5, 1)] {
        let began = Instant::now();
        let read = stage.others_way(at_a_time, batch).await;
        assert_eq!(read, relationships * GROUPS);
        let factor = began.elapsed().as_secs_f64() / took.as_secs_f64();
        println!("{name}: {:.2?}, {factor:.1} times as long", began.elapsed());
    }
    stage.plan(relationships).await;
}

/// A run of the program: how long it took, the most memory that it had, and what it printed.
struct Ran {
    took: Duration,
    megabytes: u64,
    code: i32,
    stdout: String,
    stderr: String,
}

/// Runs the program in a folder, beside the emulator.
async fn run(place: &Path, words: &[&str]) -> Ran {
    let place = place.to_owned();
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    tokio::task::spawn_blocking(move || ran(&place, &words)).await.unwrap()
}

/// What it prints goes to a file, so that it never waits for a reader.
fn ran(place: &Path, words: &[String]) -> Ran {
    let answer = place.join("stdout");
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_concordat"))
        .args(words)
        .current_dir(place)
        .env_remove("CONCORDAT_STORE")
        .stdout(File::create(&answer).unwrap())
        .stderr(File::create(place.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut megabytes = 0;
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break ended;
        }
        let peak = std::fs::read_to_string(&status).unwrap_or_default();
        let peak = peak.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
        megabytes = megabytes.max(peak.unwrap_or(0) / 1_000);
        std::thread::sleep(Duration::from_millis(5));
    };
    let took = began.elapsed();
    let stdout = std::fs::read_to_string(answer).unwrap();
    let stderr = std::fs::read_to_string(place.join("stderr")).unwrap();
    Ran { took, megabytes, code: ended.code().unwrap(), stdout, stderr }
}

struct Stage {
    client: reqwest::Client,
    url: String,
    control: String,
    token: String,
    connection: Connection,
}

/// Copies an import without the ids that it would adopt.
fn move_to_a_book(place: &Path) {
    std::fs::create_dir_all(place.join("alone/customers")).unwrap();
    for folder in ["", "customers"] {
        for entry in std::fs::read_dir(place.join("out").join(folder)).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                continue;
            }
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let kept = text
                .lines()
                .filter(|line| !line.contains("adopt-from") && *line != "  annotations:");
            let kept: Vec<&str> = kept.collect();
            let to = place.join("alone").join(folder).join(entry.file_name());
            // All at once is more than a boundary lets through unseen.
            let limits = if entry.file_name() == "boundary.yaml" {
                "  limits: {privilegedGains: 1000000, newGrantees: 1000000}\n"
            } else {
                ""
            };
            std::fs::write(to, format!("{}\n{limits}", kept.join("\n"))).unwrap();
        }
    }
}

/// The acceptance of an invitation that waits.
fn acceptance(awaited: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (name, invitation) = (text(&awaited["relationship"]), text(&awaited["invitation"]));
    let object = json!({
        "apiVersion": "concordat.dev/v1alpha1", "kind": "AgreementAcceptance",
        "metadata": {"name": name.replace(' ', "-"), "namespace": "msp"},
        "spec": {
            "decision": "Accept",
            "customer": {"tenantId": awaited["customer"]["id"]},
            "partner": {"tenantId": "aaaabbbb-0000-cccc-1111-dddd2222eeee"},
            "acceptedBy": {
                "firstName": "Ada", "lastName": "Lovelace", "email": "ada@fabrikam.example",
                "role": "GlobalAdministrator",
            },
            "acceptedAt": jiff::Timestamp::now(), "readConfirmed": true,
            "relationshipRef": {"name": name.replace(' ', "-")}, "invitation": invitation,
        },
    });
    format!("{object}\n")
}

impl Stage {
    async fn new(place: PathBuf) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let options = Options { content: Content::Empty, factor: 0, ..Options::default() };
        let emulator = Emulator::listen(&options).await.unwrap();
        let host = format!("localhost:{}", emulator.address.port());
        std::fs::write(place.join("ca.pem"), &emulator.authority).unwrap();
        for (file, secret) in [("secret", &emulator.reader), ("writer", &emulator.writer)] {
            std::fs::write(place.join(file), secret.expose_secret()).unwrap();
        }
        let authority = reqwest::Certificate::from_pem(emulator.authority.as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([authority]).build().unwrap();
        let control = emulator.control.expose_secret().to_owned();
        let writer = emulator.writer.expose_secret().to_owned();
        let connection = Connection {
            file: place.join("graph.yaml"),
            partner: emulator.partner.parse().unwrap(),
            cloud: Cloud::Global,
            ledger: "sqlite:none.db".to_owned(),
            reader: Credential {
                client_id: READER.parse().unwrap(),
                proof: Proof::ClientSecret { file: place.join("secret") },
            },
            writer: None,
            groups: Groups::Off,
            pace: Pace { in_flight: 8, reads_per_second: u16::MAX, writes_per_second: 10 },
            hosts: Some(Hosts {
                login: Some(host.clone()),
                graph: Some(host.clone()),
                ca: Some(place.join("ca.pem")),
            }),
        };
        let partner = emulator.partner.clone();
        // It has a thread of its own, as the service has a machine of its own.
        std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
            runtime.unwrap().block_on(emulator.serve(CancellationToken::new()));
        });
        let url = format!("https://{host}");
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", WRITER),
            ("client_secret", &writer),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let login = format!("{url}/{partner}/oauth2/v2.0/token");
        let answer: Value =
            client.post(login).form(&form).send().await.unwrap().json().await.unwrap();
        let token = answer["access_token"].as_str().unwrap().to_owned();
        Self { client, url, control, token, connection }
    }

    async fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let method = method.parse().unwrap();
        let request = self.client.request(method, format!("{}/_emulator/{path}", self.url));
        let mut request = request.bearer_auth(&self.control);
        if !body.is_null() {
            request = request.json(body);
        }
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    async fn get(&self, url: &str) -> Value {
        let request = self.client.get(url).bearer_auth(&self.token);
        request.send().await.unwrap().error_for_status().unwrap().json().await.unwrap()
    }

    /// The answers to requests, in their order.
    async fn batch(&self, requests: Vec<(&str, String, Value)>) -> Vec<Value> {
        let numbered = (0..).zip(requests).map(|(number, (method, url, body)): (usize, _)| {
            let mut request = json!({"id": number.to_string(), "method": method, "url": url});
            if !body.is_null() {
                request["body"] = body;
                request["headers"] = json!({"Content-Type": "application/json"});
            }
            request
        });
        let body = json!({"requests": numbered.collect::<Vec<_>>()});
        let request = self.client.post(format!("{}/v1.0/$batch", self.url));
        let answer = request.bearer_auth(&self.token).json(&body).send().await.unwrap();
        let answer: Value = answer.error_for_status().unwrap().json().await.unwrap();
        let all = answer["responses"].as_array().unwrap();
        assert!(all.iter().all(|one| one["status"].as_u64() < Some(300)), "{answer:#}");
        all.iter().map(|one| one["body"].clone()).collect()
    }

    /// Makes relationships that are active, each with its groups.
    async fn fill(&self, relationships: usize) {
        let settings = json!({"habits": {"anyGroup": true}, "recorded": 0});
        self.control("POST", "settings", &settings).await;
        let numbers: Vec<usize> = (0..relationships).collect();
        let mut paths = Vec::with_capacity(relationships);
        for numbers in numbers.chunks(20) {
            let made = numbers.iter().map(|number| {
                let wish = json!({
                    "displayName": format!("customer {number}"),
                    "duration": "P730D",
                    "customer": {"tenantId": format!("bbbbcccc-1111-dddd-2222-{number:012}")},
                    "accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK}]},
                });
                ("POST", ROOT.to_owned(), wish)
            });
            let made = self.batch(made.collect()).await;
            paths.extend(made.iter().map(|one| format!("{ROOT}/{}", one["id"].as_str().unwrap())));
        }
        self.control("POST", "clock", &json!({"by": "PT1M"})).await;
        for paths in paths.chunks(20) {
            let lock = json!({"action": "lockForApproval"});
            let sent = paths.iter().map(|path| ("POST", format!("{path}/requests"), lock.clone()));
            self.batch(sent.collect()).await;
        }
        self.control("POST", "clock", &json!({"by": "PT1M"})).await;
        for number in 0..relationships {
            let approve = json!({"kind": "approve", "relationship": format!("customer {number}")});
            self.control("POST", "people", &approve).await;
        }
        self.control("POST", "clock", &json!({"by": "PT10M"})).await;
        let given: Vec<(&str, String, Value)> = paths
            .iter()
            .flat_map(|path| (0..GROUPS).map(move |group| (path, group)))
            .map(|(path, group)| {
                let body = json!({
                    "accessContainer": {
                        "accessContainerId": format!("0a0a0a0a-1111-4222-8333-{group:012}"),
                        "accessContainerType": "securityGroup",
                    },
                    "accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK}]},
                });
                ("POST", format!("{path}/accessAssignments"), body)
            })
            .collect();
        for given in given.chunks(20) {
            self.batch(given.to_vec()).await;
        }
        self.control("POST", "clock", &json!({"by": "PT10M"})).await;
    }

    /// Imports and adopts what there is, and plans over it; then the same in a store that is all there is.
    async fn plan(&self, relationships: usize) {
        let place = self.connection.file.parent().unwrap();
        let hosts = self.connection.hosts.as_ref().unwrap();
        let host = hosts.graph.as_ref().unwrap();
        let file = json!({
            "partner": self.connection.partner, "cloud": "Global", "ledger": "sqlite:graph.db",
            "reader": {"clientSecret": {"clientId": READER, "file": "secret"}},
            "writer": {"clientSecret": {"clientId": WRITER, "file": "writer"}},
            "pace": {"inFlight": 8, "readsPerSecond": READS_PER_SECOND},
            "hosts": {"login": host, "graph": host, "ca": "ca.pem"},
        });
        std::fs::write(&self.connection.file, file.to_string()).unwrap();
        let told = |what: &str, ran: &Ran, code: i32| {
            assert_eq!(ran.code, code, "{what}: {}{}", ran.stdout, ran.stderr);
            println!("{what}: {:.2?}, {} MB", ran.took, ran.megabytes);
        };
        told(
            "import",
            &run(place, &[&["import", "-o", "out", "--manage"], &GRAPH[..]].concat()).await,
            0,
        );
        told(
            "apply, adopting all",
            &run(place, &[&["apply", "-f", "out"], &GRAPH[..]].concat()).await,
            0,
        );
        self.control("DELETE", "calls", &Value::Null).await;
        let graph = run(place, &[&["diff", "-f", "out"], &GRAPH[..]].concat()).await;
        told("diff, nothing to do", &graph, 0);
        assert_eq!(self.calls().await, relationships.div_ceil(300) + relationships.div_ceil(20));

        // The same manifests without their ids, invited and accepted there.
        move_to_a_book(place);
        for _ in 0..2 {
            let applied = run(place, &[&["apply", "-f", "alone"], &BOOK[..]].concat()).await;
            assert_eq!(applied.code, 0, "{}{}", applied.stdout, applied.stderr);
            let plan =
                run(place, &[&["diff", "-f", "alone", "-o", "json"], &BOOK[..]].concat()).await;
            let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
            let answers = plan["awaited"].as_array().unwrap().iter().map(acceptance);
            let answers: Vec<String> = answers.collect();
            if !answers.is_empty() {
                let file = place.join("alone/acceptances.yaml");
                std::fs::write(file, answers.join("---\n")).unwrap();
            }
        }
        let alone = run(place, &[&["diff", "-f", "alone"], &BOOK[..]].concat()).await;
        told("diff of as much in SQLite alone", &alone, 0);
        let more = graph.took.saturating_sub(alone.took);
        let memory = graph.megabytes as f64 / alone.megabytes as f64;
        let requests = relationships.div_ceil(300) + relationships;
        let paced = Duration::from_secs_f64(requests as f64 / f64::from(READS_PER_SECOND));
        println!(
            "over Graph: {more:.2?} more, and no less than {paced:.2?} by the pace; {memory:.2} times the memory"
        );
    }

    /// Calls of Graph since the counts were forgotten.
    async fn calls(&self) -> usize {
        let counts = self.control("GET", "counts", &Value::Null).await;
        let calls = counts["calls"].as_object().unwrap().iter();
        let calls = calls.filter(|(name, _)| !name.contains("token"));
        calls.map(|(_, count)| usize::try_from(count.as_u64().unwrap()).unwrap()).sum()
    }

    /// How many assignments another way reads: so many calls at a time, so many requests in each.
    async fn others_way(&self, at_a_time: usize, batch: usize) -> usize {
        let mut ids = Vec::new();
        let mut next = Some(format!("{}/v1.0{ROOT}?$top=300", self.url));
        while let Some(url) = next {
            let page = self.get(&url).await;
            let items = page["value"].as_array().unwrap().iter();
            ids.extend(items.map(|one| one["id"].as_str().unwrap().to_owned()));
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        let count = |page: &Value| page["value"].as_array().unwrap().len();
        let calls = ids.chunks(batch).map(|ids| async move {
            let path = |id: &String| format!("{ROOT}/{id}/accessAssignments");
            if let [id] = ids {
                return count(&self.get(&format!("{}/v1.0{}", self.url, path(id))).await);
            }
            let requests = ids.iter().map(|id| ("GET", path(id), Value::Null)).collect();
            self.batch(requests).await.iter().map(count).sum()
        });
        let read: Vec<usize> = stream::iter(calls).buffer_unordered(at_a_time).collect().await;
        read.into_iter().sum()
    }
}
