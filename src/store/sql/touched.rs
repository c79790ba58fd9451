//! Reads the rows that some changes touch, under the lock that orders writers.
//!
//! Never: a read for each change, or the whole store for a few of them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    admit::{Held, World, Written},
    budget,
    observe::{clock, relationship_json},
    rows::{RelationshipRow, RoleRow},
    session::{Bound, Session, Statement, both},
};
use crate::{
    domain::{
        digest::Digest,
        entry::{self, Head},
        ids::GranteeId,
        limits::{Admitted, Cost, Limits},
        plan::{Change, Effect},
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
    session.row(head, &[]).await
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

/// How often what is assigned was changed, by relationship and grantee, and all of some relationships.
const VERSIONS: Statement = Statement {
    sqlite: "SELECT json_object('relationship_id', relationship_id, 'grantee_id', grantee_id, \
             'version', version) FROM assignments WHERE (relationship_id, grantee_id) IN (\
             SELECT value ->> 'relationship_id', value ->> 'grantee_id' FROM json_each($1) \
             UNION SELECT relationship_id, grantee_id FROM assignments \
             WHERE relationship_id IN (SELECT value FROM json_each($2)))",
    postgres: "SELECT json_build_object('relationship_id', a.relationship_id, \
               'grantee_id', a.grantee_id, 'version', a.version)::text FROM (\
               SELECT a.* FROM jsonb_to_recordset($1::jsonb) \
               AS k(relationship_id bigint, grantee_id text) \
               JOIN assignments a USING (relationship_id, grantee_id) \
               UNION ALL SELECT a.* FROM assignments a WHERE relationship_id = ANY (\
               ARRAY(SELECT jsonb_array_elements_text($2::jsonb)::bigint))) a",
};

#[derive(Deserialize)]
struct Versioned {
    relationship_id: i64,
    grantee_id: GranteeId,
    version: i64,
}

/// The roles of the same.
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
    sqlite: "SELECT json_quote(change_id) FROM ledger \
             WHERE change_id IN (SELECT value FROM json_each($1))",
    postgres: "SELECT to_json(change_id)::text FROM ledger \
               WHERE change_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

const ACCEPTED: Statement = Statement {
    sqlite: "SELECT json_quote(content) FROM acceptances \
             WHERE content IN (SELECT value FROM json_each($1))",
    postgres: "SELECT to_json(content)::text FROM acceptances \
               WHERE content = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

/// Everything that the changes touch.
pub(super) async fn world<'a>(
    session: &mut Session,
    instance: &'a Instance,
    changes: &[Admitted],
    limits: &'a BTreeMap<String, Limits>,
) -> Result<World<'a>, StoreError> {
    let now = clock(session).await?;
    let here = session.here();
    let relationships = relationships(session, changes).await?;
    let assignments = assignments(session, changes, &relationships).await?;

    let ids: Vec<Digest> = changes.iter().map(Admitted::id).collect();
    let made: Vec<Digest> = session.rows(MADE, &[Bound::Text(&json!(ids).to_string())]).await?;
    let contents: BTreeSet<Digest> = changes
        .iter()
        .filter_map(|admitted| entry::acceptance(&admitted.change.effect))
        .map(|acceptance| acceptance.content)
        .collect();
    let accepted: Vec<Digest> = if contents.is_empty() {
        Vec::new()
    } else {
        session.rows(ACCEPTED, &[Bound::Text(&json!(contents).to_string())]).await?
    };
    let next_id = both("SELECT CAST(coalesce(max(id), 0) + 1 AS TEXT) FROM relationships");
    let next_id = session.row(next_id, &[]).await?;
    let budgets = budgets(session, changes, limits, now).await?;
    Ok(World {
        now,
        here,
        instance,
        limits,
        budgets,
        made: made.into_iter().collect(),
        relationships,
        assignments,
        accepted: accepted.into_iter().collect(),
        next_id,
        written: Written::default(),
    })
}

async fn relationships(
    session: &mut Session,
    changes: &[Admitted],
) -> Result<BTreeMap<RelationshipKey, RelationshipRow>, StoreError> {
    let changes = || changes.iter().map(|admitted| &admitted.change);
    let named: BTreeSet<&RelationshipKey> =
        changes().filter_map(|change| change.subject.relationship.as_ref()).collect();
    let firsts: BTreeSet<&RelationshipKey> = changes()
        .filter_map(|change| {
            if let Effect::Invite { first, .. } = &change.effect { Some(first) } else { None }
        })
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
) -> Result<BTreeMap<(i64, GranteeId), Held>, StoreError> {
    let id = |change: &Change| Some(relationships.get(change.subject.relationship.as_ref()?)?.id);
    let mut pairs = Vec::new();
    let mut ended = Vec::new();
    for Admitted { change, .. } in changes {
        match (&change.effect, id(change)) {
            (Effect::SetRoles { grantee, .. }, Some(id)) => {
                pairs.push(json!({ "relationship_id": id, "grantee_id": grantee.id }));
            }
            (Effect::Terminate { .. }, Some(id)) => ended.push(id),
            (_, _) => {}
        }
    }
    if pairs.is_empty() && ended.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (pairs, ended) = (json!(pairs).to_string(), json!(ended).to_string());
    let bound = [Bound::Text(&pairs), Bound::Text(&ended)];
    let versions: Vec<Versioned> = session.rows(VERSIONS, &bound).await?;
    let roles: Vec<RoleRow> = session.rows(ROLES, &bound).await?;
    let held = |Versioned { relationship_id, grantee_id, version }| {
        ((relationship_id, grantee_id), Held { version, roles: Roles::new() })
    };
    let mut assignments: BTreeMap<_, _> = versions.into_iter().map(held).collect();
    for role in roles {
        if let Some(held) = assignments.get_mut(&(role.relationship_id, role.grantee_id)) {
            held.roles.insert(role.role_id, role.until_ms.into());
        }
    }
    Ok(assignments)
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
    let scopes: BTreeMap<String, Limits> = changes
        .iter()
        .filter(takes)
        .map(|admitted| {
            let limits = limits.get(&admitted.scope).cloned().unwrap_or_default();
            (admitted.scope.clone(), limits)
        })
        .collect();
    if scopes.is_empty() {
        return Ok(BTreeMap::new());
    }
    let shares = |admitted: &Admitted| admitted.cost.revocations + admitted.cost.terminations > 0;
    let counted =
        if changes.iter().any(shares) { budget::Shares::Count } else { budget::Shares::Skip };
    budget::budgets(session, &scopes, counted, now).await
}
