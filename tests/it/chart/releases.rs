//! The chart on a real cluster: installed, upgraded, rolled back, uninstalled and installed again.
//!
//! Never: a release that takes somebody's objects, definitions or ledger with it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use k8s_openapi::ByteString;
use serde_json::{Value, json};

use super::{Helm, NAMESPACE, RELEASE, chart, objects, schemas::of_others, stem, values};
use crate::{
    cluster::Cluster,
    program::{Place, finished, root},
};

/// Runs Helm on a cluster.
#[track_caller]
fn helm(cluster: &Cluster, helm: Helm, words: &[&str]) {
    let mut command = Command::new(helm.program());
    command.args(words).args(["--namespace", NAMESPACE]);
    cluster.prepare(&mut command);
    let ran = finished(command, b"");
    assert_eq!(ran.code, Some(0), "{helm:?} {}: {}", words.join(" "), ran.stderr);
}

/// A namespace that admits only restricted Pods.
fn prepare(cluster: &Cluster) {
    cluster.said(&["create", "namespace", NAMESPACE]);
    let restricted = "pod-security.kubernetes.io/enforce=restricted";
    cluster.said(&["label", "namespace", NAMESPACE, restricted]);
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

/// A chart as it might have been: older, and its grants have no column that says when they end.
fn previous(place: &Place) -> PathBuf {
    let folder = place.path().join("previous");
    copy(&chart(), &folder);
    let changed = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(folder.join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(folder.join(file), text.replace(from, to)).unwrap();
    };
    changed("Chart.yaml", "version: 0.1.0", "version: 0.0.9");
    let column = "    - jsonPath: .status.expiresAt\n      name: Expires\n      type: string\n";
    changed("files/crds/rolegrants.yaml", column, "");
    folder
}

/// Creates what is in a file. For some seconds after a definition came the server cannot stamp objects of its kind, and
/// says so.
fn create(cluster: &Cluster, file: &str) {
    let began = Instant::now();
    loop {
        let output = cluster.kubectl(&["create", "-f", file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return;
        }
        assert!(said.contains("There can be a delay"), "{said}");
        assert!(began.elapsed().as_secs() < 60, "{said}");
    }
}

/// The columns of a grant.
fn columns(cluster: &Cluster) -> String {
    let path = "jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}";
    cluster.said(&["get", "customresourcedefinition", "rolegrants.concordat.dev", "-o", path])
}

fn field(cluster: &Cluster, object: &str, path: &str) -> String {
    let path = format!("jsonpath={{{path}}}");
    cluster.said(&["get", object, "-n", NAMESPACE, "-o", &path])
}

/// What of a release is still there.
fn left(cluster: &Cluster) -> String {
    let kinds = "deployments,services,secrets,serviceaccounts,persistentvolumeclaims,roles,\
                 rolebindings,clusterroles,clusterrolebindings,validatingwebhookconfigurations,\
                 validatingadmissionpolicies,validatingadmissionpolicybindings,\
                 mutatingadmissionpolicies,mutatingadmissionpolicybindings";
    let label = "app.kubernetes.io/part-of=concordat";
    cluster.said(&["get", kinds, "--all-namespaces", "-l", label, "-o", "name"])
}

/// The life of a release: begun with one Helm, gone on with another.
fn life(cluster: &Cluster, first: Helm, then: Helm) {
    let place = Place::new();
    let (previous, chart) = (previous(&place).display().to_string(), chart().display().to_string());
    helm(cluster, first, &["install", RELEASE, &previous]);
    // The Pod was admitted, though the namespace takes only restricted ones.
    cluster.wait(NAMESPACE, "deployment/concordat", "jsonpath={.status.replicas}=1");
    assert!(!columns(cluster).contains("Expires"));
    let established = ["wait", "customresourcedefinitions", "--all", "--for=condition=Established"];
    cluster.said(&established);

    // What people and the operator write meanwhile.
    cluster.said(&["create", "namespace", "msp-helpdesk"]);
    let quickstart = root().join("examples/quickstart");
    for name in ["offer", "relationship", "grants"] {
        let file = quickstart.join(name).with_extension("yaml").display().to_string();
        create(cluster, &file);
    }
    let authority = ByteString(fs::read(cluster.folder().join("ca.pem")).unwrap());
    let bundle = json!([
        { "op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": authority },
    ]);
    let webhook = "validatingwebhookconfiguration/concordat";
    cluster.said(&["patch", webhook, "--type=json", "--patch", &bundle.to_string()]);
    let bundle = || field(cluster, webhook, ".webhooks[0].clientConfig.caBundle");
    let kept = bundle();
    assert!(!kept.is_empty());

    let robot = "system:serviceaccount:flux-system:kustomize-controller";
    helm(cluster, then, &["upgrade", RELEASE, &chart, "--set", &format!("robots={{{robot}}}")]);
    assert!(columns(cluster).contains("Expires"), "an upgrade updates the definitions");
    let arguments = ".spec.template.spec.containers[0].args";
    assert!(field(cluster, "deployment/concordat", arguments).contains(robot));
    assert_eq!(bundle(), kept, "an upgrade leaves the operator's certificate");

    helm(cluster, then, &["rollback", RELEASE, "1"]);
    assert!(!field(cluster, "deployment/concordat", arguments).contains(robot));
    assert_eq!(bundle(), kept, "so does a rollback");
    helm(cluster, then, &["upgrade", RELEASE, &chart]);

    helm(cluster, then, &["uninstall", RELEASE]);
    assert_eq!(left(cluster), "persistentvolumeclaim/concordat-store\n");
    let objects = ["get", "concordat", "-n", "msp-helpdesk", "-o", "name"];
    assert_eq!(cluster.said(&objects).lines().count(), 4, "{}", cluster.said(&objects));

    helm(cluster, first, &["install", RELEASE, &chart]);
    assert_eq!(cluster.said(&objects).lines().count(), 4);
    helm(cluster, first, &["uninstall", RELEASE]);

    cluster.said(&["delete", "namespace", "msp-helpdesk"]);
    cluster.said(&["delete", "-n", NAMESPACE, "persistentvolumeclaims", "--all", "--wait=false"]);
    cluster.said(&["delete", "customresourcedefinitions", "--all"]);
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_uninstalled_and_leaves_what_people_wrote() {
    let cluster = Cluster::own();
    prepare(&cluster);
    life(&cluster, Helm::Three, Helm::Three);
    life(&cluster, Helm::Four, Helm::Four);
    life(&cluster, Helm::Three, Helm::Four);
}

#[test]
fn the_server_takes_what_the_chart_renders() {
    let cluster = Cluster::own();
    prepare(&cluster);
    cluster.install_definitions();
    let definitions: Vec<_> = of_others().iter().map(Value::to_string).collect();
    cluster.apply(&definitions.join("\n---\n"));
    let established = ["wait", "customresourcedefinitions", "--all", "--for=condition=Established"];
    cluster.said(&established);
    for path in values("good") {
        let text = Helm::Four.template(&path).stdout;
        let words = ["create", "--dry-run=server", "--validate=strict", "-f", "-", "-o", "name"];
        let apply = ["apply", "--server-side", "--force-conflicts"];
        let words = [&apply[..], &words[1..]].concat();
        let output = cluster.kubectl_with(&words, &text);
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {talk}", stem(&path));
        assert_eq!(talk, "", "{}", stem(&path));
        let taken = String::from_utf8_lossy(&output.stdout).lines().count();
        assert_eq!(taken, objects(&text).len(), "{}", stem(&path));
    }
}

/// The commands of a document, without those of a block that needs running Pods.
fn commands(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().peekable();
    let mut skipped = false;
    while let Some(line) = lines.next() {
        if line == "```sh" {
            let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
            if !skipped {
                blocks.push(block.join("\n"));
            }
        }
        skipped = line == "<!-- needs Pods -->";
    }
    blocks
}

#[test]
fn the_commands_of_the_install_page_work() {
    let text = fs::read_to_string(root().join("docs/install.md")).unwrap();
    let commands = commands(&text);
    assert_eq!(commands.len(), 7, "{commands:#?}");
    for with in Helm::BOTH {
        let cluster = Cluster::own();
        for command in &commands {
            let mut shell = Command::new("bash");
            cluster.prepare(&mut shell);
            let path = shell.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, it)| it);
            let helm = with.program().parent().unwrap().display().to_string();
            let path = format!("{helm}:{}", path.unwrap().to_str().unwrap());
            shell.env("PATH", path).current_dir(root()).args(["-euo", "pipefail", "-c", command]);
            let ran = finished(shell, b"");
            assert_eq!(ran.code, Some(0), "{with:?} {command}: {}{}", ran.stdout, ran.stderr);
        }
        assert_eq!(left(&cluster), "persistentvolumeclaim/concordat-store\n");
        cluster.wait(
            "msp-helpdesk",
            "rolebinding/acceptors",
            "jsonpath={.roleRef.kind}=ClusterRole",
        );
    }
}
