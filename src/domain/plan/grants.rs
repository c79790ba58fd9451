//! What every grantee of a relationship should hold, row by row.
//!
//! Never: an assignment before the relationship is active (L2).

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AgreementStanding, Ahead,
    agreement::{access_waits, agreement},
    assignment::{Gains, Merged, Rules, covered, merge},
    contributions::{
        Revoked, Source, capped_by_declared, contributions, deletion, is_revoked, live,
        with_predecessors,
    },
    lifecycle::current,
    relationship::{Draft, Latitude, Row},
    service::IN_FLIGHT,
};
use crate::{
    api::{GrantDeletionPolicy, UnmanagedAssignments},
    domain::{
        change::{Approval, Cause, Effect, widens},
        ids::{GranteeId, Kind},
        lifecycle::{EndReason, Phase},
        partner_type,
        problem::{Code, Severity},
        state::{
            Assignment, Contribution, Contributions, Desired, DesiredGrant, DesiredRelationship,
            Flight, Grantee, ObjectName, Observed, Standing, Window,
        },
    },
};

/// Access was removed outside and is not restored by itself (L12).
pub const REMOVED_OUTSIDE: Code = Code(502);
/// Access that nobody declared stays.
pub const UNMANAGED: Code = Code(503);
/// Access that nobody declared is declared now.
pub const ADOPTED: Code = Code(504);
/// The agreement is not accepted: nothing can be bought.
pub const AGREEMENT_NOT_ACCEPTED: Code = Code(511);
/// The agreement is not accepted, and access waits for it.
pub const ACCESS_WAITS: Code = Code(512);
/// A window is cut at the end of the relationship.
pub const CUT_AT_END: Code = Code(514);
/// A grant gives roles from a later instant on.
pub const BEGINS_LATER: Code = Code(523);
/// A grant would begin when its relationship is over.
pub const NEVER_BEGINS: Code = Code(524);
/// A grant waits until the customer has accepted.
pub const GRANT_WAITS: Code = Code(522);

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

/// Says who loses what nobody declared when a row is replaced: it does not move to the successor.
fn ends_unmanaged(row: &Row<'_>, draft: &mut Draft<'_>) {
    for assignment in row.observed.iter().flat_map(|row| row.assignments.values()) {
        let held = live(&assignment.state, draft.now());
        let unmanaged: BTreeSet<_> =
            held.roles.keys().filter(|role| !held.recorded.contains_key(role)).copied().collect();
        if !unmanaged.is_empty() {
            let message = format!(
                "group `{}` holds {} under `{}`, which nobody declared: it ends with it",
                assignment.grantee.id,
                partner_type::role_names(&unmanaged),
                row.key
            );
            let way_out = "declare it, so that it moves to the successor";
            draft.notice_outside(&row.key, UNMANAGED, Severity::Warning, message, Some(way_out));
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
        let message = format!(
            "`{}` can neither purchase nor manage subscriptions: the customer has not accepted \
             the agreement",
            declared.object
        );
        let help = "record it with `concordat accept`";
        draft.notice(AGREEMENT_NOT_ACCEPTED, Severity::Notice, message, Some(help));
    }
    if !access_waits(declared, own, &observed.acceptances, now) {
        return Gains::Allowed;
    }
    if !declared.grants.is_empty() {
        let message = format!("the grants of `{}` wait for the agreement", declared.object);
        let help = "record it with `concordat accept`";
        draft.notice(ACCESS_WAITS, Severity::Notice, message, Some(help));
    }
    Gains::Withheld
}

fn waiting(declared: &DesiredRelationship, rows: &[Row<'_>], draft: &mut Draft<'_>) {
    if declared.grants.is_empty() || rows.iter().all(|row| row.lifecycle.phase() != Phase::Pending)
    {
        return;
    }
    let (grants, wait) = match declared.grants.len() {
        1 => ("1 grant".to_owned(), "waits"),
        many => (format!("{many} grants"), "wait"),
    };
    let message =
        format!("{grants} of `{}` {wait} until the customer has accepted", declared.object);
    draft.notice(GRANT_WAITS, Severity::Notice, message, None);
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
            let message =
                format!("`{object}` ends at {ends_at} with `{}`, not at {not_after}", row.key);
            let (code, object) = (CUT_AT_END, Some(object));
            draft.notice_about(Kind::RoleGrant, object, code, Severity::Notice, message, None);
        }
    }
}

/// Tells what begins later: no change tells it before then.
fn begins(object: &ObjectName, grant: &DesiredGrant, row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(from) = grant.window.not_before.filter(|from| *from > draft.now()) else { return };
    let (until, key) = (grant.window.not_after, Some(object));
    if grant.standing != Standing::Live || until.is_some_and(|until| until <= from) {
        return;
    }
    if let Some(ends_at) = row.ends_at.filter(|end| *end <= from) {
        let message = format!(
            "`{object}` never begins: `{}` ends at {ends_at}, and it would begin at {from}",
            row.key
        );
        let help = "let it begin earlier, or renew the relationship";
        let severity = Severity::Warning;
        draft.notice_about(Kind::RoleGrant, key, NEVER_BEGINS, severity, message, Some(help));
        return;
    }
    let end = until.map_or("the end of the relationship".to_owned(), |end| end.to_string());
    let message = format!(
        "`{object}` gives group `{}` {} under `{}` from {from} until {end}",
        grant.grantee.id,
        partner_type::role_names(&grant.roles),
        row.key
    );
    let (code, severity) = (BEGINS_LATER, Severity::Notice);
    draft.notice_about(Kind::RoleGrant, key, code, severity, message, None);
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
    let (what, waits) = match held.map_or(Flight::Landed, |held| held.flight) {
        Flight::Landed => return false,
        Flight::Leaving => ("is being taken away", true),
        Flight::Arriving => ("is on its way", !takes_away(before, after)),
        Flight::Unknown => ("is in a state that is not understood", !takes_away(before, after)),
    };
    let message = format!("what group `{id}` holds under `{}` {what} at Microsoft", row.key);
    draft.notice(IN_FLIGHT, Severity::Notice, message, None);
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
    let named = |roles: &BTreeSet<_>| partner_type::role_names(roles);
    let who = format!("group `{}` under `{}`", grantee.id, row.key);
    if !merged.removed_outside.is_empty() {
        let message =
            format!("{who} lost {} outside; it is not restored", named(&merged.removed_outside));
        let help = "find out who removed it and why, then approve it (`--approve HASH`, or on a cluster the \
                    annotation `concordat.dev/approve`) or change the grant";
        draft.notice_outside(&row.key, REMOVED_OUTSIDE, Severity::Warning, message, Some(help));
    }
    if !merged.unmanaged.is_empty() {
        let message = format!("{who} holds {}, which nobody declared", named(&merged.unmanaged));
        let help = "declare it, or revoke it with `unmanagedAssignments: Revoke`";
        draft.notice_outside(&row.key, UNMANAGED, Severity::Warning, message, Some(help));
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
    let after = live(held, draft.now());
    if after != *held && row.at.is_some() && draft.plan.clocks_differ {
        // An end is not taken away by a clock that nobody trusts.
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
