//! What the cluster is filled with: customers with grants, all accepted.
//!
//! Never: two runs that differ in anything but their instants.

use concordat::domain::validate::{Object, Presence, Texts};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub const NAMESPACE: &str = "msp";
pub const GRANTS_OF_EACH: usize = 6;
const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";
/// Low enough that no boundary of roles is needed.
pub const ROLE: &str = "Message Center Reader";
pub const OTHER_ROLE: &str = "Service Support Administrator";

fn named(kind: &str, name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": spec,
    })
}

fn guid(kind: u32, number: usize) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// One offer and one boundary, and relationships that are accepted, each with its grants.
pub fn fleet(objects: usize) -> Vec<Value> {
    let mut fleet = vec![
        json!({
            "apiVersion": "concordat.dev/v1alpha1",
            "kind": "PartnerBoundary",
            "metadata": { "name": "msp" },
            "spec": {
                "namespaces": [NAMESPACE],
                "partner": { "tenantId": PARTNER, "certifiedFor": ["GranularDelegatedAdmin"] },
                "customers": { "any": true },
                "grantees": { "any": true },
                "roles": { "any": true },
                "limits": { "newGrantees": 1_000_000, "privilegedGains": 1_000_000,
                            "revocations": { "count": 1_000_000, "share": 100 } },
            },
        }),
        named(
            "PartnerOffer",
            "helpdesk",
            &json!({
                "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
                "type": "GranularDelegatedAdmin",
                "duration": "P730D",
                "roles": [ROLE, OTHER_ROLE],
            }),
        ),
    ];
    let relationships = (objects - 2) / (GRANTS_OF_EACH + 2);
    for number in 0..relationships {
        fleet.extend(relationship(number));
        for grant in 0..GRANTS_OF_EACH {
            fleet.push(self::grant(number, grant, None));
        }
    }
    fleet
}

fn relationship(number: usize) -> Vec<Value> {
    let name = format!("customer-{number}");
    let customer = guid(1, number);
    let spec = json!({
        "customer": { "tenantId": customer, "displayName": name },
        "displayName": name,
        "offerRef": { "name": "helpdesk" },
    });
    let invitation = digest(&spec);
    let accepted = Timestamp::now() - SignedDuration::from_hours(1);
    vec![
        named("PartnerRelationship", &name, &spec),
        named(
            "AgreementAcceptance",
            &name,
            &json!({
                "decision": "Accept",
                "customer": { "tenantId": customer },
                "partner": { "tenantId": PARTNER },
                "acceptedBy": { "firstName": "Ada", "lastName": "Lovelace",
                                "email": "ada@customer.example", "role": "GlobalAdministrator" },
                "acceptedAt": accepted.to_string(),
                "readConfirmed": true,
                "relationshipRef": { "name": name },
                "invitation": invitation,
            }),
        ),
    ]
}

/// The digest that the customer accepts, computed from the files alone as anybody can.
fn digest(relationship: &Value) -> String {
    use concordat::domain::{
        catalogue::Catalogue,
        state::{Absence, ObjectName, Uid},
        validate::{Objects, validate},
    };
    fn object<S>(name: &str, spec: S) -> Object<S> {
        Object {
            name: ObjectName { namespace: NAMESPACE.into(), name: name.into() },
            uid: Uid::of_file(),
            labels: Texts::new(),
            annotations: Texts::new(),
            presence: Presence::Present,
            source: None,
            spec,
        }
    }
    let mut objects = Objects::none(Absence::Keep);
    let offer = json!({
        "partner": { "tenantId": PARTNER, "displayName": "Contoso" },
        "type": "GranularDelegatedAdmin", "duration": "P730D", "roles": [ROLE, OTHER_ROLE],
    });
    objects.offers.push(object("helpdesk", serde_json::from_value(offer).unwrap()));
    let spec = serde_json::from_value(relationship.clone()).unwrap();
    objects.relationships.push(object("it", spec));
    let verdict = validate(&objects, Catalogue::compiled(), Timestamp::now());
    let wish = verdict.desired.relationships.values().next().unwrap();
    wish.invitation.digest().to_string()
}

pub fn grant(number: usize, grant: usize, not_after: Option<Timestamp>) -> Value {
    let mut spec = json!({
        "relationshipRef": { "name": format!("customer-{number}") },
        "grantee": { "securityGroup": { "id": guid(2, grant), "displayName": format!("group {grant}") } },
        "roles": [ROLE],
    });
    if let Some(not_after) = not_after {
        spec["notAfter"] = json!(not_after.to_string());
    }
    named("RoleGrant", &format!("grant-{number}-{grant}"), &spec)
}
