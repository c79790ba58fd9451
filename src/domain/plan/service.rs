//! What stands at a service: adopted, recognised as it was seen, and told where it is not what the input supposes.
//!
//! Never: a plan for what could not be read, or a second relationship where one was to be adopted.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

use jiff::SignedDuration;

use super::{
    Claimant,
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
            Observed, ObservedAssignment, ObservedRelationship, Owner, RelationshipKey, Service,
            Standing,
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

/// Makes the rows of what is to be adopted, and gives what the store holds with them, and what nothing is planned for.
pub(super) fn adopt<'a>(
    desired: &Desired,
    observed: &'a Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) -> (Cow<'a, Observed>, BTreeSet<RelationshipKey>) {
    let mut observed = Cow::Borrowed(observed);
    let mut held_back = BTreeSet::new();
    for (key, declared) in &desired.relationships {
        if declared.standing != Standing::Live {
            continue;
        }
        let Some(id) = declared.adopts() else { continue };
        match adoption(key, declared, &id, &observed, claimant) {
            Ok(None) => {}
            Ok(Some((proposed, row))) => {
                plan.proposed.push(*proposed);
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
    (observed, held_back)
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
    if rows.iter().any(|row| row.at.as_ref().is_some_and(|at| at.id == *id)) {
        return Ok(None);
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
    let read = found.holdings(|_, _| None);
    let holdings = read.map_err(|unread| {
        let message = format!("`{name}` is not adopted: `{id}` could not be read: {unread}");
        (UNREAD, message, "plan again; nothing is planned for it until then")
    })?;
    let subject = subject(key, declared, claimant);
    let effect = Effect::Adopt {
        invitation: Box::new(declared.invitation.clone()),
        asked: declared.asked.clone(),
        policies: declared.policies.clone(),
        first: key.clone(),
        number: rows.iter().map(|row| row.number).max().unwrap_or(0) + 1,
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

/// Takes over what the service has moved.
pub(super) fn recognise(rows: &mut [Row<'_>], draft: &mut Draft<'_>) {
    for row in rows {
        let stands = row.observed.and_then(|row| row.moved.as_ref()?.stands.clone());
        let Some(after) = stands else { continue };
        let effect = Effect::Recognise { before: Box::new(row.stands()), after: Box::new(after) };
        draft.make(row, effect, Cause::Declared);
    }
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
            "{} {stand} at Microsoft that nobody claims: nothing is done with that",
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

/// Whether a name is taken at the service by what is none of ours, and whose.
pub(super) fn named_there<'a>(
    key: &RelationshipKey,
    service: Option<&'a Service>,
) -> Option<&'a ServiceId> {
    service?.names.get(&key.name)
}
