//! What an entry says of a change, and how that is read back.
//!
//! Never: a person's name in it; the hash of the record stands in its place.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::EntryKind;
use crate::domain::{
    digest::{Digest, canonical},
    plan::{Cause, Change, Effect, Subject},
    state::Acceptance,
};

/// The kind of entry that a change makes.
pub fn kind(change: &Change) -> EntryKind {
    match (&change.effect, change.cause) {
        (Effect::Invite { .. }, _) => EntryKind::Invited,
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
        (Effect::Terminate { .. }, _) => EntryKind::Terminated,
        (Effect::Expire { .. }, _) => EntryKind::Expired,
        (Effect::RecordAcceptance { .. }, _) => EntryKind::AgreementAccepted,
    }
}

/// The acceptance that a change records, if it records one.
pub fn acceptance(effect: &Effect) -> Option<&Acceptance> {
    match effect {
        Effect::Authorise { acceptance, .. }
        | Effect::Decline { acceptance }
        | Effect::RecordAcceptance { acceptance } => Some(acceptance),
        Effect::Invite { .. }
        | Effect::Withdraw { .. }
        | Effect::SetRoles { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. } => None,
    }
}

/// What a change is about, as an entry names it.
pub fn subject(change: &Change) -> String {
    match &change.subject.relationship {
        Some(row) => row.to_string(),
        None => format!("agreement of {}", change.subject.customer.id),
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
    #[derive(Serialize)]
    struct Payload<'a, E> {
        cause: Cause,
        change: Digest,
        effect: E,
        #[serde(skip_serializing_if = "Option::is_none")]
        refused: Option<&'a str>,
        subject: &'a Subject,
    }
    let Change { cause, subject, effect, .. } = change;
    let (cause, change) = (*cause, id);
    if acceptance(effect).is_none() {
        return canonical(&Payload { cause, change, effect, refused, subject });
    }
    let mut effect = json!(effect);
    if let Some(accepted_by) = accepted_by(&mut effect) {
        let role = accepted_by["role"].take();
        *accepted_by = json!({ "person": person, "role": role });
    }
    canonical(&Payload { cause, change, effect, refused, subject })
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
        }
        #[derive(Deserialize)]
        struct AcceptedBy {
            person: Option<Digest>,
            role: Value,
        }
        let Payload { change, cause, subject, mut effect } = Payload::deserialize(payload)?;
        let mut person = None;
        if let Some(accepted_by) = accepted_by(&mut effect) {
            let known = AcceptedBy::deserialize(accepted_by.take())?;
            person = known.person;
            *accepted_by = json!({
                "first_name": "", "last_name": "", "email": "", "phone_number": null,
                "role": known.role,
            });
        }
        Ok(Self { change, cause, subject, effect: Effect::deserialize(effect)?, person })
    }
}

/// Where the person stands in an effect that is an acceptance.
fn accepted_by(effect: &mut Value) -> Option<&mut Value> {
    let fields = effect.as_object_mut()?.values_mut().next()?;
    fields.get_mut("acceptance")?.get_mut("accepted_by")
}
