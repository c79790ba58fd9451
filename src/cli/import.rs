//! `concordat import`: what a partner has at Microsoft, as files.
//!
//! Never: a change at Microsoft or in a ledger, or a file of somebody else that is written over.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};

use super::{ExitStatus, Output, StoreArgs, args::namespace, store};
use crate::{
    domain::{ids::TenantId, state::Tenant},
    manifest::import::{ImportOptions, MARK, import as files_of},
    store::graph::{self, Graph},
};

/// What to import, and where to.
#[derive(Debug, Args)]
pub struct Import {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The folder to write to. What stands there is not touched, unless `--overwrite` is given.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    /// Put this import in the place of an earlier one: its files are written over, and those that are left of it go.
    #[arg(long)]
    pub overwrite: bool,
    /// The namespace of the objects.
    #[arg(short, long, value_name = "NAME", default_value = "msp", value_parser = namespace)]
    pub namespace: String,
    /// The partner's name, for people [default: `Partner`, and the first digits of its tenant].
    #[arg(long, value_name = "NAME")]
    pub partner_name: Option<String>,
    /// Also what has ended: held, and without grants.
    #[arg(long)]
    pub all: bool,
}

/// Reads what is there and writes files.
pub async fn import(args: &Import, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let connection = store::connection(&args.store.store)?;
    refuse_taken(&args.output, args.overwrite)?;
    store::tell_elsewhere(&connection, out);
    let graph = Graph::open(&connection, graph::As::Reader)?;
    let seen = graph::everything(&graph).await?;
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let imported = files_of(
        &seen,
        &ImportOptions {
            partner: partner(connection.partner, args.partner_name.as_deref()),
            cloud: connection.cloud,
            namespace: args.namespace.clone(),
            all: args.all,
            groups: BTreeMap::new(),
            today: today.to_string(),
        },
    );
    for told in &imported.told {
        out.say(&told.words());
    }
    for (name, text) in &imported.files {
        let path = args.output.join(name);
        write(&path, text, args.overwrite)
            .with_context(|| format!("`{}` cannot be written", path.display()))?;
    }
    if args.overwrite {
        remove_left_over(
            &args.output,
            &imported.files.keys().map(|name| args.output.join(name)).collect(),
            out,
        )?;
    }
    let unread = seen.relationships.values().filter(|one| one.assignments.is_err()).count();
    let (relationships, files) = (seen.relationships.len(), imported.files.len());
    out.answer(&format!(
        "{relationships} relationships read, {files} files written to {}",
        args.output.display()
    ))?;
    Ok(if unread == 0 { ExitStatus::AsDesired } else { ExitStatus::Unknown })
}

fn partner(id: TenantId, name: Option<&str>) -> Tenant {
    let short = id.to_string().chars().take(8).collect::<String>();
    Tenant { id, name: Some(name.map_or_else(|| format!("Partner {short}"), str::to_owned)) }
}

/// That nothing of somebody else stands where files would be written.
fn refuse_taken(folder: &Path, overwrite: bool) -> anyhow::Result<()> {
    let shown = folder.display();
    let mut entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("`{shown}` cannot be read")),
        Ok(entries) => entries,
    };
    if !overwrite && entries.next().is_some() {
        bail!(
            "`{shown}` is not empty: name a new folder, or write over an earlier import with `--overwrite`"
        );
    }
    Ok(())
}

/// Whether an import has written a file.
fn is_of_import(path: &Path) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().take(10).any(|line| line == MARK))
}

/// Takes away what an earlier import has written and this one has not: its objects would stand there twice.
fn remove_left_over(
    folder: &Path,
    written: &BTreeSet<PathBuf>,
    out: &mut Output,
) -> anyhow::Result<()> {
    for place in [folder.to_owned(), folder.join("customers")] {
        let Ok(entries) = fs::read_dir(&place) else { continue };
        for entry in entries {
            let path = entry?.path();
            let is_yaml = path.extension().is_some_and(|it| it == "yaml");
            if is_yaml && !written.contains(&path) && is_of_import(&path) {
                fs::remove_file(&path)
                    .with_context(|| format!("`{}` cannot be removed", path.display()))?;
                out.say(&format!("removed `{}`: what it held is no longer there", path.display()));
            }
        }
    }
    Ok(())
}

/// Writes a file whole or not at all.
fn write(path: &Path, text: &str, overwrite: bool) -> anyhow::Result<()> {
    if path.exists() && !(overwrite && is_of_import(path)) {
        bail!("it is there, and no import has written it");
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let unfinished = path.with_extension("unfinished");
    let mut file = fs::File::create(&unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    Ok(())
}
