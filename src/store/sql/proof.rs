//! Whether rows are what the ledger says: each relationship with all that stands under it against its last entry.
//!
//! An entry carries the digest of the row that it leaves behind, so that one look at an index is enough for each
//! relationship. Only where that differs, or was never written, are the entries themselves read.
//!
//! Never: a read for each row.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
};

use serde::{Deserialize as _, Serialize};
use serde_json::{Value, json};

use super::{
    chain::{self, linked},
    rows::{AcceptanceRow, AssignmentRow, RelationshipRow},
    seal::Seals,
    session::{Bound, Session, Statement},
};
use crate::{
    domain::{
        digest::Digest,
        entry::{
            Entry, EntryKind,
            tables::{Cells, Tables, Unexplained},
        },
        ids::TenantId,
        lifecycle::{Lifecycle, Phase},
        state::RelationshipKey,
    },
    store::StoreError,
};

/// The entries with the last digest that the ledger has of each of these rows. Each is looked for by the number of the
/// row and, among the later ones, by its name, so that none is hidden by a change of either, or of the digest beside it.
const STATES: Statement = Statement {
    sqlite: concat!(
        "WITH k AS MATERIALIZED (\
         SELECT value ->> 'id' AS id, value ->> 'name' AS name FROM json_each($1)), \
         by_number AS MATERIALIZED (SELECT k.id, k.name, (SELECT sequence FROM ledger \
         WHERE row_id = k.id AND row_state IS NOT NULL ORDER BY sequence DESC LIMIT 1) AS sequence \
         FROM k), found AS MATERIALIZED (SELECT sequence FROM by_number \
         UNION SELECT (SELECT sequence FROM ledger \
         WHERE subject = n.name AND sequence > coalesce(n.sequence, 0) \
         AND payload ->> '$.made.row' = n.id AND payload ->> '$.made.state' IS NOT NULL \
         ORDER BY sequence DESC LIMIT 1) FROM by_number n) SELECT ",
        linked!(sqlite),
        "FROM found JOIN ledger l ON l.sequence = found.sequence ORDER BY l.sequence"
    ),
    postgres: concat!(
        "WITH k AS MATERIALIZED (\
         SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(id bigint, name text)), \
         by_number AS MATERIALIZED (SELECT k.id, k.name, s.sequence FROM k LEFT JOIN LATERAL (\
         SELECT sequence FROM ledger WHERE row_id = k.id AND row_state IS NOT NULL \
         ORDER BY sequence DESC LIMIT 1) s ON true), \
         found AS MATERIALIZED (SELECT sequence FROM by_number \
         UNION SELECT s.sequence FROM by_number n CROSS JOIN LATERAL (\
         SELECT sequence FROM ledger WHERE subject = n.name \
         AND sequence > coalesce(n.sequence, 0) AND payload::json #>> '{made,row}' = n.id::text \
         AND payload::json #>> '{made,state}' IS NOT NULL ORDER BY sequence DESC LIMIT 1) s) SELECT ",
        linked!(postgres),
        "FROM found JOIN ledger l ON l.sequence = found.sequence ORDER BY l.sequence"
    ),
};

/// The entries about some subjects that have made rows which are not there.
const GONE: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.subject IN (SELECT value FROM json_each($1)) \
         AND (l.kind IN ('Invited', 'Adopted') OR l.payload ->> '$.refused' IS NULL \
         AND coalesce(l.payload -> '$.effect.Invite', l.payload -> '$.effect.Adopt') IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM relationships r WHERE r.name = l.subject \
         AND r.first_name = coalesce(l.payload ->> '$.effect.Invite.first.name', \
         l.payload ->> '$.effect.Adopt.first.name') \
         AND r.cloud = l.payload ->> '$.subject.relationship.cloud' \
         AND r.partner = l.payload ->> '$.subject.relationship.partner')"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.subject = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) \
         AND (l.kind IN ('Invited', 'Adopted') OR l.payload::json #>> '{refused}' IS NULL \
         AND coalesce(l.payload::json #> '{effect,Invite}', l.payload::json #> '{effect,Adopt}') \
         IS NOT NULL) \
         AND NOT EXISTS (SELECT 1 FROM relationships r WHERE r.name = l.subject \
         AND r.first_name = coalesce(l.payload::json #>> '{effect,Invite,first,name}', \
         l.payload::json #>> '{effect,Adopt,first,name}') \
         AND r.cloud = l.payload::json #>> '{subject,relationship,cloud}' \
         AND r.partner = l.payload::json #>> '{subject,relationship,partner}')"
    ),
};

/// What the ledger says of rows.
#[derive(Debug, Default)]
pub(super) struct Proof {
    /// The digests under each relationship, by its number.
    pub seals: BTreeMap<i64, Seals>,
    /// What no entry explains, by the number of the relationship.
    pub doubts: BTreeMap<i64, Vec<Unexplained>>,
}

/// Compares relationships with the ledger. Everything that stands under them must be here.
pub(super) async fn of_rows<'a>(
    session: &mut Session,
    rows: &[&RelationshipRow],
    assignments: &[Vec<AssignmentRow>],
    acceptances: impl Iterator<Item = &'a AcceptanceRow> + Clone,
) -> Result<Proof, StoreError> {
    let mut proof = Proof::default();
    if rows.is_empty() {
        return Ok(proof);
    }
    for row in assignments.iter().flatten() {
        proof.seals.entry(row.relationship_id).or_default().assigned(row);
    }
    for row in acceptances.clone() {
        if let Some(id) = row.used_for {
            proof.seals.entry(id).or_default().accepted(row);
        }
    }
    let states = states(session, rows).await?;
    let suspects: Vec<&RelationshipRow> = rows
        .iter()
        .filter(|row| {
            let seals = proof.seals.entry(row.id).or_default();
            let state = states.get(&row.id);
            !state.is_some_and(|state| {
                seals.with(row) == *state
                    || before_it_ended(row).any(|row| seals.with(&row) == *state)
            })
        })
        .copied()
        .collect();
    if suspects.is_empty() {
        return Ok(proof);
    }
    let tables = tables_of(session, &suspects).await?;
    let under: BTreeMap<i64, &Vec<AssignmentRow>> = assignments
        .iter()
        .filter_map(|rows| rows.first().map(|first| (first.relationship_id, rows)))
        .collect();
    for row in suspects {
        let assignments = under.get(&row.id).map(|rows| cells(rows.iter())).unwrap_or_default();
        let used = cells(acceptances.clone().filter(|used| used.used_for == Some(row.id)));
        let compare =
            |row: &RelationshipRow| tables.compare_one(&row.key(), &one(row), &assignments, &used);
        let mut found = compare(row);
        if !found.is_empty() && before_it_ended(row).any(|row| compare(&row).is_empty()) {
            found.clear();
        }
        if found.is_empty() && states.contains_key(&row.id) {
            found.push(Unexplained::differs("relationships", &row.name));
        }
        if !found.is_empty() {
            proof.doubts.insert(row.id, found);
        }
    }
    Ok(proof)
}

/// The last digest that the ledger has of each of these rows, by the number of the row.
async fn states(
    session: &mut Session,
    rows: &[&RelationshipRow],
) -> Result<BTreeMap<i64, Digest>, StoreError> {
    let named = |row: &&RelationshipRow| json!({ "id": row.id, "name": row.name });
    let wanted = json!(rows.iter().map(named).collect::<Vec<_>>()).to_string();
    let found = chain::columns(session, STATES, &[Bound::Text(&wanted)]).await?;
    // A later one takes the place of an earlier one.
    Ok(found.into_iter().filter_map(|beside| beside.row_id.zip(beside.row_state)).collect())
}

/// The row as it was before somebody else ended it, if that may be what happened: an end that nobody of ours recorded
/// is told as such, and nothing is given under it (L12).
fn before_it_ended(row: &RelationshipRow) -> impl Iterator<Item = RelationshipRow> {
    let over = matches!(row.lifecycle.phase(), Phase::Ended | Phase::Ending | Phase::Unknown);
    // What a service ends is recorded by an entry of its own.
    let outside = over && row.ended_at_ms.is_none() && row.service_id.is_none();
    let revisions = if outside { vec![row.revision - 1, row.revision] } else { Vec::new() };
    let lifecycle =
        if row.activated_at_ms.is_some() { Lifecycle::Active } else { Lifecycle::ApprovalPending };
    let row = row.clone();
    revisions.into_iter().map(move |revision| RelationshipRow {
        revision,
        lifecycle: lifecycle.clone(),
        ..row.clone()
    })
}

/// What the entries about some relationships say.
async fn tables_of(session: &mut Session, rows: &[&RelationshipRow]) -> Result<Tables, StoreError> {
    let subjects: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let subjects = json!(subjects).to_string();
    tables(session, &subjects).await
}

async fn tables(session: &mut Session, subjects: &str) -> Result<Tables, StoreError> {
    let mut tables = Tables::of_some();
    for entry in chain::about(session, subjects).await? {
        tables.push(&entry);
    }
    Ok(tables)
}

/// What is said of a row that the ledger knows and the store has not, whichever entry made it.
pub(super) fn missing(table: &str, row: impl Display) -> String {
    format!("row `{row}` of `{table}`: it is gone, and the ledger says it is there")
}

/// Which of these names stand in the ledger as rows that were made, and not in the store.
pub(super) async fn gone(
    session: &mut Session,
    names: &BTreeSet<RelationshipKey>,
) -> Result<BTreeSet<RelationshipKey>, StoreError> {
    if names.is_empty() {
        return Ok(BTreeSet::new());
    }
    let subjects: BTreeSet<String> = names.iter().map(ToString::to_string).collect();
    let subjects = json!(subjects).to_string();
    let found = chain::entries(session, GONE, &[Bound::Text(&subjects)]).await?;
    let made =
        found.iter().filter(|entry| matches!(entry.kind, EntryKind::Invited | EntryKind::Adopted));
    let key = |entry: &Entry| {
        let key = entry.payload.pointer("/subject/relationship")?;
        RelationshipKey::deserialize(key).ok()
    };
    Ok(made.filter_map(key).filter(|key| names.contains(key)).collect())
}

/// What no entry explains of the agreements that these customers accepted, by the content of the acceptance; what the
/// ledger has and the store has not is among it.
pub(super) async fn of_agreements<'a>(
    session: &mut Session,
    customers: &BTreeSet<TenantId>,
    acceptances: impl Iterator<Item = &'a AcceptanceRow>,
) -> Result<BTreeMap<Digest, Unexplained>, StoreError> {
    let subjects: Vec<String> =
        customers.iter().map(|customer| format!("agreement of {customer}")).collect();
    let tables = tables(session, &json!(subjects).to_string()).await?;
    let alone = cells(acceptances.filter(|row| row.used_for.is_none()));
    let content = |row: &Unexplained| row.row.parse().ok();
    let found = tables.compare_agreements(&alone);
    Ok(found.into_iter().filter_map(|found| Some((content(&found)?, found))).collect())
}

fn one<T: Serialize>(row: &T) -> Cells {
    match json!(row) {
        Value::Object(cells) => cells.into_iter().collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Cells::new()
        }
    }
}

fn cells<'a, T: Serialize + 'a>(rows: impl Iterator<Item = &'a T>) -> Vec<Cells> {
    rows.map(one).collect()
}
