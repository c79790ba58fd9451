//! The specs of the objects that rounds look at.
//!
//! Never: a spec that the schema refuses.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::NAMESPACE;

const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
const CUSTOMER: &str = "bbbbcccc-1111-dddd-2222-eeee3333ffff";

pub fn boundary(limits: &Value) -> Value {
    json!({
        "namespaces": [NAMESPACE],
        "partner": { "tenantId": PARTNER, "cloud": "Global", "certifiedFor": ["GranularDelegatedAdmin"] },
        "customers": { "any": true },
        "grantees": { "any": true },
        "roles": { "any": true },
        "limits": limits,
    })
}

pub fn offer(duration: &str) -> Value {
    json!({
        "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
        "type": "GranularDelegatedAdmin",
        "cloud": "Global",
        "duration": duration,
        "roles": ["Helpdesk Administrator", "Message Center Reader", "Reports Reader"],
    })
}

/// A relationship under the offer of the same name.
pub fn relationship(name: &str) -> Value {
    json!({
        "customer": { "tenantId": CUSTOMER, "displayName": "Fabrikam" },
        "displayName": name,
        "offerRef": { "name": name },
        "autoExtendDuration": "PT0S",
        "renewal": { "mode": "Notify", "before": "P60D" },
        "managementPolicy": "Manage",
        "deletionPolicy": "Revoke",
        "unmanagedAssignments": "Keep",
        "suspend": false,
    })
}

pub fn grant(relationship: &str, group: u32, roles: &[&str]) -> Value {
    json!({
        "relationshipRef": { "name": relationship },
        "grantee": { "securityGroup": {
            "id": format!("0a0a0a0a-1111-4222-8333-{group:012}"), "displayName": "Helpdesk",
        } },
        "roles": roles,
        "justification": "it is their work",
        "deletionPolicy": "Revoke",
        "suspend": false,
    })
}

/// The customer's answer to an invitation.
pub fn acceptance(relationship: &str, digest: &Value, now: Timestamp) -> Value {
    json!({
        "decision": "Accept",
        "customer": { "tenantId": CUSTOMER },
        "partner": { "tenantId": PARTNER },
        "acceptedBy": {
            "firstName": "Carol", "lastName": "Customer", "email": "carol@fabrikam.example",
            "role": "GlobalAdministrator",
        },
        "acceptedAt": now.to_string(),
        "readConfirmed": true,
        "relationshipRef": { "name": relationship },
        "invitation": digest,
    })
}
