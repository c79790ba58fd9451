//! How long it takes to change what stands at Microsoft, beside the way of Microsoft's bulk tool: `cargo bench --bench write
//! [-- RELATIONSHIPS]`.
//!
//! The emulator answers each call after 50 ms and each request of a batch after 1 ms more, and carries out at once what it
//! has taken. From nothing: every relationship is made and sent to its customer; all of them approve; six groups get a role
//! under each; then everybody loses it again. The bulk tool makes and sends each by itself, five at a time.
//!
//! Never: a figure of a run that did not end as it should, or that wrote more than it had to.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a measurement ends where something fails"
)]

mod stage;

use std::{path::Path, time::Instant};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use stage::{GRAPH, GROUPS, HELPDESK, ROOT, Stage, run};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
    let relationships: usize = asked.unwrap_or(2_000);
    let place = tempfile::tempdir().unwrap();
    let stage = Stage::new(place.path().to_owned()).await;
    let settings = json!({
        "latency": {"call": 50, "subRequest": 1}, "habits": {"anyGroup": true}, "recorded": 0,
        "date": "machine",
        "delays": {
            "created": 0, "requestPending": 0, "requestDone": 0, "activating": 0, "active": 0,
            "assignment": 0, "deletion": 0, "operationRunning": 0, "operationDone": 0,
            "terminating": 0, "terminated": 0,
        },
    });
    stage.control("POST", "settings", &settings).await;
    stage.control("POST", "clock", &json!({"factor": 1})).await;
    stage.write_connection();
    manifests(place.path(), relationships);
    println!("{relationships} relationships, {} assignments", relationships * GROUPS);

    let began = Instant::now();
    stage.bulk_tools_way(relationships).await;
    let bulk = began.elapsed();
    let invited = stage.measured(place.path(), "invited", 2 * relationships).await;
    let factor = bulk.as_secs_f64() / invited;
    println!("the bulk tool's way: {bulk:.2?}, {factor:.1} times as long");
    for number in 0..relationships {
        let approve = json!({"kind": "approve", "relationship": format!("customer-{number}")});
        stage.control("POST", "people", &approve).await;
    }
    stage.measured(place.path(), "assigned", relationships * GROUPS).await;
    std::fs::remove_file(place.path().join("m/grants.yaml")).unwrap();
    stage.measured(place.path(), "revoked", relationships * GROUPS).await;
}

/// An offer, a relationship for each customer, and a grant to each group under all of them.
fn manifests(place: &Path, relationships: usize) {
    let folder = place.join("m");
    std::fs::create_dir(&folder).unwrap();
    let object = |kind: &str, name: &str, spec: Value| {
        let namespaced = json!({"name": name, "namespace": "msp", "labels": {"of": "all"}});
        let metadata = if kind == "PartnerBoundary" { json!({"name": name}) } else { namespaced };
        let object = json!({
            "apiVersion": "concordat.dev/v1alpha1", "kind": kind, "metadata": metadata,
            "spec": spec,
        });
        format!("{object}\n---\n")
    };
    let partner = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
    let offer = json!({
        "partner": {"tenantId": partner, "displayName": "Partner"},
        "type": "GranularDelegatedAdmin", "duration": "P730D",
        "roles": ["Helpdesk Administrator"],
    });
    let many = 1_000_000;
    let boundary = json!({
        "namespaces": ["msp"],
        "partner": {"tenantId": partner, "certifiedFor": ["GranularDelegatedAdmin"]},
        "customers": {"any": true}, "grantees": {"any": true}, "roles": {"any": true},
        "limits": {
            "revocations": {"count": many, "share": 100}, "privilegedGains": many,
            "newGrantees": many,
        },
    });
    let shared =
        object("PartnerOffer", "helpdesk", offer) + &object("PartnerBoundary", "bound", boundary);
    std::fs::write(folder.join("offer.yaml"), shared).unwrap();
    let relationships = (0..relationships).map(|number| {
        let spec = json!({
            "customer": {
                "tenantId": format!("bbbbcccc-1111-dddd-2222-{number:012}"),
                "displayName": format!("Customer {number}"),
            },
            "displayName": format!("customer-{number}"), "offerRef": {"name": "helpdesk"},
        });
        object("PartnerRelationship", &format!("customer-{number}"), spec)
    });
    let relationships: String = relationships.collect();
    std::fs::write(folder.join("relationships.yaml"), relationships).unwrap();
    let grants = (0..GROUPS).map(|group| {
        let spec = json!({
            "relationshipSelector": {"matchLabels": {"of": "all"}},
            "grantee": {
                "securityGroup": {
                    "id": format!("0a0a0a0a-1111-4222-8333-{group:012}"),
                    "displayName": format!("Group {group}"),
                },
            },
            "justification": "measured", "roles": [HELPDESK],
        });
        object("RoleGrant", &format!("group-{group}"), spec)
    });
    let grants: String = grants.collect();
    std::fs::write(folder.join("grants.yaml"), grants).unwrap();
}

impl Stage {
    /// Applies, and gives how many seconds that took. It is sent what has to be sent, and nothing else.
    async fn measured(&self, place: &Path, what: &str, writes: usize) -> f64 {
        self.control("DELETE", "calls", &Value::Null).await;
        let ran = run(place, &[&["apply", "-f", "m", "--prune"], &GRAPH[..]].concat()).await;
        assert_eq!(ran.code, 0, "{what}: {}{}", ran.stdout, ran.stderr);
        let counts = self.control("GET", "counts", &Value::Null).await;
        let sum = |counts: &Value| {
            let all = counts.as_object().unwrap().iter();
            let sent = all.filter(|(call, _)| {
                ["POST ", "PATCH ", "DELETE "].iter().any(|method| call.starts_with(method))
                    && !call.contains("$batch")
                    && !call.contains("token")
            });
            sent.map(|(_, count)| count.as_u64().unwrap()).sum::<u64>()
        };
        let sent: u64 =
            counts.as_object().unwrap().values().filter(|it| it.is_object()).map(sum).sum();
        assert_eq!(usize::try_from(sent).unwrap(), writes, "{counts:#}");
        println!("{what}: {:.2?}, {sent} writes, {} MB", ran.took, ran.megabytes);
        ran.took.as_secs_f64()
    }

    /// Makes as many, and sends each to a customer, by one call for each step and five at a time.
    async fn bulk_tools_way(&self, relationships: usize) {
        let made = (0..relationships).map(|number| async move {
            let wish = json!({
                "displayName": format!("bulk {number}"), "duration": "P730D",
                "customer": {"tenantId": format!("bbbbcccc-1111-dddd-3333-{number:012}")},
                "accessDetails": {"unifiedRoles": [{"roleDefinitionId": HELPDESK}]},
            });
            let one = self.post(ROOT, &wish).await;
            let path = format!("{ROOT}/{}/requests", one["id"].as_str().unwrap());
            self.post(&path, &json!({"action": "lockForApproval"})).await;
        });
        stream::iter(made).buffer_unordered(5).collect::<Vec<()>>().await;
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.client.post(format!("{}/v1.0{path}", self.url));
        let answer = request.bearer_auth(&self.token).json(body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}
