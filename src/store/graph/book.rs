//! Microsoft Graph with its book: reads both, and lays one over the other.
//!
//! Never: a book that is another tenant's or another host's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{self, Instant},
};

use ecow::EcoString;

use super::{
    call::{As, Graph},
    confirm::settled,
    lay::{lay, may_be_held},
    merge::{Found, Whose, held, merge, unseen},
    read::{check_known, read_holders, relationships, reread},
    settle::{Denied, place_of},
};
use crate::{
    domain::{
        connection::Connection,
        digest::Digest,
        duration::Duration,
        entry::{Entry, Head},
        errand::Errands,
        lifecycle::Phase,
        limits::{Budget, Limits},
        state::{
            Beside, CLOCKS_DIFFER, Host, Observed, ObservedRelationship, RelationshipKey, Stands,
            seen::{Seen, SeenRelationship, ServiceId},
        },
    },
    store::{
        Apart, Laid, Read, Scope, StoreError,
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
    pub(super) graph: Graph,
    pub(super) book: B,
    pub(super) whose: Whose,
    /// As it is named in messages.
    named: String,
    /// What was last seen there.
    pub(super) seen: Seen,
    /// What was last seen to be held there.
    pub(super) laid: Laid,
    /// The relationship there that each row is for.
    pub(super) places: BTreeMap<RelationshipKey, ServiceId>,
    /// What is on its way, or was given up not long ago.
    pub(super) errands: Errands,
    /// Whether anything may still be sent: a leader sends only while it leads.
    pub(super) may_send: MaySend,
    /// When all of it was listed last.
    listed: Option<Instant>,
    /// How each stood when somebody last asked what has changed.
    pub(super) hinted: BTreeMap<ServiceId, Shown>,
    /// Why the service did not take what was sent last, as something else is in its place.
    pub(super) conflicts: BTreeMap<Digest, Denied>,
    /// Drafts that nobody wants any more, as far as is known here: they are not sent.
    pub(super) unwanted: BTreeSet<Digest>,
    /// Whether no draft is sent, whoever wants it.
    pub(super) drafts_stay: bool,
}

/// Asked before each call that changes something.
pub(super) struct MaySend(pub Box<dyn Fn() -> bool + Send + Sync>);

impl Default for MaySend {
    fn default() -> Self {
        Self(Box::new(|| true))
    }
}

/// What a list shows of a relationship: its version, how it stands, and by how much it is extended.
type Shown = (Option<EcoString>, Stands, Duration);

pub(super) fn shown(seen: &Seen) -> BTreeMap<ServiceId, Shown> {
    let shown = |one: &SeenRelationship| (one.etag.clone(), one.stands(), one.auto_extend);
    seen.relationships.iter().map(|(id, one)| (id.clone(), shown(one))).collect()
}

/// For so long a list is good enough for whoever asks for some relationships, which are read anew.
const LIST_LASTS: time::Duration = time::Duration::from_secs(30);

/// A database that can be the book of a service.
pub trait Book: Read {
    /// The relationships at a service that its rows are for.
    fn claims(&mut self) -> impl Future<Output = Result<Vec<Claim>, StoreError>> + Send;

    /// Whether it has granular relationships that no service carries out.
    fn stands_alone(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;

    /// What is on its way at the service, or was given up not long ago.
    fn errands(&mut self) -> impl Future<Output = Result<Errands, StoreError>> + Send;

    /// Writes down what is known by what was seen of what is on its way, where it may write, and gives what is left of it.
    fn settle(
        &mut self,
        errands: Errands,
        _seen: &Seen,
        _host: Host,
    ) -> impl Future<Output = Result<Errands, StoreError>> + Send {
        std::future::ready(Ok(errands))
    }
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

    async fn errands(&mut self) -> Result<Errands, StoreError> {
        match self {
            Self::There(store) => store.errands().await,
            Self::NotYet => Ok(Errands::default()),
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

    async fn errands(&mut self) -> Result<Errands, StoreError> {
        self.errands().await
    }

    async fn settle(
        &mut self,
        errands: Errands,
        seen: &Seen,
        host: Host,
    ) -> Result<Errands, StoreError> {
        Ok(settled(self, errands, seen, &BTreeMap::new(), host).await?.left)
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
        Ok(Self {
            graph: Graph::open(connection, app)?,
            book,
            whose,
            named,
            seen: Seen::default(),
            laid: Laid::new(),
            places: BTreeMap::new(),
            errands: Errands::default(),
            may_send: MaySend::default(),
            listed: None,
            hinted: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            unwanted: BTreeSet::new(),
            drafts_stay: false,
        })
    }

    /// The database.
    pub fn book(&mut self) -> &mut B {
        &mut self.book
    }

    /// The book alone, as it is recorded: nobody is asked.
    ///
    /// # Errors
    ///
    /// As [`Read::observe`].
    pub async fn recorded(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        let claims = self.book.claims().await?;
        let errands = self.book.errands().await?;
        self.check_whose(&claims, &errands)?;
        let mut observed = self.book.observe(scope).await?;
        let claimed = claims.into_iter().map(|claim| (claim.id, claim.key)).collect();
        observed.service = Some(Box::new(unseen(self.whose, claimed)));
        lay(&mut observed, &errands, scope);
        Ok(observed)
    }

    /// Everything, with what is still held beyond its end.
    ///
    /// # Errors
    ///
    /// As [`Read::observe`].
    pub async fn held(&mut self) -> Result<Observed, StoreError> {
        let mut observed = self.look(&Scope::All).await?;
        may_be_held(&mut observed, &self.errands);
        held(&mut observed);
        Ok(observed)
    }

    /// Refuses a book that is not of this tenant at these hosts.
    fn check_whose(&self, claims: &[Claim], errands: &Errands) -> Result<(), StoreError> {
        let Whose { partner, cloud, host, .. } = self.whose;
        let of_rows = claims.iter().map(|claim| (&claim.key, claim.host));
        let on_its_way = errands
            .iter()
            .filter_map(|errand| Some((errand.change.subject.relationship.as_ref()?, errand.host)));
        let is_ours = |(key, at): &(&RelationshipKey, Host)| {
            (key.partner, key.cloud, *at) == (partner, cloud, host)
        };
        let Some((key, host)) = of_rows.chain(on_its_way).find(|it| !is_ours(it)) else {
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

    /// What the book has with what was seen laid over it.
    async fn look(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        // Nobody is asked with the book of somebody else.
        let claims = self.book.claims().await?;
        let errands = self.book.errands().await?;
        self.check_whose(&claims, &errands)?;
        if self.book.stands_alone().await? {
            let reason = "its ledger is a store by itself, with relationships that were never at Microsoft: name \
                          another `ledger` in it";
            let store = self.named.clone();
            return Err(StoreError::Misnamed { store, reason: reason.to_owned() });
        }
        let some = matches!(scope, Scope::Of { .. });
        let listed = self.listed.take().filter(|at| some && at.elapsed() < LIST_LASTS);
        let is_fresh = listed.is_some();
        let (mut seen, begun) = if let Some(at) = listed {
            (std::mem::take(&mut self.seen), at)
        } else {
            let begun = Instant::now();
            (relationships(&self.graph).await?, begun)
        };
        let away: BTreeSet<ServiceId> =
            errands.iter().filter_map(|errand| place_of(errand, &seen)).collect();
        let scope = &with_moved(scope, &claims, &seen);
        let mut book = self.book.observe(scope).await?;
        let rows = book.relationships.values().flatten();
        let mut asked: BTreeSet<ServiceId> = rows.filter_map(service_id).cloned().collect();
        asked.extend(away);
        if let Scope::Of { adopted, .. } = scope {
            asked.extend(adopted.iter().cloned());
        }
        if is_fresh {
            reread(&self.graph, &mut seen, &asked).await?;
        }
        let all = matches!(scope, Scope::All);
        read_holders(&self.graph, &mut seen, |id| all || asked.contains(id)).await?;
        let mut claims = claims;
        if !errands.is_empty() {
            self.errands = self.book.settle(errands, &seen, self.whose.host).await?;
            claims = self.book.claims().await?;
            book = self.book.observe(scope).await?;
        }
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
        self.places = claimed.iter().map(|(id, key)| (key.clone(), id.clone())).collect();
        self.seen.clone_from(&seen);
        self.listed = Some(begun);
        if self.hinted.is_empty() {
            self.hinted = shown(&seen);
        }
        let (mut observed, laid) = merge(book, Found { seen, gone, claimed }, whose);
        if let Some(service) = &mut observed.service {
            // What an invitation of ours has left there is no reason not to send it again.
            let ours: BTreeSet<ServiceId> = self
                .errands
                .iter()
                .filter(|errand| errand.change.effect.makes_row().is_some())
                .filter_map(|errand| place_of(errand, &self.seen))
                .collect();
            service.names.retain(|_, id| !ours.contains(id));
        }
        self.laid = laid;
        Ok(observed)
    }
}

impl<B: Book> Read for WithBook<B> {
    async fn observe(&mut self, scope: &Scope) -> Result<Observed, StoreError> {
        let mut observed = self.look(scope).await?;
        lay(&mut observed, &self.errands, scope);
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
