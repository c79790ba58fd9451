//! `concordat crd`: the custom resource definitions, as `crds/` holds them, and their schema for editors.
//!
//! Never: a schema that differs from what `validate` uses.

use clap::{Args, ValueEnum};

use super::{ExitStatus, Output};
use crate::{api, manifest, render::commands::Form};

/// In which form.
#[derive(Debug, Args)]
pub struct Crd {
    /// The form: YAML is ready for `kubectl apply -f -`, JSON is a list, and a JSON schema is for editors and kubeconform.
    #[arg(short, long, value_enum, default_value_t = Definitions::Yaml)]
    pub output: Definitions,
}

/// The forms of the definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Definitions {
    /// A document for each.
    Yaml,
    /// A list.
    Json,
    /// One JSON schema of all kinds.
    JsonSchema,
}

/// Prints every definition.
pub fn crd(args: &Crd, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let definitions = api::crds();
    match args.output {
        Definitions::Yaml => {
            let texts: Vec<String> = definitions.iter().map(manifest::to_yaml).collect();
            out.answer(&texts.join("---\n"))?;
        }
        Definitions::Json => {
            out.answer_as(&serde_json::to_string_pretty(&definitions)?, Form::Json)?;
        }
        Definitions::JsonSchema => {
            out.answer_as(&api::json_schema_text(), Form::Json)?;
        }
    }
    Ok(ExitStatus::AsDesired)
}
