//! What the store holds, in a constant number of bulk reads.
//!
//! Never: a read for each row, or two reads at two instants.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{
    Claim, boundaries, chain, proof,
    rows::{AcceptanceRow, AssignmentRow, Millis, RelationshipRow, RoleRow},
    session::{Bound, Connection, Purpose, Session, Statement, both},
};
use crate::{
    domain::{
        ids::{GranteeId, TenantId},
        lifecycle::Lifecycle,
        state::{
            Assignment, Doubts, Flight, Host, Observed, ObservedAssignment, ObservedRelationship,
            RelationshipKey, Roles, seen::ServiceId,
        },
    },
    store::{Scope, StoreError},
};

/// The store's clock, in whole milliseconds. SQLite has none but that of this side.
pub(super) async fn clock(session: &mut Session) -> Result<Timestamp, StoreError> {
    let millis = match session.connection {
        Connection::Sqlite(_) => session.here().into(),
        Connection::Postgres(_) => {
            let now = both(
                "SELECT CAST(CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT) AS TEXT)",
            );
            session.row::<Millis>(now, &[]).await?
        }
    };
    Ok(millis.into())
}

/// The columns of a relationship as JSON.
macro_rules! relationship_json {
    () => {
        "SELECT json_object('id', r.id, 'cloud', r.cloud, 'partner', r.partner, 'name', r.name, \
         'first_name', r.first_name, 'number', r.number, 'owner_instance', r.owner_instance, \
         'owner_namespace', r.owner_namespace, 'owner_name', r.owner_name, 'owner_uid', r.owner_uid, \
         'scope', r.scope, 'revision', r.revision, 'last_change', r.last_change, \
         'customer', r.customer, 'customer_name', r.customer_name, 'partner_name', r.partner_name, \
         'type', r.type, 'lifecycle', r.lifecycle, 'invitation', r.invitation, 'digest', r.digest, \
         'asked', r.asked, 'invited_at_ms', r.invited_at_ms, 'activated_at_ms', r.activated_at_ms, \
         'ends_at_ms', r.ends_at_ms, 'auto_extend', r.auto_extend, 'ceiling', r.ceiling, \
         'ended_at_ms', r.ended_at_ms, 'end_reason', r.end_reason, 'policies', r.policies, \
         'came_at_ms', r.came_at_ms, 'service_id', r.service_id, 'service_host', r.service_host) \
         FROM relationships r "
    };
}
pub(super) use relationship_json;

const ALL_RELATIONSHIPS: Statement = Statement {
    sqlite: relationship_json!(),
    postgres: "SELECT row_to_json(r)::text FROM relationships r",
};

/// The rows of the relationships with these first keys, and of those that an owner has.
const SOME_RELATIONSHIPS: Statement = Statement {
    sqlite: concat!(
        relationship_json!(),
        "WHERE (r.cloud, r.partner, r.first_name) IN (\
         SELECT value ->> 'cloud', value ->> 'partner', value ->> 'name' FROM json_each($1) \
         UNION SELECT cloud, partner, first_name FROM relationships WHERE owner_instance = $2 \
         AND owner_namespace IN (SELECT value FROM json_each($3)))"
    ),
    postgres: "SELECT row_to_json(r)::text FROM relationships r \
               WHERE (r.cloud, r.partner, r.first_name) IN (\
               SELECT k.cloud, k.partner, k.name FROM jsonb_to_recordset($1::jsonb) \
               AS k(cloud text, partner text, name text) \
               UNION SELECT cloud, partner, first_name FROM relationships WHERE owner_instance = $2 \
               AND owner_namespace IN (SELECT jsonb_array_elements_text($3::jsonb)))",
};

/// The assignments of each relationship in one row, of all relationships or of some.
macro_rules! assignments {
    ($sqlite:literal, $postgres:literal) => {
        Statement {
            sqlite: concat!(
                "SELECT json_group_array(json_object('relationship_id', relationship_id, \
                 'grantee_id', grantee_id, 'grantee_kind', grantee_kind, \
                 'grantee_name', grantee_name, 'version', version, 'last_change', last_change, \
                 'recorded', recorded, 'contributions', contributions, \
                 'came_at_ms', came_at_ms)) FROM assignments ",
                $sqlite,
                " GROUP BY relationship_id"
            ),
            postgres: concat!(
                "SELECT json_agg(a)::text FROM assignments a ",
                $postgres,
                " GROUP BY relationship_id"
            ),
        }
    };
}

/// The roles held under each relationship in one row, of all relationships or of some.
macro_rules! roles {
    ($sqlite:literal, $postgres:literal) => {
        Statement {
            sqlite: concat!(
                "SELECT json_group_array(json_object('relationship_id', relationship_id, \
                 'grantee_id', grantee_id, 'role_id', role_id, 'until_ms', until_ms)) \
                 FROM assignment_roles ",
                $sqlite,
                " GROUP BY relationship_id"
            ),
            postgres: concat!(
                "SELECT json_agg(h)::text FROM assignment_roles h ",
                $postgres,
                " GROUP BY relationship_id"
            ),
        }
    };
}

const ALL_ASSIGNMENTS: Statement = assignments!("", "");
pub(super) const SOME_ASSIGNMENTS: Statement = assignments!(
    "WHERE relationship_id IN (SELECT value FROM json_each($1))",
    "WHERE relationship_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)::bigint))"
);
const ALL_ROLES: Statement = roles!("", "");
pub(super) const SOME_ROLES: Statement = roles!(
    "WHERE relationship_id IN (SELECT value FROM json_each($1))",
    "WHERE relationship_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)::bigint))"
);

/// Each acceptance, with the key of the row that it was used for, of all customers or of some.
macro_rules! acceptances {
    ($sqlite:literal, $postgres:literal) => {
        Statement {
            sqlite: concat!(
                "SELECT json_object('content', a.content, 'namespace', a.namespace, \
                 'object', a.object, 'decision', a.decision, 'customer', a.customer, \
                 'partner', a.partner, 'agreement_type', a.agreement_type, \
                 'template_id', a.template_id, 'country', a.country, 'language', a.language, \
                 'document_sha256', a.document_sha256, 'accepted_at_ms', a.accepted_at_ms, \
                 'recorded_at_ms', a.recorded_at_ms, 'person', a.person, 'used_for', a.used_for, \
                 'key', CASE WHEN r.id IS NOT NULL THEN \
                 json_object('cloud', r.cloud, 'partner', r.partner, 'name', r.name) END) \
                 FROM acceptances a LEFT JOIN relationships r ON r.id = a.used_for ",
                $sqlite
            ),
            postgres: concat!(
                "SELECT (to_jsonb(a) || jsonb_build_object('key', \
                 CASE WHEN r.id IS NOT NULL THEN \
                 jsonb_build_object('cloud', r.cloud, 'partner', r.partner, 'name', r.name) \
                 END))::text \
                 FROM acceptances a LEFT JOIN relationships r ON r.id = a.used_for ",
                $postgres
            ),
        }
    };
}

const ALL_ACCEPTANCES: Statement = acceptances!("", "");
const SOME_ACCEPTANCES: Statement = acceptances!(
    "WHERE a.customer IN (SELECT value FROM json_each($1)) \
     OR a.used_for IN (SELECT value FROM json_each($2))",
    "WHERE a.customer = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) \
     OR a.used_for = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)::bigint))"
);

/// How many relationships there are, the last number of one, and the last number that the ledger knows.
const COUNTED: Statement = Statement {
    sqlite: "SELECT json_array((SELECT count(*) FROM relationships), \
             (SELECT coalesce(max(id), 0) FROM relationships), \
             (SELECT coalesce(max(row_id), 0) FROM ledger WHERE row_state IS NOT NULL))",
    postgres: "SELECT json_build_array((SELECT count(*) FROM relationships), \
               (SELECT coalesce(max(id), 0) FROM relationships), \
               (SELECT coalesce(max(row_id), 0) FROM ledger WHERE row_state IS NOT NULL))::text",
};

/// Batches that the ledger knows and the store does not.
const BATCHES_GONE: Statement = both(
    "SELECT DISTINCT subject FROM ledger WHERE kind IN ('Blocked', 'Approved') \
     AND subject NOT IN (SELECT hash FROM batches) ORDER BY subject",
);

/// The relationships at a service that rows are for.
const CLAIMS: Statement = Statement {
    sqlite: "SELECT json_object('id', service_id, 'host', service_host, 'cloud', cloud, 'partner', partner, \
             'name', name, 'first_name', first_name, 'lifecycle', lifecycle, \
             'invited_at_ms', invited_at_ms, 'ends_at_ms', ends_at_ms) \
             FROM relationships WHERE service_id IS NOT NULL",
    postgres: "SELECT json_build_object('id', service_id, 'host', service_host, 'cloud', cloud, \
               'partner', partner, 'name', name, 'first_name', first_name, 'lifecycle', lifecycle, \
               'invited_at_ms', invited_at_ms, 'ends_at_ms', ends_at_ms)::text \
               FROM relationships WHERE service_id IS NOT NULL",
};

/// Whether there are granular relationships that no service carries out.
pub(super) async fn stands_alone(session: &mut Session) -> Result<bool, StoreError> {
    let any = both(
        "SELECT CAST(count(*) AS TEXT) FROM (SELECT 1 FROM relationships WHERE service_id IS NULL \
         AND type = 'GranularDelegatedAdmin' LIMIT 1) AS alone",
    );
    Ok(session.texts(any, &[]).await?.first().is_some_and(|number| number != "0"))
}

/// The relationships at a service that rows are for.
pub(super) async fn claims(session: &mut Session) -> Result<Vec<Claim>, StoreError> {
    #[derive(Deserialize)]
    struct Row {
        id: ServiceId,
        host: Host,
        lifecycle: Lifecycle,
        first_name: EcoString,
        invited_at_ms: Millis,
        ends_at_ms: Option<Millis>,
        #[serde(flatten)]
        key: RelationshipKey,
    }
    let rows: Vec<Row> = session.rows(CLAIMS, &[]).await?;
    let claim = |row: Row| Claim {
        id: row.id,
        host: row.host,
        first: RelationshipKey { name: row.first_name, ..row.key.clone() },
        key: row.key,
        lifecycle: row.lifecycle,
        invited_at: row.invited_at_ms.into(),
        ends_at: row.ends_at_ms.map(Into::into),
    };
    Ok(rows.into_iter().map(claim).collect())
}

#[derive(Deserialize)]
struct UsedAcceptance {
    #[serde(flatten)]
    row: AcceptanceRow,
    key: Option<RelationshipKey>,
}

/// What the store holds within a scope, at one instant.
pub(super) async fn observe(session: &mut Session, scope: &Scope) -> Result<Observed, StoreError> {
    session.begin(Purpose::Read).await?;
    let observed = read(session, scope).await;
    match observed {
        Ok(observed) => {
            session.commit().await?;
            Ok(observed)
        }
        Err(error) => {
            session.rollback().await;
            Err(error)
        }
    }
}

/// The rows of a scope.
struct Found {
    relationships: Vec<RelationshipRow>,
    assignments: Vec<Vec<AssignmentRow>>,
    roles: Vec<Vec<RoleRow>>,
    acceptances: Vec<UsedAcceptance>,
    boundaries: boundaries::Remembered,
}

async fn read(session: &mut Session, scope: &Scope) -> Result<Observed, StoreError> {
    let head = session.row(chain::HEAD, &[]).await?;
    chain::check_end(session, head).await?;
    let found = match scope {
        Scope::All => Found {
            relationships: session.rows(ALL_RELATIONSHIPS, &[]).await?,
            assignments: session.rows(ALL_ASSIGNMENTS, &[]).await?,
            roles: session.rows(ALL_ROLES, &[]).await?,
            acceptances: session.rows(ALL_ACCEPTANCES, &[]).await?,
            boundaries: boundaries::all(session).await?,
        },
        Scope::Of { keys, customers, owned, bounded, adopted: _ } => {
            let (instance, namespaces) = owned.as_ref().map_or_else(
                || (String::new(), "[]".to_owned()),
                |(instance, namespaces)| (instance.0.to_string(), json!(namespaces).to_string()),
            );
            let keys = json!(keys).to_string();
            let bound = [&keys, &instance, &namespaces].map(|text| Bound::Text(text));
            let rows: Vec<RelationshipRow> = session.rows(SOME_RELATIONSHIPS, &bound).await?;
            let ids: BTreeSet<i64> = rows.iter().map(|row| row.id).collect();
            let customers: BTreeSet<&TenantId> =
                rows.iter().map(|row| &row.customer).chain(customers).collect();
            let (ids, customers) = (json!(ids).to_string(), json!(customers).to_string());
            Found {
                assignments: session.rows(SOME_ASSIGNMENTS, &[Bound::Text(&ids)]).await?,
                roles: session.rows(SOME_ROLES, &[Bound::Text(&ids)]).await?,
                acceptances: session
                    .rows(SOME_ACCEPTANCES, &[Bound::Text(&customers), Bound::Text(&ids)])
                    .await?,
                boundaries: match bounded {
                    Some((instance, namespaces)) => {
                        boundaries::of(session, instance, namespaces).await?
                    }
                    None => boundaries::Remembered::new(),
                },
                relationships: rows,
            }
        }
    };
    let now = clock(session).await?;
    let doubts = doubts(session, scope, &found).await?;
    let acceptances = found
        .acceptances
        .into_iter()
        .filter(|used| !doubts.acceptances.contains_key(&used.row.content))
        .map(|UsedAcceptance { row, key }| (row.content, row.observed(key)))
        .collect();
    let relationships = families(found.relationships, found.assignments, found.roles);
    let boundaries = found.boundaries;
    Ok(Observed { now, relationships, acceptances, boundaries, doubts, service: None })
}

/// What of the rows the ledger does not explain, and what it knows and is not there.
async fn doubts(session: &mut Session, scope: &Scope, found: &Found) -> Result<Doubts, StoreError> {
    let Found { relationships, assignments, roles: _, acceptances, boundaries: _ } = found;
    let rows: Vec<&RelationshipRow> = relationships.iter().collect();
    let used = acceptances.iter().map(|used| &used.row);
    let proof = proof::of_rows(session, &rows, assignments, used.clone()).await?;
    let mut doubts = Doubts::default();
    for row in relationships {
        let Some(found) = proof.doubts.get(&row.id) else { continue };
        let told = doubts.relationships.entry(row.first()).or_default();
        told.extend(found.iter().map(ToString::to_string));
    }
    for key in proof::gone(session, &expected(scope, relationships)).await? {
        let gone = proof::missing("relationships", &key);
        let of_family = |row: &&RelationshipRow| successor(row) == key;
        let first = relationships
            .iter()
            .find(of_family)
            .map_or_else(|| key.clone(), RelationshipRow::first);
        doubts.relationships.entry(first).or_default().push(gone);
    }
    let mut customers: BTreeSet<TenantId> = used
        .clone()
        .map(|row| row.customer)
        .chain(relationships.iter().map(|row| row.customer))
        .collect();
    if let Scope::Of { customers: more, .. } = scope {
        customers.extend(more);
    }
    let agreements = proof::of_agreements(session, &customers, used).await?;
    doubts.acceptances =
        agreements.into_iter().map(|(content, found)| (content, found.to_string())).collect();
    if matches!(scope, Scope::All | Scope::Of { owned: Some(_), .. }) {
        doubts.gone = gone(session).await?;
    }
    Ok(doubts)
}

/// The names that are not there and would be, had somebody removed the row: those that were asked for, and the next
/// one of each family.
fn expected(scope: &Scope, rows: &[RelationshipRow]) -> BTreeSet<RelationshipKey> {
    let there: BTreeSet<RelationshipKey> =
        rows.iter().flat_map(|row| [row.key(), row.first()]).collect();
    let asked = match scope {
        Scope::All => None,
        Scope::Of { keys, .. } => Some(keys),
    };
    let asked = asked.into_iter().flatten().filter(|key| !there.contains(*key)).cloned();
    let next = rows.iter().map(successor).filter(|key| !there.contains(key));
    asked.chain(next).collect()
}

/// The name that the successor of a row has.
fn successor(row: &RelationshipRow) -> RelationshipKey {
    RelationshipKey { name: format!("{}-{}", row.first_name, row.number + 1).into(), ..row.key() }
}

/// What is missing of rows that are never removed.
async fn gone(session: &mut Session) -> Result<Vec<String>, StoreError> {
    let (count, last, known): (i64, i64, i64) = session.row(COUNTED, &[]).await?;
    let mut gone = Vec::new();
    let missing = last.max(known) - count;
    if missing > 0 {
        let rows = if missing == 1 { "1 row" } else { &format!("{missing} rows") };
        gone.push(format!("{rows} of `relationships`: gone, and the ledger says they are there"));
    }
    let batches = session.texts(BATCHES_GONE, &[]).await?;
    gone.extend(batches.into_iter().map(|hash| {
        let short: String = hash.chars().take(12).collect();
        proof::missing("batches", short)
    }));
    Ok(gone)
}

pub(super) type Families = BTreeMap<RelationshipKey, Vec<ObservedRelationship>>;

pub(super) fn families(
    relationships: Vec<RelationshipRow>,
    assignments: Vec<Vec<AssignmentRow>>,
    roles: Vec<Vec<RoleRow>>,
) -> Families {
    let mut held: BTreeMap<(i64, GranteeId), Roles> = BTreeMap::new();
    for row in roles.into_iter().flatten() {
        let roles = held.entry((row.relationship_id, row.grantee_id)).or_default();
        roles.insert(row.role_id, row.until_ms.into());
    }
    let mut by_relationship: BTreeMap<i64, BTreeMap<GranteeId, ObservedAssignment>> =
        BTreeMap::new();
    for row in assignments.into_iter().flatten() {
        let assignment = ObservedAssignment {
            grantee: row.grantee(),
            version: row.version,
            state: Assignment {
                roles: held.remove(&(row.relationship_id, row.grantee_id)).unwrap_or_default(),
                recorded: row.recorded.value,
                contributions: row.contributions.value,
            },
            flight: Flight::Landed,
        };
        let assignments = by_relationship.entry(row.relationship_id).or_default();
        assignments.insert(row.grantee_id, assignment);
    }
    let mut families = Families::new();
    for row in relationships {
        let assignments = by_relationship.remove(&row.id).unwrap_or_default();
        let family = families.entry(row.first()).or_insert_with(|| Vec::with_capacity(1));
        family.push(row.observed(assignments));
    }
    for rows in families.values_mut() {
        rows.sort_by_key(|row| row.number);
    }
    families
}
