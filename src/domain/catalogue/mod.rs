//! The catalogue: Entra's built-in roles, what each may do, and which role Microsoft documents for which task.
//!
//! Never: read from disk or from a tenant; the facts are compiled in, and carry a version.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use crate::domain::ids::RoleId;

mod bits;
mod compare;
mod find;
mod holding;
mod lint;
mod proof;
mod reach;
mod roles;
mod rows;
mod search;
mod several;
mod solve;
mod suggest;
mod tasks;

#[cfg(test)]
mod exhaustive;

pub use compare::{Caveat, Comparison, Verdict};
pub use find::{Found, NotFound};
pub use holding::Covers;
pub use lint::{Concern, INTUNE_ADMINISTRATOR};
pub use proof::{Coverage, Measure, Proof, Rejected, Rule, Why};
pub use reach::{Act, Target};
pub use roles::{Availability, GdapSupport, Role};
pub use solve::{Excess, Solution, Support, Uncovered, Unsolvable};
pub use tasks::{Disagreement, Holder, MANAGE_DOMAIN_SUBSCRIPTIONS, Source, Task, TaskId};

const ROLES: &str = include_str!("data/entra-builtin-roles.json");
const GDAP: &str = include_str!("data/gdap-supported-roles.json");
const TASKS: &str = include_str!("data/least-privileged-roles-by-task.json");
const RESTRICTIONS: &str = include_str!("data/target-restrictions.json");

/// The day the facts were compiled and the beginning of the SHA-256 of their files, which a test compares.
const VERSION: &str = "2026-11-21+510b5e75";

/// Every role and every task.
#[derive(Debug, Clone, PartialEq)]
pub struct Catalogue {
    roles: Vec<Role>,
    positions: BTreeMap<RoleId, usize>,
    names: BTreeMap<String, usize>,
    /// What suggestions are made from, once somebody needs one.
    known: OnceLock<suggest::Known>,
    actions: Vec<&'static str>,
    tasks: BTreeMap<TaskId, Task>,
    restrictions: reach::Restrictions,
}

impl Catalogue {
    /// The catalogue that is compiled in, read at the first call.
    pub fn compiled() -> &'static Self {
        static COMPILED: OnceLock<Catalogue> = OnceLock::new();
        COMPILED.get_or_init(|| {
            let (roles, actions) = roles::parse(ROLES, GDAP);
            Self {
                positions: roles.iter().enumerate().map(|(index, role)| (role.id, index)).collect(),
                names: find::names(&roles),
                known: OnceLock::new(),
                tasks: rows::parse(TASKS),
                restrictions: reach::parse(RESTRICTIONS),
                roles,
                actions,
            }
        })
    }

    /// The version: it is recorded with every resolved role.
    #[allow(clippy::unused_self, reason = "a version belongs to a catalogue, and there is one")]
    pub fn version(&self) -> &str {
        VERSION
    }

    /// Every role, in order of the names.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.iter()
    }

    /// The role with this template id.
    pub fn role(&self, id: RoleId) -> Option<&Role> {
        self.position(id).map(|position| &self.roles[position])
    }

    /// The name of a role; of one that the catalogue does not know, its template id.
    pub fn name_of(&self, id: RoleId) -> String {
        self.role(id).map_or_else(|| id.to_string(), |role| role.name.to_owned())
    }

    /// Whether a role counts as privileged: one that the catalogue does not know does, so that nothing slips through.
    pub fn is_privileged(&self, id: RoleId) -> bool {
        self.role(id).is_none_or(|role| role.privileged)
    }

    /// Every task, in order of the ids.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// The actions listed for a role itself.
    pub fn own_actions(&self, id: RoleId) -> BTreeSet<&'static str> {
        self.role(id).map(|role| self.named(&role.own)).unwrap_or_default()
    }

    /// The actions of a role with those that it inherits.
    pub fn expanded_actions(&self, id: RoleId) -> BTreeSet<&'static str> {
        self.actions_of([id])
    }

    /// What several roles allow together, with what they inherit. Unknown ids allow nothing.
    pub fn actions_of(&self, roles: impl IntoIterator<Item = RoleId>) -> BTreeSet<&'static str> {
        let all = roles
            .into_iter()
            .filter_map(|id| self.role(id))
            .fold(roles::ActionSet::EMPTY, |all, role| all.union(&role.expanded));
        self.named(&all)
    }

    fn named(&self, actions: &roles::ActionSet) -> BTreeSet<&'static str> {
        actions.iter().map(|position| self.actions[position]).collect()
    }

    fn position(&self, id: RoleId) -> Option<usize> {
        self.positions.get(&id).copied()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sha2::{Digest, Sha256};

    use super::{Availability, Catalogue, GDAP, RESTRICTIONS, ROLES, TASKS, VERSION};

    #[test]
    fn the_version_names_the_content_of_the_data() {
        let mut hash = Sha256::new();
        for file in [ROLES, GDAP, TASKS, RESTRICTIONS] {
            hash.update(file);
        }
        let hash = hex::encode(hash.finalize());
        let (_, beginning) = VERSION.split_once('+').unwrap();
        assert_eq!(beginning, &hash[..8], "put the day and this hash into `VERSION`");
    }

    #[test]
    fn the_catalogue_holds_what_its_readme_counts() {
        let catalogue = Catalogue::compiled();
        let assignable =
            catalogue.roles().filter(|role| role.availability == Availability::Assignable);
        assert_eq!(catalogue.roles().count(), 147);
        assert_eq!(catalogue.roles().filter(|role| role.privileged).count(), 35);
        assert_eq!(assignable.count(), 135);
        assert_eq!(catalogue.actions.len(), 694);
    }

    #[test]
    fn inherited_actions_are_expanded_and_own_actions_are_not() {
        let catalogue = Catalogue::compiled();
        let readers = catalogue.find("Directory Readers").unwrap().id;
        let helpdesk = catalogue.find("Helpdesk Administrator").unwrap().id;
        assert_eq!(catalogue.own_actions(readers), catalogue.expanded_actions(readers));
        assert_eq!(catalogue.own_actions(helpdesk).len(), 9);
        let both: BTreeSet<_> = &catalogue.own_actions(helpdesk) | &catalogue.own_actions(readers);
        assert_eq!(catalogue.expanded_actions(helpdesk), both);
        assert_eq!(catalogue.actions_of([helpdesk, readers]), both);
    }
}
