//! One verdict (docs/concepts.md, Planning, invariant 8): the webhook says what `validate` says, and refuses only what
//! stays wrong.
//!
//! Never: a refusal that `validate` with all objects does not tell as well.

use std::collections::BTreeSet;

use concordat::{
    domain::{
        catalogue::Catalogue,
        ids::Kind,
        problem::{Problem, Severity},
        state::Absence,
        validate::{Objects, validate},
    },
    operator::admission::{
        proof::{Proof, proof},
        proposed::Proposed,
    },
};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use super::{CUSTOMER, PARTNER, among, asked, grant, now, offer, relationship, with};

/// Ways to make an object another one, good or bad: which of the three, where, and what.
fn edits() -> Vec<(usize, &'static str, Value)> {
    let mut edits = vec![
        (0, "/spec/roles", json!(["No Such Role"])),
        (0, "/spec/roles", json!(["Global Administrator"])),
        (0, "/spec/roles", json!(["Helpdesk Administrator", "Intune Administrator"])),
        (0, "/spec/roles", json!(["Partner Tier1 Support"])),
        (0, "/spec/roles", json!([])),
        (0, "/spec/duration", Value::Null),
        (0, "/spec/shareVisibility", json!("Shared")),
        (0, "/spec/cloud", json!("USGovL4")),
        (0, "/spec/partner/tenantId", json!(CUSTOMER)),
        (1, "/spec/offerRef", json!({ "name": "missing" })),
        (1, "/spec/autoExtendDuration", json!("P180D")),
        (1, "/spec/customer/tenantId", json!(PARTNER)),
        (1, "/spec/displayName", json!("fabrikam-2")),
        (1, "/spec/renewal", json!({ "mode": "Invite", "before": "P700D" })),
        (1, "/metadata/annotations", json!({ "concordat.dev/adopt-from": "x" })),
        (1, "/metadata/name", json!("another")),
        (2, "/spec/relationshipRef", json!({ "name": "missing" })),
        (2, "/spec/roles", json!(["Global Administrator"])),
        (2, "/spec/roles", json!(["Reports Reader", "Helpdesk Administrator"])),
        (2, "/spec/roles", json!(["Nobody", "Message Center Reader"])),
        (2, "/spec/justification", json!("because")),
        (2, "/spec/notAfter", json!("2026-11-20T12:00:00Z")),
        (2, "/spec/grantee", json!({ "customerUser": { "id": CUSTOMER, "displayName": "U" } })),
    ];
    for type_ in
        ["DelegatedAdmin", "Reseller", "IndirectReseller", "Advisor", "Partner", "LineOfBusiness"]
    {
        edits.push((0, "/spec/type", json!(type_)));
    }
    edits
}

fn words(problem: &Problem) -> (String, u16, String, String) {
    let object = problem.object.as_ref().map(ToString::to_string).unwrap_or_default();
    (object, problem.code.0, problem.path.to_string(), problem.message.clone())
}

fn read(object: &Value) -> Proposed {
    let kind = Kind::ALL.into_iter().find(|kind| object["kind"] == kind.to_string()).unwrap();
    let key = concordat::domain::ids::ObjectKey { kind, namespace: "".into(), name: "".into() };
    Proposed::read(&key, object).unwrap()
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(1_000) })]

    #[test]
    fn the_webhook_says_what_validate_says(chosen in prop::collection::vec(prop::sample::select(edits()), 0..6)) {
        let mut objects = [offer(), relationship(), grant()];
        for (which, pointer, value) in chosen {
            objects[which] = with(objects[which].clone(), pointer, value);
        }
        let mut all = Objects::none(Absence::Keep);
        for object in &objects {
            read(object).lay_over(&mut all);
        }
        let everything = validate(&all, Catalogue::compiled(), now()).problems;
        let said: BTreeSet<_> = everything.iter().map(words).collect();
        for object in &objects {
            let own = read(object).key();
            let answer = among(&asked("CREATE", object, &Value::Null), all.clone(), None);
            for refused in &answer.refused {
                prop_assert_eq!(proof(refused.code), Proof::OneObject);
                prop_assert!(said.contains(&words(refused)), "{:?} is not in {:?}", refused, said);
            }
            let about_it = |problem: &&Problem| problem.object.as_ref() == Some(&own);
            for problem in everything.iter().filter(about_it) {
                let told = format!("{} {}", problem.code, problem.path);
                let warned = answer.warnings.iter().any(|line| line.starts_with(&told));
                let refused = answer.refused.iter().any(|refused| words(refused) == words(problem));
                prop_assert!(warned || refused, "{:?} is in none of {:?}", problem, answer);
            }
            let alone = validate(&read(object).alone(), Catalogue::compiled(), now()).problems;
            let proven = alone.iter().filter(|problem| {
                problem.severity == Severity::Error && proof(problem.code) == Proof::OneObject
            });
            prop_assert_eq!(proven.count(), answer.refused.len());
        }
    }
}
