//! How long planning takes for 1,000, 10,000 and 100,000 grants: it must grow with their number and no faster.
//!
//! Never: a store, or anything else that waits.

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
};

use concordat::{
    api::{
        Cloud, GrantDeletionPolicy, ManagementPolicy, PartnerType, RelationshipDeletionPolicy,
        RenewalMode, UnmanagedAssignments,
    },
    domain::{
        duration::Duration,
        ids::{GranteeId, HELPDESK_ADMINISTRATOR, TenantId},
        lifecycle::Lifecycle,
        limits::check,
        plan::{Claimant, Foreign, plan},
        state::{
            Absence, Asked, BoundarySource, Desired, DesiredGrant, DesiredRelationship, Doubts,
            GrantObject, Grantee, GranteeKind, Instance, Invitation, ObjectName, Observed,
            ObservedRelationship, Owner, Policies, RelationshipKey, Renewal, Standing, Tenant, Uid,
            Window,
        },
    },
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;

/// Grants of each relationship.
const EACH: usize = 10;

fn name(kind: &str, number: usize) -> ObjectName {
    ObjectName { namespace: "msp".into(), name: format!("{kind}-{number}").into() }
}

fn policies() -> Policies {
    Policies {
        deletion: RelationshipDeletionPolicy::Revoke,
        unmanaged: UnmanagedAssignments::Keep,
        management: ManagementPolicy::Manage,
    }
}

fn asked() -> Asked {
    let words = BTreeSet::from(["Helpdesk Administrator".to_owned()]);
    Asked { words, catalogue: "1".to_owned() }
}

fn tenant(number: usize) -> Tenant {
    let bits = u128::try_from(number).expect("a count fits");
    Tenant { id: TenantId::from_u128(bits), name: None }
}

fn grant(number: usize) -> (ObjectName, DesiredGrant) {
    let id = GranteeId::from_u128(u128::try_from(number).expect("a count fits"));
    let grant = DesiredGrant {
        uid: Uid::of_file(),
        standing: Standing::Live,
        grantee: Grantee { id, kind: GranteeKind::SecurityGroup, name: None },
        roles: BTreeSet::from([HELPDESK_ADMINISTRATOR]),
        asked: asked(),
        window: Window::default(),
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    };
    (name("grant", number), grant)
}

/// An active relationship, and what is wanted of it.
fn relationship(number: usize) -> (DesiredRelationship, ObservedRelationship) {
    let (partner, customer) = (tenant(1), tenant(number + 2));
    let invitation = Invitation {
        partner: partner.id,
        customer: customer.id,
        type_: PartnerType::GranularDelegatedAdmin,
        cloud: Cloud::Global,
        name: format!("customer {number}"),
        roles: BTreeSet::from([HELPDESK_ADMINISTRATOR]),
        duration: Some("P365D".parse().expect("it is a duration")),
        auto_extend: Duration::from_days(0),
        agreement: None,
        terms: None,
    };
    let object = name("relationship", number);
    let observed = ObservedRelationship {
        key: RelationshipKey {
            cloud: Cloud::Global,
            partner: partner.id,
            name: invitation.name.as_str().into(),
        },
        number: 1,
        owner: Owner { instance: Instance::cli(), object: object.clone() },
        uid: Uid::of_file(),
        revision: 2,
        customer_name: None,
        partner_name: None,
        lifecycle: Lifecycle::Active,
        digest: invitation.digest(),
        asked: asked(),
        invited_at: Timestamp::UNIX_EPOCH,
        activated_at: Some(Timestamp::UNIX_EPOCH),
        ends_at: Duration::from_days(365).after(Timestamp::UNIX_EPOCH),
        auto_extend: invitation.auto_extend,
        ceiling: invitation.roles.clone(),
        ended: None,
        at: None,
        moved: None,
        policies: policies(),
        assignments: BTreeMap::new(),
        invitation: invitation.clone(),
    };
    let desired = DesiredRelationship {
        object,
        uid: Uid::of_file(),
        standing: Standing::Live,
        invitation,
        asked: asked(),
        partner,
        customer,
        renewal: Renewal { mode: RenewalMode::Notify, before: Duration::from_days(60) },
        policies: policies(),
        adopt_from: None,
        grants: (number * EACH..(number + 1) * EACH).map(grant).collect(),
        answers: Vec::new(),
        agreements: Vec::new(),
    };
    (desired, observed)
}

fn world(grants: usize) -> (Desired, Observed) {
    let rows: Vec<_> = (0..grants / EACH).map(relationship).collect();
    let grants = rows.iter().flat_map(|(wish, _)| &wish.grants);
    let said = |grant: &DesiredGrant| GrantObject {
        standing: grant.standing,
        not_after: grant.window.not_after,
        deletion: Some(grant.deletion),
    };
    let desired = Desired {
        leaving: BTreeMap::new(),
        gone: BTreeSet::new(),
        grant_objects: grants.map(|(name, grant)| (name.clone(), said(grant))).collect(),
        relationships: rows.iter().map(|(wish, row)| (row.key.clone(), wish.clone())).collect(),
        acceptances: Vec::new(),
        namespaces: BTreeSet::from(["msp".into()]),
        absence: Absence::Keep,
        boundaries: BTreeMap::new(),
        boundary_source: BoundarySource::Input,
    };
    let observed = Observed {
        now: Timestamp::UNIX_EPOCH,
        relationships: rows.into_iter().map(|(_, row)| (row.key.clone(), vec![row])).collect(),
        acceptances: BTreeMap::new(),
        boundaries: BTreeMap::new(),
        doubts: Doubts::default(),
        service: None,
    };
    (desired, observed)
}

fn planning(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan");
    group.sample_size(10);
    for grants in [1_000, 10_000, 100_000] {
        let (desired, observed) = world(grants);
        let claimant = Claimant::cli(Foreign::Conflict);
        group.throughput(Throughput::Elements(grants as u64));
        group.bench_with_input(BenchmarkId::new("plan", grants), &grants, |bencher, _| {
            bencher.iter(|| plan(black_box(&desired), black_box(&observed), &claimant));
        });
        let made = plan(&desired, &observed, &claimant);
        group.bench_with_input(BenchmarkId::new("check", grants), &grants, |bencher, _| {
            bencher.iter(|| check(black_box(&made), &desired, &BTreeMap::new(), &BTreeSet::new()));
        });
    }
    group.finish();
}

criterion_group!(benches, planning);
criterion_main!(benches);
