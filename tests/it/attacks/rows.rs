//! Rows that the ledger does not explain.
//!
//! Never: an answer that rests on such a row as if it were true.

use std::{collections::BTreeMap, fs, sync::Arc};

use concordat::{
    domain::{
        entry::{
            EntryKind,
            tables::{COLUMNS, Column},
        },
        state::Instance,
    },
    store::{
        Observation, Write,
        sql::{POSTGRES_ROLES, open_writer},
    },
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};

use crate::{
    postgres::{Database, server},
    program::{Place, Ran, root},
    store_samples::by,
};

/// The security groups of the quickstart.
const FIRST_LINE: &str = "0a0a0a0a-1111-4222-8333-444444444444";
const SECOND_LINE: &str = "0b0b0b0b-1111-4222-8333-444444444444";
const STRANGER: &str = "0c0c0c0c-1111-4222-8333-444444444444";
const HELPDESK: &str = "729827e3-9c14-49f7-bb1b-9608f156bbb8";

/// One gain of a privileged role waits for a person.
const BOUNDARY: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: helpdesk}
spec:
  namespaces: [msp-helpdesk]
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, cloud: Global, certifiedFor: [GranularDelegatedAdmin, Reseller]}
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits: {privilegedGains: 0}
";

/// A team's manifests and its store.
struct Team {
    place: Place,
    database: Option<Database>,
}

/// What of a database is put back before the next forgery.
enum Kept {
    File(Vec<u8>),
    Database(Database),
}

impl Team {
    /// The quickstart behind a boundary; nothing is applied yet.
    fn new(database: Option<Database>) -> Self {
        let place = Place::new();
        for name in ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"] {
            let path = root().join("examples/quickstart").join(name);
            place.write(&format!("m/{name}"), fs::read_to_string(path).unwrap());
        }
        place.write("m/boundary.yaml", BOUNDARY);
        Self { place, database }
    }

    /// What waits, and its hash.
    fn blocked(database: Option<Database>) -> (Self, String) {
        let team = Self::new(database);
        let ran = team.run(&["apply", "-f", "m"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let (_, rest) = ran.stdout.split_once("--approve ").expect("something waits");
        let hash = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        (team, hash)
    }

    /// Everything applied, the privileged role under an approval.
    fn applied(database: Option<Database>) -> Self {
        let (team, hash) = Self::blocked(database);
        let ran = team.run(&["apply", "-f", "m", "--approve", &hash]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        team
    }

    fn url(&self) -> String {
        match &self.database {
            Some(database) => database.url().to_owned(),
            None => format!("sqlite:{}", self.file().display()),
        }
    }

    fn file(&self) -> std::path::PathBuf {
        self.place.path().join("concordat.db")
    }

    fn run(&self, words: &[&str]) -> Ran {
        let url = self.url();
        let ran = self.place.run(&[words, &["--store", &url]].concat());
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    fn verify(&self) -> Ran {
        self.run(&["ledger", "verify"])
    }

    async fn keep(&self) -> Kept {
        if let Some(database) = &self.database {
            return Kept::Database(server().copy(database));
        }
        self.sql("PRAGMA wal_checkpoint(TRUNCATE)").await;
        Kept::File(fs::read(self.file()).unwrap())
    }

    fn put_back(&mut self, kept: &Kept) {
        match kept {
            Kept::Database(database) => self.database = Some(server().copy(database)),
            Kept::File(bytes) => {
                for end in ["-wal", "-shm"] {
                    let _ = fs::remove_file(self.place.path().join(format!("concordat.db{end}")));
                }
                fs::write(self.file(), bytes).unwrap();
            }
        }
    }

    /// What somebody else does to the database; whether the database lets him.
    async fn try_sql(&self, statements: &str) -> Result<(), sqlx::Error> {
        let statements = AssertSqlSafe(statements.to_owned());
        match &self.database {
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new()
                    .filename(self.file())
                    .foreign_keys(false)
                    .pragma("ignore_check_constraints", "ON");
                let mut outsider = SqliteConnection::connect_with(&options).await?;
                sqlx::raw_sql(statements).execute(&mut outsider).await?;
                outsider.close().await
            }
            Some(database) => {
                let mut outsider = PgConnection::connect(database.url()).await?;
                sqlx::raw_sql("SET search_path = concordat").execute(&mut outsider).await?;
                sqlx::raw_sql(statements).execute(&mut outsider).await?;
                outsider.close().await
            }
        }
    }

    async fn sql(&self, statements: &str) {
        self.try_sql(statements).await.unwrap_or_else(|error| panic!("{statements}: {error}"));
    }

    async fn texts(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        match &self.database {
            None => {
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(self.file());
                let mut outsider = SqliteConnection::connect_with(&options).await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut outsider).await.unwrap();
                outsider.close().await.unwrap();
                texts
            }
            Some(database) => {
                let mut outsider = PgConnection::connect(database.url()).await.unwrap();
                sqlx::raw_sql("SET search_path = concordat").execute(&mut outsider).await.unwrap();
                let texts = sqlx::query_scalar(query).fetch_all(&mut outsider).await.unwrap();
                outsider.close().await.unwrap();
                texts
            }
        }
    }

    /// Every column of every table, as the database has them.
    async fn columns(&self) -> BTreeMap<String, Vec<String>> {
        let query = if self.database.is_some() {
            "SELECT table_name || '.' || column_name FROM information_schema.columns c \
             JOIN information_schema.tables t USING (table_schema, table_name) \
             WHERE table_schema = 'concordat' AND table_type = 'BASE TABLE'"
        } else {
            "SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'"
        };
        let mut columns: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in self.texts(query).await {
            let (table, column) = name.split_once('.').unwrap();
            columns.entry(table.to_owned()).or_default().push(column.to_owned());
        }
        columns
    }
}

macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(None).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(Some(crate::postgres::server().database("rows"))).await;
            })*
        }
    };
}

mod chain;

on_both! {
    every_column_of_every_table_is_compared_with_the_ledger
    a_forged_column_is_named_and_neither_acted_upon_nor_passed_over
    a_whole_forged_assignment_was_given_by_no_entry
    a_row_that_was_put_there_is_named
    a_row_that_was_deleted_is_missed_and_not_made_again
    an_approval_that_no_entry_records_lets_nothing_run
    the_view_gives_nothing_of_a_row_that_contradicts_itself
    access_that_others_gave_or_took_is_told_as_theirs_and_explained_by_its_entry
    an_erasure_leaves_an_entry_and_a_true_ledger
}

/// What the chain itself proves, what the migrations keep for themselves, and names that only serve to be locked.
const NOT_ROWS: [&str; 4] = ["ledger", "ledger_head", "_sqlx_migrations", "locks"];
/// Persons are compared with their hash, and never with an entry.
const PERSON: [&str; 2] = ["salt", "content"];

async fn every_column_of_every_table_is_compared_with_the_ledger(database: Option<Database>) {
    let team = Team::applied(database);
    let mut found = team.columns().await;
    found.retain(|table, _| !NOT_ROWS.contains(&table.as_str()));
    for (table, columns) in &mut found {
        columns.retain(|column| table != "persons" || !PERSON.contains(&column.as_str()));
        columns.sort();
    }
    let known = COLUMNS.iter().map(|(table, columns)| {
        let mut columns: Vec<_> = columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        columns.sort();
        ((*table).to_owned(), columns)
    });
    assert_eq!(found, known.collect(), "a new column must be compared with the ledger");
    let ran = team.verify();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("are what it says"), "{}", ran.stdout);
}

/// A value that the column did not have before, and that the database takes.
fn forged(table: &str, column: &str) -> String {
    let id = "'99999999-9999-4999-8999-999999999999'";
    let hash = format!("'{}'", "7".repeat(64));
    match (table, column) {
        ("instances", "epoch") => "1".to_owned(),
        (_, "invitation") => format!("replace({column}, 'P730D', 'P9999D')"),
        (_, "asked") => format!("replace({column}, 'Helpdesk', 'Global')"),
        (_, "ceiling") => format!("replace({column}, '{HELPDESK}', {id})"),
        (_, "policies") => format!("replace({column}, 'Keep', 'Revoke')"),
        (_, "recorded" | "contributions") => {
            format!("replace(replace({column}, '{HELPDESK}', {id}), '2028', '2029')")
        }
        (_, "exceeded") => "'[]'".to_owned(),
        (_, "cloud") => "'USGovL4'".to_owned(),
        (_, "type") => "'DelegatedAdmin'".to_owned(),
        (_, "lifecycle") => "'ApprovalPending'".to_owned(),
        (_, "auto_extend") => "'P180D'".to_owned(),
        (_, "grantee_kind") => "'CustomerUser'".to_owned(),
        (_, "decision") => "'Decline'".to_owned(),
        (_, "service_id") => "'r1', service_host = 'Microsoft'".to_owned(),
        (_, "service_host") => "'Microsoft', service_id = 'r1'".to_owned(),
        (_, "ended_at_ms") => "1, end_reason = 'Deleted'".to_owned(),
        (_, "end_reason") => "'Deleted', ended_at_ms = 1".to_owned(),
        (_, "agreement_type") => {
            format!("'MicrosoftCustomerAgreement', document_sha256 = {hash}")
        }
        (_, "document_sha256") => {
            format!("{hash}, agreement_type = 'MicrosoftCustomerAgreement'")
        }
        (_, "template_id" | "country" | "language") => "'XX'".to_owned(),
        (_, "approved_by") => "'mallory'".to_owned(),
        ("persons", "erased_at_ms") => "1, salt = NULL, content = NULL".to_owned(),
        (
            _,
            "last_change" | "digest" | "content" | "hash" | "batch" | "member" | "person"
            | "matter" | "subject",
        ) => hash,
        (_, "customer" | "partner" | "grantee_id" | "role_id") => id.to_owned(),
        (_, "id" | "relationship_id" | "used_for") => format!("{column} + 70"),
        (_, name) if name.ends_with("_ms") => format!("coalesce({column}, 0) + 1000"),
        (
            _,
            "number" | "revision" | "version" | "revocations" | "terminations" | "privileged_gains"
            | "new_grantees" | "replacements",
        ) => format!("{column} + 1"),
        (_, _) => format!("{column} || '-x'"),
    }
}

/// Where the plan rests on a table.
const PLANNED_ON: [&str; 3] = ["relationships", "assignments", "acceptances"];

async fn a_forged_column_is_named_and_neither_acted_upon_nor_passed_over(
    database: Option<Database>,
) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let mut refused = Vec::new();
    // Nothing is on its way where the store is all there is: `graph::writing` forges what is.
    for (table, columns) in COLUMNS.iter().filter(|(table, _)| *table != "errands") {
        for (column, judged) in *columns {
            team.put_back(&kept);
            let case = format!("UPDATE {table} SET {column} = {}", forged(table, column));
            if team.try_sql(&case).await.is_err() {
                refused.push(format!("{table}.{column}"));
                continue;
            }
            let ran = team.verify();
            if let Column::Free(_) = judged {
                assert_eq!(ran.code, Some(0), "{case}: {}", ran.stdout);
                continue;
            }
            assert_eq!(ran.code, Some(1), "{case}: {}", ran.stdout);
            assert!(ran.stdout.contains(&format!("of `{table}`")), "{case}: {}", ran.stdout);
            assert!(ran.stdout.contains("[C0710]"), "{case}: {}", ran.stdout);
            if !PLANNED_ON.contains(table) {
                continue;
            }
            let entries = team.texts("SELECT hash FROM ledger WHERE kind <> 'Refused'").await;
            let all =
                [&["apply", "-f", "m"][..], &["diff", "-f", "m"], &["diff", "-f", "m", "--prune"]];
            // All read by the same door: on a server, where each takes longer, the one that writes is enough.
            let words = if team.database.is_some() { &all[..1] } else { &all[..] };
            for words in words {
                let ran = team.run(words);
                assert!(matches!(ran.code, Some(1 | 2)), "{case}: {words:?} {ran:?}");
                assert!(!ran.stdout.contains("Nothing changes"), "{case}: {words:?} {ran:?}");
                let told =
                    ["C0570", "C0608", "C0634"].map(|code| format!("{ran:?}").contains(code));
                assert!(told.contains(&true), "{case}: {words:?} {ran:?}");
            }
            let now = team.texts("SELECT hash FROM ledger WHERE kind <> 'Refused'").await;
            assert_eq!(now, entries, "{case}: nothing was done on the strength of it");
            if team.database.is_some() {
                continue;
            }
            let why = team.run(&["why", SECOND_LINE]);
            let first = why.stdout.lines().next().unwrap_or_default();
            let told = first.starts_with("no entry gave this") || why.code == Some(2);
            assert!(told, "{case}: {why:?}");
        }
    }
    // Keys that other rows hang on, where the database itself refuses.
    let keys = [
        "relationships.id",
        "assignments.relationship_id",
        "assignments.grantee_id",
        "assignment_roles.relationship_id",
        "assignment_roles.grantee_id",
        "assignment_roles.role_id",
        "acceptances.person",
        "acceptances.used_for",
        "persons.hash",
        "batches.hash",
        "batch_members.batch",
        "spent.id",
    ];
    assert!(refused.iter().all(|one| keys.contains(&one.as_str())), "{refused:?}");
    if team.database.is_none() {
        assert!(refused.len() <= 4, "{refused:?}");
    }
}

async fn a_whole_forged_assignment_was_given_by_no_entry(database: Option<Database>) {
    let team = Team::applied(database);
    team.sql(&format!(
        "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind, grantee_name, version, \
         last_change, recorded, contributions) SELECT relationship_id, '{STRANGER}', grantee_kind, \
         grantee_name, version, last_change, recorded, contributions FROM assignments \
         WHERE grantee_id = '{SECOND_LINE}'; \
         INSERT INTO assignment_roles SELECT relationship_id, '{STRANGER}', role_id, until_ms \
         FROM assignment_roles WHERE grantee_id = '{SECOND_LINE}'"
    ))
    .await;
    let ran = team.verify();
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains(&format!("/{STRANGER}` of `assignments`: no entry gave this")));
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "m"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stdout.contains("C0570") && !ran.stdout.contains("Nothing changes"), "{ran:?}");
    }
    let why = team.run(&["why", STRANGER]);
    assert_eq!(why.code, Some(1), "{why:?}");
    assert!(why.stdout.starts_with("no entry gave this: Helpdesk Administrator"), "{}", why.stdout);
    let get = team.run(&["get", "grants"]);
    assert_eq!(get.code, Some(1), "{get:?}");
    assert!(get.stderr.contains("no entry gave this"), "{get:?}");
}

async fn a_row_that_was_put_there_is_named(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let hash = "5".repeat(64);
    let columns = |table: &str| {
        let (_, columns) = COLUMNS.iter().find(|(name, _)| *name == table).unwrap();
        columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    };
    let copied = |table: &str, changed: &[(&str, &str)]| {
        let names = columns(table);
        let mut values = format!(", {names},");
        for (column, value) in changed {
            values = values.replace(&format!(", {column},"), &format!(", {value},"));
        }
        let values = values.trim_matches([',', ' ']).to_owned();
        format!("INSERT INTO {table} ({names}) SELECT {values} FROM {table} ORDER BY 1 LIMIT 1")
    };
    let quoted = format!("'{hash}'");
    let cases = [
        (
            "relationships",
            copied("relationships", &[("id", "9"), ("name", "'x'"), ("first_name", "'x'")]),
        ),
        ("acceptances", copied("acceptances", &[("content", &quoted)])),
        ("batches", copied("batches", &[("hash", &quoted)])),
        ("batch_members", copied("batch_members", &[("member", &quoted)])),
        (
            "spent",
            copied("spent", &[("id", "99"), ("at_ms", "at_ms + 5")])
                .replace("(id, ", "(")
                .replace("SELECT 99, ", "SELECT "),
        ),
        (
            "spent",
            copied("spent", &[("id", "99")])
                .replace("(id, ", "(")
                .replace("SELECT 99, ", "SELECT ")
                .replace(
                    "revocations, terminations, privileged_gains, new_grantees, replacements FROM",
                    "0, 0, 0, 0, 0 FROM",
                ),
        ),
        (
            "persons",
            format!(
                "INSERT INTO persons (hash, salt, content) SELECT '{hash}', salt, content FROM persons"
            ),
        ),
    ];
    for (table, statement) in cases {
        team.put_back(&kept);
        team.sql(&statement).await;
        let ran = team.verify();
        assert_eq!(ran.code, Some(1), "{statement}: {}", ran.stdout);
        let named = ran.stdout.contains(&format!("of `{table}`: no entry gave this"));
        assert!(named, "{statement}: {}", ran.stdout);
    }
}

async fn a_row_that_was_deleted_is_missed_and_not_made_again(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let all = "DELETE FROM assignment_roles; DELETE FROM assignments; DELETE FROM acceptances; \
               DELETE FROM relationships";
    let cases = [
        (
            "assignments",
            format!(
                "DELETE FROM assignment_roles WHERE grantee_id = '{SECOND_LINE}'; DELETE FROM assignments WHERE grantee_id = '{SECOND_LINE}'"
            ),
            true,
        ),
        ("acceptances", "DELETE FROM acceptances".to_owned(), true),
        ("relationships", all.to_owned(), true),
        ("persons", "DELETE FROM acceptances; DELETE FROM persons".to_owned(), true),
        ("batches", "DELETE FROM batch_members; DELETE FROM batches".to_owned(), false),
        ("batch_members", "DELETE FROM batch_members".to_owned(), false),
        ("spent", "DELETE FROM spent".to_owned(), false),
        ("instances", "DELETE FROM instances".to_owned(), false),
    ];
    for (table, statement, planned) in cases {
        team.put_back(&kept);
        team.sql(&statement).await;
        let ran = team.verify();
        assert_eq!(ran.code, Some(1), "{statement}: {}", ran.stdout);
        let named = ran.stdout.contains(&format!("of `{table}`: it is gone"));
        assert!(named, "{statement}: {}", ran.stdout);
        if !planned {
            continue;
        }
        for command in ["diff", "apply"] {
            let ran = team.run(&[command, "-f", "m"]);
            assert_eq!(ran.code, Some(1), "{statement}: {ran:?}");
            assert!(ran.stdout.contains("C0570"), "{statement}: {ran:?}");
            assert!(!ran.stdout.contains("Nothing changes"), "{statement}: {ran:?}");
        }
        let there = team.texts("SELECT name FROM relationships").await.len();
        let gone = statement.contains("DELETE FROM relationships");
        assert_eq!(there, usize::from(!gone), "{statement}: nobody is invited again");
    }
    // Also where nobody declares it any more.
    team.put_back(&kept);
    team.sql(all).await;
    fs::remove_dir_all(team.place.path().join("m")).unwrap();
    let offer = fs::read_to_string(root().join("examples/quickstart/offer.yaml")).unwrap();
    team.place.write("m/offer.yaml", offer);
    let ran = team.run(&["diff", "-f", "m", "--prune"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("C0570"), "{ran:?}");
}

async fn an_approval_that_no_entry_records_lets_nothing_run(database: Option<Database>) {
    let (mut team, hash) = Team::blocked(database);
    let kept = team.keep().await;
    let holds = async |team: &Team| {
        let held = format!("SELECT role_id FROM assignment_roles WHERE role_id = '{HELPDESK}'");
        team.texts(&held).await.len()
    };
    let now = Timestamp::now().as_millisecond();
    team.sql(&format!("UPDATE batches SET approved_at_ms = {now}, approved_by = 'bob'")).await;
    for _ in 0..2 {
        let ran = team.run(&["apply", "-f", "m"]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert_eq!(holds(&team).await, 0, "{ran:?}");
    }
    assert_eq!(team.verify().code, Some(1));
    // A batch that is gone waits as it did.
    team.put_back(&kept);
    team.sql("DELETE FROM batch_members; DELETE FROM batches").await;
    let ran = team.run(&["apply", "-f", "m"]);
    assert_eq!((ran.code, holds(&team).await), (Some(1), 0), "{ran:?}");
    // What was made under an approval is not made again under it.
    team.put_back(&kept);
    let ran = team.run(&["apply", "-f", "m", "--approve", &hash]);
    assert_eq!((ran.code, holds(&team).await), (Some(0), 1), "{ran:?}");
    team.sql(&format!(
        "UPDATE batch_members SET made_at_ms = NULL; DELETE FROM assignment_roles WHERE role_id = '{HELPDESK}'"
    ))
    .await;
    let ran = team.run(&["apply", "-f", "m"]);
    assert_eq!((ran.code, holds(&team).await), (Some(1), 0), "{ran:?}");
}

async fn the_view_gives_nothing_of_a_row_that_contradicts_itself(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let view = "SELECT customer FROM effective_assignments";
    assert_eq!(team.texts(view).await.len(), 3);
    let cases = [
        (
            "UPDATE relationships SET customer = '99999999-9999-4999-8999-999999999999'".to_owned(),
            0,
        ),
        ("UPDATE relationships SET partner = '99999999-9999-4999-8999-999999999999'".to_owned(), 0),
        ("UPDATE relationships SET ended_at_ms = 1, end_reason = 'Deleted'".to_owned(), 0),
        ("UPDATE relationships SET ends_at_ms = NULL".to_owned(), 0),
        ("UPDATE relationships SET activated_at_ms = NULL".to_owned(), 0),
        ("UPDATE relationships SET ceiling = '[]'".to_owned(), 0),
        (
            format!("UPDATE relationships SET invitation = replace(invitation, '{HELPDESK}', 'x')"),
            2,
        ),
        ("DELETE FROM acceptances".to_owned(), 0),
    ];
    for (statement, left) in cases {
        team.put_back(&kept);
        team.sql(&statement).await;
        assert_eq!(team.texts(view).await.len(), left, "{statement}");
    }
}

async fn access_that_others_gave_or_took_is_told_as_theirs_and_explained_by_its_entry(
    database: Option<Database>,
) {
    let team = Team::applied(database);
    team.sql(&format!(
        "INSERT INTO assignment_roles SELECT relationship_id, grantee_id, '{HELPDESK}', until_ms \
         FROM assignment_roles WHERE grantee_id = '{FIRST_LINE}' LIMIT 1"
    ))
    .await;
    let ran = team.verify();
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("of `assignment_roles`: no entry gave this"), "{}", ran.stdout);
    let why = team.run(&["why", FIRST_LINE]);
    assert!(why.stdout.starts_with("no entry gave this: Helpdesk Administrator"), "{}", why.stdout);
    let diff = team.run(&["diff", "-f", "m"]);
    assert_eq!(diff.code, Some(0), "{diff:?}");
    assert!(diff.stdout.contains("which nobody declared [C0503]"), "{diff:?}");
    let ran = team.run(&["apply", "-f", "m"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(team.verify().code, Some(0), "an entry says just that: {}", team.verify().stdout);
    team.sql("UPDATE assignment_roles SET until_ms = until_ms - 1000").await;
    assert_eq!(team.verify().code, Some(1));
    team.sql("UPDATE assignment_roles SET until_ms = until_ms + 1000").await;
    assert_eq!(team.verify().code, Some(0));
}

async fn an_erasure_leaves_an_entry_and_a_true_ledger(database: Option<Database>) {
    let mut team = Team::applied(database);
    let kept = team.keep().await;
    let ran = team.run(&["ledger", "erase", "ada@fabrikam.example", "--yes"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let payloads = team.texts("SELECT payload FROM ledger WHERE kind = 'Erased'").await;
    let [payload] = &payloads[..] else { panic!("{payloads:?}") };
    assert!(payload.contains("\"count\":1") && !payload.contains("ada@"), "{payload}");
    let ran = team.verify();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 erased"), "{}", ran.stdout);
    // Nor is half of a record an erased one. On a server the database itself refuses it.
    team.put_back(&kept);
    if team.try_sql("UPDATE persons SET salt = NULL, content = '{}'").await.is_ok() {
        let ran = team.verify();
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(ran.stdout.contains("[C0707]"), "{}", ran.stdout);
    }
    // Somebody else's erasure has none.
    team.put_back(&kept);
    let now = Timestamp::now().as_millisecond();
    let erase = format!("UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = {now}");
    team.sql(&erase).await;
    let ran = team.verify();
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(ran.stdout.contains("`erased_at_ms`"), "{}", ran.stdout);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_may_see_is_enough_to_compare() {
    let team = Team::applied(Some(server().database("rows")));
    let database = team.database.as_ref().unwrap();
    server().administer(&database.name, POSTGRES_ROLES);
    let reader = server().login(database, "reader");
    server().administer(&database.name, &format!("GRANT concordat_reader TO {}", reader.name));
    let ran = team.place.run(&["ledger", "verify", "--store", &reader.url]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = team.place.run(&["diff", "-f", "m", "--store", &reader.url]);
    assert!(ran.stdout.contains("Nothing changes"), "{ran:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agreement_that_was_recorded_is_neither_forged_nor_recorded_twice() {
    let mut team = Team::applied(None);
    for name in ["acceptance.yaml", "reseller.yaml"] {
        let path = root().join("examples/agreement-only").join(name);
        team.place.write(&format!("a/{name}"), fs::read_to_string(path).unwrap());
    }
    let ran = team.run(&["apply", "-f", "a"]);
    assert!(matches!(ran.code, Some(0 | 1)), "{ran:?}");
    assert_eq!(team.verify().code, Some(0), "{}", team.verify().stdout);
    let kept = team.keep().await;
    for statement in [
        "DELETE FROM acceptances WHERE used_for IS NULL",
        "UPDATE acceptances SET country = 'DE' WHERE used_for IS NULL",
        "UPDATE acceptances SET namespace = 'other' WHERE used_for IS NULL",
    ] {
        team.put_back(&kept);
        team.sql(statement).await;
        assert_eq!(team.verify().code, Some(1), "{statement}");
        for command in ["diff", "apply"] {
            let ran = team.run(&[command, "-f", "a"]);
            assert_eq!(ran.code, Some(1), "{statement}: {ran:?}");
            assert!(ran.stdout.contains("C0570"), "{statement}: {ran:?}");
        }
        let entries = team.texts("SELECT kind FROM ledger WHERE kind = 'AgreementAccepted'").await;
        assert_eq!(entries.len(), 1, "{statement}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_goes_back_is_told_and_not_guessed_at() {
    let team = Team::new(None);
    fs::remove_file(team.place.path().join("m/boundary.yaml")).unwrap();
    let ahead = Timestamp::now() + SignedDuration::from_hours(24 * 3650);
    let url = team.url().parse().unwrap();
    let store = open_writer(&url, &Instance::cli(), |_| {}).await.unwrap();
    let mut store = store.with_clock(Arc::new(move || ahead));
    let seen = Observation {
        kind: EntryKind::Difference,
        subject: "somebody-else".to_owned(),
        payload: json!({ "C0503": "seen with a clock that was ahead" }),
    };
    store.record(vec![seen], &by("ada")).await.unwrap();
    store.close().await.unwrap();
    let before = (Timestamp::now() - SignedDuration::from_secs(1)).to_string();
    let ran = team.run(&["apply", "-f", "m"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let ran = team.verify();
    assert_eq!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stdout.contains("entry 2: the time goes back"), "{}", ran.stdout);
    let now = Timestamp::now().to_string();
    for words in [
        &["why", SECOND_LINE][..],
        &[
            "who-can",
            "users/reset-password-non-admin",
            "--customer",
            "bbbbcccc-1111-dddd-2222-eeee3333ffff",
        ],
        &["history"],
        &["get", "grants"],
    ] {
        let ran = team.run(&[words, &["--as-of", &now]].concat());
        assert_eq!(ran.code, Some(2), "{words:?}: {ran:?}");
        assert!(ran.stderr.contains("cannot be told"), "{words:?}: {ran:?}");
    }
    let ran = team.run(&["why", SECOND_LINE, "--as-of", &before]);
    assert_eq!(ran.code, Some(1), "before all of them everything is clear: {ran:?}");
    assert_eq!(team.run(&["why", SECOND_LINE]).code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_apply_says_where_the_ledger_ends() {
    let team = Team::applied(None);
    let ran = team.run(&["apply", "-f", "m"]);
    let (_, head) = ran.stderr.split_once("head ").expect(&ran.stderr);
    let head: String = head.chars().take(64).collect();
    assert_eq!(team.run(&["ledger", "verify", "--head", &head]).code, Some(0));
    let ran = team.run(&["apply", "-f", "m", "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["ledger"]["hash"], json!(head));
}
