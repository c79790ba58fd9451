//! The objects of a history in a few words: names, tenants, roles, and specs as the server holds them.
//!
//! Never: an object that the schema refuses; what is wrong with one is for `validate` to say.

use concordat::{
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        ids::{GranteeId, Kind, ObjectKey, RoleId, TenantId},
    },
    operator::reconcile::Settings,
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub const NAMESPACES: [&str; 2] = ["msp", "lab"];
pub const OFFERS: [&str; 3] = ["all", "few", "short"];
pub const RELATIONSHIPS: [&str; 3] = ["r0", "r1", "r2"];
pub const GRANTS: [&str; 5] = ["g0", "g1", "g2", "g3", "g4"];
pub const TIERS: [&str; 2] = ["gold", "silver"];
const ROLES: [&str; 3] = ["Helpdesk Administrator", "Reports Reader", "Message Center Reader"];

/// Somebody who applies manifests.
pub const ASKER: &str = "ada@msp.example";
/// Somebody else.
pub const APPROVER: &str = "bob@msp.example";
/// A program.
pub const ROBOT: &str = "system:serviceaccount:flux:kustomize";

pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub fn settings() -> Settings {
    let instance = concordat::domain::state::Instance("cluster".into());
    // Few, so that a look at everything has many parts.
    Settings { looks_at: 1, ..Settings::of(instance) }
}

pub fn key(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
    ObjectKey { kind, namespace: namespace.into(), name: name.into() }
}

pub fn relationship_key(namespace: &str, name: &str) -> ObjectKey {
    key(Kind::PartnerRelationship, namespace, name)
}

pub fn grant_key(namespace: &str, name: &str) -> ObjectKey {
    key(Kind::RoleGrant, namespace, name)
}

pub fn boundary_key(namespace: &str) -> ObjectKey {
    key(Kind::PartnerBoundary, "", &format!("b-{namespace}"))
}

pub fn role(number: usize) -> RoleId {
    Catalogue::compiled().find(ROLES[number]).unwrap().id
}

pub fn role_names(numbers: &[usize]) -> Vec<&'static str> {
    numbers.iter().map(|number| ROLES[*number]).collect()
}

pub fn group(number: usize) -> GranteeId {
    GranteeId::from_u128(0x4000_8000_0000_0000_1000 + number as u128)
}

fn partner() -> TenantId {
    TenantId::from_u128(0x4000_8000_0000_0000_0001)
}

/// The customer of the relationship with this name.
fn customer(namespace: &str, name: &str) -> TenantId {
    let number = name.bytes().chain(namespace.bytes()).map(u128::from).sum::<u128>();
    TenantId::from_u128(0x4000_8000_0000_0000_2000 + number)
}

/// The roles of an offer.
pub fn ceiling(offer: &str) -> &'static [usize] {
    match offer {
        "few" => &[0, 1],
        _ => &[0, 1, 2],
    }
}

pub fn offer(name: &str) -> Value {
    let duration = match name {
        "all" => "P365D",
        "few" => "P40D",
        _ => "P3D",
    };
    json!({
        "partner": { "tenantId": partner().to_string(), "displayName": "Contoso" },
        "type": "GranularDelegatedAdmin",
        "cloud": "Global",
        "duration": duration,
        "roles": role_names(ceiling(name)),
    })
}

pub fn boundary(namespace: &str, limits: &Value) -> Value {
    json!({
        "namespaces": [namespace],
        "partner": {
            "tenantId": partner().to_string(),
            "cloud": "Global",
            "certifiedFor": ["GranularDelegatedAdmin"],
        },
        "customers": { "any": true },
        "grantees": { "any": true },
        "roles": { "any": true },
        "limits": limits,
    })
}

/// Limits that nobody reaches.
pub fn no_limits() -> Value {
    json!({
        "revocations": { "count": 1_000_000, "share": 100 },
        "terminations": { "count": 1_000_000, "share": 100 },
        "privilegedGains": 1_000_000,
        "newGrantees": 1_000_000,
        "replacements": 1_000_000,
    })
}

pub fn store_name(namespace: &str, name: &str) -> String {
    format!("{namespace}-{name}")
}

pub fn relationship(namespace: &str, name: &str, offer: &str) -> Value {
    json!({
        "customer": {
            "tenantId": customer(namespace, name).to_string(),
            "displayName": format!("Customer of {name}"),
        },
        "displayName": store_name(namespace, name),
        "offerRef": { "name": offer },
        "autoExtendDuration": "PT0S",
        "renewal": { "mode": "Notify", "before": "P1D" },
        "managementPolicy": "Manage",
        "deletionPolicy": "Revoke",
        "unmanagedAssignments": "Keep",
        "suspend": false,
    })
}

/// Under which relationships a grant is.
#[derive(Debug, Clone, Copy)]
pub enum Under {
    Named(&'static str),
    Labelled(&'static str),
}

pub fn grant(under: Under, grantee: usize, roles: &[usize]) -> Value {
    let mut spec = json!({
        "grantee": { "securityGroup": {
            "id": group(grantee).to_string(),
            "displayName": format!("group {grantee}"),
        } },
        "roles": role_names(roles),
        "justification": "support",
        "deletionPolicy": "Revoke",
        "suspend": false,
    });
    match under {
        Under::Named(name) => spec["relationshipRef"] = json!({ "name": name }),
        Under::Labelled(tier) => {
            spec["relationshipSelector"] = json!({ "matchLabels": { "tier": tier } });
        }
    }
    spec
}

/// What somebody at the customer says to an invitation.
pub fn acceptance(
    namespace: &str,
    relationship: &str,
    decision: &str,
    at: Timestamp,
    invitation: &str,
) -> Value {
    json!({
        "decision": decision,
        "customer": { "tenantId": customer(namespace, relationship).to_string() },
        "partner": { "tenantId": partner().to_string() },
        "acceptedBy": {
            "firstName": "Ada",
            "lastName": "Example",
            "email": "ada@customer.example",
            "role": "GlobalAdministrator",
        },
        "acceptedAt": at.to_string(),
        "readConfirmed": true,
        "relationshipRef": { "name": relationship },
        "invitation": invitation,
    })
}

/// The digest of something that was never sent.
pub fn other_digest() -> String {
    Digest::of(&"nothing that was sent").to_string()
}
