//! What is odd about grants taken together: the same twice, an id with two meanings, roles that do not go well together,
//! windows that touch and are too long as one, an offer that asks for more than its grants need.
//!
//! Never: grants of different relationships compared, save for the ids that they name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{
    Object, Presence,
    boundaries::{Boundaries, PRIVILEGED_FOR_TOO_LONG, fits},
    findings::{Findings, SHOWN, spec},
    grants::{AllWanted, Wanted},
    offers::Proposal,
    relationships::Related,
};
use crate::{
    api::{PartnerOfferSpec, PartnerType, RoleGrantSpec},
    domain::{
        catalogue::{Catalogue, Concern},
        duration::Duration,
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
    all: &AllWanted,
    related: &Related<'_>,
    boundaries: &Boundaries<'_>,
    catalogue: &Catalogue,
    findings: &mut Findings<'_>,
) {
    let mut kinds: BTreeMap<GranteeId, (GranteeKind, usize)> = BTreeMap::new();
    for (position, (object, wanted)) in grants.iter().zip(&all.grants).enumerate() {
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
    }
    let mut twice = Twice::new();
    let mut concerns = BTreeSet::new();
    let mut stretches = BTreeSet::new();
    let given = given(grants, all, findings);
    for relationships in alike(&all.selections, &given, related.objects.len()) {
        for held in holders(&relationships, &given) {
            same_grants(&held, &relationships.all, &mut twice);
            let proposal = related.sound(relationships.all[0]).map(|(_, proposal)| proposal);
            if let Some(proposal) = proposal {
                concern(&held, proposal, grants, catalogue, &mut concerns, findings);
            }
            stretch(&held, grants, boundaries, catalogue, &mut stretches, findings);
        }
    }
    tell_twice(&twice, grants, related, findings);
    more_than_the_tasks(offers, grants, &all.grants, related, findings);
}

/// What one grant adds for one grantee under the relationships of a selection.
#[derive(Clone, Copy)]
struct Held<'a> {
    grant: usize,
    grantee: GranteeId,
    roles: &'a BTreeSet<RoleId>,
    window: Window,
}

fn sort(kind: GranteeKind) -> &'static str {
    match kind {
        GranteeKind::SecurityGroup => "security group",
        GranteeKind::CustomerUser => "user",
    }
}

/// What is given under each selection, in the order of grants.
fn given<'a>(
    grants: &[&Object<RoleGrantSpec>],
    all: &'a AllWanted,
    findings: &Findings,
) -> Vec<Vec<Held<'a>>> {
    let mut given = vec![Vec::new(); all.selections.len()];
    for (grant, (object, wanted)) in grants.iter().zip(&all.grants).enumerate() {
        let Some(grantee) = &wanted.grantee else { continue };
        let is_flawed = findings.is_flawed(object.subject(Kind::RoleGrant));
        if object.presence == Presence::Deleting || is_flawed {
            continue;
        }
        let (grantee, window) = (grantee.id, wanted.window);
        for group in wanted.groups.iter().filter(|group| !group.roles.is_empty()) {
            given[group.selection].push(Held { grant, grantee, roles: &group.roles, window });
        }
    }
    given
}

/// Relationships under which the very same is given.
struct Alike {
    /// In order.
    all: Vec<usize>,
    /// The selections that they are in.
    selections: Vec<usize>,
}

/// The relationships under which something is given, in the order of the first of those that are alike.
fn alike(selections: &[Vec<usize>], given: &[Vec<Held<'_>>], relationships: usize) -> Vec<Alike> {
    let mut under: Vec<Vec<usize>> = vec![Vec::new(); relationships];
    for (number, selection) in selections.iter().enumerate() {
        if !given[number].is_empty() {
            for relationship in selection {
                under[*relationship].push(number);
            }
        }
    }
    let mut alike: BTreeMap<Vec<usize>, Vec<usize>> = BTreeMap::new();
    for (relationship, selections) in under.into_iter().enumerate() {
        if !selections.is_empty() {
            alike.entry(selections).or_default().push(relationship);
        }
    }
    let mut alike: Vec<_> =
        alike.into_iter().map(|(selections, all)| Alike { all, selections }).collect();
    alike.sort_unstable_by_key(|alike| alike.all[0]);
    alike
}

/// What is given under such relationships, by grantee, each in the order of grants.
fn holders<'a>(alike: &Alike, given: &[Vec<Held<'a>>]) -> Vec<Vec<Held<'a>>> {
    let parts = alike.selections.iter().map(|selection| &given[*selection]);
    let mut all: Vec<Held<'a>> = parts.flatten().copied().collect();
    all.sort_unstable_by_key(|held| (held.grantee, held.grant));
    all.chunk_by(|one, other| one.grantee == other.grantee).map(<[_]>::to_vec).collect()
}

/// Pairs of a grant and the first that gives the same, with the relationships under which it does.
type Twice = BTreeMap<(usize, usize), Few>;

/// So many relationships, of which the first few are told.
#[derive(Default)]
struct Few {
    first: BTreeSet<usize>,
    count: usize,
}

fn same_grants(held: &[Held<'_>], relationships: &[usize], twice: &mut Twice) {
    let mut seen = BTreeMap::new();
    for held in held {
        let first = *seen.entry((held.roles, held.window)).or_insert(held.grant);
        if first == held.grant {
            continue;
        }
        let few = twice.entry((held.grant, first)).or_default();
        few.count += relationships.len();
        few.first.extend(relationships.iter().take(SHOWN));
        while few.first.len() > SHOWN {
            few.first.pop_last();
        }
    }
}

fn tell_twice(
    twice: &Twice,
    grants: &[&Object<RoleGrantSpec>],
    related: &Related<'_>,
    findings: &mut Findings<'_>,
) {
    for ((grant, first), few) in twice {
        let message = format!(
            "`{}` gives the same roles to the same grantee in the same window under {}",
            grants[*first].name.name,
            related.first_listed(few.first.iter().copied(), few.count)
        );
        let help = "keep one of the two: the roles are held until both are gone";
        let about = grants[*grant].subject(Kind::RoleGrant);
        findings.warning(about, SAME_GRANT_TWICE, FieldPath::spec(), message, help);
    }
}

/// What is of concern in all that a grantee holds; at the last of the grants, and once.
fn concern(
    held: &[Held<'_>],
    proposal: &Proposal,
    grants: &[&Object<RoleGrantSpec>],
    catalogue: &Catalogue,
    told: &mut BTreeSet<(usize, Concern)>,
    findings: &mut Findings<'_>,
) {
    let gdap = proposal.type_ == PartnerType::GranularDelegatedAdmin;
    let concerns = match held {
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

/// A boundary bounds the unbroken stretch for which somebody holds a privileged role.
fn stretch(
    held: &[Held<'_>],
    grants: &[&Object<RoleGrantSpec>],
    boundaries: &Boundaries<'_>,
    catalogue: &Catalogue,
    told: &mut BTreeSet<(usize, RoleId)>,
    findings: &mut Findings<'_>,
) {
    let [first, _, ..] = held else { return };
    let about = grants[first.grant].subject(Kind::RoleGrant);
    let Some((boundary, longest)) = boundaries.privileged_at_most(about) else { return };
    let mut windows: BTreeMap<RoleId, Vec<(Window, usize)>> = BTreeMap::new();
    for one in held {
        for role in one.roles.iter().filter(|role| catalogue.is_privileged(**role)) {
            windows.entry(*role).or_default().push((one.window, one.grant));
        }
    }
    for (role, windows) in windows {
        for (grant, first) in too_long(windows, longest) {
            if !told.insert((grant, role)) {
                continue;
            }
            let message = format!(
                "boundary `{boundary}` admits {} for `{longest}` at most, and this goes on \
                 with what `{}` begins",
                role_names([&role]),
                grants[first].name.name
            );
            let help = "windows that are less than an eighth of `maxWindow` apart are one: leave time \
                        between them, or have `maxWindow` changed";
            let about = grants[grant].subject(Kind::RoleGrant);
            findings.error(about, PRIVILEGED_FOR_TOO_LONG, spec("notAfter"), message, help);
        }
    }
}

/// The grants that make a stretch last for more than `longest`, each with the one that the stretch begins with. A window
/// that is too long by itself is told elsewhere.
fn too_long(mut windows: Vec<(Window, usize)>, longest: Duration) -> Vec<(usize, usize)> {
    windows.sort();
    let mut found = Vec::new();
    let mut stretch: Option<(Timestamp, Timestamp, usize)> = None;
    for (window, grant) in windows {
        let start = window.not_before.unwrap_or(Timestamp::MIN);
        let end = window.not_after.unwrap_or(Timestamp::MAX);
        let goes_on = |until: Timestamp| begins_again(until, longest).is_none_or(|at| start < at);
        let Some((from, until, first)) = stretch.filter(|(_, until, _)| goes_on(*until)) else {
            stretch = Some((start, end, grant));
            continue;
        };
        stretch = Some((from, until.max(end), first));
        if fits(window, longest) && longest.after(from).is_some_and(|latest| end > latest) {
            found.push((grant, first));
        }
    }
    found
}

/// From when on a window is another stretch than one that ends at `until`: a moment between two is no break.
fn begins_again(until: Timestamp, longest: Duration) -> Option<Timestamp> {
    const PARTS: i64 = 8;
    let milliseconds = longest.after(until)?.as_millisecond() - until.as_millisecond();
    until.checked_add(SignedDuration::from_millis((milliseconds / PARTS).max(1))).ok()
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
        let proposal = &related.proposals[position];
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
