//! What happens to rows whose object goes, is gone, or was never theirs.
//!
//! Never: an end because something is absent, or by an object that the row does not belong to.

use super::{
    Claimant, Notice, OwnershipNotice, grants,
    proposed::Proposals,
    relationship::{Draft, Row, Uids, expire_rows},
    service,
};
use crate::{
    api::{ManagementPolicy, RelationshipDeletionPolicy},
    domain::{
        change::{Cause, Effect},
        ids::Kind,
        lifecycle::{EndReason, Phase},
        state::{Absence, Desired, DesiredRelationship, ObservedRelationship, Policies},
    },
};

/// Whether the object that goes is the very one that the row was made for or claimed by.
pub(super) fn is_own(
    row: &ObservedRelationship,
    declared: &DesiredRelationship,
    draft: &mut Draft<'_>,
) -> bool {
    let own = row.owner == draft.subject.owner
        && (draft.uids == Uids::AsRecorded || row.uid == declared.uid);
    if !own {
        draft.tell(Notice::Ownership, OwnershipNotice::NotEnded(row.key.clone()));
    }
    own
}

/// A relationship that is in the store and not in the input: absence alone changes nothing, and time goes on.
pub(super) fn undeclared(
    rows: &[ObservedRelationship],
    desired: &Desired,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    spoken_for_by_nobody(rows, desired, desired.absence, claimant, plan);
}

/// A relationship whose name an object declares that the rows are not for: nothing of what that says is done, and what
/// is absent is no reason to end anything.
pub(super) fn of_another_object(
    rows: &[ObservedRelationship],
    desired: &Desired,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    spoken_for_by_nobody(rows, desired, Absence::Keep, claimant, plan);
}

fn spoken_for_by_nobody(
    rows: &[ObservedRelationship],
    desired: &Desired,
    absence: Absence,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    for row in rows.iter().filter(|row| row.owner.instance == claimant.instance) {
        let row = std::slice::from_ref(row);
        let (kind, owner) = (Kind::PartnerRelationship, &row[0].owner.object);
        let pruned = absence == Absence::Prune && desired.namespaces.contains(&owner.namespace);
        let mut draft = Draft::of(&row[0], plan);
        if pruned || desired.is_leaving(kind, owner, &row[0].uid) {
            end(row, None, desired, &mut draft);
        } else {
            let mut row = [Row::of(&row[0])];
            expire_rows(&mut row, &mut draft);
            leave(&row[0], desired, &mut draft);
        }
    }
}

/// Only what time does, and what grants that are on their way out had given.
fn leave(row: &Row<'_>, desired: &Desired, draft: &mut Draft<'_>) {
    let managed =
        row.observed.is_some_and(|row| row.policies.management == ManagementPolicy::Manage);
    if managed && end_again(row, draft) {
        return;
    }
    if row.lifecycle.phase() == Phase::Active && managed {
        grants::plan_leaving(row, desired, draft);
    } else {
        grants::plan_expiry(row, draft);
    }
}

/// Ends what the customer has approved after it was given up (L3).
fn end_again(row: &Row<'_>, draft: &mut Draft<'_>) -> bool {
    let ended = row.observed.and_then(|row| row.ended.as_ref());
    let Some(ended) = ended.filter(|_| row.lifecycle.phase() == Phase::Active) else {
        return false;
    };
    grants::plan_removal(row, Cause::Deleted, draft);
    let reason = ended.reason;
    draft.change(&row.key, Effect::Terminate { reason }, Cause::Deleted);
    true
}

/// Ends what its object's going ends: by what the object says, or by what the store has recorded (L5, L6).
pub(super) fn end(
    rows: &[ObservedRelationship],
    policies: Option<&Policies>,
    desired: &Desired,
    draft: &mut Draft<'_>,
) {
    let cause = Cause::Deleted;
    let mut live: Vec<Row<'_>> = rows.iter().map(Row::of).collect();
    expire_rows(&mut live, draft);
    for row in &live {
        let Some(observed) = row.observed else { continue };
        let policies = policies.unwrap_or(&observed.policies);
        let observe = policies.management == ManagementPolicy::Observe;
        match (row.lifecycle.phase(), policies.deletion) {
            (_, _) if observe => grants::plan_expiry(row, draft),
            (_, _) if end_again(row, draft) => {}
            (Phase::Pending, RelationshipDeletionPolicy::Retain) => {}
            (Phase::Pending, _) => {
                let reason = EndReason::Deleted;
                draft.change(&row.key, Effect::Withdraw { reason }, cause);
                service::tell_withdrawn(row, draft);
            }
            (Phase::Active, RelationshipDeletionPolicy::Retain) => {
                grants::plan_leaving(row, desired, draft);
            }
            (Phase::Active, RelationshipDeletionPolicy::Revoke) => {
                grants::plan_revocation(row, desired, draft);
            }
            (Phase::Active, RelationshipDeletionPolicy::Terminate) => {
                grants::plan_removal(row, cause, draft);
                let reason = EndReason::Deleted;
                draft.change(&row.key, Effect::Terminate { reason }, cause);
            }
            (Phase::Ended | Phase::Ending | Phase::Unknown, _) => grants::plan_expiry(row, draft),
        }
    }
}
