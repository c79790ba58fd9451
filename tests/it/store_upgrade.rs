//! A store that an older program has written, with something in it.
//!
//! Never: a store of an older version that was made by this program.

use std::collections::{BTreeMap, BTreeSet};

use concordat::{
    domain::{ids::GranteeId, lifecycle::Lifecycle, limits::Limits, state::Instance},
    store::{
        Read, Scope, StoreError, Write,
        sql::{ensure_holds, open_reader, open_writer_at, stored_epoch},
    },
};

use crate::{postgres::server, store_contract::on_both, store_samples::*};

on_both! {
    a_store_of_schema_1_is_migrated_by_the_first_who_writes_and_nothing_of_it_is_lost
    two_who_migrate_at_the_same_time_do_it_once
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
    let older = StoreError::OlderSchema { store: url.to_string(), found: 1, known: 2 };
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
    let [batch] = &store.batches().await.unwrap()[..] else { panic!() };
    assert_eq!((batch.members, batch.made, batch.blocked_by.as_str()), (1, 0, "ada"));

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
    assert_eq!(place.number("SELECT max(version) FROM _sqlx_migrations").await, 2);
}

async fn two_who_migrate_at_the_same_time_do_it_once(place: &Place) {
    write_schema_1(place).await;
    let write = async |instance: &str| {
        let mut store = place.writer_of(&Instance(instance.into())).await;
        store.record(Vec::new(), &by("ada")).await.unwrap();
    };
    tokio::join!(write("one"), write("two"), write("three"));
    assert_eq!(place.number("SELECT count(*) FROM _sqlx_migrations").await, 2);
}
