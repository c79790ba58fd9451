//! What can go wrong with a store, and what is said then.
//!
//! Never: a message with a password in it, or a fault that is taken for an empty store.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::Command,
};

use concordat::{
    domain::state::Instance,
    store::{
        Outcome, Read, Scope, StoreError, StoreUrl, Write,
        sql::{open_reader, open_writer},
    },
};
use sqlx::Connection;

use crate::{
    postgres::{Server, server},
    store_samples::*,
};

async fn reader_fails(url: &str) -> StoreError {
    open_reader(&url.parse().unwrap()).await.err().unwrap()
}

async fn writer_fails(url: &str) -> StoreError {
    open_writer(&url.parse().unwrap(), &Instance::cli(), |_| {}).await.err().unwrap()
}

fn sqlite_file(place: &Place) -> std::path::PathBuf {
    match place.url() {
        StoreUrl::Sqlite(path) => path,
        StoreUrl::Postgres(_) | StoreUrl::Graph(_) | StoreUrl::Cluster => panic!("not a file"),
    }
}

/// A closed SQLite store that holds one active relationship with one grant.
async fn one_file() -> (Place, std::path::PathBuf) {
    let place = Place::sqlite();
    let mut store = place.writer().await;
    bring(&mut store, &only(grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None)))
        .await;
    store.close().await.unwrap();
    let path = sqlite_file(&place);
    (place, path)
}

#[tokio::test]
async fn a_missing_store_is_said_to_be_missing_and_is_not_made_by_looking() {
    let place = Place::sqlite();
    let url = place.url().to_string();
    assert_eq!(reader_fails(&url).await, StoreError::Missing { store: url.clone() });
    assert!(!sqlite_file(&place).exists());
    let nowhere = format!("{url}/further/down.db");
    assert_eq!(writer_fails(&nowhere).await, StoreError::Missing { store: nowhere.clone() });

    let place = Place::postgres();
    let error = open_reader(&place.url()).await.err().unwrap();
    assert_eq!(error, StoreError::Missing { store: place.url().to_string() });
    let absent = format!("{}_absent", place_url(&place));
    assert!(matches!(reader_fails(&absent).await, StoreError::NoDatabase { .. }));
}

fn place_url(place: &Place) -> String {
    match place {
        Place::Postgres(database) => database.url().to_owned(),
        Place::Sqlite(_) => place.url().to_string(),
    }
}

#[tokio::test]
async fn what_is_not_a_concordat_store_is_left_as_it_is() {
    for content in [&b"apiVersion: v1\nkind: List\n"[..], &[0; 8192], &[0xff; 5000]] {
        let place = Place::sqlite();
        let path = sqlite_file(&place);
        fs::write(&path, content).unwrap();
        let store = place.url().to_string();
        for error in [reader_fails(&store).await, writer_fails(&store).await] {
            assert_eq!(error, StoreError::NotConcordat { store: store.clone() });
        }
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let place = Place::sqlite();
    place_with_foreign_table(&place).await;
    let place = Place::postgres();
    place_with_foreign_table(&place).await;
}

async fn place_with_foreign_table(place: &Place) {
    let foreign = match place {
        Place::Sqlite(_) => {
            fs::write(sqlite_file(place), "").unwrap();
            "CREATE TABLE customers (id INTEGER)"
        }
        Place::Postgres(_) => "CREATE SCHEMA concordat; CREATE TABLE concordat.customers (id int)",
    };
    place.outside(foreign).await;
    let store = place.url().to_string();
    let url = place_url(place);
    for error in [reader_fails(&url).await, writer_fails(&url).await] {
        assert_eq!(error, StoreError::NotConcordat { store: store.clone() });
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_an_older_one_is_not_migrated_by_looking() {
    for place in [Place::sqlite(), Place::postgres()] {
        place.writer().await.close().await.unwrap();
        let store = place.url().to_string();
        place.outside("UPDATE _sqlx_migrations SET version = 99 WHERE version = 10").await;
        let newer = StoreError::NewerSchema { store: store.clone(), found: 99, known: 10 };
        assert_eq!(reader_fails(&place_url(&place)).await, newer);
        assert_eq!(writer_fails(&place_url(&place)).await, newer);
        place.outside("DELETE FROM _sqlx_migrations WHERE version = 99").await;
        let older = StoreError::OlderSchema { store, found: 9, known: 10 };
        assert_eq!(reader_fails(&place_url(&place)).await, older);
    }
}

#[tokio::test]
async fn a_damaged_file_is_said_to_be_damaged() {
    let (place, path) = one_file().await;
    let mut bytes = fs::read(&path).unwrap();
    let header = 4096;
    for byte in &mut bytes[header..] {
        *byte = 0x55;
    }
    fs::write(&path, bytes).unwrap();
    let error = match open_reader(&place.url()).await {
        Ok(mut reader) => reader.observe(&Scope::All).await.unwrap_err(),
        Err(error) => error,
    };
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
}

/// A store that somebody else keeps where this process may not write: what the child process of the test sees.
#[tokio::test]
async fn a_store_in_an_unwritable_folder_is_read_and_not_written() {
    let own_name = "store_faults::a_store_in_an_unwritable_folder_is_read_and_not_written";
    if let Some(path) = std::env::var_os("TEST_READS_STORE") {
        let url = StoreUrl::Sqlite(path.into());
        let observed = open_reader(&url).await.unwrap().observe(&Scope::All).await.unwrap();
        assert_eq!(observed.relationships[&key("acme")][0].assignments.len(), 1);
        let error = open_writer(&url, &Instance::cli(), |_| {}).await.err().unwrap();
        assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
        return;
    }
    let (_place, path) = one_file().await;
    let folder = path.parent().unwrap();
    let before = fs::read(&path).unwrap();
    for (of_folder, of_file) in [(0o555, 0o444), (0o555, 0o644), (0o755, 0o444)] {
        for leftover in ["-lock-", "-wal", "-shm"] {
            for entry in fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap().path();
                if entry.to_str().unwrap().contains(leftover) {
                    fs::remove_file(entry).unwrap();
                }
            }
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(of_file)).unwrap();
        fs::set_permissions(folder, fs::Permissions::from_mode(of_folder)).unwrap();
        let said = again(own_name, &path);
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(said, None, "{of_folder:o} {of_file:o}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

/// Runs one test of this binary again as somebody whom permissions bind, and gives what it says if it fails. Root is
/// such a somebody only without the capability to override them.
fn again(test: &str, store: &Path) -> Option<String> {
    let this = std::env::current_exe().unwrap();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    let mut command = if is_root {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set", "-dac_override,-dac_read_search", "--"]).arg(this);
        command
    } else {
        Command::new(this)
    };
    command.args(["--exact", test, "--nocapture"]).env("TEST_READS_STORE", store);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (!output.status.success()).then(|| String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test]
async fn a_store_that_another_program_writes_to_is_locked_after_a_while() {
    let (place, path) = one_file().await;
    let mut store = place.writer().await;
    let changes = planned(&mut store, &only(relationship("late", 2))).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    let mut other = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let (limits, by) = (BTreeMap::new(), by("ada").into());
    let waits = store.apply(&changes, &limits, &by);
    let error = waits.await.unwrap_err();
    let locked =
        StoreError::Locked { store: place.url().to_string(), holder: "another program".to_owned() };
    assert_eq!(error, locked);
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    let outcome = store.apply(&changes, &limits, &by).await.unwrap();
    assert_eq!(outcome, [Outcome::Done]);
}

#[tokio::test]
async fn a_server_that_goes_in_the_middle_is_said_and_nothing_is_lost_or_made_twice() {
    let server = Server::private();
    let place = Place::Postgres(server.database("gone"));
    let mut store = place.writer().await;
    let first = planned(&mut store, &only(relationship("first", 1))).await;
    store.apply(&first, &BTreeMap::new(), &by("ada").into()).await.unwrap();
    let second = planned(&mut store, &only(relationship("second", 2))).await;
    server.stop_hard();
    let (limits, ada) = (BTreeMap::new(), by("ada").into());
    let error = store.apply(&second, &limits, &ada).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    let error = store.observe(&Scope::All).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    let error = reader_fails(&place_url(&place)).await;
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    server.restart();
    let mut store = place.writer().await;
    let both: Vec<_> = first.into_iter().chain(second).collect();
    let outcome = store.apply(&both, &limits, &ada).await.unwrap();
    assert_eq!(outcome, [Outcome::Done, Outcome::Done]);
    chain_is_whole(&mut store, 2).await;

    // An administrator ends the session.
    let Place::Postgres(database) = &place else { panic!() };
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name = 'concordat'";
    server.administer(&database.name, end);
    let error = store.apply(&both, &limits, &ada).await.unwrap_err();
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_stands_in_no_message() {
    let database = server().database("secret");
    let wrong = database.url().replace(&database.owner.password, "hunter2");
    let odd = format!("{}?sslmode=nonsense&password=hunter2", database.url());
    let unescaped = database.url().replace(&database.owner.password, "hunter2/and@more");
    let unescaped_question = database.url().replace(&database.owner.password, "hunter2?@more");
    for error in [reader_fails(&wrong).await, writer_fails(&wrong).await] {
        let said = format!("{error} {error:?} {:?}", wrong.parse::<StoreUrl>());
        assert!(!said.contains("hunter2"), "{said}");
    }
    for url in [odd, unescaped, unescaped_question] {
        let refused = url.parse::<StoreUrl>().unwrap_err();
        let said = format!("{refused} {refused:?}");
        assert!(!said.contains("hunter2"), "{said}");
        assert!(!said.contains(&database.owner.password), "{said}");
    }
    let wrong = database.url().replace(&database.owner.password, "hunter2");
    let error = reader_fails(&wrong).await;
    assert!(matches!(error, StoreError::Unauthenticated { .. }), "{error}");
}

#[tokio::test]
async fn a_connection_limit_is_said() {
    let database = server().database("crowd");
    let login = server().login(&database, "one");
    server().administer("postgres", &format!("ALTER ROLE {} CONNECTION LIMIT 1", login.name));
    let _held = sqlx::PgConnection::connect(&login.url).await.unwrap();
    let error = reader_fails(&login.url).await;
    assert!(matches!(error, StoreError::TooManyConnections { .. }), "{error}");
}
