//! How long it takes to read manifests, and to read them and judge each by its schema.
//!
//! Never: files. The text is in memory, as if it came through a pipe.

use std::hint::black_box;

use concordat::{
    domain::state::Absence,
    manifest::{Source, read, read_objects},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// This many grants in one text.
fn text(grants: usize) -> Vec<Source> {
    let grant = |number: usize| {
        format!(
            "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata:\n  name: grant-{number}\n  \
             namespace: bench\nspec:\n  relationshipRef:\n    name: customer-{}\n  grantee:\n    \
             securityGroup:\n      id: 9f1c8d0e-0000-4000-8000-{number:012}\n      displayName: Group {number}\n  \
             roles:\n  - Message Center Reader\n  notAfter: \"2028-06-30T22:00:00Z\"\n",
            number / 5
        )
    };
    let documents: Vec<String> = (0..grants).map(grant).collect();
    vec![Source::Stdin(documents.join("---\n").into_bytes())]
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    group.sample_size(20);
    for grants in [1_000, 10_000] {
        let sources = text(grants);
        group.throughput(Throughput::Elements(grants as u64));
        group.bench_function(BenchmarkId::new("values", grants), |bencher| {
            bencher.iter(|| {
                let input = read(black_box(&sources), "default").expect("the text can be read");
                assert_eq!(input.documents.len(), grants);
            });
        });
        group.bench_function(BenchmarkId::new("objects", grants), |bencher| {
            bencher.iter(|| {
                let (_, objects, problems) =
                    read_objects(black_box(&sources), "default", Absence::Keep)
                        .expect("the text can be read");
                assert_eq!((objects.grants.len(), problems.len()), (grants, 0));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse);
criterion_main!(benches);
