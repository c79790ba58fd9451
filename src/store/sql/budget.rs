//! How much was spent, how much there is, and what waits for a person.
//!
//! Never: an approval that counts longer than it should, or twice.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;

use super::{
    boundaries,
    chain::{self, linked},
    rows::Millis,
    session::{Bound, Session, Statement},
};
use crate::{
    domain::{
        digest::Digest,
        entry::Entry,
        limits::{Budget, Cost, Limits, SHARE_COUNTS_FROM},
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

/// The relationships, each with the scope under which it counts by what its namespace is called now.
macro_rules! counted {
    (sqlite) => {
        "named AS MATERIALIZED (SELECT value ->> 'instance' AS instance, \
         value ->> 'namespace' AS namespace, value ->> 'name' AS name FROM json_each($3)), \
         counted AS (SELECT r.id, r.lifecycle, \
         coalesce(r.came_at_ms, r.activated_at_ms, 0) AS came, coalesce(n.name, r.scope) AS scope \
         FROM relationships r LEFT JOIN named n ON n.instance = r.owner_instance \
         AND n.namespace = r.owner_namespace)"
    };
    (postgres) => {
        "named AS MATERIALIZED (SELECT * FROM jsonb_to_recordset($3::jsonb) \
         AS n(instance text, namespace text, name text)), \
         counted AS (SELECT r.id, r.lifecycle, \
         coalesce(r.came_at_ms, r.activated_at_ms, 0) AS came, coalesce(n.name, r.scope) AS scope \
         FROM relationships r LEFT JOIN named n ON n.instance = r.owner_instance \
         AND n.namespace = r.owner_namespace)"
    };
}

/// How many there are, by when they came, the first first: those of before the window together, and then those of each
/// run by themselves.
const SHARES: Statement = Statement {
    sqlite: concat!(
        "WITH k AS MATERIALIZED (\
         SELECT value ->> 'scope' AS s, value ->> 'since' AS since FROM json_each($1)), ",
        counted!(sqlite),
        ", c AS (SELECT s, since, 'relationships' AS what, r.came AS came \
         FROM k JOIN counted r ON r.scope = s WHERE r.lifecycle = 'Active' \
         UNION ALL SELECT s, since, 'assignments', coalesce(a.came_at_ms, 0) \
         FROM k JOIN counted r ON r.scope = s \
         JOIN assignments a ON a.relationship_id = r.id WHERE EXISTS (\
         SELECT 1 FROM assignment_roles h WHERE h.relationship_id = a.relationship_id \
         AND h.grantee_id = a.grantee_id AND h.until_ms > $2)) \
         SELECT json_object('scope', s, 'of', what, 'number', count(*)) FROM c \
         GROUP BY s, what, max(came, since) ORDER BY max(came, since)"
    ),
    postgres: concat!(
        "WITH ",
        counted!(postgres),
        ", k AS (SELECT * FROM jsonb_to_recordset($1::jsonb) AS k(scope text, since bigint)), \
         c AS (SELECT k.scope, since, 'relationships' AS what, r.came AS came \
         FROM k JOIN counted r USING (scope) WHERE r.lifecycle = 'Active' \
         UNION ALL SELECT k.scope, since, 'assignments', coalesce(a.came_at_ms, 0) \
         FROM k JOIN counted r USING (scope) \
         JOIN assignments a ON a.relationship_id = r.id WHERE EXISTS (\
         SELECT 1 FROM assignment_roles h WHERE h.relationship_id = a.relationship_id \
         AND h.grantee_id = a.grantee_id AND h.until_ms > $2)) \
         SELECT json_build_object('scope', scope, 'of', what, 'number', count(*))::text \
         FROM c GROUP BY scope, what, greatest(came, since) ORDER BY greatest(came, since)"
    ),
};

/// Members that were not made since their batch was stored, whatever the limits were called then. One that waits in
/// several batches waits in the newest.
const MEMBERS: Statement = Statement {
    sqlite: "SELECT json_object('batch', b.hash, 'member', m.member, 'matter', m.matter, \
             'approved_at_ms', m.approved_at_ms, 'asked_by', m.asked_by) FROM batches b \
             JOIN batch_members m ON m.batch = b.hash AND m.made_at_ms IS NULL \
             ORDER BY b.blocked_at_ms, b.hash",
    postgres: "SELECT json_build_object('batch', b.hash, 'member', m.member, 'matter', m.matter, \
               'approved_at_ms', m.approved_at_ms, 'asked_by', m.asked_by)::text FROM batches b \
               JOIN batch_members m ON m.batch = b.hash AND m.made_at_ms IS NULL \
               ORDER BY b.blocked_at_ms, b.hash",
};

/// The approvals of these batches in the ledger that may still count: one that no entry records is none.
const APPROVALS: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.kind = 'Approved' \
         AND l.subject IN (SELECT value FROM json_each($1)) AND l.time_ms > $2"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.kind = 'Approved' AND l.time_ms > $2 \
         AND l.subject = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))"
    ),
};

/// What was made under the approval of these batches, and by which entry.
const MADE_UNDER: Statement = Statement {
    sqlite: "SELECT json_object('batch', batch, 'sequence', sequence, 'member', member) \
             FROM ledger WHERE batch IN (SELECT value FROM json_each($1))",
    postgres: "SELECT json_build_object('batch', batch, 'sequence', sequence, \
               'member', member)::text FROM ledger \
               WHERE batch = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

/// Entries since an approval that were made under another one than is written beside them.
const MISLAID: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.sequence > $1 \
         AND (l.batch IS DISTINCT FROM l.payload ->> '$.made.batch' \
         OR l.member IS DISTINCT FROM l.payload ->> '$.made.member')"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.sequence > $1 \
         AND (l.batch IS DISTINCT FROM l.payload::json #>> '{made,batch}' \
         OR l.member IS DISTINCT FROM l.payload::json #>> '{made,member}')"
    ),
};

/// What the ledger says of batches that the store does not know: they wait as they did.
const GONE: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.kind IN ('Blocked', 'Approved') \
         AND l.subject NOT IN (SELECT hash FROM batches)"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.kind IN ('Blocked', 'Approved') \
         AND l.subject NOT IN (SELECT hash FROM batches)"
    ),
};

struct Approval {
    time_ms: Millis,
    members: BTreeSet<Digest>,
}

/// What an entry says of the members of a batch.
#[derive(Deserialize)]
struct Members {
    batch: Digest,
    members: BTreeSet<Digest>,
}

impl Members {
    fn read(session: &Session, entry: &Entry) -> Result<Self, StoreError> {
        Self::deserialize(&entry.payload)
            .map_err(|_| chain::damaged(session, entry.sequence, "it says no members of a batch"))
    }
}

#[derive(Deserialize)]
struct MadeUnder {
    batch: Digest,
    sequence: i64,
    member: Digest,
}

/// The approvals that count now, each for those of its members that were not made since.
async fn approvals(
    session: &mut Session,
    waiting: &[Waiting],
    now: Timestamp,
) -> Result<BTreeMap<Digest, Vec<Approval>>, StoreError> {
    let lasts =
        |waiting: &&Waiting| waiting.approved_at_ms.is_some_and(|at| counts(at.into(), now));
    let batches: BTreeSet<Digest> = waiting.iter().filter(lasts).map(|one| one.batch).collect();
    if batches.is_empty() {
        return Ok(BTreeMap::new());
    }
    let batches = json!(batches).to_string();
    let since = now.saturating_sub(approval_lasts()).unwrap_or(Timestamp::UNIX_EPOCH);
    let bound = [Bound::Text(&batches), Bound::Number(Millis::from(since).0)];
    let found = chain::entries(session, APPROVALS, &bound).await?;
    if let Some(first) = found.iter().map(|one| one.sequence).min() {
        chain::entries(session, MISLAID, &[Bound::Number(first)]).await?;
    }
    let made: Vec<MadeUnder> = session.rows(MADE_UNDER, &[Bound::Text(&batches)]).await?;
    let mut approvals: BTreeMap<Digest, Vec<Approval>> = BTreeMap::new();
    for approved in found {
        let Members { batch, mut members } = Members::read(session, &approved)?;
        let Entry { sequence, time, .. } = approved;
        for made in made.iter().filter(|made| made.batch == batch && made.sequence > sequence) {
            members.remove(&made.member);
        }
        if counts(time, now) {
            let time_ms = time.into();
            approvals.entry(batch).or_default().push(Approval { time_ms, members });
        }
    }
    Ok(approvals)
}

#[derive(Deserialize)]
struct Spent {
    scope: String,
    #[serde(flatten)]
    cost: Cost,
}

/// How many came with one run, or before the window.
#[derive(Deserialize)]
struct Counted {
    scope: String,
    of: Of,
    number: u32,
}

/// What a share is a share of.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Of {
    Relationships,
    Assignments,
}

#[derive(Deserialize)]
struct Waiting {
    batch: Digest,
    member: Digest,
    matter: Option<Digest>,
    approved_at_ms: Option<Millis>,
    asked_by: Option<String>,
}

/// Whether an approval given then still counts now.
pub(super) fn counts(approved_at: Timestamp, now: Timestamp) -> bool {
    now.duration_since(approved_at) < approval_lasts()
}

fn approval_lasts() -> SignedDuration {
    SignedDuration::from_mins(i64::from(APPROVAL_LASTS_MINUTES))
}

/// What shares are taken of, by scope, as it was when a plan was judged: all that comes of that plan is judged by it.
#[derive(Clone, Default)]
pub(super) struct Judged {
    shares: BTreeMap<String, (u32, u32)>,
    began: Option<Timestamp>,
}

impl Judged {
    pub fn by(budgets: &BTreeMap<String, Budget>) -> Self {
        let shares = |budget: &Budget| (budget.relationships, budget.assignments);
        let shares = budgets.iter().map(|(scope, budget)| (scope.clone(), shares(budget)));
        Self { shares: shares.collect(), began: None }
    }

    /// When the first change of the plan was made, where `now` is when the next one is.
    pub fn began(&mut self, now: Timestamp) -> Timestamp {
        *self.began.get_or_insert(now)
    }

    /// Whether all of these scopes were judged.
    pub fn has<'a>(&self, mut scopes: impl Iterator<Item = &'a String>) -> bool {
        scopes.all(|scope| self.shares.contains_key(scope))
    }

    /// Puts the shares into budgets that were read without.
    pub fn complete(&self, budgets: &mut BTreeMap<String, Budget>) {
        for (scope, budget) in budgets {
            if let Some((relationships, assignments)) = self.shares.get(scope).copied() {
                (budget.relationships, budget.assignments) = (relationships, assignments);
            }
        }
    }
}

/// The name under which the budget of each namespace is counted, as a list of JSON.
async fn named(session: &mut Session) -> Result<String, StoreError> {
    let remembered = boundaries::all(session).await?;
    let named = remembered.iter().map(|((instance, namespace), observed)| {
        let name = &observed.boundary.name;
        json!({ "instance": instance, "namespace": namespace, "name": name })
    });
    Ok(json!(named.collect::<Vec<_>>()).to_string())
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
        let named = named(session).await?;
        let bound = [scopes, Bound::Number(Millis::from(now).0), Bound::Text(&named)];
        for Counted { scope, of, number } in session.rows(SHARES, &bound).await? {
            let budget = budgets.entry(scope).or_default();
            let counted = match of {
                Of::Relationships => &mut budget.relationships,
                Of::Assignments => &mut budget.assignments,
            };
            if *counted < SHARE_COUNTS_FROM {
                *counted += number;
            }
        }
    }
    let waiting: Vec<Waiting> = session.rows(MEMBERS, &[]).await?;
    let approvals = approvals(session, &waiting, now).await?;
    let (mut approved, mut blocked, mut asked) =
        (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
    let mut matters = BTreeSet::new();
    for gone in chain::entries(session, GONE, &[]).await? {
        let Members { batch, members } = Members::read(session, &gone)?;
        blocked.extend(members.into_iter().map(|member| (member, batch)));
    }
    for Waiting { batch, member, matter, approved_at_ms, asked_by } in waiting {
        matters.insert(matter.unwrap_or(member));
        asked.extend(asked_by.map(|names| (member, names)));
        let is_approved = |approval: &Approval| {
            approved_at_ms == Some(approval.time_ms) && approval.members.contains(&member)
        };
        if approvals.get(&batch).is_some_and(|given| given.iter().any(is_approved)) {
            approved.insert(member, batch);
        } else {
            blocked.insert(member, batch);
        }
    }
    for budget in budgets.values_mut() {
        budget.approved.clone_from(&approved);
        budget.blocked.clone_from(&blocked);
        budget.asked.clone_from(&asked);
        budget.waiting.clone_from(&matters);
    }
    Ok(budgets)
}
