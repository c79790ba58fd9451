//! A plan for a pull request: the answer in one line, the access in a table, the rest folded away.
//!
//! Never: markup, a mention or a link that comes from a name.

use std::fmt::Write as _;

use super::{Fate, NOTHING_CHANGES, Story, Tense, Told, is_at_rest, notices, summary, text, words};
use crate::{
    domain::{
        limits::Batch,
        plan::{AccessChange, Besides, Change},
        problem::Severity,
    },
    render::{counted, escape},
};

/// Rows and lines that are shown; a comment on a pull request holds about 65,000 characters.
const SHOWN: usize = 100;

pub(super) fn markdown(story: &Story<'_>) -> String {
    let told = Told::of(&story.effective(), &story.plan.besides, super::Detail::Short);
    let last =
        if is_at_rest(story) { NOTHING_CHANGES.to_owned() } else { summary(story, &told.access) };
    let mut text = format!("**{}**\n", escape::markdown(&last));
    text.push_str(&access_table(&told.access));
    text.push_str(&lines(&told.lines, story.tense()));
    if let Some(outcome) = story.outcome {
        let mut refused = String::new();
        for tried in &outcome.tried {
            if let Fate::Refused(reason) = &tried.fate {
                let line = escape::markdown_message(&words::line(&tried.change, Tense::Planned));
                let _ = writeln!(refused, "- {line}: {}", escape::markdown_message(reason));
            }
        }
        if !refused.is_empty() {
            let _ = write!(text, "\nRefused:\n\n{refused}");
        }
        if !outcome.left.is_empty() {
            let left: Vec<&Change> = outcome.left.iter().collect();
            let _ = write!(text, "\nNot tried:\n{}", lines(&left, Tense::Planned));
        }
        if let Some(stopped) = &outcome.stopped {
            let _ = writeln!(text, "\nStopped: {}", escape::markdown_message(stopped));
        }
    }
    for batch in story.blocked() {
        text.push_str(&blocked(batch, &story.plan.besides));
    }
    if !story.plan.awaited.is_empty() {
        text.push_str("\nWaiting for a customer:\n\n");
        for awaited in story.plan.awaited.iter().take(SHOWN) {
            let _ =
                writeln!(text, "- {}", escape::markdown(&words::awaited(awaited, story.tense())));
        }
        text.push_str(&more(story.plan.awaited.len()));
    }
    text.push_str(&noticed(story));
    text.push_str(&actions(&told.access));
    if !story.yaml.is_empty() {
        let fence = fence(story.yaml);
        let yaml = escape::visible_lines(story.yaml.trim_end());
        text.push_str(&folded("YAML diff", &format!("{fence}diff\n{yaml}\n{fence}\n")));
    }
    text
}

fn access_table(access: &[AccessChange]) -> String {
    let rows: usize = access.iter().map(|change| change.roles.len()).sum();
    if rows == 0 {
        return String::new();
    }
    let mut text = "\n| | role | until | who | customer | through |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let all = access.iter().flat_map(|change| change.roles.iter().map(move |role| (change, role)));
    for (change, role) in all.take(SHOWN) {
        let names: Vec<String> =
            change.relationships.iter().map(|name| escape::markdown(name)).collect();
        let privileged = if role.privileged { " (**privileged**)" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {}{privileged} | {} | {} | {} | {} |",
            text::role_sign(role).symbol(),
            escape::markdown(&role.name),
            escape::markdown(&words::until(role.before, role.after)),
            escape::markdown(&words::grantee(&change.grantee)),
            escape::markdown(words::tenant("", &change.customer).trim()),
            names.join(", "),
        );
    }
    text.push_str(&more(rows));
    text
}

fn lines(lines: &[&Change], tense: Tense) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    for change in lines.iter().take(SHOWN) {
        let sign = words::sign(&change.effect).symbol();
        let line = escape::markdown_message(&words::line(change, tense));
        let _ = writeln!(text, "- `{sign}` {line}");
    }
    text.push_str(&more(lines.len()));
    text
}

fn more(all: usize) -> String {
    match all.checked_sub(SHOWN) {
        Some(rest) if rest > 0 => format!("\n… and {rest} more\n"),
        Some(_) | None => String::new(),
    }
}

fn blocked(batch: &Batch, besides: &Besides) -> String {
    let changes: Vec<&Change> = batch.changes.iter().collect();
    let told = Told::of(&changes, besides, super::Detail::Short);
    let mut text = format!(
        "\n**Blocked** until a person approves, by the limits of {}:\n\n",
        escape::markdown_code(&batch.scope)
    );
    for line in words::exceeded(batch) {
        let _ = writeln!(text, "- {line}");
    }
    let _ = writeln!(text, "\n```sh\nconcordat apply … --approve {}\n```", batch.hash);
    let mut inner = access_table(&told.access);
    inner.push_str(&lines(&told.lines, Tense::Planned));
    text.push_str(&folded(&counted(batch.changes.len(), "blocked change"), &inner));
    text
}

fn noticed(story: &Story<'_>) -> String {
    let notices = notices(story);
    if notices.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    for notice in notices.iter().take(SHOWN) {
        let severity = match notice.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Notice => "notice",
        };
        let object = notice.object.as_ref().map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(
            text,
            "- {severity} {} {}: {}",
            notice.code,
            escape::markdown(&object),
            escape::markdown_message(&notice.message)
        );
    }
    text.push_str(&more(notices.len()));
    text
}

fn actions(access: &[AccessChange]) -> String {
    let mut inner = String::new();
    for change in access.iter().take(SHOWN) {
        if change.actions_added.is_empty() && change.actions_removed.is_empty() {
            continue;
        }
        let who = escape::markdown(&words::grantee(&change.grantee));
        let whom = escape::markdown(&words::tenant("customer", &change.customer));
        let _ = writeln!(inner, "\n{who}, {whom}:\n");
        for action in &change.actions_added {
            let _ = writeln!(inner, "- `+` {action}");
        }
        for action in &change.actions_removed {
            let _ = writeln!(inner, "- `-` {action}");
        }
    }
    if inner.is_empty() { inner } else { folded("Actions that this adds and removes", &inner) }
}

fn folded(title: &str, inner: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{}\n\n</details>\n", inner.trim())
}

/// A fence that is longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}
