//! What is refused, what is a warning, and what nobody may be kept from.
//!
//! Never: a refusal that another object could mend.

use concordat::{
    domain::{
        pages::PAGES,
        problem::Code,
        state::{Absence, Observed},
        validate::Objects,
    },
    operator::{
        admission::proof::{PROOFS, Proof, proof},
        telemetry::labels::AdmissionVerdict,
    },
    store::{Read, Scope, StoreUrl, sql},
};
use serde_json::{Value, json};

use super::{GROUP, alone, among, asked, codes, grant, now, offer, quickstart, relationship, with};
use crate::program::{Place, root};

#[test]
fn every_code_of_validate_says_who_proves_it() {
    let ours = |code: &Code| (101..500).contains(&code.0);
    let pages: Vec<Code> = PAGES.iter().map(|(code, _)| *code).filter(ours).collect();
    let listed: Vec<Code> = PROOFS.iter().map(|(code, _)| *code).collect();
    assert_eq!(listed, pages);
    assert_eq!(proof(Code(609)), Proof::OtherObjects, "what is not listed refuses nothing");
    println!("{} codes classified", listed.len());
}

#[test]
fn what_one_object_proves_is_refused_with_the_words_of_validate() {
    let typo = with(grant(), "/spec/roles", json!(["Messages Center Reader"]));
    let answer = alone(&asked("CREATE", &typo, &Value::Null));
    let json = answer.to_json();
    assert_eq!(json["response"]["allowed"], false);
    assert_eq!(json["response"]["uid"], "705ab4f5-6393-11e8-b7cc-42010a800002");
    let status = &json["response"]["status"];
    assert_eq!((&status["code"], &status["reason"]), (&json!(422), &json!("Invalid")));
    assert_eq!(
        status["message"],
        "spec.roles[0]: no role is called `Messages Center Reader` (did you mean `Message Center Reader`?) [C0201]"
    );
    assert_eq!(status["details"]["causes"][0]["field"], "spec.roles[0]");
    assert_eq!(status["details"]["name"], "third-line");
    assert_eq!(json["response"]["auditAnnotations"]["problems"], "C0201");
}

#[test]
fn each_sort_of_proof_is_refused_without_any_other_object() {
    let customer = json!({ "tenantId": super::PARTNER, "displayName": "Itself" });
    let written_out = offer()["spec"].clone();
    let own = with(relationship(), "/spec/customer", customer);
    let own = with(own, "/spec/offer", written_out);
    let own = with(own, "/spec/offerRef", Value::Null);
    let adopt = json!({ "concordat.dev/adopt-from": "nobody" });
    let cases = [
        (
            "C0202",
            with(with(grant(), "/spec/tasks", json!(["users/fly"])), "/spec/roles", json!([])),
        ),
        ("C0205", with(offer(), "/spec/roles", json!(["Partner Tier1 Support"]))),
        ("C0208", with(offer(), "/spec/type", json!("Reseller"))),
        ("C0217", with(offer(), "/spec/duration", Value::Null)),
        ("C0222", with(grant(), "/spec/roles", json!(["Global Administrator"]))),
        ("C0318", with(relationship(), "/metadata/annotations", adopt)),
        ("C0319", own),
    ];
    for (code, object) in cases {
        let answer = alone(&asked("CREATE", &object, &Value::Null));
        assert!(codes(&answer).contains(&code.to_owned()), "{code}: {:?}", answer.refused);
    }
}

#[test]
fn what_another_object_may_mend_is_a_warning() {
    let question = asked("CREATE", &grant(), &Value::Null);
    let nothing = Objects::none(Absence::Keep);
    let answer = among(&question, nothing, None);
    assert_eq!(answer.refused, []);
    assert_eq!(
        answer.warnings,
        [
            "C0304 spec.relationshipRef.name: no relationship is called `fabrikam` in namespace `msp-helpdesk`"
        ]
    );
    let beyond = with(grant(), "/spec/roles", json!(["Reports Reader"]));
    let answer = among(&asked("CREATE", &beyond, &Value::Null), quickstart(), None);
    assert_eq!(answer.verdict(), AdmissionVerdict::Warned);
    assert_eq!(
        answer.warnings,
        ["C0308 spec.roles: the offer of `fabrikam` does not carry `Reports Reader`"]
    );
}

#[test]
fn errors_of_other_objects_are_told_by_their_names() {
    let mut smaller = offer();
    smaller["spec"]["roles"] = json!(["Service Support Administrator"]);
    let answer = among(&asked("CREATE", &smaller, &Value::Null), quickstart(), None);
    assert_eq!(answer.refused, []);
    let told = answer.warnings.join("\n");
    assert!(told.contains("C0308 RoleGrant/msp-helpdesk/first-line spec.roles"), "{told}");
    assert!(told.contains("C0308 RoleGrant/msp-helpdesk/second-line spec.roles"), "{told}");
}

#[test]
fn where_no_other_object_is_known_a_warning_says_so() {
    let answer = alone(&asked("CREATE", &grant(), &Value::Null));
    assert_eq!(answer.refused, []);
    assert_eq!(
        answer.warnings,
        ["only this object was checked: the operator does not know the others yet"]
    );
}

#[test]
fn finalizers_can_always_go() {
    let bad = with(grant(), "/spec/roles", json!(["No Such Role"]));
    let finalizer = json!(["concordat.dev/revoke"]);
    let held = with(bad.clone(), "/metadata/finalizers", finalizer);
    let silent = |question: &Value| {
        let answer = alone(question);
        assert_eq!((&answer.refused, answer.warnings.len()), (&vec![], 0), "{question}");
    };
    silent(&asked("UPDATE", &bad, &held));
    let leaving = with(held, "/metadata/deletionTimestamp", json!("2026-11-21T12:00:00Z"));
    let edited = with(leaving.clone(), "/spec/roles", json!(["Another"]));
    silent(&asked("UPDATE", &edited, &leaving));
    silent(&asked("DELETE", &Value::Null, &bad));
    silent(&asked("DELETE", &Value::Null, &Value::Null));
    silent(&asked("CONNECT", &bad, &Value::Null));
    let mut status = asked("UPDATE", &edited, &bad);
    status["request"]["subResource"] = json!("status");
    silent(&status);
}

#[test]
fn nobody_is_kept_from_a_safer_spec_by_what_was_as_wrong_before() {
    let old = with(grant(), "/spec/roles", json!(["No Such Role"]));
    let suspended = with(old.clone(), "/spec/suspend", json!(true));
    let answer = alone(&asked("UPDATE", &suspended, &old));
    assert_eq!(answer.refused, []);
    assert!(answer.warnings[0].starts_with("C0201 spec.roles[0]: "), "{:?}", answer.warnings);
    let worse = with(suspended, "/spec/roles", json!(["No Such Role", "Nor This"]));
    assert_eq!(codes(&alone(&asked("UPDATE", &worse, &old))), ["C0201"]);
}

#[test]
fn a_kind_that_is_not_ours_is_admitted_with_a_warning() {
    let mut question = asked("CREATE", &grant(), &Value::Null);
    question["request"]["kind"] = json!({ "group": "apps", "version": "v1", "kind": "Deployment" });
    let answer = alone(&question);
    assert_eq!(answer.verdict(), AdmissionVerdict::Warned);
    assert_eq!(answer.warnings, ["concordat knows no kind `Deployment`: it was not checked"]);
}

#[test]
fn an_object_that_does_not_fit_our_schema_is_refused_and_not_a_panic() {
    for spec in [json!(null), json!(7), json!({}), json!({ "roles": 1 })] {
        let answer = alone(&asked("CREATE", &with(grant(), "/spec", spec), &Value::Null));
        assert!(codes(&answer).iter().all(|code| code == "C0301"), "{answer:?}");
        assert_eq!(answer.verdict(), AdmissionVerdict::Refused);
    }
}

async fn observed(place: &Place) -> Observed {
    let url: StoreUrl = format!("sqlite:{}/store.db", place.path().display()).parse().unwrap();
    sql::open_reader(&url).await.unwrap().observe(&Scope::All).await.unwrap()
}

#[tokio::test]
async fn the_plan_is_told_in_access_terms() {
    let place = Place::new();
    let folder = root().join("examples/quickstart");
    let words = ["apply", "-f", folder.to_str().unwrap(), "--store", "sqlite:store.db"];
    let first = place.run(&words);
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    let observed = observed(&place).await;

    let answer =
        among(&asked("CREATE", &grant(), &Value::Null), quickstart(), Some(observed.clone()));
    assert_eq!(answer.refused, []);
    // The grant that is there already gives it without an end of its own.
    assert!(answer.warnings.iter().all(|line| !line.contains("  + ")), "{:?}", answer.warnings);

    let other = "0c0c0c0c-1111-4222-8333-444444444444";
    let group =
        json!({ "securityGroup": { "id": other, "displayName": "Dritte Linie \u{202e}ü" } });
    let more = with(grant(), "/spec/grantee", group);
    let answer = among(&asked("CREATE", &more, &Value::Null), quickstart(), Some(observed.clone()));
    let until = observed.relationships.values().flatten().next().unwrap().ends_at.unwrap();
    assert_eq!(
        answer.warnings,
        [
            format!(
                "group {other} at customer {}: \"Dritte Linie \\u{{202e}}\\u...",
                super::CUSTOMER
            ),
            format!("  + Message Center Reader until {until}"),
        ]
    );
    let mut first_line =
        quickstart().grants.into_iter().find(|grant| grant.name.name == "first-line").unwrap();
    first_line.source = None;
    let gone = json!({
        "apiVersion": "concordat.dev/v1alpha1", "kind": "RoleGrant",
        "metadata": { "name": "first-line", "namespace": "msp-helpdesk" },
        "spec": first_line.spec,
    });
    let answer = among(&asked("DELETE", &Value::Null, &gone), quickstart(), Some(observed));
    assert_eq!(
        answer.warnings,
        [
            format!(
                "group {GROUP} at customer {}: \"First line\" at \"Fabrikam\"",
                super::CUSTOMER
            ),
            "  - Message Center Reader".to_owned(),
            "  - Service Support Administrator".to_owned(),
        ]
    );
    assert!(now() < until);
}
