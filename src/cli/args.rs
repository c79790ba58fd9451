//! What is typed the same way for several commands.
//!
//! Never: two spellings for one thing.

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use jiff::{SignedDuration, Timestamp};

use crate::{render::Format, store::StoreUrl};

/// Where manifests come from.
#[derive(Debug, Clone, Args)]
pub struct InputArgs {
    /// A file, a folder with everything in it, or `-` for standard input. May be repeated.
    #[arg(
        short = 'f',
        long = "filename",
        value_name = "PATH",
        required_unless_present = "kustomize"
    )]
    pub filename: Vec<String>,
    /// A folder that `kustomize` builds; it, or `kubectl`, must be on the PATH.
    #[arg(short = 'k', long, value_name = "DIR")]
    pub kustomize: Option<String>,
    /// The namespace of objects that name none.
    #[arg(short, long, default_value = "default", value_parser = namespace)]
    pub namespace: String,
}

/// Where relationships and assignments live.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The store: `sqlite:PATH` or `postgres://HOST/DATABASE`.
    #[arg(
        long,
        env = "CONCORDAT_STORE",
        default_value = "sqlite:concordat.db",
        value_name = "URL",
        hide_env_values = true
    )]
    pub store: StoreUrl,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The forms of an answer that people and programs read.
pub const DOCUMENT: &[Format] = &[Format::Text, Format::Json, Format::Yaml];

/// Reads a format that is one of these, and lists no others.
pub fn one_of(formats: &[Format]) -> impl TypedValueParser<Value = Format> {
    let values: Vec<_> = formats.iter().filter_map(ValueEnum::to_possible_value).collect();
    PossibleValuesParser::new(values)
        .map(|text| text.parse().expect("only the names of formats are offered"))
}

/// Reads an instant that is over; clocks may differ by a minute.
pub fn past(text: &str) -> Result<Timestamp, String> {
    let instant: Timestamp = text.parse().map_err(|_| {
        "an instant is written with its offset, such as `2026-11-21T17:00:00Z`".to_owned()
    })?;
    if instant > Timestamp::now() + SignedDuration::from_mins(1) {
        return Err("it lies in the future, and the ledger tells only what was".to_owned());
    }
    Ok(instant)
}

fn namespace(text: &str) -> Result<String, String> {
    let inner =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let fits = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        return Ok(text.to_owned());
    }
    Err("a namespace has up to 63 lower-case letters, digits and inner hyphens".to_owned())
}

/// A quoted argument without what may be a password: where something stands before an `@`, or a store has settings,
/// only the scheme is left.
pub fn without_secret(text: &str, is_store: bool) -> String {
    let (scheme, colon) = match text.split_once("://") {
        Some((scheme, _)) => (scheme, "://"),
        None => (text.split_once(':').map_or("", |(scheme, _)| scheme), ":"),
    };
    let has_login = text.split_once('@').is_some_and(|(login, _)| login.contains(':'));
    let has_settings = text.contains('?') && (is_store || colon == "://");
    if has_login || has_settings { format!("{scheme}{colon}…") } else { text.to_owned() }
}
