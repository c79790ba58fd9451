//! What every grantee of a relationship should hold, row by row.
//!
//! Never: an assignment before the relationship is active (L2).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Approval, Cause, Effect,
    assignment::{Gains, Merged, Rules, covered, merge},
    lifecycle::{NEWER_CATALOGUE, matches},
    order::widens,
    relationship::{Draft, Latitude, Row},
};
use crate::{
    api::{AcceptanceDecision, Gates, GrantDeletionPolicy, UnmanagedAssignments},
    domain::{
        ids::{GranteeId, Kind},
        lifecycle::{EndReason, Phase},
        partner_type,
        problem::{Code, Severity},
        state::{
            Absence, AcceptedText, Assignment, Contribution, Desired, DesiredGrant, DesiredRelationship, Grantee,
            ObjectName, Observed, Standing, Window,
        },
    },
};

/// Access was removed outside and is not restored by itself (L12).
pub const REMOVED_OUTSIDE: Code = Code(502);
/// Access that nobody declared stays.
pub const UNMANAGED: Code = Code(503);
/// Access that nobody declared is declared now.
pub const ADOPTED: Code = Code(504);
/// The object of a grant is gone; what it gave stays until its end.
pub const ORPHANED: Code = Code(505);
/// The agreement is not accepted: nothing can be bought.
pub const AGREEMENT_NOT_ACCEPTED: Code = Code(511);
/// The agreement is not accepted, and access waits for it.
pub const ACCESS_WAITS: Code = Code(512);
/// A window is cut at the end of the relationship.
pub const CUT_AT_END: Code = Code(514);
/// A grant waits until the customer has accepted.
pub const GRANT_WAITS: Code = Code(522);

/// Plans the assignments of every row.
pub(super) fn plan_grants(
    wish: &DesiredRelationship,
    rows: &[Row<'_>],
    desired: &Desired,
    latitude: Latitude,
    observed: &Observed,
    draft: &mut Draft<'_>,
) {
    let gains = gate(wish, observed, latitude, draft);
    let active = |row: &&Row<'_>| row.phase == Phase::Active;
    let target = rows.iter().rfind(|row| row.phase == Phase::Active && matches(row, wish));
    let newest = rows.iter().rfind(active);
    if newest.is_none() && latitude == Latitude::Full {
        waiting(wish, rows, draft);
    }
    for row in rows {
        let is_current = target.or(newest).is_some_and(|current| current.number == row.number);
        match row.phase {
            Phase::Active if is_current || latitude != Latitude::Full => {
                boundaries(wish, row, draft);
                for grantee in grantees(wish, row) {
                    plan_assignment(wish, row, grantee, desired, latitude, gains, draft);
                }
            }
            Phase::Active => {
                plan_removal(row, Cause::Replaced, draft);
                let effect = Effect::Terminate { reason: EndReason::Replaced };
                draft.change(&row.key, effect, Cause::Replaced);
            }
            Phase::Ended | Phase::Ending | Phase::Unknown => plan_expiry(row, draft),
            Phase::Pending => {}
        }
    }
}

/// The agreement gates purchasing, and access where asked (L8).
fn gate(
    wish: &DesiredRelationship,
    observed: &Observed,
    latitude: Latitude,
    draft: &mut Draft<'_>,
) -> Gains {
    if latitude != Latitude::Full {
        return Gains::Withheld;
    }
    let Some(agreement) = &wish.invitation.agreement else { return Gains::Allowed };
    let parties = (wish.invitation.customer, wish.invitation.partner);
    let accepts = |text: &Option<AcceptedText>| {
        text.as_ref().is_some_and(|text| agreement.is_accepted_by(text))
    };
    let recorded = observed.acceptances.values().any(|acceptance| {
        acceptance.namespace == wish.object.namespace
            && acceptance.decision == AcceptanceDecision::Accept
            && (acceptance.customer, acceptance.partner) == parties
            && accepts(&acceptance.agreement)
    });
    let declared = wish.agreements.iter().any(|acceptance| {
        acceptance.decision == AcceptanceDecision::Accept && accepts(&acceptance.agreement)
    });
    if recorded || declared {
        return Gains::Allowed;
    }
    if partner_type::may_sell(wish.invitation.type_) {
        let message = format!(
            "`{}` can neither purchase nor manage subscriptions: the customer has not accepted \
             the agreement",
            wish.object
        );
        let help = "record it with `concordat accept`";
        draft.notice(AGREEMENT_NOT_ACCEPTED, Severity::Notice, message, Some(help));
    }
    if agreement.gates == Gates::Purchase {
        return Gains::Allowed;
    }
    if !wish.grants.is_empty() {
        let message = format!("the grants of `{}` wait for the agreement", wish.object);
        let help = "record it with `concordat accept`";
        draft.notice(ACCESS_WAITS, Severity::Notice, message, Some(help));
    }
    Gains::Withheld
}

fn waiting(wish: &DesiredRelationship, rows: &[Row<'_>], draft: &mut Draft<'_>) {
    if wish.grants.is_empty() || rows.iter().all(|row| row.phase != Phase::Pending) {
        return;
    }
    let message = format!(
        "{} of `{}` wait until the customer has accepted",
        count(wish.grants.len(), "grant"),
        wish.object
    );
    draft.notice(GRANT_WAITS, Severity::Notice, message, None);
}

/// `1 grant`, `2 grants`.
fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// The instants at which a window of this row begins or ends.
fn boundaries(wish: &DesiredRelationship, row: &Row<'_>, draft: &mut Draft<'_>) {
    for (object, grant) in &wish.grants {
        let Window { not_before, not_after } = grant.window;
        for instant in [not_before, not_after].into_iter().flatten() {
            draft.differs_at(instant);
        }
        let (Some(not_after), Some(ends_at)) = (not_after, row.ends_at) else { continue };
        if not_after > ends_at && grant.standing == Standing::Live {
            let message =
                format!("`{object}` ends at {ends_at} with `{}`, not at {not_after}", row.key);
            let (code, object) = (CUT_AT_END, Some(object));
            draft.notice_about(Kind::RoleGrant, object, code, Severity::Notice, message, None);
        }
    }
}

/// Every grantee that holds something or is to hold something, as the input names it where it does.
fn grantees(wish: &DesiredRelationship, row: &Row<'_>) -> BTreeMap<GranteeId, Grantee> {
    let mut grantees = BTreeMap::new();
    if let Some(observed) = row.observed {
        for (id, assignment) in &observed.assignments {
            grantees.insert(*id, assignment.grantee.clone());
        }
    }
    for grant in wish.grants.values() {
        grantees.insert(grant.grantee.id, grant.grantee.clone());
    }
    grantees
}

fn plan_assignment(
    wish: &DesiredRelationship,
    row: &Row<'_>,
    (id, grantee): (GranteeId, Grantee),
    desired: &Desired,
    latitude: Latitude,
    gains: Gains,
    draft: &mut Draft<'_>,
) {
    let before = expire(row, id, &grantee, draft);
    let wanted = contributions(wish, id, &before, desired, latitude, draft);
    let unmanaged = match latitude {
        Latitude::Full => wish.policies.unmanaged,
        Latitude::Suspended | Latitude::Observed => UnmanagedAssignments::Keep,
    };
    let rules =
        Rules { now: draft.now(), ends_at: row.ends_at, ceiling: &row.ceiling, unmanaged, gains };
    let merged = merge(&before, wanted.contributions, rules);
    report(&merged, &grantee, row, draft);
    for until in merged.after.roles.values() {
        draft.differs_at(*until);
    }
    let cause = cause(&before, &merged, wanted.gone);
    set_roles(row, &grantee, &before, &merged.after, cause, draft);
    if let Some(restored) = &merged.restored {
        let approval = Approval::RemovedOutside;
        set_approved(row, &grantee, &merged.after, restored, approval, draft);
    }
    if let Some(newer) = wanted.newer_catalogue {
        let newer = merge(&merged.after, newer, rules).after;
        let approval = Approval::NewCatalogue;
        set_approved(row, &grantee, &merged.after, &newer, approval, draft);
    }
}

fn cause(before: &Assignment, merged: &Merged, gone: Gone) -> Cause {
    let only_loses = !widens(&before.roles, &merged.after.roles);
    match gone {
        Gone::Some if only_loses => Cause::Deleted,
        Gone::Some | Gone::None if only_loses && !merged.revoked_unmanaged.is_empty() => {
            Cause::Unmanaged
        }
        Gone::Some | Gone::None => Cause::Declared,
    }
}

/// Whether a grant was deleted, or pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gone {
    Some,
    None,
}

struct Wanted {
    contributions: BTreeMap<ObjectName, Contribution>,
    gone: Gone,
    /// The same with roles as the newer catalogue resolves them, where that alone makes a difference.
    newer_catalogue: Option<BTreeMap<ObjectName, Contribution>>,
}

/// What each grant adds for one grantee: as declared, or as recorded where the object is held or gone.
fn contributions(
    wish: &DesiredRelationship,
    id: GranteeId,
    before: &Assignment,
    desired: &Desired,
    latitude: Latitude,
    draft: &mut Draft<'_>,
) -> Wanted {
    let mut wanted =
        Wanted { contributions: BTreeMap::new(), gone: Gone::None, newer_catalogue: None };
    let mut newer = BTreeMap::new();
    for (object, recorded) in &before.contributions {
        let kept = match (wish.grants.get(object), latitude) {
            (_, Latitude::Observed) => Some(recorded.clone()),
            (Some(grant), _) => kept(grant, recorded, id, latitude, &mut wanted.gone),
            (None, _) => absent(object, recorded, desired, latitude, &mut wanted.gone, draft),
        };
        if let Some(kept) = kept {
            wanted.contributions.insert(object.clone(), kept);
        }
    }
    if latitude != Latitude::Full {
        return wanted;
    }
    let mine = wish
        .grants
        .iter()
        .filter(|(_, grant)| grant.grantee.id == id && grant.standing == Standing::Live);
    for (object, grant) in mine {
        let mut contribution = Contribution {
            uid: grant.uid.clone(),
            roles: grant.roles.clone(),
            asked: grant.asked.clone(),
            window: grant.window,
            deletion: grant.deletion,
        };
        if let Some(recorded) = before.contributions.get(object)
            && recorded.asked.words == grant.asked.words
        {
            if recorded.roles != contribution.roles {
                newer.insert(object.clone(), contribution.clone());
                let message = format!("`{object}` resolves otherwise in the newer catalogue");
                let help = "approve the change with `--approve HASH`, or ask for roles by name";
                let object = Some(object);
                draft.notice_about(
                    Kind::RoleGrant,
                    object,
                    NEWER_CATALOGUE,
                    Severity::Notice,
                    message,
                    Some(help),
                );
            }
            contribution.roles.clone_from(&recorded.roles);
            contribution.asked = recorded.asked.clone();
        }
        wanted.contributions.insert(object.clone(), contribution);
    }
    if !newer.is_empty() {
        let mut all = wanted.contributions.clone();
        all.extend(newer);
        wanted.newer_catalogue = Some(all);
    }
    wanted
}

/// What a recorded contribution becomes while its object is there.
fn kept(
    grant: &DesiredGrant,
    recorded: &Contribution,
    id: GranteeId,
    latitude: Latitude,
    gone: &mut Gone,
) -> Option<Contribution> {
    let held = latitude == Latitude::Suspended
        || matches!(grant.standing, Standing::Suspended | Standing::Invalid);
    if held {
        return Some(ends_no_later(recorded, grant.window.not_after));
    }
    if grant.standing == Standing::Deleted && grant.grantee.id == id {
        if recorded.uid != grant.uid {
            return Some(recorded.clone());
        }
        if recorded.deletion == GrantDeletionPolicy::Retain {
            return Some(recorded.clone());
        }
        *gone = Gone::Some;
    }
    None
}

fn ends_no_later(recorded: &Contribution, declared: Option<Timestamp>) -> Contribution {
    let mut kept = recorded.clone();
    kept.window.not_after = match (recorded.window.not_after, declared) {
        (Some(recorded), Some(declared)) => Some(recorded.min(declared)),
        (recorded, declared) => recorded.or(declared),
    };
    kept
}

/// What a recorded contribution becomes while its object is not among this relationship's grants.
fn absent(
    object: &ObjectName,
    recorded: &Contribution,
    desired: &Desired,
    latitude: Latitude,
    gone: &mut Gone,
    draft: &mut Draft<'_>,
) -> Option<Contribution> {
    if latitude != Latitude::Full {
        return Some(recorded.clone());
    }
    match desired.grant_objects.get(object) {
        Some(Standing::Live | Standing::Deleted) => return None,
        Some(Standing::Suspended | Standing::Invalid) => return Some(recorded.clone()),
        None => {}
    }
    let pruned =
        desired.absence == Absence::Prune && desired.namespaces.contains(&object.namespace);
    if pruned && recorded.deletion == GrantDeletionPolicy::Revoke {
        *gone = Gone::Some;
        return None;
    }
    let until = recorded.window.not_after;
    let end = until.map_or("the end of the relationship".to_owned(), |end| end.to_string());
    let message = format!("`{object}` is gone; what it gave stays until {end}");
    let help = "revoke it with `--prune`, or declare it again";
    let (code, object) = (ORPHANED, Some(object));
    draft.notice_about(Kind::RoleGrant, object, code, Severity::Notice, message, Some(help));
    Some(recorded.clone())
}

fn report(merged: &Merged, grantee: &Grantee, row: &Row<'_>, draft: &mut Draft<'_>) {
    let named = |roles: &BTreeSet<_>| partner_type::role_names(roles);
    let who = format!("group `{}` under `{}`", grantee.id, row.key);
    if !merged.removed_outside.is_empty() {
        let message =
            format!("{who} lost {} outside; it is not restored", named(&merged.removed_outside));
        let help = "find out who removed it and why, then approve it with `--approve HASH` or \
                    change the grant";
        draft.notice(REMOVED_OUTSIDE, Severity::Warning, message, Some(help));
    }
    if !merged.unmanaged.is_empty() {
        let message = format!("{who} holds {}, which nobody declared", named(&merged.unmanaged));
        let help = "declare it, or revoke it with `unmanagedAssignments: Revoke`";
        draft.notice(UNMANAGED, Severity::Warning, message, Some(help));
    }
    if !merged.adopted.is_empty() {
        let message = format!("{who} holds {} already; it is declared now", named(&merged.adopted));
        draft.notice(ADOPTED, Severity::Notice, message, None);
    }
}

/// Takes away what is over, as a change of its own, and gives what is left (L11).
fn expire(row: &Row<'_>, id: GranteeId, grantee: &Grantee, draft: &mut Draft<'_>) -> Assignment {
    let held = row.observed.and_then(|observed| observed.assignments.get(&id));
    let Some(held) = held.map(|assignment| &assignment.state) else {
        return Assignment::default();
    };
    let now = draft.now();
    let over = |until: &Timestamp| *until <= now;
    if !held.roles.values().any(over) && !held.recorded.values().any(over) {
        return held.clone();
    }
    let mut after = held.clone();
    after.roles.retain(|_, until| *until > now);
    after.recorded.retain(|_, until| *until > now);
    after.contributions.retain(|_, contribution| {
        contribution.roles.iter().any(|role| after.recorded.contains_key(role))
    });
    set_roles(row, grantee, held, &after, Cause::Expired, draft);
    after
}

/// Only what time does to the assignments of a row.
pub(super) fn plan_expiry(row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(observed) = row.observed else { return };
    for (id, assignment) in &observed.assignments {
        expire(row, *id, &assignment.grantee, draft);
    }
}

/// Takes everything away from every grantee of a row.
pub(super) fn plan_removal(row: &Row<'_>, cause: Cause, draft: &mut Draft<'_>) {
    let Some(observed) = row.observed else { return };
    for (id, assignment) in &observed.assignments {
        let before = expire(row, *id, &assignment.grantee, draft);
        set_roles(row, &assignment.grantee, &before, &Assignment::default(), cause, draft);
    }
}

/// Takes away what the grants of a row gave, save those that are retained or still declared as held.
pub(super) fn plan_revocation(row: &Row<'_>, desired: &Desired, draft: &mut Draft<'_>) {
    let Some(observed) = row.observed else { return };
    for (id, assignment) in &observed.assignments {
        let before = expire(row, *id, &assignment.grantee, draft);
        let mut left = before.contributions.clone();
        left.retain(|object, contribution| {
            let held = desired.grant_objects.get(object);
            contribution.deletion == GrantDeletionPolicy::Retain
                || matches!(held, Some(Standing::Suspended | Standing::Invalid))
        });
        let rules = Rules {
            now: draft.now(),
            ends_at: row.ends_at,
            ceiling: &row.ceiling,
            unmanaged: UnmanagedAssignments::Keep,
            gains: Gains::Withheld,
        };
        let merged = merge(&before, left, rules);
        for until in covered(&merged.after.contributions, draft.now(), row.ends_at).values() {
            draft.differs_at(*until);
        }
        set_roles(row, &assignment.grantee, &before, &merged.after, Cause::Deleted, draft);
    }
}

fn set_roles(
    row: &Row<'_>,
    grantee: &Grantee,
    before: &Assignment,
    after: &Assignment,
    cause: Cause,
    draft: &mut Draft<'_>,
) {
    if before == after {
        return;
    }
    let (grantee, before, after) = (grantee.clone(), before.clone(), after.clone());
    draft.change(&row.key, Effect::SetRoles { grantee, before, after }, cause);
}

fn set_approved(
    row: &Row<'_>,
    grantee: &Grantee,
    before: &Assignment,
    after: &Assignment,
    approval: Approval,
    draft: &mut Draft<'_>,
) {
    if before.roles == after.roles {
        return;
    }
    let (grantee, before, after) = (grantee.clone(), before.clone(), after.clone());
    let effect = Effect::SetRoles { grantee, before, after };
    draft.change_approved(&row.key, effect, Cause::Declared, approval);
}
