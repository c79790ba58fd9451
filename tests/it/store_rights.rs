//! PostgreSQL's own means: three roles, TLS, passwords from elsewhere.
//!
//! Never: a right that the work does not need.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    domain::{change::Effect, limits::Limits, state::Instance},
    store::{
        Outcome, Read, Scope, StoreError, Write,
        sql::{POSTGRES_ROLES, open_reader, open_writer},
    },
};
use regex::Regex;
use sqlx::{AssertSqlSafe, Connection};

use crate::{
    postgres::{Database, Login, server},
    program::root,
    store_samples::*,
};

/// A store with something in it, and a login with one of the roles.
async fn with_role(role: &str) -> (Place, Login) {
    let place = Place::postgres();
    let mut store = place.writer().await;
    bring(&mut store, &only(accepted(relationship("acme", 1)))).await;
    let login = server().login(database(&place), "member");
    let name = &database(&place).name;
    server().administer(name, POSTGRES_ROLES);
    server().administer(name, POSTGRES_ROLES);
    server().administer(name, &format!("GRANT {role} TO {}", login.name));
    (place, login)
}

fn database(place: &Place) -> &Database {
    match place {
        Place::Postgres(database) => database,
        Place::Sqlite(_) => panic!("not a server"),
    }
}

/// What a role may do in the schema besides looking, table by table and column by column.
fn granted(database: &str, role: &str) -> BTreeSet<String> {
    let rights = format!(
        "SELECT a.privilege_type || ' ' || c.relname FROM pg_class c, aclexplode(c.relacl) a \
         WHERE c.relnamespace = 'concordat'::regnamespace AND a.grantee = '{role}'::regrole \
         AND a.privilege_type <> 'SELECT' \
         UNION ALL SELECT a.privilege_type || ' ' || c.relname || '.' || t.attname FROM pg_class c \
         JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a \
         WHERE c.relnamespace = 'concordat'::regnamespace AND a.grantee = '{role}'::regrole \
         AND a.privilege_type <> 'SELECT'"
    );
    server().administer(database, &rights).lines().map(str::to_owned).collect()
}

/// What the statements in our sources do besides looking.
fn used() -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    let insert = Regex::new(r#"INSERT INTO (\w+) ([^"]*)"#).unwrap();
    let set = Regex::new(r"DO UPDATE SET (.*?)(?: WHERE | RETURNING |$)").unwrap();
    let update = Regex::new(r#"UPDATE (\w+) SET ([^"]*?)(?: WHERE |")"#).unwrap();
    let delete = Regex::new(r"DELETE FROM (\w+)").unwrap();
    let columns = |table: &str, list: &str| -> Vec<String> {
        let names = list.split(", ").filter_map(|part| part.trim().split_once(" = "));
        names.map(|(column, _)| format!("UPDATE {table}.{column}")).collect()
    };
    for entry in std::fs::read_dir(root().join("src/store/sql")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "rs") || path.ends_with("tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(path).unwrap().replace("\\\n", " ");
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for found in insert.captures_iter(&text) {
            used.insert(format!("INSERT {}", &found[1]));
            let list = set.captures(&found[2]);
            used.extend(list.into_iter().flat_map(|list| columns(&found[1], &list[1])));
        }
        for found in update.captures_iter(&text) {
            used.extend(columns(&found[1], &found[2]));
        }
        used.extend(delete.captures_iter(&text).map(|found| format!("DELETE {}", &found[1])));
    }
    // The tables of migrations are the owner's. To lock a row takes a right to update something of it.
    used.remove("INSERT concordat");
    used.insert("UPDATE locks.instance".to_owned());
    used
}

#[tokio::test]
async fn an_operator_may_do_what_our_statements_do_and_nothing_else() {
    let (place, _) = with_role("concordat_operator").await;
    let name = &database(&place).name;
    assert_eq!(granted(name, "concordat_operator"), used());
    assert_eq!(granted(name, "concordat_reader"), BTreeSet::new());
    assert_eq!(granted(name, "concordat_owner"), BTreeSet::new());
}

#[tokio::test]
async fn an_upgrade_takes_away_what_an_operator_need_not_do() {
    let place = Place::postgres();
    place.outside(&format!("RESET search_path; {}", include_str!("schema_1/postgres.sql"))).await;
    server().administer(
        "postgres",
        "DO $$ BEGIN CREATE ROLE concordat_operator NOLOGIN; \
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$",
    );
    // As `roles.sql` of that time had it.
    place
        .outside(
            "GRANT USAGE ON SCHEMA concordat TO concordat_operator; \
             GRANT SELECT ON ALL TABLES IN SCHEMA concordat TO concordat_operator; \
             GRANT INSERT, UPDATE ON relationships, assignments, assignment_roles, persons, \
             acceptances, instances, batches, batch_members, spent TO concordat_operator; \
             GRANT DELETE ON assignment_roles, spent TO concordat_operator; \
             GRANT INSERT ON ledger TO concordat_operator; \
             GRANT UPDATE ON ledger_head TO concordat_operator",
        )
        .await;
    place.writer().await;
    assert_eq!(granted(&database(&place).name, "concordat_operator"), used());
}

async fn says(login: &Login, statement: &str) -> Result<u64, String> {
    let mut session = sqlx::PgConnection::connect(&login.url).await.unwrap();
    sqlx::raw_sql("SET search_path = concordat").execute(&mut session).await.unwrap();
    let result = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut session).await;
    result.map(|result| result.rows_affected()).map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_reader_with_only_select_sees_what_would_change() {
    let (_place, login) = with_role("concordat_reader").await;
    let mut reader = open_reader(&login.url.parse().unwrap()).await.unwrap();
    let desired = only(grant(accepted(relationship("acme", 1)), 1, &[REPORTS_READER], None));
    let changes = planned(&mut reader, &desired).await;
    let [change] = &changes[..] else { panic!("{changes:?}") };
    assert!(matches!(change.change.effect, Effect::SetRoles { .. }));
    let limits = BTreeMap::from([("default".to_owned(), Limits::default())]);
    assert_eq!(reader.budgets(&limits).await.unwrap()["default"].relationships, 1);
    chain_is_whole(&mut reader, 2).await;
    assert_eq!(reader.batches().await.unwrap(), []);
    let error = reader.persons().await.unwrap_err();
    assert!(matches!(error, StoreError::Forbidden { .. }), "{error}");

    let error = open_writer(&login.url.parse().unwrap(), &Instance::cli(), |_| {}).await;
    let error = error.err().unwrap();
    assert!(matches!(error, StoreError::Forbidden { .. }), "{error}");
    for table in ["relationships", "assignment_roles", "ledger", "ledger_head"] {
        let denied = says(&login, &format!("DELETE FROM {table}")).await.unwrap_err();
        assert!(denied.contains("permission denied"), "{denied}");
    }
}

#[tokio::test]
async fn an_operator_writes_and_can_neither_change_nor_shorten_the_ledger() {
    let (place, login) = with_role("concordat_operator").await;
    let operator = Instance("operator".into());
    let mut store = open_writer(&login.url.parse().unwrap(), &operator, |_| {}).await.unwrap();
    let wish = grant(accepted(relationship("more", 2)), 1, &[REPORTS_READER], None);
    let observed = store.observe(&Scope::All).await.unwrap();
    let changes = free(changes(&only(wish), &observed, &operator));
    let outcome = store.apply(&changes, &BTreeMap::new(), &by("ada").into()).await.unwrap();
    assert_eq!(outcome, [Outcome::Done, Outcome::Done, Outcome::Done]);
    chain_is_whole(&mut store, 5).await;
    for statement in [
        "UPDATE ledger SET subject = 'x'",
        "DELETE FROM ledger",
        "TRUNCATE ledger",
        "DELETE FROM relationships",
        "UPDATE relationships SET customer = customer",
        "UPDATE relationships SET digest = digest",
        "UPDATE acceptances SET used_for = NULL",
        "DELETE FROM acceptances",
        "UPDATE persons SET hash = hash",
        "DELETE FROM persons",
        "UPDATE batches SET scope = scope",
        "DELETE FROM batches",
        "DELETE FROM batch_members",
        "UPDATE spent SET revocations = 0",
        "TRUNCATE spent",
        "DELETE FROM instances",
        "DELETE FROM locks",
        "DROP TABLE ledger",
        "ALTER TABLE ledger DISABLE TRIGGER ALL",
    ] {
        let denied = says(&login, statement).await.unwrap_err();
        assert!(
            denied.contains("permission denied") || denied.contains("must be owner"),
            "{denied}"
        );
    }
    // Not even the owner changes it by mistake.
    let denied = place.try_outside("UPDATE ledger SET subject = 'x'").await.unwrap_err();
    assert!(denied.to_string().contains("only appended to"), "{denied}");
}

#[tokio::test]
async fn tls_is_used_and_the_certificate_is_checked_where_asked() {
    let place = Place::postgres();
    place.writer().await;
    let login = server().tls_only_login(database(&place), "client");
    let name = &database(&place).name;
    server().administer(name, POSTGRES_ROLES);
    server().administer(name, &format!("GRANT concordat_reader TO {}", login.name));
    let verified = |ca: &std::path::Path| {
        format!("{}?sslmode=verify-full&sslrootcert={}", login.url, ca.display())
    };
    let right = verified(&server().ca_path()).parse().unwrap();
    open_reader(&right).await.unwrap().observe(&Scope::All).await.unwrap();
    let strange = verified(&server().strange_ca_path()).parse().unwrap();
    let error = open_reader(&strange).await.err().unwrap();
    let StoreError::Unreachable { reason, .. } = &error else { panic!("{error}") };
    assert!(reason.contains("TLS") || reason.contains("certificate"), "{reason}");
    let open = format!("{}?sslmode=disable", login.url).parse().unwrap();
    let error = open_reader(&open).await.err().unwrap();
    assert!(matches!(error, StoreError::Unauthenticated { .. }), "{error}");
}
