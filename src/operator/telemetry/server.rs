//! `/metrics`, `/healthz` and `/readyz` over HTTP.
//!
//! Never: an answer that waits for anything but memory, or anything that a stranger may change.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use axum_server::Handle;
use hyper_util::rt::TokioTimer;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    health::{Check, Health, Report},
    metrics::{self, Metrics},
};

/// What is shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The figures.
    pub metrics: Arc<Metrics>,
    /// The state of this replica.
    pub health: Arc<Health>,
}

/// How long the head of a request may take to arrive.
const HEAD: Duration = Duration::from_secs(5);
/// How long what is being answered may take once it is to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Serves until `stop`, then answers what was asked and ends.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, shown: Shown, stop: CancellationToken) -> io::Result<()> {
    let handle = Handle::new();
    let mut server = axum_server::from_tcp(listener)?.handle(handle.clone()).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD);
    let serving = async {
        let served = server.serve(router(shown).into_make_service()).await;
        stop.cancel();
        served
    };
    let ending = async {
        stop.cancelled().await;
        handle.graceful_shutdown(Some(LAST_ANSWERS));
    };
    tokio::join!(serving, ending).0
}

/// Opens a port, so that one that is taken is told before anything else begins.
///
/// # Errors
/// Where the port cannot be opened.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The paths.
pub fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(figures))
        .route("/healthz", get(alive))
        .route("/healthz/{check}", get(one_of_alive))
        .route("/readyz", get(ready))
        .route("/readyz/{check}", get(one_of_ready))
        .with_state(shown)
}

async fn figures(State(shown): State<Shown>, headers: HeaderMap) -> Response {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let open = accepted.into_iter().any(|value| value.contains("application/openmetrics-text"));
    let now = Timestamp::now();
    let (sort, text) = if open {
        (metrics::OPEN_METRICS, shown.metrics.open_metrics(now))
    } else {
        (metrics::CONTENT_TYPE, shown.metrics.text(now))
    };
    ([(header::CONTENT_TYPE, sort)], text).into_response()
}

async fn alive(State(shown): State<Shown>, RawQuery(query): RawQuery) -> Response {
    health_response("healthz", &Check::LIVE, &shown.health, query.as_deref().unwrap_or_default())
}

async fn ready(State(shown): State<Shown>, RawQuery(query): RawQuery) -> Response {
    health_response("readyz", &Check::READY, &shown.health, query.as_deref().unwrap_or_default())
}

async fn one_of_alive(State(shown): State<Shown>, Path(name): Path<String>) -> Response {
    one("healthz", &Check::LIVE, &shown.health, &name)
}

async fn one_of_ready(State(shown): State<Shown>, Path(name): Path<String>) -> Response {
    one("readyz", &Check::READY, &shown.health, &name)
}

fn one(what: &str, checks: &[Check], health: &Health, name: &str) -> Response {
    match checks.iter().find(|check| check.name() == name) {
        Some(check) => health_response(what, &[*check], health, ""),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// `?verbose` tells each check also where nothing is wrong, `?exclude=NAME` leaves one out, as with the API server.
fn health_response(what: &str, checks: &[Check], health: &Health, query: &str) -> Response {
    let mut verbose = false;
    let mut left_out = Vec::new();
    for part in query.split('&') {
        match part.split_once('=').unwrap_or((part, "")) {
            ("verbose", _) => verbose = true,
            ("exclude", name) => left_out.push(name.to_owned()),
            _ => {}
        }
    }
    let report = Report::of(health, checks, &left_out, Instant::now());
    match (report.is_good(), verbose) {
        (true, false) => "ok".into_response(),
        (true, true) => report.verbose(what).into_response(),
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, report.verbose(what)).into_response(),
    }
}
