//! Problems in every format, also with texts that would like to be more than text.
//!
//! Never: a check of one format by another.

use insta::assert_snapshot;
use serde_json::json;

use super::*;
use crate::{
    domain::{
        ids::{Kind, ObjectKey},
        problem::{FieldPath, Place, Severity},
    },
    render::Colour,
};

fn object(name: &str) -> ObjectKey {
    ObjectKey { kind: Kind::RoleGrant, namespace: "msp".into(), name: name.into() }
}

fn problems() -> Vec<Problem> {
    let place = |file: &str, line, column| Place { file: file.to_owned(), line, column };
    vec![
        Problem::error(Code(201), "no role is called `Helpdesk Admin`")
            .about(&object("helpdesk"), None)
            .at(place("grants/helpdesk.yaml", 9, 7))
            .path(FieldPath::spec().field("roles").index(1))
            .help("did you mean `Helpdesk Administrator`?"),
        Problem::error(Code(302), "no relationship is called `acme`")
            .about(&object("orphan"), None)
            .path(FieldPath::spec().field("relationshipRef").field("name")),
        Problem::error(Code(1), "`no/such` cannot be read: no such file or directory"),
        Problem::error(
            Code(404),
            "`<script>alert(1)</script>|\u{202e}gnp\n::error::forged @octocat`",
        )
        .severity(Severity::Warning)
        .at(place("a,b:c%.yaml", 1, 1))
        .help("[click](https://example.org) 100%"),
        Problem::error(Code(404), "it ends at 2027-01-01T00:00:00Z")
            .severity(Severity::Notice)
            .about(&object("helpdesk"), None),
    ]
}

fn page(code: Code) -> Option<&'static str> {
    (code == Code(201)).then_some("# a role has no such name\n\nThe catalogue does not know it.\n")
}

fn rendered(format: Format) -> String {
    match render(&problems(), format, Style::default(), page) {
        Rendered::Text(text) => text,
        Rendered::Document(value) => format!("{value:#}"),
    }
}

#[test]
fn a_problem_is_told_like_a_compiler_tells_it_and_nothing_in_it_acts() {
    assert_snapshot!(rendered(Format::Text));
}

#[test]
fn a_problem_in_markdown_stays_in_its_cell() {
    assert_snapshot!(rendered(Format::Markdown));
}

#[test]
fn a_problem_is_one_workflow_command_whatever_it_says() {
    assert_snapshot!(rendered(Format::Github));
    assert_eq!(rendered(Format::Github).lines().count(), problems().len());
}

#[test]
fn errors_fail_a_test_case_and_warnings_only_stand_beside_one() {
    assert_snapshot!(rendered(Format::Junit));
}

#[test]
fn a_code_is_a_rule_of_sarif_with_the_title_of_its_page() {
    assert_snapshot!(rendered(Format::Sarif));
}

#[test]
fn the_document_of_problems_has_its_version_and_reads_back() {
    let Rendered::Document(value) = render(&problems(), Format::Json, Style::default(), page)
    else {
        panic!("JSON is a document")
    };
    assert_eq!(value["formatVersion"], json!(1));
    assert_eq!(value["problems"][0]["path"], json!("spec.roles[1]"));
    let read: ProblemsDocument = serde_json::from_value(value).unwrap();
    assert_eq!(read, ProblemsDocument::of(&problems()));
}

#[test]
fn colour_adds_nothing_but_colour() {
    let style = Style { colour: Colour::Always, ..Style::default() };
    let Rendered::Text(coloured) = render(&problems(), Format::Text, style, page) else {
        panic!("text is text")
    };
    let mut plain = coloured;
    for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[33m"] {
        plain = plain.replace(code, "");
    }
    assert_eq!(plain, rendered(Format::Text));
}

#[test]
fn no_problem_is_an_answer_too() {
    assert_eq!(
        render(&[], Format::Text, Style::default(), page),
        Rendered::Text("no problems\n".to_owned())
    );
}
