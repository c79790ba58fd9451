//! Programs built from Go modules: what a module's `go.sum` pins, built once and kept under `target/tools`.
//!
//! Never: a program that somebody else built, nor one of an older `go.sum`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use sha2::{Digest, Sha256};

/// A module below `tests/cluster` and the programs that are wanted of it.
#[derive(Debug)]
pub struct Module {
    /// What is built, for people.
    pub name: &'static str,
    /// Its folder, from the root of the checkout.
    pub folder: &'static str,
    /// Each program's name, and its package.
    pub programs: &'static [(&'static str, &'static str)],
    /// What the linker is told besides `-s -w`.
    pub linker: &'static str,
    /// How long a first build takes on two cores.
    pub takes: &'static str,
}

/// Helm 4.
pub const HELM: Module = Module {
    name: "helm",
    folder: "tests/cluster/helm",
    programs: &[("helm", "helm.sh/helm/v4/cmd/helm")],
    linker: "",
    takes: "some minutes",
};

/// Judges manifests by schemas alone.
pub const KUBECONFORM: Module = Module {
    name: "kubeconform",
    folder: "tests/cluster/kubeconform",
    programs: &[("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform")],
    linker: "",
    takes: "half a minute",
};

/// Reads a status as the tools of the field do.
pub const KSTATUS: Module = Module {
    name: "kstatus",
    folder: "tests/cluster/kstatus",
    programs: &[("kstatus", ".")],
    linker: "",
    takes: "a minute",
};

/// Kustomize 5.
pub const KUSTOMIZE: Module = Module {
    name: "kustomize",
    folder: "tests/cluster/kustomize",
    programs: &[("kustomize", "sigs.k8s.io/kustomize/kustomize/v5")],
    linker: "",
    takes: "a minute",
};

impl Module {
    /// The folder in which the programs are, and nothing else. Tests that run at the same time build once.
    pub fn built(&self) -> PathBuf {
        let tools = root().join("target/tools");
        let folder = tools.join(format!("{}-{}", self.name, self.fingerprint()));
        if folder.is_dir() {
            return folder;
        }
        fs::create_dir_all(&tools).unwrap();
        let lock = File::create(tools.join(format!("{}.lock", self.name))).unwrap();
        lock.lock().unwrap();
        if !folder.is_dir() {
            self.build(&folder);
        }
        folder
    }

    /// The path of the module's only program.
    pub fn program(&self) -> PathBuf {
        let [(name, _)] = self.programs else { panic!("`{}` has several programs", self.name) };
        self.built().join(name)
    }

    fn build(&self, folder: &Path) {
        // Straight to the terminal: the harness would keep `eprintln!` back until the test ends.
        let said = format!("building {} from source, which takes {}\n", self.name, self.takes);
        std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes()).unwrap();

        let unfinished = folder.with_extension("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).unwrap();
        let mut go = Command::new("go");
        go.current_dir(root().join(self.folder)).env("CGO_ENABLED", "0").env("GOWORK", "off");
        go.args(["build", "-trimpath", "-buildvcs=false", "-o"]).arg(&unfinished);
        go.arg(format!("-ldflags=-s -w {}", self.linker));
        go.args(self.programs.iter().map(|(_, package)| *package));
        let built = go.status().unwrap_or_else(|error| {
            panic!(
                "`go` cannot be run ({error}): these tests build {} from source; install Go 1.26 \
                 or later (https://go.dev/dl) and put it on PATH",
                self.name
            )
        });
        assert!(built.success(), "`go build` of {} failed: its errors stand above", self.name);
        for (name, package) in self.programs {
            let as_built = unfinished.join(file_name(package));
            if as_built.is_file() {
                fs::rename(as_built, unfinished.join(name)).unwrap();
            }
            assert!(unfinished.join(name).is_file(), "{package} gave no `{name}`");
        }
        fs::rename(&unfinished, folder).unwrap();
    }

    /// Changes with whatever changes the programs.
    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let folder = root().join(self.folder);
        let mut files: Vec<_> = fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|it| ["go", "mod", "sum"].map(Into::into).contains(&it.to_owned()))
            })
            .collect();
        files.sort();
        for file in files {
            hash.update(fs::read(file).unwrap());
            hash.update([0]);
        }
        for (name, package) in self.programs {
            hash.update(format!("{name} {package} {}\0", self.linker));
        }
        hex::encode(&hash.finalize()[..6])
    }
}

/// What Go calls the program of a package: the last part of its path that is not a version.
fn file_name(package: &str) -> &str {
    let is_version =
        |part: &&str| part.strip_prefix('v').is_some_and(|rest| rest.parse::<u32>().is_ok());
    package.rsplit('/').find(|part| !is_version(part)).expect("a path has a part")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
