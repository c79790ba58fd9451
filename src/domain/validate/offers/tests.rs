//! What an offer may carry, type by type.
//!
//! Never: a rule without the text that a person reads.

use serde_json::{Value, json};

use super::{
    super::sample::{tells, verdict},
    *,
};

/// An offer of this type by itself.
fn offer(type_: &str, edits: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        ("relationship", Value::Null),
        ("grant", Value::Null),
        ("offer/spec/type", json!(type_)),
    ];
    all.extend_from_slice(edits);
    all
}

const NONE: Value = Value::Null;

#[test]
fn a_sound_input_has_no_problems() {
    tells(&[], "");
}

#[test]
fn r7_each_type_has_an_offer_that_is_right() {
    let cases = [
        ("GranularDelegatedAdmin", json!("P365D"), json!(["Helpdesk Administrator"])),
        ("Advisor", json!("P365D"), json!(["Global Administrator", "Helpdesk Administrator"])),
        ("Partner", json!("P365D"), json!(["AI Reader"])),
        ("Reseller", NONE, NONE),
        ("IndirectReseller", NONE, NONE),
        ("IndependentSoftwareVendor", NONE, NONE),
        ("LineOfBusiness", NONE, NONE),
        ("ProductsAndServicesAgreement", NONE, NONE),
        ("OriginalEquipmentManufacturer", NONE, NONE),
    ];
    for (type_, duration, roles) in cases {
        let edits = [("offer/spec/duration", duration), ("offer/spec/roles", roles)];
        tells(&offer(type_, &edits), "");
    }
}

#[test]
fn r8_a_type_without_roles_cannot_ask_for_any() {
    let without = [("offer/spec/duration", NONE)];
    tells(&offer("Reseller", &without), "@");
    tells(&offer("LineOfBusiness", &without), "@");
    tells(&offer("ProductsAndServicesAgreement", &without), "@");
}

#[test]
fn r39_an_oem_partner_never_gets_roles() {
    let edits = [("offer/spec/duration", NONE), ("offer/spec/roles", json!(["Directory Readers"]))];
    tells(&offer("OriginalEquipmentManufacturer", &edits), "@");
    let tasks = json!(["users/reset-password-non-admin"]);
    let edits =
        [("offer/spec/duration", NONE), ("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    let verdict = verdict(&offer("OriginalEquipmentManufacturer", &edits));
    assert_eq!(verdict.problems.len(), 1);
}

#[test]
fn a_legacy_offer_carries_exactly_its_two_roles() {
    let roles = |roles: Value| offer("Advisor", &[("offer/spec/roles", roles)]);
    tells(&roles(json!(["Global Administrator"])), "@");
    tells(
        &roles(json!(["Company Administrator", "Helpdesk Administrator", "User Administrator"])),
        "@",
    );
    tells(&roles(NONE), "@");
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/tasks", json!(["users/reset-password-non-admin"])),
    ];
    tells(&offer("Advisor", &edits), "@");
}

#[test]
fn the_older_delegated_administration_is_warned_of_wherever_it_is_used() {
    let both = json!(["Global Administrator", "Helpdesk Administrator"]);
    tells(&[("offer/spec/type", json!("DelegatedAdmin")), ("offer/spec/roles", both.clone())], "@");
    tells(&offer("ResellerAndDelegatedAdmin", &[("offer/spec/roles", both)]), "@");
}

#[test]
fn r36_mobile_devices_are_not_managed_on_behalf_of_a_customer() {
    let roles =
        json!(["Global Administrator", "Helpdesk Administrator", "Intune Service Administrator"]);
    tells(&offer("Advisor", &[("offer/spec/roles", roles)]), "@");
    tells(
        &offer("GranularDelegatedAdmin", &[("offer/spec/roles", json!(["Intune Administrator"]))]),
        "",
    );
}

#[test]
fn r38_domain_subscriptions_are_managed_by_the_customer_or_with_an_account_of_his() {
    let tasks =
        json!(["users/reset-password-non-admin", "custom-domain-names/manage-subscriptions"]);
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
    tells(&offer("Advisor", &edits), "@");

    let tasks = json!(["custom-domain-names/manage-subscriptions"]);
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    let (proposal, problems) = proposal(&offer("Partner", &edits));
    let names = partner_type::role_names(&proposal.unwrap().roles);
    assert_eq!(
        (names.as_str(), problems.len()),
        ("`Billing Administrator` and `Domain Name Administrator`", 0)
    );
}

fn proposal(edits: &[(&str, Value)]) -> (Option<Proposal>, Vec<Problem>) {
    let objects = super::super::sample::objects(&super::super::sample::edited(edits));
    proposal_of(&objects.offers[0], Catalogue::compiled())
}

#[test]
fn who_manages_says_what_and_for_how_long_and_who_does_not_says_neither() {
    tells(
        &offer(
            "GranularDelegatedAdmin",
            &[("offer/spec/roles", NONE), ("offer/spec/duration", NONE)],
        ),
        "@",
    );
    tells(&offer("Partner", &[("offer/spec/roles", NONE)]), "@");
    tells(&offer("Reseller", &[("offer/spec/roles", NONE)]), "@");
}

#[test]
fn only_mpsa_partners_share_what_they_see() {
    let edits = |visibility: &str| {
        [
            ("offer/spec/roles", NONE),
            ("offer/spec/duration", NONE),
            ("offer/spec/shareVisibility", json!(visibility)),
        ]
    };
    tells(&offer("ProductsAndServicesAgreement", &edits("Shared")), "");
    tells(&offer("Reseller", &edits("Private")), "@");
}

#[test]
fn a_role_is_known_by_its_name_its_old_names_and_its_template_id() {
    let roles = json!([
        "company administrator",
        "729827E3-9C14-49F7-BB1B-9608F156BBB8",
        "Power BI Administrator"
    ]);
    let (proposal, problems) =
        proposal(&offer("GranularDelegatedAdmin", &[("offer/spec/roles", roles)]));
    let names = partner_type::role_names(&proposal.unwrap().roles);
    assert_eq!(
        names,
        "`Fabric Administrator`, `Global Administrator` and `Helpdesk Administrator`"
    );
    assert_eq!(problems, []);
}

#[test]
fn an_unknown_role_or_task_is_refused_with_a_suggestion() {
    tells(
        &offer(
            "GranularDelegatedAdmin",
            &[("offer/spec/roles", json!(["Reports Reader", "Helpdesk Admin", "zzz"]))],
        ),
        "@",
    );
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/tasks", json!(["users/reset-pasword-non-admin"])),
    ];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
}

#[test]
fn one_role_under_two_names_is_told() {
    tells(
        &offer(
            "GranularDelegatedAdmin",
            &[("offer/spec/roles", json!(["Global Administrator", "Company Administrator"]))],
        ),
        "@",
    );
}

#[test]
fn a_role_that_gdap_does_not_support_is_refused_and_one_in_doubt_is_told() {
    let roles = json!([
        "Customer Delegated Admin Relationship Administrator",
        "Guest User",
        "AI Reader",
        "Edge Administrator",
        "Attribute Log Reader"
    ]);
    tells(&offer("GranularDelegatedAdmin", &[("offer/spec/roles", roles)]), "@");
}

#[test]
fn a_role_that_is_gone_hidden_or_given_by_the_system_is_told() {
    let roles = json!(["Partner Tier1 Support", "User", "Directory Synchronization Accounts"]);
    tells(&offer("Partner", &[("offer/spec/roles", roles)]), "@");
}

#[test]
fn tasks_that_no_role_covers_are_told_with_the_reason() {
    let tasks = json!(["azure-resources/no"]);
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
    let impossible = Catalogue::compiled()
        .tasks()
        .find(|task| Catalogue::compiled().solve(&[task], &Support::Gdap).is_err());
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", json!([impossible.unwrap().id]))];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
    let idle = Catalogue::compiled().tasks().find(|task| {
        Catalogue::compiled()
            .solve(&[task], &Support::Gdap)
            .is_ok_and(|solution| solution.roles.is_empty())
    });
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", json!([idle.unwrap().id]))];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
}

fn agreement() -> Value {
    json!({
        "type": "MicrosoftCustomerAgreement",
        "templateId": "117A77B0-9360-443B-8795-C6DEDC750CF9",
        "documents": [{"country": "DE", "language": "de", "sha256": "ab".repeat(32)}],
    })
}

#[test]
fn r4_the_microsoft_customer_agreement_is_of_the_global_cloud() {
    let edits =
        [("offer/spec/agreement", agreement()), ("offer/spec/cloud", json!("China21Vianet"))];
    tells(&offer("GranularDelegatedAdmin", &edits), "@");
    tells(&offer("GranularDelegatedAdmin", &edits[..1]), "");
}

#[test]
fn an_indirect_reseller_leaves_the_agreement_to_its_provider() {
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/duration", NONE),
        ("offer/spec/agreement", agreement()),
    ];
    tells(&offer("IndirectReseller", &edits), "@");
}

#[test]
fn an_offer_that_does_not_fit_its_schema_is_told_once() {
    tells(
        &offer("GranularDelegatedAdmin", &[("offer/spec/partner/tenantId", json!("contoso"))]),
        "@",
    );
    let mut objects = super::super::sample::objects(&super::super::sample::edited(&[(
        "offer/spec/partner/tenantId",
        json!("contoso"),
    )]));
    objects.invalid.insert(objects.offers[0].subject(Kind::PartnerOffer).key());
    let verdict =
        super::super::validate(&objects, Catalogue::compiled(), super::super::sample::now());
    assert_eq!(verdict.problems, []);
}
