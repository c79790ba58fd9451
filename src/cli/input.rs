//! From what was typed to manifests: files, standard input, and what `kustomize` builds.
//!
//! Never: a folder that could not be read and looks empty.

use std::io;

use anyhow::{Context, bail};

use super::{InputArgs, Output, kustomize};
use crate::{
    domain::{problem::Problem, state::Absence, validate::Objects},
    manifest::{self, Input, Source},
    render::escape,
};

/// Reads everything that was named: the documents, the objects that they describe, and what the schemas refuse.
pub fn read(
    args: &InputArgs,
    absence: Absence,
    out: &mut Output,
) -> anyhow::Result<(Input, Objects, Vec<Problem>)> {
    let mut sources = Vec::new();
    for name in &args.filename {
        if name != "-" {
            sources.push(Source::Path(name.into()));
        } else if sources.iter().any(|source| matches!(source, Source::Stdin(_))) {
            bail!("`-f -` can be given once only");
        } else {
            let bytes = manifest::standard_input(io::stdin().lock())
                .context("standard input cannot be read")?;
            sources.push(Source::Stdin(bytes));
        }
    }
    if let Some(folder) = &args.kustomize {
        if sources.iter().any(|source| matches!(source, Source::Stdin(_))) {
            bail!("`-k` and `-f -` cannot be used together");
        }
        sources.push(Source::Stdin(kustomize::build(folder)?));
    }
    let (input, objects, problems) = manifest::read_objects(&sources, args.namespace(), absence)?;
    if !input.skipped.is_empty() {
        out.say(&format!("skipped: {}", manifest::skipped_in_words(&input.skipped)));
    }
    if !input.passed_over.is_empty() {
        out.say(&passed_over(&input.passed_over));
    }
    if input.documents.is_empty() && input.problems.is_empty() {
        bail!("no object of `{}` was found in {}", crate::api::GROUP, named(args));
    }
    Ok((input, objects, problems))
}

/// What was not read and may have been meant: what it describes counts as absent.
fn passed_over(files: &[String]) -> String {
    const NAMED: usize = 10;
    let mut names: Vec<String> =
        files.iter().take(NAMED).map(|file| format!("`{}`", escape::visible(file))).collect();
    if files.len() > NAMED {
        names.push(format!("{} more", files.len() - NAMED));
    }
    format!(
        "not read: {}; a file of a folder is read where its name ends in `.yaml`, `.yml` or `.json` \
         and does not begin with `.`",
        names.join(", ")
    )
}

fn named(args: &InputArgs) -> String {
    let shown = |name: &String| match name.as_str() {
        "-" => "standard input".to_owned(),
        name => format!("`{name}`"),
    };
    args.filename.iter().chain(&args.kustomize).map(shown).collect::<Vec<_>>().join(", ")
}
