//! Reconciler of the operator, one after another, on a real store and without a cluster: what is done and told of a few
//! objects.
//!
//! Never: a status or a finalizer written otherwise than the operator would.

mod again;
mod approvals;
mod ends;
mod held;
mod meanwhile;
mod objects;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use concordat::{
    api::{
        API_VERSION, AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship,
        RoleGrant,
    },
    domain::{
        ids::{Kind, ObjectKey},
        state::Instance,
    },
    operator::{
        index::{
            ACTS_FOR, APPROVE, APPROVED_BY, CHANGED_BY, DELETED_BY, Index, REQUESTED_BY, Tabled,
        },
        reconcile::{
            MetadataPatch, Reconciled, Reconciler, Requeue, Settings, StatusPatch, Work, locked,
        },
    },
    store::sql::{SqlWriter, open_writer_at},
};
use jiff::{SignedDuration, Timestamp};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};
use sqlx::Connection;
use tokio::runtime::Runtime;

use crate::kinds::see;
use objects::boundary;
pub use objects::{grant, offer, relationship};

pub const NAMESPACE: &str = "msp";

/// A store, rounds and the objects that they look at.
pub struct Desk {
    runtime: Runtime,
    now: Arc<Mutex<Timestamp>>,
    pub world: Mutex<Index>,
    rounds: Reconciler,
    settings: Settings,
    pub store: SqlWriter,
    pub objects: BTreeMap<ObjectKey, Value>,
    work: Work,
    uids: u32,
    takes_no_marks: bool,
    folder: tempfile::TempDir,
}

impl Desk {
    pub fn new(limits: &Value) -> Self {
        let mut settings = Settings::of(Instance("cluster".into()));
        settings.settles_for = SignedDuration::ZERO;
        Self::with(settings, limits)
    }

    pub fn with(settings: Settings, limits: &Value) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("concordat.db").display());
        let now = Arc::new(Mutex::new("2026-01-01T00:00:00Z".parse().unwrap()));
        let clock = Arc::clone(&now);
        let url = url.parse().unwrap();
        let opening = open_writer_at(&url, &settings.instance, 1);
        let store = runtime.block_on(opening).unwrap();
        let store = store.with_clock(Arc::new(move || *clock.lock().unwrap()));
        let mut desk = Self {
            runtime,
            now,
            world: Mutex::default(),
            rounds: Reconciler::new(settings.clone()),
            settings,
            store,
            objects: BTreeMap::new(),
            work: Work::default(),
            uids: 0,
            takes_no_marks: false,
            folder,
        };
        desk.list();
        desk.put("root", Kind::PartnerBoundary, "msp", boundary(limits));
        desk.begin();
        desk
    }

    /// What a process does first.
    fn begin(&mut self) {
        let expiring = self.rounds.expire(&mut self.store);
        self.runtime.block_on(expiring).unwrap();
        self.rounds.begin_sweep(&mut locked(&self.world));
    }

    fn list(&mut self) {
        let mut world = locked(&self.world);
        listed::<PartnerOffer>(&mut world);
        listed::<PartnerRelationship>(&mut world);
        listed::<RoleGrant>(&mut world);
        listed::<AgreementAcceptance>(&mut world);
        listed::<PartnerBoundary>(&mut world);
    }

    pub fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub fn passes(&self, time: SignedDuration) {
        *self.now.lock().unwrap() += time;
    }

    /// Makes or changes an object, as the chart's policies stamp it.
    pub fn put(&mut self, user: &str, kind: Kind, name: &str, spec: Value) {
        let object = key_of(kind, name);
        let mut stored = if let Some(before) = self.objects.get(&object) {
            let mut changed = before.clone();
            let generation = before["metadata"]["generation"].as_i64().unwrap();
            changed["metadata"]["generation"] = json!(generation + 1);
            changed["metadata"]["annotations"][CHANGED_BY] = json!(user);
            changed
        } else {
            self.uids += 1;
            json!({
                "apiVersion": API_VERSION,
                "kind": kind.to_string(),
                "metadata": {
                    "name": name,
                    "namespace": object.namespace,
                    "uid": format!("uid-{}", self.uids),
                    "generation": 1,
                    "creationTimestamp": self.now().to_string(),
                    "annotations": { REQUESTED_BY: user },
                },
            })
        };
        stored["spec"] = spec;
        self.store(object, stored);
    }

    pub fn annotate(&mut self, kind: Kind, name: &str, annotations: &[(&str, &str)]) {
        let object = key_of(kind, name);
        let mut stored = self.objects[&object].clone();
        for (annotation, value) in annotations {
            stored["metadata"]["annotations"][annotation] = json!(value);
        }
        self.store(object, stored);
    }

    /// Writes an approval on a relationship as the chart's policies stamp it.
    pub fn approve(&mut self, by: &str, name: &str, hash: &str) {
        let annotations = [(APPROVE, hash), (APPROVED_BY, by)];
        self.annotate(Kind::PartnerRelationship, name, &annotations);
    }

    /// The object that a watch tells next under this name is another one.
    pub fn becomes(&mut self, kind: Kind, name: &str, spec: Value) {
        self.uids += 1;
        let mut stored = self.objects[&key_of(kind, name)].clone();
        stored["metadata"]["uid"] = json!(format!("uid-{}", self.uids));
        stored["metadata"]["finalizers"] = json!([]);
        stored["metadata"]["deletionTimestamp"] = Value::Null;
        stored["spec"] = spec;
        self.store(key_of(kind, name), stored);
    }

    /// Changes the store without Concordat.
    pub fn outside(&self, statement: &str) {
        let options = sqlx::sqlite::SqliteConnectOptions::new()
            .filename(self.folder.path().join("concordat.db"));
        let changed = self.runtime.block_on(async {
            let mut outsider = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let query = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()));
            query.execute(&mut outsider).await.unwrap().rows_affected()
        });
        assert!(changed > 0, "{statement}");
    }

    pub fn delete(&mut self, user: &str, kind: Kind, name: &str) {
        let object = key_of(kind, name);
        let mut stored = self.objects[&object].clone();
        if finalizers(&stored).is_empty() {
            self.remove(&object);
            return;
        }
        stored["metadata"]["deletionTimestamp"] = json!(self.now().to_string());
        stored["metadata"]["annotations"][DELETED_BY] = json!(user);
        self.store(object, stored);
    }

    /// Runs rounds until nothing is left to look at, and gives what each has done.
    pub fn rests(&mut self) -> Vec<Reconciled> {
        let mut all = Vec::new();
        for _ in 0..20 {
            let Some(done) = self.round() else { return all };
            all.push(done);
        }
        panic!("it does not come to rest: {:#?}", all.last());
    }

    /// Whether the server takes no finalizers and leaves approvals where they are.
    pub fn takes_no_marks(&mut self, takes_none: bool) {
        self.takes_no_marks = takes_none;
    }

    /// Forgets everything but what is stored, as another process would.
    pub fn starts_anew(&mut self) {
        self.rounds = Reconciler::new(self.settings.clone());
        self.work = Work::default();
        self.begin();
    }

    /// Looks at everything in the next round.
    pub fn looks_at_everything(&mut self) {
        self.rounds.begin_sweep(&mut locked(&self.world));
    }

    /// One round, where there is something to look at.
    pub fn round(&mut self) -> Option<Reconciled> {
        self.work.objects.append(&mut locked(&self.world).take_dirty());
        for wake in self.rounds.due(self.now()) {
            self.work.enqueue(wake);
        }
        let done = if self.rounds.is_sweeping() {
            let part = self.rounds.resync(&self.world, &mut self.store);
            self.runtime.block_on(part).unwrap()?
        } else if self.work.is_empty() {
            return None;
        } else {
            let work = std::mem::take(&mut self.work);
            let round = self.rounds.reconcile(&self.world, &work, &mut self.store);
            self.runtime.block_on(round).unwrap()
        };
        assert_eq!(done.failed, None);
        for wake in done.again.clone() {
            match wake {
                Requeue::Row(_) | Requeue::Object(_) => self.work.enqueue(wake),
            }
        }
        for report in &done.reports {
            self.report(report);
        }
        for mark in done.marks.iter().filter(|_| !self.takes_no_marks).cloned().collect::<Vec<_>>()
        {
            self.mark(&mark);
        }
        Some(done)
    }

    fn report(&mut self, report: &StatusPatch) {
        let object = report.object.clone();
        locked(&self.world).reports(&object, report.status.clone());
        let mut stored = self.objects[&object].clone();
        stored["status"] = json!(report.status);
        self.store(object, stored);
    }

    fn mark(&mut self, mark: &MetadataPatch) {
        let mut stored = self.objects[&mark.object].clone();
        stored["metadata"]["finalizers"] = json!(mark.finalizers);
        if mark.drops_approval {
            let annotations = stored["metadata"]["annotations"].as_object_mut().unwrap();
            annotations.remove(APPROVE);
            annotations.remove(APPROVED_BY);
            annotations.remove(ACTS_FOR);
        }
        let is_gone = mark.is_last;
        self.store(mark.object.clone(), stored);
        if is_gone {
            self.remove(&mark.object);
        }
    }

    fn store(&mut self, object: ObjectKey, mut stored: Value) {
        let version = stored["metadata"]["resourceVersion"].as_str().unwrap_or("0");
        let version: u64 = version.parse().unwrap();
        stored["metadata"]["resourceVersion"] = json!((version + 1).to_string());
        see(&mut locked(&self.world), object.kind, Event::Apply(stored.clone()));
        self.objects.insert(object, stored);
    }

    fn remove(&mut self, object: &ObjectKey) {
        let stored = self.objects.remove(object).unwrap();
        see(&mut locked(&self.world), object.kind, Event::Delete(stored));
    }

    pub fn exists(&self, kind: Kind, name: &str) -> bool {
        self.objects.contains_key(&key_of(kind, name))
    }

    pub fn status(&self, kind: Kind, name: &str) -> &Value {
        &self.objects[&key_of(kind, name)]["status"]
    }

    /// The reason and the message of a condition.
    pub fn told(&self, kind: Kind, name: &str, type_: &str) -> (String, String, String) {
        let conditions = self.status(kind, name)["conditions"].as_array().cloned();
        let found = conditions.unwrap_or_default().into_iter().find(|it| it["type"] == type_);
        let condition = found.unwrap_or_default();
        let word = |field: &str| condition[field].as_str().unwrap_or_default().to_owned();
        (word("status"), word("reason"), word("message"))
    }

    /// The hash of the batch that a relationship waits in.
    pub fn waits_in(&self, name: &str) -> Option<String> {
        let status = self.status(Kind::PartnerRelationship, name);
        status["plan"]["blocked"].as_str().map(str::to_owned)
    }

    /// An active relationship under an offer of its own.
    pub fn active(&mut self, name: &str) {
        self.put("olga", Kind::PartnerOffer, name, offer("P365D"));
        self.put("rita", Kind::PartnerRelationship, name, relationship(name));
        self.rests();
        self.accept(name, name);
        self.rests();
        assert_eq!(self.told(Kind::PartnerRelationship, name, "Ready").0, "True");
    }

    /// The customer accepts the pending invitation of a relationship.
    pub fn accept(&mut self, acceptance: &str, relationship: &str) {
        let status = self.status(Kind::PartnerRelationship, relationship);
        let digest = status["invitation"]["digest"].clone();
        let spec = objects::acceptance(relationship, &digest, self.now());
        self.put("carol", Kind::AgreementAcceptance, acceptance, spec);
    }
}

pub fn key_of(kind: Kind, name: &str) -> ObjectKey {
    let namespace = if kind == Kind::PartnerBoundary { "" } else { NAMESPACE };
    ObjectKey { kind, namespace: namespace.into(), name: name.into() }
}

fn finalizers(object: &Value) -> Vec<String> {
    serde_json::from_value(object["metadata"]["finalizers"].clone()).unwrap_or_default()
}

fn listed<K: Tabled>(world: &mut Index) {
    world.see::<K>(Event::Init);
    world.see::<K>(Event::InitDone);
}
