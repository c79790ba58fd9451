//! What each grant comes to under each of its relationships, remembered so that one relationship can change without
//! looking at the four hundred others that the grant selects.
//!
//! Never: a part under a relationship that the grant does not select any more.

use std::collections::BTreeMap;

use crate::domain::{
    state::{ObjectName, Standing},
    status::GrantPart,
};

/// All parts, found from both sides.
#[derive(Debug, Default)]
pub struct GrantParts {
    /// By grant, then by relationship: mostly a grant has one, for which a map of its own would be much.
    by_grant: BTreeMap<(ObjectName, ObjectName), GrantPart>,
    by_relationship: BTreeMap<ObjectName, Box<[ObjectName]>>,
    standings: BTreeMap<ObjectName, Standing>,
}

impl GrantParts {
    /// The relationships under which a grant was last seen.
    pub fn relationships_of(&self, grant: &ObjectName) -> impl Iterator<Item = &ObjectName> {
        self.of(grant).map(|(relationship, _)| relationship)
    }

    /// Whether a grant was last seen under a relationship.
    pub fn is_under(&self, grant: &ObjectName, relationship: &ObjectName) -> bool {
        self.by_grant.contains_key(&(grant.clone(), relationship.clone()))
    }

    /// The grants that were last seen under a relationship.
    pub fn grants_of(&self, relationship: &ObjectName) -> impl Iterator<Item = &ObjectName> {
        self.by_relationship.get(relationship).into_iter().flatten()
    }

    /// Whether a grant stood otherwise when it was judged before: then what it gives elsewhere is another matter, too.
    pub fn stands_otherwise(&mut self, grant: &ObjectName, standing: Option<Standing>) -> bool {
        let before = match standing {
            Some(standing) => self.standings.insert(grant.clone(), standing),
            None => self.standings.remove(grant),
        };
        before.is_some() && before != standing
    }

    /// The parts of a grant, by relationship.
    pub fn of(&self, grant: &ObjectName) -> impl Iterator<Item = (&ObjectName, &GrantPart)> {
        self.by_grant
            .range((grant.clone(), ObjectName::first())..)
            .take_while(move |((of, _), _)| of == grant)
            .map(|((_, relationship), part)| (relationship, part))
    }

    /// Sets what every grant of a relationship comes to under it; any other grant comes to nothing there.
    pub fn set(&mut self, relationship: &ObjectName, grant_parts: BTreeMap<ObjectName, GrantPart>) {
        let grants: Box<[ObjectName]> = grant_parts.keys().cloned().collect();
        let before = self.by_relationship.remove(relationship).unwrap_or_default();
        for grant in before.iter().filter(|grant| !grant_parts.contains_key(*grant)) {
            self.by_grant.remove(&(grant.clone(), relationship.clone()));
        }
        for (grant, part) in grant_parts {
            self.by_grant.insert((grant, relationship.clone()), part);
        }
        if !grants.is_empty() {
            self.by_relationship.insert(relationship.clone(), grants);
        }
    }
}
