//! The ways into a cluster: kubeconfigs, the real `kubectl`, and a client.
//!
//! Never: the settings of whoever runs the tests.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use kube::config::{KubeConfigOptions, Kubeconfig};
use serde_json::{Value, json};

use super::{Cluster, PATIENCE, program};

/// As whom a cluster is entered.
#[derive(Debug, Clone, Copy)]
pub enum As<'a> {
    /// May do anything.
    Administrator,
    /// A person, with the groups that he or she is in.
    Person(&'a str, &'a [&'a str]),
    /// Whoever holds this token.
    Token(&'a str),
}

impl Cluster {
    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder().join("kubeconfig")
    }

    /// A kubeconfig of somebody else. It lies in the cluster's folder, under this file name.
    pub fn kubeconfig_of(&self, file: &str, who: As<'_>) -> PathBuf {
        let text = serde_json::to_string_pretty(&self.kubeconfig_json(who)).unwrap();
        self.servers.write(file, &text)
    }

    pub(super) fn write_kubeconfig(&self) {
        self.kubeconfig_of("kubeconfig", As::Administrator);
    }

    /// A client of the administrator, for the runtime that it is made in.
    pub async fn client(&self) -> kube::Client {
        self.client_of(As::Administrator).await
    }

    /// A client of somebody.
    pub async fn client_of(&self, who: As<'_>) -> kube::Client {
        let kubeconfig: Kubeconfig = serde_json::from_value(self.kubeconfig_json(who)).unwrap();
        let options = KubeConfigOptions::default();
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        kube::Client::try_from(config).unwrap()
    }

    fn kubeconfig_json(&self, who: As<'_>) -> Value {
        let user = match who {
            As::Administrator => json!({ "token": self.token() }),
            As::Person(name, groups) => {
                json!({ "token": self.token(), "as": name, "as-groups": groups })
            }
            As::Token(token) => json!({ "token": token }),
        };
        let server = json!({
            "server": self.url(),
            "certificate-authority": self.folder().join("ca.pem"),
        });
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{ "name": "tests", "cluster": server }],
            "users": [{ "name": "tests", "user": user }],
            "contexts": [{ "name": "tests", "context": { "cluster": "tests", "user": "tests" } }],
            "current-context": "tests",
        })
    }

    /// `kubectl` as administrator, ready to be given words.
    pub fn kubectl_command(&self) -> Command {
        let mut command = Command::new(program("kubectl"));
        self.prepare(&mut command);
        command
    }

    /// The surroundings in which any program finds the cluster and nothing of this machine's user.
    pub fn prepare(&self, command: &mut Command) {
        command.current_dir(self.folder()).env_clear().stdin(Stdio::null());
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", self.folder());
        let kubectl = program("kubectl");
        let own = kubectl.parent().unwrap_or(Path::new("/")).display();
        command.env("PATH", format!("{own}:{}", std::env::var("PATH").unwrap_or_default()));
    }

    /// Runs `kubectl` as administrator.
    pub fn kubectl(&self, words: &[&str]) -> Output {
        self.kubectl_with(words, "")
    }

    /// The same, with this on standard input.
    pub fn kubectl_with(&self, words: &[&str], input: &str) -> Output {
        let mut command = self.kubectl_command();
        command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Written by a thread, since both sides may wait for each other once the pipes are full.
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_owned();
        let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let output = child.wait_with_output().unwrap();
        // It may have ended without reading all of it.
        let _ = writer.join().unwrap();
        output
    }

    /// What `kubectl` says to these words, which must succeed.
    #[track_caller]
    pub fn said(&self, words: &[&str]) -> String {
        succeeded(&format!("kubectl {}", words.join(" ")), &self.kubectl(words))
    }

    /// Applies manifests.
    #[track_caller]
    pub fn apply(&self, yaml: &str) -> String {
        let words = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        succeeded("kubectl apply", &self.kubectl_with(&words, yaml))
    }

    /// Waits, by a watch, until something holds of an object, as in `condition=Ready`, `jsonpath={.status.x}=y`,
    /// `delete` or `create`.
    #[track_caller]
    pub fn wait(&self, namespace: &str, object: &str, what: &str) {
        let timeout = format!("--timeout={}s", PATIENCE.as_secs());
        let reached = ["wait", "-n", namespace, object, &format!("--for={what}"), &timeout];
        let output = self.kubectl(&reached);
        if !output.status.success() {
            let is = self.kubectl(&["get", "-n", namespace, object, "-o", "yaml"]);
            let (said, none, is) = (text(&output.stderr), text(&is.stderr), text(&is.stdout));
            panic!("{object} in {namespace} did not come to {what}: {said}\n{none}{is}");
        }
    }

    /// A token of a service account, which must exist.
    #[track_caller]
    pub fn service_account_token(&self, namespace: &str, name: &str) -> String {
        self.said(&["create", "token", "-n", namespace, name]).trim().to_owned()
    }
}

#[track_caller]
fn succeeded(what: &str, output: &Output) -> String {
    let (said, talk) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what}: {talk}{said}");
    said
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
