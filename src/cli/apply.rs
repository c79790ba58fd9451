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

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tokio::task::JoinHandle;

use super::{
    BoundaryArgs, ExitStatus, InputArgs, Output, StoreArgs,
    args::{namespace, one_of},
    desired::{self, Loaded},
    diff::{self, Shown},
    plan_file,
    planning::{self, FailOn, Planned},
    store,
};
use crate::{
    api::tells_secret,
    domain::{
        digest::Digest,
        duration::Duration,
        entry::{Actor, ActorKind, ActorStanding, Head, Intent},
        plan::{Claimant, Foreign, Notice},
        state::{Absence, Desired},
    },
    render::{
        Answer, Format,
        plan::{self as render, PlanDocument},
    },
    store::{
        Observation, Outcome, Read, Refusal, Signature, StoreError, Write,
        apply::{Report, Stopped, apply_within, seen_outside},
        plan_hash,
    },
};

/// What to apply, and how far it may go.
#[derive(Debug, Args)]
pub struct Apply {
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
    /// A plan saved by `diff -o json`: refused unless it is still exactly what would be done.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<String>,
    /// Approve a batch that waits, by its whole hash. Recorded with your name as claimed.
    #[arg(long, value_name = "HASH")]
    pub approve: Vec<Digest>,
    /// Do nothing if the plan has any of these.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    pub fail_on: Vec<FailOn>,
    /// How long to wait for what is on its way at Microsoft, and for what rests on it: `PT0S` waits for nothing.
    #[arg(long, value_name = "DURATION", default_value = "PT5M")]
    pub wait: Duration,
    /// Also each action that is added or removed, and the YAML of both sides.
    #[arg(long)]
    pub wide: bool,
    /// The form of the report.
    #[arg(short, long, value_parser = one_of(Answer::Report.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Plans once more when somebody else wrote meanwhile, this often; never under a saved plan.
const ATTEMPTS: usize = 3;

/// Validates, plans, checks, applies and reports. Whatever fails on the way, what was done before is reported.
pub async fn apply(args: &Apply, out: &mut Output) -> anyhow::Result<ExitStatus> {
    if args.store.is_cluster() {
        let instead = "change its objects with `kubectl apply`".to_owned();
        return Err(StoreError::OnlyRead { instead }.into());
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
    let claim = args.plan.as_deref().map(plan_file::read).transpose()?;
    let mut store = store::writer(&args.store.store, out).await?;
    let stop = StopRequest::listen();
    let mut made = Vec::new();
    let ended = attempts(args, &loaded, claim.as_ref(), &mut store, &stop, &mut made, out).await;
    stop.finish().await;
    let seen = made.last().map(|(planned, report)| outside(planned, report)).unwrap_or_default();
    let recorded =
        if seen.is_empty() { Ok(()) } else { store.record(seen, &signature(plan_hash(&[]))).await };
    let head = store.head().await.ok();
    let closed = recorded.and(store.close().await);
    let status = match combined(made) {
        Some((planned, report)) => {
            tell((args.output, args.wide), &loaded, &planned, &report, head, out)?
        }
        None => ExitStatus::AsDesired,
    };
    if let Some(Head { sequence, hash }) = head {
        let entries = if sequence == 1 { "1 entry" } else { &format!("{sequence} entries") };
        out.say(&format!("ledger: {entries}, head {hash}"));
    }
    if let Some((what, planned)) = ended? {
        if let Some(planned) = planned {
            let shown =
                Shown { loaded: &loaded, planned: &planned, outcome: None, wide: args.wide };
            shown.print(args.output, out)?;
        }
        out.say(&format!("nothing more is done: the plan has `{}`", diff::name(what)));
        return Ok(status.max(ExitStatus::No));
    }
    if let (Err(error), true) = (closed, status < ExitStatus::Unknown) {
        out.say(&format!("warning: all that is reported is done, but the goodbye failed: {error}"));
    }
    Ok(status)
}

/// What was changed outside, for the ledger.
pub(super) fn outside(planned: &Planned, report: &Report) -> Vec<Observation> {
    let told = report.tried.iter().filter(|(_, outcome)| *outcome == Outcome::Done);
    let changed = told.map(|(admitted, _)| &admitted.change);
    seen_outside(&planned.plan, &planned.observed, changed)
}

/// What `--fail-on` names and a plan has, with the plan where it is the first.
type Unwanted = Option<(FailOn, Option<Planned>)>;

/// Plans and applies until nobody else writes meanwhile. What was done stands in `made`, also where this fails.
async fn attempts(
    args: &Apply,
    loaded: &Loaded,
    claim: Option<&PlanDocument>,
    store: &mut impl Write,
    stop: &StopRequest,
    made: &mut Vec<(Planned, Report)>,
    out: &mut Output,
) -> anyhow::Result<Unwanted> {
    let claimant = Claimant::cli(Foreign::Conflict);
    let approvals: BTreeSet<Digest> = args.approve.iter().copied().collect();
    loop {
        let planned = planning::planned(store, &loaded.desired, &claimant, &approvals).await?;
        if made.is_empty() {
            planning::tell_unmatched(&args.approve, &planned, out);
            planning::tell_unowned(&args.prune_namespace, &planned, out);
        }
        if let (Some(path), Some(claim)) = (&args.plan, claim) {
            plan_file::check(path, claim, &planned)?;
        }
        if let Some(what) = args.fail_on.iter().find(|what| what.is_in(&planned)) {
            return Ok(Some((*what, made.is_empty().then_some(planned))));
        }
        let patience = std::time::Duration::from_secs(args.wait.seconds());
        let report = run(store, &planned, &loaded.desired, &approvals, stop, patience, out).await?;
        let is_open = report.tried.iter().any(|(_, outcome)| outcome.is_open());
        // What was planned while something else was on its way is planned once more when that has landed.
        let service = planned.observed.service.as_ref();
        let has_landed = report.open == 0 && service.is_some_and(|service| service.underway > 0);
        let again = report.stopped.is_none()
            && (is_stale(&report) || has_landed)
            && claim.is_none()
            && !is_open;
        made.push((planned, report));
        if !again || made.len() == ATTEMPTS {
            return Ok(None);
        }
    }
}

/// One report of all attempts: what an attempt found stale is told by the next.
fn combined(made: Vec<(Planned, Report)>) -> Option<(Planned, Report)> {
    made.into_iter().reduce(|(first, mut before), (mut planned, mut report)| {
        before.tried.retain(|(_, outcome)| *outcome != Outcome::Refused(Refusal::Stale));
        before.tried.append(&mut report.tried);
        report.tried = before.tried;
        planned.plan.changes = first.plan.changes;
        planned.missed = first.missed;
        (planned, report)
    })
}

/// Blocks what waits, records approvals and makes the changes.
pub(super) async fn run(
    store: &mut impl Write,
    planned: &Planned,
    desired: &Desired,
    approvals: &BTreeSet<Digest>,
    stop: &StopRequest,
    patience: std::time::Duration,
    out: &mut Output,
) -> anyhow::Result<Report> {
    let by = signature(plan_hash(&planned.checked.run));
    store.block(&planned.checked.blocked, &by).await?;
    for batch in planned.checked.approved.iter().filter(|batch| approvals.contains(&batch.hash)) {
        store.approve(batch, &by).await?;
    }
    let changes = planned.checked.run.clone();
    let bar = progress(changes.len(), out);
    let limits = planned.plan.governing.limits(desired);
    let report = apply_within(patience, store, changes, &limits, &by.into(), |done| {
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
pub(super) struct StopRequest {
    made: Arc<AtomicBool>,
    listener: JoinHandle<()>,
}

impl StopRequest {
    pub fn listen() -> Self {
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

    pub async fn finish(self) {
        self.listener.abort();
        let _ = self.listener.await;
    }
}

/// On the command line nobody checks who is there: the name is recorded as claimed. A token that somebody has put where a
/// name belongs would stay in the ledger for ever, and is no name.
pub(super) fn signature(plan: Digest) -> Signature {
    let is_name = |value: &String| !value.is_empty() && !tells_secret(value);
    let named = |name| std::env::var(name).ok().filter(is_name);
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
pub(super) fn tell(
    (output, wide): (Format, bool),
    loaded: &Loaded,
    planned: &Planned,
    report: &Report,
    head: Option<Head>,
    out: &mut Output,
) -> anyhow::Result<ExitStatus> {
    let outcome = render::Outcome { ledger: head, ..outcome(report) };
    let shown = Shown { loaded, planned, outcome: Some(&outcome), wide };
    let printed = shown.print(output, out);
    let is_done = |(_, outcome): &&(_, Outcome)| *outcome == Outcome::Done;
    let done = report.tried.iter().filter(is_done).count();
    let is_unknown = report.tried.iter().any(|(_, outcome)| *outcome == Outcome::Unknown);
    let status = match &report.stopped {
        Some(Stopped::Failed(error)) => {
            out.say(&format!(
                "error: {error}\n  what was in flight may or may not have been done: apply again"
            ));
            ExitStatus::Unknown
        }
        Some(Stopped::OnRequest) => {
            let left = report.left.len();
            out.say(&format!("stopped on request, {left} changes are left: apply again to finish"));
            if is_unknown { ExitStatus::Unknown } else { ExitStatus::No }
        }
        None => {
            let waits = !planned.checked.blocked.is_empty()
                || !planned.missed.is_empty()
                || planned.has_errors();
            let own = report.tried.iter().filter(|(_, outcome)| outcome.is_open()).count();
            let before = report.open.saturating_sub(own);
            if before > 0 {
                out.say(&underway(before));
            }
            let is_in_flight = planned.plan.notices.iter().any(Notice::is_in_flight);
            let whole = done == report.tried.len()
                && report.left.is_empty()
                && report.open == 0
                && !is_in_flight
                && !waits;
            if is_unknown || planned.is_unread() {
                ExitStatus::Unknown
            } else if whole {
                ExitStatus::AsDesired
            } else {
                ExitStatus::No
            }
        }
    };
    printed.with_context(|| {
        let made = if done == 1 { "1 change was" } else { &format!("{done} changes were") };
        format!("{made} made, and the report of it is not whole")
    })?;
    Ok(status)
}

/// That changes of an earlier run are still on their way.
fn underway(changes: usize) -> String {
    let (changes, are) = if changes == 1 {
        ("1 change".to_owned(), "is")
    } else {
        (format!("{changes} changes"), "are")
    };
    format!(
        "{changes} of an earlier run {are} still on the way at Microsoft: apply again to see that it is made"
    )
}

/// The report in the words of its rendering.
fn outcome(report: &Report) -> render::Outcome {
    let fate = |outcome: &Outcome| match outcome {
        Outcome::Done => render::Fate::Done,
        Outcome::Refused(refusal) => render::Fate::Refused(refusal.to_string()),
        Outcome::Underway => render::Fate::Underway,
        Outcome::Unknown => render::Fate::Unknown,
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
        ledger: None,
    }
}
