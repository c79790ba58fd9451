//! From statuses to what the store holds.
//!
//! Never: a status that is behind, or that holds a part only, taken for the whole.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use crate::{
    api::{AgreementAcceptanceSpec, PartnerRelationshipSpec, RecordedRow},
    domain::{
        ids::Kind,
        state::{
            AcceptedText, Desired, Document, Doubts, Instance, Invitation, ObjectName, Observed,
            ObservedAcceptance, RelationshipKey,
        },
        status,
        validate::Owners,
    },
    operator::index::{Affected, Index, Indexed, Table, key},
    store::{CLUSTER, StoreError},
};

/// As many objects are named in one message.
const NAMED: usize = 5;

type Relationship = Indexed<PartnerRelationshipSpec>;

/// Makes sure that every status holds what the store records.
pub(super) fn ensure_reported(index: &Index, affected: &Affected) -> Result<(), StoreError> {
    let table = &index.tables().relationships;
    let silent = affected.relationships.iter();
    let silent = silent.filter(|name| is_silent(index, name));
    let silent = silent.map(|name| {
        let object = key(Kind::PartnerRelationship, name);
        let left_out = table.status(name).and_then(|status| status.left_out);
        if left_out.is_some_and(|left_out| left_out.recorded > 0) {
            format!("`{object}` has more in the store than a status holds: read the store itself")
        } else {
            format!("`{object}` does not hold what the store records of it")
        }
    });
    behind(silent.collect())
}

/// Whether something is in the store that the status does not hold.
fn is_silent(index: &Index, relationship: &ObjectName) -> bool {
    let status = index.tables().relationships.status(relationship);
    status.is_some_and(|status| status.store_id.is_some() && status.recorded.is_empty())
}

/// Makes sure that the operator has reported on every object as it is now.
pub(super) fn ensure_current(index: &Index, affected: &Affected) -> Result<(), StoreError> {
    let tables = index.tables();
    let mut found = Vec::new();
    for name in &affected.relationships {
        let (kind, table) = (Kind::PartnerRelationship, &tables.relationships);
        found.extend(lag(kind, name, table, |status| status.observed_generation));
    }
    for name in &affected.grants {
        let (kind, table) = (Kind::RoleGrant, &tables.grants);
        found.extend(lag(kind, name, table, |status| status.observed_generation));
    }
    for name in &affected.acceptances {
        let (kind, table) = (Kind::AgreementAcceptance, &tables.acceptances);
        found.extend(lag(kind, name, table, |status| status.observed_generation));
    }
    behind(found)
}

/// By how much a status is behind its object, if it is. What is not in the cluster has none.
fn lag<S, T: DeserializeOwned>(
    kind: Kind,
    name: &ObjectName,
    table: &Table<S, T>,
    observed: impl Fn(&T) -> i64,
) -> Option<String> {
    let seen = table.get(name).filter(|seen| seen.is_stored())?;
    let observed = table.status(name).as_ref().map(observed).filter(|observed| *observed > 0);
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
    let unknown = desired.relationships.iter().filter(|(key, declared)| {
        declared.adopt_from.is_some() && !observed.relationships.contains_key(*key)
    });
    let unknown = unknown.map(|(_, declared)| {
        let object = key(Kind::PartnerRelationship, &declared.object);
        format!("`{object}` adopts a row, and no status holds what that row grants")
    });
    behind(unknown.collect())
}

/// Also the relationships under which grants gave something that they do not name any more, or perhaps did.
pub(super) fn include_given(index: &Index, affected: &mut Affected) {
    if affected.grants.is_empty() {
        return;
    }
    let names: BTreeSet<String> = affected.grants.iter().map(ToString::to_string).collect();
    for (name, row) in all(index) {
        let mut grants = row.assignments.iter().flat_map(|assignment| &assignment.grants);
        if grants.any(|grant| names.contains(&grant.object)) {
            affected.relationships.insert(name.clone());
        }
    }
    let namespaces: BTreeSet<EcoString> =
        affected.grants.iter().map(|grant| grant.namespace.clone()).collect();
    let silent = relationships(index)
        .map(|(name, _)| name)
        .filter(|name| namespaces.contains(&name.namespace) && is_silent(index, name));
    affected.relationships.extend(silent.cloned());
}

/// Every row, with the object whose status holds it.
fn all(index: &Index) -> impl Iterator<Item = (&ObjectName, RecordedRow)> {
    relationships(index)
        .flat_map(|(name, _)| rows_of(index, name).into_iter().map(move |row| (name, row)))
}

fn rows_of(index: &Index, relationship: &ObjectName) -> Vec<RecordedRow> {
    let status = index.tables().relationships.status(relationship);
    status.map(|status| status.recorded).unwrap_or_default()
}

fn relationships(index: &Index) -> impl Iterator<Item = (&ObjectName, &Relationship)> {
    let all = index.tables().relationships.iter();
    all.filter_map(|(name, known)| Some((name, &**known.read()?)))
}

/// The objects that own rows, by the key of the first, as far as the statuses tell.
pub(super) fn owners(index: &Index) -> Owners {
    let own = relationships(index).filter(|(name, _)| !rows_of(index, name).is_empty());
    own.filter_map(|(name, _)| Some((index.first_key(name)?, name.clone()))).collect()
}

/// Who the operator is, as far as the rows tell: the owner of most of them.
pub(super) fn instance(index: &Index) -> Instance {
    let mut owners: BTreeMap<String, usize> = BTreeMap::new();
    for (name, row) in all(index) {
        let instance = row.owner.strip_suffix(&format!("/{name}"));
        *owners.entry(instance.unwrap_or_default().to_owned()).or_default() += 1;
    }
    let most = owners.into_iter().max_by_key(|(_, rows)| *rows);
    Instance(most.map_or_else(|| "operator".to_owned(), |(instance, _)| instance).into())
}

/// Hashes of the batches in which these relationships wait.
pub(super) fn waiting(index: &Index, affected: &Affected) -> BTreeSet<String> {
    let names = affected.relationships.iter();
    let plans = names.filter_map(|name| index.tables().relationships.status(name)?.plan);
    plans.flat_map(|plan| plan.blocked.into_iter().chain(plan.also_blocked)).collect()
}

/// The keys of the rows that a plan looks at.
pub(super) fn wanted(
    index: &Index,
    affected: &Affected,
    desired: &Desired,
) -> BTreeSet<RelationshipKey> {
    let mut wanted: BTreeSet<RelationshipKey> = desired.relationships.keys().cloned().collect();
    wanted.extend(affected.relationships.iter().filter_map(|name| index.first_key(name)));
    wanted
}

/// What the statuses say that the store holds: of everything, or under these first keys. `proposed` is what is known to
/// be proposed by an object, for the texts of its invitation.
pub(super) fn observed(
    index: &Index,
    proposed: &BTreeMap<ObjectName, Vec<Invitation>>,
    wanted: Option<&BTreeSet<RelationshipKey>>,
    now: Timestamp,
) -> Result<Observed, StoreError> {
    let mut observed = Observed {
        now,
        relationships: BTreeMap::new(),
        acceptances: BTreeMap::new(),
        boundaries: BTreeMap::new(),
        doubts: Doubts::default(),
        service: None,
    };
    for (name, seen) in relationships(index) {
        let known: Vec<&Invitation> = proposed.get(name).into_iter().flatten().collect();
        for row in rows_of(index, name) {
            let unexpected = |error: status::NotUnderstood| StoreError::Unexpected {
                store: CLUSTER.to_owned(),
                reason: format!(
                    "the status of `{}`: {error}",
                    key(Kind::PartnerRelationship, name)
                ),
            };
            let mut row = status::observed(&row, &known).map_err(unexpected)?;
            row.customer_name = Some(seen.object.spec.customer.display_name.clone());
            let first = RelationshipKey {
                name: seen.object.spec.display_name.as_str().into(),
                ..row.key.clone()
            };
            if wanted.is_some_and(|wanted| !wanted.contains(&first)) {
                continue;
            }
            let rows = observed.relationships.entry(first).or_default();
            rows.push(row);
            rows.sort_by_key(|row| row.number);
        }
    }
    for (name, known) in index.tables().acceptances.iter() {
        let Some(seen) = known.read() else { continue };
        let status = index.tables().acceptances.status(name);
        let Some(recorded) = status.and_then(|status| status.recorded) else { continue };
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
        namespace: name.namespace.to_string(),
        customer,
        partner,
        decision: spec.decision,
        agreement,
        accepted_at: spec.accepted_at,
        used_for: row.map(|row| row.key.clone()),
    })
}
