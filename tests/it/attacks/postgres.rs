//! What a login of the server, or whoever reads the file, can do to a SQL store.
//!
//! Never: somebody else's code that runs by our statements, or a lock that outlives its process.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    os::unix::fs::PermissionsExt,
    process::Command,
    sync::Mutex,
    time::{Duration, Instant},
};

use concordat::{
    domain::state::Instance,
    store::{
        Read, Scope, StoreError, StoreUrl, Write,
        sql::{
            POSTGRES_ROLES, open_reader, open_writer, open_writer_at, open_writer_within,
            stored_epoch,
        },
    },
};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::{
    postgres::{Database, Login, Pooling, server},
    program::{self, Ran, finished, root},
    store_samples::*,
};

async fn says(login: &Login, statements: &str) {
    try_says(login, statements).await.unwrap();
}

async fn try_says(login: &Login, statements: &str) -> Result<(), String> {
    let mut session = PgConnection::connect(&login.url).await.unwrap();
    let said = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut session).await;
    said.map(drop).map_err(|error| error.to_string())
}

/// Functions that a statement of ours could mean, each more fitting than that of `pg_catalog`. Each writes down as whom it
/// runs.
const MALLORYS_FUNCTIONS: &str = "
CREATE FUNCTION concordat.json_build_object(text, bigint, text, text) RETURNS json LANGUAGE sql AS
    $$ INSERT INTO public.ran VALUES (current_user); SELECT '{\"sequence\": 7, \"hash\": \"\"}'::json $$;
CREATE FUNCTION concordat.to_regnamespace(text) RETURNS regnamespace LANGUAGE sql AS
    $$ INSERT INTO public.ran VALUES (current_user); SELECT NULL::regnamespace $$;
CREATE FUNCTION concordat.set_config(text, text, boolean) RETURNS text LANGUAGE sql AS
    $$ INSERT INTO public.ran VALUES (current_user); SELECT $2 $$;
CREATE FUNCTION concordat.count(bigint) RETURNS bigint LANGUAGE sql AS
    $$ INSERT INTO public.ran VALUES (current_user); SELECT 1::bigint $$;
";

/// Tables by the names of ours.
const MALLORYS_TABLES: &str = "
CREATE FUNCTION concordat.version() RETURNS bigint LANGUAGE sql AS
    $$ INSERT INTO public.ran VALUES (current_user); SELECT 8::bigint $$;
CREATE VIEW concordat._sqlx_migrations AS SELECT concordat.version() AS version, '\\x00'::bytea AS checksum;
CREATE TABLE concordat.ledger_head (single int, sequence bigint, hash text);
INSERT INTO concordat.ledger_head VALUES (1, 0, repeat('0', 64));
GRANT USAGE ON SCHEMA concordat TO PUBLIC;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA concordat TO PUBLIC;
";

/// A database in which a stranger may make schemas, and where everybody can tell who ran his code.
fn with_mallory() -> (Database, Login) {
    let database = server().database("strange");
    let mallory = server().login(&database, "mallory");
    server().administer(
        &database.name,
        &format!(
            "GRANT CREATE ON DATABASE {} TO {}; CREATE TABLE public.ran (who text); \
             GRANT INSERT, SELECT ON public.ran TO PUBLIC; GRANT CREATE ON SCHEMA public TO PUBLIC",
            database.name, mallory.name
        ),
    );
    (database, mallory)
}

fn ran(database: &Database) -> String {
    server().administer(&database.name, "SELECT DISTINCT who FROM public.ran")
}

/// As whom a store is opened: its owner, a superuser, a reader and an operator.
fn everybody(database: &Database) -> Vec<Login> {
    let superuser = server().login(database, "super");
    server().administer("postgres", &format!("ALTER ROLE {} SUPERUSER", superuser.name));
    let (reader, operator) =
        (server().login(database, "reader"), server().login(database, "operator"));
    server().administer(
        "postgres",
        &format!(
            "DO $$ BEGIN CREATE ROLE concordat_operator; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             DO $$ BEGIN CREATE ROLE concordat_reader; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$; \
             GRANT concordat_reader TO {}; GRANT concordat_operator TO {}",
            reader.name, operator.name
        ),
    );
    vec![database.owner.clone(), superuser, reader, operator]
}

/// Every way to open the store is refused, in words that name the stranger.
async fn is_refused_as(login: &Login, stranger: &str, case: &str) {
    let url: StoreUrl = login.url.parse().unwrap();
    let errors = [
        open_reader(&url).await.err(),
        open_writer(&url, &Instance::cli(), |_| {}).await.err(),
        open_writer_at(&url, &Instance::cli(), 9).await.err(),
        stored_epoch(&url, &Instance::cli()).await.err(),
    ];
    for error in errors {
        let Some(StoreError::Untrusted { reason, .. }) = &error else {
            panic!("{case}, as {}: {error:?}", login.name)
        };
        assert!(reason.contains(stranger), "{case}, as {}: {reason}", login.name);
    }
}

#[tokio::test]
async fn a_schema_that_a_stranger_made_first_is_refused_and_none_of_his_code_runs() {
    for (case, things) in [
        ("an empty schema", ""),
        ("functions", MALLORYS_FUNCTIONS),
        ("tables", MALLORYS_TABLES),
        (
            "an operator",
            "CREATE OPERATOR concordat.= (FUNCTION = texteq, LEFTARG = text, RIGHTARG = text)",
        ),
        ("a type", "CREATE TYPE concordat.ledger AS (sequence bigint)"),
    ] {
        let (database, mallory) = with_mallory();
        says(&mallory, &format!("CREATE SCHEMA concordat; {things}")).await;
        for login in everybody(&database) {
            is_refused_as(&login, &mallory.name, case).await;
        }
        assert_eq!(ran(&database), "", "{case}");
        let theirs = "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace \
                      WHERE nspname = 'concordat' AND relowner <> nspowner";
        assert_eq!(server().administer(&database.name, theirs), "0", "{case}: something was made");
    }
}

#[tokio::test]
async fn what_a_stranger_adds_to_our_schema_is_refused_and_does_not_run() {
    let (database, mallory) = with_mallory();
    let url: StoreUrl = database.url().parse().unwrap();
    let mut store = open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    store.close().await.unwrap();
    server().administer(&database.name, POSTGRES_ROLES);
    let everybody = everybody(&database);
    let all = |right: &str| format!("{right} SCHEMA concordat");
    // What may be added to is refused as what was added.
    let name = &mallory.name;
    let create = all("GRANT CREATE, USAGE ON") + " TO " + name;
    for (case, before, stranger) in [
        ("functions", MALLORYS_FUNCTIONS, "concordat"),
        (
            "an operator",
            "CREATE OPERATOR concordat.|| (FUNCTION = textcat, LEFTARG = text, RIGHTARG = text)",
            "concordat",
        ),
        ("a type", "CREATE DOMAIN concordat.jsonb AS text", "concordat"),
        ("a table", "CREATE TABLE concordat.jsonb_populate_recordset (a int)", "concordat"),
        ("nothing yet", "", name.as_str()),
    ] {
        server().administer(&database.name, &create);
        says(&mallory, before).await;
        for login in &everybody {
            is_refused_as(login, stranger, case).await;
        }
        server().administer(
            &database.name,
            &format!("DROP OWNED BY {name}; GRANT CREATE ON DATABASE {} TO {name}", database.name),
        );
    }
    // Everybody may create.
    server().administer(&database.name, &(all("GRANT CREATE ON") + " TO PUBLIC"));
    is_refused_as(&everybody[0], "everybody", "everybody may create").await;
    server().administer(&database.name, &(all("REVOKE CREATE ON") + " FROM PUBLIC"));
    // A trigger whose function stands elsewhere.
    let trigger = format!(
        "GRANT TRIGGER ON concordat.ledger_head TO {name}; GRANT USAGE ON SCHEMA concordat TO {name}"
    );
    server().administer(&database.name, &trigger);
    is_refused_as(&everybody[0], name, "who may make triggers").await;
    says(
        &mallory,
        "CREATE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS \
         $$ BEGIN INSERT INTO public.ran VALUES (current_user); RETURN NEW; END $$; \
         CREATE TRIGGER spy BEFORE UPDATE ON concordat.ledger_head FOR EACH ROW EXECUTE FUNCTION public.spy()",
    )
    .await;
    server().administer(
        &database.name,
        &format!("REVOKE TRIGGER ON concordat.ledger_head FROM {name}"),
    );
    for login in &everybody {
        is_refused_as(login, "trigger `spy`", "a trigger").await;
    }
    server().administer(&database.name, "DROP TRIGGER spy ON concordat.ledger_head");
    assert_eq!(ran(&database), "");

    // Without all that it is a store as any other.
    let mut store = open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    chain_is_whole(&mut store, 2).await;
}

#[tokio::test]
async fn what_stands_elsewhere_or_is_set_for_a_login_means_nothing_to_our_statements() {
    let (database, mallory) = with_mallory();
    let url: StoreUrl = database.url().parse().unwrap();
    // Before the tables are made, and after.
    let evil = MALLORYS_FUNCTIONS.replace("concordat.", "evil.");
    says(&mallory, &format!("CREATE SCHEMA evil; GRANT USAGE ON SCHEMA evil TO PUBLIC; {evil}"))
        .await;
    says(&mallory, &MALLORYS_FUNCTIONS.replace("concordat.", "public.")).await;
    for who in [format!("ROLE {}", database.owner.name), format!("DATABASE {}", database.name)] {
        for setting in [
            "search_path = evil, public, pg_catalog",
            "default_transaction_isolation = 'serializable'",
            "synchronous_commit = off",
            "standard_conforming_strings = off",
        ] {
            server().administer("postgres", &format!("ALTER {who} SET {setting}"));
        }
    }
    let mut store = open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    let wish = grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None);
    bring(&mut store, &only(wish)).await;
    chain_is_whole(&mut store, 3).await;
    open_reader(&url).await.unwrap().observe(&Scope::All).await.unwrap();
    assert_eq!(ran(&database), "");
}

#[tokio::test]
async fn a_store_of_its_rightful_owner_is_trusted_whoever_that_is() {
    // Its owner may make schemas, and does not own the database.
    let database = server().database("rightful");
    let owner = server().login(&database, "migrator");
    let grant = format!("GRANT CREATE ON DATABASE {} TO {}", database.name, owner.name);
    server().administer(&database.name, &grant);
    let url: StoreUrl = owner.url.parse().unwrap();
    open_writer(&url, &Instance::cli(), |_| {}).await.unwrap().close().await.unwrap();
    open_reader(&url).await.unwrap();
    let reader = server().login(&database, "reader");
    is_refused_as(&reader, &owner.name, "before anybody has said that it is the store").await;
    server().administer(&database.name, POSTGRES_ROLES);
    server().administer(&database.name, &format!("GRANT concordat_reader TO {}", reader.name));
    let superuser = &everybody(&database)[1];
    for login in [&owner, &reader, &database.owner, superuser] {
        let url: StoreUrl = login.url.parse().unwrap();
        let opened = open_reader(&url).await;
        let error = opened.err();
        let refused = matches!(error, None | Some(StoreError::Forbidden { .. }));
        assert!(refused, "{}: {error:?}", login.name);
    }
    open_reader(&reader.url.parse().unwrap()).await.unwrap().observe(&Scope::All).await.unwrap();
    // Nobody becomes trusted by himself.
    let mallory = server().login(&database, "mallory");
    let refused = try_says(&mallory, &format!("GRANT concordat_owner TO {}", mallory.name)).await;
    assert!(refused.unwrap_err().contains("must have admin option"));

    // A superuser made the schema for whoever migrates.
    let database = server().database("prepared");
    let owner = server().login(&database, "migrator");
    let schema = format!("CREATE SCHEMA concordat AUTHORIZATION {}", owner.name);
    server().administer(&database.name, &schema);
    let url: StoreUrl = owner.url.parse().unwrap();
    open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    open_reader(&url).await.unwrap();
}

/// Who is told, and what is said, when the lock cannot be had within a short time.
async fn waits_for(url: &StoreUrl) -> (String, String) {
    let told = Mutex::new(String::new());
    let waiting = |holder: &str| holder.clone_into(&mut told.lock().unwrap());
    let within = Duration::from_millis(300);
    let opened = open_writer_within(within, url, &Instance::cli(), waiting).await;
    let Some(StoreError::Locked { holder, .. }) = opened.err() else { panic!("it was not locked") };
    (told.into_inner().unwrap(), holder)
}

#[tokio::test]
async fn a_stranger_holds_nobody_up_whatever_he_locks() {
    let place = Place::with_least_rights().await;
    let Place::Postgres(database) = &place else { panic!() };
    place.writer().await.close().await.unwrap();
    let (stranger, reader) =
        (server().login(database, "mallory"), server().login(database, "reader"));
    server().administer(&database.name, &format!("GRANT concordat_reader TO {}", reader.name));
    let keys = (0..64).map(|number| format!("SELECT pg_advisory_lock({number})"));
    // The key that was the lock of `cli`, and the one under which tables were made.
    let name = concordat::domain::digest::Digest::of(&("lock", Instance::cli())).to_string();
    let key = u64::from_str_radix(&name[..16], 16).unwrap().cast_signed();
    let keys =
        keys.chain([key, 1_131_376_227].map(|key| format!("SELECT pg_advisory_lock({key})")));
    let mut strangers = PgConnection::connect(&stranger.url).await.unwrap();
    for statement in keys {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut strangers).await.unwrap();
    }
    let mut readers = PgConnection::connect(&reader.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM concordat.locks; SELECT * FROM concordat.ledger_head")
        .execute(&mut readers)
        .await
        .unwrap();
    for lock in [
        "SELECT * FROM concordat.locks FOR UPDATE",
        "SELECT * FROM concordat.locks FOR KEY SHARE",
        "SELECT * FROM concordat.ledger_head FOR SHARE",
        "LOCK TABLE concordat.locks IN ROW SHARE MODE",
        "LOCK TABLE concordat.ledger IN SHARE MODE",
    ] {
        for login in [&stranger, &reader] {
            let refused = try_says(login, &format!("BEGIN; {lock}; COMMIT")).await.unwrap_err();
            assert!(refused.contains("permission denied"), "{lock}: {refused}");
        }
    }
    let began = Instant::now();
    let never = |holder: &str| panic!("waits for {holder}");
    let mut store = open_writer(&place.url(), &Instance::cli(), never).await.unwrap();
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    assert!(began.elapsed() < Duration::from_secs(10));
    // The first tables are made past him as well.
    let fresh = server().database("fresh");
    let mut strangers =
        PgConnection::connect(&server().login(&fresh, "mallory").url).await.unwrap();
    sqlx::raw_sql("SELECT pg_advisory_lock(1131376227)").execute(&mut strangers).await.unwrap();
    open_writer(&fresh.url().parse().unwrap(), &Instance::cli(), never).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[tokio::test]
async fn whoever_holds_the_lock_is_told_as_he_is_and_not_as_who_had_it_before() {
    let place = Place::with_least_rights().await;
    let Place::Postgres(database) = &place else { panic!() };
    place.writer().await.close().await.unwrap();
    // One with the rights, who is not this program.
    let other = server().login(database, "other");
    server().administer(&database.name, &format!("GRANT concordat_operator TO {}", other.name));
    let mut session = PgConnection::connect(&other.url).await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT * FROM concordat.locks FOR UPDATE")
        .execute(&mut session)
        .await
        .unwrap();
    let (told, holder) = waits_for(&place.url()).await;
    assert_eq!(told, holder);
    let own = format!("process {}", std::process::id());
    assert!(
        holder.contains(&format!("login `{}`", other.name)) && !holder.contains(&own),
        "{holder}"
    );
    sqlx::raw_sql("ROLLBACK").execute(&mut session).await.unwrap();

    let first = place.writer().await;
    let (_, holder) = waits_for(&place.url()).await;
    assert!(holder.contains(&own) && holder.contains(&database.user.name), "{holder}");
    // It ends with its connection, whatever ends that.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND application_name LIKE 'process %'";
    server().administer(&database.name, end);
    let mut second = place.writer().await;
    bring(&mut second, &only(relationship("acme", 1))).await;
    drop(first);
}

#[tokio::test]
async fn a_migration_that_a_reader_holds_up_says_who_it_is() {
    // Held for shorter than a person would wait; the limit is set for the login.
    let place = Place::Postgres(server().database("upgrade"));
    place
        .outside(&format!("RESET search_path; {}", include_str!("../schema_1/postgres.sql")))
        .await;
    let Place::Postgres(database) = &place else { panic!() };
    let reader = server().login(database, "reader");
    let rights = format!(
        "GRANT USAGE ON SCHEMA concordat TO {name}; GRANT SELECT ON ALL TABLES IN SCHEMA concordat TO {name}",
        name = reader.name
    );
    place.outside(&rights).await;
    let mut session = PgConnection::connect(&reader.url).await.unwrap();
    let look =
        "BEGIN; SELECT * FROM concordat.batch_members; SELECT * FROM concordat._sqlx_migrations";
    sqlx::raw_sql(look).execute(&mut session).await.unwrap();
    let opened = open_writer(&place.url(), &Instance::cli(), |_| {}).await;
    match opened.err() {
        None => {}
        Some(StoreError::Locked { holder, .. }) => {
            assert!(holder.contains(&reader.name), "{holder}");
        }
        Some(other) => panic!("{other}"),
    }
}

const TRACES: &str = "SELECT name || ' ' || setting FROM pg_settings WHERE name IN \
    ('search_path', 'default_transaction_read_only', 'statement_timeout', 'lock_timeout', 'client_min_messages', \
     'idle_in_transaction_session_timeout', 'synchronous_commit', 'plan_cache_mode', 'standard_conforming_strings', \
     'tcp_keepalives_idle', 'transaction_isolation', 'extra_float_digits') \
    UNION ALL SELECT 'prepared ' || name FROM pg_prepared_statements \
    UNION ALL SELECT 'lock ' || locktype FROM pg_locks JOIN pg_database d ON d.oid = database \
    WHERE locktype = 'advisory' AND d.datname = current_database() \
    UNION ALL SELECT 'temporary ' || relname FROM pg_class WHERE relpersistence = 't' ORDER BY 1";

/// What is set and left on each connection of the pool.
async fn traces(url: &str, connections: usize) -> BTreeSet<Vec<String>> {
    let mut clients = Vec::new();
    for _ in 0..connections {
        // Another program, which sends no named statements either.
        let mut client = PgConnection::connect_with(
            &url.parse::<sqlx::postgres::PgConnectOptions>().unwrap().extra_float_digits(None),
        )
        .await
        .unwrap();
        sqlx::raw_sql("BEGIN").execute(&mut client).await.unwrap();
        clients.push(client);
    }
    let mut found = BTreeSet::new();
    for client in &mut clients {
        let rows = sqlx::raw_sql(TRACES).fetch_all(&mut *client).await.unwrap();
        found.insert(rows.iter().map(|row| row.get(0)).collect());
        sqlx::raw_sql("COMMIT").execute(&mut *client).await.unwrap();
    }
    found
}

/// Until the server has noticed that a client went without a word, a session of his may still stand.
async fn nothing_is_left(url: &str, connections: usize, before: &BTreeSet<Vec<String>>) {
    let began = Instant::now();
    loop {
        let now = traces(url, connections).await;
        if now == *before {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{now:?} instead of {before:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn behind_a_pooler_everything_works_and_nothing_is_left_on_its_connections() {
    for pooling in [Pooling::Transaction, Pooling::Session] {
        let database = server().database("pooled");
        let pooler = server().pooler(pooling, 5, &[&database.owner]);
        let url = pooler.url(&database.owner);
        let before = traces(&url, 5).await;
        assert_eq!(before.len(), 1);
        let store: StoreUrl = url.parse().unwrap();
        assert!(matches!(open_reader(&store).await.err(), Some(StoreError::Missing { .. })));
        // The tables are made behind it as well, and others write between our transactions.
        let mut writer = open_writer(&store, &Instance::cli(), |_| {}).await.unwrap();
        let wish = |group| grant(accepted(relationship("acme", 1)), group, &[REPORTS_READER], None);
        bring(&mut writer, &only(wish(1))).await;
        let mut other = PgConnection::connect_with(
            &url.parse::<sqlx::postgres::PgConnectOptions>().unwrap().extra_float_digits(None),
        )
        .await
        .unwrap();
        sqlx::raw_sql("CREATE TABLE another_program (i int)").execute(&mut other).await.unwrap();
        drop(other);
        let held = waits_for(&store).await.1;
        assert!(held.contains(&format!("process {}", std::process::id())), "{pooling:?}: {held}");
        bring(&mut writer, &only(wish(2))).await;
        writer.record(Vec::new(), &by("ada")).await.unwrap();
        chain_is_whole(&mut writer, 4).await;
        writer.close().await.unwrap();
        nothing_is_left(&url, 5, &before).await;

        // The next one takes the lock at once, also where the last one went without a word.
        drop(open_writer(&store, &Instance::cli(), |_| {}).await.unwrap());
        let mut writer = open_writer(&store, &Instance::cli(), |_| {}).await.unwrap();
        bring(&mut writer, &only(wish(3))).await;
        writer.close().await.unwrap();
        for _ in 0..4 {
            let mut reader = open_reader(&store).await.unwrap();
            reader.observe(&Scope::All).await.unwrap();
            reader.batches().await.unwrap();
            reader.budgets(&BTreeMap::new()).await.unwrap();
        }
        let mut operator = open_writer_at(&store, &Instance("operator".into()), 1).await.unwrap();
        operator.record(Vec::new(), &by("ada")).await.unwrap();
        assert_eq!(stored_epoch(&store, &Instance("operator".into())).await, Ok(1));
        drop(operator);
        nothing_is_left(&url, 5, &before).await;
    }
}

/// A folder with the manifests of the quickstart in `m`.
fn team() -> program::Place {
    let place = program::Place::new();
    for name in ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"] {
        let text = fs::read(root().join("examples/quickstart").join(name)).unwrap();
        place.write(&format!("m/{name}"), text);
    }
    place
}

#[test]
fn the_program_works_through_a_pooler_and_leaves_nothing_for_the_next_one() {
    for pooling in [Pooling::Transaction, Pooling::Session] {
        let (team, database) = (team(), server().database("cli"));
        let pooler = server().pooler(pooling, 2, &[&database.owner]);
        let url = pooler.url(&database.owner);
        let run = |words: &[&str]| team.run(&[words, &["--store", &url]].concat());
        let is = |ran: Ran, code: i32| {
            assert_eq!(ran.code, Some(code), "{pooling:?}: {}{}", ran.stdout, ran.stderr);
        };
        is(run(&["apply", "-f", "m"]), 0);
        for _ in 0..3 {
            is(run(&["diff", "-f", "m"]), 0);
            is(run(&["apply", "-f", "m"]), 0);
        }
        is(run(&["get", "grants"]), 0);
        is(run(&["history"]), 0);
        is(run(&["ledger", "verify"]), 0);
        is(run(&["ledger", "erase", "ada@fabrikam.example", "--yes"]), 0);
        is(run(&["diff", "-f", "m"]), 0);
    }
}

#[test]
fn a_pooler_with_one_connection_is_told_and_nothing_waits_for_ever() {
    let (team, database) = (team(), server().database("narrow"));
    let pooler = server().pooler(Pooling::Transaction, 1, &[&database.owner]);
    let began = Instant::now();
    let ran = team.run(&["apply", "-f", "m", "--store", &pooler.url(&database.owner)]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("has no connection left"), "{}", ran.stderr);
    assert!(began.elapsed() < Duration::from_secs(60));
}

fn modes(place: &program::Place) -> BTreeMap<String, u32> {
    let files = fs::read_dir(place.path()).unwrap().map(|entry| entry.unwrap());
    files
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            (entry.file_name().into_string().unwrap(), mode)
        })
        .collect()
}

#[test]
fn whatever_a_store_is_made_of_is_its_owners_alone() {
    for umask in ["000", "022", "077"] {
        let team = team();
        let mut command = Command::new("sh");
        let line = format!("umask {umask}; exec concordat apply -f m");
        command.args(["-c", &line]);
        team.prepare(&mut command);
        let ran = finished(command, b"");
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert!(!ran.stderr.contains("chmod"), "{}", ran.stderr);
        // While somebody has it open there are a log and an index beside it.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let url = StoreUrl::Sqlite(team.path().join("concordat.db"));
        let open = runtime.block_on(open_writer(&url, &Instance("other".into()), |_| {})).unwrap();
        let modes = modes(&team);
        drop(open);
        assert!(
            modes.len() >= 5 && modes.values().all(|mode| *mode == 0o600),
            "{umask}: {modes:?}"
        );
    }
    // Through a link to a file that is not there yet.
    let team = team();
    std::os::unix::fs::symlink("elsewhere.db", team.path().join("concordat.db")).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec concordat apply -f m"]);
    team.prepare(&mut command);
    assert_eq!(finished(command, b"").code, Some(0));
    assert_eq!(modes(&team)["elsewhere.db"], 0o600);
}

#[test]
fn a_store_that_others_may_read_is_told_with_the_way_out_and_used() {
    let team = team();
    assert_eq!(team.run(&["apply", "-f", "m"]).code, Some(0));
    for (mode, told) in
        [(0o600, false), (0o400, false), (0o640, true), (0o644, true), (0o604, true)]
    {
        let path = team.path().join("concordat.db");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for words in [&["diff", "-f", "m"][..], &["get", "grants"], &["ledger", "verify"]] {
            let ran = team.run(words);
            assert_eq!(ran.code, Some(0), "{words:?}: {}", ran.stderr);
            let warned = ran.stderr.contains("`chmod 600 concordat.db");
            assert_eq!(warned, told, "{mode:o}: {}", ran.stderr);
        }
    }
    // The program has not changed what somebody else has set.
    assert_eq!(modes(&team)["concordat.db"], 0o604);
    let ran = team.run(&["apply", "-f", "m"]);
    assert!(ran.stderr.contains("[C0831]"), "{}", ran.stderr);
}

/// Each with a password in it, in a form that other programs take or that somebody may type.
const WITH_PASSWORD: [&str; 29] = [
    "host=db.example user=app password=hunter2 dbname=concordat",
    "host = db user = app password = 'hunter2 and more'",
    "user=app password='hunter2' host=/run/postgresql",
    "host=db user=app sslpassword=hunter2",
    "password=hunter2",
    "Server=db;Database=c;User Id=app;Pwd=hunter2",
    "Server=db;Database=c;User Id=app;Password=hunter2;",
    "jdbc:postgresql://db/c?user=app&password=hunter2",
    "mysql://app:hunter2@db/c",
    "sqlite://app:hunter2@db/c",
    "sqlite:app:hunter2@db",
    "postgres:/app:hunter2@db/c",
    "postgres//app:hunter2@db/c",
    "POSTGRES://app:hunter2@db/c",
    "postgres%3A%2F%2Fapp%3Ahunter2%40db%2Fc",
    "app:hunter2@db/c",
    "{\"host\": \"db\", \"password\": \"hunter2\"}",
    "PGPASSWORD=hunter2 postgres://app@db/c",
    "postgres://app:hunter2@127.0.0.1:1/c",
    "postgres://app:hunter2/c",
    "postgres://app@127.0.0.1:1/c;password=hunter2",
    "postgres://app@127.0.0.1:1/c?password=hunter2",
    "postgresql://app:p@hunter2/x@127.0.0.1:1/c",
    "https://hunter2@example.com/repository",
    "postgresql+psycopg2://app:hunter2@db/c",
    "psql 'postgresql://app:hunter2@db/c'",
    "'postgres://app:hunter2@db/c'",
    "DATABASE_URL=postgres://app:hunter2@db/c",
    "pw=hunter2",
];

#[test]
fn no_form_of_a_password_is_shown_wherever_it_was_typed() {
    let team = team();
    let commands: [&[&str]; 8] = [
        &["diff", "-f", "m"],
        &["apply", "-f", "m"],
        &["get", "grants"],
        &["history"],
        &["why", "0a0a0a0a-1111-4222-8333-444444444444"],
        &["ledger", "verify"],
        &["ledger", "erase", "--yes", "ada@fabrikam.example"],
        &["offer", "desk", "-f", "m"],
    ];
    let is_silent = |ran: &Ran, form: &str, how: &str| {
        assert!(!format!("{ran:?}").contains("hunter2"), "{how} {form}: {}", ran.stderr);
        assert_eq!(ran.code, Some(2), "{how} {form}: {}{}", ran.stdout, ran.stderr);
    };
    for (number, form) in WITH_PASSWORD.into_iter().enumerate() {
        let joined = format!("--store={form}");
        let misspelt = format!("--stor={form}");
        let mut ways: Vec<Vec<&str>> = vec![
            vec!["diff", "-f", "m", &joined],
            vec!["diff", "-f", "m", "--stor", form],
            vec!["diff", "-f", "m", &misspelt],
            vec!["diff", "-f", form],
            vec!["diff", "-k", form],
            vec!["diff", "-f", "m", form],
            vec!["apply", "-f", "m", "--plan", form],
            vec!["apply", "-f", "m", "--approve", form],
            vec!["ledger", "verify", "--file", form],
            vec!["ledger", "export", "--write", form],
            vec!["get", form],
            vec!["get", "grants", form],
            vec!["get", "grants", "-n", form],
            vec!["get", "grants", "--as-of", form],
            vec!["why", form],
            vec!["explain", form],
            vec![form],
        ];
        // Each command with some of the forms, and each form with some of the commands.
        for (at, command) in commands.iter().enumerate() {
            if (at + number).is_multiple_of(4) {
                ways.push([*command, &["-vv", "--store", form]].concat());
            }
        }
        for words in &ways {
            is_silent(&team.run(words), form, &words.join(" "));
        }
        let mut command = team.command(&["get", "grants", "-vv"]);
        command.env("CONCORDAT_STORE", form);
        is_silent(&finished(command, b""), form, "in the environment");
    }
}

#[test]
fn a_keyword_string_is_told_how_a_url_is_written() {
    let team = team();
    for form in ["host=db user=app password=x dbname=c", "Server=db;Pwd=x", "dbname = c"] {
        let ran = team.run(&["diff", "-f", "m", "--store", form]);
        assert!(
            ran.stderr.contains("is written `postgres://USER@HOST:PORT/DATABASE`"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn what_holds_no_password_is_quoted_as_it_was_typed() {
    let team = team();
    let ran = team.run(&["diff", "-f", "nowhere.yaml"]);
    assert!(ran.stderr.contains("nowhere.yaml") || ran.stdout.contains("nowhere.yaml"), "{ran:?}");
    let ran = team.run(&["diff", "-f", "m", "--sotre", "sqlite:a.db"]);
    assert!(ran.stderr.contains("--sotre"), "{ran:?}");
    let ran = team.run(&["get", "grnats"]);
    assert!(ran.stderr.contains("grnats"), "{ran:?}");
    let words = ["diff", "-f", "m", "--store", "cluster:", "--as", "oidc:ada@example.com"];
    let ran = team.run(&words);
    assert!(!ran.stderr.contains("may hold a password"), "{ran:?}");
    let ran = team.run(&["operator", "--webhook-secret=concordat-webhook"]);
    assert!(!ran.stderr.contains("may hold a password"), "{ran:?}");
}

#[test]
fn the_rest_of_a_password_that_a_blank_has_cut_is_not_shown() {
    let team = team();
    let cases: [&[&str]; 6] = [
        &["diff", "-f", "m", "--store", "postgres://u:hun", "ter2@h/d"],
        &["diff", "-f", "m", "--store", "postgres://u:12", "ter2", "x@h/d"],
        &["diff", "-f", "m", "--store", "postgres://u:12", "ter2@h"],
        &["get", "--store", "postgres://u:12", "ter2"],
        &["diff", "-f", "m", "--color", "ter2@h"],
        &["diff", "postgres://u", "ter2"],
    ];
    for words in cases {
        let ran = team.run(words);
        assert_eq!(ran.code, Some(2), "{words:?}");
        assert!(!format!("{ran:?}").contains("ter2"), "{words:?}: {}", ran.stderr);
    }
    // Beside a store that is sound, what was misspelt is told as ever.
    let words = ["diff", "-f", "m", "--store", "postgres://u:p@h/d", "--prun"];
    assert!(team.run(&words).stderr.contains("'--prun'"));
}

/// What a kubeconfig may hold, and what it is told as.
const KUBECONFIGS: [(&str, &str, &str); 9] = [
    ("", "hunter2", "the kubeconfig is none (line 5 column"),
    ("", "{token: [hunter2]}", "the kubeconfig is none (line 5 column"),
    ("", "{token: hunter2", "the kubeconfig is none (line"),
    (", proxy-url: \"http://u:hunter2@127.0.0.1:1\"", "{token: hunter2}", "behind a proxy"),
    (", proxy-url: \"ht!tp://u:hunter2@[\"", "{token: hunter2}", "no URL"),
    ("", "{tokenFile: hunter2}", "`tokenFile` of the kubeconfig"),
    ("", "{token: \"hunter2\\n\"}", "`token` of the kubeconfig holds"),
    (
        "",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, \
         args: [-c, \"echo hunter2; echo hunter2 >&2; exit 1\"]}}",
        "names for the login failed (exit status: 1)",
    ),
    (
        "",
        "{exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: Never, command: sh, \
         args: [-c, \"echo hunter2\"]}}",
        "printed no ExecCredential",
    ),
];

#[test]
fn nothing_of_a_kubeconfig_is_shown() {
    let team = team();
    for (cluster, user, expected) in KUBECONFIGS {
        let text = format!(
            "current-context: a\ncontexts: [{{name: a, context: {{cluster: a, user: a}}}}]\nclusters:\n\
             - {{name: a, cluster: {{server: \"https://u:hunter2@127.0.0.1:1\"{cluster}}}}}\n\
             users: [{{name: a, user: {user}}}]\n"
        );
        let file = team.write("kubeconfig", text);
        let by_flag =
            ["diff", "-f", "m", "-vv", "--store", "cluster:", "--kubeconfig", "kubeconfig"];
        let mut operator = team.command(&["operator", "-v", "--store", "sqlite:c.db"]);
        operator.env("KUBECONFIG", &file);
        for ran in [team.run(&by_flag), finished(operator, b"")] {
            assert_eq!(ran.code, Some(2), "{ran:?}");
            assert!(!format!("{ran:?}").contains("hunter2"), "{user}: {}", ran.stderr);
            assert!(ran.stderr.contains(expected), "{user}: {}", ran.stderr);
        }
    }
}
