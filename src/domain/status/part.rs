//! What one grant comes to under one relationship: small enough to be remembered for each of hundreds.
//!
//! Never: access taken for held that no contribution of this grant explains.

use std::collections::BTreeSet;

use ecow::EcoString;
use jiff::Timestamp;

use super::{
    Hold,
    condition::{Drift, Stand, Verdict},
    earlier, offer,
    readiness::{self, suspended},
    reason::Reason,
    relationship::RelationshipFacts,
    rows::{Given, Rows, end},
    text,
};
use crate::{
    api::{GrantDeletionPolicy, ManagementPolicy},
    domain::{
        change::Change,
        digest::Digest,
        ids::RoleId,
        lifecycle::Phase,
        limits::{Batch, member},
        plan::access_waits,
        state::{
            Assignment, Contribution, DesiredGrant, DesiredRelationship, Flight, ObjectName,
            ObservedRelationship, Standing, Window,
        },
    },
};

/// How much of a grant is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// Some of its roles.
    Part,
    /// Every role.
    Everything,
}

/// What one grant comes to under one relationship.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPart {
    pub(super) verdict: Verdict,
    pub(super) held: Held,
    /// When it ceases to be held, where it is held and has an end.
    pub(super) ends_at: Option<Timestamp>,
    /// The roles that are asked for, and the catalogue that resolved them.
    pub(super) roles: Box<[RoleId]>,
    pub(super) catalogue: Option<EcoString>,
    pub(super) window: Window,
    /// Whether it is only observed, and differs.
    pub(super) drift: Drift,
    /// Roles that somebody took away outside.
    pub(super) removed_outside: BTreeSet<RoleId>,
    /// The batches that it waits for.
    pub(super) blocked: BTreeSet<Digest>,
    pub(super) next_change: Option<Timestamp>,
}

impl GrantPart {
    /// How far it is under this relationship.
    pub fn stand(&self) -> Stand {
        self.verdict.stand
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.verdict.reason
    }

    /// How much of it is held.
    pub fn held(&self) -> Held {
        self.held
    }
}

/// What the grant `object` comes to under the relationship of which `facts` tell.
pub fn grant_part(object: &ObjectName, facts: &RelationshipFacts<'_>, now: Timestamp) -> GrantPart {
    let rows = readiness::rows(facts, now);
    let Some((declared, grant)) =
        facts.declared.and_then(|declared| Some((declared, declared.grants.get(object)?)))
    else {
        return not_understood(object, facts, &rows, now);
    };
    let here = Here { object, declared, grant, rows: &rows, facts, now };
    let assignment = here.assignment();
    let (held, ends_at) = here.held();
    let (verdict, drift) = match (grant.standing, declared.standing, declared.policies.management) {
        (Standing::Deleted, _, _) => (here.leaving(), Drift::InSync),
        (_, _, ManagementPolicy::Observe) => observed(&here.progress(&facts.held_back)),
        (Standing::Suspended, _, _) | (_, Standing::Suspended, _) => {
            (suspended(&here.progress(&facts.held_back)), Drift::InSync)
        }
        _ => (here.progress(&facts.left), Drift::InSync),
    };
    let instants = [grant.window.not_before, grant.window.not_after, ends_at];
    let next_change = instants.into_iter().flatten().filter(|instant| *instant > now).min();
    GrantPart {
        held,
        ends_at,
        roles: grant.roles.iter().copied().collect(),
        catalogue: Some(grant.asked.catalogue.as_str().into()),
        window: grant.window,
        removed_outside: assignment.map(|held| here.removed_outside(held)).unwrap_or_default(),
        blocked: here.blocking(&facts.left),
        next_change: [next_change, rows.active.and_then(|row| row.ends_at), facts.held_back_until]
            .into_iter()
            .fold(None, earlier),
        verdict,
        drift,
    }
}

/// A grant whose relationship could not be understood: what it gave may still be held.
fn not_understood(
    object: &ObjectName,
    facts: &RelationshipFacts<'_>,
    rows: &Rows<'_>,
    now: Timestamp,
) -> GrantPart {
    let given = held(&rows.given(object, now), now, |given| Some(&given.contribution.roles));
    let waiting: Vec<&Change> = facts.left.iter().copied().filter(|it| takes(object, it)).collect();
    let batches = among(&facts.blocked, &waiting);
    let verdict = if let Some(hash) = batches.first() {
        blocked(*hash, &waiting)
    } else {
        let message = format!("relationship `{}` is missing or has problems", facts.object);
        Verdict::under_way(Reason::RelationshipInvalid, message)
    };
    GrantPart { blocked: batches, ..GrantPart::of_given(verdict, given, now) }
}

/// The batches that have one of these changes.
pub(super) fn among(batches: &[&Batch], changes: &[&Change]) -> BTreeSet<Digest> {
    let waits =
        |batch: &&&Batch| changes.iter().any(|change| batch.members.contains(&member(change)));
    batches.iter().filter(waits).map(|batch| batch.hash).collect()
}

/// Whether a change changes what this grant has given.
pub(super) fn takes(object: &ObjectName, change: &Change) -> bool {
    change.effect.roles_set().is_some_and(|(_, before, after)| {
        before.contributions.get(object) != after.contributions.get(object)
    })
}

/// Observing is all that was asked for.
fn observed(would: &Verdict) -> (Verdict, Drift) {
    let (message, drift) = if would.stand == Stand::Reached {
        let message = "the relationship is only observed, and the store holds what is declared";
        (message.to_owned(), Drift::InSync)
    } else {
        (format!("the relationship is only observed: {}", would.message), Drift::Differs)
    };
    (Verdict::reached(Reason::Observed, message), drift)
}

/// How much is held of what was given, and until when the first of it. It is everything if all the roles that `asked`
/// tells are held somewhere.
pub(super) fn held<'a>(
    given: &[Given<'a>],
    now: Timestamp,
    asked: impl Fn(&Given<'a>) -> Option<&'a BTreeSet<RoleId>>,
) -> (Held, Option<Timestamp>) {
    let Some(earliest) = given.iter().filter_map(|given| given.ends_at(now)).min() else {
        return (Held::Nothing, None);
    };
    let whole = given.iter().any(|given| {
        asked(given).is_some_and(|roles| roles.iter().all(|role| given.holds(role, now)))
    });
    (if whole { Held::Everything } else { Held::Part }, end(earliest))
}

/// One grant under one relationship.
#[derive(Clone, Copy)]
struct Here<'a> {
    object: &'a ObjectName,
    declared: &'a DesiredRelationship,
    grant: &'a DesiredGrant,
    rows: &'a Rows<'a>,
    facts: &'a RelationshipFacts<'a>,
    now: Timestamp,
}

impl<'a> Here<'a> {
    fn assignment(self) -> Option<&'a Assignment> {
        let row = self.rows.active?;
        row.assignments.get(&self.grant.grantee.id).map(|assignment| &assignment.state)
    }

    fn given(self) -> Option<(&'a Assignment, &'a Contribution)> {
        let state = self.assignment()?;
        Some((state, &**state.contributions.get(self.object)?))
    }

    /// How much is held: what was given before to another grantee counts until it is gone.
    fn held(self) -> (Held, Option<Timestamp>) {
        let here = |given: &Given<'_>| {
            self.rows.active.is_some_and(|row| row.key == *given.row)
                && given.grantee == self.grant.grantee.id
        };
        let asked = |given: &Given<'a>| here(given).then_some(&self.grant.roles);
        held(&self.rows.given(self.object, self.now), self.now, asked)
    }

    fn removed_outside(self, state: &Assignment) -> BTreeSet<RoleId> {
        if !state.contributions.contains_key(self.object) {
            return BTreeSet::new();
        }
        let removed = self.grant.roles.iter().filter(|role| {
            let recorded = state.recorded.get(role).filter(|until| **until > self.now);
            recorded
                .is_some_and(|recorded| state.roles.get(role).is_none_or(|held| held < recorded))
        });
        removed.copied().collect()
    }

    /// The changes that touch what this grant gives.
    fn concerning<'c>(self, changes: &'c [&'c Change]) -> impl Iterator<Item = &'c Change> {
        let concerns = move |change: &&Change| {
            change.effect.roles_set().is_some_and(|(grantee, before, after)| {
                let own = |state: &Assignment| state.contributions.get(self.object).cloned();
                let differs = |role: &RoleId| before.roles.get(role) != after.roles.get(role);
                let mine = grantee.id == self.grant.grantee.id || own(before).is_some();
                mine && (own(before) != own(after) || self.grant.roles.iter().any(differs))
            })
        };
        changes.iter().copied().filter(concerns)
    }

    /// The batches in which changes of this grant wait.
    fn blocking(self, left: &[&Change]) -> BTreeSet<Digest> {
        among(&self.facts.blocked, &self.concerning(left).collect::<Vec<_>>())
    }

    fn leaving(self) -> Verdict {
        let left: Vec<&Change> = self.concerning(&self.facts.left).collect();
        if let Some(hash) = self.blocking(&self.facts.left).first() {
            return blocked(*hash, &left);
        }
        if left.is_empty() && self.flight() != Flight::Landed {
            let message = "what was sent for it is not read back yet: it goes once that is known";
            return Verdict::under_way(Reason::Provisioning, message);
        }
        if left.is_empty() {
            return self.left_alone();
        }
        let message = format!("still to be done before it can go: {}", text::changes(&left));
        Verdict::under_way(Reason::Deleting, message)
    }

    /// Where what it gives is, between sent and read back.
    fn flight(self) -> Flight {
        let held = self.rows.active.and_then(|row| row.assignments.get(&self.grant.grantee.id));
        held.map_or(Flight::Landed, |held| held.flight)
    }

    /// A grant that goes while nothing is to be changed for it: because nothing is in the way, or because what it gave is
    /// held with its relationship.
    fn left_alone(self) -> Verdict {
        let recorded = self.given().is_some_and(|(_, given)| given.uid == self.grant.uid);
        let stays = recorded && self.grant.deletion == GrantDeletionPolicy::Revoke;
        let relationship = &self.declared.object;
        match self.declared.standing {
            Standing::Suspended if stays => {
                let message = format!("relationship `{relationship}` is suspended");
                Verdict::on_hold(Reason::Suspended, message)
            }
            Standing::Invalid if stays => {
                let message = format!("relationship `{relationship}` has problems");
                Verdict::under_way(Reason::RelationshipInvalid, message)
            }
            Standing::Live | Standing::Suspended | Standing::Invalid | Standing::Deleted => {
                Verdict::reached(Reason::Deleting, "nothing is in the way any more")
            }
        }
    }

    /// How far it is when `left` is still to be done.
    fn progress(self, left: &[&Change]) -> Verdict {
        if self.facts.hold == Some(Hold::NoBoundary) {
            return offer::held(self.facts.hold).expect("a hold is given");
        }
        if let Some(hash) = self.blocking(left).first() {
            return blocked(*hash, &self.concerning(left).collect::<Vec<_>>());
        }
        let mine: Vec<&Change> = self.concerning(left).collect();
        if !mine.is_empty() {
            let message = format!("still to be done: {}", text::changes(&mine));
            return Verdict::under_way(Reason::Pending, message);
        }
        let Window { not_before, not_after } = self.grant.window;
        if let Some(not_after) = not_after.filter(|end| *end <= self.now) {
            let message = format!("its window is over since {not_after}");
            return Verdict::reached(Reason::Expired, message);
        }
        if let Some(not_before) = not_before.filter(|start| *start > self.now) {
            let message = format!("its window begins at {not_before}");
            return Verdict::reached(Reason::Scheduled, message);
        }
        match self.rows.active {
            Some(row) => self.under(row),
            None => self.without_a_row(),
        }
    }

    fn under(self, row: &ObservedRelationship) -> Verdict {
        let name = &row.key.name;
        if self.is_as_asked(row) && self.flight() == Flight::Arriving {
            let message = format!("it was sent and is not in force under `{name}` yet");
            return Verdict::under_way(Reason::Provisioning, message);
        }
        if self.is_as_asked(row) {
            let (_, ends_at) = self.held();
            let until = ends_at.map(|end| format!(" until {end}")).unwrap_or_default();
            let cut = ends_at < self.grant.window.not_after && ends_at == row.ends_at;
            let cut = if cut { ", when the relationship ends" } else { "" };
            let message = format!("it is held under `{name}`{until}{cut}");
            return Verdict::reached(Reason::InSync, message);
        }
        if let Some(state) = self.assignment() {
            let removed = self.removed_outside(state);
            if !removed.is_empty() {
                let roles = crate::domain::partner_type::role_names(&removed);
                let message =
                    format!("{roles} was removed outside under `{name}`; it is not restored");
                return Verdict::stuck(Reason::RemovedOutside, message);
            }
        }
        if self.declared.standing == Standing::Deleted {
            let message = format!("relationship `{}` is being deleted", self.declared.object);
            return Verdict::under_way(Reason::RelationshipNotActive, message);
        }
        if self.declared.standing == Standing::Invalid {
            let message = format!("relationship `{}` has problems", self.declared.object);
            return Verdict::under_way(Reason::RelationshipInvalid, message);
        }
        let own = Some((&row.key, &row.invitation));
        if access_waits(self.declared, own, self.facts.acceptances, self.now) {
            let message = format!("access under `{name}` waits until the agreement is accepted");
            return Verdict::under_way(Reason::AgreementNotAccepted, message);
        }
        if let Some(pending) = self.rows.pending
            && !self.grant.roles.is_subset(&row.ceiling)
        {
            let message =
                format!("it waits until the customer has accepted `{}`", pending.key.name);
            return Verdict::under_way(Reason::WaitingForCustomer, message);
        }
        if !self.grant.roles.is_subset(&row.ceiling) {
            let message =
                format!("`{name}` does not allow its roles, and nothing else is proposed");
            return Verdict::stuck(Reason::RelationshipNotActive, message);
        }
        Verdict::under_way(Reason::Pending, format!("it is not held under `{name}` yet"))
    }

    /// Whether the store holds exactly this, at least as long.
    fn is_as_asked(self, row: &ObservedRelationship) -> bool {
        let Some((state, given)) = self.given() else { return false };
        let declared = self.grant.window.not_after.unwrap_or(Timestamp::MAX);
        let until = declared.min(row.ends_at.unwrap_or(Timestamp::MAX));
        let is_held = |role: &RoleId| {
            state
                .roles
                .get(role)
                .is_some_and(|held| end(*held) >= end(until) || end(*held).is_none())
        };
        given.roles == self.grant.roles
            && given.window == self.grant.window
            && self.grant.roles.iter().all(is_held)
    }

    fn without_a_row(self) -> Verdict {
        let relationship = &self.declared.object;
        if let Some(pending) = self.rows.pending {
            let name = &pending.key.name;
            let message = format!("it waits until the customer has accepted `{name}`");
            return Verdict::under_way(Reason::RelationshipNotActive, message);
        }
        let message = format!("relationship `{relationship}` is not active");
        match self.rows.newest().map(|row| row.lifecycle.phase()) {
            Some(Phase::Ended | Phase::Unknown) => {
                Verdict::stuck(Reason::RelationshipNotActive, message)
            }
            Some(Phase::Pending | Phase::Active | Phase::Ending) | None => {
                Verdict::under_way(Reason::RelationshipNotActive, message)
            }
        }
    }
}

pub(super) fn blocked(hash: Digest, changes: &[&Change]) -> Verdict {
    let message = format!("batch `{hash}` waits for an approval: {}", text::changes(changes));
    Verdict::stuck(Reason::Blocked, message)
}
