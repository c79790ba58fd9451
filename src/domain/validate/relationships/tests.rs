//! What a relationship may say besides its offer.
//!
//! Never: a name in the store that two relationships share.

use serde_json::{Value, json};

use super::{
    super::sample::{PARTNER, edited, objects, tells, verdict},
    *,
};
use crate::domain::state::Standing;

const NONE: Value = Value::Null;

#[test]
fn what_has_global_administrator_is_not_extended_by_itself() {
    let extended = ("relationship/spec/autoExtendDuration", json!("P180D"));
    tells(std::slice::from_ref(&extended), "");
    let edits = [
        extended.clone(),
        ("offer/spec/roles", json!(["Global Administrator", "Helpdesk Administrator"])),
    ];
    tells(&edits, "
        error C0220 PartnerRelationship/msp/acme spec.autoExtendDuration: a relationship with `Global Administrator` cannot be extended by itself
        help: leave out `autoExtendDuration`, or move to an offer without `Global Administrator`
    ");
    let edits = [edits[0].clone(), edits[1].clone(), ("offer/spec/type", json!("Advisor"))];
    tells(&edits, "
        error C0221 PartnerRelationship/msp/acme spec.autoExtendDuration: type `Advisor` is never extended by itself
        help: leave out `autoExtendDuration`: only `GranularDelegatedAdmin` has it
    ");
}

#[test]
fn two_relationships_do_not_share_a_name_in_the_store() {
    let edits =
        [("more", json!("relationship beta")), ("relationship/spec/displayName", json!("beta"))];
    tells(&edits, "
        error C0306 PartnerRelationship/msp/beta spec.displayName: `beta` is the name of `acme` in the store too
        help: give each relationship of a partner a `displayName` of its own; it cannot change later
        error C0306 PartnerRelationship/msp/acme spec.displayName: `beta` is the name of `beta` in the store too
        help: give each relationship of a partner a `displayName` of its own; it cannot change later
    ");
}

#[test]
fn of_two_under_one_name_the_one_that_leaves_can_go() {
    for leaving in ["acme", "beta"] {
        let edits = [
            ("more", json!("relationship beta")),
            ("relationship/spec/displayName", json!("beta")),
        ];
        let mut values = edited(&edits);
        for value in &mut values {
            value["deleting"] = json!(value["name"] == leaving);
        }
        let verdict = super::super::validate(
            &objects(&values),
            crate::domain::catalogue::Catalogue::compiled(),
            super::super::sample::now(),
        );
        let wish = verdict.desired.relationships.values().next().unwrap();
        assert_eq!((wish.object.name.as_str(), wish.standing), (leaving, Standing::Deleted));
    }
}

#[test]
fn the_name_of_a_successor_is_left_free() {
    for name in ["acme-2", "acme-17"] {
        let edits = [("more", json!(format!("relationship {name}")))];
        let problems = verdict(&edits).problems;
        assert_eq!(
            problems.iter().map(|problem| problem.code).collect::<Vec<_>>(),
            [NAME_OF_A_SUCCESSOR],
            "{name}"
        );
    }
    for name in ["acme-1", "acme-02", "acme-two", "beta-2", "acme2"] {
        tells(&[("more", json!(format!("relationship {name}")))], "");
    }
    tells(&[("more", json!("relationship acme-2"))], "
        error C0307 PartnerRelationship/msp/acme-2 spec.displayName: a successor of `acme` would get the name `acme-2`
        help: choose a `displayName` that does not end like that; it cannot change later
    ");
}

#[test]
fn a_renewal_begins_after_the_relationship() {
    let edits = |mode: &str, before: &str| {
        [("relationship/spec/renewal", json!({"mode": mode, "before": before}))]
    };
    tells(&edits("Invite", "P364D"), "");
    tells(&edits("Notify", "P400D"), "");
    tells(&edits("Invite", "P365D"), "
        error C0405 PartnerRelationship/msp/acme spec.renewal.before: the customer would be invited again `P365D` before the end of what lasts `P365D`: at once, and without end
        help: make `renewal.before` shorter than the duration of the offer
    ");
}

#[test]
fn a_tenant_is_not_its_own_partner() {
    tells(&[("relationship/spec/customer/tenantId", json!(PARTNER.to_uppercase()))], "
        error C0319 PartnerRelationship/msp/acme spec.customer.tenantId: partner and customer are the same tenant
        help: name the tenant of the customer
    ");
}

#[test]
fn an_owner_to_adopt_from_has_three_parts() {
    let adopt = |owner: &str| [("relationship/annotations", json!({ADOPT_FROM: owner}))];
    tells(&adopt("cli/msp/acme-old"), "");
    tells(
        &adopt("acme-old"),
        r#"
        error C0318 PartnerRelationship/msp/acme metadata.annotations["concordat.dev/adopt-from"]: `acme-old` does not name an owner
        help: write `instance/namespace/name`, as `concordat get` prints the owner
    "#,
    );
    assert_eq!(
        verdict(&adopt("cli/msp/acme-old"))
            .desired
            .relationships
            .values()
            .next()
            .unwrap()
            .adopt_from
            .as_deref(),
        Some("cli/msp/acme-old")
    );
}

#[test]
fn r12_an_offer_written_out_is_judged_where_it_stands_and_one_offer_serves_many() {
    let mut inline = edited(&[])[1]["spec"].clone();
    inline["type"] = json!("Reseller");
    tells(
        &[
            ("relationship/spec/offerRef", NONE),
            ("relationship/spec/offer", inline),
            ("grant", NONE),
        ],
        "
        error C0218 PartnerRelationship/msp/acme spec.offer.duration: type `Reseller` sells, and carries no roles, so there is nothing that could end
        help: leave out `duration`
        error C0208 PartnerRelationship/msp/acme spec.offer.roles: type `Reseller` sells, and carries no roles
        help: leave out `roles`, or choose type `GranularDelegatedAdmin` to manage the tenant
    ",
    );
    let many = [("more", json!("relationship beta")), ("more", json!("relationship gamma"))];
    let verdict = verdict(&many);
    assert_eq!(verdict.problems, []);
    assert_eq!(verdict.desired.relationships.len(), 3);
}

#[test]
fn the_invitation_is_the_same_however_it_is_computed() {
    let objects = objects(&edited(&[]));
    let catalogue = crate::domain::catalogue::Catalogue::compiled();
    let (proposal, _) = super::super::proposal_of(&objects.offers[0], catalogue);
    let alone = invitation_of(&objects.relationships[0].spec, &proposal.unwrap()).unwrap();
    let verdict = verdict(&[]);
    let together = verdict.invitation(&objects.relationships[0].name).unwrap();
    assert_eq!(&alone, together);
    assert_eq!(alone.digest(), together.digest());
}
