//! Plans of more changes than fit in one transaction.
//!
//! Never: something that `diff` says may run and `apply` then refuses.

use super::fleet::{END, Fleet, grant, says};
use crate::{program::Ran, store_samples::Place, work::typed};

/// What is shown is what is done: so many gain or lose something.
fn is_as_shown(fleet: &Fleet, shown: &str, done: &str) {
    let diff = fleet.diff(&[]);
    says(&diff, 1, &[shown]);
    assert!(!diff.stdout.contains("blocked"), "{}", tail(&diff));
    let apply = fleet.apply(&[]);
    assert_eq!(apply.code, Some(0), "{}", tail(&apply));
    assert!(apply.stdout.contains(done), "no `{done}` in {}", tail(&apply));
    says(&fleet.diff(&[]), 0, &["Nothing changes"]);
}

fn tail(ran: &Ran) -> String {
    let lines: Vec<&str> = ran.stdout.lines().collect();
    format!("{}{}", lines[lines.len().saturating_sub(12)..].join("\n"), ran.stderr)
}

/// So many groups at each of so many customers, with these limits.
struct Large {
    fleet: Fleet,
    relationships: usize,
    each: usize,
}

impl Large {
    fn new(place: &Place, relationships: usize, each: usize, limits: &str) -> Self {
        let mut fleet = Fleet::on(&typed(place));
        fleet.bound(limits);
        fleet.relationships(0..relationships, "standard");
        let large = Self { fleet, relationships, each };
        large.grants(0);
        large
    }

    /// All grants but the first so many.
    fn grants(&self, without: usize) {
        let all = (0..self.relationships * self.each).skip(without).map(|number| {
            let (at, group) = (number % self.relationships, number / self.relationships);
            let window = format!("  notAfter: \"{END}\"\n");
            grant(&format!("g{number}"), &format!("r{at}"), group, "Reports Reader", &window)
        });
        self.fleet.write("grants", &all.collect::<String>());
    }
}

fn wide(share: usize) -> String {
    format!(
        "  limits: {{newGrantees: 1000000, revocations: {{count: 1000000, share: {share}}}, \
         terminations: {{count: 1000000, share: {share}}}}}\n"
    )
}

fn just_over_half(place: &Place) {
    let large = Large::new(place, 20, 50, &wide(100));
    is_as_shown(&large.fleet, "1000 to gain", "1000 gained");
    large.grants(501);
    is_as_shown(&large.fleet, "501 to lose", "501 lost");
}

#[test]
fn just_over_half_of_a_thousand_are_lost_as_shown_on_sqlite() {
    just_over_half(&Place::sqlite());
}

#[test]
fn just_over_half_of_a_thousand_are_lost_as_shown_on_postgres() {
    just_over_half(&Place::postgres());
}

fn to_the_share(place: &Place) {
    let large = Large::new(place, 40, 50, &wide(30));
    is_as_shown(&large.fleet, "2000 to gain", "2000 gained");
    large.grants(601);
    says(&large.fleet.diff(&[]), 1, &["601 assignments that lose something, 600 allowed"]);
    says(&large.fleet.apply(&[]), 1, &["601 assignments that lose something, 600 allowed"]);
    assert_eq!(large.fleet.held(), 2000);
    // Other ones, since those wait by now.
    let all: String = (0..1400)
        .map(|number| {
            let (at, group) = (number % 40, number / 40);
            let window = format!("  notAfter: \"{END}\"\n");
            grant(&format!("g{number}"), &format!("r{at}"), group, "Reports Reader", &window)
        })
        .collect();
    large.fleet.write("grants", &all);
    is_as_shown(&large.fleet, "600 to lose", "600 lost");
    // The window has not gone by: nothing is left of the share.
    large.fleet.write("grants", &all.replacen(&grant_text(700), "", 1));
    says(&large.fleet.apply(&[]), 1, &["601 assignments that lose something"]);
}

fn grant_text(number: usize) -> String {
    let (at, group) = (number % 40, number / 40);
    let window = format!("  notAfter: \"{END}\"\n");
    grant(&format!("g{number}"), &format!("r{at}"), group, "Reports Reader", &window)
}

#[test]
fn six_hundred_of_two_thousand_are_lost_at_a_share_of_thirty_on_sqlite() {
    to_the_share(&Place::sqlite());
}

#[test]
fn six_hundred_of_two_thousand_are_lost_at_a_share_of_thirty_on_postgres() {
    to_the_share(&Place::postgres());
}

fn more_than_ten_thousand(place: &Place) {
    let large = Large::new(place, 20, 520, &wide(100));
    is_as_shown(&large.fleet, "10400 to gain", "10400 gained");
    large.grants(10_200);
    is_as_shown(&large.fleet, "10200 to lose", "10200 lost");
    assert_eq!(large.fleet.held(), 200);
    says(&large.fleet.run(&["ledger", "verify"]), 0, &["the ledger is whole"]);
}

#[test]
fn more_than_ten_thousand_are_lost_as_shown_on_sqlite() {
    more_than_ten_thousand(&Place::sqlite());
}

#[test]
fn more_than_ten_thousand_are_lost_as_shown_on_postgres() {
    more_than_ten_thousand(&Place::postgres());
}
