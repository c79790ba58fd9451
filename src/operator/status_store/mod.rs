//! `cluster:`, the store as it can be read without being let into it: what the operator last observed, from the statuses
//! of the custom resources, and how old that is.
//!
//! Input is laid over the live objects, judged with everything around it by the operator's own rules, and planned by the
//! same planner from the rows that the statuses hold. What no status holds cannot be known: rows and acceptances whose
//! objects are gone, and what was spent of the limits.
//!
//! Never: a write, another verb than `get` and `list`, or an answer from statuses that are behind.

mod access;
mod rows;
mod transitions;

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::{SignedDuration, Timestamp};

pub use access::{Access, Connection, LeaseName, connect};

use super::{
    index::{Affected, Index, Tabled, key},
    reconcile::holds,
};
use crate::{
    api::{AgreementAcceptance, PartnerBoundary, PartnerOffer, PartnerRelationship, RoleGrant},
    domain::{
        catalogue::Catalogue,
        ids::{Kind, ObjectKey},
        limits::Limits,
        plan::{Claimant, Foreign},
        problem::{Code, Problem, Severity},
        state::{Desired, Invitation, Names, ObjectName, Observed},
        validate::{Object, Objects, validate},
    },
    store::StoreError,
};

/// What was read of a cluster.
#[derive(Debug)]
pub struct Reading {
    /// Every object of the five kinds, with the statuses that the operator has written.
    pub index: Index,
    /// The operator had seen everything until then.
    pub through: Timestamp,
    /// When it was read, by this machine's clock.
    pub now: Timestamp,
}

/// What would be desired if the input were in the cluster, and what the store holds of it.
#[derive(Debug)]
pub struct Laid {
    /// What the operator would make of it. Its limits are not known to be kept: there are none.
    pub desired: Desired,
    /// What the statuses say that the store holds.
    pub observed: Observed,
    /// Who the operator is.
    pub claimant: Claimant,
    /// What is wrong or unwise with objects of the input, and what becomes wrong with others because of it.
    pub problems: Vec<Problem>,
    /// Namespaces in which the operator writes nothing, because no boundary admits them.
    pub unadmitted: BTreeSet<EcoString>,
    /// Hashes of batches that wait for an approval already.
    pub waiting: BTreeSet<String>,
}

impl Reading {
    /// How old it is. Clocks may differ: nothing is younger than new.
    pub fn age(&self) -> SignedDuration {
        self.now.duration_since(self.through).max(SignedDuration::ZERO)
    }

    /// Everything that the statuses say the store holds.
    ///
    /// # Errors
    /// Where a status does not say it.
    pub fn observed(&self) -> Result<Observed, StoreError> {
        let relationships = self.index.tables().relationships.iter();
        let affected = Affected {
            relationships: relationships.map(|(name, _)| name.clone()).collect(),
            ..Affected::default()
        };
        rows::ensure_reported(&self.index, &affected)?;
        rows::observed(&self.index, &BTreeMap::new(), None, self.now)
    }

    /// Lays the input over what is there.
    ///
    /// # Errors
    /// Where a status that the answer rests on does not say what the store holds now.
    pub fn laid(mut self, input: Objects) -> Result<Laid, StoreError> {
        let changed = keys(&input);
        let mut affected = self.affected(&changed);
        let before = self.judged(&affected);
        let refused = transitions::refused(&self.index, &input);
        put(&mut self.index, input);
        include(&mut affected, self.affected(&changed));
        rows::ensure_reported(&self.index, &affected)?;
        rows::ensure_current(&self.index, &affected)?;
        let after = self.judged(&affected);
        let known: BTreeSet<_> = before.problems.iter().map(said).collect();
        let tells = |problem: &Problem| {
            problem.source.is_some()
                || (problem.severity == Severity::Error && !known.contains(&said(problem)))
        };
        let found = after.problems.iter().filter(|problem| tells(problem)).cloned();
        let problems = refused.into_iter().chain(found).collect();
        let mut desired = after.desired;
        for boundary in desired.boundaries.values_mut() {
            boundary.bounds.limits = Limits::unlimited();
        }
        let mut proposed: BTreeMap<ObjectName, Vec<Invitation>> = BTreeMap::new();
        // A status has no names of tenants: they are those of the objects before the input.
        let mut names: BTreeMap<ObjectName, Names> = BTreeMap::new();
        for declared in before
            .desired
            .relationships
            .into_values()
            .chain(desired.relationships.values().cloned())
        {
            let named = Names { partner: declared.partner.name, customer: declared.customer.name };
            names.entry(declared.object.clone()).or_insert(named);
            proposed.entry(declared.object).or_default().push(declared.invitation);
        }
        let wanted = rows::wanted(&self.index, &affected, &desired);
        let mut observed = rows::observed(&self.index, &proposed, Some(&wanted), self.now)?;
        for row in observed.relationships.values_mut().flatten() {
            let Some(Names { partner, customer }) = names.get(&row.owner.object) else { continue };
            (row.partner_name, row.customer_name) = (partner.clone(), customer.clone());
        }
        rows::ensure_adoptable(&desired, &observed)?;
        Ok(Laid {
            claimant: Claimant {
                instance: rows::instance(&self.index),
                foreign: Foreign::Conflict,
            },
            waiting: rows::waiting(&self.index, &affected),
            unadmitted: after.unadmitted,
            desired,
            observed,
            problems,
        })
    }

    /// Everything that is planned because of these objects.
    fn affected(&self, changed: &BTreeSet<ObjectKey>) -> Affected {
        let mut affected = self.index.affected(changed);
        for boundary in affected.boundaries.clone() {
            let seen = self.index.tables().boundaries.get(&boundary);
            for namespace in seen.iter().flat_map(|seen| &seen.object.spec.namespaces) {
                self.index.affect_namespace(namespace, &mut affected);
            }
        }
        rows::include_given(&self.index, &mut affected);
        for relationship in affected.relationships.clone() {
            affected.grants.extend(self.index.grants_of(&relationship));
        }
        affected
    }

    fn judged(&self, affected: &Affected) -> Judged {
        let mut objects = self.index.objects(affected);
        objects.owners = Some(rows::owners(&self.index));
        let verdict = validate(&objects, Catalogue::compiled(), self.now);
        let mut desired = verdict.desired;
        desired
            .relationships
            .retain(|_, declared| affected.relationships.contains(&declared.object));
        desired.acceptances.retain(|acceptance| affected.acceptances.contains(&acceptance.object));
        let admitted = holds::admitted(&desired, &verdict.problems);
        let unadmitted = holds::outside(&mut desired, &admitted);
        Judged { desired, problems: verdict.problems, unadmitted }
    }
}

struct Judged {
    desired: Desired,
    problems: Vec<Problem>,
    unadmitted: BTreeSet<EcoString>,
}

/// What a problem says, wherever it stands.
fn said(problem: &Problem) -> (Option<ObjectKey>, Code, String) {
    (problem.object.clone(), problem.code, problem.message.clone())
}

fn include(affected: &mut Affected, more: Affected) {
    let Affected { offers, relationships, grants, acceptances, boundaries, rows } = more;
    affected.offers.extend(offers);
    affected.relationships.extend(relationships);
    affected.grants.extend(grants);
    affected.acceptances.extend(acceptances);
    affected.boundaries.extend(boundaries);
    affected.rows.extend(rows);
}

fn keys(input: &Objects) -> BTreeSet<ObjectKey> {
    fn of<S>(kind: Kind, objects: &[Object<S>]) -> impl Iterator<Item = ObjectKey> {
        objects.iter().map(move |object| key(kind, &object.name))
    }
    of(Kind::PartnerOffer, &input.offers)
        .chain(of(Kind::PartnerRelationship, &input.relationships))
        .chain(of(Kind::RoleGrant, &input.grants))
        .chain(of(Kind::AgreementAcceptance, &input.acceptances))
        .chain(of(Kind::PartnerBoundary, &input.boundaries))
        .collect()
}

fn put(index: &mut Index, input: Objects) {
    fn all<K: Tabled>(index: &mut Index, objects: Vec<Object<K::Spec>>) {
        for object in objects {
            index.lay_over::<K>(object);
        }
    }
    let Objects { offers, relationships, grants, acceptances, boundaries, .. } = input;
    all::<PartnerOffer>(index, offers);
    all::<PartnerRelationship>(index, relationships);
    all::<RoleGrant>(index, grants);
    all::<AgreementAcceptance>(index, acceptances);
    all::<PartnerBoundary>(index, boundaries);
}
