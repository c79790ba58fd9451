//! From what is desired to what may run: observe, plan, check. The same for `diff` and `apply`.
//!
//! Never: writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use clap::ValueEnum;
use jiff::Timestamp;

use super::{Output, desired::Loaded};
use crate::{
    domain::{
        catalogue::Catalogue,
        change::{Cause, Change, Effect},
        digest::Digest,
        ids::{ObjectKey, RoleId},
        limits::{Checked, check},
        plan::{Bearing, Claimant, Notice, Plan, access_changes, plan, tell_undeclared},
        problem::{Problem, Severity, SourceId},
        state::{
            Absence, Assignment, Desired, DesiredRelationship, Observed, ObservedRelationship,
            RelationshipKey,
        },
        validate::desired_by_nobody,
    },
    store::{Apart, Read, Scope, StoreError},
};

/// A plan, what of it may run, and what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What may run and what waits.
    pub checked: Checked,
    /// What the store held.
    pub observed: Observed,
    /// What was to be approved and waits in the store, though not in this plan.
    pub missed: BTreeSet<Digest>,
}

/// Observes, plans and checks.
pub async fn planned(
    store: &mut impl Read,
    desired: &Desired,
    claimant: &Claimant,
    approvals: &BTreeSet<Digest>,
) -> Result<Planned, StoreError> {
    let observed = store.observe(&scope(desired, claimant)).await?;
    let mut plan = plan(desired, &observed, claimant);
    let beside = store.beside(&apart(desired, &observed, claimant)).await?;
    tell_undeclared(desired, &observed, &beside, &claimant.instance, &mut plan);
    let budgets = store.budgets(&plan.governing.limits(desired)).await?;
    let checked = check(&plan, desired, &budgets, approvals);
    let waiting: BTreeSet<&Digest> =
        budgets.values().flat_map(|budget| budget.blocked.values()).collect();
    let is_met = |hash: &Digest| checked.approved.iter().any(|batch| batch.hash == *hash);
    let missed = approvals.iter().filter(|hash| waiting.contains(hash) && !is_met(hash));
    let missed = missed.copied().collect();
    Ok(Planned { plan, checked, observed, missed })
}

/// Observes everything, and plans what time alone has ended.
pub async fn ended(store: &mut impl Read, claimant: &Claimant) -> Result<Planned, StoreError> {
    let observed = store.observe(&Scope::All).await?;
    let desired = desired_by_nobody();
    let mut plan = plan(&desired, &observed, claimant);
    plan.changes.retain(Change::is_of_time);
    let budgets = store.budgets(&plan.governing.limits(&desired)).await?;
    let checked = check(&plan, &desired, &budgets, &BTreeSet::new());
    Ok(Planned { plan, checked, observed, missed: BTreeSet::new() })
}

/// What has to be read to plan: what the input names, what bounds its namespaces, and with `--prune` whatever its namespaces own.
fn scope(desired: &Desired, claimant: &Claimant) -> Scope {
    let keys = desired.relationships.keys().cloned().collect();
    let customers = desired.acceptances.iter().map(|acceptance| acceptance.customer).collect();
    let owned = match desired.absence {
        Absence::Keep => None,
        Absence::Prune => Some((claimant.instance.clone(), desired.namespaces.clone())),
    };
    let bounded = Some((claimant.instance.clone(), desired.namespaces.clone()));
    let adopts = |declared: &DesiredRelationship| declared.adopts();
    let adopted = desired.relationships.values().filter_map(adopts).collect();
    Scope::Of { keys, customers, owned, bounded, adopted }
}

/// What was read of what the claimant owns.
fn apart(desired: &Desired, observed: &Observed, claimant: &Claimant) -> Apart {
    let live = |row: &&ObservedRelationship| {
        row.owner.instance == claimant.instance && !row.is_over(observed.now)
    };
    Apart {
        instance: claimant.instance.clone(),
        now: observed.now,
        read: observed.relationships.values().flatten().filter(live).count(),
        keys: desired.relationships.keys().cloned().collect(),
        namespaces: match desired.absence {
            Absence::Keep => BTreeSet::new(),
            Absence::Prune => desired.namespaces.clone(),
        },
        near: desired.namespaces.clone(),
    }
}

/// What in a plan makes the answer no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Somebody loses a role, or holds it for less time. What ends when it was agreed to end is none.
    Revoke,
    /// Somebody gains a privileged role, or holds one for longer.
    Privileged,
    /// Somebody holds a role for longer than before.
    Longer,
    /// Somebody gains a role for as long as the relationship lasts.
    NoExpiry,
    /// A relationship is replaced, which needs the customer.
    Replace,
    /// A relationship ends.
    Terminate,
    /// Somebody holds a role that nobody declared.
    Unmanaged,
    /// Something that was declared once is declared by nobody any more, and goes on.
    Undeclared,
    /// A relationship is claimed from another object.
    Claim,
    /// A boundary comes, changes or goes.
    Boundary,
}

impl FailOn {
    /// Whether it is in the plan.
    pub fn is_in(self, planned: &Planned) -> bool {
        let plan = &planned.plan;
        let access = || access_changes(&plan.changes, &plan.besides);
        let is_to_come = |end: Option<Timestamp>| end.is_some_and(|end| end > plan.now);
        match self {
            Self::Revoke => access()
                .iter()
                .any(|change| change.roles.iter().any(|role| role.after < role.before && is_to_come(role.before))),
            Self::Privileged => {
                let catalogue = Catalogue::compiled();
                access().iter().any(|change| {
                    change.roles.iter().any(|role| role.privileged && role.after > role.before)
                }) || plan.ahead.iter().any(|ahead| {
                    ahead.roles.iter().any(|role| catalogue.is_privileged(*role))
                })
            }
            Self::Longer => access().iter().any(|change| {
                let mut held = change.roles.iter().filter(|role| role.before.is_some());
                held.any(|role| role.after > role.before)
            }),
            Self::NoExpiry => {
                let ends = planned.ends();
                plan.changes.iter().any(|change| gains_without_end(change, &ends))
                    || plan.ahead.iter().any(|ahead| ahead.until.is_none())
            }
            Self::Replace => plan.changes.iter().any(|change| {
                matches!(change.effect, Effect::Invite { .. }) && change.cause == Cause::Replaced
            }),
            Self::Terminate => {
                plan.changes.iter().any(|change| matches!(change.effect, Effect::Terminate { .. }))
            }
            Self::Claim => plan.changes.iter().any(|change| {
                matches!(&change.effect, Effect::Claim { before, after } if before.0 != after.0)
            }),
            Self::Undeclared => plan
                .notices
                .iter()
                .any(|notice| notice.bearing() == Bearing::NotDeclared && !notice.is_unmanaged()),
            Self::Unmanaged => plan.notices.iter().any(Notice::is_unmanaged),
            Self::Boundary => {
                let set = |change: &Change| matches!(change.effect, Effect::SetBoundary { .. });
                let is_absent =
                    |notice: &Notice| matches!(notice, Notice::BoundaryAbsent { .. });
                plan.changes.iter().any(set) || plan.notices.iter().any(is_absent)
            }
        }
    }
}

/// Whether a grant that has no end of its own, or none before the relationship's, gives something that none gave like
/// that before.
fn gains_without_end(change: &Change, ends: &Ends) -> bool {
    let Effect::SetRoles { before, after, .. } = &change.effect else { return false };
    let key = change.subject.relationship.as_ref();
    let (end_before, end_after) = key.and_then(|key| ends.get(key)).copied().unwrap_or_default();
    let endless = |assignment: &Assignment, role: &RoleId, until: Timestamp, end| {
        assignment.contributions.values().any(|contribution| {
            let own = contribution.window.not_after;
            let outlasts = |own| own > until || own == until && end == Some(until);
            contribution.roles.contains(role) && own.is_none_or(outlasts)
        })
    };
    after.roles.iter().any(|(role, until)| {
        let earlier = before.roles.get(role).copied();
        let was_endless = earlier.is_some_and(|earlier| endless(before, role, earlier, end_before));
        earlier < Some(*until) && endless(after, role, *until, end_after) && !was_endless
    })
}

/// When each relationship ends, before a plan and after it.
type Ends<'a> = BTreeMap<&'a RelationshipKey, (Option<Timestamp>, Option<Timestamp>)>;

impl Planned {
    fn ends(&self) -> Ends<'_> {
        let rows = self.observed.relationships.values().flatten();
        let mut ends: Ends = rows.map(|row| (&row.key, (row.ends_at, row.ends_at))).collect();
        for change in &self.plan.changes {
            let end = match &change.effect {
                Effect::Authorise { ends_at, .. } => *ends_at,
                Effect::Extend { after, .. } => Some(*after),
                Effect::Recognise { after, .. } => after.ends_at,
                Effect::Adopt { found, .. } => {
                    if let Some(key) = &change.subject.relationship {
                        ends.insert(key, (found.stands.ends_at, found.stands.ends_at));
                    }
                    continue;
                }
                Effect::Invite { .. }
                | Effect::Decline { .. }
                | Effect::Withdraw { .. }
                | Effect::Terminate { .. }
                | Effect::Expire { .. }
                | Effect::SetAutoExtend { .. }
                | Effect::DropGlobalAdministrator { .. }
                | Effect::Claim { .. }
                | Effect::SetPolicies { .. }
                | Effect::SetRoles { .. }
                | Effect::RecordAcceptance { .. }
                | Effect::Rename { .. }
                | Effect::SetBoundary { .. } => continue,
            };
            if let Some(key) = &change.subject.relationship {
                ends.entry(key).or_default().1 = end;
            }
        }
        ends
    }

    /// The notices in words, each with the place of the object that it is about.
    pub fn notices(&self, loaded: &Loaded) -> Vec<Problem> {
        let documents = &loaded.input.documents;
        let sources: BTreeMap<&ObjectKey, SourceId> =
            documents.iter().map(|document| (&document.key, document.source)).collect();
        let mut notices: Vec<Problem> = self.plan.notices.iter().map(Notice::problem).collect();
        for notice in &mut notices {
            notice.source = notice.object.as_ref().and_then(|key| sources.get(key)).copied();
        }
        loaded.locate(&mut notices);
        notices
    }

    /// Leaves the memory to the end of the process, as [`Loaded::forget`] does.
    pub fn forget(self) {
        mem::forget(self);
    }

    /// Whether the plan says that something cannot be done as it stands.
    pub fn has_errors(&self) -> bool {
        self.plan.notices.iter().any(|notice| notice.severity() == Severity::Error)
    }

    /// Whether something could not be read, so that it is not known whether it is as desired.
    pub fn is_unread(&self) -> bool {
        self.plan.notices.iter().any(Notice::is_unread)
    }

    /// Whether nothing is to be done, nothing waits, and whatever was to be approved was met.
    pub fn is_as_desired(&self) -> bool {
        self.plan.is_empty()
            && self.checked.blocked.is_empty()
            && self.missed.is_empty()
            && !self.has_errors()
    }
}

/// Says which approvals approve nothing.
pub fn tell_unmatched(approvals: &[Digest], planned: &Planned, out: &mut Output) {
    for hash in approvals {
        if planned.checked.approved.iter().any(|batch| batch.hash == *hash) {
            continue;
        }
        if planned.missed.contains(hash) {
            out.say(&format!(
                "`{hash}` waits, and this plan has nothing of it, so it approves nothing: give the files and flags of the run that it is from"
            ));
        } else {
            out.say(&format!("nothing waits for `--approve {hash}`: it approves nothing"));
        }
    }
}

/// Says which namespaces were named to be pruned, and have never owned anything.
pub fn tell_unowned(namespaces: &[String], planned: &Planned, out: &mut Output) {
    for name in namespaces {
        let mut rows = planned.observed.relationships.values().flatten();
        if !rows.any(|row| row.owner.object.namespace == *name) {
            out.say(&format!(
                "`--prune-namespace {name}`: nothing in the store belongs to that namespace"
            ));
        }
    }
}

/// The version of the catalogue that resolved the roles of a plan.
pub fn catalogue_version() -> String {
    Catalogue::compiled().version().to_owned()
}
