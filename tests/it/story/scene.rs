//! Where the story happens: a cluster with the chart, the operator under the chart's own account, people, and a team's files.
//!
//! Never: more rights for anybody than the chart and its page give.

use std::{fs, net::TcpListener, path::PathBuf, process::Command, str::FromStr as _};

use serde_json::{Value, json};
use sqlx::Connection as _;

use crate::{
    chart::{Helm, NAMESPACE, RELEASE, chart},
    cluster::{
        Cluster, Options,
        access::As,
        kstatus::{Status, kstatus},
    },
    operator::{Operator, condition, field, reader::concordat, until},
    program::{Place, Ran, finished, root},
};

/// Where the team works.
pub const TEAM: &str = "msp-helpdesk";
/// The operator, as the API server knows it.
pub const ACCOUNT: &str = "system:serviceaccount:concordat-system:concordat";
/// A tool of continuous delivery: an administrator of the cluster, and no person.
pub const ROBOT: &str = "system:serviceaccount:flux-system:kustomize-controller";

/// A watch counts when it begins, since it ends with the story only.
const AUDIT: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Metadata, users: ['system:serviceaccount:concordat-system:concordat']}
- {level: None}
";

pub struct Scene {
    pub cluster: Cluster,
    /// The team's files, and the store.
    pub place: Place,
    operator: Option<Operator>,
    webhook: u16,
}

impl Scene {
    /// A cluster on which the chart was just installed, and nobody runs the operator yet.
    pub fn new() -> Self {
        let options =
            Options { audit_policy: Some(AUDIT.to_owned()), api_server_flags: Vec::new() };
        let cluster = Cluster::start(options);
        let webhook = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let scene = Self { cluster, place: Place::new(), operator: None, webhook };
        let chart = chart().display().to_string();
        scene.helm(&["install", RELEASE, &chart, "--create-namespace"]);
        scene.cluster.until_served();
        scene.lead_the_webhook_here();
        scene.people();
        scene.files();
        scene
    }

    /// No Pod runs here: the Service leads to this machine instead.
    fn lead_the_webhook_here(&self) {
        let service = json!({ "spec": {
            "type": "ExternalName", "externalName": "localhost", "clusterIP": null, "clusterIPs": null,
        }});
        let port = json!([
            { "op": "replace", "path": "/webhooks/0/clientConfig/service/port", "value": self.webhook },
        ]);
        let patch = |object: &str, how: &str, patch: &Value| {
            let patch = patch.to_string();
            self.cluster.said(&["patch", "-n", NAMESPACE, object, how, "--patch", &patch]);
        };
        patch("service/concordat-webhook", "--type=merge", &service);
        patch("validatingwebhookconfiguration/concordat", "--type=json", &port);
    }

    fn people(&self) {
        self.cluster.said(&["create", "namespace", TEAM]);
        for (person, role) in [
            ("mia", "edit"),
            ("eve", "edit"),
            ("bob", "edit"),
            ("bob", "concordat-approver"),
            ("mia", "concordat-approver"),
            ("ada", "concordat-acceptor"),
        ] {
            let (name, role) = (format!("{person}-{role}"), format!("--clusterrole={role}"));
            let user = format!("--user={person}");
            self.cluster.said(&["create", "rolebinding", &name, &role, &user, "-n", TEAM]);
        }
        let user = format!("--user={ROBOT}");
        let robot = ["create", "clusterrolebinding", "robot", "--clusterrole=cluster-admin"];
        self.cluster.said(&[&robot[..], &[&user]].concat());
    }

    fn files(&self) {
        for name in ["offer", "relationship", "grants", "acceptance"] {
            let file = format!("{name}.yaml");
            let text = fs::read_to_string(root().join("examples/quickstart").join(&file)).unwrap();
            let folder = if name == "acceptance" { "customer" } else { "team" };
            self.place.write(&format!("{folder}/{file}"), text);
        }
    }

    /// The path of a file or folder, as a word of a command.
    pub fn path(&self, name: &str) -> String {
        self.place.path().join(name).display().to_string()
    }

    /// Changes a file of the team.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let path = self.place.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}:\n{text}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    pub fn store(&self) -> String {
        format!("sqlite:{}", self.path("concordat.db"))
    }

    #[track_caller]
    pub fn helm(&self, words: &[&str]) {
        let mut command = Command::new(Helm::Four.program());
        command.args(words).args(["--namespace", NAMESPACE]);
        self.cluster.prepare(&mut command);
        let ran = finished(command, b"");
        assert_eq!(ran.code, Some(0), "helm {}: {}", words.join(" "), ran.stderr);
    }

    /// Starts the operator as the Deployment says, but for its addresses and its store, with a token of its account.
    pub fn start_the_operator(&mut self) {
        let path = "/spec/template/spec/containers/0/args";
        let given = field(&self.cluster, NAMESPACE, "deployment/concordat", path);
        let given = given.as_array().unwrap().iter().map(|flag| flag.as_str().unwrap());
        let listens = format!("--webhook-listen=127.0.0.1:{}", self.webhook);
        let mut flags: Vec<&str> = given
            .filter(|flag| *flag != "operator" && !flag.starts_with("--listen="))
            .map(|flag| if flag.starts_with("--webhook-listen=") { listens.as_str() } else { flag })
            .collect();
        flags.extend(["--namespace", NAMESPACE, "--settle", "PT1S"]);
        let token = self.cluster.service_account_token(NAMESPACE, RELEASE);
        let kubeconfig = self.cluster.kubeconfig_of("operator", As::Token(&token));
        self.operator = Some(Operator::start(&self.cluster, &kubeconfig, &self.store(), &flags));
        until("the operator is ready", || {
            self.operator().get("/readyz")?.contains("200 OK").then_some(())
        });
    }

    /// The port that the Service of the webhook leads to.
    pub fn webhook(&self) -> u16 {
        self.webhook
    }

    pub fn operator(&self) -> &Operator {
        self.operator.as_ref().unwrap()
    }

    pub fn stop_the_operator(&mut self) {
        assert_eq!(self.operator.take().unwrap().stop(), Some(0));
    }

    /// Runs `kubectl` as somebody; whether it succeeded, and all that it said.
    pub fn tries(&self, who: &str, words: &[&str]) -> (bool, String) {
        let who = format!("--as={who}");
        let waits = words[0] == "delete" && !words.contains(&"--wait=false");
        let limit: &[&str] = if waits { &["--timeout=60s"] } else { &[] };
        let output = self.cluster.kubectl(&[words, &["-n", TEAM, &who], limit].concat());
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    /// Runs `kubectl` as somebody who may; all that it said.
    #[track_caller]
    pub fn does(&self, who: &str, words: &[&str]) -> String {
        let (succeeded, said) = self.tries(who, words);
        assert!(succeeded, "{who}: kubectl {}: {said}", words.join(" "));
        said
    }

    /// Runs `kubectl` as somebody who may not; the refusal.
    #[track_caller]
    pub fn may_not(&self, who: &str, words: &[&str]) -> String {
        let (succeeded, said) = self.tries(who, words);
        assert!(!succeeded, "{who}: kubectl {}: {said}", words.join(" "));
        said
    }

    /// Waits until something holds of an object of the team.
    #[track_caller]
    pub fn wait(&self, object: &str, what: &str) {
        self.cluster.wait(TEAM, object, what);
    }

    /// Waits for the reason of the condition `Ready`.
    #[track_caller]
    pub fn waits_as(&self, object: &str, reason: &str) {
        let path = "jsonpath={.status.conditions[?(@.type=='Ready')].reason}";
        self.wait(object, &format!("{path}={reason}"));
    }

    pub fn object(&self, object: &str) -> Value {
        field(&self.cluster, TEAM, object, "")
    }

    /// The message of a condition that an object has.
    #[track_caller]
    pub fn message(&self, object: &str, type_: &str) -> String {
        let object = self.object(object);
        let condition = condition(&object["status"], type_);
        let message = condition["message"].as_str();
        message.unwrap_or_else(|| panic!("no condition {type_}: {object:#}")).to_owned()
    }

    /// What Flux and Argo CD read from these objects. An object that was written a moment ago may still be on its way, so
    /// it is looked at until it is so.
    #[track_caller]
    pub fn looks(&self, expected: Status, objects: &[&str]) {
        until(&format!("{objects:?} are {expected:?}"), || {
            let found: Vec<_> = objects.iter().map(|object| self.object(object)).collect();
            kstatus(&found).iter().all(|(status, _)| *status == expected).then_some(())
        });
    }

    /// The same, at this very moment.
    #[track_caller]
    pub fn looks_now(&self, expected: Status, objects: &[&str]) {
        for object in objects {
            let found = self.object(object);
            let (status, why) = kstatus(std::slice::from_ref(&found)).remove(0);
            assert_eq!(status, expected, "{object}: {why}\n{found:#}");
        }
    }

    /// Runs `concordat` on the operator's store.
    pub fn concordat(&self, words: &[&str]) -> Ran {
        self.place.run(&[words, &["--store", &self.store()]].concat())
    }

    /// What `concordat` answers a pipeline that has the chart's right to look at the cluster, and none to the store.
    pub fn looks_at_the_cluster(&self, words: &[&str]) -> Ran {
        let account = ["-n", NAMESPACE, "pipeline"];
        if !self
            .cluster
            .kubectl(&["get", "sa", account[0], account[1], account[2]])
            .status
            .success()
        {
            self.cluster.said(&[&["create", "serviceaccount"][..], &account].concat());
            let who = format!("--serviceaccount={NAMESPACE}:pipeline");
            let role = "--clusterrole=concordat-reader";
            self.cluster.said(&["create", "clusterrolebinding", "pipeline", role, &who]);
            let role = ["--role=concordat-reader", "-n", NAMESPACE];
            self.cluster
                .said(&[&["create", "rolebinding", "pipeline"][..], &role, &[&who]].concat());
        }
        let token = self.cluster.service_account_token(NAMESPACE, "pipeline");
        let kubeconfig = self.cluster.kubeconfig_of("pipeline", As::Token(&token));
        let lease = ["--lease-namespace", NAMESPACE];
        concordat(&self.cluster, &kubeconfig, &[words, &lease].concat(), "")
    }

    /// What is held in the store.
    pub fn held(&self) -> String {
        let ran = self.concordat(&["get", "grants"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stdout
    }

    /// Somebody who has the file of the store at hand changes it.
    pub fn outside(&self, statement: &str) {
        let options = sqlx::sqlite::SqliteConnectOptions::from_str(&self.store()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let changed = runtime.block_on(async {
            let mut outsider = sqlx::SqliteConnection::connect_with(&options).await.unwrap();
            let query = sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned()));
            query.execute(&mut outsider).await.unwrap().rows_affected()
        });
        assert_eq!(changed, 1, "{statement}");
    }

    /// Makes the Secret of the webhook useless, as somebody might who edits it.
    pub fn break_the_certificate(&self) {
        let patch = json!({ "stringData": { "tls.crt": "none" } }).to_string();
        let secret = ["patch", "secret", "concordat-webhook", "-n", NAMESPACE, "--type=merge"];
        self.cluster.said(&[&secret[..], &["--patch", &patch]].concat());
    }

    /// What the API server trusts the webhook by.
    pub fn bundle(&self) -> Value {
        let path = "/webhooks/0/clientConfig/caBundle";
        field(&self.cluster, "", "validatingwebhookconfiguration/concordat", path)
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        self.place.write(name, text)
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(operator) = self.operator.as_ref().filter(|_| std::thread::panicking()) {
            let log = operator.log();
            let lines: Vec<_> = log.lines().collect();
            println!("{}", lines[lines.len().saturating_sub(20)..].join("\n"));
        }
    }
}
