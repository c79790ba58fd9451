//! `--store cluster:`: what the operator last observed, read as whoever runs the command.
//!
//! Never: an answer without a word on how old it is and what it does not know.

use std::collections::BTreeSet;

use jiff::SignedDuration;

use super::{
    ClusterArgs, ExitStatus, InputArgs, Output,
    desired::{self, Loaded},
    diff::{self, Diff},
    input,
    planning::Planned,
    validate,
};
use crate::{
    domain::{
        limits::check,
        plan::plan,
        problem::{Problem, Severity},
        state::{Absence, Observed},
    },
    operator::status_store::{Access, Connection, Laid, LeaseName, Reading, connect},
    store::StoreError,
};

impl ClusterArgs {
    async fn connect(&self) -> Result<Connection, StoreError> {
        let Self { kubeconfig, context, user, groups, .. } = self;
        connect(&Access {
            kubeconfig: kubeconfig.clone(),
            context: context.clone(),
            user: user.clone(),
            groups: groups.clone(),
        })
        .await
    }

    async fn read(&self, connection: &Connection, out: &mut Output) -> Result<Reading, StoreError> {
        let lease = LeaseName { namespace: self.lease_namespace.clone(), name: self.lease.clone() };
        let reading = connection.read(&lease).await?;
        let age = in_words(reading.age());
        let through = reading.through;
        if reading.age().as_secs().unsigned_abs() > self.max_age.seconds() {
            let allowed = self.max_age.to_string();
            return Err(StoreError::TooOld { through, age, allowed });
        }
        out.say(&format!("as the operator had observed it at {through}, {age} ago"));
        Ok(reading)
    }
}

/// Whole seconds, as `3m 20s`.
fn in_words(age: SignedDuration) -> String {
    format!("{:#}", SignedDuration::from_secs(age.as_secs()))
}

/// What the statuses say that the store holds.
pub async fn observed(args: &ClusterArgs, out: &mut Output) -> anyhow::Result<Observed> {
    let connection = args.connect().await?;
    Ok(args.read(&connection, out).await?.observed()?)
}

/// Plans what the operator would do if the input were applied, and prints it.
pub async fn diff(args: &Diff, out: &mut Output) -> anyhow::Result<ExitStatus> {
    if args.prune {
        anyhow::bail!(
            "`--prune` is not for `cluster:`: what is deleted there is deleted with `kubectl`"
        );
    }
    if args.trusted.are_given() {
        anyhow::bail!("`--boundary` is not for `cluster:`: boundaries are objects of the cluster");
    }
    let connection = args.cluster.connect().await?;
    let namespace = args.input.namespace.clone();
    let files = InputArgs {
        namespace: Some(namespace.unwrap_or_else(|| connection.namespace().to_owned())),
        ..args.input.clone()
    };
    let (input, objects, mut problems) = input::read(&files, Absence::Keep, out)?;
    problems.extend(input.problems.iter().cloned());
    input.locate(&mut problems);
    if has_errors(&problems) {
        validate::tell(&problems, &input, args.output, out);
        return validate::refuse(&input, &mut problems, args.output, &args.input, out);
    }
    let reading = args.cluster.read(&connection, out).await?;
    let laid = reading.laid(objects)?;
    problems.extend(laid.problems.iter().cloned());
    input.locate(&mut problems);
    desired::sort(&mut problems);
    validate::tell(&problems, &input, args.output, out);
    let own = |problem: &&Problem| problem.source.is_some();
    if has_errors(problems.iter().filter(own)) {
        return validate::refuse(&input, &mut problems, args.output, &args.input, out);
    }
    let approvals = args.approve.iter().copied().collect();
    let Laid { desired, observed, claimant, unadmitted, waiting, problems: _ } = laid;
    let plan = plan(&desired, &observed, &claimant);
    let checked = check(&plan, &desired, &std::collections::BTreeMap::new(), &approvals);
    let planned = Planned { plan, checked, observed, missed: BTreeSet::new() };
    let mut loaded = Loaded::new(input, desired, problems);
    loaded.name_files_for(args.output, &args.input);
    let status = diff::answer(args, &loaded, &planned, out)?;
    for namespace in &unadmitted {
        out.say(&format!(
            "no PartnerBoundary admits the namespace `{namespace}`: the operator changes nothing there"
        ));
    }
    for hash in &waiting {
        out.say(&format!("the batch `{hash}` waits for an approval already"));
    }
    if !planned.plan.is_empty() {
        out.say("limits are not looked at: the operator may hold changes back for an approval");
    }
    let as_desired = unadmitted.is_empty() && !loaded.has_errors();
    loaded.forget();
    planned.forget();
    Ok(if as_desired { status } else { status.max(ExitStatus::No) })
}

fn has_errors<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> bool {
    problems.into_iter().any(|problem| problem.severity == Severity::Error)
}
