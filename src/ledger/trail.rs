//! What the ledger says about each relationship and about one grantee: the evidence that `why` cites.
//!
//! Never: more kept of the ledger than the answer can cite.

use std::collections::{BTreeMap, BTreeSet};

use super::{replay::Until, words::Cited};
use crate::domain::{
    digest::Digest,
    entry::{Entry, Recorded},
    ids::{GranteeId, RoleId},
    lifecycle::EndReason,
    plan::{Cause, Effect, Subject},
    state::{Acceptance, Grantee, RelationshipKey, Roles},
};

/// The evidence about one grantee.
#[derive(Debug, Clone)]
pub struct Trail {
    pub(super) until: Until,
    pub(super) grantee: GranteeId,
    pub(super) known_as: Option<Grantee>,
    pub(super) rows: BTreeMap<RelationshipKey, Story>,
    pub(super) not_understood: Vec<i64>,
}

/// What is recorded of one relationship.
#[derive(Debug, Clone)]
pub(super) struct Story {
    pub(super) subject: Subject,
    pub(super) invited: Option<Cited>,
    pub(super) answered: Option<Answered>,
    pub(super) ended: Option<(Cited, EndReason)>,
    pub(super) steps: Vec<Step>,
}

/// The customer's answer.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) entry: Cited,
    pub(super) acceptance: Acceptance,
    pub(super) person: Option<Digest>,
}

/// One change of what the grantee holds.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) entry: Cited,
    pub(super) cause: Cause,
    pub(super) before: Roles,
    pub(super) after: Roles,
}

impl Trail {
    /// Nothing yet about this grantee.
    pub fn new(grantee: GranteeId, until: Until) -> Self {
        let (rows, not_understood) = (BTreeMap::new(), Vec::new());
        Self { until, grantee, known_as: None, rows, not_understood }
    }

    /// Takes the next entry.
    pub fn push(&mut self, entry: &Entry) {
        if !self.until.admits(entry) || !entry.kind.is_effect() {
            return;
        }
        let Ok(recorded) = Recorded::read(&entry.payload) else {
            self.not_understood.push(entry.sequence);
            return;
        };
        let Recorded { change: _, cause, subject, effect, person } = recorded;
        let Some(key) = subject.relationship.clone() else { return };
        let story = self.rows.entry(key).or_insert_with(|| Story {
            subject,
            invited: None,
            answered: None,
            ended: None,
            steps: Vec::new(),
        });
        let entry = Cited::from(entry);
        match effect {
            Effect::Invite { .. } => story.invited = Some(entry),
            Effect::Authorise { acceptance, ends_at: _ } => {
                story.answered = Some(Answered { entry, acceptance: *acceptance, person });
            }
            Effect::Decline { acceptance: _ } => story.ended = Some((entry, EndReason::Declined)),
            Effect::Withdraw { reason } | Effect::Terminate { reason } => {
                story.ended = Some((entry, reason));
            }
            Effect::Expire { ended_at: _ } => story.ended = Some((entry, EndReason::Expired)),
            Effect::SetRoles { grantee, before, after } if grantee.id == self.grantee => {
                self.known_as = Some(grantee);
                let (before, after) = (before.roles, after.roles);
                story.steps.push(Step { entry, cause, before, after });
            }
            Effect::SetRoles { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::RecordAcceptance { .. } => {}
        }
    }
}

impl Story {
    /// Every role that the grantee ever held under it.
    pub(super) fn roles(&self) -> BTreeSet<RoleId> {
        let steps = self.steps.iter();
        steps.flat_map(|step| step.before.keys().chain(step.after.keys())).copied().collect()
    }

    /// The entries that led to what is held of a role: from the last time that it was gained.
    pub(super) fn steps_to(&self, role: RoleId) -> Vec<Cited> {
        let gained =
            |step: &Step| !step.before.contains_key(&role) && step.after.contains_key(&role);
        let from = self.steps.iter().rposition(gained).unwrap_or(0);
        let steps = self.steps[from..].iter();
        let differ = steps.filter(|step| step.before.get(&role) != step.after.get(&role));
        differ.map(|step| step.entry.clone()).collect()
    }
}
