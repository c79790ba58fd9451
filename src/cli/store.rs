//! Opens a store to read or to write.
//!
//! Never: writes through what was opened to read.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::Output;
use crate::{
    domain::{
        entry::{Entry, Head},
        limits::{Budget, Limits},
        state::{Instance, Observed},
    },
    store::{
        Read, Scope, StoreError, StoreUrl,
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
    match sql::open_reader(url).await {
        Ok(reader) => Ok(Reader::Store(reader)),
        Err(StoreError::Missing { store }) => {
            folder_of(url)?;
            out.say(&format!("`{store}` does not exist yet: `concordat apply` would make it"));
            Ok(Reader::NotYet)
        }
        Err(error) => Err(error),
    }
}

/// Opens a store to write, as the command line, and waits for whoever writes now.
pub async fn writer(url: &StoreUrl, out: &mut Output) -> Result<SqlWriter, StoreError> {
    folder_of(url)?;
    sql::open_writer(url, &Instance::cli(), |holder| {
        out.say(&format!("waiting for {holder}, who writes to `{url}` now"));
    })
    .await
}

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
            }),
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
