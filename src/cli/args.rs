//! What is typed the same way for several commands.
//!
//! Never: two spellings for one thing.

use std::path::PathBuf;

use clap::{
    Args, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use jiff::{SignedDuration, Timestamp};

use crate::{domain::duration::Duration, render::Format, store::StoreUrl};

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
    /// The namespace of objects that name none [default: `default`; with `cluster:` that of the context].
    #[arg(short, long, value_name = "NAME", value_parser = namespace)]
    pub namespace: Option<String>,
}

impl InputArgs {
    /// The namespace of objects that name none.
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

/// Where relationships and assignments live.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The store: `sqlite:PATH`, `postgres://HOST/DATABASE`, `graph:FILE` for Microsoft Graph or, to be read only,
    /// `cluster:`.
    #[arg(
        long,
        env = "CONCORDAT_STORE",
        default_value = "sqlite:concordat.db",
        value_name = "URL",
        hide_env_values = true
    )]
    pub store: StoreUrl,
}

impl StoreArgs {
    /// Whether what the operator has observed is to be read.
    pub fn is_cluster(&self) -> bool {
        matches!(self.store, StoreUrl::Cluster)
    }
}

/// Which cluster `cluster:` is, as whom it is read, and how old the answer may be.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "With `cluster:`")]
pub struct ClusterArgs {
    /// The kubeconfig. Default: as `kubectl` finds it.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The context in it. Default: the current one.
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// The user to act as.
    #[arg(long = "as", value_name = "USER")]
    pub user: Option<String>,
    /// A group to act as. May be repeated.
    #[arg(long = "as-group", value_name = "GROUP", requires = "user")]
    pub groups: Vec<String>,
    /// The name of the operator's Lease.
    #[arg(long, default_value = "concordat", value_name = "NAME")]
    pub lease: String,
    /// The namespace of the operator's Lease.
    #[arg(long, default_value = "concordat-system", value_name = "NAME")]
    pub lease_namespace: String,
    /// How old what the operator has observed may be.
    #[arg(long, default_value = "PT15M", value_name = "DURATION")]
    pub max_age: Duration,
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

/// Reads the name of a namespace.
pub fn namespace(text: &str) -> Result<String, String> {
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
