//! What manifests can come from, and what is said where they are wrong.
//!
//! Never: a problem that hides another.

use std::{fmt::Write as _, process::Command};

use serde_json::Value;

use super::{Team, says};
use crate::program::{Place, finished};

const CONFIG_MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

#[test]
fn a_file_a_folder_several_of_them_and_standard_input_are_read() {
    let team = Team::new();
    says(&team.validate(&[]), 0, &["no problems"]);
    let files = ["m/offer.yaml", "m/relationship.yaml", "m/grants.yaml", "m/acceptance.yaml"];
    let words: Vec<&str> = files.iter().flat_map(|file| ["-f", *file]).collect();
    says(&team.run(&[&["validate"], &words[..]].concat()), 0, &["no problems"]);
    let all: Vec<String> = files
        .iter()
        .map(|file| std::fs::read_to_string(team.place.path().join(file)).unwrap())
        .collect();
    let ran = team.place.run_with(&["validate", "-f", "-"], all.join("\n---\n").as_bytes());
    says(&ran, 0, &["no problems"]);
    let ran = team.place.run_with(
        &["validate", "-f", "m/offer.yaml", "-f", "-", "-f", "m/acceptance.yaml"],
        [all[1].as_str(), all[2].as_str()].join("\n---\n").as_bytes(),
    );
    says(&ran, 0, &["no problems"]);
}

#[test]
fn json_is_read_as_yaml_is() {
    let team = Team::unanswered();
    let yaml = std::fs::read_to_string(team.place.path().join("m/offer.yaml")).unwrap();
    let value: Value = serde_yaml::from_str(&yaml).unwrap();
    team.remove("offer.yaml");
    team.write("offer.json", &value.to_string());
    says(&team.validate(&[]), 0, &["no problems"]);
}

#[test]
fn nothing_to_read_could_not_be_told() {
    let place = Place::new();
    place.write("empty.yaml", "");
    place.write("map.yaml", CONFIG_MAP);
    place.write("empty/.keep", "");
    let cases: &[(&[&str], &str)] = &[
        (&["-f", "missing"], "could not read `missing`"),
        (&["-f", "empty.yaml"], "no object of `concordat.dev` was found in `empty.yaml`"),
        (&["-f", "empty"], "no object of `concordat.dev` was found in `empty`"),
        (&["-f", "map.yaml"], "skipped: 1 v1 ConfigMap"),
        (&["-f", "-"], "was found in standard input"),
        (&["-f", "-", "-f", "-"], "once only"),
        (&["-k", ".", "-f", "-"], "cannot be used together"),
        (&["-k", "missing"], "missing"),
    ];
    for (words, expected) in cases {
        let ran = place.run(&[&["validate"], *words].concat());
        says(&ran, 2, &[expected]);
        assert_eq!(ran.stdout, "", "{words:?}");
    }
}

#[test]
fn without_kustomize_on_the_path_the_way_out_is_told() {
    let place = Place::new();
    let mut command = place.command(&["validate", "-k", "."]);
    command.env("PATH", place.path());
    says(&crate::program::finished(command, b""), 2, &["needs `kustomize` or `kubectl`", "`-f -`"]);
}

#[test]
fn a_file_that_is_named_almost_like_a_manifest_and_holds_one_is_told_where_it_is_not_read() {
    let team = Team::applied();
    let grants = std::fs::read_to_string(team.place.path().join("m/grants.yaml")).unwrap();
    for name in ["grants.yaml~", ".grants.yaml", "grants.yaml.bak", "#grants.yml#"] {
        team.write(name, &grants);
    }
    for name in [".other.yaml", "other.yaml.bak"] {
        team.write(name, "apiVersion: v1\nkind: ConfigMap\n");
    }
    team.write("notes.txt", &grants);
    team.remove("grants.yaml");
    let ran = team.diff(&["--prune"]);
    let told =
        "not read: `m/#grants.yml#`, `m/.grants.yaml`, `m/grants.yaml.bak`, `m/grants.yaml~`; a";
    says(&ran, 1, &["3 to lose"]);
    assert!(ran.stderr.contains(told), "{}", ran.stderr);
}

#[test]
fn objects_of_other_kinds_are_skipped_and_counted() {
    let team = Team::new();
    team.write("map.yaml", CONFIG_MAP);
    let ran = team.validate(&[]);
    says(&ran, 0, &[]);
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("no problems\n", "skipped: 1 v1 ConfigMap\n")
    );
}

/// A folder in which four files are wrong in their own ways.
fn wrong() -> Team {
    let team = Team::new();
    team.edit("offer.yaml", "duration: P730D", "duration: P2Y");
    team.edit("relationship.yaml", "offerRef:", "offerReff:");
    team.edit("grants.yaml", "Helpdesk Administrator", "Helpdesk Admin");
    team.write("syntax.yaml", "a: [\n");
    team
}

#[test]
fn problems_of_every_file_are_told_at_once_with_their_places() {
    let ran = wrong().validate(&[]);
    says(
        &ran,
        1,
        &[
            "m/offer.yaml:13:13 spec.duration:",
            "m/relationship.yaml:15:3 spec.offerReff: no field is called `offerReff` [C0101]",
            "m/grants.yaml:33:5 spec.roles[0]: no role is called `Helpdesk Admin`",
            "help: did you mean `Helpdesk Administrator`?",
            "m/syntax.yaml:2:1: this is not YAML",
        ],
    );
    assert_eq!(ran.stderr, "");
}

#[test]
fn a_warning_is_told_and_does_not_fail() {
    let team = Team::new();
    team.edit("acceptance.yaml", "220a90e5", "00000000");
    let ran = team.validate(&[]);
    says(&ran, 0, &["warning", "C0316", "1 warning"]);
}

#[test]
fn diff_and_apply_answer_with_the_problems_in_the_form_that_was_asked_for() {
    let team = wrong();
    for command in ["validate", "diff", "apply"] {
        let ask = |form| team.run(&[command, "-f", "m", "-o", form]);
        let json = ask("json");
        assert_eq!(json.code, Some(1), "{command}");
        let document: Value = serde_json::from_str(&json.stdout).unwrap();
        assert_eq!(document["kind"], "Problems", "{command}");
        let yaml: Value = serde_yaml::from_str(&ask("yaml").stdout).unwrap();
        assert_eq!(yaml, document, "{command}");
        let sarif: Value = serde_json::from_str(&ask("sarif").stdout).unwrap();
        assert_eq!(sarif["version"], "2.1.0", "{command}");
        says(&ask("junit"), 1, &["<testsuites", "C0101"]);
        let github = ask("github").stdout;
        assert!(github.lines().all(|line| line.starts_with("::")), "{command}: {github}");
        says(&ask("markdown"), 1, &["| error C0101 |"]);
    }
    for command in ["diff", "apply"] {
        let text = team.run(&[command, "-f", "m"]);
        says(&text, 1, &["[C0101]"]);
        assert_eq!(text.stdout, "", "{command}");
    }
    assert!(!team.place.path().join("concordat.db").exists(), "nothing is made for wrong input");
}

/// This many relationships, each with a grant of its own, and this many grants that select all of them.
fn all_for_all(relationships: usize, grants: usize) -> String {
    let head = |kind: &str, name: String, more: &str| {
        format!(
            "---\napiVersion: concordat.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, namespace: msp{more}}}\n"
        )
    };
    let mut text = head("PartnerOffer", "desk".to_owned(), "");
    text.push_str(
        "spec: {partner: {tenantId: aaaabbbb-0000-4ccc-8111-dddd2222eeee, displayName: Contoso}, \
         type: GranularDelegatedAdmin, duration: P730D, roles: [Message Center Reader]}\n",
    );
    let group = |of: &str, number: usize| {
        format!(
            "grantee: {{securityGroup: {{id: {of}-0000-4000-8000-{number:012}, displayName: Group}}}}, \
             roles: [Message Center Reader]}}\n"
        )
    };
    for number in 0..relationships {
        let name = format!("customer-{number}");
        text.push_str(&head("PartnerRelationship", name.clone(), ", labels: {tier: gold}"));
        writeln!(
            text,
            "spec: {{customer: {{tenantId: 7d3a0000-0000-4000-8000-{:012}, displayName: Customer}}, displayName: {name}, \
             offerRef: {{name: desk}}}}",
            number + 1
        )
        .unwrap();
        text.push_str(&head("RoleGrant", format!("own-{number}"), ""));
        write!(
            text,
            "spec: {{relationshipRef: {{name: {name}}}, {}",
            group("9f1d0000", number + 1)
        )
        .unwrap();
    }
    for number in 0..grants {
        text.push_str(&head("RoleGrant", format!("all-{number}"), ""));
        let selector = "spec: {relationshipSelector: {matchLabels: {tier: gold}}, ";
        text.push_str(&(selector.to_owned() + &group("9f1c0000", number + 1)));
    }
    text
}

#[test]
fn grants_that_select_many_relationships_take_no_memory_for_each_pair() {
    let place = Place::new();
    place.write("all.yaml", all_for_all(1_500, 700));
    // A million pairs took more than a gigabyte.
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 500000 && exec concordat validate -f all.yaml"]);
    place.prepare(&mut command);
    says(&finished(command, b""), 0, &["no problems"]);
}

#[test]
fn a_line_that_may_hold_a_secret_is_shown_in_no_form() {
    for wrong in [
        "cloud: \"password=hunter2\"",
        "clientSecret: hunter2",
        "\"https://ada:hunter2@contoso.example/\": x",
        "cloud: Globl # token=hunter2",
    ] {
        let team = Team::new();
        team.edit("offer.yaml", "  type:", &format!("  {wrong}\n  type:"));
        for form in ["text", "short", "json", "yaml", "markdown", "sarif", "junit", "github"] {
            let ran = team.validate(&["-o", form]);
            assert_eq!(ran.code, Some(1), "{form}: {}{}", ran.stdout, ran.stderr);
            let said = ran.stdout + &ran.stderr;
            assert!(!said.contains("hunter2"), "{form} {wrong}: {said}");
        }
    }
}
