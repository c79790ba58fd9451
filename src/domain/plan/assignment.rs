//! What one grantee should hold: the unbroken stretch that its grants cover, merged with what is held and what was
//! recorded.
//!
//! Never: restores by itself what was removed outside, or ends what merely stopped being declared.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::super::{
    ids::RoleId,
    state::{Assignment, Contribution, Contributions, Roles, Window},
};
use crate::api::UnmanagedAssignments;

/// How an assignment may be changed.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// The store's clock.
    pub now: Timestamp,
    /// The end of the relationship.
    pub ends_at: Option<Timestamp>,
    /// The ceiling that holds now.
    pub ceiling: &'a BTreeSet<RoleId>,
    /// What happens to access that nobody declared.
    pub unmanaged: UnmanagedAssignments,
    /// Whether anything may be gained.
    pub gains: Gains,
}

/// Whether anything may be gained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gains {
    /// It may.
    Allowed,
    /// Not now: what is held stays or shrinks.
    Withheld,
}

/// What became of one assignment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// What it holds after the changes that nobody has to approve.
    pub after: Assignment,
    /// What it would hold besides, once a person agrees to restore what was removed outside.
    pub restored: Option<Assignment>,
    /// Roles removed outside.
    pub removed_outside: BTreeSet<RoleId>,
    /// Roles that nobody declared and that stay.
    pub unmanaged: BTreeSet<RoleId>,
    /// Roles that were unmanaged and are declared now.
    pub adopted: BTreeSet<RoleId>,
    /// Unmanaged roles that are revoked.
    pub revoked_unmanaged: BTreeSet<RoleId>,
    /// Roles that are wanted and withheld.
    pub withheld: BTreeSet<RoleId>,
}

/// For each role, the end of the unbroken stretch around `now` that the contributions cover, never past `ends_at`.
///
/// A role that needs no end where the relationship has none lasts until the last instant there is.
pub fn covered(contributions: &Contributions, now: Timestamp, ends_at: Option<Timestamp>) -> Roles {
    let mut windows: BTreeMap<RoleId, Vec<Window>> = BTreeMap::new();
    for contribution in contributions.values() {
        for role in &contribution.roles {
            windows.entry(*role).or_default().push(contribution.window);
        }
    }
    windows
        .into_iter()
        .filter_map(|(role, windows)| {
            let until = stretch(windows, now).min(ends_at.unwrap_or(Timestamp::MAX));
            (until > now).then_some((role, until))
        })
        .collect()
}

/// The end of the unbroken stretch of `windows` that holds `now`; `now` itself if none does.
fn stretch(mut windows: Vec<Window>, now: Timestamp) -> Timestamp {
    windows.sort();
    let mut until = now;
    for window in windows {
        if window.not_before.is_some_and(|start| start > until) {
            break;
        }
        until = until.max(window.not_after.unwrap_or(Timestamp::MAX));
    }
    until
}

/// Only what takes part in a stretch that has begun is recorded: what is merely planned gives nothing if its object
/// goes before it begins.
pub fn begun(contributions: Contributions, wanted: &Roles, now: Timestamp) -> Contributions {
    let takes_part = |contribution: &Contribution| {
        let starts = contribution.window.not_before.unwrap_or(Timestamp::MIN);
        let ends = contribution.window.not_after.unwrap_or(Timestamp::MAX);
        ends > now
            && contribution
                .roles
                .iter()
                .any(|role| wanted.get(role).is_some_and(|until| starts < *until))
    };
    contributions.into_iter().filter(|(_, contribution)| takes_part(contribution)).collect()
}

/// Merges what the contributions ask for with what is held and what was recorded.
pub fn merge(before: &Assignment, contributions: Contributions, rules: Rules<'_>) -> Merged {
    let Rules { now, ends_at, ceiling, unmanaged, gains } = rules;
    let mut wanted = covered(&contributions, now, ends_at);
    wanted.retain(|role, _| ceiling.contains(role));
    let mut merged = Merged::default();
    let mut restored = Assignment::default();
    let known: BTreeSet<RoleId> =
        before.roles.keys().chain(before.recorded.keys()).chain(wanted.keys()).copied().collect();
    for role in known {
        let live = |until: &Timestamp| *until > now;
        let held = before.roles.get(&role).copied().filter(live);
        let recorded = before.recorded.get(&role).copied().filter(live);
        let want = wanted.get(&role).copied();
        let verdict = verdict(held, recorded, want, unmanaged, gains);
        let Verdict { hold, record, restore, note } = verdict;
        put(&mut merged.after.roles, role, hold);
        put(&mut merged.after.recorded, role, record);
        put(&mut restored.roles, role, restore.or(hold));
        put(&mut restored.recorded, role, restore.or(record));
        match note {
            Note::Nothing => {}
            Note::RemovedOutside => drop(merged.removed_outside.insert(role)),
            Note::Unmanaged => drop(merged.unmanaged.insert(role)),
            Note::Adopted => drop(merged.adopted.insert(role)),
            Note::RevokedUnmanaged => drop(merged.revoked_unmanaged.insert(role)),
            Note::Withheld => drop(merged.withheld.insert(role)),
        }
    }
    merged.after.contributions = begun(contributions, &wanted, now);
    if gains == Gains::Withheld {
        merged.after.contributions.retain(|object, contribution| {
            before.contributions.contains_key(object)
                || contribution.roles.iter().any(|role| merged.after.roles.contains_key(role))
        });
        let given = &merged.after.recorded;
        let all = std::mem::take(&mut merged.after.contributions).into_iter();
        merged.after.contributions = all
            .map(|(object, contribution)| (object, no_longer_than(contribution, given, ends_at)))
            .collect();
    }
    if restored.roles != merged.after.roles {
        restored.contributions = merged.after.contributions.clone();
        merged.restored = Some(restored);
    }
    merged
}

/// What is withheld is not recorded: a window that reaches past what its roles are given for ends with that, or else it
/// would be given once nothing is withheld, whatever became of its object.
fn no_longer_than(
    mut contribution: Box<Contribution>,
    given: &Roles,
    ends_at: Option<Timestamp>,
) -> Box<Contribution> {
    let latest = contribution.roles.iter().filter_map(|role| given.get(role)).max();
    let asked = [contribution.window.not_after, ends_at].into_iter().flatten().min();
    if let Some(latest) = latest.filter(|latest| asked.is_none_or(|asked| asked > **latest)) {
        contribution.window.not_after = Some(*latest);
    }
    contribution
}

fn put(roles: &mut Roles, role: RoleId, until: Option<Timestamp>) {
    if let Some(until) = until {
        roles.insert(role, until);
    }
}

/// What becomes of one role: what is held, what is recorded, and what waits for a person.
struct Verdict {
    hold: Option<Timestamp>,
    record: Option<Timestamp>,
    restore: Option<Timestamp>,
    note: Note,
}

enum Note {
    Nothing,
    RemovedOutside,
    Unmanaged,
    Adopted,
    RevokedUnmanaged,
    Withheld,
}

/// The three-way merge of one role. `None` is earlier than any instant.
fn verdict(
    held: Option<Timestamp>,
    recorded: Option<Timestamp>,
    want: Option<Timestamp>,
    unmanaged: UnmanagedAssignments,
    gains: Gains,
) -> Verdict {
    let keep = |note| Verdict { hold: held, record: recorded, restore: None, note };
    let set = |until, note| Verdict { hold: until, record: until, restore: None, note };
    let added_outside = held > recorded;
    match (want, unmanaged) {
        (None, UnmanagedAssignments::Keep) if added_outside => {
            Verdict { hold: held, record: None, restore: None, note: Note::Unmanaged }
        }
        (None, UnmanagedAssignments::Revoke) if added_outside => set(None, Note::RevokedUnmanaged),
        (None, _) => set(None, Note::Nothing),
        (Some(_), UnmanagedAssignments::Keep)
            if added_outside && recorded.is_some() && want == recorded =>
        {
            keep(Note::Unmanaged)
        }
        (Some(_), _) if want <= held && added_outside && recorded.is_none() => {
            set(want, Note::Adopted)
        }
        (Some(_), _) if want <= held => set(want, Note::Nothing),
        (Some(_), _) if held < recorded => removed_outside(held, recorded, want, gains),
        (Some(_), _) if gains == Gains::Withheld => keep(Note::Withheld),
        (Some(_), _) if added_outside && recorded.is_none() => set(want, Note::Adopted),
        (Some(_), _) => set(want, Note::Nothing),
    }
}

/// The record follows what is wanted, so that nothing is given anew when the recorded end has passed.
fn removed_outside(
    held: Option<Timestamp>,
    recorded: Option<Timestamp>,
    want: Option<Timestamp>,
    gains: Gains,
) -> Verdict {
    let (record, restore) = match gains {
        Gains::Allowed => (want, want),
        Gains::Withheld => (recorded.max(want), None),
    };
    Verdict { hold: held, record, restore, note: Note::RemovedOutside }
}
