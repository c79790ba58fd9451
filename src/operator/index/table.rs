//! All objects of one kind.
//!
//! Never: an object missing because a list failed; a new list takes the place of the old one once it is whole.

use std::{
    collections::{BTreeMap, BTreeSet},
    marker::PhantomData,
    sync::Arc,
};

use ecow::EcoString;
use serde::de::DeserializeOwned;

use super::{StatusText, seen::Indexed};
use crate::domain::state::ObjectName;

/// What is known of one object.
#[derive(Debug, Clone, PartialEq)]
pub enum Known<S> {
    /// It could be read.
    Read(Arc<Indexed<S>>),
    /// It is there and does not fit the kind as this program knows it: why.
    Unread(String),
}

impl<S> Known<S> {
    /// Where it could be read.
    pub fn read(&self) -> Option<&Arc<Indexed<S>>> {
        match self {
            Self::Read(seen) => Some(seen),
            Self::Unread(_) => None,
        }
    }
}

/// All objects of one kind, as they were last seen.
#[derive(Debug)]
pub struct Table<S, T> {
    objects: BTreeMap<ObjectName, Known<S>>,
    /// A list that is not whole yet.
    incoming: Option<BTreeMap<ObjectName, Known<S>>>,
    /// What is on its way to the server.
    reported: BTreeMap<ObjectName, StatusText>,
    /// Of which version the metadata is being changed.
    marked: BTreeMap<ObjectName, String>,
    synced: bool,
    status: PhantomData<fn() -> T>,
}

impl<S, T> Default for Table<S, T> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            incoming: None,
            reported: BTreeMap::new(),
            marked: BTreeMap::new(),
            synced: false,
            status: PhantomData,
        }
    }
}

impl<S: PartialEq, T> Table<S, T> {
    /// Whether a new state of an object says nothing but what was reported from here, or nothing new at all.
    pub(super) fn is_echo(&mut self, name: &ObjectName, seen: &Indexed<S>) -> bool {
        let arrived =
            self.reported.get(name).is_some_and(|sent| seen.status.as_ref() == Some(sent));
        if arrived {
            self.reported.remove(name);
        }
        let Some(before) = self.get(name) else { return false };
        let same = !seen.differs_from(before);
        same && (arrived || seen.status == before.status)
    }
}

impl<S, T> Table<S, T> {
    /// Whether a whole list was seen.
    pub fn is_synced(&self) -> bool {
        self.synced
    }

    /// What is known of an object.
    pub fn known(&self, name: &ObjectName) -> Option<&Known<S>> {
        self.objects.get(name)
    }

    /// An object that could be read.
    pub fn get(&self, name: &ObjectName) -> Option<&Arc<Indexed<S>>> {
        self.objects.get(name)?.read()
    }

    /// All, in order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&ObjectName, &Known<S>)> {
        self.objects.iter()
    }

    /// The names in one namespace.
    pub fn names_in(&self, namespace: &str) -> impl Iterator<Item = &ObjectName> {
        let first = ObjectName { namespace: namespace.into(), name: EcoString::new() };
        let here = move |(name, _): &(&ObjectName, _)| name.namespace == namespace;
        self.objects.range(first..).take_while(here).map(|(name, _)| name)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// What was last reported of an object, also where the server has not said so yet.
    pub fn status(&self, name: &ObjectName) -> Option<T>
    where
        T: DeserializeOwned,
    {
        let seen = || self.get(name)?.status.as_ref();
        self.reported.get(name).or_else(seen)?.read()
    }

    /// Remembers what is on its way to the server.
    pub(super) fn report(&mut self, name: ObjectName, status: StatusText) {
        self.reported.insert(name, status);
    }

    /// Remembers that the metadata of this version is being changed.
    pub(super) fn mark(&mut self, name: ObjectName, version: String) {
        self.marked.insert(name, version);
    }

    /// Whether the metadata of this version is being changed: until another one is seen, once is enough.
    pub fn is_marked(&self, name: &ObjectName, version: &str) -> bool {
        self.marked.get(name).is_some_and(|marked| marked == version)
    }

    /// It is not.
    pub(super) fn unmark(&mut self, name: &ObjectName) {
        self.marked.remove(name);
    }

    /// It did not arrive.
    pub(super) fn forget_report(&mut self, name: &ObjectName) {
        self.reported.remove(name);
        self.marked.remove(name);
    }

    /// Nothing is on its way any more.
    pub(super) fn forget_reports(&mut self) {
        self.reported.clear();
        self.marked.clear();
    }

    /// A new list begins.
    pub(super) fn begin(&mut self) {
        self.incoming = Some(BTreeMap::new());
    }

    /// An object of the list that has begun.
    pub(super) fn add_to_list(&mut self, name: ObjectName, known: Known<S>) {
        self.incoming.get_or_insert_default().insert(name, known);
    }

    /// The list is whole: what it holds, and the names of what was there before and is not in it.
    pub(super) fn finish(&mut self) -> (BTreeMap<ObjectName, Known<S>>, BTreeSet<ObjectName>) {
        let listed = self.incoming.take().unwrap_or_default();
        self.synced = true;
        let gone = self.objects.keys().filter(|name| !listed.contains_key(*name)).cloned();
        let gone = gone.collect();
        (listed, gone)
    }

    /// Puts an object in; gives what was there before.
    pub(super) fn put(&mut self, name: ObjectName, known: Known<S>) -> Option<Known<S>> {
        let version = known.read().map(|seen| seen.version.as_str());
        if version.is_none_or(|version| !self.is_marked(&name, version)) {
            self.marked.remove(&name);
        }
        self.objects.insert(name, known)
    }

    /// Takes an object out.
    pub(super) fn take(&mut self, name: &ObjectName) -> Option<Known<S>> {
        self.marked.remove(name);
        self.objects.remove(name)
    }
}
