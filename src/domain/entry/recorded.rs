//! What an entry says of a change, and how that is read back.
//!
//! Never: a person's name in it; the hash of the record stands in its place.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::EntryKind;
use crate::domain::{
    change::{Cause, Change, Effect, Subject},
    digest::{Digest, canonical},
    limits::Cost,
    state::{Acceptance, AtService, Host},
};

/// The kind of entry that a change makes.
pub fn kind(change: &Change) -> EntryKind {
    match (&change.effect, change.cause) {
        (Effect::Invite { .. }, _) => EntryKind::Invited,
        (Effect::Adopt { .. }, _) => EntryKind::Adopted,
        (Effect::Recognise { .. }, _) => EntryKind::Recognised,
        (Effect::Authorise { .. }, _) => EntryKind::Authorised,
        (Effect::Decline { .. }, _) => EntryKind::Declined,
        (Effect::Withdraw { .. }, _) => EntryKind::Withdrawn,
        (Effect::SetRoles { .. }, Cause::Expired) => EntryKind::RolesExpired,
        (Effect::SetRoles { .. }, _) => EntryKind::RolesSet,
        (Effect::SetAutoExtend { .. }, _) => EntryKind::AutoExtendSet,
        (Effect::DropGlobalAdministrator { .. }, _) => EntryKind::GlobalAdministratorDropped,
        (Effect::Extend { .. }, _) => EntryKind::Extended,
        (Effect::Claim { .. }, _) => EntryKind::Claimed,
        (Effect::SetPolicies { .. }, _) => EntryKind::PoliciesSet,
        (Effect::Rename { .. }, _) => EntryKind::Renamed,
        (Effect::Terminate { .. }, _) => EntryKind::Terminated,
        (Effect::Expire { .. }, _) => EntryKind::Expired,
        (Effect::RecordAcceptance { .. }, _) => EntryKind::AgreementAccepted,
        (Effect::SetBoundary { .. }, _) => EntryKind::BoundarySet,
    }
}

/// The acceptance that a change records, if it records one.
pub fn acceptance(effect: &Effect) -> Option<&Acceptance> {
    match effect {
        Effect::Authorise { acceptance, .. }
        | Effect::Decline { acceptance }
        | Effect::RecordAcceptance { acceptance } => Some(acceptance),
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Withdraw { .. }
        | Effect::SetRoles { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. }
        | Effect::SetBoundary { .. } => None,
    }
}

/// What a change is about, as an entry names it.
pub fn subject(change: &Change) -> String {
    match (&change.subject.relationship, &change.effect) {
        (Some(row), _) => row.to_string(),
        (None, Effect::SetBoundary { namespace, .. }) => boundary_subject(namespace),
        (None, _) => format!("agreement of {}", change.subject.customer.id),
    }
}

/// What an entry about the boundary of a namespace is about.
pub fn boundary_subject(namespace: &str) -> String {
    format!("boundary of {namespace}")
}

/// What the store knows of a change that it made, and the change itself does not say: with it the rows can be told
/// from the entries alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The epoch of the session that wrote it.
    pub epoch: i64,
    /// Whose limits bounded it.
    pub scope: String,
    /// The number of the relationship's row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub row: Option<i64>,
    /// How often the assignment was changed by then, where it changed one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The digest of the row and of all that stands under it, once the transaction was over. It stands with the last
    /// change of a row in its transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Digest>,
    /// The batch under whose approval it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Digest>,
    /// Which member of that batch it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<Digest>,
    /// What it took from the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// When the run began that brought it, in milliseconds since 1970, where it came with this change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came: Option<i64>,
    /// The relationship at the service that an invitation has made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<AtService>,
}

/// What the entry of a change says that is about to be sent to a service. It says it below one name, so that nobody takes
/// it for a change that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Intended {
    /// The change.
    pub intends: Change,
    /// Its id.
    pub id: Digest,
    /// At whose hosts it is made.
    pub host: Host,
    /// What it took from the budget, and under which approval.
    pub made: Made,
}

/// What the entry of a change says that was intended and is not made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    /// The id of the change.
    pub failed: Digest,
    /// Why, in words.
    pub why: String,
}

/// What a store keeps beside a payload, so that an entry is found without a look at its text. The payload says all of
/// it, and only the payload is hashed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// The number of the row whose digest it has.
    pub row_id: Option<i64>,
    /// That digest.
    pub row_state: Option<Digest>,
    /// The batch under whose approval it was made.
    pub batch: Option<Digest>,
    /// Which member of that batch it was.
    pub member: Option<Digest>,
}

impl Columns {
    /// What must stand beside a payload, of whose text no more is read than that; nothing where it does not say it in the
    /// usual form.
    pub fn said(payload: &str) -> Option<Self> {
        #[derive(Deserialize)]
        struct Bare {
            made: Option<Made>,
        }
        let Bare { made } = serde_json::from_str(payload).ok()?;
        Some(made.as_ref().map(Self::from).unwrap_or_default())
    }

    /// What must stand beside a payload.
    pub fn of(payload: &Value) -> Self {
        let made = payload.get("made").and_then(|made| Made::deserialize(made).ok());
        made.as_ref().map(Self::from).unwrap_or_default()
    }
}

impl From<&Made> for Columns {
    fn from(made: &Made) -> Self {
        let Made { state: row_state, batch, member, .. } = *made;
        Self { row_id: made.row.filter(|_| row_state.is_some()), row_state, batch, member }
    }
}

/// What an entry says of a change, whose id this is: all of it, with the hash of the person's record in the person's
/// place, and why it was refused, if it was.
pub fn payload(
    change: &Change,
    id: Digest,
    person: Option<Digest>,
    refused: Option<&str>,
) -> String {
    written(change, id, person, Fate { refused, made: None })
}

/// The same of a change that a store has made.
pub fn payload_made(change: &Change, id: Digest, person: Option<Digest>, made: &Made) -> String {
    written(change, id, person, Fate { refused: None, made: Some(made) })
}

/// What became of a change.
#[derive(Serialize)]
struct Fate<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    made: Option<&'a Made>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<&'a str>,
}

fn written(change: &Change, id: Digest, person: Option<Digest>, fate: Fate<'_>) -> String {
    #[derive(Serialize)]
    struct Payload<'a, E> {
        cause: Cause,
        change: Digest,
        effect: E,
        #[serde(flatten)]
        fate: Fate<'a>,
        subject: &'a Subject,
    }
    let Change { cause, subject, effect, .. } = change;
    let (cause, change) = (*cause, id);
    if acceptance(effect).is_none() {
        return canonical(&Payload { cause, change, effect, fate, subject });
    }
    let mut effect = json!(effect);
    if let Some(accepted_by) = accepted_by(&mut effect) {
        let role = accepted_by["role"].take();
        *accepted_by = json!({ "person": person, "role": role });
    }
    canonical(&Payload { cause, change, effect, fate, subject })
}

/// A change as an entry records it: the inverse of [`payload`].
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The id of the change.
    pub change: Digest,
    /// Why it was made.
    pub cause: Cause,
    /// What it is about.
    pub subject: Subject,
    /// What it did. The person of an acceptance has no name here, only the declared role.
    pub effect: Effect,
    /// The hash of the person's record, where the effect is an acceptance.
    pub person: Option<Digest>,
    /// What the store knew of it; absent where a program before schema 6 has written it.
    pub made: Option<Made>,
}

impl Recorded {
    /// What the payload of an effect says. It fails for what another version has written.
    pub fn read(payload: &Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Payload {
            change: Digest,
            cause: Cause,
            subject: Subject,
            effect: Value,
            made: Option<Made>,
        }
        #[derive(Deserialize)]
        struct AcceptedBy {
            person: Option<Digest>,
            role: Value,
        }
        let Payload { change, cause, subject, mut effect, made } = Payload::deserialize(payload)?;
        let mut person = None;
        if let Some(accepted_by) = accepted_by(&mut effect) {
            let known = AcceptedBy::deserialize(accepted_by.take())?;
            person = known.person;
            *accepted_by = json!({
                "first_name": "", "last_name": "", "email": "", "phone_number": null,
                "role": known.role,
            });
        }
        Ok(Self { change, cause, subject, effect: Effect::deserialize(effect)?, person, made })
    }
}

impl Recorded {
    /// What the payload of an entry of kind [`EntryKind::Intended`] says of its change.
    pub fn intended(payload: &Value) -> Result<Self, serde_json::Error> {
        let Intended { intends, id: change, host: _, made } = Intended::deserialize(payload)?;
        let Change { subject, effect, cause, approval: _, expects: _ } = intends;
        Ok(Self { change, cause, subject, effect, person: None, made: Some(made) })
    }
}

/// Where the person stands in an effect that is an acceptance.
fn accepted_by(effect: &mut Value) -> Option<&mut Value> {
    let fields = effect.as_object_mut()?.values_mut().next()?;
    fields.get_mut("acceptance")?.get_mut("accepted_by")
}
