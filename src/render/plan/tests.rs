//! One plan, told in every format, and read back.
//!
//! Never: a check of one format by another.

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::{sample::planned, *};
use crate::{
    domain::{
        change::{Cause, Effect},
        digest::Digest,
        duration::Duration,
        ids::GLOBAL_ADMINISTRATOR,
        lifecycle::EndReason,
        state::{Instance, Owner, Uid},
    },
    render::Colour,
};

fn outcome(checked: &Checked) -> Outcome {
    let tried = checked.run.iter().map(|admitted| &admitted.change).cloned();
    Outcome {
        tried: tried.map(|change| Tried { change, fate: Fate::Done }).collect(),
        left: Vec::new(),
        stopped: None,
        ledger: None,
    }
}

fn in_words(plan: &Plan) -> Vec<Problem> {
    plan.notices.iter().map(Notice::problem).collect()
}

/// The story of what was done of a plan.
fn report<'a>(
    plan: &'a Plan,
    notices: &'a [Problem],
    checked: &'a Checked,
    outcome: &'a Outcome,
) -> Story<'a> {
    Story {
        plan,
        notices,
        checked,
        outcome: Some(outcome),
        yaml: "",
        detail: Detail::Short,
        warnings: &[],
        first: "m.yaml",
    }
}

fn text_of(rendered: Rendered) -> String {
    match rendered {
        Rendered::Text(text) => text,
        Rendered::Document(value) => format!("{value:#}"),
    }
}

fn told(format: Format, detail: Detail) -> String {
    let (plan, checked) = planned();
    let sides = sides(&plan.changes);
    let yaml = sides.iter().map(|sides| {
        let (before, after) = (format!("{:#}\n", sides.before), format!("{:#}\n", sides.after));
        yaml_diff(&sides.name, &before, &after, Style::default())
    });
    let yaml = if format == Format::Markdown { yaml.collect() } else { String::new() };
    let story = Story {
        plan: &plan,
        notices: &in_words(&plan),
        checked: &checked,
        outcome: None,
        yaml: &yaml,
        detail,
        warnings: &[],
        first: "m.yaml",
    };
    text_of(render(&story, format, Style::default(), |_| None))
}

#[test]
fn a_plan_tells_who_gains_and_loses_what_before_anything_else() {
    assert_snapshot!(told(Format::Text, Detail::Short));
}

#[test]
fn a_wide_plan_lists_every_action_and_every_change() {
    let text = told(Format::Text, Detail::Wide);
    assert!(text.contains("every change, in order"), "{text}");
    assert!(text.contains("+ microsoft.directory/"), "{text}");
}

#[test]
fn a_plan_for_a_pull_request_has_no_markup_from_a_name() {
    let text = told(Format::Markdown, Detail::Short);
    assert_snapshot!(text);
    // Within the fence of the diff everything is code.
    let (text, _) = text.split_once("```diff").unwrap();
    for forged in ["<script>", "@octocat", "https://b", "\u{202e}", "\n# forged"] {
        assert!(!text.contains(forged), "{forged}");
    }
}

#[test]
fn a_plan_on_github_is_one_command_a_line() {
    assert_snapshot!(told(Format::Github, Detail::Short));
}

#[test]
fn a_relationship_that_differs_is_a_test_that_fails() {
    assert_snapshot!(told(Format::Junit, Detail::Short));
}

#[test]
fn a_blocked_batch_is_a_result_of_sarif() {
    assert_snapshot!(told(Format::Sarif, Detail::Short));
}

#[test]
fn the_report_of_a_whole_apply_has_the_lines_of_the_plan_but_for_the_verb() {
    let (plan, checked) = planned();
    let (notices, outcome) = (in_words(&plan), outcome(&checked));
    let story = report(&plan, &notices, &checked, &outcome);
    let report = text_of(render(&story, Format::Text, Style::default(), |_| None));
    assert_snapshot!(report);
    let planned = told(Format::Text, Detail::Short);
    let (planned, report): (Vec<_>, Vec<_>) = (planned.lines().collect(), report.lines().collect());
    assert_eq!(planned.len(), report.len());
    let differ = planned.iter().zip(&report).filter(|(planned, report)| planned != report);
    for (planned, report) in differ {
        let same = planned.split(' ').zip(report.split(' ')).filter(|(a, b)| a == b).count();
        assert!(same >= 4 || planned.starts_with("Plan:"), "{planned}\n{report}");
    }
}

#[test]
fn a_report_names_what_was_refused_what_was_not_tried_and_why_it_stopped() {
    let (plan, checked) = planned();
    let (notices, mut outcome) = (in_words(&plan), outcome(&checked));
    outcome.tried[0].fate = Fate::Refused("the store has changed since it was read".to_owned());
    outcome.left = outcome.tried.split_off(2).into_iter().map(|tried| tried.change).collect();
    outcome.stopped = Some("`postgres://db` does not answer".to_owned());
    let story = report(&plan, &notices, &checked, &outcome);
    assert_snapshot!(text_of(render(&story, Format::Text, Style::default(), |_| None)));
    assert_snapshot!(
        "a_report_in_markdown_names_them_too",
        text_of(render(&story, Format::Markdown, Style::default(), |_| None))
    );
}

#[test]
fn a_report_says_of_what_is_on_its_way_that_it_is_not_made() {
    let (plan, checked) = planned();
    let (notices, mut outcome) = (in_words(&plan), outcome(&checked));
    outcome.tried[0].fate = Fate::Underway;
    outcome.tried[1].fate = Fate::Unknown;
    let story = report(&plan, &notices, &checked, &outcome);
    let told = |format| render(&story, format, Style::default(), |_| None);
    assert_snapshot!(text_of(told(Format::Text)));
    for format in [Format::Short, Format::Markdown, Format::Github, Format::Sarif, Format::Junit] {
        let text = text_of(told(format));
        assert!(text.contains("under way") && text.contains("no answer came"), "{text}");
    }
    let Rendered::Document(document) = told(Format::Json) else { panic!() };
    let fates: Vec<_> =
        document["tried"].as_array().unwrap().iter().map(|it| &it["fate"]).collect();
    assert_eq!(fates[..2], ["underway", "unknown"]);
}

#[test]
fn nothing_to_do_is_one_clear_line() {
    let (mut plan, mut checked) = planned();
    plan.changes.clear();
    plan.awaited.clear();
    plan.notices.clear();
    checked.run.clear();
    checked.blocked.clear();
    let story = Story {
        plan: &plan,
        notices: &in_words(&plan),
        checked: &checked,
        outcome: None,
        yaml: "",
        detail: Detail::Short,
        warnings: &[],
        first: "m.yaml",
    };
    let style = Style { colour: Colour::Never, width: 80 };
    assert_eq!(
        text_of(render(&story, Format::Text, style, |_| None)),
        format!("{NOTHING_CHANGES}\n")
    );
}

#[test]
fn the_yaml_diff_has_exactly_what_changes() {
    let (plan, _) = planned();
    let sides = sides(&plan.changes);
    assert_snapshot!(format!("{sides:#?}"));
    assert_eq!(yaml_diff("a", "x: 1\n", "x: 1\n", Style::default()), "");
    assert_eq!(
        yaml_diff("a\u{202e}", "x: 1\n", "x: 2\n", Style::default()),
        "--- a\\u{202e} in the store\n+++ a\\u{202e} as declared\n@@ -1 +1 @@\n-x: 1\n+x: 2\n"
    );
}

fn saved() -> (Plan, serde_json::Value) {
    let (plan, checked) = planned();
    let story = Story {
        plan: &plan,
        notices: &in_words(&plan),
        checked: &checked,
        outcome: None,
        yaml: "",
        detail: Detail::Short,
        warnings: &[],
        first: "m.yaml",
    };
    let document = serde_json::to_value(PlanDocument::of(&story)).unwrap();
    (plan, document)
}

#[test]
fn a_saved_plan_is_read_back_and_claims_the_plan_it_was_made_from() {
    let (plan, document) = saved();
    let read = read(format!("{document:#}").as_bytes()).unwrap();
    assert_eq!(read.changes, plan.changes);
    assert_eq!(read.claims(&plan), Ok(()));
}

/// Each map of an assignment in the changes of a plan.
fn maps(document: &mut serde_json::Value) -> Vec<&mut serde_json::Value> {
    let changes = document["changes"].as_array_mut().unwrap().iter_mut();
    let sides = changes.filter_map(|change| change["effect"].get_mut("SetRoles")).flat_map(|set| {
        let fields = set.as_object_mut().unwrap().iter_mut();
        fields.filter(|(name, _)| *name != "grantee").map(|(_, side)| side)
    });
    sides.flat_map(|side| side.as_object_mut().unwrap().values_mut()).collect()
}

#[test]
fn an_empty_map_of_a_plan_is_an_object_as_a_full_one_is() {
    let (_, mut document) = saved();
    let maps = maps(&mut document);
    assert!(maps.iter().all(|map| map.is_object()));
    assert!(maps.iter().any(|map| map.as_object().unwrap().is_empty()));
}

#[test]
fn a_plan_that_was_saved_with_lists_for_empty_maps_is_the_same_plan() {
    let (plan, mut document) = saved();
    for map in maps(&mut document) {
        if *map == serde_json::json!({}) {
            *map = serde_json::json!([]);
        }
    }
    document["documentHash"] = serde_json::json!(Digest::ZERO);
    document["documentHash"] = serde_json::json!(Digest::of(&document));
    let read = read(document.to_string().as_bytes()).unwrap();
    assert_eq!(read.claims(&plan), Ok(()));
}

#[test]
fn a_saved_plan_is_refused_when_it_is_stale_or_too_old() {
    let (mut plan, document) = saved();
    let read = read(document.to_string().as_bytes()).unwrap();
    let last = plan.changes.pop();
    assert_eq!(read.claims(&plan).unwrap_err().code, document::PLAN_STALE);
    plan.changes.extend(last);
    plan.now = read.valid_until.unwrap();
    assert_eq!(read.claims(&plan).unwrap_err().code, document::PLAN_TOO_OLD);
}

#[test]
fn what_is_not_a_plan_as_it_was_written_is_refused_by_name() {
    let (_, document) = saved();
    let with = |name: &str, value: serde_json::Value| {
        let mut document = document.clone();
        document[name] = value;
        document.to_string()
    };
    let whole = document.to_string();
    let cases = [
        ("", document::PLAN_NOT_JSON),
        (&whole[..whole.len() / 2], document::PLAN_NOT_JSON),
        (&"[".repeat(10_000), document::PLAN_NOT_JSON),
        ("[]", document::NOT_A_PLAN),
        (&with("kind", "Report".into()), document::NOT_A_PLAN),
        (&with("formatVersion", 2.into()), document::OTHER_FORMAT_VERSION),
        (&with("validUntil", serde_json::Value::Null), document::PLAN_EDITED),
        (&with("changes", serde_json::json!([])), document::PLAN_EDITED),
        (&with("access", serde_json::json!([])), document::PLAN_EDITED),
        (&with("more", 1.into()), document::PLAN_EDITED),
        (&whole.replacen("{\"", "{\"now\":\"2026-12-01T00:00:00Z\",\"", 1), document::PLAN_EDITED),
    ];
    for (text, code) in cases {
        let problem = read(text.as_bytes()).unwrap_err();
        assert_eq!(problem.code, code, "{}", problem.message);
    }
}

#[test]
fn each_change_is_said_in_plain_words_before_and_after() {
    let (plan, _) = planned();
    let template = &plan.changes[0];
    let time = |text: &str| text.parse().unwrap();
    let owner = |name: &str| Owner {
        instance: Instance(name.into()),
        object: template.subject.owner.object.clone(),
    };
    let (none, later) = (Duration::default(), Duration::from_days(180));
    let (expired, deleted) = (Cause::Expired, Cause::Deleted);
    let ga = BTreeSet::from([GLOBAL_ADMINISTRATOR]);
    let cases = [
        (Effect::Withdraw { reason: EndReason::Lapsed }, expired),
        (Effect::SetAutoExtend { before: none, after: later }, Cause::Declared),
        (Effect::DropGlobalAdministrator { before: ga, after: BTreeSet::new() }, Cause::Declared),
        (
            Effect::Extend {
                before: time("2027-01-01T00:00:00Z"),
                after: time("2027-06-30T00:00:00Z"),
            },
            Cause::Declared,
        ),
        (
            Effect::Claim {
                before: (owner("a"), Uid("1".into())),
                after: (owner("cli"), Uid::of_file()),
            },
            Cause::Declared,
        ),
        (Effect::Terminate { reason: EndReason::Deleted }, deleted),
        (Effect::Expire { ended_at: time("2027-01-01T00:00:00Z") }, expired),
    ];
    let mut text = String::new();
    for (effect, cause) in cases {
        let change = Change { effect, cause, ..template.clone() };
        for tense in [Tense::Planned, Tense::Done] {
            let _ = writeln!(text, "{}", line(&change, tense));
        }
    }
    assert_snapshot!(text);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_plans_panic(bytes: Vec<u8>, at: proptest::sample::Index, byte: u8) {
        proptest::prop_assert!(read(&bytes).is_err());
        let (_, document) = saved();
        let mut whole = document.to_string().into_bytes();
        let at = at.index(whole.len());
        whole[at] = byte;
        // White space and the way in which a character is written may differ, nothing else.
        let same = serde_json::from_slice::<serde_json::Value>(&whole).is_ok_and(|read| read == document);
        proptest::prop_assert_eq!(read(&whole).is_ok(), same);
    }
}
