//! A real Kubernetes control plane for tests: etcd, kube-apiserver and kube-controller-manager on loopback ports.
//!
//! Never: a test that is skipped because something is missing, nor a wait of a fixed length.

pub mod access;
pub mod go;
mod keys;
pub mod kstatus;
mod servers;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use go::Module;
use keys::Keys;
use servers::{Servers, free_port};

/// Kubernetes 1.36 and etcd 3.6.
const KUBERNETES: Module = Module {
    name: "kubernetes",
    folder: "tests/cluster",
    programs: &[
        ("kube-apiserver", "k8s.io/kubernetes/cmd/kube-apiserver"),
        ("kube-controller-manager", "k8s.io/kubernetes/cmd/kube-controller-manager"),
        ("kubectl", "k8s.io/kubernetes/cmd/kubectl"),
        ("etcd", "go.etcd.io/etcd/server/v3"),
    ],
    linker: "-X k8s.io/component-base/version.gitVersion=v1.36.3 \
             -X k8s.io/component-base/version.gitMajor=1 \
             -X k8s.io/component-base/version.gitMinor=36 \
             -X k8s.io/client-go/pkg/version.gitVersion=v1.36.3",
    takes: "about 6 minutes on two cores",
};

const ETCD: &str = "etcd";
const API_SERVER: &str = "kube-apiserver";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// How long anything may take that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(180);

/// A running control plane. It is gone when the value is dropped, and when the test process ends in any way.
pub struct Cluster {
    servers: Servers,
    ports: Ports,
    token: String,
    options: Options,
    namespaces: AtomicUsize,
}

/// What one cluster has that others do not.
#[derive(Debug, Default)]
pub struct Options {
    /// An audit policy, as YAML: then every request that it names is in [`Cluster::audit`].
    pub audit_policy: Option<String>,
    /// Further flags of kube-apiserver.
    pub api_server_flags: Vec<String>,
}

/// Where everybody listens.
#[derive(Debug, Clone, Copy)]
struct Ports {
    etcd: u16,
    etcd_peer: u16,
    api_server: u16,
    controller_manager: u16,
}

impl Cluster {
    /// The one that the tests of this process share, with the custom resource definitions. Each test uses
    /// [namespaces](Self::namespace) of its own, and stops nothing.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| {
            let cluster = Self::own();
            cluster.install_definitions();
            cluster
        })
    }

    /// An empty one for a test that stops it or fills it.
    pub fn own() -> Self {
        Self::start(Options::default())
    }

    /// An empty one with something special.
    pub fn start(options: Options) -> Self {
        let servers = Servers::new();
        let keys = Keys::new();
        let token = secret();
        servers.write("ca.pem", &keys.authority);
        servers.write("server.pem", &keys.certificate);
        servers.write("server.key", &keys.key);
        servers.write("sa.key", &keys.signing);
        servers.write("sa.pub", &keys.verifying);
        servers.write("tokens.csv", &format!("{token},admin,admin,system:masters\n"));
        if let Some(policy) = &options.audit_policy {
            servers.write("audit-policy.yaml", policy);
        }
        // The controller manager has no port that anybody asks for; the others' are set before they start.
        let ports = Ports { etcd: 0, etcd_peer: 0, api_server: 0, controller_manager: 0 };
        let namespaces = AtomicUsize::default();
        let mut cluster = Self { servers, ports, token, options, namespaces };

        // Somebody else may take a port between our asking for it and the server's listening on it.
        for _ in 0..5 {
            cluster.ports = Ports::free();
            cluster.write_kubeconfig();
            if cluster.try_start() {
                return cluster;
            }
            if !cluster.log().contains("address already in use") {
                break;
            }
        }
        panic!("the cluster does not start:\n{}", cluster.log());
    }

    /// Where the API server is.
    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.ports.api_server)
    }

    /// The token of an administrator.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A folder that goes with the cluster.
    pub fn folder(&self) -> &Path {
        self.servers.folder()
    }

    /// Lets a program end with the cluster, also where nobody is left to stop it.
    pub fn ends_with_it(&self, command: &mut std::process::Command) {
        std::os::unix::process::CommandExt::process_group(command, self.servers.group());
    }

    /// A new namespace whose name begins with `hint`.
    pub fn namespace(&self, hint: &str) -> String {
        let number = self.namespaces.fetch_add(1, Ordering::Relaxed);
        let name = format!("{hint}-{number}");
        self.said(&["create", "namespace", &name]);
        name
    }

    /// The custom resource definitions, applied and served.
    pub fn install_definitions(&self) {
        let texts =
            concordat::api::crds().iter().map(concordat::manifest::to_yaml).collect::<Vec<_>>();
        self.apply(&texts.join("---\n"));
        self.until_served();
    }

    /// Waits until objects of every kind can be listed and written. A definition is established before it is served, and
    /// served before the policies know it that change objects: until then they refuse each.
    pub fn until_served(&self) {
        for kind in concordat::domain::ids::Kind::ALL {
            let began = Instant::now();
            let list = ["get", &format!("{kind}.concordat.dev"), "--all-namespaces"];
            let create = ["create", "--dry-run=server", "--validate=false", "-f", "-"];
            let probe = format!(
                "apiVersion: concordat.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: probe}}\n"
            );
            let is_served = || {
                let listed = self.kubectl(&list).status.success();
                let said = self.kubectl_with(&create, &probe).stderr;
                listed && !String::from_utf8_lossy(&said).contains("There can be a delay")
            };
            while !is_served() {
                assert!(began.elapsed() < PATIENCE, "{kind} is not served:\n{}", self.log());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    /// Ends the API server at once, as a crash would.
    pub fn kill_api_server(&self) {
        self.servers.kill(API_SERVER);
    }

    /// Starts it again, on the same port, and waits until it is ready.
    pub fn start_api_server(&self) {
        // The port may still be held for a moment by what was killed.
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.start_api_server_process();
            if self.is_ready() {
                return;
            }
        }
        panic!("the API server does not start again:\n{}", self.log());
    }

    /// Stops the API server where it is: connections stay open and nothing is answered.
    pub fn pause_api_server(&self) {
        self.servers.signal(API_SERVER, "STOP");
    }

    /// Lets it go on.
    pub fn resume_api_server(&self) {
        self.servers.signal(API_SERVER, "CONT");
    }

    /// Every request that the audit policy names, in the order in which they ended.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(self.folder().join("audit.log")).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What the servers said, the last of it.
    pub fn log(&self) -> String {
        let tail = |name| {
            let log = self.servers.log(name);
            let lines: Vec<_> = log.lines().collect();
            format!("{name}:\n{}\n", lines[lines.len().saturating_sub(40)..].join("\n"))
        };
        [ETCD, API_SERVER, CONTROLLER_MANAGER].map(tail).concat()
    }

    fn try_start(&self) -> bool {
        let _ = fs::remove_dir_all(self.folder().join("etcd-data"));
        self.servers.start(ETCD, &program(ETCD), &self.etcd_flags());
        self.start_api_server_process();
        let ready = self.is_ready();
        if ready {
            self.servers.start(
                CONTROLLER_MANAGER,
                &program(CONTROLLER_MANAGER),
                &self.controller_flags(),
            );
        }
        for name in [ETCD, API_SERVER] {
            if !ready && !self.servers.has_ended(name) {
                self.servers.kill(name);
            }
        }
        ready
    }

    fn start_api_server_process(&self) {
        self.servers.start(API_SERVER, &program(API_SERVER), &self.api_server_flags());
    }

    /// Waits until the API server is ready; `false` when it or etcd ended meanwhile. Each question takes as long as
    /// `kubectl` needs to start, which is pause enough.
    fn is_ready(&self) -> bool {
        let began = Instant::now();
        loop {
            if self.kubectl(&["get", "--raw", "/readyz"]).status.success() {
                return true;
            }
            if self.servers.has_ended(API_SERVER) || self.servers.has_ended(ETCD) {
                return false;
            }
            assert!(began.elapsed() < PATIENCE, "the API server is not ready:\n{}", self.log());
        }
    }

    fn etcd_flags(&self) -> Vec<String> {
        let own = format!("http://127.0.0.1:{}", self.ports.etcd);
        let peer = format!("http://127.0.0.1:{}", self.ports.etcd_peer);
        flags(&[
            ("data-dir", &self.path("etcd-data")),
            ("listen-client-urls", &own),
            ("advertise-client-urls", &own),
            ("listen-peer-urls", &peer),
            ("initial-advertise-peer-urls", &peer),
            ("initial-cluster", &format!("default={peer}")),
            ("unsafe-no-fsync", "true"),
            ("log-level", "warn"),
        ])
    }

    fn api_server_flags(&self) -> Vec<String> {
        let mut all = flags(&[
            ("etcd-servers", &format!("http://127.0.0.1:{}", self.ports.etcd)),
            ("bind-address", "127.0.0.1"),
            ("advertise-address", "127.0.0.1"),
            ("secure-port", &self.ports.api_server.to_string()),
            ("tls-cert-file", &self.path("server.pem")),
            ("tls-private-key-file", &self.path("server.key")),
            ("cert-dir", &self.path("")),
            ("service-account-issuer", "https://127.0.0.1/"),
            ("service-account-key-file", &self.path("sa.pub")),
            ("service-account-signing-key-file", &self.path("sa.key")),
            ("service-cluster-ip-range", "10.0.0.0/24"),
            ("token-auth-file", &self.path("tokens.csv")),
            ("authorization-mode", "RBAC"),
            ("disable-admission-plugins", "ServiceAccount"),
        ]);
        if self.options.audit_policy.is_some() {
            all.extend(flags(&[
                ("audit-policy-file", &self.path("audit-policy.yaml")),
                ("audit-log-path", &self.path("audit.log")),
            ]));
        }
        all.extend(self.options.api_server_flags.iter().cloned());
        all
    }

    fn controller_flags(&self) -> Vec<String> {
        let controllers = [
            "garbage-collector-controller",
            "namespace-controller",
            "serviceaccount-controller",
            "deployment-controller",
            "replicaset-controller",
            "clusterrole-aggregation-controller",
        ];
        flags(&[
            ("kubeconfig", &self.kubeconfig().display().to_string()),
            ("controllers", &controllers.join(",")),
            ("service-account-private-key-file", &self.path("sa.key")),
            ("bind-address", "127.0.0.1"),
            ("secure-port", &self.ports.controller_manager.to_string()),
            ("cert-dir", &self.path("")),
            ("leader-elect", "false"),
            ("kube-api-qps", "500"),
            ("kube-api-burst", "1000"),
        ])
    }

    fn path(&self, name: &str) -> String {
        self.folder().join(name).display().to_string()
    }
}

impl Ports {
    fn free() -> Self {
        Self {
            etcd: free_port(),
            etcd_peer: free_port(),
            api_server: free_port(),
            controller_manager: free_port(),
        }
    }
}

/// A program of the cluster: of `KUBEBUILDER_ASSETS` where it has it, else built.
pub fn program(name: &str) -> PathBuf {
    let given = std::env::var_os("KUBEBUILDER_ASSETS").map(|folder| Path::new(&folder).join(name));
    given.filter(|path| path.is_file()).unwrap_or_else(|| KUBERNETES.built().join(name))
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().map(|(name, value)| format!("--{name}={value}")).collect()
}

fn secret() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).unwrap();
    hex::encode(bytes)
}
