//! Objects → [`Desired`], or every [`Problem`] at once, each with its place and a way out.
//!
//! What one object can tell about itself is in its schema; here is what needs the catalogue, the table of partner types
//! or another object. Offers become proposals, relationships invitations, grants roles, acceptances answers.
//!
//! Never: the store, a clock or a tenant. The same objects at the same instant have the same verdict everywhere.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;
use litemap::LiteMap;

use super::{
    catalogue::Catalogue,
    ids::{Kind, ObjectKey},
    problem::{FieldPath, Problem, SourceId},
    state::{
        AT_MICROSOFT, Absence, BoundarySource, Desired, Invitation, ObjectName, RelationshipKey,
        Standing, Uid, seen::ServiceId,
    },
};
use crate::api::{
    AgreementAcceptanceSpec, PartnerBoundarySpec, PartnerOfferSpec, PartnerRelationshipSpec,
    RoleGrantSpec,
};

pub mod acceptances;
pub mod agreements;
pub mod boundaries;
mod desired;
pub mod findings;
mod grantees;
pub mod grants;
mod names;
pub mod offers;
mod overlap;
pub mod references;
pub mod relationships;
pub mod roles;

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;

pub use offers::{Proposal, proposal_of};
pub use relationships::invitation_of;

use findings::{Findings, Subject};

/// The annotation with which a relationship claims the row of another owner, which is gone.
pub const ADOPT_FROM: &str = "concordat.dev/adopt-from";

/// Whether the annotation names a relationship that stands at Microsoft.
fn is_at_microsoft(claim: &str) -> bool {
    claim.strip_prefix(AT_MICROSOFT).is_some_and(ServiceId::is_plain)
}

/// An instant as a store keeps it: in whole milliseconds, so that what was stored equals what is desired.
fn stored(instant: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(instant.as_millisecond())
        .expect("an earlier instant of the same millisecond is a timestamp as well")
}

/// One object of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Object<S> {
    /// Its namespace, empty for a boundary, and its name.
    pub name: ObjectName,
    /// Its UID.
    pub uid: Uid,
    /// Its labels.
    pub labels: Texts,
    /// Its annotations.
    pub annotations: Texts,
    /// Whether it is on its way out.
    pub presence: Presence,
    /// The document that it came from.
    pub source: Option<SourceId>,
    /// What it says.
    pub spec: S,
}

/// Labels or annotations: mostly a few.
pub type Texts = LiteMap<EcoString, EcoString>;

/// The same of texts from elsewhere.
pub fn texts(of: impl IntoIterator<Item = (String, String)>) -> Texts {
    of.into_iter().map(|(name, value)| (name.into(), value.into())).collect()
}

/// Whether all of `wanted` are among the labels of an object.
pub fn has_all(labels: &Texts, wanted: &BTreeMap<String, String>) -> bool {
    let has = |name: &str, value: &str| labels.get(name).is_some_and(|own| own == value);
    wanted.iter().all(|(name, value)| has(name, value))
}

/// Whether an object is to stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Present,
    /// It was seen with a deletion timestamp.
    Deleting,
}

impl<S> Object<S> {
    fn subject(&self, kind: Kind) -> Subject<'_> {
        Subject { kind, name: &self.name, source: self.source }
    }
}

/// Everything that the input holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Objects {
    /// What partners propose.
    pub offers: Vec<Object<PartnerOfferSpec>>,
    /// What is proposed to whom.
    pub relationships: Vec<Object<PartnerRelationshipSpec>>,
    /// Who is to hold what.
    pub grants: Vec<Object<RoleGrantSpec>>,
    /// Who accepted what.
    pub acceptances: Vec<Object<AgreementAcceptanceSpec>>,
    /// What namespaces may do.
    pub boundaries: Vec<Object<PartnerBoundarySpec>>,
    /// Objects that do not fit their schema, which was told before. Their specs may be missing above.
    pub invalid: BTreeSet<ObjectKey>,
    /// What can be read of some of them.
    pub flawed: Flawed,
    /// What happens to what the input does not hold.
    pub absence: Absence,
    /// Whose the rows in the store are, where the objects are those of a cluster; nothing for files, which are all equal.
    pub owners: Option<Owners>,
    /// Where the boundaries stand.
    pub boundary_source: BoundarySource,
}

/// The object that owns the rows of a relationship, by the key of the first.
pub type Owners = BTreeMap<RelationshipKey, ObjectName>;

impl Objects {
    /// No object at all.
    pub fn none(absence: Absence) -> Self {
        Self {
            offers: Vec::new(),
            relationships: Vec::new(),
            grants: Vec::new(),
            acceptances: Vec::new(),
            boundaries: Vec::new(),
            invalid: BTreeSet::new(),
            flawed: Flawed::default(),
            absence,
            owners: None,
            boundary_source: BoundarySource::Input,
        }
    }
}

/// Objects that do not fit their schema, as far as they can be read: so that what else is wrong with them is told at the
/// same time. Nothing is ever done for their sake.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Flawed {
    /// Offers.
    pub offers: Vec<Object<PartnerOfferSpec>>,
    /// Relationships.
    pub relationships: Vec<Object<PartnerRelationshipSpec>>,
    /// Grants.
    pub grants: Vec<Object<RoleGrantSpec>>,
    /// Acceptances.
    pub acceptances: Vec<Object<AgreementAcceptanceSpec>>,
    /// Boundaries.
    pub boundaries: Vec<Object<PartnerBoundarySpec>>,
    /// For each, the fields about which something was said.
    pub told: BTreeMap<ObjectKey, Vec<FieldPath>>,
    /// Objects that stand in several documents, which was said.
    pub twice: BTreeSet<ObjectKey>,
    /// The kinds of objects whose very names could not be read.
    pub unnamed: BTreeSet<Kind>,
}

/// What became of the objects.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// What could be understood; objects with errors have [`Standing::Invalid`].
    pub desired: Desired,
    /// Everything that is wrong or unwise, by document and field.
    pub problems: Vec<Problem>,
}

impl Verdict {
    /// The invitation of the relationship with this name, where its offer could be understood.
    pub fn invitation(&self, relationship: &ObjectName) -> Option<&Invitation> {
        let mut all = self.desired.relationships.values();
        all.find(|declared| declared.object == *relationship).map(|declared| &declared.invitation)
    }
}

/// What is desired where no object says anything: then there is only what time does.
pub fn desired_by_nobody() -> Desired {
    let none = Objects::none(Absence::Keep);
    validate(&none, Catalogue::compiled(), Timestamp::UNIX_EPOCH).desired
}

/// Judges all objects together.
pub fn validate(objects: &Objects, catalogue: &Catalogue, now: Timestamp) -> Verdict {
    let flawed = &objects.flawed;
    let mut findings = Findings::new(&objects.invalid).beside(flawed);
    let offers = (&objects.offers[..], &flawed.offers[..]);
    let offers = references::sorted(offers, Kind::PartnerOffer, &mut findings);
    let relationships = (&objects.relationships[..], &flawed.relationships[..]);
    let relationships = references::sorted(relationships, Kind::PartnerRelationship, &mut findings);
    let grants = (&objects.grants[..], &flawed.grants[..]);
    let grants = references::sorted(grants, Kind::RoleGrant, &mut findings);
    let acceptances = (&objects.acceptances[..], &flawed.acceptances[..]);
    let acceptances = references::sorted(acceptances, Kind::AgreementAcceptance, &mut findings);
    let boundaries = (&objects.boundaries[..], &flawed.boundaries[..]);
    let boundaries = references::sorted(boundaries, Kind::PartnerBoundary, &mut findings);

    let mut resolver = roles::Resolver::new(catalogue);
    let boundaries = boundaries::Boundaries::read(&boundaries, &mut resolver, &mut findings);
    let owners = objects.owners.as_ref();
    let related = relationships::judge(
        &offers,
        &relationships,
        owners,
        &boundaries,
        &mut resolver,
        &mut findings,
    );
    let wanted = grants::judge(&grants, &related, &boundaries, now, &mut resolver, &mut findings);
    grantees::judge(&offers, &relationships, &grants, catalogue, &mut findings);
    names::judge(&relationships, &grants, &mut findings);
    overlap::judge(&offers, &grants, &wanted, &related, &boundaries, catalogue, &mut findings);
    let accepted =
        acceptances::judge(&acceptances, &related, &boundaries, now, catalogue, &mut findings);
    desired::verdict(objects, &related, &grants, wanted, accepted, boundaries, findings)
}

/// What the planner may do with an object: a hold counts first, then a deletion, which a broken spec cannot stop.
fn standing(suspend: bool, presence: Presence, broken: bool) -> Standing {
    match (suspend, presence) {
        (true, _) => Standing::Suspended,
        (false, Presence::Deleting) => Standing::Deleted,
        (false, Presence::Present) if broken => Standing::Invalid,
        (false, Presence::Present) => Standing::Live,
    }
}
