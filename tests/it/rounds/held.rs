//! What grants say of access that nobody declares any more.
//!
//! Never: a grant that holds something in the store and says that it holds nothing.

use concordat::domain::ids::Kind;
use jiff::SignedDuration;
use serde_json::json;

use super::{Desk, grant, offer, relationship};

const READER: &str = "Message Center Reader";

fn in_force(desk: &Desk) -> (String, String) {
    let (status, reason, _) = desk.told(Kind::RoleGrant, "first", "InForce");
    (status, reason)
}

fn retained() -> Desk {
    let mut desk = Desk::new(&json!({}));
    desk.active("acme");
    let mut spec = relationship("acme");
    spec["deletionPolicy"] = json!("Retain");
    desk.put("rita", Kind::PartnerRelationship, "acme", spec);
    let mut first = grant("acme", 1, &[READER]);
    first["notAfter"] = json!("2026-02-01T00:00:00Z");
    desk.put("gina", Kind::RoleGrant, "first", first);
    desk.rests();
    assert_eq!(in_force(&desk), ("True".to_owned(), "Held".to_owned()));
    desk
}

#[test]
fn a_grant_is_in_force_until_its_end_although_its_relationship_is_gone_and_what_it_held_stays() {
    let mut desk = retained();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.rests();
    assert!(!desk.exists(Kind::PartnerRelationship, "acme"));
    assert_eq!(in_force(&desk), ("True".to_owned(), "Held".to_owned()));
    assert_eq!(desk.told(Kind::RoleGrant, "first", "Ready").1, "RelationshipNotFound");
    assert_eq!(desk.status(Kind::RoleGrant, "first")["expiresAt"], "2026-02-01T00:00:00Z");
    desk.looks_at_everything();
    assert!(desk.rests().iter().all(|done| done.reports.is_empty()), "the same is said");
    assert_eq!(in_force(&desk).0, "True");

    desk.passes(SignedDuration::from_hours(31 * 24));
    desk.rests();
    assert_eq!(in_force(&desk).0, "False");
}

#[test]
fn an_operator_that_starts_anew_says_the_same() {
    let mut desk = retained();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.rests();
    let before = desk.status(Kind::RoleGrant, "first").clone();
    desk.starts_anew();
    desk.rests();
    assert_eq!(desk.status(Kind::RoleGrant, "first"), &before);
}

#[test]
fn a_grant_that_has_moved_is_told_at_once_with_what_it_left_under_a_relationship_that_is_gone() {
    let mut desk = retained();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.put("olga", Kind::PartnerOffer, "bravo", offer("P365D"));
    desk.put("rita", Kind::PartnerRelationship, "bravo", relationship("bravo"));
    let mut moved = grant("bravo", 1, &[READER]);
    moved["notAfter"] = json!("2026-02-01T00:00:00Z");
    desk.put("gina", Kind::RoleGrant, "first", moved);
    desk.rests();
    assert_eq!(in_force(&desk).0, "True");
    desk.starts_anew();
    let told = desk.rests();
    assert!(told.iter().all(|done| done.reports.is_empty()), "the same is said");
    assert!(told.iter().all(|done| done.again.is_empty()), "and nothing has to be looked at twice");
}

#[test]
fn a_grant_that_waits_to_be_taken_away_says_so_although_its_relationship_is_gone() {
    let mut desk = retained();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.rests();
    let limits = json!({ "revocations": { "count": 0, "share": 0 } });
    desk.put("root", Kind::PartnerBoundary, "msp", super::boundary(&limits));
    desk.rests();
    desk.delete("dora", Kind::RoleGrant, "first");
    desk.rests();
    assert!(desk.exists(Kind::RoleGrant, "first"), "what it gave is still held");
    let (status, reason, message) = desk.told(Kind::RoleGrant, "first", "PlanBlocked");
    assert_eq!((&*status, &*reason), ("True", "Blocked"), "{message}");
    assert_eq!(in_force(&desk).0, "True");
}
