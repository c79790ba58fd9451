//! A control plane to try things by hand: `cargo cluster` runs until Ctrl-C and leaves nothing behind.
//!
//! Never: a cluster that anybody else can reach; it listens on this machine only.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a developer's tool shares the tests' cluster"
)]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../it/cluster/mod.rs"]
mod cluster;

use std::{fs, path::Path};

/// Where the kubeconfig is while the cluster runs, whichever cluster it is.
const KUBECONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/kubeconfig");

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let cluster = cluster::Cluster::own();
    cluster.install_definitions();
    let kubectl = cluster::program("kubectl");
    fs::create_dir_all(Path::new(KUBECONFIG).parent().expect("it is in `target`")).unwrap();
    fs::copy(cluster.kubeconfig(), KUBECONFIG).unwrap();

    eprintln!("the API server is at {}, with the custom resource definitions", cluster.url());
    eprintln!("kubectl of the same version: {}", kubectl.display());
    eprintln!("in another terminal, until Ctrl-C here:\n");
    println!("export KUBECONFIG={KUBECONFIG}");

    // Whatever ends it, the cluster goes too; only the copy of the kubeconfig would stay.
    let mut terminated =
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.unwrap(),
        _ = terminated.recv() => {}
    }
    fs::remove_file(KUBECONFIG).unwrap();
}
