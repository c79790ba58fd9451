//! The objects that people write in a folder, as values that become YAML, and the names that occur in them.
//!
//! Never: an id or a rule taken from the program; what stands here is a second opinion.

use jiff::Timestamp;
use serde_json::{Value, json};

pub const NAMESPACES: [&str; 2] = ["msp", "lab"];
pub const OFFERS: [&str; 4] = ["all", "few", "short", "admin"];
pub const TIERS: [&str; 2] = ["gold", "silver"];

/// Built-in roles by name, with their template ids.
pub const ROLES: [(&str, &str); 5] = [
    ("Helpdesk Administrator", "729827e3-9c14-49f7-bb1b-9608f156bbb8"),
    ("Reports Reader", "4a5d8f65-41da-4de4-8968-e035b65339cf"),
    ("Message Center Reader", "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b"),
    ("Security Reader", "5d6b6bb7-de71-4623-b4af-96380a352509"),
    ("Global Administrator", "62e90394-69f5-4237-9190-012177145e10"),
];

/// Those that Microsoft labels privileged.
pub const PRIVILEGED: [&str; 3] = [ROLES[0].1, ROLES[3].1, ROLES[4].1];

/// Something that needs a role: which one is for the program to find.
pub const TASKS: [&str; 2] = ["users/reset-guest-invite", "support/submit-support-ticket"];

/// Every history begins here: later than the clock of this machine, by which the view of the store goes.
pub fn start() -> i64 {
    let start: Timestamp = "2100-01-01T00:00:00Z".parse().unwrap();
    start.as_millisecond()
}

/// An instant as a person writes it, to the second.
pub fn written(at: i64) -> String {
    Timestamp::from_second(at.div_euclid(1_000)).unwrap().to_string()
}

pub fn partner(number: usize) -> String {
    format!("00000000-0000-4000-8000-0000000000a{number}")
}

pub fn customer(number: usize) -> String {
    format!("00000000-0000-4000-8000-0000000000c{number}")
}

pub fn group(number: usize) -> String {
    format!("00000000-0000-4000-8000-0000000001{number:02}")
}

/// Which partner works in a namespace.
pub fn partner_of(namespace: &str) -> usize {
    usize::from(namespace != NAMESPACES[0])
}

pub fn object(kind: &str, namespace: &str, name: &str, spec: Value) -> Value {
    let mut metadata = json!({ "name": name });
    if !namespace.is_empty() {
        metadata["namespace"] = json!(namespace);
    }
    let mut object =
        json!({ "apiVersion": "concordat.dev/v1alpha1", "kind": kind, "metadata": metadata });
    object["spec"] = spec;
    object
}

/// What an offer of this name says, less what the namespace decides.
pub fn proposal(partner_number: usize, name: &str) -> Value {
    let (type_, duration, roles): (_, _, &[usize]) = match name {
        "few" => ("GranularDelegatedAdmin", "P40D", &[0, 1]),
        "short" => ("GranularDelegatedAdmin", "P3D", &[0, 1, 2, 3]),
        "admin" => ("GranularDelegatedAdmin", "P365D", &[0, 1, 2, 3, 4]),
        "legacy" => ("DelegatedAdmin", "P365D", &[0, 4]),
        _ => ("GranularDelegatedAdmin", "P365D", &[0, 1, 2, 3]),
    };
    let roles: Vec<&str> = roles.iter().map(|role| ROLES[*role].0).collect();
    json!({
        "partner": { "tenantId": partner(partner_number), "displayName": "Contoso" },
        "type": type_, "duration": duration, "roles": roles,
    })
}

pub fn relationship(name: &str, namespace: &str, customer_number: usize, offer: &str) -> Value {
    json!({
        "customer": { "tenantId": customer(customer_number), "displayName": "Fabrikam" },
        "displayName": format!("{namespace}-{name}"),
        "offerRef": { "name": offer },
    })
}

pub fn grant(under: &str, group_number: usize, roles: &[usize]) -> Value {
    let roles: Vec<&str> = roles.iter().map(|role| ROLES[*role].0).collect();
    json!({
        "relationshipRef": { "name": under },
        "grantee": { "securityGroup": {
            "id": group(group_number), "displayName": format!("group {group_number}"),
        } },
        "roles": roles,
        "justification": "support",
    })
}

/// An invitation that somebody may answer.
#[derive(Debug, Clone)]
pub struct Pending {
    pub namespace: String,
    pub name: String,
    pub customer: String,
    pub partner: String,
    pub digest: String,
}

pub fn answer(to: &Pending, decision: &str, at: i64) -> Value {
    json!({
        "decision": decision,
        "customer": { "tenantId": to.customer },
        "partner": { "tenantId": to.partner },
        "acceptedBy": {
            "firstName": "Ada", "lastName": "Lovelace", "email": "ada@fabrikam.example",
            "role": "GlobalAdministrator",
        },
        "acceptedAt": written(at),
        "readConfirmed": true,
        "relationshipRef": { "name": to.name },
        "invitation": to.digest,
    })
}

pub fn boundary(namespaces: &[&str], partner_number: usize, limits: &Value) -> Value {
    json!({
        "namespaces": namespaces,
        "partner": {
            "tenantId": partner(partner_number),
            "certifiedFor": ["GranularDelegatedAdmin", "DelegatedAdmin"],
        },
        "customers": { "any": true },
        "grantees": { "any": true },
        "roles": { "any": true },
        "limits": limits,
    })
}

/// Limits that nobody reaches.
pub fn no_limits() -> Value {
    limits("PT1H", 1_000_000, 100, 1_000_000)
}

/// The same number for everything, and a share for what has one.
pub fn limits(window: &str, count: u32, share: u32, gains: u32) -> Value {
    json!({
        "window": window,
        "revocations": { "count": count, "share": share },
        "terminations": { "count": count, "share": share },
        "privilegedGains": gains,
        "newGrantees": gains,
        "replacements": count,
    })
}
