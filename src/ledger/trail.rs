//! What the ledger says about each relationship and about one grantee: the evidence that `why` cites.
//!
//! Never: more kept of the ledger than the answer can cite.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{replay::Until, words::Cited};
use crate::domain::{
    change::{Cause, Effect, Subject},
    digest::Digest,
    entry::{
        Entry, EntryKind, Recorded,
        tables::{Outside, OutsideRole},
    },
    ids::{GranteeId, RoleId},
    lifecycle::EndReason,
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
    /// That it was seen to be active at Microsoft.
    pub(super) seen: Option<Cited>,
    /// The entry that found a role gone that it held, where nothing has changed that since.
    pub(super) gone_outside: BTreeMap<RoleId, Cited>,
    /// The entry that found a role held that nobody here had given, where nothing has explained that since.
    pub(super) found_outside: BTreeMap<RoleId, Cited>,
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
        if !self.until.admits(entry) {
            return;
        }
        if entry.kind == EntryKind::Difference {
            match Outside::read(&entry.payload) {
                Some(outside) => self.differ(entry, &outside),
                None => self.not_understood.push(entry.sequence),
            }
            return;
        }
        if !entry.kind.is_effect() {
            return;
        }
        let Ok(recorded) = Recorded::read(&entry.payload) else {
            self.not_understood.push(entry.sequence);
            return;
        };
        let Recorded { change: _, cause, subject, effect, person, made: _ } = recorded;
        let Some(key) = subject.relationship.clone() else { return };
        let story = self.rows.entry(key).or_insert_with(|| Story {
            subject,
            invited: None,
            answered: None,
            seen: None,
            ended: None,
            steps: Vec::new(),
            gone_outside: BTreeMap::new(),
            found_outside: BTreeMap::new(),
        });
        let entry = Cited::from(entry);
        let active = effect.comes();
        match effect {
            Effect::Adopt { .. } | Effect::Recognise { .. } if active => story.seen = Some(entry),
            Effect::Invite { .. } | Effect::Adopt { .. } => story.invited = Some(entry),
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
                story.gone_outside.clear();
                story.found_outside.retain(|role, _| !after.recorded.contains_key(role));
                let (before, after) = (before.roles, after.roles);
                story.steps.push(Step { entry, cause, before, after });
            }
            Effect::SetRoles { .. }
            | Effect::SetAutoExtend { .. }
            | Effect::DropGlobalAdministrator { .. }
            | Effect::Extend { .. }
            | Effect::Claim { .. }
            | Effect::SetPolicies { .. }
            | Effect::Rename { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::Recognise { .. }
            | Effect::SetBoundary { .. } => {}
        }
    }
}

impl Trail {
    fn differ(&mut self, entry: &Entry, outside: &Outside) {
        let Some(story) = self.rows.get_mut(&outside.relationship) else { return };
        let of_grantee = outside.roles.iter().filter(|role| role.grantee == self.grantee);
        for OutsideRole { grantee: _, role, until_ms } in of_grantee {
            let (here, there) = match until_ms {
                Some(_) => (&mut story.found_outside, &mut story.gone_outside),
                None => (&mut story.gone_outside, &mut story.found_outside),
            };
            here.insert(*role, Cited::from(entry));
            there.remove(role);
        }
    }
}

impl Story {
    /// Every role that the grantee ever held under it.
    pub(super) fn roles(&self) -> BTreeSet<RoleId> {
        let steps = self.steps.iter();
        steps.flat_map(|step| step.before.keys().chain(step.after.keys())).copied().collect()
    }

    /// Whether the last entry about a role gave it for as long as that.
    pub(super) fn gives(&self, role: RoleId, until: Timestamp) -> bool {
        let of_role =
            |step: &&Step| step.before.contains_key(&role) || step.after.contains_key(&role);
        let last = self.steps.iter().rev().find(of_role);
        let given = last.and_then(|step| step.after.get(&role));
        given.is_some_and(|given| given.as_millisecond() >= until.as_millisecond())
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
