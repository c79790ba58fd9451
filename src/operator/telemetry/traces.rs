//! Traces by OTLP over HTTP, where somebody asks for them: a round is a span, and each of its steps a child.
//!
//! Never: a text of the user's in a span, or an operator that waits for a collector.

use std::{sync::Arc, time::Duration};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{self, SdkTracer, SdkTracerProvider, SpanData},
};
use tokio::runtime::Handle;
use tracing::{Span, field::Empty, info_span};

use super::labels::RoundResult;

/// How long a collector may take for one request.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the last spans may take at the end.
const LAST_SPANS: Duration = Duration::from_secs(5);
/// Where spans go below an endpoint.
const PATH: &str = "/v1/traces";

/// Sends spans to a collector until it is closed.
#[derive(Debug)]
pub struct Traces(SdkTracerProvider);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
pub enum TracesError {
    /// Only plain HTTP is spoken: a collector stands in the same cluster.
    #[error("`{0}` is not `http://HOST:PORT`: name a collector inside the cluster")]
    Endpoint(String),
    /// The exporter refuses its settings, some of which may come from `OTEL_` variables.
    #[error("traces cannot be sent")]
    Exporter(#[from] ExporterBuildError),
}

impl Traces {
    /// Sends spans to `endpoint`, to which `/v1/traces` is added. Must be called inside a runtime, which sends them.
    ///
    /// # Errors
    /// Where the endpoint is none; whether somebody listens there is not asked.
    pub fn open(endpoint: &str, instance: &str) -> Result<Self, TracesError> {
        let refused = || TracesError::Endpoint(without_user(endpoint));
        let host = endpoint.strip_prefix("http://").ok_or_else(refused)?;
        if host.is_empty() || host.starts_with('/') || host.contains(['@', '?', '#', ' ']) {
            return Err(refused());
        }
        let base = endpoint.trim_end_matches('/').trim_end_matches(PATH);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(format!("{base}{PATH}"))
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()?;
        let exporter = InRuntime { exporter: Arc::new(exporter), runtime: Handle::current() };
        let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let instance = opentelemetry::KeyValue::new("service.instance.id", instance.to_owned());
        let resource = Resource::builder()
            .with_service_name("concordat")
            .with_attributes([version, instance])
            .build();
        let provider =
            SdkTracerProvider::builder().with_resource(resource).with_batch_exporter(exporter);
        Ok(Self(provider.build()))
    }

    /// What makes spans.
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer("concordat")
    }

    /// Sends what is left, for a few seconds at most.
    ///
    /// # Errors
    /// Where something is left over.
    pub async fn close(self) -> Result<(), OTelSdkError> {
        let close = move || self.0.shutdown_with_timeout(LAST_SPANS);
        let closed = tokio::task::spawn_blocking(close).await;
        closed.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
    }
}

/// An endpoint as it may be printed.
fn without_user(endpoint: &str) -> String {
    match (endpoint.find("://"), endpoint.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            format!("{}{}", &endpoint[..scheme + 3], &endpoint[at + 1..])
        }
        _ => endpoint.to_owned(),
    }
}

/// An exporter whose requests run in a runtime: spans are collected by a thread that has none.
#[derive(Debug)]
struct InRuntime {
    exporter: Arc<SpanExporter>,
    runtime: Handle,
}

impl trace::SpanExporter for InRuntime {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        let exporter = Arc::clone(&self.exporter);
        let sent = self.runtime.spawn(async move { exporter.export(batch).await });
        async move {
            sent.await.unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())))
        }
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

/// A step of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Reads the store.
    Observe,
    /// Judges and plans.
    Plan,
    /// Compares with the limits.
    Check,
    /// Writes to the store.
    Apply,
    /// Reads the store again.
    ReadBack,
    /// Writes to the API server.
    Status,
}

/// The span of a round about so many relationships. Its result is filled in by [`end`].
pub fn round(relationships: usize) -> Span {
    info_span!("round", relationships, changes = Empty, result = Empty)
}

/// The span of a step, a child of the round that is entered.
pub fn step(step: Step) -> Span {
    match step {
        Step::Observe => info_span!("observe"),
        Step::Plan => info_span!("plan"),
        Step::Check => info_span!("check"),
        Step::Apply => info_span!("apply"),
        Step::ReadBack => info_span!("read_back"),
        Step::Status => info_span!("status"),
    }
}

/// Writes into the span of a round what came of it.
pub fn end(round: &Span, changes: usize, result: RoundResult) {
    round.record("changes", changes);
    round.record("result", result.label());
}
