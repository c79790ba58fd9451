//! The commands of the documents that need a cluster print what the documents say.
//!
//! Never: a cluster that has more than the document says.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{
    BOUNDARY,
    scene::{Scene, TEAM},
};
use crate::{
    cluster::{Cluster, program},
    documents::{Blocks, lasting, replayed, with_examples},
    operator::{Operator, until},
    program::{BINARY, Place, assert_file, root},
};

/// `kubectl` finds the cluster, and `concordat` is on the path.
fn prepare(cluster: &Cluster, place: &Place, shell: &mut Command) {
    cluster.prepare(shell);
    let path = shell.get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, it)| it);
    let own = Path::new(BINARY).parent().unwrap().display();
    let path = format!("{own}:{}", path.unwrap().to_str().unwrap());
    shell.env("PATH", path).current_dir(place.path());
}

fn holds(document: &str, cluster: &Cluster, place: &Place) {
    let path = root().join(document);
    let text = fs::read_to_string(&path).unwrap();
    let replayed = replayed(&text, Blocks::OnACluster, |shell| prepare(cluster, place, shell));
    if lasting(&text) != lasting(&replayed) {
        assert_file(&path, &replayed);
    }
}

#[test]
fn the_readme_shows_what_a_developer_sees_on_a_cluster() {
    let cluster = Cluster::own();
    cluster.install_definitions();
    let place = with_examples();
    let store = format!("sqlite:{}", place.path().join("operator.db").display());
    let _operator = Operator::start(&cluster, &cluster.kubeconfig(), &store, &[]);
    holds("README.md", &cluster, &place);
}

#[test]
fn the_page_of_the_operator_shows_what_a_team_sees() {
    let mut scene = Scene::new();
    scene.start_the_operator();
    let place = with_examples();
    let boundary = BOUNDARY.replace("count: 3", "count: 1");
    let boundary = scene.file("boundary.yaml", &boundary).display().to_string();
    super::stored(&scene, &boundary);
    let quickstart = place.path().join("examples/quickstart").display().to_string();
    for file in ["offer", "relationship", "acceptance", "grants"] {
        super::stored(&scene, &format!("{quickstart}/{file}.yaml"));
    }
    for grant in ["rolegrant/first-line", "rolegrant/second-line"] {
        scene.cluster.wait(TEAM, grant, "condition=InForce");
    }
    scene.cluster.wait(TEAM, "partnerrelationship/fabrikam", "condition=Ready");
    holds("docs/operator.md", &scene.cluster, &place);
}

/// A program that is asked to stop, and waited for, whatever happens.
struct Running(Child);

impl Running {
    fn start(command: &mut Command, place: &Place) -> Self {
        let (out, error) = (place.path().join("out"), place.path().join("error"));
        command.stdin(Stdio::null());
        command.stdout(File::create(out).unwrap()).stderr(File::create(error).unwrap());
        Self(command.spawn().unwrap())
    }

    fn stop(&mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Its id may be another's once it was waited for.
        if self.0.try_wait().unwrap().is_none() {
            self.stop();
        }
    }
}

/// Without what `cargo` tells the programs that it runs: some crates are built anew wherever that differs.
fn as_from_a_shell(command: &mut Command) {
    let of_cargo =
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if of_cargo.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(&*name);
        }
    }
}

#[test]
fn the_cluster_and_the_operator_of_the_readme_start_as_they_stand_there() {
    let text = fs::read_to_string(root().join("README.md")).unwrap();
    let line = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start));
        let line = line.unwrap_or_else(|| panic!("the README has no `{start}`"));
        line.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    let (cluster, operator) = (line("cargo cluster"), line("cargo run -- operator"));
    let (shown, ran) = (Place::new(), Place::new());
    let said =
        |place: &Place, file: &str| fs::read_to_string(place.path().join(file)).unwrap_or_default();
    // What it is built from may have to be built anew, which takes as long as it takes.
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "--example", "cluster"]).current_dir(root());
    as_from_a_shell(&mut build);
    assert!(build.status().unwrap().success());
    let mut command = Command::new(env!("CARGO"));
    command.args(&cluster[1..]).current_dir(root());
    as_from_a_shell(&mut command);
    let mut control_plane = Running::start(&mut command, &shown);
    let kubeconfig = until("the cluster is there", || {
        let text = said(&shown, "out");
        let (_, path) = text.split_once("export KUBECONFIG=")?;
        path.lines().next().filter(|_| text.ends_with('\n')).map(str::to_owned)
    });
    let mut command = Command::new(BINARY);
    ran.prepare(&mut command);
    command.args(&operator[3..]).args(["--listen", "127.0.0.1:0"]).env("KUBECONFIG", &kubeconfig);
    let mut begun = Running::start(&mut command, &ran);
    until("the operator begins", || {
        said(&ran, "error").contains("the operator begins").then_some(())
    });
    let mut kubectl = Command::new(program("kubectl"));
    kubectl.args(["create", "namespace", "concordat-system", "--kubeconfig", &kubeconfig]);
    assert!(kubectl.output().unwrap().status.success());
    until("the operator leads", || {
        said(&ran, "error").contains("this replica leads").then_some(())
    });
    assert_eq!(begun.stop(), Some(0), "{}", said(&ran, "error"));
    control_plane.stop();
    assert!(!Path::new(&kubeconfig).exists(), "nothing is left behind");
}
