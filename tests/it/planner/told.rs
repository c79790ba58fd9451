//! Worlds and what is in them, in words that fit on a line of a table.
//!
//! Never: a rule of the planner.

use concordat::{
    api::AcceptanceDecision,
    domain::{change::Effect, lifecycle::EndReason, plan::Plan, state::ObservedRelationship},
};

use super::{
    build::{Grant, Relationship, day, group, key, role, roles},
    generate::{Step, World},
    model::active,
};

/// A relationship with these roles.
pub fn of(numbers: &[usize]) -> Relationship {
    Relationship { roles: roles(numbers), ..Relationship::default() }
}

/// A grant of these roles to group 0, until a day.
pub fn gives(numbers: &[usize], until: impl Into<Option<i64>>) -> Grant {
    Grant { roles: roles(numbers), window: (None, until.into()), ..Grant::default() }
}

/// An active relationship, and some steps after it.
pub fn active_with(relationship: Relationship, steps: &[Step]) -> World {
    let mut world = World::new();
    world.declare(relationship);
    world.accept();
    world.steps(steps);
    world
}

impl World {
    pub fn steps(&mut self, steps: &[Step]) {
        for step in steps {
            self.step(step);
        }
    }

    /// Edits the relationship and applies.
    pub fn declare(&mut self, relationship: Relationship) {
        self.steps(&[Step::Relationship(0, relationship), Step::Apply]);
    }

    /// Edits a grant and applies.
    pub fn grant(&mut self, name: u8, grant: Grant) {
        self.steps(&[Step::Grant(name, grant), Step::Apply]);
    }

    /// The customer accepts, and that is applied.
    pub fn accept(&mut self) {
        self.steps(&[Step::Answer(0, AcceptanceDecision::Accept), Step::Apply]);
    }

    pub fn rows(&self) -> &[ObservedRelationship] {
        self.memory.observed.relationships.get(&key(0)).map_or(&[], Vec::as_slice)
    }

    /// Each row with its stage and, once it is over, why: `Active, Withdrawn (Lapsed)`.
    pub fn stages(&self) -> String {
        let reason = |reason: EndReason| format!(" ({reason:?})");
        let told = self.rows().iter().map(|row| {
            let why = row.ended.as_ref().map(|ended| reason(ended.reason)).unwrap_or_default();
            format!("{}{why}", row.lifecycle)
        });
        told.collect::<Vec<_>>().join(", ")
    }

    /// What group 0 holds in the active row: `0 until 10, 1 until 365`.
    pub fn held(&self) -> String {
        self.held_by(0)
    }

    pub fn held_by(&self, number: u8) -> String {
        let Some(row) = active(&self.memory.observed, 0) else { return String::new() };
        let Some(held) = row.assignments.get(&group(number).id) else { return String::new() };
        let told = (0..4).filter_map(|number| {
            let until = held.state.roles.get(&role(number))?;
            let days = (until.as_second() - day(0).as_second()) / 86_400;
            Some(format!("{number} until {days}"))
        });
        told.collect::<Vec<_>>().join(", ")
    }
}

/// The changes of a plan, one word each.
pub fn changes(plan: &Plan) -> String {
    let told = plan.changes.iter().map(|change| {
        let effect = match &change.effect {
            Effect::Invite { .. } => "Invite",
            Effect::Adopt { .. } => "Adopt",
            Effect::Recognise { .. } => "Recognise",
            Effect::Authorise { .. } => "Authorise",
            Effect::Decline { .. } => "Decline",
            Effect::Withdraw { .. } => "Withdraw",
            Effect::SetRoles { .. } => "SetRoles",
            Effect::SetAutoExtend { .. } => "SetAutoExtend",
            Effect::DropGlobalAdministrator { .. } => "DropGlobalAdministrator",
            Effect::Extend { .. } => "Extend",
            Effect::Claim { .. } => "Claim",
            Effect::SetPolicies { .. } => "SetPolicies",
            Effect::Rename { .. } => "Rename",
            Effect::Terminate { .. } => "Terminate",
            Effect::Expire { .. } => "Expire",
            Effect::RecordAcceptance { .. } => "RecordAcceptance",
            Effect::SetBoundary { .. } => "SetBoundary",
        };
        format!("{effect} {:?}", change.cause)
    });
    told.collect::<Vec<_>>().join(", ")
}

/// The codes of a plan's notices, sorted.
pub fn codes(plan: &Plan) -> String {
    let mut codes: Vec<String> =
        plan.notices.iter().map(|notice| notice.code().to_string()).collect();
    codes.sort();
    codes.join(", ")
}
