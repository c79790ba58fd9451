//! Log lines: one for each effect, complete, and without anything that is nobody's business.
//!
//! Never: a line that needs another one to be understood.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use concordat::{
    api::{AcceptanceDecision, AcceptorRole},
    domain::{
        change::{Change, Effect},
        digest::Digest,
        problem::Code,
        state::{Acceptance, Person},
    },
    operator::telemetry::{
        labels::ChangeOutcome,
        logs::{Effected, LogFormat, effect, subscriber},
    },
};
use serde_json::Value;
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use super::{change, instant, set_roles};
use crate::planner::build::{object, role, tenant};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

fn logged(format: LogFormat, change: &Change, effected: Effected) -> String {
    let lines = Lines::default();
    let subscriber = subscriber(format, EnvFilter::new("info"), lines.clone(), None);
    tracing::subscriber::with_default(subscriber, || effect(change, change.id(), effected));
    let bytes = lines.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

const DONE: Effected = Effected { outcome: ChangeOutcome::Done, code: None, sequence: Some(41) };

#[test]
fn one_line_says_who_what_where_and_until_when() {
    let (soon, late) = (instant("2027-01-01T00:00:00Z"), instant("2027-06-01T00:00:00Z"));
    let change =
        set_roles(&[(role(0), soon), (role(2), soon)], &[(role(0), late), (role(1), soon)]);
    let text = logged(LogFormat::Json, &change, DONE);
    assert_eq!(text.lines().count(), 1);
    let line: Value = serde_json::from_str(&text).unwrap();
    let expected = [
        ("level", "INFO"),
        ("target", "concordat::effect"),
        ("effect", "set_roles"),
        ("outcome", "done"),
        ("relationship", "acme-helpdesk"),
        ("type", "GranularDelegatedAdmin"),
        ("owner", "cluster/msp/acme"),
        ("gained", "Reports Reader until 2027-01-01T00:00:00Z"),
        ("changed", "Helpdesk Administrator until 2027-06-01T00:00:00Z"),
        ("lost", "Message Center Reader until 2027-01-01T00:00:00Z"),
        ("until", "2027-06-01T00:00:00Z"),
        ("cause", "Declared"),
    ];
    for (field, value) in expected {
        assert_eq!(line[field], value, "{field} of {line:#}");
    }
    assert_eq!(line["sequence"], 41);
    assert_eq!(line["customer"], tenant(2).id.to_string());
    assert_eq!(line["partner"], tenant(1).id.to_string());
    assert_eq!(line["change"], change.id().to_string());
    assert_eq!(line.get("code"), None);
    assert!(!text.contains("SECRET"), "{text}");
}

#[test]
fn what_was_refused_says_why() {
    let refused =
        Effected { outcome: ChangeOutcome::Refused, code: Some(Code(621)), sequence: None };
    let text = logged(LogFormat::Json, &set_roles(&[], &[]), refused);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["level"], &line["code"]), (&"WARN".into(), &"C0621".into()));
    assert_eq!(line.get("sequence"), None);
}

#[test]
fn an_acceptance_is_logged_without_the_person() {
    let acceptance = Acceptance {
        object: object("yes"),
        content: Digest::of(&"x"),
        decision: AcceptanceDecision::Accept,
        customer: tenant(2).id,
        partner: tenant(1).id,
        agreement: None,
        accepted_by: Person {
            first_name: "SECRET".to_owned(),
            last_name: "SECRET".to_owned(),
            email: "SECRET@example.com".to_owned(),
            phone_number: Some("SECRET".to_owned()),
            role: AcceptorRole::GlobalAdministrator,
        },
        accepted_at: instant("2026-11-21T12:00:00Z"),
        invitation: None,
    };
    let effects = [
        Effect::Authorise { acceptance: Box::new(acceptance.clone()), ends_at: None },
        Effect::Decline { acceptance: Box::new(acceptance.clone()) },
        Effect::RecordAcceptance { acceptance: Box::new(acceptance) },
    ];
    for effect in effects {
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, &change(effect.clone()), DONE);
            assert_eq!(text.lines().count(), 1);
            assert!(!text.contains("SECRET") && text.contains("acme-helpdesk"), "{text}");
        }
    }
}
