//! What an instance owns beside what a plan is made from: counted for each namespace, and the first of each read.
//!
//! Never: every row of the store, where a count says that there is nothing beside.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use serde::Deserialize;
use serde_json::json;

use super::{
    observe::{SOME_ASSIGNMENTS, SOME_ROLES, families, relationship_json},
    rows::RelationshipRow,
    session::{Bound, Purpose, Session, Statement},
};
use crate::{
    domain::state::Beside,
    store::{Apart, StoreError},
};

/// How many relationships of a namespace are read of those that the input speaks for, and of others.
const READ: i64 = 50;
const READ_ELSEWHERE: i64 = 3;
/// Of so many other namespaces.
const NAMESPACES_ELSEWHERE: usize = 10;

/// Rows of an instance that are not over.
macro_rules! live {
    () => {
        "r.owner_instance = $1 AND r.lifecycle NOT IN ('Terminated', 'Expired', 'Withdrawn') \
         AND NOT (r.lifecycle = 'Active' AND r.ends_at_ms IS NOT NULL AND r.ends_at_ms <= $2) "
    };
}

/// How many there are at all.
const LIVE: Statement = Statement {
    sqlite: concat!("SELECT json_array(count(*)) FROM relationships r WHERE ", live!()),
    postgres: concat!(
        "SELECT json_build_array(count(*))::text FROM relationships r WHERE ",
        live!()
    ),
};

/// The rows that are neither of these relationships nor of these namespaces.
macro_rules! apart {
    (sqlite $columns:expr, $more:expr) => {
        concat!(
            "WITH known AS MATERIALIZED (SELECT value ->> 'cloud' AS cloud, \
             value ->> 'partner' AS partner, value ->> 'name' AS name FROM json_each($3)) \
             SELECT ",
            $columns,
            " FROM relationships r LEFT JOIN known k \
             ON k.cloud = r.cloud AND k.partner = r.partner AND k.name = r.first_name WHERE ",
            live!(),
            "AND k.name IS NULL AND r.owner_namespace NOT IN (SELECT value FROM json_each($4)) ",
            $more
        )
    };
    (postgres $columns:expr, $more:expr) => {
        concat!(
            "WITH known AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($3::jsonb) \
             AS k(cloud text, partner text, name text)) SELECT ",
            $columns,
            " FROM relationships r LEFT JOIN known k \
             ON k.cloud = r.cloud AND k.partner = r.partner AND k.name = r.first_name WHERE ",
            live!(),
            "AND k.name IS NULL \
             AND r.owner_namespace <> ALL (ARRAY(SELECT jsonb_array_elements_text($4::jsonb))) ",
            $more
        )
    };
}

const OWNED: Statement = Statement {
    sqlite: apart!(
        sqlite "json_object('namespace', r.owner_namespace, 'owned', count(*))",
        "GROUP BY r.owner_namespace ORDER BY r.owner_namespace"
    ),
    postgres: apart!(
        postgres "json_build_object('namespace', r.owner_namespace, 'owned', count(*))::text",
        "GROUP BY r.owner_namespace ORDER BY r.owner_namespace"
    ),
};

/// The number of each row, and its place among those of its namespace.
macro_rules! placed {
    () => {
        "r.id, row_number() OVER (PARTITION BY r.owner_namespace \
         ORDER BY r.first_name, r.number, r.id) AS place"
    };
}

const FIRST: Statement = Statement {
    sqlite: concat!(
        relationship_json!(),
        "WHERE r.id IN (SELECT id FROM (",
        apart!(
            sqlite placed!(),
            "AND r.owner_namespace IN (SELECT value FROM json_each($5))"
        ),
        ") WHERE place <= $6)"
    ),
    postgres: concat!(
        "SELECT row_to_json(r)::text FROM relationships r WHERE r.id IN (SELECT id FROM (",
        apart!(
            postgres placed!(),
            "AND r.owner_namespace = ANY (ARRAY(SELECT jsonb_array_elements_text($5::jsonb)))"
        ),
        ") AS placed WHERE place <= $6)"
    ),
};

#[derive(Deserialize)]
struct Owned {
    namespace: EcoString,
    owned: usize,
}

/// What there is, at one instant.
pub(super) async fn beside(session: &mut Session, apart: &Apart) -> Result<Beside, StoreError> {
    session.begin(Purpose::Read).await?;
    match read(session, apart).await {
        Ok(beside) => {
            session.commit().await?;
            Ok(beside)
        }
        Err(error) => {
            session.rollback().await;
            Err(error)
        }
    }
}

async fn read(session: &mut Session, apart: &Apart) -> Result<Beside, StoreError> {
    let Apart { instance, now, read, keys, namespaces, near } = apart;
    let (instance, now) = (instance.0.as_str(), Bound::Number(now.as_millisecond()));
    let (live,): (usize,) = session.row(LIVE, &[Bound::Text(instance), now]).await?;
    if live <= *read {
        return Ok(Beside::default());
    }
    let (keys, namespaces) = (json!(keys).to_string(), json!(namespaces).to_string());
    let bound = [Bound::Text(instance), now, Bound::Text(&keys), Bound::Text(&namespaces)];
    let owned: Vec<Owned> = session.rows(OWNED, &bound).await?;
    let owned: BTreeMap<EcoString, usize> =
        owned.into_iter().map(|Owned { namespace, owned }| (namespace, owned)).collect();
    let (near, elsewhere): (BTreeSet<_>, BTreeSet<_>) =
        owned.keys().partition(|namespace| near.contains(*namespace));
    let elsewhere = elsewhere.into_iter().take(NAMESPACES_ELSEWHERE).collect();
    let mut rows: Vec<RelationshipRow> = Vec::new();
    for (namespaces, most) in [(near, READ), (elsewhere, READ_ELSEWHERE)] {
        if namespaces.is_empty() {
            continue;
        }
        let namespaces = json!(namespaces).to_string();
        let more = [Bound::Text(&namespaces), Bound::Number(most)];
        let bound: Vec<Bound<'_>> = bound.iter().chain(&more).copied().collect();
        rows.extend(session.rows::<RelationshipRow>(FIRST, &bound).await?);
    }
    let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
    let ids = json!(ids).to_string();
    let assignments = session.rows(SOME_ASSIGNMENTS, &[Bound::Text(&ids)]).await?;
    let roles = session.rows(SOME_ROLES, &[Bound::Text(&ids)]).await?;
    let rows = families(rows, assignments, roles).into_values().flatten().collect();
    Ok(Beside { owned, rows })
}
