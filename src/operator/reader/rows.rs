//! From statuses to what the store holds.
//!
//! Never: a status that is behind, or that holds a part only, taken for the whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    api::{
        AgreementAcceptanceSpec, PartnerRelationshipSpec, PartnerRelationshipStatus, RecordedRow,
    },
    domain::{
        ids::Kind,
        state::{
            AcceptedText, Desired, Document, Instance, Invitation, ObjectName, Observed,
            ObservedAcceptance, RelationshipKey,
        },
        status,
    },
    operator::world::{Concern, Seen, World, key},
    store::{CLUSTER, StoreError},
};

/// As many objects are named in one message.
const NAMED: usize = 5;

type Relationship = Seen<PartnerRelationshipSpec, PartnerRelationshipStatus>;

/// Makes sure that every status holds what the store records.
pub(super) fn ensure_told(world: &World, concern: &Concern) -> Result<(), StoreError> {
    let table = &world.tables().relationships;
    let silent = concern.relationships.iter();
    let silent = silent.filter(|name| table.get(name).is_some_and(|seen| is_silent(seen)));
    let silent = silent.map(|name| {
        let object = key(Kind::PartnerRelationship, name);
        let status = table.get(name).and_then(|seen| seen.status.as_ref());
        let left_out = status.and_then(|status| status.left_out.as_ref());
        if left_out.is_some_and(|left_out| left_out.recorded > 0) {
            format!("`{object}` has more in the store than a status holds: read the store itself")
        } else {
            format!("`{object}` does not hold what the store records of it")
        }
    });
    behind(silent.collect())
}

/// Whether something is in the store that the status does not hold.
fn is_silent(seen: &Relationship) -> bool {
    let status = seen.status.as_ref();
    status.is_some_and(|status| status.store_id.is_some() && status.recorded.is_empty())
}

/// Makes sure that the operator has reported on every object as it is now.
pub(super) fn ensure_current(world: &World, concern: &Concern) -> Result<(), StoreError> {
    let tables = world.tables();
    let mut found = Vec::new();
    for name in &concern.relationships {
        let seen = tables.relationships.get(name);
        let observed = |status: &PartnerRelationshipStatus| status.observed_generation;
        found.extend(lag(Kind::PartnerRelationship, name, seen.map(|seen| &**seen), observed));
    }
    for name in &concern.grants {
        let seen = tables.grants.get(name).map(|seen| &**seen);
        found.extend(lag(Kind::RoleGrant, name, seen, |status| status.observed_generation));
    }
    for name in &concern.acceptances {
        let seen = tables.acceptances.get(name).map(|seen| &**seen);
        let kind = Kind::AgreementAcceptance;
        found.extend(lag(kind, name, seen, |status| status.observed_generation));
    }
    behind(found)
}

/// By how much a status is behind its object, if it is. What is not in the cluster has none.
fn lag<S, T>(
    kind: Kind,
    name: &ObjectName,
    seen: Option<&Seen<S, T>>,
    observed: impl Fn(&T) -> i64,
) -> Option<String> {
    let seen = seen.filter(|seen| seen.is_stored())?;
    let observed = seen.status.as_ref().map(observed).filter(|observed| *observed > 0);
    if observed == Some(seen.generation) {
        return None;
    }
    let object = key(kind, name);
    let observed = observed.map_or_else(
        || "the operator has seen none".to_owned(),
        |observed| format!("the operator has seen {observed}"),
    );
    Some(format!("`{object}` has generation {}, and {observed}", seen.generation))
}

fn behind(mut found: Vec<String>) -> Result<(), StoreError> {
    if found.is_empty() {
        return Ok(());
    }
    if let Some(more) = found.len().checked_sub(NAMED).filter(|more| *more > 0) {
        found.truncate(NAMED);
        found.push(format!("and {more} more"));
    }
    Err(StoreError::Behind { objects: found.join("; ") })
}

/// A row that is claimed from an owner whose object is gone stands in no status.
pub(super) fn ensure_adoptable(desired: &Desired, observed: &Observed) -> Result<(), StoreError> {
    let unknown = desired.relationships.iter().filter(|(key, wish)| {
        wish.adopt_from.is_some() && !observed.relationships.contains_key(*key)
    });
    let unknown = unknown.map(|(_, wish)| {
        let object = key(Kind::PartnerRelationship, &wish.object);
        format!("`{object}` adopts a row, and no status holds what that row grants")
    });
    behind(unknown.collect())
}

/// Also the relationships under which grants gave something that they do not name any more, or perhaps did.
pub(super) fn include_given(world: &World, concern: &mut Concern) {
    if concern.grants.is_empty() {
        return;
    }
    let names: BTreeSet<String> = concern.grants.iter().map(ToString::to_string).collect();
    for (name, row) in all(world) {
        let mut grants = row.assignments.iter().flat_map(|assignment| &assignment.grants);
        if grants.any(|grant| names.contains(&grant.object)) {
            concern.relationships.insert(name.clone());
        }
    }
    let namespaces: BTreeSet<String> =
        concern.grants.iter().map(|grant| grant.namespace.clone()).collect();
    let silent = relationships(world)
        .filter(|(name, seen)| namespaces.contains(&name.namespace) && is_silent(seen));
    concern.relationships.extend(silent.map(|(name, _)| name.clone()));
}

/// Every row, with the object whose status holds it.
fn all(world: &World) -> impl Iterator<Item = (&ObjectName, &RecordedRow)> {
    relationships(world).flat_map(|(name, seen)| {
        let rows = seen.status.iter().flat_map(|status| &status.recorded);
        rows.map(move |row| (name, row))
    })
}

fn relationships(world: &World) -> impl Iterator<Item = (&ObjectName, &Relationship)> {
    let all = world.tables().relationships.iter();
    all.filter_map(|(name, known)| Some((name, &**known.read()?)))
}

/// Who the operator is, as far as the rows tell: the owner of most of them.
pub(super) fn instance(world: &World) -> Instance {
    let mut owners: BTreeMap<&str, usize> = BTreeMap::new();
    for (name, row) in all(world) {
        let instance = row.owner.strip_suffix(&format!("/{name}"));
        *owners.entry(instance.unwrap_or_default()).or_default() += 1;
    }
    let most = owners.into_iter().max_by_key(|(_, rows)| *rows);
    Instance(most.map_or_else(|| "operator".to_owned(), |(instance, _)| instance.to_owned()))
}

/// Hashes of the batches in which these relationships wait.
pub(super) fn waiting(world: &World, concern: &Concern) -> BTreeSet<String> {
    let seen =
        concern.relationships.iter().filter_map(|name| world.tables().relationships.get(name));
    let plans = seen.filter_map(|seen| seen.status.as_ref()?.plan.as_ref());
    plans.flat_map(|plan| plan.blocked.iter().chain(&plan.also_blocked)).cloned().collect()
}

/// The keys of the rows that a plan looks at.
pub(super) fn wanted(
    world: &World,
    concern: &Concern,
    desired: &Desired,
) -> BTreeSet<RelationshipKey> {
    let mut wanted: BTreeSet<RelationshipKey> = desired.relationships.keys().cloned().collect();
    wanted.extend(concern.relationships.iter().filter_map(|name| world.first_key(name)));
    wanted
}

/// What the statuses say that the store holds: of everything, or under these first keys. `proposed` is what is known to
/// be proposed by an object, for the texts of its invitation.
pub(super) fn observed(
    world: &World,
    proposed: &BTreeMap<ObjectName, Vec<Invitation>>,
    wanted: Option<&BTreeSet<RelationshipKey>>,
    now: Timestamp,
) -> Result<Observed, StoreError> {
    let mut observed =
        Observed { now, relationships: BTreeMap::new(), acceptances: BTreeMap::new() };
    for (name, seen) in relationships(world) {
        let known: Vec<&Invitation> = proposed.get(name).into_iter().flatten().collect();
        for row in seen.status.iter().flat_map(|status| &status.recorded) {
            let unexpected = |error: status::NotUnderstood| StoreError::Unexpected {
                store: CLUSTER.to_owned(),
                reason: format!(
                    "the status of `{}`: {error}",
                    key(Kind::PartnerRelationship, name)
                ),
            };
            let mut row = status::observed(row, &known).map_err(unexpected)?;
            row.customer_name = Some(seen.object.spec.customer.display_name.clone());
            let first =
                RelationshipKey { name: seen.object.spec.display_name.clone(), ..row.key.clone() };
            if wanted.is_some_and(|wanted| !wanted.contains(&first)) {
                continue;
            }
            let rows = observed.relationships.entry(first).or_default();
            rows.push(row);
            rows.sort_by_key(|row| row.number);
        }
    }
    for (name, known) in world.tables().acceptances.iter() {
        let Some(seen) = known.read() else { continue };
        let recorded = seen.status.as_ref().and_then(|status| status.recorded.as_ref());
        let Some(recorded) = recorded else { continue };
        let Ok(content) = recorded.content.parse() else { continue };
        let used_for = recorded.used_for.as_deref();
        if let Some(acceptance) = acceptance(name, &seen.object.spec, used_for, &observed) {
            observed.acceptances.insert(content, acceptance);
        }
    }
    Ok(observed)
}

fn acceptance(
    name: &ObjectName,
    spec: &AgreementAcceptanceSpec,
    used_for: Option<&str>,
    observed: &Observed,
) -> Option<ObservedAcceptance> {
    let (customer, partner) =
        (spec.customer.tenant_id.parse().ok()?, spec.partner.tenant_id.parse().ok()?);
    let agreement = spec.agreement.as_ref().and_then(|text| {
        Some(AcceptedText {
            type_: text.type_,
            template_id: text.template_id.to_ascii_lowercase(),
            document: Document {
                country: text.country.clone(),
                language: text.language.clone(),
                sha256: text.document_sha256.parse().ok()?,
            },
        })
    });
    let mut rows = observed.relationships.values().flatten();
    let row = used_for
        .and_then(|name| rows.find(|row| row.key.name == name && row.key.partner == partner));
    Some(ObservedAcceptance {
        namespace: name.namespace.clone(),
        customer,
        partner,
        decision: spec.decision,
        agreement,
        accepted_at: spec.accepted_at,
        used_for: row.map(|row| row.key.clone()),
    })
}
