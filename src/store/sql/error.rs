//! What a database says, in the words of the contract.
//!
//! Never: a password, or the text of a statement with its values.

use std::io::{self, ErrorKind};

use sqlx::{Error, error::DatabaseError, migrate::MigrateError, sqlite::SqliteError};

use super::tls;
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
        Error::Io(error) => unreachable(of_io(error)),
        Error::Tls(error) => unreachable(tls::in_words(error.as_ref())),
        Error::Protocol(reason) => unreachable(of_protocol(reason)),
        Error::WorkerCrashed => unreachable("its thread is gone".to_owned()),
        // What it says may be a part of a password.
        Error::Configuration(_) => {
            let reason = "its user, its password or a key holds what none can hold".to_owned();
            StoreError::Misnamed { store, reason }.into()
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

/// What a system says when nobody answers. What it says of files is told before.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
fn of_io(error: &io::Error) -> String {
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>()) {
        return tls::in_words(error);
    }
    let known = match error.kind() {
        ErrorKind::ConnectionRefused => {
            "nothing listens there: does the server run, and are its host and port the right ones?"
        }
        ErrorKind::NotFound => "there is no socket: does the server run, and is it in that folder?",
        ErrorKind::PermissionDenied => "this user may not use its socket",
        ErrorKind::TimedOut => "it does not answer in time",
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => "no network leads there",
        ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe
        | ErrorKind::UnexpectedEof => "it closed the connection",
        _ if error.to_string().starts_with("failed to lookup address") => {
            "its host has no address: is the name misspelt, or known in another network only?"
        }
        _ => return error.to_string(),
    };
    known.to_owned()
}

/// What the driver says where it was answered in another language than the one it speaks.
fn of_protocol(reason: &str) -> String {
    if reason.contains("SASL") || reason.contains("authentication method") {
        return "it wants a login that is not supported: let it ask for a password (scram-sha-256) or for a client \
                certificate"
            .to_owned();
    }
    if reason.contains("SSLRequest") || reason.contains("message type") {
        return "what answers there is no PostgreSQL server: is the port the right one?".to_owned();
    }
    reason.to_owned()
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

/// Why a login is refused before its password counts.
fn not_let_in(said: &str) -> &'static str {
    if said.contains("client certificate") {
        "it wants a client certificate: `sslcert=FILE` and `sslkey=FILE`"
    } else if said.contains("pg_hba.conf") && said.contains("no encryption") {
        "its pg_hba.conf admits no such login without TLS: see `sslmode`"
    } else if said.contains("pg_hba.conf") {
        "its pg_hba.conf admits no such login from here"
    } else {
        ""
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
        "28P01" => StoreError::Unauthenticated { store, reason: String::new() },
        "28000" => StoreError::Unauthenticated { store, reason: not_let_in(&reason).to_owned() },
        "53300" => StoreError::TooManyConnections { store },
        "53100" => StoreError::Full { store },
        "42501" => StoreError::Forbidden { store, reason },
        "25006" => StoreError::ReadOnly { store, reason },
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
