//! What becomes of a status whose finalizers the API server does not take, and what gives way to statuses.
//!
//! Never: a status held back by a finalizer that was refused.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use concordat::{
    domain::{
        ids::{Kind, ObjectKey},
        state::Uid,
    },
    operator::{
        cluster::{Outbox, Post, Postman, postmen},
        index::StatusText,
        reconcile::{MetadataPatch, StatusPatch},
        telemetry::metrics::Metrics,
    },
};
use kube::{Client, Config};
use serde_json::json;

/// A server that answers a few patches of metadata with this code, and takes everything else.
#[derive(Debug)]
struct Server {
    code: u16,
    /// So many are answered so; then it takes them.
    times: usize,
    marks: usize,
    statuses: usize,
}

type Shared = Arc<Mutex<Server>>;

async fn patched(State(server): State<Shared>, request: Request) -> Response {
    let mut server = server.lock().unwrap();
    if request.uri().path().ends_with("/status") {
        server.statuses += 1;
        return Json(json!({})).into_response();
    }
    server.marks += 1;
    if server.marks > server.times {
        return Json(json!({})).into_response();
    }
    let status = json!({
        "apiVersion": "v1", "kind": "Status", "status": "Failure",
        "code": server.code, "reason": "Invalid", "message": "not like this",
    });
    (StatusCode::from_u16(server.code).unwrap(), Json(status)).into_response()
}

/// How many patches of metadata and of statuses there were once all is at rest.
fn written(code: u16, times: usize) -> (usize, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Arc::new(Mutex::new(Server { code, times, marks: 0, statuses: 0 }));
        let router = Router::new().fallback(patched).with_state(Arc::clone(&server));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        let outbox = Outbox::new();
        let postman = Postman {
            client: Client::try_from(Config::new(url.parse().unwrap())).unwrap(),
            outbox: Arc::clone(&outbox),
            index: Arc::default(),
            metrics: Arc::new(Metrics::new()),
        };
        let writers: Vec<_> = postmen(&postman, 1, || true).into_iter().map(tokio::spawn).collect();
        let (object, post) = post();
        outbox.put(object, post);
        let began = Instant::now();
        while !outbox.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", server.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        for task in writers {
            task.abort();
        }
        serving.abort();
        let server = server.lock().unwrap();
        (server.marks, server.statuses)
    })
}

fn post() -> (ObjectKey, Post) {
    let object = ObjectKey { kind: Kind::RoleGrant, namespace: "msp".into(), name: "first".into() };
    let uid = Uid("uid-1".into());
    let mark = MetadataPatch {
        object: object.clone(),
        uid: uid.clone(),
        version: "7".to_owned(),
        finalizers: vec!["concordat.dev/revoke".to_owned()],
        is_last: false,
        drops_approval: false,
    };
    let status = StatusText::of(&json!({ "observedGeneration": 1, "conditions": [] }));
    let report = StatusPatch { object: object.clone(), uid, status };
    (object, Post { mark: Some(Box::new(mark)), report: Some(report), tried: 0 })
}

#[test]
fn a_status_is_written_although_its_finalizers_are_refused_or_denied_and_not_where_the_object_has_changed()
 {
    assert_eq!(written(422, usize::MAX), (1, 1), "refused for good");
    assert_eq!(written(400, usize::MAX), (1, 1), "refused for good");
    assert_eq!(written(403, 2), (3, 1), "denied twice, and told once");
    assert_eq!(written(500, 1), (2, 1), "failed, and tried again together");
    assert_eq!(written(409, usize::MAX), (1, 0), "changed: it is looked at again");
    assert_eq!(written(404, usize::MAX), (1, 0), "gone");
}

#[tokio::test]
async fn nothing_is_told_while_something_is_to_be_written_or_was_just_now() {
    let outbox = Outbox::new();
    let rests_for = async |long| {
        let rests = outbox.rests_for(Duration::from_millis(long));
        tokio::time::timeout(Duration::from_millis(long + 100), rests).await.is_ok()
    };
    assert!(rests_for(3_600_000).await, "nothing was ever written");
    let (object, post) = post();
    outbox.put(object, post);
    assert!(!rests_for(10).await, "something waits");
    let (object, _) = outbox.next().await;
    outbox.done(&object);
    let rests = outbox.rests_for(Duration::from_secs(3_600));
    let soon = Duration::from_millis(100);
    assert!(tokio::time::timeout(soon, rests).await.is_err(), "something was written just now");
    outbox.rests_for(Duration::from_millis(10)).await;
}
