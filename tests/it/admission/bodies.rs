//! Whatever body is sent (T20), there is an answer and no panic.
//!
//! Never: a warning that the API server would cut or refuse.

use concordat::{
    domain::catalogue::Catalogue,
    operator::admission::{
        request,
        review::review,
        warnings::{LONGEST, MOST, warnings},
    },
};
use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};

use super::{among, asked, grant, now, offer, quickstart, relationship};

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["Global Administrator", "P365D", "msp", "2026-11-21T12:00:00Z"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(field(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn field() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "request",
            "uid",
            "kind",
            "object",
            "oldObject",
            "spec",
            "metadata",
            "roles",
            "tasks",
            "grantee",
            "offer",
            "name",
            "namespace",
            "labels",
            "partner",
            "customer",
            "tenantId",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ]
}

/// Answers a body as the server does.
fn answered(body: &[u8]) -> bool {
    let Ok(request) = request::read(body) else { return false };
    let answer = review(&request, |_| None, Catalogue::compiled(), now());
    let text = answer.to_json().to_string();
    assert!(text.contains(r#""allowed":"#), "{text}");
    assert!(answer.warnings.len() <= MOST, "{:?}", answer.warnings);
    true
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(2_000) })]

    #[test]
    fn bytes_that_mean_nothing_are_no_question(body in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(!answered(&body));
    }

    #[test]
    fn any_json_is_answered_or_told_to_be_none(body in anything()) {
        answered(body.to_string().as_bytes());
    }

    #[test]
    fn an_object_of_any_form_is_answered(
        which in 0..3_usize,
        pointer in prop::sample::select(vec!["/spec", "/spec/roles", "/spec/grantee", "/metadata", "/spec/partner",
            "/spec/offerRef", "/metadata/labels", "/spec/duration", "/kind"]),
        value in anything(),
        operation in prop::sample::select(vec!["CREATE", "UPDATE", "DELETE", "x"]),
    ) {
        let mut object = [grant(), offer(), relationship()][which].clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        if let Some(parent) = object.pointer_mut(parent) {
            parent[field] = value;
        }
        prop_assert!(answered(asked(operation, &object, &grant()).to_string().as_bytes()));
        among(&asked("CREATE", &object, &grant()), quickstart(), None);
    }

    #[test]
    fn a_question_that_is_cut_is_none(cut in 0_usize..1_000) {
        let body = asked("CREATE", &grant(), &Value::Null).to_string();
        let cut = cut % body.len();
        prop_assert!(!answered(&body.as_bytes()[..cut]));
    }

}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(150) })]

    #[test]
    fn warnings_fit_into_what_the_api_server_passes_on(
        problems in prop::collection::vec(".{0,150}", 0..25),
        access in prop::collection::vec(".{0,150}", 0..25),
    ) {
        let many = problems.len() + access.len();
        let (told, other) = (!problems.is_empty(), !access.is_empty());
        let warnings = warnings(problems, access);
        prop_assert!(warnings.len() <= MOST && warnings.len() <= many);
        prop_assert!(warnings.iter().all(|line| line.len() <= LONGEST));
        prop_assert!(warnings.iter().flat_map(|line| line.bytes()).all(|byte| (b' '..=b'~').contains(&byte)));
        prop_assert!(warnings.iter().map(String::len).sum::<usize>() <= 4_096);
        prop_assert!(many <= MOST || warnings.iter().any(|line| line.starts_with("and ")));
        prop_assert!(!(told && other) || warnings.len() >= 2);
    }
}

#[test]
fn a_body_that_is_no_admission_review_is_told_so() {
    let cases = [
        (json!({}), "the body is `` of ``, not `AdmissionReview` of `admission.k8s.io/v1`"),
        (
            json!({ "apiVersion": "admission.k8s.io/v1beta1", "kind": "AdmissionReview" }),
            "the body is `AdmissionReview` of `admission.k8s.io/v1beta1`, not `AdmissionReview` of `admission.k8s.io/v1`",
        ),
        (
            json!({ "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview" }),
            "the `AdmissionReview` has no request with a `uid`",
        ),
    ];
    for (body, expected) in cases {
        let error = request::read(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn deep_nesting_ends_neither_the_stack_nor_the_program() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [100, 1_000, 200_000] {
            let inner = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let question = asked("CREATE", &grant(), &json!("HERE")).to_string();
            answered(question.replace("\"HERE\"", &inner).as_bytes());
        }
    }
}
