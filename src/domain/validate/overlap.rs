//! What is odd about grants taken together: the same twice, an id with two meanings, roles that do not go well together,
//! an offer that asks for more than its grants need.
//!
//! Never: grants of different relationships compared, save for the ids that they name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Object, Presence,
    findings::{Findings, spec},
    grants::Wanted,
    relationships::Related,
};
use crate::{
    api::{PartnerOfferSpec, PartnerType, RoleGrantSpec},
    domain::{
        catalogue::{Catalogue, Concern},
        ids::{GranteeId, Kind, RoleId},
        partner_type::{self, Ceiling, role_names},
        problem::{Code, FieldPath},
        state::{GranteeKind, Window},
    },
};

/// Roles that do not go well together.
pub const ROLES_OF_CONCERN: Code = Code(224);
/// The offer asks for roles that no task of its grants needs.
pub const MORE_THAN_THE_TASKS: Code = Code(225);
/// Two grants that say the same.
pub const SAME_GRANT_TWICE: Code = Code(309);
/// One id for a group and for a user.
pub const GROUP_AND_USER: Code = Code(310);

/// Judges all grants together.
pub(super) fn judge(
    offers: &[&Object<PartnerOfferSpec>],
    grants: &[&Object<RoleGrantSpec>],
    wanted: &[Wanted],
    related: &Related<'_>,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    let mut holders: BTreeMap<(usize, GranteeId), Vec<Held<'_>>> = BTreeMap::new();
    let mut kinds: BTreeMap<GranteeId, (GranteeKind, usize)> = BTreeMap::new();
    for (position, (object, wanted)) in grants.iter().zip(wanted).enumerate() {
        let Some(grantee) = &wanted.grantee else { continue };
        let (kind, first) = *kinds.entry(grantee.id).or_insert((grantee.kind, position));
        if kind != grantee.kind {
            let message = format!(
                "`{}` is a {} here and a {} in `{}`",
                grantee.id,
                sort(grantee.kind),
                sort(kind),
                grants[first].name
            );
            let help = "an object id is one thing only: look it up again";
            let about = object.subject(Kind::RoleGrant);
            findings.error(about, GROUP_AND_USER, spec("grantee"), message, help);
        }
        if object.presence == Presence::Deleting {
            continue;
        }
        for group in wanted.groups.iter().filter(|group| !group.roles.is_empty()) {
            for relationship in &group.relationships {
                let held = Held { grant: position, roles: &group.roles, window: wanted.window };
                holders.entry((*relationship, grantee.id)).or_default().push(held);
            }
        }
    }
    duplicates(&holders, grants, related, findings);
    concerns(&holders, grants, related, catalogue, findings);
    more_than_the_tasks(offers, grants, wanted, related, findings);
}

/// What one grant adds for one grantee under one relationship.
struct Held<'a> {
    grant: usize,
    roles: &'a BTreeSet<RoleId>,
    window: Window,
}

fn sort(kind: GranteeKind) -> &'static str {
    match kind {
        GranteeKind::SecurityGroup => "security group",
        GranteeKind::CustomerUser => "user",
    }
}

fn duplicates(
    holders: &BTreeMap<(usize, GranteeId), Vec<Held<'_>>>,
    grants: &[&Object<RoleGrantSpec>],
    related: &Related<'_>,
    findings: &mut Findings<'_>,
) {
    let mut pairs: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for ((relationship, _), held) in holders.iter().filter(|(_, held)| held.len() > 1) {
        let mut seen = BTreeMap::new();
        for held in held {
            let first = *seen.entry((held.roles, held.window)).or_insert(held.grant);
            if first != held.grant {
                pairs.entry((held.grant, first)).or_default().push(*relationship);
            }
        }
    }
    for ((grant, first), relationships) in pairs {
        let message = format!(
            "`{}` gives the same roles to the same grantee in the same window under {}",
            grants[first].name.name,
            related.listed(&relationships)
        );
        let help = "keep one of the two: the roles are held until both are gone";
        let about = grants[grant].subject(Kind::RoleGrant);
        findings.warning(about, SAME_GRANT_TWICE, FieldPath::spec(), message, help);
    }
}

fn concerns(
    holders: &BTreeMap<(usize, GranteeId), Vec<Held<'_>>>,
    grants: &[&Object<RoleGrantSpec>],
    related: &Related<'_>,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    let mut told: BTreeSet<(usize, Concern)> = BTreeSet::new();
    for ((relationship, _), held) in holders {
        let Some((_, proposal)) = related.sound(*relationship) else { continue };
        let gdap = proposal.type_ == PartnerType::GranularDelegatedAdmin;
        let concerns = match held.as_slice() {
            [one] => catalogue.concerns(one.roles),
            all => {
                let roles = all.iter().flat_map(|held| held.roles.iter().copied()).collect();
                catalogue.concerns(&roles)
            }
        };
        for concern in concerns.into_iter().filter(|concern| gdap || !concern.is_of_gdap()) {
            let last = held.last().expect("nobody holds nothing").grant;
            if told.insert((last, concern)) {
                let about = grants[last].subject(Kind::RoleGrant);
                let help = "`concordat roles solve TASK` finds the roles that a task needs";
                let message = concern.to_string();
                findings.warning(about, ROLES_OF_CONCERN, FieldPath::spec(), message, help);
            }
        }
    }
}

/// An offer by roles whose grants are all by tasks, and none of them needs some role.
fn more_than_the_tasks(
    offers: &[&Object<PartnerOfferSpec>],
    grants: &[&Object<RoleGrantSpec>],
    wanted: &[Wanted],
    related: &Related<'_>,
    findings: &mut Findings<'_>,
) {
    let mut needed: BTreeMap<usize, Option<BTreeSet<RoleId>>> = BTreeMap::new();
    for (object, wanted) in grants.iter().zip(wanted) {
        for group in &wanted.groups {
            let roles = needed.entry(group.proposal).or_insert_with(|| Some(BTreeSet::new()));
            let by_tasks = !object.spec.tasks.is_empty() && !group.roles.is_empty();
            if let Some(known) = roles.as_mut().filter(|_| by_tasks) {
                known.extend(&group.roles);
            } else {
                *roles = None;
            }
        }
    }
    for (position, needed) in needed {
        let (Some(offer), Some(needed)) = (offers.get(position), needed) else { continue };
        let Some(proposal) = &related.proposals[position] else { continue };
        let fixed = partner_type::ceiling(proposal.type_) == Ceiling::LegacyPair;
        let spare: BTreeSet<_> = proposal.roles.difference(&needed).collect();
        if fixed || spare.is_empty() || offer.spec.roles.is_empty() {
            continue;
        }
        let message = format!("no task of a grant under this offer needs {}", role_names(spare));
        let help = "ask the customer for no more than is needed: name the tasks in the offer too";
        let about = offer.subject(Kind::PartnerOffer);
        findings.warning(about, MORE_THAN_THE_TASKS, spec("roles"), message, help);
    }
}
