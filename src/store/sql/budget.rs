//! How much was spent, how much there is, and what waits for a person.
//!
//! Never: an approval that counts longer than it should, or twice.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::{
    rows::Millis,
    session::{Bound, Session, Statement},
};
use crate::{
    domain::{
        digest::Digest,
        limits::{Budget, Cost, Limits},
    },
    store::{APPROVAL_LASTS_MINUTES, StoreError},
};

/// Whether everything that a share is a share of is counted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Shares {
    Count,
    Skip,
}

const SPENT: Statement = Statement {
    sqlite: "SELECT json_object('scope', scope, 'revocations', sum(revocations), \
             'terminations', sum(terminations), 'privileged_gains', sum(privileged_gains), \
             'new_grantees', sum(new_grantees), 'replacements', sum(replacements)) FROM spent p \
             JOIN (SELECT value ->> 'scope' AS s, value ->> 'since' AS since FROM json_each($1)) \
             ON p.scope = s AND p.at_ms > since GROUP BY scope",
    postgres: "SELECT json_build_object('scope', scope, 'revocations', sum(revocations), \
               'terminations', sum(terminations), 'privileged_gains', sum(privileged_gains), \
               'new_grantees', sum(new_grantees), 'replacements', sum(replacements))::text \
               FROM spent p \
               JOIN jsonb_to_recordset($1::jsonb) AS k(scope text, since bigint) USING (scope) \
               WHERE p.at_ms > since GROUP BY scope",
};

const SHARES: Statement = Statement {
    sqlite: "SELECT json_object('scope', s, \
             'relationships', (SELECT count(*) FROM relationships r \
             WHERE r.scope = s AND r.lifecycle = 'Active'), \
             'assignments', (SELECT count(*) FROM relationships r \
             JOIN assignments a ON a.relationship_id = r.id WHERE r.scope = s AND EXISTS (\
             SELECT 1 FROM assignment_roles h WHERE h.relationship_id = a.relationship_id \
             AND h.grantee_id = a.grantee_id AND h.until_ms > $2))) \
             FROM (SELECT value ->> 'scope' AS s FROM json_each($1))",
    postgres: "SELECT json_build_object('scope', k.scope, \
               'relationships', (SELECT count(*) FROM relationships r \
               WHERE r.scope = k.scope AND r.lifecycle = 'Active'), \
               'assignments', (SELECT count(*) FROM relationships r \
               JOIN assignments a ON a.relationship_id = r.id WHERE r.scope = k.scope AND EXISTS (\
               SELECT 1 FROM assignment_roles h WHERE h.relationship_id = a.relationship_id \
               AND h.grantee_id = a.grantee_id AND h.until_ms > $2)))::text \
               FROM jsonb_to_recordset($1::jsonb) AS k(scope text)",
};

/// Members that were not made since their batch was stored. One that waits in several batches waits in the newest.
const MEMBERS: Statement = Statement {
    sqlite: "SELECT json_object('scope', b.scope, 'batch', b.hash, 'member', m.member, \
             'approved_at_ms', b.approved_at_ms) FROM batches b \
             JOIN batch_members m ON m.batch = b.hash AND m.made_at_ms IS NULL \
             WHERE b.scope IN (SELECT value ->> 'scope' FROM json_each($1)) \
             ORDER BY b.blocked_at_ms, b.hash",
    postgres: "SELECT json_build_object('scope', b.scope, 'batch', b.hash, 'member', m.member, \
               'approved_at_ms', b.approved_at_ms)::text FROM batches b \
               JOIN batch_members m ON m.batch = b.hash AND m.made_at_ms IS NULL \
               WHERE b.scope IN (SELECT scope FROM jsonb_to_recordset($1::jsonb) AS k(scope text)) \
               ORDER BY b.blocked_at_ms, b.hash",
};

#[derive(Deserialize)]
struct Spent {
    scope: String,
    #[serde(flatten)]
    cost: Cost,
}

#[derive(Deserialize)]
struct Counted {
    scope: String,
    relationships: u32,
    assignments: u32,
}

#[derive(Deserialize)]
struct Waiting {
    scope: String,
    batch: Digest,
    member: Digest,
    approved_at_ms: Option<Millis>,
}

/// Whether an approval given then still counts now.
pub(super) fn counts(approved_at: Timestamp, now: Timestamp) -> bool {
    let lasts = SignedDuration::from_mins(i64::from(APPROVAL_LASTS_MINUTES));
    now.duration_since(approved_at) < lasts
}

/// The budget of each scope.
pub(super) async fn budgets(
    session: &mut Session,
    limits: &BTreeMap<String, Limits>,
    shares: Shares,
    now: Timestamp,
) -> Result<BTreeMap<String, Budget>, StoreError> {
    let scopes: Vec<_> = limits
        .iter()
        .map(|(scope, limits)| {
            let since = limits.window.before(now).unwrap_or(Timestamp::UNIX_EPOCH);
            json!({ "scope": scope, "since": Millis::from(since) })
        })
        .collect();
    let scopes = json!(scopes).to_string();
    let scopes = Bound::Text(&scopes);
    let mut budgets: BTreeMap<String, Budget> =
        limits.keys().map(|scope| (scope.clone(), Budget::default())).collect();
    for Spent { scope, cost } in session.rows(SPENT, &[scopes]).await? {
        budgets.entry(scope).or_default().spent = cost;
    }
    if shares == Shares::Count {
        let bound = [scopes, Bound::Number(Millis::from(now).0)];
        for Counted { scope, relationships, assignments } in session.rows(SHARES, &bound).await? {
            let budget = budgets.entry(scope).or_default();
            budget.relationships = relationships;
            budget.assignments = assignments;
        }
    }
    for Waiting { scope, batch, member, approved_at_ms } in session.rows(MEMBERS, &[scopes]).await?
    {
        let budget = budgets.entry(scope).or_default();
        if approved_at_ms.is_some_and(|at| counts(at.into(), now)) {
            budget.approved.insert(member, batch);
        } else {
            budget.blocked.insert(member, batch);
        }
    }
    Ok(budgets)
}
