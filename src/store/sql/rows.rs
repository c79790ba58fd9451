//! Rows as the tables hold them: one form for reading and writing, in both dialects.
//!
//! Never: a meaning; what a row may become is decided in [`super::admit`].

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    api::{AcceptanceDecision, AgreementType, Cloud, PartnerType},
    domain::{
        digest::{Digest, canonical},
        duration::Duration,
        entry::{Actor, Chained, Columns, Entry, EntryKind, Intent, Made},
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::{EndReason, Ended, Lifecycle, Phase},
        state::{
            AcceptedText, Asked, AtService, Contributions, Document, Grantee, GranteeKind, Host,
            Instance, Invitation, ObjectName, ObservedAcceptance, ObservedAssignment,
            ObservedRelationship, Owner, Policies, RelationshipKey, Roles, Uid, seen::ServiceId,
        },
    },
};

/// Whole milliseconds since 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Millis(pub i64);

impl From<Timestamp> for Millis {
    fn from(instant: Timestamp) -> Self {
        Self(instant.as_millisecond())
    }
}

impl From<Millis> for Timestamp {
    /// The last instant there is stands for "no end", and comes back as itself.
    fn from(Millis(since): Millis) -> Self {
        if since >= Self::MAX.as_millisecond() {
            return Self::MAX;
        }
        Self::from_millisecond(since).unwrap_or(Self::MIN)
    }
}

/// A value that stands in its column as the text of its JSON.
pub(super) mod text {
    use serde::{Deserialize, Deserializer, Serializer, de::DeserializeOwned, de::Error as _};

    use crate::domain::digest::canonical;

    pub fn serialize<T: serde::Serialize, S: Serializer>(
        value: &T,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&canonical(value))
    }

    pub fn deserialize<'a, T: DeserializeOwned, D: Deserializer<'a>>(
        deserializer: D,
    ) -> Result<T, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        serde_json::from_str(&text).map_err(D::Error::custom)
    }
}

/// A value that stands in its column as the text of its JSON, with that very text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text<T> {
    pub value: T,
    pub text: String,
}

impl<T: Serialize> From<T> for Text<T> {
    fn from(value: T) -> Self {
        Self { text: canonical(&value), value }
    }
}

impl<T> Serialize for Text<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'a, T: serde::de::DeserializeOwned> Deserialize<'a> for Text<T> {
    fn deserialize<D: serde::Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value = serde_json::from_str(&text).map_err(serde::de::Error::custom)?;
        Ok(Self { value, text })
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RelationshipRow {
    pub id: i64,
    pub cloud: Cloud,
    pub partner: TenantId,
    pub name: String,
    pub first_name: String,
    pub number: u32,
    pub owner_instance: String,
    pub owner_namespace: String,
    pub owner_name: String,
    pub owner_uid: String,
    pub scope: String,
    pub revision: i64,
    pub last_change: Digest,
    pub customer: TenantId,
    pub customer_name: Option<String>,
    pub partner_name: Option<String>,
    #[serde(rename = "type")]
    pub type_: PartnerType,
    pub lifecycle: Lifecycle,
    #[serde(with = "text")]
    pub invitation: Invitation,
    pub digest: Digest,
    #[serde(with = "text")]
    pub asked: Asked,
    pub invited_at_ms: Millis,
    pub activated_at_ms: Option<Millis>,
    pub ends_at_ms: Option<Millis>,
    pub auto_extend: Duration,
    #[serde(with = "text")]
    pub ceiling: BTreeSet<RoleId>,
    pub ended_at_ms: Option<Millis>,
    pub end_reason: Option<EndReason>,
    #[serde(with = "text")]
    pub policies: Policies,
    /// When the run began that made it active; absent where a program before schema 3 did.
    pub came_at_ms: Option<Millis>,
    /// The relationship at the service that it is for, and at whose hosts; absent where the store is all there is.
    pub service_id: Option<ServiceId>,
    pub service_host: Option<Host>,
}

impl RelationshipRow {
    pub fn key(&self) -> RelationshipKey {
        RelationshipKey {
            cloud: self.cloud,
            partner: self.partner,
            name: self.name.as_str().into(),
        }
    }

    pub fn first(&self) -> RelationshipKey {
        RelationshipKey { name: self.first_name.as_str().into(), ..self.key() }
    }

    pub fn is_of(&self, first: &RelationshipKey) -> bool {
        (self.cloud, self.partner) == (first.cloud, first.partner) && self.first_name == first.name
    }

    /// Whether nobody has recorded its end: the service tells that of what stands there by its stage.
    pub fn is_living(&self) -> bool {
        let is_over = self.service_id.is_some() && self.lifecycle.phase() == Phase::Ended;
        self.ended_at_ms.is_none() && !is_over
    }

    pub fn owner(&self) -> Owner {
        Owner {
            instance: Instance(self.owner_instance.as_str().into()),
            object: ObjectName {
                namespace: self.owner_namespace.as_str().into(),
                name: self.owner_name.as_str().into(),
            },
        }
    }

    /// The row of a new invitation, or of what is adopted.
    pub fn of(
        state: ObservedRelationship,
        id: i64,
        first: &RelationshipKey,
        scope: &str,
        change: Digest,
    ) -> Self {
        let Owner { instance, object } = state.owner;
        Self {
            id,
            cloud: state.invitation.cloud,
            partner: state.invitation.partner,
            name: state.invitation.name.clone(),
            first_name: first.name.to_string(),
            number: state.number,
            owner_instance: instance.0.to_string(),
            owner_namespace: object.namespace.to_string(),
            owner_name: object.name.to_string(),
            owner_uid: state.uid.0.to_string(),
            scope: scope.to_owned(),
            revision: state.revision,
            last_change: change,
            customer: state.invitation.customer,
            customer_name: state.customer_name,
            partner_name: state.partner_name,
            type_: state.invitation.type_,
            lifecycle: state.lifecycle,
            digest: state.digest,
            asked: state.asked,
            invited_at_ms: state.invited_at.into(),
            activated_at_ms: state.activated_at.map(Into::into),
            ends_at_ms: state.ends_at.map(Into::into),
            auto_extend: state.auto_extend,
            ceiling: state.ceiling,
            ended_at_ms: None,
            end_reason: None,
            policies: state.policies,
            invitation: state.invitation,
            came_at_ms: None,
            service_host: state.at.as_ref().map(|at| at.host),
            service_id: state.at.map(|at| at.id),
        }
    }

    /// The row with what an effect has made of it.
    pub fn take(&mut self, state: ObservedRelationship) {
        self.owner_instance = state.owner.instance.to_string();
        self.owner_namespace = state.owner.object.namespace.to_string();
        self.owner_name = state.owner.object.name.to_string();
        self.owner_uid = state.uid.0.to_string();
        self.revision = state.revision;
        self.customer_name = state.customer_name;
        self.partner_name = state.partner_name;
        self.lifecycle = state.lifecycle;
        self.activated_at_ms = state.activated_at.map(Into::into);
        self.ends_at_ms = state.ends_at.map(Into::into);
        self.auto_extend = state.auto_extend;
        self.ceiling = state.ceiling;
        if let Some(Ended { at, reason }) = state.ended {
            self.ended_at_ms = Some(at.into());
            self.end_reason = Some(reason);
        }
        self.policies = state.policies;
    }

    pub fn observed(
        self,
        assignments: BTreeMap<GranteeId, ObservedAssignment>,
    ) -> ObservedRelationship {
        let ended = self.ended_at_ms.zip(self.end_reason);
        ObservedRelationship {
            key: self.key(),
            number: self.number,
            owner: self.owner(),
            uid: Uid(self.owner_uid.into()),
            revision: self.revision,
            customer_name: self.customer_name,
            partner_name: self.partner_name,
            lifecycle: self.lifecycle,
            invitation: self.invitation,
            digest: self.digest,
            asked: self.asked,
            invited_at: self.invited_at_ms.into(),
            activated_at: self.activated_at_ms.map(Into::into),
            ends_at: self.ends_at_ms.map(Into::into),
            auto_extend: self.auto_extend,
            ceiling: self.ceiling,
            ended: ended.map(|(at, reason)| Ended { at: at.into(), reason }),
            policies: self.policies,
            at: self.service_id.zip(self.service_host).map(|(id, host)| AtService { id, host }),
            moved: None,
            assignments,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AssignmentRow {
    pub relationship_id: i64,
    pub grantee_id: GranteeId,
    pub grantee_kind: GranteeKind,
    pub grantee_name: Option<String>,
    pub version: i64,
    pub last_change: Option<Digest>,
    pub recorded: Text<Roles>,
    pub contributions: Text<Contributions>,
    /// When the run began with which it last came to hold something; absent where that was before schema 3.
    pub came_at_ms: Option<Millis>,
}

impl AssignmentRow {
    /// Whether it says nothing but that somebody else gave access to a grantee (L12).
    pub fn is_of_others(&self) -> bool {
        let Self { last_change, recorded, contributions, .. } = self;
        last_change.is_none() && recorded.value.is_empty() && contributions.value.is_empty()
    }

    pub fn grantee(&self) -> Grantee {
        Grantee { id: self.grantee_id, kind: self.grantee_kind, name: self.grantee_name.clone() }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct RoleRow {
    pub relationship_id: i64,
    pub grantee_id: GranteeId,
    pub role_id: RoleId,
    pub until_ms: Millis,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct AcceptanceRow {
    pub content: Digest,
    pub namespace: String,
    pub object: String,
    pub decision: AcceptanceDecision,
    pub customer: TenantId,
    pub partner: TenantId,
    pub agreement_type: Option<AgreementType>,
    pub template_id: Option<String>,
    pub country: Option<String>,
    pub language: Option<String>,
    pub document_sha256: Option<Digest>,
    pub accepted_at_ms: Millis,
    pub recorded_at_ms: Millis,
    pub person: Digest,
    pub used_for: Option<i64>,
}

impl AcceptanceRow {
    pub fn observed(self, used_for: Option<RelationshipKey>) -> ObservedAcceptance {
        let document = self.country.zip(self.language).zip(self.document_sha256);
        let agreement = self.agreement_type.zip(self.template_id).zip(document).map(
            |((type_, template_id), ((country, language), sha256))| AcceptedText {
                type_,
                template_id,
                document: Document { country, language, sha256 },
            },
        );
        ObservedAcceptance {
            namespace: self.namespace,
            customer: self.customer,
            partner: self.partner,
            decision: self.decision,
            agreement,
            accepted_at: self.accepted_at_ms.into(),
            used_for,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct EntryRow {
    pub sequence: i64,
    pub time_ms: Millis,
    pub kind: EntryKind,
    pub subject: String,
    #[serde(with = "text")]
    pub actor: Actor,
    #[serde(with = "text")]
    pub intent: Intent,
    #[serde(with = "text")]
    pub payload: serde_json::Value,
    pub previous: Digest,
    pub hash: Digest,
}

/// The same with what stands beside its payload.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct EntryBeside {
    #[serde(flatten)]
    pub entry: EntryRow,
    #[serde(flatten)]
    pub beside: Columns,
}

/// The same as it is written: the texts are there already.
#[derive(Debug, Serialize)]
pub(super) struct NewEntryRow {
    sequence: i64,
    time_ms: Millis,
    kind: EntryKind,
    subject: String,
    actor: String,
    intent: String,
    payload: String,
    previous: Digest,
    hash: Digest,
    #[serde(flatten)]
    beside: Columns,
}

impl NewEntryRow {
    /// An entry with what is looked for in it.
    pub fn new(entry: Chained, made: Option<&Made>) -> Self {
        let Chained { sequence, time, kind, subject, actor, intent, payload, previous, hash } =
            entry;
        let time_ms = time.into();
        let beside = made.map(Columns::from).unwrap_or_default();
        Self { sequence, time_ms, kind, subject, actor, intent, payload, previous, hash, beside }
    }
}

impl From<EntryRow> for Entry {
    fn from(row: EntryRow) -> Self {
        Self {
            sequence: row.sequence,
            time: row.time_ms.into(),
            kind: row.kind,
            subject: row.subject,
            actor: row.actor,
            intent: row.intent,
            payload: row.payload,
            previous: row.previous,
            hash: row.hash,
        }
    }
}

/// A person as the side table holds one; erased if there is no salt and no content.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct PersonRow {
    pub hash: Digest,
    pub salt: Option<String>,
    pub content: Option<String>,
    pub erased_at_ms: Option<Millis>,
}
