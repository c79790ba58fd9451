//! One good object of each kind, which the other files break.
//!
//! Never: an object that the verdict refuses.

use serde_json::{Value, json};

use super::verdict;

pub const GUID: &str = "11111111-1111-1111-1111-111111111111";

#[test]
fn good_objects_pass_and_get_their_defaults() {
    for mut object in [offer(), relationship(), grant(), acceptance(), boundary()] {
        assert_eq!(verdict(&mut object, None), "", "{object:#}");
        assert_eq!(verdict(&mut object, None), "", "with defaults: {object:#}");
    }
    let mut object = relationship();
    verdict(&mut object, None);
    assert_eq!(object["spec"]["renewal"], json!({ "mode": "Notify", "before": "P60D" }));
    assert_eq!(object["spec"]["deletionPolicy"], "Revoke");
    assert_eq!(object["spec"]["suspend"], false);
    assert_eq!(object.get("status"), None);
}

#[test]
fn every_kind_becomes_its_rust_type_and_comes_back() {
    use concordat::api::{
        AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant,
    };
    fn there_and_back<K: serde::de::DeserializeOwned + serde::Serialize>(mut object: Value) {
        verdict(&mut object, None);
        let typed: K = serde_json::from_value(object.clone()).unwrap();
        assert_eq!(serde_json::to_value(&typed).unwrap(), object);
    }
    there_and_back::<PartnerOffer>(offer());
    there_and_back::<PartnerRelationship>(relationship());
    there_and_back::<RoleGrant>(grant());
    there_and_back::<AgreementAcceptance>(acceptance());
    there_and_back::<PartnerBoundary>(boundary());
}

fn object(kind: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "concordat.dev/v1alpha1",
        "kind": kind,
        "metadata": { "name": "sample", "namespace": "msp-helpdesk" },
        "spec": spec,
    })
}

pub fn offer() -> Value {
    object(
        "PartnerOffer",
        &json!({
            "partner": { "tenantId": GUID, "displayName": "Contoso" },
            "type": "GranularDelegatedAdmin",
            "duration": "P365D",
            "roles": ["User Administrator", "Helpdesk Administrator"],
            "agreement": {
                "type": "MicrosoftCustomerAgreement",
                "templateId": GUID,
                "documents": [{ "country": "DE", "language": "de", "sha256": "a".repeat(64) }],
            },
            "terms": { "url": "https://example.com/terms", "sha256": "a".repeat(64) },
        }),
    )
}

pub fn relationship() -> Value {
    object(
        "PartnerRelationship",
        &json!({
            "customer": { "tenantId": GUID, "displayName": "Acme" },
            "displayName": "acme-helpdesk",
            "offerRef": { "name": "helpdesk" },
        }),
    )
}

pub fn grant() -> Value {
    object(
        "RoleGrant",
        &json!({
            "relationshipRef": { "name": "acme" },
            "grantee": { "securityGroup": { "id": GUID, "displayName": "Helpdesk" } },
            "roles": ["Helpdesk Administrator"],
            "notAfter": "2027-01-01T00:00:00Z",
            "justification": "first level support",
        }),
    )
}

pub fn acceptance() -> Value {
    object(
        "AgreementAcceptance",
        &json!({
            "decision": "Accept",
            "customer": { "tenantId": GUID },
            "partner": { "tenantId": GUID },
            "agreement": {
                "type": "MicrosoftCustomerAgreement",
                "templateId": GUID,
                "country": "DE",
                "language": "de",
                "documentSha256": "a".repeat(64),
            },
            "acceptedBy": {
                "firstName": "Ada",
                "lastName": "Lovelace",
                "email": "ada@example.com",
                "role": "GlobalAdministrator",
            },
            "acceptedAt": "2026-11-21T10:00:00Z",
            "readConfirmed": true,
            "relationshipRef": { "name": "acme" },
            "invitation": "a".repeat(64),
        }),
    )
}

pub fn boundary() -> Value {
    object(
        "PartnerBoundary",
        &json!({
            "namespaces": ["msp-helpdesk"],
            "partner": { "tenantId": GUID, "certifiedFor": ["GranularDelegatedAdmin"] },
            "customers": { "tenantIds": [GUID] },
            "grantees": { "any": true },
            "roles": { "allowed": ["Helpdesk Administrator"] },
            "privileged": { "maxWindow": "PT8H" },
            "limits": { "window": "PT1H", "revocations": { "count": 25 } },
        }),
    )
}
