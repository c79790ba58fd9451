//! What bounds each namespace in this very run, and what the store is to remember of it.
//!
//! Never: a boundary of the input that governs the change it comes with.

use std::collections::{BTreeMap, BTreeSet};

use ecow::EcoString;
use jiff::Timestamp;

use super::{
    Claimant, Foreign, Notice,
    proposed::{Proposals, Proposed},
};
use crate::{
    api::{Cloud, PartnerType},
    domain::{
        catalogue::Catalogue,
        change::{Approval, Cause, Change, Effect, Subject, widens},
        ids::{RoleId, TenantId},
        limits::Limits,
        state::{
            Absence, Assignment, BoundarySource, Bounds, Desired, DesiredRelationship, Difference,
            NamespaceBoundary, ObjectName, Observed, ObservedBoundary, Owner, Reach, Standing,
            Tenant, Window,
        },
    },
};

/// What governs each namespace in one run: nothing that comes with the run lets more through.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Governing {
    /// Whose budget each namespace uses.
    scopes: BTreeMap<EcoString, String>,
    /// By scope.
    limits: BTreeMap<String, Limits>,
    /// What bounded each namespace so far.
    earlier: BTreeMap<EcoString, Bounds>,
    /// Namespaces into which rows come from where less is let through.
    roomier: BTreeSet<EcoString>,
    /// Namespaces of which something that is declared lies outside what bounded them so far.
    outgrown: BTreeSet<EcoString>,
    /// Objects whose rows come from a namespace that uses another budget.
    arrived: BTreeSet<ObjectName>,
}

impl Governing {
    /// Whose budget a namespace uses.
    pub fn scope_of<'a>(&'a self, namespace: &str, desired: &'a Desired) -> &'a str {
        let governed = self.scopes.get(namespace).map(String::as_str);
        governed.unwrap_or_else(|| desired.scope_of(namespace))
    }

    /// The limits of every scope that a run can draw on.
    pub fn limits(&self, desired: &Desired) -> BTreeMap<String, Limits> {
        let mut limits = desired.limits();
        limits.extend(self.limits.clone());
        limits
    }

    /// The limits of a scope.
    pub fn limits_of(&self, scope: &str, desired: &Desired) -> Limits {
        self.limits.get(scope).cloned().unwrap_or_else(|| desired.limits_of(scope))
    }

    /// Whether a change gives what the boundary of its namespace did not admit so far.
    pub fn holds_back(&self, change: &Change, now: Timestamp) -> bool {
        let namespace = &change.subject.owner.object.namespace;
        let moves = moved(&change.effect).is_some() && self.roomier.contains(namespace);
        let earlier = self.earlier.get(namespace);
        moves || earlier.is_some_and(|bounds| !admits(bounds, change, now))
    }

    /// Whether a change is about a row that moves to another budget in this very run: whatever is lost of it would be a share
    /// of what was there before it came.
    pub fn has_arrived(&self, change: &Change) -> bool {
        self.arrived.contains(&change.subject.owner.object)
    }

    /// Whether a change makes the boundary of a namespace wider than what bounded it so far.
    pub fn widens(&self, change: &Change) -> bool {
        let Effect::SetBoundary { namespace, before, after } = &change.effect else { return false };
        let wider = before.as_ref().is_some_and(|before| before.is_widened_by(after));
        wider && self.earlier.contains_key(namespace)
    }

    /// Whether something that is declared for a namespace lies outside what bounded it so far, also where nothing can be
    /// done about it yet.
    pub fn is_outgrown(&self, namespace: &str) -> bool {
        self.outgrown.contains(namespace)
    }
}

/// Plans what the store is to remember, and says what governs until then. The changes of the rows are planned already.
pub(super) fn plan_boundaries(
    desired: &Desired,
    observed: &Observed,
    claimant: &Claimant,
    plan: &mut Proposals,
) {
    let mut governing = Governing::default();
    if desired.boundary_source == BoundarySource::Cluster {
        governing.arrived = governing.arrived(&plan.proposed, desired);
        plan.governing = governing;
        return;
    }
    let mut set = Vec::new();
    let (foreign, claimed) = (foreign(observed, claimant), claimed(&plan.proposed));
    for namespace in desired.namespaces.iter().filter(|namespace| !foreign.contains(namespace)) {
        let of = |namespace: &EcoString| {
            observed.boundaries.get(&(claimant.instance.clone(), namespace.clone()))
        };
        let known = of(namespace);
        let before = known.map(|known| known.boundary.clone()).unwrap_or_default();
        let declared = desired.boundary_of(namespace);
        // What was read from a trusted place is neither forgotten nor replaced by a run that does not read it.
        let stays = before.trusted && desired.boundary_source == BoundarySource::Input;
        let governs = match &declared {
            Some(declared) => declared.clone(),
            None if stays || desired.absence == Absence::Keep => before.clone(),
            None => NamespaceBoundary::default(),
        };
        let after = if stays { before.clone() } else { governs.clone() };
        let is_left_out = declared.is_none() && after != NamespaceBoundary::default();
        let is_overruled =
            stays && (&governs.name, &governs.bounds) != (&before.name, &before.bounds);
        if is_left_out || is_overruled {
            plan.notices.push(Notice::BoundaryAbsent {
                namespace: namespace.clone(),
                boundary: after.name.clone(),
                trusted: after.trusted,
            });
        }
        governing.govern(namespace, &before, &governs, known, desired.boundary_source);
        let roomier = claimed.get(namespace).into_iter().flatten().any(|other| {
            let left = of(other).map(|known| known.boundary.bounds.clone()).unwrap_or_default();
            left.differences(&after.bounds).iter().any(Difference::is_wider)
        });
        if roomier {
            governing.roomier.insert(namespace.clone());
        }
        if before != after {
            let outgrows = before.is_widened_by(&after)
                && (governing.admits_too_little(namespace, desired)
                    || allows_too_few(&before, &after, namespace, desired, observed));
            if outgrows && governing.earlier.contains_key(namespace) {
                governing.outgrown.insert(namespace.clone());
            }
            set.push(change(namespace, after, known, claimant));
        }
    }
    governing.arrived = governing.arrived(&plan.proposed, desired);
    let arrived = governing.arrived.iter().map(|object| object.namespace.clone());
    governing.roomier.extend(arrived);
    plan.proposed.extend(set);
    plan.governing = governing;
}

impl Governing {
    fn govern(
        &mut self,
        namespace: &EcoString,
        before: &NamespaceBoundary,
        after: &NamespaceBoundary,
        known: Option<&ObservedBoundary>,
        source: BoundarySource,
    ) {
        let mut limits = after.bounds.limits.clone();
        let scope = match known {
            Some(_) if source == BoundarySource::Input => {
                limits = limits.meet(&before.bounds.limits);
                self.earlier.insert(namespace.clone(), before.bounds.clone());
                &before.name
            }
            Some(_) => &before.name,
            None => &after.name,
        };
        self.scopes.insert(namespace.clone(), scope.clone());
        let narrower = self.limits.get(scope).map_or(limits.clone(), |other| other.meet(&limits));
        self.limits.insert(scope.clone(), narrower);
    }

    /// The objects that claim rows from a namespace that uses another budget than their own.
    fn arrived(&self, changes: &[Proposed], desired: &Desired) -> BTreeSet<ObjectName> {
        let across = |(before, after): &(&ObjectName, &ObjectName)| {
            self.scope_of(&before.namespace, desired) != self.scope_of(&after.namespace, desired)
        };
        changes
            .iter()
            .filter_map(|change| moved(&change.effect))
            .filter(across)
            .map(|(_, after)| after.clone())
            .collect()
    }

    /// Whether something that is declared lies outside what bounded the namespace so far.
    fn admits_too_little(&self, namespace: &EcoString, desired: &Desired) -> bool {
        let Some(earlier) = self.earlier.get(namespace) else { return false };
        let declared = desired.relationships.values();
        let mut here = declared.filter(|declared| declared.object.namespace == *namespace);
        here.any(|declared| !admits_declared(earlier, declared))
    }
}

/// The namespaces whose rows are read as those of another instance, which remembers for itself.
fn foreign<'a>(observed: &'a Observed, claimant: &Claimant) -> BTreeSet<&'a EcoString> {
    if claimant.foreign == Foreign::Conflict {
        return BTreeSet::new();
    }
    let owners = observed.relationships.values().flatten().map(|row| &row.owner);
    let others = owners.filter(|owner| owner.instance != claimant.instance);
    others.map(|owner| &owner.object.namespace).collect()
}

/// Whether limits that become wider are needed by what is declared and nobody holds yet, now or later: what begins later,
/// waits for a customer or is suspended would be given once the wider limits are remembered.
fn allows_too_few(
    before: &NamespaceBoundary,
    after: &NamespaceBoundary,
    namespace: &str,
    desired: &Desired,
    observed: &Observed,
) -> bool {
    let (earlier, later) = (&before.bounds.limits, &after.bounds.limits);
    let is_wider = later.privileged_gains > earlier.privileged_gains
        || later.new_grantees > earlier.new_grantees
        || later.window < earlier.window;
    if !is_wider {
        return false;
    }
    let catalogue = Catalogue::compiled();
    let (mut gains, mut grantees) = (0_u32, 0_u32);
    for (key, declared) in &desired.relationships {
        if declared.object.namespace != namespace || declared.standing == Standing::Deleted {
            continue;
        }
        let mut wanted: BTreeMap<_, BTreeSet<RoleId>> = BTreeMap::new();
        let lasts = |end: Option<Timestamp>| end.is_none_or(|end| end > observed.now);
        let grants = declared
            .grants
            .values()
            .filter(|grant| grant.standing != Standing::Deleted && lasts(grant.window.not_after));
        for grant in grants {
            wanted.entry(grant.grantee.id).or_default().extend(&grant.roles);
        }
        let rows = observed.relationships.get(key).map_or(&[][..], Vec::as_slice);
        for (grantee, roles) in wanted {
            let held: BTreeSet<&RoleId> = rows
                .iter()
                .filter_map(|row| row.assignments.get(&grantee))
                .flat_map(|assignment| &assignment.state.roles)
                .filter(|(_, until)| **until > observed.now)
                .map(|(role, _)| role)
                .collect();
            let is_gained =
                |role: &&RoleId| !held.contains(role) && catalogue.is_privileged(**role);
            let gained = roles.iter().filter(is_gained).count();
            gains = gains.saturating_add(u32::try_from(gained).unwrap_or(u32::MAX));
            grantees = grantees.saturating_add(u32::from(held.is_empty()));
        }
    }
    gains > earlier.privileged_gains || grantees > earlier.new_grantees
}

/// From which object in one namespace to which in another a change moves a row.
fn moved(effect: &Effect) -> Option<(&ObjectName, &ObjectName)> {
    if let Effect::Claim { before: (before, _), after: (after, _) } = effect {
        let (before, after) = (&before.object, &after.object);
        return (before.namespace != after.namespace).then_some((before, after));
    }
    None
}

/// By namespace the others whose rows come into it.
fn claimed(changes: &[Proposed]) -> BTreeMap<&EcoString, BTreeSet<&EcoString>> {
    let mut claimed: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (before, after) in changes.iter().filter_map(|change| moved(&change.effect)) {
        claimed.entry(&after.namespace).or_default().insert(&before.namespace);
    }
    claimed
}

fn change(
    namespace: &EcoString,
    after: NamespaceBoundary,
    known: Option<&ObservedBoundary>,
    claimant: &Claimant,
) -> Proposed {
    let partner = match &after.bounds.partners {
        Reach::Listed(listed) => listed.first().map(|(partner, _)| *partner),
        Reach::Any => None,
    };
    let tenant = |id: Option<TenantId>| Tenant { id: id.unwrap_or(NO_TENANT), name: None };
    let object = ObjectName { namespace: namespace.clone(), name: after.name.as_str().into() };
    Proposed {
        subject: Subject {
            relationship: None,
            owner: Owner { instance: claimant.instance.clone(), object },
            partner: tenant(partner),
            customer: tenant(None),
            type_: None,
        },
        effect: Effect::SetBoundary {
            namespace: namespace.clone(),
            before: known.map(|known| Box::new(known.boundary.clone())),
            after: Box::new(after),
        },
        cause: Cause::Declared,
        approval: Approval::NotNeeded,
    }
}

/// A boundary is about no single customer.
const NO_TENANT: TenantId = TenantId::from_u128(0);

/// Whether the parties of a relationship lie within a boundary. What is not known is not asked for.
fn admits_parties(
    bounds: &Bounds,
    partner: TenantId,
    cloud: Option<Cloud>,
    customer: TenantId,
    type_: Option<PartnerType>,
) -> bool {
    let speaks_for = match (&bounds.partners, cloud) {
        (partners, Some(cloud)) => partners.admits(&(partner, cloud)),
        (Reach::Any, None) => true,
        (Reach::Listed(listed), None) => listed.iter().any(|(listed, _)| *listed == partner),
    };
    speaks_for
        && bounds.customers.admits(&customer)
        && type_.is_none_or(|type_| bounds.types.admits(&type_))
}

/// Whether a boundary admits what a change gives. What only takes away is always admitted.
fn admits(bounds: &Bounds, change: &Change, now: Timestamp) -> bool {
    let Subject { relationship, owner: _, partner, customer, type_ } = &change.subject;
    let cloud = relationship.as_ref().map(|row| row.cloud);
    let parties = || admits_parties(bounds, partner.id, cloud, customer.id, *type_);
    match &change.effect {
        Effect::Invite { .. }
        | Effect::Adopt { .. }
        | Effect::Authorise { .. }
        | Effect::Extend { .. }
        | Effect::Claim { .. }
        | Effect::RecordAcceptance { .. } => parties(),
        Effect::SetAutoExtend { before: _, after } => after.is_zero() || parties(),
        Effect::SetRoles { grantee, before, after } => {
            !widens(&before.roles, &after.roles)
                || (parties()
                    && bounds.grantees.admits(&grantee.id)
                    && admits_gains(bounds, before, after, now))
        }
        Effect::Decline { .. }
        | Effect::Withdraw { .. }
        | Effect::DropGlobalAdministrator { .. }
        | Effect::SetPolicies { .. }
        | Effect::Rename { .. }
        | Effect::Terminate { .. }
        | Effect::Expire { .. }
        | Effect::Recognise { .. }
        | Effect::SetBoundary { .. } => true,
    }
}

fn admits_gains(bounds: &Bounds, before: &Assignment, after: &Assignment, now: Timestamp) -> bool {
    let mut gained = after
        .roles
        .iter()
        .filter(|(role, until)| before.roles.get(role).is_none_or(|earlier| earlier < *until));
    let latest = bounds.privileged_at_most.and_then(|longest| longest.after(now));
    gained.all(|(role, until)| {
        let privileged = Catalogue::compiled().is_privileged(*role);
        let too_long = latest.is_some_and(|latest| *until > latest);
        bounds.roles.admits(role) && !(privileged && too_long)
    })
}

/// Whether a boundary admits a relationship and all its grants, as they are declared.
fn admits_declared(bounds: &Bounds, declared: &DesiredRelationship) -> bool {
    if declared.standing == Standing::Deleted {
        return true;
    }
    let invitation = &declared.invitation;
    let (partner, cloud) = (invitation.partner, Some(invitation.cloud));
    let type_ = Some(invitation.type_);
    let mut live = declared.grants.values().filter(|grant| grant.standing != Standing::Deleted);
    admits_parties(bounds, partner, cloud, invitation.customer, type_)
        && live.all(|grant| {
            let catalogue = Catalogue::compiled();
            let privileged = grant.roles.iter().any(|role| catalogue.is_privileged(*role));
            let longest = bounds.privileged_at_most.filter(|_| privileged);
            bounds.grantees.admits(&grant.grantee.id)
                && grant.roles.iter().all(|role| bounds.roles.admits(role))
                && longest.is_none_or(|longest| {
                    let Window { not_before, not_after } = grant.window;
                    let latest = not_before.and_then(|start| longest.after(start));
                    latest.zip(not_after).is_some_and(|(latest, end)| end <= latest)
                })
        })
}
