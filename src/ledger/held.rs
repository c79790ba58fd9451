//! What is held at an instant: the one place that says when a recorded role counts.
//!
//! Never: a role at or after its *until*, or under a relationship that is not active.

use jiff::Timestamp;

use crate::domain::{
    ids::RoleId,
    state::{Observed, ObservedAssignment, ObservedRelationship},
};

/// One role that one grantee holds under one relationship.
#[derive(Debug, Clone, Copy)]
pub struct Held<'a> {
    /// The relationship.
    pub row: &'a ObservedRelationship,
    /// The grantee, with everything it holds there.
    pub assignment: &'a ObservedAssignment,
    /// The role.
    pub role: RoleId,
    /// Until when.
    pub until: Timestamp,
}

/// Everything that is held at the instant of this state, in its order.
pub fn held(state: &Observed) -> impl Iterator<Item = Held<'_>> {
    let now = state.now;
    let rows = state.relationships.values().flatten().filter(move |row| row.gives_access(now));
    let assignments =
        rows.flat_map(|row| row.assignments.values().map(move |assignment| (row, assignment)));
    assignments.flat_map(move |(row, assignment)| {
        let roles = assignment.state.roles.iter().filter(move |(_, until)| **until > now);
        roles.map(move |(role, until)| Held { row, assignment, role: *role, until: *until })
    })
}
