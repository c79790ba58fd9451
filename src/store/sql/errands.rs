//! What is on its way at the service beside which a store is the book.
//!
//! Never: a change that no entry of the ledger says was intended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    chain::{self, linked},
    error::Failure,
    rows::Millis,
    session::{Bound, Session, Statement},
};
use crate::{
    api::Cloud,
    domain::{
        digest::{Digest, canonical},
        entry::{self, Draft, Entry, EntryKind, Failed, Intended},
        errand::{Errand, ErrandState, Errands},
        ids::{GranteeId, TenantId},
        state::{Host, RelationshipKey, seen::ServiceId},
    },
    store::StoreError,
};

/// An errand as the table has it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ErrandRow {
    pub change_id: Digest,
    pub entry: i64,
    pub instance: String,
    pub cloud: Cloud,
    pub partner: TenantId,
    pub name: String,
    pub grantee_id: Option<GranteeId>,
    pub service_host: Host,
    pub state: ErrandState,
    pub service_id: Option<ServiceId>,
    pub carried_out_by: Option<String>,
    pub sent_at_ms: Millis,
}

impl ErrandRow {
    fn key(&self) -> RelationshipKey {
        let name = self.name.as_str().into();
        RelationshipKey { cloud: self.cloud, partner: self.partner, name }
    }
}

/// What was heard of an errand.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// The service has taken it.
    Sent {
        /// The relationship there, where an invitation has made one.
        at: Option<ServiceId>,
        /// What it carries it out by.
        by: Option<String>,
    },
    /// It is not made and never will be, for this reason in words.
    Refused(String),
    /// Nobody waits for it any more, for this reason in words; it may still be made.
    Lost(String),
    /// It is of no use any more: the book has it otherwise by now.
    Dropped,
}

/// How long what was given up is kept, in milliseconds: a day.
const KEPT_FOR_MILLIS: i64 = 86_400_000;

const ALL: Statement = Statement {
    sqlite: "SELECT json_object('change_id', change_id, 'entry', entry, 'instance', instance, 'cloud', cloud, \
             'partner', partner, 'name', name, 'grantee_id', grantee_id, 'service_host', service_host, 'state', state, \
             'service_id', service_id, 'carried_out_by', carried_out_by, 'sent_at_ms', sent_at_ms) \
             FROM errands ORDER BY entry",
    postgres: "SELECT row_to_json(e)::text FROM errands e ORDER BY entry",
};

const SOME: Statement = Statement {
    sqlite: "SELECT json_object('change_id', change_id, 'entry', entry, 'instance', instance, 'cloud', cloud, \
             'partner', partner, 'name', name, 'grantee_id', grantee_id, 'service_host', service_host, 'state', state, \
             'service_id', service_id, 'carried_out_by', carried_out_by, 'sent_at_ms', sent_at_ms) \
             FROM errands WHERE change_id IN (SELECT value FROM json_each($1))",
    postgres: "SELECT row_to_json(e)::text FROM errands e \
               WHERE change_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
};

const INTENDED: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.sequence IN (SELECT entry FROM errands)"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.sequence IN (SELECT entry FROM errands)"
    ),
};

/// What is tried once more is on its way again.
const OPENED: Statement = Statement {
    sqlite: "INSERT INTO errands (change_id, entry, instance, cloud, partner, name, grantee_id, service_host, state, \
             service_id, carried_out_by, sent_at_ms) \
             SELECT value ->> 'change_id', value ->> 'entry', value ->> 'instance', value ->> 'cloud', \
             value ->> 'partner', value ->> 'name', value ->> 'grantee_id', value ->> 'service_host', value ->> 'state', \
             value ->> 'service_id', value ->> 'carried_out_by', value ->> 'sent_at_ms' \
             FROM json_each($1) WHERE true \
             ON CONFLICT (change_id) DO UPDATE SET entry = excluded.entry, state = excluded.state, \
             service_id = excluded.service_id, carried_out_by = excluded.carried_out_by, \
             sent_at_ms = excluded.sent_at_ms",
    postgres: "INSERT INTO errands SELECT * FROM jsonb_populate_recordset(NULL::errands, $1::jsonb) \
               ON CONFLICT (change_id) DO UPDATE SET entry = excluded.entry, state = excluded.state, \
               service_id = excluded.service_id, carried_out_by = excluded.carried_out_by, \
               sent_at_ms = excluded.sent_at_ms",
};

const CLOSED: Statement = Statement {
    sqlite: "DELETE FROM errands WHERE change_id IN (SELECT value FROM json_each($1)) \
             OR state IN ('GivenUp', 'Refused') AND sent_at_ms < $2",
    postgres: "DELETE FROM errands WHERE change_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) \
               OR state IN ('GivenUp', 'Refused') AND sent_at_ms < $2",
};

/// Everything that is on its way or was given up not long ago, whoever has intended it.
pub(super) async fn all(session: &mut Session, now: Timestamp) -> Result<Errands, StoreError> {
    let mut rows: Vec<ErrandRow> = session.rows(ALL, &[]).await?;
    let long_ago = now.as_millisecond() - KEPT_FOR_MILLIS;
    rows.retain(|row| {
        matches!(row.state, ErrandState::Unknown | ErrandState::Sent)
            || row.sent_at_ms.0 >= long_ago
    });
    if rows.is_empty() {
        return Ok(Errands::default());
    }
    let entries = chain::entries(session, INTENDED, &[]).await?;
    let entries: BTreeMap<i64, Entry> =
        entries.into_iter().map(|entry| (entry.sequence, entry)).collect();
    let mut errands = Errands::default();
    for row in rows {
        let Some(errand) = entries.get(&row.entry).and_then(|entry| errand(&row, entry)) else {
            let reason = format!(
                "no entry says that change `{}` was intended, which its errands have: look with `concordat ledger verify`",
                row.change_id.short()
            );
            return Err(StoreError::Corrupt { store: session.store.clone(), reason });
        };
        errands.insert(errand);
    }
    Ok(errands)
}

/// The errand of a row, where the entry is of its change.
fn errand(row: &ErrandRow, entry: &Entry) -> Option<Errand> {
    if entry.kind != EntryKind::Intended {
        return None;
    }
    let Intended { intends, id, host, made } = Intended::deserialize(&entry.payload).ok()?;
    let same = id == row.change_id && intends.id() == id && host == row.service_host;
    if !same || intends.subject.relationship.as_ref() != Some(&row.key()) {
        return None;
    }
    Some(Errand {
        change: intends,
        id,
        scope: made.scope,
        actor: entry.actor.clone(),
        intent: entry.intent.clone(),
        host,
        state: row.state,
        at: row.service_id.clone(),
        by: row.carried_out_by.clone(),
        sent_at: row.sent_at_ms.into(),
    })
}

/// Takes note of what is about to be sent.
pub(super) async fn open(session: &mut Session, rows: &[ErrandRow]) -> Result<(), Failure> {
    if rows.is_empty() {
        return Ok(());
    }
    session.execute(OPENED, &[Bound::Text(&json!(rows).to_string())]).await.map(drop)
}

/// Forgets what is read back, and what was given up long ago.
pub(super) async fn close(
    session: &mut Session,
    made: &BTreeSet<Digest>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if made.is_empty() {
        return Ok(());
    }
    forget(session, made, now).await
}

/// Forgets these, and what is of no use any more.
async fn forget(
    session: &mut Session,
    these: &BTreeSet<Digest>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let long_ago = now.as_millisecond() - KEPT_FOR_MILLIS;
    session
        .tell(CLOSED, &[Bound::Text(&json!(these).to_string()), Bound::Number(long_ago)])
        .await
        .map(drop)
}

/// Takes note of what was heard, and gives what the ledger is to say of it.
pub(super) async fn hear(
    session: &mut Session,
    heard: &[(&Errand, Heard)],
    now: Timestamp,
) -> Result<Vec<Draft>, StoreError> {
    let ids: Vec<Digest> = heard.iter().map(|(errand, _)| errand.id).collect();
    let ids = json!(ids).to_string();
    let rows: Vec<ErrandRow> = session.rows(SOME, &[Bound::Text(&ids)]).await?;
    let mut rows: BTreeMap<Digest, ErrandRow> =
        rows.into_iter().map(|row| (row.change_id, row)).collect();
    let (mut changed, mut drafts, mut dropped) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (errand, heard) in heard {
        let Some(mut row) = rows.remove(&errand.id) else { continue };
        let why = match heard {
            Heard::Sent { at, by } => {
                row.state = ErrandState::Sent;
                row.service_id = at.clone().or(row.service_id);
                row.carried_out_by = by.clone().or(row.carried_out_by);
                row.sent_at_ms = now.into();
                None
            }
            Heard::Refused(why) => {
                row.state = ErrandState::Refused;
                Some(why)
            }
            Heard::Lost(why) => {
                row.state = ErrandState::GivenUp;
                Some(why)
            }
            Heard::Dropped => {
                dropped.insert(errand.id);
                continue;
            }
        };
        drafts.extend(why.map(|why| Draft {
            time: now,
            kind: EntryKind::Failed,
            subject: entry::subject(&errand.change),
            actor: errand.actor.clone(),
            intent: errand.intent.clone(),
            payload: canonical(&Failed { failed: errand.id, why: why.clone() }),
        }));
        changed.push(row);
    }
    forget(session, &dropped, now).await?;
    let store = session.store.clone();
    open(session, &changed).await.map_err(|failure| failure.into_error(&store))?;
    Ok(drafts)
}
