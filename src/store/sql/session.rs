//! One connection to either database: the seam between the two dialects.
//!
//! Never: a call without a time limit, or a second transaction inside one that was left open.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{Connection as _, PgConnection, SqliteConnection};

use super::error::{Failure, failure};
use crate::store::StoreError;

/// A connection, and what the store is called.
pub(super) struct Session {
    pub connection: Connection,
    pub store: String,
    pub clock: Clock,
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
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Idle,
    InTransaction,
    /// An answer is still to come, or never will: nothing more can be asked.
    Broken,
}

/// The longest that one statement may take.
const LIMIT: Duration = Duration::from_secs(150);

impl Session {
    pub fn new(connection: Connection, store: String) -> Self {
        Self { connection, store, clock: Arc::new(Timestamp::now), state: State::Idle }
    }

    /// This side's clock.
    pub fn here(&self) -> Timestamp {
        (self.clock)()
    }

    pub async fn begin(&mut self, purpose: Purpose) -> Result<(), StoreError> {
        if self.state == State::InTransaction {
            self.rollback().await;
        }
        let begin = match purpose {
            Purpose::Read => Statement {
                sqlite: "BEGIN",
                postgres: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            },
            Purpose::Write => Statement { sqlite: "BEGIN IMMEDIATE", postgres: "BEGIN" },
        };
        self.tell(begin, &[]).await?;
        self.state = State::InTransaction;
        Ok(())
    }

    pub async fn commit(&mut self) -> Result<(), StoreError> {
        self.tell(both("COMMIT"), &[]).await?;
        self.state = State::Idle;
        Ok(())
    }

    /// Undoes what was begun. Some failures have done that already, so that there may be nothing to undo.
    pub async fn rollback(&mut self) {
        drop(self.tell(both("ROLLBACK"), &[]).await);
        if self.state == State::InTransaction {
            self.state = State::Idle;
        }
    }

    /// Each row is one column of JSON.
    pub async fn rows<T: DeserializeOwned>(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<Vec<T>, StoreError> {
        let texts = self.texts(statement, bound).await?;
        let rows = texts.into_iter().map(|text| serde_json::from_str(&text));
        rows.collect::<Result<_, _>>().map_err(|error| StoreError::Corrupt {
            store: self.store.clone(),
            reason: format!("a row cannot be read: {error}"),
        })
    }

    /// The one row.
    pub async fn row<T: DeserializeOwned>(
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
        let result = {
            let Self { connection, store, state, clock: _ } = self;
            limited(store, state, connection.texts(statement, bound)).await
        };
        result.map_err(|failure| failure.into_error(&self.store))
    }

    /// How many rows it changed.
    pub async fn execute(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<u64, Failure> {
        let Self { connection, store, state, clock: _ } = self;
        limited(store, state, connection.execute(statement, bound)).await
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
    async fn texts(
        &mut self,
        statement: Statement,
        bound: &[Bound<'_>],
    ) -> Result<Vec<String>, sqlx::Error> {
        match self {
            Self::Sqlite(connection) => {
                let mut query = sqlx::query_scalar(statement.sqlite);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                query.fetch_all(connection).await
            }
            Self::Postgres(connection) => {
                let mut query = sqlx::query_scalar(statement.postgres);
                for value in bound {
                    query = match value {
                        Bound::Text(text) => query.bind(*text),
                        Bound::Number(number) => query.bind(*number),
                    };
                }
                query.fetch_all(&mut **connection).await
            }
        }
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
                let mut query = sqlx::query(statement.postgres);
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
}
