//! Whatever store a command was given: one value to read, one to write.
//!
//! Never: a rule of its own; each says what the store says that it is.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{
    Apart, Observation, Outcome, Read, Scope, Settled, Signature, Signatures, StoreError, Write,
    graph::{GraphReader, GraphWriter},
    sql::{SqlReader, SqlWriter},
};
use crate::domain::{
    digest::Digest,
    entry::{Entry, Head, PersonRecord},
    limits::{Admitted, Batch, Budget, Limits},
    state::{Beside, Doubts, Observed, RelationshipKey},
};

/// A database to read, or the certainty that there is none yet.
pub enum BookReader {
    /// It is there.
    There(SqlReader),
    /// There is no such file: whoever writes first makes it.
    NotYet,
}

/// A store to read.
pub enum AnyReader {
    /// The database is all there is.
    Book(BookReader),
    /// The database is the book beside Microsoft Graph.
    Graph(Box<GraphReader>),
}

/// A store to write.
pub enum AnyWriter {
    /// The database is all there is.
    Book(SqlWriter),
    /// The database is the book beside Microsoft Graph.
    Graph(Box<GraphWriter>),
}

/// What is observed of a store that is not there.
fn nothing() -> Observed {
    Observed {
        now: Timestamp::from_millisecond(Timestamp::now().as_millisecond())
            .expect("an earlier instant of the same millisecond is a timestamp as well"),
        relationships: BTreeMap::new(),
        acceptances: BTreeMap::new(),
        boundaries: BTreeMap::new(),
        doubts: Doubts::default(),
        service: None,
    }
}

impl BookReader {
    /// Every person that the ledger names by hash, with the record where it was not erased.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub async fn persons(&mut self) -> Result<BTreeMap<Digest, Option<PersonRecord>>, StoreError> {
        match self {
            Self::There(store) => store.persons().await,
            Self::NotYet => Ok(BTreeMap::new()),
        }
    }
}

impl AnyReader {
    /// The book alone, as it is recorded: nobody outside is asked.
    ///
    /// # Errors
    ///
    /// As [`Read::observe`].
    pub async fn recorded(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        match self {
            Self::Book(book) => book.observe(scope).await,
            Self::Graph(graph) => graph.recorded(scope).await,
        }
    }

    /// The database behind it, in which the ledger is.
    pub fn book(&mut self) -> &mut BookReader {
        match self {
            Self::Book(book) => book,
            Self::Graph(graph) => graph.book(),
        }
    }

    /// Everything, as whoever asks who can do what now is told: access at a service that should be over there, and is not
    /// yet read back as gone, is held.
    ///
    /// # Errors
    ///
    /// As [`Read::observe`].
    pub async fn held(&mut self) -> Result<Observed, StoreError> {
        match self {
            Self::Book(book) => book.observe(&Scope::All).await,
            Self::Graph(graph) => graph.held().await,
        }
    }
}

impl AnyWriter {
    /// The store's clock.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub async fn now(&mut self) -> Result<Timestamp, StoreError> {
        match self {
            Self::Book(store) => store.now().await,
            Self::Graph(store) => store.book().now().await,
        }
    }

    /// The first keys of rows that a cheap look says have changed since the last one: at a service one list, and nothing in a
    /// database, where nobody else writes.
    ///
    /// # Errors
    ///
    /// Where that look fails.
    pub async fn hints(&mut self) -> Result<BTreeSet<RelationshipKey>, StoreError> {
        match self {
            Self::Book(_) => Ok(BTreeSet::new()),
            Self::Graph(store) => store.hints().await,
        }
    }

    /// Sends nothing to a service any more once this says so. A database refuses by itself who is not the newest.
    pub fn only_while(&mut self, may_send: impl Fn() -> bool + Send + Sync + 'static) {
        match self {
            Self::Book(_) => {}
            Self::Graph(store) => store.only_while(may_send),
        }
    }

    /// Sends no invitation to a customer from now on, whoever wants it: for whoever knows nothing of what is wanted.
    pub fn keep_drafts(&mut self) {
        match self {
            Self::Book(_) => {}
            Self::Graph(store) => store.keep_drafts(),
        }
    }

    /// The rows of what is on its way.
    pub fn underway(&self) -> BTreeSet<RelationshipKey> {
        match self {
            Self::Book(_) => BTreeSet::new(),
            Self::Graph(store) => store.underway(),
        }
    }

    /// Says goodbye.
    ///
    /// # Errors
    ///
    /// Where what was written last could not be put in its place: it is durable all the same.
    pub async fn close(self) -> Result<(), StoreError> {
        match self {
            Self::Book(store) => store.close().await,
            Self::Graph(store) => store.close().await,
        }
    }
}

impl Read for BookReader {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        match self {
            Self::There(store) => store.observe(scope).await,
            Self::NotYet => Ok(nothing()),
        }
    }

    async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
        match self {
            Self::There(store) => store.beside(apart).await,
            Self::NotYet => Ok(Beside::default()),
        }
    }

    async fn budgets(
        &mut self,
        limits: &BTreeMap<String, Limits>,
    ) -> Result<BTreeMap<String, Budget>, StoreError> {
        match self {
            Self::There(store) => store.budgets(limits).await,
            Self::NotYet => Ok(BTreeMap::new()),
        }
    }

    async fn entries(&mut self, after: i64, at_most: u32) -> Result<Vec<Entry>, StoreError> {
        match self {
            Self::There(store) => store.entries(after, at_most).await,
            Self::NotYet => Ok(Vec::new()),
        }
    }

    async fn head(&mut self) -> Result<Head, StoreError> {
        match self {
            Self::There(store) => store.head().await,
            Self::NotYet => Ok(Head::empty()),
        }
    }

    async fn last_entries(
        &mut self,
        subjects: &BTreeSet<EcoString>,
    ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
        match self {
            Self::There(store) => store.last_entries(subjects).await,
            Self::NotYet => Ok(BTreeMap::new()),
        }
    }
}

/// What can be read of either.
macro_rules! read {
    ($store:ty) => {
        impl Read for $store {
            async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
                match self {
                    Self::Book(store) => store.observe(scope).await,
                    Self::Graph(store) => store.observe(scope).await,
                }
            }

            async fn beside(&mut self, apart: &Apart) -> Result<Beside, StoreError> {
                match self {
                    Self::Book(store) => store.beside(apart).await,
                    Self::Graph(store) => store.beside(apart).await,
                }
            }

            async fn budgets(
                &mut self,
                limits: &BTreeMap<String, Limits>,
            ) -> Result<BTreeMap<String, Budget>, StoreError> {
                match self {
                    Self::Book(store) => store.budgets(limits).await,
                    Self::Graph(store) => store.budgets(limits).await,
                }
            }

            async fn entries(
                &mut self,
                after: i64,
                at_most: u32,
            ) -> Result<Vec<Entry>, StoreError> {
                match self {
                    Self::Book(store) => store.entries(after, at_most).await,
                    Self::Graph(store) => store.entries(after, at_most).await,
                }
            }

            async fn head(&mut self) -> Result<Head, StoreError> {
                match self {
                    Self::Book(store) => store.head().await,
                    Self::Graph(store) => store.head().await,
                }
            }

            async fn last_entries(
                &mut self,
                subjects: &BTreeSet<EcoString>,
            ) -> Result<BTreeMap<EcoString, Head>, StoreError> {
                match self {
                    Self::Book(store) => store.last_entries(subjects).await,
                    Self::Graph(store) => store.last_entries(subjects).await,
                }
            }
        }
    };
}

read!(AnyReader);
read!(AnyWriter);

impl Write for AnyWriter {
    async fn apply(
        &mut self,
        changes: &[Admitted],
        limits: &BTreeMap<String, Limits>,
        by: &Signatures,
    ) -> Result<Vec<Outcome>, StoreError> {
        match self {
            Self::Book(store) => store.apply(changes, limits, by).await,
            Self::Graph(store) => store.apply(changes, limits, by).await,
        }
    }

    fn at_once(&self) -> usize {
        match self {
            Self::Book(store) => store.at_once(),
            Self::Graph(store) => store.at_once(),
        }
    }

    async fn settle(&mut self) -> Result<Settled, StoreError> {
        match self {
            Self::Book(store) => store.settle().await,
            Self::Graph(store) => store.settle().await,
        }
    }

    async fn block(&mut self, batches: &[Batch], by: &Signature) -> Result<(), StoreError> {
        match self {
            Self::Book(store) => store.block(batches, by).await,
            Self::Graph(store) => store.block(batches, by).await,
        }
    }

    async fn approve(&mut self, batch: &Batch, by: &Signature) -> Result<(), StoreError> {
        match self {
            Self::Book(store) => store.approve(batch, by).await,
            Self::Graph(store) => store.approve(batch, by).await,
        }
    }

    async fn record(&mut self, seen: Vec<Observation>, by: &Signature) -> Result<(), StoreError> {
        match self {
            Self::Book(store) => store.record(seen, by).await,
            Self::Graph(store) => store.record(seen, by).await,
        }
    }
}
