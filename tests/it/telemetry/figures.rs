//! `/metrics`: what stands there, and that Prometheus can read it.
//!
//! Never: a name of a figure that the documents do not explain.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use concordat::{
    domain::{change::Effect, ids::Kind, lifecycle::EndReason},
    operator::telemetry::{
        labels::{
            AdmissionVerdict, ApiObject, ApiWrite, ChangeOutcome, EFFECTS, RoundResult,
            effect_label,
        },
        metrics::{Holdings, Leadership, LedgerHead, Metrics, Reach},
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{change, instant, set_roles};
use crate::program::root;

fn now() -> Timestamp {
    instant("2026-11-21T12:00:00Z")
}

/// Every figure with some value.
fn full() -> Metrics {
    let metrics = Metrics::new();
    metrics.round(RoundResult::Changed, Duration::from_millis(7));
    metrics.queue_depth(3);
    metrics.store_change(&set_roles(&[], &[]), ChangeOutcome::Done);
    let ended = change(Effect::Terminate { reason: EndReason::Deleted });
    metrics.store_change(&ended, ChangeOutcome::Refused);
    metrics.leadership(Leadership::Leads);
    metrics.store(Reach::Up);
    metrics.api_write(ApiObject::Of(Kind::RoleGrant), ApiWrite::Status);
    metrics.api_write(ApiObject::Lease, ApiWrite::Update);
    metrics.admission(Some(Kind::RoleGrant), AdmissionVerdict::Refused);
    metrics.admission(None, AdmissionVerdict::Unreadable);
    metrics.watch(Kind::PartnerOffer, Reach::Up);
    metrics.holdings(Holdings {
        plan_changes: 4,
        grants_in_force: 12,
        overdue_revocations: 1,
        blocked_batches: 2,
        next_expiry: Some(now() + SignedDuration::from_secs(90)),
    });
    let written = now() - SignedDuration::from_secs(30);
    metrics.ledger_head(LedgerHead { sequence: 77, written });
    metrics.certificate_until(now() + SignedDuration::from_hours(24));
    metrics
}

/// The text format by its rules: each sample belongs to the family above it, labels are quoted, values are numbers, and no
/// series stands there twice.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let mut families = BTreeSet::new();
    let (mut family, mut sort) = (String::new(), String::new());
    assert!(text.ends_with('\n'));
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && families.insert(name.to_owned()), "{line}");
            name.clone_into(&mut family);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, of) = rest.split_once(' ').unwrap();
            assert_eq!(name, family, "a type stands below its help");
            assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
            of.clone_into(&mut sort);
        } else {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            let suffixes: &[&str] =
                if sort == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
            let belongs = suffixes.iter().any(|suffix| name == format!("{family}{suffix}"));
            assert!(belongs, "{line} stands below {family}");
            assert_eq!(sort == "counter", name.ends_with("_total"), "{line}");
            let before = samples.insert(series.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "{series} stands there twice");
        }
    }
    samples
}

#[test]
fn every_figure_stands_there_with_its_value() {
    let samples = samples(&full().text(now()));
    let expected = [
        (r#"concordat_rounds_total{result="changed"}"#, 1.0),
        (r#"concordat_rounds_total{result="failed"}"#, 0.0),
        (r#"concordat_round_seconds_bucket{le="0.01"}"#, 1.0),
        ("concordat_round_seconds_sum", 0.007),
        ("concordat_queue_depth", 3.0),
        (r#"concordat_store_changes_total{effect="set_roles",outcome="done"}"#, 1.0),
        (r#"concordat_store_changes_total{effect="terminate",outcome="refused"}"#, 1.0),
        ("concordat_plan_changes", 4.0),
        ("concordat_grants_in_force", 12.0),
        ("concordat_seconds_to_next_expiry", 90.0),
        ("concordat_overdue_revocations", 1.0),
        ("concordat_blocked_batches", 2.0),
        ("concordat_ledger_head_sequence", 77.0),
        ("concordat_ledger_head_age_seconds", 30.0),
        ("concordat_leader", 1.0),
        ("concordat_store_up", 1.0),
        (r#"concordat_api_writes_total{kind="RoleGrant",what="status"}"#, 1.0),
        (r#"concordat_api_writes_total{kind="Lease",what="update"}"#, 1.0),
        (r#"concordat_admission_total{kind="RoleGrant",verdict="refused"}"#, 1.0),
        (r#"concordat_admission_total{kind="other",verdict="unreadable"}"#, 1.0),
        (r#"concordat_watch_synced{kind="PartnerOffer"}"#, 1.0),
        (r#"concordat_watch_synced{kind="RoleGrant"}"#, 0.0),
        ("concordat_webhook_certificate_seconds_left", 86_400.0),
    ];
    for (series, value) in expected {
        assert_eq!(samples.get(series), Some(&value), "{series}");
    }
}

#[test]
fn time_goes_on_between_two_looks() {
    let metrics = full();
    let later = samples(&metrics.text(now() + SignedDuration::from_secs(100)));
    assert_eq!(later.get("concordat_seconds_to_next_expiry"), Some(&-10.0));
    assert_eq!(later.get("concordat_ledger_head_age_seconds"), Some(&130.0));
}

#[test]
fn who_does_not_lead_shows_nothing_that_only_a_leader_knows() {
    let metrics = full();
    metrics.leadership(Leadership::Follows);
    let samples = samples(&metrics.text(now()));
    assert_eq!(samples.get("concordat_leader"), Some(&0.0));
    for name in ["grants_in_force", "overdue_revocations", "blocked_batches", "plan_changes"] {
        assert!(!samples.contains_key(&format!("concordat_{name}")), "{name}");
    }
    assert!(!samples.contains_key("concordat_seconds_to_next_expiry"));
    assert_eq!(samples.get("concordat_store_up"), Some(&1.0));
}

#[test]
fn every_effect_has_its_label() {
    assert_eq!(EFFECTS.iter().collect::<BTreeSet<_>>().len(), EFFECTS.len());
    assert!(EFFECTS.contains(&effect_label(&set_roles(&[], &[]))));
}

/// The most series that there can be: labels come from enums, so it is a fixed number.
#[test]
fn the_number_of_series_is_bounded() {
    let metrics = full();
    let outcomes = [ChangeOutcome::Done, ChangeOutcome::Refused, ChangeOutcome::Unknown];
    let objects = [
        ApiObject::Event,
        ApiObject::Lease,
        ApiObject::Secret,
        ApiObject::ValidatingWebhookConfiguration,
    ];
    let writes = [ApiWrite::Status, ApiWrite::Finalizers, ApiWrite::Create, ApiWrite::Update];
    for what in writes {
        let kinds = Kind::ALL.map(ApiObject::Of);
        kinds.into_iter().chain(objects).for_each(|object| metrics.api_write(object, what));
    }
    for verdict in AdmissionVerdict::ALL {
        for kind in Kind::ALL {
            metrics.admission(Some(kind), verdict);
        }
        metrics.admission(None, verdict);
    }
    for outcome in outcomes {
        metrics.store_change(&set_roles(&[], &[]), outcome);
    }
    let count = samples(&metrics.text(now())).len();
    println!("{count} series at most");
    assert!(count < 200, "{count}");
}

#[test]
fn promtool_finds_nothing_to_say() {
    let mut child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`promtool` is there: Debian has it in the package `prometheus`");
    child.stdin.take().unwrap().write_all(full().text(now()).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert_eq!(String::from_utf8(said).unwrap(), "");
    assert!(output.status.success());
}

#[test]
fn open_metrics_ends_as_it_must() {
    let text = full().open_metrics(now());
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE concordat_rounds counter\nconcordat_rounds_total{"));
}

#[test]
fn the_documents_explain_every_figure() {
    let document = std::fs::read_to_string(root().join("docs/metrics.md")).unwrap();
    let text = full().text(now());
    let names: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    for name in &names {
        assert!(document.contains(&format!("`{name}")), "docs/metrics.md is without `{name}`");
    }
    let told = document.split('`').filter(|word| word.starts_with("concordat_"));
    for word in told {
        let name = word.split('{').next().unwrap();
        assert!(names.contains(&name), "docs/metrics.md tells of `{name}`, which there is not");
    }
    println!("{} figures", names.len());
}
