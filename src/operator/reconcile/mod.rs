//! One round: what changed → what has to be read → the plan → what is made → what is read back and reported.
//!
//! A round takes all that changed since the last one together, so that a namespace that is deleted is one plan and one
//! batch, and a thousand grants are a few transactions. It knows no cluster and no clock but the store's: a simulation
//! runs the same rounds in virtual time.
//!
//! Never: a write for an object whose finalizer does not stand, or a status that was not read back.

mod actors;
mod approvals;
mod backoff;
mod converge;
mod desired;
mod expiry;
mod fights;
mod finalizers;
mod gone;
mod grant_parts;
pub(in crate::operator) mod holds;
mod others;
mod outcome;
mod report;
mod requeue;
mod resync;
mod row_index;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

pub use approvals::NotApproved;
pub use expiry::{Expiry, read_expiry};
pub use outcome::{Effected, MetadataPatch, Reconciled, StatusPatch};
pub use requeue::{Requeue, Requeues};
pub use row_index::RowIndex;

use super::index::{Affected, Index, key};
use crate::{
    domain::{
        ids::{Kind, ObjectKey, TenantId},
        plan::plan,
        state::{Instance, ObjectName, RelationshipKey},
        status,
    },
    store::{Scope, StoreError, Write},
};
use grant_parts::GrantParts;
use resync::Resync;

/// What a round has to look at.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Work {
    /// Objects that changed.
    pub objects: BTreeSet<ObjectKey>,
    /// Relationships in the store that are due.
    pub rows: BTreeSet<RelationshipKey>,
}

impl Work {
    /// Whether there is nothing to look at.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.rows.is_empty()
    }

    /// Also looks at this.
    pub fn enqueue(&mut self, requeue: Requeue) {
        match requeue {
            Requeue::Row(row) => drop(self.rows.insert(row)),
            Requeue::Object(object) => drop(self.objects.insert(object)),
        }
    }
}

/// How rounds are run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Who writes.
    pub instance: Instance,
    /// User names of programs that may approve.
    pub robots: BTreeSet<String>,
    /// Whether somebody writes down who deletes.
    pub deletions: Deletions,
    /// How long a termination waits for others to be judged with it.
    pub settles_for: SignedDuration,
    /// When to try again what was refused.
    pub retries_after: SignedDuration,
    /// How many relationships are looked at together when everything is.
    pub looks_at: usize,
}

/// Whether it is written on an object who deleted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deletions {
    /// The webhook does: what was deleted without a name cannot be approved.
    Stamped,
    /// Nobody does.
    AsTheyAre,
}

impl Settings {
    /// The usual ones for this instance: 30 seconds each (docs/concepts.md, Planning).
    pub fn of(instance: Instance) -> Self {
        let usual = SignedDuration::from_secs(30);
        Self {
            instance,
            robots: BTreeSet::new(),
            deletions: Deletions::AsTheyAre,
            settles_for: usual,
            retries_after: usual,
            looks_at: 250,
        }
    }
}

/// What is kept from round to round. All of it can be lost: the first round looks at everything.
#[derive(Debug)]
pub struct Reconciler {
    settings: Settings,
    row_index: RowIndex,
    requeues: Requeues,
    grant_parts: GrantParts,
    /// The namespaces that a boundary named when it was last looked at.
    bounded: BTreeMap<ObjectName, BTreeSet<EcoString>>,
    /// The same as the round under way has found it.
    named: BTreeMap<ObjectName, BTreeSet<EcoString>>,
    resync: Resync,
    /// The store's clock when it was last read.
    now: Timestamp,
}

/// How much is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Extent {
    /// What somebody changed, or what is due: with everything that has to be planned together.
    Round,
    /// A part of everything, in which nothing may be made.
    Part,
}

/// The index, locked for as long as nothing is awaited.
pub fn locked(index: &Mutex<Index>) -> MutexGuard<'_, Index> {
    index.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Reconciler {
    /// Nothing is known yet.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            row_index: RowIndex::default(),
            requeues: Requeues::default(),
            grant_parts: GrantParts::default(),
            bounded: BTreeMap::new(),
            named: BTreeMap::new(),
            resync: Resync::default(),
            now: Timestamp::UNIX_EPOCH,
        }
    }

    /// What is remembered of the store.
    pub fn row_index(&self) -> &RowIndex {
        &self.row_index
    }

    /// When the next round is due although nobody changes anything.
    pub fn next_requeue(&self) -> Option<Timestamp> {
        self.requeues.next()
    }

    /// What is due.
    pub fn due(&mut self, now: Timestamp) -> Vec<Requeue> {
        self.requeues.due(now)
    }

    /// Looks at what is to be looked at, makes what may be made, and says what is to be reported.
    ///
    /// # Errors
    /// When the store could not be read. What was made before it failed stands in [`Reconciled`], with the failure.
    pub async fn reconcile(
        &mut self,
        index: &Mutex<Index>,
        work: &Work,
        store: &mut impl Write,
    ) -> Result<Reconciled, StoreError> {
        let affected = self.affected(&locked(index), work);
        let done = self.carry_out(index, affected, Extent::Round, store).await?;
        let mut done = done.expect("a round is carried out, whatever it comes to");
        if done.failed.is_none() {
            self.bounded.append(&mut self.named);
            self.bounded.retain(|_, namespaces| !namespaces.is_empty());
        }
        // What somebody looks at just now is looked at.
        done.again.retain(
            |requeue| !matches!(requeue, Requeue::Object(object) if work.objects.contains(object)),
        );
        Ok(done)
    }

    /// Plans what is concerned, makes it and tells of it. In a part nothing is made: `None` where something would be.
    async fn carry_out(
        &mut self,
        index: &Mutex<Index>,
        mut affected: Affected,
        extent: Extent,
        store: &mut impl Write,
    ) -> Result<Option<Reconciled>, StoreError> {
        let scope = scope(&affected, &locked(index));
        let observed = store.observe(&scope).await?;
        self.now = observed.now;
        self.row_index.learn(&affected.rows, &observed, &self.settings.instance);
        let validated = {
            let index = locked(index);
            self.with_grants(&mut affected, &index);
            desired::validated(&index, affected, &observed, &self.settings.instance)
        };
        let mut run =
            converge::Run::new(validated, observed, scope, converge::claimant(&self.settings));
        if extent == Extent::Part
            && (!run.plan.changes.is_empty()
                || !approvals::written(&run.validated.affected, &locked(index)).is_empty())
        {
            return Ok(None);
        }
        let mut done = Reconciled::at(run.observed.now);
        run.all(store, index, &self.settings, &mut self.row_index, &mut done).await?;
        if done.failed.is_some() {
            return Ok(Some(done));
        }
        done.now = run.observed.now;
        let rows = run.observed.relationships.values().flatten();
        let names: BTreeSet<EcoString> = rows.map(|row| row.key.name.clone()).collect();
        let ledger = store.last_entries(&names).await?;
        self.row_index.learn(&run.validated.affected.rows, &run.observed, &self.settings.instance);
        let unheld = status::unheld(&run.validated.desired);
        let unheld = unheld
            .map(|desired| plan(&desired, &run.observed, &converge::claimant(&self.settings)));
        let unheld = unheld.as_ref().unwrap_or(&run.plan);
        let index = locked(index);
        let sources = report::Sources { index: &index, run: &run, unheld, ledger: &ledger };
        self.report(&sources, &mut done);
        self.look_elsewhere(&run, extent, &mut done);
        Ok(Some(done))
    }

    /// One relationship can make a grant right or wrong that others have, too: those are looked at next.
    fn look_elsewhere(&mut self, run: &converge::Run, extent: Extent, done: &mut Reconciled) {
        for grant in &run.validated.affected.grants {
            let standing = run.validated.desired.grant_objects.get(grant).map(|said| said.standing);
            if self.grant_parts.stands_otherwise(grant, standing) && extent == Extent::Round {
                done.again.push(Requeue::Object(key(Kind::RoleGrant, grant)));
            }
        }
    }

    /// Everything that has to be looked at because of this work.
    fn affected(&mut self, index: &Index, work: &Work) -> Affected {
        let mut affected = index.affected(&work.objects);
        affected.rows.extend(work.rows.iter().cloned());
        for boundary in affected.boundaries.clone() {
            let seen = index.tables().boundaries.get(&boundary);
            let named =
                seen.map(|seen| seen.object.spec.namespaces.iter().map(Into::into).collect());
            let named: BTreeSet<EcoString> = named.unwrap_or_default();
            // A round that fails is carried out again: until then what was named before counts as well.
            let all = self.bounded.entry(boundary.clone()).or_default();
            all.extend(named.iter().cloned());
            for namespace in &*all {
                index.affect_namespace(namespace, &mut affected);
            }
            self.named.insert(boundary, named);
        }
        for grant in &affected.grants {
            affected.relationships.extend(self.grant_parts.relationships_of(grant).cloned());
            affected.rows.extend(self.row_index.given_by(grant).cloned());
        }
        for approval in approvals::written(&affected, index) {
            if let Ok(hash) = approval.text.parse() {
                affected.rows.extend(self.row_index.blocked_by(&hash).cloned());
            }
        }
        let namespaces: BTreeSet<&str> =
            affected.relationships.iter().map(|name| name.namespace.as_str()).collect();
        let waiting: Vec<_> = self.row_index.blocked_in(&namespaces).cloned().collect();
        affected.rows.extend(waiting);
        let settling: BTreeSet<&RelationshipKey> = self.row_index.settling().collect();
        let due = work.rows.iter().filter(|row| settling.contains(row));
        let partners: BTreeSet<TenantId> = due.map(|row| row.partner).collect();
        let together = settling.into_iter().filter(|row| partners.contains(&row.partner));
        affected.rows.extend(together.cloned());
        let owners = affected.rows.iter().flat_map(|row| self.row_index.owners_of(row));
        let owners: Vec<_> =
            owners.filter(|name| index.tables().relationships.known(name).is_some()).collect();
        affected.relationships.extend(owners.into_iter().cloned());
        self.around(index, &mut affected);
        affected
    }

    /// The answers to the relationships of a concern, and their rows.
    fn around(&self, index: &Index, affected: &mut Affected) {
        for relationship in &affected.relationships {
            affected.acceptances.extend(index.answers_to(relationship));
            affected.rows.extend(index.first_key(relationship));
            affected.rows.extend(self.row_index.owned_by(relationship).cloned());
        }
    }

    /// The grants of every relationship in a concern, declared or recorded.
    fn with_grants(&self, affected: &mut Affected, index: &Index) {
        for relationship in &affected.relationships {
            affected.grants.extend(index.grants_of(relationship));
            affected.grants.extend(self.grant_parts.grants_of(relationship).cloned());
        }
        for row in &affected.rows {
            affected.grants.extend(self.row_index.grants_of(row).cloned());
        }
    }
}

/// What has to be read for a concern.
fn scope(affected: &Affected, index: &Index) -> Scope {
    let seen = affected.acceptances.iter().filter_map(|name| index.tables().acceptances.get(name));
    let customers = seen.filter_map(|seen| seen.object.spec.customer.tenant_id.parse().ok());
    Scope::Of {
        keys: affected.rows.clone(),
        customers: customers.collect(),
        owned: None,
        bounded: None,
        adopted: BTreeSet::new(),
    }
}
