//! Lays what was seen at the service over what the book records.
//!
//! Never: a read or a write; what could not be read is said to be unread, and is not empty.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

use crate::{
    api::{Cloud, ManagementPolicy, PartnerType, RelationshipDeletionPolicy, UnmanagedAssignments},
    domain::{
        duration::Duration,
        ids::{GLOBAL_ADMINISTRATOR, GranteeId, RoleId, TenantId},
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
    let now = book.now;
    let names = seen.relationships.values();
    let names = names.map(|found| (named(&found.name), found.id.clone())).collect();
    let mut unclaimed = seen.relationships;
    let mut laid = Laid::new();
    let (mut unread, mut waiting) = (BTreeMap::new(), BTreeSet::new());
    for (first, rows) in &mut book.relationships {
        for row in rows {
            let Some(at) = row.at.clone() else { continue };
            let found = match unclaimed.remove(&at.id) {
                Some(found) => {
                    let ended = row.lifecycle.phase() == Phase::Ended;
                    if ended && found.stage.phase() == Phase::Pending {
                        waiting.insert(at.id.clone());
                    }
                    over(row, &found, now).map(|held| drop(laid.insert(at.id, held)))
                }
                None if gone.contains(&at.id) => forgotten(row, now),
                None => Err(Unread("the list lacks it".to_owned())),
            };
            if let Err(reason) = found {
                unread.insert(first.clone(), reason.to_string());
            }
        }
    }
    unclaimed.retain(|id, _| !claimed.contains_key(id));
    for (id, found) in &unclaimed {
        if let Ok(holdings) = found.holdings(now, |_, _| None) {
            laid.insert(id.clone(), roles(holdings));
        }
    }
    let Whose { partner, cloud, host, clock } = whose;
    let service =
        Service { partner, cloud, host, clock, unread, unclaimed, names, waiting, claimed };
    (Observed { service: Some(Box::new(service)), ..book }, laid)
}

fn roles(holdings: BTreeMap<GranteeId, SeenHolding>) -> BTreeMap<GranteeId, Roles> {
    holdings.into_iter().map(|(id, held)| (id, held.roles)).collect()
}

/// Lays one relationship over its row, and gives what is held.
fn over(
    row: &mut ObservedRelationship,
    found: &SeenRelationship,
    now: Timestamp,
) -> Result<BTreeMap<GranteeId, Roles>, Unread> {
    if let Some(fault) = &found.fault {
        return Err(fault.clone());
    }
    let theirs = found.customer.as_ref().map(|customer| customer.id);
    if let Some(theirs) = theirs.filter(|theirs| *theirs != row.invitation.customer) {
        return Err(Unread(format!(
            "its customer is `{theirs}` there, and `{}` by the ledger",
            row.invitation.customer
        )));
    }
    let stands = stands(row, found)?;
    let auto_extend = (found.auto_extend != row.auto_extend).then_some(found.auto_extend);
    let mut believed = BTreeMap::new();
    if !found.may_have_assignments() {
        // Of what has not begun, or is over, nobody asks who holds what: what was recorded gives nothing any more.
        row.moved = moved(stands, auto_extend, believed);
        let recorded = row.assignments.iter();
        return Ok(recorded.map(|(id, held)| (*id, held.state.roles.clone())).collect());
    }
    let recorded = |id: GranteeId, role: RoleId| -> Option<Timestamp> {
        row.assignments.get(&id)?.state.recorded.get(&role).copied()
    };
    let holdings = found.holdings(now, recorded)?;
    for (id, held) in &holdings {
        let nothing = || ObservedAssignment {
            grantee: held.grantee.clone(),
            version: 0,
            state: Assignment::default(),
            flight: held.flight,
        };
        row.assignments.entry(*id).or_insert_with(nothing);
    }
    for (id, assignment) in &mut row.assignments {
        let held = holdings.get(id);
        let roles = held.map(|held| held.roles.clone()).unwrap_or_default();
        let before = std::mem::replace(&mut assignment.state.roles, roles);
        if before != assignment.state.roles {
            believed.insert(*id, before);
        }
        assignment.flight = held.map(|held| held.flight).unwrap_or_default();
    }
    row.moved = moved(stands, auto_extend, believed);
    Ok(roles(holdings))
}

fn moved(
    stands: Option<Stands>,
    auto_extend: Option<Duration>,
    believed: BTreeMap<GranteeId, Roles>,
) -> Option<Box<Moved>> {
    let differs = stands.is_some() || auto_extend.is_some() || !believed.is_empty();
    differs.then(|| Box::new(Moved { stands, auto_extend, believed }))
}

/// How a name is compared: the service takes names that differ in case alone for the same.
fn named(name: &str) -> EcoString {
    name.to_lowercase().into()
}

/// How the service has moved a row on, where it has: a finer stage of the same phase is none. It never moves one back, and
/// takes nothing out of a ceiling but Global Administrator; what says so is not believed.
fn stands(row: &ObservedRelationship, found: &SeenRelationship) -> Result<Option<Stands>, Unread> {
    let recorded = row.stands();
    let stands = known(found, &recorded);
    let (was, is) = (row.lifecycle.phase(), found.stage.phase());
    let given_up = row.lifecycle == Lifecycle::Withdrawn;
    let mut dropped = recorded.ceiling.clone();
    dropped.remove(&GLOBAL_ADMINISTRATOR);
    if stands.ceiling != recorded.ceiling && stands.ceiling != dropped {
        return Err(Unread("its roles are others there than by the ledger".to_owned()));
    }
    let odd = |why: &str| Err(Unread(format!("it {why}, and stands there as `{}`", found.stage)));
    match (was, is) {
        (_, Phase::Unknown) => odd("is in a stage that this version does not know"),
        // It was given up here, and waits there until it lapses.
        (Phase::Ended, Phase::Pending) if given_up => Ok(None),
        (Phase::Ended, Phase::Active | Phase::Ending) if given_up => Ok(Some(stands)),
        (Phase::Ended, Phase::Ending | Phase::Ended) => Ok(None),
        (Phase::Ended, Phase::Pending | Phase::Active) => odd("is over by the ledger"),
        (Phase::Active | Phase::Ending, Phase::Pending) => odd("was approved by the ledger"),
        (Phase::Ending, Phase::Active) => odd("is ending by the ledger"),
        (Phase::Pending | Phase::Active | Phase::Ending | Phase::Unknown, _) => {
            let same_end = was == Phase::Pending || recorded.ends_at == stands.ends_at;
            let same = was == is && same_end && recorded.ceiling == stands.ceiling;
            Ok((!same).then_some(stands))
        }
    }
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

/// What the service has forgotten: what is over, and an invitation that nobody answered in time, which is over with that.
fn forgotten(row: &mut ObservedRelationship, now: Timestamp) -> Result<(), Unread> {
    let lapse = Duration::from_days(INVITATION_LAPSES_AFTER_DAYS);
    let has_lapsed = lapse.after(row.invited_at).is_some_and(|at| at <= now);
    match row.lifecycle.phase() {
        Phase::Ended => Ok(()),
        Phase::Pending if has_lapsed => {
            let stands = Stands { lifecycle: Lifecycle::Expired, ..row.stands() };
            row.moved = moved(Some(stands), None, BTreeMap::new());
            Ok(())
        }
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
    for row in observed.relationships.values_mut().flatten() {
        if let Some(stands) = row.moved.as_mut().and_then(|moved| moved.stands.take()) {
            let Stands { lifecycle, activated_at, ends_at, ceiling } = stands;
            (row.lifecycle, row.activated_at) = (lifecycle, activated_at);
            (row.ends_at, row.ceiling) = (ends_at, ceiling);
        }
        if row.at.is_some() {
            stays(row, now);
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
        let mut row = ObservedRelationship { key: key.clone(), ..row };
        stays(&mut row, now);
        observed.relationships.entry(key).or_default().push(row);
    }
}

/// What stands there beyond its end is held for as long as it does.
fn stays(row: &mut ObservedRelationship, now: Timestamp) {
    let stands = matches!(row.lifecycle.phase(), Phase::Active | Phase::Ending | Phase::Unknown);
    if !stands {
        return;
    }
    row.ends_at = row.ends_at.filter(|end| *end > now);
    let ends_at = row.ends_at.unwrap_or(Timestamp::MAX);
    let held = row.assignments.values_mut().map(|held| &mut held.state.roles);
    for (_, until) in held.flat_map(|roles| roles.iter_mut()) {
        if *until <= now {
            *until = ends_at;
        }
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
    let (holdings, unread) = match found.holdings(now, |_, _| None) {
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
