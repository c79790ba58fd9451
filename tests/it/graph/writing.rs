//! What `apply` changes at Microsoft: intended in the ledger, sent, read back, and never twice.
//!
//! Never: a change that is told as made and is not there, or one that is there and is told as not made.

use serde_json::{Value, json};

use super::{
    planning::{FIRST_LINE, STORE, document, effects, ends, run, tells},
    refuse, rule, stage,
};
use crate::emulator::served::{ROOT, Served, WRITER};

/// The manifests of one relationship that nobody has made yet, with one group.
pub const CONTOSO: &str = "\
apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {name: helpdesk, namespace: msp}
spec:
  cloud: Global
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, displayName: Managed}
  type: GranularDelegatedAdmin
  duration: P730D
  roles: [Helpdesk Administrator, Message Center Reader]
---
apiVersion: concordat.dev/v1alpha1
kind: PartnerRelationship
metadata: {name: fabrikam, namespace: msp}
spec:
  offerRef: {name: helpdesk}
  customer: {tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff, displayName: Fabrikam}
  displayName: fabrikam-help
  deletionPolicy: Terminate
---
apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata: {name: first-line, namespace: msp}
spec:
  relationshipRef: {name: fabrikam}
  grantee: {securityGroup: {id: 0a0a0a0a-1111-4222-8333-444444444444, displayName: First line}}
  justification: tickets of the first line
  roles: [Helpdesk Administrator]
";

/// What bounds it: nobody loses anything unless somebody has approved that.
const BOUNDARY: &str = "\
---
apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: bound}
spec:
  namespaces: [msp]
  partner:
    tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee
    certifiedFor: [GranularDelegatedAdmin]
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits:
    revocations: {count: 0}
";

/// An emulator whose clock goes on by a minute each second, and the manifests.
async fn running() -> Served {
    let (served, _) = stage().await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    std::fs::create_dir(served.place.path().join("out")).unwrap();
    write(&served, CONTOSO);
    served
}

pub fn write(served: &Served, text: &str) {
    std::fs::write(served.place.path().join("out/all.yaml"), text).unwrap();
}

/// The relationship with this name, as the service has it.
pub async fn there(served: &mut Served, name: &str) -> Value {
    served.log_in(WRITER).await;
    let listed = served.call("GET", ROOT, &[], None).await;
    let found = listed.list().iter().find(|one| one["displayName"] == name).cloned();
    found.unwrap_or(Value::Null)
}

/// Whether a stage is the end, or the way to it.
pub fn is_ending(stage: &str) -> bool {
    matches!(stage, "terminating" | "terminated")
}

/// Who holds what under it, but for what is gone.
pub async fn held(served: &mut Served, name: &str) -> Vec<String> {
    let id = there(served, name).await["id"].as_str().unwrap().to_owned();
    let listed = served.call("GET", &format!("{ROOT}/{id}/accessAssignments"), &[], None).await;
    let live = listed.list().iter().filter(|one| one["status"] != "deleted");
    live.map(|one| {
        let roles = one["accessDetails"]["unifiedRoles"].as_array().unwrap().len();
        let group = one["accessContainer"]["accessContainerId"].as_str().unwrap();
        format!("{} {} {roles}", &group[..4], one["status"].as_str().unwrap())
    })
    .collect()
}

pub async fn approved(served: &Served, name: &str) {
    served.control("POST", "people", &json!({"kind": "approve", "relationship": name})).await;
    served.pass("PT1H").await;
}

#[tokio::test]
async fn a_relationship_is_made_sent_given_changed_and_ended_there_and_each_is_read_back() {
    let mut served = running().await;
    let early = ends(&served, 2, &["offer", "--relationship", "fabrikam", "-f", "out"]);
    tells(&early, &["is not sent to Microsoft yet", "run `concordat apply`"]);
    let invited = ends(&served, 0, &["apply", "-f", "out"]);
    tells(&invited, &["waiting for a customer", "fabrikam-help"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["status"], "approvalPending");
    ends(&served, 0, &["diff", "-f", "out"]);
    let id = there(&mut served, "fabrikam-help").await["id"].as_str().unwrap().to_owned();
    let offer = ends(&served, 0, &["offer", "--relationship", "fabrikam", "-f", "out"]);
    tells(&offer, &["the admin center of Microsoft 365", &id]);

    approved(&served, "fabrikam-help").await;
    let plan = document(&served, 1, &["diff", "-f", "out"]);
    assert_eq!(effects(&plan), ["Recognise", "SetRoles"], "{plan:#}");
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
    ends(&served, 0, &["diff", "-f", "out"]);
    tells(&ends(&served, 1, &["why", FIRST_LINE]), &["holds Helpdesk Administrator"]);

    write(
        &served,
        &CONTOSO.replace(
            "roles: [Helpdesk Administrator]\n",
            "roles: [Helpdesk Administrator, Message Center Reader]\n",
        ),
    );
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 2"]);

    let (without, _) = CONTOSO.rsplit_once("---\n").unwrap();
    write(&served, without);
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);

    let (offer, _) = without.rsplit_once("---\n").unwrap();
    write(&served, offer);
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    let status = there(&mut served, "fabrikam-help").await["status"].clone();
    assert!(status == "terminating" || status == "terminated", "{status}");
    ends(&served, 0, &["diff", "-f", "out", "--prune"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
    let history = ends(&served, 0, &["history", "fabrikam-help"]);
    tells(&history, &["Intended by", "Invited by", "RolesSet by", "Terminated by"]);
}

/// Until the service has had a call that its rules hold back.
async fn wait_for_write(served: &Served, method: &str, path: &str) {
    for _ in 0..200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        let rules = served.control("GET", "faults", &Value::Null).await;
        if rules["value"].as_array().unwrap().iter().any(|one| one["fired"] == 1) {
            return;
        }
    }
    panic!("no call `{method} {path}` came");
}

/// With one more role for the group.
fn wider() -> String {
    CONTOSO.replace(
        "roles: [Helpdesk Administrator]\n",
        "roles: [Helpdesk Administrator, Message Center Reader]\n",
    )
}

/// Without the grant.
fn without_grant() -> String {
    CONTOSO.rsplit_once("---\n").unwrap().0.to_owned()
}

/// The steps of a story, each with what stands there once it is made.
async fn step(served: &mut Served, number: usize) -> &'static [&'static str] {
    let prune: &[&str] = &["apply", "-f", "out", "--prune"];
    match number {
        0 => write(served, CONTOSO),
        1 => approved(served, "fabrikam-help").await,
        2 => write(served, &wider()),
        3 => write(served, &without_grant()),
        _ => {
            let text = without_grant();
            write(served, text.rsplit_once("---\n").unwrap().0);
        }
    }
    prune
}

/// That a step is made there, and nothing besides.
async fn is_made(served: &mut Served, number: usize) {
    let stage = there(served, "fabrikam-help").await["status"].as_str().unwrap().to_owned();
    let holds: &[&str] = match number {
        0 | 3 => &[],
        1 => &["0a0a active 1"],
        2 => &["0a0a active 2"],
        _ => {
            assert!(is_ending(&stage), "{stage}");
            return;
        }
    };
    assert_eq!(stage, if number == 0 { "approvalPending" } else { "active" });
    assert_eq!(held(served, "fabrikam-help").await, holds, "step {number}");
    let listed = served.call("GET", ROOT, &[], None).await;
    let ours = listed
        .list()
        .iter()
        .filter(|one| one["displayName"].as_str().unwrap_or_default().starts_with("fabrikam-help"));
    assert_eq!(ours.count(), 1, "step {number}");
}

/// Each effect stands once in the ledger, and the tables are what it says.
fn each_once(served: &Served, steps: usize) {
    tells(&ends(served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
    let history = ends(served, 0, &["history", "fabrikam-help"]).stdout;
    let count = |word: &str| history.matches(&format!("{word} by")).count();
    let expected = [1, 1, 1, 1, 1];
    let made = [count("Invited"), count("Terminated")];
    assert_eq!(made, [expected[0], usize::from(steps > 4)], "{history}");
    assert_eq!(count("RolesSet"), steps.saturating_sub(1).min(3), "{history}");
}

/// The calls that change something, in the order of the story: what they are, and with which step.
const WRITES: [(&str, &str, usize); 6] = [
    ("POST", ROOT, 0),
    ("POST", "/tenantRelationships/delegatedAdminRelationships/*/requests", 0),
    ("POST", "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments", 1),
    ("PATCH", "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments/*", 2),
    ("DELETE", "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments/*", 3),
    ("POST", "/tenantRelationships/delegatedAdminRelationships/*/requests", 4),
];

/// The story, in which something happens to one of these calls.
async fn with_each_write(fault: impl Fn(&str, &str) -> Value) {
    for (method, path, at) in WRITES {
        let mut served = running().await;
        for number in 0..=4 {
            let words = step(&mut served, number).await;
            if number == at {
                served.fault(&fault(method, path)).await;
            }
            ends(&served, 0, words);
            is_made(&mut served, number).await;
        }
        each_once(&served, 5);
    }
}

#[tokio::test]
async fn a_reply_that_is_lost_is_found_out_by_reading_and_nothing_is_sent_twice() {
    with_each_write(|method, path| {
        let mut one = rule(method, path, Some(1), &json!({"kind": "cut", "at": "after"}));
        one["scope"] = json!("batched");
        one
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_throttled_and_done_all_the_same_is_made_once() {
    with_each_write(|method, path| {
        let fault = json!({"kind": "refuse", "status": 429, "retryAfter": "1", "effect": true});
        rule(method, path, Some(1), &fault)
    })
    .await;
}

#[tokio::test]
async fn what_has_changed_since_it_was_looked_at_is_planned_again() {
    with_each_write(|method, path| rule(method, path, Some(1), &refuse(412))).await;
}

/// The same with a clock that stands still until it is moved.
async fn frozen() -> Served {
    let served = running().await;
    served.control("POST", "clock", &json!({"factor": 0})).await;
    served
}

const NOW: &[&str] = &["apply", "-f", "out", "--prune", "--wait", "PT0S"];

#[tokio::test]
async fn what_is_under_way_is_told_is_not_sent_again_and_is_taken_up_by_the_next_run() {
    let mut served = frozen().await;
    tells(&ends(&served, 1, NOW), &["under way"]);
    tells(&ends(&served, 0, &["diff", "-f", "out"]), &["C0568", "1 change of an earlier run is"]);
    tells(&ends(&served, 1, NOW), &["of an earlier run is still on the way"]);
    served.pass("PT1M").await;
    // It is made and was not sent to the customer.
    tells(&ends(&served, 1, NOW), &["of an earlier run is still on the way"]);
    served.pass("PT1M").await;
    ends(&served, 0, NOW);
    is_made(&mut served, 0).await;

    let words = step(&mut served, 1).await;
    tells(&ends(&served, 1, NOW), &["under way"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a pending 1"]);
    // It may be held from now on.
    tells(&ends(&served, 0, &["who-can", "Helpdesk Administrator"]), &["Fabrikam", FIRST_LINE]);
    served.pass("PT1H").await;
    ends(&served, 0, words);
    is_made(&mut served, 1).await;
    each_once(&served, 2);
}

#[tokio::test]
async fn what_is_on_its_way_can_be_taken_away_before_it_has_landed() {
    let mut served = frozen().await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    for number in 0..=1 {
        let words = step(&mut served, number).await;
        if number == 1 {
            served.control("POST", "clock", &json!({"factor": 0})).await;
            ends(&served, 1, NOW);
        } else {
            ends(&served, 0, words);
        }
    }
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a pending 1"]);
    write(&served, &without_grant());
    ends(&served, 1, NOW);
    served.pass("PT1H").await;
    ends(&served, 0, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    each_once(&served, 3);
}

#[tokio::test]
async fn a_program_that_is_killed_around_any_call_leaves_what_the_next_run_finishes() {
    for (method, path, at) in WRITES {
        let mut served = running().await;
        for number in 0..=4 {
            let words = step(&mut served, number).await;
            if number == at {
                let slow = json!({"kind": "wait", "milliseconds": 60_000});
                let mut one = rule(method, path, Some(1), &slow);
                one["scope"] = json!("batched");
                served.fault(&one).await;
                let mut command = served.place.command(&[words, &["--store", STORE]].concat());
                let mut child = command.spawn().unwrap();
                wait_for_write(&served, method, path).await;
                child.kill().unwrap();
                child.wait().unwrap();
            }
            ends(&served, 0, words);
            is_made(&mut served, number).await;
        }
        each_once(&served, 5);
    }
}

/// A statement on the database of the ledger, as nobody should give one.
async fn outside(served: &Served, statement: &'static str) {
    use sqlx::Connection as _;
    let file = served.place.path().join("emulator/concordat.db");
    let url = format!("sqlite:{}", file.display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// As if what is on its way had been sent some minutes before.
pub async fn some_minutes_pass(served: &Served) {
    outside(served, "UPDATE errands SET sent_at_ms = sent_at_ms - 200000").await;
    served.pass("PT3M").await;
}

/// A relationship that the customer has approved, with nobody in it yet and a clock that stands still.
pub async fn active() -> Served {
    let mut served = running().await;
    write(&served, &without_grant());
    ends(&served, 0, &["apply", "-f", "out"]);
    approved(&served, "fabrikam-help").await;
    ends(&served, 0, &["apply", "-f", "out"]);
    served.control("POST", "clock", &json!({"factor": 0})).await;
    served.log_in(WRITER).await;
    write(&served, CONTOSO);
    served
}

#[tokio::test]
async fn what_never_arrived_is_given_up_and_sent_again() {
    let mut served = active().await;
    let lost = rule("POST", "/$batch", Some(1), &json!({"kind": "cut", "at": "before"}));
    let mut lost = lost;
    lost["containing"] = json!("accessContainer");
    served.fault(&lost).await;
    tells(&ends(&served, 2, NOW), &["without an answer"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    // It may still arrive.
    tells(&ends(&served, 1, NOW), &["of an earlier run is still on the way"]);
    some_minutes_pass(&served).await;
    ends(&served, 1, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a pending 1"]);
    served.pass("PT1H").await;
    ends(&served, 0, NOW);
    let history = ends(&served, 0, &["history", "fabrikam-help"]).stdout;
    assert_eq!(history.matches("Intended by").count(), 3, "{history}");
    assert_eq!(history.matches("Failed by").count(), 1, "{history}");
    each_once(&served, 2);
}

#[tokio::test]
async fn what_lands_after_it_was_given_up_is_ours_and_is_taken_away_where_nobody_asks_for_it_any_more()
 {
    let mut served = active().await;
    let mut late = rule("POST", "/$batch", Some(1), &json!({"kind": "late", "seconds": 600}));
    late["containing"] = json!("accessContainer");
    served.fault(&late).await;
    ends(&served, 2, NOW);
    some_minutes_pass(&served).await;
    write(&served, &without_grant());
    ends(&served, 0, NOW);
    served.pass("PT1H").await;
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
    ends(&served, 1, NOW);
    served.pass("PT1H").await;
    ends(&served, 0, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    each_once(&served, 3);
}

#[tokio::test]
async fn what_is_on_its_way_by_no_entry_or_is_gone_from_the_errands_is_found() {
    let served = active().await;
    ends(&served, 1, NOW);
    let forged = [
        "UPDATE errands SET change_id = replace(change_id, substr(change_id, 1, 3), 'fff')",
        "UPDATE errands SET entry = entry - 1",
        "UPDATE errands SET instance = 'x'",
        "UPDATE errands SET cloud = 'USGovL4'",
        "UPDATE errands SET partner = '99999999-9999-4999-8999-999999999999'",
        "UPDATE errands SET name = 'x'",
        "UPDATE errands SET grantee_id = '99999999-9999-4999-8999-999999999999'",
        "UPDATE errands SET service_host = 'Microsoft'",
        "DELETE FROM errands",
    ];
    let file = served.place.path().join("emulator/concordat.db");
    let kept = std::fs::read(&file).unwrap();
    for statement in forged {
        std::fs::write(&file, &kept).unwrap();
        outside(&served, statement).await;
        let ran = ends(&served, 1, &["ledger", "verify"]);
        tells(&ran, &["of `errands`", "C0710"]);
    }
    std::fs::write(&file, &kept).unwrap();
    ends(&served, 0, &["ledger", "verify"]);
}

#[tokio::test]
async fn what_goes_beyond_the_limits_waits_for_a_person_before_anything_is_sent() {
    let mut served = running().await;
    let bounded = format!("{CONTOSO}{BOUNDARY}");
    write(&served, &bounded);
    ends(&served, 0, &["apply", "-f", "out"]);
    approved(&served, "fabrikam-help").await;
    ends(&served, 0, &["apply", "-f", "out"]);
    is_made(&mut served, 1).await;
    served.control("DELETE", "calls", &Value::Null).await;
    write(&served, &format!("{}{BOUNDARY}", without_grant()));
    let blocked = document(&served, 1, &["apply", "-f", "out", "--prune"]);
    let counts = served.control("GET", "counts", &Value::Null).await;
    assert!(!counts.to_string().contains("DELETE"), "{counts:#}");
    is_made(&mut served, 1).await;
    let hash = blocked["blocked"][0]["hash"].as_str().unwrap().to_owned();
    ends(&served, 0, &["apply", "-f", "out", "--prune", "--approve", &hash]);
    is_made(&mut served, 3).await;
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn an_invitation_that_was_given_up_and_is_approved_later_is_ended_and_nobody_ever_holds_anything_under_it()
 {
    let mut served = running().await;
    ends(&served, 0, &["apply", "-f", "out"]);
    write(&served, &CONTOSO.replace("P730D", "P365D"));
    let replaced = ends(&served, 0, &["apply", "-f", "out"]);
    tells(&replaced, &["fabrikam-help-2"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["status"], "approvalPending");
    approved(&served, "fabrikam-help").await;
    ends(&served, 0, &["apply", "-f", "out"]);
    let status = there(&mut served, "fabrikam-help").await["status"].clone();
    assert!(is_ending(status.as_str().unwrap()), "{status}");
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    assert_eq!(there(&mut served, "fabrikam-help-2").await["status"], "approvalPending");
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

/// One whose relationship gives what it is to give, and has a successor that is approved and gives nothing yet; its clock
/// stands.
async fn succeeded() -> Served {
    let mut served = running().await;
    for number in 0..=1 {
        let words = step(&mut served, number).await;
        ends(&served, 0, words);
    }
    write(&served, &CONTOSO.replace("P730D", "P365D"));
    ends(&served, 0, &["apply", "-f", "out"]);
    approved(&served, "fabrikam-help-2").await;
    served.control("POST", "clock", &json!({"factor": 0})).await;
    served
}

#[tokio::test]
async fn nothing_is_taken_from_a_predecessor_before_its_successor_has_landed() {
    let mut served = succeeded().await;
    for _ in 0..3 {
        ends(&served, 1, NOW);
        assert_eq!(held(&mut served, "fabrikam-help-2").await, ["0a0a pending 1"]);
        assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
        assert_eq!(there(&mut served, "fabrikam-help").await["status"], "active");
    }
    served.pass("PT1H").await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    ends(&served, 0, &["apply", "-f", "out"]);
    assert_eq!(held(&mut served, "fabrikam-help-2").await, ["0a0a active 1"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    let status = there(&mut served, "fabrikam-help").await["status"].clone();
    assert!(is_ending(status.as_str().unwrap()), "{status}");
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn what_is_over_is_taken_away_by_a_timer_alone_and_nothing_else_is_done() {
    let mut served = running().await;
    for number in 0..=1 {
        let words = step(&mut served, number).await;
        ends(&served, 0, words);
    }
    // Until a moment ahead, as a person would write it.
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(8);
    let until =
        format!("  notAfter: \"{}\"\n  roles: [Helpdesk", soon.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let bounded = CONTOSO
        .replace("  roles: [Helpdesk Administrator]\n", &format!("{until} Administrator]\n"));
    write(&served, &bounded);
    // Both clocks are the machine's for as long as ends count.
    let clocks = json!({"date": "machine"});
    served.control("POST", "settings", &clocks).await;
    let told = ends(&served, 0, &["apply", "-f", "out"]);
    tells(&told, &["C0569", "concordat expire"]);
    tells(&ends(&served, 0, &["expire"]), &["Nothing"]);
    is_made(&mut served, 1).await;
    tokio::time::sleep(std::time::Duration::from_secs(9)).await;
    let expired = ends(&served, 0, &["expire"]);
    tells(&expired, &["- Helpdesk Administrator"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    ends(&served, 0, &["diff", "-f", "out"]);
    let history = ends(&served, 0, &["history", "fabrikam-help"]);
    tells(&history, &["RolesExpired by"]);
}

const PATCHED: &str = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments/*";
const ASSIGNED: &str = "/tenantRelationships/delegatedAdminRelationships/*/accessAssignments";
const ASKED: &str = "/tenantRelationships/delegatedAdminRelationships/*/requests";

/// With the first line in it.
async fn granted() -> Served {
    let served = active().await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    served.control("POST", "clock", &json!({"factor": 0})).await;
    served
}

#[tokio::test]
async fn one_group_is_given_roles_at_many_customers_in_one_run() {
    let mut served = running().await;
    let (offer, of_one) = CONTOSO.split_once("---\n").unwrap();
    let second = of_one
        .replace("name: fabrikam", "name: tailspin")
        .replace("name: first-line", "name: first-line-tailspin")
        .replace("bbbbcccc-1111-dddd-2222-eeee3333ffff", "bbbbcccc-1111-dddd-2222-eeee3333aaaa")
        .replace("displayName: Fabrikam", "displayName: Tailspin")
        .replace("fabrikam-help", "tailspin-help");
    write(&served, &format!("{offer}---\n{of_one}---\n{second}"));
    ends(&served, 0, &["apply", "-f", "out"]);
    for name in ["fabrikam-help", "tailspin-help"] {
        approved(&served, name).await;
    }
    ends(&served, 0, &["apply", "-f", "out"]);
    for name in ["fabrikam-help", "tailspin-help"] {
        assert_eq!(held(&mut served, name).await, ["0a0a active 1"], "{name}");
        let history = ends(&served, 0, &["history", name]);
        assert!(
            !history.stdout.contains("Refused"),
            "one waited for the other: {}",
            history.stdout
        );
    }
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn nothing_is_taken_for_narrowed_while_what_widens_it_may_still_land() {
    let mut served = granted().await;
    let mut late = rule("POST", "/$batch", Some(1), &json!({"kind": "late", "seconds": 600}));
    late["containing"] = json!("accessDetails");
    served.fault(&late).await;
    write(&served, &wider());
    ends(&served, 2, NOW);
    write(&served, CONTOSO);
    for _ in 0..2 {
        let narrowed = run(&served, NOW);
        assert_ne!(narrowed.code, Some(0), "{}", narrowed.stdout);
    }
    served.pass("PT1H").await;
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 2"]);
    served.control("POST", "clock", &json!({"factor": 60})).await;
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn a_whole_revocation_waits_for_nothing_that_is_on_its_way_for_the_same_group() {
    let mut served = granted().await;
    write(&served, &wider());
    ends(&served, 1, NOW);
    write(&served, &without_grant());
    ends(&served, 1, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a deleting 1"]);
    served.pass("PT1H").await;
    ends(&served, 0, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn what_was_refused_never_explains_what_others_do_later() {
    // A revocation that was refused, and an outsider who takes the same away.
    let mut served = granted().await;
    served.fault(&rule("DELETE", PATCHED, Some(1), &refuse(403))).await;
    write(&served, &without_grant());
    tells(&ends(&served, 1, NOW), &["Microsoft does not make it: 403"]);
    write(&served, CONTOSO);
    ends(&served, 0, NOW);
    let group = FIRST_LINE;
    let takes = json!({"kind": "delete", "relationship": "fabrikam-help", "group": group});
    served.control("POST", "people", &takes).await;
    served.pass("PT1H").await;
    let lost = ends(&served, 1, NOW);
    tells(&lost, &["C0502", "blocked"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);

    // An assignment that was refused, and an administrator who makes the same by hand.
    let mut served = active().await;
    served.fault(&rule("POST", ASSIGNED, Some(1), &refuse(403))).await;
    ends(&served, 1, NOW);
    write(&served, &without_grant());
    ends(&served, 0, NOW);
    let roles = [super::planning::HELPDESK];
    let gives =
        json!({"kind": "assign", "relationship": "fabrikam-help", "group": group, "roles": roles});
    served.control("POST", "people", &gives).await;
    served.pass("PT1H").await;
    tells(&ends(&served, 0, NOW), &["C0503"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
}

#[tokio::test]
async fn an_invitation_that_was_refused_and_is_asked_for_otherwise_is_sent_once_and_can_be_ended() {
    let mut served = running().await;
    served.fault(&rule("POST", ROOT, Some(1), &refuse(403))).await;
    tells(&ends(&served, 1, &["apply", "-f", "out"]), &["Microsoft does not make it: 403"]);
    write(&served, &CONTOSO.replace("deletionPolicy: Terminate", "deletionPolicy: Revoke"));
    ends(&served, 0, &["apply", "-f", "out"]);
    approved(&served, "fabrikam-help").await;
    ends(&served, 0, &["apply", "-f", "out"]);
    is_made(&mut served, 1).await;
    write(&served, &without_grant());
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    is_made(&mut served, 3).await;
    each_once(&served, 3);
}

#[tokio::test]
async fn a_draft_that_nobody_wants_any_more_is_never_sent_to_the_customer() {
    for narrower in [false, true] {
        let mut served = frozen().await;
        ends(&served, 1, NOW);
        served.pass("PT1M").await;
        assert_eq!(there(&mut served, "fabrikam-help").await["status"], "created");
        if narrower {
            write(&served, &CONTOSO.replace(", Message Center Reader]", "]"));
        } else {
            let text = without_grant();
            write(&served, text.rsplit_once("---\n").unwrap().0);
        }
        served.control("POST", "clock", &json!({"factor": 60})).await;
        ends(&served, 0, &["apply", "-f", "out", "--prune"]);
        let first = there(&mut served, "fabrikam-help").await;
        let asked_for = first["accessDetails"]["unifiedRoles"].as_array().map_or(0, Vec::len);
        assert!(first.is_null() || asked_for == 1, "{first:#}");
        tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
    }
}

#[tokio::test]
async fn what_cannot_be_sent_to_the_customer_is_told_and_tried_again_by_the_next_run() {
    let mut served = running().await;
    served.fault(&rule("POST", ASKED, Some(1), &refuse(403))).await;
    let refused = ends(&served, 1, &["apply", "-f", "out"]);
    tells(&refused, &["it is made and cannot be sent to the customer: 403"]);
    ends(&served, 0, &["apply", "-f", "out"]);
    is_made(&mut served, 0).await;
    each_once(&served, 1);
}

#[tokio::test]
async fn an_assignment_that_the_service_could_not_make_is_cleared_away_and_made_again() {
    let mut served = active().await;
    served.fault(&rule("POST", ASSIGNED, Some(1), &json!({"kind": "fate"}))).await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    let failed = ends(&served, 1, &["apply", "-f", "out"]);
    tells(&failed, &["its assignment is in the state `error`"]);
    // It goes before the next one is made, and one run may not be enough for both.
    let made = (0..5).any(|_| run(&served, &["apply", "-f", "out"]).code == Some(0));
    assert!(made, "{}", run(&served, &["apply", "-f", "out"]).stdout);
    is_made(&mut served, 1).await;
    each_once(&served, 2);
}

#[tokio::test]
async fn what_was_planned_on_what_was_on_its_way_is_planned_again_once_that_has_landed() {
    let mut served = active().await;
    ends(&served, 1, NOW);
    write(
        &served,
        &CONTOSO.replace("roles: [Helpdesk Administrator]\n", "roles: [Message Center Reader]\n"),
    );
    served.control("POST", "clock", &json!({"factor": 60})).await;
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    ends(&served, 0, &["diff", "-f", "out", "--prune"]);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn the_book_may_be_a_server_and_keeps_what_is_on_its_way_as_well() {
    let mut served = running().await;
    let database = crate::postgres::server().database("errands");
    let mut url: reqwest::Url = database.url().parse().unwrap();
    let passwords = served.place.path().join(".pgpass");
    std::fs::write(&passwords, format!("*:*:*:*:{}\n", url.password().unwrap_or_default()))
        .unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&passwords, private).unwrap();
    url.set_password(None).unwrap();
    let file = super::folder(&served).join("graph.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = text.lines().filter(|it| !it.starts_with("ledger:")).collect();
    let ledger = format!("ledger: {url}");
    lines.push(&ledger);
    std::fs::write(&file, lines.join("\n")).unwrap();
    for number in 0..=4 {
        let words = step(&mut served, number).await;
        if number == 2 {
            let mut lost = rule("PATCH", PATCHED, Some(1), &json!({"kind": "cut", "at": "after"}));
            lost["scope"] = json!("batched");
            served.fault(&lost).await;
            let underway = run(&served, NOW);
            assert_ne!(underway.code, Some(0), "{}", underway.stdout);
        }
        ends(&served, 0, words);
        is_made(&mut served, number).await;
    }
    each_once(&served, 5);
}

#[tokio::test]
async fn an_extension_that_others_turn_on_is_turned_off_and_one_that_they_turn_off_stays_off() {
    let mut served = granted().await;
    let switched = async |served: &Served, on: bool| {
        let deed = json!({"kind": "extend", "relationship": "fabrikam-help", "on": on});
        served.control("POST", "people", &deed).await;
    };
    switched(&served, true).await;
    let off = ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    tells(&off, &["C0563", "turned automatic extension off again"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["autoExtendDuration"], "PT0S");
    write(
        &served,
        &CONTOSO.replace(
            "displayName: fabrikam-help\n",
            "displayName: fabrikam-help\n  autoExtendDuration: P180D\n",
        ),
    );
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["autoExtendDuration"], "P180D");
    switched(&served, false).await;
    tells(&ends(&served, 0, &["apply", "-f", "out", "--prune"]), &["C0563"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["autoExtendDuration"], "PT0S");
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn a_successor_whose_access_leaves_takes_nothing_from_its_predecessor() {
    let mut served = succeeded().await;
    // The service cannot make it, and what it could not make is cleared away slowly.
    served.fault(&rule("POST", ASSIGNED, Some(1), &json!({"kind": "fate"}))).await;
    for _ in 0..4 {
        run(&served, NOW);
        assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
        assert_eq!(there(&mut served, "fabrikam-help").await["status"], "active");
        served.pass("PT10S").await;
    }
    served.pass("PT1H").await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    let done = (0..5).any(|_| run(&served, &["apply", "-f", "out"]).code == Some(0));
    assert!(done, "{}", run(&served, &["apply", "-f", "out"]).stdout);
    assert_eq!(held(&mut served, "fabrikam-help-2").await.last().unwrap(), "0a0a active 1");
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
}

#[tokio::test]
async fn a_widening_that_was_throttled_and_lands_late_is_ours_and_does_not_stay() {
    let mut served = granted().await;
    let slow = json!({"delays": {"operationRunning": 60, "operationDone": 600}});
    served.control("POST", "settings", &slow).await;
    let fault = json!({"kind": "refuse", "status": 429, "retryAfter": "0", "effect": true});
    served.fault(&rule("PATCH", PATCHED, None, &fault)).await;
    write(&served, &wider());
    run(&served, NOW);
    write(&served, CONTOSO);
    run(&served, NOW);
    served.control("DELETE", "faults", &Value::Null).await;
    served.pass("PT1H").await;
    served.control("POST", "clock", &json!({"factor": 60})).await;
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 2"]);
    let quick = json!({"delays": {"operationRunning": 1, "operationDone": 1}});
    served.control("POST", "settings", &quick).await;
    let done = (0..3).any(|_| run(&served, &["apply", "-f", "out", "--prune"]).code == Some(0));
    assert!(done);
    assert_eq!(held(&mut served, "fabrikam-help").await, ["0a0a active 1"]);
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn a_draft_that_cannot_be_taken_back_is_not_sent_instead_and_expire_sends_none() {
    let mut served = frozen().await;
    ends(&served, 1, NOW);
    served.pass("PT1M").await;
    ends(&served, 1, &["expire", "--wait", "PT0S"]);
    assert_eq!(there(&mut served, "fabrikam-help").await["status"], "created");
    let text = without_grant();
    write(&served, text.rsplit_once("---\n").unwrap().0);
    let own = "/tenantRelationships/delegatedAdminRelationships/*";
    served.fault(&rule("DELETE", own, Some(1), &refuse(403))).await;
    tells(&ends(&served, 1, NOW), &["the draft cannot be taken back: 403"]);
    served.pass("PT1M").await;
    assert_eq!(there(&mut served, "fabrikam-help").await["status"], "created");
    ends(&served, 0, &["apply", "-f", "out", "--prune"]);
    assert!(there(&mut served, "fabrikam-help").await.is_null());
    tells(&ends(&served, 0, &["ledger", "verify"]), &["the ledger is whole"]);
}

#[tokio::test]
async fn a_deletion_that_takes_its_time_is_sent_once_however_often_somebody_looks() {
    let mut served = granted().await;
    write(&served, &without_grant());
    ends(&served, 1, NOW);
    let entries = super::planning::head(&served);
    for _ in 0..3 {
        ends(&served, 1, NOW);
        ends(&served, 1, &["expire", "--wait", "PT0S"]);
    }
    assert_eq!(super::planning::head(&served), entries);
    served.pass("PT1H").await;
    ends(&served, 0, NOW);
    assert_eq!(held(&mut served, "fabrikam-help").await, [""; 0]);
}
