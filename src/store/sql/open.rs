//! Opens a database and makes sure that it is a relationship store of the right version.
//!
//! Never: makes a file, or changes one that is something else, because somebody wanted to read.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection as _, PgConnection, SqlSafeStr, SqliteConnection,
    migrate::{Migration, MigrationType, Migrator},
    postgres::PgConnectOptions,
    sqlite::{SqliteConnectOptions, SqliteSynchronous},
};

use super::{
    error::failure,
    session::{Connection, Session, Statement, both},
};
use crate::store::{StoreError, StoreUrl};

/// The version that this program reads and writes.
pub(super) const SCHEMA: i64 = 2;

/// Creates the roles of a PostgreSQL store and gives them their rights.
pub const POSTGRES_ROLES: &str = include_str!("postgres/roles.sql");

/// The word "Conc", in the header of each file.
const APPLICATION: i64 = 1_131_376_227;

const CONNECTS_WITHIN: Duration = Duration::from_secs(15);
const WAITS_FOR_OTHERS: Duration = Duration::from_secs(10);

/// What is done before the first statement: limits, so that nothing waits for ever; plans made for the tables as they
/// are, since a session may begin with empty ones; and durability.
const POSTGRES_SETTINGS: &str = "\
SET search_path = concordat, pg_catalog;
SET statement_timeout = '120s';
SET lock_timeout = '30s';
SET idle_in_transaction_session_timeout = '120s';
SET client_min_messages = warning;
SET plan_cache_mode = force_custom_plan;
SELECT set_config('synchronous_commit', 'on', false)
WHERE current_setting('synchronous_commit') IN ('off', 'local')";

fn migrations(sqlite_or_postgres: [&'static str; 2]) -> Migrator {
    let named = ["tables", "waiting"].into_iter().zip(sqlite_or_postgres);
    let migration = |(version, (name, text)): (i64, (&'static str, &'static str))| {
        let kind = MigrationType::Simple;
        Migration::new(version, name.into(), kind, text.into_sql_str(), false)
    };
    Migrator::with_migrations((1..=SCHEMA).zip(named).map(migration).collect())
}

fn sqlite_migrations() -> Migrator {
    migrations([include_str!("sqlite/0001_tables.sql"), include_str!("sqlite/0002_waiting.sql")])
}

fn postgres_migrations() -> Migrator {
    migrations([
        include_str!("postgres/0001_tables.sql"),
        include_str!("postgres/0002_waiting.sql"),
    ])
}

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
        StoreUrl::Postgres(_) => {
            let mut session = postgres(url, &store).await?;
            session.tell(both("SET default_transaction_read_only = on"), &[]).await?;
            session
        }
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

fn only_read(instead: &str) -> StoreError {
    StoreError::OnlyRead { instead: instead.to_owned() }
}

/// A connection that can write, to a store that is made or migrated where needed.
pub(super) async fn writer(url: &StoreUrl) -> Result<Session, StoreError> {
    let store = url.to_string();
    let mut session = match url {
        StoreUrl::Sqlite(path) => sqlite_writer(path, &store).await?,
        StoreUrl::Postgres(_) => postgres(url, &store).await?,
        StoreUrl::Cluster => return Err(only_read("change its objects with `kubectl apply`")),
    };
    match found(&mut session).await? {
        Some(found) if found > SCHEMA => {
            return Err(StoreError::NewerSchema { store, found, known: SCHEMA });
        }
        Some(SCHEMA) => {}
        Some(_) | None => migrate(&mut session).await?,
    }
    if let Connection::Sqlite(_) = &session.connection {
        let mode = session.texts(both("PRAGMA journal_mode = WAL"), &[]).await?;
        if mode.first().is_none_or(|mode| mode != "wal") {
            let reason = "its file system has no shared memory for a write-ahead log".to_owned();
            return Err(StoreError::ReadOnly { store, reason });
        }
    }
    Ok(session)
}

/// The version of the schema; none where there is nothing yet.
async fn found(session: &mut Session) -> Result<Option<i64>, StoreError> {
    let not_concordat = StoreError::NotConcordat { store: session.store.clone() };
    let kind = Statement {
        sqlite: "SELECT CAST(application_id AS TEXT) || ' ' || (SELECT count(*) FROM sqlite_schema) \
                 FROM pragma_application_id",
        postgres: "SELECT CASE WHEN to_regnamespace('concordat') IS NULL THEN '0' \
                   WHEN to_regclass('concordat.ledger_head') IS NOT NULL \
                   AND to_regclass('concordat._sqlx_migrations') IS NOT NULL THEN '1131376227' \
                   ELSE '0' END || ' ' || (SELECT count(*) FROM pg_class \
                   WHERE relnamespace = to_regnamespace('concordat')::oid)::text",
    };
    let kind = session.texts(kind, &[]).await?;
    let (application, tables) =
        kind.first().and_then(|kind| kind.split_once(' ')).unwrap_or_default();
    if application == "0" && tables == "0" {
        return Ok(None);
    }
    if application != APPLICATION.to_string() {
        return Err(not_concordat);
    }
    let version = both("SELECT CAST(max(version) AS TEXT) FROM _sqlx_migrations");
    let version = session.texts(version, &[]).await?;
    version.first().and_then(|version| version.parse().ok()).map(Some).ok_or(not_concordat)
}

async fn migrate(session: &mut Session) -> Result<(), StoreError> {
    let store = session.store.clone();
    let result = match &mut session.connection {
        Connection::Sqlite(connection) => migrate_sqlite(connection).await,
        Connection::Postgres(connection) => migrate_postgres(connection).await,
    };
    result.map_err(|error| failure(&store, &error).into_error(&store))
}

/// Others may want to do the same at the same time: the first one does it.
async fn migrate_sqlite(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlite_migrations().run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await
}

/// Whole or not at all, as on SQLite: a schema that is only begun would be taken for another program's.
async fn migrate_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql("SELECT pg_advisory_xact_lock(1131376227)").execute(&mut *transaction).await?;
    let mut migrator = postgres_migrations();
    migrator.create_schema("concordat");
    migrator.set_locking(false);
    migrator.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await
}

async fn sqlite_reader(path: &Path, store: &str) -> Result<Session, StoreError> {
    if !path.exists() {
        return Err(StoreError::Missing { store: store.to_owned() });
    }
    let options = sqlite(path).read_only(true);
    let opened = sqlite_session(&options, store).await;
    // Beside a store in an unwritable folder SQLite cannot make its index of the log. Without a log there is
    // nothing that such an index could tell.
    let no_log = fs::metadata(log_of(path)).map_or(true, |log| log.len() == 0);
    match opened {
        Err(StoreError::Unreachable { .. } | StoreError::ReadOnly { .. }) if no_log => {
            sqlite_session(&options.immutable(true), store).await
        }
        opened => opened,
    }
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
    // A transaction of many changes fits into 4 MiB; what does not fit is written twice.
    let options = sqlite(path)
        .create_if_missing(true)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", "-4096")
        .pragma("temp_store", "MEMORY")
        .pragma("wal_autocheckpoint", "4096");
    sqlite_session(&options, store).await
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
    let mut session = Session::new(Connection::Sqlite(connection), store.to_owned());
    // SQLite looks at the file only when it is asked something.
    session.texts(both("SELECT CAST(count(*) AS TEXT) FROM sqlite_schema"), &[]).await?;
    Ok(session)
}

async fn postgres(url: &StoreUrl, store: &str) -> Result<Session, StoreError> {
    let StoreUrl::Postgres(url) = url else {
        unreachable!("only a URL of a server comes here");
    };
    let unexpected = |reason: &str| StoreError::Unexpected {
        store: store.to_owned(),
        reason: reason.to_owned(),
    };
    if let Some(refusal) = unknown_setting(url.expose_secret()) {
        return Err(unexpected(&refusal));
    }
    let mut options: PgConnectOptions = url
        .expose_secret()
        .parse()
        .map_err(|_| unexpected("its URL cannot be read; is a special character not escaped?"))?;
    if let Some(file) = env::var_os(PASSWORD_FILE) {
        let password = fs::read_to_string(&file)
            .map_err(|error| unexpected(&format!("the file of {PASSWORD_FILE}: {error}")))?;
        options = options.password(password.trim_end_matches(['\r', '\n']));
    }
    let options = options.application_name("concordat").disable_statement_logging();
    let unreachable = |reason: &str| StoreError::Unreachable {
        store: store.to_owned(),
        reason: reason.to_owned(),
    };
    let connecting = tokio::time::timeout(CONNECTS_WITHIN, PgConnection::connect_with(&options));
    let connection = connecting.await.map_err(|_| unreachable("it does not answer in time"))?;
    let mut connection = connection.map_err(|error| failure(store, &error).into_error(store))?;
    let settings = sqlx::raw_sql(POSTGRES_SETTINGS).execute(&mut connection);
    let settings = tokio::time::timeout(CONNECTS_WITHIN, settings).await;
    let settings = settings.map_err(|_| unreachable("it does not answer in time"))?;
    settings.map_err(|error| failure(store, &error).into_error(store))?;
    Ok(Session::new(Connection::Postgres(Box::new(connection)), store.to_owned()))
}

/// The environment variable that names the file of the password; it wins over the URL and `PGPASSWORD`.
pub const PASSWORD_FILE: &str = "CONCORDAT_STORE_PASSWORD_FILE";

/// Refuses a setting of a URL that would be passed over in silence, such as a misspelt `sslmode`. It is named where no
/// part of a password can be in its name.
fn unknown_setting(url: &str) -> Option<String> {
    const KNOWN: [&str; 18] = [
        "sslmode",
        "ssl-mode",
        "sslrootcert",
        "ssl-root-cert",
        "ssl-ca",
        "sslcert",
        "ssl-cert",
        "sslkey",
        "ssl-key",
        "statement-cache-capacity",
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "application_name",
        "options",
    ];
    let (_, settings) = url.split_once('?')?;
    let keys = settings.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")).0);
    let mut unknown =
        keys.filter(|key| !key.is_empty() && !KNOWN.contains(key) && !key.starts_with("options["));
    let key = unknown.next()?;
    let plain = key.bytes().all(|byte| byte.is_ascii_lowercase() || b"-_".contains(&byte));
    let named = "its URL has a setting that nobody knows";
    let shown = plain && !settings.contains('@');
    Some(if shown { format!("{named}: `{key}`") } else { named.to_owned() })
}
