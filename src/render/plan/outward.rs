//! A plan in the formats of build servers: what a person should know, and one test case a relationship.
//!
//! Never: fewer notices or blocked batches than the text has.

use std::collections::BTreeMap;

use super::{Fate, Story, Tense, is_at_rest, summary, words};
use crate::{
    domain::{
        change::{Change, Effect},
        plan::access_changes,
        problem::{Code, Problem, Severity},
    },
    render::problems::{self, TestCase},
};

/// Changes wait for a person.
pub const PLAN_BLOCKED: Code = Code(530);
/// The store refused a change.
pub const CHANGE_REFUSED: Code = Code(531);
/// A change was sent, and is not known to be made.
pub const CHANGE_UNDERWAY: Code = Code(556);
/// Who gains and loses what.
pub const ACCESS_CHANGES: Code = Code(555);
/// A boundary comes, changes or goes.
pub const BOUNDARY_CHANGES: Code = Code(551);

/// Warnings, notices, blocked batches and refused changes as problems.
pub(super) fn problems(story: &Story<'_>) -> Vec<Problem> {
    let mut problems = story.warnings.to_vec();
    problems.extend(story.notices.iter().cloned());
    for change in &story.plan.changes {
        if let Effect::SetBoundary { before, after, .. } = &change.effect {
            let wider = before.as_ref().is_some_and(|before| before.is_widened_by(after));
            let severity = if wider { Severity::Warning } else { Severity::Notice };
            let message = words::line(change, Tense::Planned);
            problems.push(Problem::error(BOUNDARY_CHANGES, message).severity(severity));
        }
    }
    for batch in story.blocked() {
        let exceeded = words::exceeded(batch).join(", ");
        let message = format!(
            "{} blocked by the limits of `{}`: {exceeded}",
            super::counted(batch.changes.len(), "change"),
            batch.scope
        );
        let help = format!("approve with `concordat apply … --approve {}`", batch.hash);
        problems.push(Problem::error(PLAN_BLOCKED, message).severity(Severity::Warning).help(help));
    }
    for tried in story.outcome.iter().flat_map(|outcome| &outcome.tried) {
        if let Some(reason) = tried.fate.reason() {
            let line = words::line(&tried.change, Tense::Planned);
            let code = if tried.fate.is_open() { CHANGE_UNDERWAY } else { CHANGE_REFUSED };
            let is_underway = tried.fate == Fate::Underway;
            let severity = if is_underway { Severity::Warning } else { Severity::Error };
            problems.push(Problem::error(code, format!("{line}: {reason}")).severity(severity));
        }
    }
    problems
}

/// A relationship by its plain name: who renders it escapes it.
fn name(change: &Change) -> String {
    let row = change.subject.relationship.as_ref();
    row.map_or_else(|| words::subject(change), |row| row.name.to_string())
}

/// Workflow commands, with the total and who gains and loses what as a notice.
pub(super) fn github(story: &Story<'_>) -> String {
    let total = [total(story)].into_iter().chain(who(story)).collect::<Vec<_>>().join("\n");
    problems::commands(&problems(story), Some(&total))
}

/// As many lines of who gains and loses what as a message holds: the rest is counted.
const LINES: usize = 200;

/// Who gains and loses what, as the text tells it; nothing where nobody does.
fn who(story: &Story<'_>) -> Option<String> {
    let text = super::text::who(story);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let left = lines.len().saturating_sub(LINES);
    let more = super::counted(left, "line");
    let more = format!("… {more} more: `-o text` and `-o json` tell all");
    let shown = lines.iter().take(LINES).copied();
    let told: Vec<&str> = shown.chain((left > 0).then_some(more.as_str())).collect();
    (!told.is_empty()).then(|| told.join("\n"))
}

/// What a log of results holds of a plan: each who gains or loses something, then the problems.
pub(super) fn results(story: &Story<'_>) -> Vec<Problem> {
    let access = access_changes(story.effective(), &story.plan.besides);
    let who = access.iter().map(|change| {
        let message = words::access(change);
        Problem::error(ACCESS_CHANGES, message).severity(Severity::Notice)
    });
    who.chain(problems(story)).collect()
}

fn total(story: &Story<'_>) -> String {
    let access = access_changes(story.effective(), &story.plan.besides);
    if is_at_rest(story) { super::NOTHING_CHANGES.to_owned() } else { summary(story, &access) }
}

/// A test case for each relationship that differs; for a report, one that fails where something was not done. Then one
/// for each warning, notice and blocked batch.
pub(super) fn junit(story: &Story<'_>) -> String {
    let mut cases: BTreeMap<String, (Vec<String>, bool)> = BTreeMap::new();
    let mut tell = |change: &Change, line: String, fails: bool| {
        let case = cases.entry(name(change)).or_default();
        case.0.push(line);
        case.1 |= fails;
    };
    match story.outcome {
        None => {
            for change in &story.plan.changes {
                tell(change, words::line(change, Tense::Planned), true);
            }
        }
        Some(outcome) => {
            for tried in &outcome.tried {
                match &tried.fate {
                    Fate::Done => {
                        tell(&tried.change, words::line(&tried.change, Tense::Done), false);
                    }
                    Fate::Refused(reason) => {
                        let line = words::line(&tried.change, Tense::Planned);
                        tell(&tried.change, format!("refused: {line}: {reason}"), true);
                    }
                    Fate::Underway | Fate::Unknown => {
                        let line = words::line(&tried.change, Tense::Planned);
                        let reason = tried.fate.reason().unwrap_or_default();
                        tell(&tried.change, format!("{line}: {reason}"), true);
                    }
                }
            }
            for change in &outcome.left {
                let line = words::line(change, Tense::Planned);
                tell(change, format!("not tried: {line}"), true);
            }
        }
    }
    let short = if story.outcome.is_some() { "not done" } else { "differs" };
    let mut cases: Vec<TestCase> = cases
        .into_iter()
        .map(|(name, (lines, fails))| TestCase {
            class: "concordat".to_owned(),
            file: None,
            name,
            failure: fails.then(|| (short.to_owned(), lines.join("\n"))),
            output: if fails { String::new() } else { lines.join("\n") },
        })
        .collect();
    cases.extend(problems(story).iter().map(problems::case));
    if cases.is_empty() {
        cases.push(TestCase {
            class: "concordat".to_owned(),
            file: None,
            name: "everything".to_owned(),
            failure: None,
            output: total(story),
        });
    }
    let suite = if story.outcome.is_some() { "concordat apply" } else { "concordat diff" };
    problems::test_suite(suite, &cases)
}
