//! The custom resource definitions: what is in `crds/`, what bounds it, and that an API server can afford its rules.
//!
//! Never: a rule proved by its text; good and bad objects prove it, beside the verdict.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{fs, path::Path};

use concordat::api::{crds, field::FORMS, json_schema};
use serde_json::Value;

#[test]
fn the_folder_holds_what_the_types_generate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut expected = Vec::new();
    for crd in crds() {
        let name = format!("{}.yaml", crd.spec.names.plural);
        let text = concordat::manifest::to_yaml(&crd);
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(&name), &text).unwrap();
        }
        let found = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(found == text, "crds/{name} is stale: run `UPDATE=1 cargo test crds`");
        expected.push(name);
    }
    let mut found: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

#[test]
fn the_schema_for_editors_is_what_the_types_generate() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/concordat.json");
    let text = concordat::api::json_schema_text();
    assert!(text.is_ascii() && serde_json::from_str::<Value>(&text).unwrap() == json_schema());
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &text).unwrap();
    }
    let found = fs::read_to_string(&file).unwrap_or_default();
    assert!(found == text, "schemas/concordat.json is stale: run `UPDATE=1 cargo test crds`");
}

/// Every file of the examples with objects of ours.
fn examples(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            examples(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "yaml")
            && fs::read_to_string(&path).unwrap().contains("apiVersion: concordat.dev/")
        {
            found.push(path);
        }
    }
}

#[test]
fn each_example_names_the_schema_for_editors_and_holds_to_it_unless_it_shows_a_fault() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = json_schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let mut files = Vec::new();
    examples(&root.join("examples"), &mut files);
    assert!(files.len() > 20, "{files:?}");
    let mut refused = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        let named = text.lines().next().unwrap().strip_prefix("# yaml-language-server: $schema=");
        let named = named.unwrap_or_else(|| panic!("{} names no schema", path.display()));
        let named = path.parent().unwrap().join(named).canonicalize().unwrap();
        assert_eq!(named, root.join("schemas/concordat.json"), "{}", path.display());
        for document in serde_yaml::Deserializer::from_str(&text) {
            let object: Value = serde::Deserialize::deserialize(document).unwrap();
            let errors = validator.iter_errors(&object).map(|error| error.to_string());
            let errors: Vec<String> = errors.collect();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            match path.parent().unwrap().ends_with("refused") {
                true if errors.is_empty() => {}
                true => refused.push(name),
                false => assert_eq!(errors, Vec::<String>::new(), "{}", path.display()),
            }
        }
    }
    for name in ["calendar-duration", "unknown-field"] {
        assert!(refused.iter().any(|refused| refused == name), "{name}: {refused:?}");
    }
}

#[test]
fn the_kinds_are_named_and_scoped_as_designed() {
    let found: Vec<_> = crds()
        .iter()
        .map(|crd| {
            let names = &crd.spec.names;
            let short = names.short_names.as_deref().unwrap_or_default().join(",");
            assert_eq!(names.categories.as_deref(), Some(&["concordat".to_owned()][..]));
            assert!(crd.spec.versions[0].selectable_fields.is_some(), "{}", names.kind);
            assert!(crd.spec.versions[0].additional_printer_columns.is_some(), "{}", names.kind);
            format!("{} {} {short} {}", names.kind, names.plural, crd.spec.scope)
        })
        .collect();
    assert_eq!(
        found,
        [
            "PartnerOffer partneroffers poffer Namespaced",
            "PartnerRelationship partnerrelationships prel Namespaced",
            "RoleGrant rolegrants rgrant Namespaced",
            "AgreementAcceptance agreementacceptances accept Namespaced",
            "PartnerBoundary partnerboundaries pbound Cluster",
        ]
    );
}

#[test]
fn every_list_string_and_map_is_bounded_and_every_field_described() {
    for (kind, schema) in schemas() {
        each_node(&schema, &kind, &mut |at, node| {
            let bounded = |bound: &str| assert!(node[bound].is_u64(), "{at} has no {bound}");
            match node["type"].as_str() {
                Some("string") if node["enum"].is_null() => bounded("maxLength"),
                Some("array") => bounded("maxItems"),
                Some("object") if node["additionalProperties"].is_object() => {
                    bounded("maxProperties");
                }
                _ => {}
            }
            assert!(
                node["nullable"].is_null() && node["anyOf"].is_null(),
                "{at} is not structural"
            );
            if !at.ends_with("[]") && !at.ends_with("{}") {
                assert!(node["description"].is_string(), "{at} has no description");
            }
            if let Some(pattern) = node["pattern"].as_str() {
                assert!(
                    FORMS.iter().any(|form| form.pattern == pattern),
                    "{at} has a form of its own"
                );
            }
            let role_list = at.ends_with(".spec.roles") && node["type"] == "array"
                || at.ends_with("spec.tasks");
            assert!(!role_list || node["x-kubernetes-list-type"] == "set", "{at} is not a set");
        });
    }
}

#[test]
fn no_field_has_a_name_that_cel_must_escape() {
    for (kind, schema) in schemas() {
        each_node(&schema, &kind, &mut |at, _| {
            let name = at.rsplit('.').next().unwrap().trim_end_matches("[]").trim_end_matches("{}");
            assert!(name.chars().all(char::is_alphanumeric), "{at}");
            assert!(
                !["in", "as", "for", "if", "namespace", "package", "return"].contains(&name),
                "{at}"
            );
        });
    }
}

#[test]
fn every_rule_has_a_message_and_costs_little() {
    use kube::core::cel::{ScopeContext, analyze_rule, compile_schema};
    for (kind, schema) in schemas() {
        each_node(&schema, &kind, &mut |at, node| {
            let compiled = compile_schema(node);
            assert!(!compiled.has_errors(), "{at}: {:?}", compiled.compilation_errors());
            for rule in node["x-kubernetes-validations"].as_array().into_iter().flatten() {
                assert!(rule["message"].is_string(), "{at}: {rule}");
                let text = rule["rule"].as_str().unwrap();
                let warnings = analyze_rule(text, &compiled, ScopeContext::CrdValidation);
                assert!(warnings.is_empty(), "{at}: {warnings:?}");
                assert!(text.len() < 600, "{at}: the server's own estimate grows with the rule");
            }
        });
    }
}

#[test]
fn no_column_shows_only_the_first_of_several() {
    for crd in crds() {
        for column in crd.spec.versions[0].additional_printer_columns.iter().flatten() {
            assert!(!column.json_path.contains("[*]"), "{}: {}", crd.spec.names.kind, column.name);
        }
    }
}

#[test]
fn a_status_that_nobody_wrote_says_so() {
    for (kind, schema) in schemas() {
        let default = &schema["properties"]["status"]["default"];
        assert_eq!(default["observedGeneration"], -1, "{kind}");
        assert_eq!(default["conditions"][0]["reason"], "Pending", "{kind}");
        assert_eq!(default["conditions"][0]["status"], "Unknown", "{kind}");
    }
}

pub fn schemas() -> Vec<(String, Value)> {
    crds()
        .into_iter()
        .map(|crd| {
            let schema = crd.spec.versions[0].schema.as_ref().unwrap().open_api_v3_schema.as_ref();
            (crd.spec.names.kind.clone(), serde_json::to_value(schema.unwrap()).unwrap())
        })
        .collect()
}

fn each_node(node: &Value, at: &str, look: &mut dyn FnMut(&str, &Value)) {
    look(at, node);
    for (name, field) in node["properties"].as_object().into_iter().flatten() {
        each_node(field, &format!("{at}.{name}"), look);
    }
    for (key, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if node[key].is_object() {
            each_node(&node[key], &format!("{at}{mark}"), look);
        }
    }
}
