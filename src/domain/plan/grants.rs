//! What every grantee of a relationship should hold, row by row.
//!
//! Never: an assignment before the relationship is active (L2).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AccessNotice, AgreementStanding, Ahead, GrantNotice, GroupRoles, Notice,
    agreement::{access_waits, agreement},
    assignment::{Gains, Merged, Rules, covered, merge},
    contributions::{
        Revoked, Source, capped_by_declared, contributions, deletion, is_revoked, live,
        with_predecessors,
    },
    lifecycle::current,
    relationship::{Draft, Latitude, Row},
};
use crate::{
    api::{GrantDeletionPolicy, UnmanagedAssignments},
    domain::{
        change::{Approval, Cause, Effect, widens},
        ids::{GranteeId, RoleId},
        lifecycle::{EndReason, Phase},
        partner_type,
        state::{
            Assignment, Contribution, Contributions, Desired, DesiredGrant, DesiredRelationship,
            Flight, Grantee, ObjectName, Observed, Standing, Window,
        },
    },
};

/// Plans the assignments of every row.
pub(super) fn plan_grants(
    declared: &DesiredRelationship,
    rows: &[Row<'_>],
    desired: &Desired,
    latitude: Latitude,
    observed: &Observed,
    draft: &mut Draft<'_>,
) {
    let active = |row: &Row<'_>| row.lifecycle.phase() == Phase::Active;
    let current = current(rows, declared);
    let row = current.map(|position| &rows[position]);
    let gains = gate(declared, row, observed, latitude, draft);
    if !rows.iter().any(active) && latitude == Latitude::Full {
        waiting(declared, rows, draft);
    }
    for (position, row) in rows.iter().enumerate() {
        match row.lifecycle.phase() {
            Phase::Active if current == Some(position) || latitude != Latitude::Full => {
                boundaries(declared, row, draft);
                let others = rows.iter().filter(|other| other.number != row.number);
                let left: Vec<&Row<'_>> = match latitude {
                    Latitude::Full => others.filter(|other| active(other)).collect(),
                    Latitude::Suspended | Latitude::Invalid | Latitude::Observed => Vec::new(),
                };
                for grantee in grantees(declared, row, &left) {
                    let source = Source { declared, desired, row, left: &left };
                    plan_assignment(source, grantee, latitude, gains, draft);
                }
            }
            // What the successor gets is known to be there before anything is taken from its predecessor.
            Phase::Active if current.is_some_and(|current| is_in_flight(&rows[current])) => {
                plan_expiry(row, draft);
            }
            Phase::Active => {
                ends_unmanaged(row, draft);
                plan_removal(row, Cause::Replaced, draft);
                let effect = Effect::Terminate { reason: EndReason::Replaced };
                draft.change(&row.key, effect, Cause::Replaced);
            }
            Phase::Ended | Phase::Ending | Phase::Unknown => plan_expiry(row, draft),
            Phase::Pending => {}
        }
    }
}

/// Whether something under a row is on its way at the service, or leaves: who holds what under it is not known yet.
fn is_in_flight(row: &Row<'_>) -> bool {
    let mut held = row.observed.iter().flat_map(|row| row.assignments.values());
    held.any(|held| held.flight != Flight::Landed)
}

/// Says who loses what nobody declared when a row is replaced: it does not move to the successor.
fn ends_unmanaged(row: &Row<'_>, draft: &mut Draft<'_>) {
    for assignment in row.observed.iter().flat_map(|row| row.assignments.values()) {
        let held = live(&assignment.state, draft.now());
        let unmanaged: BTreeSet<_> =
            held.roles.keys().filter(|role| !held.recorded.contains_key(role)).copied().collect();
        if !unmanaged.is_empty() {
            let (row, grantee) = (row.key.clone(), assignment.grantee.id);
            let ends = GroupRoles { row, grantee, roles: unmanaged };
            draft.tell(Notice::Access, AccessNotice::UnmanagedEnds(ends));
        }
    }
}

/// The agreement gates purchasing, and access where asked (L8): that of the row in which access is held, whatever became of
/// the offer, and that of the offer, for what is still to come.
fn gate(
    declared: &DesiredRelationship,
    row: Option<&Row<'_>>,
    observed: &Observed,
    latitude: Latitude,
    draft: &mut Draft<'_>,
) -> Gains {
    if latitude != Latitude::Full {
        return Gains::Withheld;
    }
    let own = row.map(|row| (&row.key, &row.invitation));
    let now = draft.now();
    match agreement(declared, own, &observed.acceptances, now) {
        AgreementStanding::NotAsked | AgreementStanding::Accepted => return Gains::Allowed,
        AgreementStanding::Awaited => {}
    }
    if partner_type::may_sell(declared.invitation.type_) {
        draft.tell(Notice::Access, AccessNotice::AgreementNotAccepted);
    }
    if !access_waits(declared, own, &observed.acceptances, now) {
        return Gains::Allowed;
    }
    if !declared.grants.is_empty() {
        draft.tell(Notice::Access, AccessNotice::WaitsForAgreement);
    }
    Gains::Withheld
}

fn waiting(declared: &DesiredRelationship, rows: &[Row<'_>], draft: &mut Draft<'_>) {
    if declared.grants.is_empty() || rows.iter().all(|row| row.lifecycle.phase() != Phase::Pending)
    {
        return;
    }
    draft.tell(Notice::Access, AccessNotice::WaitsForCustomer(declared.grants.len()));
}

/// The instants at which a window of this row begins or ends.
fn boundaries(declared: &DesiredRelationship, row: &Row<'_>, draft: &mut Draft<'_>) {
    for (object, grant) in &declared.grants {
        let Window { not_before, not_after } = grant.window;
        for instant in [not_before, not_after].into_iter().flatten() {
            draft.differs_at(instant);
        }
        begins(object, grant, row, draft);
        let (Some(not_after), Some(ends_at)) = (not_after, row.ends_at) else { continue };
        let begins = grant.window.not_before.is_none_or(|from| from < ends_at);
        if not_after > ends_at && begins && grant.standing == Standing::Live {
            let told = GrantNotice::CutAtEnd { row: row.key.clone(), ends_at, not_after };
            draft.tell_of(object, Notice::Grant, told);
        }
    }
}

/// Tells what begins later: no change tells it before then.
fn begins(object: &ObjectName, grant: &DesiredGrant, row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(from) = grant.window.not_before.filter(|from| *from > draft.now()) else { return };
    let until = grant.window.not_after;
    if grant.standing != Standing::Live || until.is_some_and(|until| until <= from) {
        return;
    }
    if let Some(ends_at) = row.ends_at.filter(|end| *end <= from) {
        let told = GrantNotice::NeverBegins { row: row.key.clone(), ends_at, from };
        draft.tell_of(object, Notice::Grant, told);
        return;
    }
    let (row_key, roles) = (row.key.clone(), grant.roles.clone());
    let gives = GroupRoles { row: row_key, grantee: grant.grantee.id, roles };
    draft.tell_of(object, Notice::Grant, GrantNotice::BeginsLater { gives, from, until });
    let until = until.filter(|until| row.ends_at.is_none_or(|end| *until < end));
    draft.plan.ahead.push(Ahead { roles: grant.roles.clone(), from, until });
}

/// Every grantee that holds something or is to hold something, as the input names it where it does.
fn grantees(
    declared: &DesiredRelationship,
    row: &Row<'_>,
    left: &[&Row<'_>],
) -> BTreeMap<GranteeId, Grantee> {
    let mut grantees = BTreeMap::new();
    for observed in left.iter().chain([&row]).filter_map(|row| row.observed) {
        for (id, assignment) in &observed.assignments {
            grantees.insert(*id, assignment.grantee.clone());
        }
    }
    for grant in declared.grants.values() {
        grantees.insert(grant.grantee.id, grant.grantee.clone());
    }
    grantees
}

fn plan_assignment(
    source: Source<'_>,
    (id, grantee): (GranteeId, Grantee),
    latitude: Latitude,
    gains: Gains,
    draft: &mut Draft<'_>,
) {
    let Source { declared, row, left, .. } = source;
    let before = expire(row, id, &grantee, draft);
    if row.at.is_some() && draft.plan.clocks_differ && live(&before, draft.now()) != before {
        return;
    }
    let known = with_predecessors(&before, left, id, &row.ceiling, draft.now());
    let wanted = contributions(source, id, &known, latitude, draft);
    let unmanaged = match latitude {
        Latitude::Full => declared.policies.unmanaged,
        Latitude::Suspended | Latitude::Invalid | Latitude::Observed => UnmanagedAssignments::Keep,
    };
    let rules =
        Rules { now: draft.now(), ends_at: row.ends_at, ceiling: &row.ceiling, unmanaged, gains };
    let mut merged = merge(&known, wanted.contributions, rules);
    if latitude == Latitude::Observed {
        // What is declared and only watched is no less declared.
        for (_, grant) in declared.grants.given_to(id) {
            merged.unmanaged.retain(|role| !grant.roles.contains(role));
        }
    }
    if in_flight(row, id, &before, &merged.after, draft) {
        return;
    }
    report(&merged, &grantee, row, draft);
    for until in merged.after.roles.values() {
        draft.differs_at(*until);
        if row.at.is_some() && row.ends_at.is_none_or(|end| *until < end) {
            let ahead = &mut draft.plan.ends_ahead;
            *ahead = Some(ahead.map_or(*until, |earlier| earlier.min(*until)));
        }
    }
    let cause = cause(&before, &merged, wanted.revoked);
    set_roles(row, &grantee, &before, &merged.after, cause, draft);
    if let Some(restored) = &merged.restored {
        let approval = Approval::RemovedOutside;
        set_approved(row, &grantee, &merged.after, restored, approval, draft);
    }
    if let Some(newer) = wanted.newer_catalogue {
        let base = merged.restored.as_ref().unwrap_or(&merged.after);
        let newer = merge(base, newer, rules).after;
        set_approved(row, &grantee, base, &newer, Approval::NewCatalogue, draft);
    }
}

/// Whether what a grantee holds is on its way at the service, and nothing may follow before that has landed. What is
/// being taken away needs nothing more, and what was sent may only be taken away.
fn in_flight(
    row: &Row<'_>,
    id: GranteeId,
    before: &Assignment,
    after: &Assignment,
    draft: &mut Draft<'_>,
) -> bool {
    let held = row.observed.and_then(|observed| observed.assignments.get(&id));
    let flight = held.map_or(Flight::Landed, |held| held.flight);
    let waits = match flight {
        Flight::Landed => return false,
        Flight::Leaving => true,
        Flight::Arriving | Flight::Unknown => !takes_away(before, after),
    };
    let row = row.key.clone();
    draft.tell(Notice::Access, AccessNotice::InFlight { row, grantee: id, flight });
    waits
}

fn takes_away(before: &Assignment, after: &Assignment) -> bool {
    !widens(&before.roles, &after.roles) && before.roles != after.roles
}

fn cause(before: &Assignment, merged: &Merged, revoked: Revoked) -> Cause {
    let only_loses = !widens(&before.roles, &merged.after.roles);
    match revoked {
        Revoked::Yes if only_loses => Cause::Deleted,
        Revoked::Yes | Revoked::No if only_loses && !merged.revoked_unmanaged.is_empty() => {
            Cause::Unmanaged
        }
        Revoked::Yes | Revoked::No => Cause::Declared,
    }
}

fn report(merged: &Merged, grantee: &Grantee, row: &Row<'_>, draft: &mut Draft<'_>) {
    let of = |roles: &BTreeSet<RoleId>| {
        let (row, grantee, roles) = (row.key.clone(), grantee.id, roles.clone());
        GroupRoles { row, grantee, roles }
    };
    let Merged { removed_outside, unmanaged, adopted, .. } = merged;
    if !removed_outside.is_empty() {
        draft.tell(Notice::Access, AccessNotice::RemovedOutside(of(removed_outside)));
    }
    if !unmanaged.is_empty() {
        draft.tell(Notice::Access, AccessNotice::Unmanaged(of(unmanaged)));
    }
    if !adopted.is_empty() {
        draft.tell(Notice::Access, AccessNotice::Adopted(of(adopted)));
    }
}

/// Takes away what is over, as a change of its own, and gives what is left (L11).
fn expire(row: &Row<'_>, id: GranteeId, grantee: &Grantee, draft: &mut Draft<'_>) -> Assignment {
    let held = row.observed.and_then(|observed| observed.assignments.get(&id));
    let Some(held) = held.map(|assignment| &assignment.state) else {
        return Assignment::default();
    };
    let after = live(held, draft.now());
    if after != *held && row.at.is_some() && draft.plan.clocks_differ {
        // An end is not taken away by a clock that nobody trusts.
        draft.plan.ends_kept += 1;
        return held.clone();
    }
    let windows = after.contributions.values().filter_map(|given| given.window.not_after.as_ref());
    for until in after.roles.values().chain(after.recorded.values()).chain(windows) {
        draft.differs_at(*until);
    }
    if after.roles != held.roles || after.recorded != held.recorded {
        set_roles(row, grantee, held, &after, Cause::Expired, draft);
        return after;
    }
    held.clone()
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
    let revoked = |object: &ObjectName, recorded: &Contribution| {
        let said = desired.grant_objects.get(object).map(|said| said.standing);
        let held = matches!(said, Some(Standing::Suspended | Standing::Invalid));
        !held && deletion(object, recorded, desired) == GrantDeletionPolicy::Revoke
    };
    plan_rest(row, desired, revoked, draft);
}

/// Takes away what those grants of a row gave that are on their way out, where nothing else is done with the row.
pub(super) fn plan_leaving(row: &Row<'_>, desired: &Desired, draft: &mut Draft<'_>) {
    plan_rest(row, desired, |object, recorded| is_revoked(object, recorded, desired), draft);
}

/// Takes away what goes; what stays ends no later than its object says.
fn plan_rest(
    row: &Row<'_>,
    desired: &Desired,
    revoked: impl Fn(&ObjectName, &Contribution) -> bool,
    draft: &mut Draft<'_>,
) {
    let Some(observed) = row.observed else { return };
    for (id, assignment) in &observed.assignments {
        let before = expire(row, *id, &assignment.grantee, draft);
        let mut left = Contributions::new();
        for (object, recorded) in &before.contributions {
            if !revoked(object, recorded) {
                let kept = capped_by_declared(object, recorded, desired, draft);
                left.insert(object.clone(), Box::new(kept));
            }
        }
        if left == before.contributions {
            continue;
        }
        let cause =
            if left.len() < before.contributions.len() { Cause::Deleted } else { Cause::Declared };
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
        set_roles(row, &assignment.grantee, &before, &merged.after, cause, draft);
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
    let now = draft.now();
    let ends = |contribution: &Contribution| contribution.window.not_after;
    let mut still = before.clone();
    still.contributions.retain(|_, contribution| ends(contribution).is_none_or(|end| end > now));
    let known = row.observed.and_then(|observed| observed.assignments.get(&grantee.id));
    if known.is_some_and(|known| known.flight == Flight::Leaving) {
        // It goes already, and needs nothing more.
        return;
    }
    let name = known.and_then(|known| known.grantee.name.as_ref());
    let renamed = known.is_some() && grantee.name.is_some() && name != grantee.name.as_ref();
    let holds = !after.contributions.is_empty();
    if still == *after && !(renamed && holds) {
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
