//! What `doctor` has looked at, and whether it is as it should be.
//!
//! Never: a field renamed or dropped without another `formatVersion`.

use std::fmt::{self, Write as _};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FORMAT_VERSION, Format, Rendered};

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChecksDocument {
    /// The version of this form.
    pub format_version: u32,
    /// `Checks`.
    pub kind: String,
    /// What was looked at, in order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// What it is.
    pub what: Subject,
    /// Whether it is as it should be.
    pub verdict: Verdict,
    /// What was found, in words.
    pub found: String,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// The file of the connection.
    File,
    /// Where it leads.
    Hosts,
    /// Who else can read the files with secrets.
    Secrets,
    /// The app that reads.
    Reader,
    /// The app that writes.
    Writer,
    /// The service's clock beside this machine's.
    Clock,
    /// The database of the ledger.
    Ledger,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "file",
            Self::Hosts => "hosts",
            Self::Secrets => "secrets",
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Clock => "clock",
            Self::Ledger => "ledger",
        })
    }
}

/// Whether something is as it should be; the later the worse.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// It was tried, and works.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It does not work.
    Missing,
    /// It could not be told.
    Unknown,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        })
    }
}

/// A line each, or the document.
pub fn render(checks: Vec<Check>, format: Format) -> Rendered {
    if format == Format::Text {
        return Rendered::Text(table(&checks));
    }
    let kind = "Checks".to_owned();
    Rendered::document(&ChecksDocument { format_version: FORMAT_VERSION, kind, checks })
}

fn table(checks: &[Check]) -> String {
    let mut table = String::new();
    for Check { what, verdict, found } in checks {
        let (verdict, what) = (verdict.to_string(), what.to_string());
        writeln!(table, "{verdict:<8} {what:<12} {found}").expect("a text takes every text");
    }
    table
}
