//! `concordat validate`: every problem at once, each with its place and a way out.
//!
//! Never: looks at a store.

use clap::Args;
use jiff::Timestamp;

use super::{ExitStatus, InputArgs, Output, desired};
use crate::{
    domain::{pages, problem::Problem, state::Absence},
    render::{Format, problems},
};

/// What to validate.
#[derive(Debug, Args)]
pub struct Validate {
    #[command(flatten)]
    pub input: InputArgs,
    /// The form of the answer.
    #[arg(short, long, value_enum, default_value_t = Format::Text)]
    pub output: Format,
}

/// Validates and prints.
pub fn validate(args: &Validate, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let (loaded, _) = desired::load(&args.input, Absence::Keep, Timestamp::now(), out)?;
    let rendered = problems::render(&loaded.problems, args.output, out.style(), pages::page);
    out.rendered(rendered, args.output)?;
    let status = loaded.status();
    loaded.forget();
    Ok(status)
}

/// Answers with problems where another answer was asked for: people have read them on standard error, a program gets
/// them in the form that it asked for.
pub fn refuse(
    problems: &[Problem],
    format: Format,
    out: &mut Output,
) -> anyhow::Result<ExitStatus> {
    if format != Format::Text {
        out.rendered(problems::render(problems, format, out.style(), pages::page), format)?;
    }
    Ok(ExitStatus::No)
}

/// Tells problems on standard error, beside an answer of another kind.
pub fn tell(problems: &[Problem], out: &mut Output) {
    if problems.is_empty() {
        return;
    }
    let rendered = problems::render(problems, Format::Text, out.style_of_talk(), pages::page);
    if let crate::render::Rendered::Text(text) = rendered {
        out.say(&text);
    }
}
