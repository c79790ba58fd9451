//! Entries of the ledger that something rests on: each is proven to be one of the chain before it is believed.
//!
//! An entry is one of the chain when it is not after the head, its content gives its hash, it names the entry before,
//! the one after names it (or the head does), and the columns beside its payload are what the payload says. That takes
//! two looks at an index for each, however long the ledger is.
//!
//! Never: an answer that rests on an entry or a column that is only put beside the chain; or one that is passed over.

use serde::Deserialize;

use super::{
    rows::Millis,
    session::{Bound, Session, Statement},
};
use crate::{
    domain::{
        digest::Digest,
        entry::{Chained, Columns, Entry, EntryKind, Head},
    },
    store::StoreError,
};

/// An entry of `ledger l` with all that it takes to prove it.
macro_rules! linked {
    (sqlite) => {
        "json_object('sequence', l.sequence, 'time_ms', l.time_ms, 'kind', l.kind, \
         'subject', l.subject, 'actor', l.actor, 'intent', l.intent, 'payload', l.payload, \
         'previous', l.previous, 'hash', l.hash, 'row_id', l.row_id, 'row_state', l.row_state, \
         'batch', l.batch, 'member', l.member, \
         'before', (SELECT b.hash FROM ledger b WHERE b.sequence = l.sequence - 1), \
         'after', coalesce((SELECT a.previous FROM ledger a WHERE a.sequence = l.sequence + 1), \
         (SELECT h.hash FROM ledger_head h WHERE h.sequence = l.sequence)), \
         'end', (SELECT h.sequence FROM ledger_head h)) "
    };
    (postgres) => {
        "json_build_object('sequence', l.sequence, 'time_ms', l.time_ms, 'kind', l.kind, \
         'subject', l.subject, 'actor', l.actor, 'intent', l.intent, 'payload', l.payload, \
         'previous', l.previous, 'hash', l.hash, 'row_id', l.row_id, 'row_state', l.row_state, \
         'batch', l.batch, 'member', l.member, \
         'before', (SELECT b.hash FROM ledger b WHERE b.sequence = l.sequence - 1), \
         'after', coalesce((SELECT a.previous FROM ledger a WHERE a.sequence = l.sequence + 1), \
         (SELECT h.hash FROM ledger_head h WHERE h.sequence = l.sequence)), \
         'end', (SELECT h.sequence FROM ledger_head h))::text "
    };
}
pub(super) use linked;

/// The last entry that there is, wherever the head says that the ledger ends.
const LAST: Statement = Statement {
    sqlite: concat!("SELECT ", linked!(sqlite), "FROM ledger l ORDER BY l.sequence DESC LIMIT 1"),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l ORDER BY l.sequence DESC LIMIT 1"
    ),
};

/// Every entry about some subjects.
const ABOUT: Statement = Statement {
    sqlite: concat!(
        "SELECT ",
        linked!(sqlite),
        "FROM ledger l WHERE l.subject IN (SELECT value FROM json_each($1)) ORDER BY l.sequence"
    ),
    postgres: concat!(
        "SELECT ",
        linked!(postgres),
        "FROM ledger l WHERE l.subject = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) \
         ORDER BY l.sequence"
    ),
};

/// The end of the chain, as the store keeps it.
pub(super) const HEAD: Statement = Statement {
    sqlite: "SELECT json_object('sequence', sequence, 'hash', hash) FROM ledger_head",
    postgres: "SELECT json_build_object('sequence', sequence, 'hash', hash)::text FROM ledger_head",
};

/// An entry as the table has it, with what stands around it.
#[derive(Deserialize)]
struct Linked {
    sequence: i64,
    time_ms: Millis,
    kind: EntryKind,
    subject: String,
    actor: String,
    intent: String,
    payload: String,
    previous: Digest,
    hash: Digest,
    row_id: Option<i64>,
    row_state: Option<Digest>,
    batch: Option<Digest>,
    member: Option<Digest>,
    /// The hash of the entry before.
    before: Option<Digest>,
    /// What the entry after names, or the head.
    after: Option<Digest>,
    /// The last entry by the head.
    end: i64,
}

impl Linked {
    /// The entry as it was written, with the columns beside it, where it has its place in the chain.
    fn in_place(self) -> Result<(Chained, Columns), &'static str> {
        let Self { sequence, time_ms, kind, subject, actor, intent, payload, .. } = self;
        let Self { previous, hash, row_id, row_state, batch, member, before, after, end, .. } =
            self;
        if sequence > end {
            return Err("it comes after the end of the ledger");
        }
        let first = (sequence == 1).then_some(Digest::ZERO);
        if before.or(first) != Some(previous) {
            return Err("it does not follow from the one before");
        }
        if after != Some(hash) {
            return Err("what comes after does not follow from it");
        }
        let time = time_ms.into();
        let chained =
            Chained { sequence, time, kind, subject, actor, intent, payload, previous, hash };
        Ok((chained, Columns { row_id, row_state, batch, member }))
    }

    /// The entry, or what is wrong with it.
    fn proven(self) -> Result<Entry, &'static str> {
        let (chained, beside) = self.in_place()?;
        // Most entries stand in the table as they were hashed. What was only spaced otherwise says the same.
        let (hash, as_written) = (chained.hash, chained.computed_hash() == chained.hash);
        let entry = Entry::try_from(chained).map_err(|_| "it cannot be read")?;
        if !as_written && entry.computed_hash() != hash {
            return Err("its content does not give its hash");
        }
        said_by(&beside, &Columns::of(&entry.payload))?;
        Ok(entry)
    }

    /// The columns beside the entry, or what is wrong with it. Nothing else of an entry is read that stands in the table
    /// as it was hashed.
    fn columns(self) -> Result<Columns, &'static str> {
        let (chained, beside) = self.in_place()?;
        let said =
            (chained.computed_hash() == chained.hash).then(|| Columns::said(&chained.payload));
        let said = if let Some(said) = said.flatten() {
            said
        } else {
            let hash = chained.hash;
            let entry = Entry::try_from(chained).map_err(|_| "it cannot be read")?;
            if entry.computed_hash() != hash {
                return Err("its content does not give its hash");
            }
            Columns::of(&entry.payload)
        };
        said_by(&beside, &said)?;
        Ok(beside)
    }
}

fn said_by(beside: &Columns, payload: &Columns) -> Result<(), &'static str> {
    if beside == payload { Ok(()) } else { Err("a column says something else than its payload") }
}

/// The entries that a statement finds, each made with [`linked`] and proven.
pub(super) async fn entries(
    session: &mut Session,
    statement: Statement,
    bound: &[Bound<'_>],
) -> Result<Vec<Entry>, StoreError> {
    read(session, statement, bound, Linked::proven).await
}

/// The columns beside such entries.
pub(super) async fn columns(
    session: &mut Session,
    statement: Statement,
    bound: &[Bound<'_>],
) -> Result<Vec<Columns>, StoreError> {
    read(session, statement, bound, Linked::columns).await
}

async fn read<T>(
    session: &mut Session,
    statement: Statement,
    bound: &[Bound<'_>],
    proven: impl Fn(Linked) -> Result<T, &'static str>,
) -> Result<Vec<T>, StoreError> {
    let rows: Vec<Linked> = session.rows(statement, bound).await?;
    let all = rows.into_iter().map(|row| {
        let sequence = row.sequence;
        proven(row).map_err(|why| damaged(session, sequence, why))
    });
    all.collect()
}

/// Every entry about some subjects, a list of JSON.
pub(super) async fn about(session: &mut Session, subjects: &str) -> Result<Vec<Entry>, StoreError> {
    entries(session, ABOUT, &[Bound::Text(subjects)]).await
}

/// Refuses a ledger that does not end where its head says: what is put after the end is not of the chain, and what is
/// missing before it was said once.
pub(super) async fn check_end(session: &mut Session, head: Head) -> Result<(), StoreError> {
    let last = entries(session, LAST, &[]).await?;
    let last = last.first().map_or_else(Head::empty, Entry::head);
    if last == head {
        return Ok(());
    }
    Err(damaged(session, last.sequence, "the head says that another entry is the last"))
}

/// What is said of a ledger with such an entry.
pub(super) fn damaged(session: &Session, sequence: i64, why: &str) -> StoreError {
    StoreError::Corrupt {
        store: session.store.clone(),
        reason: format!(
            "entry {sequence} of its ledger cannot be relied on: {why}; look with `concordat ledger verify`"
        ),
    }
}
