//! What is recorded besides effects: batches that wait and are approved, what was seen outside, persons who are erased.
//!
//! Never: a person's data left behind where it was asked to be gone.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    budget,
    observe::clock,
    rows::{Millis, PersonRow},
    session::{Bound, Connection, Session, Statement, both},
};
use crate::{
    domain::{
        digest::{Digest, canonical},
        entry::{Draft, EntryKind, Head, PersonRecord, kind},
        limits::{Batch, Measure},
        plan::{Change, Effect},
    },
    store::{Observation, Signature, StoreError},
};

/// Whose data is erased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Erased {
    /// Everybody with this mail address, in upper or lower case.
    Mail(String),
    /// The one whose hash stands in the ledger.
    Record(Digest),
}

/// A batch that waits, or waited, for a person.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredBatch {
    /// What an approval must name.
    pub hash: Digest,
    /// Whose limits.
    pub scope: String,
    /// What was gone beyond: what it would come to and what is allowed.
    pub exceeded: Vec<(Measure, u32, u32)>,
    /// The number of its members.
    pub members: u32,
    /// How many of them were made.
    pub made: u32,
    /// When it was stored.
    pub blocked_at: Timestamp,
    /// Who had asked for the changes.
    pub blocked_by: String,
    /// When it was approved, and by whom.
    pub approved: Option<(Timestamp, String)>,
    /// Whether that approval still counts.
    pub counts: bool,
}

const BLOCK: Statement = both(
    "INSERT INTO batches (hash, scope, exceeded, blocked_at_ms, blocked_by) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (hash) DO NOTHING",
);

/// A batch all of whose members were made comes back as a new one.
const BLOCK_AGAIN: Statement = both(
    "UPDATE batches SET exceeded = $2, blocked_at_ms = $3, blocked_by = $4, \
     approved_at_ms = NULL, approved_by = NULL WHERE hash = $1 \
     AND NOT EXISTS (SELECT 1 FROM batch_members WHERE batch = $1 AND made_at_ms IS NULL)",
);

const MEMBERS: Statement = Statement {
    sqlite: "INSERT INTO batch_members (batch, member) SELECT $1, value FROM json_each($2) \
             WHERE true ON CONFLICT (batch, member) DO UPDATE SET made_at_ms = NULL",
    postgres: "INSERT INTO batch_members (batch, member) \
               SELECT $1, jsonb_array_elements_text($2::jsonb) \
               ON CONFLICT (batch, member) DO UPDATE SET made_at_ms = NULL",
};

const APPROVE: Statement =
    both("UPDATE batches SET approved_at_ms = $2, approved_by = $3 WHERE hash = $1");

/// Stores batches that wait, and drafts an entry for each that did not wait already.
pub(super) async fn block(
    session: &mut Session,
    batches: &[Batch],
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    let mut drafts = Vec::new();
    for batch in batches {
        if store(session, batch, now, by).await? {
            drafts.push(draft(EntryKind::Blocked, batch, now, by));
        }
    }
    Ok(drafts)
}

/// Whether the batch is new.
async fn store(
    session: &mut Session,
    batch: &Batch,
    now: Timestamp,
    by: &Signature,
) -> Result<bool, StoreError> {
    let hash = batch.hash.to_string();
    let (hash, by) = (Bound::Text(&hash), Bound::Text(&by.actor.name));
    let exceeded = json!(batch.exceeded).to_string();
    let (exceeded, now) = (Bound::Text(&exceeded), Bound::Number(Millis::from(now).0));
    let scope = Bound::Text(&batch.scope);
    let mut new = session.tell(BLOCK, &[hash, scope, exceeded, now, by]).await?;
    if new == 0 {
        new = session.tell(BLOCK_AGAIN, &[hash, exceeded, now, by]).await?;
    }
    if new > 0 {
        let members = json!(batch.members).to_string();
        session.tell(MEMBERS, &[hash, Bound::Text(&members)]).await?;
    }
    Ok(new > 0)
}

/// Approves a batch, which need not wait already, for all its members, and drafts the entry.
pub(super) async fn approve(
    session: &mut Session,
    batch: &Batch,
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    store(session, batch, now, by).await?;
    let hash = batch.hash.to_string();
    let members = json!(batch.members).to_string();
    session.tell(MEMBERS, &[Bound::Text(&hash), Bound::Text(&members)]).await?;
    let bound =
        [Bound::Text(&hash), Bound::Number(Millis::from(now).0), Bound::Text(&by.actor.name)];
    session.tell(APPROVE, &bound).await?;
    Ok(vec![draft(EntryKind::Approved, batch, now, by)])
}

fn draft(kind: EntryKind, batch: &Batch, now: Timestamp, by: &Signature) -> Draft {
    let Batch { hash, scope, exceeded, members, changes } = batch;
    let changes: Vec<Value> = changes.iter().map(told).collect();
    Draft {
        time: now,
        kind,
        subject: hash.to_string(),
        actor: by.actor.clone(),
        intent: by.intent.clone(),
        payload: canonical(&json!({
            "batch": hash, "scope": scope, "exceeded": exceeded, "members": members,
            "changes": changes,
        })),
    }
}

/// What a member of a batch would do, in short.
fn told(change: &Change) -> Value {
    let relationship = &change.subject.relationship;
    let Effect::SetRoles { grantee, before, after } = &change.effect else {
        return json!({ "relationship": relationship, "kind": kind(change) });
    };
    json!({
        "relationship": relationship, "grantee": grantee.id,
        "before": before.roles.keys().collect::<Vec<_>>(),
        "after": after.roles.keys().collect::<Vec<_>>(),
    })
}

/// The last entry about each of some subjects.
const LAST: Statement = Statement {
    sqlite: "SELECT json_object('subject', subject, 'payload', json(payload)) FROM ledger \
             WHERE sequence IN (SELECT max(sequence) FROM ledger \
             WHERE subject IN (SELECT value FROM json_each($1)) GROUP BY subject)",
    postgres: "SELECT json_build_object('subject', subject, 'payload', payload::json)::text \
               FROM ledger WHERE sequence IN (SELECT max(sequence) FROM ledger \
               WHERE subject IN (SELECT jsonb_array_elements_text($1::jsonb)) GROUP BY subject)",
};

#[derive(Deserialize)]
struct Last {
    subject: String,
    payload: Value,
}

/// Drafts what was seen outside, unless the last entry about the same says just that.
pub(super) async fn observations(
    session: &mut Session,
    mut seen: Vec<Observation>,
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    let subjects: BTreeSet<&str> = seen.iter().map(|one| one.subject.as_str()).collect();
    let subjects = json!(subjects).to_string();
    let last: Vec<Last> = session.rows(LAST, &[Bound::Text(&subjects)]).await?;
    let last: BTreeMap<String, Value> =
        last.into_iter().map(|last| (last.subject, last.payload)).collect();
    seen.retain(|one| last.get(&one.subject) != Some(&one.payload));
    let draft = |Observation { kind, subject, payload }| Draft {
        time: now,
        kind,
        subject,
        actor: by.actor.clone(),
        intent: by.intent.clone(),
        payload: canonical(&payload),
    };
    Ok(seen.into_iter().map(draft).collect())
}

/// Where the last entry about each of some subjects stands.
const LAST_HEADS: Statement = Statement {
    sqlite: "SELECT json_object('subject', subject, 'sequence', sequence, 'hash', hash) FROM ledger \
             WHERE sequence IN (SELECT max(sequence) FROM ledger \
             WHERE subject IN (SELECT value FROM json_each($1)) GROUP BY subject)",
    postgres: "SELECT json_build_object('subject', l.subject, 'sequence', l.sequence, \
               'hash', l.hash)::text FROM jsonb_array_elements_text($1::jsonb) AS k(subject) \
               CROSS JOIN LATERAL (SELECT * FROM ledger WHERE subject = k.subject \
               ORDER BY sequence DESC LIMIT 1) l",
};

#[derive(Deserialize)]
struct LastHead {
    subject: String,
    #[serde(flatten)]
    head: Head,
}

/// The last entry about each of some subjects.
pub(super) async fn last_entries(
    session: &mut Session,
    subjects: &BTreeSet<EcoString>,
) -> Result<BTreeMap<EcoString, Head>, StoreError> {
    let subjects = json!(subjects).to_string();
    let last: Vec<LastHead> = session.rows(LAST_HEADS, &[Bound::Text(&subjects)]).await?;
    Ok(last.into_iter().map(|last| (last.subject.into(), last.head)).collect())
}

const ERASE_MAIL: Statement = Statement {
    sqlite: "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
             WHERE lower(content ->> 'email') = lower($1)",
    postgres: "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
               WHERE lower(content::json ->> 'email') = lower($1)",
};

const ERASE_RECORD: Statement = both(
    "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
     WHERE hash = $1 AND content IS NOT NULL",
);

/// Makes the next erasure leave nothing on the pages of the file.
pub(super) async fn prepare_erasure(session: &mut Session) -> Result<(), StoreError> {
    if let Connection::Sqlite(_) = session.connection {
        session.tell(both("PRAGMA secure_delete = ON"), &[]).await?;
    }
    Ok(())
}

/// How many were erased.
pub(super) async fn erase(session: &mut Session, who: &Erased) -> Result<u64, StoreError> {
    let now = Bound::Number(Millis::from(clock(session).await?).0);
    match who {
        Erased::Mail(mail) => session.tell(ERASE_MAIL, &[Bound::Text(mail), now]).await,
        Erased::Record(hash) => {
            session.tell(ERASE_RECORD, &[Bound::Text(&hash.to_string()), now]).await
        }
    }
}

/// Makes an erasure leave nothing in the log either.
pub(super) async fn finish_erasure(session: &mut Session) -> Result<(), StoreError> {
    if let Connection::Sqlite(_) = session.connection {
        session.tell(both("PRAGMA wal_checkpoint(TRUNCATE)"), &[]).await?;
    }
    Ok(())
}

/// Every person that the ledger names by hash, with the record where it was not erased.
pub(super) async fn persons(
    session: &mut Session,
) -> Result<BTreeMap<Digest, Option<PersonRecord>>, StoreError> {
    let persons = Statement {
        sqlite: "SELECT json_object('hash', hash, 'salt', salt, 'content', content, \
                 'erased_at_ms', erased_at_ms) FROM persons",
        postgres: "SELECT row_to_json(p)::text FROM persons p",
    };
    let rows: Vec<PersonRow> = session.rows(persons, &[]).await?;
    let record = |row: PersonRow| {
        let known = row.salt.zip(row.content);
        (row.hash, known.map(|(salt, content)| PersonRecord { hash: row.hash, salt, content }))
    };
    Ok(rows.into_iter().map(record).collect())
}

#[derive(Deserialize)]
struct BatchRow {
    hash: Digest,
    scope: String,
    exceeded: String,
    blocked_at_ms: Millis,
    blocked_by: String,
    approved_at_ms: Option<Millis>,
    approved_by: Option<String>,
    members: u32,
    made: u32,
}

/// The batches that have members which were not made, the newest first.
pub(super) async fn batches(session: &mut Session) -> Result<Vec<StoredBatch>, StoreError> {
    let batches = Statement {
        sqlite: "SELECT json_object('hash', hash, 'scope', scope, 'exceeded', exceeded, \
                 'blocked_at_ms', blocked_at_ms, 'blocked_by', blocked_by, \
                 'approved_at_ms', approved_at_ms, 'approved_by', approved_by, \
                 'members', count(*), 'made', count(made_at_ms)) \
                 FROM batches JOIN batch_members ON batch = hash WHERE hash IN (\
                 SELECT batch FROM batch_members WHERE made_at_ms IS NULL) \
                 GROUP BY hash ORDER BY blocked_at_ms DESC, hash",
        postgres: "SELECT json_build_object('hash', hash, 'scope', scope, 'exceeded', exceeded, \
                   'blocked_at_ms', blocked_at_ms, 'blocked_by', blocked_by, \
                   'approved_at_ms', approved_at_ms, 'approved_by', approved_by, \
                   'members', count(*), 'made', count(made_at_ms))::text \
                   FROM batches JOIN batch_members ON batch = hash WHERE hash IN (\
                   SELECT batch FROM batch_members WHERE made_at_ms IS NULL) \
                   GROUP BY batches.hash ORDER BY blocked_at_ms DESC, hash",
    };
    let now = clock(session).await?;
    let rows: Vec<BatchRow> = session.rows(batches, &[]).await?;
    let batch = |row: BatchRow| {
        let approved = row.approved_at_ms.map(Timestamp::from).zip(row.approved_by);
        StoredBatch {
            hash: row.hash,
            scope: row.scope,
            exceeded: serde_json::from_str(&row.exceeded).unwrap_or_default(),
            members: row.members,
            made: row.made,
            blocked_at: row.blocked_at_ms.into(),
            blocked_by: row.blocked_by,
            counts: approved.as_ref().is_some_and(|(at, _)| budget::counts(*at, now)),
            approved,
        }
    };
    Ok(rows.into_iter().map(batch).collect())
}
