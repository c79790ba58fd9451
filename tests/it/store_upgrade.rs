//! A store that an older program has written, with something in it.
//!
//! Never: a store of an older version that was made by this program.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use concordat::{
    domain::{
        ids::GranteeId,
        lifecycle::Lifecycle,
        limits::Limits,
        state::{Instance, NamespaceBoundary},
    },
    store::{
        Read, Scope, StoreError, Write,
        sql::{ensure_holds, open_reader, open_writer_at, stored_epoch},
    },
};
use sqlx::{Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::{
    postgres::server,
    program::{Ran, root},
    store_contract::on_both,
    store_samples::*,
    work::typed,
};

on_both! {
    a_store_of_schema_1_is_migrated_by_the_first_who_writes_and_nothing_of_it_is_lost
    two_who_migrate_at_the_same_time_do_it_once
    a_batch_that_was_stored_without_ends_stays_blocked_and_its_hash_runs_nothing
}

/// A store of schema 1.
async fn write_schema_1(place: &Place) {
    match place {
        Place::Sqlite(folder) => {
            std::fs::File::create(folder.path().join("store.db")).unwrap();
            place.outside(include_str!("schema_1/sqlite.sql")).await;
        }
        Place::Postgres(_) => {
            // The tables belong to whoever writes them, as they did.
            place
                .outside(&format!("RESET search_path; {}", include_str!("schema_1/postgres.sql")))
                .await;
        }
    }
}

async fn a_store_of_schema_1_is_migrated_by_the_first_who_writes_and_nothing_of_it_is_lost(
    place: &Place,
) {
    write_schema_1(place).await;
    if let Place::Postgres(database) = place {
        // As after `roles.sql` of that time.
        let role = "DO $$ BEGIN CREATE ROLE concordat_operator NOLOGIN; \
                    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$";
        server().administer(&database.name, role);
    }
    let (url, cli) = (place.url(), Instance::cli());
    let older = StoreError::OlderSchema { store: url.to_string(), found: 1, known: 10 };
    assert_eq!(open_reader(&url).await.err(), Some(older));
    assert_eq!(stored_epoch(&url, &cli).await, Ok(1), "who wants to lead need not migrate");

    let mut store = open_writer_at(&url, &cli, 2).await.unwrap();
    let observed = store.observe(&Scope::All).await.unwrap();
    let [rows] = &observed.relationships.values().collect::<Vec<_>>()[..] else { panic!() };
    assert_eq!((rows.len(), &rows[0].lifecycle), (1, &Lifecycle::Active));
    let holds = |id: &str| &rows[0].assignments[&id.parse::<GranteeId>().unwrap()].state.roles;
    assert_eq!(holds("0a0a0a0a-1111-4222-8333-444444444444").len(), 2);
    let ever = Limits { window: "P3650D".parse().unwrap(), ..Limits::default() };
    let limits = BTreeMap::from([("helpdesk".to_owned(), ever)]);
    let budget = store.budgets(&limits).await.unwrap().remove("helpdesk").unwrap();
    assert_eq!((budget.spent.new_grantees, budget.blocked.len()), (1, 1));
    let namespaces = BTreeSet::from(["msp-helpdesk".into(), "another".into()]);
    let bounded = Scope::Of {
        keys: BTreeSet::new(),
        customers: BTreeSet::new(),
        owned: None,
        bounded: Some((cli.clone(), namespaces)),
        adopted: BTreeSet::new(),
    };
    let boundaries = store.observe(&bounded).await.unwrap().boundaries;
    let [((_, namespace), known)] = &boundaries.iter().collect::<Vec<_>>()[..] else { panic!() };
    let default = NamespaceBoundary { name: "helpdesk".to_owned(), ..NamespaceBoundary::default() };
    assert_eq!((namespace.as_str(), known.revision), ("msp-helpdesk", 0));
    assert_eq!(
        known.boundary, default,
        "its name is told by the rows, and the default limits held"
    );
    let [batch] = &store.batches().await.unwrap()[..] else { panic!() };
    assert_eq!((batch.members, batch.made, batch.blocked_by.as_str()), (1, 0, "ada"));

    assert_eq!(budget.asked, BTreeMap::new(), "nobody has written down who asked");

    chain_is_whole(&mut store, 4).await;
    for entry in store.entries(0, 9).await.unwrap() {
        assert_eq!(ensure_holds(&url, &entry.head()).await, Ok(()));
    }
    let subjects = BTreeSet::from(["fabrikam-helpdesk".into()]);
    assert_eq!(store.last_entries(&subjects).await.unwrap().len(), 1);
    store.record(Vec::new(), &by("ada")).await.unwrap();
    bring(&mut store, &only(relationship("acme", 1))).await;
    open_reader(&url).await.unwrap();
    if let Place::Postgres(_) = place {
        let may =
            "SELECT count(*) WHERE has_table_privilege('concordat_operator', 'spent', 'DELETE')";
        assert_eq!(place.number(may).await, 1);
    }
    // The program that wrote it knows schema 1, and looks at nothing but this to refuse what is newer.
    assert_eq!(place.number("SELECT max(version) FROM _sqlx_migrations").await, 10);
}

/// The boundary of that store as it is by now: what waits would be within its limits.
const BOUNDARY: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: helpdesk}
spec:
  namespaces: [msp-helpdesk]
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, cloud: Global, certifiedFor: [GranularDelegatedAdmin]}
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
";

async fn a_batch_that_was_stored_without_ends_stays_blocked_and_its_hash_runs_nothing(
    place: &Place,
) {
    write_schema_1(place).await;
    let folder = crate::program::Place::new();
    for name in ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"] {
        let path = root().join("examples/quickstart").join(name);
        folder.write(&format!("m/{name}"), std::fs::read_to_string(path).unwrap());
    }
    folder.write("m/boundary.yaml", BOUNDARY);
    let apply = |more: &[&str]| {
        folder.run(&[&["apply", "-f", "m", "--store", &typed(place)], more].concat())
    };
    let blocked = |ran: &Ran| {
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains("1 blocked"), "{}{}", ran.stdout, ran.stderr);
    };
    blocked(&apply(&[]));
    // Neither by its old hash, nor by an approval that was given before the upgrade.
    let ran = apply(&["--approve", OLD_BATCH]);
    blocked(&ran);
    assert!(ran.stderr.contains("it approves nothing"), "{}", ran.stderr);
    let now = in_seconds(0).as_millisecond();
    let approved = format!(
        "UPDATE batches SET approved_at_ms = {now}, approved_by = 'grace' WHERE hash = '{OLD_BATCH}'"
    );
    assert_eq!(place.outside(&approved).await, 1);
    let ran = apply(&[]);
    blocked(&ran);
    let (_, hash) = ran.stdout.split_once("--approve ").unwrap();
    let hash = &hash[..64];
    assert_ne!(hash, OLD_BATCH);
    let ran = apply(&["--approve", hash]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("1 gained"), "{}", ran.stdout);
    assert_eq!(
        place.number("SELECT count(*) FROM batch_members WHERE made_at_ms IS NULL").await,
        0
    );
}

const OLD_BATCH: &str = "e35cd76287646e72e7dce04c4ee25ff8133d684af82663d44231e24415ebdafe";

async fn two_who_migrate_at_the_same_time_do_it_once(place: &Place) {
    write_schema_1(place).await;
    let write = async |instance: &str| {
        let mut store = place.writer_of(&Instance(instance.into())).await;
        store.record(Vec::new(), &by("ada")).await.unwrap();
    };
    tokio::join!(write("one"), write("two"), write("three"));
    assert_eq!(place.number("SELECT count(*) FROM _sqlx_migrations").await, 9);
}

#[tokio::test]
async fn who_switches_a_file_to_its_log_waits_for_whoever_writes_it() {
    let place = Place::sqlite();
    place.writer().await.close().await.unwrap();
    place.outside("PRAGMA journal_mode = DELETE").await;
    let Place::Sqlite(folder) = &place else { panic!() };
    let options = SqliteConnectOptions::new().filename(folder.path().join("store.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    let begin = "BEGIN IMMEDIATE; SELECT count(*) FROM relationships";
    sqlx::raw_sql(begin).execute(&mut other).await.unwrap();
    let writes = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    };
    let (mut writer, ()) = tokio::join!(place.writer(), writes);
    writer.record(Vec::new(), &by("ada")).await.unwrap();
}

/// What waits in the store of `empty_lists/sqlite.sql`.
const WAITING: &str = "2f8771cf0da26b12c9f6e573f953056ef0c33b8819ebe9afa9c88170ff3c92d2";

#[tokio::test]
async fn a_ledger_in_which_an_empty_map_is_a_list_still_verifies_and_goes_on_with_objects() {
    let place = Place::sqlite();
    let Place::Sqlite(folder) = &place else { panic!() };
    std::fs::File::create(folder.path().join("store.db")).unwrap();
    place.outside(include_str!("empty_lists/sqlite.sql")).await;
    place.writer().await.close().await.unwrap();
    let manifests = crate::program::Place::new();
    for name in ["offer.yaml", "relationship.yaml", "grants.yaml", "acceptance.yaml"] {
        let path = root().join("examples/quickstart").join(name);
        manifests.write(&format!("m/{name}"), std::fs::read_to_string(path).unwrap());
    }
    let limited = format!("{BOUNDARY}  limits: {{privilegedGains: 0}}\n");
    manifests.write("m/boundary.yaml", limited);
    let run = |words: &[&str]| {
        let ran = manifests.run(&[words, &["--store", &typed(&place)]].concat());
        assert_eq!(ran.code, Some(0), "{words:?}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    };
    let whole = |rows: &str| {
        let verified = run(&["ledger", "verify"]);
        assert!(verified.contains("the ledger is whole") && verified.contains(rows), "{verified}");
    };
    whole("rows: 9 are what it says");
    let export = run(&["ledger", "export"]);
    assert!(
        export.contains(r#""after":{"contributions":[],"recorded":[],"roles":[]}"#),
        "{export}"
    );

    // First line comes back, second line is what its old hash approves; then everything goes, and the rows are empty.
    let report = run(&["apply", "-f", "m", "--approve", WAITING, "-o", "json"]);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    let tried = report["tried"].as_array().unwrap();
    assert_eq!(tried.len(), 2, "{report:#}");
    for tried in tried {
        for side in ["before", "after"] {
            for map in ["roles", "recorded", "contributions"] {
                let map = &tried["change"]["effect"]["SetRoles"][side][map];
                assert!(map.is_object(), "{report:#}");
            }
        }
    }
    std::fs::remove_file(manifests.path().join("m/grants.yaml")).unwrap();
    run(&["apply", "-f", "m", "--prune"]);
    whole("rows: ");
    let of_lists =
        "SELECT count(*) FROM assignments WHERE recorded <> '{}' OR contributions <> '{}'";
    assert_eq!(place.number(of_lists).await, 0);
    let of_lists = "SELECT count(*) FROM ledger WHERE sequence > 6 AND (payload LIKE '%\"roles\":[]%' \
                    OR payload LIKE '%\"recorded\":[]%' OR payload LIKE '%\"contributions\":[]%')";
    assert_eq!(place.number(of_lists).await, 0);
}
