//! `concordat ledger`: is it whole, what is in it, and erasing what is kept of a person.
//!
//! Never: an entry changed or removed.

use std::{fmt::Write as _, fs, io::Write as _};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};

use super::{
    ExitStatus, Output, StoreArgs,
    args::{DOCUMENT, one_of},
    store, why,
};
use crate::{
    domain::{digest::Digest, pages, problem::Problem},
    ledger::{Expected, Persons, Verdict, Verifier, export},
    manifest,
    render::{Format, problems},
    store::{
        Read, StoreError,
        sql::{Erased, SqlReader, open_reader},
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
    let verdict = if let Some(path) = &args.file {
        let text = fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?;
        for entry in export::read(&text) {
            match entry {
                Ok(entry) => verifier.push(&entry),
                Err(error) => verifier.push_unreadable(error.to_string()),
            }
        }
        verifier.finish(None)
    } else {
        let mut reader: SqlReader = open_reader(&args.store.store).await?;
        read_all(&mut reader, &mut verifier).await?;
        for (hash, record) in why::records(&mut reader, out).await? {
            let kept =
                record.as_ref().map(|record| (record.salt.as_str(), record.content.as_str()));
            persons.push(hash, kept);
        }
        let stored = reader.head().await?;
        verifier.finish(Some(stored))
    };
    let problems: Vec<Problem> = problems_of(&verdict, &persons);
    if args.output == Format::Text {
        out.answer(&in_words(&verdict, &persons, &problems, out))?;
    } else {
        why::document("LedgerVerdict", &verdict, args.output, out)?;
    }
    Ok(if problems.is_empty() { ExitStatus::AsDesired } else { ExitStatus::No })
}

/// Reads every entry up to the first that cannot be read, which is named like any other bad one.
async fn read_all(reader: &mut SqlReader, verifier: &mut Verifier) -> Result<(), StoreError> {
    let mut at_once = 2_000;
    let mut after = 0;
    loop {
        match reader.entries(after, at_once).await {
            Ok(entries) => {
                let Some(last) = entries.last() else { return Ok(()) };
                after = last.sequence;
                for entry in &entries {
                    verifier.push(entry);
                }
            }
            Err(StoreError::Corrupt { .. }) if at_once > 1 => at_once = 1,
            Err(StoreError::Corrupt { reason, .. }) => {
                verifier.push_unreadable(reason);
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn problems_of(verdict: &Verdict, persons: &Persons) -> Vec<Problem> {
    let fault = verdict.fault.as_ref().map(crate::ledger::Fault::problem);
    fault.into_iter().chain(persons.problems()).collect()
}

fn in_words(verdict: &Verdict, persons: &Persons, found: &[Problem], out: &Output) -> String {
    if !found.is_empty() {
        let rendered = problems::render(found, Format::Text, out.style(), pages::page);
        let crate::render::Rendered::Text(text) = rendered else { return String::new() };
        return text;
    }
    let mut text = verdict.to_string();
    if persons.present + persons.erased > 0 {
        let Persons { present, erased, .. } = persons;
        let _ = write!(text, "\npersons: {present} as they were recorded, {erased} erased");
    }
    text
}

async fn export_entries(args: &Export, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut reader = open_reader(&args.store.store).await?;
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
        out.answer(&lines)?;
    }
    Ok(ExitStatus::AsDesired)
}

async fn show(args: &Show, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let mut reader = open_reader(&args.store.store).await?;
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
    let shown: Vec<String> = entries.iter().map(manifest::to_yaml).collect();
    out.answer(&shown.join("---\n"))?;
    Ok(ExitStatus::AsDesired)
}

async fn erase(args: &Erase, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let who = match args.person.parse::<Digest>() {
        Ok(hash) => Erased::Record(hash),
        Err(_) if args.person.contains('@') => Erased::Mail(args.person.clone()),
        Err(_) => bail!("`{}` is neither a mail address nor a hash", args.person),
    };
    drop(open_reader(&args.store.store).await?);
    if !args.yes {
        if !out.can_ask() {
            bail!("nobody can be asked here: confirm with `--yes` that it may be erased for good");
        }
        if out.ask("Erase it for good (type `yes`): ")?.trim() != "yes" {
            bail!("nothing was erased");
        }
    }
    let mut store = store::writer(&args.store.store, out).await?;
    let erased = store.erase(&who).await?;
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
