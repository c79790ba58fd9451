//! What a database says, in the words of the contract.
//!
//! Never: a password, or the text of a statement with its values.

use sqlx::{Error, error::DatabaseError, migrate::MigrateError, sqlite::SqliteError};

use crate::store::StoreError;

/// Why a statement failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// A rule of the database itself forbids what was written; the rest of the transaction can go on.
    Constraint(String),
    /// Nothing more can be done.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Failure {
    /// The same where no rule is expected to be broken.
    pub fn into_error(self, store: &str) -> StoreError {
        match self {
            Self::Constraint(reason) => StoreError::Unexpected { store: store.to_owned(), reason },
            Self::Store(error) => error,
        }
    }
}

/// What went wrong at `store`.
#[expect(clippy::wildcard_enum_match_arm, reason = "the driver's errors are not ours to list")]
pub(super) fn failure(store: &str, error: &Error) -> Failure {
    let store = store.to_owned();
    let unreachable =
        |reason: String| StoreError::Unreachable { store: store.clone(), reason }.into();
    match error {
        Error::Database(error) => of_database(store, error.as_ref()),
        Error::Io(error) => unreachable(error.to_string()),
        Error::Tls(error) => unreachable(format!("TLS: {error}")),
        Error::Protocol(reason) => unreachable(reason.clone()),
        Error::WorkerCrashed => unreachable("its thread is gone".to_owned()),
        Error::Configuration(_) => {
            let reason = "its URL or settings cannot be read".to_owned();
            StoreError::Unexpected { store, reason }.into()
        }
        Error::Migrate(error) => match error.as_ref() {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                failure(&store, error)
            }
            other => StoreError::Unexpected { store, reason: other.to_string() }.into(),
        },
        other => StoreError::Unexpected { store, reason: other.to_string() }.into(),
    }
}

fn of_database(store: String, error: &dyn DatabaseError) -> Failure {
    let code = error.code().unwrap_or_default();
    let reason = error.message().to_owned();
    if error.try_downcast_ref::<SqliteError>().is_some() {
        of_sqlite(store, code.parse().unwrap_or(0), reason)
    } else {
        of_postgres(store, &code, reason)
    }
}

/// The low byte of SQLite's code is its class.
fn of_sqlite(store: String, code: i32, reason: String) -> Failure {
    let error = match code & 0xff {
        19 => return Failure::Constraint(reason),
        3 | 23 => StoreError::Forbidden { store, reason },
        5 | 6 => StoreError::Locked { store, holder: "another program".to_owned() },
        8 => StoreError::ReadOnly { store, reason },
        10 | 14 => StoreError::Unreachable { store, reason },
        11 => StoreError::Corrupt { store, reason },
        13 => StoreError::Full { store },
        26 => StoreError::NotConcordat { store },
        _ => StoreError::Unexpected { store, reason },
    };
    error.into()
}

fn of_postgres(store: String, code: &str, reason: String) -> Failure {
    let error = match code {
        "28P01" | "28000" => StoreError::Unauthenticated { store },
        "53300" => StoreError::TooManyConnections { store },
        "53100" => StoreError::Full { store },
        "42501" => StoreError::Forbidden { store, reason },
        "25006" => StoreError::ReadOnly { store, reason },
        "3D000" => StoreError::Missing { store },
        "55P03" | "40001" | "40P01" => {
            StoreError::Locked { store, holder: "another session".to_owned() }
        }
        "57014" | "57P01" | "57P02" | "57P03" | "25P03" => {
            StoreError::Unreachable { store, reason }
        }
        "XX001" | "XX002" => StoreError::Corrupt { store, reason },
        _ if code.starts_with("22") || code.starts_with("23") => {
            return Failure::Constraint(reason);
        }
        _ if code.starts_with("08") => StoreError::Unreachable { store, reason },
        _ => StoreError::Unexpected { store, reason },
    };
    error.into()
}
