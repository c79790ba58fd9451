//! The status of a grant: the sum over its relationships.
//!
//! Never: reads a relationship again to say what was said of it before.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    About, Hold, Reported,
    condition::{Drift, Stand, Told, Verdict, conditions, whole_seconds},
    earlier,
    expiry::Expiry,
    judged, offer,
    part::{GrantPart, Held},
    readiness::how_to_approve,
    reason::{ConditionType, Reason},
    text,
};
use crate::{
    api::{ConditionStatus, ResolvedRole, RoleGrantStatus},
    domain::{
        digest::Digest,
        enumeration::counted,
        ids::{Kind, RoleId},
        partner_type,
        problem::Problem,
        state::{ObjectName, RelationshipKey},
        validate::Presence,
    },
};

/// What a round knows of a grant, besides its parts.
#[derive(Debug, Clone)]
pub struct GrantFacts<'a> {
    /// The object.
    pub object: &'a ObjectName,
    /// Problems of the validation about it.
    pub problems: Vec<&'a Problem>,
    /// Why it is left alone.
    pub hold: Option<Hold>,
    /// How many relationships it names or selects.
    pub selected: usize,
    /// What it gave under others and is still held there, each until when.
    pub elsewhere: &'a [(&'a RelationshipKey, Timestamp)],
}

/// As many names are told of relationships for which the same holds.
const NAMES: usize = 3;
/// As many roles as a status holds.
const ROLES: usize = 150;

/// The status of a grant from its parts, by the names of the relationships. `old` is the one that stands there.
pub fn grant<'p>(
    about: &About<'_>,
    facts: &GrantFacts<'_>,
    parts: impl IntoIterator<Item = (&'p ObjectName, &'p GrantPart)>,
    old: Option<&RoleGrantStatus>,
) -> Reported<RoleGrantStatus> {
    let parts: BTreeMap<&ObjectName, &GrantPart> = parts.into_iter().collect();
    let now = about.now;
    let ready = readiness(about, facts, &parts);
    let in_force = in_force(&parts, facts.elsewhere, &ready);
    let holds = in_force.status == ConditionStatus::True;
    let elsewhere = facts.elsewhere.iter().map(|(_, until)| *until);
    let ends_at = parts.values().filter_map(|part| part.ends_at).chain(elsewhere).min();
    let expiry = match ends_at {
        Some(ends_at) => {
            let begins = parts.values().filter_map(|part| part.window.not_before).min();
            Expiry::of("access", about.created.max(begins), ends_at, now)
        }
        None => Expiry::none(),
    };
    let further = [
        Some(in_force),
        blocked(facts, &parts),
        drifted(&parts),
        expiry.told,
        judged::invalid(&facts.problems),
    ];
    let next_change = parts.values().filter_map(|part| part.next_change).min();
    let elsewhere = facts.elsewhere.iter().map(|(_, until)| *until).min();
    let next_change = earlier(next_change, elsewhere);
    let next_change = earlier(next_change, expiry.next_change).filter(|instant| *instant > now);
    let declared = parts.values().filter_map(|part| part.window.not_after).min();
    let roles: BTreeSet<RoleId> =
        parts.values().flat_map(|part| part.roles.iter().copied()).collect();
    let catalogue = parts.values().filter_map(|part| part.catalogue.as_deref()).max();
    let status = RoleGrantStatus {
        observed_generation: about.generation,
        conditions: conditions(
            about,
            judged::with_warnings(ready, &facts.problems),
            further.into_iter().flatten(),
        ),
        roles: resolved(&roles),
        catalogue_version: catalogue.map(|version| text::cut_to(version.to_owned(), 64)),
        effective_since: holds.then(|| {
            let before = old.and_then(|old| old.effective_since);
            before.unwrap_or_else(|| whole_seconds(now))
        }),
        expires_at: ends_at.or(declared),
    };
    Reported { status, next_change }
}

fn resolved(roles: &BTreeSet<RoleId>) -> Vec<ResolvedRole> {
    let mut roles: Vec<ResolvedRole> = roles
        .iter()
        .map(|role| ResolvedRole { id: role.to_string(), name: text::role_name(*role) })
        .collect();
    roles.sort_by(|one, other| (&one.name, &one.id).cmp(&(&other.name, &other.id)));
    roles.truncate(ROLES);
    roles
}

type Parts<'p> = BTreeMap<&'p ObjectName, &'p GrantPart>;

fn readiness(about: &About<'_>, facts: &GrantFacts<'_>, parts: &Parts<'_>) -> Verdict {
    if about.presence == Presence::Deleting {
        return deleting(facts, parts);
    }
    if let Some(verdict) = judged::verdict(&facts.problems).or_else(|| offer::held(facts.hold)) {
        return verdict;
    }
    if parts.len() < facts.selected {
        let message =
            format!("{} of {} are planned", parts.len(), counted(facts.selected, "relationship"));
        return Verdict::under_way(Reason::Pending, message);
    }
    if parts.is_empty() {
        let message = "no relationship is there for it yet";
        return Verdict::under_way(Reason::RelationshipNotFound, message);
    }
    sum(parts)
}

fn deleting(facts: &GrantFacts<'_>, parts: &Parts<'_>) -> Verdict {
    if let Some(verdict) = offer::held(facts.hold) {
        return verdict;
    }
    if parts.values().any(|part| part.verdict.reason == Reason::Suspended) {
        let message = "its deletion is held: `suspend` is true for it or for a relationship";
        return Verdict::on_hold(Reason::Suspended, message);
    }
    if parts.values().all(|part| part.verdict.stand == Stand::Reached) {
        return Verdict::under_way(Reason::Deleting, "nothing is in the way any more");
    }
    sum(parts)
}

/// The verdict over all parts: the worst counts, and each that occurs is told.
fn sum(parts: &Parts<'_>) -> Verdict {
    let mut alike: BTreeMap<(Stand, Reason), Vec<(&ObjectName, &GrantPart)>> = BTreeMap::new();
    for (name, part) in parts {
        alike.entry((part.verdict.stand, part.verdict.reason)).or_default().push((name, part));
    }
    let Some(((stand, reason), _)) = alike.first_key_value() else {
        return Verdict::under_way(
            Reason::RelationshipNotFound,
            "no relationship is there for it yet",
        );
    };
    let (stand, reason) = (*stand, *reason);
    let message = match parts.values().next() {
        Some(part) if parts.len() == 1 => part.verdict.message.clone(),
        _ => {
            let told = alike.iter().map(|((_, reason), alike)| tell(*reason, alike));
            format!("of {}: {}", counted(parts.len(), "relationship"), text::list(told))
        }
    };
    Verdict { stand, reason, message }
}

fn tell(reason: Reason, alike: &[(&ObjectName, &GrantPart)]) -> String {
    let count = alike.len();
    let quiet = alike.iter().all(|(_, part)| part.verdict.stand == Stand::Reached);
    if quiet {
        return format!("{count} {reason}");
    }
    let mut names: Vec<String> =
        alike.iter().take(NAMES).map(|(name, _)| format!("`{}`", name.name)).collect();
    if count > NAMES {
        names.push(format!("and {} more", count - NAMES));
    }
    let first = text::cut_to(alike[0].1.verdict.message.clone(), 600);
    format!("{count} {reason} ({}): {first}", names.join(", "))
}

fn in_force(
    parts: &Parts<'_>,
    elsewhere: &[(&RelationshipKey, Timestamp)],
    ready: &Verdict,
) -> Told {
    let type_ = ConditionType::InForce;
    let all = parts.len();
    let whole = parts.values().filter(|part| part.held == Held::Everything).count();
    let any = parts.values().filter(|part| part.held != Held::Nothing).count();
    if let ([(row, until), ..], 0) = (elsewhere, any) {
        let message =
            format!("what it gave before is still held under `{}` until {until}", row.name);
        return Told::yes(type_, Reason::PartlyHeld, message);
    }
    if any == 0 {
        let by_time = [Reason::Scheduled, Reason::Expired].contains(&ready.reason);
        let reason = if by_time { ready.reason } else { Reason::NotHeld };
        return Told::no(type_, reason, "no access is held by this grant");
    }
    if whole == all {
        let message = format!("access is held under {}", counted(all, "relationship"));
        return Told::yes(type_, Reason::Held, message);
    }
    let message = format!(
        "access is held under {any} of {}, and in full under {whole}",
        counted(all, "relationship")
    );
    Told::yes(type_, Reason::PartlyHeld, message)
}

fn blocked(facts: &GrantFacts<'_>, parts: &Parts<'_>) -> Option<Told> {
    let hashes: BTreeSet<Digest> = parts.values().flat_map(|part| &part.blocked).copied().collect();
    if hashes.is_empty() {
        return None;
    }
    let told = hashes.iter().map(|hash| how_to_approve(Kind::RoleGrant, facts.object, *hash));
    Some(Told::yes(ConditionType::PlanBlocked, Reason::Blocked, text::list(told)))
}

fn drifted(parts: &Parts<'_>) -> Option<Told> {
    let removed = parts.iter().filter(|(_, part)| !part.removed_outside.is_empty());
    let removed = removed.map(|(name, part)| {
        let roles = partner_type::role_names(&part.removed_outside);
        format!("{roles} was removed outside under `{}`", name.name)
    });
    let removed = text::list(removed);
    if !removed.is_empty() {
        let message = format!("{removed}; it is not restored until that is approved");
        return Some(Told::yes(ConditionType::Drifted, Reason::RemovedOutside, message));
    }
    let differs = parts.iter().filter(|(_, part)| part.drift == Drift::Differs);
    let differs = text::list(differs.map(|(name, _)| format!("`{}`", name.name)));
    if differs.is_empty() {
        return None;
    }
    let message = format!("it is only observed, and differs under {differs}");
    Some(Told::yes(ConditionType::Drifted, Reason::Differs, message))
}
