//! The way into a cluster as whoever runs the command, and everything that is read there.
//!
//! Never: a write, another verb than `get` and `list`, or a list that failed taken for an empty one.

use std::{path::PathBuf, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, Client, Config, ResourceExt,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::watcher::Event,
};
use tokio::time::timeout;

use super::Reading;
use crate::{
    api::{
        AgreementAcceptance, GROUP, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant,
    },
    operator::{
        cluster::{causes, sound},
        election::OBSERVED_THROUGH,
        index::{Guarded, Index, Tabled},
    },
    store::{CLUSTER, StoreError},
};

/// As many objects as are listed at once.
const PAGE: u32 = 500;
/// How long one call may take.
const CALLS_WITHIN: Duration = Duration::from_secs(30);
/// How often a list is begun again because it took longer than the server remembers.
const LISTS: usize = 3;

/// Which cluster, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// The kubeconfig; where none is named, that of `KUBECONFIG`, of the user, or the cluster that this runs in.
    pub kubeconfig: Option<PathBuf>,
    /// The context; where none is named, the current one.
    pub context: Option<String>,
    /// Another user.
    pub user: Option<String>,
    /// The groups of that user.
    pub groups: Vec<String>,
}

/// The Lease of the operator.
#[derive(Debug, Clone)]
pub struct LeaseName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// A cluster that can be read.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    namespace: String,
}

/// Finds the way into a cluster. Nothing is asked of it yet.
///
/// # Errors
/// [`StoreError::NoCluster`] where there is none.
pub async fn connect(access: &Access) -> Result<Connection, StoreError> {
    let config = config(access).await.map_err(|reason| StoreError::NoCluster { reason })?;
    let mut config =
        sound(config).map_err(|error| StoreError::NoCluster { reason: error.to_string() })?;
    config.connect_timeout = Some(Duration::from_secs(10));
    if let Some(user) = &access.user {
        config.auth_info.impersonate = Some(user.clone());
        config.auth_info.impersonate_groups = Some(access.groups.clone());
    }
    let namespace = config.default_namespace.clone();
    let client = Client::try_from(config)
        .map_err(|error| StoreError::NoCluster { reason: causes(&error) })?;
    Ok(Connection { client, namespace })
}

async fn config(access: &Access) -> Result<Config, String> {
    let Access { kubeconfig, context, .. } = access;
    let options = KubeConfigOptions { context: context.clone(), cluster: None, user: None };
    match (kubeconfig, context) {
        (None, None) => Config::infer().await.map_err(|error| causes(&error)),
        (None, Some(_)) => Config::from_kubeconfig(&options).await.map_err(|error| causes(&error)),
        (Some(file), _) => {
            let file = Kubeconfig::read_from(file).map_err(|error| causes(&error))?;
            let config = Config::from_custom_kubeconfig(file, &options).await;
            config.map_err(|error| causes(&error))
        }
    }
}

impl Connection {
    /// The namespace of objects that name none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Reads the Lease, then the five kinds: what is read is at least as new as the Lease says.
    ///
    /// # Errors
    /// Where anything of it cannot be read.
    pub async fn read(&self, lease: &LeaseName) -> Result<Reading, StoreError> {
        let through = self.observed_through(lease).await?;
        let mut index = Index::default();
        self.list::<PartnerBoundary>(&mut index).await?;
        self.list::<PartnerOffer>(&mut index).await?;
        self.list::<AgreementAcceptance>(&mut index).await?;
        self.list::<RoleGrant>(&mut index).await?;
        self.list::<PartnerRelationship>(&mut index).await?;
        let _ = index.take_dirty();
        let now = Timestamp::from_millisecond(Timestamp::now().as_millisecond())
            .expect("an earlier instant of the same millisecond is a timestamp as well");
        Ok(Reading { index, through, now })
    }

    async fn observed_through(&self, name: &LeaseName) -> Result<Timestamp, StoreError> {
        let LeaseName { namespace, name: lease } = name;
        let api: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let what = format!("`get` on the Lease `{namespace}/{lease}`");
        let not_observed = |why: &str| StoreError::NotObserved {
            reason: format!("the Lease `{namespace}/{lease}` {why}"),
        };
        let answer = within(api.get_opt(lease)).await;
        let found = answer.map_err(|failed| failed.into_store_error(&what))?;
        let found = found.ok_or_else(|| not_observed("is not there"))?;
        let text = found.annotations().get(OBSERVED_THROUGH);
        let text = text.ok_or_else(|| not_observed("does not say what was observed yet"))?;
        text.parse().map_err(|_| StoreError::Unexpected {
            store: CLUSTER.to_owned(),
            reason: format!("`{OBSERVED_THROUGH}` of the Lease `{namespace}/{lease}` is `{text}`"),
        })
    }

    async fn list<K: Tabled>(&self, index: &mut Index) -> Result<(), StoreError> {
        let resource = format!("{}.{GROUP}", K::plural(&()));
        let what = format!("`list` on `{resource}` in all namespaces");
        for _ in 0..LISTS {
            index.see::<K>(Event::Init);
            match self.pages::<K>(index).await {
                Ok(()) => {
                    index.see::<K>(Event::InitDone);
                    return Ok(());
                }
                Err(Failed::Api(status)) if status.code == 410 => {}
                Err(Failed::Api(status)) if status.code == 404 => {
                    return Err(StoreError::NoDefinitions { resource });
                }
                Err(failed) => return Err(failed.into_store_error(&what)),
            }
        }
        let reason = format!("{what} takes longer than the server remembers");
        Err(StoreError::Unreachable { store: CLUSTER.to_owned(), reason })
    }

    async fn pages<K: Tabled>(&self, index: &mut Index) -> Result<(), Failed> {
        let api: Api<Guarded<K>> = Api::all(self.client.clone());
        let mut parameters = ListParams::default().limit(PAGE);
        loop {
            let page = within(api.list(&parameters)).await?;
            for object in page.items {
                index.see::<K>(Event::InitApply(object));
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => parameters = parameters.continue_token(&token),
                None => return Ok(()),
            }
        }
    }
}

/// Why a call failed.
enum Failed {
    /// The server refuses it.
    Api(Box<kube::core::Status>),
    /// It did not come to an answer.
    Other(kube::Error),
    /// It took too long.
    TooLong,
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, Failed> {
    match timeout(CALLS_WITHIN, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) => Err(Failed::Api(status)),
        Ok(Err(error)) => Err(Failed::Other(error)),
        Err(_) => Err(Failed::TooLong),
    }
}

impl Failed {
    /// The same for people; `what` is the verb and the resource.
    fn into_store_error(self, what: &str) -> StoreError {
        let store = CLUSTER.to_owned();
        match self {
            Self::Api(status) if status.code == 401 => {
                StoreError::Unauthenticated { store, reason: String::new() }
            }
            Self::Api(status) if status.code == 403 => {
                let reason = format!("{what} is needed: {}", status.message);
                StoreError::Forbidden { store, reason }
            }
            Self::Api(status) => {
                let reason = format!("{what}: {}", status.message);
                StoreError::Unreachable { store, reason }
            }
            Self::Other(error) => {
                let reason = format!("{what}: {}", causes(&error));
                StoreError::Unreachable { store, reason }
            }
            Self::TooLong => {
                let reason = format!("{what} has no answer after {} s", CALLS_WITHIN.as_secs());
                StoreError::Unreachable { store, reason }
            }
        }
    }
}
