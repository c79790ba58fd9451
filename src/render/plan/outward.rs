//! A plan in the formats of build servers: what a person should know, and one test case a relationship.
//!
//! Never: fewer notices or blocked batches than the text has.

use std::collections::BTreeMap;

use super::{Fate, Story, Tense, is_at_rest, summary, words};
use crate::{
    domain::{
        plan::{Change, Effect, access_changes},
        problem::{Code, Problem, Severity},
    },
    render::problems::{self, TestCase},
};

/// Changes wait for a person.
pub const PLAN_BLOCKED: Code = Code(530);
/// The store refused a change.
pub const CHANGE_REFUSED: Code = Code(531);
/// A boundary comes, changes or goes.
pub const BOUNDARY_CHANGES: Code = Code(551);

/// Warnings, notices, blocked batches and refused changes as problems.
pub(super) fn problems(story: &Story<'_>) -> Vec<Problem> {
    let mut problems = story.warnings.to_vec();
    problems.extend(story.plan.notices.iter().cloned());
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
        if let Fate::Refused(reason) = &tried.fate {
            let line = words::line(&tried.change, Tense::Planned);
            problems.push(Problem::error(CHANGE_REFUSED, format!("{line}: {reason}")));
        }
    }
    problems
}

/// A relationship by its plain name: who renders it escapes it.
fn name(change: &Change) -> String {
    let row = change.subject.relationship.as_ref();
    row.map_or_else(|| words::subject(change), |row| row.name.to_string())
}

/// Workflow commands, with the total as a notice.
pub(super) fn github(story: &Story<'_>) -> String {
    problems::commands(&problems(story), Some(&total(story)))
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
