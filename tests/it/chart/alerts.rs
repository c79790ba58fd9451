//! The alerts, by the real promtool, and the dashboard.
//!
//! Never: an alert that nobody has seen fire.

use std::{collections::BTreeSet, fs, process::Command};

use concordat::operator::telemetry::{
    labels::{ApiObject, ApiWrite},
    metrics::{Holdings, LedgerHead, Metrics},
};
use jiff::Timestamp;
use regex::Regex;
use serde_json::Value;

use super::{material, only, rendered};
use crate::program::{Place, Ran, finished};

/// Runs promtool where the rules of the chart are.
fn promtool(words: &[&str]) -> Ran {
    let place = Place::new();
    let monitoring = rendered("monitoring");
    let rules = &only(&monitoring, "PrometheusRule")["spec"];
    place.write("rules.yaml", serde_yaml::to_string(rules).unwrap());
    place.write("alerts.test.yaml", cases());
    let mut command = Command::new("promtool");
    command.args(words);
    place.prepare(&mut command);
    finished(command, b"")
}

fn cases() -> String {
    fs::read_to_string(material().join("alerts.test.yaml")).unwrap()
}

/// The names of the alerts that the chart gives with these values.
fn alerts(values: &str) -> BTreeSet<String> {
    let objects = rendered(values);
    let groups = only(&objects, "PrometheusRule")["spec"]["groups"].as_array().unwrap();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
    rules.map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_alert_fires_when_it_should_and_rests_otherwise() {
    let checked = promtool(&["check", "rules", "rules.yaml"]);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    let tested = promtool(&["test", "rules", "alerts.test.yaml"]);
    assert_eq!(tested.code, Some(0), "{}{}", tested.stdout, tested.stderr);

    let cases: Value = serde_yaml::from_str(&cases()).unwrap();
    let (mut fire, mut rest) = (BTreeSet::new(), BTreeSet::new());
    for group in cases["tests"].as_array().unwrap() {
        for case in group["alert_rule_test"].as_array().unwrap() {
            let fires = case["exp_alerts"].as_array().is_some_and(|alerts| !alerts.is_empty());
            let name = case["alertname"].as_str().unwrap().to_owned();
            if fires {
                fire.insert(name)
            } else {
                rest.insert(name)
            };
        }
    }
    assert_eq!(fire, alerts("monitoring"), "each alert is seen to fire");
    assert_eq!(rest, alerts("monitoring"), "each alert is seen to rest");
    println!("{} alerts, each seen to fire and to rest", fire.len());
}

#[test]
fn an_alert_that_is_not_wanted_is_left_out() {
    let all = alerts("monitoring");
    let gone: Vec<_> = all.difference(&alerts("quiet")).cloned().collect();
    assert_eq!(gone, ["ConcordatCertificateExpires", "ConcordatGrantExpires"]);
}

#[test]
fn every_alert_says_what_it_means_and_what_to_do() {
    let objects = rendered("monitoring");
    let groups = only(&objects, "PrometheusRule")["spec"]["groups"].as_array().unwrap();
    for rule in groups.iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        let words = |name: &str| rule["annotations"][name].as_str().unwrap_or_default().to_owned();
        assert!(!words("summary").is_empty() && !words("summary").ends_with('.'), "{rule}");
        assert!(words("description").ends_with(['.', '?']), "{rule}");
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{rule}");
    }
}

#[test]
fn alerts_and_dashboard_ask_for_metrics_that_the_operator_has() {
    let objects = rendered("monitoring");
    let dashboard = only(&objects, "ConfigMap")["data"]["concordat.json"].as_str().unwrap();
    let dashboard: Value = serde_json::from_str(dashboard).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut questions: Vec<_> = targets.map(|target| target["expr"].to_string()).collect();
    questions.push(only(&objects, "PrometheusRule")["spec"].to_string());
    let metric = Regex::new(r"concordat_[a-z_]+").unwrap();
    let asked: BTreeSet<_> = questions
        .iter()
        .flat_map(|question| metric.find_iter(question).map(|found| found.as_str()))
        .map(|name| name.trim_end_matches("_bucket"))
        .collect();
    let text = told();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let told: BTreeSet<_> = types.map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(asked, told);

    // Of a metric with labels, an alert asks for values that there are.
    let chosen = Regex::new(r#"(concordat_[a-z_]+)\{([a-z]+=\\?"[a-z_]+)\\?"\}"#).unwrap();
    let rules = questions.last().unwrap();
    assert_eq!(chosen.captures_iter(rules).count(), 2, "{rules}");
    for found in chosen.captures_iter(rules) {
        let (name, label) = (&found[1], found[2].replace('\\', ""));
        let there = |line: &str| line.starts_with(name) && line.contains(&label);
        assert!(text.lines().any(there), "{name} has no {label}");
    }
}

/// What the operator tells of itself once it has something to tell.
fn told() -> String {
    let metrics = Metrics::new();
    let then = Timestamp::UNIX_EPOCH;
    metrics.holdings(Holdings { next_expiry: Some(then), ..Holdings::default() });
    metrics.ledger_head(LedgerHead { sequence: 1, written: then });
    metrics.certificate_until(then);
    metrics.api_write(ApiObject::Event, ApiWrite::Create);
    metrics.text(then)
}
