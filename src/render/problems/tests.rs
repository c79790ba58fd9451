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

fn around() -> Surroundings<'static> {
    Surroundings { first: "m/offer.yaml", lines: Lines::default() }
}

fn rendered(format: Format) -> String {
    match render(&problems(), format, Style::default(), &around(), page) {
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

/// So many problems of one severity.
fn many(number: usize, severity: Severity) -> Vec<Problem> {
    let one = |number| {
        let message = format!("no role is called `Role {number}` {}", "x".repeat(200));
        let place = Place { file: "a.yaml".to_owned(), line: number, column: 1 };
        Problem::error(Code(201), message).severity(severity).at(place)
    };
    (1..=number).map(one).collect()
}

fn text_of(problems: &[Problem], format: Format) -> String {
    match render(problems, format, Style::default(), &around(), page) {
        Rendered::Text(text) => text,
        Rendered::Document(value) => format!("{value:#}"),
    }
}

#[test]
fn what_github_does_not_show_is_counted_before_the_first_problem() {
    for (number, severity, expected) in [
        (10, Severity::Error, None),
        (15, Severity::Error, Some("15 problems; GitHub shows the first 10")),
        (11, Severity::Warning, Some("11 warnings; GitHub shows the first 10")),
        (9, Severity::Notice, None),
        // The total is a notice itself.
        (10, Severity::Notice, Some("10 notices; GitHub shows the first 10")),
    ] {
        let text = text_of(&many(number, severity), Format::Github);
        let first = text.lines().next().unwrap();
        match expected {
            Some(total) => {
                assert!(first.starts_with("::notice title=concordat::"), "{first}");
                assert!(first.contains(total), "{first}");
                assert_eq!(text.lines().count(), number + 1);
            }
            None => assert_eq!(text.lines().count(), number, "{first}"),
        }
    }
}

#[test]
fn more_problems_than_a_comment_holds_are_counted_below_the_table() {
    let text = text_of(&many(2_000, Severity::Error), Format::Markdown);
    let length = text.chars().count();
    assert!((50_000..=crate::render::MARKDOWN_LIMIT).contains(&length), "{length}");
    let shown = text.lines().filter(|line| line.starts_with("| error")).count();
    let rest = format!("… and {} more rows: `concordat validate` lists", 2_000 - shown);
    assert!(text.contains(&rest), "{rest}");
    assert!(!text_of(&many(20, Severity::Error), Format::Markdown).contains("more rows"));
}

#[test]
fn a_log_holds_no_more_results_than_github_takes_and_the_errors_first() {
    let mut all = many(24_999, Severity::Warning);
    all.extend(many(3, Severity::Error));
    let log: serde_json::Value = serde_json::from_str(&text_of(&all, Format::Sarif)).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    assert_eq!(results.iter().filter(|result| result["level"] == "error").count(), 3);
    let told = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
    assert!(told.as_str().unwrap().starts_with("2 more results are left out"), "{told}");
}

#[test]
fn two_problems_at_one_place_are_two_cases() {
    let mut both = many(1, Severity::Error);
    both.extend(many(1, Severity::Warning));
    let text = text_of(&both, Format::Junit);
    let read = junit_parser::from_reader(text.as_bytes()).unwrap();
    let names: std::collections::BTreeSet<&str> =
        read.suites[0].cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names.len(), 2);
}

#[test]
fn the_line_of_a_problem_is_shown_with_signs_below_its_place() {
    let source = "spec:\n  duration: P2Y # two years\n  roles: [\"Helpdesk\tAdmin\", Other]\n\
                  \tname: 日本 支店\n  kind:\n";
    let at = |line, column| {
        let place = Place { file: "a.yaml".to_owned(), line, column };
        let problem = Problem::error(Code(201), "no").about(&object("helpdesk"), None);
        vec![problem.at(place).help("write it otherwise")]
    };
    let shown = |line, column| {
        let problems = at(line, column);
        let around = Surroundings { first: "", lines: Lines::of([("a.yaml", source)]) };
        match render(&problems, Format::Text, Style::default(), &around, page) {
            Rendered::Text(text) => text,
            Rendered::Document(_) => panic!("text is text"),
        }
    };
    let spots = [(2, 13), (3, 11), (3, 29), (4, 8), (5, 8), (1, 1), (2, 99), (99, 1)];
    let all: Vec<String> = spots.iter().map(|(line, column)| shown(*line, *column)).collect();
    assert_snapshot!(all.join("\n"));
}

#[test]
fn no_line_is_shown_of_what_is_none_of_our_objects() {
    let place = Place { file: "a.yaml".to_owned(), line: 1, column: 1 };
    let problems = vec![Problem::error(Code(14), "no object").at(place)];
    let around = Surroundings { first: "", lines: Lines::of([("a.yaml", "hunter2")]) };
    match render(&problems, Format::Text, Style::default(), &around, page) {
        Rendered::Text(text) => assert!(!text.contains("hunter2"), "{text}"),
        Rendered::Document(_) => panic!("text is text"),
    }
}

#[test]
fn the_short_form_has_one_line_for_each_problem_and_one_for_all() {
    let text = rendered(Format::Short);
    assert_eq!(text.lines().count(), problems().len() + 1, "{text}");
    assert!(!text.contains("help:"), "{text}");
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
    let Rendered::Document(value) =
        render(&problems(), Format::Json, Style::default(), &around(), page)
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
    let Rendered::Text(coloured) = render(&problems(), Format::Text, style, &around(), page) else {
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
        render(&[], Format::Text, Style::default(), &around(), page),
        Rendered::Text("no problems\n".to_owned())
    );
}

#[test]
fn no_line_is_shown_with_a_link_that_may_hold_a_password() {
    for line in
        ["url: https://ada:hunter2@contoso.example/terms", "url: ada:hunter2@contoso.example"]
    {
        let place = Place { file: "a.yaml".to_owned(), line: 1, column: 6 };
        let path = FieldPath::spec().field("terms").field("url");
        let problem = Problem::error(Code(104), "no").about(&object("helpdesk"), None).path(path);
        let problems = vec![problem.at(place)];
        let around = Surroundings { first: "", lines: Lines::of([("a.yaml", line)]) };
        match render(&problems, Format::Text, Style::default(), &around, page) {
            Rendered::Text(text) => assert!(!text.contains("hunter2"), "{text}"),
            Rendered::Document(_) => panic!("text is text"),
        }
    }
}
