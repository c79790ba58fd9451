//! From what a person wrote to a role or a task, or to what was probably meant.
//!
//! Never: a match by resemblance. A look-alike letter or a hidden character is no match, only a reason for a suggestion.

use std::{collections::BTreeMap, fmt};

use super::{Catalogue, Role, Task};
use crate::domain::{
    enumeration::{enumeration, quoted},
    ids::RoleId,
};

/// Names this alike are suggested.
const NEAR: f64 = 0.86;

/// How many suggestions are given at most.
const SUGGESTIONS: usize = 3;

/// What was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Found {
    /// A role.
    Role,
    /// A task.
    Task,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "role",
            Self::Task => "task",
        })
    }
}

/// Nothing has this name, with what was probably meant, best first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no {what} is called `{}`", .text.escape_debug())]
pub struct NotFound {
    /// Whether a role or a task was looked for.
    pub what: Found,
    /// What was written.
    pub text: String,
    /// Names of roles, or ids of tasks. May be empty.
    pub suggestions: Vec<String>,
}

impl NotFound {
    /// The way out, for a person: "did you mean `…`?"
    pub fn help(&self) -> String {
        let near: Vec<String> = self.suggestions.iter().map(quoted).collect();
        match (enumeration(&near, "or"), self.what) {
            (Some(near), _) => format!("did you mean {near}?"),
            (None, Found::Role) => "`concordat roles list` names every role".to_owned(),
            (None, Found::Task) => "`concordat roles tasks` names every task".to_owned(),
        }
    }
}

/// Every display name and former name in lower case, and the position of its role. Display names win over former names.
pub(super) fn names(roles: &[Role]) -> BTreeMap<String, usize> {
    let former = roles.iter().enumerate().flat_map(|(position, role)| {
        role.former_names.iter().map(move |name| (name.to_ascii_lowercase(), position))
    });
    let current =
        roles.iter().enumerate().map(|(position, role)| (role.name.to_ascii_lowercase(), position));
    former.chain(current).collect()
}

impl Catalogue {
    /// The role with this display name, former name or template id; upper and lower case are the same.
    pub fn find(&self, text: &str) -> Result<&Role, NotFound> {
        let position = match text.parse::<RoleId>() {
            Ok(id) => self.position(id),
            Err(_) => self.names.get(&text.to_ascii_lowercase()).copied(),
        };
        position.map(|position| &self.roles[position]).ok_or_else(|| NotFound {
            what: Found::Role,
            text: text.to_owned(),
            suggestions: self.role_suggestions(text),
        })
    }

    /// The task with this id.
    pub fn task(&self, id: &str) -> Result<&Task, NotFound> {
        self.tasks.get(id).ok_or_else(|| NotFound {
            what: Found::Task,
            text: id.to_owned(),
            suggestions: self.task_suggestions(id),
        })
    }

    fn role_suggestions(&self, text: &str) -> Vec<String> {
        let text = text.trim().to_lowercase();
        if text.parse::<RoleId>().is_ok() {
            return Vec::new();
        }
        let near = self
            .names
            .iter()
            .map(|(name, position)| (likeness(&text, name), self.roles[*position].name.to_owned()));
        best(near)
    }

    fn task_suggestions(&self, text: &str) -> Vec<String> {
        let text = text.trim().to_lowercase();
        let near = self.tasks.values().map(|task| {
            let whole = likeness(&text, task.id.as_str());
            let last = if text == task.name { 1.0 } else { likeness(&text, task.name) };
            (whole.max(last), task.id.to_string())
        });
        best(near)
    }
}

fn likeness(text: &str, name: &str) -> f64 {
    strsim::jaro_winkler(text, name)
}

fn best(candidates: impl Iterator<Item = (f64, String)>) -> Vec<String> {
    let mut near: Vec<_> = candidates.filter(|(likeness, _)| *likeness >= NEAR).collect();
    near.sort_by(|(a, first), (b, second)| b.total_cmp(a).then_with(|| first.cmp(second)));
    let mut names = Vec::new();
    for (_, name) in near {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.truncate(SUGGESTIONS);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{GLOBAL_ADMINISTRATOR, HELPDESK_ADMINISTRATOR};

    fn found(text: &str) -> &'static str {
        Catalogue::compiled().find(text).unwrap().name
    }

    fn suggested(text: &str) -> Vec<String> {
        Catalogue::compiled().find(text).unwrap_err().suggestions
    }

    #[test]
    fn a_role_is_found_by_its_name_its_former_name_and_its_template_id_in_any_case() {
        let cases = [
            ("Helpdesk Administrator", "Helpdesk Administrator"),
            ("helpdesk ADMINISTRATOR", "Helpdesk Administrator"),
            ("729827E3-9C14-49F7-BB1B-9608F156BBB8", "Helpdesk Administrator"),
            ("Company Administrator", "Global Administrator"),
            ("Power BI Administrator", "Fabric Administrator"),
            ("Power BI Service Administrator", "Fabric Administrator"),
            ("CRM Service Administrator", "Dynamics 365 Administrator"),
            ("Device Administrators", "Microsoft Entra Joined Device Local Administrator"),
            (
                "Azure AD Joined Device Local Administrator",
                "Microsoft Entra Joined Device Local Administrator",
            ),
            ("Customer LockBox Access Approver", "Customer Lockbox Access Approver"),
            ("Exchange Service Administrator", "Exchange Administrator"),
            ("Intune Service Administrator", "Intune Administrator"),
            ("Lync Service Administrator", "Skype for Business Administrator"),
            ("SharePoint Service Administrator", "SharePoint Administrator"),
            ("User Account Administrator", "User Administrator"),
        ];
        for (text, name) in cases {
            assert_eq!(found(text), name, "{text}");
        }
        assert_eq!(
            Catalogue::compiled().find(found("company administrator")).unwrap().id,
            GLOBAL_ADMINISTRATOR
        );
    }

    #[test]
    fn password_administrator_is_a_role_of_its_own() {
        let role = Catalogue::compiled().find("Password Administrator").unwrap();
        assert_eq!(role.id.to_string(), "966707d0-3269-4727-9be2-8c3a10f19b9d");
        assert_ne!(role.id, HELPDESK_ADMINISTRATOR);
    }

    #[test]
    fn every_role_is_found_by_what_it_is_called() {
        let catalogue = Catalogue::compiled();
        for role in catalogue.roles() {
            let id = role.id.to_string();
            for text in role.former_names.iter().copied().chain([role.name, id.as_str()]) {
                assert_eq!(catalogue.find(text).unwrap().id, role.id, "{text}");
            }
        }
    }

    #[test]
    fn a_near_miss_is_refused_with_a_suggestion() {
        assert_eq!(suggested("Helpdesk Admin")[0], "Helpdesk Administrator");
        assert_eq!(suggested("Globl Administrator")[0], "Global Administrator");
        assert_eq!(suggested(" User Administrator")[0], "User Administrator");
        let error = Catalogue::compiled().find("Helpdesk Admin").unwrap_err();
        assert_eq!(error.to_string(), "no role is called `Helpdesk Admin`");
        assert!(
            error.help().starts_with("did you mean `Helpdesk Administrator`"),
            "{}",
            error.help()
        );
    }

    #[test]
    fn an_unknown_role_is_refused_with_the_way_to_the_list() {
        let error = Catalogue::compiled().find("zzz").unwrap_err();
        assert_eq!(error.help(), "`concordat roles list` names every role");
        assert!(suggested("00000000-0000-0000-0000-000000000000").is_empty());
        assert!(suggested("").is_empty());
    }

    #[test]
    fn look_alike_and_hidden_characters_never_match() {
        let cases = [
            "Gl\u{043e}bal Administrator",
            "Global\u{00a0}Administrator",
            "Global Administrator\u{202e}",
            "\u{200b}Global Administrator",
            "Global  Administrator",
            "\u{ff27}lobal Administrator",
            "Global Adm\u{0131}nistrator",
            "Global Administrator\0",
        ];
        for text in cases {
            assert_eq!(suggested(text)[0], "Global Administrator", "{text:?}");
        }
        let error = Catalogue::compiled().find("Global Administrator\u{202e}").unwrap_err();
        assert_eq!(error.to_string(), "no role is called `Global Administrator\\u{202e}`");
    }

    #[test]
    fn a_task_without_its_area_is_refused_with_every_area_that_has_it() {
        let error = Catalogue::compiled().task("assign-license").unwrap_err();
        assert_eq!(
            error.suggestions,
            ["groups/assign-license", "licenses/assign-license", "users/assign-license"]
        );
        let error = Catalogue::compiled().task("users/reset-password-nonadmin").unwrap_err();
        assert_eq!(error.suggestions[0], "users/reset-password-non-admin");
    }
}
