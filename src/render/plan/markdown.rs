//! A plan for a pull request: the answer in one line, the access in a table, the rest folded away.
//!
//! Never: markup, a mention or a link that comes from a name, or more than a comment on a pull request holds.

use std::fmt::Write as _;

use super::{NOTHING_CHANGES, Outcome, Story, Tense, Told, is_at_rest, summary, words};
use crate::{
    domain::{
        change::Change,
        limits::Batch,
        plan::{AccessChange, Besides},
        problem::Severity,
    },
    render::{MARKDOWN_LIMIT, counted, escape},
};

/// How much of everything is shown.
#[derive(Clone, Copy)]
struct Extent {
    /// Rows of a table, and lines of a list.
    rows: usize,
    /// Whether the actions are listed that the access adds and removes.
    actions: Actions,
}

#[derive(Clone, Copy, PartialEq)]
enum Actions {
    Listed,
    Counted,
}

/// From the whole to the least; the first that fits is told.
const EXTENTS: [Extent; 6] = [
    Extent { rows: 100, actions: Actions::Listed },
    Extent { rows: 100, actions: Actions::Counted },
    Extent { rows: 40, actions: Actions::Counted },
    Extent { rows: 15, actions: Actions::Counted },
    Extent { rows: 5, actions: Actions::Counted },
    Extent { rows: 1, actions: Actions::Counted },
];

/// What is kept free for the words that say what is left out.
const ROOM_FOR_THE_REST: usize = 400;

const WHOLE: &str = "`concordat diff` shows all of it";

pub(super) fn markdown(story: &Story<'_>) -> String {
    let told = Told::of(&story.effective(), &story.plan.besides, super::Detail::Short);
    let whole = MARKDOWN_LIMIT - ROOM_FOR_THE_REST;
    let room = if story.yaml.is_empty() { whole } else { whole / 3 * 2 };
    let mut texts = EXTENTS.into_iter().map(|extent| without_yaml(story, &told, extent));
    let fitting = texts.find(|text| text.chars().count() <= room);
    let mut text = fitting.unwrap_or_else(|| {
        let least = without_yaml(story, &told, EXTENTS[EXTENTS.len() - 1]);
        let cut: String = least.chars().take(room).collect();
        let end = cut.rfind("\n\n").unwrap_or(cut.len());
        format!("{}\n\n… and more: {WHOLE}\n", &cut[..end])
    });
    let room = whole.saturating_sub(text.chars().count());
    text.push_str(&yaml(story.yaml, room));
    text
}

/// The YAML diff, or as many of its lines as there is room for.
fn yaml(yaml: &str, room: usize) -> String {
    if yaml.is_empty() {
        return String::new();
    }
    let fence = fence(yaml);
    let visible = escape::visible_lines(yaml.trim_end());
    let lines: Vec<&str> = visible.lines().collect();
    let mut room = room.saturating_sub(2 * fence.len());
    let fits = |line: &&&str| {
        let length = line.chars().count() + 1;
        let fits = length <= room;
        room = room.saturating_sub(length);
        fits
    };
    let shown: Vec<&str> = lines.iter().take_while(fits).copied().collect();
    let left = lines.len() - shown.len();
    let rest = counted(left, "line");
    if shown.is_empty() {
        return format!("\nThe YAML diff is left out, {rest}: {WHOLE}\n");
    }
    let title = match left {
        0 => "YAML diff".to_owned(),
        _ => format!("YAML diff, without its last {rest}"),
    };
    let mut text = folded(&title, &format!("{fence}diff\n{}\n{fence}\n", shown.join("\n")));
    if left > 0 {
        let _ = writeln!(text, "\nThe YAML diff goes on for {rest}: {WHOLE}");
    }
    text
}

fn without_yaml(story: &Story<'_>, told: &Told<'_>, extent: Extent) -> String {
    let shown = extent.rows;
    let last =
        if is_at_rest(story) { NOTHING_CHANGES.to_owned() } else { summary(story, &told.access) };
    let mut text = format!("**{}**\n", escape::markdown(&last));
    text.push_str(&access_table(&told.access, shown));
    text.push_str(&lines(&told.lines, story.tense(), shown));
    if let Some(outcome) = story.outcome {
        text.push_str(&not_made(outcome, shown));
        if !outcome.left.is_empty() {
            let left: Vec<&Change> = outcome.left.iter().collect();
            let _ = write!(text, "\nNot tried:\n{}", lines(&left, Tense::Planned, shown));
        }
        if let Some(stopped) = &outcome.stopped {
            let _ = writeln!(text, "\nStopped: {}", escape::markdown_message(stopped));
        }
    }
    let held = story.plan.besides.after(story.effective());
    for batch in story.blocked().iter().take(shown) {
        text.push_str(&blocked(batch, &held, shown));
    }
    text.push_str(&more(story.blocked().len(), shown));
    if !story.plan.awaited.is_empty() {
        text.push_str("\nWaiting for a customer:\n\n");
        for awaited in story.plan.awaited.iter().take(shown) {
            let _ = writeln!(
                text,
                "- {}",
                escape::markdown(&words::awaited(awaited, story.asked(awaited)))
            );
        }
        text.push_str(&more(story.plan.awaited.len(), shown));
    }
    text.push_str(&noticed(story, shown));
    text.push_str(&actions(&told.access, extent));
    text
}

/// What of a report is not made: refused, or on its way.
fn not_made(outcome: &Outcome, shown: usize) -> String {
    let mut text = String::new();
    for (heading, is_open) in [("Refused", false), ("Under way", true)] {
        let all = outcome.tried.iter().filter(|tried| tried.fate.is_open() == is_open);
        let all = all.filter_map(|tried| Some((&tried.change, tried.fate.reason()?)));
        let all: Vec<_> = all.collect();
        if all.is_empty() {
            continue;
        }
        let _ = write!(text, "\n{heading}:\n\n");
        for (change, reason) in all.iter().take(shown) {
            let line = escape::markdown_message(&words::line(change, Tense::Planned));
            let _ = writeln!(text, "- {line}: {}", escape::markdown_message(reason));
        }
        text.push_str(&more(all.len(), shown));
    }
    text
}

/// Names of relationships that are listed in one row.
const NAMES: usize = 5;

fn access_table(access: &[AccessChange], shown: usize) -> String {
    let rows: usize = access.iter().map(|change| change.roles.len()).sum();
    if rows == 0 {
        return String::new();
    }
    let mut text = "\n| | role | until | who | customer | through |\n\
                    | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let all = access.iter().flat_map(|change| change.roles.iter().map(move |role| (change, role)));
    let several_partners = access.iter().any(|change| change.partner.id != access[0].partner.id);
    for (change, role) in all.take(shown) {
        let names: Vec<String> =
            change.relationships.iter().take(NAMES).map(|name| escape::markdown(name)).collect();
        let mut through = names.join(", ");
        if let Some(rest) = change.relationships.len().checked_sub(NAMES).filter(|rest| *rest > 0) {
            let _ = write!(through, " and {rest} more");
        }
        if several_partners {
            let partner = escape::markdown(words::tenant("", &change.partner).trim());
            let _ = write!(through, " of {partner}");
        }
        let privileged = if role.privileged { " (**privileged**)" } else { "" };
        let _ = writeln!(
            text,
            "| `{}` | {}{privileged} | {} | {} | {} | {} |",
            words::role_sign(role).symbol(),
            escape::markdown(&role.name),
            escape::markdown(&words::until(role.before, role.after)),
            escape::markdown(&words::grantee(&change.grantee)),
            escape::markdown(words::tenant("", &change.customer).trim()),
            through,
        );
    }
    text.push_str(&more(rows, shown));
    text
}

fn lines(lines: &[&Change], tense: Tense, shown: usize) -> String {
    if lines.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    for change in lines.iter().take(shown) {
        let sign = words::sign(&change.effect).symbol();
        let line = escape::markdown_message(&words::line(change, tense));
        let _ = writeln!(text, "- `{sign}` {line}");
    }
    text.push_str(&more(lines.len(), shown));
    text
}

fn more(all: usize, shown: usize) -> String {
    match all.checked_sub(shown) {
        Some(rest) if rest > 0 => format!("\n… and {rest} more\n"),
        Some(_) | None => String::new(),
    }
}

fn blocked(batch: &Batch, besides: &Besides, shown: usize) -> String {
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
    let mut inner = access_table(&told.access, shown);
    inner.push_str(&lines(&told.lines, Tense::Planned, shown));
    text.push_str(&folded(&counted(batch.changes.len(), "blocked change"), &inner));
    text
}

fn noticed(story: &Story<'_>, shown: usize) -> String {
    let notices = story.notices;
    if notices.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n");
    for notice in notices.iter().take(shown) {
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
        if let Some(help) = &notice.help {
            let _ = writeln!(text, "  <br>{}", escape::markdown_message(help));
        }
    }
    text.push_str(&more(notices.len(), shown));
    text
}

fn actions(access: &[AccessChange], extent: Extent) -> String {
    let mut inner = String::new();
    for change in access.iter().take(extent.rows) {
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
    if inner.is_empty() {
        return inner;
    }
    if extent.actions == Actions::Counted {
        return format!("\nThe actions that this adds and removes are left out: {WHOLE}\n");
    }
    folded("Actions that this adds and removes", &inner)
}

fn folded(title: &str, inner: &str) -> String {
    format!("\n<details><summary>{title}</summary>\n\n{}\n\n</details>\n", inner.trim())
}

/// A fence that is longer than any in the text.
fn fence(text: &str) -> String {
    let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}
