//! What a grantee held and does not hold under a successor is lost.
//!
//! Never: a loss that is free because its cause is called a replacement.

use super::fleet::{CONTOSO, EARLIER, END, Fleet, hash, says};

const FEWER: &str = "Message Center Reader, Reports Reader";

/// Eight relationships with two grantees each.
fn fleet() -> Fleet {
    let mut fleet = Fleet::new();
    fleet.relationships(0..8, "standard");
    fleet.grants(0..16, 8, "Reports Reader", END);
    fleet.applied();
    fleet.offer("next", CONTOSO, "P700D", FEWER);
    fleet
}

/// Each customer is asked anew, and has answered.
fn renew(fleet: &mut Fleet) {
    for number in 0..8 {
        fleet.relationship(&format!("r{number}"), number, "next");
    }
    says(&fleet.apply(&[]), 0, &["8 invitations"]);
    fleet.accept();
}

#[test]
fn what_is_left_behind_in_a_replacement_is_lost() {
    let mut fleet = fleet();
    renew(&mut fleet);
    fleet.remove_grants(0..16);
    let shown = fleet.diff(&[]);
    says(&shown, 1, &["16 assignments that lose something, 4 allowed"]);
    let ran = fleet.apply(&[]);
    says(&ran, 1, &["16 assignments that lose something", "blocked"]);
    assert_eq!((hash(&shown), fleet.held()), (hash(&ran), 16));
    says(&fleet.apply(&["--approve", &hash(&ran)]), 0, &[]);
    assert_eq!(fleet.held(), 0);
}

#[test]
fn what_ends_sooner_under_a_successor_is_lost() {
    let mut fleet = fleet();
    renew(&mut fleet);
    fleet.grants(0..16, 8, "Reports Reader", EARLIER);
    says(&fleet.apply(&[]), 1, &["16 assignments that lose something, 4 allowed"]);
}

#[test]
fn what_a_successor_gives_instead_makes_up_for_nothing() {
    let mut fleet = fleet();
    renew(&mut fleet);
    fleet.grants(0..16, 8, "Message Center Reader", END);
    says(&fleet.apply(&[]), 1, &["16 assignments that lose something, 4 allowed"]);
}

#[test]
fn what_another_relationship_gives_makes_up_for_nothing() {
    let mut fleet = fleet();
    fleet.relationships(0..8, "standard");
    for number in 0..8 {
        fleet.relationship(&format!("second{number}"), number, "standard");
    }
    fleet.accept();
    for group in 0..16 {
        let (name, relationship) = (format!("again{group}"), format!("second{}", group % 8));
        let window = format!("  notAfter: \"{END}\"\n");
        fleet.grant(&name, &relationship, group, "Reports Reader", &window);
    }
    fleet.applied();
    renew(&mut fleet);
    fleet.remove_grants(0..16);
    says(&fleet.apply(&[]), 1, &["16 assignments that lose something"]);
}

#[test]
fn the_rest_of_an_interrupted_replacement_is_judged_as_the_whole() {
    let mut fleet = fleet();
    renew(&mut fleet);
    fleet.remove_grants(0..16);
    says(&fleet.apply(&[]), 1, &["blocked"]);
    // By now every successor is active. What is left to do are the losses alone.
    says(&fleet.apply(&[]), 1, &["24 blocked"]);
    assert_eq!(fleet.held(), 16);
}

#[test]
fn what_moves_whole_to_a_successor_is_no_loss_and_a_few_losses_are_within_the_limits() {
    let mut fleet = fleet();
    renew(&mut fleet);
    says(&fleet.apply(&[]), 0, &["8 endings"]);
    assert_eq!(fleet.held(), 16);

    let mut fleet = self::fleet();
    renew(&mut fleet);
    fleet.remove_grants(0..4);
    says(&fleet.apply(&[]), 0, &["4 lost"]);
    assert_eq!(fleet.held(), 12);
}
