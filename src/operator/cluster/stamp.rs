//! Writes who deletes an object, before the webhook lets it go. Every replica does, since every one is asked.
//!
//! Never: anything but that name, or on another version than the one that was asked about.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, header::ACCEPT};
use kube::{
    Client,
    api::{Patch, PatchParams},
};
use serde::de::IgnoredAny;
use serde_json::json;
use tokio::time::timeout;
use tracing::warn;

use super::{
    FIELD_MANAGER,
    post::{METADATA_ONLY, of_kind},
};
use crate::operator::{
    admission::deletion::{NotStamped, Stamp, Stamps},
    telemetry::{
        labels::{ApiObject, ApiWrite},
        metrics::Metrics,
    },
    world::DELETED_BY,
};

/// How long a stamp may take: the API server waits for the answer.
const STAMPED_WITHIN: Duration = Duration::from_secs(2);

/// What writes stamps.
pub fn stamps(client: &Client, metrics: &Arc<Metrics>) -> Stamps {
    let (client, metrics) = (client.clone(), Arc::clone(metrics));
    Arc::new(move |stamp| {
        let (client, metrics) = (client.clone(), Arc::clone(&metrics));
        Box::pin(async move {
            metrics.api_write(ApiObject::Of(stamp.object.kind), ApiWrite::Stamp);
            let written = write(&client, &stamp).await;
            if let Err(error) = &written {
                warn!(object = %stamp.object, %error, "who deleted an object is not written down");
            }
            written
        })
    })
}

async fn write(client: &Client, stamp: &Stamp) -> Result<(), NotStamped> {
    let body = json!({ "metadata": {
        "uid": stamp.uid.0,
        "resourceVersion": stamp.version,
        "annotations": { DELETED_BY: stamp.by },
    } });
    let params =
        PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
    let object = &stamp.object;
    let request = of_kind(object.kind, object).patch(&object.name, &params, &Patch::Merge(&body));
    let mut request = request.expect("names that the server gave us make a right path");
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA_ONLY));
    match timeout(STAMPED_WITHIN, client.request::<IgnoredAny>(request)).await {
        Ok(Ok(_)) => Ok(()),
        // It has changed or is gone: the deletion is judged anew, or has nothing left to delete.
        Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => Ok(()),
        Ok(Err(kube::Error::Api(status))) => Err(NotStamped(status.message)),
        Ok(Err(error)) => Err(NotStamped(error.to_string())),
        Err(_) => Err(NotStamped("the API server did not answer in time".to_owned())),
    }
}
