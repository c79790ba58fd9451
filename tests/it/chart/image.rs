//! What the image holds, run in an empty root by the user that the chart names.
//!
//! Never: a library, a device or a shell of this machine.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::program::{BINARY, Place, Ran, finished, root};

/// The root of the image with this run's program in it.
fn laid_out(place: &Place) -> PathBuf {
    let folder = place.path().join("image");
    let mut script = Command::new(root().join(".ci/image"));
    script.arg(BINARY).arg(&folder);
    let ran = finished(script, b"");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    folder
}

/// Runs the program with nothing but the image around it, as the user that the chart names.
fn run(image: &Path, words: &[&str]) -> Ran {
    let mut id = Command::new("id");
    id.arg("-u");
    let root = finished(id, b"").stdout.trim() == "0";
    let mut command = Command::new(if root { "env" } else { "sudo" });
    if !root {
        command.arg("--non-interactive");
    }
    command.args(["chroot", "--userspec=65532:65532"]);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.arg(image).arg("/usr/bin/concordat").args(words);
    finished(command, b"")
}

fn files(folder: &Path, below: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, below, found);
        } else {
            found.insert(format!("/{}", path.strip_prefix(below).unwrap().display()));
        }
    }
}

#[test]
fn the_image_holds_the_program_its_libraries_and_certificates_and_that_is_enough() {
    let place = Place::new();
    let image = laid_out(&place);
    let mut found = BTreeSet::new();
    files(&image, &image, &mut found);
    println!("{} files: {found:?}", found.len());
    let (libraries, others): (Vec<_>, Vec<_>) =
        found.iter().partition(|path| path.contains(".so") && path.contains("/lib"));
    assert!(libraries.len() <= 5, "{libraries:?}");
    assert_eq!(others, ["/etc/ssl/certs/ca-certificates.crt", "/usr/bin/concordat"]);

    let store = "sqlite:/var/lib/concordat/concordat.db";
    let volume = image.join("var/lib/concordat");
    // A Pod's volume is made writable for its group.
    fs::set_permissions(&volume, Permissions::from_mode(0o777)).unwrap();
    for name in ["offer", "relationship"] {
        let file = root().join("examples/quickstart").join(name).with_extension("yaml");
        fs::copy(file, volume.join(name).with_extension("yaml")).unwrap();
    }
    let applied = run(&image, &["apply", "-f", "/var/lib/concordat", "--store", store]);
    assert_eq!(applied.code, Some(0), "{}{}", applied.stdout, applied.stderr);
    assert!(volume.join("concordat.db").is_file());
    let verified = run(&image, &["ledger", "verify", "--store", store]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);

    // Everything but the volume and /tmp is another's.
    let elsewhere = run(&image, &["apply", "-f", "/var/lib/concordat", "--store", "sqlite:/a.db"]);
    assert_eq!(elsewhere.code, Some(2), "{}{}", elsewhere.stdout, elsewhere.stderr);
}
