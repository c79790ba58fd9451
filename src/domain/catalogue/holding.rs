//! From roles that somebody holds to the tasks that they are for.
//!
//! Never: "cannot" concluded from "not documented"; the answer says how it knows.

use std::collections::BTreeSet;

use serde::Serialize;

use super::{Catalogue, Holder, Task, search::RoleSet};
use crate::domain::ids::{GLOBAL_ADMINISTRATOR, RoleId};

/// How roles let their holder do a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Covers {
    /// The roles are documented for the task.
    Documented,
    /// Every user of the tenant can do it.
    EveryUser,
    /// Global Administrator can do whatever a role of the directory can, documented or not.
    GlobalAdministrator,
}

impl Catalogue {
    /// Whether these roles are for this task, by what is documented. What the task needs besides, from elsewhere, is not looked at.
    pub fn covers(&self, task: &Task, held: &BTreeSet<RoleId>) -> Option<Covers> {
        if task.least.iter().all(|holder| matches!(holder, Holder::EveryUser(_))) {
            return Some(Covers::EveryUser);
        }
        let held_here: RoleSet = held.iter().filter_map(|id| self.position(*id)).collect();
        let ways = self.least(task).into_iter().chain(self.alternatives(task));
        if ways.into_iter().any(|way| way.is_within(&held_here)) {
            return Some(Covers::Documented);
        }
        let in_the_directory =
            |holder: &Holder| holder.is_entra() || matches!(holder, Holder::Owner(_));
        let by_some_role = task.least.iter().chain(&task.additional).any(in_the_directory);
        (by_some_role && held.contains(&GLOBAL_ADMINISTRATOR))
            .then_some(Covers::GlobalAdministrator)
    }

    /// The tasks for which a role is documented as the least privileged, by itself or with others, in order of the ids.
    pub fn tasks_least_done_by(&self, role: RoleId) -> impl Iterator<Item = &Task> {
        self.tasks().filter(move |task| task.least.contains(&Holder::Role(role)))
    }

    /// The tasks for which a role is documented as an alternative, in order of the ids.
    pub fn tasks_also_done_by(&self, role: RoleId) -> impl Iterator<Item = &Task> {
        self.tasks().filter(move |task| task.additional.contains(&Holder::Role(role)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::{MANAGE_DOMAIN_SUBSCRIPTIONS, Support};

    fn role(name: &str) -> RoleId {
        Catalogue::compiled().find(name).unwrap().id
    }

    fn covers(task: &str, held: &[&str]) -> Option<Covers> {
        let catalogue = Catalogue::compiled();
        let held = held.iter().map(|name| role(name)).collect();
        catalogue.covers(catalogue.task(task).unwrap(), &held)
    }

    #[test]
    fn roles_cover_what_they_are_documented_for() {
        let reset = "users/reset-password-non-admin";
        let cases: [(&str, &[&str], Option<Covers>); 9] = [
            (reset, &["Password Administrator"], Some(Covers::Documented)),
            (reset, &["User Administrator"], Some(Covers::Documented)),
            (reset, &["Global Administrator"], Some(Covers::GlobalAdministrator)),
            (reset, &["Reports Reader"], None),
            (reset, &[], None),
            ("users/read-basic-configuration", &[], Some(Covers::EveryUser)),
            (MANAGE_DOMAIN_SUBSCRIPTIONS, &["Billing Administrator"], None),
            ("connect-health/configure-settings", &["Global Administrator"], None),
            (
                "support/submit-ticket-azure-subscription",
                &["Reports Reader"],
                Some(Covers::Documented),
            ),
        ];
        for (task, held, expected) in cases {
            assert_eq!(covers(task, held), expected, "{task} {held:?}");
        }
    }

    #[test]
    fn what_solve_proposes_covers_each_task() {
        let catalogue = Catalogue::compiled();
        for task in catalogue.tasks() {
            if let Ok(solution) = catalogue.solve(&[task], &Support::Gdap) {
                assert!(catalogue.covers(task, &solution.roles).is_some(), "{}", task.id);
            }
        }
    }

    #[test]
    fn the_tasks_of_a_role_are_those_that_name_it() {
        let catalogue = Catalogue::compiled();
        let ids = |tasks: Vec<&'static Task>| {
            tasks.iter().map(|task| task.id.as_str()).collect::<Vec<_>>()
        };
        let least = catalogue.tasks_least_done_by(role("Password Administrator")).collect();
        assert_eq!(ids(least), ["users/reset-password-non-admin"]);
        let also = catalogue.tasks_also_done_by(role("Billing Administrator")).collect();
        assert_eq!(ids(also), ["support/submit-support-ticket"]);
    }
}
