//! What the input wants: relationships with their grants, the answers of customers, and the limits of namespaces.
//!
//! Never: anything read from a store.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    AcceptedText, Asked, Bounds, Grantee, Grants, Invitation, NamespaceBoundary, ObjectName,
    Policies, RelationshipKey, Tenant, Uid, Window, grants, seen::ServiceId,
};
use crate::{
    api::{AcceptanceDecision, AcceptorRole, GrantDeletionPolicy, RenewalMode},
    domain::{
        digest::Digest,
        duration::Duration,
        ids::{Kind, ObjectKey, RoleId, TenantId},
        limits::{DEFAULT_SCOPE, Limits},
    },
};

/// Everything the input wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// By the key of the first row of each.
    pub relationships: BTreeMap<RelationshipKey, DesiredRelationship>,
    /// Every grant object of the input, whatever it selects: what is here is not absent.
    pub grant_objects: BTreeMap<ObjectName, GrantObject>,
    /// Relationships and grants that were seen with a deletion timestamp, with their UIDs: what was recorded for that
    /// very object goes, also where nothing else of the object could be understood (L5).
    pub leaving: BTreeMap<ObjectKey, Uid>,
    /// Acceptances of an agreement alone.
    pub acceptances: Vec<Acceptance>,
    /// Owners whose rows are claimed and whose objects are gone, sound or not. What is only not seen is not gone.
    pub gone: BTreeSet<ObjectName>,
    /// The namespaces that the input speaks for.
    pub namespaces: BTreeSet<EcoString>,
    /// What happens to the rest of those namespaces.
    pub absence: Absence,
    /// What namespaces may do, by the name of the boundary; the default limits hold where none admits a namespace.
    pub boundaries: BTreeMap<String, Boundary>,
    /// Where those boundaries stand.
    pub boundary_source: BoundarySource,
}

impl Desired {
    /// The name of the boundary whose budget a namespace uses.
    pub fn scope_of(&self, namespace: &str) -> &str {
        self.declared(namespace).map_or(DEFAULT_SCOPE, |(name, _)| name)
    }

    /// The boundary that names a namespace.
    pub fn boundary_of(&self, namespace: &str) -> Option<NamespaceBoundary> {
        let (name, boundary) = self.declared(namespace)?;
        Some(NamespaceBoundary {
            name: name.clone(),
            bounds: boundary.bounds.clone(),
            trusted: self.boundary_source == BoundarySource::Trusted,
        })
    }

    fn declared(&self, namespace: &str) -> Option<(&String, &Boundary)> {
        self.boundaries.iter().find(|(_, boundary)| boundary.namespaces.contains(namespace))
    }

    /// Whether the object of this kind and name that is on its way out is the very one with this UID.
    pub fn is_leaving(&self, kind: Kind, object: &ObjectName, uid: &Uid) -> bool {
        let (namespace, name) = (object.namespace.clone(), object.name.clone());
        self.leaving.get(&ObjectKey { kind, namespace, name }) == Some(uid)
    }

    /// Lets `standing` say anew what may be done with each grant.
    pub fn stand_grants(&mut self, standing: impl Fn(&ObjectName, Standing) -> Standing) {
        for (name, said) in &mut self.grant_objects {
            said.standing = standing(name, said.standing);
        }
        let all = self.relationships.values_mut().map(|declared| &mut declared.grants);
        grants::stand(all, standing);
    }

    /// The limits of every scope that the input can draw on.
    pub fn limits(&self) -> BTreeMap<String, Limits> {
        let named = self.boundaries.keys().map(String::as_str);
        let all = named.chain([DEFAULT_SCOPE]);
        all.map(|scope| (scope.to_owned(), self.limits_of(scope))).collect()
    }

    /// The limits of a scope.
    pub fn limits_of(&self, scope: &str) -> Limits {
        let declared = self.boundaries.get(scope);
        declared.map(|boundary| boundary.bounds.limits.clone()).unwrap_or_default()
    }
}

/// What a grant object says wherever something was recorded for it, whatever it selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantObject {
    /// What may be done with what it gave.
    pub standing: Standing,
    /// When it ends; absent where it has no end, or its end could not be understood.
    pub not_after: Option<Timestamp>,
    /// What happens to what it gave when it is deleted; absent where that could not be understood.
    pub deletion: Option<GrantDeletionPolicy>,
}

/// What happens to what is in the store and not in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Nothing: absence never takes away.
    Keep,
    /// It is treated as deleted, within the owner's namespaces.
    Prune,
}

/// What some namespaces may do.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// The namespaces.
    pub namespaces: BTreeSet<EcoString>,
    /// What they may do at all, and how much at once.
    pub bounds: Bounds,
}

/// Where boundaries stand, and so whether whoever asks for a change could have written them for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BoundarySource {
    /// Among the manifests that they bound: what the store remembers holds back what they would let through.
    Input,
    /// In a place that was named for them: they govern as they stand, and the store remembers them.
    Trusted,
    /// In the cluster, where only its administrators write them and the API server remembers them: they govern as they
    /// stand.
    Cluster,
}

/// A relationship as the input wants it, with all its grants: the unit of planning.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredRelationship {
    /// The object that declares it.
    pub object: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// What may be done with it.
    pub standing: Standing,
    /// What is proposed, under its first name in the store.
    pub invitation: Invitation,
    /// How the ceiling was asked for.
    pub asked: Asked,
    /// The names of both tenants, for people.
    pub partner: Tenant,
    /// The customer.
    pub customer: Tenant,
    /// How and when it is renewed.
    pub renewal: Renewal,
    /// What is recorded with it.
    pub policies: Policies,
    /// The owner whose row it may claim, as `instance/namespace/name` (annotation `concordat.dev/adopt-from`).
    pub adopt_from: Option<String>,
    /// Its grants.
    pub grants: Grants,
    /// Acceptances and declines that name it.
    pub answers: Vec<Acceptance>,
    /// Agreements accepted for this customer and partner in its namespace.
    pub agreements: Vec<Acceptance>,
}

impl DesiredRelationship {
    /// The relationship at the service that it adopts, where it names one: the annotation says `graph/ID` then.
    pub fn adopts(&self) -> Option<ServiceId> {
        let id = self.adopt_from.as_deref()?.strip_prefix(AT_MICROSOFT)?;
        ServiceId::is_plain(id).then(|| ServiceId::new(id))
    }
}

/// What stands in the annotation `concordat.dev/adopt-from` before the id of a relationship at Microsoft, in place of an
/// owner.
pub const AT_MICROSOFT: &str = "graph/";

/// A grant as the input wants it, for one relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct DesiredGrant {
    /// The UID of its object.
    pub uid: Uid,
    /// What may be done with it.
    pub standing: Standing,
    /// Who.
    pub grantee: Grantee,
    /// Which roles.
    pub roles: BTreeSet<RoleId>,
    /// How they were asked for.
    pub asked: Asked,
    /// When.
    pub window: Window,
    /// What happens when the object goes.
    pub deletion: GrantDeletionPolicy,
    /// Why, in the words of whoever asks.
    pub justification: Option<String>,
}

/// What the planner may do with an object of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Standing {
    /// As it says.
    Live,
    /// `suspend: true`: what is recorded stays, and still expires.
    Suspended,
    /// It has problems: what is recorded stays, and still expires.
    Invalid,
    /// It was seen with a deletion timestamp.
    Deleted,
}

/// When a successor is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// By itself or by a person.
    pub mode: RenewalMode,
    /// How long before the end.
    pub before: Duration,
}

/// The recorded fact that a named person accepted or declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The object that says so.
    pub object: ObjectName,
    /// SHA-256 of what it says, whatever its name: it counts once.
    pub content: Digest,
    /// Accepted or declined.
    pub decision: AcceptanceDecision,
    /// The customer's tenant.
    pub customer: TenantId,
    /// The partner's tenant.
    pub partner: TenantId,
    /// The agreement that was accepted, where the offer names one.
    pub agreement: Option<AcceptedText>,
    /// Who.
    pub accepted_by: Person,
    /// When.
    pub accepted_at: Timestamp,
    /// The digest of the invitation that it answers; absent where only the agreement is accepted.
    pub invitation: Option<Digest>,
}

/// A person, as an acceptance declares one. Kept beside the ledger so that it can be erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Given name.
    pub first_name: String,
    /// Family name.
    pub last_name: String,
    /// Mail address.
    pub email: String,
    /// Telephone number.
    pub phone_number: Option<String>,
    /// The role declared, not proven.
    pub role: AcceptorRole,
}
