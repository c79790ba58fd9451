//! `concordat expire`: takes away what is over, and nothing else.
//!
//! Never: what a manifest says, or an end that has not come.

use std::{collections::BTreeSet, time};

use clap::Args;

use super::{
    ExitStatus, Output, StoreArgs,
    apply::{StopRequest, outside, run, signature, tell},
    args::one_of,
    desired::Loaded,
    planning::{self, Planned},
};
use crate::{
    domain::{
        duration::Duration,
        plan::{Claimant, Foreign},
        state::Desired,
        validate::desired_by_nobody,
    },
    manifest::Input,
    render::{Answer, Format},
    store::{AnyWriter, Read as _, StoreError, Write as _, apply::Report, plan_hash},
};

/// Where, and how it is told.
#[derive(Debug, Args)]
pub struct Expire {
    #[command(flatten)]
    pub store: StoreArgs,
    /// How long to wait until it is read back at Microsoft that it is gone: `PT0S` waits for nothing.
    #[arg(long, value_name = "DURATION", default_value = "PT5M")]
    pub wait: Duration,
    /// The form of the report.
    #[arg(short, long, value_parser = one_of(Answer::Report.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Plans what time has ended, takes it away, and reports.
pub async fn expire(args: &Expire, out: &mut Output) -> anyhow::Result<ExitStatus> {
    if args.store.is_cluster() {
        let instead = "the operator takes away what is over by itself".to_owned();
        return Err(StoreError::OnlyRead { instead }.into());
    }
    let mut store = super::store::writer(&args.store.store, out).await?;
    let stop = StopRequest::listen();
    let desired = desired_by_nobody();
    let ran = take_away(args, &desired, &mut store, &stop, out).await;
    stop.finish().await;
    let head = store.head().await.ok();
    let closed = store.close().await;
    let (planned, report) = ran?;
    let loaded = Loaded::new(Input::default(), desired, Vec::new());
    let status = tell((args.output, false), &loaded, &planned, &report, head, out)?;
    if let (Err(error), true) = (closed, status < ExitStatus::Unknown) {
        out.say(&format!("warning: all that is reported is done, but the goodbye failed: {error}"));
    }
    Ok(status)
}

/// Plans what is over, takes it away, and records what was seen besides.
async fn take_away(
    args: &Expire,
    desired: &Desired,
    store: &mut AnyWriter,
    stop: &StopRequest,
    out: &mut Output,
) -> anyhow::Result<(Planned, Report)> {
    store.keep_drafts();
    let planned = planning::ended(store, &Claimant::cli(Foreign::Conflict)).await?;
    let patience = time::Duration::from_secs(args.wait.seconds());
    let report = run(store, &planned, desired, &BTreeSet::new(), stop, patience, out).await?;
    let seen = outside(&planned, &report);
    if !seen.is_empty() {
        store.record(seen, &signature(plan_hash(&[]))).await?;
    }
    Ok((planned, report))
}
