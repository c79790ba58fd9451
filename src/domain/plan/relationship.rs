//! One relationship with all its grants: the unit of planning.
//!
//! Never: writes to a row that another object owns.

use std::{borrow::Cow, ops::Deref};

use jiff::Timestamp;

use super::{
    Claim, Claimant, Foreign, Notice, OwnershipNotice, answers,
    endings::{end, is_own, of_another_object, undeclared},
    grants, lifecycle,
    proposed::{Proposals, Proposed},
    service,
};
use crate::{
    api::ManagementPolicy,
    domain::{
        change::{Approval, Cause, Effect, Subject},
        duration::Duration,
        lifecycle::{AUTO_EXTENDS_BEFORE_END_DAYS, Phase},
        relationship::effect,
        state::{
            Desired, DesiredRelationship, Instance, Invitation, Names, ObjectName, Observed,
            ObservedRelationship, RelationshipKey, Standing,
        },
    },
};

/// A row as it will be when the changes so far are made.
pub(super) struct Row<'a> {
    will: Cow<'a, ObservedRelationship>,
    /// What is in the store; absent for a row that this plan makes.
    pub observed: Option<&'a ObservedRelationship>,
}

impl<'a> Row<'a> {
    pub fn of(observed: &'a ObservedRelationship) -> Self {
        Self { will: Cow::Borrowed(observed), observed: Some(observed) }
    }
}

impl Deref for Row<'_> {
    type Target = ObservedRelationship;

    fn deref(&self) -> &ObservedRelationship {
        &self.will
    }
}

/// What may be done with a relationship as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Latitude {
    /// Everything that is declared.
    Full,
    /// Nothing but what time does, and earlier ends that were declared.
    Suspended,
    /// Nothing but what takes away: what is wrong with the relationship is no reason to keep what its grants give up.
    Invalid,
    /// Nothing but what time does to what Concordat granted.
    Observed,
}

/// Where the changes and notices of one relationship are collected.
pub(super) struct Draft<'a> {
    pub plan: &'a mut Proposals,
    /// What every change of it is about.
    pub subject: Subject,
    pub uids: Uids,
}

/// Whose UIDs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Uids {
    /// Those of the input.
    OfInput,
    /// Those in the store: the input is read from files and the rows are a cluster's.
    AsRecorded,
}

impl<'a> Draft<'a> {
    /// For a row whose object is not there to say anything.
    pub(super) fn of(row: &ObservedRelationship, plan: &'a mut Proposals) -> Self {
        Self { plan, subject: Subject::of_row(row), uids: Uids::AsRecorded }
    }

    pub fn now(&self) -> Timestamp {
        self.plan.now
    }

    pub fn change(&mut self, row: &RelationshipKey, effect: Effect, cause: Cause) {
        self.change_approved(row, effect, cause, Approval::NotNeeded);
    }

    /// The same, and the row is then as that makes it.
    pub fn make(&mut self, row: &mut Row<'_>, effect: Effect, cause: Cause) {
        effect::make(row.will.to_mut(), &effect, self.now());
        self.change(&row.will.key, effect, cause);
    }

    /// Sends an invitation, for which there is a row then.
    pub fn invite(
        &mut self,
        row: &RelationshipKey,
        effect: Effect,
        cause: Cause,
    ) -> Option<Row<'static>> {
        let made = effect::made(&self.subject(row), &effect, self.now())?;
        self.change(row, effect, cause);
        Some(Row { will: Cow::Owned(made), observed: None })
    }

    fn subject(&self, row: &RelationshipKey) -> Subject {
        Subject { relationship: Some(row.clone()), ..self.subject.clone() }
    }

    pub fn change_approved(
        &mut self,
        row: &RelationshipKey,
        effect: Effect,
        cause: Cause,
        approval: Approval,
    ) {
        let subject = self.subject(row);
        self.plan.proposed.push(Proposed { subject, effect, cause, approval });
    }

    pub fn differs_at(&mut self, instant: Timestamp) {
        self.plan.differs_at(instant);
    }

    /// Tells something about the object whose relationship it is.
    pub fn tell<T>(&mut self, notice: fn(ObjectName, T) -> Notice, told: T) {
        self.plan.notices.push(notice(self.subject.owner.object.clone(), told));
    }

    /// Tells something about another object.
    pub fn tell_of<T>(
        &mut self,
        object: &ObjectName,
        notice: fn(ObjectName, T) -> Notice,
        told: T,
    ) {
        self.plan.notices.push(notice(object.clone(), told));
    }
}

/// Plans the relationship whose first row has this key.
pub(super) fn plan_relationship(
    key: &RelationshipKey,
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    let rows = observed.relationships.get(key).map_or(&[][..], Vec::as_slice);
    match desired.relationships.get(key) {
        Some(declared) => plan_declared(key, declared, rows, desired, observed, claimant, plan),
        None => undeclared(rows, desired, claimant, plan),
    }
}

/// A relationship that the input declares.
fn plan_declared(
    key: &RelationshipKey,
    declared: &DesiredRelationship,
    observed_rows: &[ObservedRelationship],
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    let live = || observed_rows.iter().filter(|row| row.lifecycle.phase() != Phase::Ended);
    let read_as = live()
        .next_back()
        .filter(|row| row.owner.object == declared.object && claimant.foreign == Foreign::ReadAs)
        .map(|row| &row.owner.instance)
        .filter(|instance| **instance != claimant.instance);
    let instance = read_as.unwrap_or(&claimant.instance);
    let mut draft = Draft {
        plan,
        subject: Subject::of_declared(key, declared, instance),
        uids: if read_as.is_some() { Uids::AsRecorded } else { Uids::OfInput },
    };
    if !live().all(|row| may_write(row, declared, desired, claimant, &mut draft)) {
        of_another_object(observed_rows, desired, claimant, draft.plan);
        return;
    }
    let latitude = latitude(declared, &mut draft);
    if declared.standing == Standing::Deleted && latitude == Latitude::Full {
        if live().all(|row| is_own(row, declared, &mut draft)) {
            end(observed_rows, Some(&declared.policies), desired, &mut draft);
        } else {
            of_another_object(observed_rows, desired, claimant, draft.plan);
        }
        return;
    }
    if latitude != Latitude::Full && live().any(|row| row.owner != draft.subject.owner) {
        of_another_object(observed_rows, desired, claimant, draft.plan);
        return;
    }
    let mut rows: Vec<Row<'_>> = observed_rows.iter().map(Row::of).collect();
    if latitude == Latitude::Full {
        settle(declared, observed_rows, &mut draft);
    }
    for row in &rows {
        service::tell_row(row, &mut draft);
    }
    if latitude == Latitude::Full {
        lifecycle::plan_lifecycle(declared, &mut rows, desired, observed, &mut draft);
    } else {
        expire_rows(&mut rows, &mut draft);
        answers::contrary_answers(declared, &rows, &mut draft);
    }
    grants::plan_grants(declared, &rows, desired, latitude, observed, &mut draft);
}

/// Whether the row is this object's, or is claimed from one that is gone, and is about the same two tenants.
fn may_write(
    row: &ObservedRelationship,
    declared: &DesiredRelationship,
    desired: &Desired,
    claimant: &Claimant,
    draft: &mut Draft<'_>,
) -> bool {
    if row.owner != draft.subject.owner && !may_claim(row, declared, desired, claimant) {
        not_ours(row, declared, claimant, draft);
        return false;
    }
    let same_parties = row.invitation.customer == declared.invitation.customer;
    if !same_parties || row.invitation.type_ != declared.invitation.type_ {
        let identity = |of: &Invitation| (of.type_, of.customer);
        let told = OwnershipNotice::AnotherIdentity {
            row: row.key.clone(),
            observed: identity(&row.invitation),
            declared: identity(&declared.invitation),
        };
        draft.tell(Notice::Ownership, told);
        return false;
    }
    true
}

/// Whether the row is one of this instance, is claimed by the name of its very owner, and that object is gone.
fn may_claim(
    row: &ObservedRelationship,
    declared: &DesiredRelationship,
    desired: &Desired,
    claimant: &Claimant,
) -> bool {
    row.owner.instance == claimant.instance
        && declared.adopt_from.as_deref() == Some(row.owner.to_string().as_str())
        && desired.gone.contains(&row.owner.object)
}

/// Says whose the row is, as far as whoever asks may know: on a cluster nobody is told what other namespaces hold.
fn not_ours(
    row: &ObservedRelationship,
    declared: &DesiredRelationship,
    claimant: &Claimant,
    draft: &mut Draft<'_>,
) {
    let (owner, object) = (&row.owner, &row.owner.object);
    let may_know =
        claimant.instance == Instance::cli() || object.namespace == declared.object.namespace;
    let claimed = declared.adopt_from.as_deref() == Some(owner.to_string().as_str());
    let claim = if owner.instance != claimant.instance {
        Claim::Never
    } else if !claimed {
        Claim::ByAnnotation
    } else if claimant.instance == Instance::cli() {
        Claim::OnceSpokenFor
    } else {
        Claim::OnceGone
    };
    let (row, owner) = (row.key.clone(), may_know.then(|| owner.clone()));
    draft.tell(Notice::Ownership, OwnershipNotice::OwnedByAnother { row, owner, claim });
}

fn latitude(declared: &DesiredRelationship, draft: &mut Draft<'_>) -> Latitude {
    if declared.policies.management == ManagementPolicy::Observe {
        draft.tell(Notice::Ownership, OwnershipNotice::Observed);
        return Latitude::Observed;
    }
    match declared.standing {
        Standing::Live | Standing::Deleted => Latitude::Full,
        Standing::Suspended => {
            draft.tell(Notice::Ownership, OwnershipNotice::Suspended);
            Latitude::Suspended
        }
        Standing::Invalid => {
            draft.tell(Notice::Ownership, OwnershipNotice::Invalid);
            Latitude::Invalid
        }
    }
}

/// Ownership and what is recorded with every row that is not over.
fn settle(declared: &DesiredRelationship, rows: &[ObservedRelationship], draft: &mut Draft<'_>) {
    for row in rows.iter().filter(|row| row.lifecycle.phase() != Phase::Ended) {
        let before = (row.owner.clone(), row.uid.clone());
        let uid = if draft.uids == Uids::AsRecorded { &row.uid } else { &declared.uid };
        let after = (draft.subject.owner.clone(), uid.clone());
        if before.0 != after.0 {
            let (row, from) = (row.key.clone(), before.0.clone());
            draft.tell(Notice::Ownership, OwnershipNotice::Claims { row, from });
        }
        if before != after {
            draft.change(&row.key, Effect::Claim { before, after }, Cause::Declared);
        }
        if row.policies != declared.policies {
            let (before, after) = (row.policies.clone(), declared.policies.clone());
            draft.change(&row.key, Effect::SetPolicies { before, after }, Cause::Declared);
        }
        let before =
            Names { partner: row.partner_name.clone(), customer: row.customer_name.clone() };
        // A name that is not said any more is no other name.
        let after = Names {
            partner: declared.partner.name.clone().or_else(|| before.partner.clone()),
            customer: declared.customer.name.clone().or_else(|| before.customer.clone()),
        };
        if before != after {
            draft.change(&row.key, Effect::Rename { before, after }, Cause::Declared);
        }
    }
}

/// What time alone does to rows: they end.
pub(super) fn expire_rows(rows: &mut [Row<'_>], draft: &mut Draft<'_>) {
    for row in rows.iter_mut().filter(|row| row.lifecycle.phase() == Phase::Active) {
        let Some(ends_at) = row.ends_at else { continue };
        if ends_at <= draft.now() {
            // The service ends it, and is seen to have.
            if row.at.is_some() {
                continue;
            }
            draft.make(row, Effect::Expire { ended_at: ends_at }, Cause::Expired);
        } else {
            draft.differs_at(ends_at);
        }
    }
}

/// Extends rows on their last day, where automatic extension is on. What stands at the service is extended there.
pub(super) fn extend_rows(rows: &mut [Row<'_>], draft: &mut Draft<'_>) {
    let extends = |row: &&mut Row<'_>| {
        let is_ours = row.lifecycle.phase() == Phase::Active && row.at.is_none();
        is_ours && !row.auto_extend.is_zero()
    };
    for row in rows.iter_mut().filter(extends) {
        let Some(ends_at) = row.ends_at else { continue };
        let last_day = Duration::from_days(AUTO_EXTENDS_BEFORE_END_DAYS).before(ends_at);
        if let Some(last_day) = last_day
            && draft.now() < last_day
        {
            draft.differs_at(last_day);
        } else if let Some(after) = row.auto_extend.after(ends_at) {
            draft.make(row, Effect::Extend { before: ends_at, after }, Cause::Renewal);
            draft.differs_at(after);
        }
    }
}

/// The instance that a plan for `diff` reads the rows of `claimant` as.
impl Claimant {
    /// The command line's own: another instance's rows are read for `diff`, and are a conflict for `apply`.
    pub fn cli(foreign: Foreign) -> Self {
        Self { instance: Instance::cli(), foreign }
    }
}
