//! Access given, kept, ended and taken away, as the cluster's objects say.
//!
//! Never: a status believed without a look into the store.

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::json;

use super::{Site, acceptance, condition, grant, offer, relationship, until};

const READY_REASON: &str = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}";

fn held(site: &Site, namespace: &str) -> String {
    let (code, text) = site.concordat(&["get", "grants", &format!("{namespace}-acme")]);
    assert!(matches!(code, Some(0)), "{text}");
    text
}

#[test]
fn what_is_applied_is_held_once_the_customer_has_accepted_and_not_before() {
    let site = Site::shared();
    let namespace = site.namespace("accepted");
    site.cluster.apply(&offer(&namespace));
    site.cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    let waits = format!("{READY_REASON}=RelationshipNotFound");
    site.cluster.wait(&namespace, "rolegrant/first", &waits);
    site.cluster.apply(&relationship(&namespace, "acme", ""));
    let waits = format!("{READY_REASON}=WaitingForCustomer");
    site.cluster.wait(&namespace, "partnerrelationship/acme", &waits);
    assert!(!held(site, &namespace).contains("Message Center Reader"));

    site.cluster.apply(&acceptance(&namespace, "wrong", &"0".repeat(64)));
    let refused = format!("{READY_REASON}=RelationshipNotFound");
    site.cluster.wait(&namespace, "agreementacceptance/wrong", &refused);
    let digest = site.field(&namespace, "partnerrelationship/acme", "/status/invitation/digest");
    site.cluster.apply(&acceptance(&namespace, "acme", digest.as_str().unwrap()));
    for object in ["rolegrant/first", "partnerrelationship/acme", "agreementacceptance/acme"] {
        site.cluster.wait(&namespace, object, "condition=Ready");
    }
    site.cluster.wait(&namespace, "rolegrant/first", "condition=InForce");
    assert!(held(site, &namespace).contains("Message Center Reader"));
}

#[test]
fn a_grant_ends_to_the_second_also_while_everything_is_suspended() {
    let site = Site::shared();
    let namespace = site.namespace("ends");
    site.active(&namespace, "acme", "");
    let end = (Timestamp::now() + SignedDuration::from_secs(8)).round(Unit::Second).unwrap();
    site.cluster.apply(&grant(&namespace, "short", "acme", 1, &format!("notAfter: \"{end}\"")));
    site.cluster.wait(&namespace, "rolegrant/short", "condition=InForce");
    for object in ["rolegrant/short", "partnerrelationship/acme"] {
        let patch = r#"{"spec":{"suspend":true}}"#;
        site.cluster.said(&["patch", "-n", &namespace, object, "--type=merge", "-p", patch]);
    }
    until("the end is recorded", || {
        site.operator.log().contains("roles_expired").then_some(()).or_else(|| {
            let (_, text) = site.concordat(&["history", "-o", "json"]);
            text.contains("RolesExpired").then_some(())
        })
    });
    let (_, history) = site.concordat(&["history", "-o", "json"]);
    let history: serde_json::Value = serde_json::from_str(&history).unwrap();
    let text = history.to_string();
    let name = format!("{namespace}-acme");
    assert!(text.contains(&name), "{text}");
    site.cluster.wait(&namespace, "rolegrant/short", "condition=InForce=false");
    assert!(!held(site, &namespace).contains("Message Center Reader"));
}

#[test]
fn a_deleted_grant_takes_its_roles_with_it_and_a_retained_one_leaves_them() {
    let site = Site::shared();
    let namespace = site.namespace("deleted");
    site.active(&namespace, "acme", "");
    site.cluster.apply(&grant(&namespace, "goes", "acme", 1, ""));
    site.cluster.apply(&grant(&namespace, "stays", "acme", 2, "deletionPolicy: Retain"));
    for object in ["rolegrant/goes", "rolegrant/stays"] {
        site.cluster.wait(&namespace, object, "condition=InForce");
    }
    let finalizers = |object| site.field(&namespace, object, "/metadata/finalizers");
    assert_eq!(finalizers("rolegrant/goes"), json!(["concordat.dev/revoke"]));
    assert_eq!(finalizers("rolegrant/stays"), json!(null));
    site.cluster.said(&["delete", "-n", &namespace, "rolegrant/goes", "rolegrant/stays"]);
    let held = held(site, &namespace);
    assert!(!held.contains("000000000001") && held.contains("000000000002"), "{held}");
    let unmanaged = site.field(&namespace, "partnerrelationship/acme", "/status");
    assert_eq!(condition(&unmanaged, "Ready")["status"], "True", "{unmanaged}");
}

#[test]
fn a_deleted_relationship_ends_as_it_says_and_the_ledger_is_whole() {
    let site = Site::shared();
    let namespace = site.namespace("ended");
    site.active(&namespace, "acme", "deletionPolicy: Terminate");
    site.cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    site.cluster.wait(&namespace, "rolegrant/first", "condition=InForce");
    site.cluster.said(&["delete", "-n", &namespace, "partnerrelationship/acme"]);
    let (_, text) = site.concordat(&["get", "relationships"]);
    assert!(text.contains("Terminated"), "{text}");
    assert!(!held(site, &namespace).contains("Message Center Reader"));
    site.cluster.said(&["delete", "-n", &namespace, "rolegrant/first"]);
    let (code, text) = site.concordat(&["ledger", "verify"]);
    assert_eq!(code, Some(0), "{text}");
}

#[test]
fn a_namespace_without_a_boundary_gets_nothing() {
    let site = Site::shared();
    let namespace = site.cluster.namespace("unbounded");
    site.cluster.apply(&offer(&namespace));
    site.cluster.apply(&relationship(&namespace, "acme", ""));
    site.cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    for object in ["partneroffer/helpdesk", "partnerrelationship/acme", "rolegrant/first"] {
        let refused = format!("{READY_REASON}=NoBoundary");
        site.cluster.wait(&namespace, object, &refused);
    }
    let (_, text) = site.concordat(&["get", "relationships"]);
    assert!(!text.contains(&namespace), "{text}");
}

#[test]
fn a_broken_edit_keeps_what_was_held_and_a_mended_one_goes_on() {
    let site = Site::shared();
    let namespace = site.namespace("mended");
    site.active(&namespace, "acme", "");
    site.cluster.apply(&grant(&namespace, "first", "acme", 1, ""));
    site.cluster.wait(&namespace, "rolegrant/first", "condition=InForce");
    let roles = |role: &str| {
        let patch = format!(r#"{{"spec":{{"roles":["{role}"]}}}}"#);
        let words = ["patch", "-n", &namespace, "rolegrant/first", "--type=merge", "-p", &patch];
        site.cluster.said(&words);
    };
    roles("No Such Role");
    site.cluster.wait(&namespace, "rolegrant/first", "condition=Stalled");
    assert!(held(site, &namespace).contains("Message Center Reader"));
    roles("Service Support Administrator");
    site.cluster.wait(&namespace, "rolegrant/first", "condition=Ready");
    let held = held(site, &namespace);
    assert!(held.contains("Service Support Administrator"), "{held}");
    assert!(!held.contains("Message Center Reader"), "{held}");
}
