//! Opens a store to read or to write.
//!
//! Never: writes through what was opened to read.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use anyhow::bail;
use ecow::EcoString;
use jiff::Timestamp;

use super::Output;
use crate::{
    domain::{
        connection::Connection,
        entry::{Entry, Head},
        limits::{Budget, Limits},
        problem::Code,
        state::{Beside, Doubts, Instance, Observed},
    },
    manifest::read_connection,
    store::{
        Apart, Read, Scope, StoreError, StoreUrl,
        sql::{self, SqlReader, SqlWriter},
    },
};

/// A store to read, or the certainty that there is none yet.
pub enum Reader {
    /// It is there.
    Store(SqlReader),
    /// There is no such file: `apply` would make it.
    NotYet,
}

/// Opens a store to read. A SQLite file that does not exist is an empty store, and that is said.
pub async fn reader(url: &StoreUrl, out: &mut Output) -> Result<Reader, StoreError> {
    match existing(url, out).await {
        Ok(reader) => Ok(Reader::Store(reader)),
        Err(StoreError::Missing { store }) => {
            folder_of(url)?;
            out.say(&format!("`{store}` does not exist yet: `concordat apply` would make it"));
            Ok(Reader::NotYet)
        }
        Err(error) => Err(error),
    }
}

/// Opens a store that must be there to read.
pub async fn existing(url: &StoreUrl, out: &mut Output) -> Result<SqlReader, StoreError> {
    let reader = sql::open_reader(url).await?;
    tell_exposed(url, out);
    Ok(reader)
}

/// Opens a store to write, as the command line, and waits for whoever writes now.
pub async fn writer(url: &StoreUrl, out: &mut Output) -> Result<SqlWriter, StoreError> {
    folder_of(url)?;
    let writer = sql::open_writer(url, &Instance::cli(), |holder| {
        out.say(&format!("waiting for {holder}, who writes to `{url}` now"));
    })
    .await?;
    tell_exposed(url, out);
    Ok(writer)
}

/// How Microsoft Graph is reached, for a command that reads there.
pub fn connection(url: &StoreUrl) -> anyhow::Result<Connection> {
    let StoreUrl::Graph(file) = url else {
        bail!(
            "`{url}` is not Microsoft Graph: name the file of a connection with `--store graph:FILE`"
        );
    };
    Ok(read_connection(file)?)
}

/// Tells where a connection leads that does not lead to Microsoft.
pub fn tell_elsewhere(connection: &Connection, out: &mut Output) {
    if let Some(elsewhere) = connection.elsewhere() {
        out.say(&elsewhere);
    }
}

/// Tells of files of the store that others may read, with the way out.
fn tell_exposed(url: &StoreUrl, out: &mut Output) {
    let Some(exposed) = exposed(url) else { return };
    out.say(&format!("warning: {exposed}"));
}

/// That others may read a store, which holds who accepted what, and how to end it.
pub fn exposed(url: &StoreUrl) -> Option<String> {
    let files = sql::exposed(url);
    if files.is_empty() {
        return None;
    }
    Some(format!("others may read `{url}`: `{}` [{EXPOSED}]", kept_private(&files)))
}

/// The command by which only their owner can read some files.
pub fn kept_private(files: &[PathBuf]) -> String {
    let names = files.iter().map(|file| shell_word(&file.to_string_lossy()));
    format!("chmod 600 {}", names.collect::<Vec<_>>().join(" "))
}

/// A word as a shell takes it.
fn shell_word(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "./_-+,".contains(letter);
    if word.chars().all(plain) && !word.starts_with('-') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Others may read a file of the store.
pub const EXPOSED: Code = Code(831);

/// Refuses a file in a folder that does not exist: nobody would make it.
fn folder_of(url: &StoreUrl) -> Result<(), StoreError> {
    let StoreUrl::Sqlite(path) = url else { return Ok(()) };
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    if folder.is_dir() {
        return Ok(());
    }
    let reason = format!("there is no folder `{}`", folder.display());
    Err(StoreError::Unreachable { store: url.to_string(), reason })
}

impl Read for Reader {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        match self {
            Self::Store(store) => store.observe(scope).await,
            Self::NotYet => Ok(Observed {
                now: Timestamp::from_millisecond(Timestamp::now().as_millisecond())
                    .expect("an earlier instant of the same millisecond is a timestamp as well"),
                relationships: BTreeMap::new(),
                acceptances: BTreeMap::new(),
                boundaries: BTreeMap::new(),
                doubts: Doubts::default(),
            }),
        }
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        match self {
            Self::Store(store) => store.beside(apart).await,
            Self::NotYet => Ok(Beside::default()),
        }
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        match self {
            Self::Store(store) => store.budgets(limits).await,
            Self::NotYet => Ok(BTreeMap::new()),
        }
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        match self {
            Self::Store(store) => store.entries(after, at_most).await,
            Self::NotYet => Ok(Vec::new()),
        }
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        match self {
            Self::Store(store) => store.head().await,
            Self::NotYet => Ok(Head::empty()),
        }
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        match self {
            Self::Store(store) => store.last_entries(subjects).await,
            Self::NotYet => Ok(BTreeMap::new()),
        }
    }
}
