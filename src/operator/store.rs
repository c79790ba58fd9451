//! Opens the store that the operator leads: a database, or Microsoft Graph with the database that is its book.
//!
//! Never: a file that is read once and kept, since secrets in it are rotated; each session reads it anew.

use std::path::Path;

use crate::{
    domain::{connection::Connection, entry::Head, state::Instance},
    manifest::read_connection,
    store::{
        AnyReader, AnyWriter, BookReader, StoreError, StoreUrl,
        graph::{As, GraphReader, GraphWriter},
        sql::{self, SqlWriter},
    },
};

/// The database behind a store.
///
/// # Errors
/// Where the file that names it cannot be read.
pub fn ledger(url: &StoreUrl) -> Result<StoreUrl, StoreError> {
    match url {
        StoreUrl::Graph(file) => ledger_of(&connection(file)?),
        StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) | StoreUrl::Cluster => Ok(url.clone()),
    }
}

/// Opens it to write in an epoch that was taken elsewhere; again where this very process had it before and has seen its
/// ledger end with `known`.
///
/// # Errors
/// As [`sql::open_writer_at`] and [`sql::open_writer_again`], and where the connection cannot be used.
pub async fn writer(
    url: &StoreUrl,
    instance: &Instance,
    epoch: i64,
    known: Option<&Head>,
) -> Result<AnyWriter, StoreError> {
    let StoreUrl::Graph(file) = url else {
        return Ok(AnyWriter::Book(book(url, instance, epoch, known).await?));
    };
    let connection = connection(file)?;
    let book = book(&ledger_of(&connection)?, instance, epoch, known).await?;
    let writer = GraphWriter::open(&connection, As::Writer, book)?;
    Ok(AnyWriter::Graph(Box::new(writer)))
}

async fn book(
    url: &StoreUrl,
    instance: &Instance,
    epoch: i64,
    known: Option<&Head>,
) -> Result<SqlWriter, StoreError> {
    match known {
        Some(known) => sql::open_writer_again(url, instance, epoch, known).await,
        None => sql::open_writer_at(url, instance, epoch).await,
    }
}

/// Opens it to read.
///
/// # Errors
/// As [`sql::open_reader`], and where the connection cannot be used.
pub async fn reader(url: &StoreUrl) -> Result<AnyReader, StoreError> {
    let StoreUrl::Graph(file) = url else {
        return Ok(AnyReader::Book(BookReader::There(sql::open_reader(url).await?)));
    };
    let connection = connection(file)?;
    let book = BookReader::There(sql::open_reader(&ledger_of(&connection)?).await?);
    Ok(AnyReader::Graph(Box::new(GraphReader::open(&connection, As::Reader, book)?)))
}

fn connection(file: &Path) -> Result<Connection, StoreError> {
    read_connection(file).map_err(|error| StoreError::Misnamed {
        store: format!("graph:{}", file.display()),
        reason: error.to_string(),
    })
}

fn ledger_of(connection: &Connection) -> Result<StoreUrl, StoreError> {
    connection.ledger.parse().map_err(|error| StoreError::Misnamed {
        store: format!("graph:{}", connection.file.display()),
        reason: format!("its `ledger`: {error}"),
    })
}
