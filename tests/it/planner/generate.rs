//! Random histories: what people edit, what customers answer, what happens outside, and time.
//!
//! Never: a history that `validate` would not let pass.

use std::collections::BTreeSet;

use concordat::{
    api::{
        AcceptanceDecision, GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy,
        RenewalMode, UnmanagedAssignments,
    },
    domain::{
        change::{Approval, Change},
        lifecycle::{Lifecycle, Phase},
        plan::{Plan, plan},
        state::{Assignment, ObservedAssignment, Policies, Standing},
    },
    store::Outcome,
};
use proptest::prelude::*;

use super::{
    build::{Grant, Input, Relationship, answer, claimant, day, group, role},
    memory::Memory,
    model::{Model, active},
};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    Grant(u8, Grant),
    GrantStanding(u8, Standing),
    ForgetGrant(u8),
    Relationship(u8, Relationship),
    RelationshipStanding(u8, Standing),
    ForgetRelationship(u8),
    Prune(bool),
    Answer(u8, AcceptanceDecision),
    Days(i64),
    /// Somebody gives or takes a role outside, until so many days from now.
    Outside(u8, u8, usize, Option<i64>),
    /// The customer ends what is active.
    EndOutside(u8),
    Apply,
    /// Only the first few changes are made.
    ApplySome(usize),
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        4 => Just(Standing::Live),
        1 => Just(Standing::Suspended),
        1 => Just(Standing::Invalid),
        1 => Just(Standing::Deleted),
    ]
}

pub fn some_roles() -> impl Strategy<Value = BTreeSet<usize>> {
    proptest::collection::btree_set(0_usize..4, 1..4)
}

pub fn grant() -> impl Strategy<Value = Grant> {
    let from = proptest::option::of(0_i64..30);
    let until = proptest::option::weighted(0.8, 1_i64..25);
    let selects = prop_oneof![3 => Just(vec![0]), 1 => Just(vec![1]), 1 => Just(vec![0, 1])];
    let retain = proptest::bool::weighted(0.2);
    (selects, 0_u8..2, some_roles(), from, until, retain).prop_map(
        |(selects, grantee, numbers, from, length, retain)| Grant {
            selects: selects.into_iter().collect(),
            grantee,
            roles: numbers.into_iter().map(role).collect(),
            window: (from, length.map(|length| from.unwrap_or(0) + length)),
            deletion: if retain {
                GrantDeletionPolicy::Retain
            } else {
                GrantDeletionPolicy::Revoke
            },
            ..Grant::default()
        },
    )
}

pub fn relationship() -> impl Strategy<Value = Relationship> {
    let ceiling = prop_oneof![
        3 => Just(vec![0, 1, 2]),
        1 => Just(vec![0, 1]),
        1 => Just(vec![0, 1, 2, 3]),
        1 => some_roles().prop_map(|roles| roles.into_iter().collect()),
    ];
    let days = prop_oneof![3 => Just(365_u16), 1 => Just(20), 1 => Just(40)];
    let deletion = prop_oneof![
        Just(RelationshipDeletionPolicy::Revoke),
        Just(RelationshipDeletionPolicy::Terminate),
        Just(RelationshipDeletionPolicy::Retain),
    ];
    let rare = || proptest::bool::weighted(0.2);
    (ceiling, days, rare(), rare(), deletion, rare(), proptest::bool::weighted(0.1)).prop_map(
        |(ceiling, days, auto_extend, invites, deletion, revokes, observes)| Relationship {
            auto_extend: auto_extend && !ceiling.contains(&3),
            roles: ceiling.into_iter().map(role).collect(),
            days,
            renewal: if invites { RenewalMode::Invite } else { RenewalMode::Notify },
            policies: Policies {
                deletion,
                unmanaged: if revokes {
                    UnmanagedAssignments::Revoke
                } else {
                    UnmanagedAssignments::Keep
                },
                management: if observes {
                    ManagementPolicy::Observe
                } else {
                    ManagementPolicy::Manage
                },
            },
            ..Relationship::default()
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u8..4, grant()).prop_map(|(name, grant)| Step::Grant(name, grant)),
        2 => (0_u8..4, standing()).prop_map(|(name, standing)| Step::GrantStanding(name, standing)),
        1 => (0_u8..4).prop_map(Step::ForgetGrant),
        2 => (0_u8..2, relationship()).prop_map(|(name, of)| Step::Relationship(name, of)),
        1 => (0_u8..2, standing())
            .prop_map(|(name, standing)| Step::RelationshipStanding(name, standing)),
        1 => (0_u8..2).prop_map(Step::ForgetRelationship),
        1 => any::<bool>().prop_map(Step::Prune),
        4 => (0_u8..2, prop_oneof![
            5 => Just(AcceptanceDecision::Accept),
            1 => Just(AcceptanceDecision::Decline),
        ]).prop_map(|(number, decision)| Step::Answer(number, decision)),
        4 => prop_oneof![4 => 0_i64..8, 1 => 8_i64..100].prop_map(Step::Days),
        5 => Just(Step::Apply),
        2 => (0_usize..4).prop_map(Step::ApplySome),
    ]
}

fn outside() -> impl Strategy<Value = Step> {
    let drift = (0_u8..2, 0_u8..2, 0_usize..3, proptest::option::of(1_i64..20));
    prop_oneof![
        4 => drift.prop_map(|(number, grantee, role, until)| {
            Step::Outside(number, grantee, role, until)
        }),
        1 => (0_u8..2).prop_map(Step::EndOutside),
    ]
}

/// Whether something happens outside, too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Outside {
    Quiet,
    Busy,
}

/// A history that begins with an active relationship.
pub fn history(world: Outside) -> impl Strategy<Value = Vec<Step>> {
    let any = match world {
        Outside::Quiet => step().boxed(),
        Outside::Busy => prop_oneof![3 => step(), 1 => outside()].boxed(),
    };
    let start = proptest::bool::weighted(0.9);
    let replace = proptest::option::weighted(0.3, relationship());
    (start, relationship(), proptest::collection::vec(any, 1..16), replace).prop_map(
        |(start, first, mut steps, next)| {
            if let Some(next) = next {
                let accept = Step::Answer(0, AcceptanceDecision::Accept);
                steps.extend([Step::Relationship(0, next), Step::Apply, accept, Step::Apply]);
            }
            if start {
                let accept = Step::Answer(0, AcceptanceDecision::Accept);
                let begin = [Step::Relationship(0, first), Step::Apply, accept, Step::Apply];
                steps.splice(0..0, begin);
            }
            steps
        },
    )
}

/// Input, store and the second opinion, as they stand after some steps.
#[derive(Debug, Clone)]
pub struct World {
    pub input: Input,
    pub memory: Memory,
    pub model: Model,
    pub today: i64,
    uid: u32,
}

/// The changes that wait for no person.
pub fn free(plan: &Plan) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(|change| change.approval == Approval::NotNeeded)
}

impl World {
    pub fn new() -> Self {
        let (input, model) = (Input::default(), Model::default());
        Self { input, memory: Memory::new(day(0)), model, today: 0, uid: 1 }
    }

    pub fn plan(&self) -> Plan {
        plan(&self.input.desired(), &self.memory.observed, &claimant())
    }

    /// Makes every change that waits for no person.
    pub fn apply(&mut self) -> Plan {
        let plan = self.plan();
        for change in free(&plan) {
            let outcome = self.memory.apply(change);
            assert_eq!(outcome, Outcome::Done, "{change:#?}");
        }
        self.model.applied(&self.input, &self.memory.observed, self.today);
        plan
    }

    pub fn step(&mut self, step: &Step) {
        match step.clone() {
            Step::Grant(name, mut grant) => {
                self.uid += 1;
                let lives = |had: &&Grant| had.standing != Standing::Deleted;
                let had = self.input.grants.get(&name).filter(lives);
                grant.uid = had.map_or(self.uid, |had| had.uid);
                self.input.grants.insert(name, grant);
            }
            Step::GrantStanding(name, standing) => {
                let lives = |had: &&mut Grant| had.standing != Standing::Deleted;
                if let Some(grant) = self.input.grants.get_mut(&name).filter(lives) {
                    grant.standing = standing;
                }
            }
            Step::ForgetGrant(name) => drop(self.input.grants.remove(&name)),
            Step::Relationship(number, mut of) => {
                self.uid += 1;
                let lives = |had: &&Relationship| had.standing != Standing::Deleted;
                let had = self.input.relationships.get(&number).filter(lives);
                of.uid = had.map_or(self.uid, |had| had.uid);
                self.input.relationships.insert(number, of);
            }
            Step::RelationshipStanding(number, standing) => {
                let lives = |had: &&mut Relationship| had.standing != Standing::Deleted;
                if let Some(of) = self.input.relationships.get_mut(&number).filter(lives) {
                    of.standing = standing;
                }
            }
            Step::ForgetRelationship(number) => drop(self.input.relationships.remove(&number)),
            Step::Prune(prune) => self.input.prune = prune,
            Step::Answer(number, decision) => self.answer(number, decision),
            Step::Days(days) => {
                self.today += days;
                self.memory.observed.now = day(self.today);
            }
            Step::Outside(number, grantee, number_of_role, until) => {
                self.outside(number, grantee, number_of_role, until);
            }
            Step::EndOutside(number) => {
                let active = active(&self.memory.observed, number).map(|row| row.key.clone());
                if let Some(row) = active.and_then(|key| self.memory.row(&key)) {
                    row.lifecycle = Lifecycle::Terminated;
                    row.assignments.clear();
                    row.revision += 1;
                }
            }
            Step::Apply => drop(self.apply()),
            Step::ApplySome(count) => {
                let plan = self.plan();
                for change in free(&plan).take(count) {
                    self.memory.apply(change);
                }
            }
        }
    }

    fn answer(&mut self, number: u8, decision: AcceptanceDecision) {
        let rows = self.memory.observed.relationships.get(&super::build::key(number));
        let pending =
            rows.and_then(|rows| rows.iter().rfind(|row| row.lifecycle.phase() == Phase::Pending));
        if let Some(row) = pending {
            let given = answer(number, decision, day(self.today), Some(row.digest));
            self.input.answers.push((number, given));
        }
    }

    fn outside(&mut self, number: u8, grantee: u8, number_of_role: usize, until: Option<i64>) {
        let today = self.today;
        let active = active(&self.memory.observed, number).map(|row| row.key.clone());
        let Some(row) = active.and_then(|key| self.memory.row(&key)) else { return };
        let grantee = group(grantee);
        let none = ObservedAssignment {
            flight: concordat::domain::state::Flight::Landed,
            grantee: grantee.clone(),
            version: 0,
            state: Assignment::default(),
        };
        let held = row.assignments.entry(grantee.id).or_insert(none);
        held.version += 1;
        match until {
            Some(days) => {
                let mut until = day(today + days);
                if let Some(ends_at) = row.ends_at {
                    until = until.min(ends_at);
                }
                held.state.roles.insert(role(number_of_role), until);
            }
            None => drop(held.state.roles.remove(&role(number_of_role))),
        }
    }
}
