//! One entry of the ledger and how it is chained to the one before (docs/concepts.md, The ledger).
//!
//! Never: a person's name, mail or telephone number in what is hashed; only a salted hash of them.

mod recorded;
pub mod tables;

use std::{collections::BTreeSet, fmt};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use recorded::{
    Columns, Failed, Intended, Made, Recorded, acceptance, boundary_subject, kind, payload,
    payload_made, subject,
};

use super::{
    digest::{Digest, canonical},
    state::Person,
};

/// What an entry records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EntryKind {
    /// An invitation was sent.
    Invited,
    /// A row was made for what stands at the service already.
    Adopted,
    /// What the service had moved was taken over.
    Recognised,
    /// The customer accepted an invitation.
    Authorised,
    /// The customer declined an invitation.
    Declined,
    /// An invitation was cancelled.
    Withdrawn,
    /// What a grantee holds was changed.
    RolesSet,
    /// What a grantee held was over.
    RolesExpired,
    /// Automatic extension was changed.
    AutoExtendSet,
    /// Global Administrator was dropped from the ceiling.
    GlobalAdministratorDropped,
    /// A relationship was extended on its last day.
    Extended,
    /// Another object owns the row.
    Claimed,
    /// What is recorded for the time after the object was changed.
    PoliciesSet,
    /// A tenant is called otherwise.
    Renamed,
    /// A relationship was ended.
    Terminated,
    /// A relationship was over.
    Expired,
    /// An agreement was accepted.
    AgreementAccepted,
    /// Another boundary bounds a namespace.
    BoundarySet,
    /// A change was intended, and is about to be sent to the service.
    Intended,
    /// What was intended was not made at the service.
    Failed,
    /// A change was refused by the store.
    Refused,
    /// A batch of changes waits for a person.
    Blocked,
    /// Somebody else has asked for what waits.
    Asked,
    /// A person approved a batch.
    Approved,
    /// Something was changed outside.
    Difference,
    /// What is kept of persons was erased.
    Erased,
}

impl EntryKind {
    /// Whether the payload is a change that was made, as [`payload`] writes it.
    pub fn is_effect(self) -> bool {
        match self {
            Self::Invited
            | Self::Adopted
            | Self::Recognised
            | Self::Authorised
            | Self::Declined
            | Self::Withdrawn
            | Self::RolesSet
            | Self::RolesExpired
            | Self::AutoExtendSet
            | Self::GlobalAdministratorDropped
            | Self::Extended
            | Self::Claimed
            | Self::PoliciesSet
            | Self::Renamed
            | Self::Terminated
            | Self::Expired
            | Self::AgreementAccepted
            | Self::BoundarySet => true,
            Self::Intended
            | Self::Failed
            | Self::Refused
            | Self::Blocked
            | Self::Asked
            | Self::Approved
            | Self::Difference
            | Self::Erased => false,
        }
    }
}

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Actor {
    /// The name, as it is known or claimed.
    pub name: String,
    /// A person or a program.
    pub kind: ActorKind,
    /// Whether somebody checked that name.
    pub standing: ActorStanding,
}

/// A person or a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorKind {
    /// A person.
    Person,
    /// A program, such as a service account.
    Robot,
}

/// Whether a name was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActorStanding {
    /// By the API server.
    Authenticated,
    /// By nobody.
    Claimed,
}

/// On whose behalf and from what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// The UID of the object.
    pub uid: Option<String>,
    /// Its generation.
    pub generation: Option<i64>,
    /// The commit that it came from, where annotated.
    pub commit: Option<String>,
    /// The hash of the plan.
    pub plan: Option<Digest>,
    /// The field manager that wrote the object.
    pub field_manager: Option<String>,
    /// The version of the catalogue.
    pub catalogue: String,
    /// Everybody who had asked for it while it waited for an approval.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub askers: BTreeSet<String>,
}

/// What is to be recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// The store's clock.
    pub time: Timestamp,
    /// What it records.
    pub kind: EntryKind,
    /// What it is about: a relationship's name, an agreement's customer, a batch's hash.
    pub subject: String,
    /// Who did it.
    pub actor: Actor,
    /// On whose behalf.
    pub intent: Intent,
    /// What was done, as canonical JSON, without persons.
    pub payload: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// 1 for the first.
    pub sequence: i64,
    /// The store's clock, in whole milliseconds.
    pub time: Timestamp,
    /// What it records.
    pub kind: EntryKind,
    /// What it is about.
    pub subject: String,
    /// Who did it.
    pub actor: Actor,
    /// On whose behalf.
    pub intent: Intent,
    /// What was done.
    pub payload: Value,
    /// The hash of the entry before; 64 zeros for the first.
    pub previous: Digest,
    /// The hash of all of the above.
    pub hash: Digest,
}

/// The end of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The sequence of the last entry; 0 if there is none.
    pub sequence: i64,
    /// Its hash.
    pub hash: Digest,
}

impl Head {
    /// The head of an empty ledger.
    pub fn empty() -> Self {
        Self { sequence: 0, hash: Digest::ZERO }
    }
}

/// An entry as it is written: what is hashed as JSON, as the very text that is hashed.
#[derive(Debug, Clone, PartialEq)]
pub struct Chained {
    /// 1 for the first.
    pub sequence: i64,
    /// The store's clock, in whole milliseconds.
    pub time: Timestamp,
    /// What it records.
    pub kind: EntryKind,
    /// What it is about.
    pub subject: String,
    /// Who did it.
    pub actor: String,
    /// On whose behalf.
    pub intent: String,
    /// What was done.
    pub payload: String,
    /// The hash of the entry before.
    pub previous: Digest,
    /// The hash of all of the above.
    pub hash: Digest,
}

impl Chained {
    /// The entry that follows `head`.
    pub fn after(head: Head, draft: Draft) -> Self {
        let Draft { time, kind, subject, actor, intent, payload } = draft;
        let (sequence, previous) = (head.sequence + 1, head.hash);
        let (actor, intent) = (canonical(&actor), canonical(&intent));
        let hash = Digest::ZERO;
        let mut entry =
            Self { sequence, time, kind, subject, actor, intent, payload, previous, hash };
        entry.hash = entry.computed_hash();
        entry
    }

    /// What `hash` must be.
    pub fn computed_hash(&self) -> Digest {
        let Self { sequence, time, kind, subject, actor, intent, payload, previous, hash: _ } =
            self;
        let before = canonical(&(sequence, time, kind, subject));
        hash_of(&before, [actor, intent, payload], *previous)
    }

    /// The head of a ledger that ends with this entry.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }
}

/// The hash of a canonical list: the fields of `before`, these texts and the hash of the entry before.
fn hash_of(before: &str, [actor, intent, payload]: [&str; 3], previous: Digest) -> Digest {
    let (before, previous) = (before.strip_suffix(']'), canonical(&previous));
    let before = before.expect("a tuple is a list");
    Digest::of_bytes(format!("{before},{actor},{intent},{payload},{previous}]").as_bytes())
}

impl TryFrom<Chained> for Entry {
    type Error = serde_json::Error;

    /// Reads the texts.
    fn try_from(chained: Chained) -> Result<Self, serde_json::Error> {
        let Chained { sequence, time, kind, subject, actor, intent, payload, previous, hash } =
            chained;
        Ok(Self {
            sequence,
            time,
            kind,
            subject,
            actor: serde_json::from_str(&actor)?,
            intent: serde_json::from_str(&intent)?,
            payload: serde_json::from_str(&payload)?,
            previous,
            hash,
        })
    }
}

impl Entry {
    /// The entry that follows `head`.
    pub fn after(head: Head, draft: Draft) -> Self {
        let Draft { time, kind, subject, actor, intent, payload } = draft;
        let (sequence, previous, hash) = (head.sequence + 1, head.hash, Digest::ZERO);
        let payload = serde_json::from_str(&payload).expect("a payload is JSON");
        let mut entry =
            Self { sequence, time, kind, subject, actor, intent, payload, previous, hash };
        entry.hash = entry.computed_hash();
        entry
    }

    /// What `hash` must be.
    pub fn computed_hash(&self) -> Digest {
        let Self { sequence, time, kind, subject, actor, intent, payload, previous, hash: _ } =
            self;
        let before = canonical(&(sequence, time, kind, subject));
        let (actor, intent) = (canonical(actor), canonical(intent));
        hash_of(&before, [&actor, &intent, &canonical(payload)], *previous)
    }

    /// The head of a ledger that ends with this entry.
    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }
}

/// A person as the side table holds one: erasing the row leaves the chain true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonRecord {
    /// What the chain holds.
    pub hash: Digest,
    /// Random, so that nobody finds the person by guessing.
    pub salt: String,
    /// The person, as canonical JSON.
    pub content: String,
}

impl PersonRecord {
    /// The record of `person` under this salt, at least 128 random bits.
    pub fn new(person: &Person, salt: String) -> Self {
        let content = canonical(person);
        Self { hash: Self::hash_of(&salt, &content), salt, content }
    }

    /// What the chain must hold for this salt and content.
    pub fn hash_of(salt: &str, content: &str) -> Digest {
        Digest::of_bytes(format!("{salt}\n{content}").as_bytes())
    }
}
