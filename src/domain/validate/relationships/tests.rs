//! What a relationship may say besides its offer.
//!
//! Never: a name in the store that two relationships share.

use serde_json::{Value, json};

use super::{
    super::sample::{PARTNER, edited, objects, tells, verdict},
    *,
};

const NONE: Value = Value::Null;

#[test]
fn what_has_global_administrator_is_not_extended_by_itself() {
    let extended = ("relationship/spec/autoExtendDuration", json!("P180D"));
    tells(std::slice::from_ref(&extended), "");
    let edits = [
        extended.clone(),
        ("offer/spec/roles", json!(["Global Administrator", "Helpdesk Administrator"])),
    ];
    tells(&edits, "@");
    let edits = [edits[0].clone(), edits[1].clone(), ("offer/spec/type", json!("Advisor"))];
    tells(&edits, "@");
}

#[test]
fn two_relationships_do_not_share_a_name_in_the_store() {
    let edits =
        [("more", json!("relationship beta")), ("relationship/spec/displayName", json!("beta"))];
    tells(&edits, "@");
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
    tells(&[("more", json!("relationship acme-2"))], "@");
}

#[test]
fn a_renewal_begins_after_the_relationship() {
    let edits = |mode: &str, before: &str| {
        [("relationship/spec/renewal", json!({"mode": mode, "before": before}))]
    };
    tells(&edits("Invite", "P364D"), "");
    tells(&edits("Notify", "P400D"), "");
    tells(&edits("Invite", "P365D"), "@");
}

#[test]
fn a_tenant_is_not_its_own_partner() {
    tells(&[("relationship/spec/customer/tenantId", json!(PARTNER.to_uppercase()))], "@");
}

#[test]
fn an_owner_to_adopt_from_has_three_parts() {
    let adopt = |owner: &str| [("relationship/annotations", json!({ADOPT_FROM: owner}))];
    tells(&adopt("cli/msp/acme-old"), "");
    tells(&adopt("acme-old"), "@");
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
        "@",
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
