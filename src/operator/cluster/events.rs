//! Events, for people who look at an object: told once, when something changes.
//!
//! Never: in the way of a status; where too many wait, the newest are dropped, since statuses and the ledger tell all.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event as EventObject},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout, timeout_at},
};
use tracing::debug;

use super::{CALLS_WITHIN, Outbox};
use crate::{
    api::API_VERSION,
    domain::{ids::ObjectKey, state::Uid, status::Event},
    operator::telemetry::{
        labels::{ApiObject, ApiWrite},
        metrics::Metrics,
    },
};

/// As many may wait.
const WAIT: usize = 2_048;
/// They wait until so long nothing else was written.
const RESTS_FOR: Duration = Duration::from_secs(1);
/// But no longer than this.
const GIVES_WAY_FOR: Duration = Duration::from_secs(60);

/// An event, and since when it waits.
struct Told {
    since: Instant,
    at: Timestamp,
    object: ObjectKey,
    uid: Uid,
    event: Event,
}

/// Where events are sent to.
#[derive(Clone)]
pub struct Events(mpsc::Sender<Told>);

impl Events {
    /// A place to send to, and what carries it out, after what waits in the outbox, until it is dropped.
    pub fn begin(
        client: Client,
        outbox: Arc<Outbox>,
        reporter: String,
        metrics: Arc<Metrics>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (sender, mut receiver) = mpsc::channel::<Told>(WAIT);
        let work = async move {
            while let Some(Told { since, at, object, uid, event }) = receiver.recv().await {
                let _ = timeout_at(since + GIVES_WAY_FOR, outbox.rests_for(RESTS_FOR)).await;
                let namespace = Some(object.namespace.as_str()).filter(|name| !name.is_empty());
                let api: Api<EventObject> =
                    Api::namespaced(client.clone(), namespace.unwrap_or("default"));
                let event = written(&object, &uid, event, at, &reporter);
                metrics.api_write(ApiObject::Event, ApiWrite::Create);
                let params = PostParams::default();
                // In a namespace that is going nobody may make one, and nobody would see it.
                match timeout(CALLS_WITHIN, api.create(&params, &event)).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(kube::Error::Api(status))) => {
                        debug!(%object, why = status.message, "an event was not told");
                    }
                    Ok(Err(error)) => debug!(%object, %error, "an event was not told"),
                    Err(_) => debug!(%object, "an event was not told in time"),
                }
            }
        };
        (Self(sender), work)
    }

    /// Tells of it, unless too many wait.
    pub fn tell(&self, object: ObjectKey, uid: Uid, event: Event) {
        let _ = self.0.try_send(Told {
            since: Instant::now(),
            at: Timestamp::now(),
            object,
            uid,
            event,
        });
    }
}

fn written(
    object: &ObjectKey,
    uid: &Uid,
    event: Event,
    at: Timestamp,
    reporter: &str,
) -> EventObject {
    let cluster_scoped = object.namespace.is_empty();
    let namespace = if cluster_scoped { "default" } else { &object.namespace };
    let reason = event.reason;
    EventObject {
        metadata: ObjectMeta {
            generate_name: Some(format!("{}-", object.name)),
            namespace: Some(namespace.to_owned()),
            labels: Some(BTreeMap::new()),
            ..ObjectMeta::default()
        },
        action: Some(reason.action().to_owned()),
        event_time: Some(MicroTime(at)),
        note: Some(event.note),
        reason: Some(reason.to_string()),
        regarding: Some(ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(object.kind.to_string()),
            name: Some(object.name.to_string()),
            namespace: (!cluster_scoped).then(|| object.namespace.to_string()),
            uid: Some(uid.0.to_string()),
            ..ObjectReference::default()
        }),
        reporting_controller: Some("concordat.dev/operator".to_owned()),
        reporting_instance: Some(reporter.to_owned()),
        type_: Some(reason.type_().to_string()),
        ..EventObject::default()
    }
}
