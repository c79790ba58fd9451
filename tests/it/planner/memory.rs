//! A store in memory: makes a change exactly as the store's contract says, or refuses it.
//!
//! Never: a change whose precondition does not hold, and never half of one.

use std::collections::BTreeMap;

use concordat::{
    domain::{
        change::{Change, Effect},
        digest::Digest,
        ids::GranteeId,
        relationship::effect,
        state::{
            Acceptance, Observed, ObservedAcceptance, ObservedBoundary, ObservedRelationship,
            RelationshipKey,
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
            service: None,
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
        if let Effect::SetRoles { grantee, before, .. } = &change.effect {
            let held = row.assignments.get(&grantee.id);
            let version = held.map_or(0, |held| held.version);
            let state = held.map(|held| held.state.clone()).unwrap_or_default();
            let same = version == change.expects.version && state == *before;
            holds(same, Refusal::Stale)?;
        }
        let is_held = row.assignments.values().any(|held| !held.state.roles.is_empty());
        effect::check(row, is_held, &change.effect, now)?;
        effect::make(row, &change.effect, now);
        Ok(())
    }

    fn invite(&mut self, change: &Change) -> Result<(), Refusal> {
        let Effect::Invite { first, .. } = &change.effect else { return Ok(()) };
        let invited = effect::made(&change.subject, &change.effect, self.observed.now);
        let invited = invited.ok_or(forbidden("no row is named"))?;
        holds(self.row(&invited.key).is_none(), Refusal::Stale)?;
        holds((&change.expects.uid, change.expects.revision) == (&None, 0), Refusal::Stale)?;
        let rows = self.observed.relationships.entry(first.clone()).or_default();
        rows.push(invited);
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
