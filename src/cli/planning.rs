//! From what is desired to what may run: observe, plan, check. The same for `diff` and `apply`.
//!
//! Never: writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use clap::ValueEnum;

use super::{Output, desired::Loaded};
use crate::{
    domain::{
        catalogue::Catalogue,
        digest::Digest,
        ids::ObjectKey,
        limits::{Checked, check},
        plan::{Cause, Claimant, Effect, Plan, UNMANAGED, access_changes, plan},
        problem::{Severity, SourceId},
        state::{Absence, Desired, Observed},
    },
    store::{Read, Scope, StoreError},
};

/// A plan, what of it may run, and what it was made from.
pub struct Planned {
    /// The plan.
    pub plan: Plan,
    /// What may run and what waits.
    pub checked: Checked,
    /// What the store held.
    pub observed: Observed,
}

/// Observes, plans and checks.
pub async fn planned(
    store: &mut impl Read,
    desired: &Desired,
    claimant: &Claimant,
    approvals: &BTreeSet<Digest>,
) -> Result<Planned, StoreError> {
    let observed = store.observe(&scope(desired, claimant)).await?;
    let plan = plan(desired, &observed, claimant);
    let budgets = store.budgets(&desired.limits()).await?;
    let checked = check(&plan, desired, &budgets, approvals);
    Ok(Planned { plan, checked, observed })
}

/// What has to be read to plan: what the input names, and with `--prune` whatever its namespaces own.
fn scope(desired: &Desired, claimant: &Claimant) -> Scope {
    let keys = desired.relationships.keys().cloned().collect();
    let customers = desired.acceptances.iter().map(|acceptance| acceptance.customer).collect();
    let owned = match desired.absence {
        Absence::Keep => None,
        Absence::Prune => Some((claimant.instance.clone(), desired.namespaces.clone())),
    };
    Scope::Of { keys, customers, owned }
}

/// What in a plan makes the answer no.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Somebody loses a role, or holds it for less time.
    Revoke,
    /// Somebody gains a privileged role.
    Privileged,
    /// Somebody gains a role for as long as the relationship lasts.
    NoExpiry,
    /// A relationship is replaced, which needs the customer.
    Replace,
    /// A relationship ends.
    Terminate,
    /// Somebody holds a role that nobody declared.
    Unmanaged,
}

impl FailOn {
    /// Whether it is in the plan.
    pub fn is_in(self, planned: &Planned) -> bool {
        let plan = &planned.plan;
        let access = || access_changes(&plan.changes, &plan.besides);
        match self {
            Self::Revoke => access()
                .iter()
                .any(|change| change.roles.iter().any(|role| role.after < role.before)),
            Self::Privileged => access().iter().any(|change| {
                let gained =
                    |before: &Option<_>, after: &Option<_>| before.is_none() && after.is_some();
                change.roles.iter().any(|role| role.privileged && gained(&role.before, &role.after))
            }),
            Self::NoExpiry => plan.changes.iter().any(|change| gains_without_end(&change.effect)),
            Self::Replace => plan.changes.iter().any(|change| {
                matches!(change.effect, Effect::Invite { .. }) && change.cause == Cause::Replaced
            }),
            Self::Terminate => {
                plan.changes.iter().any(|change| matches!(change.effect, Effect::Terminate { .. }))
            }
            Self::Unmanaged => plan.notices.iter().any(|notice| notice.code == UNMANAGED),
        }
    }
}

/// Whether a grant without an end of its own gives something.
fn gains_without_end(effect: &Effect) -> bool {
    let Effect::SetRoles { before, after, .. } = effect else { return false };
    let gained: BTreeSet<_> =
        after.roles.keys().filter(|role| !before.roles.contains_key(*role)).collect();
    after.contributions.values().any(|contribution| {
        contribution.window.not_after.is_none()
            && contribution.roles.iter().any(|role| gained.contains(role))
    })
}

impl Planned {
    /// Gives each notice the place of the object that it is about.
    pub fn locate(&mut self, loaded: &Loaded) {
        let documents = &loaded.input.documents;
        let sources: BTreeMap<&ObjectKey, SourceId> =
            documents.iter().map(|document| (&document.key, document.source)).collect();
        for notice in &mut self.plan.notices {
            notice.source = notice.object.as_ref().and_then(|key| sources.get(key)).copied();
        }
        loaded.input.locate(&mut self.plan.notices);
    }

    /// Leaves the memory to the end of the process, as [`Loaded::forget`] does.
    pub fn forget(self) {
        mem::forget(self);
    }

    /// Whether the plan says that something cannot be done as it stands.
    pub fn has_errors(&self) -> bool {
        self.plan.notices.iter().any(|notice| notice.severity == Severity::Error)
    }

    /// Whether nothing is to be done and nothing waits.
    pub fn is_as_desired(&self) -> bool {
        self.plan.is_empty() && self.checked.blocked.is_empty() && !self.has_errors()
    }
}

/// Says which approvals are for nothing that waits.
pub fn tell_unmatched(approvals: &[Digest], planned: &Planned, out: &mut Output) {
    for hash in approvals {
        if !planned.checked.approved.iter().any(|batch| batch.hash == *hash) {
            out.say(&format!("nothing waits for `--approve {hash}`: it approves nothing"));
        }
    }
}

/// The version of the catalogue that resolved the roles of a plan.
pub fn catalogue_version() -> String {
    Catalogue::compiled().version().to_owned()
}
