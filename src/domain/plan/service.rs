//! What stands at a service: adopted, recognised as it was seen, and told where it is not what the input supposes.
//!
//! Never: a plan for what could not be read, or a second relationship where one was to be adopted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use jiff::Timestamp;

use super::{
    AnswerNotice, BesideNotice, Claimant, ElsewhereNotice, Foreign, NotAdopted, Notice,
    StageNotice,
    proposed::{Proposals, Proposed},
    relationship::{Draft, Row},
};
use crate::{
    api::{ManagementPolicy, PartnerType},
    domain::{
        carrier::Carrier,
        change::{Approval, Cause, Effect, Subject},
        duration::Days,
        ids::RoleId,
        lifecycle::Phase,
        relationship::effect,
        state::{
            Assignment, AtService, Desired, DesiredRelationship, Found, Instance, Invitation,
            ObjectName, Observed, ObservedAssignment, ObservedRelationship, RelationshipKey, Roles,
            Service, Standing,
            seen::{SeenRelationship, ServiceId},
        },
    },
};

/// What the store holds once what the service has is taken over, and what nothing is planned for.
pub(super) struct TakenOver<'a> {
    pub observed: Cow<'a, Observed>,
    pub held_back: BTreeSet<RelationshipKey>,
    /// The rows that are made of what stands there already.
    pub adopted: Vec<ObservedRelationship>,
}

/// Takes over how the service has moved rows, and makes the rows of what is to be adopted.
pub(super) fn take_over<'a>(
    desired: &Desired,
    observed: &'a Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) -> TakenOver<'a> {
    let mut observed = Cow::Borrowed(observed);
    recognise(&mut observed, desired, claimant, plan);
    let (mut held_back, mut adopted) = (BTreeSet::new(), Vec::new());
    let twice = asked_for_twice(desired, &observed);
    for (key, declared) in &desired.relationships {
        if declared.standing != Standing::Live {
            continue;
        }
        let Some(id) = declared.adopts() else { continue };
        let found = match twice.get(&id) {
            Some(objects) => {
                let why = NotAdopted::Shared(objects.clone());
                Err(ElsewhereNotice::NotAdopted { id: id.clone(), why })
            }
            None => adoption(key, declared, &id, &observed, claimant),
        };
        match found {
            Ok(None) => {}
            Ok(Some((proposed, row))) => {
                plan.proposed.push(*proposed);
                adopted.push(ObservedRelationship::clone(&row));
                let rows = &mut observed.to_mut().relationships;
                rows.entry(key.clone()).or_default().push(*row);
                if let Some(service) = &mut observed.to_mut().service {
                    service.unclaimed.remove(&id);
                    service.claimed.insert(id, key.clone());
                }
            }
            Err(why) => {
                held_back.insert(key.clone());
                plan.notices.push(Notice::Elsewhere(declared.object.clone(), why));
            }
        }
    }
    TakenOver { observed, held_back, adopted }
}

/// The ids that more than one object would adopt, with the objects. What has a row already is its object's, whoever else
/// asks.
fn asked_for_twice(desired: &Desired, observed: &Observed) -> BTreeMap<ServiceId, Vec<ObjectName>> {
    let Some(service) = &observed.service else { return BTreeMap::new() };
    let mut all: BTreeMap<ServiceId, Vec<ObjectName>> = BTreeMap::new();
    for declared in desired.relationships.values() {
        if let Some(id) = declared.adopts() {
            all.entry(id).or_default().push(declared.object.clone());
        }
    }
    all.retain(|id, objects| objects.len() > 1 && !service.claimed.contains_key(id));
    all
}

/// Takes over how the service was seen to have moved rows, of which everything else is planned from then on. What was given
/// until the end of a relationship lasts until its new one.
fn recognise(
    observed: &mut Cow<'_, Observed>,
    desired: &Desired,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    let is_moved =
        |row: &ObservedRelationship| row.moved.as_ref().is_some_and(|moved| moved.stands.is_some());
    let is_known = |key: &RelationshipKey| {
        let unread = observed.service.as_ref().is_some_and(|it| it.unread.contains_key(key));
        !unread && !observed.doubts.relationships.contains_key(key)
    };
    let moved: Vec<RelationshipKey> = observed
        .relationships
        .iter()
        .filter(|(key, rows)| is_known(key) && rows.iter().any(is_moved))
        .map(|(key, _)| key.clone())
        .collect();
    for key in moved {
        let rows = observed.to_mut().relationships.get_mut(&key).into_iter().flatten();
        for row in rows {
            let Some(moved) = &mut row.moved else { continue };
            let Some(after) = moved.stands.take() else { continue };
            moved.extended_from = row.ends_at.filter(|end| after.ends_at > Some(*end));
            let is_ours =
                row.owner.instance == claimant.instance || claimant.foreign == Foreign::ReadAs;
            let before = row.stands();
            let effect = Effect::Recognise {
                before: Box::new(before.clone()),
                after: Box::new(after.clone()),
            };
            let revision = row.revision;
            effect::make(row, &effect, plan.now);
            row.revision = revision;
            if is_ours {
                propose(row, effect, Cause::Declared, plan);
                if let Some(declared) = desired.relationships.get(&key) {
                    last_as_long(row, declared, plan);
                }
            }
        }
    }
}

fn propose(row: &ObservedRelationship, effect: Effect, cause: Cause, plan: &mut Proposals) {
    let subject = Subject::of_row(row);
    plan.proposed.push(Proposed { subject, effect, cause, approval: Approval::NotNeeded });
}

/// What living grants give until the end of a relationship lasts until its later one, or until their own.
fn last_as_long(
    row: &mut ObservedRelationship,
    declared: &DesiredRelationship,
    plan: &mut Proposals,
) {
    let before = row.moved.as_ref().and_then(|moved| moved.extended_from);
    let Some((before, after)) = before.zip(row.ends_at) else { return };
    let lives = declared.standing == Standing::Live;
    if !lives || declared.policies.management != ManagementPolicy::Manage {
        return;
    }
    let mut changes = Vec::new();
    for (id, assignment) in &mut row.assignments {
        let grants = || declared.grants.given_to(*id);
        let until = |role: &RoleId| {
            let gives = grants().filter(|(_, grant)| grant.roles.contains(role));
            let lives = gives.filter(|(_, grant)| grant.standing == Standing::Live);
            lives.map(|(_, grant)| grant.window.not_after.unwrap_or(after).min(after)).max()
        };
        let longer = |roles: &Roles| -> Roles {
            let later = |role: &RoleId, had: Timestamp| {
                until(role).filter(|until| had == before && *until > had).unwrap_or(had)
            };
            roles.into_iter().map(|(role, had)| (*role, later(role, *had))).collect()
        };
        let Assignment { roles, recorded, contributions } = assignment.state.clone();
        let lasts =
            Assignment { roles: longer(&roles), recorded: longer(&recorded), contributions };
        if lasts.recorded != recorded {
            changes.push(Effect::SetRoles {
                grantee: assignment.grantee.clone(),
                before: assignment.state.clone(),
                after: lasts.clone(),
            });
            assignment.state = lasts;
        }
    }
    for effect in changes {
        propose(row, effect, Cause::Renewal, plan);
    }
}

/// The row of one relationship that is to be adopted; nothing where it was adopted before.
#[expect(clippy::type_complexity, reason = "a change and the row that it makes, or neither")]
fn adoption(
    key: &RelationshipKey,
    declared: &DesiredRelationship,
    id: &ServiceId,
    observed: &Observed,
    claimant: &Claimant,
) -> Result<Option<(Box<Proposed>, Box<ObservedRelationship>)>, ElsewhereNotice> {
    let refused = |why| Err(ElsewhereNotice::NotAdopted { id: id.clone(), why });
    let Some(service) = &observed.service else {
        if declared.policies.management == ManagementPolicy::Observe {
            return Ok(None);
        }
        return Err(ElsewhereNotice::NotGraph);
    };
    let rows = observed.relationships.get(key).map_or(&[][..], Vec::as_slice);
    let own = rows.iter().find(|row| row.at.as_ref().is_some_and(|at| at.id == *id));
    match own.map(|row| (row, row.lifecycle.phase())) {
        Some((row, phase))
            if service.waiting.contains(id) || phase == Phase::Active && row.ended.is_some() =>
        {
            return refused(NotAdopted::GivenUp(row.key.clone()));
        }
        Some(_) => return Ok(None),
        None => {}
    }
    if let Some(row) = service.claimed.get(id) {
        return refused(NotAdopted::Claimed(row.clone()));
    }
    if let Some(row) = rows.iter().find(|row| row.lifecycle.phase() != Phase::Ended) {
        return refused(NotAdopted::HasRow(row.key.clone()));
    }
    if !service.seen {
        return Ok(None);
    }
    let Some(found) = service.unclaimed.get(id) else { return refused(NotAdopted::Absent) };
    if let Some(differs) = differs(declared, found) {
        return refused(differs);
    }
    let read = found.holdings(observed.now, found.ends_at, |_, _| None);
    let holdings = read.map_err(|unread| ElsewhereNotice::AdoptionUnread(id.clone(), unread))?;
    let number = rows.iter().map(|row| row.number).max().unwrap_or(0) + 1;
    let own = if number == 1 {
        key.clone()
    } else {
        RelationshipKey { name: format!("{}-{number}", key.name).into(), ..key.clone() }
    };
    let named = named_there(&own, Some(service.as_ref())).is_some_and(|named| named != id);
    if own != *key && (named || observed.relationships.contains_key(&own)) {
        return refused(NotAdopted::NameTaken(own));
    }
    let subject = Subject::of_declared(&own, declared, &claimant.instance);
    let invitation = Invitation { name: own.name.to_string(), ..declared.invitation.clone() };
    let effect = Effect::Adopt {
        invitation: Box::new(invitation),
        asked: declared.asked.clone(),
        policies: declared.policies.clone(),
        first: key.clone(),
        number,
        uid: declared.uid.clone(),
        found: Box::new(Found {
            at: AtService { id: id.clone(), host: service.host },
            name: found.name.clone(),
            stands: found.stands(),
            auto_extend: found.auto_extend,
            created_at: found.created_at,
        }),
    };
    let Some(mut row) = effect::made(&subject, &effect, observed.now) else { return Ok(None) };
    for (id, held) in holdings {
        let mut assignment = ObservedAssignment {
            grantee: held.grantee,
            version: 0,
            state: Assignment::default(),
            flight: held.flight,
        };
        assignment.state.roles = held.roles;
        row.assignments.insert(id, assignment);
    }
    let (cause, approval) = (Cause::Declared, Approval::NotNeeded);
    Ok(Some((Box::new(Proposed { subject, effect, cause, approval }), Box::new(row))))
}

/// In what the object and what stands there differ: only the very same is adopted.
fn differs(declared: &DesiredRelationship, found: &SeenRelationship) -> Option<NotAdopted> {
    let Invitation { customer, type_, roles, duration, .. } = &declared.invitation;
    if let Some(fault) = &found.fault {
        return Some(NotAdopted::Faulty(fault.clone()));
    }
    if *type_ != PartnerType::GranularDelegatedAdmin {
        return Some(NotAdopted::Type(*type_));
    }
    match found.stage.phase() {
        Phase::Active | Phase::Pending => {}
        Phase::Ending | Phase::Ended | Phase::Unknown => {
            return Some(NotAdopted::Stage(found.stage.clone()));
        }
    }
    if found.provider.is_some_and(|provider| provider.consent_pending) {
        return Some(NotAdopted::ConsentPending);
    }
    let theirs = found.customer.as_ref().map(|customer| customer.id);
    if theirs != Some(*customer) {
        return Some(NotAdopted::Customer { found: theirs, declared: *customer });
    }
    if found.roles != *roles {
        let more = found.roles.difference(roles).copied().collect();
        let less = roles.difference(&found.roles).copied().collect();
        return Some(NotAdopted::Roles { more, less });
    }
    let lasts = duration.map(Days::duration);
    if found.duration != lasts {
        return Some(NotAdopted::Lasts { found: found.duration, declared: lasts });
    }
    None
}

/// Whether nothing may be planned for a relationship in this store; then it is told why, where anybody asks.
pub(super) fn is_elsewhere(
    key: &RelationshipKey,
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) -> bool {
    let rows = observed.relationships.get(key).map_or(&[][..], Vec::as_slice);
    let declared = desired.relationships.get(key);
    let own = rows.iter().find(|row| row.owner.instance == claimant.instance);
    let Some(object) =
        declared.map(|declared| &declared.object).or(own.map(|row| &row.owner.object))
    else {
        return false;
    };
    let mut tell = |why| {
        plan.notices.push(Notice::Elsewhere(object.clone(), why));
        true
    };
    let live = || rows.iter().filter(|row| row.lifecycle.phase() != Phase::Ended);
    let Some(service) = &observed.service else {
        let Some(row) = live().find(|row| row.at.is_some()) else { return false };
        return tell(ElsewhereNotice::OnlyLedger(row.key.clone()));
    };
    if let Some(reason) = service.unread.get(key) {
        return tell(ElsewhereNotice::Unread(key.clone(), reason.clone()));
    }
    let (own, connected) = ((key.partner, key.cloud), (service.partner, service.cloud));
    if declared.is_some() && own != connected {
        return tell(ElsewhereNotice::OtherConnection { declared: own, connected });
    }
    let carried = |row: &&ObservedRelationship| {
        Carrier::of(row.invitation.type_, observed) == Carrier::Graph && row.at.is_none()
    };
    if let Some(row) = live().find(carried) {
        return tell(ElsewhereNotice::WrittenWithoutGraph(row.key.clone()));
    }
    false
}

/// Tells what of a row is not as declared, and cannot be made so from here.
pub(super) fn tell_row(row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(observed) = row.observed.filter(|row| row.at.is_some()) else { return };
    if let Some(auto_extend) = observed.moved.as_ref().and_then(|moved| moved.auto_extend) {
        let row = row.key.clone();
        draft.tell(Notice::Stage, StageNotice::ExtensionSwitched { row, auto_extend });
    }
    if row.lifecycle.phase() == Phase::Active
        && let Some(end) = row.ends_at.filter(|end| *end <= draft.now())
    {
        let row = row.key.clone();
        draft.tell(Notice::Stage, StageNotice::EndOverdue { row, ended_at: end });
    }
}

/// That an invitation that is given up stays open at the service.
pub(super) fn tell_withdrawn(row: &Row<'_>, draft: &mut Draft<'_>) {
    if row.at.is_some() {
        draft.tell(Notice::Stage, StageNotice::NotWithdrawn(row.key.clone()));
    }
}

/// That an answer authorises nothing where the customer accepts at the service.
pub(super) fn tell_answers(
    declared: &DesiredRelationship,
    rows: &[Row<'_>],
    draft: &mut Draft<'_>,
) {
    let is_pending = rows.iter().any(|row| row.lifecycle.phase() == Phase::Pending);
    for answer in declared.answers.iter().filter(|_| is_pending) {
        let told = AnswerNotice::AcceptedThere(declared.object.clone());
        draft.tell_of(&answer.object, Notice::Answer, told);
    }
}

/// Tells what stands at the service and is nobody's, and what is only recorded.
pub(super) fn tell_beside(
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    let Some(service) = &observed.service else { return };
    if let Some(ahead) = service.clock {
        let told = match plan.ends_kept {
            0 => BesideNotice::Clocks(ahead),
            kept => BesideNotice::EndsKept(ahead, kept),
        };
        plan.notices.push(Notice::Beside(told));
    }
    // An operator is there when it ends.
    if let Some(end) = plan.ends_ahead.filter(|_| claimant.instance == Instance::cli()) {
        plan.notices.push(Notice::Beside(BesideNotice::EndsAhead(end)));
    }
    if service.underway > 0 {
        plan.notices.push(Notice::Beside(BesideNotice::Underway(service.underway)));
    }
    let live = |found: &&SeenRelationship| found.stage.phase() != Phase::Ended;
    let unclaimed = service.unclaimed.values().filter(live).count();
    if unclaimed > 0 {
        plan.notices.push(Notice::Beside(BesideNotice::Unclaimed(unclaimed)));
    }
    let recorded = |declared: &&DesiredRelationship| {
        Carrier::of(declared.invitation.type_, observed) == Carrier::Book
    };
    // In the order of their names.
    let mut types: BTreeMap<String, (PartnerType, usize)> = BTreeMap::new();
    for declared in desired.relationships.values().filter(recorded) {
        let type_ = declared.invitation.type_;
        types.entry(format!("{type_:?}")).or_insert((type_, 0)).1 += 1;
    }
    let only_recorded = |(type_, number)| Notice::Beside(BesideNotice::OnlyRecorded(type_, number));
    plan.notices.extend(types.into_values().map(only_recorded));
}

/// What has a name at the service, where that is taken: also by what is over, and in letters of either case.
pub(super) fn named_there<'a>(
    key: &RelationshipKey,
    service: Option<&'a Service>,
) -> Option<&'a ServiceId> {
    service?.names.get(key.name.to_lowercase().as_str())
}
