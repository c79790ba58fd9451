//! What was approved is what runs, with its ends.
//!
//! Never: an approval of one end that lets another through.

use serde_json::json;

use super::fleet::{EARLIER, END, Fleet, LATER, group, hash, says};

const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

/// Four gains of a privileged role wait.
fn gains() -> (Fleet, String) {
    let mut fleet = Fleet::new();
    fleet.bound("  limits: {privilegedGains: 0}\n");
    fleet.relationships(0..2, "standard");
    fleet.applied();
    fleet.grants(0..4, 2, "Helpdesk Administrator", END);
    let ran = fleet.apply(&[]);
    says(&ran, 1, &["4 gains of a privileged role, 0 allowed"]);
    let hash = hash(&ran);
    (fleet, hash)
}

/// Eight assignments that would end sooner wait.
fn losses() -> (Fleet, String) {
    let mut fleet = Fleet::new();
    fleet.relationships(0..2, "standard");
    fleet.grants(0..8, 2, "Reports Reader", END);
    fleet.applied();
    fleet.grants(0..8, 2, "Reports Reader", EARLIER);
    let ran = fleet.apply(&[]);
    says(&ran, 1, &["8 assignments that lose something"]);
    let hash = hash(&ran);
    (fleet, hash)
}

#[test]
fn a_gain_with_another_end_than_was_shown_waits_although_the_batch_is_approved() {
    for end in [LATER, EARLIER] {
        let (fleet, approved) = gains();
        fleet.grants(0..4, 2, "Helpdesk Administrator", end);
        let ran = fleet.apply(&["--approve", &approved]);
        says(&ran, 1, &["4 blocked", "approves nothing"]);
        assert_ne!(hash(&ran), approved);
        assert_eq!((fleet.held(), fleet.entries("Approved").len()), (0, 0), "{end}");
    }
}

#[test]
fn one_member_with_another_end_waits_and_the_others_run() {
    let (fleet, approved) = gains();
    fleet.grants(0..1, 2, "Helpdesk Administrator", LATER);
    let ran = fleet.apply(&["--approve", &approved]);
    says(&ran, 1, &["3 gained", "1 blocked"]);
    assert_eq!(fleet.held(), 3);
    says(&fleet.apply(&[]), 1, &["1 blocked"]);
    says(&fleet.apply(&["--approve", &hash(&fleet.diff(&[]))]), 0, &["1 gained"]);
}

#[test]
fn an_approval_that_lasts_does_not_cover_another_end_later() {
    let (fleet, approved) = gains();
    fleet.grants(0..1, 2, "Helpdesk Administrator", LATER);
    says(&fleet.apply(&["--approve", &approved]), 1, &["3 gained", "1 blocked"]);
    // The approval counts for an hour, for what is left of the very batch.
    fleet.grants(0..1, 2, "Helpdesk Administrator", EARLIER);
    says(&fleet.apply(&[]), 1, &["1 blocked"]);
    says(&fleet.apply(&["--approve", &approved]), 1, &["1 blocked"]);
    assert_eq!(fleet.held(), 3);
}

#[test]
fn a_loss_with_another_end_than_was_shown_waits_although_the_batch_is_approved() {
    for end in ["2026-12-24T22:00:00Z", "2028-06-15T22:00:00Z"] {
        let (fleet, approved) = losses();
        fleet.grants(0..8, 2, "Reports Reader", end);
        let ran = fleet.apply(&["--approve", &approved]);
        says(&ran, 1, &["8 blocked", "approves nothing"]);
        assert_ne!(hash(&ran), approved);
    }
    let (fleet, approved) = losses();
    fleet.remove_grants(0..8);
    says(&fleet.apply(&["--approve", &approved]), 1, &["8 assignments that lose something"]);
}

#[test]
fn what_waits_keeps_waiting_with_another_end_although_it_would_be_within_the_limits_alone() {
    let (fleet, _) = losses();
    fleet.grants(1..8, 2, "Reports Reader", END);
    fleet.grants(0..1, 2, "Reports Reader", "2028-05-30T22:00:00Z");
    says(&fleet.apply(&[]), 1, &["1 blocked"]);
    // What never waited is within the limits.
    fleet.grants(0..1, 2, "Reports Reader", END);
    fleet.remove_grants(7..8);
    says(&fleet.apply(&[]), 0, &["1 lost"]);
}

#[test]
fn what_was_shown_runs_under_its_hash_and_the_ledger_tells_each_end_and_the_limits() {
    let (fleet, approved) = gains();
    assert_eq!(hash(&fleet.apply(&[])), approved, "the hash does not move");
    says(&fleet.apply(&["--approve", &approved]), 0, &["4 gained"]);
    assert_eq!(fleet.held(), 4);
    for kind in ["Blocked", "Approved"] {
        let [entry] = &fleet.entries(kind)[..] else { panic!("one entry `{kind}`") };
        assert_eq!(entry["limits"]["privileged_gains"], json!(0), "{entry}");
        let member = entry["changes"].as_array().unwrap().iter();
        let mut member = member.filter(|change| change["grantee"] == json!(group(0)));
        let member = member.next().unwrap();
        assert_eq!((&member["before"], &member["after"]), (&json!({}), &json!({ HELPDESK: END })));
    }
    says(&fleet.apply(&["--approve", &approved]), 0, &["Nothing changes"]);

    let (fleet, approved) = losses();
    says(&fleet.apply(&["--approve", &approved]), 0, &[]);
    let [entry] = &fleet.entries("Approved")[..] else { panic!("one approval") };
    let role = "4a5d8f65-41da-4de4-8968-e035b65339cf";
    let told = |when: &str| entry["changes"][0][when][role].clone();
    assert_eq!((told("before"), told("after")), (json!(END), json!(EARLIER)));
}
