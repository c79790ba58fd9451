//! Reads the rows that some changes touch, under the lock that orders writers.
//!
//! Never: a read for each change, or the whole store for a few of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::json;

use super::{
    admit::{Aside, Held, World, Written},
    boundaries, budget,
    chain::{self, linked},
    observe::{SOME_ASSIGNMENTS, clock, relationship_json},
    proof::{self, Proof},
    rows::{AcceptanceRow, AssignmentRow, RelationshipRow, RoleRow},
    session::{Bound, Session, Statement, both},
};
use crate::{
    domain::{
        change::{Change, Effect},
        digest::Digest,
        entry::{self, Entry, EntryKind, Head, Recorded},
        ids::GranteeId,
        limits::{Admitted, Cost, Limits},
        state::{Instance, RelationshipKey, Roles},
    },
    store::StoreError,
};

/// The end of the chain, for the newest session of an instance. Whoever has it is alone among writers until the
/// transaction ends.
pub(super) async fn lock_as(
    session: &mut Session,
    instance: &Instance,
    epoch: i64,
) -> Result<Head, StoreError> {
    let head = lock(session).await?;
    check_epoch(session, instance, epoch).await?;
    Ok(head)
}

/// The end of the chain, for nobody in particular. Who is paused while it has the lock is thrown out by the server, so
/// that the next one need not wait for long.
pub(super) async fn lock(session: &mut Session) -> Result<Head, StoreError> {
    let head = Statement {
        sqlite: "SELECT json_object('sequence', sequence, 'hash', hash) FROM ledger_head",
        postgres: "SELECT json_build_object('sequence', sequence, 'hash', hash)::text \
                   FROM ledger_head, \
                   set_config('idle_in_transaction_session_timeout', '15s', true) \
                   FOR UPDATE OF ledger_head",
    };
    let head = session.row(head, &[]).await?;
    // A statement of its own: one that has waited for the lock sees the ledger as it was before.
    chain::check_end(session, head).await?;
    Ok(head)
}

/// Refuses a session that is no longer the newest of its instance.
async fn check_epoch(
    session: &mut Session,
    instance: &Instance,
    epoch: i64,
) -> Result<(), StoreError> {
    if super::lock::epoch(session, instance).await? == epoch {
        Ok(())
    } else {
        Err(StoreError::StaleEpoch { instance: instance.to_string() })
    }
}

/// Relationships by name, and whole families by their first name. On PostgreSQL they stay as they are until the
/// transaction ends.
const RELATIONSHIPS: Statement = Statement {
    sqlite: concat!(
        relationship_json!(),
        "WHERE r.id IN (SELECT id FROM relationships WHERE (cloud, partner, name) IN (\
         SELECT value ->> 'cloud', value ->> 'partner', value ->> 'name' FROM json_each($1)) \
         UNION SELECT id FROM relationships WHERE (cloud, partner, first_name) IN (\
         SELECT value ->> 'cloud', value ->> 'partner', value ->> 'name' FROM json_each($2)))"
    ),
    postgres: "SELECT row_to_json(r)::text FROM relationships r WHERE r.id IN (\
               SELECT id FROM relationships WHERE (cloud, partner, name) IN (\
               SELECT cloud, partner, name FROM jsonb_to_recordset($1::jsonb) \
               AS k(cloud text, partner text, name text)) \
               UNION SELECT id FROM relationships WHERE (cloud, partner, first_name) IN (\
               SELECT cloud, partner, name FROM jsonb_to_recordset($2::jsonb) \
               AS k(cloud text, partner text, name text))) FOR UPDATE OF r",
};

/// The roles of the assignments that changes touch: of some grantees, and of all under some relationships.
const ROLES: Statement = Statement {
    sqlite: "SELECT json_object('relationship_id', relationship_id, 'grantee_id', grantee_id, \
             'role_id', role_id, 'until_ms', until_ms) \
             FROM assignment_roles WHERE (relationship_id, grantee_id) IN (\
             SELECT value ->> 'relationship_id', value ->> 'grantee_id' FROM json_each($1) \
             UNION SELECT relationship_id, grantee_id FROM assignments \
             WHERE relationship_id IN (SELECT value FROM json_each($2)))",
    postgres: "SELECT row_to_json(h)::text FROM jsonb_to_recordset($1::jsonb) \
               AS k(relationship_id bigint, grantee_id text) \
               JOIN assignment_roles h USING (relationship_id, grantee_id) \
               UNION ALL SELECT row_to_json(h)::text FROM assignment_roles h WHERE relationship_id = ANY (\
               ARRAY(SELECT jsonb_array_elements_text($2::jsonb)::bigint))",
};

const MADE: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.change_id IN (SELECT value FROM json_each($1))"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l \
         WHERE l.change_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))"
    ),
};

const ACCEPTED: Statement = Statement {
    sqlite: "SELECT json_quote(content) FROM acceptances \
             WHERE content IN (SELECT value FROM json_each($1))",
    postgres: "SELECT to_json(content)::text FROM acceptances \
               WHERE content = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

/// The acceptances that were used for some relationships.
const USED: Statement = Statement {
    sqlite: "SELECT json_object('content', content, 'namespace', namespace, 'object', object, \
             'decision', decision, 'customer', customer, 'partner', partner, \
             'agreement_type', agreement_type, 'template_id', template_id, 'country', country, \
             'language', language, 'document_sha256', document_sha256, \
             'accepted_at_ms', accepted_at_ms, 'recorded_at_ms', recorded_at_ms, \
             'person', person, 'used_for', used_for) FROM acceptances \
             WHERE used_for IN (SELECT value FROM json_each($1))",
    postgres: "SELECT row_to_json(a)::text FROM acceptances a WHERE used_for = ANY (\
               ARRAY(SELECT jsonb_array_elements_text($1::jsonb)::bigint))",
};

/// Everything that the changes touch.
pub(super) async fn world<'a>(
    session: &mut Session,
    instance: &'a Instance,
    changes: &[Admitted],
    limits: &'a BTreeMap<String, Limits>,
    aside: Aside<'a>,
) -> Result<World<'a>, StoreError> {
    let now = clock(session).await?;
    let here = session.here();
    let relationships = relationships(session, changes).await?;
    let under = under(session, &relationships).await?;
    let assignments = assignments(session, changes, &relationships, &under).await?;

    let ids: Vec<Digest> = changes.iter().map(Admitted::id).collect();
    let made = chain::entries(session, MADE, &[Bound::Text(&json!(ids).to_string())]).await?;
    let contents: BTreeSet<Digest> = changes
        .iter()
        .filter_map(|admitted| entry::acceptance(&admitted.change.effect))
        .map(|acceptance| acceptance.content)
        .collect();
    let mut accepted: Vec<Digest> = if contents.is_empty() {
        Vec::new()
    } else {
        session.rows(ACCEPTED, &[Bound::Text(&json!(contents).to_string())]).await?
    };
    if !contents.is_empty() {
        let subjects: BTreeSet<String> =
            changes.iter().map(|admitted| entry::subject(&admitted.change)).collect();
        let subjects = json!(subjects).to_string();
        let told = chain::about(session, &subjects).await?;
        accepted.extend(told.iter().filter_map(content));
    }
    let proof = proof(session, &relationships, &under).await?;
    let invited: BTreeSet<RelationshipKey> = changes
        .iter()
        .filter(|admitted| admitted.change.effect.makes_row().is_some())
        .filter_map(|admitted| admitted.change.subject.relationship.clone())
        .filter(|key| !relationships.contains_key(key))
        .collect();
    let gone = proof::gone(session, &invited).await?;
    let next_id = both("SELECT CAST(coalesce(max(id), 0) + 1 AS TEXT) FROM relationships");
    let next_id = session.row(next_id, &[]).await?;
    let budgets = budgets(session, changes, limits, now).await?;
    let boundaries = boundaries(session, instance, changes).await?;
    let began = session.judged.began(now);
    Ok(World {
        now,
        began,
        here,
        instance,
        limits,
        budgets,
        made: made.iter().filter_map(change_id).collect(),
        relationships,
        assignments,
        boundaries,
        carried: BTreeMap::new(),
        accepted: accepted.into_iter().collect(),
        seals: proof.seals,
        doubts: proof.doubts,
        gone,
        next_id,
        aside,
        open: Vec::new(),
        written: Written::default(),
    })
}

/// The change that an entry says was made.
fn change_id(entry: &Entry) -> Option<Digest> {
    Digest::deserialize(entry.payload.get("change")?).ok()
}

/// The acceptance that an entry says was recorded, whether or not the store still has it.
fn content(entry: &Entry) -> Option<Digest> {
    if entry.kind == EntryKind::Refused {
        return None;
    }
    let recorded = Recorded::read(&entry.payload).ok()?;
    Some(entry::acceptance(&recorded.effect)?.content)
}

/// Everything that is recorded under the relationships that are touched.
async fn under(
    session: &mut Session,
    relationships: &BTreeMap<RelationshipKey, RelationshipRow>,
) -> Result<Vec<Vec<AssignmentRow>>, StoreError> {
    if relationships.is_empty() {
        return Ok(Vec::new());
    }
    let ids = ids(relationships);
    session.rows(SOME_ASSIGNMENTS, &[Bound::Text(&ids)]).await
}

/// What the ledger says of the relationships that are touched, with all that stands under them.
async fn proof(
    session: &mut Session,
    relationships: &BTreeMap<RelationshipKey, RelationshipRow>,
    under: &[Vec<AssignmentRow>],
) -> Result<Proof, StoreError> {
    if relationships.is_empty() {
        return Ok(Proof::default());
    }
    let ids = ids(relationships);
    let used: Vec<AcceptanceRow> = session.rows(USED, &[Bound::Text(&ids)]).await?;
    let rows: Vec<&RelationshipRow> = relationships.values().collect();
    proof::of_rows(session, &rows, under, used.iter()).await
}

fn ids(relationships: &BTreeMap<RelationshipKey, RelationshipRow>) -> String {
    json!(relationships.values().map(|row| row.id).collect::<Vec<_>>()).to_string()
}

async fn relationships(
    session: &mut Session,
    changes: &[Admitted],
) -> Result<BTreeMap<RelationshipKey, RelationshipRow>, StoreError> {
    let changes = || changes.iter().map(|admitted| &admitted.change);
    let named: BTreeSet<&RelationshipKey> =
        changes().filter_map(|change| change.subject.relationship.as_ref()).collect();
    let firsts: BTreeSet<&RelationshipKey> = changes()
        .filter_map(|change| change.effect.makes_row().map(|(first, _, _)| first))
        .collect();
    let (named, firsts) = (json!(named).to_string(), json!(firsts).to_string());
    let bound = [Bound::Text(&named), Bound::Text(&firsts)];
    let rows: Vec<RelationshipRow> = session.rows(RELATIONSHIPS, &bound).await?;
    Ok(rows.into_iter().map(|row| (row.key(), row)).collect())
}

async fn assignments(
    session: &mut Session,
    changes: &[Admitted],
    relationships: &BTreeMap<RelationshipKey, RelationshipRow>,
    under: &[Vec<AssignmentRow>],
) -> Result<BTreeMap<(i64, GranteeId), Held>, StoreError> {
    let id = |change: &Change| Some(relationships.get(change.subject.relationship.as_ref()?)?.id);
    let mut pairs = BTreeSet::new();
    let mut ended = BTreeSet::new();
    for Admitted { change, .. } in changes {
        match (&change.effect, id(change)) {
            (Effect::SetRoles { grantee, .. }, Some(id)) => drop(pairs.insert((id, grantee.id))),
            (Effect::Terminate { .. }, Some(id)) => drop(ended.insert(id)),
            (_, _) => {}
        }
    }
    if pairs.is_empty() && ended.is_empty() {
        return Ok(BTreeMap::new());
    }
    let at = |row: &AssignmentRow| (row.relationship_id, row.grantee_id);
    let is_touched =
        |row: &&AssignmentRow| pairs.contains(&at(row)) || ended.contains(&row.relationship_id);
    let held = |row: &AssignmentRow| {
        let (version, came_at_ms) = (row.version, row.came_at_ms);
        (at(row), Held { version, came_at_ms, roles: Roles::new() })
    };
    let mut assignments: BTreeMap<_, _> =
        under.iter().flatten().filter(is_touched).map(held).collect();
    let pair =
        |(id, grantee): &(i64, GranteeId)| json!({ "relationship_id": id, "grantee_id": grantee });
    let pairs: Vec<_> = pairs.iter().map(pair).collect();
    let (pairs, ended) = (json!(pairs).to_string(), json!(ended).to_string());
    let roles: Vec<RoleRow> =
        session.rows(ROLES, &[Bound::Text(&pairs), Bound::Text(&ended)]).await?;
    for role in roles {
        if let Some(held) = assignments.get_mut(&(role.relationship_id, role.grantee_id)) {
            held.roles.insert(role.role_id, role.until_ms.into());
        }
    }
    Ok(assignments)
}

/// What bounds the namespaces whose boundaries are set.
async fn boundaries(
    session: &mut Session,
    instance: &Instance,
    changes: &[Admitted],
) -> Result<boundaries::Remembered, StoreError> {
    let mut namespaces = BTreeSet::new();
    for admitted in changes {
        if let Effect::SetBoundary { namespace, .. } = &admitted.change.effect {
            namespaces.insert(namespace.clone());
        }
    }
    if namespaces.is_empty() {
        return Ok(boundaries::Remembered::new());
    }
    boundaries::of(session, instance, &namespaces).await
}

/// The budgets that the changes take from, with as little reading as they need.
async fn budgets(
    session: &mut Session,
    changes: &[Admitted],
    limits: &BTreeMap<String, Limits>,
    now: Timestamp,
) -> Result<BTreeMap<String, crate::domain::limits::Budget>, StoreError> {
    let takes =
        |admitted: &&Admitted| admitted.approved.is_some() || admitted.cost != Cost::default();
    let mut scopes: BTreeMap<String, Limits> = changes
        .iter()
        .filter(takes)
        .map(|admitted| {
            let limits = limits.get(&admitted.scope).cloned().unwrap_or_default();
            (admitted.scope.clone(), limits)
        })
        .collect();
    for admitted in changes {
        let Effect::SetBoundary { before, after, .. } = &admitted.change.effect else { continue };
        if let Some(before) = before.as_deref().filter(|before| before.name != after.name) {
            for name in [&before.name, &after.name] {
                scopes.entry(name.clone()).or_insert_with(|| after.bounds.limits.clone());
            }
        }
    }
    if scopes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let shares = |admitted: &Admitted| admitted.cost.revocations + admitted.cost.terminations > 0;
    let is_judged = session.judged.has(scopes.keys());
    let counted = if changes.iter().any(shares) && !is_judged {
        budget::Shares::Count
    } else {
        budget::Shares::Skip
    };
    let mut budgets = budget::budgets(session, &scopes, counted, now).await?;
    if is_judged {
        session.judged.complete(&mut budgets);
    }
    Ok(budgets)
}
