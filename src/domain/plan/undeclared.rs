//! What an instance owns and nobody declares: who holds what until when, and how to end it.
//!
//! Never: silence about a relationship because its file, its name or its whole namespace is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use ecow::EcoString;
use jiff::Timestamp;

use super::{Plan, contributions::ORPHANED, grants::UNMANAGED};
use crate::{
    api::{GrantDeletionPolicy, ManagementPolicy, RelationshipDeletionPolicy},
    domain::{
        change::{Change, Effect},
        enumeration::{enumeration, quoted},
        ids::{GranteeId, Kind, ObjectKey, RoleId},
        lifecycle::Phase,
        partner_type::role_names,
        problem::{Code, Problem, Severity},
        state::{
            Absence, Assignment, Beside, Contribution, Desired, Grantee, Instance, ObjectName,
            Observed, ObservedRelationship, RelationshipKey,
        },
    },
};

/// A relationship is declared by nobody, and goes on.
pub const UNDECLARED: Code = Code(534);
/// A namespace is not in the input, and what it owns goes on.
pub const NAMESPACE_UNDECLARED: Code = Code(535);

/// What is told of access that goes on without being declared.
pub const NOT_DECLARED: [Code; 4] = [ORPHANED, UNDECLARED, NAMESPACE_UNDECLARED, UNMANAGED];

/// Relationships of one namespace, and grantees of one relationship, that are told by name.
const RELATIONSHIPS: usize = 50;
const GRANTEES: usize = 10;

/// Adds to a plan what `instance` owns and the input does not declare: of what was observed whatever the plan leaves, and
/// what the store holds beside it.
pub fn tell_undeclared(
    desired: &Desired,
    observed: &Observed,
    beside: &Beside,
    instance: &Instance,
    plan: &mut Plan,
) {
    let left = Left::after(&plan.changes, observed.now);
    let mut notices = orphans(desired, observed, instance, plan, &left);
    let mut rows: Vec<&ObservedRelationship> = beside.rows.iter().collect();
    let mut owned = beside.owned.clone();
    for (_, family) in
        observed.relationships.iter().filter(|(key, _)| !desired.relationships.contains_key(*key))
    {
        let own =
            |row: &&ObservedRelationship| row.owner.instance == *instance && left.goes_on(row);
        for row in family.iter().filter(own) {
            *owned.entry(row.owner.object.namespace.clone()).or_default() += 1;
            rows.push(row);
        }
    }
    rows.sort_by_key(|row| (&row.owner.object.namespace, &row.key));
    let mut by_namespace: BTreeMap<&EcoString, Vec<&ObservedRelationship>> = BTreeMap::new();
    for row in rows {
        by_namespace.entry(&row.owner.object.namespace).or_default().push(row);
    }
    let declared = if owned.is_empty() { Names::new() } else { names(desired) };
    let mut untold = BTreeMap::new();
    for (namespace, number) in &owned {
        let rows = by_namespace.remove(namespace).unwrap_or_default();
        if desired.namespaces.contains(namespace) {
            let told = rows.iter().take(RELATIONSHIPS);
            let notice = |row: &&ObservedRelationship| {
                one(row, declared.get(&row.owner.object).copied(), desired.absence, &left)
            };
            notices.extend(told.map(notice));
            notices.extend(rest(namespace, number - rows.len().min(RELATIONSHIPS)));
        } else if rows.is_empty() {
            untold.insert(namespace, *number);
        } else {
            notices.push(namespace_of(namespace, &rows, *number, &left));
        }
    }
    notices.extend(namespaces(&untold));
    plan.notices.append(&mut notices);
}

/// The name in the store that each object declares.
type Names<'a> = BTreeMap<&'a ObjectName, &'a EcoString>;

fn names(desired: &Desired) -> Names<'_> {
    desired.relationships.iter().map(|(key, declared)| (&declared.object, &key.name)).collect()
}

/// What is left of rows once a plan is carried out.
struct Left<'a> {
    now: Timestamp,
    over: BTreeSet<&'a RelationshipKey>,
    held: BTreeMap<(&'a RelationshipKey, GranteeId), &'a Assignment>,
}

impl<'a> Left<'a> {
    fn after(changes: &'a [Change], now: Timestamp) -> Self {
        let mut left = Self { now, over: BTreeSet::new(), held: BTreeMap::new() };
        for change in changes {
            let Some(row) = &change.subject.relationship else { continue };
            if let Some((grantee, _, after)) = change.effect.roles_set() {
                left.held.insert((row, grantee.id), after);
            } else if matches!(
                change.effect,
                Effect::Withdraw { .. } | Effect::Terminate { .. } | Effect::Expire { .. }
            ) {
                left.over.insert(row);
            }
        }
        left
    }

    /// Whether a row is not over then.
    fn goes_on(&self, row: &ObservedRelationship) -> bool {
        !row.is_over(self.now) && !self.over.contains(&row.key)
    }

    /// What each grantee holds under a row then.
    fn held<'b>(&'b self, row: &'b ObservedRelationship) -> Vec<(&'b Grantee, &'b Assignment)> {
        let all = row.assignments.iter().map(|(id, assignment)| {
            let state = self.held.get(&(&row.key, *id)).copied().unwrap_or(&assignment.state);
            (&assignment.grantee, state)
        });
        all.filter(|(_, state)| state.roles.values().any(|until| *until > self.now)).collect()
    }
}

/// Grants that are gone and are not told by the plan of their relationship, which is held, observed or invalid.
fn orphans(
    desired: &Desired,
    observed: &Observed,
    instance: &Instance,
    plan: &Plan,
    left: &Left<'_>,
) -> Vec<Problem> {
    let mut told: BTreeSet<ObjectKey> = plan
        .notices
        .iter()
        .filter(|notice| notice.code == ORPHANED)
        .filter_map(|notice| notice.object.clone())
        .collect();
    let mut notices = Vec::new();
    for key in desired.relationships.keys() {
        let rows = observed.relationships.get(key).into_iter().flatten();
        for row in rows.filter(|row| row.owner.instance == *instance && left.goes_on(row)) {
            for (grantee, state) in left.held(row) {
                for (object, given) in &state.contributions {
                    let grant = about(Kind::RoleGrant, object);
                    if desired.grant_objects.contains_key(object) || !told.insert(grant.clone()) {
                        continue;
                    }
                    let who = group(grantee.id, grantee.name.as_deref());
                    let message = gone(object, &who, given, row.ends_at);
                    let help =
                        "declare it again; nothing of it is revoked while its relationship is held";
                    notices.push(notice(ORPHANED, message, help).about(&grant, None));
                }
            }
        }
    }
    notices
}

/// That a grant is gone, and who keeps what until when.
pub(super) fn gone(
    object: &ObjectName,
    who: &str,
    given: &Contribution,
    ends_at: Option<Timestamp>,
) -> String {
    let until = match (given.window.not_after, ends_at) {
        (Some(own), Some(end)) if end < own => format!("the end of the relationship, {end}"),
        (Some(own), _) => own.to_string(),
        (None, Some(end)) => format!("the end of the relationship, {end}"),
        (None, None) => "the end of the relationship".to_owned(),
    };
    let roles = role_names(&given.roles);
    format!("`{object}` is gone; what it gave stays until {until}: {who} holds {roles}")
}

fn about(kind: Kind, object: &ObjectName) -> ObjectKey {
    ObjectKey { kind, namespace: object.namespace.clone(), name: object.name.clone() }
}

fn notice(code: Code, message: String, help: impl Into<String>) -> Problem {
    Problem::error(code, message).severity(Severity::Notice).help(help)
}

/// A grantee by its id, with the name where one is known.
pub(super) fn group(id: GranteeId, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("`{name}` (`{id}`)"),
        None => format!("`{id}`"),
    }
}

/// One relationship of a namespace that the input speaks for.
fn one(
    row: &ObservedRelationship,
    renamed: Option<&EcoString>,
    absence: Absence,
    left: &Left<'_>,
) -> Problem {
    let object = &row.owner.object;
    let mut message = format!("{}, and nobody declares it", goes_on(row));
    if let Some(name) = renamed {
        let _ = write!(message, ": `{object}` declares `{name}` now");
    }
    let held = left.held(row);
    message.push_str(&holders(&held, row, left));
    let help = match (renamed, way_out(row, &held, absence)) {
        (_, WayOut::Prune) if row.lifecycle.phase() == Phase::Pending => {
            "withdraw it with `--prune`, or declare it again".to_owned()
        }
        (Some(name), WayOut::Prune) => format!(
            "give `{object}` its former `displayName`, or end this one with `--prune` once \
             `{name}` is accepted"
        ),
        (None, WayOut::Prune) => "end its access with `--prune`, or declare it again".to_owned(),
        (_, WayOut::Declare(what)) => {
            format!("`--prune` leaves it: declare it again with `{what}`, apply, and prune it then")
        }
    };
    notice(UNDECLARED, message, help).about(&about(Kind::PartnerRelationship, object), None)
}

/// What a row is for, and how long it goes on.
fn goes_on(row: &ObservedRelationship) -> String {
    let customer = match &row.customer_name {
        Some(name) => format!("`{name}` (`{}`)", row.invitation.customer),
        None => format!("customer `{}`", row.invitation.customer),
    };
    let how = match (row.lifecycle.phase(), row.ends_at) {
        (Phase::Pending, _) => "waits for the customer's answer".to_owned(),
        (Phase::Active, Some(end)) => format!("goes on until {end}"),
        (_, None) | (Phase::Ending | Phase::Ended | Phase::Unknown, _) => {
            format!("goes on as `{}`", row.lifecycle)
        }
    };
    format!("`{}` for {customer} {how}", row.key)
}

/// Who holds what under it, until when.
fn holders(
    held: &[(&Grantee, &Assignment)],
    row: &ObservedRelationship,
    left: &Left<'_>,
) -> String {
    if held.is_empty() {
        let nobody = row.lifecycle.phase() == Phase::Active;
        return if nobody { "; nobody holds a role under it" } else { "" }.to_owned();
    }
    let mut parts: Vec<String> = Vec::new();
    for (grantee, state) in held.iter().take(GRANTEES) {
        let mut ends: BTreeMap<Timestamp, BTreeSet<RoleId>> = BTreeMap::new();
        for (role, until) in state.roles.iter().filter(|(_, until)| **until > left.now) {
            let until = row.ends_at.map_or(*until, |end| end.min(*until));
            ends.entry(until).or_default().insert(*role);
        }
        let roles: Vec<String> = ends
            .iter()
            .map(|(until, roles)| format!("{} until {until}", role_names(roles)))
            .collect();
        let who = group(grantee.id, grantee.name.as_deref());
        parts.push(format!("{who} holds {}", roles.join(" and ")));
    }
    if held.len() > GRANTEES {
        parts.push(format!("{} more hold roles", held.len() - GRANTEES));
    }
    format!("; {}", parts.join("; "))
}

/// How a relationship that nobody declares is ended.
enum WayOut {
    Prune,
    /// Only after it was declared with something else than is recorded.
    Declare(&'static str),
}

fn way_out(
    row: &ObservedRelationship,
    held: &[(&Grantee, &Assignment)],
    absence: Absence,
) -> WayOut {
    let retained = held.iter().any(|(_, state)| {
        state.contributions.values().any(|given| given.deletion == GrantDeletionPolicy::Retain)
    });
    match (row.policies.management, row.policies.deletion) {
        (ManagementPolicy::Observe, _) => WayOut::Declare("managementPolicy: Manage"),
        (ManagementPolicy::Manage, RelationshipDeletionPolicy::Retain) => {
            WayOut::Declare("deletionPolicy: Terminate")
        }
        (ManagementPolicy::Manage, RelationshipDeletionPolicy::Revoke)
            if absence == Absence::Prune || retained || held.is_empty() =>
        {
            if row.lifecycle.phase() == Phase::Pending && absence == Absence::Keep {
                WayOut::Prune
            } else {
                WayOut::Declare("deletionPolicy: Terminate")
            }
        }
        (ManagementPolicy::Manage, _) => WayOut::Prune,
    }
}

/// That there are more.
fn rest(namespace: &EcoString, number: usize) -> Option<Problem> {
    let message = match number {
        0 => return None,
        1 => format!(
            "1 more relationship of namespace `{namespace}` goes on, and nobody declares it"
        ),
        _ => format!(
            "{number} more relationships of namespace `{namespace}` go on, and nobody declares them"
        ),
    };
    let help = format!("`concordat get grants -n {namespace}` lists who holds what");
    Some(notice(UNDECLARED, message, help))
}

/// A namespace that the input does not speak for.
fn namespace_of(
    namespace: &EcoString,
    rows: &[&ObservedRelationship],
    number: usize,
    left: &Left<'_>,
) -> Problem {
    let mut message =
        format!("namespace `{namespace}` is not in the input, and what it owns stays as it is");
    for row in rows {
        let held = left.held(row);
        let _ = write!(message, ": {}{}", goes_on(row), holders(&held, row, left));
    }
    match number.saturating_sub(rows.len()) {
        0 => {}
        1 => message.push_str(": 1 more relationship"),
        more => {
            let _ = write!(message, ": {more} more relationships");
        }
    }
    let idle = |row: &&ObservedRelationship| {
        row.lifecycle.phase() == Phase::Active && left.held(row).is_empty()
    };
    let help = if number == rows.len() && rows.iter().all(idle) {
        "to end it for good declare it again with `deletionPolicy: Terminate`, apply, and prune it \
         then"
            .to_owned()
    } else {
        format!(
            "`concordat get grants -n {namespace}` lists who holds what; to end it, add \
             `--prune --prune-namespace {namespace}`"
        )
    };
    notice(NAMESPACE_UNDECLARED, message, help)
}

/// Namespaces of which nothing was read.
fn namespaces(untold: &BTreeMap<&EcoString, usize>) -> Option<Problem> {
    const NAMED: usize = 20;
    let names: Vec<String> = untold.keys().take(NAMED).map(|name| quoted(*name)).collect();
    let names = if untold.len() > NAMED {
        format!("{} and {} others", names.join(", "), untold.len() - NAMED)
    } else {
        enumeration(&names, "and")?
    };
    let owned: usize = untold.values().sum();
    let message = format!(
        "more namespaces are not in the input, and what they own stays as it is: {names}, with {owned} relationships"
    );
    Some(notice(NAMESPACE_UNDECLARED, message, "`concordat get grants` lists who holds what"))
}
