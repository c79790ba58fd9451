//! `concordat diff`: what would change in the store, and who would gain and lose what.
//!
//! Never: writes, or needs the right to.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    BoundaryArgs, ClusterArgs, ExitStatus, InputArgs, Output, StoreArgs,
    args::{namespace, one_of},
    cluster,
    desired::{self, Loaded},
    planning::{self, FailOn, Planned},
    store,
};
use crate::{
    domain::{
        change::Change,
        digest::Digest,
        pages,
        plan::{Claimant, Foreign},
        state::Absence,
    },
    manifest,
    render::{
        Answer, Format, Rendered, Style,
        plan::{Detail, Fate, Outcome, Story, render, sides, yaml_diff},
    },
};

/// What to compare, and what makes the answer no.
#[derive(Debug, Args)]
pub struct Diff {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub trusted: BoundaryArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Treat what these namespaces own in the store, and the manifests do not declare, as deleted.
    #[arg(long)]
    pub prune: bool,
    /// With `--prune`, also treat as deleted what this namespace owns, though the manifests have nothing of it. May be
    /// repeated.
    #[arg(long, value_name = "NAME", value_parser = namespace, requires = "prune")]
    pub prune_namespace: Vec<String>,
    /// Show what would run if the batch with this hash were approved.
    #[arg(long, value_name = "HASH")]
    pub approve: Vec<Digest>,
    /// Exit with 1 for these only, and not for every difference.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    /// Also each action that is added or removed.
    #[arg(long)]
    pub wide: bool,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Plan.formats()), default_value_t = Format::Text)]
    pub output: Format,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// Plans and prints.
pub async fn diff(args: &Diff, out: &mut Output) -> anyhow::Result<ExitStatus> {
    if args.store.is_cluster() {
        return cluster::diff(args, out).await;
    }
    let absence = if args.prune { Absence::Prune } else { Absence::Keep };
    let (mut loaded, _) =
        desired::load(&args.input, &args.trusted, absence, Timestamp::now(), out)?;
    loaded.speak_for(&args.prune_namespace);
    super::validate::tell(&loaded.problems, &loaded.input, args.output, out);
    if loaded.has_errors() {
        return super::validate::refuse(
            &loaded.input,
            &mut loaded.problems,
            args.output,
            &args.input,
            out,
        );
    }
    loaded.name_files_for(args.output, &args.input);
    let mut reader = store::reader(&args.store.store, out).await?;
    let claimant = Claimant::cli(Foreign::ReadAs);
    let approvals = args.approve.iter().copied().collect();
    let planned = planning::planned(&mut reader, &loaded.desired, &claimant, &approvals).await?;
    let status = answer(args, &loaded, &planned, out)?;
    loaded.forget();
    planned.forget();
    Ok(status)
}

/// Prints a plan, and says what it means.
pub fn answer(
    args: &Diff,
    loaded: &Loaded,
    planned: &Planned,
    out: &mut Output,
) -> anyhow::Result<ExitStatus> {
    planning::tell_unmatched(&args.approve, planned, out);
    planning::tell_unowned(&args.prune_namespace, planned, out);
    let shown = Shown { loaded, planned, outcome: None, wide: args.wide };
    shown.print(args.output, out)?;
    Ok(status(args, planned, out))
}

fn status(args: &Diff, planned: &Planned, out: &mut Output) -> ExitStatus {
    if planned.is_unread() {
        return ExitStatus::Unknown;
    }
    if planned.has_errors() {
        return ExitStatus::No;
    }
    if args.fail_on.is_empty() {
        return if planned.is_as_desired() { ExitStatus::AsDesired } else { ExitStatus::No };
    }
    let mut found = args.fail_on.iter().filter(|what| what.is_in(planned)).peekable();
    if found.peek().is_none() {
        return ExitStatus::AsDesired;
    }
    let names: Vec<String> = found.map(|what| format!("`{}`", name(*what))).collect();
    out.say(&format!("the plan has {}", names.join(", ")));
    ExitStatus::No
}

/// How a value of `--fail-on` is typed.
pub fn name(what: FailOn) -> String {
    what.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

/// A plan, or what was done of it, ready to be printed.
pub struct Shown<'a> {
    /// What it was made from.
    pub loaded: &'a Loaded,
    /// The plan.
    pub planned: &'a Planned,
    /// What was done of it; absent for `diff`.
    pub outcome: Option<&'a Outcome>,
    /// Whether everything is told.
    pub wide: bool,
}

impl Shown<'_> {
    /// Prints it in a format.
    pub fn print(&self, format: Format, out: &mut Output) -> anyhow::Result<()> {
        let style = out.style();
        let yaml = match format {
            Format::Text if self.wide || self.outcome.is_none() => self.yaml(style),
            Format::Markdown => self.yaml(Style::default()),
            Format::Text
            | Format::Short
            | Format::Json
            | Format::Yaml
            | Format::Sarif
            | Format::Junit
            | Format::Github
            | Format::Csv => String::new(),
        };
        let story = Story {
            plan: &self.planned.plan,
            notices: &self.planned.notices(self.loaded),
            checked: &self.planned.checked,
            outcome: self.outcome,
            yaml: &yaml,
            detail: if self.wide { Detail::Wide } else { Detail::Short },
            warnings: &self.loaded.problems,
            first: &self.loaded.first(),
        };
        let rendered: Rendered = render(&story, format, style, pages::page);
        out.rendered(rendered, format)?;
        Ok(())
    }

    fn yaml(&self, style: Style) -> String {
        let told: Vec<&Change> = match self.outcome {
            None => self.planned.checked.run.iter().map(|admitted| &admitted.change).collect(),
            Some(outcome) => {
                let done = outcome.tried.iter().filter(|tried| tried.fate == Fate::Done);
                done.map(|tried| &tried.change).collect()
            }
        };
        sides(told)
            .iter()
            .map(|side| {
                yaml_diff(&side.name, &document(&side.before), &document(&side.after), style)
            })
            .collect()
    }
}

/// The YAML of one side; nothing where there is nothing.
fn document(side: &Value) -> String {
    if side.is_null() { String::new() } else { manifest::to_yaml(side) }
}
