//! `concordat validate`: every problem at once, each with its place and a way out.
//!
//! Never: looks at a store.

use clap::Args;
use jiff::Timestamp;

use super::{
    BoundaryArgs, ExitStatus, InputArgs, Output, args::one_of, desired, workspace::Workspace,
};
use crate::{
    domain::{
        pages,
        problem::{Lines, Problem},
        state::Absence,
    },
    manifest::Input,
    render::{
        Answer, Format,
        problems::{self, Surroundings},
    },
};

/// What to validate.
#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub trusted: BoundaryArgs,
    /// The form of the answer.
    #[arg(short, long, value_parser = one_of(Answer::Problems.formats()), default_value_t = Format::Text)]
    pub output: Format,
}

/// Validates and prints.
pub fn validate(args: &Validate, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let (mut loaded, _) =
        desired::load(&args.input, &args.trusted, Absence::Keep, Timestamp::now(), out)?;
    answer(&loaded.input, &mut loaded.problems, args.output, &args.input, out)?;
    let status = loaded.status();
    loaded.forget();
    Ok(status)
}

fn answer(
    input: &Input,
    problems: &mut [Problem],
    format: Format,
    args: &InputArgs,
    out: &mut Output,
) -> anyhow::Result<()> {
    let workspace = Workspace::of(format, args);
    let lines = if workspace.is_some() { Lines::default() } else { input.lines(problems) };
    let first = Workspace::first(workspace.as_ref(), input);
    if let Some(workspace) = workspace {
        workspace.place(problems);
    }
    let around = Surroundings { first: &first, lines };
    let rendered = problems::render(problems, format, out.style(), &around, pages::page);
    Ok(out.rendered(rendered, format)?)
}

/// Answers with problems where another answer was asked for: people have read them on standard error, a program gets
/// them in the form that it asked for.
pub fn refuse(
    input: &Input,
    problems: &mut [Problem],
    format: Format,
    args: &InputArgs,
    out: &mut Output,
) -> anyhow::Result<ExitStatus> {
    if !matches!(format, Format::Text | Format::Short) {
        answer(input, problems, format, args, out)?;
    }
    Ok(ExitStatus::No)
}

/// Tells problems on standard error, beside an answer of another kind.
pub fn tell(problems: &[Problem], input: &Input, format: Format, out: &mut Output) {
    if problems.is_empty() {
        return;
    }
    let form = if format == Format::Short { format } else { Format::Text };
    let around = Surroundings { first: "", lines: input.lines(problems) };
    let rendered = problems::render(problems, form, out.style_of_talk(), &around, pages::page);
    if let crate::render::Rendered::Text(text) = rendered {
        out.say(&text);
    }
}
