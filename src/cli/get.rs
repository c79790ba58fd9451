//! `concordat get`: what the store holds, as rows.
//!
//! Never: reads what it was not asked for as if it were nothing.

use clap::{Args, ValueEnum};

use super::{
    ClusterArgs, ExitStatus, Output,
    args::{namespace, one_of},
    cluster,
    store::{self},
    why::{self, When},
};
use crate::{
    domain::state::{Observed, ObservedRelationship},
    render::{Answer, Format, get, plan::Detail},
};

/// What to list.
#[derive(Debug, Args)]
pub struct Get {
    /// What to list.
    #[arg(value_enum)]
    pub what: What,
    /// The relationship with this name in the store only.
    pub name: Option<String>,
    /// What objects of this namespace own only.
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
    /// Also what rarely matters.
    #[arg(long)]
    pub wide: bool,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Table.formats()), default_value_t = Format::Text)]
    pub output: Format,
    #[command(flatten)]
    pub cluster: ClusterArgs,
}

/// What can be listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Each relationship.
    #[value(aliases = ["relationship", "prel", "partnerrelationships"])]
    Relationships,
    /// What each grantee holds.
    #[value(aliases = ["grant", "rgrant", "rolegrants", "assignments"])]
    Grants,
}

/// Lists.
pub async fn get(args: &Get, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut state = state(args, out).await?;
    if let Some(namespace) = &args.namespace {
        retain(&mut state, |row| row.owner.object.namespace == *namespace);
    }
    if let Some(name) = &args.name {
        retain(&mut state, |row| row.key.name == *name || row.owner.object.name == *name);
        if state.relationships.is_empty() {
            anyhow::bail!("no relationship is called `{name}` in the store");
        }
    }
    let detail = if args.wide { Detail::Wide } else { Detail::Short };
    let format: Format = args.output;
    let rendered = match args.what {
        What::Relationships => get::relationships(&state, format, detail)?,
        What::Grants => get::assignments(&state, format, detail)?,
    };
    out.rendered(rendered, format)?;
    Ok(ExitStatus::AsDesired)
}

async fn state(args: &Get, out: &mut Output) -> anyhow::Result<Observed> {
    let When { store, as_of } = &args.when;
    if store.is_cluster() && as_of.is_none() {
        return cluster::observed(&args.cluster, out).await;
    }
    let mut reader = store::reader(&store.store, out).await?;
    if as_of.is_some() {
        return Ok(why::state(&mut reader, &args.when, |_| {}).await?);
    }
    Ok(crate::store::Read::observe(&mut reader, &crate::store::Scope::All).await?)
}

fn retain(state: &mut Observed, stays: impl Fn(&ObservedRelationship) -> bool) {
    for rows in state.relationships.values_mut() {
        rows.retain(&stays);
    }
    state.relationships.retain(|_, rows| !rows.is_empty());
}
