//! The objects of a concern, judged: what is desired of them, what is wrong with them, and what has to wait.
//!
//! Never: a relationship planned of which only a part is here.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;

use super::holds;
use crate::{
    api::{GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy},
    domain::{
        catalogue::Catalogue,
        ids::ObjectKey,
        problem::Problem,
        state::{Desired, Instance, ObjectName, Observed},
        validate::{
            Presence,
            references::{NO_SUCH_OFFER, NO_SUCH_RELATIONSHIP},
            validate,
        },
    },
    operator::index::{Affected, Index},
};

/// What was judged.
#[derive(Debug)]
pub struct Validated {
    /// What it is about.
    pub affected: Affected,
    /// What is desired, as far as it may be done now.
    pub desired: Desired,
    /// What is wrong or unwise, by object.
    pub problems: BTreeMap<ObjectKey, Vec<Problem>>,
    /// Namespaces that no boundary admits.
    pub unadmitted: BTreeSet<EcoString>,
    /// Which finalizer is to be put on, or taken off because nothing rests on it any more.
    pub finalizers: Finalizers,
}

/// Finalizers that are not as they should be, of objects that stay.
#[derive(Debug, Default)]
pub struct Finalizers {
    /// Relationships that need one.
    pub relationships: BTreeSet<ObjectName>,
    /// Grants that need one.
    pub grants: BTreeSet<ObjectName>,
    /// Relationships that need none.
    pub needless_relationships: BTreeSet<ObjectName>,
    /// Grants that need none.
    pub needless_grants: BTreeSet<ObjectName>,
}

impl Validated {
    /// What is wrong with an object.
    pub fn problems_of(&self, object: &ObjectKey) -> impl Iterator<Item = &Problem> {
        self.problems.get(object).into_iter().flatten()
    }
}

/// Judges the objects of a concern with everything that their verdict rests on.
///
/// What is like a name that means nothing, or has it in another namespace, is no part of that: a round that sees more
/// would say something else.
pub fn validated(
    index: &Index,
    affected: Affected,
    observed: &Observed,
    instance: &Instance,
) -> Validated {
    let mut objects = index.objects(&affected);
    objects.owners = Some(observed.owners(instance));
    let verdict = validate(&objects, Catalogue::compiled(), observed.now);
    let mut desired = verdict.desired;
    desired.relationships.retain(|_, declared| affected.relationships.contains(&declared.object));
    desired.acceptances.retain(|acceptance| affected.acceptances.contains(&acceptance.object));
    let admitted = holds::admitted(&desired, &verdict.problems);
    let unadmitted = holds::outside(&mut desired, &admitted);
    let finalizers = finalizers(index, &affected);
    holds::until_held(&mut desired, &finalizers.relationships, &finalizers.grants);
    let mut problems: BTreeMap<ObjectKey, Vec<Problem>> = BTreeMap::new();
    for mut problem in verdict.problems {
        if [NO_SUCH_OFFER, NO_SUCH_RELATIONSHIP].contains(&problem.code) {
            problem.help = Some("declare it in the same namespace".to_owned());
        }
        if let Some(object) = problem.object.clone() {
            problems.entry(object).or_default().push(problem);
        }
    }
    Validated { affected, desired, problems, unadmitted, finalizers }
}

fn finalizers(index: &Index, affected: &Affected) -> Finalizers {
    let mut finalizers = Finalizers::default();
    let tables = index.tables();
    for name in &affected.relationships {
        let Some(seen) = tables.relationships.get(name) else { continue };
        let spec = &seen.object.spec;
        let needed = spec.management_policy == ManagementPolicy::Manage
            && spec.deletion_policy != RelationshipDeletionPolicy::Retain;
        if seen.object.presence == Presence::Present && needed != seen.is_held() {
            let set = if needed {
                &mut finalizers.relationships
            } else {
                &mut finalizers.needless_relationships
            };
            set.insert(name.clone());
        }
    }
    for name in &affected.grants {
        let Some(seen) = tables.grants.get(name) else { continue };
        let needed = seen.object.spec.deletion_policy == GrantDeletionPolicy::Revoke;
        if seen.object.presence == Presence::Present && needed != seen.is_held() {
            let set = if needed { &mut finalizers.grants } else { &mut finalizers.needless_grants };
            set.insert(name.clone());
        }
    }
    finalizers
}
