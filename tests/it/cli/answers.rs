//! Answers for people and for programs: why, who-can, history, get, roles, in every form.
//!
//! Never: talk on standard output.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{FABRIKAM, FIRST_LINE, SECOND_LINE, Team, says};

#[test]
fn json_is_one_document_with_a_kind_and_a_version_and_yaml_says_the_same() {
    let team = Team::applied();
    let cases: &[(&[&str], &str, i32)] = &[
        (&["validate", "-f", "m"], "Problems", 0),
        (&["diff", "-f", "m"], "Plan", 0),
        (&["apply", "-f", "m"], "Report", 0),
        (&["get", "relationships"], "Relationships", 0),
        (&["get", "grants"], "Assignments", 0),
        (&["why", SECOND_LINE], "Why", 0),
        (&["who-can", "users/reset-password-non-admin", "--customer", FABRIKAM], "WhoCan", 0),
        (&["history"], "History", 0),
        (&["ledger", "verify"], "LedgerVerdict", 0),
        (&["roles", "show", "Helpdesk Administrator"], "Role", 0),
        (&["why", "0c0c0c0c-1111-4222-8333-444444444444"], "Why", 1),
        (&["history", "nothing"], "History", 1),
    ];
    for (words, kind, code) in cases {
        let json = team.run(&[*words, &["-o", "json"]].concat());
        assert_eq!(json.code, Some(*code), "{words:?}: {}", json.stderr);
        let document: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(document["kind"], *kind, "{words:?}");
        assert_eq!(document["formatVersion"], 1, "{words:?}");
        let yaml = team.run(&[*words, &["-o", "yaml"]].concat());
        let same: Value = serde_yaml::from_str(&yaml.stdout).unwrap();
        assert_eq!(same["kind"], *kind, "{words:?}");
        assert_eq!(besides_the_head(&json.stderr), "", "{words:?}");
    }
}

/// What is said besides where the ledger ends, which each `apply` tells.
fn besides_the_head(said: &str) -> String {
    let others = said.lines().filter(|line| !line.starts_with("ledger: "));
    others.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_plan_and_a_report_have_every_form() {
    let team = Team::new();
    for command in ["diff", "apply"] {
        let ask = |form: &str| {
            let fresh = Team::new();
            fresh.run(&[command, "-f", "m", "-o", form])
        };
        let code = i32::from(command == "diff");
        for (form, expected) in [
            ("text", "+ Helpdesk Administrator"),
            ("markdown", "Helpdesk Administrator"),
            ("sarif", "\"version\": \"2.1.0\""),
            ("junit", "<testsuites"),
            ("github", "::"),
        ] {
            says(&ask(form), code, &[]);
            assert!(
                ask(form).stdout.contains(expected),
                "{command} -o {form}: {}",
                ask(form).stdout
            );
        }
    }
    assert!(!team.place.path().join("concordat.db").exists());
}

#[test]
fn why_tells_the_grant_the_acceptance_and_the_entries() {
    let team = Team::applied();
    let ran = team.run(&["why", SECOND_LINE]);
    says(
        &ran,
        0,
        &["RoleGrant `msp-helpdesk/second-line`", "Ada Lovelace", "not looked at:", "#4"],
    );
    let other = team.run(&["why", SECOND_LINE, "--role", "Message Center Reader"]);
    says(&other, 1, &["does not hold Message Center Reader"]);
    says(&team.run(&["why", FIRST_LINE, "--customer", SECOND_LINE]), 1, &["holds nothing"]);
}

#[test]
fn who_can_tells_who_and_what_it_did_not_look_at() {
    let team = Team::applied();
    let ask = |what, customer| team.run(&["who-can", what, "--customer", customer]);
    let ran = ask("users/reset-password-non-admin", FABRIKAM);
    says(&ran, 0, &["Second line", "not looked at:"]);
    assert!(!ran.stdout.contains("First line"));
    says(&ask("Message Center Reader", FABRIKAM), 0, &["First line"]);
    says(&ask("Message Center Reader", FIRST_LINE), 1, &["nobody who is recorded here"]);
    says(&ask("microsoft.directory/users/create", FABRIKAM), 1, &["not looked at:"]);
}

#[test]
fn as_of_an_instant_before_and_after_a_change_the_answer_differs() {
    let team = Team::applied();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let document: Value =
        serde_json::from_str(&team.run(&["get", "grants", "-o", "json"]).stdout).unwrap();
    let between = document["now"].as_str().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(20));
    team.edit("grants.yaml", "  - Message Center Reader\n", "");
    says(&team.apply(&[]), 0, &["1 lost"]);
    let then = ["--as-of", between.as_str()];
    let long_ago = ["--as-of", "2020-01-01T00:00:00Z"];
    let ask = |words: &[&str], when: &[&str]| team.run(&[words, when].concat());
    let role = ["why", FIRST_LINE, "--role", "Message Center Reader"];
    says(&ask(&role, &then), 0, &["holds Message Center Reader"]);
    says(&ask(&role, &[]), 1, &["does not hold Message Center Reader"]);
    says(&ask(&role, &long_ago), 1, &["does not hold"]);
    assert!(ask(&["get", "grants"], &then).stdout.contains("Message Center Reader"));
    assert!(!team.grants().contains("Message Center Reader"));
    says(&ask(&["get", "relationships"], &long_ago), 0, &["We didn't find anything to show here."]);
    let entries = |text: &str| text.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(entries(&ask(&["history"], &then).stdout), 4);
    assert_eq!(entries(&ask(&["history"], &[]).stdout), 5);
}

#[test]
fn an_empty_store_says_so() {
    let team = Team::new();
    team.remove("relationship.yaml");
    team.remove("grants.yaml");
    team.remove("acceptance.yaml");
    says(&team.apply(&[]), 0, &[]);
    for words in [&["get", "relationships"][..], &["get", "grants"], &["history"]] {
        let ran = team.run(words);
        assert_eq!(ran.code, Some(0), "{words:?}");
        assert_eq!(ran.stdout, "We didn't find anything to show here.\n", "{words:?}");
    }
}

#[test]
fn what_is_over_is_not_shown_as_held_and_its_end_is_no_revocation() {
    let team = Team::new();
    let end = Timestamp::now() + SignedDuration::from_secs(4);
    team.edit("grants.yaml", "2028-06-30T22:00:00Z", &end.to_string());
    says(&team.apply(&[]), 0, &["3 gained"]);
    says(&team.diff(&["--fail-on", "revoke"]), 0, &[]);
    assert!(team.grants().contains("Helpdesk Administrator"));
    let left = end.duration_since(Timestamp::now());
    std::thread::sleep(left.try_into().unwrap_or_default());
    for form in ["text", "json", "yaml", "markdown"] {
        let ran = team.run(&["get", "grants", "-o", form]);
        assert!(!ran.stdout.contains("Helpdesk Administrator"), "{form}: {}", ran.stdout);
        assert!(ran.stdout.contains("Message Center Reader"), "{form}: {}", ran.stdout);
    }
    says(&team.diff(&["--fail-on", "revoke"]), 0, &["1 to lose"]);
    says(&team.diff(&[]), 1, &["1 to lose"]);
    team.edit("grants.yaml", "  - Message Center Reader\n", "");
    says(&team.diff(&["--fail-on", "revoke"]), 1, &["the plan has `revoke`"]);
}

#[test]
fn what_is_held_and_who_accepted_it_can_be_taken_into_a_spreadsheet() {
    let team = Team::applied();
    let rows = |what| {
        let ran = team.run(&["get", what, "-o", "csv"]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let mut reader = csv::Reader::from_reader(ran.stdout.as_bytes());
        let headings = reader.headers().unwrap().clone();
        let cells = |row: Result<csv::StringRecord, _>| {
            let row = row.unwrap();
            headings
                .iter()
                .zip(&row)
                .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
                .collect()
        };
        reader.records().map(cells).collect::<Vec<BTreeMap<String, String>>>()
    };
    let held = rows("grants");
    let roles: Vec<_> = held.iter().map(|row| &*row["ROLE"]).collect();
    assert_eq!(
        roles,
        ["Message Center Reader", "Service Support Administrator", "Helpdesk Administrator"]
    );
    assert!(held.iter().all(|row| row["CUSTOMER ID"] == FABRIKAM));
    assert_eq!(rows("relationships")[0]["LIFECYCLE"], "Active");
    let accepted = &rows("acceptances")[0];
    assert_eq!(accepted["DECISION"], "Accept");
    assert_eq!(accepted["EMAIL"], "ada@fabrikam.example");
    assert_eq!(accepted["OBJECT"], "msp-helpdesk/fabrikam");
    says(&team.diff(&["-o", "csv"]), 2, &["csv"]);
}

#[test]
fn the_fewest_roles_come_with_their_proof() {
    let team = Team::new();
    let ran = team.run(&["roles", "solve", "users/reset-password-non-admin"]);
    says(&ran, 0, &["Password Administrator", "documented as least privileged", "not "]);
    let unsolvable = ["roles", "solve", "connect-health/add-or-delete-services"];
    let ran = team.run(&unsolvable);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    let json = team.run(&[&unsolvable[..], &["-o", "json"]].concat());
    let document: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((json.code, &document["kind"]), (Some(1), &"Unsolvable".into()));
    says(&team.run(&["roles", "list", "helpdesk"]), 0, &["Helpdesk Administrator"]);
    says(&team.run(&["roles", "compare", "Helpdesk Administrator", "User Administrator"]), 0, &[]);
}

#[test]
fn progress_is_for_terminals_only() {
    let ran = Team::new().apply(&[]);
    assert_eq!(besides_the_head(&ran.stderr), "");
    assert!(!ran.stdout.contains('\r'));
}
