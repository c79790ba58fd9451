//! From tasks to the smallest role set that does them, with a proof.
//!
//! Never: a role that Microsoft does not document for one of the tasks, or that cannot be given to people.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::{
    Availability, Catalogue, GdapSupport, Holder, Proof, Rejected, Task, TaskId, Why,
    roles::ActionSet,
    search::{self, Demand, RoleSet, Weights},
};
use crate::domain::ids::RoleId;

/// Microsoft's own example where any role will do.
pub(super) const DIRECTORY_READERS: RoleId =
    RoleId::from_u128(0x88d8_e3e3_8f55_4a1e_953a_9b98_98b8_876b);

/// Which roles may be used. Deprecated, hidden and unassignable ones never may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// Any built-in role: accounts in the customer's own tenant, type `Partner`.
    AnyBuiltIn,
    /// Roles of which there is evidence that GDAP supports them.
    Gdap,
    /// These roles, such as the ceiling of an offer.
    Only(BTreeSet<RoleId>),
}

/// The smallest role set for some tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Solution {
    /// The roles. Empty if every task can be done by every user of the tenant.
    pub roles: BTreeSet<RoleId>,
    /// Why these.
    pub proof: Proof,
}

/// A task that no role that may be used covers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Uncovered {
    /// The task.
    pub task: TaskId,
    /// Its documented roles, and why each may not be used.
    pub rejected: Vec<Rejected>,
    /// What does it instead, which no Entra role gives: ownership, a role of Azure RBAC, a group.
    pub instead: Vec<Holder>,
}

/// No role set covers the tasks. Names every task that stands in the way.
#[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
pub struct Unsolvable {
    /// The tasks, in order of their ids. Never empty.
    pub tasks: Vec<Uncovered>,
}

impl fmt::Display for Unsolvable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, uncovered) in self.tasks.iter().enumerate() {
            if position > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{uncovered}")?;
        }
        Ok(())
    }
}

/// Roles that go beyond tasks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Excess {
    /// The roles that the tasks do not need.
    pub roles: BTreeSet<RoleId>,
    /// What would do.
    pub suffices: Solution,
}

/// What a task asks of a role set.
enum Needs {
    /// Nothing: every user can do it.
    Nothing,
    /// One of these.
    Roles(Demand),
}

impl Catalogue {
    /// The smallest role set that covers the tasks, by (privileged roles, actions with inheritance, roles, names).
    ///
    /// Documented least-privileged roles win over arithmetic. Precisely:
    ///
    /// 1. A task is *covered* by a set that holds all of its documented least-privileged roles, or, in place of the first of
    ///    them, one documented additional role. Nothing else covers it, whatever its actions.
    /// 2. A task *opens* the set to its documented least-privileged roles, all of them or none. Only if one of these may not be
    ///    used (`support`), or if there is none in the directory, it opens the set to its additional roles.
    /// 3. The answer is the smallest set that covers every task and consists of what the tasks open.
    ///
    /// So an additional role does for a task only where it is held anyway, as the documented least of another task; and for a
    /// task by itself the answer is what is documented for it, even where an additional role has fewer actions.
    pub fn solve(&self, tasks: &[&Task], support: &Support) -> Result<Solution, Unsolvable> {
        let tasks: BTreeMap<_, _> = tasks.iter().map(|task| (&task.id, *task)).collect();
        let mut demands = Vec::new();
        let mut uncovered = Vec::new();
        for task in tasks.values() {
            match self.needs(task, support) {
                Ok(Needs::Nothing) => {}
                Ok(Needs::Roles(demand)) => demands.push(demand),
                Err(missing) => uncovered.push(missing),
            }
        }
        if !uncovered.is_empty() {
            return Err(Unsolvable { tasks: uncovered });
        }
        let (privileged, actions) = self.measures();
        let weights = Weights { privileged: &privileged, actions: &actions };
        let chosen = search::smallest(weights, &demands);
        let proof = self.proof(weights, tasks.values().copied(), support, &chosen);
        Ok(Solution { roles: self.ids(&chosen), proof })
    }

    /// What roles asked for by name hold beyond some tasks: those that the smallest role set for these tasks does without.
    pub fn excess(
        &self,
        asked: &BTreeSet<RoleId>,
        tasks: &[&Task],
        support: &Support,
    ) -> Result<Excess, Unsolvable> {
        let suffices = self.solve(tasks, support)?;
        Ok(Excess { roles: asked - &suffices.roles, suffices })
    }

    fn needs(&self, task: &Task, support: &Support) -> Result<Needs, Uncovered> {
        if task.least.iter().all(|holder| matches!(holder, Holder::EveryUser(_))) {
            return Ok(Needs::Nothing);
        }
        let usable = |roles: &RoleSet| {
            roles.iter().all(|role| self.refusal(self.roles[role].id, support).is_none())
        };
        let least = self.least(task).filter(usable);
        let alternatives: Vec<_> = self.alternatives(task).into_iter().filter(usable).collect();
        let openings = least.map_or_else(|| alternatives.clone(), |least| vec![least]);
        if openings.is_empty() {
            return Err(self.uncovered(task, support));
        }
        let mut coverings: Vec<_> = least.into_iter().chain(alternatives).collect();
        coverings.sort_by(|one, other| one.iter().cmp(other.iter()));
        coverings.dedup();
        Ok(Needs::Roles(Demand { openings, coverings }))
    }

    /// The Entra roles that are documented as the least for a task; `None` if what is documented is not a role of the directory.
    pub(super) fn least(&self, task: &Task) -> Option<RoleSet> {
        let (first, _) = task.least.split_first()?;
        let first = if *first == Holder::AnyRole { DIRECTORY_READERS } else { first.role()? };
        let mut roles = self.rest_of_least(task);
        roles.insert(self.position(first)?);
        Some(roles)
    }

    /// The other documented ways: each additional role, with the rest of what is documented as the least.
    pub(super) fn alternatives(&self, task: &Task) -> Vec<RoleSet> {
        let rest = self.rest_of_least(task);
        let with_rest = |role: usize| rest.union(&RoleSet::from_iter([role]));
        if task.least.first() == Some(&Holder::AnyRole) {
            return (0..self.roles.len()).map(with_rest).collect();
        }
        task.additional
            .iter()
            .filter_map(|holder| self.position(holder.role()?))
            .map(with_rest)
            .collect()
    }

    fn rest_of_least(&self, task: &Task) -> RoleSet {
        task.least.iter().skip(1).filter_map(|holder| self.position(holder.role()?)).collect()
    }

    /// Why a role may not be used, or `None` if it may.
    pub fn refusal(&self, id: RoleId, support: &Support) -> Option<Why> {
        let Some(role) = self.role(id) else { return Some(Why::UnknownRole) };
        match role.availability {
            Availability::Assignable => {}
            Availability::Deprecated => return Some(Why::Deprecated),
            Availability::AssignedBySystem => return Some(Why::AssignedBySystem),
            Availability::NotForGeneralUse => return Some(Why::NotForGeneralUse),
        }
        match support {
            Support::AnyBuiltIn => None,
            Support::Gdap if role.gdap.is_evident() => None,
            Support::Gdap if role.gdap == GdapSupport::Unknown => Some(Why::GdapUnknown),
            Support::Gdap => Some(Why::NotSupportedByGdap),
            Support::Only(roles) if roles.contains(&id) => None,
            Support::Only(_) => Some(Why::OutsideCeiling),
        }
    }

    fn uncovered(&self, task: &Task, support: &Support) -> Uncovered {
        let holders = || task.least.iter().chain(&task.additional).copied();
        Uncovered {
            task: task.id.clone(),
            rejected: holders()
                .filter_map(Holder::role)
                .filter_map(|role| Some(Rejected { role, why: self.refusal(role, support)? }))
                .collect(),
            instead: holders().filter(|holder| !holder.is_entra()).collect(),
        }
    }

    fn measures(&self) -> (RoleSet, Vec<ActionSet>) {
        let privileged = self.roles.iter().enumerate().filter(|(_, role)| role.privileged);
        let actions = self.roles.iter().map(|role| role.expanded).collect();
        (privileged.map(|(position, _)| position).collect(), actions)
    }

    pub(super) fn ids(&self, roles: &RoleSet) -> BTreeSet<RoleId> {
        roles.iter().map(|position| self.roles[position].id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::{MANAGE_DOMAIN_SUBSCRIPTIONS, Rule};

    fn tasks(ids: &[&str]) -> Vec<&'static Task> {
        ids.iter().map(|id| Catalogue::compiled().task(id).unwrap()).collect()
    }

    fn solved(ids: &[&str]) -> Solution {
        Catalogue::compiled().solve(&tasks(ids), &Support::Gdap).unwrap()
    }

    fn names(ids: &[&str]) -> Vec<&'static str> {
        solved(ids).proof.measure.names
    }

    #[test]
    fn a_task_by_itself_gets_its_documented_least_privileged_role() {
        assert_eq!(names(&["users/reset-password-non-admin"]), ["Password Administrator"]);
        assert_eq!(names(&["users/reset-guest-invite"]), ["Helpdesk Administrator"]);
        assert_eq!(names(&[]), Vec::<&str>::new());
    }

    #[test]
    fn the_documented_role_wins_over_a_smaller_one() {
        let solution = solved(&["groups/read-hidden-membership-group-members"]);
        let teams = Catalogue::compiled().find("Teams Administrator").unwrap().id;
        assert_eq!(solution.proof.measure.names, ["Helpdesk Administrator"]);
        assert_eq!(solution.proof.tasks[0].rule, Rule::DocumentedLeast);
        assert!(
            solution.proof.tasks[0]
                .rejected
                .contains(&Rejected { role: teams, why: Why::SmallerButNotLeast })
        );
    }

    #[test]
    fn an_alternative_does_where_it_is_held_anyway() {
        let solution = solved(&["users/reset-password-non-admin", "users/create-user"]);
        assert_eq!(solution.proof.measure.names, ["User Administrator"]);
        let rules: Vec<_> = solution.proof.tasks.iter().map(|coverage| coverage.rule).collect();
        assert_eq!(rules, [Rule::DocumentedLeast, Rule::HeldAnyway]);
        assert_eq!(solution.proof.each_by_itself.unwrap().privileged, 2);
    }

    #[test]
    fn roles_that_are_needed_together_come_together() {
        assert_eq!(
            names(&[MANAGE_DOMAIN_SUBSCRIPTIONS]),
            ["Billing Administrator", "Domain Name Administrator"]
        );
        let solution = solved(&["domain-services/create-domain-services-instance"]);
        assert_eq!(
            solution.proof.measure.names,
            ["Application Administrator", "Groups Administrator"]
        );
        assert_eq!(
            solution.proof.tasks[0].besides,
            [Holder::AzureRole("Domain Services Contributor")]
        );
        assert_eq!(
            names(&["monitoring-sign-in-diagnostic/run-diagnostic-from-sign-in-logs"]),
            ["Billing Administrator", "Reports Reader"]
        );
    }

    #[test]
    fn where_an_owner_would_do_the_smallest_documented_role_is_taken() {
        let solution = solved(&["enterprise-applications/update-app-owners"]);
        assert_eq!(solution.proof.measure.names, ["Cloud Application Administrator"]);
        assert_eq!(solution.proof.tasks[0].rule, Rule::SmallestAlternative);
    }

    #[test]
    fn a_task_for_every_user_needs_no_role_and_one_for_any_role_takes_what_is_held() {
        assert_eq!(names(&["users/read-basic-configuration"]), Vec::<&str>::new());
        let ticket = "support/submit-ticket-azure-subscription";
        assert_eq!(names(&[ticket]), ["Directory Readers"]);
        assert_eq!(names(&[ticket, "users/create-user"]), ["User Administrator"]);
    }

    #[test]
    fn what_gdap_is_not_known_to_support_is_not_proposed() {
        let devices = tasks(&["users/create-user", "groups/update-group-membership"]);
        let error = Catalogue::compiled().solve(&devices, &Support::Gdap).unwrap_err();
        assert_eq!(
            error.to_string(),
            "no role that may be used covers `groups/update-group-membership`; it is done by `Group owner`"
        );
        for task in Catalogue::compiled().tasks() {
            let Ok(solution) = Catalogue::compiled().solve(&[task], &Support::Gdap) else {
                continue;
            };
            for id in solution.roles {
                assert!(Catalogue::compiled().role(id).unwrap().gdap.is_evident(), "{}", task.id);
            }
        }
    }

    #[test]
    fn every_task_that_cannot_be_solved_is_named() {
        let ceiling = Catalogue::compiled().find("Reports Reader").unwrap().id;
        let asked = tasks(&["users/create-user", "users/delete-user"]);
        let error = Catalogue::compiled()
            .solve(&asked, &Support::Only(BTreeSet::from([ceiling])))
            .unwrap_err();
        assert_eq!(error.tasks.len(), 2);
        assert_eq!(error.tasks[0].rejected[0].why, Why::OutsideCeiling);
    }

    #[test]
    fn roles_beyond_the_tasks_are_an_excess() {
        let catalogue = Catalogue::compiled();
        let id = |name| catalogue.find(name).unwrap().id;
        let asked = BTreeSet::from([id("Global Administrator"), id("User Administrator")]);
        let excess =
            catalogue.excess(&asked, &tasks(&["users/create-user"]), &Support::Gdap).unwrap();
        assert_eq!(excess.roles, BTreeSet::from([id("Global Administrator")]));
    }

    #[test]
    fn all_tasks_at_once_are_solved() {
        let catalogue = Catalogue::compiled();
        let all: Vec<_> = catalogue
            .tasks()
            .filter(|task| catalogue.solve(&[task], &Support::AnyBuiltIn).is_ok())
            .collect();
        let solution = catalogue.solve(&all, &Support::AnyBuiltIn).unwrap();
        assert_eq!(solution.proof.tasks.len(), all.len());
    }

    #[test]
    fn a_proof_reads_like_one() {
        let text =
            solved(&["users/reset-password-non-admin", "users/create-user"]).proof.to_string();
        assert_eq!(
            text,
            "\
User Administrator (1 privileged, 111 actions)
  users/create-user: User Administrator, documented as least privileged
  users/reset-password-non-admin: User Administrator, documented as an alternative and held anyway
    not Password Administrator: not needed, another documented role is held anyway
  each task by itself would come to Password Administrator, User Administrator (2 privileged, 111 actions)
"
        );
    }
}
