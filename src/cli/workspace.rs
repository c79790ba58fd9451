//! Files as a build server names them: from the root of its workspace, wherever in it the program runs.
//!
//! Never: a file named otherwise where the answer is for people.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::{InputArgs, kustomize};
use crate::{
    domain::problem::{Place, Problem},
    manifest::Input,
    render::Format,
};

/// Where GitHub, GitLab and Azure DevOps say that the workspace is.
const ROOTS: [&str; 3] = ["GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY"];

/// A workspace, and where in it the program runs.
#[derive(Debug)]
pub struct Workspace {
    root: PathBuf,
    here: PathBuf,
    /// What stands for the output of `kustomize`, of which the workspace has no file.
    built: Option<String>,
}

impl Workspace {
    /// For the forms that build servers read: the workspace that one names, else the checkout, else the folder itself.
    pub fn of(format: Format, args: &InputArgs) -> Option<Self> {
        let here = if format.is_for_builds() { env::current_dir().ok()? } else { return None };
        let named = ROOTS.into_iter().filter_map(env::var_os).map(PathBuf::from);
        let mut named = named.filter_map(|root| fs::canonicalize(root).ok());
        let checkout = || here.ancestors().find(|folder| folder.join(".git").exists());
        let root = named.next().or_else(|| checkout().map(Path::to_owned));
        let built = args.kustomize.as_ref().map(|folder| {
            let folder = Path::new(folder);
            let found = kustomize::NAMES.into_iter().find(|name| folder.join(name).is_file());
            folder.join(found.unwrap_or(kustomize::NAMES[0])).display().to_string()
        });
        Some(Self { root: root.unwrap_or_else(|| here.clone()), here, built })
    }

    /// The name of the first file of the input.
    pub fn first(workspace: Option<&Self>, input: &Input) -> String {
        let first = input.first_file();
        workspace.map_or_else(|| first.to_owned(), |workspace| workspace.file(first))
    }

    /// The name of a file from the root; as a whole path where it lies elsewhere.
    pub fn file(&self, name: &str) -> String {
        let name = match (&self.built, name) {
            (Some(built), "-") => built,
            (None, "-") => return name.to_owned(),
            (_, name) => name,
        };
        let whole = kustomize::plain(&self.here.join(name));
        let real = || fs::canonicalize(&whole).ok();
        let inside = whole.strip_prefix(&self.root).map(Path::to_owned);
        let inside =
            inside.ok().or_else(|| Some(real()?.strip_prefix(&self.root).ok()?.to_owned()));
        inside.unwrap_or(whole).display().to_string()
    }

    /// Names the files of these problems so.
    pub fn place(&self, problems: &mut [Problem]) {
        for place in problems.iter_mut().filter_map(|problem| problem.place.as_mut()) {
            let file = self.file(&place.file);
            *place = if self.built.is_some() && place.file == "-" {
                Place { file, line: 1, column: 1 }
            } else {
                Place { file, ..place.clone() }
            };
        }
    }
}
