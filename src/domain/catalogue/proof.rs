//! Why a role set is the answer: which role covers which task, by which rule, and what was rejected.
//!
//! Never: a verdict without its reason.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{
    Catalogue, Holder, Support, Task, TaskId, Uncovered,
    search::{RoleSet, Weights},
};
use crate::domain::ids::RoleId;

/// The reasons for a [`Solution`](super::Solution).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Proof {
    /// What the roles of the answer come to.
    pub measure: Measure,
    /// For each task, in order of the ids, what covers it.
    pub tasks: Vec<Coverage>,
    /// What taking the documented least-privileged role for each task by itself would come to, where that is another set.
    pub each_by_itself: Option<Measure>,
}

/// How large a role set is: compared from the first field to the last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Measure {
    /// How many of the roles are privileged.
    pub privileged: usize,
    /// How many distinct actions they allow together, with what they inherit.
    pub actions: usize,
    /// How many roles.
    pub count: usize,
    /// The roles by name, in order.
    pub names: Vec<&'static str>,
}

/// What covers a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// The task.
    pub task: TaskId,
    /// The roles that cover it. Empty if it needs none.
    pub by: BTreeSet<RoleId>,
    /// Which rule decided.
    pub rule: Rule,
    /// What the task needs besides, which no Entra role gives.
    pub besides: Vec<Holder>,
    /// The other roles that are documented for it and are not in the answer.
    pub rejected: Vec<Rejected>,
}

/// Why a role covers a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// It is the documented least-privileged role.
    DocumentedLeast,
    /// It is documented as an alternative, and held anyway for another task.
    HeldAnyway,
    /// It is the smallest documented alternative; the documented least-privileged role may not be used, or is no Entra role.
    SmallestAlternative,
    /// Any role will do.
    AnyRole,
    /// Every user of the tenant can do it.
    NoRoleNeeded,
}

/// A role that is documented for a task and is not in the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Rejected {
    /// The role.
    pub role: RoleId,
    /// Why not.
    pub why: Why,
}

/// Why a role was rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Why {
    /// The catalogue does not know it.
    UnknownRole,
    /// Microsoft has deprecated it.
    Deprecated,
    /// Only the system can give it.
    AssignedBySystem,
    /// It is hidden, or marked as not for general use.
    NotForGeneralUse,
    /// There is no evidence that GDAP supports it.
    GdapUnknown,
    /// There is evidence that GDAP does not support it.
    NotSupportedByGdap,
    /// It is not among the roles that may be used.
    OutsideCeiling,
    /// It is not needed: another documented role is held anyway.
    NotNeeded,
    /// It is documented as an alternative, not as the least-privileged role.
    NotLeast,
    /// The same, although it is the smaller one by arithmetic.
    SmallerButNotLeast,
    /// The set with it would be larger.
    Larger,
}

impl Catalogue {
    pub(super) fn proof<'a>(
        &self,
        weights: Weights,
        tasks: impl Iterator<Item = &'a Task> + Clone,
        support: &Support,
        chosen: &RoleSet,
    ) -> Proof {
        let each: Option<RoleSet> = tasks
            .clone()
            .filter(|task| !matches!(task.least[..], [Holder::EveryUser(_)]))
            .map(|task| self.least(task))
            .try_fold(RoleSet::EMPTY, |all, least| Some(all.union(&least?)));
        let usable = |roles: &RoleSet| {
            roles.iter().all(|role| self.refusal(self.roles[role].id, support).is_none())
        };
        Proof {
            measure: self.measure(weights, chosen),
            tasks: tasks.map(|task| self.coverage(weights, task, support, chosen)).collect(),
            each_by_itself: each
                .filter(|each| each != chosen && usable(each))
                .map(|each| self.measure(weights, &each)),
        }
    }

    fn measure(&self, weights: Weights, roles: &RoleSet) -> Measure {
        let [privileged, actions, count] = weights.size(roles);
        let names = roles.iter().map(|position| self.roles[position].name).collect();
        Measure { privileged, actions, count, names }
    }

    fn coverage(
        &self,
        weights: Weights,
        task: &Task,
        support: &Support,
        chosen: &RoleSet,
    ) -> Coverage {
        let least = self.least(task);
        let (rule, by) = self.covering(weights, task, support, chosen);
        let documented =
            task.least.iter().chain(&task.additional).filter_map(|holder| holder.role());
        let rejected = documented
            .filter_map(|id| Some((id, self.position(id)?)))
            .filter(|(_, role)| !chosen.contains(*role))
            .map(|(id, role)| {
                let why = self
                    .refusal(id, support)
                    .unwrap_or_else(|| reason(weights, rule, least.as_ref(), role));
                Rejected { role: id, why }
            })
            .collect();
        let besides = task.least.iter().skip(1).copied().filter(|holder| !holder.is_entra());
        Coverage {
            task: task.id.clone(),
            by: self.ids(&by),
            rule,
            besides: besides.collect(),
            rejected,
        }
    }

    fn covering(
        &self,
        weights: Weights,
        task: &Task,
        support: &Support,
        chosen: &RoleSet,
    ) -> (Rule, RoleSet) {
        if task.least.iter().all(|holder| matches!(holder, Holder::EveryUser(_))) {
            return (Rule::NoRoleNeeded, RoleSet::EMPTY);
        }
        let least = self.least(task);
        let least_is_usable = least.is_some_and(|least| {
            least.iter().all(|role| self.refusal(self.roles[role].id, support).is_none())
        });
        let any = task.least.first() == Some(&Holder::AnyRole);
        if let Some(least) = least.filter(|least| least.is_within(chosen)) {
            return (if any { Rule::AnyRole } else { Rule::DocumentedLeast }, least);
        }
        let by = self
            .alternatives(task)
            .into_iter()
            .filter(|way| way.is_within(chosen))
            .min_by(|one, other| weights.order(one, other))
            .expect("the answer covers every task");
        let rule = match (any, least_is_usable) {
            (true, _) => Rule::AnyRole,
            (false, true) => Rule::HeldAnyway,
            (false, false) => Rule::SmallestAlternative,
        };
        (rule, by)
    }
}

fn reason(weights: Weights, rule: Rule, least: Option<&RoleSet>, position: usize) -> Why {
    let alone = RoleSet::from_iter([position]);
    match rule {
        Rule::HeldAnyway | Rule::AnyRole | Rule::NoRoleNeeded => Why::NotNeeded,
        Rule::SmallestAlternative => Why::Larger,
        Rule::DocumentedLeast => match least {
            Some(least) if weights.size(&alone) < weights.size(least) => Why::SmallerButNotLeast,
            Some(_) | None => Why::NotLeast,
        },
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { measure, tasks, each_by_itself } = self;
        writeln!(f, "{measure}")?;
        for coverage in tasks {
            write!(f, "{coverage}")?;
        }
        if let Some(each) = each_by_itself {
            writeln!(f, "  each task by itself would come to {each}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { privileged, actions, count: _, names } = self;
        let names = if names.is_empty() { "no role".to_owned() } else { names.join(", ") };
        write!(f, "{names} ({privileged} privileged, {actions} actions)")
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, by, rule, besides, rejected } = self;
        let names: Vec<_> = by.iter().map(|id| Catalogue::compiled().name_of(*id)).collect();
        match rule {
            Rule::NoRoleNeeded => writeln!(f, "  {task}: {rule}")?,
            Rule::DocumentedLeast
            | Rule::HeldAnyway
            | Rule::SmallestAlternative
            | Rule::AnyRole => writeln!(f, "  {task}: {}, {rule}", names.join(" and "))?,
        }
        for holder in besides {
            writeln!(f, "    and besides, from elsewhere: {holder}")?;
        }
        for rejected in rejected {
            writeln!(f, "    not {rejected}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DocumentedLeast => "documented as least privileged",
            Self::HeldAnyway => "documented as an alternative and held anyway",
            Self::SmallestAlternative => "the smallest documented alternative that may be used",
            Self::AnyRole => "any role will do",
            Self::NoRoleNeeded => "no role needed, every user of the tenant can do it",
        })
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Catalogue::compiled().name_of(self.role), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownRole => "the catalogue does not know it",
            Self::Deprecated => "deprecated",
            Self::AssignedBySystem => "only the system can assign it",
            Self::NotForGeneralUse => "hidden or not for general use",
            Self::GdapUnknown => "no evidence that GDAP supports it",
            Self::NotSupportedByGdap => "not supported by GDAP",
            Self::OutsideCeiling => "not among the roles that may be used",
            Self::NotNeeded => "not needed, another documented role is held anyway",
            Self::NotLeast => "documented as an alternative, not as least privileged",
            Self::SmallerButNotLeast => {
                "smaller by arithmetic, but documented as an alternative, not as least privileged"
            }
            Self::Larger => "the set with it would be larger",
        })
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(id) => f.write_str(&Catalogue::compiled().name_of(*id)),
            Self::AnyRole => f.write_str("any Entra built-in role"),
            Self::AzureRole(name) => {
                write!(f, "{} (Azure RBAC)", name.trim_end_matches(" (Azure RBAC)"))
            }
            Self::Owner(name) | Self::Group(name) | Self::EveryUser(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Uncovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { task, rejected, instead } = self;
        write!(f, "no role that may be used covers `{task}`")?;
        let reasons: Vec<_> = rejected.iter().map(ToString::to_string).collect();
        if !reasons.is_empty() {
            write!(f, " ({})", reasons.join("; "))?;
        }
        let instead: Vec<_> = instead.iter().map(|holder| format!("`{holder}`")).collect();
        if !instead.is_empty() {
            write!(f, "; it is done by {}", instead.join(" or "))?;
        }
        Ok(())
    }
}
