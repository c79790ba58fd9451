//! The API server: what is watched of it, and what is written to it.
//!
//! Never: a call without a time limit, or a write that the server has already.

mod events;
mod finalizers;
mod outbox;
mod post;
mod stamp;
mod watch;
mod way;

use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, Config};

pub use events::Events;
pub use finalizers::remove_finalizers;
pub use outbox::{Outbox, Post};
pub use post::{Postman, postmen};
pub use stamp::stamps;
pub use watch::{Watching, watches};
pub use way::{NoWay, causes, sound};

use crate::domain::state::Instance;

/// The field manager of everything that the operator writes.
pub const FIELD_MANAGER: &str = "concordat";

/// How long a call may take, besides a watch.
const CALLS_WITHIN: Duration = Duration::from_secs(30);

/// A client for the cluster that this process runs in, or that the kubeconfig names.
///
/// # Errors
/// Where there is neither.
pub async fn client() -> Result<Client, NoWay> {
    let mut config = sound(Config::infer().await.map_err(kube::Error::InferConfig)?)?;
    config.connect_timeout = Some(Duration::from_secs(10));
    Ok(Client::try_from(config)?)
}

/// Who writes: the UID of the namespace `kube-system`, which every cluster has and no two share.
///
/// # Errors
/// Where it cannot be read.
pub async fn instance(client: &Client) -> Result<Instance, NoWay> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let system = namespaces.get("kube-system").await?;
    Ok(Instance(system.metadata.uid.unwrap_or_default().into()))
}
