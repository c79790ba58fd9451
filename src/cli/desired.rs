//! From manifests to what is desired: the schema's verdict on each object, then every rule over all of them.
//!
//! Never: stops at the first problem.

use std::mem;

use jiff::Timestamp;

use super::{BoundaryArgs, ExitStatus, InputArgs, Output, input, workspace::Workspace};
use crate::{
    domain::{
        catalogue::Catalogue,
        problem::{Problem, Severity},
        state::{Absence, Desired},
        validate::{self, Objects, Verdict},
    },
    manifest::Input,
    render::Format,
};

/// What the manifests say, and everything that is wrong with them.
pub struct Loaded {
    /// The documents, which know their places.
    pub input: Input,
    /// What is desired, as far as it can be told.
    pub desired: Desired,
    /// Every problem, in order of place.
    pub problems: Vec<Problem>,
    /// Where a build server finds the files, once it is asked for.
    workspace: Option<Workspace>,
}

/// Reads and validates everything that was named, within the boundaries that are `trusted` where any are. The objects, as they were written, are for who asks for them.
pub fn load(
    args: &InputArgs,
    trusted: &BoundaryArgs,
    absence: Absence,
    now: Timestamp,
    out: &mut Output,
) -> anyhow::Result<(Loaded, Objects)> {
    let (input, mut objects, mut problems) = input::read(args, absence, out)?;
    problems.extend(trusted.put(&mut objects, now)?);
    let Verdict { desired, problems: found } =
        validate::validate(&objects, Catalogue::compiled(), now);
    problems.extend(input.problems.iter().cloned());
    problems.extend(found.into_iter().filter(|problem| !trusted.have_told(problem)));
    problems.extend(trusted.unbounded(&desired, &input));
    problems.extend(trusted.elsewhere(&input));
    input.locate(&mut problems);
    sort(&mut problems);
    Ok((Loaded::new(input, desired, problems), objects))
}

/// Sorts problems by their places.
pub fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        let by_place = a.place.cmp(&b.place).then_with(|| a.path.cmp(&b.path));
        by_place.then_with(|| a.code.cmp(&b.code)).then_with(|| a.message.cmp(&b.message))
    });
}

impl Loaded {
    /// What was read, and everything that is wrong with it.
    pub fn new(input: Input, desired: Desired, problems: Vec<Problem>) -> Self {
        Self { input, desired, problems, workspace: None }
    }

    /// Names the files as whoever reads this form knows them.
    pub fn name_files_for(&mut self, format: Format, args: &InputArgs) {
        self.workspace = Workspace::of(format, args);
        if let Some(workspace) = &self.workspace {
            workspace.place(&mut self.problems);
        }
    }

    /// Gives each of these the place of the document that it is about.
    pub fn locate(&self, problems: &mut [Problem]) {
        self.input.locate(problems);
        if let Some(workspace) = &self.workspace {
            workspace.place(problems);
        }
    }

    /// The name of the first file.
    pub fn first(&self) -> String {
        Workspace::first(self.workspace.as_ref(), &self.input)
    }

    /// Whether anything is wrong that forbids going on.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Speaks for more namespaces than the input has objects in: what they own is absent.
    pub fn speak_for(&mut self, namespaces: &[String]) {
        let names = namespaces.iter().map(|name| name.as_str().into());
        self.desired.namespaces.extend(names);
    }

    /// Leaves the memory to the end of the process, which is near. Giving it back piece by piece takes longer.
    pub fn forget(self) {
        mem::forget(self);
    }

    /// What the problems alone say of the answer.
    pub fn status(&self) -> ExitStatus {
        if self.has_errors() { ExitStatus::No } else { ExitStatus::AsDesired }
    }
}
