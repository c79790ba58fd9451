//! Writes who deletes an object, before the webhook lets it go. Every replica does, since every one is asked.
//!
//! Never: anything but that name, or on another version than the one that was looked at.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, header::ACCEPT};
use kube::{
    Client,
    api::{GetParams, Patch, PatchParams},
    core::PartialObjectMeta,
};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use super::{
    FIELD_MANAGER,
    post::{METADATA_ONLY, of_kind},
};
use crate::{
    domain::ids::ObjectKey,
    operator::{
        admission::deletion::{Deletion, NotStamped, Stamps, Stands, stamp},
        index::DELETED_BY,
        telemetry::{
            labels::{ApiObject, ApiWrite},
            metrics::Metrics,
        },
    },
};

/// How long a stamp may take: the API server waits for the answer.
const STAMPED_WITHIN: Duration = Duration::from_secs(2);
/// How often somebody else may change the object meanwhile.
const TRIES: usize = 5;

/// What writes stamps.
pub fn stamps(client: &Client, metrics: &Arc<Metrics>) -> Stamps {
    let (client, metrics) = (client.clone(), Arc::clone(metrics));
    Arc::new(move |deletion| {
        let (client, metrics) = (client.clone(), Arc::clone(&metrics));
        Box::pin(async move {
            let late = || Err(NotStamped("the API server did not answer in time".to_owned()));
            let writing = timeout(STAMPED_WITHIN, write(&client, &metrics, &deletion));
            let written = writing.await.unwrap_or_else(|_| late());
            if let Err(error) = &written {
                warn!(object = %deletion.object, %error, "who deleted an object is not written down");
            }
            written
        })
    })
}

/// What an attempt comes to.
enum Attempt {
    /// It stands there.
    Stands,
    /// The object has changed since it was looked at.
    Outdated,
}

async fn write(client: &Client, metrics: &Metrics, deletion: &Deletion) -> Result<(), NotStamped> {
    for _ in 0..TRIES {
        if let Attempt::Stands = attempt(client, metrics, deletion).await? {
            return Ok(());
        }
    }
    Err(NotStamped("it changes all the time".to_owned()))
}

async fn attempt(
    client: &Client,
    metrics: &Metrics,
    deletion: &Deletion,
) -> Result<Attempt, NotStamped> {
    let Deletion { object, by } = deletion;
    let meta = match look(client, object).await {
        Ok(Some(found)) => found.metadata,
        // It is gone, so there is nothing left to delete.
        Ok(None) => return Ok(Attempt::Stands),
        Err(error) => return Err(not_stamped(error)),
    };
    let stands = Stands {
        is_held: meta.finalizers.is_some_and(|held| !held.is_empty()),
        is_leaving: meta.deletion_timestamp.is_some(),
        deleted_by: meta.annotations.unwrap_or_default().remove(DELETED_BY).unwrap_or_default(),
    };
    let Some(names) = stamp(&stands, by) else { return Ok(Attempt::Stands) };
    let body = json!({ "metadata": {
        "uid": meta.uid,
        "resourceVersion": meta.resource_version,
        "annotations": { DELETED_BY: names },
    } });
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let request = of_kind(object.kind, object).patch(&object.name, &params, &Patch::Merge(&body));
    let mut request = request.expect("names as the server gives them make a right path");
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA_ONLY));
    metrics.api_write(ApiObject::Of(object.kind), ApiWrite::Stamp);
    match client.request::<IgnoredAny>(request).await {
        Ok(_) => Ok(Attempt::Stands),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(Attempt::Stands),
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(Attempt::Outdated),
        Err(error) => Err(not_stamped(error)),
    }
}

/// The object as the API server has it.
async fn look(
    client: &Client,
    object: &ObjectKey,
) -> Result<Option<PartialObjectMeta>, kube::Error> {
    let request = of_kind(object.kind, object).get(&object.name, &GetParams::default());
    let mut request = request.expect("names as the server gives them make a right path");
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA_ONLY));
    match client.request::<PartialObjectMeta>(request).await {
        Ok(found) => Ok(Some(found)),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
        Err(error) => Err(error),
    }
}

fn not_stamped(error: kube::Error) -> NotStamped {
    if let kube::Error::Api(status) = error {
        NotStamped(status.message)
    } else {
        NotStamped(error.to_string())
    }
}
