//! What waits for a person, and what an approval is good for.
//!
//! Never: an approval of something else than it names.

use std::fs;

use super::{Team, hash_to_approve, nothing_changes, says};

const BOUNDARY: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: helpdesk}
spec:
  namespaces: [msp-helpdesk]
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, cloud: Global, certifiedFor: [GranularDelegatedAdmin]}
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits: {privilegedGains: 0}
";

/// One gain of a privileged role waits.
fn blocked() -> (Team, String) {
    let team = Team::new();
    team.write("boundary.yaml", BOUNDARY);
    let ran = team.apply(&[]);
    says(&ran, 1, &["blocked until a person approves", "1 gain of a privileged role, 0 allowed"]);
    let hash = hash_to_approve(&ran);
    (team, hash)
}

#[test]
fn a_blocked_batch_waits_is_approved_by_its_hash_and_runs_once() {
    let (team, hash) = blocked();
    assert!(!team.grants().contains("Helpdesk Administrator"));
    let again = team.diff(&[]);
    says(&again, 1, &["1 blocked"]);
    assert_eq!(hash_to_approve(&again), hash, "the hash does not move");
    says(&team.diff(&["--approve", &hash]), 1, &["1 to gain"]);
    says(&team.apply(&["--approve", &hash]), 0, &["1 gained"]);
    assert!(team.grants().contains("Helpdesk Administrator"));
    says(&team.apply(&["--approve", &hash]), 0, &["Nothing changes", "nothing waits for"]);
    nothing_changes(&team.apply(&[]));
    let history = team.run(&["history"]).stdout;
    assert!(history.contains("Blocked") && history.contains("Approved"), "{history}");
}

#[test]
fn what_waits_says_why_however_often_it_is_asked_for() {
    let (team, hash) = blocked();
    for format in ["text", "markdown", "json", "sarif", "github"] {
        let ran = team.diff(&["-o", format]);
        says(&ran, 1, &["1 gain of a privileged role, 0 allowed"]);
    }
    let raised = BOUNDARY.replace("privilegedGains: 0", "privilegedGains: 9");
    team.write("boundary.yaml", &raised);
    says(&team.apply(&[]), 1, &["1 gain of a privileged role, 0 allowed", "2 blocked"]);
    assert_ne!(hash_to_approve(&team.diff(&[])), hash, "the wider boundary waits with it");
}

#[test]
fn what_waits_is_not_approved_by_a_run_that_does_not_ask_for_it_and_that_is_told() {
    let (team, hash) = blocked();
    team.remove("boundary.yaml");
    let grants = fs::read_to_string(team.place.path().join("m/grants.yaml")).unwrap();
    team.write("grants.yaml", "");
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "m", "--approve", &hash]);
        says(&ran, 1, &[&format!("`{hash}` waits, and this plan has nothing of it")]);
    }
    team.write("grants.yaml", &grants);
    says(&team.apply(&["--approve", &hash]), 0, &["1 gained"]);
}

#[test]
fn an_approval_that_matches_nothing_is_told_and_approves_nothing() {
    let (team, hash) = blocked();
    let wrong = "0".repeat(64);
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "m", "--approve", &wrong]);
        says(&ran, 1, &[&format!("nothing waits for `--approve {wrong}`"), "1 blocked"]);
    }
    says(&team.apply(&["--approve", &hash[..12]]), 2, &["is not a SHA-256"]);
    assert!(!team.grants().contains("Helpdesk Administrator"));
}

#[test]
fn a_plan_in_json_says_what_is_blocked_and_by_which_hash() {
    let (team, hash) = blocked();
    let ran = team.diff(&["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((ran.code, &document["blocked"][0]["hash"]), (Some(1), &hash.into()));
}
