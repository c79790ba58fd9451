//! `concordat why`, `who-can` and `history`: who holds what, on what grounds, and what happened.
//!
//! Never: an answer without what it did not look at.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use anyhow::bail;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use super::{
    ExitStatus, Output, StoreArgs,
    args::{DOCUMENT, one_of, past},
    store,
};
use crate::{
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        entry::{Entry, PersonRecord},
        ids::{GranteeId, RoleId, TenantId},
        plan::{UNEXPLAINED, UNREAD},
        state::{Observed, Person},
    },
    ledger::{
        Ability, Filter, History as Told, Line, Persons, Question, Replay, Trail, Until,
        WhoCan as WhoCanAnswer, who_can as able, why as reasons,
    },
    render::{FORMAT_VERSION, Format, get::UnreadView},
    store::{AnyReader, BookReader, Read, StoreError, StoreUrl},
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
    /// In whose tenant; in that of each customer if left out.
    #[arg(long, value_name = "TENANT")]
    pub customer: Option<TenantId>,
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
    let mut reader = reader(&args.when, out).await?;
    let mut trail = Trail::new(args.grantee, args.when.until());
    let state = state(&mut reader, &args.when, |entry| trail.push(entry)).await?;
    let persons = persons(records(reader.book().persons().await, out)?);
    let question = Question { customer: args.customer, role };
    let answer = reasons(question, &state, &trail, &persons);
    tell("Why", &answer, &state, args.output, out)?;
    let known = !answer.held.is_empty() && answer.unexplained.is_empty();
    let status = if known { ExitStatus::AsDesired } else { ExitStatus::No };
    Ok(status.max(tell_unread(&state, out)))
}

/// Who can do something in a customer's tenant.
pub async fn who_can(args: &WhoCan, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let ability = match Ability::find(&args.ability) {
        Ok(ability) => ability,
        Err(error) => bail!("{error}\n  help: {}", error.help()),
    };
    let mut reader = reader(&args.when, out).await?;
    let state = state(&mut reader, &args.when, |_| {}).await?;
    let nobody = if let Some(customer) = args.customer {
        let answer = able(ability, customer, &state);
        tell("WhoCan", &answer, &state, args.output, out)?;
        answer.is_nobody()
    } else {
        let rows = state.relationships.values().flatten();
        let customers: BTreeSet<TenantId> = rows.map(|row| row.invitation.customer).collect();
        let answers = customers.into_iter().map(|customer| able(ability.clone(), customer, &state));
        let answers: Vec<WhoCanAnswer> = answers.filter(|answer| !answer.is_nobody()).collect();
        let nobody = answers.is_empty();
        tell_each(answers, &state, args.output, out)?;
        nobody
    };
    let status = if nobody { ExitStatus::No } else { ExitStatus::AsDesired };
    Ok(status.max(tell_doubts(&state, out)).max(tell_unread(&state, out)))
}

/// Prints the answer for each customer in whose tenant somebody can.
fn tell_each(
    answers: Vec<WhoCanAnswer>,
    state: &Observed,
    format: Format,
    out: &mut Output,
) -> anyhow::Result<()> {
    #[derive(Serialize)]
    struct Answers {
        answers: Vec<WhoCanAnswer>,
    }
    if format != Format::Text {
        return document("WhoCanEach", &Whole::of(&Answers { answers }, state), format, out);
    }
    let text: Vec<String> = answers.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    out.answer(if text.is_empty() {
        "nobody who is recorded here, in no customer's tenant"
    } else {
        &text
    })?;
    Ok(())
}

/// What happened, in order.
pub async fn history(args: &History, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let filter = Filter {
        relationship: args.relationship.clone(),
        customer: args.customer,
        grantee: args.grantee,
    };
    let lines = lines(filter, &args.when, out).await?;
    let named_nothing = args.relationship.is_some() && lines.is_empty();
    tell_lines("History", lines, args.output, out)?;
    Ok(if named_nothing { ExitStatus::No } else { ExitStatus::AsDesired })
}

/// The entries that are asked for, in words, with the persons whom this user may know.
pub async fn lines(filter: Filter, when: &When, out: &mut Output) -> anyhow::Result<Vec<Line>> {
    let mut reader = store::ledger(&when.store.store, out).await?;
    let persons = persons(records(reader.persons().await, out)?);
    let mut told = Told::new(filter, when.until()).knowing(persons);
    let mut lines = Vec::new();
    each_entry(&mut reader, |entry| lines.extend(told.push(entry))).await?;
    ensure_clear(told.until())?;
    Ok(lines)
}

/// Prints entries as text, or as a document of this kind.
pub fn tell_lines(
    kind: &'static str,
    lines: Vec<Line>,
    format: Format,
    out: &mut Output,
) -> anyhow::Result<()> {
    if format != Format::Text {
        return document(kind, &Lines { lines }, format, out);
    }
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let text = text.join("\n");
    out.answer(if text.is_empty() { NOTHING } else { &text })?;
    Ok(())
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

/// What is said of an answer that asks nobody at Microsoft.
const BY_THE_LEDGER_ALONE: &str = "by the ledger alone: what Microsoft leaves standing beyond its end, and what others did there \
                                   since it was last recorded, is told without `--as-of`";

/// Where what is asked for stands: what was so is told by the ledger alone.
pub async fn reader(when: &When, out: &mut Output) -> anyhow::Result<AnyReader> {
    let store = &when.store.store;
    if when.as_of.is_some() {
        if let StoreUrl::Graph(_) = store {
            out.say(BY_THE_LEDGER_ALONE);
        }
        return Ok(AnyReader::Book(BookReader::There(store::ledger(store, out).await?)));
    }
    store::present(store, out).await
}

/// What the store holds now, or what the ledger says it held; each entry is shown to `look` on the way.
pub async fn state(
    reader: &mut AnyReader,
    when: &When,
    mut look: impl FnMut(&Entry),
) -> anyhow::Result<Observed> {
    let Some(instant) = when.as_of else {
        let state = reader.held().await?;
        each_entry(reader, look).await?;
        return Ok(state);
    };
    let mut replay = Replay::new(when.until());
    each_entry(reader, |entry| {
        look(entry);
        replay.push(entry);
    })
    .await?;
    ensure_clear(replay.until())?;
    Ok(replay.finish(instant).state)
}

/// Refuses an instant that the entries do not agree about.
fn ensure_clear(until: Until) -> anyhow::Result<()> {
    let (Some(instant), Some(sequence)) = (until.instant, until.unclear()) else { return Ok(()) };
    bail!(
        "what was so at {instant} cannot be told: entry {sequence} was written by then, and one before it says a later \
         time\n  help: `concordat history` shows both; ask for an instant before or after them"
    );
}

/// Says which rows the ledger does not explain, and what that makes of the answer.
pub fn tell_doubts(state: &Observed, out: &mut Output) -> ExitStatus {
    let mut status = ExitStatus::AsDesired;
    for what in state.doubts.all() {
        out.say(&format!("error: no entry gave this: {what} [{UNEXPLAINED}]"));
        status = ExitStatus::No;
    }
    status
}

/// Says of which relationships something could not be read: then the answer is not whole.
pub fn tell_unread(state: &Observed, out: &mut Output) -> ExitStatus {
    let mut status = ExitStatus::AsDesired;
    for (key, reason) in state.service.iter().flat_map(|service| &service.unread) {
        out.say(&format!("error: `{key}` could not be read at Microsoft: {reason} [{UNREAD}]"));
        status = ExitStatus::Unknown;
    }
    status
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
fn persons(records: Records) -> BTreeMap<Digest, Person> {
    let kept = records.into_iter().filter_map(|(hash, record)| Some((hash, record?)));
    kept.filter_map(|(hash, PersonRecord { salt, content, .. })| {
        Some((hash, Persons::known(hash, &salt, &content)?))
    })
    .collect()
}

/// The records of persons, by the hash that the ledger holds; none where it was erased.
pub type Records = BTreeMap<Digest, Option<PersonRecord>>;

/// Every record of a person; a reader who may not see persons is told so, and sees none.
pub fn records(read: Result<Records, StoreError>, out: &mut Output) -> Result<Records, StoreError> {
    match read {
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
    state: &Observed,
    format: Format,
    out: &mut Output,
) -> anyhow::Result<()> {
    if format == Format::Text {
        out.answer(&answer.to_string())?;
        return Ok(());
    }
    document(kind, &Whole::of(answer, state), format, out)
}

/// An answer, with what could not be read for it.
#[derive(Serialize)]
struct Whole<'a, T> {
    #[serde(flatten)]
    answer: &'a T,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<UnreadView>,
}

impl<'a, T> Whole<'a, T> {
    fn of(answer: &'a T, state: &Observed) -> Self {
        Self { answer, unread: UnreadView::of_each(state) }
    }
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
