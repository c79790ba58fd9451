//! One plan that has everything; its names would like to be more than names.
//!
//! Never: a change made by hand where the planner can make it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::{
    api::{
        Cloud, GrantDeletionPolicy, ManagementPolicy, PartnerType, RelationshipDeletionPolicy,
        RenewalMode, UnmanagedAssignments,
    },
    domain::{
        catalogue::Catalogue,
        duration::Duration,
        ids::RoleId,
        lifecycle::Lifecycle,
        limits::{Checked, Limits, Share, check},
        plan::{Claimant, Foreign, Plan, plan},
        state::{
            Absence, Asked, Assignment, Boundary, BoundarySource, Bounds, Contribution, Desired,
            DesiredGrant, DesiredRelationship, Flight, GrantObject, Grantee, GranteeKind, Grants,
            Instance, Invitation, ObjectName, Observed, ObservedAssignment, ObservedRelationship,
            Owner, Policies, RelationshipKey, Renewal, Roles, Standing, Tenant, Uid, Window,
        },
    },
};

const HOSTILE: &str =
    "Help|desk\u{202e} <script>alert(1)</script> `x` [a](https://b.example) @octocat\n# forged";

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn role(name: &str) -> RoleId {
    Catalogue::compiled().find(name).unwrap().id
}

fn tenant(digit: u32, name: &str) -> Tenant {
    let id = format!("{digit:08}-0000-4000-8000-000000000000").parse().unwrap();
    Tenant { id, name: Some(name.to_owned()) }
}

fn object(namespace: &str, name: &str) -> ObjectName {
    ObjectName { namespace: namespace.into(), name: name.into() }
}

fn group(digit: u32, name: &str) -> Grantee {
    let id = format!("aaaaaaaa-0000-4000-8000-{digit:012}").parse().unwrap();
    Grantee { id, kind: GranteeKind::SecurityGroup, name: Some(name.to_owned()) }
}

fn asked<'a>(roles: impl IntoIterator<Item = &'a RoleId>) -> Asked {
    let catalogue = Catalogue::compiled();
    let words = roles.into_iter().map(|role| catalogue.name_of(*role)).collect();
    Asked { words, catalogue: catalogue.version().to_owned() }
}

fn policies() -> Policies {
    Policies {
        deletion: RelationshipDeletionPolicy::Revoke,
        unmanaged: UnmanagedAssignments::Keep,
        management: ManagementPolicy::Manage,
    }
}

fn invitation(name: &str, customer: &Tenant) -> Invitation {
    Invitation {
        partner: tenant(1, "Contoso").id,
        customer: customer.id,
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: Cloud::Global,
        name: name.to_owned(),
        roles: ["Helpdesk Administrator", "Privileged Role Administrator", "Reports Reader"]
            .into_iter()
            .map(role)
            .collect(),
        duration: Some("P365D".parse().unwrap()),
        auto_extend: Duration::default(),
        agreement: None,
        terms: None,
    }
}

fn key(name: &str) -> RelationshipKey {
    RelationshipKey { cloud: Cloud::Global, partner: tenant(1, "").id, name: name.into() }
}

fn wanted(namespace: &str, name: &str, customer: &Tenant) -> DesiredRelationship {
    DesiredRelationship {
        object: object(namespace, name),
        uid: Uid::of_file(),
        standing: Standing::Live,
        invitation: invitation(name, customer),
        asked: asked(&invitation(name, customer).roles),
        partner: tenant(1, "Contoso"),
        customer: customer.clone(),
        renewal: Renewal { mode: RenewalMode::Notify, before: Duration::from_days(60) },
        policies: policies(),
        adopt_from: None,
        grants: Grants::default(),
        answers: Vec::new(),
        agreements: Vec::new(),
    }
}

fn held(roles: &[(&str, &str)], by: &ObjectName) -> Assignment {
    let roles: Roles = roles.iter().map(|(name, until)| (role(name), time(until))).collect();
    let contribution = Contribution {
        uid: Uid::of_file(),
        roles: roles.keys().copied().collect(),
        asked: asked(roles.keys()),
        window: Window { not_before: None, not_after: roles.values().next().copied() },
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    };
    Assignment {
        recorded: roles.clone(),
        roles,
        contributions: [(by.clone(), Box::new(contribution))].into_iter().collect(),
    }
}

fn active(
    declared: &DesiredRelationship,
    held: Vec<(Grantee, Assignment)>,
) -> ObservedRelationship {
    let assignments = held.into_iter().map(|(grantee, state)| {
        (grantee.id, ObservedAssignment { grantee, version: 1, state, flight: Flight::Landed })
    });
    ObservedRelationship {
        key: key(&declared.invitation.name),
        number: 1,
        owner: Owner { instance: Instance::cli(), object: declared.object.clone() },
        uid: declared.uid.clone(),
        revision: 2,
        customer_name: declared.customer.name.clone(),
        partner_name: declared.partner.name.clone(),
        lifecycle: Lifecycle::Active,
        digest: declared.invitation.digest(),
        ceiling: declared.invitation.roles.clone(),
        invitation: declared.invitation.clone(),
        asked: declared.asked.clone(),
        invited_at: time("2026-06-01T00:00:00Z"),
        activated_at: Some(time("2026-06-02T00:00:00Z")),
        ends_at: Some(time("2027-06-02T00:00:00Z")),
        auto_extend: Duration::default(),
        ended: None,
        at: None,
        moved: None,
        policies: policies(),
        assignments: assignments.collect(),
    }
}

/// A group that gains, loses and keeps; one customer to be invited; a relationship whose end is blocked.
pub(in crate::render) fn world() -> (Desired, Observed) {
    let customer = tenant(2, "Fabrikam");
    let mut kept = wanted("msp", "acme-helpdesk", &customer);
    let grant = object("msp", "helpdesk");
    kept.policies.deletion = RelationshipDeletionPolicy::Terminate;
    let roles = ["Helpdesk Administrator", "Privileged Role Administrator"].map(role);
    kept.grants.insert(
        grant.clone(),
        DesiredGrant {
            uid: Uid::of_file(),
            standing: Standing::Live,
            grantee: group(1, HOSTILE),
            roles: roles.into(),
            asked: asked(&roles),
            window: Window { not_before: None, not_after: Some(time("2027-03-01T00:00:00Z")) },
            deletion: GrantDeletionPolicy::Revoke,
            justification: None,
        },
    );
    let before = held(
        &[
            ("Helpdesk Administrator", "2027-01-01T00:00:00Z"),
            ("Reports Reader", "2027-01-01T00:00:00Z"),
        ],
        &grant,
    );
    let first = active(
        &DesiredRelationship { policies: policies(), ..kept.clone() },
        vec![(group(1, HOSTILE), before)],
    );
    let new = wanted("msp", "new-customer", &tenant(3, "Tailspin <b>Toys</b>"));
    let mut old = wanted("risky", "old-customer", &tenant(4, "Woodgrove"));
    old.standing = Standing::Deleted;
    old.policies.deletion = RelationshipDeletionPolicy::Terminate;
    let last = held(&[("Reports Reader", "2027-01-01T00:00:00Z")], &object("risky", "reports"));
    let mut second = active(&old, vec![(group(2, "Reports"), last)]);
    second.policies = old.policies.clone();

    let none = Share { count: 0, percent: 100 };
    let limits = Limits { revocations: none, terminations: none, ..Limits::default() };
    let bounds = Bounds { limits, ..Bounds::default() };
    let boundary = Boundary { namespaces: BTreeSet::from(["risky".into()]), bounds };
    let declared = [kept, new, old];
    let desired = Desired {
        relationships: declared
            .into_iter()
            .map(|declared| (key(&declared.invitation.name), declared))
            .collect(),
        leaving: BTreeMap::new(),
        gone: BTreeSet::new(),
        grant_objects: BTreeMap::from([(
            grant,
            GrantObject {
                standing: Standing::Live,
                not_after: None,
                deletion: Some(GrantDeletionPolicy::Revoke),
            },
        )]),
        acceptances: Vec::new(),
        namespaces: BTreeSet::from(["msp".into(), "risky".into()]),
        absence: Absence::Keep,
        boundaries: BTreeMap::from([("careful".to_owned(), boundary)]),
        boundary_source: BoundarySource::Cluster,
    };
    let observed = Observed {
        now: time("2026-12-01T00:00:00Z"),
        relationships: [first, second]
            .into_iter()
            .map(|row| (row.key.clone(), vec![row]))
            .collect(),
        acceptances: BTreeMap::new(),
        boundaries: BTreeMap::new(),
        doubts: crate::domain::state::Doubts::default(),
        service: None,
    };
    (desired, observed)
}

pub(super) fn planned() -> (Plan, Checked) {
    let (desired, observed) = world();
    let claimant = Claimant { instance: Instance::cli(), foreign: Foreign::Conflict };
    let plan = plan(&desired, &observed, &claimant);
    let checked = check(&plan, &desired, &BTreeMap::new(), &BTreeSet::new());
    (plan, checked)
}
