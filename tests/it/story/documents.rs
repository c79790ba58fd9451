//! The commands of the documents that need a cluster print what the documents say.
//!
//! Never: a cluster that has more than the document says.

use std::{fs, path::Path, process::Command};

use super::{
    BOUNDARY,
    scene::{Scene, TEAM},
};
use crate::{
    cluster::Cluster,
    documents::{Blocks, lasting, replayed, with_examples},
    operator::Operator,
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
