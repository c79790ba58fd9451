//! Who may accept what.
//!
//! Never: an acceptance with errors among the answers.

use serde_json::{Value, json};

use super::super::sample::{GROUP, tells, verdict};
use crate::domain::{digest::Digest, state::ObjectName};

const NONE: Value = Value::Null;

fn digest(edits: &[(&str, Value)]) -> Digest {
    let name = ObjectName { namespace: "msp".into(), name: "acme".into() };
    verdict(edits).invitation(&name).unwrap().digest()
}

/// An acceptance of the invitation that the input makes, with further edits.
fn accepted(edits: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let of_input: Vec<_> =
        edits.iter().filter(|(path, _)| !path.starts_with("acceptance")).cloned().collect();
    let mut all = vec![
        ("acceptance/spec/relationshipRef", json!({"name": "acme"})),
        ("acceptance/spec/invitation", json!(digest(&of_input))),
    ];
    all.extend_from_slice(edits);
    all
}

#[test]
fn r19_an_acceptance_authorises_the_relationship_that_it_names_and_counts_for_the_agreement() {
    let edits = accepted(&[]);
    tells(&edits, "");
    let desired = verdict(&edits).desired;
    let relationship = desired.relationships.values().next().unwrap();
    assert_eq!(relationship.answers.len(), 1);
    assert_eq!(relationship.answers[0].invitation, Some(relationship.invitation.digest()));
    assert_eq!(relationship.agreements, relationship.answers);
    assert_eq!(desired.acceptances, []);
}

#[test]
fn r20_an_agreement_alone_authorises_nothing() {
    tells(&[("acceptance", json!({}))], "");
    let desired = verdict(&[("acceptance", json!({}))]).desired;
    let relationship = desired.relationships.values().next().unwrap();
    assert_eq!((relationship.answers.len(), relationship.agreements.len()), (0, 1));
    assert_eq!(desired.acceptances.len(), 1);
}

#[test]
fn r17_a_decline_answers_and_accepts_no_agreement() {
    let edits = accepted(&[("acceptance/spec/decision", json!("Decline"))]);
    tells(&edits, "");
    let desired = verdict(&edits).desired;
    let relationship = desired.relationships.values().next().unwrap();
    assert_eq!((relationship.answers.len(), relationship.agreements.len()), (1, 0));
}

#[test]
fn an_acceptance_counts_by_what_it_says_and_not_by_its_name() {
    let content = |name: &str| {
        let edits = accepted(&[("acceptance/name", json!(name))]);
        let verdict = verdict(&edits);
        verdict.desired.relationships.values().next().unwrap().answers[0].content
    };
    assert_eq!(content("one"), content("other"));
}

#[test]
fn r3_who_may_accept_depends_on_what_is_accepted() {
    let role = |role: &str| ("acceptance/spec/acceptedBy/role", json!(role));
    let harmless = [("offer/spec/roles", json!(["Reports Reader"])), ("grant", NONE)];
    tells(&accepted(&[role("BillingAdministrator")]), "
        error C0314 AgreementAcceptance/msp/acme-yes spec.acceptedBy.role: a `BillingAdministrator` may not accept a ceiling with a privileged role
        help: have it accepted by a Global Administrator or a Customer Delegated Admin Relationship Administrator
    ");
    tells(&accepted(&[harmless[0].clone(), harmless[1].clone(), role("BillingAdministrator")]), "");
    let manager = "CustomerDelegatedAdminRelationshipAdministrator";
    tells(&accepted(&[role(manager)]), "");
    let reseller = [
        ("offer/spec/type", json!("Reseller")),
        ("offer/spec/roles", NONE),
        ("offer/spec/duration", NONE),
        ("grant", NONE),
    ];
    let mut edits = reseller.to_vec();
    edits.push(role(manager));
    tells(&accepted(&edits), "
        error C0314 AgreementAcceptance/msp/acme-yes spec.acceptedBy.role: a `CustomerDelegatedAdminRelationshipAdministrator` may not accept a relationship of type `Reseller`
        help: have it accepted by a Billing Administrator or a Global Administrator
    ");
    tells(&[role(manager)], "
        error C0314 AgreementAcceptance/msp/acme-yes spec.acceptedBy.role: a `CustomerDelegatedAdminRelationshipAdministrator` may not accept an agreement
        help: have it accepted by a Billing Administrator or a Global Administrator
    ");
    tells(&[role("BillingAdministrator")], "");
}

#[test]
fn an_acceptance_is_never_of_the_future() {
    tells(&accepted(&[("acceptance/spec/acceptedAt", json!("2026-11-21T12:00:01Z"))]), "
        error C0401 AgreementAcceptance/msp/acme-yes spec.acceptedAt: it was accepted at 2026-11-21T12:00:01Z, in the future
        help: write when it was accepted, with the offset of that place
    ");
    tells(&accepted(&[("acceptance/spec/acceptedAt", json!("2026-11-21T13:00:00+01:00"))]), "");
}

#[test]
fn an_acceptance_names_the_tenants_of_its_relationship() {
    let edits = [
        ("acceptance/spec/customer/tenantId", json!(GROUP)),
        ("acceptance/spec/partner/tenantId", json!(GROUP)),
    ];
    tells(&accepted(&edits), "
        error C0312 AgreementAcceptance/msp/acme-yes spec.customer.tenantId: `dddddddd-0000-4000-8000-000000000001` is not the customer of `acme`, which is `cccccccc-0000-4000-8000-000000000001`
        help: name the relationship that was accepted, with its own tenants
        error C0312 AgreementAcceptance/msp/acme-yes spec.partner.tenantId: `dddddddd-0000-4000-8000-000000000001` is not the partner of `acme`, which is `aaaaaaaa-0000-4000-8000-000000000001`
        help: name the relationship that was accepted, with its own tenants
    ");
    let desired = verdict(&accepted(&edits)).desired;
    assert_eq!(desired.relationships.values().next().unwrap().answers, []);
}

#[test]
fn the_text_that_was_accepted_is_one_of_the_offer() {
    let agreement = json!({
        "type": "MicrosoftCustomerAgreement", "templateId": GROUP.to_uppercase(),
        "documents": [{"country": "DE", "language": "de", "sha256": "ab".repeat(32)}],
    });
    let offer = ("offer/spec/agreement", agreement);
    tells(&accepted(std::slice::from_ref(&offer)), "");
    tells(&accepted(&[offer, ("acceptance/spec/agreement/country", json!("FR"))]), "
        error C0313 AgreementAcceptance/msp/acme-yes spec.agreement: the text accepted for `FR` in `de` is not one that the offer names
        help: the texts of the offer stand in its `agreement.documents`; `concordat accept` shows the one to read
    ");
}

#[test]
fn l9_an_acceptance_of_what_was_offered_before_stays_right() {
    let agreement = json!({
        "type": "MicrosoftCustomerAgreement", "templateId": GROUP,
        "documents": [{"country": "DE", "language": "de", "sha256": "cd".repeat(32)}],
    });
    let edits = [
        ("acceptance/spec/relationshipRef", json!({"name": "acme"})),
        ("acceptance/spec/invitation", json!("0".repeat(64))),
        ("acceptance/spec/acceptedBy/role", json!("BillingAdministrator")),
        ("offer/spec/agreement", agreement),
    ];
    let verdict = verdict(&edits);
    let codes: Vec<_> = verdict.problems.iter().map(|problem| problem.code).collect();
    assert_eq!(codes, [super::NOT_THIS_INVITATION]);
    assert_eq!(verdict.desired.relationships.values().next().unwrap().answers.len(), 1);
}

#[test]
fn an_agreement_alone_that_no_offer_names_is_told() {
    let agreement = json!({
        "type": "MicrosoftCustomerAgreement", "templateId": GROUP,
        "documents": [{"country": "DE", "language": "de", "sha256": "ab".repeat(32)}],
    });
    let edits = [
        ("offer/spec/agreement", agreement),
        ("acceptance/spec/agreement/documentSha256", json!("cd".repeat(32))),
    ];
    tells(&edits[..1], "");
    tells(&edits, "
        warning C0313 AgreementAcceptance/msp/acme-yes spec.agreement: no offer between these tenants names the text that was accepted
        help: the texts of the offer stand in its `agreement.documents`; `concordat accept` shows the one to read
    ");
    let mut with_right = edits.to_vec();
    with_right.push(("more", json!("acceptance of-old")));
    with_right.push(("acceptance/spec/agreement/documentSha256", json!("ab".repeat(32))));
    tells(&with_right, "");
}

#[test]
fn an_acceptance_of_something_else_is_told_without_the_digest_to_paste() {
    let edits = accepted(&[("acceptance/spec/invitation", json!("0".repeat(64)))]);
    tells(&edits, "
        warning C0316 AgreementAcceptance/msp/acme-yes spec.invitation: what is proposed in `acme` now is not what was accepted here
        help: read it with `concordat offer --relationship acme`; where `concordat diff` says that it waits for the customer, have it accepted with `concordat accept`
    ");
    let digest = digest(&[]).to_string();
    assert!(!super::super::sample::text(&verdict(&edits).problems).contains(&digest));
}

#[test]
fn an_old_acceptance_beside_the_right_one_is_left_alone() {
    let mut edits = accepted(&[]);
    edits.push(("more", json!("acceptance of-old")));
    edits.push(("acceptance/name", json!("new")));
    let mut old = super::super::sample::edited(&edits);
    for value in &mut old {
        if value["name"] == "of-old" {
            value["spec"]["invitation"] = json!("0".repeat(64));
        }
    }
    let objects = super::super::sample::objects(&old);
    let catalogue = crate::domain::catalogue::Catalogue::compiled();
    let verdict = super::super::validate(&objects, catalogue, super::super::sample::now());
    assert_eq!(verdict.problems, []);
}

#[test]
fn an_acceptance_of_a_successor_is_no_surprise() {
    let name = ObjectName { namespace: "msp".into(), name: "acme".into() };
    let mut invitation = verdict(&[]).invitation(&name).unwrap().clone();
    invitation.name = "acme-3".to_owned();
    tells(&accepted(&[("acceptance/spec/invitation", json!(invitation.digest()))]), "");
}

#[test]
fn the_provider_of_an_indirect_reseller_attests() {
    let reseller = [
        ("offer/spec/type", json!("IndirectReseller")),
        ("offer/spec/roles", NONE),
        ("offer/spec/duration", NONE),
        ("grant", NONE),
    ];
    let mut alone = reseller.to_vec();
    alone.push(("acceptance", json!({})));
    tells(&alone, "
        error C0317 AgreementAcceptance/msp/acme-yes spec.partner.tenantId: an indirect reseller cannot attest an agreement: its provider does
        help: record it for the provider, whose tenant is then the `partner`
    ");
    tells(&accepted(&reseller), "");
}

#[test]
fn an_acceptance_names_a_relationship_that_is_there() {
    tells(&accepted(&[("acceptance/spec/relationshipRef/name", json!("acmee"))]), "
        error C0304 AgreementAcceptance/msp/acme-yes spec.relationshipRef.name: no relationship is called `acmee` in namespace `msp`
        help: did you mean `acme`?
    ");
}
