//! A store in memory: makes a change exactly as the store's contract says, or refuses it.
//!
//! Never: a change whose precondition does not hold, and never half of one.

use std::collections::BTreeMap;

use concordat::{
    domain::{
        digest::Digest,
        ids::GranteeId,
        lifecycle::{EndReason, Ended, Lifecycle, Phase},
        plan::{Change, Effect},
        state::{
            Acceptance, Assignment, Grantee, Observed, ObservedAcceptance, ObservedAssignment,
            ObservedBoundary, ObservedRelationship, RelationshipKey,
        },
    },
    store::{Outcome, Refusal},
};

/// What is stored, and the id of the last change of each row and assignment.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    pub observed: Observed,
    last: BTreeMap<(Option<RelationshipKey>, Option<GranteeId>), Digest>,
}

fn forbidden(why: &str) -> Refusal {
    Refusal::Constraint(why.to_owned())
}

fn holds(condition: bool, otherwise: Refusal) -> Result<(), Refusal> {
    if condition { Ok(()) } else { Err(otherwise) }
}

impl Memory {
    pub fn new(now: jiff::Timestamp) -> Self {
        let observed = Observed {
            now,
            relationships: BTreeMap::new(),
            acceptances: BTreeMap::new(),
            boundaries: BTreeMap::new(),
            doubts: concordat::domain::state::Doubts::default(),
        };
        Self { observed, last: BTreeMap::new() }
    }

    pub fn row(&mut self, key: &RelationshipKey) -> Option<&mut ObservedRelationship> {
        self.observed.relationships.values_mut().flatten().find(|row| row.key == *key)
    }

    /// Makes one change, whole or not at all.
    pub fn apply(&mut self, change: &Change) -> Outcome {
        let grantee = if let Effect::SetRoles { grantee, .. } = &change.effect {
            Some(grantee.id)
        } else {
            None
        };
        let about = (change.subject.relationship.clone(), grantee);
        if self.last.get(&about) == Some(&change.id()) {
            return Outcome::Done;
        }
        let before = self.observed.clone();
        match self.make(change) {
            Ok(()) => {
                self.last.insert(about, change.id());
                Outcome::Done
            }
            Err(refusal) => {
                self.observed = before;
                Outcome::Refused(refusal)
            }
        }
    }

    fn make(&mut self, change: &Change) -> Result<(), Refusal> {
        let now = self.observed.now;
        if let Effect::Invite { .. } = &change.effect {
            return self.invite(change);
        }
        if let Effect::RecordAcceptance { acceptance } = &change.effect {
            return self.record(acceptance, None);
        }
        if let Effect::SetBoundary { namespace, before: _, after } = &change.effect {
            let key = (change.subject.owner.instance.clone(), namespace.clone());
            let revision = change.expects.revision + 1;
            let boundary = ObservedBoundary { boundary: (**after).clone(), revision };
            self.observed.boundaries.insert(key, boundary);
            return Ok(());
        }
        if let Effect::Authorise { acceptance, .. } | Effect::Decline { acceptance } =
            &change.effect
        {
            self.record(acceptance, change.subject.relationship.clone())?;
        }
        let key = change.subject.relationship.as_ref().ok_or(forbidden("no row is named"))?;
        let row = self.row(key).ok_or(Refusal::Stale)?;
        let claims = matches!(&change.effect, Effect::Claim { .. });
        if !claims && row.owner != change.subject.owner {
            return Err(Refusal::OwnedByAnother { owner: row.owner.to_string() });
        }
        let expected = (Some(&row.uid), row.revision);
        holds((change.expects.uid.as_ref(), change.expects.revision) == expected, Refusal::Stale)?;
        if let Effect::SetRoles { grantee, before, after } = &change.effect {
            return set_roles(row, now, grantee, before, after, change.expects.version);
        }
        row.revision += 1;
        let phase = row.lifecycle.phase();
        match &change.effect {
            Effect::Authorise { acceptance, ends_at } => {
                holds(phase == Phase::Pending, forbidden("it is not pending"))?;
                holds(acceptance.invitation == Some(row.digest), forbidden("another invitation"))?;
                row.lifecycle = Lifecycle::Active;
                row.activated_at = Some(now);
                row.ends_at = *ends_at;
            }
            Effect::Decline { acceptance } => {
                holds(phase == Phase::Pending, forbidden("it is not pending"))?;
                holds(acceptance.invitation == Some(row.digest), forbidden("another invitation"))?;
                end(row, now, Lifecycle::Withdrawn, EndReason::Declined);
            }
            Effect::Withdraw { reason } => {
                holds(phase == Phase::Pending, forbidden("it is not pending"))?;
                end(row, now, Lifecycle::Withdrawn, *reason);
            }
            Effect::Terminate { reason } => {
                holds(phase == Phase::Active, forbidden("it is not active"))?;
                let held = row.assignments.values().any(|held| !held.state.roles.is_empty());
                holds(!held, forbidden("somebody still holds a role"))?;
                end(row, now, Lifecycle::Terminated, *reason);
            }
            Effect::Expire { ended_at } => {
                let over = row.ends_at == Some(*ended_at) && *ended_at <= now;
                holds(phase == Phase::Active && over, forbidden("its time is not over"))?;
                end(row, *ended_at, Lifecycle::Expired, EndReason::Expired);
            }
            Effect::Extend { before, after } => {
                holds(phase == Phase::Active && row.ends_at == Some(*before), Refusal::Stale)?;
                row.ends_at = Some(*after);
            }
            Effect::SetAutoExtend { before, after } => {
                holds(row.auto_extend == *before, Refusal::Stale)?;
                row.auto_extend = *after;
            }
            Effect::DropGlobalAdministrator { before, after } => {
                holds(row.ceiling == *before, Refusal::Stale)?;
                row.ceiling.clone_from(after);
            }
            Effect::Claim { before, after } => {
                holds((&row.owner, &row.uid) == (&before.0, &before.1), Refusal::Stale)?;
                (row.owner, row.uid) = after.clone();
            }
            Effect::SetPolicies { before, after } => {
                holds(row.policies == *before, Refusal::Stale)?;
                row.policies = after.clone();
            }
            Effect::Rename { before, after } => {
                let names = (&row.partner_name, &row.customer_name);
                holds(names == (&before.partner, &before.customer), Refusal::Stale)?;
                row.partner_name.clone_from(&after.partner);
                row.customer_name.clone_from(&after.customer);
            }
            Effect::Invite { .. }
            | Effect::RecordAcceptance { .. }
            | Effect::SetRoles { .. }
            | Effect::SetBoundary { .. } => {}
        }
        Ok(())
    }

    fn invite(&mut self, change: &Change) -> Result<(), Refusal> {
        let Effect::Invite { invitation, asked, policies, first, number, uid } = &change.effect
        else {
            return Ok(());
        };
        let key = change.subject.relationship.clone().ok_or(forbidden("no row is named"))?;
        holds(self.row(&key).is_none(), Refusal::Stale)?;
        holds((&change.expects.uid, change.expects.revision) == (&None, 0), Refusal::Stale)?;
        let invited_at = self.observed.now;
        let rows = self.observed.relationships.entry(first.clone()).or_default();
        rows.push(ObservedRelationship {
            key,
            number: *number,
            owner: change.subject.owner.clone(),
            uid: uid.clone(),
            revision: 1,
            customer_name: change.subject.customer.name.clone(),
            partner_name: change.subject.partner.name.clone(),
            lifecycle: Lifecycle::ApprovalPending,
            digest: invitation.digest(),
            asked: asked.clone(),
            invited_at,
            activated_at: None,
            ends_at: None,
            auto_extend: invitation.auto_extend,
            ceiling: invitation.roles.clone(),
            invitation: invitation.as_ref().clone(),
            ended: None,
            policies: policies.clone(),
            assignments: BTreeMap::new(),
        });
        rows.sort_by_key(|row| row.number);
        Ok(())
    }

    fn record(
        &mut self,
        acceptance: &Acceptance,
        used_for: Option<RelationshipKey>,
    ) -> Result<(), Refusal> {
        let Acceptance { content, customer, partner, decision, accepted_at, .. } = acceptance;
        holds(!self.observed.acceptances.contains_key(content), Refusal::AlreadyUsed)?;
        let recorded = ObservedAcceptance {
            namespace: acceptance.object.namespace.to_string(),
            customer: *customer,
            partner: *partner,
            decision: *decision,
            agreement: acceptance.agreement.clone(),
            accepted_at: *accepted_at,
            used_for,
        };
        self.observed.acceptances.insert(*content, recorded);
        Ok(())
    }
}

fn end(
    row: &mut ObservedRelationship,
    at: jiff::Timestamp,
    lifecycle: Lifecycle,
    reason: EndReason,
) {
    row.lifecycle = lifecycle;
    row.ended = Some(Ended { at, reason });
}

fn set_roles(
    row: &mut ObservedRelationship,
    now: jiff::Timestamp,
    grantee: &Grantee,
    before: &Assignment,
    after: &Assignment,
    version: i64,
) -> Result<(), Refusal> {
    let none =
        ObservedAssignment { grantee: grantee.clone(), version: 0, state: Assignment::default() };
    let ceiling = row.ceiling.clone();
    let active = row.lifecycle.phase() == Phase::Active;
    let ends_at = row.ends_at;
    let held = row.assignments.entry(grantee.id).or_insert(none);
    holds(held.version == version && held.state == *before, Refusal::Stale)?;
    for (role, until) in &after.roles {
        let more = before.roles.get(role).is_none_or(|earlier| earlier < until);
        holds(!more || active, forbidden("nothing is given unless it is active"))?;
        holds(!more || ceiling.contains(role), forbidden("the ceiling does not allow the role"))?;
        let past = ends_at.is_some_and(|ends_at| *until > ends_at);
        holds(!more || !past, forbidden("nothing is given past the end"))?;
        holds(*until > now, Refusal::AlreadyOver { until: *until, now })?;
    }
    held.version += 1;
    held.state = after.clone();
    held.grantee = grantee.clone();
    Ok(())
}
