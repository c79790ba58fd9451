//! A server that takes everything: objects as texts, so that they weigh little and can be weighed.
//!
//! Never: an object in another form than a watch would tell it.

use std::collections::BTreeMap;

use concordat::{
    domain::ids::{Kind, ObjectKey},
    operator::{index::Index, reconcile::Reconciled},
};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use super::kinds::see;

pub struct Server {
    /// By kind, namespace and name.
    objects: BTreeMap<(String, String, String), String>,
    version: u64,
}

impl Server {
    pub fn of(fleet: Vec<Value>) -> Self {
        let mut server = Self { objects: BTreeMap::new(), version: 0 };
        for (number, mut object) in fleet.into_iter().enumerate() {
            let metadata = object["metadata"].as_object_mut().unwrap();
            metadata
                .insert("uid".to_owned(), json!(format!("00000000-0000-4000-9000-{number:012}")));
            metadata.insert("generation".to_owned(), json!(1));
            metadata.insert("creationTimestamp".to_owned(), json!("2026-01-01T00:00:00Z"));
            object["status"] = json!({ "observedGeneration": -1, "conditions": concordat::api::conditions::pending() });
            server.keep(object);
        }
        server
    }

    /// How much memory the objects take here.
    pub fn bytes(&self) -> usize {
        self.objects.values().map(String::capacity).sum()
    }

    /// Lists everything.
    pub fn list(&self, world: &mut Index) {
        for kind in Kind::ALL {
            see(world, kind, Event::Init);
            let of_kind = self.objects.iter().filter(|((of, _, _), _)| *of == kind.to_string());
            of_kind.for_each(|(_, text)| {
                see(world, kind, Event::InitApply(serde_json::from_str(text).unwrap()));
            });
            see(world, kind, Event::InitDone);
        }
    }

    /// Takes a new spec in.
    pub fn apply(&mut self, object: &Value, world: &mut Index) {
        let mut kept: Value = serde_json::from_str(&self.objects[&name_of(object)]).unwrap();
        kept["spec"] = object["spec"].clone();
        kept["metadata"]["generation"] =
            json!(kept["metadata"]["generation"].as_i64().unwrap() + 1);
        self.changed(kept, world);
    }

    /// Writes what a round has to tell, and tells it back.
    pub fn take_in(&mut self, done: Reconciled, world: &mut Index) {
        for mark in done.marks {
            let key = key_of(&mark.object);
            let mut kept: Value = serde_json::from_str(&self.objects[&key]).unwrap();
            kept["metadata"]["finalizers"] = json!(mark.finalizers);
            self.changed(kept, world);
        }
        for report in done.reports {
            world.reports(&report.object, report.status.clone());
            let key = key_of(&report.object);
            let mut kept: Value = serde_json::from_str(&self.objects[&key]).unwrap();
            kept["status"] = json!(report.status);
            self.changed(kept, world);
        }
    }

    fn changed(&mut self, object: Value, world: &mut Index) {
        let key = self.keep(object);
        let kind = Kind::ALL.into_iter().find(|kind| kind.to_string() == key.0).unwrap();
        see(world, kind, Event::Apply(serde_json::from_str(&self.objects[&key]).unwrap()));
    }

    fn keep(&mut self, mut object: Value) -> (String, String, String) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let key = name_of(&object);
        self.objects.insert(key.clone(), object.to_string());
        key
    }
}

fn name_of(object: &Value) -> (String, String, String) {
    let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
    let metadata = &object["metadata"];
    (text(&object["kind"]), text(&metadata["namespace"]), text(&metadata["name"]))
}

fn key_of(object: &ObjectKey) -> (String, String, String) {
    (object.kind.to_string(), object.namespace.to_string(), object.name.to_string())
}
