//! The chart, through the real Helm 3 and 4: what it renders, what it refuses, and what a cluster makes of it.
//!
//! Never: a template read as text where Helm can be asked.

mod alerts;
mod image;
mod policies;
mod releases;
mod schemas;
pub mod stage;
mod templates;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    cluster::go::{HELM, Module},
    program::{Place, Ran, finished, root},
};

const HELM_3: Module = Module {
    name: "helm3",
    folder: "tests/cluster/helm3",
    programs: &[("helm", "helm.sh/helm/v3/cmd/helm")],
    linker: "",
    takes: "some minutes",
};

/// What the release and its namespace are called.
pub const RELEASE: &str = "concordat";
pub const NAMESPACE: &str = "concordat-system";

/// Which Helm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Helm {
    Three,
    Four,
}

impl Helm {
    pub const BOTH: [Self; 2] = [Self::Three, Self::Four];

    pub fn program(self) -> PathBuf {
        match self {
            Self::Three => HELM_3.program(),
            Self::Four => HELM.program(),
        }
    }

    /// Runs it without a cluster.
    fn run(self, words: &[&str]) -> Ran {
        let place = Place::new();
        let mut command = Command::new(self.program());
        command.args(words);
        place.prepare(&mut command);
        finished(command, b"")
    }

    /// What the chart gives with a file of values, or why it gives nothing.
    fn template(self, values: &Path) -> Ran {
        let (chart, values) = (chart(), values.display().to_string());
        let chart = chart.to_str().unwrap();
        let namespace = ["--namespace", NAMESPACE, "--kube-version", "1.36.0"];
        self.run(&[&["template", RELEASE, chart, "--values", &values], &namespace[..]].concat())
    }
}

/// The folder of the chart.
pub fn chart() -> PathBuf {
    root().join("charts/concordat")
}

/// The folder of what only these tests need.
fn material() -> PathBuf {
    root().join("tests/chart-values")
}

/// The files of values in a folder, in order.
fn values(folder: &str) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(material().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .collect();
    found.sort();
    assert!(found.len() >= 12, "{folder} has {} files", found.len());
    found
}

/// A file's name without what is before and behind it.
fn stem(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// The objects of a text of many documents.
fn objects(text: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .filter(|object| !object.is_null())
        .collect()
}

/// What the chart gives with these values, by the newest Helm.
fn rendered(name: &str) -> Vec<Value> {
    let ran = Helm::Four.template(&material().join("good").join(format!("{name}.yaml")));
    assert_eq!(ran.code, Some(0), "{name}: {}", ran.stderr);
    objects(&ran.stdout)
}

/// The only object of a kind.
fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let mut found = objects.iter().filter(|object| object["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("there is no {kind}"));
    assert!(found.next().is_none(), "there is more than one {kind}");
    first
}
