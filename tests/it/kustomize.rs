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
    let boundaries = root().join("examples/gitops/boundaries").display().to_string();
    let checked = with_kustomize(&place, &["validate", "-k", &folder, "--boundary", &boundaries]);
    assert_eq!(
        (checked.code, checked.stdout.as_str()),
        (Some(0), "no problems\n"),
        "{}",
        checked.stderr
    );
    let with = ["-k", &folder, "--boundary", &boundaries, "--prune"];
    let diff = with_kustomize(&place, &[&["diff"], &with[..], &["-o", "markdown"]].concat());
    assert_eq!(diff.code, Some(1), "{}", diff.stderr);
    assert_file(&root().join("examples/gitops/expected.md"), &diff.stdout);
    let applied = with_kustomize(&place, &[&["apply"], &with[..]].concat());
    assert_eq!(applied.code, Some(0), "{}", applied.stderr);
}

#[test]
fn names_that_kustomize_changes_are_changed_in_references_too() {
    let place = Place::new();
    for name in ["base", "customers"] {
        for entry in std::fs::read_dir(root().join("examples/gitops").join(name)).unwrap() {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_str().unwrap();
            place.write(&format!("{name}/{file}"), std::fs::read(&path).unwrap());
        }
    }
    let named = "apiVersion: concordat.dev/v1alpha1\nkind: RoleGrant\nmetadata: {name: one}\nspec:\n  \
                 relationshipRef: {name: fabrikam}\n  grantee: {securityGroup: {id: \
                 2a2a2a2a-1111-4222-8333-444444444444, displayName: One}}\n  roles: [Message Center Reader]\n";
    place.write("prod/one.yaml", named);
    let overlay = "resources: [../customers, one.yaml]\nnamespace: partners\nnamePrefix: prod-\nnameSuffix: -eu\n";
    place.write("prod/kustomization.yaml", overlay);
    let checked = with_kustomize(&place, &["validate", "-k", "prod"]);
    let answer = (checked.code, checked.stdout.as_str());
    assert_eq!(answer, (Some(0), "no problems\n"), "{}", checked.stderr);

    // Without the configuration the way out names what kustomize made of the name.
    place.write("base/kustomization.yaml", "resources: [offer.yaml]\n");
    let told = with_kustomize(&place, &["validate", "-k", "prod"]).stdout;
    assert!(told.contains("there is `prod-managed-services-2026-eu`"), "{told}");
    assert!(told.contains("`configurations` of `examples/gitops`"), "{told}");
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
