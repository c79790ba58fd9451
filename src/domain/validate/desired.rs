//! The end of the validation: what the planner is given.
//!
//! Never: an object without its place here. What is missing here would look as if it were absent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ecow::EcoString;

use super::{
    ADOPT_FROM, Object, Objects, Presence, Verdict,
    acceptances::Accepted,
    boundaries::Boundaries,
    findings::Findings,
    grants::AllWanted,
    relationships::{Related, Say, key},
    standing,
};
use crate::{
    api::RoleGrantSpec,
    domain::{
        duration::Duration,
        ids::{Kind, ObjectKey},
        state::{
            Absence, Desired, DesiredGrant, DesiredRelationship, GrantObject, Grants, ObjectName,
            Owner, Part, Policies, RelationshipKey, Renewal, Standing, Tenant, Uid,
        },
    },
};

/// Everything that was understood, with every problem.
///
/// Of two relationships under one name the one counts that has most to say about it, and then one that is on its way out,
/// so that it can go.
pub(super) fn verdict(
    objects: &Objects,
    related: &Related<'_>,
    grants: &[&Object<RoleGrantSpec>],
    wanted: AllWanted,
    accepted: Accepted<'_>,
    boundaries: Boundaries<'_>,
    findings: Findings<'_>,
) -> Verdict {
    let mut by_relationship = relationships(related, &accepted, &findings);
    let grant_objects = spread(objects, grants, wanted, &mut by_relationship, &findings);
    let mut relationships: BTreeMap<RelationshipKey, DesiredRelationship> = BTreeMap::new();
    let mut ranks: BTreeMap<RelationshipKey, (Say, bool)> = BTreeMap::new();
    for (relationship, say) in by_relationship.into_iter().zip(&related.says) {
        let Some(relationship) = relationship else { continue };
        let key = key(&relationship.invitation);
        let rank = (*say, relationship.standing == Standing::Deleted);
        if ranks.get(&key).is_none_or(|other| *other < rank) {
            ranks.insert(key.clone(), rank);
            relationships.insert(key, relationship);
        }
    }
    let namespaces = namespaces(objects);
    let desired = Desired {
        relationships,
        grant_objects,
        leaving: leaving_uids(objects),
        acceptances: accepted.alone,
        gone: gone(objects, related, &namespaces),
        namespaces,
        absence: if findings.has_errors() { Absence::Keep } else { objects.absence },
        boundaries: boundaries.into_desired(),
        boundary_source: objects.boundary_source,
    };
    Verdict { desired, problems: findings.into_problems(&silent(objects)) }
}

/// The relationships whose offers could be understood, without their grants.
fn relationships(
    related: &Related<'_>,
    accepted: &Accepted<'_>,
    findings: &Findings<'_>,
) -> Vec<Option<DesiredRelationship>> {
    let all = related.objects.iter().enumerate().map(|(position, object)| {
        let invitation = related.invitations[position].clone()?;
        let proposal = &related.proposals[related.proposal_of[position]?];
        let spec = &object.spec;
        let about = object.subject(Kind::PartnerRelationship);
        if findings.is_flawed(about) {
            return None;
        }
        let broken = findings.is_broken(about);
        let parties = (object.name.namespace.as_str(), invitation.customer, invitation.partner);
        Some(DesiredRelationship {
            object: object.name.clone(),
            uid: object.uid.clone(),
            standing: standing(spec.suspend, object.presence, broken),
            asked: proposal.asked.clone(),
            partner: proposal.partner.clone()?,
            customer: Tenant {
                id: invitation.customer,
                name: Some(spec.customer.display_name.clone()),
            },
            renewal: Renewal {
                mode: spec.renewal.mode,
                before: spec.renewal.before.parse().unwrap_or(Duration::from_days(60)),
            },
            policies: Policies {
                deletion: spec.deletion_policy,
                unmanaged: spec.unmanaged_assignments,
                management: spec.management_policy,
            },
            adopt_from: object.annotations.get(ADOPT_FROM).map(ToString::to_string),
            grants: Grants::default(),
            answers: accepted.answers.get(&position).cloned().unwrap_or_default(),
            agreements: accepted.agreements.get(&parties).cloned().unwrap_or_default(),
            invitation,
        })
    });
    all.collect()
}

/// Puts each grant under its relationships, and says what may be done with every grant object.
fn spread(
    objects: &Objects,
    grants: &[&Object<RoleGrantSpec>],
    wanted: AllWanted,
    relationships: &mut [Option<DesiredRelationship>],
    findings: &Findings<'_>,
) -> BTreeMap<ObjectName, GrantObject> {
    let invalid = objects.invalid.iter().filter(|key| key.kind == Kind::RoleGrant).map(|key| {
        let name = ObjectName { namespace: key.namespace.clone(), name: key.name.clone() };
        (name, GrantObject { standing: Standing::Invalid, not_after: None, deletion: None })
    });
    let mut grant_objects: BTreeMap<ObjectName, GrantObject> = invalid.collect();
    let mut parts = vec![Part::new(); wanted.selections.len()];
    for (object, wanted) in grants.iter().zip(wanted.grants) {
        let about = object.subject(Kind::RoleGrant);
        if findings.is_flawed(about) {
            continue;
        }
        let broken = findings.is_broken(about);
        let standing = standing(object.spec.suspend, object.presence, broken);
        let said = GrantObject {
            standing,
            not_after: wanted.window.not_after,
            deletion: Some(object.spec.deletion_policy),
        };
        grant_objects.insert(object.name.clone(), said);
        let Some(grantee) = wanted.grantee else { continue };
        for group in wanted.groups {
            let grant = DesiredGrant {
                uid: object.uid.clone(),
                standing,
                grantee: grantee.clone(),
                roles: group.roles,
                asked: wanted.asked.clone(),
                window: wanted.window,
                deletion: object.spec.deletion_policy,
                justification: object.spec.justification.clone(),
            };
            parts[group.selection].insert(object.name.clone(), grant);
        }
    }
    for (part, selection) in parts.into_iter().zip(wanted.selections) {
        let part = Arc::new(part);
        for relationship in selection {
            if let Some(relationship) = &mut relationships[relationship] {
                relationship.grants.share(Arc::clone(&part));
            }
        }
    }
    grant_objects
}

/// The owners that are named in claims and whose objects are gone: of files only where they speak for the namespace.
fn gone(
    objects: &Objects,
    related: &Related<'_>,
    namespaces: &BTreeSet<EcoString>,
) -> BTreeSet<ObjectName> {
    let claims = related.objects.iter().filter_map(|object| object.annotations.get(ADOPT_FROM));
    let owners = claims.filter_map(|claim| claim.parse::<Owner>().ok());
    let is_gone = |object: &ObjectName| {
        let ObjectName { namespace, name } = object.clone();
        let is_known = objects.owners.is_some() || namespaces.contains(&namespace);
        let key = ObjectKey { kind: Kind::PartnerRelationship, namespace, name };
        let stands = related.objects.binary_search_by(|other| other.name.cmp(object)).is_ok();
        is_known && !stands && !objects.invalid.contains(&key)
    };
    owners.map(|owner| owner.object).filter(is_gone).collect()
}

fn namespaces(objects: &Objects) -> BTreeSet<EcoString> {
    let offers = objects.offers.iter().map(|object| &object.name.namespace);
    let relationships = objects.relationships.iter().map(|object| &object.name.namespace);
    let grants = objects.grants.iter().map(|object| &object.name.namespace);
    let acceptances = objects.acceptances.iter().map(|object| &object.name.namespace);
    let invalid = objects.invalid.iter().map(|key| &key.namespace);
    let all: BTreeSet<&EcoString> =
        offers.chain(relationships).chain(grants).chain(acceptances).chain(invalid).collect();
    all.into_iter().filter(|namespace| !namespace.is_empty()).cloned().collect()
}

/// Relationships and grants on their way out; what is suspended stays.
fn leaving_uids(objects: &Objects) -> BTreeMap<ObjectKey, Uid> {
    let leaves = |suspend, presence| standing(suspend, presence, false) == Standing::Deleted;
    let relationships = objects
        .relationships
        .iter()
        .filter(|object| leaves(object.spec.suspend, object.presence))
        .map(|object| (object.subject(Kind::PartnerRelationship).key(), object.uid.clone()));
    let grants = objects
        .grants
        .iter()
        .filter(|object| leaves(object.spec.suspend, object.presence))
        .map(|object| (object.subject(Kind::RoleGrant).key(), object.uid.clone()));
    relationships.chain(grants).collect()
}

/// Objects on their way out: nobody mends them any more.
fn silent(objects: &Objects) -> BTreeSet<ObjectKey> {
    let mut silent = BTreeSet::new();
    leaving(&objects.offers, Kind::PartnerOffer, &mut silent);
    leaving(&objects.relationships, Kind::PartnerRelationship, &mut silent);
    leaving(&objects.grants, Kind::RoleGrant, &mut silent);
    leaving(&objects.acceptances, Kind::AgreementAcceptance, &mut silent);
    leaving(&objects.boundaries, Kind::PartnerBoundary, &mut silent);
    silent
}

fn leaving<S>(objects: &[Object<S>], kind: Kind, silent: &mut BTreeSet<ObjectKey>) {
    let leaving = objects.iter().filter(|object| object.presence == Presence::Deleting);
    silent.extend(leaving.map(|object| object.subject(kind).key()));
}
