//! Writes what was admitted: one bulk statement for each table.
//!
//! Never: touches a role that the change leaves as it is, since somebody else may be removing it just now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    admit::{Held, World, Written, in_millis},
    errands::ErrandRow,
    error::Failure,
    rows::{Millis, NewEntryRow, PersonRow, RoleRow},
    session::{Bound, Session, Statement, both},
};
use crate::{
    domain::{
        duration::Duration,
        entry::{Chained, Draft, Head, Made, PersonRecord},
        ids::{GranteeId, RoleId},
    },
    store::StoreError,
};

/// What the database holds for each assignment that is touched.
pub(super) type Stored = BTreeMap<(i64, GranteeId), Held>;

/// A statement on the rows of `$1`, each parsed once and not once for each of its columns.
macro_rules! rows {
    ($statement:literal) => {
        concat!(
            "WITH rows (value) AS MATERIALIZED (SELECT jsonb(value) FROM json_each($1)) ",
            $statement
        )
    };
}

const RELATIONSHIPS: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO relationships (id, cloud, partner, name, first_name, number, \
             owner_instance, owner_namespace, owner_name, owner_uid, scope, revision, last_change, \
             customer, customer_name, partner_name, type, lifecycle, invitation, digest, asked, \
             invited_at_ms, activated_at_ms, ends_at_ms, auto_extend, ceiling, ended_at_ms, \
             end_reason, policies, came_at_ms, service_id, service_host) \
             SELECT value ->> 'id', value ->> 'cloud', value ->> 'partner', value ->> 'name', \
             value ->> 'first_name', value ->> 'number', value ->> 'owner_instance', \
             value ->> 'owner_namespace', value ->> 'owner_name', value ->> 'owner_uid', \
             value ->> 'scope', value ->> 'revision', value ->> 'last_change', \
             value ->> 'customer', value ->> 'customer_name', value ->> 'partner_name', \
             value ->> 'type', value ->> 'lifecycle', value ->> 'invitation', value ->> 'digest', \
             value ->> 'asked', value ->> 'invited_at_ms', value ->> 'activated_at_ms', \
             value ->> 'ends_at_ms', value ->> 'auto_extend', value ->> 'ceiling', \
             value ->> 'ended_at_ms', value ->> 'end_reason', value ->> 'policies', \
             value ->> 'came_at_ms', value ->> 'service_id', value ->> 'service_host' \
             FROM rows WHERE true \
             ON CONFLICT (id) DO UPDATE SET owner_instance = excluded.owner_instance, \
             owner_namespace = excluded.owner_namespace, owner_name = excluded.owner_name, \
             owner_uid = excluded.owner_uid, scope = excluded.scope, revision = excluded.revision, \
             last_change = excluded.last_change, lifecycle = excluded.lifecycle, \
             activated_at_ms = excluded.activated_at_ms, ends_at_ms = excluded.ends_at_ms, \
             auto_extend = excluded.auto_extend, ceiling = excluded.ceiling, \
             ended_at_ms = excluded.ended_at_ms, end_reason = excluded.end_reason, \
             policies = excluded.policies, \
             customer_name = excluded.customer_name, partner_name = excluded.partner_name, \
             came_at_ms = excluded.came_at_ms"
    ),
    postgres: "INSERT INTO relationships \
               SELECT * FROM jsonb_populate_recordset(NULL::relationships, $1::jsonb) \
               ON CONFLICT (id) DO UPDATE SET owner_instance = excluded.owner_instance, \
               owner_namespace = excluded.owner_namespace, owner_name = excluded.owner_name, \
               owner_uid = excluded.owner_uid, scope = excluded.scope, revision = excluded.revision, \
               last_change = excluded.last_change, lifecycle = excluded.lifecycle, \
               activated_at_ms = excluded.activated_at_ms, ends_at_ms = excluded.ends_at_ms, \
               auto_extend = excluded.auto_extend, ceiling = excluded.ceiling, \
               ended_at_ms = excluded.ended_at_ms, end_reason = excluded.end_reason, \
               policies = excluded.policies, \
               customer_name = excluded.customer_name, partner_name = excluded.partner_name, \
               came_at_ms = excluded.came_at_ms",
};

const ASSIGNMENTS: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind, grantee_name, \
             version, last_change, recorded, contributions, came_at_ms) \
             SELECT value ->> 'relationship_id', value ->> 'grantee_id', value ->> 'grantee_kind', \
             value ->> 'grantee_name', value ->> 'version', value ->> 'last_change', \
             value ->> 'recorded', value ->> 'contributions', value ->> 'came_at_ms' \
             FROM rows WHERE true \
             ON CONFLICT (relationship_id, grantee_id) DO UPDATE SET \
             grantee_kind = excluded.grantee_kind, grantee_name = excluded.grantee_name, \
             version = excluded.version, last_change = excluded.last_change, \
             recorded = excluded.recorded, contributions = excluded.contributions, \
             came_at_ms = excluded.came_at_ms"
    ),
    postgres: "INSERT INTO assignments \
               SELECT * FROM jsonb_populate_recordset(NULL::assignments, $1::jsonb) \
               ON CONFLICT (relationship_id, grantee_id) DO UPDATE SET \
               grantee_kind = excluded.grantee_kind, grantee_name = excluded.grantee_name, \
               version = excluded.version, last_change = excluded.last_change, \
               recorded = excluded.recorded, contributions = excluded.contributions, \
               came_at_ms = excluded.came_at_ms",
};

const ROLES_REMOVED: Statement = Statement {
    sqlite: "DELETE FROM assignment_roles WHERE (relationship_id, grantee_id, role_id) IN (\
             SELECT value ->> 'relationship_id', value ->> 'grantee_id', value ->> 'role_id' \
             FROM json_each($1))",
    postgres: "DELETE FROM assignment_roles WHERE (relationship_id, grantee_id, role_id) IN (\
               SELECT relationship_id, grantee_id, role_id FROM \
               jsonb_populate_recordset(NULL::assignment_roles, $1::jsonb))",
};

const ROLES_SET: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO assignment_roles (relationship_id, grantee_id, role_id, until_ms) \
             SELECT value ->> 'relationship_id', value ->> 'grantee_id', value ->> 'role_id', \
             value ->> 'until_ms' FROM rows WHERE true \
             ON CONFLICT (relationship_id, grantee_id, role_id) \
             DO UPDATE SET until_ms = excluded.until_ms"
    ),
    postgres: "INSERT INTO assignment_roles \
               SELECT * FROM jsonb_populate_recordset(NULL::assignment_roles, $1::jsonb) \
               ON CONFLICT (relationship_id, grantee_id, role_id) \
               DO UPDATE SET until_ms = excluded.until_ms",
};

const PERSONS: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO persons (hash, salt, content, erased_at_ms) \
             SELECT value ->> 'hash', value ->> 'salt', value ->> 'content', NULL \
             FROM rows"
    ),
    postgres: "INSERT INTO persons SELECT * FROM \
               jsonb_populate_recordset(NULL::persons, $1::jsonb)",
};

const ACCEPTANCES: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO acceptances (content, namespace, object, decision, customer, partner, \
             agreement_type, template_id, country, language, document_sha256, accepted_at_ms, \
             recorded_at_ms, person, used_for) \
             SELECT value ->> 'content', value ->> 'namespace', value ->> 'object', \
             value ->> 'decision', value ->> 'customer', value ->> 'partner', \
             value ->> 'agreement_type', value ->> 'template_id', value ->> 'country', \
             value ->> 'language', value ->> 'document_sha256', value ->> 'accepted_at_ms', \
             value ->> 'recorded_at_ms', value ->> 'person', value ->> 'used_for' \
             FROM rows"
    ),
    postgres: "INSERT INTO acceptances SELECT * FROM \
               jsonb_populate_recordset(NULL::acceptances, $1::jsonb)",
};

/// What was approved and is made does not wait with other ends any more.
const MEMBERS_MADE: Statement = Statement {
    sqlite: "UPDATE batch_members SET made_at_ms = $2 WHERE made_at_ms IS NULL AND \
             matter IN (SELECT value FROM json_each($1))",
    postgres: "UPDATE batch_members SET made_at_ms = $2 WHERE made_at_ms IS NULL AND \
               matter = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

const SPENT: Statement = Statement {
    sqlite: "INSERT INTO spent (scope, at_ms, revocations, terminations, privileged_gains, \
             new_grantees, replacements) \
             SELECT value ->> 'scope', $2, value ->> 'revocations', value ->> 'terminations', \
             value ->> 'privileged_gains', value ->> 'new_grantees', value ->> 'replacements' \
             FROM json_each($1)",
    postgres: "INSERT INTO spent (scope, at_ms, revocations, terminations, privileged_gains, \
               new_grantees, replacements) \
               SELECT scope, $2, revocations, terminations, privileged_gains, new_grantees, \
               replacements FROM jsonb_to_recordset($1::jsonb) AS k(scope text, \
               revocations bigint, terminations bigint, privileged_gains bigint, \
               new_grantees bigint, replacements bigint)",
};

/// At most so many at a time, so that no transaction is long because of them.
const SPENT_LONG_AGO: Statement = Statement {
    sqlite: "DELETE FROM spent WHERE id IN (SELECT p.id FROM spent p \
             JOIN (SELECT value ->> 'scope' AS s, value ->> 'before' AS before FROM json_each($1)) \
             ON p.scope = s AND p.at_ms < before LIMIT 1000)",
    postgres: "DELETE FROM spent WHERE id IN (SELECT p.id FROM spent p \
               JOIN jsonb_to_recordset($1::jsonb) AS k(scope text, before bigint) USING (scope) \
               WHERE p.at_ms < before LIMIT 1000)",
};

/// How long it is kept what was spent, also where the window is shorter.
const SPENT_IS_KEPT_FOR: Duration = Duration::from_days(30);

const LEDGER: Statement = Statement {
    sqlite: rows!(
        "INSERT INTO ledger (sequence, time_ms, kind, subject, actor, intent, payload, \
             previous, hash, row_id, row_state, batch, member) \
             SELECT value ->> 'sequence', value ->> 'time_ms', value ->> 'kind', \
             value ->> 'subject', value ->> 'actor', value ->> 'intent', value ->> 'payload', \
             value ->> 'previous', value ->> 'hash', value ->> 'row_id', value ->> 'row_state', \
             value ->> 'batch', value ->> 'member' FROM rows"
    ),
    postgres: "INSERT INTO ledger (sequence, time_ms, kind, subject, actor, intent, payload, \
               previous, hash, row_id, row_state, batch, member) \
               SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(sequence bigint, \
               time_ms bigint, kind text, subject text, actor text, intent text, payload text, \
               previous text, hash text, row_id bigint, row_state text, batch text, member text)",
};

impl Session {
    async fn bulk<T: serde::Serialize>(
        &mut self,
        statement: Statement,
        rows: &[T],
    ) -> Result<(), Failure> {
        if !rows.is_empty() {
            let rows = serde_json::to_string(rows).expect("rows have text keys");
            self.execute(statement, &[Bound::Text(&rows)]).await?;
        }
        Ok(())
    }
}

/// Writes the rows that `written` names as `world` has them, where `stored` is what the database holds.
pub(super) async fn rows(
    session: &mut Session,
    world: &World<'_>,
    written: &Written,
    stored: &Stored,
) -> Result<(), Failure> {
    let Written { relationships, assignments, acceptances, settled, spent } = written;
    let relationships: Vec<_> =
        relationships.iter().filter_map(|key| world.relationships.get(key)).collect();
    session.bulk(RELATIONSHIPS, &relationships).await?;

    let rows: Vec<_> = assignments.values().collect();
    session.bulk(ASSIGNMENTS, &rows).await?;
    let (removed, set) = role_changes(assignments.keys(), &world.assignments, stored);
    session.bulk(ROLES_REMOVED, &removed).await?;
    session.bulk(ROLES_SET, &set).await?;

    session.bulk(ACCEPTANCES, acceptances).await?;
    let now = Bound::Number(Millis::from(world.now).0);
    if !settled.is_empty() {
        session.execute(MEMBERS_MADE, &[Bound::Text(&json!(settled).to_string()), now]).await?;
    }
    if !spent.is_empty() {
        let spent: Vec<Value> = spent
            .iter()
            .map(|(scope, cost)| {
                let mut row = json!(cost);
                row["scope"] = json!(scope);
                row
            })
            .collect();
        session.execute(SPENT, &[Bound::Text(&json!(spent).to_string()), now]).await?;
        let long_ago = long_ago(world, written.spent.keys());
        session.execute(SPENT_LONG_AGO, &[Bound::Text(&long_ago.to_string())]).await?;
    }
    Ok(())
}

/// Since when each of these scopes may still have to count what was spent.
fn long_ago<'a>(world: &World<'_>, scopes: impl Iterator<Item = &'a String>) -> Value {
    let before = |scope| {
        let window = world.limits.get(scope).map(|limits| limits.window).unwrap_or_default();
        let kept_for = window.max(SPENT_IS_KEPT_FOR);
        Millis::from(kept_for.before(world.now).unwrap_or(Timestamp::UNIX_EPOCH))
    };
    scopes.map(|scope| json!({ "scope": scope, "before": before(scope) })).collect()
}

/// The roles that go and those that come or change.
fn role_changes<'a>(
    assignments: impl Iterator<Item = &'a (i64, GranteeId)>,
    held: &Stored,
    stored: &Stored,
) -> (Vec<RoleRow>, Vec<RoleRow>) {
    let (mut removed, mut set) = (Vec::new(), Vec::new());
    let roles = |of: &Stored, key| of.get(key).map(|held| in_millis(&held.roles));
    for key @ (relationship_id, grantee_id) in assignments {
        let before = roles(stored, key).unwrap_or_default();
        let after = roles(held, key).unwrap_or_default();
        let row = |(role, until): (&RoleId, &Millis)| RoleRow {
            relationship_id: *relationship_id,
            grantee_id: *grantee_id,
            role_id: *role,
            until_ms: *until,
        };
        removed.extend(before.iter().filter(|(role, _)| !after.contains_key(role)).map(row));
        set.extend(after.iter().filter(|(role, until)| before.get(role) != Some(until)).map(row));
    }
    (removed, set)
}

/// Keeps persons beside the ledger.
pub(super) async fn persons(
    session: &mut Session,
    records: &[&PersonRecord],
) -> Result<(), Failure> {
    let row = |record: &&PersonRecord| PersonRow {
        hash: record.hash,
        salt: Some(record.salt.clone()),
        content: Some(record.content.clone()),
        erased_at_ms: None,
    };
    let rows: Vec<PersonRow> = records.iter().map(row).collect();
    session.bulk(PERSONS, &rows).await
}

/// Entries that follow one another, and the head that comes of them.
pub(super) struct Chain {
    head: Head,
    rows: Vec<NewEntryRow>,
    /// What is on its way by them.
    pub opened: Vec<ErrandRow>,
}

impl Chain {
    /// No entry yet.
    pub fn after(head: Head) -> Self {
        Self { head, rows: Vec::new(), opened: Vec::new() }
    }

    /// The number of the last entry.
    pub fn last(&self) -> i64 {
        self.head.sequence
    }

    pub fn add(&mut self, draft: Draft) {
        self.add_made(draft, None);
    }

    /// The entry of a change that was made.
    pub fn add_made(&mut self, draft: Draft, made: Option<&Made>) {
        let entry = Chained::after(self.head, draft);
        self.head = entry.head();
        self.rows.push(NewEntryRow::new(entry, made));
    }
}

/// Appends to the ledger, in order.
pub(super) async fn append(session: &mut Session, chain: &Chain) -> Result<(), StoreError> {
    let Chain { head, rows, opened: _ } = chain;
    if rows.is_empty() {
        return Ok(());
    }
    let store = session.store.clone();
    session.bulk(LEDGER, rows).await.map_err(|failure| failure.into_error(&store))?;
    let moved = both("UPDATE ledger_head SET sequence = $1, hash = $2");
    let hash = head.hash.to_string();
    session.tell(moved, &[Bound::Number(head.sequence), Bound::Text(&hash)]).await?;
    Ok(())
}
