//! Opens a store to read or to write.
//!
//! Never: writes through what was opened to read.

use std::path::PathBuf;

use anyhow::{anyhow, bail};

use super::Output;
use crate::{
    domain::{connection::Connection, problem::Code, state::Instance},
    manifest::read_connection,
    store::{
        AnyReader, AnyWriter, BookReader, StoreError, StoreUrl,
        graph::{self, Graph, GraphReader, GraphWriter},
        sql::{self, SqlReader, SqlWriter},
    },
};

/// Opens a store to read. A database that does not exist is an empty one, and that is said.
pub async fn reader(url: &StoreUrl, out: &mut Output) -> anyhow::Result<AnyReader> {
    let StoreUrl::Graph(_) = url else {
        return Ok(AnyReader::Book(book(url, out).await?));
    };
    let connection = connection(url)?;
    tell_elsewhere(&connection, out);
    let ledger = ledger_of(&connection)?;
    let book = book(&ledger, out).await?;
    Ok(AnyReader::Graph(Box::new(GraphReader::open(&connection, graph::As::Reader, book)?)))
}

/// A database to read; one that does not exist is an empty one, and that is said.
async fn book(url: &StoreUrl, out: &mut Output) -> Result<BookReader, StoreError> {
    match existing(url, out).await {
        Ok(reader) => Ok(BookReader::There(reader)),
        Err(StoreError::Missing { store }) => {
            folder_of(url)?;
            out.say(&format!("`{store}` does not exist yet: `concordat apply` would make it"));
            Ok(BookReader::NotYet)
        }
        Err(error) => Err(error),
    }
}

/// Opens what holds who has what now to read it: the database, which must be there, or Microsoft Graph with its own.
pub async fn present(url: &StoreUrl, out: &mut Output) -> anyhow::Result<AnyReader> {
    if let StoreUrl::Graph(_) = url {
        return reader(url, out).await;
    }
    Ok(AnyReader::Book(BookReader::There(existing(url, out).await?)))
}

/// Opens the database of a store in which its ledger is to read it. It must be there; nobody else is asked.
pub async fn ledger(url: &StoreUrl, out: &mut Output) -> anyhow::Result<SqlReader> {
    Ok(existing(&ledger_url(url)?, out).await?)
}

/// Opens a database that must be there to read.
async fn existing(url: &StoreUrl, out: &mut Output) -> Result<SqlReader, StoreError> {
    let reader = sql::open_reader(url).await?;
    tell_exposed(url, out);
    Ok(reader)
}

/// Opens a store to write, as the command line, and waits for whoever writes now.
pub async fn writer(url: &StoreUrl, out: &mut Output) -> anyhow::Result<AnyWriter> {
    let StoreUrl::Graph(_) = url else {
        let mut book = book_writer(url, out).await?;
        if !book.claims().await?.is_empty() || !book.errands().await?.is_empty() {
            let reason = "it is the ledger of what stands at Microsoft: name the connection with `--store graph:FILE`";
            let (store, reason) = (url.to_string(), reason.to_owned());
            return Err(StoreError::Misnamed { store, reason }.into());
        }
        return Ok(AnyWriter::Book(book));
    };
    let connection = connection(url)?;
    tell_elsewhere(&connection, out);
    // Whoever may only read is told before anything is opened.
    Graph::open(&connection, graph::As::Writer)?;
    let book = book_writer(&ledger_of(&connection)?, out).await?;
    let writer = GraphWriter::open(&connection, graph::As::Writer, book)?;
    Ok(AnyWriter::Graph(Box::new(writer)))
}

/// Opens the database of a store in which its ledger is to write it.
pub async fn ledger_writer(url: &StoreUrl, out: &mut Output) -> anyhow::Result<SqlWriter> {
    Ok(book_writer(&ledger_url(url)?, out).await?)
}

async fn book_writer(url: &StoreUrl, out: &mut Output) -> Result<SqlWriter, StoreError> {
    folder_of(url)?;
    let writer = sql::open_writer(url, &Instance::cli(), |holder| {
        out.say(&format!("waiting for {holder}, who writes to `{url}` now"));
    })
    .await?;
    tell_exposed(url, out);
    Ok(writer)
}

/// The database in which the ledger of a store is.
fn ledger_url(url: &StoreUrl) -> anyhow::Result<StoreUrl> {
    match url {
        StoreUrl::Graph(_) => ledger_of(&connection(url)?),
        StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) | StoreUrl::Cluster => Ok(url.clone()),
    }
}

fn ledger_of(connection: &Connection) -> anyhow::Result<StoreUrl> {
    let file = connection.file.display();
    connection.ledger.parse().map_err(|error| anyhow!("the `ledger` of `{file}`: {error}"))
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

/// Tells where a connection leads that does not lead to Microsoft, and of secrets that others may read.
pub fn tell_elsewhere(connection: &Connection, out: &mut Output) {
    let exposed = graph::exposed(connection);
    if !exposed.is_empty() {
        let way_out = kept_private(&exposed);
        out.say(&format!("warning: others may read secrets: `{way_out}` [{EXPOSED}]"));
    }
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
