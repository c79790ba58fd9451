//! A few lines of an API server: one Secret and one registration, with versions, and a log of what was written.
//!
//! Never: a write that another one has overtaken.

use std::sync::{Arc, Mutex};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use kube::{Client, Config};
use serde_json::{Value, json};

/// What it holds.
#[derive(Default)]
pub struct Held {
    pub secret: Option<Value>,
    pub registration: Value,
    pub version: u64,
    pub writes: Vec<String>,
    /// Whether it answers at all.
    pub gone: bool,
}

pub type Shared = Arc<Mutex<Held>>;

/// Serves on a free port, for as long as the runtime lives.
pub async fn api_server() -> (Shared, Client) {
    let registration = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": { "name": "concordat", "resourceVersion": "1" },
        "webhooks": [webhook("other", "elsewhere"), webhook("validate.concordat.dev", "concordat-webhook")],
    });
    let shared: Shared = Arc::new(Mutex::new(Held { registration, ..Held::default() }));
    let secrets = "/api/v1/namespaces/concordat-system/secrets";
    let registrations =
        "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/{name}";
    let router = Router::new()
        .route(secrets, post(create))
        .route(&format!("{secrets}/{{name}}"), get(read).put(replace))
        .route(registrations, get(registered).patch(patch))
        .with_state(Arc::clone(&shared));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::try_from(Config::new(url.parse().unwrap())).unwrap();
    (shared, client)
}

fn webhook(name: &str, service: &str) -> Value {
    json!({
        "name": name,
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": { "service": { "name": service, "namespace": "concordat-system", "path": "/validate" } },
    })
}

fn refused(code: u16, reason: &str) -> Response {
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": code, "reason": reason, "message": reason,
    });
    (StatusCode::from_u16(code).unwrap(), Json(status)).into_response()
}

async fn read(State(held): State<Shared>, Path(_): Path<String>) -> Response {
    let held = held.lock().unwrap();
    match &held.secret {
        // A client tries this again by itself, and later each time.
        _ if held.gone => refused(503, "ServiceUnavailable"),
        Some(secret) => Json(secret.clone()).into_response(),
        None => refused(404, "NotFound"),
    }
}

async fn create(State(held): State<Shared>, Json(secret): Json<Value>) -> Response {
    let mut held = held.lock().unwrap();
    if held.secret.is_some() {
        return refused(409, "AlreadyExists");
    }
    held.stored(secret, "create secret")
}

async fn replace(
    State(held): State<Shared>,
    Path(_): Path<String>,
    Json(secret): Json<Value>,
) -> Response {
    let mut held = held.lock().unwrap();
    let version = |secret: &Value| secret["metadata"]["resourceVersion"].clone();
    if held.secret.as_ref().map(version) != Some(version(&secret)) {
        return refused(409, "Conflict");
    }
    held.stored(secret, "update secret")
}

impl Held {
    fn stored(&mut self, mut secret: Value, what: &str) -> Response {
        self.version += 1;
        secret["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.secret = Some(secret.clone());
        self.writes.push(what.to_owned());
        Json(secret).into_response()
    }

    /// The authorities that the API server trusts, for a webhook of the registration.
    pub fn bundle(&self, webhook: usize) -> Option<Value> {
        self.registration["webhooks"][webhook]["clientConfig"].get("caBundle").cloned()
    }
}

/// The path by which it calls.
pub fn path(held: &Shared) -> String {
    let service = &held.lock().unwrap().registration["webhooks"][1]["clientConfig"]["service"];
    service["path"].as_str().unwrap().to_owned()
}

async fn registered(State(held): State<Shared>, Path(name): Path<String>) -> Response {
    let held = held.lock().unwrap();
    if name == "concordat" {
        Json(held.registration.clone()).into_response()
    } else {
        refused(404, "NotFound")
    }
}

async fn patch(
    State(held): State<Shared>,
    Path(_): Path<String>,
    Json(operations): Json<Value>,
) -> Response {
    let mut held = held.lock().unwrap();
    for operation in operations.as_array().unwrap() {
        let path = operation["path"].as_str().unwrap();
        let (parent, field) = path.rsplit_once('/').unwrap();
        let value = held.registration.pointer_mut(parent).unwrap();
        match operation["op"].as_str().unwrap() {
            "test" if value[field] == operation["value"] => {}
            "add" => value[field] = operation["value"].clone(),
            _ => return refused(422, "Invalid"),
        }
    }
    held.writes.push("patch registration".to_owned());
    Json(held.registration.clone()).into_response()
}
