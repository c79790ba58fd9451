//! What the boundary of a namespace admits. It is honoured where the input holds one that names the namespace.
//!
//! Never: a namespace admitted to more because it has two boundaries; each of them counts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    str::FromStr,
};

use ecow::EcoString;

use super::{
    Object,
    findings::{Findings, Subject, spec},
    offers::Proposal,
    roles::Resolver,
};
use crate::{
    api::{
        Cloud, Limits as AskedLimits, PartnerBoundarySpec, PartnerType, RevocationLimit,
        TerminationLimit,
    },
    domain::{
        duration::Duration,
        ids::{GranteeId, Kind, ObjectKey, RoleId, TenantId},
        limits::{Limits, Share},
        partner_type::role_names,
        problem::{Code, FieldPath},
        state::{Boundary, Bounds, Grantee, Reach, Window},
    },
};

/// Another partner or cloud than the boundary's.
pub const PARTNER_OUTSIDE: Code = Code(320);
/// A type that the partner is not certified for.
pub const NOT_CERTIFIED: Code = Code(321);
/// A customer outside the boundary.
pub const CUSTOMER_OUTSIDE: Code = Code(322);
/// A grantee outside the boundary.
pub const GRANTEE_OUTSIDE: Code = Code(323);
/// A role outside the boundary.
pub const ROLE_OUTSIDE: Code = Code(324);
/// Two boundaries for one namespace.
pub const BOUNDARIES_OVERLAP: Code = Code(326);
/// A privileged role for longer than the boundary admits.
pub const PRIVILEGED_FOR_TOO_LONG: Code = Code(403);

struct Admitted<'a> {
    name: &'a str,
    partner: Option<TenantId>,
    cloud: Cloud,
    certified_for: &'a [PartnerType],
    customers: Reach<TenantId>,
    grantees: Reach<GranteeId>,
    roles: Reach<RoleId>,
    privileged_at_most: Option<Duration>,
    namespaces: BTreeSet<EcoString>,
    limits: Limits,
}

/// What a grant gives.
pub(super) struct Given<'a> {
    /// Under any relationship.
    pub roles: &'a BTreeSet<RoleId>,
    /// Where they are asked for.
    pub path: FieldPath,
    pub window: Window,
}

/// The boundaries, by the namespaces that they name.
pub(super) struct Boundaries<'a> {
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    all: Vec<Admitted<'a>>,
    objects: Vec<&'a Object<PartnerBoundarySpec>>,
}

impl<'a> Boundaries<'a> {
    /// Reads every boundary. One with errors is honoured as far as it can be read.
    pub fn read(
        objects: &[&'a Object<PartnerBoundarySpec>],
        resolver: &mut Resolver<'a>,
        findings: &mut Findings<'_>,
    ) -> Self {
        let mut boundaries =
            Self { by_namespace: BTreeMap::new(), all: Vec::new(), objects: Vec::new() };
        for object in objects {
            let admitted = admitted(object, resolver, findings);
            // Nobody knows what it would admit.
            if findings.is_flawed(object.subject(Kind::PartnerBoundary)) {
                continue;
            }
            let position = boundaries.all.len();
            boundaries.all.push(admitted);
            boundaries.objects.push(object);
            for namespace in &object.spec.namespaces {
                boundaries.by_namespace.entry(namespace).or_default().push(position);
            }
        }
        for (namespace, positions) in &boundaries.by_namespace {
            for position in positions.iter().filter(|_| positions.len() > 1) {
                let object = boundaries.objects[*position];
                let other = positions.iter().find(|other| *other != position);
                let other = other.map_or("itself", |other| boundaries.all[*other].name);
                let message = format!("namespace `{namespace}` is named by `{other}` too");
                let help = "name each namespace in one boundary: its budget is counted there";
                let at = object.spec.namespaces.iter().position(|name| name == namespace);
                let path = spec("namespaces").index(at.unwrap_or_default());
                let about = object.subject(Kind::PartnerBoundary);
                findings.error(about, BOUNDARIES_OVERLAP, path, message, help);
            }
        }
        boundaries
    }

    fn of(&self, about: Subject<'_>) -> impl Iterator<Item = &Admitted<'a>> {
        let positions = self.by_namespace.get(&*about.name.namespace);
        positions.into_iter().flatten().map(|position| &self.all[*position])
    }

    /// Whether exactly one boundary names the namespace, and nothing is wrong with it.
    pub fn admit(&self, namespace: &str, findings: &Findings<'_>) -> bool {
        let positions = self.by_namespace.get(namespace).map(Vec::as_slice);
        let Some([position]) = positions else { return false };
        let (namespace, name) = (EcoString::new(), self.all[*position].name.into());
        !findings.has_problems(&ObjectKey { kind: Kind::PartnerBoundary, namespace, name })
    }

    /// Judges an offer that stands at `path`.
    pub fn offer(
        &self,
        about: Subject<'_>,
        proposal: &Proposal,
        path: &FieldPath,
        findings: &mut Findings<'_>,
    ) {
        for boundary in self.of(about) {
            if let Some(partner) = &proposal.partner {
                let at = path.clone().field("partner").field("tenantId");
                boundary.speaks_for(about, (partner.id, proposal.cloud), at, findings);
            }
            let type_ = proposal.type_;
            if !boundary.certified_for.contains(&type_) {
                let message = format!(
                    "boundary `{}` does not certify the partner for `{type_:?}`",
                    boundary.name
                );
                let help = "choose a type that the partner is certified for, or have the boundary \
                            changed";
                let path = path.clone().field("type");
                findings.error(about, NOT_CERTIFIED, path, message, help);
            }
            let outside = proposal.roles.iter().filter(|role| !boundary.roles.admits(role));
            let outside: BTreeSet<_> = outside.collect();
            if !outside.is_empty() {
                let message = format!(
                    "the offer asks for {}, which boundary `{}` lets nobody hold",
                    role_names(outside),
                    boundary.name
                );
                let help = "ask the customer only for what will be given";
                findings.warning(about, ROLE_OUTSIDE, path.clone(), message, help);
            }
        }
    }

    /// Judges the parties of an agreement.
    pub fn parties(
        &self,
        about: Subject<'_>,
        customer: TenantId,
        partner: TenantId,
        findings: &mut Findings<'_>,
    ) {
        for boundary in self.of(about) {
            let at = spec("partner").field("tenantId");
            boundary.speaks_for(about, (partner, boundary.cloud), at, findings);
        }
        self.customer(about, customer, findings);
    }

    /// Judges the customer of an object.
    pub fn customer(&self, about: Subject<'_>, customer: TenantId, findings: &mut Findings<'_>) {
        for boundary in self.of(about).filter(|boundary| !boundary.customers.admits(&customer)) {
            let message =
                format!("customer `{customer}` lies outside boundary `{}`", boundary.name);
            let help = "have the customer added to the boundary";
            let path = spec("customer").field("tenantId");
            findings.error(about, CUSTOMER_OUTSIDE, path, message, help);
        }
    }

    /// Judges who holds what for how long.
    pub fn grant(
        &self,
        about: Subject<'_>,
        grantee: &Grantee,
        given: &Given<'_>,
        resolver: &Resolver<'_>,
        findings: &mut Findings<'_>,
    ) {
        let Given { roles, path, window } = given;
        for boundary in self.of(about) {
            if !boundary.grantees.admits(&grantee.id) {
                let message =
                    format!("grantee `{}` lies outside boundary `{}`", grantee.id, boundary.name);
                let help = "have it added to the boundary";
                findings.error(about, GRANTEE_OUTSIDE, spec("grantee"), message, help);
            }
            let outside = roles.iter().filter(|role| !boundary.roles.admits(role));
            let outside: BTreeSet<_> = outside.collect();
            if !outside.is_empty() {
                let message =
                    format!("boundary `{}` does not admit {}", boundary.name, role_names(outside));
                let help = "ask for roles that it admits, or have it changed";
                findings.error(about, ROLE_OUTSIDE, path.clone(), message, help);
            }
            let Some(longest) = boundary.privileged_at_most else { continue };
            let privileged = roles.iter().filter(|role| resolver.is_privileged(**role));
            let privileged: BTreeSet<_> = privileged.collect();
            if !privileged.is_empty() && !fits(*window, longest) {
                let message = format!(
                    "boundary `{}` admits {} for `{longest}` at most",
                    boundary.name,
                    role_names(privileged)
                );
                let help = format!("set `notBefore` and `notAfter`, at most `{longest}` apart");
                let path = spec("notAfter");
                findings.error(about, PRIVILEGED_FOR_TOO_LONG, path, message, help);
            }
        }
    }

    /// For how long a privileged role may be held in a namespace, and which boundary says so.
    pub fn privileged_at_most(&self, about: Subject<'_>) -> Option<(&'a str, Duration)> {
        let bounds = self.of(about).filter_map(|boundary| {
            boundary.privileged_at_most.map(|longest| (boundary.name, longest))
        });
        bounds.min_by_key(|(_, longest)| *longest)
    }

    /// As the planner knows them.
    pub fn into_desired(self) -> BTreeMap<String, Boundary> {
        let all = self.all.into_iter();
        all.map(|boundary| (boundary.name.to_owned(), boundary.into_desired())).collect()
    }
}

impl Admitted<'_> {
    fn into_desired(self) -> Boundary {
        let partners = self.partner.map(|partner| (partner, self.cloud));
        let bounds = Bounds {
            partners: Reach::Listed(partners.into_iter().collect()),
            types: Reach::Listed(self.certified_for.iter().copied().collect()),
            customers: self.customers,
            grantees: self.grantees,
            roles: self.roles,
            privileged_at_most: self.privileged_at_most,
            limits: self.limits,
        };
        Boundary { namespaces: self.namespaces, bounds }
    }

    fn speaks_for(
        &self,
        about: Subject<'_>,
        (partner, cloud): (TenantId, Cloud),
        path: FieldPath,
        findings: &mut Findings<'_>,
    ) {
        let Some(own) = self.partner else { return };
        if (own, self.cloud) != (partner, cloud) {
            let message = format!(
                "partner `{partner}` in cloud `{cloud:?}` lies outside boundary `{}`, which is for \
                 `{own}` in `{:?}`",
                self.name, self.cloud
            );
            let help = "put the object into a namespace of that partner, or have the boundary \
                        changed";
            findings.error(about, PARTNER_OUTSIDE, path, message, help);
        }
    }
}

/// Whether a window has both ends and is no longer than `longest`.
pub(super) fn fits(window: Window, longest: Duration) -> bool {
    let Window { not_before: Some(start), not_after: Some(end) } = window else { return false };
    longest.after(start).is_none_or(|latest| end <= latest)
}

fn admitted<'a>(
    object: &'a Object<PartnerBoundarySpec>,
    resolver: &mut Resolver<'a>,
    findings: &mut Findings<'_>,
) -> Admitted<'a> {
    let about = object.subject(Kind::PartnerBoundary);
    let PartnerBoundarySpec { namespaces, partner, customers, grantees, roles, privileged, limits } =
        &object.spec;
    let at = || spec("partner").field("tenantId");
    let id = findings.read(about, &partner.tenant_id, at);
    let at = spec("customers").field("tenantIds");
    let customers = scope(about, customers.any, &customers.tenant_ids, &at, findings);
    let at = spec("grantees").field("groupIds");
    let grantees = scope(about, grantees.any, &grantees.group_ids, &at, findings);
    let at = spec("roles").field("allowed");
    let allowed = resolver.roles(about, &roles.allowed, &at, findings).roles;
    let at = || spec("privileged").field("maxWindow");
    let longest = privileged.as_ref().map(|privileged| {
        findings.read(about, &privileged.max_window, at).unwrap_or(Duration::from_seconds(0))
    });
    Admitted {
        name: &object.name.name,
        partner: id,
        cloud: partner.cloud,
        certified_for: &partner.certified_for,
        customers,
        grantees,
        roles: if roles.any { Reach::Any } else { Reach::Listed(allowed) },
        privileged_at_most: longest,
        namespaces: namespaces.iter().map(Into::into).collect(),
        limits: read_limits(about, limits.as_ref(), findings),
    }
}

fn scope<T: Ord + FromStr<Err: Display>>(
    about: Subject<'_>,
    any: bool,
    listed: &[String],
    path: &FieldPath,
    findings: &mut Findings<'_>,
) -> Reach<T> {
    if any {
        return Reach::Any;
    }
    let read = |(position, text): (usize, &String)| {
        findings.read(about, text, || path.clone().index(position))
    };
    Reach::Listed(listed.iter().enumerate().filter_map(read).collect())
}

/// What is left out has its default.
fn read_limits(
    about: Subject<'_>,
    asked: Option<&AskedLimits>,
    findings: &mut Findings<'_>,
) -> Limits {
    let default = Limits::default();
    let Some(asked) = asked else { return default };
    let AskedLimits {
        window,
        revocations,
        terminations,
        privileged_gains,
        new_grantees,
        replacements,
    } = asked;
    let window = window
        .as_ref()
        .and_then(|text| findings.read(about, text, || spec("limits").field("window")));
    let share = |count: Option<u32>, percent: Option<u32>, default: Share| Share {
        count: count.unwrap_or(default.count),
        percent: percent.unwrap_or(default.percent),
    };
    let RevocationLimit { count, share: percent } = revocations.clone().unwrap_or_default();
    let revocations = share(count, percent, default.revocations);
    let TerminationLimit { count, share: percent } = terminations.clone().unwrap_or_default();
    let terminations = share(count, percent, default.terminations);
    Limits {
        window: window.unwrap_or(default.window),
        revocations,
        terminations,
        privileged_gains: privileged_gains.unwrap_or(default.privileged_gains),
        new_grantees: new_grantees.unwrap_or(default.new_grantees),
        replacements: replacements.unwrap_or(default.replacements),
    }
}

#[cfg(test)]
mod tests;
