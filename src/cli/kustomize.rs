//! `-k`: what `kustomize` builds of a folder, once it is known that it takes in nothing but what was reviewed.
//!
//! Never: something fetched from elsewhere, a program that `kustomize` would start, or a file behind a link that leads
//! out of its folder.

mod fields;

use std::{
    collections::BTreeSet,
    env,
    ffi::OsStr,
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Component, Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context, bail};
use serde_json::{Map, Value};

use crate::{domain::problem::Code, manifest, render::escape, store::url::may_hold_secret};

/// How the file of a kustomization may be called.
pub(super) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// A kustomization that takes something in from elsewhere.
pub const FROM_ELSEWHERE: Code = Code(820);

/// What `kustomize build` prints for a folder.
///
/// # Errors
/// Where the folder takes in something from elsewhere, or cannot be built.
pub fn build(folder: &str) -> anyhow::Result<Vec<u8>> {
    let Some((program, words)) = program() else {
        bail!("`-k` needs `kustomize` or `kubectl` on the PATH; or pipe its output into `-f -`")
    };
    let called = format!("{words} {folder}");
    let root = fs::canonicalize(folder).with_context(|| format!("`{called}` failed"))?;
    let mut review = Review::of(&root);
    review.folder(&root);
    if !review.found.is_empty() {
        bail!(
            "`{folder}` takes in what was not reviewed with it [{FROM_ELSEWHERE}]\n{}\n  help: put a copy into the \
             checkout; `concordat explain {FROM_ELSEWHERE}` says what may be taken in",
            review.found.join("\n")
        );
    }
    let mut command = Command::new(&program);
    command.args(words.split(' ').skip(1)).arg(&root);
    // No program on the PATH, and a proxy that nobody is: whatever would fetch something all the same fails.
    command.env_clear().env("PATH", "");
    command.envs(["HTTP_PROXY", "HTTPS_PROXY"].map(|name| (name, "http://127.0.0.1:9")));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("`{words}` cannot be run"))?;
    let errors = child.stderr.take().map(|stderr| {
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.take(64 * 1024).read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        })
    });
    let built = child.stdout.take().map(manifest::standard_input).transpose();
    let status = child.wait().with_context(|| format!("`{words}` cannot be run"))?;
    let errors = errors.and_then(|errors| errors.join().ok()).unwrap_or_default();
    if !status.success() {
        bail!("`{called}` failed: {}", errors.trim());
    }
    Ok(built.with_context(|| format!("`{called}` failed"))?.unwrap_or_default())
}

/// Where `kustomize` or `kubectl` is, and how it is called. A relative folder on the PATH may be a stranger's.
fn program() -> Option<(PathBuf, &'static str)> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> =
        env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    let runs = |path: &PathBuf| {
        fs::metadata(path)
            .is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    ["kustomize build", "kubectl kustomize"].into_iter().find_map(|words| {
        let name = words.split(' ').next().unwrap_or_default();
        folders.iter().map(|folder| folder.join(name)).find(runs).map(|path| (path, words))
    })
}

/// What a kustomization and all those that it takes in would read.
#[derive(Debug)]
struct Review {
    /// The folder that was named, without links.
    root: PathBuf,
    /// The checkout that it lies in, where it lies in one.
    checkout: Option<PathBuf>,
    seen: BTreeSet<PathBuf>,
    found: Vec<String>,
}

/// What a text of a kustomization may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A file, or a folder with a kustomization of its own.
    FileOrFolder,
    /// A file.
    File,
    /// A file that says which transformation is made.
    Plugin,
}

impl Review {
    fn of(root: &Path) -> Self {
        let checkout = root.ancestors().find(|folder| folder.join(".git").exists());
        let checkout = checkout.map(Path::to_owned);
        Self { root: root.to_owned(), checkout, seen: BTreeSet::new(), found: Vec::new() }
    }

    /// Every kustomization of a folder, which has one.
    fn folder(&mut self, folder: &Path) {
        if !self.seen.insert(folder.to_owned()) {
            return;
        }
        for name in NAMES {
            let file = folder.join(name);
            let Ok(about) = fs::metadata(&file) else { continue };
            if !about.is_file() {
                self.refuse(folder, &format!("`{name}`"), "it is not a file");
            } else if self.lies_here(folder, name, &file) {
                for fields in self.documents(&file) {
                    self.kustomization(folder, &file, &fields);
                }
            }
        }
    }

    fn kustomization(&mut self, folder: &Path, file: &Path, fields: &Map<String, Value>) {
        self.fields(folder, file, fields, &[fields::KUSTOMIZATION]);
    }

    /// Every field, each of which must be one of those that are known.
    fn fields(
        &mut self,
        folder: &Path,
        file: &Path,
        fields: &Map<String, Value>,
        known: &[&[fields::Field]],
    ) {
        for (key, value) in fields {
            match known.iter().find_map(|known| fields::value(known, key)) {
                Some(holds) => self.value(folder, file, key, value, holds),
                None => self.refuse(
                    file,
                    &format!("`{}`", shown(key)),
                    "no field that is spelled like this is supported here",
                ),
            }
        }
    }

    fn value(
        &mut self,
        folder: &Path,
        file: &Path,
        key: &str,
        value: &Value,
        holds: fields::Value,
    ) {
        match (holds, value) {
            (fields::Value::Words, _) => {}
            (fields::Value::FileOrFolder, _) => self.all(folder, file, value, Names::FileOrFolder),
            (fields::Value::Files, _) => self.all(folder, file, value, Names::File),
            (fields::Value::Plugins, _) => self.all(folder, file, value, Names::Plugin),
            (_, Value::Array(items)) => {
                for item in items {
                    self.value(folder, file, key, item, holds);
                }
            }
            (fields::Value::Fields(known), Value::Object(fields)) => {
                self.fields(folder, file, fields, &[known]);
            }
            (fields::Value::Text, Value::Object(_)) => {
                self.refuse(file, &format!("`{}`", shown(key)), "a text stands there, no mapping");
            }
            // `kustomize` says that a mapping stands there.
            (fields::Value::Fields(_) | fields::Value::Text, _) => {}
        }
    }

    /// Each text of a list, or the one text.
    fn all(&mut self, folder: &Path, file: &Path, value: &Value, names: Names) {
        match value {
            Value::String(text) => self.named(folder, file, text, names),
            Value::Array(items) => {
                for item in items {
                    self.all(folder, file, item, names);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
            Value::Object(_) => {
                self.refuse(file, "a mapping", "a file or folder is named by a text");
            }
        }
    }

    /// A text that names a file or folder, or is what would stand in the file.
    fn named(&mut self, folder: &Path, file: &Path, text: &str, names: Names) {
        if names != Names::FileOrFolder
            && let Some(documents) = written_out(text)
        {
            if names == Names::Plugin {
                for fields in &documents {
                    self.plugin(folder, file, fields);
                }
            }
            return;
        }
        // A generator takes `key=file`.
        let file_of = text.split_once('=').filter(|_| names == Names::File);
        let named = file_of.map_or(text, |(_, file)| file);
        if let Some(reason) = elsewhere(text).or_else(|| elsewhere(named)) {
            return self.refuse(file, &format!("`{}`", shown(text)), reason);
        }
        let path = folder.join(named);
        if !self.lies_here(folder, named, file) {
            return;
        }
        match (fs::canonicalize(&path), names) {
            (Ok(real), Names::FileOrFolder) if real.is_dir() => self.folder(&real),
            (Ok(real), _) if real.is_file() => {
                if names == Names::Plugin {
                    for fields in self.documents(&real) {
                        self.plugin(folder, &real, &fields);
                    }
                }
            }
            (Ok(_), _) => {
                self.refuse(
                    file,
                    &format!("`{}`", shown(text)),
                    "it is not a file that can be taken in here",
                );
            }
            // `kustomize` says that it is not there.
            (Err(_), _) => {}
        }
    }

    /// A transformation that is built into `kustomize` and starts no program.
    fn plugin(&mut self, folder: &Path, file: &Path, fields: &Map<String, Value>) {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let annotated = fields.get("metadata").and_then(|metadata| metadata.get("annotations"));
        let built_in = fields::of_plugin(text("kind"))
            .filter(|_| text("apiVersion") == "builtin" && annotated.is_none());
        if let Some(known) = built_in {
            self.fields(folder, file, fields, &[fields::OF_EACH_PLUGIN, known]);
        } else {
            let kind = format!("the plugin `{}`", shown(text("kind")));
            self.refuse(file, &kind, "it may start a program or fetch something");
        }
    }

    /// Whether a name leads to something in the checkout, and by a link only to something in the folder itself or in
    /// the folder that was named.
    fn lies_here(&mut self, folder: &Path, name: &str, file: &Path) -> bool {
        let Ok(real) = fs::canonicalize(folder.join(name)) else { return true };
        let linked = real != plain(&folder.join(name));
        let reason = if linked && !real.starts_with(folder) && !real.starts_with(&self.root) {
            "it is a link that leads out of the folder"
        } else if self.checkout.as_ref().is_some_and(|checkout| !real.starts_with(checkout)) {
            "it lies outside of the checkout"
        } else if real.iter().any(|part| part == OsStr::new(".git")) {
            "it belongs to git"
        } else {
            return true;
        };
        self.refuse(file, &format!("`{}`", shown(name)), reason);
        false
    }

    /// The mappings in a file.
    fn documents(&mut self, file: &Path) -> Vec<Map<String, Value>> {
        let read = fs::File::open(file).and_then(manifest::standard_input);
        let text = read.ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let documents = text.as_deref().and_then(mappings);
        if documents.is_none() {
            self.refuse(file, "something", "the file is not understood");
        }
        documents.unwrap_or_default()
    }

    fn refuse(&mut self, file: &Path, what: &str, reason: &str) {
        let file = file.strip_prefix(&self.root).unwrap_or(file).display().to_string();
        self.found.push(format!("  `{}` takes in {what}: {reason}", escape::visible(&file)));
    }
}

/// The documents of a text, each a mapping. A tag can make another text of one, `!!binary`, and none needs it.
fn mappings(text: &str) -> Option<Vec<Map<String, Value>>> {
    let tagged = ["!!", "!<", "%TAG"].iter().any(|tag| text.contains(tag));
    if tagged { None } else { manifest::mappings(text) }
}

/// What is written out in place of the name of a file: objects with a kind, on lines of their own.
fn written_out(text: &str) -> Option<Vec<Map<String, Value>>> {
    let written = text.trim_end().contains('\n') || text.trim_start().starts_with('{');
    let objects = mappings(text).filter(|_| written)?;
    objects.iter().all(|fields| fields.get("kind").is_some_and(Value::is_string)).then_some(objects)
}

/// Why a text is, or may be taken for, the name of something that is fetched.
fn elsewhere(text: &str) -> Option<&'static str> {
    let first = text.split('/').next().unwrap_or_default();
    let host = ["github.com", "gitlab.com", "bitbucket.org"];
    if text.contains([':', '?', '@', '\\'])
        || text.contains("//")
        || text.contains(char::is_control)
        || host.iter().any(|host| first.eq_ignore_ascii_case(host))
    {
        return Some("only files and folders of the checkout may be taken in");
    }
    Path::new(text)
        .is_absolute()
        .then_some("only names that begin at the kustomization may be taken in")
}

/// A path without `.` and `..`, as it is written.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => plain.push(part),
        }
    }
    plain
}

/// A text of a kustomization, on one line, without a password.
fn shown(text: &str) -> String {
    const LONGEST: usize = 120;
    let text = text.lines().next().unwrap_or_default();
    let host = text.rsplit_once('@').map(|(_, host)| format!("…@{host}"));
    let text = match host {
        _ if !may_hold_secret(text) => text.to_owned(),
        Some(host) if !may_hold_secret(host.trim_start_matches("…@")) => host,
        Some(_) | None => "…".to_owned(),
    };
    escape::visible(&text.chars().take(LONGEST).collect::<String>()).into_owned()
}
