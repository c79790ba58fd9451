//! What stands at a service: adopted, recognised as it was seen, and told where it is not what the input supposes.
//!
//! Never: a plan for what could not be read, or a second relationship where one was to be adopted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use jiff::{SignedDuration, Timestamp};

use super::{
    Claimant, Foreign,
    proposed::{Proposals, Proposed},
    relationship::{Draft, Row},
};
use crate::{
    api::{ManagementPolicy, PartnerType},
    domain::{
        carrier::Carrier,
        change::{Approval, Cause, Effect, Subject},
        duration::{Days, Duration},
        enumeration::counted,
        ids::{Kind, ObjectKey},
        lifecycle::Phase,
        partner_type::role_names,
        problem::{Code, Problem, Severity},
        relationship::effect,
        state::{
            Assignment, AtService, Desired, DesiredRelationship, Found, Invitation, ObjectName,
            Observed, ObservedAssignment, ObservedRelationship, Owner, RelationshipKey, Roles,
            Service, Standing, Tenant,
            seen::{SeenRelationship, ServiceId},
        },
    },
};

/// What was to be adopted is not there, or is not what the object says.
pub const NOT_ADOPTED: Code = Code(557);
/// What is planned stands elsewhere than in this store.
pub const OTHER_STORE: Code = Code(558);
/// Something could not be read, and nothing is planned for it.
pub const UNREAD: Code = Code(559);
/// Relationships stand at the service that nobody claims.
pub const UNCLAIMED: Code = Code(560);
/// An assignment is on its way.
pub const IN_FLIGHT: Code = Code(561);
/// The customer accepts at the service, and an object that says so gives nothing.
pub const ACCEPTED_THERE: Code = Code(562);
/// Somebody has switched the automatic extension.
pub const EXTENSION_SWITCHED: Code = Code(563);
/// Its time is over, and it still stands there.
pub const END_OVERDUE: Code = Code(564);
/// An invitation that is given up cannot be taken back there.
pub const NOT_WITHDRAWN: Code = Code(565);
/// The clocks of the service and of this machine differ.
pub const CLOCKS: Code = Code(567);
/// Nothing outside is changed for a type of partner.
pub const ONLY_RECORDED: Code = Code(566);

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
    recognise(&mut observed, claimant, plan);
    let (mut held_back, mut adopted) = (BTreeSet::new(), Vec::new());
    let twice = asked_for_twice(desired, &observed);
    for (key, declared) in &desired.relationships {
        if declared.standing != Standing::Live {
            continue;
        }
        let Some(id) = declared.adopts() else { continue };
        let found = match twice.get(&id) {
            Some(objects) => Err((
                NOT_ADOPTED,
                format!("`{id}` is adopted by {objects}: one relationship is one object's"),
                "take the annotation away from all but one",
            )),
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
            Err((code, message, help)) => {
                held_back.insert(key.clone());
                plan.notices.push(about(&declared.object, code, message).help(help));
            }
        }
    }
    TakenOver { observed, held_back, adopted }
}

/// The ids that more than one object would adopt, with the objects. What has a row already is its object's, whoever else
/// asks.
fn asked_for_twice(desired: &Desired, observed: &Observed) -> BTreeMap<ServiceId, String> {
    let Some(service) = &observed.service else { return BTreeMap::new() };
    let mut all: BTreeMap<ServiceId, Vec<&ObjectName>> = BTreeMap::new();
    for declared in desired.relationships.values() {
        if let Some(id) = declared.adopts() {
            all.entry(id).or_default().push(&declared.object);
        }
    }
    all.retain(|id, objects| objects.len() > 1 && !service.claimed.contains_key(id));
    let told = |objects: Vec<&ObjectName>| {
        let objects = objects.iter().map(|object| format!("`{object}`"));
        objects.collect::<Vec<_>>().join(" and ")
    };
    all.into_iter().map(|(id, objects)| (id, told(objects))).collect()
}

/// Takes over how the service was seen to have moved rows, of which everything else is planned from then on. What was given
/// until the end of a relationship lasts until its new one.
fn recognise(observed: &mut Cow<'_, Observed>, claimant: &Claimant, plan: &mut Proposals) {
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
            let Some(after) = row.moved.as_mut().and_then(|moved| moved.stands.take()) else {
                continue;
            };
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
                last_as_long(row, (before.ends_at, after.ends_at), plan);
            }
        }
    }
}

fn propose(row: &ObservedRelationship, effect: Effect, cause: Cause, plan: &mut Proposals) {
    let subject = Subject {
        relationship: Some(row.key.clone()),
        owner: row.owner.clone(),
        partner: Tenant { id: row.key.partner, name: row.partner_name.clone() },
        customer: Tenant { id: row.invitation.customer, name: row.customer_name.clone() },
        type_: Some(row.invitation.type_),
    };
    plan.proposed.push(Proposed { subject, effect, cause, approval: Approval::NotNeeded });
}

/// What was given until the end of a relationship, as grants without an end of their own are, lasts until its later one.
fn last_as_long(
    row: &mut ObservedRelationship,
    (before, after): (Option<Timestamp>, Option<Timestamp>),
    plan: &mut Proposals,
) {
    let Some((before, after)) = before.zip(after).filter(|(before, after)| before < after) else {
        return;
    };
    let longer = |roles: &Roles| -> Roles {
        let later = |until: &Timestamp| if *until == before { after } else { *until };
        roles.into_iter().map(|(role, until)| (*role, later(until))).collect()
    };
    let mut changes = Vec::new();
    for assignment in row.assignments.values_mut() {
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

fn about(object: &ObjectName, code: Code, message: String) -> Problem {
    let ObjectName { namespace, name } = object.clone();
    Problem::error(code, message)
        .about(&ObjectKey { kind: Kind::PartnerRelationship, namespace, name }, None)
}

type Refused = (Code, String, &'static str);

/// The row of one relationship that is to be adopted; nothing where it was adopted before.
#[expect(clippy::type_complexity, reason = "a change and the row that it makes, or neither")]
fn adoption(
    key: &RelationshipKey,
    declared: &DesiredRelationship,
    id: &ServiceId,
    observed: &Observed,
    claimant: &Claimant,
) -> Result<Option<(Box<Proposed>, Box<ObservedRelationship>)>, Refused> {
    let refused = |why: String, help: &'static str| Err((NOT_ADOPTED, why, help));
    let name = &declared.object;
    let Some(service) = &observed.service else {
        if declared.policies.management == ManagementPolicy::Observe {
            return Ok(None);
        }
        let message =
            format!("`{name}` stands at Microsoft, and this store is not Microsoft Graph");
        let help = "name the connection with `--store graph:FILE`: here the customer would be invited once more";
        return Err((OTHER_STORE, message, help));
    };
    let rows = observed.relationships.get(key).map_or(&[][..], Vec::as_slice);
    let own = rows.iter().find(|row| row.at.as_ref().is_some_and(|at| at.id == *id));
    match own.map(|row| (row, row.lifecycle.phase())) {
        Some((row, phase))
            if service.waiting.contains(id) || phase == Phase::Active && row.ended.is_some() =>
        {
            let message = format!(
                "`{name}` would adopt `{id}`, which was given up here as `{}` and stands at Microsoft",
                row.key
            );
            let help = "let it lapse, and take the annotation away to invite the customer anew";
            return refused(message, help);
        }
        Some(_) => return Ok(None),
        None => {}
    }
    if let Some(row) = service.claimed.get(id) {
        let message = format!("`{name}` would adopt `{id}`, which `{row}` in this ledger is for");
        return refused(message, "adopt another one, or declare that row under its own name");
    }
    if let Some(row) = rows.iter().find(|row| row.lifecycle.phase() != Phase::Ended) {
        let message = format!("`{name}` would adopt `{id}`, and has a relationship: `{}`", row.key);
        return refused(message, "choose another `displayName` for what is to be adopted");
    }
    let Some(found) = service.unclaimed.get(id) else {
        let message = format!("`{name}` would adopt `{id}`, which is not there at Microsoft");
        return refused(message, "write the id as `concordat import` finds it");
    };
    if let Some(differs) = differs(declared, found) {
        let message = format!("`{name}` cannot adopt `{id}`: {differs}");
        return refused(message, "declare what stands there, and change it once it is adopted");
    }
    let read = found.holdings(observed.now, |_, _| None);
    let holdings = read.map_err(|unread| {
        let message = format!("`{name}` is not adopted: `{id}` could not be read: {unread}");
        (UNREAD, message, "plan again; nothing is planned for it until then")
    })?;
    let number = rows.iter().map(|row| row.number).max().unwrap_or(0) + 1;
    let own = if number == 1 {
        key.clone()
    } else {
        RelationshipKey { name: format!("{}-{number}", key.name).into(), ..key.clone() }
    };
    if own != *key && observed.relationships.contains_key(&own) {
        let message =
            format!("`{name}` would adopt `{id}` as `{own}`, which is another relationship");
        return refused(message, "choose another `displayName` for what is to be adopted");
    }
    let subject = subject(&own, declared, claimant);
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

fn subject(key: &RelationshipKey, declared: &DesiredRelationship, claimant: &Claimant) -> Subject {
    Subject {
        relationship: Some(key.clone()),
        owner: Owner { instance: claimant.instance.clone(), object: declared.object.clone() },
        partner: declared.partner.clone(),
        customer: declared.customer.clone(),
        type_: Some(declared.invitation.type_),
    }
}

/// In what the object and what stands there differ: only the very same is adopted.
fn differs(declared: &DesiredRelationship, found: &SeenRelationship) -> Option<String> {
    let Invitation { customer, type_, roles, duration, .. } = &declared.invitation;
    if let Some(fault) = &found.fault {
        return Some(fault.to_string());
    }
    if *type_ != PartnerType::GranularDelegatedAdmin {
        return Some(format!("it is granular delegated administration, and not `{type_:?}`"));
    }
    match found.stage.phase() {
        Phase::Active | Phase::Pending => {}
        Phase::Ending | Phase::Ended | Phase::Unknown => {
            return Some(format!("it is `{}`", found.stage));
        }
    }
    if found.provider.is_some_and(|provider| provider.consent_pending) {
        return Some("its provider made it, and the partner has not yet agreed there".to_owned());
    }
    let theirs = found.customer.as_ref().map(|customer| customer.id);
    if theirs != Some(*customer) {
        let theirs = theirs.map_or("nobody yet".to_owned(), |id| format!("`{id}`"));
        return Some(format!("its customer is {theirs}, and not `{customer}`"));
    }
    if found.roles != *roles {
        let more: Vec<_> = found.roles.difference(roles).collect();
        let less: Vec<_> = roles.difference(&found.roles).collect();
        let told = [("more", more), ("less", less)].into_iter().filter(|(_, of)| !of.is_empty());
        let told: Vec<String> =
            told.map(|(how, of)| format!("{how}: {}", role_names(of))).collect();
        return Some(format!("its roles are others ({})", told.join("; ")));
    }
    let lasts = duration.map(Days::duration);
    if found.duration != lasts {
        let told = |lasts: Option<Duration>| {
            lasts.map_or("no length that is understood".to_owned(), |lasts| format!("`{lasts}`"))
        };
        return Some(format!(
            "it was made for {}, and not for {}",
            told(found.duration),
            told(lasts)
        ));
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
    let mut tell = |code, message: String, help: &str| {
        plan.notices.push(about(object, code, message).help(help));
        true
    };
    let live = || rows.iter().filter(|row| row.lifecycle.phase() != Phase::Ended);
    let Some(service) = &observed.service else {
        let Some(row) = live().find(|row| row.at.is_some()) else { return false };
        let message =
            format!("`{}` stands at Microsoft, and this store is only its ledger", row.key);
        return tell(OTHER_STORE, message, "name the connection with `--store graph:FILE`");
    };
    if let Some(reason) = service.unread.get(key) {
        let message = format!("`{key}` could not be read at Microsoft: {reason}");
        return tell(UNREAD, message, "nothing is planned for it until it can be read: plan again");
    }
    if let Some(declared) = declared
        && (key.partner, key.cloud) != (service.partner, service.cloud)
    {
        let message = format!(
            "`{}` is of partner `{}` in {:?}, and this connection is of `{}` in {:?}",
            declared.object, key.partner, key.cloud, service.partner, service.cloud
        );
        return tell(OTHER_STORE, message, "name the connection of that partner, or its store");
    }
    let carried = |row: &&ObservedRelationship| {
        Carrier::of(row.invitation.type_, observed) == Carrier::Graph && row.at.is_none()
    };
    if let Some(row) = live().find(carried) {
        let message = format!("`{}` was written where there is no Microsoft Graph", row.key);
        let help = "name another `ledger` in the connection: this database is a store by itself";
        return tell(OTHER_STORE, message, help);
    }
    false
}

/// Tells what of a row is not as declared, and cannot be made so from here.
pub(super) fn tell_row(row: &Row<'_>, draft: &mut Draft<'_>) {
    let Some(observed) = row.observed.filter(|row| row.at.is_some()) else { return };
    if let Some(seen) = observed.moved.as_ref().and_then(|moved| moved.auto_extend) {
        let state = if seen.is_zero() { "off" } else { "on" };
        let message =
            format!("somebody has switched the automatic extension of `{}` {state}", row.key);
        let help = "find out who and why, and declare it so: it is not switched back by itself";
        draft.notice_outside(&row.key, EXTENSION_SWITCHED, Severity::Warning, message, Some(help));
    }
    if row.lifecycle.phase() == Phase::Active
        && let Some(end) = row.ends_at.filter(|end| *end <= draft.now())
    {
        let message = format!("`{}` ended at {end}, and still stands at Microsoft", row.key);
        draft.notice(END_OVERDUE, Severity::Warning, message, None);
    }
}

/// That an invitation that is given up stays open at the service.
pub(super) fn tell_withdrawn(row: &Row<'_>, draft: &mut Draft<'_>) {
    if row.at.is_some() {
        let message = format!(
            "`{}` is given up here, and cannot be taken back at Microsoft: its link works until it lapses",
            row.key
        );
        let help = "tell the customer not to approve it; whatever becomes of it, nobody gets access under it";
        draft.notice(NOT_WITHDRAWN, Severity::Notice, message, Some(help));
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
        let message = format!(
            "`{}` authorises nothing: the customer approves `{}` at Microsoft",
            answer.object, declared.object
        );
        let help = "send the customer's administrator the link that the plan names";
        let (kind, object) = (Kind::AgreementAcceptance, Some(&answer.object));
        draft.notice_about(kind, object, ACCEPTED_THERE, Severity::Warning, message, Some(help));
    }
}

/// Tells what stands at the service and is nobody's, and what is only recorded.
pub(super) fn tell_beside(desired: &Desired, observed: &Observed, plan: &mut Proposals) {
    let Some(service) = &observed.service else { return };
    if let Some(ahead) = service.clock {
        let way = if ahead.is_negative() { "behind" } else { "ahead of" };
        let by = SignedDuration::from_secs(ahead.abs().as_secs());
        let message =
            format!("Microsoft's clock is {way} ours by {by:#}: every end here is counted by ours");
        let notice = Problem::error(CLOCKS, message).severity(Severity::Warning);
        plan.notices.push(notice.help("set the clock of this machine, or of the ledger's server"));
    }
    let live = |found: &&SeenRelationship| found.stage.phase() != Phase::Ended;
    let unclaimed = service.unclaimed.values().filter(live).count();
    if unclaimed > 0 {
        let stand = if unclaimed == 1 { "stands" } else { "stand" };
        let message = format!(
            "{} that nobody claims {stand} at Microsoft, besides what is over: nothing is done with that",
            counted(unclaimed, "relationship")
        );
        let help = "`concordat get relationships --unmanaged` lists it, and `concordat import` makes files of it";
        let notice = Problem::error(UNCLAIMED, message).severity(Severity::Notice).help(help);
        plan.notices.push(notice);
    }
    let recorded = |declared: &&DesiredRelationship| {
        Carrier::of(declared.invitation.type_, observed) == Carrier::Book
    };
    let types: BTreeMap<String, usize> =
        desired.relationships.values().filter(recorded).fold(BTreeMap::new(), |mut types, one| {
            *types.entry(format!("{:?}", one.invitation.type_)).or_default() += 1;
            types
        });
    for (type_, number) in types {
        let message = format!(
            "{} of type `{type_}` {} only recorded: nothing outside is changed for that type",
            counted(number, "relationship"),
            if number == 1 { "is" } else { "are" }
        );
        plan.notices.push(Problem::error(ONLY_RECORDED, message).severity(Severity::Notice));
    }
}

/// What has a name at the service, where that is taken: also by what is over, and in letters of either case.
pub(super) fn named_there<'a>(
    key: &RelationshipKey,
    service: Option<&'a Service>,
) -> Option<&'a ServiceId> {
    service?.names.get(key.name.to_lowercase().as_str())
}
