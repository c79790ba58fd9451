//! Everything that runs beside each other: watches, the leader's rounds, writers to the cluster, health and metrics, the
//! webhook. All of it is joined at the end.
//!
//! Never: a task that outlives the program's answer to SIGTERM, or a write by who does not lead.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use kube::Client;
use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::{
    admission,
    cluster::{self, Events, Outbox, Postman, Watching, postmen, watches},
    controller::{Controller, Pace},
    election::{Candidate, Leadership},
    index::Index,
    reconcile::{Deletions, Settings},
    telemetry::{
        health::Health,
        metrics::Metrics,
        server::{self, Shown},
    },
};
use crate::{
    domain::state::Instance,
    store::{StoreError, StoreUrl},
};

/// What an operator needs to know.
#[derive(Debug, Clone)]
pub struct Options {
    /// The store that is led.
    pub store: StoreUrl,
    /// Who writes; the UID of `kube-system` where nothing is said.
    pub instance: Option<Instance>,
    /// The namespace that the operator lives in.
    pub namespace: String,
    /// The name of its Lease.
    pub lease: String,
    /// Who this replica is.
    pub identity: String,
    /// Where metrics and health are shown.
    pub listen: SocketAddr,
    /// The webhook, if there is one.
    pub webhook: Option<Webhook>,
    /// User names of programs that may approve.
    pub robots: BTreeSet<String>,
    /// How fast everything is.
    pub pace: Pace,
    /// How fast a Lease changes hands.
    pub lease_pace: super::election::Pace,
}

/// The webhook.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Where it listens.
    pub listen: SocketAddr,
    /// By what it is called.
    pub called: Called,
    /// Where its certificate comes from.
    pub certificate: Certificate,
}

/// Where the webhook's certificate comes from.
#[derive(Debug, Clone)]
pub enum Certificate {
    /// Made here, for the Service, kept in the Secret and told to the registration.
    Own,
    /// Put into a folder by somebody else.
    Files(std::path::PathBuf),
}

/// By what the API server calls the webhook.
#[derive(Debug, Clone)]
pub struct Called {
    /// The Service that it calls.
    pub service: String,
    /// The Secret that keeps what only it is told.
    pub secret: String,
    /// The `ValidatingWebhookConfiguration`, which tells it.
    pub configuration: String,
}

/// Why the operator ended.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The cluster.
    #[error("the cluster cannot be reached")]
    Cluster(#[source] cluster::NoWay),
    /// A port.
    #[error("`{address}` cannot be listened on")]
    Port {
        /// Which.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The store.
    #[error("the store cannot be used")]
    Store(#[source] StoreError),
    /// Something that serves has ended.
    #[error("what serves `{what}` has ended")]
    Server {
        /// What.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
}

/// How many writes to the API server are under way at once.
const WRITERS: usize = 16;
/// How long what is being written may take once it is to stop.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// Runs until `stop`.
///
/// # Errors
/// Where it cannot begin, or a server fails.
pub async fn run(
    options: Options,
    client: Client,
    stop: CancellationToken,
) -> Result<(), OperatorError> {
    let instance = match options.instance.clone() {
        Some(instance) => instance,
        None => cluster::instance(&client).await.map_err(OperatorError::Cluster)?,
    };
    let parts = Parts {
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::new(Instant::now().into_std())),
        index: Arc::default(),
        changed: Arc::default(),
        lists: Arc::new(watch::Sender::new(0)),
    };
    let mut tasks = begin(&options, &client, &instance, &parts, &stop)?;
    info!(%instance, identity = options.identity, store = %options.store, "the operator begins");

    let outbox = Outbox::new();
    let Parts { metrics, health, index, changed, lists } = parts;
    let candidate = Candidate {
        namespace: options.namespace.clone(),
        lease: options.lease.clone(),
        identity: options.identity.clone(),
        store: super::store::ledger(&options.store).map_err(OperatorError::Store)?,
        instance: instance.clone(),
        pace: options.lease_pace,
    };
    let leadership = Arc::new(Leadership::begin(client.clone(), candidate));
    let postman = Postman {
        client: client.clone(),
        outbox: Arc::clone(&outbox),
        index: Arc::clone(&index),
        metrics: Arc::clone(&metrics),
    };
    let mut writers: JoinSet<()> = JoinSet::new();
    for writer in postmen(&postman, WRITERS, {
        let leadership = Arc::clone(&leadership);
        move || leadership.leads_now()
    }) {
        writers.spawn(writer);
    }
    let (events, telling) = Events::begin(
        client.clone(),
        Arc::clone(&outbox),
        options.identity.clone(),
        Arc::clone(&metrics),
    );
    writers.spawn(telling);

    let settings = Settings {
        robots: options.robots.clone(),
        settles_for: options.pace.settles_for,
        deletions: if options.webhook.is_some() {
            Deletions::Stamped
        } else {
            Deletions::AsTheyAre
        },
        ..Settings::of(instance)
    };
    let lead = Controller {
        settings,
        store: options.store.clone(),
        pace: options.pace,
        index,
        changed,
        lists,
        outbox: Arc::clone(&outbox),
        events,
        leadership: Arc::clone(&leadership),
        health: Arc::clone(&health),
        metrics,
    };
    let leading = tokio::spawn(lead.run(stop.clone()));
    let mut result = Ok(());
    while let Some(ended) = tasks.join_next().await {
        let ended = ended.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
        if ended.is_err() && result.is_ok() {
            result = ended;
            stop.cancel();
        }
    }
    health.stopping();
    if let Err(error) = leading.await
        && error.is_panic()
    {
        std::panic::resume_unwind(error.into_panic());
    }
    let until = Instant::now() + LAST_WRITES;
    while !outbox.is_empty() && leadership.leads_now() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    writers.shutdown().await;
    if let Some(leadership) = Arc::into_inner(leadership) {
        leadership.release().await;
    }
    info!("the operator ends");
    result
}

/// What all tasks share.
struct Parts {
    metrics: Arc<Metrics>,
    health: Arc<Health>,
    index: Arc<Mutex<Index>>,
    changed: Arc<Notify>,
    lists: Arc<watch::Sender<u64>>,
}

/// Begins what every replica does, whether it leads or not: it watches, and answers whoever asks.
fn begin(
    options: &Options,
    client: &Client,
    instance: &Instance,
    parts: &Parts,
    stop: &CancellationToken,
) -> Result<JoinSet<Result<(), OperatorError>>, OperatorError> {
    let Parts { metrics, health, index, changed, lists } = parts;
    let port = |address| move |source| OperatorError::Port { address, source };
    let listener = server::listen(options.listen).map_err(port(options.listen))?;
    let mut tasks: JoinSet<Result<(), OperatorError>> = JoinSet::new();
    let shown = Shown { metrics: Arc::clone(metrics), health: Arc::clone(health) };
    let ended = stop.clone();
    tasks.spawn(async move {
        let served = server::serve(listener, shown, ended).await;
        served.map_err(|source| OperatorError::Server { what: "metrics", source })
    });
    let watching = Watching {
        client: client.clone(),
        index: Arc::clone(index),
        lists: Arc::clone(lists),
        changed: Arc::clone(changed),
        health: Arc::clone(health),
        metrics: Arc::clone(metrics),
    };
    for watch in watches(&watching, stop) {
        tasks.spawn(async move {
            watch.await;
            Ok(())
        });
    }
    if let Some(webhook) = &options.webhook {
        let listener = server::listen(webhook.listen).map_err(port(webhook.listen))?;
        let known = super::context::known(index, &options.store, instance);
        let serving = webhook_of(webhook, options, client, metrics, known, listener, stop);
        tasks.spawn(async move {
            let served = serving.await;
            served.map_err(|source| OperatorError::Server { what: "the webhook", source })
        });
    }
    Ok(tasks)
}

fn webhook_of(
    webhook: &Webhook,
    options: &Options,
    client: &Client,
    metrics: &Arc<Metrics>,
    known: admission::server::Known,
    listener: std::net::TcpListener,
    stop: &CancellationToken,
) -> impl Future<Output = io::Result<()>> + Send + 'static {
    let Called { service, secret, configuration } = webhook.called.clone();
    let own = Box::new(admission::own::Own {
        client: client.clone(),
        namespace: options.namespace.clone(),
        secret,
        service,
        configuration,
        life: admission::certificate::LIFE,
        metrics: Arc::clone(metrics),
    });
    let source = match &webhook.certificate {
        Certificate::Own => admission::source::Source::Own(own),
        Certificate::Files(folder) => {
            let word = admission::source::Word::Kept(own);
            admission::source::Source::Files(folder.clone(), word)
        }
    };
    let pace = source.pace();
    let catalogue = crate::domain::catalogue::Catalogue::compiled();
    let stamps = cluster::stamps(client, metrics);
    let webhook = admission::server::Webhook::new(known, catalogue, Arc::clone(metrics), stamps);
    admission::server::serve(listener, webhook, source, pace, stop.clone())
}
