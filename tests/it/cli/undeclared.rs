//! What is in the store and declared by nobody: it is told, whatever it is and however it came to be missing.
//!
//! Never: "Nothing changes" while somebody holds what no manifest says.

use super::{ADA, FABRIKAM, FIRST_LINE, Team, nothing_changes, says};
use crate::program::{Place, Ran};

const NORTHWIND: &str = "ccccdddd-1111-dddd-2222-eeee3333ffff";

/// The manifests of the quickstart for another customer, in a namespace of its own.
fn northwind(team: &Team) {
    for name in ["offer.yaml", "relationship.yaml", "grants.yaml"] {
        let path = crate::program::root().join("examples/quickstart").join(name);
        let text = std::fs::read_to_string(path).unwrap();
        let text = text
            .replace("namespace: msp-helpdesk", "namespace: northwind")
            .replace("fabrikam-helpdesk", "northwind-desk")
            .replace("displayName: Fabrikam", "displayName: Northwind")
            .replace("name: fabrikam", "name: northwind")
            .replace(FABRIKAM, NORTHWIND);
        team.place.write(&format!("m/northwind/{name}"), text);
    }
    let words = ["accept", "northwind", "-n", "northwind", "-f", "m"];
    let answer = team.run(&[&words[..], &ADA].concat());
    team.place.write("m/northwind/answer.yaml", answer.stdout);
}

fn both() -> Team {
    let team = Team::new();
    northwind(&team);
    says(&team.apply(&[]), 0, &["6 gained"]);
    nothing_changes(&team.diff(&[]));
    team
}

/// Tells who holds what until when, and does not say that nothing changes.
fn tells(ran: &Ran, code: i32, words: &[&str]) {
    says(ran, code, words);
    assert!(!ran.stdout.contains("Nothing changes"), "{}", ran.stdout);
}

const HELD: [&str; 4] =
    ["fabrikam-helpdesk", FIRST_LINE, "Message Center Reader", "2028-11-15T09:00:00Z"];

#[test]
fn a_relationship_whose_files_are_gone_is_told_with_who_holds_what_until_when() {
    let team = Team::applied();
    for name in ["relationship.yaml", "grants.yaml", "acceptance.yaml"] {
        team.remove(name);
    }
    for _ in 0..2 {
        tells(&team.diff(&[]), 0, &[&HELD[..], &["C0534", "Fabrikam", "--prune"]].concat());
        tells(&team.apply(&[]), 0, &HELD);
    }
    for form in ["json", "yaml", "markdown", "sarif", "github"] {
        tells(&team.diff(&["-o", form]), 0, &[&HELD[..], &["C0534", "--prune"]].concat());
    }
    tells(&team.diff(&["--fail-on", "undeclared"]), 1, &["the plan has `undeclared`"]);
    says(&team.diff(&["--fail-on", "revoke"]), 0, &[]);
    says(&team.apply(&["--prune"]), 0, &["3 lost"]);
    let ran = team.diff(&["--prune"]);
    tells(&ran, 0, &["fabrikam-helpdesk", "nobody holds a role", "deletionPolicy: Terminate"]);
}

#[test]
fn what_a_help_says_of_a_relationship_that_is_left_ends_it_for_good() {
    let team = Team::applied();
    let kept: Vec<(&str, String)> = ["relationship.yaml", "grants.yaml", "acceptance.yaml"]
        .map(|name| {
            (name, std::fs::read_to_string(team.place.path().join("m").join(name)).unwrap())
        })
        .to_vec();
    for (name, _) in &kept {
        team.remove(name);
    }
    team.apply(&["--prune"]);
    team.write("relationship.yaml", &kept[0].1);
    team.edit("relationship.yaml", "  offerRef:", "  deletionPolicy: Terminate\n  offerRef:");
    says(&team.apply(&["--prune"]), 0, &[]);
    team.remove("relationship.yaml");
    says(&team.apply(&["--prune"]), 0, &["fabrikam-helpdesk: terminated"]);
    nothing_changes(&team.diff(&["--prune"]));
}

#[test]
fn a_relationship_under_another_name_leaves_the_former_one_told_by_every_plan() {
    let team = Team::applied();
    team.edit("relationship.yaml", "displayName: fabrikam-helpdesk", "displayName: fabrikam-desk");
    let words = ["`fabrikam-helpdesk` for", "declares `fabrikam-desk` now", FIRST_LINE];
    tells(&team.diff(&[]), 1, &words);
    team.apply(&[]);
    tells(&team.diff(&[]), 0, &words);
    tells(&team.apply(&[]), 0, &words);
}

#[test]
fn an_invitation_that_nobody_declares_is_told_as_one_that_can_still_be_accepted() {
    let team = Team::unanswered();
    team.apply(&[]);
    team.remove("relationship.yaml");
    team.remove("grants.yaml");
    let words = ["fabrikam-helpdesk", "waits for the customer's answer", "withdraw it"];
    tells(&team.diff(&[]), 0, &words);
    says(&team.apply(&["--prune"]), 0, &["1 ending"]);
    nothing_changes(&team.diff(&[]));
}

#[test]
fn a_namespace_that_is_gone_is_told_and_ends_where_it_is_named() {
    let team = both();
    std::fs::remove_dir_all(team.place.path().join("m/northwind")).unwrap();
    let words = ["C0535", "namespace `northwind`", "northwind-desk", FIRST_LINE, "2028-"];
    for more in [&[][..], &["--prune"]] {
        tells(&team.diff(more), 0, &words);
        tells(&team.apply(more), 0, &words);
    }
    assert!(team.grants().contains("northwind-desk"), "nothing is taken away by that");
    let named = ["--prune", "--prune-namespace", "northwind"];
    says(&team.diff(&named), 1, &["3 to lose", "northwind-desk"]);
    says(&team.apply(&named), 0, &["3 lost"]);
    let grants = team.grants();
    assert!(!grants.contains("northwind-desk") && grants.contains("fabrikam-helpdesk"), "{grants}");
    says(&team.diff(&named), 0, &["nobody holds a role"]);
    let typo = ["--prune", "--prune-namespace", "nortwind"];
    says(&team.diff(&typo), 0, &["nothing in the store belongs to that namespace"]);
    says(&team.diff(&["--prune-namespace", "northwind"]), 2, &["--prune"]);
}

#[test]
fn one_customer_of_several_is_told_and_no_other() {
    let team = both();
    team.remove("relationship.yaml");
    team.remove("grants.yaml");
    team.remove("acceptance.yaml");
    let ran = team.diff(&[]);
    tells(&ran, 0, &HELD);
    assert!(!ran.stdout.contains("northwind-desk"), "{}", ran.stdout);
}

#[test]
fn many_that_nobody_declares_are_counted_and_the_first_are_told() {
    let place = Place::new();
    let offer =
        std::fs::read_to_string(crate::program::root().join("examples/quickstart/offer.yaml"))
            .unwrap();
    let relationship = std::fs::read_to_string(
        crate::program::root().join("examples/quickstart/relationship.yaml"),
    )
    .unwrap();
    place.write("m/offer.yaml", &offer);
    let mut all = String::new();
    for number in 0..60 {
        let one = relationship
            .replace("name: fabrikam", &format!("name: customer-{number}"))
            .replace("fabrikam-helpdesk", &format!("desk-{number:02}"))
            .replace("bbbbcccc-1111", &format!("bbbbcccc-{number:04}"));
        all.extend(["---\n", one.as_str(), "\n"]);
    }
    place.write("m/all.yaml", &all);
    says(&place.run(&["apply", "-f", "m"]), 0, &["60 invitations"]);
    std::fs::remove_file(place.path().join("m/all.yaml")).unwrap();
    let ran = place.run(&["diff", "-f", "m"]);
    tells(&ran, 0, &["`desk-00`", "`desk-49`", "10 more relationships of namespace"]);
    assert!(!ran.stdout.contains("desk-50"), "{}", ran.stdout);
}

#[test]
fn a_grant_that_is_gone_is_told_with_who_holds_what_also_where_its_relationship_is_held() {
    for held in ["  suspend: true\n  offerRef:", "  managementPolicy: Observe\n  offerRef:"] {
        let team = Team::applied();
        team.edit("relationship.yaml", "  offerRef:", held);
        team.apply(&[]);
        team.remove("grants.yaml");
        tells(&team.diff(&[]), 0, &["C0505", FIRST_LINE, "Message Center Reader", "2028-"]);
    }
}
