//! What bounds a namespace, as the store remembers it, and how two of that differ.
//!
//! Never: a difference that counts as narrower and lets anything more through.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use crate::{
    api::{Cloud, PartnerType},
    domain::{
        catalogue::Catalogue,
        duration::Duration,
        ids::{GranteeId, RoleId, TenantId},
        limits::{DEFAULT_SCOPE, Limits, Share},
    },
};

/// Any, or those listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reach<T: Ord> {
    /// Every one.
    #[default]
    Any,
    /// These, and no other.
    Listed(BTreeSet<T>),
}

impl<T: Ord> Reach<T> {
    /// Whether this one is reached.
    pub fn admits(&self, one: &T) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(one),
        }
    }

    /// Whether all that the other admits is admitted here.
    fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Listed(_), Self::Any) => false,
            (Self::Listed(these), Self::Listed(those)) => those.is_subset(these),
        }
    }
}

/// What a namespace may do at all, and how much at once. The default is what holds where there is no boundary: anything,
/// within the default limits.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bounds {
    /// The partners that its objects may speak for, each in its cloud.
    pub partners: Reach<(TenantId, Cloud)>,
    /// The types that may be offered.
    pub types: Reach<PartnerType>,
    /// The customers that may be invited.
    pub customers: Reach<TenantId>,
    /// Who may hold roles.
    pub grantees: Reach<GranteeId>,
    /// The roles that may be held.
    pub roles: Reach<RoleId>,
    /// For how long a privileged role may be held.
    pub privileged_at_most: Option<Duration>,
    /// How much at once.
    pub limits: Limits,
}

/// The boundary of one namespace: its name, and what it admits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamespaceBoundary {
    /// The name, under which the budget is counted.
    pub name: String,
    /// What it admits.
    pub bounds: Bounds,
    /// Whether it was read from a place of its own: until it is read from there again, nothing else takes its place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
}

impl Default for NamespaceBoundary {
    /// Where there is no boundary.
    fn default() -> Self {
        Self { name: DEFAULT_SCOPE.to_owned(), bounds: Bounds::default(), trusted: false }
    }
}

/// What the store knows of the boundary of a namespace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedBoundary {
    /// The boundary: as it is remembered or, where only rows tell of it, under the name that they carry and with what
    /// holds without a boundary.
    pub boundary: NamespaceBoundary,
    /// How often it was recorded; 0 where only rows tell of it.
    pub revision: i64,
}

/// What of a boundary becomes different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which part, as a manifest names it.
    pub part: &'static str,
    /// Before, in words.
    pub before: String,
    /// Afterwards, in words.
    pub after: String,
    /// Whether more is let through afterwards.
    pub width: Width,
}

/// Whether more is let through than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// Something is let through that was not.
    Wider,
    /// Nothing is let through that was not.
    Narrower,
}

impl Difference {
    /// Whether more is let through afterwards.
    pub fn is_wider(&self) -> bool {
        self.width == Width::Wider
    }
}

impl NamespaceBoundary {
    /// Whether `after` lets anything through that this one does not. Another name is another budget.
    pub fn is_widened_by(&self, after: &Self) -> bool {
        self.name != after.name || self.differences(after).iter().any(Difference::is_wider)
    }

    /// Each part that becomes different, but the name.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let place =
            |trusted: bool| (if trusted { "`--boundary`" } else { "the manifests" }).to_owned();
        let moves = (self.trusted != after.trusted).then(|| Difference {
            part: "read from",
            before: place(self.trusted),
            after: place(after.trusted),
            width: if after.trusted { Width::Narrower } else { Width::Wider },
        });
        moves.into_iter().chain(self.bounds.differences(&after.bounds)).collect()
    }
}

impl Bounds {
    /// Each part that becomes different.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let Self { partners, types, customers, grantees, roles, privileged_at_most, limits } = self;
        let partner = |(id, cloud): &(TenantId, Cloud)| format!("`{id}` in `{cloud:?}`");
        let role = |role: &RoleId| Catalogue::compiled().name_of(*role);
        let parts = [
            reach("partner", partners, &after.partners, partner),
            reach("partner.certifiedFor", types, &after.types, |type_| format!("{type_:?}")),
            reach("customers", customers, &after.customers, |id| format!("`{id}`")),
            reach("grantees", grantees, &after.grantees, |id| format!("`{id}`")),
            reach("roles", roles, &after.roles, role),
            longest(*privileged_at_most, after.privileged_at_most),
        ];
        parts.into_iter().flatten().chain(limits.differences(&after.limits)).collect()
    }
}

/// At most so many of a list are told; the rest is counted.
const TOLD: usize = 8;

fn reach<T: Ord>(
    part: &'static str,
    before: &Reach<T>,
    after: &Reach<T>,
    word: impl Fn(&T) -> String,
) -> Option<Difference> {
    if before == after {
        return None;
    }
    let words = |reach: &Reach<T>, other: &Reach<T>| match reach {
        Reach::Any => "any".to_owned(),
        Reach::Listed(listed) if listed.is_empty() => "none".to_owned(),
        Reach::Listed(listed) => {
            // What differs comes first, so that it is told however long the list is.
            let (same, own): (Vec<_>, Vec<_>) = match other {
                Reach::Any => (Vec::new(), listed.iter().collect()),
                Reach::Listed(others) => listed.iter().partition(|one| others.contains(one)),
            };
            let all: Vec<String> = own.into_iter().chain(same).take(TOLD).map(&word).collect();
            let rest = listed.len() - all.len();
            let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
            format!("{}{more}", all.join(", "))
        }
    };
    let width = if before.covers(after) { Width::Narrower } else { Width::Wider };
    Some(Difference { part, before: words(before, after), after: words(after, before), width })
}

fn longest(before: Option<Duration>, after: Option<Duration>) -> Option<Difference> {
    let words = |longest: Option<Duration>| {
        longest.map_or_else(|| "any".to_owned(), |longest| longest.to_string())
    };
    let width = match (before, after) {
        (Some(before), Some(after)) if after <= before => Width::Narrower,
        (None, _) => Width::Narrower,
        (Some(_), _) => Width::Wider,
    };
    (before != after).then(|| Difference {
        part: "privileged.maxWindow",
        before: words(before),
        after: words(after),
        width,
    })
}

impl Limits {
    /// Each limit that becomes different. A longer window counts more, and so lets less through.
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let Self {
            window,
            revocations,
            terminations,
            privileged_gains,
            new_grantees,
            replacements,
        } = self;
        let told = |part, before: String, after: String, wider: bool| {
            let width = if wider { Width::Wider } else { Width::Narrower };
            (before != after).then_some(Difference { part, before, after, width })
        };
        let share = |part, before: Share, after: Share| {
            let wider = after.count > before.count || after.percent > before.percent;
            told(part, in_words(before), in_words(after), wider)
        };
        let count = |part, before: u32, after: u32| {
            told(part, before.to_string(), after.to_string(), after > before)
        };
        let parts = [
            told(
                "limits.window",
                window.to_string(),
                after.window.to_string(),
                after.window < *window,
            ),
            share("limits.revocations", *revocations, after.revocations),
            share("limits.terminations", *terminations, after.terminations),
            count("limits.privilegedGains", *privileged_gains, after.privileged_gains),
            count("limits.newGrantees", *new_grantees, after.new_grantees),
            count("limits.replacements", *replacements, after.replacements),
        ];
        parts.into_iter().flatten().collect()
    }

    /// What both let through: of each limit the narrower.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let share = |a: Share, b: Share| Share {
            count: a.count.min(b.count),
            percent: a.percent.min(b.percent),
        };
        Self {
            window: self.window.max(other.window),
            revocations: share(self.revocations, other.revocations),
            terminations: share(self.terminations, other.terminations),
            privileged_gains: self.privileged_gains.min(other.privileged_gains),
            new_grantees: self.new_grantees.min(other.new_grantees),
            replacements: self.replacements.min(other.replacements),
        }
    }
}

fn in_words(share: Share) -> String {
    format!("{} and {} %", share.count, share.percent)
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, before, after, width } = self;
        let width = match width {
            Width::Wider => "wider",
            Width::Narrower => "narrower",
        };
        write!(f, "{part} {before} => {after} ({width})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(number: u128) -> TenantId {
        TenantId::from_u128(number)
    }

    fn customers(numbers: &[u128]) -> Bounds {
        let listed = numbers.iter().map(|number| tenant(*number)).collect();
        Bounds { customers: Reach::Listed(listed), ..Bounds::default() }
    }

    fn limited(limits: Limits) -> Bounds {
        Bounds { limits, ..Bounds::default() }
    }

    fn of(name: &str, bounds: Bounds) -> NamespaceBoundary {
        NamespaceBoundary { name: name.to_owned(), bounds, trusted: false }
    }

    #[test]
    fn whatever_lets_more_through_is_wider_and_nothing_else_is() {
        let any = Bounds::default();
        let default = Limits::default();
        let hours = |hours: u32| Bounds {
            privileged_at_most: Some(Duration::from_seconds(hours * 3_600)),
            ..Bounds::default()
        };
        let partner = |number, cloud| Bounds {
            partners: Reach::Listed(BTreeSet::from([(tenant(number), cloud)])),
            ..Bounds::default()
        };
        let revocations = |count, percent| {
            limited(Limits { revocations: Share { count, percent }, ..Limits::default() })
        };
        let cases = [
            ("the same", any.clone(), any.clone(), false),
            ("any to listed", any.clone(), customers(&[1]), false),
            ("listed to any", customers(&[1]), any.clone(), true),
            ("one more", customers(&[1]), customers(&[1, 2]), true),
            ("one fewer", customers(&[1, 2]), customers(&[1]), false),
            ("one for another", customers(&[1]), customers(&[2]), true),
            ("none", customers(&[1]), customers(&[]), false),
            ("a longer privileged window", hours(8), hours(9), true),
            ("a shorter one", hours(8), hours(7), false),
            ("any privileged window", hours(8), any.clone(), true),
            ("a first privileged window", any.clone(), hours(8), false),
            ("another cloud", partner(1, Cloud::Global), partner(1, Cloud::China21Vianet), true),
            ("another partner", partner(1, Cloud::Global), partner(2, Cloud::Global), true),
            ("a higher count", revocations(25, 30), revocations(26, 30), true),
            ("a higher share", revocations(25, 30), revocations(25, 31), true),
            ("less of one and more of the other", revocations(25, 30), revocations(1, 100), true),
            ("less of both", revocations(25, 30), revocations(1, 1), false),
            (
                "a shorter stretch that is counted",
                any.clone(),
                limited(Limits { window: Duration::from_seconds(1), ..default.clone() }),
                true,
            ),
            (
                "a longer one",
                any.clone(),
                limited(Limits { window: Duration::from_days(1), ..default.clone() }),
                false,
            ),
            (
                "more terminations",
                any.clone(),
                limited(Limits {
                    terminations: Share { count: 4, percent: 10 },
                    ..default.clone()
                }),
                true,
            ),
            (
                "more gains",
                any.clone(),
                limited(Limits { privileged_gains: 26, ..default.clone() }),
                true,
            ),
            (
                "more grantees",
                any.clone(),
                limited(Limits { new_grantees: 101, ..default.clone() }),
                true,
            ),
            ("more replacements", any, limited(Limits { replacements: 11, ..default }), true),
        ];
        for (name, before, after, wider) in cases {
            assert_eq!(
                of("a", before.clone()).is_widened_by(&of("a", after.clone())),
                wider,
                "{name}"
            );
            let differs = !before.differences(&after).is_empty();
            assert_eq!(differs, before != after, "{name}");
            assert!(of("a", before).is_widened_by(&of("b", after)), "{name}: another budget");
        }
    }

    #[test]
    fn what_two_limits_both_let_through_is_wider_than_neither() {
        let default = Limits::default();
        let other = Limits {
            window: Duration::from_seconds(60),
            revocations: Share { count: 100, percent: 10 },
            privileged_gains: 0,
            ..Limits::unlimited()
        };
        let meet = default.meet(&other);
        for limits in [&default, &other] {
            assert!(!limits.differences(&meet).iter().any(Difference::is_wider), "{limits:?}");
        }
        assert_eq!(meet, other.meet(&default));
    }

    #[test]
    fn what_differs_is_told_however_long_the_list_is() {
        let many: Vec<u128> = (1..40).collect();
        let with_another: Vec<u128> = (1..=40).collect();
        let [difference] = &customers(&many).differences(&customers(&with_another))[..] else {
            panic!()
        };
        assert!(difference.after.starts_with(&format!("`{}`", tenant(40))), "{difference}");
        assert!(difference.to_string().ends_with("and 32 more (wider)"), "{difference}");
    }
}
