//! What a change counts as, what it would do, and what it is about.
//!
//! Never: a move to a successor counted as a gain, or what is left behind on the way as no loss.

use std::collections::BTreeMap;

use serde_json::json;

use super::Cost;
use crate::domain::{
    catalogue::Catalogue,
    change::{Approval, Cause, Change, Effect},
    digest::Digest,
    ids::{GranteeId, RoleId},
    lifecycle::EndReason,
    plan::Successors,
    state::{Assignment, Owner, RelationshipKey, Roles},
};

/// What grantees hold under rows that a successor takes the place of: who has it there gains nothing by the move.
pub(super) type Moved<'a> = BTreeMap<(&'a Owner, GranteeId), Roles>;

pub(super) fn moved(changes: &[Change]) -> Moved<'_> {
    let mut moved = Moved::new();
    for change in changes.iter().filter(|change| change.cause == Cause::Replaced) {
        let Some((grantee, before, _)) = change.effect.roles_set() else { continue };
        let had = moved.entry((&change.subject.owner, grantee.id)).or_default();
        for (role, until) in &before.roles {
            let end = had.entry(*role).or_insert(*until);
            *end = (*end).max(*until);
        }
    }
    moved
}

/// What a change counts as.
pub(super) fn cost(change: &Change, moved: &Moved<'_>, successors: &Successors) -> Cost {
    let mut cost = Cost::default();
    let nothing = Roles::new();
    match (&change.effect, change.cause) {
        // What lasts as long as a relationship that was extended is no gain.
        (_, Cause::Expired) | (Effect::SetRoles { .. }, Cause::Renewal) => {}
        (Effect::SetRoles { grantee, before, .. }, Cause::Replaced) => {
            let successor = (change.subject.owner.clone(), grantee.id);
            let kept = successors.get(&successor).unwrap_or(&nothing);
            cost.revocations = u32::from(loses(&before.roles, kept));
        }
        (Effect::SetRoles { grantee, before, after }, _) => {
            let had = moved.get(&(&change.subject.owner, grantee.id)).unwrap_or(&nothing);
            let earlier = |role: &RoleId| before.roles.get(role).max(had.get(role));
            let catalogue = Catalogue::compiled();
            let gained = after.roles.iter().filter(|(role, until)| {
                earlier(role) < Some(*until) && catalogue.is_privileged(**role)
            });
            cost.revocations = u32::from(loses(&before.roles, &after.roles));
            cost.privileged_gains = u32::try_from(gained.count()).unwrap_or(u32::MAX);
            let held_nothing = before.roles.is_empty() && had.is_empty();
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

/// What a change is about, whatever it would do there: whoever asks for something else about the same asks on.
pub fn subject(change: &Change) -> Digest {
    let row = &change.subject.relationship;
    match &change.effect {
        Effect::SetRoles { grantee, .. } => Digest::of(&(row, grantee.id)),
        Effect::RecordAcceptance { acceptance } => Digest::of(&acceptance.content),
        Effect::SetBoundary { .. } => Digest::of(&change.subject.owner.object),
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Terminate { .. }
        | Effect::Authorise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Expire { .. } => Digest::of(row),
    }
}

/// Whether something of `before` is not held afterwards, or for less time.
fn loses(before: &Roles, after: &Roles) -> bool {
    before.iter().any(|(role, until)| after.get(role).is_none_or(|later| later < until))
}

/// What a change would do, with every end before and after, and without the time of planning, version or text: the same
/// tomorrow. What a person approves is this.
pub fn member(change: &Change) -> Digest {
    let row = &change.subject.relationship;
    match &change.effect {
        Effect::SetRoles { grantee, before, after } => {
            // Approvals are given to this digest. In it nothing held is `[]`, as in every batch that waits in a store.
            let held = |side: &Assignment| {
                if side.roles.is_empty() { json!([]) } else { json!(side.roles) }
            };
            let (before, after) = (held(before), held(after));
            Digest::of(&("SetRoles", row, grantee.id, before, after, change.approval))
        }
        Effect::Authorise { acceptance, ends_at } => {
            Digest::of(&("Authorise", row, acceptance.content, ends_at))
        }
        Effect::SetAutoExtend { before, after } => {
            Digest::of(&("SetAutoExtend", row, before, after))
        }
        Effect::Extend { before, after } => Digest::of(&("Extend", row, before, after)),
        Effect::Expire { ended_at } => Digest::of(&("Expire", row, ended_at)),
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Terminate { .. }
        | Effect::Decline { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::Withdraw { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::SetBoundary { .. } => matter(change),
    }
}

/// What a change is about, whatever its ends: what waits keeps waiting however they are moved about.
///
/// Batches that were stored before their members had ends are known by this.
pub fn matter(change: &Change) -> Digest {
    let row = &change.subject.relationship;
    match &change.effect {
        Effect::SetRoles { grantee, before, after } => {
            roles_matter(row.as_ref(), grantee.id, (before, after), change.approval)
        }
        Effect::Invite { invitation, .. } => Digest::of(&("Invite", row, invitation.digest())),
        Effect::Adopt { found, .. } => Digest::of(&("Adopt", row, &found.at)),
        Effect::Recognise { after, .. } => Digest::of(&("Recognise", row, after)),
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
        Effect::Rename { after, .. } => Digest::of(&("Rename", row, after)),
        Effect::Expire { .. } => Digest::of(&("Expire", row)),
        Effect::SetBoundary { namespace, before, after } => {
            Digest::of(&("SetBoundary", &change.subject.owner.instance, namespace, before, after))
        }
    }
}

fn roles_matter(
    row: Option<&RelationshipKey>,
    grantee: GranteeId,
    (before, after): (&Assignment, &Assignment),
    approval: Approval,
) -> Digest {
    let roles =
        |assignment: &Assignment| -> Vec<RoleId> { assignment.roles.keys().copied().collect() };
    Digest::of(&("SetRoles", row, grantee, roles(before), roles(after), approval))
}
