//! The real operator on a real API server: from `kubectl apply` to effect in the store.
//!
//! Never: a wait for a length of time; always for what is to be seen.

mod access;
mod behind;
mod deletions;
mod guard;
pub mod reader;
mod replicas;
mod together;
mod upgrade;

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    cluster::{Cluster, PATIENCE},
    program::BINARY,
};

pub const PARTNER: &str = "aaaabbbb-0000-cccc-1111-dddd2222eeee";

/// A running operator. It is killed when the value is dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
    port: u16,
}

impl Operator {
    /// One that a kubeconfig lets in, with these flags besides its store and its port.
    pub fn start(cluster: &Cluster, kubeconfig: &Path, store: &str, flags: &[&str]) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = cluster.folder().join(format!("operator-{number}.log"));
        let mut command = Command::new(BINARY);
        cluster.prepare(&mut command);
        cluster.ends_with_it(&mut command);
        command
            .args(["operator", "--store", store, "--listen", &format!("127.0.0.1:{port}")])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env("CONCORDAT_LOG", "concordat=debug,warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(&log).unwrap());
        Self { child: command.spawn().unwrap(), log, port }
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it answers to a path.
    pub fn get(&self, path: &str) -> Option<String> {
        use std::io::{Read as _, Write as _};
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        Some(answer)
    }

    /// The sum of a metric over its labels.
    pub fn figure(&self, name: &str) -> f64 {
        let text = self.get("/metrics").unwrap_or_default();
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Whether it leads.
    pub fn leads(&self) -> bool {
        self.figure("concordat_leader") > 0.0
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        Command::new("kill").args([signal, &id]).status().unwrap();
    }

    /// Asks it to stop, and waits until it has; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until something holds, looking again and again.
#[track_caller]
pub fn until<T>(what: &str, mut holds: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = holds() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A cluster with an operator on SQLite, shared by tests with namespaces of their own.
pub struct Site {
    pub cluster: Cluster,
    pub operator: Operator,
    pub store: String,
    _folder: tempfile::TempDir,
}

impl Site {
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Site> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Cluster::own();
            cluster.install_definitions();
            cluster.said(&["create", "namespace", "concordat-system"]);
            let folder = tempfile::tempdir().unwrap();
            let store = format!("sqlite:{}", folder.path().join("concordat.db").display());
            let flags = ["--settle", "PT1S"];
            let operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &flags);
            until("the operator is ready", || {
                operator.get("/readyz")?.contains("200 OK").then_some(())
            });
            Self { cluster, operator, store, _folder: folder }
        })
    }

    /// A namespace with a boundary of its own.
    pub fn namespace(&self, hint: &str) -> String {
        let namespace = self.cluster.namespace(hint);
        self.cluster.apply(&boundary(&namespace, ""));
        self.cluster.wait("", &format!("partnerboundary/{namespace}"), "condition=Ready");
        namespace
    }

    /// What `concordat` answers to these words about the store.
    pub fn concordat(&self, words: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(BINARY)
            .args(words)
            .args(["--store", &self.store])
            .env_remove("CONCORDAT_LOG")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text + &String::from_utf8(output.stderr).unwrap())
    }

    /// A field of an object, by its JSON pointer.
    pub fn field(&self, namespace: &str, object: &str, pointer: &str) -> Value {
        field(&self.cluster, namespace, object, pointer)
    }

    /// A relationship that the customer has accepted.
    pub fn active(&self, namespace: &str, name: &str, more: &str) {
        active(&self.cluster, namespace, name, more);
    }
}

pub fn field(cluster: &Cluster, namespace: &str, object: &str, pointer: &str) -> Value {
    let text = cluster.said(&["get", "-n", namespace, object, "-o", "json"]);
    let object: Value = serde_json::from_str(&text).unwrap();
    object.pointer(pointer).cloned().unwrap_or_default()
}

/// The condition of a type.
pub fn condition(object: &Value, type_: &str) -> Value {
    let conditions = object["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == type_).unwrap_or_default()
}

pub fn active(cluster: &Cluster, namespace: &str, name: &str, more: &str) {
    cluster.apply(&offer(namespace));
    cluster.apply(&relationship(namespace, name, more));
    let object = format!("partnerrelationship/{name}");
    let awaits = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}=WaitingForCustomer";
    cluster.wait(namespace, &object, awaits);
    let digest = field(cluster, namespace, &object, "/status/invitation/digest");
    cluster.apply(&acceptance(namespace, name, digest.as_str().unwrap()));
    cluster.wait(namespace, &object, "condition=Authorized");
}

pub fn boundary(namespace: &str, limits: &str) -> String {
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {{name: {namespace}}}
spec:
  namespaces: [{namespace}]
  partner: {{tenantId: {PARTNER}, certifiedFor: [GranularDelegatedAdmin]}}
  customers: {{any: true}}
  grantees: {{any: true}}
  roles: {{any: true}}
  {limits}
"
    )
}

pub fn offer(namespace: &str) -> String {
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {{name: helpdesk, namespace: {namespace}}}
spec:
  partner: {{tenantId: {PARTNER}, displayName: Contoso}}
  type: GranularDelegatedAdmin
  duration: P365D
  roles: [Helpdesk Administrator, Message Center Reader, Service Support Administrator]
"
    )
}

pub fn relationship(namespace: &str, name: &str, more: &str) -> String {
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: PartnerRelationship
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  customer: {{tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff, displayName: Fabrikam}}
  displayName: {namespace}-{name}
  offerRef: {{name: helpdesk}}
  {more}
"
    )
}

pub fn acceptance(namespace: &str, name: &str, digest: &str) -> String {
    let now = jiff::Timestamp::now().round(jiff::Unit::Second).unwrap()
        - jiff::SignedDuration::from_secs(2);
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: AgreementAcceptance
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  decision: Accept
  customer: {{tenantId: bbbbcccc-1111-dddd-2222-eeee3333ffff}}
  partner: {{tenantId: {PARTNER}}}
  acceptedBy: {{firstName: Ada, lastName: Lovelace, email: ada@fabrikam.example, role: GlobalAdministrator}}
  acceptedAt: \"{now}\"
  readConfirmed: true
  relationshipRef: {{name: {name}}}
  invitation: \"{digest}\"
"
    )
}

pub fn grant(namespace: &str, name: &str, relationship: &str, group: u32, more: &str) -> String {
    format!(
        "apiVersion: concordat.dev/v1alpha1
kind: RoleGrant
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  relationshipRef: {{name: {relationship}}}
  grantee: {{securityGroup: {{id: 0a0a0a0a-1111-4222-8333-{group:012}, displayName: group {group}}}}}
  roles: [Message Center Reader]
  {more}
"
    )
}
