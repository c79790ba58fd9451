//! Names and spellings: what is mended arrives where names are shown, and what is the same counts as the same.
//!
//! Never: a change that is made and not shown.

use super::{ADA, FABRIKAM, FIRST_LINE, Team, nothing_changes, says};

#[test]
fn the_mended_name_of_a_customer_a_partner_and_a_group_is_shown_stored_and_recorded() {
    let team = Team::applied();
    team.edit("relationship.yaml", "displayName: Fabrikam", "displayName: Fabrikam Europe SE");
    team.edit("offer.yaml", "displayName: Contoso Helpdesk", "displayName: Contoso Care");
    team.edit("grants.yaml", "displayName: First line", "displayName: Front desk");
    let words = ["\"Fabrikam Europe SE\"", "\"Contoso Care\"", "\"Front desk\""];
    says(
        &team.diff(&[]),
        1,
        &[&words[..], &["the name of the customer: \"Fabrikam\" =>"]].concat(),
    );
    says(&team.apply(&[]), 0, &words);
    nothing_changes(&team.diff(&[]));
    let rows = team.relationships();
    assert!(rows.contains("Fabrikam Europe SE") && rows.contains("Contoso Care"), "{rows}");
    assert!(team.grants().contains("Front desk"), "{}", team.grants());
    for words in [&["why", FIRST_LINE][..], &["who-can", "Message Center Reader"]] {
        let ran = team.run(words);
        assert!(ran.stdout.contains("Fabrikam Europe SE"), "{}", ran.stdout);
        assert!(ran.stdout.contains("Front desk"), "{}", ran.stdout);
    }
    says(
        &team.run(&["history"]),
        0,
        &["Renamed", "customer \"Fabrikam\" => \"Fabrikam Europe SE\""],
    );
    says(&team.run(&["ledger", "verify"]), 0, &[]);
    let now = team.run(&["get", "relationships", "--as-of", &jiff::Timestamp::now().to_string()]);
    assert!(now.stdout.contains("Fabrikam Europe SE"), "{}", now.stdout);
    says(&team.diff(&["--fail-on", "revoke,privileged,longer,terminate"]), 0, &[]);
}

#[test]
fn the_same_roles_in_another_spelling_are_no_change() {
    let spellings = [
        ("790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b", "its template id"),
        ("790C1FB9-7F7D-4F88-86A1-EF1F95C05C1B", "its template id in capitals"),
        ("message center reader", "small letters"),
    ];
    for (spelling, what) in spellings {
        let team = Team::applied();
        team.edit("grants.yaml", "  - Message Center Reader\n", &format!("  - {spelling}\n"));
        let ran = team.diff(&[]);
        assert!(ran.stdout.contains("Nothing changes"), "{what}: {}", ran.stdout);
        nothing_changes(&team.apply(&[]));
    }
    let team = Team::applied();
    team.edit("offer.yaml", "  - Message Center Reader\n", "  - message center reader\n");
    team.edit("relationship.yaml", FABRIKAM, &FABRIKAM.to_uppercase());
    team.edit("acceptance.yaml", FABRIKAM, &FABRIKAM.to_uppercase());
    nothing_changes(&team.diff(&[]));
}

#[test]
fn what_explains_a_role_is_told_where_it_alone_becomes_different() {
    let team = Team::applied();
    team.edit("grants.yaml", "closed at night", "closed from ten to six");
    let words = ["justification of `msp-helpdesk/second-line`", "closed from ten to six"];
    says(&team.diff(&[]), 1, &words);
    says(&team.apply(&[]), 0, &words[..1]);
    nothing_changes(&team.diff(&[]));
}

#[test]
fn who_accepted_and_who_declined_is_told_to_whoever_may_know() {
    let team = Team::applied();
    let words = [
        "Ada Lovelace <ada@fabrikam.example>",
        "GlobalAdministrator",
        "Authorised",
        "msp-helpdesk/fabrikam",
    ];
    for question in
        [&["history"][..], &["get", "acceptances"], &["get", "acceptances", "--customer", FABRIKAM]]
    {
        says(&team.run(question), 0, &words);
    }
    let json: serde_json::Value =
        serde_json::from_str(&team.run(&["get", "acceptances", "-o", "json"]).stdout).unwrap();
    let answer = &json["lines"][0]["answer"];
    assert_eq!((&json["kind"], &answer["decision"]), (&"Acceptances".into(), &"Accept".into()));
    assert_eq!(answer["by"]["person"]["email"], "ada@fabrikam.example");
    says(&team.run(&["get", "acceptances", "-n", "elsewhere"]), 0, &["We didn't find anything"]);

    let team = Team::unanswered();
    team.apply(&[]);
    let declined = [&["accept", "fabrikam", "-f", "m", "--decline"][..], &ADA].concat();
    team.write("answer.yaml", &team.run(&declined).stdout);
    team.apply(&[]);
    says(&team.run(&["get", "acceptances"]), 0, &["Declined", "Ada Lovelace"]);
}

#[test]
fn what_is_listed_is_narrowed_by_customer_grantee_and_end() {
    let team = Team::applied();
    let lists = |words: &[&str]| team.run(&[&["get"], words].concat()).stdout;
    let nothing = "We didn't find anything to show here.\n";
    let nobody = "00000000-1111-4222-8333-444444444444";
    assert!(lists(&["grants", "--customer", FABRIKAM]).contains(FIRST_LINE));
    assert_eq!(lists(&["grants", "--customer", nobody]), nothing);
    let one = lists(&["grants", "--grantee", FIRST_LINE]);
    assert!(one.contains("First line") && !one.contains("Second line"), "{one}");
    assert_eq!(lists(&["grants", "--ends-within", "P1D"]), nothing);
    let soon = lists(&["grants", "--ends-within", "P650D"]);
    assert!(soon.contains("Second line") && !soon.contains("First line"), "{soon}");
    assert_eq!(lists(&["relationships", "--ends-within", "P1D"]), nothing);
    assert!(lists(&["relationships", "--ends-within", "P730D"]).contains("fabrikam-helpdesk"));
    says(&team.run(&["who-can", "Message Center Reader"]), 0, &["in Fabrikam", "First line"]);
    says(&team.run(&["who-can", "Exchange Administrator"]), 1, &["nobody"]);
    says(&team.run(&["who-can", "Message Center Reader", "-o", "json"]), 0, &["WhoCanEach"]);
}

#[test]
fn what_no_manifest_declares_is_listed_for_whoever_names_the_manifests() {
    let team = Team::applied();
    let nothing = "We didn't find anything to show here.\n";
    assert_eq!(team.run(&["get", "relationships", "--undeclared-in", "m"]).stdout, nothing);
    for name in ["relationship.yaml", "grants.yaml", "acceptance.yaml"] {
        team.remove(name);
    }
    says(&team.run(&["get", "relationships", "--undeclared-in", "m"]), 0, &["fabrikam-helpdesk"]);
    says(&team.run(&["get", "grants", "--undeclared-in", "m"]), 0, &["First line", "Second line"]);
    team.write("offer.yaml", "kind: PartnerOffer\n");
    let ran = team.run(&["get", "relationships", "--undeclared-in", "m"]);
    says(&ran, 2, &["cannot be told"]);
    assert_eq!(ran.stdout, "");
}
