//! One connection to either database: the seam between the two dialects.
//!
//! On a server every statement stands in a transaction that begins with our settings, so that a pooler may give the
//! connection to somebody else after each of them.
//!
//! Never: a call without a time limit, a second transaction inside one that was left open, or anything left behind on a
//! connection.

use std::{sync::Arc, time::Duration};

use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Connection as _, PgConnection, Row as _, SqliteConnection};

use super::{
    budget::Judged,
    error::{Failure, failure},
};
use crate::store::StoreError;

/// A connection, and what the store is called.
pub(super) struct Session {
    pub connection: Connection,
    pub store: String,
    pub clock: Clock,
    may: Purpose,
    /// What the plan that is being carried out was judged by.
    pub judged: Judged,
    state: State,
}

/// What tells the time on this side of a session.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// To either database.
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(Box<PgConnection>),
}

/// The same statement in both dialects. Each reads and writes rows as JSON, so that rows have one form in Rust.
#[derive(Clone, Copy)]
pub(super) struct Statement {
    pub sqlite: &'static str,
    pub postgres: &'static str,
}

/// A statement that both understand.
pub(super) const fn both(text: &'static str) -> Statement {
    Statement { sqlite: text, postgres: text }
}

/// A value for `$1`, `$2` and so on.
#[derive(Clone, Copy)]
pub(super) enum Bound<'a> {
    Text(&'a str),
    Number(i64),
}

/// What a transaction is for.
#[derive(Clone, Copy)]
pub(super) enum Purpose {
    /// One instant of everything.
    Read,
    /// Alone among writers.
    Write,
    /// To keep what it has locked for as long as this process lives.
    Hold,
    /// To make tables, which are made in our schema.
    Migrate,
}

/// A transaction and its settings: limits, so that nothing waits for ever, durability, and where names are looked for.
/// `pg_catalog` comes first and temporary tables last: whatever a pooler's other clients have left behind on the
/// connection, and whatever is set for the login or the database, counts for nothing.
macro_rules! begin {
    ($mode:literal, $path:literal, $idle:literal) => {
        concat!(
            "BEGIN ISOLATION LEVEL ",
            $mode,
            "; SET LOCAL search_path = ",
            $path,
            "; SET LOCAL statement_timeout = '120s'; SET LOCAL lock_timeout = '30s'; \
             SET LOCAL idle_in_transaction_session_timeout = ",
            $idle,
            "; SET LOCAL client_min_messages = warning; \
             SET LOCAL standard_conforming_strings = on; \
             SELECT pg_catalog.set_config('synchronous_commit', 'on', true) \
             WHERE pg_catalog.current_setting('synchronous_commit') \
             OPERATOR(pg_catalog.=) ANY (ARRAY['off', 'local'])"
        )
    };
}

impl Purpose {
    /// How such a transaction begins.
    pub fn begin(self) -> Statement {
        match self {
            Self::Read => Statement {
                sqlite: "BEGIN",
                postgres: begin!(
                    "REPEATABLE READ READ ONLY",
                    "pg_catalog, concordat, pg_temp",
                    "'120s'"
                ),
            },
            Self::Write => Statement {
                sqlite: "BEGIN IMMEDIATE",
                postgres: begin!("READ COMMITTED", "pg_catalog, concordat, pg_temp", "'120s'"),
            },
            // Whoever is gone without a word is found out by the connection, and not by its silence.
            Self::Hold => Statement {
                sqlite: "BEGIN IMMEDIATE",
                postgres: concat!(
                    begin!("READ COMMITTED", "pg_catalog, concordat, pg_temp", "0"),
                    "; SET LOCAL tcp_keepalives_idle = 30; SET LOCAL tcp_keepalives_interval = 10; \
                     SET LOCAL tcp_keepalives_count = 3"
                ),
            },
            // `pg_catalog` comes first where it is not named, and new tables are made in what is.
            Self::Migrate => Statement {
                sqlite: "BEGIN IMMEDIATE",
                postgres: begin!("READ COMMITTED", "concordat, pg_temp", "'120s'"),
            },
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    InTransaction,
    /// An answer is still to come, or never will: nothing more can be asked.
    Broken,
}

/// Whether a statement has a transaction of its own.
#[derive(Clone, Copy)]
enum Alone {
    Yes,
    No,
}

/// The longest that one statement may take.
const LIMIT: Duration = Duration::from_secs(150);

impl Session {
    /// A connection on which what is said outside a transaction is for `may`.
    pub fn new(connection: Connection, store: String, may: Purpose) -> Self {
        Self {
            connection,
            store,
            clock: Arc::new(Timestamp::now),
            may,
            judged: Judged::default(),
            state: State::Idle,
        }
    }

    /// This side's clock.
    pub fn here(&self) -> Timestamp {
        (self.clock)()
    }

    pub async fn begin(&mut self, purpose: Purpose) -> Result<(), StoreError> {
        if self.state == State::InTransaction {
            self.rollback().await;
        }
        match self.command(purpose.begin()).await {
            Ok(()) => {
                self.state = State::InTransaction;
                Ok(())
            }
            Err(error) => {
                self.rollback().await;
                Err(error)
            }
        }
    }

    pub async fn commit(&mut self) -> Result<(), StoreError> {
        self.command(both("COMMIT")).await?;
        self.state = State::Idle;
        Ok(())
    }

    /// Undoes what was begun. Some failures have done that already, so that there may be nothing to undo.
    pub async fn rollback(&mut self) {
        drop(self.command(both("ROLLBACK")).await);
        if self.state == State::InTransaction {
            self.state = State::Idle;
        }
    }

    /// Each row is one column of JSON. It is read while the database looks for the next.
    pub async fn rows<T: DeserializeOwned + Send>(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let (mut rows, mut unread) = (Vec::new(), None);
        let take = &mut |text: &str| match serde_json::from_str(text) {
            Ok(row) => rows.push(row),
            Err(error) => drop(unread.get_or_insert(error)),
        };
        self.each(statement, bound, take).await?;
        match unread {
            None => Ok(rows),
            Some(error) => Err(StoreError::Corrupt {
                store: self.store.clone(),
                reason: format!("a row cannot be read: {error}"),
            }),
        }
    }

    /// The one row.
    pub async fn row<T: DeserializeOwned + Send>(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<T, StoreError> {
        let rows = self.rows(statement, bound).await?;
        rows.into_iter().next().ok_or_else(|| StoreError::Corrupt {
            store: self.store.clone(),
            reason: "a row is missing".to_owned(),
        })
    }

    /// Each row is one column of text.
    pub async fn texts(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<Vec<String>, StoreError> {
        let mut texts = Vec::new();
        self.each(statement, bound, &mut |text| texts.push(text.to_owned())).await?;
        Ok(texts)
    }

    async fn each(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
        take: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), StoreError> {
        let alone = self.begin_alone().await?;
        let result = {
            let Self { connection, store, state, may: _, clock: _, judged: _ } = self;
            limited(store, state, connection.each(statement, bound, take)).await
        };
        let result = result.map_err(|failure| failure.into_error(&self.store));
        self.end_alone(alone, result).await
    }

    /// How many rows it changed.
    pub async fn execute(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<u64, Failure> {
        let alone = self.begin_alone().await?;
        let result = {
            let Self { connection, store, state, may: _, clock: _, judged: _ } = self;
            limited(store, state, connection.execute(statement, bound)).await
        };
        self.end_alone(alone, result).await
    }

    /// Several statements without values.
    pub async fn command(&mut self, statement: Statement) -> Result<(), StoreError> {
        let Self { connection, store, state, may: _, clock: _, judged: _ } = self;
        let result = limited(store, state, connection.command(statement)).await;
        result.map_err(|failure| failure.into_error(&self.store))
    }

    /// On a server, a transaction for one statement where none is open.
    async fn begin_alone(&mut self) -> Result<Alone, StoreError> {
        if self.state == State::InTransaction || matches!(self.connection, Connection::Sqlite(_)) {
            return Ok(Alone::No);
        }
        self.begin(self.may).await?;
        Ok(Alone::Yes)
    }

    async fn end_alone<T, E: From<StoreError>>(
        &mut self,
        alone: Alone,
        result: Result<T, E>,
    ) -> Result<T, E> {
        match (alone, result) {
            (Alone::No, result) => result,
            (Alone::Yes, Ok(value)) => {
                self.commit().await?;
                Ok(value)
            }
            (Alone::Yes, Err(error)) => {
                self.rollback().await;
                Err(error)
            }
        }
    }

    /// The same where no rule can be broken.
    pub async fn tell(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<u64, StoreError> {
        let result = self.execute(statement, bound).await;
        result.map_err(|failure| failure.into_error(&self.store))
    }

    /// Says goodbye, where it matters that the other side has heard it.
    pub async fn close(self) -> Result<(), StoreError> {
        let result = match self.connection {
            Connection::Sqlite(connection) => connection.close().await,
            Connection::Postgres(connection) => connection.close().await,
        };
        result.map_err(|error| failure(&self.store, &error).into_error(&self.store))
    }
}

/// Waits no longer than [`LIMIT`], and asks nothing of a connection that owes an answer.
async fn limited<T>(
    store: &str,
    state: &mut State,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, Failure> {
    let unreachable = |reason: &str| {
        Failure::from(StoreError::Unreachable {
            store: store.to_owned(),
            reason: reason.to_owned(),
        })
    };
    if *state == State::Broken {
        return Err(unreachable("the connection was lost"));
    }
    // What stops before its end, also because nobody waits any more, leaves the connection in the middle of an answer.
    let before = std::mem::replace(state, State::Broken);
    match tokio::time::timeout(LIMIT, work).await {
        Err(_) => Err(unreachable("it does not answer in time")),
        Ok(Err(error)) => {
            if matches!(error, sqlx::Error::Database(_) | sqlx::Error::RowNotFound) {
                *state = before;
            }
            Err(failure(store, &error))
        }
        Ok(Ok(value)) => {
            *state = before;
            Ok(value)
        }
    }
}

impl Connection {
    async fn each(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
        take: &mut (dyn FnMut(&str) + Send),
    ) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let mut query = sqlx::query(statement.sqlite);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                let mut rows = query.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    take(row.try_get(0)?);
                }
            }
            Self::Postgres(connection) => {
                // A named statement would outlive its transaction.
                let mut query = sqlx::query(statement.postgres).persistent(false);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                let mut rows = query.fetch(&mut **connection);
                while let Some(row) = rows.try_next().await? {
                    take(row.try_get(0)?);
                }
            }
        }
        Ok(())
    }

    async fn execute(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<u64, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let mut query = sqlx::query(statement.sqlite);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                Ok(query.execute(connection).await?.rows_affected())
            }
            Self::Postgres(connection) => {
                let mut query = sqlx::query(statement.postgres).persistent(false);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                Ok(query.execute(&mut **connection).await?.rows_affected())
            }
        }
    }

    async fn command(&mut self, statement: Statement) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                sqlx::raw_sql(statement.sqlite).execute(connection).await?;
            }
            Self::Postgres(connection) => {
                sqlx::raw_sql(statement.postgres).execute(&mut **connection).await?;
            }
        }
        Ok(())
    }
}
