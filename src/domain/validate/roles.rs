//! From names of roles and tasks to template ids, each name looked up once.
//!
//! Never: a role for a name that only resembles one.

use std::collections::{BTreeMap, BTreeSet};

use super::findings::{Findings, Subject};
use crate::domain::{
    catalogue::{Availability, Catalogue, GdapSupport, NotFound, Support, Task},
    ids::RoleId,
    partner_type::{role_name, role_names},
    problem::{Code, FieldPath},
    state::Asked,
};

/// No role has this name.
pub const UNKNOWN_ROLE: Code = Code(201);
/// No task has this id.
pub const UNKNOWN_TASK: Code = Code(202);
/// One role under two names.
pub const ONE_ROLE_TWICE: Code = Code(203);
/// No roles cover the tasks, or none are needed.
pub const UNSOLVABLE_TASKS: Code = Code(204);
/// The role cannot be given, or should not be.
pub const ROLE_NOT_ASSIGNABLE: Code = Code(205);
/// GDAP does not support the role.
pub const NOT_SUPPORTED_BY_GDAP: Code = Code(206);
/// Nobody has shown that GDAP supports the role.
pub const GDAP_SUPPORT_NOT_SHOWN: Code = Code(207);

/// For so many unknown names what was meant is looked for: whoever has more needs the list.
const HELPED: usize = 50;

/// Roles of a list, as far as their names are known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Resolved {
    /// Each with its position in the list.
    pub places: Vec<(RoleId, usize)>,
    /// All of them.
    pub roles: BTreeSet<RoleId>,
}

/// Roles for tasks, or why there are none.
type Solved = Result<BTreeSet<RoleId>, String>;

/// Looks up names, and remembers.
pub(super) struct Resolver<'a> {
    pub catalogue: &'a Catalogue,
    names: BTreeMap<&'a str, Result<RoleId, NotFound>>,
    /// How many names no role has.
    unknown: usize,
    solved: BTreeMap<(usize, &'a [String]), Solved>,
}

impl<'a> Resolver<'a> {
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, names: BTreeMap::new(), unknown: 0, solved: BTreeMap::new() }
    }

    /// The roles of a list that stands at `path`.
    pub fn roles(
        &mut self,
        about: Subject<'_>,
        names: &'a [String],
        path: &FieldPath,
        findings: &mut Findings<'_>,
    ) -> Resolved {
        let mut resolved = Resolved::default();
        for (position, name) in names.iter().enumerate() {
            let found = self.names.entry(name).or_insert_with(|| {
                let known = if self.unknown < HELPED {
                    self.catalogue.find(name)
                } else {
                    self.catalogue.find_exactly(name)
                };
                self.unknown += usize::from(known.is_err());
                known.map(|role| role.id)
            });
            let at = || path.clone().index(position);
            match found {
                Err(missing) => {
                    let (message, help) = (missing.to_string(), missing.help());
                    findings.error(about, UNKNOWN_ROLE, at(), message, help);
                }
                Ok(id) if resolved.roles.contains(id) => {
                    let message =
                        format!("`{name}` is `{}`, which stands above already", role_name(*id));
                    findings.warning(about, ONE_ROLE_TWICE, at(), message, "name each role once");
                }
                Ok(id) => {
                    resolved.roles.insert(*id);
                    resolved.places.push((*id, position));
                }
            }
        }
        resolved
    }

    /// The tasks of a list that stands at `path`.
    pub fn tasks(
        &self,
        about: Subject<'_>,
        ids: &[String],
        path: &FieldPath,
        findings: &mut Findings<'_>,
    ) -> Vec<&'a Task> {
        let mut tasks = Vec::new();
        for (position, id) in ids.iter().enumerate() {
            match self.catalogue.task(id) {
                Ok(task) => tasks.push(task),
                Err(missing) => {
                    let (message, help) = (missing.to_string(), missing.help());
                    let path = path.clone().index(position);
                    findings.error(about, UNKNOWN_TASK, path, message, help);
                }
            }
        }
        tasks
    }

    /// The smallest role set for tasks, among what a type supports.
    pub fn solve(&self, tasks: &[&Task], support: &Support) -> Solved {
        let solution =
            self.catalogue.solve(tasks, support).map_err(|missing| missing.to_string())?;
        if solution.roles.is_empty() {
            return Err("these tasks need no role: every user of the tenant can do them".to_owned());
        }
        Ok(solution.roles)
    }

    /// The role set for the tasks of a grant: what the type supports if the ceiling carries it, otherwise the smallest
    /// within the ceiling, where a role may stand for several tasks. Remembered by the proposal that the ceiling is of.
    pub fn solve_within(
        &mut self,
        proposal: usize,
        ids: &'a [String],
        support: &Support,
        ceiling: &BTreeSet<RoleId>,
    ) -> Solved {
        if let Some(solved) = self.solved.get(&(proposal, ids)) {
            return solved.clone();
        }
        let tasks: Vec<_> = ids.iter().filter_map(|id| self.catalogue.task(id).ok()).collect();
        let solved = self.solve(&tasks, support).and_then(|roles| {
            let within = || self.solve(&tasks, &Support::Only(ceiling.clone()));
            if roles.is_subset(ceiling) { Ok(roles) } else { within().or(Ok(roles)) }
        });
        self.solved.insert((proposal, ids), solved.clone());
        solved
    }

    /// How roles were asked for.
    pub fn asked<'b>(&self, words: impl Iterator<Item = &'b str>) -> Asked {
        Asked {
            words: words.map(str::to_owned).collect(),
            catalogue: self.catalogue.version().to_owned(),
        }
    }

    /// Whether the role is privileged; one that the catalogue does not know counts as such.
    pub fn is_privileged(&self, role: RoleId) -> bool {
        self.catalogue.is_privileged(role)
    }

    /// Says which roles of an offer cannot be given to anyone.
    pub fn availability(
        &self,
        about: Subject<'_>,
        resolved: &Resolved,
        path: &FieldPath,
        findings: &mut Findings<'_>,
    ) {
        for (id, position) in &resolved.places {
            let Some(role) = self.catalogue.role(*id) else { continue };
            let path = || path.clone().index(*position);
            let name = role.name;
            match role.availability {
                Availability::Assignable => {}
                Availability::Deprecated => {
                    let message = format!("Microsoft has deprecated the role `{name}`");
                    let help = "`concordat roles list` names the roles that can be given";
                    findings.error(about, ROLE_NOT_ASSIGNABLE, path(), message, help);
                }
                Availability::AssignedBySystem => {
                    let message = format!("`{name}` is given by the system, and by nobody else");
                    let help = "`concordat roles list` names the roles that can be given";
                    findings.error(about, ROLE_NOT_ASSIGNABLE, path(), message, help);
                }
                Availability::NotForGeneralUse => {
                    let message =
                        format!("Microsoft hides the role `{name}`, or advises against its use");
                    let help = "look for another role with `concordat roles solve TASK`";
                    findings.warning(about, ROLE_NOT_ASSIGNABLE, path(), message, help);
                }
            }
        }
    }

    /// Says which roles of an offer GDAP does not support, or is not known to.
    pub fn gdap_support(
        &self,
        about: Subject<'_>,
        resolved: &Resolved,
        path: &FieldPath,
        findings: &mut Findings<'_>,
    ) {
        for (id, position) in &resolved.places {
            let Some(role) = self.catalogue.role(*id) else { continue };
            match role.availability {
                Availability::Deprecated | Availability::AssignedBySystem => continue,
                Availability::Assignable | Availability::NotForGeneralUse => {}
            }
            let path = || path.clone().index(*position);
            let name = role.name;
            match role.gdap {
                GdapSupport::Supported | GdapSupport::SupportedReported => {}
                GdapSupport::Excluded | GdapSupport::NotApplicable => {
                    let message =
                        format!("`{name}` cannot be given by granular delegated administration");
                    let help = "use an account of the customer's own tenant (type `Partner`), or \
                                another role: `concordat roles list`";
                    findings.error(about, NOT_SUPPORTED_BY_GDAP, path(), message, help);
                }
                GdapSupport::CommunityListed | GdapSupport::Unknown => {
                    let message = format!(
                        "nobody at Microsoft has said that granular delegated administration \
                         supports `{name}`"
                    );
                    let help = "try it with one customer first: Microsoft may refuse the whole \
                                invitation";
                    findings.warning(about, GDAP_SUPPORT_NOT_SHOWN, path(), message, help);
                }
            }
        }
    }
}

/// The names of roles beyond a ceiling.
pub(super) fn beyond(roles: &BTreeSet<RoleId>, ceiling: &BTreeSet<RoleId>) -> Option<String> {
    let missing: BTreeSet<_> = roles.difference(ceiling).collect();
    (!missing.is_empty()).then(|| role_names(missing))
}
