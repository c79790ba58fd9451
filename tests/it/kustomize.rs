//! The example of a `GitOps` layout, built by the real `kustomize` and piped into the real program.
//!
//! Never: what `kustomize` prints, imitated.

use crate::{
    cluster::go::KUSTOMIZE,
    program::{Place, assert_file, finished, root},
};

fn with_kustomize(place: &Place, words: &[&str]) -> crate::program::Ran {
    let mut command = place.command(words);
    let path = format!("{}:/usr/bin:/bin", KUSTOMIZE.built().display());
    command.env("PATH", path);
    finished(command, b"")
}

#[test]
fn the_gitops_layout_is_built_checked_and_applied() {
    let place = Place::new();
    let folder = root().join("examples/gitops/customers").display().to_string();
    let checked = with_kustomize(&place, &["validate", "-k", &folder]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), "no problems\n"),
        "{}",
        checked.stderr
    );
    let diff = with_kustomize(&place, &["diff", "-k", &folder, "-o", "markdown"]);
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    assert_file(&root().join("examples/gitops/expected.md"), &diff.stdout);
    let applied = with_kustomize(&place, &["apply", "-k", &folder, "--prune"]);
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
}

#[test]
fn a_folder_that_kustomize_cannot_build_could_not_be_told() {
    let place = Place::new();
    let ran = with_kustomize(&place, &["diff", "-k", "no-such-folder"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("`kustomize build no-such-folder` failed"), "{}", ran.stderr);
}

#[test]
fn without_kustomize_or_kubectl_the_way_out_is_told() {
    let place = Place::new();
    let mut command = place.command(&["diff", "-k", "anything"]);
    command.env("PATH", place.path());
    let ran = finished(command, b"");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("needs `kustomize` or `kubectl` on the PATH"), "{}", ran.stderr);
}
