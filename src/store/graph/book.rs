//! Microsoft Graph with its book: reads both and lays one over the other, and writes what is a matter of the book alone.
//!
//! Never: a change at Microsoft, or a book that is another tenant's or another host's.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;

use super::{
    call::{As, Graph},
    merge::{Found, Whose, held, merge},
    read::{check_known, read_holders, relationships},
};
use crate::{
    domain::{
        carrier::is_outward,
        change::Change,
        connection::Connection,
        entry::{Entry, Head},
        lifecycle::Phase,
        limits::{Admitted, Batch, Budget, Limits},
        state::{
            Beside, CLOCKS_DIFFER, Host, Observed, ObservedRelationship, RelationshipKey,
            seen::{Seen, ServiceId},
        },
    },
    store::{
        Apart, Laid, Observation, Outcome, Read, Refusal, Scope, Signature, Signatures, StoreError,
        Write,
        any::BookReader,
        sql::{Claim, SqlWriter},
    },
};

/// Graph and its book, to be read.
pub type GraphReader = WithBook<BookReader>;

/// Graph and its book, of which the book is written.
pub type GraphWriter = WithBook<SqlWriter>;

/// Graph, and the database in which its book is.
pub struct WithBook<B> {
    graph: Graph,
    book: B,
    whose: Whose,
    /// As it is named in messages.
    named: String,
    /// What was last seen to be held there.
    laid: Laid,
}

/// A database that can be the book of a service.
pub trait Book: Read {
    /// The relationships at a service that its rows are for.
    fn claims(&mut self) -> impl Future<Output = Result<Vec<Claim>, StoreError>> + Send;

    /// Whether it has granular relationships that no service carries out.
    fn stands_alone(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

impl Book for BookReader {
    async fn claims(&mut self) -> Result<Vec<Claim>, StoreError> {
        match self {
            Self::There(store) => store.claims().await,
            Self::NotYet => Ok(Vec::new()),
        }
    }

    async fn stands_alone(&mut self) -> Result<bool, StoreError> {
        match self {
            Self::There(store) => store.stands_alone().await,
            Self::NotYet => Ok(false),
        }
    }
}

impl Book for SqlWriter {
    async fn claims(&mut self) -> Result<Vec<Claim>, StoreError> {
        self.claims().await
    }

    async fn stands_alone(&mut self) -> Result<bool, StoreError> {
        self.stands_alone().await
    }
}

impl<B: Book> WithBook<B> {
    /// Nobody is asked yet.
    ///
    /// # Errors
    ///
    /// Where the connection names no such app.
    pub fn open(connection: &Connection, app: As, book: B) -> Result<Self, StoreError> {
        let Connection { partner, cloud, .. } = *connection;
        let whose = Whose { partner, cloud, host: connection.host(), clock: None };
        let named = format!("graph:{}", connection.file.display());
        Ok(Self { graph: Graph::open(connection, app)?, book, whose, named, laid: Laid::new() })
    }

    /// The database.
    pub fn book(&mut self) -> &mut B {
        &mut self.book
    }

    /// Everything, with what is still held beyond its end.
    ///
    /// # Errors
    ///
    /// As [`Read::observe`].
    pub async fn held(&mut self) -> Result<Observed, StoreError> {
        let mut observed = self.observe(&Scope::All).await?;
        held(&mut observed);
        Ok(observed)
    }

    /// Refuses a book that is not of this tenant at these hosts.
    fn check_whose(&self, claims: &[Claim]) -> Result<(), StoreError> {
        let Whose { partner, cloud, host, .. } = self.whose;
        let is_ours = |claim: &&Claim| {
            (claim.key.partner, claim.key.cloud, claim.host) == (partner, cloud, host)
        };
        let Some(Claim { key, host, .. }) = claims.iter().find(|claim| !is_ours(claim)) else {
            return Ok(());
        };
        let place = match host {
            Host::Microsoft => "Microsoft's own hosts",
            Host::Other => "other hosts than Microsoft's, such as an emulator",
        };
        let here = match self.whose.host {
            Host::Microsoft => "at Microsoft's own",
            Host::Other => "at others",
        };
        let reason = format!(
            "its ledger is of partner {} in {:?} at {place}, and this connection of partner {partner} in {cloud:?} {here}: \
             name another `ledger` in it",
            key.partner, key.cloud
        );
        Err(StoreError::Misnamed { store: self.named.clone(), reason })
    }
}

impl<B: Book> Read for WithBook<B> {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        // Nobody is asked with the book of somebody else.
        let claims = self.book.claims().await?;
        self.check_whose(&claims)?;
        if self.book.stands_alone().await? {
            let reason = "its ledger is a store by itself, with relationships that were never at Microsoft: name \
                          another `ledger` in it";
            let store = self.named.clone();
            return Err(StoreError::Misnamed { store, reason: reason.to_owned() });
        }
        let mut seen = relationships(&self.graph).await?;
        let book = self.book.observe(&with_moved(scope, &claims, &seen)).await?;
        let rows = book.relationships.values().flatten();
        let mut asked: BTreeSet<ServiceId> = rows.filter_map(service_id).cloned().collect();
        if let Scope::Of { adopted, .. } = scope {
            asked.extend(adopted.iter().cloned());
        }
        let all = matches!(scope, Scope::All);
        read_holders(&self.graph, &mut seen, |id| all || asked.contains(id)).await?;
        let (forgettable, live): (Vec<&Claim>, Vec<&Claim>) =
            claims.iter().partition(|claim| claim.may_be_forgotten(book.now));
        let live: BTreeSet<ServiceId> = live.iter().map(|claim| claim.id.clone()).collect();
        let mut gone = check_known(&self.graph, &seen, &live).await?;
        // What is over long enough is forgotten there, and nobody asks for it.
        let forgotten = forgettable.iter().map(|claim| &claim.id);
        gone.extend(forgotten.filter(|id| !seen.relationships.contains_key(*id)).cloned());
        let claimed: BTreeMap<ServiceId, RelationshipKey> =
            claims.into_iter().map(|claim| (claim.id, claim.key)).collect();
        let clock = self.graph.clock_difference().filter(|ahead| ahead.abs() > CLOCKS_DIFFER);
        let whose = Whose { clock, ..self.whose };
        let (observed, laid) = merge(book, Found { seen, gone, claimed }, whose);
        self.laid = laid;
        Ok(observed)
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        self.book.beside(apart).await
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        self.book.budgets(limits).await
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        self.book.entries(after, at_most).await
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        self.book.head().await
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        self.book.last_entries(subjects).await
    }
}

/// A scope with the relationships that the service has moved to another phase, or extended, since that was recorded,
/// whoever asks.
fn with_moved(scope: &Scope, claims: &[Claim], seen: &Seen) -> Scope {
    let mut scope = scope.clone();
    if let Scope::Of { keys, .. } = &mut scope {
        let is_moved = |claim: &&Claim| {
            let Some(found) = seen.relationships.get(&claim.id) else { return false };
            let (was, is) = (claim.lifecycle.phase(), found.stage.phase());
            let extended = is == Phase::Active && found.ends_at > claim.ends_at;
            // What is not understood there is told to whoever asks for it.
            is != Phase::Unknown && (is != was || extended)
        };
        keys.extend(claims.iter().filter(is_moved).map(|claim| claim.first.clone()));
    }
    scope
}

fn service_id(row: &ObservedRelationship) -> Option<&ServiceId> {
    row.at.as_ref().map(|at| &at.id)
}

impl GraphWriter {
    /// Says goodbye to the database.
    ///
    /// # Errors
    ///
    /// As [`SqlWriter::close`].
    pub async fn close(self) -> Result<(), StoreError> {
        self.book.close().await
    }
}

impl Write for GraphWriter {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        let refusal = || {
            Outcome::Refused(Refusal::Constraint(
                "this version changes nothing at Microsoft: make it in Partner Center".to_owned(),
            ))
        };
        let mut outcomes = vec![refusal(); changes.len()];
        let mut refused: Vec<&Change> = Vec::new();
        let (mut noted, mut places) = (Vec::new(), Vec::new());
        for (place, admitted) in changes.iter().enumerate() {
            let change = &admitted.change;
            if is_outward(change) || refused.iter().any(|refused| change.rests_on(refused)) {
                refused.push(change);
            } else {
                noted.push(admitted.clone());
                places.push(place);
            }
        }
        if !noted.is_empty() {
            let made = self.book.apply_under(&noted, limits, by, &self.laid).await?;
            for (place, outcome) in places.into_iter().zip(made) {
                outcomes[place] = outcome;
            }
        }
        Ok(outcomes)
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        self.book.block(batches, by).await
    }

    /// What is refused anyway is not approved: that would count for whatever is planned after it.
    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        if batch.changes.iter().any(is_outward) {
            return Ok(());
        }
        self.book.approve(batch, by).await
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        self.book.record_held(seen, by).await
    }
}
