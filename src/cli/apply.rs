//! `concordat apply`: makes the store hold what the manifests say, and reports what was done.
//!
//! Never: goes beyond the limits, or beyond a saved plan.

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{
    ExitStatus, InputArgs, Output, StoreArgs, desired,
    diff::{self, Shown},
    plan_file,
    planning::{self, FailOn, Planned},
    store,
};
use crate::{
    domain::{
        digest::Digest,
        entry::{Actor, ActorKind, ActorStanding, Intent},
        plan::{Claimant, Foreign},
        state::{Absence, Desired},
    },
    render::{Format, plan as render},
    store::{
        Outcome, Refusal, Signature, Write,
        apply::{Report, Stopped},
        plan_hash,
    },
};

/// What to apply, and how far it may go.
#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Treat what these namespaces own in the store, and the manifests do not declare, as deleted.
    #[arg(long)]
    pub prune: bool,
    /// A plan saved by `diff -o json`: refused unless it is still exactly what would be done.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<String>,
    /// Approve a batch that waits, by its whole hash. Recorded with your name as claimed.
    #[arg(long, value_name = "HASH")]
    pub approve: Vec<Digest>,
    /// Do nothing if the plan has any of these.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    /// Also each action that is added or removed, and the YAML of both sides.
    #[arg(long)]
    pub wide: bool,
    /// The form of the report.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Plans once more when somebody else wrote meanwhile, this often.
const ATTEMPTS: usize = 3;

/// Validates, plans, checks, applies and reports.
pub async fn apply(args: &Apply, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let absence = if args.prune { Absence::Prune } else { Absence::Keep };
    let (loaded, _) = desired::load(&args.input, absence, Timestamp::now(), out)?;
    super::validate::tell(&loaded.problems, out);
    if loaded.has_errors() {
        return super::validate::refuse(&loaded.problems, args.output, out);
    }
    let claim = args.plan.as_deref().map(plan_file::read).transpose()?;
    let mut store = store::writer(&args.store.store, out).await?;
    let claimant = Claimant::cli(Foreign::Conflict);
    let approvals: BTreeSet<Digest> = args.approve.iter().copied().collect();
    let stop = StopRequest::listen();
    let mut reports = Vec::new();
    loop {
        let mut planned =
            planning::planned(&mut store, &loaded.desired, &claimant, &approvals).await?;
        planned.locate(&loaded);
        if reports.is_empty() {
            planning::tell_unmatched(&args.approve, &planned, out);
        }
        if let (Some(path), Some(claim), true) = (&args.plan, &claim, reports.is_empty()) {
            plan_file::check(path, claim, &planned)?;
        }
        if let Some(what) = args.fail_on.iter().find(|what| what.is_in(&planned)) {
            Shown { planned: &planned, outcome: None, wide: args.wide }.print(args.output, out)?;
            out.say(&format!("nothing was done: the plan has `{}`", diff::name(*what)));
            return Ok(ExitStatus::No);
        }
        let report = run(&mut store, &planned, &loaded.desired, &approvals, &stop, out).await?;
        let again = report.stopped.is_none() && is_stale(&report) && reports.len() + 1 < ATTEMPTS;
        reports.push((planned, report));
        if !again {
            break;
        }
    }
    stop.finish().await;
    store.close().await?;
    tell(args, &reports, out)
}

/// Blocks what waits, records approvals and makes the changes.
async fn run(
    store: &mut impl Write,
    planned: &Planned,
    desired: &Desired,
    approvals: &BTreeSet<Digest>,
    stop: &StopRequest,
    out: &mut Output,
) -> anyhow::Result<Report> {
    let by = signature(plan_hash(&planned.checked.run));
    store.block(&planned.checked.blocked, &by).await?;
    for batch in planned.checked.approved.iter().filter(|batch| approvals.contains(&batch.hash)) {
        store.approve(batch, &by).await?;
    }
    let changes = planned.checked.run.clone();
    let bar = progress(changes.len(), out);
    let limits = planning::limits(desired);
    let report = crate::store::apply::apply(store, changes, &limits, &by, |done| {
        bar.set_position(done as u64);
        if stop.is_made() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await;
    bar.finish_and_clear();
    Ok(report)
}

fn is_stale(report: &Report) -> bool {
    report.tried.iter().any(|(_, outcome)| *outcome == Outcome::Refused(Refusal::Stale))
}

/// Progress where a person watches, and none in a pipe.
fn progress(changes: usize, out: &Output) -> ProgressBar {
    if !out.is_watched() || changes <= crate::store::CHANGES_AT_ONCE {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} changes")
        .expect("the template is fixed and right");
    ProgressBar::new(changes as u64).with_style(style)
}

/// Made once somebody presses Ctrl-C: the change in flight is finished, and what was done is said.
struct StopRequest {
    made: Arc<AtomicBool>,
    listener: JoinHandle<()>,
}

impl StopRequest {
    fn listen() -> Self {
        let made = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&made);
        let listener = tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                asked.store(true, Ordering::SeqCst);
            }
        });
        Self { made, listener }
    }

    fn is_made(&self) -> bool {
        self.made.load(Ordering::SeqCst)
    }

    async fn finish(self) {
        self.listener.abort();
        let _ = self.listener.await;
    }
}

/// On the command line nobody checks who is there: the name is recorded as claimed.
fn signature(plan: Digest) -> Signature {
    let named = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    let robot = named("CI").is_some();
    let name = named("CONCORDAT_ACTOR")
        .or_else(|| named("GITHUB_ACTOR"))
        .or_else(|| named("GITLAB_USER_LOGIN"))
        .or_else(|| named("USER"))
        .unwrap_or_else(|| "unknown".to_owned());
    let commit = named("GITHUB_SHA").or_else(|| named("CI_COMMIT_SHA"));
    Signature {
        actor: Actor {
            name,
            kind: if robot { ActorKind::Robot } else { ActorKind::Person },
            standing: ActorStanding::Claimed,
        },
        intent: Intent {
            commit,
            plan: Some(plan),
            catalogue: planning::catalogue_version(),
            ..Intent::default()
        },
    }
}

/// The report, and what it says of the answer.
fn tell(
    args: &Apply,
    reports: &[(Planned, Report)],
    out: &mut Output,
) -> anyhow::Result<ExitStatus> {
    let mut status = ExitStatus::AsDesired;
    for (position, (planned, report)) in reports.iter().enumerate() {
        let outcome = outcome(report);
        Shown { planned, outcome: Some(&outcome), wide: args.wide }.print(args.output, out)?;
        match &report.stopped {
            Some(Stopped::Failed(error)) => {
                status = status.max(ExitStatus::Unknown);
                out.say(&format!(
                    "error: {error}\n  what was in flight may or may not have been done: apply again"
                ));
            }
            Some(Stopped::OnRequest) => {
                status = status.max(ExitStatus::No);
                out.say("stopped on request: apply again to finish");
            }
            None => {}
        }
        let refused = |(_, outcome): &(_, Outcome)| *outcome != Outcome::Done;
        let waits = !planned.checked.blocked.is_empty() || planned.has_errors();
        let is_last = position + 1 == reports.len();
        if is_last && (report.tried.iter().any(refused) || waits) {
            status = status.max(ExitStatus::No);
        }
    }
    Ok(status)
}

/// The report in the words of its rendering.
fn outcome(report: &Report) -> render::Outcome {
    let fate = |outcome: &Outcome| match outcome {
        Outcome::Done => render::Fate::Done,
        Outcome::Refused(refusal) => render::Fate::Refused(refusal.to_string()),
    };
    let tried = report.tried.iter().map(|(admitted, outcome)| render::Tried {
        change: admitted.change.clone(),
        fate: fate(outcome),
    });
    let stopped = report.stopped.as_ref().map(|stopped| match stopped {
        Stopped::OnRequest => "stopped on request".to_owned(),
        Stopped::Failed(error) => error.to_string(),
    });
    render::Outcome {
        tried: tried.collect(),
        left: report.left.iter().map(|admitted| admitted.change.clone()).collect(),
        stopped,
    }
}
