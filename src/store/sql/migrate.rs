//! Brings the tables of a store to the version of this program, whole or not at all.
//!
//! Never: a step that is done twice, or tables that are made in somebody else's schema.

use std::collections::BTreeMap;

use serde::Deserialize;
use sqlx::{
    Connection as _, PgConnection, SqlSafeStr, SqliteConnection,
    error::ErrorKind,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::{
    error::failure,
    open::STEPS,
    session::{Connection, Purpose, Session, Statement, both},
    trust::{self, Found},
};
use crate::store::StoreError;

fn migrations(dialect: fn(&Statement) -> &'static str) -> Vec<Migration> {
    let migration = |(version, name, text): &(i64, &'static str, Statement)| {
        let (name, kind) = ((*name).into(), MigrationType::Simple);
        Migration::new(*version, name, kind, dialect(text).into_sql_str(), false)
    };
    STEPS.iter().map(migration).collect()
}

/// Others may want to do the same at the same time: the first one does it, and the next one finds it done.
pub(super) async fn migrate(session: &mut Session) -> Result<(), StoreError> {
    let store = session.store.clone();
    let result = match &mut session.connection {
        Connection::Sqlite(connection) => migrate_sqlite(connection).await,
        Connection::Postgres(connection) => migrate_postgres(connection).await,
    };
    let Err(error) = result else { return Ok(()) };
    let error = failure(&store, &error).into_error(&store);
    if let (StoreError::Locked { .. }, Connection::Postgres(connection)) =
        (&error, &mut session.connection)
        && let Ok(Some(holder)) = users(connection).await
    {
        return Err(StoreError::Locked { store, holder });
    }
    Err(error)
}

async fn migrate_sqlite(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let migrator = Migrator::with_migrations(migrations(|text| text.sqlite));
    migrator.run_direct(None, &mut *transaction, false).await?;
    transaction.commit().await
}

/// A table, view, index or trigger of a file, and the text that made it.
#[derive(Deserialize)]
struct Made {
    kind: String,
    name: String,
    text: String,
}

/// What there is in a file, without the table that another library makes.
const MADE: Statement = both(
    "SELECT json_object('kind', type, 'name', name, 'text', sql) FROM sqlite_schema \
     WHERE sql IS NOT NULL AND name <> '_sqlx_migrations'",
);

/// How what stands in a file differs from what the steps make: what is gone or says something else, and triggers that
/// somebody has added. On a server only who owns the tables can do that, who is trusted.
pub(super) async fn schema_differences(session: &mut Session) -> Result<Vec<String>, StoreError> {
    let Connection::Sqlite(_) = session.connection else { return Ok(Vec::new()) };
    let found = made(session).await?;
    let memory = SqliteConnection::connect("sqlite::memory:").await;
    let memory =
        memory.map_err(|error| failure(&session.store, &error).into_error(&session.store))?;
    let mut fresh =
        Session::new(Connection::Sqlite(memory), session.store.clone(), Purpose::Migrate);
    migrate(&mut fresh).await?;
    let ours = made(&mut fresh).await?;
    fresh.close().await?;
    let mut list = Vec::new();
    for (key @ (kind, name), text) in &ours {
        match found.get(key) {
            Some(found) if found == text => {}
            Some(_) => list.push(format!("the {kind} `{name}` is not as Concordat makes it")),
            None => list.push(format!("the {kind} `{name}` is gone")),
        }
    }
    let added = found.keys().filter(|key| key.0 == "trigger" && !ours.contains_key(*key));
    list.extend(added.map(|(kind, name)| format!("the {kind} `{name}` is none of Concordat's")));
    Ok(list)
}

async fn made(session: &mut Session) -> Result<BTreeMap<(String, String), String>, StoreError> {
    let made: Vec<Made> = session.rows(MADE, &[]).await?;
    Ok(made.into_iter().map(|Made { kind, name, text }| ((kind, name), text)).collect())
}

async fn migrate_postgres(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let migrated = in_transaction(connection).await;
    let end = if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = sqlx::raw_sql(end).execute(&mut *connection).await;
    match migrated {
        // Somebody else has made the same just now.
        Err(sqlx::Error::Database(error))
            if matches!(error.code().as_deref(), Some("42P06" | "42P07"))
                || error.kind() == ErrorKind::UniqueViolation =>
        {
            Ok(())
        }
        Err(error) => Err(error),
        Ok(()) => ended.map(drop),
    }
}

const LEDGER_OF_MIGRATIONS: &str = "\
CREATE TABLE concordat._sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMPTZ NOT NULL DEFAULT now(),
    success BOOLEAN NOT NULL,
    checksum BYTEA NOT NULL,
    execution_time BIGINT NOT NULL
)";

/// Nobody else migrates from the first lock on, and nobody without the right to write can have it.
async fn in_transaction(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(Purpose::Migrate.begin().postgres).execute(&mut *connection).await?;
    // Nobody may have made the schema since it was looked at. Whoever called this looks once more, and tells.
    if let Found::Strange(_) | Found::Other = trust::look_again(connection).await? {
        return Ok(());
    }
    let there: (bool, bool) = sqlx::query_as(
        "SELECT to_regnamespace('concordat') IS NOT NULL, \
         EXISTS (SELECT FROM pg_class WHERE relname = '_sqlx_migrations' \
         AND relnamespace = to_regnamespace('concordat')::oid)",
    )
    .persistent(false)
    .fetch_one(&mut *connection)
    .await?;
    match there {
        (false, _) => {
            sqlx::raw_sql("CREATE SCHEMA concordat").execute(&mut *connection).await?;
            sqlx::raw_sql(LEDGER_OF_MIGRATIONS).execute(&mut *connection).await?;
        }
        (true, false) => {
            sqlx::raw_sql(LEDGER_OF_MIGRATIONS).execute(&mut *connection).await?;
        }
        (true, true) => {
            sqlx::raw_sql("LOCK TABLE concordat._sqlx_migrations IN SHARE ROW EXCLUSIVE MODE")
                .execute(&mut *connection)
                .await?;
        }
    }
    let made: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT version, checksum FROM concordat._sqlx_migrations")
            .persistent(false)
            .fetch_all(&mut *connection)
            .await?;
    for migration in migrations(|text| text.postgres) {
        match made.iter().find(|(version, _)| *version == migration.version) {
            Some((_, checksum)) if *checksum == *migration.checksum => {}
            Some(_) => return Err(MigrateError::VersionMismatch(migration.version).into()),
            None => step(connection, &migration).await?,
        }
    }
    Ok(())
}

async fn step(connection: &mut PgConnection, migration: &Migration) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(migration.sql.clone()).execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO concordat._sqlx_migrations \
         (version, description, success, checksum, execution_time) VALUES ($1, $2, true, $3, 0)",
    )
    .persistent(false)
    .bind(migration.version)
    .bind(&*migration.description)
    .bind(&*migration.checksum)
    .execute(connection)
    .await?;
    Ok(())
}

/// Who uses our tables just now, and so may keep them from being changed.
async fn users(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT pg_catalog.string_agg(DISTINCT pg_catalog.format('backend %s (login `%s`)', a.pid, a.usename), ', ') \
         FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'concordat' \
         JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
         WHERE l.granted AND l.pid <> pg_catalog.pg_backend_pid() AND l.locktype = 'relation'",
    )
    .persistent(false)
    .fetch_one(connection)
    .await
}
