//! The SQL stores: SQLite and PostgreSQL. One implementation; where the dialects differ, a statement stands in both.
//!
//! A session begins with [`open_reader`], [`open_writer`] or [`open_writer_at`]. A writer is one instance in one epoch:
//! it holds the lock of its instance or has taken its epoch elsewhere, and every transaction checks that no newer
//! session has begun.
//!
//! Never: a statement for each row.

mod admit;
mod apply;
mod beside;
mod boundaries;
mod budget;
mod chain;
mod errands;
mod error;
mod lock;
mod migrate;
mod observe;
mod open;
mod proof;
mod record;
mod rows;
mod seal;
mod server;
mod session;
#[cfg(test)]
mod tests;
mod tls;
mod touched;
mod trust;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use admit::{Aside, Deed};
use ecow::EcoString;
pub use errands::Heard;
use jiff::Timestamp;
pub use open::{POSTGRES_ROLES, exposed};
pub use record::{Erased, StoredBatch};
pub use server::PASSWORD_FILE;
pub use session::Clock;

use super::{
    Apart, Laid, Observation, Outcome, Read, Scope, Signature, Signatures, StoreError, StoreUrl,
    Write,
};
use crate::domain::{
    digest::Digest,
    entry::{Columns, Draft, Entry, Head, PersonRecord, tables::Found},
    errand::{Errand, Errands},
    lifecycle::{ENDED_IS_KEPT_FOR_DAYS, INVITATION_LAPSES_AFTER_DAYS, Lifecycle, Phase},
    limits::{Admitted, Batch, Budget, Limits},
    state::{Beside, Host, Instance, Observed, RelationshipKey, seen::ServiceId},
};
use session::{Bound, Purpose, Session, Statement, both};

/// A session with a store, and what it may do besides reading.
pub struct Sql<May> {
    session: Session,
    may: May,
}

/// Reads, and cannot write: the file is opened read-only, and a server is told so.
pub type SqlReader = Sql<Look>;

/// Writes for one instance.
pub type SqlWriter = Sql<WriteAs>;

/// No right but to read.
pub struct Look;

/// The right to write, for one instance in one epoch.
pub struct WriteAs {
    instance: Instance,
    epoch: i64,
    lock: Option<lock::Lock>,
}

/// Opens a store to read it. It must be there, and of this very version.
pub async fn open_reader(url: &StoreUrl) -> Result<SqlReader, StoreError> {
    Ok(Sql { session: open::reader(url).await?, may: Look })
}

/// Opens a store to write to it as `instance`; it is made or migrated where needed. Where another process holds the
/// lock of the instance, `waiting` is told once who; after [`PATIENCE`] it is [`StoreError::Locked`].
pub async fn open_writer(
    url: &StoreUrl,
    instance: &Instance,
    waiting: impl FnMut(&str) + Send,
) -> Result<SqlWriter, StoreError> {
    open_writer_within(PATIENCE, url, instance, waiting).await
}

/// How long [`open_writer`] waits for another process of the same instance.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// The same with another patience.
pub async fn open_writer_within(
    patience: Duration,
    url: &StoreUrl,
    instance: &Instance,
    waiting: impl FnMut(&str) + Send,
) -> Result<SqlWriter, StoreError> {
    let mut session = open::writer(url).await?;
    let lock = lock::take(&session, url, instance, patience, waiting).await?;
    let epoch = lock::begin_next_epoch(&mut session, instance).await?;
    Ok(Sql { session, may: WriteAs { instance: instance.clone(), epoch, lock: Some(lock) } })
}

/// Opens a store to write to it as `instance` in an epoch that was taken elsewhere, and refuses every older session from
/// then on. There is no lock to wait for, since a process that is only paused would keep it. An epoch that is not higher
/// than the stored one is [`StoreError::StaleEpoch`].
pub async fn open_writer_at(
    url: &StoreUrl,
    instance: &Instance,
    epoch: i64,
) -> Result<SqlWriter, StoreError> {
    let mut session = open::writer(url).await?;
    let epoch = lock::begin_epoch(&mut session, instance, lock::Epoch::At(epoch)).await?;
    Ok(Sql { session, may: WriteAs { instance: instance.clone(), epoch, lock: None } })
}

/// Opens a store again in an epoch that [`open_writer_at`] has begun for this very process, which lost its connection,
/// and had seen the ledger end with `known`. Once somebody has begun a newer epoch it is [`StoreError::StaleEpoch`]; where
/// the server has come back with less than it had, it is [`StoreError::Rewound`].
pub async fn open_writer_again(
    url: &StoreUrl,
    instance: &Instance,
    epoch: i64,
    known: &Head,
) -> Result<SqlWriter, StoreError> {
    let mut session = open::writer(url).await?;
    session.ensure_holds(known).await?;
    let epoch = lock::begin_epoch(&mut session, instance, lock::Epoch::Again(epoch)).await?;
    Ok(Sql { session, may: WriteAs { instance: instance.clone(), epoch, lock: None } })
}

/// The epoch of the last session of `instance`; 0 where there was none, or no store. Nothing is made or migrated.
pub async fn stored_epoch(url: &StoreUrl, instance: &Instance) -> Result<i64, StoreError> {
    match open::ledger_reader(url).await {
        Ok(mut session) => lock::epoch(&mut session, instance).await,
        Err(StoreError::Missing { .. }) => Ok(0),
        Err(error) => Err(error),
    }
}

/// Refuses a store whose ledger has not the very entry that `published` names: whoever goes on from a backup would not
/// know of what was done since. Nothing is made or migrated.
pub async fn ensure_holds(url: &StoreUrl, published: &Head) -> Result<(), StoreError> {
    match open::ledger_reader(url).await {
        Ok(mut session) => session.ensure_holds(published).await,
        Err(StoreError::Missing { .. }) if published.sequence == 0 => Ok(()),
        Err(StoreError::Missing { store }) => {
            Err(StoreError::Rewound { store, sequence: published.sequence })
        }
        Err(error) => Err(error),
    }
}

impl<May: Send> Read for Sql<May> {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        self.session.judged = budget::Judged::default();
        observe::observe(&mut self.session, scope).await
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        beside::beside(&mut self.session, apart).await
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        let now = observe::clock(&mut self.session).await?;
        let budgets =
            budget::budgets(&mut self.session, limits, budget::Shares::Count, now).await?;
        self.session.judged = budget::Judged::by(&budgets);
        Ok(budgets)
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        let entries = self.session.entries(after, at_most).await?;
        Ok(entries.into_iter().map(|(entry, _)| entry).collect())
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        self.session.row(chain::HEAD, &[]).await
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        record::last_entries(&mut self.session, subjects).await
    }
}

/// The relationship at a service that a row is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// Its id there.
    pub id: ServiceId,
    /// At whose hosts.
    pub host: Host,
    /// The row.
    pub key: RelationshipKey,
    /// The first row of its family.
    pub first: RelationshipKey,
    /// The stage that is recorded.
    pub lifecycle: Lifecycle,
    /// When it was asked for.
    pub invited_at: Timestamp,
    /// When it ends or ended.
    pub ends_at: Option<Timestamp>,
}

impl Claim {
    /// Whether the service may rightly know nothing of it any more: it is over, nobody has answered in time, or its end was
    /// so long ago that it is not kept.
    pub(super) fn may_be_forgotten(&self, now: Timestamp) -> bool {
        let days = |days: u16, from: Timestamp| {
            crate::domain::duration::Duration::from_days(days).after(from)
        };
        let passed = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= now);
        match self.lifecycle.phase() {
            Phase::Ended => true,
            Phase::Pending => passed(days(INVITATION_LAPSES_AFTER_DAYS, self.invited_at)),
            Phase::Active | Phase::Ending => {
                passed(self.ends_at.and_then(|end| days(ENDED_IS_KEPT_FOR_DAYS, end)))
            }
            Phase::Unknown => false,
        }
    }
}

impl<May> Sql<May> {
    /// Whether there are granular relationships that no service carries out.
    pub(super) async fn stands_alone(&mut self) -> Result<bool, StoreError> {
        observe::stands_alone(&mut self.session).await
    }

    /// The relationships at a service that rows are for, in one read.
    pub async fn claims(&mut self) -> Result<Vec<Claim>, StoreError> {
        observe::claims(&mut self.session).await
    }

    /// What is on its way at the service, or was given up not long ago.
    pub async fn errands(&mut self) -> Result<Errands, StoreError> {
        let now = observe::clock(&mut self.session).await?;
        errands::all(&mut self.session, now).await
    }

    /// The same with another clock than this machine's. SQLite has no clock of its own, so that it is the store's as
    /// well; a server keeps its own.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.session.clock = clock;
        self
    }

    /// Every person that the ledger names by hash, with the record where it was not erased.
    pub async fn persons(&mut self) -> Result<BTreeMap<Digest, Option<PersonRecord>>, StoreError> {
        record::persons(&mut self.session).await
    }

    /// Until [`Sql::end_instant`] everything that is read is as it is now.
    pub async fn begin_instant(&mut self) -> Result<(), StoreError> {
        self.session.begin(Purpose::Read).await
    }

    /// The end of what [`Sql::begin_instant`] has begun.
    pub async fn end_instant(&mut self) -> Result<(), StoreError> {
        self.session.commit().await
    }

    /// Every row of every table but the ledger, to be compared with it. Nothing of persons but their hashes.
    pub async fn tables(&mut self) -> Result<Found, StoreError> {
        let mut found = Found::new();
        for (table, statement) in TABLES {
            found.insert(*table, self.session.rows(*statement, &[]).await?);
        }
        Ok(found)
    }

    /// As [`Read::entries`], each with what stands beside its payload.
    pub async fn entries_beside(
        &mut self,
        after: i64,
        at_most: u32,
    ) -> Result<Vec<(Entry, Columns)>, StoreError> {
        self.session.entries(after, at_most).await
    }

    /// How the tables, views and triggers differ from those that this version makes.
    pub async fn schema_differences(&mut self) -> Result<Vec<String>, StoreError> {
        migrate::schema_differences(&mut self.session).await
    }

    /// The batches that wait, the newest first.
    pub async fn batches(&mut self) -> Result<Vec<StoredBatch>, StoreError> {
        record::batches(&mut self.session).await
    }
}

impl Write for SqlWriter {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        let laid = Laid::new();
        let host = Host::Microsoft;
        let none = Errands::default();
        let aside = Aside { host, laid: &laid, errands: &none, deeds: &[] };
        self.apply_beside(changes, limits, by, aside).await
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        if batches.is_empty() {
            return Ok(());
        }
        let head = self.begin().await?;
        let drafts = record::block(&mut self.session, batches, by).await;
        self.end(head, drafts).await
    }

    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        let head = self.begin().await?;
        let drafts = record::approve(&mut self.session, batch, by).await;
        self.end(head, drafts).await
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        let head = self.begin().await?;
        let drafts = record::observations(&mut self.session, seen, by).await;
        self.end(head, drafts).await
    }
}

impl SqlWriter {
    /// As [`Write::record`], of a store that is the book beside a service: what is said to be held there by others is taken
    /// over, as others write it themselves where the store is all there is.
    pub(super) async fn record_held(
        &mut self,
        seen: Vec<Observation>,
        by: &Signature,
    ) -> Result<(), StoreError> {
        let head = self.begin().await?;
        let drafts = record::held(&mut self.session, seen, by).await;
        self.end(head, drafts).await
    }

    /// As [`Write::apply`], of a store that is the book beside a service. What is only intended is [`Outcome::Underway`],
    /// and may be sent once this returns.
    pub(super) async fn apply_beside(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
        aside: Aside<'_>,
    ) -> Result<Vec<Outcome>, StoreError> {
        let who = (&self.may.instance, self.may.epoch);
        apply::apply(&mut self.session, who, changes, limits, by, aside).await
    }

    /// Writes down what was heard of what is on its way.
    pub(super) async fn hear(&mut self, heard: &[(&Errand, Heard)]) -> Result<(), StoreError> {
        if heard.is_empty() {
            return Ok(());
        }
        let head = self.begin().await?;
        let drafts = match observe::clock(&mut self.session).await {
            Ok(now) => errands::hear(&mut self.session, heard, now).await,
            Err(error) => Err(error),
        };
        self.end(head, drafts).await
    }

    /// The store's clock.
    pub(super) async fn now(&mut self) -> Result<Timestamp, StoreError> {
        observe::clock(&mut self.session).await
    }

    /// The instance whose session it is.
    pub(super) fn instance(&self) -> &Instance {
        &self.may.instance
    }

    /// Erases what is kept of persons, and says of how many. The ledger stays as true as it was, and says that it was
    /// done and by whom, but not of whom.
    pub async fn erase(&mut self, who: &Erased, by: &Signature) -> Result<usize, StoreError> {
        record::prepare_erasure(&mut self.session).await?;
        let head = self.begin().await?;
        let erased = record::erase(&mut self.session, who, by).await;
        let number = erased.as_ref().map_or(0, |(number, _)| *number);
        self.end(head, erased.map(|(_, draft)| draft.into_iter().collect())).await?;
        record::finish_erasure(&mut self.session).await?;
        Ok(number)
    }

    /// Says goodbye: on SQLite the log is folded into the file, so that the file alone is the store.
    pub async fn close(self) -> Result<(), StoreError> {
        self.session.close().await?;
        match self.may.lock {
            Some(lock) => lock.release().await,
            None => Ok(()),
        }
    }

    /// The end of the chain; from here on this session is alone among writers.
    async fn begin(&mut self) -> Result<Head, StoreError> {
        self.session.begin(Purpose::Write).await?;
        let head = touched::lock_as(&mut self.session, &self.may.instance, self.may.epoch).await;
        if head.is_err() {
            self.session.rollback().await;
        }
        head
    }

    async fn end(
        &mut self,
        head: Head,
        drafts: Result<Vec<Draft>, StoreError>,
    ) -> Result<(), StoreError> {
        let appended = match drafts {
            Ok(drafts) => {
                let mut chain = write::Chain::after(head);
                for draft in drafts {
                    chain.add(draft);
                }
                write::append(&mut self.session, &chain).await
            }
            Err(error) => Err(error),
        };
        match appended {
            Ok(()) => self.session.commit().await,
            Err(error) => {
                self.session.rollback().await;
                Err(error)
            }
        }
    }
}

/// A table with each of its columns.
macro_rules! table {
    ($table:literal: $first:literal $($column:literal)*) => {
        ($table, Statement {
            sqlite: concat!(
                "SELECT json_object('", $first, "', ", $first,
                $(", '", $column, "', ", $column,)* ") FROM ", $table
            ),
            postgres: concat!("SELECT row_to_json(t)::text FROM ", $table, " t"),
        })
    };
}

const TABLES: &[(&str, Statement)] = &[
    table!("relationships": "id" "cloud" "partner" "name" "first_name" "number" "owner_instance"
        "owner_namespace" "owner_name" "owner_uid" "scope" "revision" "last_change" "customer"
        "customer_name" "partner_name" "type" "lifecycle" "invitation" "digest" "asked"
        "invited_at_ms" "activated_at_ms" "ends_at_ms" "auto_extend" "ceiling" "ended_at_ms"
        "end_reason" "policies" "came_at_ms" "service_id" "service_host"),
    table!("assignments": "relationship_id" "grantee_id" "grantee_kind" "grantee_name" "version"
        "last_change" "recorded" "contributions" "came_at_ms"),
    table!("assignment_roles": "relationship_id" "grantee_id" "role_id" "until_ms"),
    table!("acceptances": "content" "namespace" "object" "decision" "customer" "partner"
        "agreement_type" "template_id" "country" "language" "document_sha256" "accepted_at_ms"
        "recorded_at_ms" "person" "used_for"),
    (
        "persons",
        Statement {
            sqlite: "SELECT json_object('hash', hash, 'erased_at_ms', erased_at_ms) FROM persons",
            postgres: "SELECT json_build_object('hash', hash, 'erased_at_ms', erased_at_ms)::text \
                   FROM persons",
        },
    ),
    table!("batches": "hash" "scope" "exceeded" "blocked_at_ms" "blocked_by" "approved_at_ms"
        "approved_by"),
    table!("batch_members": "batch" "member" "made_at_ms" "matter" "subject" "asked_by"
        "approved_at_ms"),
    table!("spent": "id" "scope" "at_ms" "revocations" "terminations" "privileged_gains"
        "new_grantees" "replacements"),
    table!("errands": "change_id" "entry" "instance" "cloud" "partner" "name" "grantee_id"
        "service_host" "state" "service_id" "carried_out_by" "sent_at_ms"),
    table!("instances": "instance" "epoch" "holder"),
];

const ENTRIES: Statement = Statement {
    sqlite: "SELECT json_object('sequence', sequence, 'time_ms', time_ms, 'kind', kind, \
             'subject', subject, 'actor', actor, 'intent', intent, 'payload', payload, \
             'previous', previous, 'hash', hash, 'row_id', row_id, 'row_state', row_state, \
             'batch', batch, 'member', member) FROM ledger WHERE sequence > $1 \
             ORDER BY sequence LIMIT $2",
    postgres: "SELECT json_build_object('sequence', sequence, 'time_ms', time_ms, 'kind', kind, \
               'subject', subject, 'actor', actor, 'intent', intent, 'payload', payload, \
               'previous', previous, 'hash', hash, 'row_id', row_id, 'row_state', row_state, \
               'batch', batch, 'member', member)::text FROM ledger WHERE sequence > $1 \
               ORDER BY sequence LIMIT $2",
};

impl Session {
    async fn entries(
        &mut self,
        after: i64,
        at_most: u32,
    ) -> Result<Vec<(Entry, Columns)>, StoreError> {
        let bound = [Bound::Number(after), Bound::Number(i64::from(at_most))];
        let texts = self.texts(ENTRIES, &bound).await?;
        let mut entries = Vec::with_capacity(texts.len());
        for text in texts {
            let row: rows::EntryBeside =
                serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
                    store: self.store.clone(),
                    reason: format!(
                        "the entry after {} of the ledger cannot be read: {error}",
                        entries.last().map_or(after, |(entry, _): &(Entry, _)| entry.sequence)
                    ),
                })?;
            entries.push((row.entry.into(), row.beside));
        }
        Ok(entries)
    }

    async fn ensure_holds(&mut self, known: &Head) -> Result<(), StoreError> {
        let hash = both("SELECT hash FROM ledger WHERE sequence = $1");
        let found = self.texts(hash, &[Bound::Number(known.sequence)]).await?;
        if known.sequence == 0 || found == [known.hash.to_string()] {
            return Ok(());
        }
        Err(StoreError::Rewound { store: self.store.clone(), sequence: known.sequence })
    }
}
