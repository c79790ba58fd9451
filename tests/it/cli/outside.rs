//! What somebody else did to the access that the store holds.
//!
//! Never: access that was removed outside comes back by itself.

use super::{FIRST_LINE, SECOND_LINE, Team, hash_to_approve, nothing_changes, says};

/// User Administrator.
const ADDED: &str = "fe930be7-5e62-47db-91af-98c3a49a38b1";

fn add(team: &Team) {
    team.sql(&format!(
        "INSERT INTO assignment_roles SELECT relationship_id, grantee_id, '{ADDED}', until_ms \
         FROM assignment_roles WHERE grantee_id = '{FIRST_LINE}' LIMIT 1"
    ));
}

#[test]
fn access_that_was_added_is_reported_and_kept() {
    let team = Team::applied();
    add(&team);
    let reported = ["holds `User Administrator`, which nobody declared [C0503]"];
    says(&team.diff(&[]), 0, &reported);
    says(&team.diff(&["--fail-on", "unmanaged"]), 1, &["the plan has `unmanaged`"]);
    says(&team.apply(&[]), 0, &reported);
    assert!(team.grants().contains("User Administrator"));
}

#[test]
fn access_that_was_added_is_revoked_where_that_is_asked_for() {
    let team = Team::applied();
    add(&team);
    team.edit("relationship.yaml", "  offerRef:", "  unmanagedAssignments: Revoke\n  offerRef:");
    says(&team.diff(&[]), 1, &["- User Administrator", "1 to lose"]);
    says(&team.apply(&[]), 0, &["1 lost"]);
    assert!(!team.grants().contains("User Administrator"));
    nothing_changes(&team.apply(&[]));
    let history = team.run(&["history"]).stdout;
    assert!(history.contains("unmanaged access Keep => Revoke"), "{history}");
    assert!(!history.contains("deletion policy"), "what stays is not told: {history}");
}

#[test]
fn access_that_was_removed_stays_away_until_a_person_approves() {
    let team = Team::applied();
    team.sql(&format!("DELETE FROM assignment_roles WHERE grantee_id = '{SECOND_LINE}'"));
    for _ in 0..2 {
        let ran = team.apply(&[]);
        says(&ran, 1, &["lost `Helpdesk Administrator` outside", "C0502", "1 blocked"]);
        assert!(!team.grants().contains("Helpdesk Administrator"));
    }
    let differences = || {
        let history = team.run(&["history"]).stdout;
        history.lines().filter(|line| line.contains(" Difference by ")).count()
    };
    assert_eq!(differences(), 1, "what was seen twice is recorded once");
    let hash = hash_to_approve(&team.diff(&[]));
    says(&team.apply(&["--approve", &hash]), 0, &["1 gained"]);
    nothing_changes(&team.apply(&[]));
    assert_eq!(differences(), 1);
    says(&team.run(&["ledger", "verify"]), 0, &["the ledger is whole"]);
}

#[test]
fn what_was_removed_outside_is_recorded_for_the_row_in_which_it_was_held() {
    let team = Team::applied();
    team.edit(
        "offer.yaml",
        "  - Message Center Reader",
        "  - Message Center Reader\n  - Reports Reader",
    );
    says(&team.apply(&[]), 0, &["fabrikam-helpdesk-2: invited"]);
    team.sql(&format!("DELETE FROM assignment_roles WHERE grantee_id = '{SECOND_LINE}'"));
    says(&team.apply(&[]), 1, &["under `fabrikam-helpdesk` lost `Helpdesk Administrator` outside"]);
    let history = team.run(&["history"]).stdout;
    let (_, told) = history.split_once(" Difference by ").expect(&history);
    let about = told.lines().nth(1).unwrap();
    assert!(about.contains("`fabrikam-helpdesk`"), "{history}");
    says(&team.run(&["ledger", "verify"]), 0, &["the ledger is whole"]);
}
