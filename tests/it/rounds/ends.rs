//! What has ended, between the reading of it and the taking away.
//!
//! Never: an end that somebody has put off meanwhile.

use concordat::{
    domain::ids::Kind,
    operator::reconcile::{Expiry, Reconciled, Requeue, Work, read_expiry},
    store::{Outcome, Refusal},
};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::{Desk, grant};

const READER: &str = "Message Center Reader";
const A_MONTH: SignedDuration = SignedDuration::from_hours(31 * 24);

fn until(end: &str) -> Value {
    let mut first = grant("acme", 1, &[READER]);
    first["notAfter"] = json!(end);
    first
}

/// A grant whose end has come.
fn ended() -> Desk {
    let mut desk = Desk::new(&json!({}));
    desk.active("acme");
    desk.put("gina", Kind::RoleGrant, "first", until("2026-02-01T00:00:00Z"));
    desk.rests();
    assert_eq!(in_force(&desk), "True");
    desk.passes(A_MONTH);
    desk
}

fn in_force(desk: &Desk) -> String {
    desk.told(Kind::RoleGrant, "first", "InForce").0
}

fn read(desk: &mut Desk) -> Expiry {
    let mut work = Work::default();
    let due = desk.rounds.due(desk.now());
    assert!(due.iter().any(|wake| matches!(wake, Requeue::Row(_))), "something has ended");
    for wake in due {
        work.enqueue(wake);
    }
    let mut parts = desk.rounds.ended(&work, desk.now());
    assert_eq!(parts.len(), 1);
    let keys = parts.remove(0);
    desk.runtime.block_on(read_expiry(keys, &desk.settings, &mut desk.store)).unwrap()
}

fn take_away(desk: &mut Desk, ends: Expiry) -> Reconciled {
    desk.runtime.block_on(desk.rounds.take_away(ends, &mut desk.store))
}

fn outcomes(done: &Reconciled) -> Vec<Outcome> {
    assert_eq!(done.failed, None);
    done.effects.iter().map(|effected| effected.outcome.clone()).collect()
}

#[test]
fn what_has_ended_is_taken_away_as_it_was_read_and_only_once() {
    let mut desk = ended();
    let ends = read(&mut desk);
    assert_eq!(outcomes(&take_away(&mut desk, ends)), [Outcome::Done]);
    assert_eq!(
        desk.rounds.row_index().in_force(),
        1,
        "what was read is remembered until a round looks"
    );
    desk.looks_at_everything();
    desk.rests();
    assert_eq!(in_force(&desk), "False");
    assert_eq!(desk.rounds.row_index().in_force(), 0);
}

#[test]
fn what_was_put_off_since_its_end_was_read_is_not_taken_away() {
    let mut desk = ended();
    let ends = read(&mut desk);
    desk.passes(-A_MONTH);
    desk.put("gina", Kind::RoleGrant, "first", until("2026-03-01T00:00:00Z"));
    desk.rests();
    desk.passes(A_MONTH);
    assert_eq!(outcomes(&take_away(&mut desk, ends)), [Outcome::Refused(Refusal::Stale)]);
    desk.looks_at_everything();
    desk.rests();
    assert_eq!(in_force(&desk), "True");
    assert_eq!(desk.status(Kind::RoleGrant, "first")["expiresAt"], "2026-03-01T00:00:00Z");
}
