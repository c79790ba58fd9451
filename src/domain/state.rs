//! What is asked for and what is there: [`Desired`] and [`Observed`], in the same words, so that they can be compared.
//!
//! Never: a field that nobody compares, prints or records.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    duration::{Days, Duration},
    ids::{GranteeId, InvalidId, RoleId, TenantId},
    lifecycle::{Ended, Lifecycle},
    limits::{DEFAULT_SCOPE, Limits},
};
use crate::api::{
    AcceptorRole, Cloud, Gates, GrantDeletionPolicy, ManagementPolicy, PartnerType,
    RelationshipDeletionPolicy, RenewalMode, UnmanagedAssignments,
};

/// For each role, until when. The end is exclusive.
pub type Roles = BTreeMap<RoleId, Timestamp>;

/// Who writes: an operator, by the UID of its cluster's `kube-system` namespace, or `cli`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instance(pub String);

impl Instance {
    /// The command line, an instance of its own.
    pub fn cli() -> Self {
        Self("cli".to_owned())
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The owner of a row: `instance/namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Owner {
    /// Who writes.
    pub instance: Instance,
    /// The object that declares the row.
    pub object: ObjectName,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.instance, self.object)
    }
}

/// The namespace and name of an object whose kind is known from where this stands. As text, and so also as a key in
/// JSON, it is `namespace/name`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObjectName {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl TryFrom<String> for ObjectName {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        match text.split_once('/') {
            Some((namespace, name)) if !name.is_empty() && !name.contains('/') => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            Some(_) | None => {
                Err(InvalidId { text, expected: "an object such as `namespace/name`" })
            }
        }
    }
}

impl From<ObjectName> for String {
    fn from(object: ObjectName) -> Self {
        object.to_string()
    }
}

/// The UID of an object in a cluster. Files have none: theirs is `-`, and the name alone tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uid(pub String);

impl Uid {
    /// The UID of an object that comes from a file.
    pub fn of_file() -> Self {
        Self("-".to_owned())
    }
}

/// The key of a relationship: unique in the store for a partner (DESIGN §7).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RelationshipKey {
    /// The cloud; nothing crosses clouds.
    pub cloud: Cloud,
    /// The partner.
    pub partner: TenantId,
    /// `displayName`, or `displayName-N` for a replacement.
    pub name: String,
}

impl fmt::Display for RelationshipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

/// A tenant and what people call it. The name is free text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, where one was given.
    pub name: Option<String>,
}

/// What sort of principal a grantee is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum GranteeKind {
    /// A security group of the partner's tenant.
    SecurityGroup,
    /// A user of the customer's tenant; with type `Partner` only.
    CustomerUser,
}

/// Who holds roles.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grantee {
    /// Its object id.
    pub id: GranteeId,
    /// What it is.
    pub kind: GranteeKind,
    /// Its name, where one was given. Free text: never shown without the id.
    pub name: Option<String>,
}

/// `[from, to)`. An absent end is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Window {
    /// The first instant of it.
    pub not_before: Option<Timestamp>,
    /// The first instant after it.
    pub not_after: Option<Timestamp>,
}

impl Window {
    /// Whether `instant` lies in it.
    pub fn contains(&self, instant: Timestamp) -> bool {
        self.not_before.is_none_or(|start| start <= instant)
            && self.not_after.is_none_or(|end| instant < end)
    }
}

/// An agreement as an offer names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Agreement {
    /// Its type, such as `MicrosoftCustomerAgreement`.
    #[serde(rename = "type")]
    pub type_: crate::api::AgreementType,
    /// Its template.
    pub template_id: String,
    /// Its text for each country and language.
    pub documents: BTreeSet<Document>,
    /// What waits for its acceptance.
    pub gates: Gates,
}

/// One text of an agreement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Document {
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// BCP 47.
    pub language: String,
    /// SHA-256 of the text.
    pub sha256: Digest,
}

/// The one text of an agreement that was read and accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AcceptedText {
    /// The type of the agreement.
    #[serde(rename = "type")]
    pub type_: crate::api::AgreementType,
    /// Its template.
    pub template_id: String,
    /// The text.
    pub document: Document,
}

impl Agreement {
    /// Whether accepting this text is accepting this agreement.
    pub fn is_accepted_by(&self, text: &AcceptedText) -> bool {
        self.type_ == text.type_
            && self.template_id == text.template_id
            && self.documents.contains(&text.document)
    }
}

/// The partner's own terms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Terms {
    /// Where they can be read.
    pub url: String,
    /// SHA-256 of the text.
    pub sha256: Digest,
}

/// The request as it is sent: what an acceptance accepts. No time and no store id, so that its digest can be
/// computed from files alone (DESIGN §1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The tenant that is let in.
    pub partner: TenantId,
    /// The tenant that lets in.
    pub customer: TenantId,
    /// What sort of partner.
    #[serde(rename = "type")]
    pub type_: PartnerType,
    /// Where both tenants live.
    pub cloud: Cloud,
    /// The name in the store.
    pub name: String,
    /// The ceiling of every grant.
    pub roles: BTreeSet<RoleId>,
    /// How long, from the acceptance; absent for a type that manages nothing.
    pub duration: Option<Days>,
    /// By how much it is extended on its last day; zero is never.
    pub auto_extend: Duration,
    /// The agreement to read.
    pub agreement: Option<Agreement>,
    /// The partner's own terms.
    pub terms: Option<Terms>,
}

impl Invitation {
    /// What an acceptance must name to accept this very invitation.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// The same whatever its name in the store: what tells a changed spec from an unchanged one.
    pub fn digest_without_name(&self) -> Digest {
        Digest::of(&Self { name: String::new(), ..self.clone() })
    }
}

/// Roles as they were asked for, and what the catalogue made of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// The request in its own words, sorted: role names, tasks or an access level.
    pub words: BTreeSet<String>,
    /// The version of the catalogue that resolved them.
    pub catalogue: String,
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

/// What the store records of a relationship so that it can be ended without any object (L5).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Policies {
    /// What happens to it when its object goes.
    pub deletion: RelationshipDeletionPolicy,
    /// What happens to access that nobody declared.
    pub unmanaged: UnmanagedAssignments,
    /// Whether anything is changed at all.
    pub management: ManagementPolicy,
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
    pub grants: BTreeMap<ObjectName, DesiredGrant>,
    /// Acceptances and declines that name it.
    pub answers: Vec<Acceptance>,
    /// Agreements accepted for this customer and partner in its namespace.
    pub agreements: Vec<Acceptance>,
}

/// When a successor is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Renewal {
    /// By itself or by a person.
    pub mode: RenewalMode,
    /// How long before the end.
    pub before: Duration,
}

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
}

/// The recorded fact that a named person accepted or declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acceptance {
    /// The object that says so.
    pub object: ObjectName,
    /// SHA-256 of what it says, whatever its name: it counts once.
    pub content: Digest,
    /// Accepted or declined.
    pub decision: crate::api::AcceptanceDecision,
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

/// What happens to what is in the store and not in the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// Nothing: absence never takes away.
    Keep,
    /// It is treated as deleted, within the owner's namespaces.
    Prune,
}

/// Everything the input wants.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    /// By the key of the first row of each.
    pub relationships: BTreeMap<RelationshipKey, DesiredRelationship>,
    /// Every grant object of the input, whatever it selects: what is here is not absent.
    pub grant_objects: BTreeMap<ObjectName, Standing>,
    /// Acceptances of an agreement alone.
    pub acceptances: Vec<Acceptance>,
    /// The namespaces that the input speaks for.
    pub namespaces: BTreeSet<String>,
    /// What happens to the rest of those namespaces.
    pub absence: Absence,
    /// What namespaces may do, by the name of the boundary; the default limits hold where none admits a namespace.
    pub boundaries: BTreeMap<String, Boundary>,
}

/// What some namespaces may do at once.
#[derive(Debug, Clone, PartialEq)]
pub struct Boundary {
    /// The namespaces.
    pub namespaces: BTreeSet<String>,
    /// What needs a person.
    pub limits: Limits,
}

impl Desired {
    /// The name of the boundary whose budget a namespace uses.
    pub fn scope_of(&self, namespace: &str) -> &str {
        let admits = |boundary: &&Boundary| boundary.namespaces.contains(namespace);
        let boundary = self.boundaries.iter().find(|(_, boundary)| admits(boundary));
        boundary.map_or(DEFAULT_SCOPE, |(name, _)| name)
    }

    /// The limits of a scope.
    pub fn limits_of(&self, scope: &str) -> Limits {
        self.boundaries.get(scope).map(|boundary| boundary.limits.clone()).unwrap_or_default()
    }
}

/// What the store holds within a scope, read at one instant of its own clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// The store's clock.
    pub now: Timestamp,
    /// Every row of each relationship, by the key of the first; rows are sorted by number.
    pub relationships: BTreeMap<RelationshipKey, Vec<ObservedRelationship>>,
    /// Recorded acceptances of the customers in scope, by content.
    pub acceptances: BTreeMap<Digest, ObservedAcceptance>,
}

/// A recorded acceptance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedAcceptance {
    /// The namespace it was recorded for; it counts there.
    pub namespace: String,
    /// The customer's tenant.
    pub customer: TenantId,
    /// The partner's tenant.
    pub partner: TenantId,
    /// Accepted or declined.
    pub decision: crate::api::AcceptanceDecision,
    /// The agreement that was accepted, if one was.
    pub agreement: Option<AcceptedText>,
    /// When.
    pub accepted_at: Timestamp,
    /// The row that it authorised or declined, if any.
    pub used_for: Option<RelationshipKey>,
}

/// A row: one relationship under one name in the store.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedRelationship {
    /// Its key.
    pub key: RelationshipKey,
    /// 1 for the first under a name, then 2 and on.
    pub number: u32,
    /// Who owns it.
    pub owner: Owner,
    /// The UID of the object that declared it.
    pub uid: Uid,
    /// Raised by every change of lifecycle or ownership.
    pub revision: i64,
    /// The customer's name as it was given.
    pub customer_name: Option<String>,
    /// The partner's name as it was given.
    pub partner_name: Option<String>,
    /// Its stage.
    pub lifecycle: Lifecycle,
    /// What was proposed, as it was sent.
    pub invitation: Invitation,
    /// Its digest.
    pub digest: Digest,
    /// How the ceiling was asked for.
    pub asked: Asked,
    /// When it was sent.
    pub invited_at: Timestamp,
    /// When it became active.
    pub activated_at: Option<Timestamp>,
    /// When it ends or ended; absent where it has no end.
    pub ends_at: Option<Timestamp>,
    /// By how much it is extended on its last day.
    pub auto_extend: Duration,
    /// The ceiling that holds now: that of the invitation, less Global Administrator where that was dropped.
    pub ceiling: BTreeSet<RoleId>,
    /// Who ended it and why, where Concordat did or recorded it.
    pub ended: Option<Ended>,
    /// What is recorded with it.
    pub policies: Policies,
    /// What each grantee holds.
    pub assignments: BTreeMap<GranteeId, ObservedAssignment>,
}

/// What one grantee holds under one relationship.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedAssignment {
    /// Who.
    pub grantee: Grantee,
    /// Raised by every change of it.
    pub version: i64,
    /// What it holds and why.
    pub state: Assignment,
}

/// The content of an access assignment: what a change has before and after.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// What is held: the truth, whoever wrote it.
    pub roles: Roles,
    /// What Concordat last wrote. More in `roles` was added outside; less was removed outside.
    pub recorded: Roles,
    /// What each grant adds.
    pub contributions: BTreeMap<ObjectName, Contribution>,
}

/// What one grant adds to an assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    /// The UID of the grant's object.
    pub uid: Uid,
    /// Its roles.
    pub roles: BTreeSet<RoleId>,
    /// How they were asked for.
    pub asked: Asked,
    /// When.
    pub window: Window,
    /// What happens when the object goes.
    pub deletion: GrantDeletionPolicy,
}
