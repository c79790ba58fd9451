//! From manifests to what is desired: the schema's verdict on each object, then every rule over all of them.
//!
//! Never: stops at the first problem.

use std::mem;

use jiff::Timestamp;

use super::{ExitStatus, InputArgs, Output, input};
use crate::{
    domain::{
        catalogue::Catalogue,
        problem::{Problem, Severity},
        state::{Absence, Desired},
        validate::{self, Objects, Verdict},
    },
    manifest::Input,
};

/// What the manifests say, and everything that is wrong with them.
pub struct Loaded {
    /// The documents, which know their places.
    pub input: Input,
    /// What is desired, as far as it can be told.
    pub desired: Desired,
    /// Every problem, in order of place.
    pub problems: Vec<Problem>,
}

/// Reads and validates everything that was named. The objects, as they were written, are for who asks for them.
pub fn load(
    args: &InputArgs,
    absence: Absence,
    now: Timestamp,
    out: &mut Output,
) -> anyhow::Result<(Loaded, Objects)> {
    let (input, objects, mut problems) = input::read(args, absence, out)?;
    let Verdict { desired, problems: found } =
        validate::validate(&objects, Catalogue::compiled(), now);
    problems.extend(input.problems.iter().cloned());
    problems.extend(found);
    input.locate(&mut problems);
    sort(&mut problems);
    Ok((Loaded { input, desired, problems }, objects))
}

/// Sorts problems by their places.
pub fn sort(problems: &mut [Problem]) {
    problems.sort_by(|a, b| {
        let order = |problem: &Problem| {
            let place = problem.place.clone();
            (place, problem.path.clone(), problem.code, problem.message.clone())
        };
        order(a).cmp(&order(b))
    });
}

impl Loaded {
    /// Whether anything is wrong that forbids going on.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
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
