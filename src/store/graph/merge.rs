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
        lifecycle::{ENDED_IS_KEPT_FOR_DAYS, INVITATION_LAPSES_AFTER_DAYS, Lifecycle, Phase},
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
                    let given_up = row.lifecycle == Lifecycle::Withdrawn;
                    if given_up && found.stage.phase() == Phase::Pending {
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
        if let Ok(holdings) = found.holdings(now, found.ends_at, |_, _| None) {
            laid.insert(id.clone(), roles(holdings));
        }
    }
    let service =
        Service { unread, unclaimed, names, waiting, seen: true, ..unseen(whose, claimed) };
    (Observed { service: Some(Box::new(service)), ..book }, laid)
}

/// A service of which nothing was looked at but what the book has of it.
pub(super) fn unseen(whose: Whose, claimed: BTreeMap<ServiceId, RelationshipKey>) -> Service {
    let Whose { partner, cloud, host, clock } = whose;
    Service {
        partner,
        cloud,
        host,
        clock,
        seen: false,
        unread: BTreeMap::new(),
        unclaimed: BTreeMap::new(),
        names: BTreeMap::new(),
        waiting: BTreeSet::new(),
        underway: 0,
        claimed,
    }
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
    let holdings = found.holdings(now, found.ends_at.or(row.ends_at), recorded)?;
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
    differs.then(|| Box::new(Moved { stands, auto_extend, believed, extended_from: None }))
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
        (Phase::Active, Phase::Active) if stands.ends_at < recorded.ends_at => {
            odd("ends later by the ledger")
        }
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
    let kept = Duration::from_days(ENDED_IS_KEPT_FOR_DAYS);
    let kept_until = row.ends_at.and_then(|end| kept.after(end));
    let was_over = kept_until.is_some_and(|until| until <= now);
    match row.lifecycle.phase() {
        Phase::Ended => Ok(()),
        Phase::Active | Phase::Ending if was_over => {
            let stands = Stands { lifecycle: Lifecycle::Expired, ..row.stands() };
            row.moved = moved(Some(stands), None, BTreeMap::new());
            Ok(())
        }
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
            row.stand(stands);
        }
        if row.at.is_some() {
            stays(row, now);
        }
    }
    let mut taken: BTreeSet<RelationshipKey> =
        observed.relationships.values().flatten().map(|row| row.key.clone()).collect();
    let Some(service) = &mut observed.service else { return };
    for (id, found) in &service.unclaimed {
        let (row, unread) = of_nobody(found, service, now);
        // A name that a row here has as well is told apart by the id.
        let mut key = row.key.clone();
        if key.name.is_empty() || !taken.insert(key.clone()) {
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
    let (holdings, unread) = match found.holdings(now, found.ends_at, |_, _| None) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::state::{Doubts, Tenant};

    const HELPDESK: RoleId = crate::domain::ids::HELPDESK_ADMINISTRATOR;

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + number * 86_400).unwrap()
    }

    fn whose() -> Whose {
        let (partner, cloud) = (TenantId::from_u128(0xaa), Cloud::Global);
        Whose { partner, cloud, host: Host::Microsoft, clock: None }
    }

    /// A relationship at the service in this stage, with a ceiling of both roles.
    fn found(stage: &str) -> SeenRelationship {
        SeenRelationship {
            id: ServiceId::new("r1"),
            name: "acme".to_owned(),
            customer: Some(Tenant { id: TenantId::from_u128(0xbb), name: None }),
            stage: stage.to_owned().into(),
            duration: Some(Duration::from_days(730)),
            auto_extend: Duration::ZERO,
            roles: BTreeSet::from([GLOBAL_ADMINISTRATOR, HELPDESK]),
            created_at: Some(day(-100)),
            activated_at: Some(day(-99)),
            ends_at: Some(day(600)),
            etag: None,
            provider: None,
            fault: None,
            assignments: Ok(BTreeMap::new()),
        }
    }

    /// The row of that, as it was recorded in this stage.
    fn row(stage: &str) -> ObservedRelationship {
        let service = merge(
            Observed {
                now: day(0),
                relationships: BTreeMap::new(),
                acceptances: BTreeMap::new(),
                boundaries: BTreeMap::new(),
                doubts: Doubts::default(),
                service: None,
            },
            Found { seen: Seen::default(), gone: BTreeSet::new(), claimed: BTreeMap::new() },
            whose(),
        );
        let service = service.0.service.unwrap();
        of_nobody(&found(stage), &service, day(0)).0
    }

    /// What comes of a row and of what was seen of it: nothing new, another stage, or that it is unread.
    fn met(row: ObservedRelationship, seen: Option<SeenRelationship>, gone: bool) -> String {
        let first = row.key.clone();
        let id = ServiceId::new("r1");
        let book = Observed {
            now: day(0),
            relationships: BTreeMap::from([(first.clone(), vec![row])]),
            acceptances: BTreeMap::new(),
            boundaries: BTreeMap::new(),
            doubts: Doubts::default(),
            service: None,
        };
        let relationships = seen.into_iter().map(|seen| (id.clone(), seen)).collect();
        let found = Found {
            seen: Seen { now: None, relationships },
            gone: if gone { BTreeSet::from([id.clone()]) } else { BTreeSet::new() },
            claimed: BTreeMap::from([(id, first.clone())]),
        };
        let (observed, _) = merge(book, found, whose());
        let service = observed.service.as_ref().unwrap();
        assert!(service.unclaimed.is_empty(), "it is a row's");
        if let Some(reason) = service.unread.get(&first) {
            return format!("unread: {reason}");
        }
        let row = &observed.relationships[&first][0];
        match row.moved.as_ref().and_then(|moved| moved.stands.as_ref()) {
            None => "the same".to_owned(),
            Some(stands) => stands.lifecycle.to_string(),
        }
    }

    #[test]
    fn a_stage_is_taken_over_forwards_and_never_back() {
        let stages = ["ApprovalPending", "Active", "Terminating", "Terminated", "frozenSolid"];
        let expected = [
            ("ApprovalPending", ["the same", "Active", "Terminating", "Terminated", "unread"]),
            ("Active", ["unread", "the same", "Terminating", "Terminated", "unread"]),
            ("Terminating", ["unread", "unread", "the same", "Terminated", "unread"]),
            ("Terminated", ["unread", "unread", "the same", "the same", "unread"]),
            ("Expired", ["unread", "unread", "the same", "the same", "unread"]),
            // Given up here: the customer may still approve it there.
            ("Withdrawn", ["the same", "Active", "Terminating", "the same", "unread"]),
        ];
        for (was, becomes) in expected {
            for (is, becomes) in stages.iter().zip(becomes) {
                let told = met(row(was), Some(found(is)), false);
                assert!(told.starts_with(becomes), "{was} => {is}: {told}");
            }
        }
        for finer in ["Created", "Approved", "Activating"] {
            assert_eq!(met(row("ApprovalPending"), Some(found(finer)), false), "the same");
        }
    }

    #[test]
    fn what_the_service_never_changes_is_not_believed_and_what_it_does_not_say_is_as_recorded() {
        let with = |change: fn(&mut SeenRelationship)| {
            let mut seen = found("Active");
            change(&mut seen);
            met(row("Active"), Some(seen), false)
        };
        assert_eq!(with(|_| {}), "the same");
        assert_eq!(with(|seen| seen.customer = None), "the same");
        assert_eq!(with(|seen| seen.ends_at = None), "the same");
        assert_eq!(with(|seen| seen.activated_at = None), "the same");
        assert_eq!(with(|seen| seen.ends_at = Some(day(800))), "Active");
        assert_eq!(with(|seen| seen.roles = BTreeSet::from([HELPDESK])), "Active");
        let others: [fn(&mut SeenRelationship); 5] = [
            |seen| seen.roles = BTreeSet::from([GLOBAL_ADMINISTRATOR]),
            |seen| seen.roles.clear(),
            |seen| seen.roles.extend([RoleId::from_u128(7)]),
            |seen| seen.fault = Some(Unread("it is odd".to_owned())),
            |seen| {
                let id = TenantId::from_u128(0xcc);
                seen.customer = Some(Tenant { id, name: None });
            },
        ];
        for change in others {
            assert!(with(change).starts_with("unread"), "{}", with(change));
        }
        let mut unread = found("Active");
        unread.assignments = Err(Unread("it answers 500".to_owned()));
        assert_eq!(met(row("Active"), Some(unread), false), "unread: it answers 500");
    }

    #[test]
    fn what_is_not_listed_is_gone_only_where_the_service_says_so_and_may_have_forgotten_it() {
        for stage in ["ApprovalPending", "Active", "Terminating", "Terminated"] {
            assert_eq!(met(row(stage), None, false), "unread: the list lacks it");
        }
        assert_eq!(met(row("Terminated"), None, true), "the same");
        assert_eq!(met(row("ApprovalPending"), None, true), "Expired", "made 100 days ago");
        let mut young = row("ApprovalPending");
        young.invited_at = day(-10);
        assert!(met(young, None, true).starts_with("unread"));
        for stage in ["Active", "Terminating", "frozenSolid"] {
            assert!(met(row(stage), None, true).starts_with("unread"), "{stage}");
        }
    }
}
