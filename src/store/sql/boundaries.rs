//! What the store remembers of the boundaries of namespaces: what the last entry about each says.
//!
//! Never: a namespace that holds rows and counts as one of which nothing is known.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use serde::Deserialize;
use serde_json::json;

use super::{
    chain::{self, linked},
    session::{Bound, Session, Statement},
};
use crate::{
    domain::{
        change::Effect,
        entry::{Entry, EntryKind, Recorded, boundary_subject},
        state::{Instance, NamespaceBoundary, ObservedBoundary},
    },
    store::StoreError,
};

/// By instance and namespace.
pub(super) type Remembered = BTreeMap<(Instance, EcoString), ObservedBoundary>;

/// Entries that set boundaries, by what they are about. One whose subject is not what its payload says is among them,
/// so that none is hidden by a change of its subject, or of its kind; what was refused is not.
macro_rules! set {
    ($kinds:literal, $sqlite:literal, $postgres:literal) => {
        Statement {
            sqlite: concat!(
                "WITH found AS MATERIALIZED (\
                 SELECT sequence FROM ledger WHERE subject IN (",
                $sqlite,
                ") AND (kind = 'BoundarySet' OR payload ->> '$.refused' IS NULL) \
                 UNION SELECT sequence FROM ledger WHERE kind = 'BoundarySet' AND (",
                $kinds,
                " OR subject IS DISTINCT FROM \
                 'boundary of ' || (payload ->> '$.effect.SetBoundary.namespace'))) SELECT ",
                linked!(sqlite),
                "FROM found JOIN ledger l ON l.sequence = found.sequence ORDER BY l.sequence"
            ),
            postgres: concat!(
                "WITH found AS MATERIALIZED (\
                 SELECT sequence FROM ledger WHERE subject = ANY (ARRAY(",
                $postgres,
                ")) AND (kind = 'BoundarySet' OR payload::json #>> '{refused}' IS NULL) \
                 UNION SELECT sequence FROM ledger WHERE kind = 'BoundarySet' AND (",
                $kinds,
                " OR subject IS DISTINCT FROM \
                 'boundary of ' || (payload::json #>> '{effect,SetBoundary,namespace}'))) SELECT ",
                linked!(postgres),
                "FROM found JOIN ledger l ON l.sequence = found.sequence ORDER BY l.sequence"
            ),
        }
    };
}

/// All, and those of each namespace that holds rows.
const ALL: Statement = set!(
    "true",
    "SELECT 'boundary of ' || owner_namespace FROM relationships",
    "SELECT DISTINCT 'boundary of ' || owner_namespace FROM relationships"
);

const SOME: Statement =
    set!("false", "SELECT value FROM json_each($1)", "SELECT jsonb_array_elements_text($1::jsonb)");

/// Under which names the rows of these namespaces count, the name of the most rows last.
const TOLD_BY_ROWS: Statement = Statement {
    sqlite: "SELECT json_object('namespace', owner_namespace, 'name', scope) FROM relationships \
             WHERE owner_instance = $1 AND owner_namespace IN (SELECT value FROM json_each($2)) \
             GROUP BY owner_namespace, scope ORDER BY count(*), scope",
    postgres: "SELECT json_build_object('namespace', owner_namespace, 'name', scope)::text \
               FROM relationships WHERE owner_instance = $1 \
               AND owner_namespace = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
               GROUP BY owner_namespace, scope ORDER BY count(*), scope",
};

#[derive(Deserialize)]
struct Told {
    namespace: String,
    name: String,
}

/// Every boundary that is remembered.
pub(super) async fn all(session: &mut Session) -> Result<Remembered, StoreError> {
    let entries = chain::entries(session, ALL, &[]).await?;
    observed(session, entries)
}

/// What bounds these namespaces of an instance. Where only rows tell of it, it is what held before boundaries were
/// remembered, or without one: anything within the default limits, counted under the name that the rows carry.
pub(super) async fn of(
    session: &mut Session,
    instance: &Instance,
    namespaces: &BTreeSet<EcoString>,
) -> Result<Remembered, StoreError> {
    let subjects: Vec<String> = namespaces.iter().map(|name| boundary_subject(name)).collect();
    let subjects = json!(subjects).to_string();
    let entries = chain::entries(session, SOME, &[Bound::Text(&subjects)]).await?;
    let mut known = observed(session, entries)?;
    known.retain(|(of, _), _| of == instance);
    let key = |namespace: &EcoString| (instance.clone(), namespace.clone());
    let unknown: BTreeSet<&EcoString> =
        namespaces.iter().filter(|namespace| !known.contains_key(&key(namespace))).collect();
    if unknown.is_empty() {
        return Ok(known);
    }
    let bound = json!(unknown).to_string();
    let told: Vec<Told> =
        session.rows(TOLD_BY_ROWS, &[Bound::Text(&instance.0), Bound::Text(&bound)]).await?;
    for Told { namespace, name } in told {
        let boundary = NamespaceBoundary { name, ..NamespaceBoundary::default() };
        known.insert(key(&namespace.into()), ObservedBoundary { boundary, revision: 0 });
    }
    Ok(known)
}

fn observed(session: &Session, entries: Vec<Entry>) -> Result<Remembered, StoreError> {
    let mut remembered = Remembered::new();
    let sets = |entry: &Entry| entry.kind == EntryKind::BoundarySet;
    for entry in entries.into_iter().filter(sets) {
        let recorded = Recorded::read(&entry.payload);
        let Ok(Recorded { effect: Effect::SetBoundary { namespace, after, .. }, subject, .. }) =
            recorded
        else {
            return Err(chain::damaged(session, entry.sequence, "it says no boundary"));
        };
        let key = (subject.owner.instance, namespace);
        let revision = remembered.get(&key).map_or(0, |known| known.revision) + 1;
        remembered.insert(key, ObservedBoundary { boundary: *after, revision });
    }
    Ok(remembered)
}
