//! `concordat why`, `who-can` and `history`: who holds what, on what grounds, and what happened.
//!
//! Never: an answer without what it did not look at.

use std::{collections::BTreeMap, fmt::Display};

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ExitStatus, Output, StoreArgs,
    args::{DOCUMENT, one_of, past},
    store::{self, Reader},
};
use crate::{
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        entry::{Entry, PersonRecord},
        ids::{GranteeId, RoleId, TenantId},
        state::{Observed, Person},
    },
    ledger::{
        Ability, Filter, History as Told, Question, Replay, Trail, Until, who_can as able,
        why as reasons,
    },
    render::{FORMAT_VERSION, Format},
    store::{Read, Scope, StoreError, sql::SqlReader},
};

/// About whom.
#[derive(Debug, Args)]
pub struct Why {
    /// The object id of the security group or user.
    pub grantee: GranteeId,
    /// This role only, by name or template id.
    #[arg(long)]
    pub role: Option<String>,
    /// In this customer's tenant only.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<TenantId>,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(DOCUMENT), default_value_t = Format::Text)]
    pub output: Format,
}

/// What, and where.
#[derive(Debug, Args)]
pub struct WhoCan {
    /// A task such as `users/reset-password-non-admin`, an action such as `microsoft.directory/users/create`, or a role.
    pub ability: String,
    /// In whose tenant.
    #[arg(long, value_name = "TENANT")]
    pub customer: TenantId,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(DOCUMENT), default_value_t = Format::Text)]
    pub output: Format,
}

/// About what.
#[derive(Debug, Args)]
pub struct History {
    /// A relationship, by its name in the store; all of them if left out.
    pub relationship: Option<String>,
    /// In this customer's tenant only.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<TenantId>,
    /// What this group or user held only.
    #[arg(long, value_name = "ID")]
    pub grantee: Option<GranteeId>,
    #[command(flatten)]
    pub when: When,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(DOCUMENT), default_value_t = Format::Text)]
    pub output: Format,
}

/// Where to look, and as of when.
#[derive(Debug, Args)]
pub struct When {
    #[command(flatten)]
    pub store: StoreArgs,
    /// As it was at this instant, in RFC 3339, by the ledger alone.
    #[arg(long, value_name = "TIME", value_parser = past)]
    pub as_of: Option<Timestamp>,
}

impl When {
    fn until(&self) -> Until {
        self.as_of.map_or_else(Until::end, Until::instant)
    }
}

/// Why somebody holds what they hold, and does not hold what they do not.
pub async fn why(args: &Why, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let role = args.role.as_deref().map(role).transpose()?;
    let mut reader = store::reader(&args.when.store.store, out).await?;
    let mut trail = Trail::new(args.grantee, args.when.until());
    let state = state(&mut reader, &args.when, |entry| trail.push(entry)).await?;
    let persons = persons(&mut reader, out).await?;
    let question = Question { customer: args.customer, role };
    let answer = reasons(question, &state, &trail, &persons);
    tell("Why", &answer, args.output, out)?;
    Ok(if answer.held.is_empty() { ExitStatus::No } else { ExitStatus::AsDesired })
}

/// Who can do something in a customer's tenant.
pub async fn who_can(args: &WhoCan, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let ability = match Ability::find(&args.ability) {
        Ok(ability) => ability,
        Err(error) => bail!("{error}\n  help: {}", error.help()),
    };
    let mut reader = store::reader(&args.when.store.store, out).await?;
    let state = state(&mut reader, &args.when, |_| {}).await?;
    let answer = able(ability, args.customer, &state);
    tell("WhoCan", &answer, args.output, out)?;
    let nobody = answer.able.is_empty() && answer.everyone.is_none();
    Ok(if nobody { ExitStatus::No } else { ExitStatus::AsDesired })
}

/// What happened, in order.
pub async fn history(args: &History, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let filter = Filter {
        relationship: args.relationship.clone(),
        customer: args.customer,
        grantee: args.grantee,
    };
    let mut reader = store::reader(&args.when.store.store, out).await?;
    let mut told = Told::new(filter, args.when.until());
    let mut lines = Vec::new();
    each_entry(&mut reader, |entry| lines.extend(told.push(entry))).await?;
    let named_nothing = args.relationship.is_some() && lines.is_empty();
    if args.output == Format::Text {
        let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let text = text.join("\n");
        out.answer(if text.is_empty() { NOTHING } else { &text })?;
    } else {
        document("History", &Lines { lines }, args.output, out)?;
    }
    Ok(if named_nothing { ExitStatus::No } else { ExitStatus::AsDesired })
}

#[derive(Serialize)]
struct Lines<T> {
    lines: Vec<T>,
}

/// What is said where there is nothing to list.
pub const NOTHING: &str = "We didn't find anything to show here.";

fn role(text: &str) -> anyhow::Result<RoleId> {
    match Catalogue::compiled().find(text) {
        Ok(role) => Ok(role.id),
        Err(error) => bail!("{error}\n  help: {}", error.help()),
    }
}

/// What the store holds now, or what the ledger says it held; each entry is shown to `look` on the way.
pub async fn state(
    reader: &mut Reader,
    when: &When,
    mut look: impl FnMut(&Entry),
) -> Result<Observed, StoreError> {
    let Some(instant) = when.as_of else {
        let state = reader.observe(&Scope::All).await?;
        each_entry(reader, look).await?;
        return Ok(state);
    };
    let mut replay = Replay::new(when.until());
    each_entry(reader, |entry| {
        look(entry);
        replay.push(entry);
    })
    .await?;
    Ok(replay.finish(instant).state)
}

/// Shows every entry of the ledger, in order, a page at a time.
pub async fn each_entry(
    reader: &mut impl Read,
    mut look: impl FnMut(&Entry),
) -> Result<(), StoreError> {
    const AT_ONCE: u32 = 2_000;
    let mut after = 0;
    loop {
        let entries = reader.entries(after, AT_ONCE).await?;
        let Some(last) = entries.last() else { return Ok(()) };
        after = last.sequence;
        entries.iter().for_each(&mut look);
    }
}

/// The persons whose records are not erased, by the hash that the ledger holds.
async fn persons(
    reader: &mut Reader,
    out: &mut Output,
) -> anyhow::Result<BTreeMap<Digest, Person>> {
    let Reader::Store(store) = reader else { return Ok(BTreeMap::new()) };
    let records = records(store, out).await?.into_iter();
    let kept = records.filter_map(|(hash, record)| record.map(|record| (hash, record)));
    Ok(kept
        .filter_map(|(hash, record)| Some((hash, serde_json::from_str(&record.content).ok()?)))
        .collect())
}

/// Every record of a person; a reader who may not see persons is told so, and sees none.
pub async fn records(
    store: &mut SqlReader,
    out: &mut Output,
) -> Result<BTreeMap<Digest, Option<PersonRecord>>, StoreError> {
    match store.persons().await {
        Err(StoreError::Forbidden { .. }) => {
            out.say("who accepted is not shown: this user may not read the records of persons");
            Ok(BTreeMap::new())
        }
        other => other,
    }
}

/// Prints an answer as text, or as a document with its kind and format version.
fn tell<T: Display + Serialize>(
    kind: &'static str,
    answer: &T,
    format: Format,
    out: &mut Output,
) -> anyhow::Result<()> {
    if format == Format::Text {
        out.answer(&answer.to_string())?;
        return Ok(());
    }
    document(kind, answer, format, out)
}

/// Prints a document for programs.
pub fn document<T: Serialize>(
    kind: &'static str,
    answer: &T,
    format: Format,
    out: &mut Output,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Document<'a, T> {
        format_version: u32,
        kind: &'static str,
        #[serde(flatten)]
        answer: &'a T,
    }
    if !matches!(format, Format::Json | Format::Yaml) {
        bail!("this answer has the forms `text`, `json` and `yaml`, and not `{format}`");
    }
    let document = Document { format_version: FORMAT_VERSION, kind, answer };
    let document = serde_json::to_value(document)?;
    out.rendered(crate::render::Rendered::Document(document), format)?;
    Ok(())
}
