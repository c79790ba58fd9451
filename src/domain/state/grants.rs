//! The grants of relationships. Many relationships may have the same ones.
//!
//! Never: memory for each pair of a grant and a relationship that it selects.

use std::{collections::BTreeMap, sync::Arc, vec};

use super::{DesiredGrant, ObjectName, Standing};
use crate::domain::ids::GranteeId;

/// The grants of a relationship, by their names. What several relationships have in common is kept once for all of them.
#[derive(Debug, Clone, Default)]
pub struct Grants {
    /// No name stands in two of them.
    parts: Vec<Arc<Part>>,
}

/// Grants that are all of the very same relationships.
pub type Part = BTreeMap<ObjectName, DesiredGrant>;

impl Grants {
    /// Adds what other relationships have as well, and this one has not yet.
    pub fn share(&mut self, part: Arc<Part>) {
        debug_assert!(part.keys().all(|name| self.get(name).is_none()), "a grant is given once");
        self.parts.push(part);
    }

    /// Adds one for this relationship alone, or puts it in the place of that with the same name.
    pub fn insert(&mut self, name: ObjectName, grant: DesiredGrant) {
        let place = self.parts.iter().position(|part| part.contains_key(&name)).unwrap_or(0);
        match self.parts.get_mut(place) {
            Some(part) => drop(Arc::make_mut(part).insert(name, grant)),
            None => self.parts.push(Arc::new(Part::from([(name, grant)]))),
        }
    }

    /// The one with this name.
    pub fn get(&self, name: &ObjectName) -> Option<&DesiredGrant> {
        self.parts.iter().find_map(|part| part.get(name))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.is_empty())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.len()).sum()
    }

    /// Each with its name, in the order of names.
    pub fn iter(&self) -> vec::IntoIter<(&ObjectName, &DesiredGrant)> {
        self.sorted(|_| true)
    }

    /// The same of those that give something to this grantee.
    pub fn given_to(&self, grantee: GranteeId) -> vec::IntoIter<(&ObjectName, &DesiredGrant)> {
        self.sorted(|grant| grant.grantee.id == grantee)
    }

    /// Each, in the order of names.
    pub fn values(&self) -> impl Iterator<Item = &DesiredGrant> {
        self.iter().map(|(_, grant)| grant)
    }

    /// Whether this holds for any.
    pub fn any(&self, mut holds: impl FnMut(&DesiredGrant) -> bool) -> bool {
        self.parts.iter().any(|part| part.values().any(&mut holds))
    }

    fn sorted(
        &self,
        wanted: impl Fn(&DesiredGrant) -> bool,
    ) -> vec::IntoIter<(&ObjectName, &DesiredGrant)> {
        let all = self.parts.iter().flat_map(|part| part.iter());
        let mut found: Vec<_> = all.filter(|(_, grant)| wanted(grant)).collect();
        found.sort_by_key(|(name, _)| *name);
        found.into_iter()
    }
}

/// However they are shared.
impl PartialEq for Grants {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl FromIterator<(ObjectName, DesiredGrant)> for Grants {
    fn from_iter<All: IntoIterator<Item = (ObjectName, DesiredGrant)>>(all: All) -> Self {
        Self { parts: vec![Arc::new(all.into_iter().collect())] }
    }
}

impl<'a> IntoIterator for &'a Grants {
    type Item = (&'a ObjectName, &'a DesiredGrant);
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Lets `standing` say anew what may be done with each grant. What was kept once stays so.
pub(super) fn stand<'a>(
    all: impl Iterator<Item = &'a mut Grants>,
    standing: impl Fn(&ObjectName, Standing) -> Standing,
) {
    // By where they were; no part that is still to come can be where one that was replaced had been.
    let mut changed: BTreeMap<usize, Option<Arc<Part>>> = BTreeMap::new();
    for part in all.flat_map(|grants| &mut grants.parts) {
        let new = changed.entry(Arc::as_ptr(part).addr()).or_insert_with(|| {
            let mut own = part.iter();
            let differs = own.any(|(name, grant)| standing(name, grant.standing) != grant.standing);
            differs.then(|| {
                let mut new = Part::clone(part);
                for (name, grant) in &mut new {
                    grant.standing = standing(name, grant.standing);
                }
                Arc::new(new)
            })
        });
        if let Some(new) = new {
            *part = Arc::clone(new);
        }
    }
}

#[cfg(test)]
mod tests;
