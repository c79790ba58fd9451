//! `concordat explain C0123`: what a code means, an example, and the way out.
//!
//! Never: a code without a page.

use clap::Args;

use super::{ExitStatus, Output};
use crate::domain::pages;

/// Which code.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, such as `C0201`; without one, all are listed.
    pub code: Option<String>,
}

/// Prints a page, or the list of pages.
pub fn explain(args: &Explain, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let Some(code) = &args.code else {
        let list: Vec<String> = pages::PAGES
            .iter()
            .map(|(code, page)| format!("{code}  {}", pages::title(page)))
            .collect();
        out.answer(&list.join("\n"))?;
        return Ok(ExitStatus::AsDesired);
    };
    let wanted = code.trim().to_ascii_uppercase();
    match pages::PAGES.iter().find(|(code, _)| code.to_string() == wanted) {
        Some((_, page)) => {
            out.answer(page)?;
            Ok(ExitStatus::AsDesired)
        }
        None => anyhow::bail!("no code is called `{code}`; `concordat explain` lists all of them"),
    }
}
