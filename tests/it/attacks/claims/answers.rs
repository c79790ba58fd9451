//! What an acceptance gives: when it was given, to what, and what else the customer has said.
//!
//! Never: access by an answer to something else than what was asked, or from a time that has not come.

use jiff::{SignedDuration, Timestamp, Unit};
use serde_json::{Value, json};

use super::{Teams, acceptance, grant, offer, relationship, says};

const TEAM: [&str; 1] = ["team-a"];
const YEARS: i64 = 10 * 365 * 86_400;

/// Invites the customer under this offer; gives the digest that an answer names.
fn invited(teams: &Teams, offer: &Value) -> String {
    let asked = [offer.clone(), relationship("team-a", "r1", "acme", None)];
    teams.write("team-a", &asked);
    teams.applies(&TEAM);
    teams.digest("team-a", "r1")
}

/// The team's objects with these answers.
fn answered(offer: &Value, answers: &[Value]) -> Vec<Value> {
    let relationship = relationship("team-a", "r1", "acme", None);
    let mut objects = vec![offer.clone(), relationship, grant("team-a", "g1", "r1", 1)];
    objects.extend_from_slice(answers);
    objects
}

fn at(mut answer: Value, instant: Timestamp) -> Value {
    answer["spec"]["acceptedAt"] = json!(instant.to_string());
    answer
}

fn declines(mut answer: Value) -> Value {
    answer["spec"]["decision"] = json!("Decline");
    answer
}

fn soon(seconds: i64) -> Timestamp {
    Timestamp::now().round(Unit::Second).unwrap() + SignedDuration::from_secs(seconds)
}

fn agreement(digit: &str) -> Value {
    json!({
        "type": "MicrosoftCustomerAgreement",
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9",
        "gates": "Access",
        "documents": [{ "country": "US", "language": "en-US", "sha256": digit.repeat(64) }],
    })
}

fn with_agreement(mut offer: Value, digit: &str) -> Value {
    offer["spec"]["agreement"] = agreement(digit);
    offer
}

/// The answer with the text that was read.
fn read(mut answer: Value, digit: &str) -> Value {
    answer["spec"]["agreement"] = json!({
        "type": "MicrosoftCustomerAgreement",
        "templateId": "117a77b0-9360-443b-8795-c6dedc750cf9",
        "country": "US", "language": "en-US", "documentSha256": digit.repeat(64),
    });
    answer
}

#[test]
fn what_was_accepted_after_the_stores_now_gives_nothing_until_then() {
    let teams = Teams::on(crate::postgres::server().database("claims_future").url().to_owned());
    let offer = offer("team-a");
    let digest = invited(&teams, &offer);
    let answer = acceptance("team-a", "yes", "r1", &digest);
    let alone = {
        let mut alone = read(acceptance("team-a", "alone", "r1", &digest), "a");
        let spec = alone["spec"].as_object_mut().unwrap();
        spec.remove("relationshipRef");
        spec.remove("invitation");
        alone
    };
    for future in [at(answer.clone(), soon(YEARS)), at(answer.clone(), soon(600))] {
        for answer in [future.clone(), declines(future)] {
            teams.write("team-a", &answered(&offer, &[answer]));
            let ran = teams.run_at(YEARS + 86_400, &["apply"], &TEAM);
            says(&ran, 1, &["C0401", "the store's clock"]);
            assert!(teams.relationships().contains("ApprovalPending"), "{}", ran.stdout);
            assert!(!teams.holds(1), "{}", teams.grants());
        }
    }
    teams.write("team-a", &answered(&offer, &[at(alone, soon(YEARS))]));
    says(&teams.run_at(YEARS + 86_400, &["apply"], &TEAM), 1, &["C0401"]);
    assert!(!teams.run(&["history"], &[]).stdout.contains("agreement"));

    // A clock that is ahead does no harm to what was accepted before.
    teams.write("team-a", &answered(&offer, &[at(answer, soon(-60))]));
    says(&teams.run_at(3_000, &["apply"], &TEAM), 0, &["authorised"]);
    assert!(teams.holds(1), "{}", teams.grants());
}

#[test]
fn a_clock_that_is_behind_or_ahead_neither_prolongs_nor_begins_a_window() {
    let teams = Teams::on(crate::postgres::server().database("claims_windows").url().to_owned());
    let mut objects = teams.with_owner("team-a");
    let mut later = grant("team-a", "g2", "r1", 2);
    later["spec"]["notBefore"] = json!(soon(86_400).to_string());
    let mut over = grant("team-a", "g3", "r1", 3);
    over["spec"]["notAfter"] = json!(soon(-86_400).to_string());
    objects.extend([later, over]);
    teams.write("team-a", &objects);
    for ahead in [2 * 86_400, -2 * 86_400] {
        teams.run_at(ahead, &["apply"], &TEAM);
        assert!(!teams.holds(2) && !teams.holds(3) && teams.holds(1), "{}", teams.grants());
    }
}

#[test]
fn an_answer_is_judged_by_the_invitation_that_it_answers() {
    Teams::on_each_store("claims_agreement", |teams| {
        let asked = with_agreement(offer("team-a"), "a");
        let digest = invited(teams, &asked);
        let answer = acceptance("team-a", "yes", "r1", &digest);
        let edits =
            [("left out", offer("team-a")), ("changed", with_agreement(offer("team-a"), "b"))];
        for (what, edited) in edits {
            for answer in [answer.clone(), read(answer.clone(), "b"), read(answer.clone(), "c")] {
                teams.write("team-a", &answered(&edited, &[answer]));
                let ran = teams.run(&["apply"], &TEAM);
                says(&ran, 1, &["C0313"]);
                assert!(
                    teams.relationships().contains("ApprovalPending"),
                    "{what}: {}",
                    ran.stdout
                );
                assert!(!teams.holds(1), "{what}: {}", teams.grants());
            }
        }
        teams.write("team-a", &answered(&offer("team-a"), &[read(answer, "a")]));
        says(&teams.run(&["apply"], &TEAM), 0, &["authorised"]);
        assert!(teams.holds(1), "{}", teams.grants());
        says(&teams.run(&["apply"], &TEAM), 0, &["Nothing changes"]);
    });
}

#[test]
fn a_decline_wins_over_whatever_accepts_the_same_invitation() {
    Teams::on_each_store("claims_declined", |teams| {
        let offer = offer("team-a");
        let digest = invited(teams, &offer);
        let yes = acceptance("team-a", "yes", "r1", &digest);
        let mut no = declines(acceptance("team-a", "no", "r1", &digest));
        no["spec"]["acceptedAt"] = json!("2026-11-16T10:00:00+01:00");
        no["spec"]["acceptedBy"]["email"] = json!("ada2@fabrikam.example");
        teams.write("team-a", &answered(&offer, &[yes, no]));
        let ran = teams.run(&["apply"], &TEAM);
        says(&ran, 0, &["declined", "C0327"]);
        assert!(!teams.holds(1), "{}", teams.grants());
        assert!(teams.relationships().contains("Withdrawn"), "{}", teams.relationships());
    });
}

#[test]
fn a_decline_while_access_goes_on_is_an_error_until_one_of_them_ends() {
    Teams::on_each_store("claims_regretted", |teams| {
        let mut objects = teams.with_owner("team-a");
        let answer = objects[2]["spec"]["invitation"].as_str().unwrap().to_owned();
        objects.push(declines(acceptance("team-a", "no", "r1", &answer)));
        teams.write("team-a", &objects);
        for command in [&["diff"][..], &["apply"]] {
            says(&teams.run(command, &TEAM), 1, &["C0532", "access goes on"]);
        }
        objects[1]["spec"]["suspend"] = json!(true);
        teams.write("team-a", &objects);
        says(&teams.run(&["apply"], &TEAM), 1, &["C0532"]);
        assert!(teams.holds(1), "{}", teams.grants());
        objects.pop();
        objects[1]["spec"]["suspend"] = json!(false);
        teams.write("team-a", &objects);
        says(&teams.run(&["apply"], &TEAM), 0, &["Nothing changes"]);
    });
}
