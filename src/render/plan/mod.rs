//! A plan, and the report of carrying it out, in the same words: who gains or loses what, then everything else.
//!
//! Never: a change that is neither among the access nor among the lines.

mod document;
mod markdown;
mod outward;
mod text;
mod views;
mod words;
mod yaml;

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use document::{
    FateView, PLAN_FILE_MAX_BYTES, PlanDocument, ReportDocument, TriedView, plan_hash, read,
};
pub use views::{
    AccessView, AwaitedView, BatchView, GranteeView, RoleView, SummaryView, TenantView,
};
pub use words::{Tense, line};
pub use yaml::{Sides, sides, yaml_diff};

use super::{Format, Rendered, Style, counted, problems};
use crate::domain::{
    change::{Change, Effect},
    entry::Head,
    ids::{GranteeId, TenantId},
    limits::{Batch, Checked},
    plan::{AccessChange, Awaited, AwaitedFor, Bearing, Besides, Notice, Plan, access_changes},
    problem::{Code, Problem},
};

/// How much is told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Detail {
    /// What a reviewer needs.
    #[default]
    Short,
    /// Also each action that is added or removed, and each change by itself.
    Wide,
}

/// A change that was tried, and what became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// The change.
    pub change: Change,
    /// What became of it.
    pub fate: Fate,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is made, and durable.
    Done,
    /// It was refused, for this reason.
    Refused(String),
    /// Whoever carries it out has taken it, and it is not there yet.
    Underway,
    /// It was sent, and nobody has said what became of it.
    Unknown,
}

impl Fate {
    /// Whether it was sent, and is not known to be made.
    fn is_open(&self) -> bool {
        matches!(self, Self::Underway | Self::Unknown)
    }

    /// Why it is not done.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Done => None,
            Self::Refused(reason) => Some(reason),
            Self::Underway => Some("under way: apply again to see that it is made"),
            Self::Unknown => {
                Some("sent, and no answer came: apply again to see whether it is made")
            }
        }
    }
}

/// What was done of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The changes that were tried, in order.
    pub tried: Vec<Tried>,
    /// The changes that were not tried, in order.
    pub left: Vec<Change>,
    /// Why it stopped early, if it did.
    pub stopped: Option<String>,
    /// The end of the ledger afterwards, where it is known.
    pub ledger: Option<Head>,
}

/// What is told: a plan with what of it may run, or with what was done of it.
#[derive(Debug, Clone, Copy)]
pub struct Story<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The notices of the plan, in words and with their places.
    pub notices: &'a [Problem],
    /// What of it may run.
    pub checked: &'a Checked,
    /// What was done; absent for `diff`.
    pub outcome: Option<&'a Outcome>,
    /// The YAML diff, as [`yaml_diff`] gives it, without colour for Markdown; may be empty.
    pub yaml: &'a str,
    /// How much is told.
    pub detail: Detail,
    /// What is wrong with the input and does not forbid anything: people have read it by then.
    pub warnings: &'a [Problem],
    /// The first file of the input.
    pub first: &'a str,
}

impl<'a> Story<'a> {
    /// What is to be made, or was made: what the access and the lines are about.
    fn effective(&self) -> Vec<&'a Change> {
        match self.outcome {
            None => self.checked.run.iter().map(|admitted| &admitted.change).collect(),
            Some(outcome) => {
                let done = outcome.tried.iter().filter(|tried| tried.fate == Fate::Done);
                done.map(|tried| &tried.change).collect()
            }
        }
    }

    /// Whether something that the plan tells bears on what is declared like that.
    fn tells(&self, bearing: Bearing) -> bool {
        self.plan.notices.iter().any(|notice| notice.bearing() == bearing)
    }

    /// Whether nothing that is declared waits for somebody outside.
    fn is_held(&self) -> bool {
        let waits = |awaited: &Awaited| awaited.reason != AwaitedFor::Renewal;
        !self.tells(Bearing::NotHeld) && !self.plan.awaited.iter().any(waits)
    }

    fn tense(&self) -> Tense {
        if self.outcome.is_some() { Tense::Done } else { Tense::Planned }
    }

    /// Whether a customer was asked: an invitation that was refused is still to be sent.
    fn asked(&self, awaited: &Awaited) -> Tense {
        let is_refused = |tried: &Tried| {
            let row = tried.change.subject.relationship.as_ref();
            let invites = matches!(tried.change.effect, Effect::Invite { .. });
            invites && row == Some(&awaited.relationship) && matches!(tried.fate, Fate::Refused(_))
        };
        let mut tried = self.outcome.iter().flat_map(|outcome| &outcome.tried);
        if tried.any(is_refused) { Tense::Planned } else { self.tense() }
    }

    fn blocked(&self) -> &'a [Batch] {
        &self.checked.blocked
    }
}

/// A plan or report in a format. `page` gives the page of a code.
pub fn render(
    story: &Story<'_>,
    format: Format,
    style: Style,
    page: impl Fn(Code) -> Option<&'static str>,
) -> Rendered {
    match format {
        Format::Text => Rendered::Text(text::text(story, style)),
        // No plan is asked for as rows: `Answer::formats`.
        Format::Short | Format::Csv => Rendered::Text(text::short(story, style)),
        Format::Json | Format::Yaml => document::document(story),
        Format::Markdown => Rendered::Text(markdown::markdown(story)),
        Format::Sarif => {
            Rendered::Text(problems::sarif(&outward::results(story), story.first, page))
        }
        Format::Junit => Rendered::Text(outward::junit(story)),
        Format::Github => Rendered::Text(outward::github(story)),
    }
}

/// Some changes as they are told: the access first, then each change that the access does not show.
struct Told<'a> {
    access: Vec<AccessChange>,
    lines: Vec<&'a Change>,
}

impl<'a> Told<'a> {
    fn of(changes: &[&'a Change], besides: &Besides, detail: Detail) -> Self {
        let access = access_changes(changes.iter().copied(), besides);
        let shown: BTreeSet<(TenantId, GranteeId)> =
            access.iter().map(|change| (change.customer.id, change.grantee.id)).collect();
        let is_shown = |change: &Change| {
            change.effect.roles_set().is_some_and(|(grantee, before, after)| {
                before.roles != after.roles
                    && shown.contains(&(change.subject.customer.id, grantee.id))
            })
        };
        let all = changes.iter().copied();
        let lines = match detail {
            Detail::Short => all.filter(|change| !is_shown(change)).collect(),
            Detail::Wide => all.collect(),
        };
        Self { access, lines }
    }
}

/// The last line: what there is in total.
fn summary(story: &Story<'_>, access: &[AccessChange]) -> String {
    let counts = SummaryView::of(&story.effective(), access);
    let (gain, lose, keep) = match story.tense() {
        Tense::Planned => ("to gain", "to lose", "until another time"),
        Tense::Done => ("gained", "lost", "until another time"),
    };
    let mut parts: Vec<String> =
        [(counts.gained, gain), (counts.lost, lose), (counts.until_another_time, keep)]
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, words)| format!("{number} {words}"))
            .collect();
    let named = [
        (counts.invitations, "invitation"),
        (counts.authorisations, "authorisation"),
        (counts.endings, "ending"),
        (counts.others, "other change"),
    ];
    parts.extend(
        named.into_iter().filter(|(number, _)| *number > 0).map(|(n, word)| counted(n, word)),
    );
    if parts.is_empty() {
        parts
            .push(if story.outcome.is_some() { "nothing" } else { "nothing to do now" }.to_owned());
    }
    let mut text = vec![parts.join(", ")];
    if let Some(outcome) = story.outcome {
        let count =
            |are: fn(&Fate) -> bool| outcome.tried.iter().filter(|tried| are(&tried.fate)).count();
        let counts = [
            (count(|fate| matches!(fate, Fate::Refused(_))), "refused"),
            (count(|fate| *fate == Fate::Underway), "under way"),
            (count(|fate| *fate == Fate::Unknown), "without an answer"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        text.extend(counts.map(|(count, what)| format!("{count} {what}")));
        if !outcome.left.is_empty() {
            text.push(format!("{} not tried", outcome.left.len()));
        }
    }
    let blocked: usize = story.blocked().iter().map(|batch| batch.changes.len()).sum();
    if blocked > 0 {
        text.push(format!("{blocked} blocked"));
    }
    if story.plan.changes.is_empty() && !story.is_held() {
        text.push("not all that is declared here is held".to_owned());
    }
    if story.tells(Bearing::NotDeclared) {
        text.push("more goes on that is not declared here".to_owned());
    }
    if let (None, Some(until)) = (story.outcome, story.plan.valid_until) {
        text.push(format!("valid until {until}"));
    }
    let name = if story.outcome.is_some() { "Done" } else { "Plan" };
    format!("{name}: {}", text.join("; "))
}

/// What is said where there is nothing to do.
pub const NOTHING_CHANGES: &str = "Nothing changes: the store holds what the manifests say.";

/// Where there is nothing to do, and the store holds what the manifests say, no less and no more.
fn is_at_rest(story: &Story<'_>) -> bool {
    let is_unexplained = |notice: &Notice| matches!(notice, Notice::Unexplained { .. });
    let is_more =
        story.tells(Bearing::NotDeclared) || story.plan.notices.iter().any(is_unexplained);
    let done = story.outcome.is_none_or(|outcome| outcome.stopped.is_none());
    story.plan.changes.is_empty() && story.is_held() && !is_more && done
}
