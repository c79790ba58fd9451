//! `concordat ledger`: is it whole, what is in it, and erasing what is kept of a person.
//!
//! Never: an entry changed or removed.

use std::{fmt::Write as _, fs, io::Write as _};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;

use super::{
    ExitStatus, Output, StoreArgs, apply,
    args::{DOCUMENT, one_of},
    output, store, why,
};
use crate::{
    domain::{
        digest::Digest,
        entry::tables::{Found, Tables, Unexplained, compare_beside},
        pages,
        problem::Problem,
    },
    ledger::{Expected, Persons, Verdict, Verifier, export, fault::ROW_UNEXPLAINED, words::plain},
    render::{Format, commands::Form, problems},
    store::{
        Read, StoreError,
        sql::{Erased, SqlReader},
    },
};

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub enum Ledger {
    /// Check that nothing was changed, removed, reordered or inserted; the first bad entry is named.
    Verify(Verify),
    /// Write every entry, one JSON document a line.
    Export(Export),
    /// Show one entry, or the last ones.
    Show(Show),
    /// Erase name, mail and telephone number of a person. The ledger stays true.
    Erase(Erase),
}

/// What to verify, and against what.
#[derive(Debug, Args)]
pub struct Verify {
    #[command(flatten)]
    pub store: StoreArgs,
    /// A head that was kept elsewhere, as `HASH` or `SEQUENCE:HASH`: shows a cut or rewritten tail. May be repeated.
    #[arg(long, value_name = "HEAD")]
    pub head: Vec<Expected>,
    /// An export instead of the store.
    #[arg(long, value_name = "FILE")]
    pub file: Option<String>,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(DOCUMENT), default_value_t = Format::Text)]
    pub output: Format,
}

/// Where from, and where to.
#[derive(Debug, Args)]
pub struct Export {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Writes to this file, which must not exist, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub write: Option<String>,
}

/// Which entries.
#[derive(Debug, Args)]
pub struct Show {
    /// The number of one entry.
    #[arg(value_parser = clap::value_parser!(i64).range(1..))]
    pub sequence: Option<i64>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// How many of the last entries, where none is named.
    #[arg(long, default_value_t = 20)]
    pub last: u32,
}

/// Whose data.
#[derive(Debug, Args)]
pub struct Erase {
    /// A mail address, or the hash by which the ledger names the person.
    pub person: String,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Confirms it where nobody can be asked: what is erased cannot be had back.
    #[arg(long)]
    pub yes: bool,
}

/// Runs one of them.
pub async fn ledger(args: &Ledger, out: &mut Output) -> anyhow::Result<ExitStatus> {
    match args {
        Ledger::Verify(args) => verify(args, out).await,
        Ledger::Export(args) => export_entries(args, out).await,
        Ledger::Show(args) => show(args, out).await,
        Ledger::Erase(args) => erase(args, out).await,
    }
}

async fn verify(args: &Verify, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut verifier = Verifier::new(args.head.iter().copied());
    let mut persons = Persons::default();
    let mut rows = Rows::default();
    let verdict = if let Some(path) = &args.file {
        let text = fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?;
        for entry in export::read(&text) {
            match entry {
                Ok(entry) => verifier.push(&entry),
                Err(error) => verifier.push_unreadable(error.to_string()),
            }
        }
        let verdict = verifier.finish(None);
        if verdict.read == 0 {
            bail!(
                "`{path}` holds no entry: nothing is proven by it\n  see whether the export that made it failed"
            );
        }
        verdict
    } else {
        let mut reader: SqlReader = store::ledger(&args.store.store, out).await?;
        reader.begin_instant().await?;
        let mut tables = Tables::of_all();
        let beside = read_all(&mut reader, &mut verifier, &mut tables).await?;
        let found = reader.tables().await?;
        let stored = reader.head().await?;
        let schema = reader.schema_differences().await?;
        reader.end_instant().await?;
        for (hash, record) in why::records(reader.persons().await, out)? {
            let kept =
                record.as_ref().map(|record| (record.salt.as_str(), record.content.as_str()));
            persons.push(hash, kept);
        }
        let verdict = verifier.finish(Some(stored));
        // What follows a bad entry proves nothing, also not of a row.
        if verdict.fault.is_none() {
            rows = Rows::compared(&tables, &found, beside);
        }
        rows.schema = schema;
        verdict
    };
    let mut problems: Vec<Problem> = problems_of(&verdict, &persons);
    problems.extend(rows.problems());
    if args.output == Format::Text {
        out.answer(&in_words(&verdict, &persons, &rows, &problems, out))?;
    } else {
        let answer = Answer { verdict: &verdict, rows: &rows };
        why::document("LedgerVerdict", &answer, args.output, out)?;
    }
    Ok(if problems.is_empty() { ExitStatus::AsDesired } else { ExitStatus::No })
}

/// The verdict about the ledger, and about what the store holds beside it.
#[derive(Serialize)]
struct Answer<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    #[serde(flatten)]
    rows: &'a Rows,
}

/// What of a store its ledger explains.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Rows {
    /// How many rows were compared.
    compared: usize,
    /// What no entry explains, and what is gone.
    unexplained: Vec<Unexplained>,
    /// How the tables, views and triggers differ from those that this version makes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schema: Vec<String>,
    /// Effects that another version has written, by number: what they did cannot be compared.
    not_understood: Vec<i64>,
}

/// As many are named; the rest is counted.
const NAMED: usize = 20;

impl Rows {
    /// `beside` is what is wrong with the columns of the ledger itself.
    fn compared(tables: &Tables, found: &Found, beside: Vec<Unexplained>) -> Self {
        let mut unexplained = beside;
        unexplained.extend(tables.compare(found));
        Self {
            compared: found.values().map(Vec::len).sum(),
            unexplained,
            schema: Vec::new(),
            not_understood: tables.not_understood().to_vec(),
        }
    }

    fn problems(&self) -> Vec<Problem> {
        let help = "whoever changed it must put it back, or a backup; nothing is planned on the strength of it";
        let problem =
            |row: &Unexplained| Problem::error(ROW_UNEXPLAINED, plain(&row.to_string())).help(help);
        let mut list: Vec<Problem> = self.unexplained.iter().take(NAMED).map(problem).collect();
        if self.unexplained.len() > NAMED {
            let more = self.unexplained.len() - NAMED;
            list.push(Problem::error(ROW_UNEXPLAINED, format!("and {more} more")));
        }
        list.extend(self.schema.iter().map(|what| {
            let help = "find out who could write to it, and put it back from a backup";
            Problem::error(ROW_UNEXPLAINED, plain(what)).help(help)
        }));
        list.extend(self.not_understood.iter().map(|entry| {
            let message = format!(
                "entry {entry} cannot be compared with the rows: another version has written it"
            );
            Problem::error(ROW_UNEXPLAINED, message).help("verify with the version that wrote it")
        }));
        list
    }
}

/// Reads every entry up to the first that cannot be read, which is named like any other bad one. What stands beside a
/// payload and says something else comes back.
async fn read_all(
    reader: &mut SqlReader,
    verifier: &mut Verifier,
    tables: &mut Tables,
) -> Result<Vec<Unexplained>, StoreError> {
    let mut at_once = 2_000;
    let mut after = 0;
    let mut wrong = Vec::new();
    loop {
        match reader.entries_beside(after, at_once).await {
            Ok(entries) => {
                let Some((last, _)) = entries.last() else { return Ok(wrong) };
                after = last.sequence;
                for (entry, beside) in &entries {
                    verifier.push(entry);
                    tables.push(entry);
                    wrong.extend(compare_beside(entry, beside));
                }
            }
            Err(StoreError::Corrupt { .. }) if at_once > 1 => at_once = 1,
            Err(StoreError::Corrupt { reason, .. }) => {
                verifier.push_unreadable(reason);
                return Ok(wrong);
            }
            Err(error) => return Err(error),
        }
    }
}

fn problems_of(verdict: &Verdict, persons: &Persons) -> Vec<Problem> {
    let fault = verdict.fault.as_ref().map(crate::ledger::Fault::problem);
    fault.into_iter().chain(persons.problems()).collect()
}

fn in_words(
    verdict: &Verdict,
    persons: &Persons,
    rows: &Rows,
    found: &[Problem],
    out: &Output,
) -> String {
    if !found.is_empty() {
        let rendered = problems::render(
            found,
            Format::Text,
            out.style(),
            &problems::Surroundings::default(),
            pages::page,
        );
        let crate::render::Rendered::Text(text) = rendered else { return String::new() };
        return text;
    }
    let mut text = verdict.to_string();
    if rows.compared > 0 {
        let _ = write!(text, "\nrows: {} are what it says", rows.compared);
    }
    if persons.present + persons.erased > 0 {
        let Persons { present, erased, .. } = persons;
        let _ = write!(text, "\npersons: {present} as they were recorded, {erased} erased");
    }
    text
}

async fn export_entries(args: &Export, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut reader = store::ledger(&args.store.store, out).await?;
    let mut lines = String::new();
    let mut file = match &args.write {
        Some(path) => {
            let file = fs::File::create_new(path);
            Some(file.with_context(|| format!("`{path}` cannot be made"))?)
        }
        None => None,
    };
    let mut failed = None;
    why::each_entry(&mut reader, |entry| {
        lines.push_str(&export::line(entry));
        lines.push('\n');
        if let Some(file) = file.as_mut().filter(|_| failed.is_none()) {
            failed = file.write_all(lines.as_bytes()).err();
            lines.clear();
        }
    })
    .await?;
    if let Some(error) = failed {
        return Err(error).context("the export is not whole");
    }
    if args.write.is_none() {
        out.answer_as(&lines, Form::Json)?;
    }
    Ok(ExitStatus::AsDesired)
}

async fn show(args: &Show, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut reader = store::ledger(&args.store.store, out).await?;
    let entries = if let Some(sequence) = args.sequence {
        reader.entries(sequence - 1, 1).await?
    } else {
        let head = reader.head().await?;
        reader.entries((head.sequence - i64::from(args.last)).max(0), args.last).await?
    };
    if let Some(sequence) = args.sequence
        && entries.first().is_none_or(|entry| entry.sequence != sequence)
    {
        bail!("the ledger has no entry {sequence}");
    }
    if entries.is_empty() {
        out.answer(why::NOTHING)?;
        return Ok(ExitStatus::AsDesired);
    }
    let shown: Vec<String> = entries.iter().map(output::yaml).collect();
    out.answer(&shown.join("---\n"))?;
    Ok(ExitStatus::AsDesired)
}

async fn erase(args: &Erase, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let who = match args.person.parse::<Digest>() {
        Ok(hash) => Erased::Record(hash),
        Err(_) if args.person.contains('@') => Erased::Mail(args.person.clone()),
        Err(_) => bail!("`{}` is neither a mail address nor a hash", args.person),
    };
    drop(store::ledger(&args.store.store, out).await?);
    if !args.yes {
        if !out.can_ask() {
            bail!("nobody can be asked here: confirm with `--yes` that it may be erased for good");
        }
        if out.ask("Erase it for good (type `yes`): ")?.trim() != "yes" {
            bail!("nothing was erased");
        }
    }
    let mut store = store::ledger_writer(&args.store.store, out).await?;
    let mut by = apply::signature(Digest::ZERO);
    by.intent.plan = None;
    let erased = store.erase(&who, &by).await?;
    store.close().await?;
    match erased {
        0 => bail!("nothing is kept of `{}`", args.person),
        1 => {
            out.answer("Erased what was kept of 1 acceptance. The ledger is as true as before.")?;
        }
        many => out.answer(&format!(
            "Erased what was kept of {many} acceptances. The ledger is as true as before."
        ))?,
    }
    Ok(ExitStatus::AsDesired)
}
