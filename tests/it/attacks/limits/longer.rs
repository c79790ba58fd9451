//! A privileged role that is held for longer.
//!
//! Never: more privileged time that nobody counts.

use super::fleet::{EARLIER, END, Fleet, LATER, hash, says};

const HELPDESK: &str = "Helpdesk Administrator";

/// Three groups hold a privileged role and three another one.
fn held() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.relationships(0..1, "standard");
    fleet.grants(0..3, 1, HELPDESK, END);
    fleet.grants(3..6, 1, "Reports Reader", END);
    fleet.applied();
    fleet.bound("  limits: {privilegedGains: 0}\n");
    fleet
}

#[test]
fn a_privileged_role_held_for_longer_is_a_gain() {
    for window in [format!("  notAfter: \"{LATER}\"\n"), String::new()] {
        let fleet = held();
        fleet.grant("g0", "r0", 0, HELPDESK, &window);
        let ran = fleet.apply(&[]);
        says(&ran, 1, &["of a privileged role, 0 allowed", " blocked"]);
        says(&fleet.apply(&["--approve", &hash(&ran)]), 0, &[]);
        says(&fleet.apply(&[]), 0, &["Nothing changes"]);
    }
    // Also by another grant, whose window touches or overlaps.
    let fleet = held();
    let window = format!("  notBefore: \"{EARLIER}\"\n  notAfter: \"{LATER}\"\n");
    fleet.grant("more", "r0", 0, HELPDESK, &window);
    says(&fleet.apply(&[]), 1, &["of a privileged role, 0 allowed"]);
}

#[test]
fn what_is_not_privileged_may_last_longer_and_what_is_may_end_sooner() {
    let fleet = held();
    fleet.grants(3..6, 1, "Reports Reader", LATER);
    says(&fleet.apply(&[]), 0, &[]);
    fleet.grants(0..1, 1, HELPDESK, EARLIER);
    says(&fleet.apply(&[]), 0, &[]);
}

#[test]
fn fail_on_names_more_privileged_time_longer_time_and_time_without_end() {
    let fails = |fleet: &Fleet, word: &str| fleet.diff(&["--fail-on", word]).code == Some(1);
    let all = ["privileged", "longer", "no-expiry", "revoke"];
    let found = |fleet: &Fleet| all.map(|word| fails(fleet, word));

    let fleet = held();
    assert_eq!(found(&fleet), [false; 4]);
    fleet.grants(0..1, 1, HELPDESK, LATER);
    assert_eq!(found(&fleet), [true, true, false, false]);
    fleet.grant("g0", "r0", 0, HELPDESK, "");
    assert_eq!(found(&fleet), [true, true, true, false], "without an end");
    fleet.grant("g0", "r0", 0, HELPDESK, "  notAfter: \"2040-01-01T00:00:00Z\"\n");
    assert_eq!(found(&fleet), [true, true, true, false], "beyond the relationship's");
    fleet.grants(0..1, 1, HELPDESK, EARLIER);
    assert_eq!(found(&fleet), [false, false, false, true]);
    fleet.grants(0..1, 1, HELPDESK, END);
    fleet.grants(3..4, 1, "Reports Reader", LATER);
    assert_eq!(found(&fleet), [false, true, false, false]);
    fleet.grants(3..4, 1, "Reports Reader", END);
    fleet.grants(6..7, 1, "Reports Reader", END);
    assert_eq!(
        found(&fleet),
        [false; 4],
        "who holds it for the first time does not hold it longer"
    );
}

/// Windows of eight hours, each so many minutes after the one before has ended.
fn windows(fleet: &Fleet, count: i64, apart: i64) {
    let start: jiff::Timestamp = "2027-01-01T00:00:00Z".parse().unwrap();
    for number in 0..count {
        let from = start + jiff::SignedDuration::from_mins(number * (480 + apart));
        let to = from + jiff::SignedDuration::from_hours(8);
        let window = format!("  notBefore: \"{from}\"\n  notAfter: \"{to}\"\n");
        fleet.grant(&format!("w{number}"), "r0", 0, HELPDESK, &window);
    }
}

#[test]
fn windows_end_to_end_are_one_for_the_longest_window_of_a_boundary() {
    let mut fleet = Fleet::new();
    fleet.bound("  privileged: {maxWindow: PT8H}\n");
    fleet.relationships(0..1, "standard");
    windows(&fleet, 3, 0);
    let ran = fleet.validate();
    says(&ran, 1, &["C0403", "maxWindow", "`Helpdesk Administrator` for `PT8H` at most"]);
    assert_eq!(ran.stdout.matches("C0403").count(), 2, "the first is within: {}", ran.stdout);
    // Overlapping ones as well, and such as leave a moment between them.
    for apart in [-60, 1, 59] {
        windows(&fleet, 3, apart);
        says(&fleet.validate(), 1, &["C0403"]);
    }
}

#[test]
fn windows_with_time_between_them_and_windows_of_others_are_admitted() {
    let mut fleet = Fleet::new();
    fleet.bound("  privileged: {maxWindow: PT8H}\n");
    fleet.relationships(0..1, "standard");
    windows(&fleet, 3, 60);
    says(&fleet.validate(), 0, &[]);
    // Another group, and a role that is not privileged.
    let window = "  notBefore: \"2027-01-01T08:00:00Z\"\n  notAfter: \"2027-01-01T16:00:00Z\"\n";
    fleet.grant("other", "r0", 1, HELPDESK, window);
    fleet.grant("reader", "r0", 0, "Reports Reader", window);
    says(&fleet.validate(), 0, &[]);
}
