//! The solver against an independent reference that tries every set, straight from the rules in [`Catalogue::solve`].
//!
//! Never: a line shared with the search that it judges.

use std::collections::BTreeSet;

use proptest::{prelude::*, sample::subsequence};

use super::{Availability, Catalogue, Coverage, GdapSupport, Holder, Rule, Support, Task};
use crate::domain::ids::RoleId;

type Roles = BTreeSet<RoleId>;

/// More distinct openings than this are too many to try every set.
const MOST_OPENINGS: usize = 13;

fn may_be_used(id: RoleId, support: &Support) -> bool {
    let role = Catalogue::compiled().role(id).unwrap();
    role.availability == Availability::Assignable
        && match support {
            Support::AnyBuiltIn => true,
            Support::Gdap => matches!(
                role.gdap,
                GdapSupport::Supported
                    | GdapSupport::SupportedReported
                    | GdapSupport::CommunityListed
            ),
            Support::Only(roles) => roles.contains(&id),
        }
}

fn needs_nothing(task: &Task) -> bool {
    matches!(task.least[..], [Holder::EveryUser(_)])
}

/// Every documented way to do a task: the first is the documented least, if it is in the directory.
fn ways(task: &Task) -> (Option<Roles>, Vec<Roles>) {
    let catalogue = Catalogue::compiled();
    let rest: Roles = task.least[1..].iter().filter_map(|holder| holder.role()).collect();
    let with_rest = |role: RoleId| &rest | &Roles::from([role]);
    if task.least[0] == Holder::AnyRole {
        let readers = catalogue.find("Directory Readers").unwrap().id;
        return (
            Some(with_rest(readers)),
            catalogue.roles().map(|role| with_rest(role.id)).collect(),
        );
    }
    let least = task.least[0].role().map(with_rest);
    (least, task.additional.iter().filter_map(|holder| holder.role()).map(with_rest).collect())
}

fn openings(task: &Task, support: &Support) -> Vec<Roles> {
    let usable = |way: &Roles| way.iter().all(|id| may_be_used(*id, support));
    let (least, alternatives) = ways(task);
    match least.filter(usable) {
        Some(least) => vec![least],
        None => alternatives.into_iter().filter(usable).collect(),
    }
}

fn is_covered(task: &Task, held: &Roles) -> bool {
    let (least, alternatives) = ways(task);
    needs_nothing(task) || least.iter().chain(&alternatives).any(|way| way.is_subset(held))
}

fn measure(roles: &Roles) -> (usize, usize, usize, Vec<&'static str>) {
    let catalogue = Catalogue::compiled();
    let role = |id: &RoleId| catalogue.role(*id).unwrap();
    let mut names: Vec<_> = roles.iter().map(|id| role(id).name).collect();
    names.sort_unstable();
    (
        roles.iter().filter(|id| role(id).privileged).count(),
        catalogue.actions_of(roles.iter().copied()).len(),
        roles.len(),
        names,
    )
}

/// `None` where a task cannot be done; `Err` where there are too many sets to try.
fn reference(tasks: &[&Task], support: &Support) -> Result<Option<Roles>, usize> {
    let mut distinct = BTreeSet::new();
    for task in tasks.iter().filter(|task| !needs_nothing(task)) {
        let openings = openings(task, support);
        if openings.is_empty() {
            return Ok(None);
        }
        distinct.extend(openings);
    }
    if distinct.len() > MOST_OPENINGS {
        return Err(distinct.len());
    }
    let distinct: Vec<_> = distinct.into_iter().collect();
    let sets = (0_u32..1 << distinct.len()).map(|chosen| {
        let members = distinct.iter().enumerate().filter(|(bit, _)| chosen >> bit & 1 == 1);
        members.flat_map(|(_, opening)| opening.iter().copied()).collect::<Roles>()
    });
    Ok(sets.filter(|held| tasks.iter().all(|task| is_covered(task, held))).min_by_key(measure))
}

/// Compares the solver with the reference; `false` where there are too many sets to try.
fn agrees(tasks: &[&Task], support: &Support) -> bool {
    let Ok(expected) = reference(tasks, support) else { return false };
    let solved = Catalogue::compiled().solve(tasks, support);
    let ids: Vec<_> = tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(solved.as_ref().ok().map(|solution| &solution.roles), expected.as_ref(), "{ids:?}");
    let Ok(solution) = solved else { return true };
    assert_eq!(solution.proof.measure.names, measure(&solution.roles).3, "{ids:?}");
    assert_eq!(solution.proof.tasks.len(), tasks.len(), "{ids:?}");
    for coverage in &solution.proof.tasks {
        proves(coverage, &solution.roles, support);
    }
    true
}

/// Holds one line of a proof against the rules.
fn proves(coverage: &Coverage, roles: &Roles, support: &Support) {
    let Coverage { task, by, rule, besides: _, rejected } = coverage;
    let task = Catalogue::compiled().task(task.as_str()).unwrap();
    let (least, _) = ways(task);
    let usable = |way: &Roles| way.iter().all(|id| may_be_used(*id, support));
    assert!(by.is_subset(roles), "{}", task.id);
    assert!(is_covered(task, by), "{}", task.id);
    match rule {
        Rule::NoRoleNeeded => assert!(needs_nothing(task), "{}", task.id),
        Rule::AnyRole => assert_eq!(task.least[0], Holder::AnyRole, "{}", task.id),
        Rule::DocumentedLeast => assert_eq!(Some(by), least.as_ref(), "{}", task.id),
        Rule::HeldAnyway => {
            let least = least.filter(usable).unwrap();
            assert!(!least.is_subset(roles), "{}", task.id);
        }
        Rule::SmallestAlternative => assert!(!least.is_some_and(|way| usable(&way)), "{}", task.id),
    }
    let documented: Roles =
        task.least.iter().chain(&task.additional).filter_map(|holder| holder.role()).collect();
    let told: Roles = rejected.iter().map(|rejected| rejected.role).collect();
    assert_eq!(told, &documented - roles, "{}", task.id);
}

fn all() -> Vec<&'static Task> {
    Catalogue::compiled().tasks().collect()
}

#[test]
fn every_task_by_itself_is_solved_as_documented() {
    let catalogue = Catalogue::compiled();
    for task in all() {
        agrees(&[task], &Support::AnyBuiltIn);
        agrees(&[task], &Support::Gdap);
        let Ok(solution) = catalogue.solve(&[task], &Support::AnyBuiltIn) else { continue };
        let least: Option<Roles> = ways(task).0;
        if let Some(least) =
            least.filter(|least| least.iter().all(|id| may_be_used(*id, &Support::AnyBuiltIn)))
        {
            assert_eq!(solution.roles, least, "{}", task.id);
        }
    }
}

#[test]
fn every_pair_of_tasks_is_solved_as_the_reference_does() {
    let all = all();
    for (position, first) in all.iter().enumerate() {
        for second in &all[position + 1..] {
            agrees(&[first, second], &Support::Gdap);
        }
    }
}

fn some_tasks() -> impl Strategy<Value = Vec<&'static Task>> {
    let possible =
        |task: &&Task| needs_nothing(task) || !openings(task, &Support::AnyBuiltIn).is_empty();
    subsequence(all().into_iter().filter(possible).collect::<Vec<_>>(), 0..10)
}

fn some_roles() -> impl Strategy<Value = Roles> {
    let documented: Roles = all()
        .iter()
        .flat_map(|task| task.least.iter().chain(&task.additional))
        .filter_map(|holder| holder.role())
        .collect();
    let documented: Vec<_> = documented.into_iter().collect();
    let most = documented.len();
    subsequence(documented, most / 2..=most).prop_map(|roles| roles.into_iter().collect())
}

/// Tasks with alternatives, where there is something to decide.
fn tasks_with_alternatives() -> impl Strategy<Value = Vec<&'static Task>> {
    let few = |task: &&Task| (1..8).contains(&task.additional.len());
    let possible = |task: &&Task| !openings(task, &Support::AnyBuiltIn).is_empty();
    subsequence(all().into_iter().filter(few).filter(possible).collect::<Vec<_>>(), 2..10)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tasks_are_solved_as_the_reference_does(tasks in some_tasks()) {
        prop_assume!(agrees(&tasks, &Support::AnyBuiltIn));
    }

    #[test]
    fn choices_are_made_as_the_reference_makes_them(tasks in tasks_with_alternatives()) {
        prop_assume!(agrees(&tasks, &Support::AnyBuiltIn));
    }

    #[test]
    fn a_ceiling_is_kept_as_the_reference_keeps_it(tasks in tasks_with_alternatives(), roles in some_roles()) {
        let support = Support::Only(roles);
        let (possible, impossible): (Vec<_>, Vec<_>) =
            tasks.iter().copied().partition(|task| !openings(task, &support).is_empty());
        prop_assume!(agrees(&possible, &support));
        if let Err(error) = Catalogue::compiled().solve(&tasks, &support) {
            let named: Vec<_> = error.tasks.iter().map(|uncovered| &uncovered.task).collect();
            let expected: Vec<_> = impossible.iter().map(|task| &task.id).collect();
            prop_assert_eq!(named, expected);
        } else {
            prop_assert!(impossible.is_empty());
        }
    }

    #[test]
    fn order_and_repetition_of_tasks_do_not_matter(tasks in tasks_with_alternatives()) {
        let catalogue = Catalogue::compiled();
        let twice: Vec<_> = tasks.iter().rev().chain(&tasks).copied().collect();
        prop_assert_eq!(
            catalogue.solve(&tasks, &Support::Gdap),
            catalogue.solve(&twice, &Support::Gdap)
        );
    }
}
