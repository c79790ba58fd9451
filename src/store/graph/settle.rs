//! What became of what was sent, by what the service shows now.
//!
//! Never: made because it was taken, or not made because it is not there yet.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::domain::{
    change::Effect,
    duration::Duration,
    errand::{Errand, ErrandState},
    ids::{GranteeId, RoleId},
    lifecycle::{Lifecycle, Phase},
    state::{
        Flight, Invitation,
        seen::{AssignmentStatus, Seen, SeenRelationship, ServiceId},
    },
};

/// A call may be on its way for this long after it was sent; then what it asked for is given up.
const LOST_AFTER: Duration = Duration::from_seconds(120);
/// What the service has taken and not begun after this long is given up.
const IGNORED_AFTER: Duration = Duration::from_seconds(900);
/// An invitation that is made and not sent to the customer is sent again after this long.
const SENT_AGAIN_AFTER: Duration = Duration::from_seconds(30);

/// Clocks that differ by more are told elsewhere.
const CLOCKS_AGREE_WITHIN: Duration = Duration::from_seconds(60);

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is as it was asked for.
    Made,
    /// Nobody knows yet, or it is not there yet.
    Waits,
    /// The invitation is made, and has to be sent to the customer.
    Lock,
    /// It is not made and never will be, for this reason.
    Refused(String),
    /// It is not there, for this reason; a call may still be on its way.
    Lost(String),
}

/// Why the service says that something is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Denied {
    /// It never will be.
    Never(String),
    /// It may be all the same.
    Perhaps(String),
    /// It was throttled, and may be all the same.
    Throttled(String),
}

/// What became of an errand, where `seen` is what it is about as the service shows it, and `denied` what it says of it, where
/// it says that it is not carried out.
pub(super) fn fate(
    errand: &Errand,
    seen: Option<&SeenRelationship>,
    denied: Option<&Denied>,
    now: Timestamp,
) -> Fate {
    let patience = match errand.state {
        ErrandState::Sent => IGNORED_AFTER,
        ErrandState::Unknown | ErrandState::GivenUp | ErrandState::Refused => LOST_AFTER,
    };
    let is_late = patience.after(errand.sent_at).is_some_and(|until| until <= now);
    let not_yet = || {
        if let Some(Denied::Never(why)) = denied {
            Fate::Refused(why.clone())
        } else if let Some(Denied::Perhaps(why) | Denied::Throttled(why)) = denied {
            Fate::Lost(why.clone())
        } else if !is_late {
            Fate::Waits
        } else if errand.state == ErrandState::Sent {
            Fate::Lost("the service took it, and nothing has come of it".to_owned())
        } else {
            Fate::Lost("no answer came, and it is not there".to_owned())
        }
    };
    let Some(seen) = seen else {
        let is_gone = errand.state == ErrandState::Sent
            && errand.change.effect.makes_row().is_some()
            && SENT_AGAIN_AFTER.after(errand.sent_at).is_some_and(|at| at <= now);
        let gone = || Fate::Lost("it was made, and is not there any more".to_owned());
        return if is_gone && denied.is_none() { gone() } else { not_yet() };
    };
    if seen.fault.is_some() {
        return Fate::Waits;
    }
    match &errand.change.effect {
        Effect::Invite { .. } if seen.stage == Lifecycle::Created => {
            let is_asked = errand.by.is_some() && errand.state == ErrandState::Sent;
            let again = SENT_AGAIN_AFTER.after(errand.sent_at).is_none_or(|at| at <= now);
            if is_asked && !again && denied.is_none() { Fate::Waits } else { Fate::Lock }
        }
        Effect::Invite { .. } if seen.stage.phase() == Phase::Unknown => not_yet(),
        Effect::Invite { .. } => Fate::Made,
        Effect::SetRoles { grantee, before: _, after } => {
            let wanted: BTreeSet<RoleId> = after.roles.keys().copied().collect();
            let gone =
                errand.state == ErrandState::Sent && is_gone(errand, seen, grantee.id, &wanted);
            let lost = || Fate::Lost("it was made, and was taken away again".to_owned());
            held_as(seen, grantee.id, &wanted)
                .unwrap_or_else(|| if gone { lost() } else { not_yet() })
        }
        Effect::SetAutoExtend { after, .. } if seen.auto_extend == *after => Fate::Made,
        Effect::DropGlobalAdministrator { after, .. } if seen.roles == *after => Fate::Made,
        // It has begun, whoever asked for it.
        Effect::Terminate { .. } if seen.stage == Lifecycle::TerminationRequested => Fate::Waits,
        Effect::Terminate { .. } if matches!(seen.stage.phase(), Phase::Ending | Phase::Ended) => {
            Fate::Made
        }
        Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Terminate { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Authorise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Expire { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => {
            if matches!(seen.stage.phase(), Phase::Ending | Phase::Ended) {
                Fate::Refused("the relationship is over".to_owned())
            } else {
                not_yet()
            }
        }
    }
}

/// Whether what a grantee was given is gone again: an assignment that is no older than the errand, by clocks that agree to
/// some minutes.
fn is_gone(
    errand: &Errand,
    seen: &SeenRelationship,
    grantee: GranteeId,
    wanted: &BTreeSet<RoleId>,
) -> bool {
    let Ok(assignments) = &seen.assignments else { return false };
    let mut theirs = assignments.values().filter(|it| it.grantee == grantee);
    !wanted.is_empty()
        && theirs.clone().all(|it| !it.status.is_held())
        && theirs.any(|it| {
            let made = it.created_at.and_then(|at| CLOCKS_AGREE_WITHIN.after(at));
            it.status == AssignmentStatus::Deleted
                && it.roles == *wanted
                && made.is_some_and(|at| at >= errand.sent_at)
        })
}

/// What became of what a grantee is to hold, where that can be told.
fn held_as(seen: &SeenRelationship, grantee: GranteeId, wanted: &BTreeSet<RoleId>) -> Option<Fate> {
    if seen.stage.phase() == Phase::Ended {
        return Some(if wanted.is_empty() {
            Fate::Made
        } else {
            Fate::Refused("the relationship is over".to_owned())
        });
    }
    let Ok(assignments) = &seen.assignments else { return Some(Fate::Waits) };
    let theirs = assignments.values().filter(|it| it.grantee == grantee);
    let held: Vec<_> = theirs.clone().filter(|it| it.status.is_held()).collect();
    if held.is_empty() {
        let failed =
            theirs.clone().any(|it| it.status == AssignmentStatus::Error && it.roles == *wanted);
        return match (wanted.is_empty(), failed) {
            (true, _) => Some(Fate::Made),
            (false, true) => Some(Fate::Refused(
                "the service could not give it: its assignment is in the state `error`".to_owned(),
            )),
            (false, false) => None,
        };
    }
    if held.iter().any(|it| it.status.flight() == Flight::Leaving) {
        return wanted.is_empty().then_some(Fate::Waits);
    }
    if wanted.is_empty() {
        return None;
    }
    match held[..] {
        [one] if one.roles == *wanted && one.status == AssignmentStatus::Active => Some(Fate::Made),
        [one] if one.roles == *wanted && one.status == AssignmentStatus::Pending => {
            Some(Fate::Waits)
        }
        _ => None,
    }
}

/// Whether what was found under a name is what an invitation of ours has asked for.
pub(super) fn is_of(invitation: &Invitation, found: &SeenRelationship) -> bool {
    let customer = found.customer.as_ref().map(|customer| customer.id);
    let duration = invitation.duration.map(crate::domain::duration::Days::duration);
    found.fault.is_none()
        && found.name == invitation.name
        && customer == Some(invitation.customer)
        && found.roles == invitation.roles
        && found.duration == duration
        && found.auto_extend == invitation.auto_extend
}

/// The relationship that an errand is about, where it is there: by its id, or by the name that was asked for.
pub(super) fn place_of(errand: &Errand, seen: &Seen) -> Option<ServiceId> {
    if let Some(id) = &errand.at {
        return Some(id.clone());
    }
    let Effect::Invite { invitation, .. } = &errand.change.effect else { return None };
    let mut all = seen.relationships.values();
    all.find(|found| is_of(invitation, found)).map(|found| found.id.clone())
}

#[cfg(test)]
mod tests;
