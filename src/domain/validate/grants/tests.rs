//! What a grant may ask for, and of which relationships.
//!
//! Never: a grant judged without its offer.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::sample::{CUSTOMER, GROUP, PARTNER, tells, verdict};
use crate::domain::{
    catalogue::{Catalogue, MANAGE_DOMAIN_SUBSCRIPTIONS, Support, Task},
    ids::HELPDESK_ADMINISTRATOR,
    problem::Severity,
};

const NONE: Value = Value::Null;

fn of_type(type_: &str, edits: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let mut all = vec![("offer/spec/type", json!(type_))];
    if type_ == "Advisor" {
        all.push(("offer/spec/roles", json!(["Global Administrator", "Helpdesk Administrator"])));
    } else if type_ != "GranularDelegatedAdmin" && type_ != "Partner" {
        all.push(("offer/spec/roles", NONE));
        all.push(("offer/spec/duration", NONE));
    }
    all.extend_from_slice(edits);
    all
}

#[test]
fn r28_a_grant_under_a_type_without_roles_is_refused_with_the_way_out() {
    tells(&of_type("Reseller", &[]), "
        error C0209 RoleGrant/msp/first-line spec.roles: `acme`: type `Reseller` sells, and carries no roles
        help: delete the grant; removing roles is not offered for this type: contact the partner
    ");
    tells(&of_type("LineOfBusiness", &[]), "
        error C0209 RoleGrant/msp/first-line spec.roles: `acme`: type `LineOfBusiness` is not available for the assignment of roles at all
        help: delete the grant; removing roles is not offered for this type: contact the partner
    ");
}

#[test]
fn r39_a_grant_under_an_oem_partner_is_refused() {
    tells(&of_type("OriginalEquipmentManufacturer", &[]), "
        error C0209 RoleGrant/msp/first-line spec.roles: `acme`: type `OriginalEquipmentManufacturer` registers devices and never gets access to the tenant
        help: delete the grant; removing roles is not offered for this type: contact the partner
    ");
    let edits =
        [("grant/spec/roles", NONE), ("grant/spec/accessLevel", json!("FullAdministration"))];
    assert_eq!(verdict(&of_type("OriginalEquipmentManufacturer", &edits)).problems.len(), 1);
}

#[test]
fn r26_a_grant_lies_within_the_roles_that_the_customer_accepted() {
    tells(&[("grant/spec/roles", json!(["User Administrator", "Reports Reader"]))], "
        error C0308 RoleGrant/msp/first-line spec.roles: the offer of `acme` does not carry `User Administrator`
        help: ask for what the offer carries, or move the relationship to a new offer, which the customer must accept
    ");
    let selector = json!({"matchLabels": {"tier": "gold"}});
    let edits = [
        ("grant/spec/roles", json!(["User Administrator"])),
        ("grant/spec/relationshipRef", NONE),
        ("grant/spec/relationshipSelector", selector),
        ("more", json!("relationship beta")),
        ("more", json!("relationship gamma")),
        ("more", json!("relationship delta")),
    ];
    tells(&edits, "
        error C0308 RoleGrant/msp/first-line spec.roles: the offer of `acme`, `beta`, `delta` and 1 more does not carry `User Administrator`
        help: ask for what the offer carries, or move the relationship to a new offer, which the customer must accept
    ");
}

#[test]
fn r33_an_access_level_is_a_shorthand_of_the_legacy_types() {
    let level = |type_: &str, level: &str| {
        of_type(type_, &[("grant/spec/roles", NONE), ("grant/spec/accessLevel", json!(level))])
    };
    for (name, role) in [
        ("FullAdministration", "`Global Administrator`"),
        ("LimitedAdministration", "`Helpdesk Administrator`"),
    ] {
        let verdict = verdict(&level("Advisor", name));
        assert_eq!(verdict.problems, []);
        let relationship = verdict.desired.relationships.values().next().unwrap();
        let grant = relationship.grants.values().next().unwrap();
        assert_eq!(super::role_names(&grant.roles), role);
        assert_eq!(grant.asked.words.iter().collect::<Vec<_>>(), [name]);
    }
    tells(&level("GranularDelegatedAdmin", "LimitedAdministration"), "
        error C0215 RoleGrant/msp/first-line spec.accessLevel: `acme`: type `GranularDelegatedAdmin` has no access levels
        help: `LimitedAdministration` stands for `Helpdesk Administrator`: name it in `roles`
    ");
}

#[test]
fn a_legacy_grant_may_carry_one_of_the_two_roles_and_nothing_else() {
    tells(&of_type("Advisor", &[]), "");
    tells(&of_type("Advisor", &[("grant/spec/roles", json!(["User Administrator"]))]), "
        error C0308 RoleGrant/msp/first-line spec.roles: the offer of `acme` does not carry `User Administrator`
        help: ask for what the offer carries, or move the relationship to a new offer, which the customer must accept
    ");
}

#[test]
fn r36_mobile_devices_are_not_granted_under_a_legacy_type() {
    tells(&of_type("Advisor", &[("grant/spec/roles", json!(["Intune Administrator"]))]), "
        error C0213 RoleGrant/msp/first-line spec.roles[0]: `Intune Administrator` cannot be delegated under type `Advisor`: mobile devices are not managed on behalf of the customer
        help: use type `GranularDelegatedAdmin`, which supports it
    ");
}

#[test]
fn r38_a_grant_does_not_manage_domain_subscriptions() {
    let tasks = json!(["custom-domain-names/manage-subscriptions"]);
    tells(&[("grant/spec/roles", NONE), ("grant/spec/tasks", tasks)], "
        error C0214 RoleGrant/msp/first-line spec.tasks[0]: subscriptions of a domain cannot be managed on behalf of the customer
        help: the customer does it with an account of the own tenant that holds both `Domain Name Administrator` and `Billing Administrator`
    ");
}

#[test]
fn a_privileged_role_needs_a_reason() {
    tells(
        &[("grant/spec/justification", json!("  "))],
        "
        error C0222 RoleGrant/msp/first-line spec.justification: `Helpdesk Administrator` is privileged: say why
        help: write a `justification` for the person who reviews it
    ",
    );
    let roles =
        [("grant/spec/roles", json!(["Reports Reader"])), ("grant/spec/justification", NONE)];
    tells(&roles, "");
}

#[test]
fn the_sort_of_grantee_is_that_of_the_type() {
    let user = json!({"customerUser": {"id": GROUP, "displayName": "Grace"}});
    tells(&[("grant/spec/grantee", user.clone())], "
        error C0223 RoleGrant/msp/first-line spec.grantee: `acme`: under `GranularDelegatedAdmin` a security group of the partner holds roles
        help: name `securityGroup`; users of the customer hold roles under type `Partner`
    ");
    tells(&of_type("Partner", &[]), "
        error C0223 RoleGrant/msp/first-line spec.grantee: `acme`: under `Partner` a user of the customer's tenant holds roles
        help: name `customerUser`, the account that the partner has with the customer
    ");
    tells(&of_type("Partner", &[("grant/spec/grantee", user)]), "");
}

#[test]
fn an_id_is_a_group_or_a_user_and_not_both() {
    let user = json!({"customerUser": {"id": GROUP, "displayName": "Grace"}});
    let edits = [
        (
            "more",
            json!({
                "kind": "PartnerOffer", "name": "accounts", "spec": {
                    "partner": {"tenantId": PARTNER, "displayName": "Contoso"}, "type": "Partner",
                    "duration": "P30D", "roles": ["Reports Reader"]},
            }),
        ),
        (
            "more",
            json!({
                "kind": "PartnerRelationship", "name": "accounts", "spec": {
                    "customer": {"tenantId": CUSTOMER, "displayName": "Acme"},
                    "displayName": "accounts", "offerRef": {"name": "accounts"}},
            }),
        ),
        (
            "more",
            json!({
                "kind": "RoleGrant", "name": "grace", "spec": {
                    "relationshipRef": {"name": "accounts"}, "grantee": user,
                    "roles": ["Reports Reader"]},
            }),
        ),
    ];
    tells(&edits, "
        error C0310 RoleGrant/msp/grace spec.grantee: `dddddddd-0000-4000-8000-000000000001` is a user here and a security group in `msp/first-line`
        help: an object id is one thing only: look it up again
    ");
}

#[test]
fn tasks_become_the_fewest_roles_that_the_offer_carries() {
    let task = "users/reset-password-non-admin";
    let edits = |offered: Value| {
        [
            ("offer/spec/roles", offered),
            ("grant/spec/roles", NONE),
            ("grant/spec/tasks", json!([task])),
        ]
    };
    let roles = |offered: Value| {
        let verdict = verdict(&edits(offered));
        let relationship = verdict.desired.relationships.values().next().unwrap();
        super::role_names(&relationship.grants.values().next().unwrap().roles)
    };
    assert_eq!(
        roles(json!(["Helpdesk Administrator", "Password Administrator"])),
        "`Password Administrator`"
    );
    assert_eq!(roles(json!(["User Administrator"])), "`User Administrator`");
    tells(&edits(json!(["Reports Reader"])), "
        error C0308 RoleGrant/msp/first-line spec.tasks: the offer of `acme` does not carry `Password Administrator`
        help: ask for what the offer carries, or move the relationship to a new offer, which the customer must accept
        warning C0225 PartnerOffer/msp/desk spec.roles: no task of a grant under this offer needs `Reports Reader`
        help: ask the customer for no more than is needed: name the tasks in the offer too
    ");
}

#[test]
fn a_grant_may_name_some_of_the_tasks_of_its_offer() {
    let catalogue = Catalogue::compiled();
    let usable = |task: &&Task| {
        catalogue.solve(&[task], &Support::Gdap).is_ok_and(|solution| !solution.roles.is_empty())
            && task.id.as_str() != MANAGE_DOMAIN_SUBSCRIPTIONS
    };
    let tasks: Vec<_> = catalogue.tasks().filter(usable).map(|task| &task.id).collect();
    assert!(tasks.len() > 100);
    for some in tasks.chunks(5) {
        for one in some {
            let edits = [
                ("offer/spec/roles", NONE),
                ("offer/spec/tasks", json!(some)),
                ("grant/spec/roles", NONE),
                ("grant/spec/tasks", json!([one])),
            ];
            let problems = verdict(&edits).problems;
            let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
            assert_eq!(errors.count(), 0, "{one} of {some:?}: {problems:?}");
        }
    }
}

#[test]
fn tasks_under_a_legacy_type_become_one_of_its_two_roles() {
    let pair = Support::Only(BTreeSet::from([HELPDESK_ADMINISTRATOR]));
    let mut tasks = Catalogue::compiled().tasks();
    let task = tasks.find(|task| {
        let solved = Catalogue::compiled().solve(&[task], &pair);
        solved.is_ok_and(|solution| !solution.roles.is_empty())
    });
    let tasks = json!([task.unwrap().id]);
    let edits = of_type("Advisor", &[("grant/spec/roles", NONE), ("grant/spec/tasks", tasks)]);
    let verdict = verdict(&edits);
    assert_eq!(verdict.problems, []);
    let relationship = verdict.desired.relationships.values().next().unwrap();
    let grant = relationship.grants.values().next().unwrap();
    assert_eq!(super::role_names(&grant.roles), "`Helpdesk Administrator`");
    let tasks = json!(["users/reset-password-non-admin"]);
    tells(&of_type("Advisor", &[("grant/spec/roles", NONE), ("grant/spec/tasks", tasks)]), "
        error C0204 RoleGrant/msp/first-line spec.tasks: `acme`: no role that may be used covers `users/reset-password-non-admin` (Password Administrator: not among the roles that may be used; User Administrator: not among the roles that may be used)
        help: name one of the two roles of the type, or an `accessLevel`
    ");
}

#[test]
fn an_offer_that_asks_for_more_than_its_tasks_need_is_told() {
    let edits = [
        ("grant/spec/roles", NONE),
        ("grant/spec/tasks", json!(["users/reset-password-non-admin"])),
        ("offer/spec/roles", json!(["Password Administrator", "User Administrator"])),
    ];
    tells(&edits, "
        warning C0225 PartnerOffer/msp/desk spec.roles: no task of a grant under this offer needs `User Administrator`
        help: ask the customer for no more than is needed: name the tasks in the offer too
    ");
}

#[test]
fn two_grants_that_say_the_same_are_told() {
    let mut edits = vec![("more", json!("grant first-line-again"))];
    tells(&edits, "
        warning C0309 RoleGrant/msp/first-line-again spec: `first-line` gives the same roles to the same grantee in the same window under `acme`
        help: keep one of the two: the roles are held until both are gone
    ");
    edits.push(("grant/spec/notAfter", json!("2027-01-01T00:00:00Z")));
    tells(&edits, "");
}

#[test]
fn roles_that_do_not_go_well_together_are_told_also_across_grants() {
    let edits = [
        ("offer/spec/roles", json!(["User Administrator", "Guest Inviter", "Directory Readers"])),
        ("grant/spec/roles", json!(["Guest Inviter"])),
        ("more", json!("grant other")),
        ("grant/spec/roles", json!(["User Administrator"])),
    ];
    tells(&edits, "
        warning C0224 RoleGrant/msp/other spec: `Guest Inviter` beside `User Administrator` breaks the latter under GDAP; it invites guests already
        help: `concordat roles solve TASK` finds the roles that a task needs
    ");
    let edits = [
        ("offer/spec/roles", json!(["Directory Readers"])),
        ("grant/spec/roles", json!(["Directory Readers"])),
    ];
    tells(&edits, "
        warning C0224 RoleGrant/msp/first-line spec: `Directory Readers` alone cannot sign in to the Microsoft 365 admin center
        help: `concordat roles solve TASK` finds the roles that a task needs
    ");
}

#[test]
fn a_window_that_is_over_is_told_and_gives_nothing_more() {
    tells(&[("grant/spec/notAfter", json!("2026-11-21T12:00:00Z"))], "
        warning C0402 RoleGrant/msp/first-line spec.notAfter: the window was over at 2026-11-21T12:00:00Z: nothing is given
        help: delete the grant, or set a later `notAfter`
    ");
}

#[test]
fn a_grant_that_does_not_fit_its_schema_is_told() {
    tells(
        &[("grant/spec/relationshipRef", NONE), ("grant/spec/roles", NONE)],
        "
        error C0301 RoleGrant/msp/first-line spec: the relationship is missing
        help: `kubectl explain RoleGrant.spec` shows each field
        error C0301 RoleGrant/msp/first-line spec: the roles are missing
        help: `kubectl explain RoleGrant.spec` shows each field
    ",
    );
    tells(
        &[("grant/spec/grantee", json!({}))],
        "
        error C0301 RoleGrant/msp/first-line spec.grantee: the grantee is missing
        help: `kubectl explain RoleGrant.spec` shows each field
    ",
    );
    tells(&[("grant/spec/grantee/securityGroup/id", json!("first line"))], "
        error C0301 RoleGrant/msp/first-line spec.grantee.securityGroup.id: `first line` is not a GUID such as `729827e3-9c14-49f7-bb1b-9608f156bbb8`
        help: `kubectl explain RoleGrant.spec` shows each field
    ");
}
