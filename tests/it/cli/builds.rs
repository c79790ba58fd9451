//! What build servers read: code scanning, test reports, annotations and comments, each by its reader's own rules.
//!
//! Never: a check of a form by the code that writes it.

use std::{collections::BTreeSet, process::Command};

use serde_json::Value;

use super::{Team, says};
use crate::program::{Place, Ran, finished};

/// The log in an answer, as the schema of the standard and GitHub's own rules want it.
#[track_caller]
fn log(answer: &str) -> Value {
    // One pattern in it has a bracket too many, and is none to a strict reader.
    let schema = include_str!("sarif/schema-2.1.0.json").replace("{2}]?$", "{2}$");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let log: Value = serde_json::from_str(answer).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
    assert_eq!(errors, Vec::<String>::new(), "{log:#}");
    let run = &log["runs"][0];
    let rules: BTreeSet<&str> =
        run["tool"]["driver"]["rules"].as_array().unwrap().iter().map(id).collect();
    for result in run["results"].as_array().unwrap() {
        assert!(rules.contains(result["ruleId"].as_str().unwrap()), "{result:#}");
        let place = &result["locations"][0]["physicalLocation"];
        let file = place["artifactLocation"]["uri"].as_str().unwrap_or_default();
        assert!(!file.is_empty() && !file.starts_with(['/', '.']), "{result:#}");
        assert!(!file.contains("://"), "{result:#}");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|line| line > 0), "{result:#}");
    }
    log
}

fn id(rule: &Value) -> &str {
    rule["id"].as_str().unwrap()
}

/// The codes of the results.
fn codes(log: &Value) -> BTreeSet<String> {
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    results.map(|result| result["ruleId"].as_str().unwrap().to_owned()).collect()
}

/// The files of the results.
fn files(log: &Value) -> BTreeSet<&str> {
    let results = log["runs"][0]["results"].as_array().unwrap().iter();
    results.filter_map(|result| result.pointer(FILE)?.as_str()).collect()
}

const FILE: &str = "/locations/0/physicalLocation/artifactLocation/uri";

/// The cases of a test report, each by its name with whether it failed, as a reader that is not ours finds them.
#[track_caller]
fn cases(answer: &str) -> Vec<(String, bool)> {
    let read = junit_parser::from_reader(answer.as_bytes()).unwrap();
    let cases: Vec<_> = read.suites.iter().flat_map(|suite| &suite.cases).collect();
    let names: BTreeSet<_> =
        cases.iter().map(|case| (&case.classname, &case.original_name)).collect();
    assert_eq!(names.len(), cases.len(), "of two cases with one name a reader drops one");
    let failed = cases.iter().filter(|case| case.status.is_failure()).count();
    assert_eq!((read.tests, read.failures), (cases.len() as u64, failed as u64));
    cases.iter().map(|case| (case.original_name.clone(), case.status.is_failure())).collect()
}

/// A team whose store holds a grant that no manifest declares.
fn with_a_grant_gone() -> Team {
    let team = Team::applied();
    let path = team.place.path().join("m/grants.yaml");
    let grants = std::fs::read_to_string(&path).unwrap();
    let (_, second) = grants.split_once("---\n").unwrap();
    std::fs::write(path, second).unwrap();
    team
}

#[test]
fn each_result_of_sarif_is_at_a_line_of_a_file_in_the_workspace() {
    let team = with_a_grant_gone();
    let found = log(&team.diff(&["-o", "sarif"]).stdout);
    assert!(codes(&found).contains("C0505"), "{found:#}");
    let absolute = team.place.path().join("m").display().to_string();
    let found = log(&team.run(&["diff", "-f", &absolute, "-o", "sarif"]).stdout);
    assert!(codes(&found).contains("C0505"), "{found:#}");
    team.edit("grants.yaml", "Helpdesk Administrator", "Helpdesk Admin");
    for command in ["validate", "diff", "apply"] {
        let found = log(&team.with_manifests(&[command], &["-o", "sarif"]).stdout);
        assert!(!codes(&found).is_empty(), "{command}: {found:#}");
    }
    let blocked = Team::new();
    blocked.write("boundary.yaml", NO_GAINS);
    let found = log(&blocked.diff(&["-o", "sarif"]).stdout);
    assert!(codes(&found).contains("C0530"), "{found:#}");
    let text = std::fs::read_to_string(blocked.place.path().join("m/offer.yaml")).unwrap();
    let broken = text.replace("P730D", "P2Y");
    let ran = team.place.run_with(&["validate", "-f", "-", "-o", "sarif"], broken.as_bytes());
    assert!(!codes(&log(&ran.stdout)).is_empty(), "{}", ran.stdout);
}

const NO_GAINS: &str = "apiVersion: concordat.dev/v1alpha1
kind: PartnerBoundary
metadata: {name: helpdesk}
spec:
  namespaces: [msp-helpdesk]
  partner: {tenantId: aaaabbbb-0000-cccc-1111-dddd2222eeee, cloud: Global, certifiedFor: [GranularDelegatedAdmin]}
  customers: {any: true}
  grantees: {any: true}
  roles: {any: true}
  limits: {privilegedGains: 0}
";

#[test]
fn a_test_report_leaves_out_nothing_that_the_text_has() {
    let team = with_a_grant_gone();
    let found = cases(&team.diff(&["-o", "junit"]).stdout);
    assert!(found.iter().any(|(name, failed)| name.starts_with("C0505") && !failed), "{found:?}");
    let blocked = Team::new();
    blocked.write("boundary.yaml", NO_GAINS);
    for command in ["diff", "apply"] {
        let found = cases(&blocked.with_manifests(&[command], &["-o", "junit"]).stdout);
        let waits = found.iter().any(|(name, _)| name.starts_with("C0530"));
        assert!(waits, "{command}: {found:?}");
    }
    team.edit("grants.yaml", "Helpdesk Administrator", "Helpdesk Admin");
    let found = cases(&team.validate(&["-o", "junit"]).stdout);
    assert!(found.iter().any(|(_, failed)| *failed), "{found:?}");
    assert!(
        cases(&Team::new().validate(&["-o", "junit"]).stdout).iter().all(|(_, failed)| !failed)
    );
}

#[test]
fn what_is_only_a_warning_of_the_input_stands_in_the_answer_of_diff_too() {
    let team = Team::new();
    team.edit(
        "grants.yaml",
        "relationshipRef:\n    name: fabrikam",
        "relationshipSelector:\n    matchLabels: {tier: none}",
    );
    let warned = team.diff(&["-o", "sarif"]);
    assert!(codes(&log(&warned.stdout)).contains("C0305"), "{}", warned.stdout);
    let warned = cases(&team.diff(&["-o", "junit"]).stdout);
    assert!(warned.iter().any(|(name, _)| name.starts_with("C0305")), "{warned:?}");
    let warned = team.diff(&["-o", "github"]).stdout;
    assert!(warned.contains("::warning file=m/grants.yaml,"), "{warned}");
}

#[test]
fn more_than_github_shows_is_counted_first() {
    let team = Team::new();
    let offer = std::fs::read_to_string(team.place.path().join("m/offer.yaml")).unwrap();
    for number in 0..15 {
        let broken =
            offer.replace("P730D", "P2Y").replace("name: helpdesk", &format!("name: o{number}"));
        team.write(&format!("o{number:02}.yaml"), &broken);
    }
    let answer = team.validate(&["-o", "github"]).stdout;
    let errors = answer.lines().filter(|line| line.starts_with("::error ")).count();
    let first = answer.lines().next().unwrap();
    assert!(errors >= 15 && first.starts_with("::notice title=concordat::"), "{answer}");
    assert!(first.contains(&format!("{errors} problems")), "{first}");
}

/// The program in a folder of a place, for a build server that names the workspace with this variable.
fn within(place: &Place, folder: &str, variable: Option<&str>, words: &[&str]) -> Ran {
    let mut command: Command = place.command(words);
    command.current_dir(place.path().join(folder));
    if let Some(variable) = variable {
        command.env(variable, place.path());
    }
    finished(command, b"")
}

#[test]
fn a_file_is_named_from_the_root_of_the_workspace_wherever_the_program_runs() {
    let team = Team::new();
    team.edit("offer.yaml", "P730D", "P2Y");
    let place = &team.place;
    std::fs::create_dir_all(place.path().join("other")).unwrap();
    let absolute = place.path().join("m").display().to_string();
    let asked: [(&str, &str); 8] = [
        (".", "."),
        (".", "m"),
        (".", "./m/"),
        ("m", "."),
        ("m", "offer.yaml"),
        ("m", "../m"),
        ("other", "../other/../m/offer.yaml"),
        ("other", &absolute),
    ];
    let named = [Some("GITHUB_WORKSPACE"), Some("CI_PROJECT_DIR"), Some("BUILD_SOURCESDIRECTORY")];
    for variable in named.into_iter().chain([None]) {
        if variable.is_none() {
            // Without any of them it is the checkout.
            std::fs::create_dir_all(place.path().join(".git")).unwrap();
        }
        for (folder, input) in asked {
            let run =
                |form| within(place, folder, variable, &["validate", "-f", input, "-o", form]);
            let github = run("github").stdout;
            assert!(
                github.contains("::error file=m/offer.yaml,line="),
                "{folder} {input}: {github}"
            );
            let sarif = log(&run("sarif").stdout);
            assert!(files(&sarif).contains("m/offer.yaml"), "{folder} {input}: {sarif:#}");
            let junit = run("junit").stdout;
            assert!(junit.contains("file=\"m/offer.yaml\""), "{folder} {input}: {junit}");
            // People read the name that they typed.
            let text = run("text").stdout;
            assert!(text.starts_with(input.trim_end_matches('/')), "{folder} {input}: {text}");
        }
    }
}

#[test]
fn a_plan_for_very_many_customers_fits_in_a_comment_and_says_what_it_leaves_out() {
    let team = Team::unanswered();
    let one = std::fs::read_to_string(team.place.path().join("m/relationship.yaml")).unwrap();
    let more: Vec<String> = (100..900)
        .map(|number| {
            let name = format!("name: c{number}\n");
            let renamed = one.replacen("name: fabrikam\n", &name, 1);
            let renamed = renamed.replace("fabrikam-helpdesk", &format!("c{number}-helpdesk"));
            renamed.replace("bbbbcccc-1111-dddd", &format!("bbbbc{number}-1111-dddd"))
        })
        .collect();
    for number in [0, 40, 120, 800] {
        team.write("more.yaml", &more[..number].join("\n---\n"));
        let ran = team.diff(&["-o", "markdown"]);
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        let length = ran.stdout.chars().count();
        assert!(length <= 60_000, "{number}: {length}");
        let first = ran.stdout.lines().next().unwrap();
        let total = if number == 0 {
            "1 invitation".to_owned()
        } else {
            format!("{} invitations", number + 1)
        };
        assert!(first.contains(&total), "{first}");
        let cut = ran.stdout.contains("The YAML diff goes on for");
        assert_eq!(cut, number > 100, "{number}: {}", &ran.stdout[ran.stdout.len() - 300..]);
        for open in ["<details>", "```diff"] {
            assert_eq!(ran.stdout.matches(open).count(), 1, "{open}");
        }
        assert_eq!(ran.stdout.matches("</details>").count(), 1);
    }
}

#[test]
fn what_the_program_has_written_beside_the_manifests_is_passed_over_and_told() {
    let team = Team::new();
    for (words, file) in [
        (&["diff", "-f", "m", "-o", "json"][..], "m/plan.json"),
        (&["diff", "-f", "m", "-o", "yaml"], "m/plan.yaml"),
        (&["diff", "-f", "m", "-o", "sarif"], "m/log.json"),
        (&["validate", "-f", "m", "-o", "json"], "m/problems.json"),
        (&["roles", "list", "-o", "json"], "m/roles.json"),
        (&["crd", "-o", "json-schema"], "m/schema.json"),
        (&["crd"], "m/crds.yaml"),
    ] {
        let ran = team.run(words);
        team.place.write(file, &ran.stdout);
    }
    let ran = team.apply(&["--plan", "m/plan.json"]);
    says(
        &ran,
        0,
        &["skipped: ", "2 concordat Plan", "1 concordat SARIF log", "1 concordat JSON schema"],
    );
    for (words, file) in [
        (&["ledger", "export"][..], "m/ledger.json"),
        (&["get", "grants", "-o", "json"], "m/grants.json"),
        (&["history", "-o", "yaml"], "m/history.yaml"),
    ] {
        team.place.write(file, &team.run(words).stdout);
    }
    says(
        &team.diff(&[]),
        0,
        &["concordat ledger entry", "concordat Assignments", "concordat History"],
    );
    // An object that is meant for us is not taken for one of them.
    team.write(
        "own.json",
        r#"{"formatVersion": 1, "kind": "PartnerOffer", "metadata": {"name": "a"}}"#,
    );
    says(&team.validate(&[]), 1, &["has no `apiVersion`"]);
}

#[test]
fn the_short_form_is_one_line_for_each_and_the_long_one_shows_the_place() {
    let team = Team::new();
    team.edit("offer.yaml", "P730D", "P2Y");
    let long = team.validate(&[]);
    assert!(long.stdout.contains("\n   |\n") || long.stdout.contains("\n  |\n"), "{}", long.stdout);
    assert!(long.stdout.contains("^^^"), "{}", long.stdout);
    let short = team.validate(&["-o", "short"]);
    let (all, last) = short.stdout.trim_end().rsplit_once('\n').unwrap();
    assert!(all.lines().all(|line| line.ends_with(']')), "{}", short.stdout);
    assert!(last.starts_with(&format!("{} problem", all.lines().count())), "{}", short.stdout);
    let refused = team.diff(&["-o", "short"]);
    assert!(refused.stdout.is_empty() && !refused.stderr.contains("^^^"), "{}", refused.stderr);
    team.edit("offer.yaml", "P2Y", "P730D");
    let plan = team.diff(&["-o", "short"]).stdout;
    assert!(plan.lines().all(|line| !line.starts_with(' ')), "{plan}");
    assert!(plan.ends_with('\n') && plan.lines().last().unwrap().starts_with("Plan: "), "{plan}");
    says(&team.apply(&["-o", "short"]), 0, &["Done: "]);
    says(&team.diff(&["-o", "short"]), 0, &["Nothing changes"]);
}
