//! What can be counted and measured, and the text in which Prometheus reads it.
//!
//! Never: a label whose values are not listed in [`super::labels`], or a figure that only a leader knows from one that
//! does not lead.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeMetric, text},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use super::labels::{
    AdmissionVerdict, ApiObject, ApiWrite, ChangeOutcome, EFFECTS, RoundResult, effect_label,
    kind_label,
};
use crate::domain::{change::Change, ids::Kind};

/// The content type of [`Metrics::text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The content type of [`Metrics::open_metrics`].
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds that a round may take, as the buckets of a histogram: from a millisecond to half a minute.
const ROUND_BUCKETS: [f64; 12] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// All figures of one operator. Cheap to share in an `Arc`; every method takes `&self`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    rounds: Family<Labels<1>, Counter>,
    round_seconds: Histogram,
    queue_depth: Gauge,
    store_changes: Family<Labels<2>, Counter>,
    leader: Gauge,
    store_up: Gauge,
    api_writes: Family<Labels<2>, Counter>,
    admission: Family<Labels<2>, Counter>,
    watch_synced: Family<Labels<1>, Gauge>,
    moments: Arc<Moments>,
}

/// Whether this replica writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leadership {
    /// It does.
    Leads,
    /// Another does, or nobody.
    Follows,
}

/// Whether something answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// It does.
    Up,
    /// It does not.
    Down,
}

/// What only a leader knows, as of its last rounds. What is absent is not shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holdings {
    /// Changes of the last plans that are not made yet.
    pub plan_changes: u64,
    /// Grants that give access now.
    pub grants_in_force: u64,
    /// Roles that somebody still holds although their time is over.
    pub overdue_revocations: u64,
    /// Batches that wait for a person.
    pub blocked_batches: u64,
    /// When the next access ends.
    pub next_expiry: Option<Timestamp>,
}

/// The head of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHead {
    /// The sequence of the last entry.
    pub sequence: i64,
    /// When it was written.
    pub written: Timestamp,
}

/// Figures that are computed at the moment at which somebody asks.
#[derive(Debug, Default)]
struct Moments(Mutex<Known>);

#[derive(Debug, Clone, Copy, Default)]
struct Known {
    now: Timestamp,
    holdings: Option<Holdings>,
    head: Option<LedgerHead>,
    certificate_until: Option<Timestamp>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All figures at their beginning: each label of a bounded set is there from the first moment, so that a rate can
    /// be taken of the first event.
    pub fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("concordat"),
            rounds: Family::default(),
            round_seconds: Histogram::new(ROUND_BUCKETS),
            queue_depth: Gauge::default(),
            store_changes: Family::default(),
            leader: Gauge::default(),
            store_up: Gauge::default(),
            api_writes: Family::default(),
            admission: Family::default(),
            watch_synced: Family::default(),
            moments: Arc::default(),
        };
        for result in RoundResult::ALL {
            drop(metrics.rounds.get_or_create(&[("result", result.label())]));
        }
        for kind in Kind::ALL {
            drop(metrics.watch_synced.get_or_create(&[("kind", kind_label(kind))]));
            for verdict in AdmissionVerdict::ALL {
                let labels = [("kind", kind_label(kind)), ("verdict", verdict.label())];
                drop(metrics.admission.get_or_create(&labels));
            }
        }
        for effect in EFFECTS {
            for outcome in ChangeOutcome::ALL {
                let labels = [("effect", effect), ("outcome", outcome.label())];
                drop(metrics.store_changes.get_or_create(&labels));
            }
        }
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let Self {
            registry,
            rounds,
            round_seconds,
            queue_depth,
            store_changes,
            leader,
            store_up,
            api_writes,
            admission,
            watch_synced,
            moments,
        } = &mut self;
        registry.register("rounds", "Reconciler of planning by how they ended", rounds.clone());
        let help = "Seconds from the beginning of a round to its last read";
        registry.register("round_seconds", help, round_seconds.clone());
        let help = "Relationships that wait for a round";
        registry.register("queue_depth", help, queue_depth.clone());
        let help = "Changes that the store was asked for, by effect and by what became of them";
        registry.register("store_changes", help, store_changes.clone());
        registry.register("leader", "1 where this replica writes", leader.clone());
        registry.register("store_up", "1 where the store answered last", store_up.clone());
        let help = "Writes to the API server, by kind and by what was written";
        registry.register("api_writes", help, api_writes.clone());
        let help = "Answers of the webhook, by kind and verdict";
        registry.register("admission", help, admission.clone());
        let help = "1 where the cache of a kind holds what the API server holds";
        registry.register("watch_synced", help, watch_synced.clone());
        registry.register_collector(Box::new(Arc::clone(moments)));
        self
    }

    /// A round ended.
    pub fn round(&self, result: RoundResult, took: Duration) {
        self.rounds.get_or_create(&[("result", result.label())]).inc();
        self.round_seconds.observe(took.as_secs_f64());
    }

    /// So many relationships wait for a round.
    pub fn queue_depth(&self, waiting: usize) {
        self.queue_depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// The store was asked for a change.
    pub fn store_change(&self, change: &Change, outcome: ChangeOutcome) {
        let labels = [("effect", effect_label(change)), ("outcome", outcome.label())];
        self.store_changes.get_or_create(&labels).inc();
    }

    /// What a leader knows after its last rounds.
    pub fn holdings(&self, holdings: Holdings) {
        self.moments.change(|known| known.holdings = Some(holdings));
    }

    /// The head of the ledger, as it was read last.
    pub fn ledger_head(&self, head: LedgerHead) {
        self.moments.change(|known| known.head = Some(head));
    }

    /// Whether this replica writes. One that does not shows nothing of what only a leader knows.
    pub fn leadership(&self, leadership: Leadership) {
        self.leader.set(i64::from(leadership == Leadership::Leads));
        if leadership == Leadership::Follows {
            self.moments.change(|known| known.holdings = None);
        }
    }

    /// Whether the store answered.
    pub fn store(&self, reach: Reach) {
        self.store_up.set(i64::from(reach == Reach::Up));
    }

    /// Something was written to the API server.
    pub fn api_write(&self, object: ApiObject, what: ApiWrite) {
        let labels = [("kind", object.label()), ("what", what.label())];
        self.api_writes.get_or_create(&labels).inc();
    }

    /// The webhook answered about an object of one of our kinds, or of none.
    pub fn admission(&self, kind: Option<Kind>, verdict: AdmissionVerdict) {
        let labels = [("kind", kind.map_or("other", kind_label)), ("verdict", verdict.label())];
        self.admission.get_or_create(&labels).inc();
    }

    /// Whether the cache of a kind holds what the API server holds.
    pub fn watch(&self, kind: Kind, reach: Reach) {
        let labels = [("kind", kind_label(kind))];
        self.watch_synced.get_or_create(&labels).set(i64::from(reach == Reach::Up));
    }

    /// Until when the webhook's certificate is good.
    pub fn certificate_until(&self, until: Timestamp) {
        self.moments.change(|known| known.certificate_until = Some(until));
    }

    /// All figures as of `now`, in the format of `OpenMetrics`.
    pub fn open_metrics(&self, now: Timestamp) -> String {
        self.moments.change(|known| known.now = now);
        let mut out = String::new();
        text::encode(&mut out, &self.registry).expect("writing to a text cannot fail");
        out
    }

    /// All figures as of `now`, in the older text format: there a counter is named as its samples are.
    pub fn text(&self, now: Timestamp) -> String {
        let mut out = String::new();
        let mut help = None;
        for line in self.open_metrics(now).lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("HELP"), Some(name), Some(said)) => {
                    help = Some((name.to_owned(), said.to_owned()));
                }
                (Some("#"), Some("TYPE"), Some(name), Some(sort)) => {
                    let total = if sort == "counter" { "_total" } else { "" };
                    if let Some((_, said)) = help.take_if(|(about, _)| about == name) {
                        line_of(&mut out, &["# HELP ", name, total, " ", &said]);
                    }
                    line_of(&mut out, &["# TYPE ", name, total, " ", sort]);
                }
                (Some("#"), ..) => {}
                _ => line_of(&mut out, &[line]),
            }
        }
        out
    }
}

fn line_of(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
    out.push('\n');
}

impl Moments {
    fn change(&self, change: impl FnOnce(&mut Known)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn known(&self) -> Known {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collector for Moments {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let Known { now, holdings, head, certificate_until } = self.known();
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = ConstGauge::new(value);
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)
        };
        let seconds =
            |later: Timestamp, earlier: Timestamp| later.duration_since(earlier).as_secs_f64();
        if let Some(holdings) = holdings {
            let Holdings {
                plan_changes,
                grants_in_force,
                overdue_revocations,
                blocked_batches,
                next_expiry,
            } = holdings;
            let help = "Changes that the last plans hold and that are not made yet.";
            gauge("plan_changes", help, count(plan_changes))?;
            gauge("grants_in_force", "Grants that give access now.", count(grants_in_force))?;
            let help = "Roles that are still held although their time is over.";
            gauge("overdue_revocations", help, count(overdue_revocations))?;
            let help = "Batches of changes that wait for a person.";
            gauge("blocked_batches", help, count(blocked_batches))?;
            if let Some(next) = next_expiry {
                let help = "Seconds until the next access ends; below zero where it is overdue.";
                gauge("seconds_to_next_expiry", help, seconds(next, now))?;
            }
        }
        if let Some(LedgerHead { sequence, written }) = head {
            let sequence = u64::try_from(sequence).unwrap_or_default();
            gauge("ledger_head_sequence", "The last entry of the ledger.", count(sequence))?;
            let help = "Seconds since the last entry of the ledger was written.";
            gauge("ledger_head_age_seconds", help, seconds(now, written))?;
        }
        if let Some(until) = certificate_until {
            let help = "Seconds until the certificate of the webhook is over.";
            gauge("webhook_certificate_seconds_left", help, seconds(until, now))?;
        }
        Ok(())
    }
}

/// A count as the text format knows it. Beyond 2^53 it is rounded, which no figure of ours reaches.
#[expect(clippy::cast_precision_loss, reason = "no count of ours reaches 2^53")]
fn count(count: u64) -> f64 {
    count as f64
}
