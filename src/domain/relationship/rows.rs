//! What is so of a row.
//!
//! Never: a second answer to the same question elsewhere.

use std::collections::BTreeSet;

use crate::domain::{
    ids::RoleId,
    state::{DesiredRelationship, Invitation, ObservedRelationship},
};

/// Whether a row is what is asked for: only ceiling and duration lead to a replacement (docs/concepts.md, Lifecycle).
pub fn is_as_asked(row: &ObservedRelationship, declared: &DesiredRelationship) -> bool {
    will_be_as_asked(Some(row), &row.invitation, &row.ceiling, declared)
}

/// The same of a row as it will be, of which `row` is in the store.
pub fn will_be_as_asked(
    row: Option<&ObservedRelationship>,
    invitation: &Invitation,
    ceiling: &BTreeSet<RoleId>,
    declared: &DesiredRelationship,
) -> bool {
    invitation.duration == declared.invitation.duration
        && (*ceiling == declared.invitation.roles
            || row.is_some_and(|row| differs_by_catalogue(row, declared)))
}

/// Whether what was accepted differs from what is asked for only in the catalogue in which the same words were found.
/// Where the roles are the same, the catalogue is not why a ceiling is smaller: a role was dropped since (L4).
pub fn differs_by_catalogue(row: &ObservedRelationship, declared: &DesiredRelationship) -> bool {
    row.asked.words == declared.asked.words
        && row.asked.catalogue != declared.asked.catalogue
        && row.invitation.roles != declared.invitation.roles
}
