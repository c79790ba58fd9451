//! The text that `diff` and `apply` print.
//!
//! Never: a line in another order than the changes are made in.

use std::fmt::Write as _;

use super::{Detail, Fate, NOTHING_CHANGES, Story, Told, is_at_rest, summary, words};
use crate::{
    domain::{
        change::Change,
        plan::{AccessChange, RoleChange, access_changes},
    },
    render::{
        escape, problems,
        style::{Paint, Style},
        table,
    },
};

use super::words::{Sign, Tense, role_sign};

pub(super) fn text(story: &Story<'_>, style: Style) -> String {
    let mut sections = Vec::new();
    let told = Told::of(&story.effective(), &story.plan.besides, story.detail);
    sections.extend(section(&told, story.tense(), story.detail, style, ""));
    sections.extend(untold(story, style));
    if !story.yaml.is_empty() {
        sections.push(story.yaml.to_owned());
    }
    sections.extend(blocked(story, style));
    if !story.plan.awaited.is_empty() {
        let mut text = style.paint(Paint::Strong, "waiting for a customer") + "\n";
        for awaited in &story.plan.awaited {
            let _ = writeln!(text, "  {}", words::awaited(awaited, story.asked(awaited)));
        }
        sections.push(text);
    }
    let notices: String =
        story.notices.iter().map(|notice| problems::one_text(notice, style)).collect();
    if !notices.is_empty() {
        sections.push(notices);
    }
    let last =
        if is_at_rest(story) { NOTHING_CHANGES.to_owned() } else { summary(story, &told.access) };
    sections.push(style.paint(Paint::Strong, &last) + "\n");
    sections.join("\n")
}

/// Who gains and loses what, now and once a person has approved it, without colours.
pub(super) fn who(story: &Story<'_>) -> String {
    let (style, tense) = (Style::default(), story.tense());
    let told = Told::of(&story.effective(), &story.plan.besides, Detail::Short);
    let mut sections =
        section(&Told { lines: Vec::new(), ..told }, tense, Detail::Short, style, "");
    let held = story.plan.besides.after(story.effective());
    for batch in story.blocked() {
        let changes: Vec<&Change> = batch.changes.iter().collect();
        let told = Told { lines: Vec::new(), ..Told::of(&changes, &held, Detail::Short) };
        if !told.access.is_empty() {
            let scope = escape::visible(&batch.scope);
            sections.push(format!("blocked until a person approves, by the limits of `{scope}`\n"));
            sections.extend(section(&told, Tense::Planned, Detail::Short, style, "  "));
        }
    }
    sections.concat()
}

/// Every change, notice and batch that waits on a line of its own.
pub(super) fn short(story: &Story<'_>, style: Style) -> String {
    let changes = story.effective();
    let access = access_changes(changes.iter().copied(), &story.plan.besides);
    let mut text = String::new();
    for change in changes {
        let sign = words::sign(&change.effect);
        let mark = style.paint(colour(sign), sign.symbol());
        let _ = writeln!(text, "{mark} {}", words::line(change, story.tense()));
    }
    for tried in story.outcome.iter().flat_map(|outcome| &outcome.tried) {
        if let Some(reason) = tried.fate.reason() {
            let line = words::line(&tried.change, Tense::Planned);
            let _ = writeln!(text, "! {line}: {}", escape::visible(reason));
        }
    }
    for change in story.outcome.iter().flat_map(|outcome| &outcome.left) {
        let _ = writeln!(text, "not tried: {}", words::line(change, Tense::Planned));
    }
    for batch in story.blocked() {
        for change in &batch.changes {
            let line = words::line(change, Tense::Planned);
            let _ = writeln!(text, "blocked: {line}; approve {}", batch.hash);
        }
    }
    for awaited in &story.plan.awaited {
        let _ = writeln!(text, "waiting: {}", words::awaited(awaited, story.asked(awaited)));
    }
    text.extend(story.notices.iter().map(|notice| problems::short(notice, style)));
    let last = if is_at_rest(story) { NOTHING_CHANGES.to_owned() } else { summary(story, &access) };
    text + &style.paint(Paint::Strong, &last) + "\n"
}

/// Access, then lines; each line with an indent.
fn section(
    told: &Told<'_>,
    tense: Tense,
    detail: Detail,
    style: Style,
    indent: &str,
) -> Vec<String> {
    let mut sections = Vec::new();
    let mut customer = None;
    for change in &told.access {
        let mut text = String::new();
        if customer != Some(&change.customer) {
            customer = Some(&change.customer);
            let heading = words::tenant("customer", &change.customer);
            let _ = writeln!(text, "{indent}{}", style.paint(Paint::Strong, &heading));
        }
        text.push_str(&access(change, detail, style, indent));
        match (sections.last_mut(), text.starts_with(&format!("{indent}  "))) {
            (Some(last), true) => String::push_str(last, &text),
            (Some(_) | None, _) => sections.push(text),
        }
    }
    if !told.lines.is_empty() {
        let heading = match detail {
            Detail::Short => "relationships",
            Detail::Wide => "every change, in order",
        };
        let mut text = format!("{indent}{}\n", style.paint(Paint::Strong, heading));
        for change in &told.lines {
            let sign = words::sign(&change.effect);
            let mark = style.paint(colour(sign), sign.symbol());
            let _ = writeln!(text, "{indent}  {mark} {}", words::line(change, tense));
        }
        sections.push(text);
    }
    sections
}

fn access(change: &AccessChange, detail: Detail, style: Style, indent: &str) -> String {
    let AccessChange {
        customer: _,
        partner,
        grantee,
        relationships,
        roles,
        actions_added,
        actions_removed,
    } = change;
    let names: Vec<_> = relationships.iter().map(|name| escape::visible(name)).collect();
    let mut text = format!(
        "{indent}  {}, {}, through {}\n",
        words::grantee(grantee),
        words::tenant("partner", partner),
        names.join(" and ")
    );
    let rows: Vec<Vec<String>> = roles.iter().map(role).collect();
    for (line, role) in table::aligned(&rows, "  ").lines().zip(roles) {
        let _ = writeln!(text, "{indent}    {}", style.paint(colour(role_sign(role)), line));
    }
    match detail {
        Detail::Short if actions_added.is_empty() && actions_removed.is_empty() => {}
        Detail::Short => {
            let mut parts = Vec::new();
            if !actions_added.is_empty() {
                parts.push(format!("{} more", actions_added.len()));
            }
            if !actions_removed.is_empty() {
                parts.push(format!("{} fewer", actions_removed.len()));
            }
            let line = format!("actions: {}", parts.join(", "));
            let _ = writeln!(text, "{indent}    {}", style.paint(Paint::Faint, &line));
        }
        Detail::Wide => {
            for (sign, actions) in [(Sign::Adds, actions_added), (Sign::Removes, actions_removed)] {
                for action in actions {
                    let line = format!("{} {action}", sign.symbol());
                    let _ = writeln!(text, "{indent}      {}", style.paint(colour(sign), &line));
                }
            }
        }
    }
    text
}

fn role(role: &RoleChange) -> Vec<String> {
    let RoleChange { id: _, name, privileged, before, after } = role;
    vec![
        format!("{} {name}", role_sign(role).symbol()),
        words::until(*before, *after),
        if *privileged { "privileged" } else { "" }.to_owned(),
    ]
}

fn colour(sign: Sign) -> Paint {
    match sign {
        Sign::Adds => Paint::Gain,
        Sign::Removes => Paint::Loss,
        Sign::Alters => Paint::Change,
    }
}

/// What a report has besides what was done: the refused, the rest, and why it stopped.
fn untold(story: &Story<'_>, style: Style) -> Vec<String> {
    let Some(outcome) = story.outcome else { return Vec::new() };
    let mut sections = Vec::new();
    let mut refused = String::new();
    let mut open = String::new();
    for tried in &outcome.tried {
        let line = words::line(&tried.change, Tense::Planned);
        match &tried.fate {
            Fate::Done => {}
            Fate::Refused(reason) => {
                let _ = writeln!(refused, "  ! {line}\n    {}", escape::visible(reason));
            }
            Fate::Underway => {
                let _ = writeln!(open, "  … {line}");
            }
            Fate::Unknown => {
                let _ = writeln!(open, "  ? {line}\n    no answer came");
            }
        }
    }
    if !refused.is_empty() {
        sections.push(format!("{}\n{refused}", style.paint(Paint::Loss, "refused")));
    }
    if !open.is_empty() {
        let heading = style.paint(Paint::Change, "under way: apply again to see it made");
        sections.push(format!("{heading}\n{open}"));
    }
    if !outcome.left.is_empty() {
        let mut text = style.paint(Paint::Change, "not tried") + "\n";
        for change in &outcome.left {
            let sign = words::sign(&change.effect).symbol();
            let _ = writeln!(text, "  {sign} {}", words::line(change, Tense::Planned));
        }
        sections.push(text);
    }
    if let Some(stopped) = &outcome.stopped {
        let line = format!("stopped: {}", escape::visible(stopped));
        sections.push(style.paint(Paint::Loss, &line) + "\n");
    }
    sections
}

fn blocked(story: &Story<'_>, style: Style) -> Vec<String> {
    let held = story.plan.besides.after(story.effective());
    let batches = story.blocked().iter().map(|batch| {
        let heading = format!(
            "blocked until a person approves, by the limits of `{}`",
            escape::visible(&batch.scope)
        );
        let mut text = style.paint(Paint::Change, &heading) + "\n";
        for line in words::exceeded(batch) {
            let _ = writeln!(text, "  {line}");
        }
        let changes: Vec<&Change> = batch.changes.iter().collect();
        let told = Told::of(&changes, &held, story.detail);
        text.push_str(&section(&told, Tense::Planned, story.detail, style, "  ").concat());
        let _ = writeln!(text, "  approve with `concordat apply … --approve {}`", batch.hash);
        text
    });
    batches.collect()
}
