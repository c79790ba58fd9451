//! Microsoft's own clients: what they read, write and accept, nobody here has made up.
//!
//! Never: a version that is not pinned, or a test that is left out because a tool is missing.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

use super::served::{Served, TENANT};
use crate::program::{finished, root};

/// The folder of what is installed for these tests, and what pins it.
fn folder() -> PathBuf {
    root().join("tests/it/emulator/strangers")
}

/// Installs once what some files pin, below `target/tools`, and gives where.
fn installed(name: &str, pins: &[&str], install: impl FnOnce(&Path)) -> PathBuf {
    let tools = root().join("target/tools");
    let mut hash = Sha256::new();
    for pin in pins {
        hash.update(fs::read(folder().join(pin)).unwrap());
    }
    let place = tools.join(format!("{name}-{}", hex::encode(&hash.finalize()[..6])));
    fs::create_dir_all(&tools).unwrap();
    let lock = File::create(tools.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    // An environment of Python knows its own path, so that it is not moved once it is made.
    let whole = place.join("whole");
    if !whole.is_file() {
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(&place).unwrap();
        let said = format!("installing {name} for Microsoft's clients, which takes a minute\n");
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();
        install(&place);
        File::create(whole).unwrap();
    }
    place
}

fn runs(command: &mut Command, way_out: &str) {
    let ran = command.output().unwrap_or_else(|error| panic!("{error}: {way_out}"));
    let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{way_out}\n{out}\n{err}");
}

fn python() -> PathBuf {
    let place = installed("graph-python", &["requirements.txt"], |place| {
        let way_out =
            "these tests run Microsoft's Python SDK: install Python 3.11 or later with `venv`";
        runs(Command::new("python3").args(["-m", "venv"]).arg(place), way_out);
        let mut pip = Command::new(place.join("bin/pip"));
        pip.args(["install", "--quiet", "--no-deps", "-r"]).arg(folder().join("requirements.txt"));
        runs(&mut pip, "the packages could not be installed");
    });
    place.join("bin/python")
}

fn node_modules() -> PathBuf {
    installed("graph-node", &["package.json", "package-lock.json"], |place| {
        for name in ["package.json", "package-lock.json"] {
            fs::copy(folder().join(name), place.join(name)).unwrap();
        }
        let mut npm = Command::new("npm");
        npm.current_dir(place).args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
        let way_out =
            "these tests run Microsoft's JavaScript client: install Node.js 20 or later with npm";
        runs(&mut npm, way_out);
    })
}

/// Runs a script against an emulator, and gives what it printed.
fn told(served: &Served, program: &Path, script: &str, words: &[&str], modules: &Path) -> String {
    let mut command = Command::new(program);
    command.arg(folder().join(script)).args(words);
    served.place.prepare(&mut command);
    command.env("EMULATOR", &served.url).env("MODULES", modules);
    command.env("CONTROL", served.control_token());
    command.env("NODE_EXTRA_CA_CERTS", served.place.path().join("emulator/ca.pem"));
    let ran = finished(command, b"");
    assert_eq!(ran.code, Some(0), "{script}: {}\n{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// What the compiler says of a file, if it says anything.
fn compiled(modules: &Path, file: &Path) -> Result<(), String> {
    let mut command = Command::new("node");
    command.current_dir(modules).arg("node_modules/typescript/bin/tsc");
    command.args(["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler"]);
    let ran = finished(
        {
            command.arg(file);
            command
        },
        b"",
    );
    if ran.code == Some(0) { Ok(()) } else { Err(ran.stdout) }
}

#[tokio::test]
async fn microsofts_own_clients_read_write_and_accept_everything() {
    let served = Served::new(&[]).await;
    let modules = node_modules();
    let python = python();
    let node = Path::new("node");
    let words = ["emulator", TENANT];
    let read = told(&served, &python, "reads.py", &words, &modules);
    assert!(read.contains("7 relationships and 2 customers were read"), "{read}");
    let written = told(&served, node, "writes.mjs", &words, &modules);
    assert!(written.contains("33 relationships were followed"), "{written}");

    let file = modules.join(format!("bodies-{}.ts", std::process::id()));
    let bodies = told(&served, node, "types.mjs", &[file.to_str().unwrap()], &modules);
    for kind in [
        "DelegatedAdminRelationship",
        "ResellerDelegatedAdminRelationship",
        "DelegatedAdminRelationshipRequest",
        "DelegatedAdminAccessAssignment",
        "DelegatedAdminRelationshipOperation",
        "DelegatedAdminCustomer",
        "DelegatedAdminServiceManagementDetail",
        "Group",
    ] {
        assert!(bodies.contains(kind), "{bodies}");
    }
    assert_eq!(compiled(&modules, &file), Ok(()));
    let wrong =
        "export const wrong: Graph.DelegatedAdminRelationship = {\"status\": \"frozen\"};\n";
    let text = fs::read_to_string(&file).unwrap() + wrong;
    fs::write(&file, text).unwrap();
    assert!(compiled(&modules, &file).unwrap_err().contains("frozen"));
    fs::remove_file(file).unwrap();
}
