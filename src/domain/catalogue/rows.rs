//! From the rows of Microsoft's two pages, and one of our own, to tasks.
//!
//! Never: a row dropped in silence; what no Entra role gives stays, told apart.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Disagreement, Holder, MANAGE_DOMAIN_SUBSCRIPTIONS, Source, Task, TaskId};
use crate::domain::ids::RoleId;

const DOMAIN_NAME_ADMINISTRATOR: RoleId =
    RoleId::from_u128(0x8329_153b_31d0_4727_b945_745e_b3bc_5f31);
const BILLING_ADMINISTRATOR: RoleId = RoleId::from_u128(0xb0f5_4661_2d74_4c50_afa3_1ec8_03f1_2efe);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceTask<'a> {
    area: &'a str,
    task: &'a str,
    least_privileged_role: &'a str,
    least_privileged_kind: &'a str,
    least_privileged_template_id: Option<&'a str>,
    #[serde(borrow)]
    additional_roles: Vec<&'a str>,
    #[serde(borrow)]
    additional_role_template_ids: Vec<Option<&'a str>>,
    source: Source,
    note: Option<&'a str>,
    #[serde(borrow, default)]
    all_of: Vec<SourceHolder<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SourceHolder<'a> {
    name: &'a str,
    kind: &'a str,
    template_id: Option<&'a str>,
}

/// Every task by its id. Where both pages have a row, Entra's counts and a difference in the least-privileged role is kept.
pub(super) fn parse(text: &'static str) -> BTreeMap<TaskId, Task> {
    let rows: Vec<SourceTask<'static>> =
        serde_json::from_str(text).expect("the tasks are compiled in");
    let mut tasks: BTreeMap<TaskId, Task> = BTreeMap::new();
    for row in rows {
        let task = task(&row);
        let task = match tasks.remove(&task.id) {
            None => task,
            Some(known) => merged(known, task),
        };
        tasks.insert(task.id.clone(), task);
    }
    let own = manage_domain_subscriptions();
    tasks.insert(own.id.clone(), own);
    tasks
}

fn merged(one: Task, other: Task) -> Task {
    assert_ne!(one.source, other.source, "`{}` stands twice on one page", one.id);
    let (counts, differs) = if one.source == Source::Entra { (one, other) } else { (other, one) };
    let disagreement = (counts.least != differs.least)
        .then_some(Disagreement { source: differs.source, least: differs.least });
    Task { disagreement, ..counts }
}

fn manage_domain_subscriptions() -> Task {
    Task {
        id: TaskId(MANAGE_DOMAIN_SUBSCRIPTIONS.to_owned()),
        area: "Custom domain names",
        name: "manage-subscriptions",
        least: vec![Holder::Role(DOMAIN_NAME_ADMINISTRATOR), Holder::Role(BILLING_ADMINISTRATOR)],
        additional: Vec::new(),
        source: Source::Concordat,
        note: Some(
            "cannot be done on behalf of the customer; it takes an account in the customer's own tenant with both roles",
        ),
        disagreement: None,
    }
}

fn task(row: &SourceTask<'static>) -> Task {
    let least = if row.all_of.is_empty() {
        vec![holder(
            row.least_privileged_role,
            row.least_privileged_kind,
            row.least_privileged_template_id,
        )]
    } else {
        row.all_of.iter().map(|part| holder(part.name, part.kind, part.template_id)).collect()
    };
    let additional = row
        .additional_roles
        .iter()
        .zip(&row.additional_role_template_ids)
        .map(|(name, id)| holder(name, row.least_privileged_kind, *id))
        .collect();
    Task {
        id: TaskId(format!("{}/{}", kebab(row.area), row.task)),
        area: row.area,
        name: row.task,
        least,
        additional,
        source: row.source,
        note: row.note,
        disagreement: None,
    }
}

/// `kind` is the row's, and says too little about alternatives without a template id: those are told by their names.
fn holder(name: &'static str, kind: &str, id: Option<&str>) -> Holder {
    match (id, kind) {
        (Some(id), _) => {
            Holder::Role(id.parse().expect("template ids in the compiled-in data are GUIDs"))
        }
        (None, "azure-rbac") => Holder::AzureRole(name),
        (None, "group") => Holder::Group(name),
        (None, "any-entra-role") => Holder::AnyRole,
        (None, "default-user-role") => Holder::EveryUser(name),
        (None, _) if name == "Default user role" => Holder::EveryUser(name),
        (None, _) => Holder::Owner(name),
    }
}

/// `External Identities and B2C` becomes `external-identities-and-b2c`.
fn kebab(area: &str) -> String {
    area.split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Catalogue;

    fn task(id: &str) -> &'static Task {
        Catalogue::compiled().task(id).unwrap()
    }

    fn named(holders: &[Holder]) -> Vec<String> {
        holders.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_row_of_both_pages_is_a_task_and_ours_is_one_more() {
        let of =
            |source| Catalogue::compiled().tasks().filter(|task| task.source == source).count();
        assert_eq!(of(Source::Entra), 211);
        assert_eq!(of(Source::Gdap), 7);
        assert_eq!(of(Source::Concordat), 1);
    }

    #[test]
    fn where_the_pages_disagree_entra_counts_and_the_difference_is_kept() {
        let differing: Vec<_> = Catalogue::compiled()
            .tasks()
            .filter_map(|task| {
                let other = task.disagreement.as_ref()?;
                Some((
                    task.id.as_str(),
                    named(&task.least).join("+"),
                    named(&other.least).join("+"),
                ))
            })
            .collect();
        let expected = [
            ("users/reset-guest-invite", "Helpdesk Administrator", "User Administrator"),
            (
                "users/revoke-refresh-tokens-non-admin",
                "Helpdesk Administrator",
                "Password Administrator",
            ),
            (
                "users/update-upn-privileged-admin",
                "Privileged Authentication Administrator",
                "Global Administrator",
            ),
        ];
        assert_eq!(
            differing,
            expected.map(|(id, entra, gdap)| (id, entra.to_owned(), gdap.to_owned()))
        );
    }

    #[test]
    fn what_no_role_gives_is_told_apart() {
        assert_eq!(task("groups/update-group-owners").least, [Holder::Owner("Group owner")]);
        assert_eq!(task("connect-health/configure-settings").least, [Holder::AzureRole("Owner")]);
        assert_eq!(
            task("licenses/read-configuration").additional,
            [Holder::EveryUser("Default user role")]
        );
        assert!(
            task("monitoring-provisioning-logs/read-provisioning-logs")
                .additional
                .contains(&Holder::Owner("Enterprise application owner"))
        );
        assert_eq!(task("support/submit-ticket-azure-subscription").least[0], Holder::AnyRole);
        assert_eq!(
            named(&task("domain-services/create-domain-services-instance").least),
            [
                "Application Administrator",
                "Groups Administrator",
                "Domain Services Contributor (Azure RBAC)"
            ]
        );
    }

    #[test]
    fn managing_the_subscriptions_of_a_domain_takes_two_roles_together() {
        assert_eq!(
            named(&task(MANAGE_DOMAIN_SUBSCRIPTIONS).least),
            ["Domain Name Administrator", "Billing Administrator"]
        );
    }

    #[test]
    fn every_role_of_every_task_is_in_the_catalogue() {
        let catalogue = Catalogue::compiled();
        for task in catalogue.tasks() {
            assert!(!task.least.is_empty(), "{}", task.id);
            for role in task.least.iter().chain(&task.additional).filter_map(|holder| holder.role())
            {
                assert!(catalogue.role(role).is_some(), "{} {role}", task.id);
            }
        }
    }
}
