//! How long `solve` takes: one task, thirty tasks, and every task at once.
//!
//! Never: a number that depends on chance; the tasks are the same in every run.

use concordat::domain::catalogue::{Catalogue, Support, Task};
use criterion::{Criterion, criterion_group, criterion_main};

fn solve(criterion: &mut Criterion) {
    let catalogue = Catalogue::compiled();
    let solvable: Vec<&Task> =
        catalogue.tasks().filter(|task| catalogue.solve(&[task], &Support::Gdap).is_ok()).collect();
    let with_alternatives: Vec<&Task> =
        solvable.iter().copied().filter(|task| !task.additional.is_empty()).collect();
    let cases = [
        ("one task", &solvable[..1]),
        ("thirty tasks with alternatives", &with_alternatives[..30]),
        ("every task with alternatives", &with_alternatives[..]),
        ("every task", &solvable[..]),
    ];
    let mut group = criterion.benchmark_group("solve");
    for (name, tasks) in cases {
        group.bench_function(name, |bencher| {
            bencher.iter(|| catalogue.solve(tasks, &Support::Gdap));
        });
    }
    group.finish();
}

fn find(criterion: &mut Criterion) {
    let catalogue = Catalogue::compiled();
    criterion.bench_function("find/by name", |bencher| {
        bencher.iter(|| catalogue.find("Helpdesk Administrator"));
    });
    criterion.bench_function("find/near miss", |bencher| {
        bencher.iter(|| catalogue.find("Helpdesk Admin"));
    });
}

criterion_group!(benches, solve, find);
criterion_main!(benches);
