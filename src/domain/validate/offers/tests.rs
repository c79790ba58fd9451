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
    tells(
        &offer("Reseller", &without),
        "
        error C0208 PartnerOffer/msp/desk spec.roles: type `Reseller` sells, and carries no roles
        help: leave out `roles`, or choose type `GranularDelegatedAdmin` to manage the tenant
    ",
    );
    tells(&offer("LineOfBusiness", &without), "
        error C0208 PartnerOffer/msp/desk spec.roles: type `LineOfBusiness` is not available for the assignment of roles at all
        help: leave out `roles`, or choose type `GranularDelegatedAdmin` to manage the tenant
    ");
    tells(&offer("ProductsAndServicesAgreement", &without), "
        error C0208 PartnerOffer/msp/desk spec.roles: type `ProductsAndServicesAgreement` carries no roles
        help: leave out `roles`, or choose type `GranularDelegatedAdmin` to manage the tenant
    ");
}

#[test]
fn r39_an_oem_partner_never_gets_roles() {
    let edits = [("offer/spec/duration", NONE), ("offer/spec/roles", json!(["Directory Readers"]))];
    tells(&offer("OriginalEquipmentManufacturer", &edits), "
        error C0208 PartnerOffer/msp/desk spec.roles: type `OriginalEquipmentManufacturer` registers devices and never gets access to the tenant
        help: leave out `roles`, or choose type `GranularDelegatedAdmin` to manage the tenant
    ");
    let tasks = json!(["users/reset-password-non-admin"]);
    let edits =
        [("offer/spec/duration", NONE), ("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    let verdict = verdict(&offer("OriginalEquipmentManufacturer", &edits));
    assert_eq!(verdict.problems.len(), 1);
}

#[test]
fn a_legacy_offer_carries_exactly_its_two_roles() {
    let roles = |roles: Value| offer("Advisor", &[("offer/spec/roles", roles)]);
    tells(&roles(json!(["Global Administrator"])), "
        error C0211 PartnerOffer/msp/desk spec.roles: an offer of type `Advisor` carries exactly two roles: this one is without `Helpdesk Administrator`
        help: name `Global Administrator` and `Helpdesk Administrator`; a grant under it may carry one of them
    ");
    tells(
        &roles(json!(["Company Administrator", "Helpdesk Administrator", "User Administrator"])),
        "
        error C0211 PartnerOffer/msp/desk spec.roles: an offer of type `Advisor` carries exactly two roles: this one cannot carry `User Administrator`
        help: name `Global Administrator` and `Helpdesk Administrator`; a grant under it may carry one of them
    ",
    );
    tells(&roles(NONE), "
        error C0211 PartnerOffer/msp/desk spec.roles: an offer of type `Advisor` carries exactly two roles: this one is without `Global Administrator` and `Helpdesk Administrator`
        help: name `Global Administrator` and `Helpdesk Administrator`; a grant under it may carry one of them
    ");
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/tasks", json!(["users/reset-password-non-admin"])),
    ];
    tells(&offer("Advisor", &edits), "
        error C0211 PartnerOffer/msp/desk spec.tasks: an offer of type `Advisor` carries two fixed roles, not tasks
        help: name `Global Administrator` and `Helpdesk Administrator`; a grant under it may carry one of them
    ");
}

#[test]
fn the_older_delegated_administration_is_warned_of_wherever_it_is_used() {
    let both = json!(["Global Administrator", "Helpdesk Administrator"]);
    tells(&[("offer/spec/type", json!("DelegatedAdmin")), ("offer/spec/roles", both.clone())], "
        warning C0212 PartnerOffer/msp/desk spec.type: type `DelegatedAdmin` is the older delegated administration (DAP): it gives `Global Administrator`, and Microsoft admits no new ones
        help: move to `GranularDelegatedAdmin`, with the roles that are needed
        warning C0212 PartnerRelationship/msp/acme spec.offerRef: type `DelegatedAdmin` is the older delegated administration (DAP): it gives `Global Administrator`, and Microsoft admits no new ones
        help: move to `GranularDelegatedAdmin`, with the roles that are needed
    ");
    tells(&offer("ResellerAndDelegatedAdmin", &[("offer/spec/roles", both)]), "
        warning C0212 PartnerOffer/msp/desk spec.type: type `ResellerAndDelegatedAdmin` is the older delegated administration (DAP): it gives `Global Administrator`, and Microsoft admits no new ones
        help: move to `GranularDelegatedAdmin`, with the roles that are needed
    ");
}

#[test]
fn r36_mobile_devices_are_not_managed_on_behalf_of_a_customer() {
    let roles =
        json!(["Global Administrator", "Helpdesk Administrator", "Intune Service Administrator"]);
    tells(&offer("Advisor", &[("offer/spec/roles", roles)]), "
        error C0213 PartnerOffer/msp/desk spec.roles[2]: `Intune Administrator` cannot be delegated under type `Advisor`: mobile devices are not managed on behalf of the customer
        help: use type `GranularDelegatedAdmin`, which supports it
    ");
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
    tells(&offer("GranularDelegatedAdmin", &edits), "
        error C0214 PartnerOffer/msp/desk spec.tasks[1]: subscriptions of a domain cannot be managed on behalf of the customer
        help: the customer does it with an account of the own tenant that holds both `Domain Name Administrator` and `Billing Administrator`
    ");
    tells(&offer("Advisor", &edits), "
        error C0214 PartnerOffer/msp/desk spec.tasks[1]: subscriptions of a domain cannot be managed on behalf of the customer
        help: the customer does it with an account of the own tenant that holds both `Domain Name Administrator` and `Billing Administrator`
    ");

    let tasks = json!(["custom-domain-names/manage-subscriptions"]);
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    let (proposal, problems) = proposal(&offer("Partner", &edits));
    let names = partner_type::role_names(&proposal.roles);
    assert_eq!(
        (names.as_str(), problems.len()),
        ("`Billing Administrator` and `Domain Name Administrator`", 0)
    );
}

fn proposal(edits: &[(&str, Value)]) -> (Proposal, Vec<Problem>) {
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
        "
        error C0219 PartnerOffer/msp/desk spec: an offer of type `GranularDelegatedAdmin` needs the roles that it asks for
        help: name `roles`, or `tasks` that are turned into the fewest roles
        error C0217 PartnerOffer/msp/desk spec.duration: an offer of type `GranularDelegatedAdmin` needs a duration
        help: say for how long, for example `duration: P365D`; at most `P730D`
    ",
    );
    tells(&offer("Partner", &[("offer/spec/roles", NONE)]), "
        error C0219 PartnerOffer/msp/desk spec: an offer of type `Partner` needs the roles that it asks for
        help: name `roles`, or `tasks` that are turned into the fewest roles
    ");
    tells(&offer("Reseller", &[("offer/spec/roles", NONE)]), "
        error C0218 PartnerOffer/msp/desk spec.duration: type `Reseller` sells, and carries no roles, so there is nothing that could end
        help: leave out `duration`
    ");
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
    tells(&offer("Reseller", &edits("Private")), "
        error C0216 PartnerOffer/msp/desk spec.shareVisibility: type `Reseller` shows its purchases to nobody
        help: leave out `shareVisibility`: it is of type `ProductsAndServicesAgreement`
    ");
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
    let names = partner_type::role_names(&proposal.roles);
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
        "
        error C0201 PartnerOffer/msp/desk spec.roles[1]: no role is called `Helpdesk Admin`
        help: did you mean `Helpdesk Administrator`?
        error C0201 PartnerOffer/msp/desk spec.roles[2]: no role is called `zzz`
        help: `concordat roles list` names every role; or say what is to be done: `concordat roles tasks` lists it, and `concordat roles solve TASK` names the role for it
    ",
    );
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/tasks", json!(["users/reset-pasword-non-admin"])),
    ];
    tells(&offer("GranularDelegatedAdmin", &edits), "
        error C0202 PartnerOffer/msp/desk spec.tasks[0]: no task is called `users/reset-pasword-non-admin`
        help: did you mean `users/reset-password-non-admin`, `users/reset-password-limited-admin` or `users/reset-password-privileged-admin`?
    ");
}

#[test]
fn one_role_under_two_names_is_told() {
    tells(
        &offer(
            "GranularDelegatedAdmin",
            &[("offer/spec/roles", json!(["Global Administrator", "Company Administrator"]))],
        ),
        "
        warning C0203 PartnerOffer/msp/desk spec.roles[1]: `Company Administrator` is `Global Administrator`, which stands above already
        help: name each role once
    ",
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
    tells(&offer("GranularDelegatedAdmin", &[("offer/spec/roles", roles)]), "
        error C0206 PartnerOffer/msp/desk spec.roles[0]: `Customer Delegated Admin Relationship Administrator` cannot be given by granular delegated administration
        help: use an account of the customer's own tenant (type `Partner`), or another role: `concordat roles list`
        error C0205 PartnerOffer/msp/desk spec.roles[1]: `Guest User` is given by the system, and by nobody else
        help: `concordat roles list` names the roles that can be given
        warning C0207 PartnerOffer/msp/desk spec.roles[2]: nobody at Microsoft has said that granular delegated administration supports `AI Reader`
        help: try it with one customer first: Microsoft may refuse the whole invitation
        warning C0207 PartnerOffer/msp/desk spec.roles[3]: nobody at Microsoft has said that granular delegated administration supports `Edge Administrator`
        help: try it with one customer first: Microsoft may refuse the whole invitation
    ");
}

#[test]
fn a_role_that_is_gone_hidden_or_given_by_the_system_is_told() {
    let roles = json!(["Partner Tier1 Support", "User", "Directory Synchronization Accounts"]);
    tells(&offer("Partner", &[("offer/spec/roles", roles)]), "
        error C0205 PartnerOffer/msp/desk spec.roles[0]: Microsoft has deprecated the role `Partner Tier1 Support`
        help: `concordat roles list` names the roles that can be given
        error C0205 PartnerOffer/msp/desk spec.roles[1]: `User` is given by the system, and by nobody else
        help: `concordat roles list` names the roles that can be given
        warning C0205 PartnerOffer/msp/desk spec.roles[2]: Microsoft hides the role `Directory Synchronization Accounts`, or advises against its use
        help: look for another role with `concordat roles solve TASK`
    ");
}

#[test]
fn tasks_that_no_role_covers_are_told_with_the_reason() {
    let tasks = json!(["azure-resources/no"]);
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", tasks)];
    tells(
        &offer("GranularDelegatedAdmin", &edits),
        "
        error C0202 PartnerOffer/msp/desk spec.tasks[0]: no task is called `azure-resources/no`
        help: `concordat roles tasks` names every task
    ",
    );
    let impossible = Catalogue::compiled()
        .tasks()
        .find(|task| Catalogue::compiled().solve(&[task], &Support::Gdap).is_err());
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", json!([impossible.unwrap().id]))];
    tells(&offer("GranularDelegatedAdmin", &edits), "
        error C0204 PartnerOffer/msp/desk spec.tasks: no role that may be used covers `connect-health/add-or-delete-services`; it is done by `Owner (Azure RBAC)`
        help: name the roles instead: `concordat roles list`
    ");
    let idle = Catalogue::compiled().tasks().find(|task| {
        Catalogue::compiled()
            .solve(&[task], &Support::Gdap)
            .is_ok_and(|solution| solution.roles.is_empty())
    });
    let edits = [("offer/spec/roles", NONE), ("offer/spec/tasks", json!([idle.unwrap().id]))];
    tells(&offer("GranularDelegatedAdmin", &edits), "
        error C0204 PartnerOffer/msp/desk spec.tasks: these tasks need no role: every user of the tenant can do them
        help: name the roles instead: `concordat roles list`
    ");
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
    tells(&offer("GranularDelegatedAdmin", &edits), "
        error C0311 PartnerOffer/msp/desk spec.agreement: the Microsoft Customer Agreement does not exist in cloud `China21Vianet`
        help: leave out `agreement`, and settle the agreement of that cloud with Microsoft
    ");
    tells(&offer("GranularDelegatedAdmin", &edits[..1]), "");
}

#[test]
fn an_indirect_reseller_leaves_the_agreement_to_its_provider() {
    let edits = [
        ("offer/spec/roles", NONE),
        ("offer/spec/duration", NONE),
        ("offer/spec/agreement", agreement()),
    ];
    tells(&offer("IndirectReseller", &edits), "
        error C0317 PartnerOffer/msp/desk spec.agreement: an indirect reseller cannot attest an agreement: its provider does
        help: leave out `agreement`; the provider's own offer carries it
    ");
}

#[test]
fn an_offer_that_does_not_fit_its_schema_is_told_once() {
    tells(
        &offer("GranularDelegatedAdmin", &[("offer/spec/partner/tenantId", json!("contoso"))]),
        "
        error C0301 PartnerOffer/msp/desk spec.partner.tenantId: `contoso` is not a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8`
        help: `kubectl explain PartnerOffer.spec` shows each field
    ",
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
