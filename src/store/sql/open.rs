//! Opens a database and makes sure that it is a relationship store of the right version.
//!
//! Never: makes a file, or changes one that is something else, because somebody wanted to read.

use std::{
    fs,
    fs::OpenOptions,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use sqlx::{
    ConnectOptions, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{
    error::failure,
    migrate::migrate,
    server::{CONNECTS_WITHIN, postgres},
    session::{Connection, Purpose, Session, Statement, both},
    trust::{self, Found},
};
use crate::store::{StoreError, StoreUrl};

/// A step, whose text stands in a file of either dialect.
macro_rules! step {
    ($version:literal, $name:literal, $file:literal) => {
        (
            $version,
            $name,
            Statement {
                sqlite: include_str!(concat!("sqlite/", $file)),
                postgres: include_str!(concat!("postgres/", $file)),
            },
        )
    };
}

/// The steps that make the tables: each with its version, which only grows and may leave gaps, and its name.
pub(super) const STEPS: &[(i64, &str, Statement)] = &[
    step!(1, "tables", "0001_tables.sql"),
    step!(2, "waiting", "0002_waiting.sql"),
    step!(3, "ends_and_shares", "0003_ends_and_shares.sql"),
    step!(4, "boundaries", "0004_boundaries.sql"),
    step!(5, "askers", "0005_askers.sql"),
    step!(6, "rows", "0006_rows.sql"),
    step!(8, "locks", "0008_locks.sql"),
    step!(9, "service", "0009_service.sql"),
    step!(10, "errands", "0010_errands.sql"),
];

/// The version that this program reads and writes.
pub(super) const SCHEMA: i64 = STEPS[STEPS.len() - 1].0;

/// Creates the roles of a PostgreSQL store and gives them their rights.
pub const POSTGRES_ROLES: &str = include_str!("postgres/roles.sql");

/// The word "Conc", in the header of each file.
const APPLICATION: i64 = 1_131_376_227;

/// So often is it migrated where somebody else does the same at the same time.
const MIGRATES_AT_MOST: usize = 5;
const WAITS_FOR_OTHERS: Duration = Duration::from_secs(10);
const SWITCHES_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// A connection that can read, to a store of this very version.
pub(super) async fn reader(url: &StoreUrl) -> Result<Session, StoreError> {
    let (session, found) = readable(url).await?;
    if found < SCHEMA {
        return Err(StoreError::OlderSchema { store: session.store, found, known: SCHEMA });
    }
    Ok(session)
}

/// A connection that can read what each version so far has: the ledger, and who writes.
pub(super) async fn ledger_reader(url: &StoreUrl) -> Result<Session, StoreError> {
    Ok(readable(url).await?.0)
}

/// A connection that can read, and the version of the store; none of them is newer than this program.
async fn readable(url: &StoreUrl) -> Result<(Session, i64), StoreError> {
    let store = url.to_string();
    let mut session = match url {
        StoreUrl::Sqlite(path) => sqlite_reader(path, &store).await?,
        StoreUrl::Postgres(_) => postgres(url, &store, "concordat", Purpose::Read).await?,
        StoreUrl::Graph(_) => return Err(not_yet(&store)),
        StoreUrl::Cluster => return Err(only_read("name the store that the operator writes to")),
    };
    match found(&mut session).await? {
        None => Err(StoreError::Missing { store }),
        Some(found) if found > SCHEMA => {
            Err(StoreError::NewerSchema { store, found, known: SCHEMA })
        }
        Some(found) => Ok((session, found)),
    }
}

/// Microsoft Graph is read by commands of its own so far.
fn not_yet(store: &str) -> StoreError {
    let reason = "only `concordat import` and `concordat doctor` read there so far; what is planned and written is the \
                  database of its ledger, which is a store like others"
        .to_owned();
    StoreError::Misnamed { store: store.to_owned(), reason }
}

fn only_read(instead: &str) -> StoreError {
    StoreError::OnlyRead { instead: instead.to_owned() }
}

/// A connection that can write, to a store that is made or migrated where needed.
pub(super) async fn writer(url: &StoreUrl) -> Result<Session, StoreError> {
    let store = url.to_string();
    let mut session = match url {
        StoreUrl::Sqlite(path) => sqlite_writer(path, &store).await?,
        StoreUrl::Postgres(_) => postgres(url, &store, "concordat", Purpose::Write).await?,
        StoreUrl::Graph(_) => return Err(not_yet(&store)),
        StoreUrl::Cluster => return Err(only_read("change its objects with `kubectl apply`")),
    };
    let mut attempts = 0;
    loop {
        match found(&mut session).await? {
            Some(found) if found > SCHEMA => {
                return Err(StoreError::NewerSchema { store, found, known: SCHEMA });
            }
            Some(SCHEMA) => break,
            Some(_) | None if attempts < MIGRATES_AT_MOST => migrate(&mut session).await?,
            Some(_) | None => {
                let holder = "others who migrate it".to_owned();
                return Err(StoreError::Locked { store, holder });
            }
        }
        attempts += 1;
    }
    if let Connection::Sqlite(_) = &session.connection {
        write_ahead(&mut session).await?;
    }
    Ok(session)
}

/// Switches the file to a write-ahead log, in which it stays. SQLite does not wait for others who use the file in that
/// moment, as it does everywhere else: its own wait would be a deadlock of two who switch.
async fn write_ahead(session: &mut Session) -> Result<(), StoreError> {
    let since = Instant::now();
    let mode = loop {
        match session.texts(both("PRAGMA journal_mode = WAL"), &[]).await {
            Err(StoreError::Locked { .. }) if since.elapsed() < WAITS_FOR_OTHERS => {
                tokio::time::sleep(SWITCHES_AGAIN_AFTER).await;
            }
            switched => break switched?,
        }
    };
    if mode.first().is_none_or(|mode| mode != "wal") {
        let reason = "its file system has no shared memory for a write-ahead log".to_owned();
        return Err(StoreError::ReadOnly { store: session.store.clone(), reason });
    }
    Ok(())
}

/// The version of the schema; none where there is nothing yet.
async fn found(session: &mut Session) -> Result<Option<i64>, StoreError> {
    let not_concordat = StoreError::NotConcordat { store: session.store.clone() };
    let found = match &mut session.connection {
        Connection::Sqlite(_) => in_file(session).await?,
        Connection::Postgres(connection) => {
            let store = &session.store;
            let looking = tokio::time::timeout(CONNECTS_WITHIN, trust::look(connection));
            let found =
                looking.await.map_err(|_| unreachable(store, "it does not answer in time"))?;
            found.map_err(|error| failure(store, &error).into_error(store))?
        }
    };
    match found {
        Found::Nothing => return Ok(None),
        Found::Store => {}
        Found::Other => return Err(not_concordat),
        Found::Strange(reason) => {
            return Err(StoreError::Untrusted { store: session.store.clone(), reason });
        }
    }
    // Without a right to the schema its names mean nothing; with it, what is missing is the right to the table.
    let version = Statement {
        sqlite: "SELECT CAST(max(version) AS TEXT) FROM _sqlx_migrations",
        postgres: "SELECT CAST(max(version) AS TEXT) FROM concordat._sqlx_migrations",
    };
    let version = session.texts(version, &[]).await?;
    version.first().and_then(|version| version.parse().ok()).map(Some).ok_or(not_concordat)
}

/// What a file is. Nobody but who may write it can put anything into it.
async fn in_file(session: &mut Session) -> Result<Found, StoreError> {
    let kind = both(
        "SELECT CAST(application_id AS TEXT) || ' ' || (SELECT count(*) FROM sqlite_schema) \
         FROM pragma_application_id",
    );
    let kind = session.texts(kind, &[]).await?;
    let kind = kind.first().and_then(|kind| kind.split_once(' ')).unwrap_or_default();
    Ok(match kind {
        ("0", "0") => Found::Nothing,
        (application, _) if application == APPLICATION.to_string() => Found::Store,
        (_, _) => Found::Other,
    })
}

pub(super) fn unreachable(store: &str, reason: &str) -> StoreError {
    StoreError::Unreachable { store: store.to_owned(), reason: reason.to_owned() }
}

/// What stands where a file is named.
#[derive(PartialEq)]
enum Place {
    File,
    Empty,
}

/// Whether there is a file, and nothing that only looks like one: whoever opens a pipe waits for ever.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
fn file_at(path: &Path, store: &str) -> Result<Place, StoreError> {
    let cause = match fs::metadata(path) {
        Ok(found) if found.is_file() => return Ok(Place::File),
        Ok(found) if found.is_dir() => {
            return Err(unreachable(store, "it is a folder, and a store is a file"));
        }
        Ok(_) => return Err(unreachable(store, "it is no file on a disk")),
        Err(cause) => cause,
    };
    if cause.kind() == ErrorKind::NotFound {
        return Ok(Place::Empty);
    }
    if cause.kind() == ErrorKind::PermissionDenied {
        let reason = "this user may not look into its folder".to_owned();
        return Err(StoreError::Forbidden { store: store.to_owned(), reason });
    }
    let reason = match cause.kind() {
        ErrorKind::NotADirectory => "a part of its path is a file, and no folder",
        ErrorKind::InvalidFilename => "its name is too long",
        _ if path.is_symlink() => "it is a link that leads nowhere",
        _ => return Err(unreachable(store, &cause.to_string())),
    };
    Err(unreachable(store, reason))
}

async fn sqlite_reader(path: &Path, store: &str) -> Result<Session, StoreError> {
    if file_at(path, store)? == Place::Empty {
        return Err(StoreError::Missing { store: store.to_owned() });
    }
    let options = sqlite(path).read_only(true);
    let opened = sqlite_session(&options, store).await;
    // Beside a store in an unwritable folder SQLite cannot make its index of the log. Without a log there is
    // nothing that such an index could tell.
    let no_log = fs::metadata(log_of(path)).map_or(true, |log| log.len() == 0);
    match opened {
        Err(StoreError::Unreachable { .. } | StoreError::ReadOnly { .. }) if no_log => {
            let opened = sqlite_session(&options.immutable(true), store).await;
            opened.map_err(|error| in_words(error, path))
        }
        opened => opened.map_err(|error| in_words(error, path)),
    }
}

/// Why a file cannot be opened: SQLite says no more than that.
fn in_words(error: StoreError, path: &Path) -> StoreError {
    let (StoreError::Unreachable { store, .. } | StoreError::ReadOnly { store, .. }) = &error
    else {
        return error;
    };
    if let Err(cause) = fs::File::open(path)
        && cause.kind() == ErrorKind::PermissionDenied
    {
        let reason = "this user may not read the file".to_owned();
        return StoreError::Forbidden { store: store.clone(), reason };
    }
    let log = log_of(path);
    if fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
        let reason = format!(
            "what was written last stands in its log `{}`, which can only be read where files may be made beside it: \
             copy both to such a place, or run `concordat apply` where the store may be written, which leaves no log",
            log.display()
        );
        return StoreError::Unreachable { store: store.clone(), reason };
    }
    error
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

async fn sqlite_writer(path: &Path, store: &str) -> Result<Session, StoreError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.exists()) {
        return Err(StoreError::Missing { store: store.to_owned() });
    }
    file_at(path, store)?;
    make_private(path);
    // A transaction of many changes fits into 4 MiB; what does not fit is written twice.
    let options = sqlite(path)
        .create_if_missing(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-4096")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "4096");
    sqlite_session(&options, store).await.map_err(|error| not_written(error, path))
}

/// Why a file cannot be opened to be written.
#[expect(clippy::wildcard_enum_match_arm, reason = "the system's errors are not ours to list")]
fn not_written(error: StoreError, path: &Path) -> StoreError {
    let (StoreError::Unreachable { store, .. } | StoreError::ReadOnly { store, .. }) = &error
    else {
        return error;
    };
    let reason = match OpenOptions::new().append(true).create(true).open(path) {
        Ok(_) => "nothing can be made beside it, and its log stands there",
        Err(cause) => match cause.kind() {
            ErrorKind::PermissionDenied => "this user may not write the file, or in its folder",
            ErrorKind::ReadOnlyFilesystem => "its file system is mounted to be read only",
            _ => return error,
        },
    };
    StoreError::ReadOnly { store: store.clone(), reason: reason.to_owned() }
}

/// A file that is not there yet is made so that only its owner can read it, whatever the umask. SQLite gives its log and
/// index the rights of the file. What cannot be made is told once SQLite tries.
fn make_private(path: &Path) {
    drop(private().append(true).open(path));
}

/// Opens or makes a file; one that is made is its owner's alone.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The files of a store that others than their owner may read or write.
#[cfg(unix)]
pub fn exposed(url: &StoreUrl) -> Vec<PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let StoreUrl::Sqlite(path) = url else { return Vec::new() };
    let beside = ["", "-wal", "-shm", "-journal"].map(|ending| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    });
    let open = |path: &PathBuf| {
        fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o077 != 0)
    };
    beside.into_iter().filter(open).collect()
}

/// The files of a store that others than their owner may read or write: not known here.
#[cfg(not(unix))]
pub fn exposed(_: &StoreUrl) -> Vec<PathBuf> {
    Vec::new()
}

fn sqlite(path: &Path) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new().filename(path);
    options.foreign_keys(true).busy_timeout(WAITS_FOR_OTHERS).disable_statement_logging()
}

async fn sqlite_session(
    options: &SqliteConnectOptions,
    store: &str,
) -> Result<Session, StoreError> {
    let opened = SqliteConnection::connect_with(options).await;
    let connection = opened.map_err(|error| failure(store, &error).into_error(store))?;
    let mut session =
        Session::new(Connection::Sqlite(connection), store.to_owned(), Purpose::Write);
    // SQLite looks at the file only when it is asked something.
    session.texts(both("SELECT CAST(count(*) AS TEXT) FROM sqlite_schema"), &[]).await?;
    Ok(session)
}
