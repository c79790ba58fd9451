//! From what a person wrote to a role or a task, or to what was probably meant.
//!
//! Never: a match by resemblance. A look-alike letter or a hidden character is no match, only a reason for a suggestion.

use std::{collections::BTreeMap, fmt};

use super::{Catalogue, Role, Task};
use crate::domain::ids::RoleId;

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
        match (self.suggestions.split_last(), self.what) {
            (Some((only, [])), _) => format!("did you mean `{only}`?"),
            (Some((last, first)), _) => {
                format!("did you mean `{}` or `{last}`?", first.join("`, `"))
            }
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
