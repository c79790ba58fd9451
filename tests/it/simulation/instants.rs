//! T11: everything that an instant brings comes exactly at that instant, however the clock gets there, and clocks that
//! disagree do no harm.
//!
//! Never: access outside its window, by the store's clock.

use concordat::{
    domain::change::Cause,
    store::{Outcome, Refusal},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{
    cast::{ASKER, Under, grant, grant_key, relationship, relationship_key},
    history::{Step, scene},
    stage::Stage,
};

/// What an instant brings.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Brings {
    Begin,
    End,
    /// The end of the relationship.
    Expiry,
    /// 90 days after the invitation.
    Lapse,
    /// 30 seconds after a deletion that cannot be undone.
    Termination,
}

const ALL: [Brings; 5] =
    [Brings::Begin, Brings::End, Brings::Expiry, Brings::Lapse, Brings::Termination];

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Everything before the instant, and the instant.
async fn before(brings: Brings) -> (Stage, Timestamp) {
    let mut stage = Stage::new(51).await;
    stage.exact = false;
    scene(&mut stage);
    let mut spec = relationship("msp", "r0", "short");
    spec["deletionPolicy"] = json!("Terminate");
    stage.server.create(&relationship_key("msp", "r0"), &json!({}), &spec, ASKER);
    stage.settle().await;
    let begun = stage.now();
    if brings == Brings::Lapse {
        return (stage, begun + SignedDuration::from_hours(24 * 90));
    }
    stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
    let instant = begun + SignedDuration::from_hours(5);
    let mut spec = grant(Under::Named("r0"), 0, &[1]);
    match brings {
        Brings::Begin => spec["notBefore"] = json!(instant.to_string()),
        Brings::End => spec["notAfter"] = json!(instant.to_string()),
        Brings::Expiry | Brings::Lapse | Brings::Termination => {}
    }
    stage.server.create(&grant_key("msp", "g0"), &json!({}), &spec, ASKER);
    stage.settle().await;
    match brings {
        Brings::Begin | Brings::End => (stage, instant),
        Brings::Expiry | Brings::Lapse => (stage, begun + SignedDuration::from_hours(24 * 3)),
        Brings::Termination => {
            stage.server.delete(&relationship_key("msp", "r0"));
            stage.settle().await;
            let settled = stage.now() + SignedDuration::from_secs(30);
            (stage, settled)
        }
    }
}

/// Whether it has come.
async fn has_come(stage: &mut Stage, brings: Brings) -> bool {
    let observed = stage.observed().await;
    let rows: Vec<_> = observed.relationships.values().flatten().collect();
    let held = rows.iter().flat_map(|row| row.assignments.values());
    let held = held.filter(|held| held.state.roles.values().any(|until| *until > observed.now));
    let held = held.count();
    let stage = rows[0].lifecycle.to_string();
    match brings {
        Brings::Begin => held == 1,
        Brings::End => held == 0,
        Brings::Expiry => stage == "Expired" && held == 0,
        Brings::Lapse => stage == "Withdrawn",
        Brings::Termination => stage == "Terminated" && held == 0,
    }
}

fn jump(stage: &mut Stage, to: Timestamp) {
    let by = to.duration_since(stage.now());
    if by.is_negative() {
        stage.set_back(-by);
        // The time that the process itself counts goes on.
        stage.passed += SignedDuration::from_secs(6);
    } else {
        stage.pass(by);
    }
}

#[tokio::test]
async fn what_an_instant_brings_comes_with_it_and_not_before() {
    let offsets = [-1_000, -1, 0, 1, 1_000];
    let mut stepped = 0;
    for brings in ALL {
        for offset in offsets {
            for down in [false, true] {
                if down && brings == Brings::Termination {
                    // What settles begins anew with each process.
                    continue;
                }
                let (mut stage, instant) = before(brings).await;
                if down {
                    stage.crash();
                }
                jump(&mut stage, instant + SignedDuration::from_millis(offset));
                stage.settle().await;
                let come = has_come(&mut stage, brings).await;
                assert_eq!(come, offset >= 0, "{brings:?} {offset} ms, down: {down}");
                stage.ledger_is_sound().await;
                stepped += 1;
            }
        }
    }
    println!("T11: {stepped} steps onto and around an instant");
}

#[tokio::test]
async fn a_clock_that_steps_back_over_an_instant_and_forward_again_ends_as_if_it_had_not() {
    for brings in ALL {
        for back in [SignedDuration::from_millis(1), SignedDuration::from_secs(1), HOUR] {
            let (mut stage, instant) = before(brings).await;
            jump(&mut stage, instant);
            stage.settle().await;
            assert!(has_come(&mut stage, brings).await, "{brings:?}");
            jump(&mut stage, instant - back);
            stage.settle().await;
            if back == HOUR {
                // Nothing tells of it but the next look at everything.
                stage.live(super::operator::OBSERVES_EVERY).await;
                // A window is what it says; what is over stays over.
                let stays = !matches!(brings, Brings::Begin | Brings::End);
                assert_eq!(has_come(&mut stage, brings).await, stays, "{brings:?} {back}");
            }
            jump(&mut stage, instant);
            stage.settle().await;
            assert!(has_come(&mut stage, brings).await, "{brings:?} {back}");
            stage.rests_for(HOUR, true).await;
            stage.ledger_is_sound().await;
        }
    }
}

#[tokio::test]
async fn parts_of_a_millisecond_never_make_a_window_longer() {
    for (brings, nanoseconds) in [(Brings::Begin, 1), (Brings::End, 999_999), (Brings::End, 1)] {
        let (mut stage, instant) = before(brings).await;
        let field = if brings == Brings::Begin { "notBefore" } else { "notAfter" };
        let asked = instant + SignedDuration::from_nanos(nanoseconds);
        let set = Step::Set(grant_key("msp", "g0"), field, json!(asked.to_string()));
        stage.happens(&set).await;
        stage.settle().await;
        for (offset, expected) in [(-1, false), (1, true)] {
            jump(&mut stage, instant + SignedDuration::from_millis(offset));
            stage.settle().await;
            assert_eq!(has_come(&mut stage, brings).await, expected, "{brings:?} {nanoseconds}");
        }
    }
}

#[tokio::test]
async fn after_downtime_everything_that_is_over_goes_before_anything_is_given() {
    let (mut stage, instant) = before(Brings::End).await;
    let mut other = grant(Under::Named("r0"), 1, &[0]);
    other["notBefore"] = json!((instant - HOUR).to_string());
    stage.server.create(&grant_key("msp", "a-first"), &json!({}), &other, ASKER);
    stage.settle().await;
    stage.crash();
    stage.server.create(
        &grant_key("msp", "a-second"),
        &json!({}),
        &grant(Under::Named("r0"), 0, &[2]),
        ASKER,
    );
    stage.told.clear();
    jump(&mut stage, instant + HOUR);
    stage.settle().await;
    let made: Vec<Cause> = stage
        .told
        .iter()
        .flat_map(|done| &done.effects)
        .map(|effect| effect.change.cause)
        .collect();
    assert_eq!(made.len(), 3, "{made:?}");
    assert_eq!(made[0], Cause::Expired);
    assert!(made[1..].iter().all(|cause| *cause == Cause::Declared), "{made:?}");
}

#[tokio::test]
async fn the_clock_of_the_cluster_moves_no_instant() {
    for seconds in [-600, -30, 30, 600] {
        let skew = SignedDuration::from_secs(seconds);
        for brings in [Brings::Begin, Brings::End, Brings::Expiry] {
            let (mut stage, instant) = before(brings).await;
            stage.skew = skew;
            for (offset, expected) in [(-1, false), (0, true)] {
                jump(&mut stage, instant + SignedDuration::from_millis(offset));
                stage.settle().await;
                assert_eq!(has_come(&mut stage, brings).await, expected, "{brings:?} {seconds} s");
            }
            stage.rests_for(HOUR, true).await;
        }
        // What a customer says to have accepted in the future counts once it is there.
        let (mut stage, _) = before(Brings::Lapse).await;
        stage.skew = skew;
        stage.pass(SignedDuration::from_secs(1));
        stage.happens(&Step::Answer("msp", "r0", "Accept")).await;
        let accepted = stage.now() + skew;
        stage.settle().await;
        let active = |observed: &concordat::domain::state::Observed| {
            let mut rows = observed.relationships.values().flatten();
            rows.any(|row| row.lifecycle.to_string() == "Active")
        };
        assert_eq!(active(&stage.observed().await), seconds < 0, "{seconds} s");
        if seconds > 0 {
            stage.live(skew).await;
            assert!(stage.now() >= accepted && active(&stage.observed().await), "{seconds} s");
        }
        stage.statuses_are_sound();
    }
}

#[tokio::test]
async fn an_end_is_recorded_only_while_the_clocks_of_store_and_process_agree() {
    for seconds in [30, 600] {
        for brings in [Brings::Expiry, Brings::Lapse] {
            let (mut stage, instant) = before(brings).await;
            stage.weather().clocks_differ_by = seconds;
            jump(&mut stage, instant);
            stage.settle().await;
            assert_eq!(has_come(&mut stage, brings).await, seconds <= 60, "{brings:?} {seconds} s");
            let effects = stage.told.iter().flat_map(|done| &done.effects);
            let disagree = |refusal: &Refusal| matches!(refusal, Refusal::ClocksDisagree { .. });
            let refused = effects.filter(|effect| match &effect.outcome {
                Outcome::Refused(refusal) => disagree(refusal),
                Outcome::Done | Outcome::Underway | Outcome::Unknown => false,
            });
            assert_eq!(refused.count() > 0, seconds > 60);
            // Nobody holds anything meanwhile.
            let observed = stage.observed().await;
            let held = observed.relationships.values().flatten();
            let mut held = held.flat_map(|row| row.assignments.values());
            assert!(held.all(|held| held.state.roles.values().all(|until| *until > observed.now)));
            stage.weather().clocks_differ_by = 0;
            stage.live(SignedDuration::from_mins(6)).await;
            assert!(has_come(&mut stage, brings).await, "{brings:?} {seconds} s");
            stage.rests_for(HOUR, true).await;
            stage.ledger_is_sound().await;
        }
    }
}
