//! Lays what was seen at the service over what the book records.
//!
//! Never: a read or a write; what could not be read is said to be unread, and is not empty.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{Cloud, ManagementPolicy, PartnerType, RelationshipDeletionPolicy, UnmanagedAssignments},
    domain::{
        duration::Duration,
        ids::{GranteeId, RoleId, TenantId},
        lifecycle::{INVITATION_LAPSES_AFTER_DAYS, Lifecycle, Phase},
        state::{
            Asked, Assignment, AtService, Host, Invitation, Moved, Observed, ObservedAssignment,
            ObservedRelationship, Owner, Policies, RelationshipKey, Roles, Service, Stands, Uid,
            seen::{Seen, SeenHolding, SeenRelationship, ServiceId, Unread},
        },
    },
    store::Laid,
};

/// Whose relationships were read, and at whose hosts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose {
    pub partner: TenantId,
    pub cloud: Cloud,
    pub host: Host,
    /// By how much the service's clock is ahead of ours, where they do not agree.
    pub clock: Option<SignedDuration>,
}

/// What was read there.
pub(super) struct Found {
    pub seen: Seen,
    /// Those that the book knows and the service does not, by its own word.
    pub gone: BTreeSet<ServiceId>,
    /// The row that each relationship is for, in the whole book.
    pub claimed: BTreeMap<ServiceId, RelationshipKey>,
}

/// The book with what was seen laid over it, and what is held there by whom.
pub(super) fn merge(mut book: Observed, found: Found, whose: Whose) -> (Observed, Laid) {
    let Found { seen, gone, claimed } = found;
    let mut unclaimed = seen.relationships;
    let mut laid = Laid::new();
    let mut unread = BTreeMap::new();
    for (first, rows) in &mut book.relationships {
        for row in rows {
            let Some(at) = row.at.clone() else { continue };
            let found = match unclaimed.remove(&at.id) {
                Some(found) => over(row, &found).map(|held| drop(laid.insert(at.id, held))),
                None if gone.contains(&at.id) => may_be_gone(row, book.now),
                None => Err(Unread("the list lacks it".to_owned())),
            };
            if let Err(reason) = found {
                unread.insert(first.clone(), reason.to_string());
            }
        }
    }
    unclaimed.retain(|id, _| !claimed.contains_key(id));
    for (id, found) in &unclaimed {
        if let Ok(holdings) = found.holdings(|_, _| None) {
            laid.insert(id.clone(), roles(holdings));
        }
    }
    let names = unclaimed.values().map(|found| (found.name.as_str().into(), found.id.clone()));
    let names = names.collect();
    let Whose { partner, cloud, host, clock } = whose;
    let service = Service { partner, cloud, host, clock, unread, unclaimed, names, claimed };
    (Observed { service: Some(Box::new(service)), ..book }, laid)
}

fn roles(holdings: BTreeMap<GranteeId, SeenHolding>) -> BTreeMap<GranteeId, Roles> {
    holdings.into_iter().map(|(id, held)| (id, held.roles)).collect()
}

/// Lays one relationship over its row, and gives what is held.
fn over(
    row: &mut ObservedRelationship,
    found: &SeenRelationship,
) -> Result<BTreeMap<GranteeId, Roles>, Unread> {
    if let Some(fault) = &found.fault {
        return Err(fault.clone());
    }
    let stands = stands(row, found)?;
    let auto_extend = (found.auto_extend != row.auto_extend).then_some(found.auto_extend);
    if !found.may_have_assignments() {
        // Of what has not begun, or is over, nobody asks who holds what: what was recorded gives nothing any more.
        row.moved = moved(stands, auto_extend);
        return Ok(row
            .assignments
            .iter()
            .map(|(id, held)| (*id, held.state.roles.clone()))
            .collect());
    }
    let recorded = |id: GranteeId, role: RoleId| -> Option<Timestamp> {
        row.assignments.get(&id)?.state.recorded.get(&role).copied()
    };
    let holdings = found.holdings(recorded)?;
    for assignment in row.assignments.values_mut() {
        assignment.state.roles = Roles::new();
    }
    for (id, held) in &holdings {
        let nothing = || ObservedAssignment {
            grantee: held.grantee.clone(),
            version: 0,
            state: Assignment::default(),
            flight: held.flight,
        };
        let assignment = row.assignments.entry(*id).or_insert_with(nothing);
        assignment.state.roles.clone_from(&held.roles);
        assignment.flight = held.flight;
    }
    row.moved = moved(stands, auto_extend);
    Ok(roles(holdings))
}

fn moved(stands: Option<Stands>, auto_extend: Option<Duration>) -> Option<Box<Moved>> {
    let differs = stands.is_some() || auto_extend.is_some();
    differs.then(|| Box::new(Moved { stands, auto_extend }))
}

/// How the service has moved a row on, where it has: a finer stage of the same phase is none.
fn stands(row: &ObservedRelationship, found: &SeenRelationship) -> Result<Option<Stands>, Unread> {
    let recorded = row.stands();
    let (was, is) = (row.lifecycle.phase(), found.stage.phase());
    if was == Phase::Ended && is != Phase::Ended {
        let given_up = row.lifecycle == Lifecycle::Withdrawn;
        return match is {
            // It was given up here, and waits there until it lapses.
            Phase::Pending if given_up => Ok(None),
            Phase::Active | Phase::Ending if given_up => Ok(Some(known(found, &recorded))),
            Phase::Ending => Ok(None),
            Phase::Pending | Phase::Active | Phase::Unknown | Phase::Ended => Err(Unread(format!(
                "it is over by the ledger, and stands there as `{}`",
                found.stage
            ))),
        };
    }
    let stands = known(found, &recorded);
    let same_stage = was == is && (is != Phase::Unknown || recorded.lifecycle == stands.lifecycle);
    let same = same_stage
        && (was == Phase::Pending || recorded.ends_at == stands.ends_at)
        && recorded.ceiling == stands.ceiling;
    Ok((!same).then_some(stands))
}

/// What the service says; where it does not say when, what was recorded.
fn known(found: &SeenRelationship, recorded: &Stands) -> Stands {
    let Stands { lifecycle, activated_at, ends_at, ceiling } = found.stands();
    Stands {
        lifecycle,
        activated_at: activated_at.or(recorded.activated_at),
        ends_at: ends_at.or(recorded.ends_at),
        ceiling,
    }
}

/// Whether the service may have forgotten it: what is over, and an invitation that nobody answered in time.
fn may_be_gone(row: &ObservedRelationship, now: Timestamp) -> Result<(), Unread> {
    let lapse = Duration::from_days(INVITATION_LAPSES_AFTER_DAYS);
    let has_lapsed = lapse.after(row.invited_at).is_some_and(|at| at <= now);
    match row.lifecycle.phase() {
        Phase::Ended => Ok(()),
        Phase::Pending if has_lapsed => Ok(()),
        Phase::Pending | Phase::Active | Phase::Ending | Phase::Unknown => Err(Unread(
            "the service does not know it (404), and nothing that is not over is ever forgotten there"
                .to_owned(),
        )),
    }
}

/// What is held now, for whoever asks who can do something: also beyond its end, until that is read back as gone, and under
/// what nobody here has made.
pub(super) fn held(observed: &mut Observed) {
    let now = observed.now;
    let rows = observed.relationships.values_mut().flatten();
    for row in rows.filter(|row| row.at.is_some() && row.gives_access(now)) {
        let ends_at = row.ends_at.unwrap_or(Timestamp::MAX);
        let held = row.assignments.values_mut().map(|held| &mut held.state.roles);
        for (_, until) in held.flat_map(|roles| roles.iter_mut()) {
            if *until <= now {
                *until = ends_at;
            }
        }
    }
    let Some(service) = &mut observed.service else { return };
    for (id, found) in &service.unclaimed {
        let (row, unread) = of_nobody(found, service, now);
        // A name that a row here has as well is told apart by the id.
        let mut key = row.key.clone();
        if key.name.is_empty() || observed.relationships.contains_key(&key) {
            key.name = id.0.clone();
        }
        if let Some(reason) = unread {
            service.unread.insert(key.clone(), reason.to_string());
        }
        let row = ObservedRelationship { key: key.clone(), ..row };
        observed.relationships.entry(key).or_default().push(row);
    }
}

/// The row that would be for what nobody here has made, and why not all of it could be read, where that is so.
fn of_nobody(
    found: &SeenRelationship,
    service: &Service,
    now: Timestamp,
) -> (ObservedRelationship, Option<Unread>) {
    let customer = found.customer.clone();
    let invitation = Invitation {
        partner: service.partner,
        customer: customer.as_ref().map_or(TenantId::from_u128(0), |customer| customer.id),
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: service.cloud,
        name: found.name.clone(),
        roles: found.roles.clone(),
        duration: found.duration.and_then(|duration| duration.try_into().ok()),
        auto_extend: found.auto_extend,
        agreement: None,
        terms: None,
    };
    let (holdings, unread) = match found.holdings(|_, _| None) {
        Ok(holdings) => (holdings, None),
        Err(unread) => (BTreeMap::new(), Some(unread)),
    };
    let assignment = |(id, held): (GranteeId, SeenHolding)| {
        let SeenHolding { grantee, roles, flight } = held;
        let state = Assignment { roles, ..Assignment::default() };
        (id, ObservedAssignment { grantee, version: 0, state, flight })
    };
    let row = ObservedRelationship {
        key: RelationshipKey {
            cloud: service.cloud,
            partner: service.partner,
            name: found.name.as_str().into(),
        },
        number: 1,
        owner: Owner::nobody(),
        uid: Uid::of_file(),
        revision: 0,
        customer_name: customer.and_then(|customer| customer.name),
        partner_name: None,
        lifecycle: found.stage.clone(),
        digest: invitation.digest(),
        asked: Asked { words: BTreeSet::new(), catalogue: String::new() },
        invited_at: found.created_at.unwrap_or(now),
        activated_at: found.activated_at,
        ends_at: found.ends_at,
        auto_extend: found.auto_extend,
        ceiling: found.roles.clone(),
        ended: None,
        policies: Policies {
            deletion: RelationshipDeletionPolicy::Retain,
            unmanaged: UnmanagedAssignments::Keep,
            management: ManagementPolicy::Observe,
        },
        at: Some(AtService { id: found.id.clone(), host: service.host }),
        moved: None,
        assignments: holdings.into_iter().map(assignment).collect(),
        invitation,
    };
    (row, unread)
}
