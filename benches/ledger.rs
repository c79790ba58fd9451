//! How fast a ledger of 100,000 entries is verified, written out, read back and replayed.
//!
//! Never: a figure for entries smaller than those that a store writes.

use std::hint::black_box;

use concordat::{
    api::{Cloud, GrantDeletionPolicy, PartnerType},
    domain::{
        catalogue::Catalogue,
        change::{Approval, Cause, Change, Effect, Precondition, Subject},
        entry::{self, Actor, ActorKind, ActorStanding, Draft, Entry, Head, Intent},
        ids::{GranteeId, RoleId, TenantId},
        state::{
            Asked, Assignment, Contribution, Grantee, GranteeKind, Instance, ObjectName, Owner,
            RelationshipKey, Roles, Tenant, Uid, Window,
        },
    },
    ledger::{Replay, Until, export, verify},
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use jiff::{SignedDuration, Timestamp};

const ENTRIES: u32 = 100_000;

fn assignment(number: u32, until: Timestamp) -> Assignment {
    let ids: Vec<RoleId> = Catalogue::compiled().roles().take(3).map(|role| role.id).collect();
    let object = ObjectName { namespace: "msp".into(), name: format!("grant-{number}").into() };
    let contribution = Contribution {
        uid: Uid::of_file(),
        roles: ids.iter().copied().collect(),
        asked: Asked {
            words: ids.iter().map(ToString::to_string).collect(),
            catalogue: Catalogue::compiled().version().to_owned(),
        },
        window: Window { not_before: None, not_after: Some(until) },
        deletion: GrantDeletionPolicy::Revoke,
        justification: None,
    };
    let roles: Roles = ids.into_iter().map(|id| (id, until)).collect();
    let contributions = [(object, Box::new(contribution))].into_iter().collect();
    Assignment { recorded: roles.clone(), roles, contributions }
}

fn change(number: u32, until: Timestamp) -> Change {
    let tenant =
        |id, name: &str| Tenant { id: TenantId::from_u128(id), name: Some(name.to_owned()) };
    let name = format!("customer-{}", number % 2_000);
    let partner = tenant(1, "Fabrikam");
    let key =
        RelationshipKey { cloud: Cloud::Global, partner: partner.id, name: name.as_str().into() };
    let object = ObjectName { namespace: "msp".into(), name: name.into() };
    let grantee = Grantee {
        id: GranteeId::from_u128(u128::from(number % 10_000)),
        kind: GranteeKind::SecurityGroup,
        name: Some("Tier 1".to_owned()),
    };
    Change {
        subject: Subject {
            relationship: Some(key),
            owner: Owner { instance: Instance::cli(), object },
            partner,
            customer: tenant(u128::from(2 + number % 2_000), "Contoso"),
            type_: Some(PartnerType::GranularDelegatedAdmin),
        },
        effect: Effect::SetRoles {
            grantee,
            before: Assignment::default(),
            after: assignment(number, until),
        },
        cause: Cause::Declared,
        approval: Approval::NotNeeded,
        expects: Precondition { uid: Some(Uid::of_file()), revision: 2, version: 0 },
    }
}

fn ledger() -> Vec<Entry> {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("it is a time");
    let mut head = Head::empty();
    let entries = (0..ENTRIES).map(|number| {
        let time = start + SignedDuration::from_secs(i64::from(number));
        let change = change(number, time + SignedDuration::from_hours(24));
        let (kind, standing) = (ActorKind::Robot, ActorStanding::Claimed);
        let entry = Entry::after(
            head,
            Draft {
                time,
                kind: entry::kind(&change),
                subject: entry::subject(&change),
                actor: Actor { name: "deploy-bot".to_owned(), kind, standing },
                intent: Intent::default(),
                payload: entry::payload(&change, change.id(), None, None),
            },
        );
        head = entry.head();
        entry
    });
    entries.collect()
}

fn benches(criterion: &mut Criterion) {
    let entries = ledger();
    let head = entries.last().map(Entry::head);
    let lines: Vec<String> = entries.iter().map(export::line).collect();
    let mut group = criterion.benchmark_group("ledger");
    group.sample_size(10).throughput(Throughput::Elements(u64::from(ENTRIES)));
    group.bench_function("verify", |bencher| {
        bencher.iter(|| assert_eq!(verify(black_box(&entries), head, []).fault, None));
    });
    group.bench_function("export", |bencher| {
        bencher.iter(|| entries.iter().map(|entry| export::line(entry).len()).sum::<usize>());
    });
    group.bench_function("read", |bencher| {
        bencher.iter(|| {
            lines.iter().filter(|line| export::read_line(1, black_box(line)).is_ok()).count()
        });
    });
    group.bench_function("replay", |bencher| {
        bencher.iter(|| {
            let mut replay = Replay::new(Until::end());
            for entry in &entries {
                replay.push(black_box(entry));
            }
            replay
        });
    });
    group.finish();
}

criterion_group!(all, benches);
criterion_main!(all);
