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
fn names_that_differ_only_in_the_number_of_blanks_are_refused() {
    let edits =
        [("more", json!("relationship beta")), ("relationship/spec/displayName", json!(" beta  "))];
    tells(&edits, "
        error C0022 PartnerRelationship/msp/beta spec.displayName: `beta` differs only in the number of blanks from ` beta  `, the name of `acme`
        help: choose another `displayName` for one of them, without blanks at its ends; it cannot change later
        error C0022 PartnerRelationship/msp/acme spec.displayName: ` beta  ` differs only in the number of blanks from `beta`, the name of `beta`
        help: choose another `displayName` for one of them, without blanks at its ends; it cannot change later
    ");
}

#[test]
fn names_that_differ_only_in_blanks_or_case_are_told_of_both() {
    for (name, other) in [("Be ta", "beta"), ("BETA", "beta")] {
        let edits =
            [("more", json!("relationship beta")), ("relationship/spec/displayName", json!(name))];
        tells(&edits, &format!("
        warning C0022 PartnerRelationship/msp/beta spec.displayName: `{other}` differs only in blanks or in the case of letters from `{name}`, the name of `acme`
        help: choose a `displayName` that people can tell apart; it cannot change later
        warning C0022 PartnerRelationship/msp/acme spec.displayName: `{name}` differs only in blanks or in the case of letters from `{other}`, the name of `beta`
        help: choose a `displayName` that people can tell apart; it cannot change later
    "));
    }
    for name in ["beta-two", "b_eta", "betas"] {
        let edits =
            [("more", json!("relationship beta")), ("relationship/spec/displayName", json!(name))];
        tells(&edits, "");
    }
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
        let declared = verdict.desired.relationships.values().next().unwrap();
        assert_eq!(
            (declared.object.name.as_str(), declared.standing),
            (leaving, Standing::Deleted)
        );
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
    let alone = invitation_of(&objects.relationships[0].spec, &proposal).unwrap();
    let verdict = verdict(&[]);
    let together = verdict.invitation(&objects.relationships[0].name).unwrap();
    assert_eq!(&alone, together);
    assert_eq!(alone.digest(), together.digest());
}

/// The codes of each relationship on a cluster whose store holds rows of these owners, each with its name there.
fn on_cluster(values: &[Value], owners: &[(&str, &str)], bounded: &[&str]) -> String {
    let mut values = values.to_vec();
    values.push(json!({
        "kind": "PartnerBoundary", "name": "all", "namespace": "",
        "spec": {
            "namespaces": bounded,
            "partner": {"tenantId": PARTNER, "certifiedFor": ["GranularDelegatedAdmin"]},
            "customers": {"any": true}, "grantees": {"any": true}, "roles": {"any": true},
        },
    }));
    let mut objects = objects(&values);
    let owner = |(object, name): &(&str, &str)| {
        let name = RelationshipKey {
            cloud: crate::api::Cloud::Global,
            partner: PARTNER.parse().unwrap(),
            name: (*name).into(),
        };
        (name, object.parse().unwrap())
    };
    objects.owners = Some(owners.iter().map(owner).collect());
    let catalogue = crate::domain::catalogue::Catalogue::compiled();
    let verdict = super::super::validate(&objects, catalogue, super::super::sample::now());
    let told = verdict.problems.iter().filter(|problem| problem.code.0 < 308);
    let told = told.map(|problem| {
        let object = problem.object.as_ref().unwrap();
        assert!(!problem.message.contains("msp"), "{}", problem.message);
        format!("{}/{} {}", object.namespace, object.name, problem.code)
    });
    let declared =
        verdict.desired.relationships.values().map(|declared| declared.object.to_string());
    let mut told: Vec<String> = told.collect();
    told.sort();
    format!("{}; {}", told.join(", "), declared.collect::<Vec<_>>().join(", "))
}

/// The objects, the owners, the namespaces that a boundary names, and what is told.
type Case<'a> = (Vec<Value>, &'a [(&'a str, &'a str)], &'a [&'a str], &'a str);

#[test]
fn on_a_cluster_who_owns_the_row_is_not_harmed_by_who_comes_later() {
    let own = edited(&[]);
    let with = |namespace: &str, name: &str, edit: &[(&str, Value)]| {
        let mut offer = own.iter().find(|value| value["kind"] == "PartnerOffer").unwrap().clone();
        offer["namespace"] = json!(namespace);
        let mut other =
            own.iter().find(|one| one["kind"] == "PartnerRelationship").unwrap().clone();
        other["namespace"] = json!(namespace);
        other["name"] = json!("x");
        other["spec"]["displayName"] = json!(name);
        for (pointer, value) in edit {
            let (object, field) = pointer.rsplit_once('/').unwrap();
            other.pointer_mut(object).unwrap()[field] = value.clone();
        }
        [own.clone(), vec![offer, other]].concat()
    };
    let mine: &[(&str, &str)] = &[("msp/acme", "acme")];
    let both: &[&str] = &["msp", "a"];
    let cases: [Case<'_>; 10] = [
        (with("a", "acme", &[]), mine, both, "a/x C0306; msp/acme"),
        (with("a", "acme", &[]), &[], both, "a/x C0306, msp/acme C0306; a/x"),
        (with("a", "acme", &[]), mine, &["a"], "a/x C0306; msp/acme"),
        (with("a", "acme", &[]), &[], &["msp"], "a/x C0306; msp/acme"),
        (with("a", "acme", &[("/spec/suspend", json!(true))]), &[], both, "a/x C0306; msp/acme"),
        (with("a", "acme", &[("/deleting", json!(true))]), mine, both, "; msp/acme"),
        (with("a", "acme-2", &[]), mine, both, "a/x C0307; msp/acme, a/x"),
        (with("a", "acme-2", &[]), &[("a/x", "acme-2")], both, "msp/acme C0307; msp/acme, a/x"),
        (
            with("a", "acme-2", &[]),
            &[("msp/acme", "acme"), ("a/x", "acme-2")],
            both,
            "; msp/acme, a/x",
        ),
        (with("a", "acme-2", &[]), &[], &["a"], "; msp/acme, a/x"),
    ];
    for (number, (values, owners, bounded, expected)) in cases.into_iter().enumerate() {
        assert_eq!(on_cluster(&values, owners, bounded), expected, "case {number}");
    }
}

#[test]
fn the_owner_of_a_claimed_row_is_gone_only_where_the_input_would_hold_it() {
    let claims = |more: Option<Value>| {
        let mut values = edited(&[]);
        for value in &mut values {
            if value["kind"] == "PartnerRelationship" {
                value["annotations"] = json!({"concordat.dev/adopt-from": "cli/a/old"});
            }
        }
        values.extend(more);
        objects(&values)
    };
    let gone = |objects: &super::super::Objects| {
        let catalogue = crate::domain::catalogue::Catalogue::compiled();
        let verdict = super::super::validate(objects, catalogue, super::super::sample::now());
        !verdict.desired.gone.is_empty()
    };
    let other = |name: &str| {
        let mut other = edited(&[]).remove(2);
        assert_eq!(other["kind"], "PartnerRelationship");
        (other["namespace"], other["name"]) = (json!("a"), json!(name));
        Some(other)
    };
    assert!(!gone(&claims(None)), "files say nothing of a namespace that they do not hold");
    assert!(gone(&claims(other("new"))));
    assert!(!gone(&claims(other("old"))), "also with problems: its offer is not there");
    let mut cluster = claims(None);
    cluster.owners = Some(super::super::Owners::new());
    assert!(gone(&cluster), "a cluster holds everything");
    let key = crate::domain::ids::ObjectKey {
        kind: Kind::PartnerRelationship,
        namespace: "a".into(),
        name: "old".into(),
    };
    cluster.invalid.insert(key);
    assert!(!gone(&cluster), "what cannot be read is there");
}
