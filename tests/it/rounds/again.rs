//! What is looked at again at once, and what is not told again.
//!
//! Never: a verdict that stays until the next full look although what it rested on has gone.

use concordat::{
    domain::{entry::EntryKind, ids::Kind},
    store::Read,
};
use serde_json::json;

use super::{Desk, grant, offer, relationship};

fn ready(desk: &Desk, name: &str) -> (String, String) {
    let (status, _, message) = desk.told(Kind::PartnerRelationship, name, "Ready");
    (status, message)
}

/// Two relationships that want the same name in the store.
fn rivals() -> Desk {
    let mut desk = Desk::new(&json!({}));
    for name in ["acme", "twin"] {
        desk.put("olga", Kind::PartnerOffer, name, offer("P365D"));
        let mut spec = relationship(name);
        spec["displayName"] = json!("acme");
        desk.put("rita", Kind::PartnerRelationship, name, spec);
    }
    desk.rests();
    let (status, message) = ready(&desk, "twin");
    assert!(status == "False" && message.contains("is the name of"), "{message}");
    desk
}

#[test]
fn who_lost_a_name_gets_it_as_soon_as_the_holder_is_gone() {
    let mut desk = rivals();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.rests();
    assert!(!desk.exists(Kind::PartnerRelationship, "acme"));
    assert!(!ready(&desk, "twin").1.contains("is the name of"), "{:?}", ready(&desk, "twin"));
}

#[test]
fn who_lost_a_name_gets_it_as_soon_as_the_holder_comes_back_under_another() {
    let mut desk = rivals();
    desk.delete("dora", Kind::PartnerRelationship, "acme");
    desk.becomes(Kind::PartnerRelationship, "acme", relationship("other"));
    desk.rests();
    assert!(!ready(&desk, "twin").1.contains("is the name of"), "{:?}", ready(&desk, "twin"));
}

#[test]
fn who_lost_a_name_gets_it_as_soon_as_the_holder_has_no_offer() {
    let mut desk = rivals();
    desk.delete("dora", Kind::PartnerOffer, "acme");
    desk.rests();
    assert!(!ready(&desk, "twin").1.contains("is the name of"), "{:?}", ready(&desk, "twin"));
}

#[test]
fn a_difference_made_outside_is_recorded_once_whatever_else_changes() {
    let mut desk = Desk::new(&json!({}));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &["Message Center Reader"]));
    desk.rests();
    let differences = |desk: &mut Desk| {
        let entries = desk.runtime.block_on(desk.store.entries(0, 1_000)).unwrap();
        entries.iter().filter(|entry| entry.kind == EntryKind::Difference).count()
    };
    desk.outside("DELETE FROM assignment_roles");
    desk.looks_at_everything();
    desk.rests();
    assert_eq!(differences(&mut desk), 1);
    for (name, group) in [("second", 2), ("third", 3)] {
        desk.put("gina", Kind::RoleGrant, name, grant("acme", group, &["Reports Reader"]));
        desk.rests();
        desk.looks_at_everything();
        desk.rests();
        assert_eq!(differences(&mut desk), 1, "after {name}");
    }
    // What has changed outside since then is another difference.
    desk.outside("DELETE FROM assignment_roles");
    desk.looks_at_everything();
    desk.rests();
    assert_eq!(differences(&mut desk), 2);
}
