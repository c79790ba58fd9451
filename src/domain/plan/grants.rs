//! What every grantee of a relationship should hold, row by row.
//!
//! Never: an assignment before the relationship is active (L2).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    Approval, Cause, Effect,
    assignment::{Gains, Merged, Rules, covered, merge},
    lifecycle::{NEWER_CATALOGUE, current},
    order::widens,
    relationship::{Draft, Latitude, Row, Uids},
};
use crate::{
    api::{AcceptanceDecision, Gates, GrantDeletionPolicy, UnmanagedAssignments},
    domain::{
        ids::{GranteeId, Kind, RoleId},
        lifecycle::{EndReason, Phase},
        partner_type,
        problem::{Code, Severity},
        state::{
            Absence, AcceptedText, Assignment, Contribution, Desired, DesiredGrant,
            DesiredRelationship, Grantee, ObjectName, Observed, Standing, Window,
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
    let active = |row: &Row<'_>| row.phase == Phase::Active;
    let current = current(rows, wish);
    if !rows.iter().any(active) && latitude == Latitude::Full {
        waiting(wish, rows, draft);
    }
    for (position, row) in rows.iter().enumerate() {
        match row.phase {
            Phase::Active if current == Some(position) || latitude != Latitude::Full => {
                boundaries(wish, row, draft);
                let others = rows.iter().filter(|other| other.number != row.number);
                let left: Vec<&Row<'_>> = match latitude {
                    Latitude::Full => others.filter(|other| active(other)).collect(),
                    Latitude::Suspended | Latitude::Observed => Vec::new(),
                };
                for grantee in grantees(wish, row, &left) {
                    let source = Source { wish, desired, row, left: &left };
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

/// What the roles of one row come from.
#[derive(Clone, Copy)]
struct Source<'a> {
    wish: &'a DesiredRelationship,
    desired: &'a Desired,
    row: &'a Row<'a>,
    /// Other active rows, which this one takes the place of.
    left: &'a [&'a Row<'a>],
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
            let help = "declare it, so that it moves to the successor";
            draft.notice(UNMANAGED, Severity::Warning, message, Some(help));
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
    let (grants, wait) = match wish.grants.len() {
        1 => ("1 grant".to_owned(), "waits"),
        many => (format!("{many} grants"), "wait"),
    };
    let message = format!("{grants} of `{}` {wait} until the customer has accepted", wish.object);
    draft.notice(GRANT_WAITS, Severity::Notice, message, None);
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
fn grantees(
    wish: &DesiredRelationship,
    row: &Row<'_>,
    left: &[&Row<'_>],
) -> BTreeMap<GranteeId, Grantee> {
    let mut grantees = BTreeMap::new();
    for observed in left.iter().chain([&row]).filter_map(|row| row.observed) {
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
    source: Source<'_>,
    (id, grantee): (GranteeId, Grantee),
    latitude: Latitude,
    gains: Gains,
    draft: &mut Draft<'_>,
) {
    let Source { wish, row, left, .. } = source;
    let before = expire(row, id, &grantee, draft);
    let known = with_predecessors(&before, left, id, &row.ceiling, draft.now());
    let wanted = contributions(source, id, &known, latitude, draft);
    let unmanaged = match latitude {
        Latitude::Full => wish.policies.unmanaged,
        Latitude::Suspended | Latitude::Observed => UnmanagedAssignments::Keep,
    };
    let rules =
        Rules { now: draft.now(), ends_at: row.ends_at, ceiling: &row.ceiling, unmanaged, gains };
    let merged = merge(&known, wanted.contributions, rules);
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
        let base = merged.restored.as_ref().unwrap_or(&merged.after);
        let newer = merge(base, newer, rules).after;
        set_approved(row, &grantee, base, &newer, Approval::NewCatalogue, draft);
    }
}

/// What is known of one grantee: what the row holds and, where it takes the place of others, what Concordat gave
/// there and what somebody took away there.
fn with_predecessors(
    before: &Assignment,
    left: &[&Row<'_>],
    id: GranteeId,
    ceiling: &BTreeSet<RoleId>,
    now: Timestamp,
) -> Assignment {
    let mut known = before.clone();
    for observed in left.iter().rev().filter_map(|row| row.observed) {
        let Some(assignment) = observed.assignments.get(&id) else { continue };
        let had = live(&assignment.state, now);
        for (object, contribution) in had.contributions {
            known.contributions.entry(object).or_insert(contribution);
        }
        for (role, recorded) in had.recorded {
            let here = known.roles.contains_key(&role) || known.recorded.contains_key(&role);
            if here || !ceiling.contains(&role) {
                continue;
            }
            known.recorded.insert(role, recorded);
            if let Some(held) = had.roles.get(&role) {
                known.roles.insert(role, recorded.min(*held));
            }
        }
    }
    known
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

/// What each grant adds for one grantee: as declared, or as recorded where the object is held or gone. What is only
/// recorded gives no role that it had not begun to give.
fn contributions(
    source: Source<'_>,
    id: GranteeId,
    before: &Assignment,
    latitude: Latitude,
    draft: &mut Draft<'_>,
) -> Wanted {
    let Source { wish, desired, .. } = source;
    let mut wanted =
        Wanted { contributions: BTreeMap::new(), gone: Gone::None, newer_catalogue: None };
    let mut newer = BTreeMap::new();
    for (object, recorded) in &before.contributions {
        let kept = match (wish.grants.get(object), latitude) {
            (_, Latitude::Observed) => Some(recorded.clone()),
            (Some(grant), _) => kept(grant, recorded, latitude, &mut wanted.gone),
            (None, _) => absent(object, recorded, desired, latitude, &mut wanted.gone, draft),
        };
        if let Some(mut kept) = kept {
            if latitude == Latitude::Full {
                kept.roles.retain(|role| before.recorded.contains_key(role));
            }
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
        let recorded = before.contributions.get(object);
        if let Some(recorded) = recorded.filter(|_| draft.uids == Uids::AsRecorded) {
            contribution.uid.clone_from(&recorded.uid);
        }
        if let Some(recorded) = recorded
            && recorded.asked.words == grant.asked.words
            && recorded.asked.catalogue != grant.asked.catalogue
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

/// What a recorded contribution becomes while its object is there. An object that is deleted takes away what it gave
/// itself, unless it says otherwise to the last.
fn kept(
    grant: &DesiredGrant,
    recorded: &Contribution,
    latitude: Latitude,
    gone: &mut Gone,
) -> Option<Contribution> {
    let held = latitude == Latitude::Suspended
        || matches!(grant.standing, Standing::Suspended | Standing::Invalid);
    if held {
        return Some(ends_no_later(recorded, grant.window.not_after));
    }
    if grant.standing == Standing::Deleted {
        if recorded.uid != grant.uid || grant.deletion == GrantDeletionPolicy::Retain {
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
        Some(Standing::Deleted) if recorded.deletion == GrantDeletionPolicy::Retain => {
            return Some(recorded.clone());
        }
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
    let after = live(held, draft.now());
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

/// What of an assignment is not over yet.
fn live(held: &Assignment, now: Timestamp) -> Assignment {
    let mut live = held.clone();
    live.roles.retain(|_, until| *until > now);
    live.recorded.retain(|_, until| *until > now);
    live.contributions.retain(|_, contribution| {
        contribution.window.not_after.is_none_or(|end| end > now)
            && contribution.roles.iter().any(|role| live.recorded.contains_key(role))
    });
    live
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
    let now = draft.now();
    let ends = |contribution: &Contribution| contribution.window.not_after;
    let mut still = before.clone();
    still.contributions.retain(|_, contribution| ends(contribution).is_none_or(|end| end > now));
    if still == *after {
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
