//! What the chart renders, held against schemas by the real kubeconform.
//!
//! Never: a kind that has no schema, nor a field that its schema does not know.

use std::{fs, path::PathBuf, process::Command};

use k8s_openapi::{
    Resource,
    api::{
        admissionregistration::v1::{
            MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ValidatingAdmissionPolicy,
            ValidatingAdmissionPolicyBinding, ValidatingWebhookConfiguration,
        },
        apps::v1::Deployment,
        core::v1::{ConfigMap, PersistentVolumeClaim, Secret, Service, ServiceAccount},
        networking::v1::NetworkPolicy,
        policy::v1::PodDisruptionBudget,
        rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding},
    },
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use schemars::{JsonSchema, schema_for};
use serde_json::{Value, json};

use super::{Helm, objects, values};
use crate::{
    cluster::go::KUBECONFORM,
    program::{Place, finished, root},
};

/// A file of a schema: its name, as kubeconform looks for it, and its text.
type File = (String, Value);

fn file(group: &str, kind: &str, version: &str, mut schema: Value) -> File {
    strict(&mut schema);
    let group = group.split('.').next().filter(|first| !first.is_empty());
    let of = group.map(|group| format!("{group}-")).unwrap_or_default();
    (format!("{}-{of}{version}.json", kind.to_lowercase()), schema)
}

fn built_in<T: JsonSchema + Resource>() -> File {
    let mut schema = schema_for!(T).to_value();
    // It says of any value that it is an object.
    let any = "/$defs/io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON";
    schema.pointer_mut(any).into_iter().for_each(|any| *any = json!({}));
    file(T::GROUP, T::KIND, T::VERSION, schema)
}

/// The schema of a custom resource, with the fields that every object has.
fn custom(definition: &Value) -> Vec<File> {
    let spec = &definition["spec"];
    let (group, kind) = (spec["group"].as_str().unwrap(), spec["names"]["kind"].as_str().unwrap());
    let versions = spec["versions"].as_array().unwrap().iter();
    let one = |version: &Value| {
        let mut schema = version["schema"]["openAPIV3Schema"].clone();
        for (name, form) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            schema["properties"][name] = json!({ "type": form });
        }
        file(group, kind, version["name"].as_str().unwrap(), schema)
    };
    versions.map(one).collect()
}

/// Refuses every field that a schema does not name.
fn strict(schema: &mut Value) {
    let Some(node) = schema.as_object_mut() else { return };
    let open = node.contains_key("additionalProperties")
        || node.contains_key("x-kubernetes-preserve-unknown-fields");
    if node.contains_key("properties") && !open {
        node.insert("additionalProperties".to_owned(), json!(false));
    }
    for name in ["properties", "$defs"] {
        let fields = node.get_mut(name).and_then(Value::as_object_mut);
        fields.into_iter().flatten().for_each(|(_, field)| strict(field));
    }
    for name in ["items", "additionalProperties"] {
        node.get_mut(name).into_iter().for_each(strict);
    }
    for name in ["allOf", "anyOf", "oneOf"] {
        let ways = node.get_mut(name).and_then(Value::as_array_mut);
        ways.into_iter().flatten().for_each(strict);
    }
}

/// The definitions of others that the chart uses, as their Go modules bring them.
pub fn of_others() -> Vec<Value> {
    let wanted = [
        ("github.com/cert-manager/cert-manager", "deploy/crds/cert-manager.io_certificates.yaml"),
        ("github.com/cert-manager/cert-manager", "deploy/crds/cert-manager.io_issuers.yaml"),
        (
            "github.com/prometheus-operator/prometheus-operator",
            "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
        ),
        (
            "github.com/prometheus-operator/prometheus-operator",
            "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        ),
    ];
    let read = |(module, path): (&str, &str)| {
        let text = fs::read_to_string(folder_of(module).join(path)).unwrap();
        objects(&text).remove(0)
    };
    wanted.into_iter().map(read).collect()
}

/// Where Go keeps a module that `go.sum` pins.
fn folder_of(module: &str) -> PathBuf {
    let mut go = Command::new("go");
    go.args(["mod", "download", "-json", module]);
    go.current_dir(root().join("tests/cluster/definitions")).env("GOWORK", "off");
    let ran = finished(go, b"");
    assert_eq!(ran.code, Some(0), "`go mod download {module}`: {}{}", ran.stderr, ran.stdout);
    let answer: Value = serde_json::from_str(&ran.stdout).unwrap();
    answer["Dir"].as_str().unwrap().into()
}

fn schemas() -> Vec<File> {
    let mut files = vec![
        built_in::<ClusterRole>(),
        built_in::<ClusterRoleBinding>(),
        built_in::<ConfigMap>(),
        built_in::<CustomResourceDefinition>(),
        built_in::<Deployment>(),
        built_in::<MutatingAdmissionPolicy>(),
        built_in::<MutatingAdmissionPolicyBinding>(),
        built_in::<NetworkPolicy>(),
        built_in::<PersistentVolumeClaim>(),
        built_in::<PodDisruptionBudget>(),
        built_in::<Role>(),
        built_in::<RoleBinding>(),
        built_in::<Secret>(),
        built_in::<Service>(),
        built_in::<ServiceAccount>(),
        built_in::<ValidatingAdmissionPolicy>(),
        built_in::<ValidatingAdmissionPolicyBinding>(),
        built_in::<ValidatingWebhookConfiguration>(),
    ];
    let own = concordat::api::crds().into_iter().map(|crd| serde_json::to_value(crd).unwrap());
    files.extend(of_others().into_iter().chain(own).flat_map(|definition| custom(&definition)));
    files
}

/// Runs kubeconform over files; says what it found.
fn judged(place: &Place, files: &[PathBuf]) -> (Option<i32>, String) {
    for (name, schema) in schemas() {
        place.write(&format!("schemas/{name}"), schema.to_string());
    }
    let mut command = Command::new(KUBECONFORM.program());
    place.prepare(&mut command);
    let location = "schemas/{{.ResourceKind}}{{.KindSuffix}}.json";
    command.args(["-strict", "-summary", "-schema-location", location]).args(files);
    let ran = finished(command, b"");
    (ran.code, ran.stdout + &ran.stderr)
}

#[test]
fn every_object_that_the_chart_renders_holds_to_its_schema() {
    let place = Place::new();
    let mut files = Vec::new();
    for values in values("good") {
        let name = values.file_name().unwrap().to_str().unwrap().to_owned();
        files.push(place.write(&name, Helm::Four.template(&values).stdout));
    }
    let (code, told) = judged(&place, &files);
    println!("{}", told.trim());
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("Invalid: 0, Errors: 0, Skipped: 0"), "{told}");
}

#[test]
fn a_field_that_a_schema_does_not_know_is_found() {
    let place = Place::new();
    let text = Helm::Four.template(&values("good")[0]).stdout;
    for (right, wrong) in [
        ("automountServiceAccountToken", "automountToken"),
        ("failurePolicy", "failPolicy"),
        ("readOnlyRootFilesystem", "readOnlyRoot"),
        ("periodSeconds: 2\n", "periodSeconds: two\n"),
    ] {
        assert!(text.contains(right), "{right}");
        let file = place.write("wrong.yaml", text.replace(right, wrong));
        let (code, told) = judged(&place, &[file]);
        assert_eq!(code, Some(1), "{wrong}: {told}");
    }
}

#[test]
fn the_examples_hold_to_the_schemas_too() {
    let place = Place::new();
    let names = ["quickstart", "msp", "agreement-only", "remove-roles", "partner-types"];
    let files = names.map(|name| root().join("examples").join(name)).to_vec();
    let (code, told) = judged(&place, &files);
    assert_eq!(code, Some(0), "{told}");
}
