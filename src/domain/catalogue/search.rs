//! The smallest set of roles that covers every demand: exact, by branch and bound.
//!
//! Never: an approximation; where it stops early, what it skips cannot be better.

use std::cmp::Ordering;

use super::{bits::Bits, roles::ActionSet};

/// Roles, as positions in the catalogue, which is in order of the names.
pub(super) type RoleSet = Bits<3>;

/// What one task asks of a set of roles.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Demand {
    /// Sets of roles, one of which may enter the answer for this task's sake, and then as a whole.
    pub(super) openings: Vec<RoleSet>,
    /// Sets of roles, each of which suffices if it is held. Every opening is one of them.
    pub(super) coverings: Vec<RoleSet>,
}

impl Demand {
    pub(super) fn is_met(&self, held: &RoleSet) -> bool {
        self.coverings.iter().any(|covering| covering.is_within(held))
    }
}

/// What makes one set of roles smaller than another: privileged roles, then actions, then roles, then names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weights<'a> {
    /// The roles that are privileged.
    pub(super) privileged: &'a RoleSet,
    /// For each role its actions, expanded.
    pub(super) actions: &'a [ActionSet],
}

impl Weights<'_> {
    pub(super) fn actions_of(&self, roles: &RoleSet) -> ActionSet {
        roles.iter().fold(ActionSet::EMPTY, |all, role| all.union(&self.actions[role]))
    }

    pub(super) fn privileged_in(&self, roles: &RoleSet) -> usize {
        roles.len() - roles.minus(self.privileged).len()
    }

    /// The first three of the four measures: none of them shrinks when a role is added.
    pub(super) fn size(&self, roles: &RoleSet) -> [usize; 3] {
        [self.privileged_in(roles), self.actions_of(roles).len(), roles.len()]
    }

    /// Which of two sets is smaller. Only a set is equal to itself.
    pub(super) fn order(&self, one: &RoleSet, other: &RoleSet) -> Ordering {
        self.size(one).cmp(&self.size(other)).then_with(|| one.iter().cmp(other.iter()))
    }
}

/// The smallest union of openings that meets every demand. Each demand must have an opening.
pub(super) fn smallest(weights: Weights, demands: &[Demand]) -> RoleSet {
    let mut openings: Vec<RoleSet> = Vec::new();
    let mut distinct: Vec<&Demand> = Vec::new();
    for demand in demands {
        for opening in &demand.openings {
            if !openings.contains(opening) {
                openings.push(*opening);
            }
        }
        if !distinct.iter().any(|known| known.coverings == demand.coverings) {
            distinct.push(demand);
        }
    }
    openings.sort_by(|one, other| weights.order(one, other));
    let closed = vec![false; openings.len()];
    let mut search = Search { weights, demands: distinct, openings, closed, best: None };
    search.descend(RoleSet::EMPTY);
    search.best.expect("all openings together meet every demand").0
}

struct Search<'a> {
    weights: Weights<'a>,
    demands: Vec<&'a Demand>,
    openings: Vec<RoleSet>,
    /// Openings that this part of the tree does without: the sets with them were looked at before.
    closed: Vec<bool>,
    best: Option<(RoleSet, [usize; 3])>,
}

impl Search<'_> {
    fn descend(&mut self, held: RoleSet) {
        let unmet: Vec<&Demand> =
            self.demands.iter().copied().filter(|demand| !demand.is_met(&held)).collect();
        if unmet.is_empty() {
            return self.keep_if_smaller(held);
        }
        let reachable = self.reachable(&held);
        let Some(at_least) = self.lower_bound(&held, &reachable, &unmet) else { return };
        if self.best.is_some_and(|(_, size)| at_least > size) {
            return;
        }
        let steps = unmet
            .iter()
            .map(|demand| self.steps(&held, &reachable, demand))
            .min_by_key(Vec::len)
            .expect("something is unmet");
        for step in &steps {
            self.descend(held.union(&self.openings[*step]));
            self.closed[*step] = true;
        }
        for step in &steps {
            self.closed[*step] = false;
        }
    }

    fn keep_if_smaller(&mut self, held: RoleSet) {
        let smaller = match &self.best {
            None => true,
            Some((best, _)) => self.weights.order(&held, best) == Ordering::Less,
        };
        if smaller {
            self.best = Some((held, self.weights.size(&held)));
        }
    }

    /// Every role that is held or can still enter.
    fn reachable(&self, held: &RoleSet) -> RoleSet {
        self.openings
            .iter()
            .zip(&self.closed)
            .filter(|(_, closed)| !**closed)
            .fold(*held, |all, (opening, _)| all.union(opening))
    }

    /// What every way to meet the unmet demands weighs at least; `None` if there is no way.
    fn lower_bound(
        &self,
        held: &RoleSet,
        reachable: &RoleSet,
        unmet: &[&Demand],
    ) -> Option<[usize; 3]> {
        let held_actions = self.weights.actions_of(held);
        let mut certain = held_actions;
        let mut most = self.weights.size(held);
        for demand in unmet {
            let mut common: Option<ActionSet> = None;
            let mut least = [usize::MAX; 3];
            for covering in demand.coverings.iter().filter(|covering| covering.is_within(reachable))
            {
                let both = held.union(covering);
                let actions = held_actions.union(&self.weights.actions_of(&covering.minus(held)));
                let size = [self.weights.privileged_in(&both), actions.len(), both.len()];
                for (least, size) in least.iter_mut().zip(size) {
                    *least = size.min(*least);
                }
                common = Some(common.map_or(actions, |common| common.common(&actions)));
            }
            certain = certain.union(&common?);
            for (most, least) in most.iter_mut().zip(least) {
                *most = least.max(*most);
            }
        }
        most[1] = most[1].max(certain.len());
        Some(most)
    }

    /// The openings that bring a missing role of one of the demand's coverings: one of them must enter.
    fn steps(&self, held: &RoleSet, reachable: &RoleSet, demand: &Demand) -> Vec<usize> {
        let missing = demand
            .coverings
            .iter()
            .filter(|covering| covering.is_within(reachable))
            .fold(RoleSet::EMPTY, |all, covering| all.union(&covering.minus(held)));
        (0..self.openings.len())
            .filter(|step| !self.closed[*step] && self.openings[*step].meets(&missing))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const ROLES: usize = 9;

    fn some_set() -> impl Strategy<Value = RoleSet> {
        vec(0..ROLES, 1..=2).prop_map(RoleSet::from_iter)
    }

    fn some_demand() -> impl Strategy<Value = Demand> {
        (vec(some_set(), 1..=3), vec(some_set(), 0..=4)).prop_map(|(openings, others)| {
            let coverings = openings.iter().chain(&others).copied().collect();
            Demand { openings, coverings }
        })
    }

    fn every_union(demands: &[Demand]) -> Vec<RoleSet> {
        let mut unions = vec![RoleSet::EMPTY];
        for opening in demands.iter().flat_map(|demand| &demand.openings) {
            let more: Vec<_> = unions.iter().map(|union| union.union(opening)).collect();
            unions
                .extend(more.into_iter().filter(|more| !unions.contains(more)).collect::<Vec<_>>());
        }
        unions
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn the_smallest_set_is_found_among_all_sets(
            demands in vec(some_demand(), 0..6),
            privileged in vec(0..ROLES, 0..ROLES).prop_map(RoleSet::from_iter),
            actions in vec(vec(0_usize..12, 0..8).prop_map(ActionSet::from_iter), ROLES),
        ) {
            let weights = Weights { privileged: &privileged, actions: &actions };
            let expected = every_union(&demands)
                .into_iter()
                .filter(|held| demands.iter().all(|demand| demand.is_met(held)))
                .min_by(|one, other| weights.order(one, other));
            prop_assert_eq!(Some(smallest(weights, &demands)), expected);
        }
    }
}
