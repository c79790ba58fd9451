//! How a partner's tenant at Microsoft is reached: who asks, where, how fast, and where the ledger is.
//!
//! Never: a secret. Secrets stand in files of their own, which are named here.

use std::path::{Path, PathBuf};

use crate::{
    api::Cloud,
    domain::{ids::TenantId, state::Host},
};

/// A connection to one partner tenant in one cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// The file that it stands in, for messages.
    pub file: PathBuf,
    /// The tenant of the partner: every offer's partner must be this one.
    pub partner: TenantId,
    /// Where it lives: every offer's cloud.
    pub cloud: Cloud,
    /// The ledger's database, as `--store` takes it; a relative path of SQLite is made one beside the file.
    pub ledger: String,
    /// Who reads.
    pub reader: Credential,
    /// Who writes; absent where only reading is meant.
    pub writer: Option<Credential>,
    /// Whether groups are looked up in the directory.
    pub groups: Groups,
    /// How fast it asks at most.
    pub pace: Pace,
    /// Other hosts than Microsoft's.
    pub hosts: Option<Hosts>,
}

/// How an application proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The application, as registered in the partner's tenant.
    pub client_id: uuid::Uuid,
    /// Its proof.
    pub proof: Proof,
}

/// The proof of an application. Paths are absolute or as seen from the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// A certificate and its key in one PEM file.
    Certificate {
        /// The file.
        file: PathBuf,
    },
    /// A secret in a file.
    ClientSecret {
        /// The file.
        file: PathBuf,
    },
    /// A token that somebody else gives, such as a cluster or a pipeline, read anew each time.
    WorkloadIdentity {
        /// The file; where none is named, `AZURE_FEDERATED_TOKEN_FILE` names it.
        token_file: Option<PathBuf>,
    },
}

/// Whether groups are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Groups {
    /// Their ids count alone.
    #[default]
    Off,
    /// They are, which needs `Group.Read.All`.
    Read,
}

/// How fast the service is asked at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Calls at a time, 1 to 64.
    pub in_flight: u8,
    /// Requests that read in a second, 1 to 1000.
    pub reads_per_second: u16,
    /// Requests that write in a second, 1 to 1000.
    pub writes_per_second: u16,
}

impl Default for Pace {
    fn default() -> Self {
        Self { in_flight: 8, reads_per_second: 40, writes_per_second: 10 }
    }
}

/// Other hosts than Microsoft's: of a private cloud, or of the emulator. Each is `HOST` or `HOST:PORT`, spoken to by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    /// Where tokens are given; Microsoft's own of the cloud where none is named.
    pub login: Option<String>,
    /// Where Graph answers; Microsoft's own of the cloud where none is named.
    pub graph: Option<String>,
    /// The authority that alone vouches for the hosts that are named here, in a PEM file; those of this machine where none
    /// is named.
    pub ca: Option<PathBuf>,
}

/// The hosts of a cloud, as Microsoft names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloudHosts {
    /// Where tokens are given.
    pub login: &'static str,
    /// Where Graph answers.
    pub graph: &'static str,
}

/// The hosts of a cloud (Microsoft: "National cloud deployments", <https://learn.microsoft.com/graph/deployments>).
pub fn hosts(cloud: Cloud) -> CloudHosts {
    match cloud {
        Cloud::Global => {
            CloudHosts { login: "login.microsoftonline.com", graph: "graph.microsoft.com" }
        }
        Cloud::USGovL4 => {
            CloudHosts { login: "login.microsoftonline.us", graph: "graph.microsoft.us" }
        }
        Cloud::USGovDoD => {
            CloudHosts { login: "login.microsoftonline.us", graph: "dod-graph.microsoft.us" }
        }
        Cloud::China21Vianet => CloudHosts {
            login: "login.partner.microsoftonline.cn",
            graph: "microsoftgraph.chinacloudapi.cn",
        },
    }
}

impl Connection {
    /// Where tokens are given: `HOST` or `HOST:PORT`.
    pub fn login_host(&self) -> &str {
        let own = self.hosts.as_ref().and_then(|hosts| hosts.login.as_deref());
        own.unwrap_or(hosts(self.cloud).login)
    }

    /// Where Graph answers: `HOST` or `HOST:PORT`.
    pub fn graph_host(&self) -> &str {
        let own = self.hosts.as_ref().and_then(|hosts| hosts.graph.as_deref());
        own.unwrap_or(hosts(self.cloud).graph)
    }

    /// Whose hosts answer there: what is recorded of one is never taken for the other.
    pub fn host(&self) -> Host {
        if self.graph_host() == hosts(self.cloud).graph { Host::Microsoft } else { Host::Other }
    }

    /// The authority that alone vouches for where tokens are given; nothing where those of this machine do.
    pub fn login_authority(&self) -> Option<&Path> {
        let hosts = self.hosts.as_ref()?;
        hosts.login.as_ref().and(hosts.ca.as_deref())
    }

    /// The same for where Graph answers.
    pub fn graph_authority(&self) -> Option<&Path> {
        let hosts = self.hosts.as_ref()?;
        hosts.graph.as_ref().and(hosts.ca.as_deref())
    }

    /// Whom it speaks to that is none of Microsoft's, in words, which is told on every run: who gets its secrets, and who
    /// its tokens.
    pub fn elsewhere(&self) -> Option<String> {
        let microsoft = hosts(self.cloud);
        let (login, graph) = (self.login_host(), self.graph_host());
        let mut all = Vec::new();
        if login != microsoft.login {
            all.push(format!("login is at `{login}`"));
        }
        if graph != microsoft.graph {
            all.push(format!("Graph is at `{graph}`"));
        }
        (!all.is_empty()).then(|| format!("{}: none of Microsoft's", all.join(" and ")))
    }
}
