//! What each grant adds for one grantee: as declared, or as recorded where its object is held or gone.
//!
//! Never: more by a grant that is held or gone than it gave before.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{
    GrantNotice, Notice, OrphanWayOut,
    relationship::{Draft, Latitude, Row, Uids},
};
use crate::{
    api::GrantDeletionPolicy,
    domain::{
        catalogue::Catalogue,
        ids::{GranteeId, Kind, RoleId},
        state::{
            Absence, Assignment, Contribution, Contributions, Desired, DesiredRelationship,
            ObjectName, Standing,
        },
    },
};

/// What the roles of one row come from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub declared: &'a DesiredRelationship,
    pub desired: &'a Desired,
    pub row: &'a Row<'a>,
    /// Other active rows, which this one takes the place of.
    pub left: &'a [&'a Row<'a>],
}

impl<'a> Source<'a> {
    /// What a grantee was last called, where that is known.
    fn name_of(&self, id: GranteeId) -> Option<&'a str> {
        let rows = std::iter::once(&self.row).chain(self.left);
        let mut observed = rows.filter_map(|row| row.observed?.assignments.get(&id));
        observed.find_map(|assignment| assignment.grantee.name.as_deref())
    }
}

/// Whether a grant was deleted, or pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Revoked {
    Yes,
    No,
}

pub(super) struct Wanted {
    pub contributions: Contributions,
    pub revoked: Revoked,
    /// The same with roles as the newer catalogue resolves them, where that alone makes a difference.
    pub newer_catalogue: Option<Contributions>,
}

/// What each grant adds for one grantee: as declared, or as recorded where the object is held or gone. What is only
/// recorded gives no role that it had not begun to give.
pub(super) fn contributions(
    source: Source<'_>,
    id: GranteeId,
    before: &Assignment,
    latitude: Latitude,
    draft: &mut Draft<'_>,
) -> Wanted {
    let Source { declared, row, .. } = source;
    let mut wanted =
        Wanted { contributions: Contributions::new(), revoked: Revoked::No, newer_catalogue: None };
    let mut newer = Contributions::new();
    // What nobody asks for now is not extended with its row.
    let ended = row
        .observed
        .and_then(|row| row.moved.as_ref().and_then(|moved| moved.extended_from).or(row.ends_at));
    let extended = ended.filter(|end| row.ends_at > Some(*end));
    for (object, recorded) in &before.contributions {
        let kept = match latitude {
            Latitude::Observed => Some(Contribution::clone(recorded)),
            Latitude::Invalid => given_up(object, recorded, source, id, &mut wanted.revoked, draft),
            Latitude::Suspended | Latitude::Full => {
                kept(object, recorded, source, id, latitude, &mut wanted.revoked, draft)
            }
        };
        if let Some(mut kept) = kept.map(|kept| ends_no_later(&kept, extended)) {
            if latitude == Latitude::Full {
                let begun = |role: &RoleId| before.recorded.contains_key(role);
                kept.roles.retain(|role| begun(role) && row.ceiling.contains(role));
            }
            wanted.contributions.insert(object.clone(), Box::new(kept));
        }
    }
    if latitude != Latitude::Full {
        return wanted;
    }
    let mine = declared.grants.given_to(id).filter(|(_, grant)| grant.standing == Standing::Live);
    for (object, grant) in mine {
        let mut contribution = Box::new(Contribution {
            uid: grant.uid.clone(),
            roles: grant.roles.clone(),
            asked: grant.asked.clone(),
            window: grant.window,
            deletion: grant.deletion,
            justification: grant.justification.clone(),
        });
        let recorded = before.contributions.get(object);
        if let Some(recorded) = recorded.filter(|_| draft.uids == Uids::AsRecorded) {
            contribution.uid.clone_from(&recorded.uid);
        }
        if let Some(recorded) = recorded
            && recorded.asked.words == grant.asked.words
            && recorded.asked.catalogue != grant.asked.catalogue
        {
            if recorded.roles != contribution.roles {
                newer.insert(object.clone(), contribution.clone());
                draft.tell_of(object, Notice::Grant, GrantNotice::NewerCatalogue);
            }
            contribution.roles.clone_from(&recorded.roles);
            contribution.asked = recorded.asked.clone();
        }
        if let Some(recorded) = recorded
            && names_the_same(&recorded.asked.words, &contribution.asked.words)
        {
            contribution.asked = recorded.asked.clone();
        }
        wanted.contributions.insert(object.clone(), contribution);
    }
    if !newer.is_empty() {
        let mut all = wanted.contributions.clone();
        all.extend(newer);
        wanted.newer_catalogue = Some(all);
    }
    wanted
}

/// Whether all words of both are roles, and they are the same roles in another spelling.
fn names_the_same(recorded: &BTreeSet<String>, declared: &BTreeSet<String>) -> bool {
    let roles = |words: &BTreeSet<String>| -> Option<BTreeSet<RoleId>> {
        let catalogue = Catalogue::compiled();
        words.iter().map(|word| Some(catalogue.find(word).ok()?.id)).collect()
    };
    recorded != declared && roles(recorded).is_some_and(|ids| roles(declared) == Some(ids))
}

fn ends_no_later(recorded: &Contribution, declared: Option<Timestamp>) -> Contribution {
    let mut kept = recorded.clone();
    kept.window.not_after = match (recorded.window.not_after, declared) {
        (Some(recorded), Some(declared)) => Some(recorded.min(declared)),
        (recorded, declared) => recorded.or(declared),
    };
    kept
}

/// What is kept of a recorded contribution, where its object does not give just that anew. An object that is deleted
/// takes away what it gave itself, unless it says otherwise to the last.
fn kept(
    object: &ObjectName,
    recorded: &Contribution,
    source: Source<'_>,
    id: GranteeId,
    latitude: Latitude,
    revoked: &mut Revoked,
    draft: &mut Draft<'_>,
) -> Option<Contribution> {
    let desired = source.desired;
    if let Some(said) = desired.grant_objects.get(object) {
        let gives_nothing = match said.standing {
            Standing::Live => true,
            Standing::Deleted => is_revoked(object, recorded, desired),
            Standing::Suspended | Standing::Invalid => false,
        };
        let ends = gives_nothing && latitude == Latitude::Full;
        if ends && said.standing == Standing::Deleted {
            *revoked = Revoked::Yes;
        }
        return (!ends).then(|| capped_by_declared(object, recorded, desired, draft));
    }
    if latitude != Latitude::Full {
        return Some(recorded.clone());
    }
    let pruned =
        desired.absence == Absence::Prune && desired.namespaces.contains(&object.namespace);
    if pruned && recorded.deletion == GrantDeletionPolicy::Revoke {
        *revoked = Revoked::Yes;
        return None;
    }
    let told = GrantNotice::Orphaned {
        grantee: id,
        name: source.name_of(id).map(str::to_owned),
        roles: recorded.roles.clone(),
        until: recorded.window.not_after,
        ends_at: source.row.ends_at,
        way_out: match recorded.deletion {
            GrantDeletionPolicy::Revoke => OrphanWayOut::Prune,
            GrantDeletionPolicy::Retain => OrphanWayOut::Declare,
        },
    };
    draft.tell_of(object, Notice::Grant, told);
    Some(recorded.clone())
}

/// What is left of a recorded contribution under a relationship that has problems: no more than was given, and no more than
/// its grant asks for now. A grant whose roles cannot be told keeps them.
fn given_up(
    object: &ObjectName,
    recorded: &Contribution,
    source: Source<'_>,
    id: GranteeId,
    revoked: &mut Revoked,
    draft: &mut Draft<'_>,
) -> Option<Contribution> {
    let Source { declared, desired, .. } = source;
    let Some(said) = desired.grant_objects.get(object) else { return Some(recorded.clone()) };
    match said.standing {
        Standing::Deleted if is_revoked(object, recorded, desired) => {
            *revoked = Revoked::Yes;
            return None;
        }
        Standing::Suspended | Standing::Invalid | Standing::Deleted => {}
        Standing::Live => {
            let grant = declared.grants.get(object).filter(|grant| grant.grantee.id == id)?;
            let only_by_catalogue = recorded.asked.words == grant.asked.words
                && recorded.asked.catalogue != grant.asked.catalogue;
            if !grant.roles.is_empty() {
                let mut kept = capped_by_declared(object, recorded, desired, draft);
                kept.roles.retain(|role| only_by_catalogue || grant.roles.contains(role));
                let starts = grant.window.not_before;
                kept.window.not_before = kept.window.not_before.max(starts);
                return (!kept.roles.is_empty()).then_some(kept);
            }
        }
    }
    Some(capped_by_declared(object, recorded, desired, draft))
}

/// Whether what was recorded goes because its very object does: by what that says to the last, or else by what was
/// recorded.
pub(super) fn is_revoked(object: &ObjectName, recorded: &Contribution, desired: &Desired) -> bool {
    desired.is_leaving(Kind::RoleGrant, object, &recorded.uid)
        && deletion(object, recorded, desired) == GrantDeletionPolicy::Revoke
}

/// What happens to what was recorded when its object or its relationship goes.
pub(super) fn deletion(
    object: &ObjectName,
    recorded: &Contribution,
    desired: &Desired,
) -> GrantDeletionPolicy {
    let said = desired.grant_objects.get(object).and_then(|said| said.deletion);
    said.unwrap_or(recorded.deletion)
}

/// What was recorded, until the earlier of its end and of the end that its object says, wherever that is.
pub(super) fn capped_by_declared(
    object: &ObjectName,
    recorded: &Contribution,
    desired: &Desired,
    draft: &mut Draft<'_>,
) -> Contribution {
    let said = desired.grant_objects.get(object);
    let kept = ends_no_later(recorded, said.and_then(|said| said.not_after));
    if let Some(end) = kept.window.not_after {
        draft.differs_at(end);
    }
    kept
}

/// What is known of one grantee: what the row holds and, where it takes the place of others, what Concordat gave
/// there, until no later than it was given there, and what somebody took away there.
pub(super) fn with_predecessors(
    before: &Assignment,
    left: &[&Row<'_>],
    id: GranteeId,
    ceiling: &BTreeSet<RoleId>,
    now: Timestamp,
) -> Assignment {
    let mut known = before.clone();
    for row in left.iter().rev() {
        let assignments = row.observed.map(|observed| &observed.assignments);
        let Some(assignment) = assignments.and_then(|all| all.get(&id)) else { continue };
        let had = live(&assignment.state, now);
        for (object, contribution) in had.contributions {
            known
                .contributions
                .entry(object)
                .or_insert_with(|| Box::new(ends_no_later(&contribution, row.ends_at)));
        }
        for (role, recorded) in had.recorded {
            let here = known.roles.contains_key(&role) || known.recorded.contains_key(&role);
            if here || !ceiling.contains(&role) {
                continue;
            }
            known.recorded.insert(role, recorded);
            if let Some(held) = had.roles.get(&role) {
                known.roles.insert(role, recorded.min(*held));
            }
        }
    }
    known
}

/// What of an assignment is not over yet.
pub(super) fn live(held: &Assignment, now: Timestamp) -> Assignment {
    let mut live = held.clone();
    live.roles.retain(|_, until| *until > now);
    live.recorded.retain(|_, until| *until > now);
    live.contributions.retain(|_, contribution| {
        contribution.window.not_after.is_none_or(|end| end > now)
            && contribution.roles.iter().any(|role| live.recorded.contains_key(role))
    });
    live
}
