//! What the chart renders, and which values it refuses.
//!
//! Never: two Helms that disagree.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use serde_json::Value;

use super::{Helm, chart, material, objects, only, rendered, stem, values};
use crate::program::{Place, assert_file, root};

#[test]
fn helm_has_nothing_to_say_against_the_chart() {
    for helm in Helm::BOTH {
        for values in values("good") {
            let (chart, values) = (chart().display().to_string(), values.display().to_string());
            let words =
                ["lint", "--strict", "--kube-version", "1.36.0", "--values", &values, &chart];
            let ran = helm.run(&words);
            assert_eq!(ran.code, Some(0), "{helm:?} {values}: {}{}", ran.stdout, ran.stderr);
        }
    }
}

#[test]
fn both_helms_give_the_same_and_no_object_twice() {
    for path in values("good") {
        let [three, four] = Helm::BOTH.map(|helm| {
            let ran = helm.template(&path);
            assert_eq!(ran.code, Some(0), "{helm:?} {}: {}", path.display(), ran.stderr);
            let mut objects = objects(&ran.stdout);
            objects.sort_by_key(|object| format!("{} {}", object["kind"], object["metadata"]));
            objects
        });
        assert_eq!(three, four, "{}", path.display());
        let mut names = BTreeSet::new();
        for object in &four {
            let name = format!("{} {}", object["kind"], object["metadata"]["name"]);
            assert!(object["metadata"]["name"].is_string(), "{name}");
            assert!(names.insert(name.clone()), "{}: {name} is there twice", path.display());
        }
    }
}

#[test]
fn values_that_cannot_be_meant_are_refused_in_words() {
    let mut told = String::new();
    for path in values("refused") {
        writeln!(told, "# {}", stem(&path)).unwrap();
        told.push_str(&fs::read_to_string(&path).unwrap());
        for helm in Helm::BOTH {
            let ran = helm.template(&path);
            assert_eq!(ran.code, Some(1), "{helm:?} {}: {}", path.display(), ran.stdout);
            let place = chart().display().to_string();
            writeln!(told, "-- Helm {helm:?}").unwrap();
            for line in ran.stderr.lines().filter(|line| !line.is_empty()) {
                if !line.starts_with("Use --debug") {
                    writeln!(told, "{}", line.replace(&place, "CHART")).unwrap();
                }
            }
        }
        told.push('\n');
    }
    assert_file(&material().join("refused.txt"), &told);
}

#[test]
fn a_server_without_the_policies_that_stamp_is_refused_with_the_ways_out() {
    let chart = chart().display().to_string();
    for helm in Helm::BOTH {
        let template = |words: &[&str]| {
            helm.run(&[&["template", "c", &chart, "--kube-version", "1.35.0"], words].concat())
        };
        let ran = template(&[]);
        assert!(ran.stderr.contains("serves no MutatingAdmissionPolicy"), "{}", ran.stderr);
        let beta = "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy";
        let ran = template(&["--api-versions", beta]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let policies = objects(&ran.stdout);
        let policy = only(&policies, "MutatingAdmissionPolicy");
        assert_eq!(policy["apiVersion"], "admissionregistration.k8s.io/v1beta1");
        let old = helm.run(&["template", "c", &chart, "--kube-version", "1.33.0"]);
        assert!(old.stderr.contains("requires kubeVersion: >=1.34.0"), "{}", old.stderr);
    }
}

#[test]
fn the_definitions_are_those_of_the_program_and_an_uninstall_leaves_them() {
    let folder = chart().join("files/crds");
    for entry in fs::read_dir(root().join("crds")).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        assert_file(&folder.join(path.file_name().unwrap()), &text);
    }
    let count = |folder| fs::read_dir(folder).unwrap().count();
    assert_eq!(count(folder), count(root().join("crds")));

    let place = Place::new();
    let mut expected = objects(&place.run(&["crd"]).stdout);
    let mut found = rendered("default");
    found.retain(|object| object["kind"] == "CustomResourceDefinition");
    for definition in &mut found {
        let annotations = definition["metadata"].as_object_mut().unwrap().remove("annotations");
        let annotations = annotations.expect("an annotation keeps it");
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
    }
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
    expected.sort_by_key(name);
    found.sort_by_key(name);
    assert_eq!(found, expected);
}

#[test]
fn the_values_and_their_schema_name_the_same() {
    let values = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let values: Value = serde_yaml::from_str(&values).unwrap();
    let schema = fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut differences = Vec::new();
    compare("", &values, &schema, &mut differences);
    // A parent chart gives it to each of its charts.
    assert_eq!(differences, ["global is only in the schema"]);
}

/// Where the schema names the fields of an object, the values name the same.
fn compare(at: &str, values: &Value, schema: &Value, differences: &mut Vec<String>) {
    let Some(properties) = schema["properties"].as_object() else { return };
    assert_eq!(schema["additionalProperties"], false, "{at}");
    // Of what goes into a Pod as it is, a field that nobody gave is not written.
    if at == "resources" {
        return;
    }
    let values = values.as_object().unwrap_or_else(|| panic!("{at} has no fields"));
    let path = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    for name in values.keys().filter(|name| !properties.contains_key(*name)) {
        differences.push(format!("{} is only in the values", path(name)));
    }
    for (name, property) in properties {
        match values.get(name) {
            Some(value) => compare(&path(name), value, property, differences),
            None => differences.push(format!("{} is only in the schema", path(name))),
        }
    }
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let text = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let chart: Value = serde_yaml::from_str(&text).unwrap();
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_file_has_one_writer_and_a_database_many() {
    let default = rendered("default");
    let deployment = only(&default, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 1);
    assert_eq!(deployment["spec"]["strategy"]["type"], "Recreate");
    let claim = only(&default, "PersistentVolumeClaim");
    assert_eq!(claim["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    assert!(default.iter().all(|object| object["kind"] != "PodDisruptionBudget"));

    let postgres = rendered("postgres");
    let deployment = only(&postgres, "Deployment");
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(deployment["spec"]["strategy"]["type"], "RollingUpdate");
    only(&postgres, "PodDisruptionBudget");
    assert!(postgres.iter().all(|object| object["kind"] != "PersistentVolumeClaim"));
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().unwrap();
    let file = variables.iter().find(|it| it["name"] == "CONCORDAT_STORE_PASSWORD_FILE").unwrap();
    assert_eq!(file["value"], "/etc/concordat/store/password");
}

#[test]
fn the_rights_that_the_chart_gives_are_these() {
    let mut told = String::new();
    for name in ["default", "cert-manager"] {
        for object in rendered(name) {
            if object["rules"].is_null() {
                continue;
            }
            let (kind, of) = (object["kind"].as_str().unwrap(), &object["metadata"]["name"]);
            let mut lines = String::new();
            for rule in object["rules"].as_array().unwrap() {
                lines.push_str(&line(rule));
            }
            let head = format!("{kind} {} ({name})\n", of.as_str().unwrap());
            if name == "default" || head.contains("-operator") {
                writeln!(told, "{head}{lines}").unwrap();
            }
        }
    }
    assert!(!told.contains('*'), "a right over everything:\n{told}");
    assert_file(&material().join("rights.txt"), &told);
}

/// A rule in one line.
fn line(rule: &Value) -> String {
    let words = |field: &str| -> Vec<&str> {
        rule[field].as_array().into_iter().flatten().map(|it| it.as_str().unwrap()).collect()
    };
    let mut line = format!("  {} {}", words("verbs").join(","), words("resources").join(","));
    if let [group] = words("apiGroups")[..] {
        write!(line, " of {}", if group.is_empty() { "core" } else { group }).unwrap();
    }
    if !rule["resourceNames"].is_null() {
        write!(line, " named {}", words("resourceNames").join(",")).unwrap();
    }
    line + "\n"
}

#[test]
fn the_program_knows_every_argument_that_the_chart_gives_it() {
    let help = Place::new().run(&["operator", "--help"]);
    assert_eq!(help.code, Some(0), "{}", help.stderr);
    let mut given = BTreeSet::new();
    for path in values("good") {
        let name = stem(&path);
        let objects = rendered(name);
        let container = &only(&objects, "Deployment")["spec"]["template"]["spec"]["containers"][0];
        for argument in container["args"].as_array().unwrap() {
            let word = argument.as_str().unwrap().split('=').next().unwrap();
            let known = word == "operator" || help.stdout.contains(&format!("{word} "));
            assert!(known || help.stdout.contains(&format!("{word}\n")), "{name}: {word}");
            given.insert(word.to_owned());
        }
    }
    println!("{given:?}");
    assert!(given.len() >= 12, "{given:?}");
}
