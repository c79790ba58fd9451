//! Two roles side by side, by what they may do.
//!
//! Never: "less power" concluded from "fewer actions"; the caveats say what the lists of actions leave out.

use std::{collections::BTreeSet, fmt};

use serde::Serialize;

use super::{Act, Catalogue, Role};
use crate::domain::ids::{GLOBAL_ADMINISTRATOR, RoleId};

/// Makes its holder an administrator of joined devices, with the actions of Directory Readers.
const JOINED_DEVICE_LOCAL_ADMINISTRATOR: RoleId =
    RoleId::from_u128(0x9f06_204d_73c1_4d4c_880a_6edb_9060_6fd8);

/// A role with fewer actions than this has its power in a product, if anywhere.
const FEW_ACTIONS: usize = 5;

/// What two roles may do, with what they inherit.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// The first role.
    pub a: RoleId,
    /// The second role.
    pub b: RoleId,
    /// Actions of the first only.
    pub only_a: BTreeSet<&'static str>,
    /// Actions of the second only.
    pub only_b: BTreeSet<&'static str>,
    /// Actions of both.
    pub both: BTreeSet<&'static str>,
    /// How the lists relate.
    pub verdict: Verdict,
    /// What the lists do not show.
    pub caveats: BTreeSet<Caveat>,
}

/// How the actions of two roles relate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The same actions.
    Equal,
    /// Those of the first are within those of the second.
    Within,
    /// Those of the second are within those of the first.
    Contains,
    /// Some are shared, and each has some of its own.
    Overlapping,
    /// None is shared.
    Disjoint,
}

/// Why the lists of actions do not tell everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Caveat {
    /// Actions within actions is not less power.
    ActionsAreNotPower,
    /// The role's few actions say little: its power lies in a product.
    PowerInAProduct(RoleId),
    /// The role makes its holder a local administrator of joined devices.
    AdministratorOfDevices(RoleId),
    /// The published facts about the role leave something out.
    Understated(RoleId, &'static str),
    /// Both can reset passwords, and not of the same people.
    DifferentReach,
    /// Global Administrator's list does not name everything that it implies.
    GlobalAdministratorImpliesMore,
}

impl Catalogue {
    /// Compares what two roles may do. `None` if the catalogue does not know one of them.
    pub fn compare(&self, a: RoleId, b: RoleId) -> Option<Comparison> {
        let (first, second) = (self.role(a)?, self.role(b)?);
        let verdict = verdict(first, second);
        Some(Comparison {
            a,
            b,
            only_a: self.named(&first.expanded.minus(&second.expanded)),
            only_b: self.named(&second.expanded.minus(&first.expanded)),
            both: self.named(&first.expanded.common(&second.expanded)),
            verdict,
            caveats: self.caveats(first, second, verdict),
        })
    }

    fn caveats(&self, first: &Role, second: &Role, verdict: Verdict) -> BTreeSet<Caveat> {
        let mut caveats = BTreeSet::new();
        if first.id == second.id {
            return caveats;
        }
        if matches!(verdict, Verdict::Equal | Verdict::Within | Verdict::Contains) {
            caveats.insert(Caveat::ActionsAreNotPower);
        }
        for role in [first, second] {
            if role.own.len() < FEW_ACTIONS {
                caveats.insert(Caveat::PowerInAProduct(role.id));
            }
            if role.id == JOINED_DEVICE_LOCAL_ADMINISTRATOR {
                caveats.insert(Caveat::AdministratorOfDevices(role.id));
            }
            if role.id == GLOBAL_ADMINISTRATOR {
                caveats.insert(Caveat::GlobalAdministratorImpliesMore);
            }
            caveats.extend(role.notes.iter().map(|note| Caveat::Understated(role.id, note)));
        }
        let (one, other) =
            (self.reach(first.id, Act::ResetPassword), self.reach(second.id, Act::ResetPassword));
        if !one.is_empty() && !other.is_empty() && one != other {
            caveats.insert(Caveat::DifferentReach);
        }
        caveats
    }
}

fn verdict(first: &Role, second: &Role) -> Verdict {
    let (a, b) = (&first.expanded, &second.expanded);
    match (a.is_within(b), b.is_within(a)) {
        (true, true) => Verdict::Equal,
        (true, false) => Verdict::Within,
        (false, true) => Verdict::Contains,
        (false, false) if a.meets(b) => Verdict::Overlapping,
        (false, false) => Verdict::Disjoint,
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Equal => "the same actions",
            Self::Within => "every action of the first is one of the second",
            Self::Contains => "every action of the second is one of the first",
            Self::Overlapping => "each has actions that the other has not",
            Self::Disjoint => "no action in common",
        })
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |id: &RoleId| Catalogue::compiled().name_of(*id);
        match self {
            Self::ActionsAreNotPower => f.write_str("fewer actions is not always less power"),
            Self::PowerInAProduct(id) => {
                write!(
                    f,
                    "`{}` lists few actions; what it can do in its product is not listed",
                    name(id)
                )
            }
            Self::AdministratorOfDevices(id) => {
                write!(f, "`{}` makes its holder a local administrator of joined devices", name(id))
            }
            Self::Understated(id, note) => write!(f, "`{}`: {note}", name(id)),
            Self::DifferentReach => {
                f.write_str("both can reset passwords, but not of the same people")
            }
            Self::GlobalAdministratorImpliesMore => {
                f.write_str("`Global Administrator` can do more than its list of actions names")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(a: &str, b: &str) -> Comparison {
        let catalogue = Catalogue::compiled();
        let id = |name| catalogue.find(name).unwrap().id;
        catalogue.compare(id(a), id(b)).unwrap()
    }

    #[test]
    fn a_comparison_says_how_the_actions_relate() {
        let cases = [
            ("Cloud Application Administrator", "Application Administrator", Verdict::Within),
            ("Application Administrator", "Cloud Application Administrator", Verdict::Contains),
            ("Helpdesk Administrator", "User Administrator", Verdict::Overlapping),
            ("Purview Workload Content Reader", "Purview Workload Content Reader", Verdict::Equal),
            ("Agent ID Developer", "Places Administrator", Verdict::Disjoint),
        ];
        for (a, b, verdict) in cases {
            assert_eq!(compared(a, b).verdict, verdict, "{a} {b}");
        }
    }

    #[test]
    fn the_three_lists_are_the_actions_of_both() {
        let comparison = compared("Helpdesk Administrator", "User Administrator");
        let catalogue = Catalogue::compiled();
        assert_eq!(&comparison.only_a | &comparison.both, catalogue.expanded_actions(comparison.a));
        assert_eq!(&comparison.only_b | &comparison.both, catalogue.expanded_actions(comparison.b));
        assert!(comparison.only_a.is_disjoint(&comparison.only_b));
    }

    #[test]
    fn equal_actions_are_not_called_equal_power() {
        let name = "Microsoft Entra Joined Device Local Administrator";
        let comparison = compared(name, "Directory Readers");
        assert_eq!(comparison.verdict, Verdict::Equal);
        assert!(comparison.caveats.contains(&Caveat::ActionsAreNotPower));
        assert!(comparison.caveats.contains(&Caveat::AdministratorOfDevices(comparison.a)));
    }

    #[test]
    fn the_counter_examples_of_the_data_carry_a_caveat() {
        let teams = compared("Teams Devices Administrator", "Teams Reader");
        assert!(teams.caveats.contains(&Caveat::PowerInAProduct(teams.a)));
        let kaizala =
            compared("Kaizala Administrator", "Azure Information Protection Administrator");
        assert!(kaizala.caveats.contains(&Caveat::PowerInAProduct(kaizala.a)));
        let reset = compared("Password Administrator", "Helpdesk Administrator");
        assert!(reset.caveats.contains(&Caveat::DifferentReach));
        let sync = compared("Directory Synchronization Accounts", "Directory Readers");
        assert!(
            sync.caveats
                .iter()
                .any(|caveat| matches!(caveat, Caveat::Understated(id, _) if *id == sync.a))
        );
        assert!(
            compared("Global Administrator", "Printer Administrator")
                .caveats
                .contains(&Caveat::GlobalAdministratorImpliesMore)
        );
    }
}
