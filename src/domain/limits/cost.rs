//! What a change counts as, and what it would do whenever it is done.
//!
//! Never: a move to a successor counted as a gain.

use std::collections::{BTreeMap, BTreeSet};

use super::Cost;
use crate::domain::{
    catalogue::Catalogue,
    digest::Digest,
    ids::{GranteeId, RoleId},
    lifecycle::EndReason,
    plan::{Cause, Change, Effect},
    state::{Owner, Roles},
};

/// What moves from a predecessor to its successor: gained by nobody.
pub(super) type Moved<'a> = BTreeMap<(&'a Owner, GranteeId), &'a Roles>;

pub(super) fn moved(changes: &[Change]) -> Moved<'_> {
    let replaced = changes.iter().filter(|change| change.cause == Cause::Replaced);
    replaced
        .filter_map(|change| {
            let Effect::SetRoles { grantee, before, .. } = &change.effect else { return None };
            Some(((&change.subject.owner, grantee.id), &before.roles))
        })
        .collect()
}

/// What a change counts as.
pub(super) fn cost(change: &Change, moved: &Moved<'_>) -> Cost {
    let mut cost = Cost::default();
    match (&change.effect, change.cause) {
        (_, Cause::Expired) | (Effect::SetRoles { .. }, Cause::Replaced) => {}
        (Effect::SetRoles { grantee, before, after }, _) => {
            let had = moved.get(&(&change.subject.owner, grantee.id));
            let held = |role: &RoleId| {
                before.roles.contains_key(role) || had.is_some_and(|had| had.contains_key(role))
            };
            let loses = before
                .roles
                .iter()
                .any(|(role, until)| after.roles.get(role).is_none_or(|later| later < until));
            let gained = after.roles.keys().filter(|role| !held(role));
            let privileged = gained.filter(|role| Catalogue::compiled().is_privileged(**role));
            cost.revocations = u32::from(loses);
            cost.privileged_gains = u32::try_from(privileged.count()).unwrap_or(u32::MAX);
            let held_nothing = before.roles.is_empty() && had.is_none_or(|had| had.is_empty());
            cost.new_grantees = u32::from(held_nothing && !after.roles.is_empty());
        }
        (Effect::Terminate { reason }, _) => {
            cost.terminations = u32::from(*reason != EndReason::Replaced);
        }
        (Effect::Invite { .. }, Cause::Replaced) => cost.replacements = 1,
        _ => {}
    }
    cost
}

/// What a change would do, without time, version or text: the same tomorrow.
pub fn member(change: &Change) -> Digest {
    let row = &change.subject.relationship;
    match &change.effect {
        Effect::SetRoles { grantee, before, after } => {
            let (before, after): (BTreeSet<_>, BTreeSet<_>) =
                (before.roles.keys().collect(), after.roles.keys().collect());
            Digest::of(&("SetRoles", row, grantee.id, before, after, change.approval))
        }
        Effect::Invite { invitation, .. } => Digest::of(&("Invite", row, invitation.digest())),
        Effect::Terminate { reason } => Digest::of(&("Terminate", row, reason)),
        Effect::Authorise { acceptance, .. } => Digest::of(&("Authorise", row, acceptance.content)),
        Effect::Decline { acceptance } => Digest::of(&("Decline", row, acceptance.content)),
        Effect::RecordAcceptance { acceptance } => {
            Digest::of(&("RecordAcceptance", acceptance.content))
        }
        Effect::Withdraw { reason } => Digest::of(&("Withdraw", row, reason)),
        Effect::SetAutoExtend { after, .. } => Digest::of(&("SetAutoExtend", row, after)),
        Effect::DropGlobalAdministrator { .. } => Digest::of(&("DropGlobalAdministrator", row)),
        Effect::Extend { .. } => Digest::of(&("Extend", row)),
        Effect::Claim { after, .. } => Digest::of(&("Claim", row, after)),
        Effect::SetPolicies { after, .. } => Digest::of(&("SetPolicies", row, after)),
        Effect::Expire { .. } => Digest::of(&("Expire", row)),
    }
}
