//! The ledger as text: one line of canonical JSON for each entry, and back.
//!
//! Never: a line read that export would not have written, to the byte.

use crate::domain::{digest::canonical, entry::Entry};

/// Why a line is not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct LineError {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// An entry as a line, without the end of the line.
pub fn line(entry: &Entry) -> String {
    canonical(entry)
}

/// The entry that a line holds. `number` is only for the message.
pub fn read_line(number: usize, text: &str) -> Result<Entry, LineError> {
    let error = |why: String| LineError { line: number, why };
    let text = text.strip_suffix('\r').unwrap_or(text);
    let entry: Entry = serde_json::from_str(text).map_err(|cause| {
        let column = cause.column();
        error(format!("not an entry, at column {column}: {cause}"))
    })?;
    if canonical(&entry) != text {
        return Err(error("not as `concordat ledger export` writes it: it was edited".to_owned()));
    }
    Ok(entry)
}

/// The entries of a whole text. Empty lines at its end are fine.
pub fn read(text: &str) -> impl Iterator<Item = Result<Entry, LineError>> {
    let lines = text.trim_end_matches(['\n', '\r']).split('\n').enumerate();
    let lines = lines.filter(move |_| !text.trim().is_empty());
    lines.map(|(index, text)| read_line(index + 1, text))
}
