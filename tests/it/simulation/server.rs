//! An API server in memory: versions, generations, UIDs, finalizers, a status of its own, and a log of what was changed
//! for those who watch.
//!
//! Never: a watch that skips something without a new list, or a write to another object of the same name.

use std::collections::BTreeMap;

use concordat::{
    domain::ids::{Kind, ObjectKey},
    operator::{
        index::{APPROVE, APPROVED_BY, CHANGED_BY, REQUESTED_BY},
        reconcile::{MetadataPatch, StatusPatch},
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// Why the server did not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    NotFound,
    Conflict,
    Invalid,
    /// It cannot say: it may work later.
    Failed,
}

/// One change as a watch tells it.
#[derive(Debug, Clone)]
pub struct Told {
    pub object: Value,
    pub gone: bool,
}

/// Who holds which objects.
#[derive(Debug, Clone, Default)]
pub struct Server {
    pub objects: BTreeMap<ObjectKey, Value>,
    pub log: BTreeMap<Kind, Vec<Told>>,
    /// The instant, for what is stamped.
    pub now: Timestamp,
    /// Objects whose status the server does not take: it says no, or fails.
    pub unheard: BTreeMap<ObjectKey, Option<Refused>>,
    /// How often the operator has changed something.
    pub writes: usize,
    version: u64,
    uids: u64,
}

/// The names of labels or annotations with their values.
pub fn texts(of: &[(&str, &str)]) -> Value {
    of.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

impl Server {
    /// The same objects without what was told of them.
    pub fn as_it_is(&self) -> Self {
        let Self { objects, log: _, unheard, now, writes, version, uids } = self;
        let (objects, unheard) = (objects.clone(), unheard.clone());
        let (now, writes, version, uids) = (*now, *writes, *version, *uids);
        Self { objects, log: BTreeMap::new(), unheard, now, writes, version, uids }
    }

    pub fn get(&self, key: &ObjectKey) -> Option<&Value> {
        self.objects.get(key)
    }

    pub fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectKey, &Value)> {
        self.objects.iter().filter(move |(key, _)| key.kind == kind)
    }

    /// Makes an object, unless there is one.
    pub fn create(&mut self, key: &ObjectKey, labels: &Value, spec: &Value, user: &str) -> bool {
        if self.objects.contains_key(key) {
            return false;
        }
        self.uids += 1;
        let mut metadata = json!({
            "name": key.name,
            "uid": format!("uid-{}", self.uids),
            "generation": 1,
            "creationTimestamp": whole_seconds(self.now).to_string(),
            "labels": labels,
            "annotations": { REQUESTED_BY: user },
        });
        if !key.namespace.is_empty() {
            metadata["namespace"] = json!(key.namespace);
        }
        let pending = concordat::api::conditions::pending();
        let object = json!({
            "apiVersion": concordat::api::API_VERSION,
            "kind": key.kind.to_string(),
            "metadata": metadata,
            "spec": spec,
            "status": { "observedGeneration": -1, "conditions": pending },
        });
        self.store(key, object);
        true
    }

    /// Edits an object as a user does. A new spec is a new generation.
    pub fn edit(&mut self, key: &ObjectKey, user: &str, edit: impl FnOnce(&mut Value)) -> bool {
        let Some(before) = self.objects.get(key) else { return false };
        let mut object = before.clone();
        edit(&mut object);
        if object == *before {
            return true;
        }
        if object["spec"] != before["spec"] {
            let generation = before["metadata"]["generation"].as_i64().unwrap();
            object["metadata"]["generation"] = json!(generation + 1);
            object["metadata"]["annotations"][CHANGED_BY] = json!(user);
        }
        let approval = |of: &Value| of["metadata"]["annotations"].get(APPROVE).cloned();
        if approval(&object) != approval(before) && approval(&object).is_some() {
            object["metadata"]["annotations"][APPROVED_BY] = json!(user);
        }
        self.store(key, object);
        true
    }

    /// Deletes an object: at once, or once its finalizers are gone.
    pub fn delete(&mut self, key: &ObjectKey) -> bool {
        let Some(before) = self.objects.get(key) else { return false };
        let mut object = before.clone();
        if finalizers(&object).is_empty() {
            self.remove(key);
            return true;
        }
        let metadata = &mut object["metadata"];
        if metadata.get("deletionTimestamp").is_some() {
            return true;
        }
        metadata["deletionTimestamp"] = json!(whole_seconds(self.now).to_string());
        metadata["generation"] = json!(metadata["generation"].as_i64().unwrap() + 1);
        self.store(key, object);
        true
    }

    /// What the operator changes of an object's metadata.
    pub fn mark(&mut self, mark: &MetadataPatch) -> Result<(), Refused> {
        let before = self.objects.get(&mark.object).ok_or(Refused::NotFound)?;
        let mut object = before.clone();
        let metadata = &mut object["metadata"];
        if metadata["uid"] != json!(mark.uid.0)
            || metadata["resourceVersion"] != json!(mark.version)
        {
            return Err(Refused::Conflict);
        }
        let leaves = metadata.get("deletionTimestamp").is_some();
        let had = finalizers(before);
        if leaves && mark.finalizers.iter().any(|finalizer| !had.contains(finalizer)) {
            return Err(Refused::Invalid);
        }
        metadata["finalizers"] = json!(mark.finalizers);
        if mark.drops_approval
            && let Some(annotations) = metadata["annotations"].as_object_mut()
        {
            annotations.remove(APPROVE);
            annotations.remove(APPROVED_BY);
        }
        self.writes += 1;
        self.store(&mark.object, object);
        if leaves && mark.finalizers.is_empty() {
            self.remove(&mark.object);
        }
        Ok(())
    }

    /// What the operator reports of an object. The same again changes nothing.
    pub fn report(&mut self, report: &StatusPatch) -> Result<(), Refused> {
        let (key, status) = (report.object.clone(), json!(report.status));
        if let Some(how) = self.unheard.get(&key) {
            return Err(how.clone().unwrap_or(Refused::Failed));
        }
        let before = self.objects.get(&key).ok_or(Refused::NotFound)?;
        if before["metadata"]["uid"] != json!(report.uid.0) {
            return Err(Refused::Conflict);
        }
        self.writes += 1;
        if before["status"] != status {
            let mut object = before.clone();
            object["status"] = status;
            self.store(&key, object);
        }
        Ok(())
    }

    /// The objects of a kind as they were after so many changes.
    pub fn listed(&self, kind: Kind, after: usize) -> Vec<Value> {
        let mut objects = BTreeMap::new();
        for told in self.log.get(&kind).into_iter().flatten().take(after) {
            let metadata = &told.object["metadata"];
            let name = (metadata["namespace"].to_string(), metadata["name"].to_string());
            if told.gone {
                objects.remove(&name);
            } else {
                objects.insert(name, told.object.clone());
            }
        }
        objects.into_values().collect()
    }

    /// How many changes of a kind there were.
    pub fn changes(&self, kind: Kind) -> usize {
        self.log.get(&kind).map_or(0, Vec::len)
    }

    fn store(&mut self, key: &ObjectKey, mut object: Value) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let told = Told { object: object.clone(), gone: false };
        self.log.entry(key.kind).or_default().push(told);
        self.objects.insert(key.clone(), object);
    }

    fn remove(&mut self, key: &ObjectKey) {
        self.version += 1;
        let Some(mut object) = self.objects.remove(key) else { return };
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.log.entry(key.kind).or_default().push(Told { object, gone: true });
    }
}

pub fn finalizers(object: &Value) -> Vec<String> {
    serde_json::from_value(object["metadata"]["finalizers"].clone()).unwrap_or_default()
}

pub fn leaves(object: &Value) -> bool {
    object["metadata"].get("deletionTimestamp").is_some()
}

fn whole_seconds(instant: Timestamp) -> Timestamp {
    Timestamp::from_second(instant.as_second()).expect("it was an instant before")
}
