//! Who deletes is written down before the deletion is let go.
//!
//! Never: a deletion that waits for its own name.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use concordat::operator::{
    admission::deletion::{NotStamped, Stamp, stamp},
    world::DELETED_BY,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    asked,
    client::{Client, NAME},
    grant, https, offer, relationship, request, with,
};

fn held(object: Value) -> Value {
    let object = with(object, "/metadata/finalizers", json!(["concordat.dev/revoke"]));
    with(object, "/metadata/resourceVersion", json!("7"))
}

/// A deletion that is meant.
fn deletion(of: &Value) -> Value {
    with(asked("DELETE", &Value::Null, of), "/request/dryRun", json!(false))
}

fn stamped(object: Value, by: &str) -> Value {
    with(object, "/metadata/annotations", json!({ DELETED_BY: by }))
}

fn leaving(object: Value) -> Value {
    with(object, "/metadata/deletionTimestamp", json!("2026-11-21T11:00:00Z"))
}

#[test]
fn a_name_is_written_where_access_rests_on_the_object_and_the_first_one_stays() {
    let cases = [
        ("a grant", deletion(&held(grant())), Some("third-line")),
        ("a relationship", deletion(&held(relationship())), Some("fabrikam")),
        ("an offer", deletion(&held(offer())), None),
        ("nothing holds it back", deletion(&grant()), None),
        ("only tried", asked("DELETE", &Value::Null, &held(grant())), None),
        (
            "an update",
            with(asked("UPDATE", &held(grant()), &grant()), "/request/dryRun", json!(false)),
            None,
        ),
        ("asked once more", deletion(&stamped(held(grant()), "ada")), None),
        ("left by another", deletion(&stamped(held(grant()), "bob")), Some("third-line")),
        ("already deleted", deletion(&leaving(stamped(held(grant()), "bob"))), None),
        ("deleted by nobody", deletion(&leaving(held(grant()))), Some("third-line")),
        (
            "deleted by an empty name",
            deletion(&leaving(stamped(held(grant()), ""))),
            Some("third-line"),
        ),
    ];
    for (name, question, expected) in cases {
        let found = stamp(&request(&question));
        assert_eq!(found.as_ref().map(|stamp| stamp.object.name.as_str()), expected, "{name}");
        if let Some(Stamp { object, uid, version, by }) = found {
            assert_eq!(object.namespace, "msp-helpdesk", "{name}");
            assert_eq!(
                (uid.0.to_string(), version.as_str(), by.as_str()),
                (format!("uid-{}", object.name), "7", "ada")
            );
        }
    }
}

#[test]
fn a_deletion_goes_on_without_a_name_and_with_a_warning() {
    let (_folder, certificate, running) =
        https::stamping(Arc::new(|_| Box::pin(async { Err(NotStamped("it is away".to_owned())) })));
    let mut client = Client::connect(running.address, &certificate.authorities, NAME).unwrap();
    let reply = client.ask(deletion(&held(grant())).to_string().as_bytes()).unwrap();
    let answer: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!(answer["response"]["allowed"], true, "{answer:#}");
    let warning = answer["response"]["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with("who deleted RoleGrant `third-line` could not be written down"));
    let text = running.metrics.text(Timestamp::now());
    assert!(text.contains(r#"concordat_admission_total{kind="RoleGrant",verdict="warned"} 1"#));
    running.end();
}

#[test]
fn many_deletions_at_once_do_not_keep_the_questions_about_their_own_names_waiting() {
    let place: Arc<OnceLock<(SocketAddr, String)>> = Arc::default();
    let written: Arc<Mutex<usize>> = Arc::default();
    let (to, count) = (Arc::clone(&place), Arc::clone(&written));
    let (_folder, certificate, running) = https::stamping(Arc::new(move |stamp| {
        let (to, count) = (Arc::clone(&to), Arc::clone(&count));
        Box::pin(async move {
            let (address, authorities) = to.get().unwrap().clone();
            let asking = tokio::task::spawn_blocking(move || {
                let after = stamped(held(grant()), &stamp.by);
                let question = asked("UPDATE", &after, &held(grant())).to_string();
                let mut client = Client::connect(address, &authorities, NAME).unwrap();
                assert_eq!(client.ask(question.as_bytes()).unwrap().status, 200);
            });
            asking.await.unwrap();
            *count.lock().unwrap() += 1;
            Ok(())
        })
    }));
    place.set((running.address, certificate.authorities.clone())).unwrap();
    let began = Instant::now();
    let asking: Vec<_> = (0..32)
        .map(|_| {
            let (address, authorities) = place.get().unwrap().clone();
            std::thread::spawn(move || {
                let mut client = Client::connect(address, &authorities, NAME).unwrap();
                client.ask(deletion(&held(grant())).to_string().as_bytes()).unwrap().status
            })
        })
        .collect();
    for asking in asking {
        assert_eq!(asking.join().unwrap(), 200);
    }
    assert_eq!(*written.lock().unwrap(), 32);
    assert!(began.elapsed() < Duration::from_secs(8), "they waited for each other");
    running.end();
}
