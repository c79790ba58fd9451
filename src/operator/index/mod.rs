//! What is known of the cluster: the objects of the five kinds, how they are connected, and which of them somebody has
//! to look at again.
//!
//! Never: an answer before every kind was listed whole.

mod closure;
mod links;
mod seen;
mod status_text;
mod table;
mod unparsed;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use kube::runtime::watcher::Event;

pub use closure::Affected;
pub use links::{Link, Linked, Links, key};
pub use seen::{
    ACTS_FOR, APPROVE, APPROVED_BY, CHANGED_BY, COMMITS, DELETED_BY, FINALIZER, Indexed,
    REQUESTED_AT, REQUESTED_BY, Watched, name_of, seen,
};
pub use status_text::StatusText;
pub use table::{Known, Table};
pub use unparsed::Guarded;

use crate::{
    api::{
        AgreementAcceptance, AgreementAcceptanceSpec, AgreementAcceptanceStatus, PartnerBoundary,
        PartnerBoundarySpec, PartnerBoundaryStatus, PartnerOffer, PartnerOfferSpec,
        PartnerOfferStatus, PartnerRelationship, PartnerRelationshipSpec,
        PartnerRelationshipStatus, RoleGrant, RoleGrantSpec, RoleGrantStatus,
    },
    domain::{
        ids::{Kind, ObjectKey},
        state::ObjectName,
        validate::Object,
    },
};

/// The objects, by kind.
#[derive(Debug, Default)]
pub struct Tables {
    /// What partners propose.
    pub offers: Table<PartnerOfferSpec, PartnerOfferStatus>,
    /// What is proposed to whom.
    pub relationships: Table<PartnerRelationshipSpec, PartnerRelationshipStatus>,
    /// Who is to hold what.
    pub grants: Table<RoleGrantSpec, RoleGrantStatus>,
    /// Who accepted what.
    pub acceptances: Table<AgreementAcceptanceSpec, AgreementAcceptanceStatus>,
    /// What namespaces may do.
    pub boundaries: Table<PartnerBoundarySpec, PartnerBoundaryStatus>,
}

/// A kind that has its table here.
pub trait Tabled: Watched<Spec: Linked> {
    /// Its table.
    fn table(tables: &mut Tables) -> &mut Table<Self::Spec, Self::Status>;
}

macro_rules! tabled {
    ($kind:ident, $table:ident) => {
        impl Tabled for $kind {
            fn table(tables: &mut Tables) -> &mut Table<Self::Spec, Self::Status> {
                &mut tables.$table
            }
        }
    };
}

tabled!(PartnerOffer, offers);
tabled!(PartnerRelationship, relationships);
tabled!(RoleGrant, grants);
tabled!(AgreementAcceptance, acceptances);
tabled!(PartnerBoundary, boundaries);

/// Does something with the table of a kind.
macro_rules! with_table {
    ($tables:expr, $kind:expr, $table:ident => $done:expr) => {
        match $kind {
            Kind::PartnerOffer => {
                let $table = &mut $tables.offers;
                $done
            }
            Kind::PartnerRelationship => {
                let $table = &mut $tables.relationships;
                $done
            }
            Kind::RoleGrant => {
                let $table = &mut $tables.grants;
                $done
            }
            Kind::AgreementAcceptance => {
                let $table = &mut $tables.acceptances;
                $done
            }
            Kind::PartnerBoundary => {
                let $table = &mut $tables.boundaries;
                $done
            }
        }
    };
}

/// Everything that is known of the cluster.
#[derive(Debug, Default)]
pub struct Index {
    tables: Tables,
    links: Links,
    dirty: BTreeSet<ObjectKey>,
    /// After how many calls for new lists the last whole list of a kind began.
    listed: BTreeMap<Kind, u64>,
}

impl Index {
    /// The objects.
    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The connections.
    pub fn links(&self) -> &Links {
        &self.links
    }

    /// Whether every kind was listed whole. Before that, what is missing may only not have been seen.
    pub fn is_synced(&self) -> bool {
        let Tables { offers, relationships, grants, acceptances, boundaries } = &self.tables;
        offers.is_synced()
            && relationships.is_synced()
            && grants.is_synced()
            && acceptances.is_synced()
            && boundaries.is_synced()
    }

    /// A whole list of a kind was seen, which began after so many calls for new lists.
    pub fn listed<K: Tabled>(&mut self, calls: u64) {
        self.listed.insert(K::KIND, calls);
    }

    /// Whether every kind was listed whole since so many calls for new lists: what was seen before may be older than what
    /// another leader has acted on.
    pub fn is_listed_since(&self, calls: u64) -> bool {
        let since = |kind| self.listed.get(kind).is_some_and(|after| *after >= calls);
        self.is_synced() && Kind::ALL.iter().all(since)
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        let Tables { offers, relationships, grants, acceptances, boundaries } = &self.tables;
        offers.len() + relationships.len() + grants.len() + acceptances.len() + boundaries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes in what a watch tells.
    pub fn see<K: Tabled>(&mut self, event: Event<Guarded<K>>) {
        match event {
            Event::Init => K::table(&mut self.tables).begin(),
            Event::InitApply(object) => {
                let (name, known) = known(object);
                K::table(&mut self.tables).add_to_list(name, known);
            }
            Event::InitDone => {
                let (listed, gone) = K::table(&mut self.tables).finish();
                for name in gone {
                    self.remove::<K>(&name);
                }
                for (name, known) in listed {
                    self.put::<K>(&name, known);
                }
            }
            Event::Apply(object) => {
                let (name, known) = known(object);
                self.put::<K>(&name, known);
            }
            Event::Delete(object) => {
                self.remove::<K>(&name_of(&object));
            }
        }
    }

    /// Somebody has to look at this object again.
    pub fn mark(&mut self, object: ObjectKey) {
        self.dirty.insert(object);
    }

    /// Somebody has to look at every object again.
    pub fn mark_all(&mut self) {
        let Tables { offers, relationships, grants, acceptances, boundaries } = &self.tables;
        let dirty = &mut self.dirty;
        dirty.extend(offers.iter().map(|(name, _)| key(Kind::PartnerOffer, name)));
        dirty.extend(relationships.iter().map(|(name, _)| key(Kind::PartnerRelationship, name)));
        dirty.extend(grants.iter().map(|(name, _)| key(Kind::RoleGrant, name)));
        dirty.extend(acceptances.iter().map(|(name, _)| key(Kind::AgreementAcceptance, name)));
        dirty.extend(boundaries.iter().map(|(name, _)| key(Kind::PartnerBoundary, name)));
    }

    /// How many objects wait to be looked at.
    pub fn waiting(&self) -> usize {
        self.dirty.len()
    }

    /// The objects that somebody has to look at; from now on nobody has.
    pub fn take_dirty(&mut self) -> BTreeSet<ObjectKey> {
        std::mem::take(&mut self.dirty)
    }

    /// Runs `look` as if `object` were stored, and leaves everything as it was.
    pub fn with<K: Tabled, R>(
        &mut self,
        object: Object<K::Spec>,
        look: impl FnOnce(&Self) -> R,
    ) -> R {
        let dirty = self.dirty.clone();
        let name = object.name.clone();
        let before = self.put::<K>(&name, Known::Read(Arc::new(not_stored(object))));
        let answer = look(self);
        match before {
            Some(before) => drop(self.put::<K>(&name, before)),
            None => self.remove::<K>(&name),
        }
        self.dirty = dirty;
        answer
    }

    /// Takes an object in as if somebody had applied it: whatever the cluster alone says of an old one stays.
    pub fn lay_over<K: Tabled>(&mut self, object: Object<K::Spec>) {
        let name = object.name.clone();
        let laid = match K::table(&mut self.tables).get(&name) {
            None => not_stored(object),
            Some(before) => {
                let mut laid = Indexed::clone(before);
                laid.object.spec = object.spec;
                laid.object.labels = object.labels;
                laid.object.source = object.source;
                laid.object.annotations.extend(object.annotations);
                laid
            }
        };
        self.put::<K>(&name, Known::Read(Arc::new(laid)));
    }

    /// Remembers what is being reported of an object: its own echo is no news.
    pub fn reports(&mut self, object: &ObjectKey, status: StatusText) {
        with_table!(self.tables, object.kind, table => table.report(name_in(object), status));
    }

    /// Remembers that the metadata of this version of an object is being changed.
    pub fn marks(&mut self, object: &ObjectKey, version: &str) {
        let (name, version) = (name_in(object), version.to_owned());
        with_table!(self.tables, object.kind, table => table.mark(name, version));
    }

    /// It is not: the server does not take it. Whoever looks next may try again.
    pub fn unmark(&mut self, object: &ObjectKey) {
        with_table!(self.tables, object.kind, table => table.unmark(&name_in(object)));
    }

    /// What was to be reported did not arrive.
    pub fn forget_report(&mut self, object: &ObjectKey) {
        with_table!(self.tables, object.kind, table => table.forget_report(&name_in(object)));
        self.mark(object.clone());
    }

    /// Nothing is on its way any more: somebody else reports now.
    pub fn forget_reports(&mut self) {
        let Tables { offers, relationships, grants, acceptances, boundaries } = &mut self.tables;
        offers.forget_reports();
        relationships.forget_reports();
        grants.forget_reports();
        acceptances.forget_reports();
        boundaries.forget_reports();
    }

    fn put<K: Tabled>(
        &mut self,
        name: &ObjectName,
        known: Known<K::Spec>,
    ) -> Option<Known<K::Spec>> {
        let table = K::table(&mut self.tables);
        // An echo says nothing new, and so nothing that it could be found under.
        if let Known::Read(seen) = &known
            && table.is_echo(name, seen)
        {
            return table.put(name.clone(), known);
        }
        let links = known.read().map(|seen| K::Spec::links(&seen.object));
        let before = table.put(name.clone(), known);
        let mut released = Vec::new();
        if let Some(Known::Read(before)) = &before {
            let old = K::Spec::links(&before.object);
            self.links.remove(K::KIND, name, old.clone());
            released = old;
        }
        if let Some(links) = links {
            released.retain(|link| !links.contains(link));
            self.links.add(K::KIND, name, links);
        }
        self.mark(key(K::KIND, name));
        self.mark_rivals(&released);
        before
    }

    /// Whoever wanted a name in the store that is given up may have it now.
    fn mark_rivals(&mut self, released: &[Link]) {
        for link in released {
            let Link::StoreName(wanted) = link else { continue };
            let same = self.links.of(link, Kind::PartnerRelationship);
            let rivals: Vec<_> = same.chain(self.links.numbered(wanted)).cloned().collect();
            for rival in rivals {
                self.mark(key(Kind::PartnerRelationship, &rival));
            }
        }
    }

    fn remove<K: Tabled>(&mut self, name: &ObjectName) {
        if let Some(Known::Read(before)) = K::table(&mut self.tables).take(name) {
            let links = K::Spec::links(&before.object);
            self.links.remove(K::KIND, name, links.clone());
            self.mark_rivals(&links);
        }
        self.mark(key(K::KIND, name));
    }
}

fn name_in(object: &ObjectKey) -> ObjectName {
    ObjectName { namespace: object.namespace.clone(), name: object.name.clone() }
}

/// An object that is not in the cluster.
fn not_stored<S>(object: Object<S>) -> Indexed<S> {
    Indexed {
        object,
        generation: 0,
        version: String::new(),
        finalizers: Vec::new(),
        created: None,
        manager: None,
        status: None,
    }
}

fn known<K: Watched>(object: Guarded<K>) -> (ObjectName, Known<K::Spec>) {
    match object {
        Guarded::Read(object) => {
            let seen = seen(*object);
            (seen.object.name.clone(), Known::Read(seen))
        }
        Guarded::Unread { ref why, .. } => (name_of(&object), Known::Unread(why.clone())),
    }
}
