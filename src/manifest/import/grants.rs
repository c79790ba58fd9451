//! Who holds what, as the fewest grants that say just that.
//!
//! Never: a grant that reaches a relationship under which it was not seen.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Access, Kept, LookAssignment, Party, Plan, SET_LABEL, Told, called,
    names::{self, Claim, Sort, Wanted},
    roles_slug,
    told::Look,
};
use crate::{
    api::field::is_given,
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        ids::{GranteeId, RoleId, TenantId},
        state::{
            GranteeKind,
            seen::{AssignmentStatus, SeenAssignment},
        },
    },
};

/// The longest part of a grant's name that is the group's.
const GROUP: usize = 28;

/// A grant, as it is written.
#[derive(Debug)]
pub(super) struct Grant {
    pub name: String,
    pub group: GranteeId,
    pub group_name: String,
    pub roles: BTreeSet<RoleId>,
    pub reach: Reach,
}

/// For which relationships a grant is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// All of an offer.
    Offer(usize),
    /// One.
    One(usize),
    /// Some, which have a label of their own.
    Some(BTreeSet<usize>),
}

/// All grants in order of their names, and the labels of sets of relationships.
#[derive(Debug)]
pub(super) struct Grants {
    pub all: Vec<Grant>,
    /// The key of the label of each set.
    pub labels: BTreeMap<BTreeSet<usize>, String>,
}

/// Under which relationships a group holds just these roles.
type Held = BTreeMap<(GranteeId, BTreeSet<RoleId>), BTreeSet<usize>>;

/// The grants of what is held.
pub(super) fn grants(plan: &Plan<'_>, told: &mut Vec<Told>) -> Grants {
    let held = held(plan, told);
    let mut members: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); plan.offers.len()];
    for (position, _) in plan.kept.iter().enumerate().filter(|(_, kept)| kept.is_selected()) {
        members[plan.offer_of[position]].insert(position);
    }
    let mut parts = Vec::new();
    for ((group, roles), relationships) in &held {
        let offers: BTreeSet<usize> =
            relationships.iter().map(|position| plan.offer_of[*position]).collect();
        let mut rest = relationships.clone();
        for offer in offers {
            let all = &members[offer];
            if all.len() > 1 && all.is_subset(relationships) {
                rest.retain(|position| !all.contains(position));
                parts.push((*group, roles, Reach::Offer(offer)));
            }
        }
        match (rest.first(), rest.len()) {
            (None, _) => {}
            (Some(one), 1) => parts.push((*group, roles, Reach::One(*one))),
            (Some(_), _) => parts.push((*group, roles, Reach::Some(rest))),
        }
    }
    let groups = group_names(plan, held.keys().map(|(group, _)| *group).collect(), told);
    let ids: Vec<String> = parts.iter().map(|part| id(plan, part)).collect();
    let wanted: Vec<Wanted<'_>> = parts
        .iter()
        .zip(&ids)
        .map(|((group, roles, _), id)| {
            let known = plan.options.groups.as_ref().and_then(|known| known.get(group));
            let begin = match names::slug(known.map_or("", String::as_str), GROUP) {
                slug if slug.is_empty() => {
                    format!("group-{}", names::digits(&group.to_string(), 1))
                }
                slug => slug,
            };
            let roles = roles_slug(roles, names::LABEL - begin.len() - 1);
            Wanted { name: format!("{begin}-{roles}"), id, claim: Claim::Wants }
        })
        .collect();
    let names = names::apart(&wanted, Sort::Objects);
    let mut all: Vec<Grant> = parts
        .into_iter()
        .zip(names)
        .map(|((group, roles, reach), name)| Grant {
            name,
            group,
            group_name: groups[&group].clone(),
            roles: roles.clone(),
            reach,
        })
        .collect();
    all.sort_by(|one, other| one.name.cmp(&other.name));
    let mut labels = BTreeMap::new();
    for grant in &all {
        if let Reach::Some(relationships) = &grant.reach {
            // A set is called by the first grant that it is for.
            labels
                .entry(relationships.clone())
                .or_insert_with(|| format!("{SET_LABEL}/{}", grant.name));
        }
    }
    Grants { all, labels }
}

/// What tells a grant from all others.
fn id(plan: &Plan<'_>, (group, roles, reach): &(GranteeId, &BTreeSet<RoleId>, Reach)) -> String {
    let service = |position: &usize| plan.kept[*position].which.id.0.as_str();
    let reached: Vec<&str> = match reach {
        Reach::Offer(offer) => vec![plan.offers[*offer].name.as_str()],
        Reach::One(one) => vec![service(one)],
        Reach::Some(relationships) => relationships.iter().map(service).collect(),
    };
    Digest::of(&(group, roles, reached)).to_string()
}

/// The names of groups for people.
fn group_names(
    plan: &Plan<'_>,
    groups: BTreeSet<GranteeId>,
    told: &mut Vec<Told>,
) -> BTreeMap<GranteeId, String> {
    let name = |group: GranteeId| {
        let known = plan.options.groups.as_ref().map(|known| known.get(&group));
        match known {
            Some(None) => told.push(Told::GroupUnknown(group)),
            Some(Some(name)) if name.trim().is_empty() => told.push(Told::GroupWithoutName(group)),
            Some(Some(_)) | None => {}
        }
        let name = known.flatten().map(String::as_str);
        (group, called(Party::Group, name, format!("Group {group}"), told))
    };
    groups.into_iter().map(name).collect()
}

fn held(plan: &Plan<'_>, told: &mut Vec<Told>) -> Held {
    let tenants: BTreeSet<TenantId> =
        plan.kept.iter().map(|kept| kept.customer).chain([plan.options.partner.id]).collect();
    let mut held = Held::new();
    for (position, kept) in plan.kept.iter().enumerate() {
        let Ok(assignments) = &kept.seen.assignments else { continue };
        let mut of_group: BTreeMap<GranteeId, BTreeSet<BTreeSet<RoleId>>> = BTreeMap::new();
        for (id, assignment) in assignments {
            let (roles, looks) = given(kept, assignment, &tenants);
            told.extend(looks.into_iter().map(|look| Told::Assignment {
                of: kept.which.clone(),
                id: id.to_string(),
                look,
            }));
            if let Some(roles) = roles {
                of_group.entry(assignment.grantee).or_default().insert(roles);
            }
        }
        for (group, sets) in of_group {
            if sets.len() > 1 {
                let look = Look::SeveralAssignments(group);
                told.push(Told::Look(kept.which.clone(), look));
            }
            for roles in sets {
                held.entry((group, roles)).or_default().insert(position);
            }
        }
    }
    held
}

/// The roles that an assignment gives, where it gives any, and what there is to see at it.
fn given(
    kept: &Kept<'_>,
    assignment: &SeenAssignment,
    tenants: &BTreeSet<TenantId>,
) -> (Option<BTreeSet<RoleId>>, Vec<LookAssignment>) {
    let SeenAssignment { grantee, kind, roles, status, etag: _, created_at: _ } = assignment;
    let mut looks = Vec::new();
    match status {
        AssignmentStatus::Active => {}
        AssignmentStatus::Pending => looks.push(LookAssignment::Arriving),
        AssignmentStatus::Unknown(status) => {
            looks.push(LookAssignment::UnknownStatus(status.clone()));
        }
        AssignmentStatus::Deleting => return (None, vec![LookAssignment::Leaving]),
        AssignmentStatus::Error => return (None, vec![LookAssignment::Error]),
        AssignmentStatus::Deleted => return (None, Vec::new()),
    }
    let none = |look| (None, looks.iter().cloned().chain([look]).collect());
    if kept.access != Access::Known {
        return none(LookAssignment::NotActive);
    }
    let id = grantee.to_string();
    let is_tenant = id.parse().is_ok_and(|id| tenants.contains(&id));
    let is_role = id.parse().is_ok_and(|id| Catalogue::compiled().role(id).is_some());
    if is_tenant || is_role || !is_given(&id) {
        return none(LookAssignment::OddGrantee(*grantee));
    }
    match kind {
        GranteeKind::CustomerUser => return none(LookAssignment::NoGroup(*grantee)),
        GranteeKind::SecurityGroup => {}
    }
    let carried: BTreeSet<RoleId> = roles.intersection(&kept.seen.roles).copied().collect();
    if carried.is_empty() {
        return none(LookAssignment::NoRoles);
    }
    let beyond: Vec<RoleId> = roles.difference(&kept.seen.roles).copied().collect();
    if !beyond.is_empty() {
        looks.push(LookAssignment::Beyond(beyond));
    }
    (Some(carried), looks)
}

impl Kept<'_> {
    /// Whether it has the label of its offer, by which grants select it.
    pub(super) fn is_selected(&self) -> bool {
        self.access == Access::Known
    }
}
