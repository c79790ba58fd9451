//! The webhook over HTTPS.
//!
//! Never: a question that waits without end, or a body without a limit.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Request as HttpRequest, State},
    http::StatusCode,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::post,
};
use axum_server::{Handle, tls_rustls::RustlsConfig};
use hyper_util::rt::TokioTimer;
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    answer::Answer,
    deletion::{Stamps, deletion, warning},
    door::Door,
    proposed::Proposed,
    request::{self, Request, Unreadable},
    review::{Context, review},
    source::{Pace, Source},
    warnings::warnings,
};
use crate::{
    domain::catalogue::Catalogue,
    operator::telemetry::{labels::AdmissionVerdict, metrics::Metrics},
};

/// The largest question: an object before and after, of which each may have 1.5 MiB, in JSON.
pub const LARGEST_BODY: usize = 8 << 20;
/// How long a question may take, also to arrive. The API server waits for 10 s at most where nothing else is said.
pub const LONGEST: Duration = Duration::from_secs(9);
/// How long the heads of a request may take to arrive.
const HEADS: Duration = Duration::from_secs(5);
/// How long what is being answered may take once it is to stop.
const LAST_ANSWERS: Duration = Duration::from_secs(10);
/// How many questions are looked at at once.
const AT_ONCE: usize = 8;

/// What gives the other objects; called in a thread that may be blocked.
pub type Known = Arc<dyn Fn(&Proposed) -> Option<Context> + Send + Sync>;

/// What answers questions.
#[derive(Clone)]
pub struct Webhook {
    /// The other objects.
    pub known: Known,
    /// The roles and tasks.
    pub catalogue: &'static Catalogue,
    /// Where answers are counted.
    pub metrics: Arc<Metrics>,
    /// What writes down who deletes.
    pub stamps: Stamps,
    /// Who is answered; nobody before a certificate is shown.
    pub door: Door,
    turns: Arc<Semaphore>,
}

impl Webhook {
    /// One that asks `known` for the other objects and `stamps` to write down who deletes.
    pub fn new(
        known: Known,
        catalogue: &'static Catalogue,
        metrics: Arc<Metrics>,
        stamps: Stamps,
    ) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        Self { known, catalogue, metrics, stamps, door: Door::default(), turns }
    }

    /// The one path.
    pub fn router(self) -> Router {
        Router::new()
            .route("/validate/{word}", post(answer))
            .layer(DefaultBodyLimit::max(LARGEST_BODY))
            .layer(middleware::from_fn(within_time))
            .layer(middleware::from_fn_with_state(self.door.clone(), only_who_may_ask))
            .with_state(self)
    }
}

/// Waits for a certificate, serves with it and with each that follows, until `stop`; then ends what was begun.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(
    listener: TcpListener,
    webhook: Webhook,
    source: Source,
    pace: Pace,
    stop: CancellationToken,
) -> io::Result<()> {
    let Some(first) = source.first(&stop).await else { return Ok(()) };
    let config = first.server_config().map_err(io::Error::other)?;
    let tls = RustlsConfig::from_config(config);
    webhook.door.opens_to(&first.word);
    let door = webhook.door.clone();
    let handle = Handle::new();
    let metrics = Arc::clone(&webhook.metrics);
    let mut server =
        axum_server::from_tcp_rustls(listener, tls.clone())?.handle(handle.clone()).http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEADS);
    let ending = async {
        stop.cancelled().await;
        handle.graceful_shutdown(Some(LAST_ANSWERS));
    };
    let serving = server.serve(webhook.router().into_make_service());
    let keeping = source.keep(first, (&tls, &door), pace, &metrics, &stop);
    // Where the listener fails nothing else is to go on.
    let (served, (), ()) = tokio::join!(
        async {
            let served = serving.await;
            stop.cancel();
            served
        },
        keeping,
        ending
    );
    served
}

/// Whoever does not know the path learns nothing, not even that there is one, and takes nobody's turn.
async fn only_who_may_ask(State(door): State<Door>, request: HttpRequest, next: Next) -> Response {
    if door.lets_in(request.uri().path()) {
        next.run(request).await
    } else {
        StatusCode::NOT_FOUND.into_response()
    }
}

async fn within_time(request: HttpRequest, next: Next) -> Response {
    match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, "it took too long\n").into_response(),
    }
}

async fn answer(State(webhook): State<Webhook>, body: Bytes) -> Response {
    let Ok(turn) = Arc::clone(&webhook.turns).acquire_owned().await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let asked = webhook.clone();
    let answered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        asked.answer(&body)
    });
    match answered.await {
        // By now another has the turn: the API server asks about what is written here as well.
        Ok(Ok((request, answer))) => webhook.stamped(&request, answer).await,
        Ok(Err(unreadable)) => {
            webhook.metrics.admission(None, AdmissionVerdict::Unreadable);
            (StatusCode::BAD_REQUEST, format!("{unreadable}\n")).into_response()
        }
        Err(_) => {
            webhook.metrics.admission(None, AdmissionVerdict::Unreadable);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl Webhook {
    fn answer(&self, body: &[u8]) -> Result<(Request, Answer), Unreadable> {
        let request = request::read(body)?;
        let known = |proposed: &Proposed| (self.known)(proposed);
        let answer = review(&request, known, self.catalogue, Timestamp::now());
        Ok((request, answer))
    }

    /// The answer, once who deletes is written down. What cannot be written down stops nothing.
    async fn stamped(&self, request: &Request, mut answer: Answer) -> Response {
        if answer.refused.is_empty()
            && let Some(deletion) = deletion(request)
            && let Err(error) = (self.stamps)(deletion.clone()).await
        {
            let told = vec![warning(&deletion, &error)];
            answer.warnings = warnings(told, std::mem::take(&mut answer.warnings));
        }
        self.metrics.admission(answer.kind, answer.verdict());
        Json(answer.to_json()).into_response()
    }
}
