//! What is typed the same way for several commands.
//!
//! Never: two spellings for one thing.

use clap::{Args, ValueEnum};

use crate::store::StoreUrl;

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
    #[arg(short, long, default_value = "default")]
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
