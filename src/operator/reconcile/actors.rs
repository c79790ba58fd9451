//! Who is behind a change, as far as the API server has written it down.
//!
//! Never: a robot recorded as a person, or a name that nobody checked recorded as checked.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::PartnerOfferSpec,
    domain::{
        change::{Cause, Change, Effect},
        digest::Digest,
        entry::{Actor, ActorKind, ActorStanding, Intent, acceptance},
        ids::{Kind, ObjectKey},
        limits::{Admitted, Budget, asker_names, member},
        state::{Instance, ObjectName},
    },
    operator::{
        admission::deletion::as_line,
        index::{CHANGED_BY, COMMITS, DELETED_BY, Index, Indexed, REQUESTED_BY, key},
    },
    store::Signature,
};

/// The operator itself: what time does, and what nobody asked for by name.
pub fn operator(instance: &Instance, catalogue: &str, plan: Digest) -> Signature {
    Signature {
        actor: Actor {
            name: format!("concordat operator `{instance}`"),
            kind: ActorKind::Robot,
            standing: ActorStanding::Claimed,
        },
        intent: Intent { plan: Some(plan), catalogue: catalogue.to_owned(), ..Intent::default() },
    }
}

/// Whether a user name is a program's.
pub fn is_robot(name: &str) -> bool {
    name.starts_with("system:")
}

/// A user as the API server named one.
pub fn actor(name: &str) -> Actor {
    let robot = is_robot(name);
    Actor {
        name: name.to_owned(),
        kind: if robot { ActorKind::Robot } else { ActorKind::Person },
        standing: if robot { ActorStanding::Claimed } else { ActorStanding::Authenticated },
    }
}

/// What an object says about who is behind it.
struct Origin {
    actor: Option<Actor>,
    intent: Intent,
}

fn origin<S>(seen: &Indexed<S>) -> Origin {
    let by = seen.annotation(CHANGED_BY).or_else(|| seen.annotation(REQUESTED_BY));
    let commit = COMMITS.iter().find_map(|name| seen.annotation(name));
    Origin {
        actor: by.map(actor),
        intent: Intent {
            uid: Some(seen.object.uid.0.to_string()),
            generation: Some(seen.generation),
            commit: commit.map(str::to_owned),
            plan: None,
            field_manager: seen.manager.clone(),
            catalogue: String::new(),
            askers: BTreeSet::new(),
        },
    }
}

/// The signature of each change whose origin is known, by its id. Where nobody stamped who deleted an object, the change
/// names the object and not the person. What has waited for an approval was asked for by whom it was asked for first, and
/// names everybody who has asked since.
pub fn signatures(
    run: &[Admitted],
    index: &Index,
    budgets: &BTreeMap<String, Budget>,
    by: &Signature,
) -> BTreeMap<Digest, Signature> {
    let signed = run.iter().filter_map(|admitted| {
        let change = &admitted.change;
        let Origin { mut actor, mut intent } = behind(change, index)?;
        intent.plan = by.intent.plan;
        intent.catalogue.clone_from(&by.intent.catalogue);
        if admitted.approved.is_some() {
            let stored = budgets.get(&admitted.scope).and_then(|it| it.asked.get(&member(change)));
            let asked = asked(change, index, stored.map(String::as_str));
            actor = asked.lines().next().filter(|name| !name.is_empty()).map(self::actor);
            intent.askers = asker_names(&asked).map(str::to_owned).collect();
        }
        let actor = actor.unwrap_or_else(|| by.actor.clone());
        Some((admitted.id(), Signature { actor, intent }))
    });
    signed.collect()
}

fn behind(change: &Change, index: &Index) -> Option<Origin> {
    match change.cause {
        Cause::Expired | Cause::Replaced | Cause::Renewal => return None,
        Cause::Declared | Cause::Deleted | Cause::Unmanaged | Cause::Answered => {}
    }
    let tables = index.tables();
    if let Some(acceptance) = acceptance(&change.effect) {
        return tables.acceptances.get(&acceptance.object).map(|seen| origin(seen));
    }
    let grants: Vec<_> =
        grants_behind(change).into_iter().filter_map(|name| tables.grants.get(name)).collect();
    let relationship = tables.relationships.get(&change.subject.owner.object);
    if change.cause == Cause::Deleted {
        let grant = grants.iter().find(|grant| grant.is_leaving()).map(|grant| deletion(grant));
        let relationship = || relationship.filter(|seen| seen.is_leaving()).map(|it| deletion(it));
        if let Some(deleted) = grant.or_else(relationship) {
            return Some(deleted);
        }
    }
    let origin = match grants.first() {
        Some(grant) => origin(grant),
        None => origin(relationship?),
    };
    let actor = origin.actor.filter(|_| change.cause != Cause::Deleted);
    Some(Origin { actor, ..origin })
}

/// The same of an object that is being deleted.
fn deletion<S>(seen: &Indexed<S>) -> Origin {
    Origin { actor: deleters(seen).last().map(actor), ..origin(seen) }
}

/// The grants whose contributions a change changes.
pub fn grants_behind(change: &Change) -> Vec<&ObjectName> {
    let Effect::SetRoles { before, after, .. } = &change.effect else { return Vec::new() };
    let names: BTreeSet<&ObjectName> =
        before.contributions.keys().chain(after.contributions.keys()).collect();
    let differs =
        |name: &&ObjectName| before.contributions.get(*name) != after.contributions.get(*name);
    names.into_iter().filter(differs).collect()
}

/// Everybody who has asked for a change since it waits, one name a line. The first line is by whom it came about, empty
/// where nobody knows; `stored` is whoever was known before, and stays.
pub fn asked(change: &Change, index: &Index, stored: Option<&str>) -> String {
    let mut known = stored.unwrap_or_default().lines();
    let first = known.next().filter(|name| !name.is_empty()).map(str::to_owned).or_else(|| {
        let first = behind(change, index).and_then(|origin| origin.actor);
        first.map(|actor| as_line(&actor.name))
    });
    let mut lines = vec![first.unwrap_or_default()];
    let now = askers(change, index);
    for name in known.map(str::to_owned).chain(now.iter().map(|name| as_line(name))) {
        if !lines.contains(&name) {
            lines.push(name);
        }
    }
    lines.join("\n")
}

/// Everybody who is known to have asked for a change: whoever made, changed or deleted the objects behind it.
///
/// An offer is behind what it alone can bring about: invitations, what is gained under its ceiling, and what is lost
/// although no grant has changed. An acceptance is behind its own record only, since the customer allows and does not ask.
/// A boundary is nobody's request: whoever sets limits can lift them.
pub fn askers(change: &Change, index: &Index) -> BTreeSet<String> {
    let tables = index.tables();
    let mut names = BTreeSet::new();
    let mut note = |name: Option<&str>| names.extend(name.map(str::to_owned));
    if let Some(seen) = tables.relationships.get(&change.subject.owner.object) {
        note(seen.annotation(REQUESTED_BY));
        note(seen.annotation(CHANGED_BY));
        deleters(seen).for_each(|name| note(Some(name)));
    }
    for grant in grants_behind(change).into_iter().filter_map(|name| tables.grants.get(name)) {
        note(grant.annotation(REQUESTED_BY));
        note(grant.annotation(CHANGED_BY));
        deleters(grant).for_each(|name| note(Some(name)));
    }
    let offer = seen_offer(change, index).filter(|_| rests_on_offer(change));
    note(offer.and_then(|seen| seen.annotation(REQUESTED_BY)));
    note(offer.and_then(|seen| seen.annotation(CHANGED_BY)));
    let acceptance = acceptance(&change.effect).map(|recorded| &recorded.object);
    let acceptance = acceptance.and_then(|name| tables.acceptances.get(name));
    note(acceptance.and_then(|seen| seen.annotation(REQUESTED_BY)));
    names
}

/// The offer that a relationship names now.
fn seen_offer<'a>(change: &Change, index: &'a Index) -> Option<&'a Indexed<PartnerOfferSpec>> {
    let relationship = &change.subject.owner.object;
    let seen = index.tables().relationships.get(relationship)?;
    let name = seen.object.spec.offer_ref.as_ref()?.name.clone();
    let offer = ObjectName { namespace: relationship.namespace.clone(), name: name.into() };
    index.tables().offers.get(&offer).map(|seen| &**seen)
}

/// Whether a change is one that an offer can bring about.
fn rests_on_offer(change: &Change) -> bool {
    match &change.effect {
        Effect::SetRoles { before, after, .. } => {
            let gained = after
                .roles
                .iter()
                .any(|(role, until)| before.roles.get(role).is_none_or(|before| before < until));
            gained || (change.cause != Cause::Deleted && grants_behind(change).is_empty())
        }
        Effect::Invite { .. } | Effect::DropGlobalAdministrator { .. } => true,
        Effect::Authorise { .. }
        | Effect::Adopt { .. }
        | Effect::Recognise { .. }
        | Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::SetAutoExtend { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. }
        | Effect::RecordAcceptance { .. }
        | Effect::SetBoundary { .. } => false,
    }
}

/// Who deleted an object that is on its way out, and whoever tried before.
fn deleters<S>(seen: &Indexed<S>) -> impl Iterator<Item = &str> {
    seen.annotation(DELETED_BY).filter(|_| seen.is_leaving()).into_iter().flat_map(asker_names)
}

/// An object behind a change that is on its way out, and nobody knows through whom.
pub fn unstamped_deletion(change: &Change, index: &Index) -> Option<ObjectKey> {
    let tables = index.tables();
    let owner = &change.subject.owner.object;
    let relationship = tables
        .relationships
        .get(owner)
        .filter(|seen| seen.is_leaving() && deleters(seen).next().is_none())
        .map(|_| key(Kind::PartnerRelationship, owner));
    let nameless = |name: &&ObjectName| {
        let seen = tables.grants.get(name);
        seen.is_some_and(|seen| seen.is_leaving() && deleters(seen).next().is_none())
    };
    let grant = || grants_behind(change).into_iter().find(nameless);
    relationship.or_else(|| grant().map(|name| key(Kind::RoleGrant, name)))
}
