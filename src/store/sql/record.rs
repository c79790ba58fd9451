//! What is recorded besides effects: batches that wait and are approved, what was seen outside, persons who are erased.
//!
//! Never: a person's data left behind where it was asked to be gone.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    budget,
    chain::{self, linked},
    observe::clock,
    rows::{Millis, PersonRow},
    session::{Bound, Connection, Session, Statement, both},
};
use crate::{
    domain::{
        change::{Change, Effect},
        digest::{Digest, canonical},
        entry::{
            Draft, EntryKind, Head, PersonRecord, kind,
            tables::{Outside, OutsideRole},
        },
        limits::{Batch, Measure, all_names, asker_names, matter, member, subject},
        state::Roles,
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

/// A member that was made comes back as a new one.
const MEMBERS: Statement = Statement {
    sqlite: "INSERT INTO batch_members (batch, member, matter, subject, asked_by) SELECT $1, \
             value ->> 'member', value ->> 'matter', value ->> 'subject', value ->> 'asked' \
             FROM json_each($2) \
             WHERE true ON CONFLICT (batch, member) DO UPDATE SET made_at_ms = NULL, asked_by = \
             CASE WHEN made_at_ms IS NULL THEN asked_by ELSE excluded.asked_by END, \
             approved_at_ms = CASE WHEN made_at_ms IS NULL THEN approved_at_ms END",
    postgres: "INSERT INTO batch_members AS m (batch, member, matter, subject, asked_by) \
               SELECT $1, k.member, k.matter, k.subject, k.asked FROM jsonb_to_recordset($2::jsonb) \
               AS k(member text, matter text, subject text, asked text) \
               ON CONFLICT (batch, member) DO UPDATE SET made_at_ms = NULL, asked_by = \
               CASE WHEN m.made_at_ms IS NULL THEN m.asked_by ELSE excluded.asked_by END, \
               approved_at_ms = CASE WHEN m.made_at_ms IS NULL THEN m.approved_at_ms END",
};

/// Who has asked for something that waits about the same.
const ASKED: Statement = Statement {
    sqlite: "SELECT json_object('subject', subject, 'asked_by', asked_by) FROM batch_members \
             WHERE made_at_ms IS NULL AND asked_by IS NOT NULL \
             AND subject IN (SELECT value FROM json_each($1)) ORDER BY batch, member",
    postgres: "SELECT json_build_object('subject', subject, 'asked_by', asked_by)::text \
               FROM batch_members WHERE made_at_ms IS NULL AND asked_by IS NOT NULL \
               AND subject IN (SELECT jsonb_array_elements_text($1::jsonb)) ORDER BY batch, member",
};

/// Whoever has asked since.
const ASKED_SINCE: Statement = Statement {
    sqlite: "UPDATE batch_members SET asked_by = k.asked FROM (SELECT value ->> 'member' AS member, \
             value ->> 'asked' AS asked FROM json_each($2)) k \
             WHERE batch = $1 AND batch_members.member = k.member AND made_at_ms IS NULL \
             AND asked_by IS NOT k.asked",
    postgres: "UPDATE batch_members m SET asked_by = k.asked \
               FROM jsonb_to_recordset($2::jsonb) AS k(member text, asked text) \
               WHERE m.batch = $1 AND m.member = k.member AND m.made_at_ms IS NULL \
               AND m.asked_by IS DISTINCT FROM k.asked",
};

const APPROVE: Statement =
    both("UPDATE batches SET approved_at_ms = $2, approved_by = $3 WHERE hash = $1");

const APPROVE_MEMBERS: Statement = Statement {
    sqlite: "UPDATE batch_members SET approved_at_ms = $3 WHERE batch = $1 \
             AND member IN (SELECT value FROM json_each($2))",
    postgres: "UPDATE batch_members SET approved_at_ms = $3 WHERE batch = $1 \
               AND member IN (SELECT jsonb_array_elements_text($2::jsonb))",
};

/// Stores batches that wait, and drafts an entry for each that did not wait already.
pub(super) async fn block(
    session: &mut Session,
    batches: &[Batch],
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    let mut drafts = Vec::new();
    for batch in batches {
        if let Some(kind) = store(session, batch, now, by).await? {
            let stored = stored(session, batch).await?;
            drafts.push(draft(kind, batch, &stored, now, by));
        }
    }
    Ok(drafts)
}

/// What is to be told of it: that the batch is new, or that somebody has asked for it since.
async fn store(
    session: &mut Session,
    batch: &Batch,
    now: Timestamp,
    by: &Signature,
) -> Result<Option<EntryKind>, StoreError> {
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
        let members = members(session, batch).await?;
        session.tell(MEMBERS, &[hash, Bound::Text(&members)]).await?;
        return Ok(Some(EntryKind::Blocked));
    }
    if batch.asked.is_empty() {
        return Ok(None);
    }
    let asked = batch.asked.iter();
    let asked: Vec<_> =
        asked.map(|(member, names)| json!({ "member": member, "asked": names })).collect();
    let asked = json!(asked).to_string();
    let more = session.tell(ASKED_SINCE, &[hash, Bound::Text(&asked)]).await?;
    Ok((more > 0).then_some(EntryKind::Asked))
}

#[derive(Deserialize)]
struct Asked {
    subject: Digest,
    asked_by: String,
}

/// The members of a batch as they are stored: with whoever asked for them, and before that for something else about the
/// same that still waits.
async fn members(session: &mut Session, batch: &Batch) -> Result<String, StoreError> {
    let about = |change| (member(change), (subject(change), matter(change)));
    let about: BTreeMap<Digest, (Digest, Digest)> = batch.changes.iter().map(about).collect();
    let wanted: BTreeSet<Digest> = about.values().map(|(subject, _)| *subject).collect();
    let wanted = json!(wanted).to_string();
    let mut earlier: BTreeMap<Digest, String> = BTreeMap::new();
    for Asked { subject, asked_by } in session.rows(ASKED, &[Bound::Text(&wanted)]).await? {
        let names = earlier.entry(subject).or_default();
        *names = all_names(names, &asked_by);
    }
    let of = |member: &Digest| {
        let (subject, matter) = about.get(member).copied().unzip();
        let now = batch.asked.get(member).map_or("", String::as_str);
        let names = subject.and_then(|subject| earlier.get(&subject));
        let names = names.map_or_else(|| now.to_owned(), |earlier| all_names(earlier, now));
        let matter = matter.unwrap_or(*member);
        json!({ "member": member, "matter": matter, "subject": subject, "asked": names })
    };
    Ok(json!(batch.members.iter().map(of).collect::<Vec<_>>()).to_string())
}

/// Approves a batch, which need not wait already, for these members and no others, and drafts the entry.
pub(super) async fn approve(
    session: &mut Session,
    batch: &Batch,
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    store(session, batch, now, by).await?;
    let hash = batch.hash.to_string();
    let (hash, at) = (Bound::Text(&hash), Bound::Number(Millis::from(now).0));
    let all = members(session, batch).await?;
    session.tell(MEMBERS, &[hash, Bound::Text(&all)]).await?;
    session.tell(APPROVE, &[hash, at, Bound::Text(&by.actor.name)]).await?;
    let approved = json!(batch.members).to_string();
    session.tell(APPROVE_MEMBERS, &[hash, Bound::Text(&approved), at]).await?;
    let stored = stored(session, batch).await?;
    Ok(vec![draft(EntryKind::Approved, batch, &stored, now, by)])
}

/// What stands of a member besides what it would do.
#[derive(Deserialize, Serialize)]
struct Stored {
    member: Digest,
    matter: Option<Digest>,
    subject: Option<Digest>,
    asked_by: Option<String>,
}

const STORED: Statement = Statement {
    sqlite: "SELECT json_object('member', member, 'matter', matter, 'subject', subject, \
             'asked_by', asked_by) FROM batch_members WHERE batch = $1 \
             AND member IN (SELECT value FROM json_each($2)) ORDER BY member",
    postgres: "SELECT json_build_object('member', member, 'matter', matter, 'subject', subject, \
               'asked_by', asked_by)::text FROM batch_members WHERE batch = $1 \
               AND member IN (SELECT jsonb_array_elements_text($2::jsonb)) ORDER BY member",
};

/// The members as they stand in the store by now, for the entry that says so.
async fn stored(session: &mut Session, batch: &Batch) -> Result<Vec<Stored>, StoreError> {
    let members: BTreeSet<&Digest> = batch.members.iter().chain(batch.asked.keys()).collect();
    let (hash, members) = (batch.hash.to_string(), json!(members).to_string());
    session.rows(STORED, &[Bound::Text(&hash), Bound::Text(&members)]).await
}

fn draft(
    kind: EntryKind,
    batch: &Batch,
    stored: &[Stored],
    now: Timestamp,
    by: &Signature,
) -> Draft {
    let Batch { hash, scope, exceeded, members, changes, limits, asked } = batch;
    let changes: Vec<Value> = changes.iter().map(payload).collect();
    let askers: BTreeSet<&str> = asked.values().flat_map(|names| asker_names(names)).collect();
    Draft {
        time: now,
        kind,
        subject: hash.to_string(),
        actor: by.actor.clone(),
        intent: by.intent.clone(),
        payload: canonical(&json!({
            "batch": hash, "scope": scope, "limits": limits, "exceeded": exceeded,
            "members": members, "changes": changes, "askers": askers, "stored": stored,
        })),
    }
}

/// What a member of a batch would do, in short, with every end before and after.
fn payload(change: &Change) -> Value {
    let mut told = json!({
        "relationship": change.subject.relationship, "kind": kind(change),
        "member": member(change), "matter": matter(change),
    });
    match &change.effect {
        Effect::SetRoles { grantee, before, after } => {
            told["grantee"] = json!(grantee.id);
            let ends = |roles: &Roles| json!(roles.iter().collect::<BTreeMap<_, _>>());
            told["before"] = ends(&before.roles);
            told["after"] = ends(&after.roles);
        }
        Effect::Extend { before, after } => {
            told["before"] = json!(before);
            told["after"] = json!(after);
        }
        Effect::SetAutoExtend { before, after } => {
            told["before"] = json!(before);
            told["after"] = json!(after);
        }
        Effect::Authorise { ends_at, .. } => told["after"] = json!(ends_at),
        Effect::Expire { ended_at } => told["before"] = json!(ended_at),
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Terminate { .. }
        | Effect::SetBoundary { .. }
        | Effect::RecordAcceptance { .. } => {}
    }
    told
}

/// The last entry about each of some subjects.
const LAST: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.sequence IN (SELECT max(sequence) FROM ledger \
         WHERE subject IN (SELECT value FROM json_each($1)) GROUP BY subject)"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.sequence IN (SELECT max(sequence) FROM ledger \
         WHERE subject IN (SELECT jsonb_array_elements_text($1::jsonb)) GROUP BY subject)"
    ),
};

/// What of it the last entry about the same does not say.
async fn unsaid(
    session: &mut Session,
    mut seen: Vec<Observation>,
) -> Result<Vec<Observation>, StoreError> {
    let subjects: BTreeSet<&str> = seen.iter().map(|one| one.subject.as_str()).collect();
    let subjects = json!(subjects).to_string();
    let last = chain::entries(session, LAST, &[Bound::Text(&subjects)]).await?;
    let last: BTreeMap<String, Value> =
        last.into_iter().map(|last| (last.subject, last.payload)).collect();
    seen.retain(|one| last.get(&one.subject) != Some(&one.payload));
    Ok(seen)
}

fn drafts(now: Timestamp, seen: Vec<Observation>, by: &Signature) -> Vec<Draft> {
    let draft = |Observation { kind, subject, payload }| Draft {
        time: now,
        kind,
        subject,
        actor: by.actor.clone(),
        intent: by.intent.clone(),
        payload: canonical(&payload),
    };
    seen.into_iter().map(draft).collect()
}

/// Drafts what was seen outside, unless the last entry about the same says just that.
pub(super) async fn observations(
    session: &mut Session,
    seen: Vec<Observation>,
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    Ok(drafts(now, unsaid(session, seen).await?, by))
}

/// Grantees of whom nothing was recorded so far.
const NEW_GRANTEES: Statement = Statement {
    sqlite: "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind) \
             SELECT DISTINCT r.id, k.value ->> 'grantee_id', 'SecurityGroup' FROM json_each($1) k \
             JOIN relationships r ON (r.cloud, r.partner, r.name) = \
             (k.value ->> 'cloud', k.value ->> 'partner', k.value ->> 'name') \
             WHERE r.service_id IS NOT NULL ON CONFLICT DO NOTHING",
    postgres: "INSERT INTO assignments (relationship_id, grantee_id, grantee_kind) \
               SELECT DISTINCT r.id, k.grantee_id, 'SecurityGroup' FROM jsonb_to_recordset($1::jsonb) \
               AS k(cloud text, partner text, name text, grantee_id text) \
               JOIN relationships r USING (cloud, partner, name) \
               WHERE r.service_id IS NOT NULL ON CONFLICT DO NOTHING",
};

const LOST: Statement = Statement {
    sqlite: "DELETE FROM assignment_roles WHERE (relationship_id, grantee_id, role_id) IN (\
             SELECT r.id, k.value ->> 'grantee_id', k.value ->> 'role_id' FROM json_each($1) k \
             JOIN relationships r ON (r.cloud, r.partner, r.name) = \
             (k.value ->> 'cloud', k.value ->> 'partner', k.value ->> 'name') \
             WHERE r.service_id IS NOT NULL AND k.value ->> 'until_ms' IS NULL)",
    postgres: "DELETE FROM assignment_roles WHERE (relationship_id, grantee_id, role_id) IN (\
               SELECT r.id, k.grantee_id, k.role_id FROM jsonb_to_recordset($1::jsonb) \
               AS k(cloud text, partner text, name text, grantee_id text, role_id text, until_ms bigint) \
               JOIN relationships r USING (cloud, partner, name) \
               WHERE r.service_id IS NOT NULL AND k.until_ms IS NULL)",
};

const GAINED: Statement = Statement {
    sqlite: "INSERT INTO assignment_roles (relationship_id, grantee_id, role_id, until_ms) \
             SELECT r.id, k.value ->> 'grantee_id', k.value ->> 'role_id', k.value ->> 'until_ms' \
             FROM json_each($1) k JOIN relationships r ON (r.cloud, r.partner, r.name) = \
             (k.value ->> 'cloud', k.value ->> 'partner', k.value ->> 'name') \
             WHERE r.service_id IS NOT NULL AND k.value ->> 'until_ms' IS NOT NULL \
             ON CONFLICT (relationship_id, grantee_id, role_id) \
             DO UPDATE SET until_ms = excluded.until_ms",
    postgres: "INSERT INTO assignment_roles (relationship_id, grantee_id, role_id, until_ms) \
               SELECT r.id, k.grantee_id, k.role_id, k.until_ms FROM jsonb_to_recordset($1::jsonb) \
               AS k(cloud text, partner text, name text, grantee_id text, role_id text, until_ms bigint) \
               JOIN relationships r USING (cloud, partner, name) \
               WHERE r.service_id IS NOT NULL AND k.until_ms IS NOT NULL \
               ON CONFLICT (relationship_id, grantee_id, role_id) \
               DO UPDATE SET until_ms = excluded.until_ms",
};

/// As [`observations`], and takes over what they say is held at a service.
pub(super) async fn held(
    session: &mut Session,
    seen: Vec<Observation>,
    by: &Signature,
) -> Result<Vec<Draft>, StoreError> {
    let now = clock(session).await?;
    let seen = unsaid(session, seen).await?;
    let outside = seen.iter().filter_map(|one| Outside::read(&one.payload));
    let rows: Vec<Value> = outside
        .flat_map(|Outside { relationship, roles, .. }| {
            let row = move |OutsideRole { grantee, role, until_ms }: OutsideRole| {
                let mut row = json!(relationship);
                row["grantee_id"] = json!(grantee);
                row["role_id"] = json!(role);
                row["until_ms"] = json!(until_ms);
                row
            };
            roles.into_iter().map(row)
        })
        .collect();
    let rows = json!(rows).to_string();
    for statement in [NEW_GRANTEES, LOST, GAINED] {
        let store = session.store.clone();
        let done = session.execute(statement, &[Bound::Text(&rows)]).await;
        done.map_err(|failure| failure.into_error(&store))?;
    }
    Ok(drafts(now, seen, by))
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
             WHERE lower(content ->> 'email') = lower($1) RETURNING json_quote(hash)",
    postgres: "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
               WHERE lower(content::json ->> 'email') = lower($1) RETURNING to_json(hash)::text",
};

const ERASE_RECORD: Statement = Statement {
    sqlite: "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
             WHERE hash = $1 AND content IS NOT NULL RETURNING json_quote(hash)",
    postgres: "UPDATE persons SET salt = NULL, content = NULL, erased_at_ms = $2 \
               WHERE hash = $1 AND content IS NOT NULL RETURNING to_json(hash)::text",
};

/// Makes the next erasure leave nothing on the pages of the file.
pub(super) async fn prepare_erasure(session: &mut Session) -> Result<(), StoreError> {
    if let Connection::Sqlite(_) = session.connection {
        session.tell(both("PRAGMA secure_delete = ON"), &[]).await?;
    }
    Ok(())
}

/// How many were erased, and the entry that says so: which records, never whose.
pub(super) async fn erase(
    session: &mut Session,
    who: &Erased,
    by: &Signature,
) -> Result<(usize, Option<Draft>), StoreError> {
    let time = clock(session).await?;
    let now = Bound::Number(Millis::from(time).0);
    let records: BTreeSet<Digest> = match who {
        Erased::Mail(mail) => session.rows(ERASE_MAIL, &[Bound::Text(mail), now]).await?,
        Erased::Record(hash) => {
            session.rows(ERASE_RECORD, &[Bound::Text(&hash.to_string()), now]).await?
        }
    }
    .into_iter()
    .collect();
    let draft = (!records.is_empty()).then(|| Draft {
        time,
        kind: EntryKind::Erased,
        subject: "persons".to_owned(),
        actor: by.actor.clone(),
        intent: by.intent.clone(),
        payload: canonical(&json!({ "count": records.len(), "records": records })),
    });
    Ok((records.len(), draft))
}

/// Makes an erasure leave nothing in the log either.
pub(super) async fn finish_erasure(session: &mut Session) -> Result<(), StoreError> {
    if let Connection::Sqlite(_) = session.connection {
        session.tell(both("PRAGMA wal_checkpoint(TRUNCATE)"), &[]).await?;
    }
    Ok(())
}

/// Every person that the ledger names by hash, with what stands of the record where it was not erased.
pub(super) async fn persons(
    session: &mut Session,
) -> Result<BTreeMap<Digest, Option<PersonRecord>>, StoreError> {
    let persons = Statement {
        sqlite: "SELECT json_object('hash', hash, 'salt', salt, 'content', content, \
                 'erased_at_ms', erased_at_ms) FROM persons",
        postgres: "SELECT row_to_json(p)::text FROM persons p",
    };
    let rows: Vec<PersonRow> = session.rows(persons, &[]).await?;
    let record = |PersonRow { hash, salt, content, .. }: PersonRow| {
        let erased = salt.is_none() && content.is_none();
        // Half of a record is none that was ever recorded, and no erased one either.
        let (salt, content) = (salt.unwrap_or_default(), content.unwrap_or_default());
        (hash, (!erased).then_some(PersonRecord { hash, salt, content }))
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
                 'approved_at_ms', batches.approved_at_ms, 'approved_by', approved_by, \
                 'members', count(*), 'made', count(made_at_ms)) \
                 FROM batches JOIN batch_members ON batch = hash WHERE hash IN (\
                 SELECT batch FROM batch_members WHERE made_at_ms IS NULL) \
                 GROUP BY hash ORDER BY blocked_at_ms DESC, hash",
        postgres: "SELECT json_build_object('hash', hash, 'scope', scope, 'exceeded', exceeded, \
                   'blocked_at_ms', blocked_at_ms, 'blocked_by', blocked_by, \
                   'approved_at_ms', batches.approved_at_ms, 'approved_by', approved_by, \
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
