//! A grantee is a group of a partner: its id alone says nothing.
//!
//! Never: what one partner loses told as kept because another gains it.

use super::fleet::{CONTOSO, END, Fleet, OTHER_PARTNER, customer, group, says};

const HELPDESK: &str = "Helpdesk Administrator";

/// Two partners at one customer. The first one's group holds a privileged role.
fn two_partners() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.offer("other", OTHER_PARTNER, "P730D", "Reports Reader, Helpdesk Administrator");
    fleet.relationship("first", 1, "standard");
    fleet.relationship("second", 1, "other");
    fleet.accept();
    fleet.grant("staff", "first", 7, HELPDESK, &format!("  notAfter: \"{END}\"\n"));
    fleet.applied();
    fleet
}

#[test]
fn a_role_that_goes_to_the_group_of_the_same_id_of_another_partner_is_lost_and_gained() {
    let fleet = two_partners();
    fleet.grant("staff", "second", 7, HELPDESK, &format!("  notAfter: \"{END}\"\n"));
    let shown = fleet.diff(&[]);
    says(&shown, 1, &["1 to gain", "1 to lose", CONTOSO, OTHER_PARTNER, &group(7)]);
    for word in ["privileged", "revoke"] {
        says(&fleet.diff(&["--fail-on", word]), 1, &[&format!("the plan has `{word}`")]);
    }
    let markdown = fleet.diff(&["-o", "markdown"]).stdout;
    assert!(markdown.contains(CONTOSO) && markdown.contains(OTHER_PARTNER), "{markdown}");
    says(&fleet.apply(&[]), 0, &["1 gained", "1 lost"]);
}

#[test]
fn a_role_that_goes_to_another_relationship_of_the_same_partner_is_neither_lost_nor_gained() {
    let mut fleet = Fleet::new();
    fleet.relationship("first", 1, "standard");
    fleet.relationship("second", 1, "standard");
    fleet.accept();
    fleet.grant("staff", "first", 7, HELPDESK, &format!("  notAfter: \"{END}\"\n"));
    fleet.applied();
    fleet.grant("staff", "second", 7, HELPDESK, &format!("  notAfter: \"{END}\"\n"));
    says(&fleet.diff(&["--fail-on", "privileged,revoke"]), 0, &[]);
}

#[test]
fn who_can_tells_groups_of_the_same_id_of_two_partners_apart() {
    let fleet = two_partners();
    fleet.grant("theirs", "second", 7, HELPDESK, &format!("  notAfter: \"{END}\"\n"));
    fleet.applied();
    let asked = ["who-can", HELPDESK, "--customer", &customer(1), "-o", "json"];
    let ran = fleet.run(&asked);
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect(&ran.stderr);
    assert_eq!(answer["able"].as_array().unwrap().len(), 2, "{}", ran.stdout);
}
