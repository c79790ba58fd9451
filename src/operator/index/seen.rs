//! An object as it was last seen in the cluster, as the domain takes it.
//!
//! Never: managed fields, or annotations that nobody here reads.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::{Resource, ResourceExt};
use serde::{Serialize, de::DeserializeOwned};

use super::StatusText;
use crate::{
    api::{
        AgreementAcceptance, AgreementAcceptanceSpec, AgreementAcceptanceStatus, PartnerBoundary,
        PartnerBoundarySpec, PartnerBoundaryStatus, PartnerOffer, PartnerOfferSpec,
        PartnerOfferStatus, PartnerRelationship, PartnerRelationshipSpec,
        PartnerRelationshipStatus, RoleGrant, RoleGrantSpec, RoleGrantStatus,
    },
    domain::{
        ids::Kind,
        state::{ObjectName, Uid},
        validate::{Object, Presence, texts},
    },
};

/// The finalizer of objects whose deletion has an effect.
pub const FINALIZER: &str = "concordat.dev/revoke";
/// Who created an object, as the API server knows: stamped by the chart's admission policy.
pub const REQUESTED_BY: &str = "concordat.dev/requested-by";
/// Who changed its spec last, as the API server knows: stamped by the chart's admission policy.
pub const CHANGED_BY: &str = "concordat.dev/changed-by";
/// Who deleted an object, as the API server knows, one name a line: stamped by the webhook, which is the only one that is
/// asked.
pub const DELETED_BY: &str = "concordat.dev/deleted-by";
/// The hash of a batch that somebody approves.
pub const APPROVE: &str = "concordat.dev/approve";
/// Who wrote [`APPROVE`]: stamped by the chart's admission policy.
pub const APPROVED_BY: &str = "concordat.dev/approved-by";
/// The namespaces of which whoever wrote [`APPROVE`] may act as a service account, `*` for all: stamped likewise.
pub const ACTS_FOR: &str = "concordat.dev/approver-acts-for";
/// Asks for a look at the store now; any new value does.
pub const REQUESTED_AT: &str = "reconcile.concordat.dev/requestedAt";
/// The commit that an object was applied from, in the order in which they are looked for.
pub const COMMITS: [&str; 2] = ["concordat.dev/commit", "kustomize.toolkit.fluxcd.io/revision"];

/// What is kept of annotations.
const OURS: &str = "concordat.dev/";

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Indexed<S> {
    /// What it says.
    pub object: Object<S>,
    /// Raised by the server with every change of the spec.
    pub generation: i64,
    /// The version of this very state.
    pub version: String,
    /// All finalizers, not only ours.
    pub finalizers: Vec<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// Who wrote the spec last, as a program calls itself.
    pub manager: Option<String>,
    /// What the operator reported before.
    pub status: Option<StatusText>,
}

impl<S> Indexed<S> {
    /// Whether our finalizer stands on it.
    pub fn is_held(&self) -> bool {
        self.finalizers.iter().any(|finalizer| finalizer == FINALIZER)
    }

    /// Whether it is in the cluster, and not only asked about.
    pub fn is_stored(&self) -> bool {
        !self.version.is_empty()
    }

    /// Whether it is on its way out.
    pub fn is_leaving(&self) -> bool {
        self.object.presence == Presence::Deleting
    }

    /// An annotation, where it says something.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        let value = self.object.annotations.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

impl<S: PartialEq> Indexed<S> {
    /// Whether the two differ in anything but what the operator itself reports.
    pub fn differs_from(&self, other: &Self) -> bool {
        self.generation != other.generation
            || self.object != other.object
            || self.finalizers != other.finalizers
    }
}

/// A kind that is watched.
pub trait Watched:
    Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + Sync + 'static
{
    /// What it says.
    type Spec: Clone + PartialEq + Debug + Send + Sync;
    /// What the operator reports of it.
    type Status: Serialize + DeserializeOwned + Debug;
    /// Which it is.
    const KIND: Kind;
    /// Its parts.
    fn parts(self) -> (ObjectMeta, Self::Spec, Option<Self::Status>);
}

macro_rules! watched {
    ($kind:ident, $spec:ident, $status:ident) => {
        impl Watched for $kind {
            type Spec = $spec;
            type Status = $status;
            const KIND: Kind = Kind::$kind;
            fn parts(self) -> (ObjectMeta, $spec, Option<$status>) {
                (self.metadata, self.spec, self.status)
            }
        }
    };
}

watched!(PartnerOffer, PartnerOfferSpec, PartnerOfferStatus);
watched!(PartnerRelationship, PartnerRelationshipSpec, PartnerRelationshipStatus);
watched!(RoleGrant, RoleGrantSpec, RoleGrantStatus);
watched!(AgreementAcceptance, AgreementAcceptanceSpec, AgreementAcceptanceStatus);
watched!(PartnerBoundary, PartnerBoundarySpec, PartnerBoundaryStatus);

/// The name of any object.
pub fn name_of(object: &impl ResourceExt) -> ObjectName {
    ObjectName {
        namespace: object.namespace().unwrap_or_default().into(),
        name: object.name_any().into(),
    }
}

/// An object of the cluster, as it is kept.
pub fn seen<K: Watched>(object: K) -> Arc<Indexed<K::Spec>> {
    let name = name_of(&object);
    let (meta, spec, status) = object.parts();
    let manager = meta.managed_fields.as_deref().and_then(manager);
    let leaves = meta.deletion_timestamp.is_some();
    let kept =
        |annotation: &String| annotation.contains(OURS) || COMMITS.contains(&annotation.as_str());
    let annotations: BTreeMap<_, _> = meta.annotations.unwrap_or_default();
    Arc::new(Indexed {
        object: Object {
            name,
            uid: Uid(meta.uid.unwrap_or_default().into()),
            labels: texts(meta.labels.unwrap_or_default()),
            annotations: texts(annotations.into_iter().filter(|(name, _)| kept(name))),
            presence: if leaves { Presence::Deleting } else { Presence::Present },
            source: None,
            spec,
        },
        generation: meta.generation.unwrap_or_default(),
        version: meta.resource_version.unwrap_or_default(),
        finalizers: meta.finalizers.unwrap_or_default(),
        created: meta.creation_timestamp.map(|time| time.0),
        manager,
        status: status.as_ref().map(StatusText::of),
    })
}

/// Who last wrote the spec.
fn manager(entries: &[ManagedFieldsEntry]) -> Option<String> {
    let writers = entries.iter().filter(|entry| wrote_spec(entry));
    let last = writers.max_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    last.and_then(|entry| entry.manager.clone())
}

/// Whether it is an entry of somebody who wrote the spec; our own finalizers and statuses are not.
fn wrote_spec(entry: &ManagedFieldsEntry) -> bool {
    let fields = entry.fields_v1.as_ref();
    fields.is_none_or(|fields| fields.0.get("f:spec").is_some())
}

/// Takes off managed fields what [`seen`] has no use for, which is most of an object.
pub(super) fn strip(meta: &mut ObjectMeta) {
    if let Some(entries) = &mut meta.managed_fields {
        entries.retain(wrote_spec);
        for entry in entries {
            entry.fields_v1 = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operator::index::Guarded;

    #[test]
    fn whoever_wrote_the_spec_last_is_known_and_not_who_added_a_finalizer_or_a_status_after() {
        let entry = |manager: &str, minute: u8, fields| {
            json!({
                "manager": manager, "operation": "Update", "apiVersion": "concordat.dev/v1alpha1",
                "time": format!("2026-11-21T10:{minute:02}:00Z"),
                "fieldsType": "FieldsV1", "fieldsV1": fields,
            })
        };
        let object: Guarded<PartnerBoundary> = serde_json::from_value(json!({
            "apiVersion": "concordat.dev/v1alpha1",
            "kind": "PartnerBoundary",
            "metadata": { "name": "all", "managedFields": [
                entry("helm", 1, json!({ "f:spec": { "f:namespaces": {} } })),
                entry("kubectl", 2, json!({ "f:spec": { "f:customers": {} } })),
                entry("concordat", 3, json!({ "f:metadata": { "f:finalizers": {} } })),
                entry("concordat", 4, json!({ "f:status": { "f:conditions": {} } })),
            ] },
            "spec": {
                "namespaces": ["msp"],
                "partner": { "tenantId": "aaaabbbb-0000-cccc-1111-dddd2222eeee", "certifiedFor": [] },
                "customers": { "any": true },
                "grantees": { "any": true },
                "roles": { "any": true },
            },
        }))
        .unwrap();
        let Guarded::Read(object) = object else { panic!("{object:?}") };
        assert_eq!(seen(*object).manager.as_deref(), Some("kubectl"));
    }
}
