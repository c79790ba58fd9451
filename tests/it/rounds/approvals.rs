//! Who may approve what waits, and what is told of an approval that does not count.
//!
//! Never: an approval by somebody who asked, through whatever object.

use concordat::{
    domain::{ids::Kind, status::EventReason},
    operator::{
        index::{ACTS_FOR, APPROVE, APPROVED_BY, CHANGED_BY},
        reconcile::{NotApproved, Reconciled},
    },
    store::Read as _,
};
use serde_json::json;

use super::{Desk, grant, offer, relationship};

const READER: &str = "Message Center Reader";

/// Approves what waits for a relationship; why it does not count, if it does not.
fn approved(desk: &mut Desk, by: &str) -> Option<NotApproved> {
    let hash = desk.waits_in("acme").expect("a batch waits");
    desk.approve(by, "acme", &hash);
    let done = desk.rests();
    let refused = done.iter().flat_map(|done| &done.not_approved);
    let mut refused = refused.map(|(_, _, why)| why.clone());
    refused.next()
}

fn own(by: &str) -> NotApproved {
    NotApproved::OwnRequest(by.to_owned())
}

#[test]
fn whoever_made_the_offer_has_asked_for_the_replacement_that_it_leads_to() {
    let mut desk = Desk::new(&json!({ "replacements": 0 }));
    desk.active("acme");
    desk.put("otto", Kind::PartnerOffer, "newer", offer("P400D"));
    let mut moved = relationship("acme");
    moved["offerRef"]["name"] = json!("newer");
    desk.put("rita", Kind::PartnerRelationship, "acme", moved);
    desk.rests();
    assert_eq!(approved(&mut desk, "rita"), Some(own("rita")));
    assert_eq!(approved(&mut desk, "otto"), Some(own("otto")));
    let mut renamed = offer("P400D");
    renamed["partner"]["displayName"] = json!("Contoso Ltd");
    desk.put("nina", Kind::PartnerOffer, "newer", renamed);
    desk.rests();
    assert_eq!(approved(&mut desk, "nina"), Some(own("nina")));
    assert_eq!(approved(&mut desk, "olga"), None, "the offer that it leaves asks for nothing");
    assert_eq!(desk.waits_in("acme"), None);
}

#[test]
fn whoever_made_the_offer_has_asked_for_what_is_gained_under_it_and_not_for_what_is_lost() {
    let mut desk = Desk::new(&json!({
        "newGrantees": 0, "revocations": { "count": 0, "share": 0 },
    }));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();
    assert_eq!(approved(&mut desk, "gina"), Some(own("gina")));
    assert_eq!(approved(&mut desk, "olga"), Some(own("olga")));
    assert_eq!(approved(&mut desk, "carol"), None, "the customer has allowed it, not asked for it");
    assert_eq!(desk.told(Kind::RoleGrant, "first", "InForce").0, "True");

    desk.delete("dora", Kind::RoleGrant, "first");
    desk.rests();
    assert_eq!(approved(&mut desk, "dora"), Some(own("dora")));
    assert_eq!(approved(&mut desk, "olga"), None);
    assert!(!desk.exists(Kind::RoleGrant, "first"));
}

#[test]
fn whoever_asked_stays_an_asker_through_touches_other_values_and_restarts() {
    let mut desk = Desk::new(&json!({ "revocations": { "count": 0, "share": 0 } }));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &[READER, "Reports Reader"]));
    desk.rests();
    desk.put("bob", Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();
    assert_eq!(approved(&mut desk, "bob"), Some(own("bob")));
    // A label, or anything else that changes no access.
    desk.annotate(Kind::RoleGrant, "first", &[(CHANGED_BY, "mia")]);
    desk.rests();
    for asker in ["bob", "mia", "gina", "rita"] {
        assert_eq!(approved(&mut desk, asker), Some(own(asker)));
    }
    desk.starts_anew();
    desk.rests();
    assert_eq!(approved(&mut desk, "bob"), Some(own("bob")));
    let first = desk.waits_in("acme");
    // Held still, and let go by somebody else again.
    let mut held = grant("acme", 1, &[READER]);
    held["suspend"] = json!(true);
    desk.put("mia", Kind::RoleGrant, "first", held);
    desk.rests();
    desk.put("dora", Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();
    assert_eq!(desk.waits_in("acme"), first);
    assert_eq!(approved(&mut desk, "bob"), Some(own("bob")));
    // Something else about the same: another batch.
    desk.put("mia", Kind::RoleGrant, "first", grant("acme", 1, &["Reports Reader"]));
    desk.rests();
    assert_ne!(desk.waits_in("acme"), first);
    assert_eq!(approved(&mut desk, "bob"), Some(own("bob")));
    desk.starts_anew();
    desk.delete("mia", Kind::RoleGrant, "first");
    desk.rests();
    assert_eq!(approved(&mut desk, "bob"), Some(own("bob")));
    assert_eq!(approved(&mut desk, "grace"), None, "who asked for nothing");
    assert!(!desk.exists(Kind::RoleGrant, "first"));
    let entries = desk.runtime.block_on(desk.store.entries(0, 1000)).unwrap();
    let last = entries.last().unwrap();
    assert_eq!(last.actor.name, "bob", "by whom it came about, and not who touched it last");
    let askers = ["bob", "dora", "gina", "mia", "rita"].map(str::to_owned);
    assert_eq!(last.intent.askers.iter().cloned().collect::<Vec<_>>(), askers);
}

#[test]
fn what_a_robot_asked_for_is_not_approved_by_whoever_may_act_as_it() {
    let robot = "system:serviceaccount:msp:flux";
    let refused =
        |by: &str| Some(NotApproved::OwnRobot { by: by.to_owned(), robot: robot.to_owned() });
    let mut desk = Desk::new(&json!({ "revocations": { "count": 0, "share": 0 } }));
    desk.active("acme");
    desk.put(robot, Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();
    desk.delete(robot, Kind::RoleGrant, "first");
    desk.rests();
    let acts_for = |desk: &mut Desk, namespaces: &str| {
        desk.annotate(Kind::PartnerRelationship, "acme", &[(ACTS_FOR, namespaces)]);
        approved(desk, "carla")
    };
    for namespaces in ["msp", "*", "other,msp"] {
        assert_eq!(acts_for(&mut desk, namespaces), refused("carla"), "{namespaces}");
    }
    assert_eq!(acts_for(&mut desk, "other,ms,msp2"), None);
    assert!(!desk.exists(Kind::RoleGrant, "first"));
}

/// The events about approvals, each with its object.
fn events(done: &[Reconciled]) -> Vec<(String, String)> {
    let all = done.iter().flat_map(|done| &done.events);
    let refused = all.filter(|(_, _, event)| event.reason == EventReason::ApprovalRefused);
    refused.map(|(object, _, event)| (object.to_string(), event.note.clone())).collect()
}

#[test]
fn an_approval_that_does_not_count_is_told_once_on_its_object_and_a_good_one_not_at_all() {
    let mut desk = Desk::new(&json!({ "newGrantees": 0 }));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();
    let hash = desk.waits_in("acme").unwrap();
    let grant = [(APPROVE, hash.as_str()), (APPROVED_BY, "gina")];
    desk.annotate(Kind::RoleGrant, "first", &grant);
    desk.takes_no_marks(true);
    let told = [(
        "RoleGrant/msp/first".to_owned(),
        "the approval does not count: `gina` asked for some of it: somebody else must approve it"
            .to_owned(),
    )];
    assert_eq!(events(&desk.rests()), told);
    desk.annotate(Kind::RoleGrant, "first", &[("reconcile.concordat.dev/requestedAt", "1")]);
    assert_eq!(events(&desk.rests()), [], "it still stands there");
    desk.takes_no_marks(false);
    desk.annotate(Kind::RoleGrant, "first", &[("reconcile.concordat.dev/requestedAt", "2")]);
    assert_eq!(events(&desk.rests()), []);
    desk.annotate(Kind::RoleGrant, "first", &grant);
    assert_eq!(events(&desk.rests()), told, "it is written anew");

    desk.approve("bob", "acme", &hash);
    desk.takes_no_marks(true);
    let done = desk.rests();
    assert_eq!(done.iter().map(|done| done.approved.len()).sum::<usize>(), 1);
    assert_eq!(events(&done), []);
    let again = [("reconcile.concordat.dev/requestedAt", "3")];
    desk.annotate(Kind::PartnerRelationship, "acme", &again);
    let done = desk.rests();
    assert_eq!(events(&done), [], "it was used, and is not taken off yet");
    assert!(done.iter().all(|done| done.not_approved.is_empty()));
    desk.takes_no_marks(false);
    desk.annotate(Kind::PartnerRelationship, "acme", &[(APPROVE, "abc")]);
    let event = events(&desk.rests()).pop().unwrap().1;
    assert!(event.contains("`abc` is not the hash of a batch"), "{event}");
}

#[test]
fn a_relationship_in_two_batches_tells_both_and_each_grant_its_own() {
    let mut desk = Desk::new(&json!({ "revocations": { "count": 0, "share": 0 } }));
    desk.active("acme");
    let names = ["first", "second", "third"];
    for (name, group) in names.into_iter().zip(1..) {
        desk.put("gina", Kind::RoleGrant, name, grant("acme", group, &[READER]));
    }
    desk.rests();
    desk.delete("dora", Kind::RoleGrant, "first");
    desk.delete("dora", Kind::RoleGrant, "second");
    desk.rests();
    let one = desk.waits_in("acme").unwrap();
    let mut held = grant("acme", 1, &[READER]);
    held["suspend"] = json!(true);
    desk.put("gina", Kind::RoleGrant, "first", held);
    desk.delete("dora", Kind::RoleGrant, "third");
    desk.rests();
    let other = desk.waits_in("acme").unwrap();
    assert_ne!(one, other);
    desk.put("gina", Kind::RoleGrant, "first", grant("acme", 1, &[READER]));
    desk.rests();

    let told = |kind, name: &str| desk.told(kind, name, "PlanBlocked").2;
    let all = told(Kind::PartnerRelationship, "acme");
    assert!(all.contains(&one) && all.contains(&other), "{all}");
    let plan = &desk.status(Kind::PartnerRelationship, "acme")["plan"];
    let hashes = [&plan["blocked"], &plan["alsoBlocked"][0]];
    assert!(hashes.contains(&&json!(one)) && hashes.contains(&&json!(other)), "{plan}");
    let (first, third) = (told(Kind::RoleGrant, "first"), told(Kind::RoleGrant, "third"));
    assert!(first.contains(&one) && !first.contains(&other), "{first}");
    assert!(third.contains(&other) && !third.contains(&one), "{third}");
    for hash in [one, other] {
        desk.approve("bob", "acme", &hash);
        desk.rests();
    }
    assert!(names.iter().all(|name| !desk.exists(Kind::RoleGrant, name)));
}
