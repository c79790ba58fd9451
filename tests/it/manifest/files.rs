//! Files, folders, links and pipes: which are read, and which are an error.
//!
//! Never: a file that cannot be read taken for an empty one.

use std::{fs, path::Path};

use concordat::manifest::{self, Source, read};

use super::{OFFER, from, said};

#[test]
fn folders_are_read_in_order_with_hidden_ones_and_other_files_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, object: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, OFFER.replace("helpdesk", object)).unwrap();
    };
    write("b.yml", "b");
    write("a/z.json", "a-z");
    write("a/a.YAML", "a-a");
    write(".git/x.yaml", "hidden");
    write(".x.yaml", "hidden");
    write("notes.txt", "hidden");
    fs::write(folder.path().join("kustomization.yaml"), "resources: [b.yml]\n").unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("a/loop")).unwrap();
    let input = from(folder.path()).unwrap();
    assert_eq!(said(&input.problems), "");
    let names: Vec<_> = input.documents.iter().map(|document| &*document.key.name).collect();
    assert_eq!(names, ["a-a", "a-z", "b"]);
    assert_eq!(
        manifest::skipped_in_words(&input.skipped),
        "1 kustomize.config.k8s.io Kustomization"
    );
    let twice =
        [Source::Path(folder.path().to_owned()), Source::Path(folder.path().join("a/../b.yml"))];
    assert_eq!(read(&twice, "default").unwrap().documents.len(), 3);
    let chosen = from(&folder.path().join("notes.txt")).unwrap();
    assert_eq!(chosen.documents.len(), 1);
}

#[test]
fn what_cannot_be_read_is_an_error_and_each_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink(at("self.yaml"), at("self.yaml")).unwrap();
    std::os::unix::fs::symlink(at("nowhere"), at("dangling.yaml")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(at("pipe.yaml")).status().unwrap();
    assert!(pipe.success());
    let error =
        from(folder.path()).unwrap_err().replace(&folder.path().display().to_string(), "DIR");
    assert_eq!(
        error,
        "could not read `DIR/dangling.yaml`: it is a link to something that does not exist\n\
         could not read `DIR/pipe.yaml`: it is neither a file nor a folder (what comes from a pipe is read with `-f -`)\n\
         could not read `DIR/self.yaml`: too many levels of symbolic links"
    );
    for (path, reason) in [
        (at("missing.yaml"), "no such file or folder (names are relative to the current folder)"),
        (at("pipe.yaml"), "it is neither a file nor a folder"),
        (Path::new("/dev/zero").to_owned(), "it is neither a file nor a folder"),
        (at("pipe.yaml/x"), "not a directory"),
    ] {
        let error = from(&path).unwrap_err();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn a_file_or_folder_without_permission_is_an_error() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.yaml");
    fs::write(&path, OFFER).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same; everybody else must not take it for an empty file.
    match from(folder.path()) {
        Ok(input) => assert_eq!(input.documents.len(), 1),
        Err(error) => assert!(error.ends_with("permission denied"), "{error}"),
    }
}
