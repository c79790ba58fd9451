//! Writes finalizers and statuses: own fields only, and for the very object that was looked at.
//!
//! Never: makes an object that is gone, or touches one that took its name.

use std::{
    future::Future,
    sync::{Arc, Mutex},
};

use http::{HeaderValue, header::ACCEPT};
use kube::{
    Client, Resource,
    api::{Patch, PatchParams},
    core::Request,
};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{CALLS_WITHIN, FIELD_MANAGER, Outbox, Post};
use crate::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::ids::{Kind, ObjectKey},
    operator::{
        index::{ACTS_FOR, APPROVE, APPROVED_BY, Index},
        reconcile::{MetadataPatch, StatusPatch, locked},
        telemetry::{
            labels::{ApiObject, ApiWrite},
            metrics::Metrics,
        },
    },
};

/// We have no use for the whole object in an answer.
pub(super) const METADATA_ONLY: &str =
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// What writes.
#[derive(Clone)]
pub struct Postman {
    /// The server.
    pub client: Client,
    /// What is to be written.
    pub outbox: Arc<Outbox>,
    /// Told of what could not be written.
    pub index: Arc<Mutex<Index>>,
    /// Told of every write.
    pub metrics: Arc<Metrics>,
}

/// What became of a write.
enum Fate {
    /// It is there.
    Written,
    /// The object has changed, or is gone: it is looked at again.
    Outdated,
    /// Perhaps later.
    Failed,
    /// Not now, says the server: perhaps later.
    Denied,
    /// Never like this.
    Refused,
}

impl Postman {
    /// Writes what comes, for as long as `may_write` says so, until this is dropped.
    pub async fn run(self, may_write: impl Fn() -> bool) {
        loop {
            let (object, mut post) = self.outbox.next().await;
            if !may_write() {
                self.forget(&object);
                self.outbox.done(&object);
                continue;
            }
            let fate = self.write(&object, &mut post).await;
            match fate {
                Fate::Written => self.outbox.done(&object),
                Fate::Outdated | Fate::Refused => {
                    if matches!(fate, Fate::Outdated) {
                        self.forget(&object);
                    } else {
                        locked(&self.index).unmark(&object);
                    }
                    self.outbox.done(&object);
                }
                Fate::Failed | Fate::Denied => self.outbox.failed(&object, post),
            }
        }
    }

    /// Writes what there is, and takes off the post what need not be tried again. Where the server has judged the
    /// finalizers and does not take them, the status tells all the more of how things stand.
    async fn write(&self, object: &ObjectKey, post: &mut Post) -> Fate {
        let marked = match &post.mark {
            Some(mark) => self.mark(object, mark).await,
            None => Fate::Written,
        };
        match marked {
            Fate::Outdated | Fate::Failed => return marked,
            Fate::Written if post.mark.as_ref().is_some_and(|mark| mark.is_last) => return marked,
            Fate::Written | Fate::Refused => post.mark = None,
            Fate::Denied => {}
        }
        let Some(report) = &post.report else { return marked };
        let reported = self.status(object, report).await;
        if matches!(reported, Fate::Written) {
            post.report = None;
        }
        match (marked, reported) {
            (Fate::Denied, Fate::Written | Fate::Refused) => Fate::Denied,
            (_, reported) => reported,
        }
    }

    async fn mark(&self, object: &ObjectKey, mark: &MetadataPatch) -> Fate {
        let mut metadata = json!({
            "uid": mark.uid.0,
            "resourceVersion": mark.version,
            "finalizers": mark.finalizers,
        });
        if mark.drops_approval {
            metadata["annotations"] = json!({ APPROVE: null, APPROVED_BY: null, ACTS_FOR: null });
        }
        let body = json!({ "metadata": metadata });
        let request = of_kind(object.kind, object).patch(
            &object.name,
            &PatchParams {
                field_manager: Some(FIELD_MANAGER.to_owned()),
                ..PatchParams::default()
            },
            &Patch::Merge(&body),
        );
        self.metrics.api_write(ApiObject::Of(object.kind), ApiWrite::Finalizers);
        self.send(object, request).await
    }

    async fn status(&self, object: &ObjectKey, report: &StatusPatch) -> Fate {
        let mut metadata = json!({ "name": object.name, "uid": report.uid.0 });
        if !object.namespace.is_empty() {
            metadata["namespace"] = Value::from(object.namespace.as_str());
        }
        let body = json!({
            "apiVersion": crate::api::API_VERSION,
            "kind": object.kind,
            "metadata": metadata,
            "status": report.status,
        });
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let request = of_kind(object.kind, object).patch_subresource(
            "status",
            &object.name,
            &params,
            &Patch::Apply(&body),
        );
        self.metrics.api_write(ApiObject::Of(object.kind), ApiWrite::Status);
        self.send(object, request).await
    }

    async fn send(
        &self,
        object: &ObjectKey,
        request: Result<http::Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Fate {
        let mut request = request.expect("names that the server gave us make a right path");
        request.headers_mut().insert(ACCEPT, HeaderValue::from_static(METADATA_ONLY));
        match timeout(CALLS_WITHIN, self.client.request::<IgnoredAny>(request)).await {
            Ok(Ok(_)) => Fate::Written,
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 404 | 409) => {
                debug!(%object, status = status.message, "the object has changed");
                Fate::Outdated
            }
            Ok(Err(kube::Error::Api(status))) if matches!(status.code, 400 | 422) => {
                warn!(%object, status = status.message, "the server refuses what is reported");
                Fate::Refused
            }
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                warn!(%object, status = status.message, "the server denies a write: it is tried again");
                Fate::Denied
            }
            Ok(Err(error)) => {
                warn!(%object, %error, "what is reported could not be written: it is tried again");
                Fate::Failed
            }
            Err(_) => {
                warn!(%object, "the server did not answer in time: it is tried again");
                Fate::Failed
            }
        }
    }

    /// What was to be written is not there: the object is looked at again.
    fn forget(&self, object: &ObjectKey) {
        locked(&self.index).forget_report(object);
    }
}

pub(super) fn of_kind(kind: Kind, object: &ObjectKey) -> Request {
    let namespace = (!object.namespace.is_empty()).then_some(object.namespace.as_str());
    Request::new(match kind {
        Kind::PartnerOffer => PartnerOffer::url_path(&(), namespace),
        Kind::PartnerRelationship => PartnerRelationship::url_path(&(), namespace),
        Kind::RoleGrant => RoleGrant::url_path(&(), namespace),
        Kind::AgreementAcceptance => AgreementAcceptance::url_path(&(), namespace),
        Kind::PartnerBoundary => PartnerBoundary::url_path(&(), namespace),
    })
}

/// Writes with as many at once as `workers`, until the future is dropped.
pub fn postmen(
    postman: &Postman,
    workers: usize,
    may_write: impl Fn() -> bool + Clone + Send + Sync + 'static,
) -> Vec<impl Future<Output = ()> + Send + 'static> {
    (0..workers).map(|_| postman.clone().run(may_write.clone())).collect()
}
