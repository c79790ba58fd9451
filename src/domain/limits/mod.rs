//! What needs a person: how much may be lost or gained at once (docs/concepts.md, Planning).
//!
//! Never: counts expiry, what has moved whole to a successor, or what a person approved.

mod check;
mod cost;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::{Deserialize, Serialize};

pub use check::{Admitted, Approvals, Batch, Checked, Reach, check, check_as_approved};
pub use cost::{matter, member, subject};

use super::{change::Change, digest::Digest, duration::Duration};

/// How much may happen within a window without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The stretch of time that is counted.
    pub window: Duration,
    /// Assignments that lose something.
    pub revocations: Share,
    /// Relationships that are terminated.
    pub terminations: Share,
    /// Privileged roles that are gained, or held for longer.
    pub privileged_gains: u32,
    /// Grantees that held nothing before.
    pub new_grantees: u32,
    /// Relationships that are replaced.
    pub replacements: u32,
}

/// A number, and a share that counts from [`SHARE_COUNTS_FROM`] up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// In number.
    pub count: u32,
    /// In percent of all.
    pub percent: u32,
}

/// The number of assignments, or relationships, from which the share counts.
pub const SHARE_COUNTS_FROM: u32 = 5;

/// The name of the scope of namespaces without a boundary.
pub const DEFAULT_SCOPE: &str = "default";

impl Default for Limits {
    fn default() -> Self {
        Self {
            window: Duration::from_seconds(3_600),
            revocations: Share { count: 25, percent: 30 },
            terminations: Share { count: 3, percent: 10 },
            privileged_gains: 25,
            new_grantees: 100,
            replacements: 10,
        }
    }
}

impl Limits {
    /// Whatever is asked for is within them.
    pub fn unlimited() -> Self {
        Self {
            window: Duration::ZERO,
            revocations: Share { count: u32::MAX, percent: 100 },
            terminations: Share { count: u32::MAX, percent: 100 },
            privileged_gains: u32::MAX,
            new_grantees: u32::MAX,
            replacements: u32::MAX,
        }
    }
}

/// What a change counts as, and what was spent within the window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cost {
    /// Assignments that lose something.
    pub revocations: u32,
    /// Relationships that are terminated.
    pub terminations: u32,
    /// Privileged roles that are gained, or held for longer.
    pub privileged_gains: u32,
    /// Grantees that held nothing before.
    pub new_grantees: u32,
    /// Relationships that are replaced.
    pub replacements: u32,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            revocations: self.revocations.saturating_add(other.revocations),
            terminations: self.terminations.saturating_add(other.terminations),
            privileged_gains: self.privileged_gains.saturating_add(other.privileged_gains),
            new_grantees: self.new_grantees.saturating_add(other.new_grantees),
            replacements: self.replacements.saturating_add(other.replacements),
        }
    }

    /// What this is more than another, measure by measure.
    #[must_use]
    pub fn beyond(self, other: Self) -> Self {
        Self {
            revocations: self.revocations.saturating_sub(other.revocations),
            terminations: self.terminations.saturating_sub(other.terminations),
            privileged_gains: self.privileged_gains.saturating_sub(other.privileged_gains),
            new_grantees: self.new_grantees.saturating_sub(other.new_grantees),
            replacements: self.replacements.saturating_sub(other.replacements),
        }
    }

    fn measures(self) -> [(Measure, u32); 5] {
        [
            (Measure::Revocations, self.revocations),
            (Measure::Terminations, self.terminations),
            (Measure::PrivilegedGains, self.privileged_gains),
            (Measure::NewGrantees, self.new_grantees),
            (Measure::Replacements, self.replacements),
        ]
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Assignments that lose something.
    Revocations,
    /// Relationships that are terminated.
    Terminations,
    /// Privileged roles that are gained, or held for longer.
    PrivilegedGains,
    /// Grantees that held nothing before.
    NewGrantees,
    /// Relationships that are replaced.
    Replacements,
    /// Changes that a person must approve whatever the limits.
    NeedApproval,
    /// Changes that the boundary of their namespace did not admit so far.
    EarlierBoundary,
    /// Boundaries that would be wider, while something waits for that.
    WiderBoundary,
}

/// How much there is and how much was spent, for one scope.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Budget {
    /// Spent within the window.
    pub spent: Cost,
    /// Assignments that hold something, without those that have just come.
    pub assignments: u32,
    /// Relationships that are active, without those that have just come.
    pub relationships: u32,
    /// Members of stored batches that nobody has approved, each with the hash of its batch: blocked however the window
    /// slides.
    pub blocked: BTreeMap<Digest, Digest>,
    /// Members of approved batches, by the hash of the batch.
    pub approved: BTreeMap<Digest, Digest>,
    /// Who has asked for each of them since it waits, one name a line.
    pub asked: BTreeMap<Digest, String>,
    /// What the members of stored batches are about, approved or not: the same with other ends waits as well.
    pub waiting: BTreeSet<Digest>,
}

impl Budget {
    /// Whether a change waits that no approval covers as it is.
    pub fn holds(&self, change: &Change) -> bool {
        if self.blocked.is_empty() && self.waiting.is_empty() {
            return false;
        }
        let member = member(change);
        !self.approved.contains_key(&member)
            && (self.blocked.contains_key(&member) || self.waiting.contains(&matter(change)))
    }
}

/// The names of a text with one on each line.
pub fn asker_names(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter(|name| !name.is_empty())
}

/// The lines of `names`, then each name of `more` that is not among them.
pub fn all_names(names: &str, more: &str) -> String {
    if names.is_empty() {
        return more.to_owned();
    }
    let mut all = names.to_owned();
    for name in asker_names(more) {
        if !asker_names(names).any(|known| known == name) {
            all.push('\n');
            all.push_str(name);
        }
    }
    all
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Revocations => "revocations",
            Self::Terminations => "terminations",
            Self::PrivilegedGains => "gains of privileged roles",
            Self::NewGrantees => "new grantees",
            Self::Replacements => "replacements",
            Self::NeedApproval => "what needs an approval",
            Self::EarlierBoundary => "what the earlier boundary does not admit",
            Self::WiderBoundary => "boundaries that become wider",
        })
    }
}

impl Limits {
    /// What `cost` goes beyond: each with what it would come to and what is allowed.
    pub fn exceeded(&self, cost: Cost, budget: &Budget) -> Vec<(Measure, u32, u32)> {
        let total = cost.plus(budget.spent);
        let share = |share: Share, of: u32| {
            let by_percent = u64::from(of) * u64::from(share.percent) / 100;
            let by_percent = u32::try_from(by_percent).unwrap_or(u32::MAX);
            if of < SHARE_COUNTS_FROM { share.count } else { share.count.min(by_percent.max(1)) }
        };
        let allowed = |measure| match measure {
            Measure::Revocations => share(self.revocations, budget.assignments),
            Measure::Terminations => share(self.terminations, budget.relationships),
            Measure::PrivilegedGains => self.privileged_gains,
            Measure::NewGrantees => self.new_grantees,
            Measure::Replacements => self.replacements,
            Measure::NeedApproval | Measure::EarlierBoundary | Measure::WiderBoundary => 0,
        };
        let counted = cost.measures().into_iter().zip(total.measures());
        counted
            .filter(|((measure, now), (_, total))| *now > 0 && *total > allowed(*measure))
            .map(|((measure, _), (_, total))| (measure, total, allowed(measure)))
            .collect()
    }
}
