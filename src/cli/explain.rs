//! `concordat explain C0123`: what a code means, an example, and the way out.
//!
//! Never: a code without a page.

use clap::Args;

use super::{ExitStatus, Output};
use crate::domain::pages::{self, PAGES};

/// Which code.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code, such as `C0201`; without one, all are listed.
    pub code: Option<String>,
}

/// Prints a page, or the list of pages.
pub fn explain(args: &Explain, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let Some(code) = &args.code else {
        let list: Vec<String> =
            PAGES.iter().map(|(code, page)| format!("{code}  {}", pages::title(page))).collect();
        out.answer(&list.join("\n"))?;
        return Ok(ExitStatus::AsDesired);
    };
    let wanted = spelt(code);
    match PAGES.iter().find(|(code, _)| code.to_string() == wanted) {
        Some((_, page)) => {
            out.answer(page)?;
            Ok(ExitStatus::AsDesired)
        }
        None => anyhow::bail!("no code is called `{code}`\n  help: {}", help(&wanted)),
    }
}

/// `c101`, `101` and `C0101` are the same, also as they are printed: `[C0101]`.
fn spelt(code: &str) -> String {
    let code = code.trim().to_ascii_uppercase();
    let mut words = code.split(|sign: char| !sign.is_ascii_alphanumeric());
    let number = words.find_map(|word| word.strip_prefix('C').unwrap_or(word).parse::<u16>().ok());
    number.map_or_else(|| code.clone(), |number| format!("C{number:04}"))
}

/// The codes that differ in one character, or where to look.
fn help(wanted: &str) -> String {
    let codes = PAGES.iter().map(|(code, _)| code.to_string());
    let near: Vec<String> = codes
        .filter(|code| strsim::damerau_levenshtein(code, wanted) == 1)
        .map(|code| format!("`{code}`"))
        .take(5)
        .collect();
    if near.is_empty() {
        return "`concordat explain` lists all of them".to_owned();
    }
    format!("did you mean {}?", near.join(" or "))
}
