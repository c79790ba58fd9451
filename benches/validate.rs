//! How long the rules over all objects take, once each was read and judged by its schema.
//!
//! Never: reading; `parse` measures that.

use std::{fmt::Write as _, hint::black_box};

use concordat::{
    domain::{catalogue::Catalogue, state::Absence, validate::validate},
    manifest::{Source, read_objects},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::Timestamp;

/// Grants of each relationship.
const EACH: usize = 5;

/// An offer, and this many grants in relationships under it.
fn text(grants: usize) -> Vec<Source> {
    let head = |kind: &str, name: &str| {
        format!(
            "---\napiVersion: concordat.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: bench}}\n"
        )
    };
    let mut text = head("PartnerOffer", "bench");
    text.push_str(
        "spec:\n  partner: {tenantId: aaaabbbb-0000-4ccc-8111-dddd2222eeee, displayName: Contoso}\n  \
         type: GranularDelegatedAdmin\n  duration: P730D\n  roles: [Message Center Reader]\n",
    );
    for number in 0..grants.div_ceil(EACH) {
        let name = format!("customer-{number}");
        let head = head("PartnerRelationship", &name);
        write!(
            text,
            "{head}spec:\n  customer: {{tenantId: 7d3a0000-0000-4000-8000-{number:012}, displayName: Customer}}\n  \
             displayName: {name}\n  offerRef: {{name: bench}}\n"
        )
        .expect("writing to a text cannot fail");
    }
    for number in 0..grants {
        let head = head("RoleGrant", &format!("grant-{number}"));
        write!(
            text,
            "{head}spec:\n  relationshipRef: {{name: customer-{}}}\n  grantee:\n    \
             securityGroup: {{id: 9f1c0000-0000-4000-8000-{number:012}, displayName: Group}}\n  \
             roles: [Message Center Reader]\n  notAfter: \"2028-06-30T22:00:00Z\"\n",
            number / EACH
        )
        .expect("writing to a text cannot fail");
    }
    vec![Source::Stdin(text.into_bytes())]
}

fn rules(criterion: &mut Criterion) {
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    let mut group = criterion.benchmark_group("validate");
    group.sample_size(20);
    for grants in [1_000, 10_000] {
        let (_, objects, problems) =
            read_objects(&text(grants), "default", Absence::Keep).expect("the text can be read");
        assert_eq!(problems, []);
        group.throughput(Throughput::Elements(grants as u64));
        group.bench_function(BenchmarkId::from_parameter(grants), |bencher| {
            bencher.iter(|| {
                let verdict = validate(black_box(&objects), Catalogue::compiled(), now);
                assert_eq!(verdict.problems, []);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, rules);
criterion_main!(benches);
