//! `offer` and `accept`: what a customer reads, and what is written when he answers.
//!
//! Never: an answer to something that was not shown.

use super::{ADA, Team, nothing_changes, says};
use crate::program::Ran;

/// The digest that an answer names.
fn digest(ran: &Ran) -> &str {
    let (_, rest) = ran.stdout.split_once("invitation: ").expect("an invitation is named");
    rest.trim_end()
}

#[test]
fn offer_accept_apply_and_the_relationship_is_active_and_at_rest() {
    let team = Team::unanswered();
    says(&team.apply(&[]), 0, &["needs 1 customer approval"]);
    assert!(team.relationships().contains("ApprovalPending"));
    let offer = team.with_manifests(&["offer"], &["--relationship", "fabrikam"]);
    let accepted = team.accept(&[]);
    says(&accepted, 0, &["kind: AgreementAcceptance"]);
    assert!(offer.stdout.contains(digest(&accepted)));
    assert!(accepted.stderr.contains("A request from Contoso Helpdesk"), "the terms are talk");
    assert!(accepted.stdout.starts_with("apiVersion:"), "the manifest is the answer");
    team.write("answer.yaml", &accepted.stdout);
    says(&team.apply(&[]), 0, &["authorised by the customer's acceptance"]);
    assert!(team.relationships().contains("Active"));
    nothing_changes(&team.apply(&[]));
    nothing_changes(&team.diff(&["--prune"]));
}

#[test]
fn an_offer_an_answer_and_grants_fit_in_one_commit_before_any_store_exists() {
    let team = Team::unanswered();
    let accepted = team.accept(&["--write", "m/answer.yaml"]);
    says(&accepted, 0, &["written to `m/answer.yaml`"]);
    assert_eq!(accepted.stdout, "");
    says(&team.apply(&[]), 0, &["invited", "authorised"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn instants_finer_than_a_store_keeps_are_at_rest_after_one_apply() {
    let team = Team::unanswered();
    team.edit("grants.yaml", "2028-06-30T22:00:00Z", "2028-06-30T22:00:00.123456789Z");
    let accepted = team.accept(&["--at", "2026-11-16T09:00:00.987654321Z"]);
    team.write("answer.yaml", &accepted.stdout);
    says(&team.apply(&[]), 0, &["until 2028-06-30T22:00:00.123Z"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn a_file_that_exists_is_not_overwritten() {
    let team = Team::unanswered();
    team.place.write("answer.yaml", "mine");
    let ran = team.accept(&["--write", "answer.yaml"]);
    says(&ran, 2, &["`answer.yaml` is there already"]);
    assert!(!ran.stderr.contains("A request from"), "it is said before anything is asked");
    assert_eq!(std::fs::read_to_string(team.place.path().join("answer.yaml")).unwrap(), "mine");
}

#[test]
fn without_a_terminal_reading_must_be_confirmed_in_words() {
    let team = Team::unanswered();
    let ran = team.with_manifests(&["accept", "fabrikam"], &ADA[..8]);
    says(&ran, 2, &["A request from", "--read-confirmed"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn on_a_terminal_a_person_is_asked_and_only_yes_is_yes() {
    let team = Team::unanswered();
    let words =
        [&["accept", "fabrikam", "-f", "m", "--write", "m/answer.yaml"], &ADA[..8]].concat();
    for no in ["no\n", "y\n", "\n"] {
        let ran = team.on_terminal(&words, no);
        says(&ran, 2, &["I have read it, and accept (type `yes`)", "nothing was written"]);
        assert!(!team.place.path().join("m/answer.yaml").exists());
    }
    says(&team.on_terminal(&words, "yes\n"), 0, &["written to `m/answer.yaml`"]);
    says(&team.apply(&[]), 0, &["authorised"]);
}

#[test]
fn who_may_not_accept_and_what_is_not_yet_are_refused() {
    let team = Team::unanswered();
    let person = [&ADA[..6], &["--read-confirmed", "--role", "BillingAdministrator"]].concat();
    let ran = team.with_manifests(&["accept", "fabrikam"], &person);
    says(&ran, 2, &["`BillingAdministrator` may not accept this", "C0526"]);
    says(&team.accept(&["--at", "2999-01-01T00:00:00Z"]), 2, &["in the future"]);
    says(&team.accept(&["--agreement-only"]), 2, &["the offer names no agreement"]);
    says(&team.accept(&["--agreement-only", "--decline"]), 2, &["cannot be used with"]);
    let nobody = [&ADA[6..], &["--first-name", "", "--last-name", "", "--email", "x"]].concat();
    let ran = team.with_manifests(&["accept", "fabrikam"], &nobody);
    says(&ran, 1, &["spec.acceptedBy.firstName", "spec.acceptedBy.lastName"]);
    assert_eq!(ran.stdout, "", "nothing is written that `apply` would refuse");
    says(&team.accept(&["--name", "Not A Name"]), 1, &["metadata.name"]);
}

#[test]
fn what_is_written_means_the_same_to_kubectl() {
    let team = Team::unanswered();
    let person = [&ADA[2..], &["--first-name", "No", "--phone", "0123", "--name", "y"]].concat();
    let ran = team.with_manifests(&["accept", "fabrikam"], &person);
    says(&ran, 0, &["firstName: \"No\"", "name: \"y\""]);
    assert!(!ran.stdout.contains(": 0123\n"), "{}", ran.stdout);
    team.write("answer.yaml", &ran.stdout);
    says(&team.validate(&[]), 0, &["no problems"]);
}

#[test]
fn an_answer_with_a_name_that_is_taken_is_refused_with_the_way_out() {
    let team = Team::new();
    says(&team.accept(&[]), 2, &["there is an acceptance called", "--name"]);
    says(&team.accept(&["--name", "fabrikam-2"]), 0, &["name: fabrikam-2"]);
}

#[test]
fn a_decline_withdraws_and_nothing_is_sent_until_the_spec_changes() {
    let team = Team::unanswered();
    team.apply(&[]);
    let declined = team.accept(&["--decline"]);
    says(&declined, 0, &["decision: Decline"]);
    team.write("answer.yaml", &declined.stdout);
    says(&team.apply(&[]), 0, &["declined"]);
    assert!(team.relationships().contains("Withdrawn"));
    for _ in 0..2 {
        says(
            &team.apply(&[]),
            0,
            &["Done: nothing; not all that is declared here is held", "C0509"],
        );
    }
    says(
        &team.accept(&["--name", "again"]),
        2,
        &["no invitation of `fabrikam` waits", "Withdrawn"],
    );
    team.edit("offer.yaml", "P730D", "P365D");
    says(&team.apply(&[]), 0, &["fabrikam-helpdesk-2: invited"]);
    team.write("again.yaml", &team.accept(&["--name", "again"]).stdout);
    says(&team.apply(&[]), 0, &["fabrikam-helpdesk-2: authorised"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn an_answer_to_an_older_invitation_authorises_nothing() {
    let team = Team::unanswered();
    team.apply(&[]);
    team.write("answer.yaml", &team.accept(&[]).stdout);
    team.edit("offer.yaml", "P730D", "P365D");
    let ran = team.apply(&[]);
    says(&ran, 0, &["C0316"]);
    assert!(!team.relationships().contains("Active"), "{}", ran.stdout);
    says(&team.apply(&[]), 0, &["waiting for a customer"]);
}

#[test]
fn a_relationship_that_was_kept_takes_its_roles_again_without_a_new_answer() {
    let team = Team::applied();
    let kept = ["relationship.yaml", "acceptance.yaml", "grants.yaml"].map(|name| {
        let text = std::fs::read_to_string(team.place.path().join("m").join(name)).unwrap();
        team.remove(name);
        (name, text)
    });
    says(&team.apply(&["--prune"]), 0, &["3 lost"]);
    assert!(team.relationships().contains("Active"), "`Revoke` keeps the relationship");
    for (name, text) in &kept {
        team.write(name, text);
    }
    says(&team.apply(&[]), 0, &["3 gained"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn a_relationship_that_was_terminated_needs_a_new_answer() {
    let team = Team::new();
    team.edit("relationship.yaml", "  offerRef:", "  deletionPolicy: Terminate\n  offerRef:");
    assert_eq!(team.apply(&[]).code, Some(0));
    let kept: Vec<(&str, String)> = ["relationship.yaml", "acceptance.yaml", "grants.yaml"]
        .into_iter()
        .map(|name| {
            let text = std::fs::read_to_string(team.place.path().join("m").join(name)).unwrap();
            team.remove(name);
            (name, text)
        })
        .collect();
    says(&team.diff(&[]), 0, &["nothing to do now", "C0534"]);
    says(&team.apply(&["--prune"]), 0, &["3 lost", "1 ending"]);
    assert!(team.relationships().contains("Terminated"));
    for (name, text) in &kept {
        team.write(name, text);
    }
    let ran = team.apply(&[]);
    says(&ran, 0, &["needs 1 customer approval", "was used before"]);
    assert!(!team.relationships().contains("Active"));
    team.write("new.yaml", &team.accept(&["--name", "new"]).stdout);
    says(&team.apply(&[]), 0, &["3 gained"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn several_texts_of_an_agreement_ask_which_was_read() {
    let team = Team::unanswered();
    let agreement = "  agreement:\n    type: MicrosoftCustomerAgreement\n    templateId: 117a77b0-9360-443b-8795-c6dedc750cf9\n    documents:\n";
    let document = |country: &str, language: &str, digit: &str| {
        format!(
            "    - country: {country}\n      language: {language}\n      sha256: {}\n",
            digit.repeat(64)
        )
    };
    let documents = [document("US", "en-US", "a"), document("FR", "fr-FR", "b")].concat();
    team.edit("offer.yaml", "  terms:", &format!("{agreement}{documents}  terms:"));
    let ran = team.accept(&[]);
    says(&ran, 2, &["say which text was read", "`--country FR --language fr-FR`"]);
    let ran = team.accept(&["--country", "FR"]);
    says(&ran, 0, &["language: fr-FR", "invitation: "]);
    let alone = team.accept(&["--country", "FR", "--agreement-only"]);
    says(&alone, 0, &["country: FR"]);
    assert!(!alone.stdout.contains("invitation"), "it authorises nobody");
    team.write("answer.yaml", &alone.stdout);
    says(&team.apply(&[]), 0, &["waiting for a customer"]);
    assert!(!team.relationships().contains("Active"));
    says(&team.apply(&[]), 0, &["Done: nothing; not all that is declared here is held"]);
}

#[test]
fn an_offer_for_many_names_no_customer() {
    let team = Team::unanswered();
    for form in ["text", "markdown", "html"] {
        let ran = team.with_manifests(&["offer", "helpdesk"], &["-o", form]);
        says(&ran, 0, &["Contoso Helpdesk", "Message Center Reader"]);
        assert!(!ran.stdout.contains("Fabrikam") && !ran.stdout.contains(super::FABRIKAM));
    }
    says(&team.with_manifests(&["offer"], &[]), 2, &["required"]);
    assert!(!team.place.path().join("concordat.db").exists());
}
