//! What a share is taken of.
//!
//! Never: a loss that is small because of what has just come.

use super::fleet::{END, Fleet, says};

/// So many groups at two customers.
fn held(groups: usize) -> Fleet {
    let mut fleet = Fleet::new();
    fleet.relationships(0..2, "standard");
    fleet.grants(0..groups, 2, "Reports Reader", END);
    fleet.applied();
    fleet
}

#[test]
fn grantees_that_have_just_come_do_not_make_a_loss_small() {
    // At once, in several steps, and with the very change.
    let fleet = held(8);
    fleet.grants(100..180, 2, "Reports Reader", END);
    fleet.applied();
    fleet.remove_grants(0..8);
    says(&fleet.apply(&[]), 1, &["8 assignments that lose something, 2 allowed"]);

    let fleet = held(8);
    for step in 0..4 {
        fleet.grants(100 + step * 20..120 + step * 20, 2, "Reports Reader", END);
        fleet.applied();
    }
    fleet.remove_grants(0..8);
    fleet.remove_grants(100..105);
    says(&fleet.apply(&[]), 1, &["13 assignments that lose something, 2 allowed"]);

    let fleet = held(8);
    fleet.grants(100..180, 2, "Reports Reader", END);
    fleet.remove_grants(0..8);
    says(&fleet.apply(&[]), 1, &["8 assignments that lose something, 2 allowed"]);
    assert_eq!(fleet.held(), 88);
}

#[test]
fn relationships_that_have_just_come_do_not_make_an_ending_small() {
    let mut fleet = Fleet::new();
    fleet.deletion = "Terminate";
    fleet.bound("  limits: {terminations: {count: 100, share: 30}}\n");
    for numbers in [0..8, 8..40] {
        fleet.relationships(numbers, "standard");
        fleet.applied();
    }
    for number in 0..8 {
        fleet.remove(&format!("relationship-r{number}"));
    }
    fleet.write("acceptances", "");
    says(&fleet.apply(&[]), 1, &["8 terminations, 2 allowed"]);
    for number in 2..8 {
        fleet.relationship(&format!("r{number}"), number, "standard");
    }
    says(&fleet.apply(&[]), 1, &["blocked"]);
}

#[test]
fn what_was_there_before_is_what_a_share_is_of() {
    let fleet = held(10);
    fleet.remove_grants(0..3);
    says(&fleet.apply(&[]), 0, &["3 lost"]);

    // What came before the window counts like the rest.
    let fleet = held(8);
    fleet.bound("  limits: {window: PT1S}\n");
    fleet.grants(100..112, 2, "Reports Reader", END);
    fleet.applied();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    fleet.remove_grants(0..6);
    says(&fleet.apply(&[]), 0, &["6 lost"]);
}

#[test]
fn below_five_the_count_alone_decides_and_a_boundary_may_ask_for_more() {
    let fleet = held(4);
    fleet.remove_grants(0..4);
    says(&fleet.apply(&[]), 0, &["4 lost"]);
    let fleet = held(4);
    fleet.bound("  limits: {revocations: {count: 1}, terminations: {count: 0}}\n");
    fleet.applied();
    fleet.remove_grants(0..4);
    says(&fleet.apply(&[]), 1, &["4 assignments that lose something, 1 allowed"]);
}
