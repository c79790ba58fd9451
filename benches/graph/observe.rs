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

mod stage;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use concordat::store::graph::{As, Graph, everything};
use futures::{StreamExt as _, stream};
use peak_alloc::PeakAlloc;
use serde_json::{Value, json};
use stage::{GRAPH, GROUPS, HELPDESK, READS_PER_SECOND, ROOT, Ran, Stage, run};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

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
        self.write_connection();
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
