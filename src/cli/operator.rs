//! `concordat operator`: makes the store hold what a cluster's objects say, until it is stopped.
//!
//! Never: anything but logs on standard error, and nothing on standard output.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, time};

use anyhow::Context;
use clap::Args;
use jiff::SignedDuration;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::util::SubscriberInitExt;

use super::{ExitStatus, Output, StoreArgs, output::Log};
use crate::{
    domain::{duration::Duration, state::Instance},
    operator::{
        cluster,
        controller::Pace,
        election,
        run::{Called, Certificate, Options, Webhook, run},
        telemetry::{
            logs::{self, LogFormat},
            traces::Traces,
        },
    },
    render::commands::Form,
    store::StoreUrl,
};

/// What the operator needs to know.
#[derive(Debug, Args)]
pub struct Operator {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Who writes. Default: the UID of the namespace `kube-system`.
    #[arg(long, value_name = "ID")]
    pub instance: Option<String>,
    /// The namespace that the operator lives in, with its Lease.
    #[arg(long, env = "POD_NAMESPACE", default_value = "concordat-system", value_name = "NAME")]
    pub namespace: String,
    /// The name of the Lease.
    #[arg(long, default_value = "concordat", value_name = "NAME")]
    pub lease: String,
    /// Who this replica is. Default: a random name.
    #[arg(long, env = "POD_NAME", value_name = "NAME")]
    pub identity: Option<String>,
    /// Where /metrics, /healthz and /readyz are shown.
    #[arg(long, default_value = "0.0.0.0:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where the webhook listens, or `off`.
    #[arg(long, default_value = "off", value_name = "ADDRESS")]
    pub webhook_listen: String,
    /// The Service that the API server calls the webhook by.
    #[arg(long, default_value = "concordat-webhook", value_name = "NAME")]
    pub webhook_service: String,
    /// The Secret that keeps the webhook's own certificate, and the path that only the API server is told.
    #[arg(long, default_value = "concordat-webhook", value_name = "NAME")]
    pub webhook_secret: String,
    /// The registration of the webhook, which is told of certificate and path.
    #[arg(long, default_value = "concordat", value_name = "NAME")]
    pub webhook_configuration: String,
    /// A folder with `tls.crt` and `tls.key` for the webhook, in place of its own certificate.
    #[arg(long, value_name = "FOLDER")]
    pub certificates: Option<PathBuf>,
    /// A program that may accept and approve, by its user name. Can be given more than once.
    #[arg(long, value_name = "USER")]
    pub robot_may: Vec<String>,
    /// How often everything is compared with the store although nothing has changed in the cluster. Default: `PT5M`, and
    /// `PT15M` where the store is Microsoft Graph.
    #[arg(long, value_name = "DURATION")]
    pub observe_every: Option<Duration>,
    /// How long a termination waits for others to be judged with it.
    #[arg(long, default_value = "PT30S", value_name = "DURATION")]
    pub settle: Duration,
    /// How log lines look.
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT")]
    pub log_format: LogFormat,
    /// Where traces are sent to, by OTLP over HTTP.
    #[arg(long, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
    /// Take the finalizers off all objects, so that they can go without an operator, and end. Changes no access.
    #[arg(long)]
    pub remove_finalizers: bool,
}

/// Runs until SIGTERM or Ctrl-C.
pub async fn operator(args: &Operator, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let client = cluster::client().await.context("there is no cluster to talk to")?;
    if args.remove_finalizers {
        let removed = cluster::remove_finalizers(&client).await.context(
            "not every finalizer is removed: run it again with the rights to list and patch",
        )?;
        out.say(&format!("removed the finalizer of {removed} objects; no access was changed"));
        return Ok(ExitStatus::AsDesired);
    }
    if args.store.is_cluster() {
        anyhow::bail!(
            "the operator writes: give it `--store postgres://HOST/DATABASE`, `sqlite:PATH` or `graph:FILE`"
        );
    }
    let options = options(args)?;
    let traces = args.otlp_endpoint.as_deref();
    let traces = traces.map(|endpoint| Traces::open(endpoint, &options.identity)).transpose()?;
    let filter = super::log_filter("concordat=info,warn");
    let form = match args.log_format {
        LogFormat::Text => Form::Text,
        LogFormat::Json => Form::Json,
    };
    logs::subscriber(args.log_format, filter, Log(form), traces.as_ref()).init();
    if let Some(exposed) = super::store::exposed(&options.store) {
        tracing::warn!("{exposed}");
    }
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let listener = tokio::spawn(async move {
        asked_to_stop().await;
        asked.cancel();
    });
    let ended = run(options, client, stop).await;
    listener.abort();
    let _ = listener.await;
    if let Some(traces) = traces {
        // A collector that is away is no reason to end as if something had failed.
        if let Err(error) = traces.close().await {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
    ended?;
    Ok(ExitStatus::AsDesired)
}

pub(super) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut term) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

fn options(args: &Operator) -> anyhow::Result<Options> {
    let webhook = match args.webhook_listen.as_str() {
        "off" => None,
        address => Some(Webhook {
            listen: address.parse().with_context(|| {
                format!("`--webhook-listen {address}` is neither an address such as `0.0.0.0:9443` nor `off`")
            })?,
            called: Called {
                service: args.webhook_service.clone(),
                secret: args.webhook_secret.clone(),
                configuration: args.webhook_configuration.clone(),
            },
            certificate: match &args.certificates {
                Some(folder) => Certificate::Files(folder.clone()),
                None => Certificate::Own,
            },
        }),
    };
    let is_service = matches!(args.store.store, StoreUrl::Graph(_));
    let usual = Duration::from_seconds(if is_service { 900 } else { 300 });
    let pace = Pace {
        observes_every: time::Duration::from_secs(args.observe_every.unwrap_or(usual).seconds()),
        settles_for: SignedDuration::from_secs(args.settle.seconds().cast_signed()),
        ..Pace::default()
    };
    Ok(Options {
        store: args.store.store.clone(),
        instance: args.instance.clone().map(|instance| Instance(instance.into())),
        namespace: args.namespace.clone(),
        lease: args.lease.clone(),
        identity: match &args.identity {
            Some(identity) => identity.clone(),
            None => format!("concordat-{}", uuid()?),
        },
        listen: args.listen,
        webhook,
        robots: args.robot_may.iter().cloned().collect::<BTreeSet<_>>(),
        pace,
        lease_pace: if is_service {
            election::Pace::of_service()
        } else {
            election::Pace::default()
        },
    })
}

/// A name that nobody else has.
fn uuid() -> anyhow::Result<String> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("this machine has no random numbers: {error}"))?;
    Ok(hex::encode(bytes))
}
