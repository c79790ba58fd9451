//! Tasks: what a person needs to do, and which roles Microsoft documents for it.
//!
//! Never: a task known by its last part alone; only `area/task` is unique.

use std::{borrow::Borrow, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::domain::ids::{InvalidId, RoleId, as_text};

/// Managing the subscriptions of a domain. It cannot be done on behalf of a customer, only with an account of the customer's own.
pub const MANAGE_DOMAIN_SUBSCRIPTIONS: &str = "custom-domain-names/manage-subscriptions";

/// The id of a task: `area/task`, both in kebab case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub(super) String);

impl TaskId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TaskId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.split_once('/') {
            Some((area, task)) if is_kebab(area) && is_kebab(task) => Ok(Self(text.to_owned())),
            Some(_) | None => Err(InvalidId {
                text: text.to_owned(),
                expected: "a task id such as `users/reset-password-non-admin`",
            }),
        }
    }
}

fn is_kebab(text: &str) -> bool {
    text.split('-').all(|word| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

as_text!(TaskId);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for TaskId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// One task and who can do it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// Its id.
    pub id: TaskId,
    /// The area as Microsoft's page heads it.
    pub area: &'static str,
    /// What is done, the second half of the id.
    pub name: &'static str,
    /// The documented least-privileged way: all of these together. Never empty.
    pub least: Vec<Holder>,
    /// Documented alternatives: each stands in for the first of `least`; the rest of `least` stays needed.
    pub additional: Vec<Holder>,
    /// Which page the row comes from.
    pub source: Source,
    /// What a reader of the row should know.
    pub note: Option<&'static str>,
    /// What the GDAP page says, where it names another least-privileged role than Entra's page, which counts.
    pub disagreement: Option<Disagreement>,
}

/// What a task needs: mostly an Entra role, sometimes something that no Entra role gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Holder {
    /// An Entra built-in role.
    Role(RoleId),
    /// Any Entra built-in role whatsoever.
    AnyRole,
    /// A role of Azure RBAC, which lives in a subscription and not in the directory.
    AzureRole(&'static str),
    /// Whoever owns, or is a member of, the object in question.
    Owner(&'static str),
    /// Membership of one particular group.
    Group(&'static str),
    /// Every user of the tenant, without any role.
    EveryUser(&'static str),
}

impl Holder {
    /// The role, where it is one particular role.
    pub fn role(self) -> Option<RoleId> {
        match self {
            Self::Role(id) => Some(id),
            Self::AnyRole
            | Self::AzureRole(_)
            | Self::Owner(_)
            | Self::Group(_)
            | Self::EveryUser(_) => None,
        }
    }

    /// Whether a role of the directory can stand for it.
    pub fn is_entra(self) -> bool {
        self.role().is_some() || self == Self::AnyRole
    }
}

/// Where a task comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub enum Source {
    /// Microsoft Entra's page "least privileged roles by task", 2026.
    #[serde(rename(deserialize = "entra-by-task", serialize = "entra"))]
    Entra,
    /// The GDAP page of the same name, 2023.
    #[serde(rename(deserialize = "gdap-by-task", serialize = "gdap"))]
    Gdap,
    /// Our own.
    #[serde(rename = "concordat")]
    Concordat,
}

/// Another page that names another least-privileged role.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Disagreement {
    /// Which page.
    pub source: Source,
    /// What it names.
    pub least: Vec<Holder>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Catalogue;

    #[test]
    fn task_ids_are_area_and_task_in_kebab_case() {
        for id in ["users/create-user", "external-identities-and-b2c/manage-users", "a1/b"] {
            assert_eq!(id.parse::<TaskId>().unwrap().as_str(), id);
        }
        for id in [
            "create-user",
            "Users/create-user",
            "users/",
            "/x",
            "users/a/b",
            "users/a--b",
            "users/-a",
        ] {
            assert!(id.parse::<TaskId>().is_err(), "{id}");
        }
        for task in Catalogue::compiled().tasks() {
            assert_eq!(task.id.as_str().parse::<TaskId>().unwrap(), task.id);
        }
    }
}
