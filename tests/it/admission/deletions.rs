//! Who deletes is written down before the deletion is let go.
//!
//! Never: a deletion that waits for its own name.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, Instant},
};

use concordat::operator::admission::deletion::{Deletion, NotStamped, Stands, stamp};
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

#[test]
fn a_deletion_is_looked_at_where_access_rests_on_the_object() {
    let meant = |question: Value| with(question, "/request/dryRun", json!(false));
    let cases = [
        ("a grant", deletion(&grant()), Some("third-line")),
        ("a relationship", deletion(&relationship()), Some("fabrikam")),
        ("an offer", deletion(&offer()), None),
        ("only tried", asked("DELETE", &Value::Null, &grant()), None),
        ("an update", meant(asked("UPDATE", &grant(), &grant())), None),
        ("a part of it", with(deletion(&grant()), "/request/subResource", json!("status")), None),
        (
            "by nobody",
            with(deletion(&grant()), "/request/userInfo", json!({ "username": "" })),
            None,
        ),
    ];
    for (name, question, expected) in cases {
        let found = concordat::operator::admission::deletion::deletion(&request(&question));
        assert_eq!(found.as_ref().map(|it| it.object.name.as_str()), expected, "{name}");
        if let Some(Deletion { object, by }) = found {
            assert_eq!((object.namespace.as_str(), by.as_str()), ("msp-helpdesk", "ada"), "{name}");
        }
    }
}

#[test]
fn each_name_that_stands_stays_and_the_first_one_of_what_is_on_its_way_out_is_alone() {
    let cases = [
        ("nothing stands", (true, false, ""), Some("ada")),
        ("nothing holds it back", (false, false, ""), None),
        ("asked once more", (true, false, "ada"), None),
        ("asked once more after others", (true, false, "bob\nada"), None),
        ("left by another", (true, false, "bob"), Some("bob\nada")),
        ("already deleted", (true, true, "bob"), None),
        ("deleted by nobody", (true, true, ""), Some("ada")),
    ];
    for (name, (is_held, is_leaving, deleted_by), expected) in cases {
        let stands = Stands { is_held, is_leaving, deleted_by: deleted_by.to_owned() };
        assert_eq!(stamp(&stands, "ada").as_deref(), expected, "{name}");
    }
    let stands = Stands { is_held: true, ..Stands::default() };
    assert_eq!(stamp(&stands, "ada\nbob").as_deref(), Some("ada\\nbob"), "one name is one line");
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
    let (_folder, certificate, running) = https::stamping(Arc::new(move |deletion| {
        let (to, count) = (Arc::clone(&to), Arc::clone(&count));
        Box::pin(async move {
            let (address, authorities) = to.get().unwrap().clone();
            let asking = tokio::task::spawn_blocking(move || {
                let named = json!({ concordat::operator::index::DELETED_BY: deletion.by });
                let after = with(held(grant()), "/metadata/annotations", named);
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
