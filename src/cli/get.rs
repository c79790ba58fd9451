//! `concordat get`: what the store holds, as rows.
//!
//! Never: reads what it was not asked for as if it were nothing.

use clap::{Args, ValueEnum};

use super::{
    ExitStatus, Output,
    args::one_of,
    store::{self},
    why::{self, When},
};
use crate::{
    domain::state::Observed,
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
    /// Also what rarely matters.
    #[arg(long)]
    pub wide: bool,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Table.formats()), default_value_t = Format::Text)]
    pub output: Format,
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
    let mut reader = store::reader(&args.when.store.store, out).await?;
    let mut state = if args.when.as_of.is_some() {
        why::state(&mut reader, &args.when, |_| {}).await?
    } else {
        crate::store::Read::observe(&mut reader, &crate::store::Scope::All).await?
    };
    if let Some(name) = &args.name {
        only(&mut state, name);
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

fn only(state: &mut Observed, name: &str) {
    for rows in state.relationships.values_mut() {
        rows.retain(|row| row.key.name == name || row.owner.object.name == name);
    }
    state.relationships.retain(|_, rows| !rows.is_empty());
}
