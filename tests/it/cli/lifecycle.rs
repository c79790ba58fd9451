//! Replacement, the changes that an active relationship admits, pruning and renewal.
//!
//! Never: access beyond what was accepted on the way.

use jiff::{SignedDuration, Timestamp};

use super::{FIRST_LINE, Team, nothing_changes, says};

const SECOND_OFFER: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerOffer
metadata: {name: helpdesk-2, namespace: msp-helpdesk}
spec:
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, displayName: Contoso Helpdesk}
  type: GranularDelegatedAdmin
  duration: P365D
  roles: [Message Center Reader, User Administrator, Service Support Administrator]
";

/// The relationship has moved to an offer without Helpdesk Administrator and with User Administrator.
fn moved() -> Team {
    let team = Team::applied();
    team.write("offer-2.yaml", SECOND_OFFER);
    team.edit("relationship.yaml", "name: helpdesk\n", "name: helpdesk-2\n");
    team.edit("grants.yaml", "Helpdesk Administrator", "User Administrator");
    team
}

#[test]
fn a_new_ceiling_is_a_replacement_that_waits_for_the_customer_and_ends_the_old_one_last() {
    let team = moved();
    let plan = team.diff(&[]);
    says(&plan, 1, &["needs 1 customer approval; it replaces what is active", "C0513"]);
    let before = team.accept(&["--name", "second"]);
    says(&team.apply(&[]), 0, &["fabrikam-helpdesk-2: invited", "- Helpdesk Administrator"]);
    let grants = team.grants();
    assert!(grants.contains("Message Center Reader"), "what both allow stays: {grants}");
    assert!(!grants.contains("Helpdesk Administrator") && !grants.contains("User Administrator"));
    says(&team.apply(&[]), 0, &["Done: nothing; not all that is declared here is held"]);

    let after = team.accept(&["--name", "second"]);
    let digest = |text: &str| text.split_once("invitation: ").unwrap().1.to_owned();
    assert_eq!(digest(&before.stdout), digest(&after.stdout), "it can be answered in one commit");
    team.write("second.yaml", &after.stdout);
    let ran = team.apply(&[]);
    says(&ran, 0, &["+ User Administrator", "as another takes its place"]);
    let history = team.run(&["history"]).stdout;
    let last = history.lines().rfind(|line| line.starts_with('#')).unwrap();
    assert!(last.contains("Terminated"), "{last}");
    let grants = team.grants();
    assert!(grants.lines().skip(1).all(|line| line.starts_with("fabrikam-helpdesk-2")), "{grants}");
    nothing_changes(&team.apply(&[]));
}

#[test]
fn global_administrator_is_dropped_in_place_and_then_extension_can_be_switched_on() {
    let team = Team::unanswered();
    team.edit(
        "offer.yaml",
        "  - Message Center Reader",
        "  - Global Administrator\n  - Message Center Reader",
    );
    team.apply(&[]);
    team.write("answer.yaml", &team.accept(&[]).stdout);
    says(&team.apply(&[]), 0, &["3 gained"]);
    team.edit("offer.yaml", "  - Global Administrator\n", "");
    says(&team.apply(&[]), 0, &["Global Administrator"]);
    let rows = team.relationships();
    assert!(!rows.contains("fabrikam-helpdesk-2") && !rows.contains("Global"), "{rows}");
    nothing_changes(&team.apply(&[]));
    team.edit("relationship.yaml", "  offerRef:", "  autoExtendDuration: P180D\n  offerRef:");
    says(&team.apply(&[]), 0, &["P180D"]);
    nothing_changes(&team.apply(&[]));
}

#[test]
fn near_its_end_a_relationship_is_renewed_where_that_is_asked_for() {
    let team = Team::unanswered();
    team.edit("offer.yaml", "P730D", "P30D");
    team.edit("grants.yaml", "  notAfter: \"2028-06-30T22:00:00Z\"\n", "");
    team.apply(&[]);
    let days_ago = (Timestamp::now() - SignedDuration::from_hours(20 * 24)).to_string();
    team.write("answer.yaml", &team.accept(&["--at", &days_ago]).stdout);
    team.apply(&[]);
    let renewal =
        |before: &str| format!("  renewal: {{mode: Invite, before: {before}}}\n  offerRef:");
    team.edit("relationship.yaml", "  offerRef:", &renewal("P9D"));
    let ran = team.apply(&[]);
    assert!(!ran.stdout.contains("invited"), "it is not near yet: {}", ran.stdout);
    team.edit("relationship.yaml", "before: P9D", "before: P11D");
    says(&team.apply(&[]), 0, &["fabrikam-helpdesk-2: invited"]);
    assert!(team.grants().contains("Helpdesk Administrator"), "nothing is lost meanwhile");
    nothing_changes(&team.apply(&[]));
}

#[test]
fn absence_takes_nothing_away_unless_it_is_asked_for() {
    let team = Team::applied();
    team.remove("grants.yaml");
    says(&team.apply(&[]), 0, &["Done: nothing; more goes on that is not declared here", "C0505"]);
    assert!(team.grants().contains(FIRST_LINE));
    says(&team.diff(&["--prune"]), 1, &["3 to lose"]);
    says(&team.apply(&["--prune"]), 0, &["3 lost"]);
    assert!(team.relationships().contains("Active"), "removing roles leaves the relationship");
    nothing_changes(&team.apply(&["--prune"]));
}

#[test]
fn prune_stays_within_the_namespaces_of_the_input() {
    let team = Team::applied();
    team.place.write("other/offer.yaml", SECOND_OFFER.replace("msp-helpdesk", "elsewhere"));
    for command in ["diff", "apply"] {
        let ran = team.run(&[command, "-f", "other", "--prune"]);
        says(&ran, 0, &["nothing", "namespace `msp-helpdesk` is not in the input", FIRST_LINE]);
    }
    assert!(team.grants().contains(FIRST_LINE));
    team.place.write("same/offer.yaml", SECOND_OFFER);
    says(&team.run(&["diff", "-f", "same", "--prune"]), 1, &["3 to lose"]);
}

#[test]
fn a_deleted_relationship_does_what_its_policy_says() {
    for (policy, ended, lost) in
        [("Revoke", "Active", true), ("Terminate", "Terminated", true), ("Retain", "Active", false)]
    {
        let team = Team::new();
        let line = format!("  deletionPolicy: {policy}\n  offerRef:");
        team.edit("relationship.yaml", "  offerRef:", &line);
        assert_eq!(team.apply(&[]).code, Some(0));
        team.remove("relationship.yaml");
        team.remove("acceptance.yaml");
        team.remove("grants.yaml");
        let ran = team.apply(&["--prune"]);
        says(&ran, 0, &[]);
        assert!(team.relationships().contains(ended), "{policy}: {}", ran.stdout);
        let none = team.grants().contains("We didn't find anything to show here.");
        assert_eq!(none, lost, "{policy}: {}", ran.stdout);
        let ran = team.apply(&["--prune"]);
        match policy {
            "Terminate" => nothing_changes(&ran),
            "Revoke" => says(&ran, 0, &["Done: nothing", "C0534", "nobody holds a role"]),
            _ => {
                says(&ran, 0, &["Done: nothing", "C0534", FIRST_LINE, "deletionPolicy: Terminate"]);
            }
        }
    }
}

#[test]
fn an_end_that_is_not_before_the_relationships_is_no_end_of_its_own() {
    let team = Team::applied();
    let listed = team.run(&["get", "relationships", "-o", "json"]).stdout;
    let is_end = |word: &&str| word.starts_with("20") && word.ends_with('Z') && word.len() == 20;
    let end = listed.split('"').filter(is_end).max().unwrap().to_owned();
    let grant = |own: &str, more: &str| {
        format!(
            "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata: {{name: more, namespace: msp-helpdesk}}\nspec:\n  relationshipRef: {{name: fabrikam}}\n  grantee: {{securityGroup: {{id: 0c0c0c0c-1111-4222-8333-444444444444, displayName: More}}}}\n  roles: [Message Center Reader]\n  notAfter: \"{own}\"\n{more}"
        )
    };
    let instant: jiff::Timestamp = end.parse().unwrap();
    let by = |seconds: i64| (instant + jiff::SignedDuration::from_secs(seconds)).to_string();
    for more in ["", "  notBefore: \"2027-06-01T00:00:00Z\"\n"] {
        for (own, told) in [(by(-1), false), (by(0), true), (by(1), true)] {
            team.write("more.yaml", &grant(&own, more));
            let ran = team.diff(&["--fail-on", "no-expiry"]);
            assert_eq!(
                ran.stderr.contains("the plan has `no-expiry`"),
                told,
                "{own} {more}: {}{}",
                ran.stdout,
                ran.stderr
            );
        }
    }
    team.write("more.yaml", &grant(&by(0), ""));
    says(&team.apply(&[]), 0, &[]);
    team.edit("more.yaml", &by(0), &by(9));
    let later = team.diff(&["--fail-on", "no-expiry"]);
    assert!(!later.stderr.contains("the plan has"), "{}", later.stderr);
}

#[test]
fn fail_on_names_what_makes_the_answer_no() {
    let team = Team::new();
    says(&team.diff(&["--fail-on", "revoke,terminate,replace,unmanaged"]), 0, &[]);
    says(&team.diff(&["--fail-on", "privileged"]), 1, &["the plan has `privileged`"]);
    says(&team.diff(&["--fail-on", "no-expiry"]), 1, &["the plan has `no-expiry`"]);
    says(&team.apply(&["--fail-on", "privileged"]), 1, &["is done: the plan has `privileged`"]);
    assert!(!team.relationships().contains("fabrikam"));
    assert_eq!(team.apply(&["--fail-on", "revoke"]).code, Some(0));

    let team = moved();
    says(&team.diff(&["--fail-on", "replace"]), 1, &["the plan has `replace`"]);
    says(&team.diff(&["--fail-on", "revoke"]), 1, &["the plan has `revoke`"]);
    says(&team.diff(&["--fail-on", "terminate"]), 0, &[]);

    let team = Team::new();
    team.edit("relationship.yaml", "  offerRef:", "  deletionPolicy: Terminate\n  offerRef:");
    team.apply(&[]);
    for name in ["relationship.yaml", "acceptance.yaml", "grants.yaml"] {
        team.remove(name);
    }
    says(&team.diff(&["--prune", "--fail-on", "terminate"]), 1, &["the plan has `terminate`"]);
}
