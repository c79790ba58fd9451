//! Whether the server for tests is what it promises.
//!
//! Never: a look into the server's files where a client can see the same.

use std::time::{Duration, Instant};

use sqlx::{Connection, Executor, PgConnection, Row};

use super::*;

async fn number(url: &str, query: &'static str) -> Result<i64, sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    let number = connection.fetch_one(query).await?.get(0);
    connection.close().await?;
    Ok(number)
}

#[tokio::test]
async fn each_test_has_an_empty_database_and_logins_of_its_own() {
    let server = server();
    let (first, second) = (server.database("first"), server.database("second"));
    let mut owner = PgConnection::connect(first.url()).await.unwrap();
    owner.execute("CREATE TABLE a AS SELECT 7::bigint AS n").await.unwrap();
    let reader = server.login(&first, "reader");
    assert!(number(&reader.url, "SELECT n FROM a").await.is_err());
    let grant = sqlx::AssertSqlSafe(format!("GRANT SELECT ON a TO {}", reader.name));
    owner.execute(grant).await.unwrap();
    owner.close().await.unwrap();

    assert_eq!(number(&reader.url, "SELECT n FROM a").await.unwrap(), 7);
    assert_eq!(number(server.copy(&first).url(), "SELECT n FROM a").await.unwrap(), 7);
    assert!(number(second.url(), "SELECT n FROM a").await.is_err());
    let durable = "SELECT count(*) FROM pg_settings WHERE name = 'fsync' AND setting = 'on'";
    assert_eq!(number(second.url(), durable).await.unwrap(), 1);
    let wrong = reader.url.replace(&reader.password, &second.owner.password);
    assert!(number(&wrong, "SELECT n FROM a").await.is_err());
}

#[tokio::test]
async fn the_server_speaks_tls_and_shows_a_certificate_of_its_own_authority() {
    let server = server();
    let database = server.database("tls");
    let url = server.tls_only_login(&database, "client").url;
    let used = "SELECT count(*) FROM pg_stat_ssl WHERE ssl AND pid = pg_backend_pid()";
    let verified = |ca: &Path| format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display());
    assert_eq!(number(&verified(&server.ca_path()), used).await.unwrap(), 1);
    assert!(number(&verified(&server.strange_ca_path()), used).await.is_err());
    assert!(number(&format!("{url}?sslmode=disable"), used).await.is_err());
    let open = format!("{}?sslmode=disable", database.url());
    assert_eq!(number(&open, used).await.unwrap(), 0);
}

#[tokio::test]
async fn a_private_server_stops_hard_keeps_what_was_committed_and_leaves_nothing() {
    let server = Server::private();
    let database = server.database("crash");
    let mut owner = PgConnection::connect(database.url()).await.unwrap();
    owner.execute("CREATE TABLE a AS SELECT 7::bigint AS n").await.unwrap();
    server.stop_hard();
    assert!(owner.execute("SELECT 1").await.is_err());
    assert!(PgConnection::connect(database.url()).await.is_err());
    server.restart();
    assert_eq!(number(database.url(), "SELECT n FROM a").await.unwrap(), 7);

    let (folder, url) = (server.folder.clone(), database.url().to_owned());
    drop(server);
    assert!(!folder.exists());
    assert!(PgConnection::connect(&url).await.is_err());
}

#[test]
fn a_killed_test_process_leaves_no_server_and_no_folder() {
    let own_name = "postgres::tests::a_killed_test_process_leaves_no_server_and_no_folder";
    // The process that is killed is this test again, told where to say which folder it uses.
    if let Some(note) = std::env::var_os("TEST_WRITES_FOLDER_TO") {
        fs::write(note, server().folder.to_str().unwrap()).unwrap();
        std::thread::sleep(Duration::from_secs(60));
        return;
    }
    let notes = tempfile::tempdir().unwrap();
    let note = notes.path().join("folder");
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", own_name])
        .env("TEST_WRITES_FOLDER_TO", &note)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let begin = Instant::now();
    let within = |seconds, done: &dyn Fn() -> bool| {
        while !done() {
            assert!(begin.elapsed() < Duration::from_secs(seconds), "waited in vain");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    within(30, &|| fs::read_to_string(&note).is_ok_and(|text| !text.is_empty()));
    let folder = PathBuf::from(fs::read_to_string(&note).unwrap());
    assert!(folder.join("data/postmaster.pid").exists());
    process.kill().unwrap();
    process.wait().unwrap();
    within(60, &|| !folder.exists());
}
