//! An object as it was last seen in the cluster, as the domain takes it.
//!
//! Never: managed fields, or annotations that nobody here reads.

use std::{collections::BTreeMap, fmt::Debug, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

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
        validate::{Object, Presence},
    },
};

/// The finalizer of objects whose deletion has an effect.
pub const FINALIZER: &str = "concordat.dev/revoke";
/// Who created an object, as the API server knows: stamped by the chart's admission policy.
pub const REQUESTED_BY: &str = "concordat.dev/requested-by";
/// Who changed its spec last, as the API server knows: stamped by the chart's admission policy.
pub const CHANGED_BY: &str = "concordat.dev/changed-by";
/// Who deleted an object, as the API server knows: stamped by the webhook, which is the only one that is asked.
pub const DELETED_BY: &str = "concordat.dev/deleted-by";
/// The hash of a batch that somebody approves.
pub const APPROVE: &str = "concordat.dev/approve";
/// Who wrote [`APPROVE`]: stamped by the chart's admission policy.
pub const APPROVED_BY: &str = "concordat.dev/approved-by";
/// Asks for a look at the store now; any new value does.
pub const REQUESTED_AT: &str = "reconcile.concordat.dev/requestedAt";
/// The commit that an object was applied from, in the order in which they are looked for.
pub const COMMITS: [&str; 2] = ["concordat.dev/commit", "kustomize.toolkit.fluxcd.io/revision"];

/// What is kept of annotations.
const OURS: &str = "concordat.dev/";

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<S, T> {
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
    pub status: Option<T>,
}

impl<S, T> Seen<S, T> {
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

impl<S: PartialEq, T> Seen<S, T> {
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
    type Status: Clone + PartialEq + Debug + Send + Sync;
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
    ObjectName { namespace: object.namespace().unwrap_or_default(), name: object.name_any() }
}

/// An object of the cluster, as it is kept.
pub fn seen<K: Watched>(object: K) -> Arc<Seen<K::Spec, K::Status>> {
    let name = name_of(&object);
    let (meta, spec, status) = object.parts();
    let manager = meta.managed_fields.as_deref().and_then(manager);
    let leaves = meta.deletion_timestamp.is_some();
    let kept =
        |annotation: &String| annotation.contains(OURS) || COMMITS.contains(&annotation.as_str());
    let annotations: BTreeMap<_, _> = meta.annotations.unwrap_or_default();
    Arc::new(Seen {
        object: Object {
            name,
            uid: Uid(meta.uid.unwrap_or_default()),
            labels: meta.labels.unwrap_or_default(),
            annotations: annotations.into_iter().filter(|(name, _)| kept(name)).collect(),
            presence: if leaves { Presence::Deleting } else { Presence::Present },
            source: None,
            spec,
        },
        generation: meta.generation.unwrap_or_default(),
        version: meta.resource_version.unwrap_or_default(),
        finalizers: meta.finalizers.unwrap_or_default(),
        created: meta.creation_timestamp.map(|time| time.0),
        manager,
        status,
    })
}

/// Who last wrote what is not a status.
fn manager(entries: &[ManagedFieldsEntry]) -> Option<String> {
    let mut entries: Vec<_> = entries
        .iter()
        .filter(|entry| entry.subresource.as_deref().unwrap_or("").is_empty())
        .collect();
    entries.sort_by_key(|entry| entry.time.as_ref().map(|time| time.0));
    entries.last().and_then(|entry| entry.manager.clone())
}
