//! The rows of one relationship as they were read back: which one counts, who holds what, what nobody declared.
//!
//! Never: a word about a row that belongs to another object.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::text;
use crate::{
    api::{EffectiveAssignment, EffectiveRole},
    domain::{
        duration::Duration,
        ids::{GranteeId, RoleId},
        lifecycle::{INVITATION_LAPSES_AFTER_DAYS, Phase},
        relationship::rows::is_as_asked,
        state::{
            Assignment, Contribution, DesiredRelationship, Flight, Grantee, ObjectName,
            ObservedRelationship, RelationshipKey, Window,
        },
    },
};

/// As many grantees as a status holds.
const GRANTEES: usize = 1_000;
/// As many bytes of JSON as what is in effect takes in a status.
const BYTES: usize = 384 * 1024;
/// As many bytes as one grantee takes, and one role with its name.
const GRANTEE_BYTES: usize = 64;
const ROLE_BYTES: usize = 160;
/// As many roles of one grantee as a status holds.
const ROLES: usize = 150;

/// The rows of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct Rows<'a> {
    /// All of them, by number.
    own: Vec<&'a ObservedRelationship>,
    /// Where access is held.
    pub active: Option<&'a ObservedRelationship>,
    /// Which the customer is yet to answer, or which is being set up.
    pub pending: Option<&'a ObservedRelationship>,
}

/// What a grant has given to one grantee under one row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    pub row: &'a RelationshipKey,
    pub grantee: GranteeId,
    pub state: &'a Assignment,
    pub contribution: &'a Contribution,
    /// Whether it has yet to arrive where it is carried out.
    pub is_arriving: bool,
}

impl Given<'_> {
    /// Whether this role is held by this grant. What is over, or is yet to begin, may be recorded beside another grant that
    /// holds the same role.
    pub fn holds(&self, role: &RoleId, now: Timestamp) -> bool {
        let Window { not_before, not_after } = self.contribution.window;
        let is_now =
            not_before.is_none_or(|start| start <= now) && not_after.is_none_or(|end| now < end);
        is_now && !self.is_arriving && self.state.roles.get(role).is_some_and(|until| *until > now)
    }

    /// When the first of its roles ceases to be held; nothing where none is held.
    pub fn ends_at(&self, now: Timestamp) -> Option<Timestamp> {
        let own = self.contribution.window.not_after.unwrap_or(Timestamp::MAX);
        let held = self.contribution.roles.iter().filter(|role| self.holds(role, now));
        held.filter_map(|role| self.state.roles.get(role)).map(|until| own.min(*until)).min()
    }
}

impl<'a> Rows<'a> {
    /// These, whatever their object was.
    pub fn those(rows: &[&'a ObservedRelationship]) -> Self {
        Self { own: rows.to_vec(), ..Self::default() }
    }

    /// The rows of this object.
    pub fn of(
        rows: &'a [ObservedRelationship],
        object: &ObjectName,
        declared: Option<&DesiredRelationship>,
        now: Timestamp,
    ) -> Self {
        let own: Vec<_> = rows.iter().filter(|row| row.owner.object == *object).collect();
        let active = |row: &&&ObservedRelationship| is_active(row, now) && row.ended.is_none();
        let wanted = |row: &&&ObservedRelationship| {
            active(row) && declared.is_some_and(|declared| is_as_asked(row, declared))
        };
        let pending = |row: &&&ObservedRelationship| row.lifecycle.phase() == Phase::Pending;
        Self {
            active: own.iter().rfind(wanted).or_else(|| own.iter().rfind(active)).copied(),
            pending: own.iter().rfind(pending).copied(),
            own,
        }
    }

    /// The row that the status tells about.
    pub fn reported(&self) -> Option<&'a ObservedRelationship> {
        self.active.or(self.pending).or_else(|| self.newest())
    }

    /// All of them, by number.
    pub fn own(&self) -> impl DoubleEndedIterator<Item = &'a ObservedRelationship> {
        self.own.iter().copied()
    }

    /// The row that was made last.
    pub fn newest(&self) -> Option<&'a ObservedRelationship> {
        self.own.last().copied()
    }

    /// When the pending invitation lapses.
    pub fn lapses_at(&self) -> Option<Timestamp> {
        Duration::from_days(INVITATION_LAPSES_AFTER_DAYS).after(self.pending?.invited_at)
    }

    /// Who holds which role until when, under all rows together, as far as a status holds it, and how many grantees they
    /// really are.
    pub fn effective(&self, now: Timestamp) -> (Vec<EffectiveAssignment>, usize) {
        let mut held: BTreeMap<GranteeId, BTreeMap<RoleId, Timestamp>> = BTreeMap::new();
        for row in self.own.iter().filter(|row| is_active(row, now)) {
            for (grantee, assignment) in &row.assignments {
                for (role, until) in &assignment.state.roles {
                    let until = row.ends_at.map_or(*until, |ends_at| ends_at.min(*until));
                    if until > now {
                        let roles = held.entry(*grantee).or_default();
                        let latest = roles.entry(*role).or_insert(until);
                        *latest = until.max(*latest);
                    }
                }
            }
        }
        let count = held.len();
        let assignments = held.into_iter().map(|(grantee, roles)| EffectiveAssignment {
            grantee: grantee.to_string(),
            roles: effective_roles(roles),
        });
        let mut bytes = 0;
        let fits = |assignment: &EffectiveAssignment| {
            bytes += GRANTEE_BYTES + ROLE_BYTES * assignment.roles.len();
            bytes <= BYTES
        };
        (assignments.take(GRANTEES).take_while(fits).collect(), count)
    }

    /// What this grant has given, to whomever and under whichever row it is still held.
    pub fn given(&self, grant: &ObjectName, now: Timestamp) -> Vec<Given<'a>> {
        let rows = self.own.iter().filter(|row| is_active(row, now));
        let assignments = rows.flat_map(|row| {
            row.assignments.iter().map(move |(grantee, assignment)| (&row.key, grantee, assignment))
        });
        let given = assignments.filter_map(|(row, grantee, assignment)| {
            let contribution = assignment.state.contributions.get(grant)?;
            let is_arriving = assignment.flight == Flight::Arriving;
            let (grantee, state) = (*grantee, &assignment.state);
            Some(Given { row, grantee, state, contribution, is_arriving })
        });
        given.collect()
    }

    /// What is held and was never recorded, or is held longer than recorded.
    pub fn unmanaged(&self, now: Timestamp) -> Vec<(&'a Grantee, BTreeSet<RoleId>)> {
        let rows = self.own.iter().filter(|row| is_active(row, now));
        let assignments = rows.flat_map(|row| row.assignments.values());
        let unmanaged = assignments.map(|assignment| {
            let state = &assignment.state;
            let added = state.roles.iter().filter(|(role, until)| {
                **until > now && state.recorded.get(role).is_none_or(|recorded| recorded < *until)
            });
            (&assignment.grantee, added.map(|(role, _)| *role).collect::<BTreeSet<_>>())
        });
        unmanaged.filter(|(_, roles)| !roles.is_empty()).collect()
    }
}

/// Whether access can be held under a row. One that is over is not active, even if that is not recorded yet.
fn is_active(row: &ObservedRelationship, now: Timestamp) -> bool {
    row.lifecycle.phase() == Phase::Active && row.ends_at.is_none_or(|ends_at| ends_at > now)
}

fn effective_roles(roles: BTreeMap<RoleId, Timestamp>) -> Vec<EffectiveRole> {
    let mut roles: Vec<_> = roles
        .into_iter()
        .map(|(role, until)| EffectiveRole {
            id: role.to_string(),
            name: text::role_name(role),
            until: end(until),
        })
        .collect();
    roles.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    roles.truncate(ROLES);
    roles
}

/// The end of something that may have none: the last instant that there is, in whole milliseconds or not, is no end.
pub(super) fn end(until: Timestamp) -> Option<Timestamp> {
    (until.as_second() < Timestamp::MAX.as_second()).then_some(until)
}

/// Until when something is held of what a grant has given under a row, where anything is.
pub fn given_until(
    row: &ObservedRelationship,
    grant: &ObjectName,
    now: Timestamp,
) -> Option<Timestamp> {
    let held = row.assignments.iter().filter(|_| is_active(row, now)).filter_map(|(id, held)| {
        let contribution = held.state.contributions.get(grant)?;
        let state = &held.state;
        Given { row: &row.key, grantee: *id, state, contribution, is_arriving: false }.ends_at(now)
    });
    held.min()
}
