//! `concordat crd`: the custom resource definitions, as `crds/` holds them.
//!
//! Never: a schema that differs from what `validate` uses.

use anyhow::bail;
use clap::Args;

use super::{ExitStatus, Output, args::one_of};
use crate::{api, manifest, render::Format};

const FORMS: &[Format] = &[Format::Yaml, Format::Json];

/// In which form.
#[derive(Debug, Args)]
pub struct Crd {
    /// The form: YAML is ready for `kubectl apply -f -`, JSON is a list.
    #[arg(short, long, value_parser = one_of(FORMS), default_value_t = Format::Yaml)]
    pub output: Format,
}

/// Prints every definition.
pub fn crd(args: &Crd, out: &mut Output) -> anyhow::Result<ExitStatus> {
    let definitions = api::crds();
    match args.output {
        Format::Yaml => {
            let texts: Vec<String> = definitions.iter().map(manifest::to_yaml).collect();
            out.answer(&texts.join("---\n"))?;
        }
        Format::Json => out.answer(&serde_json::to_string_pretty(&definitions)?)?,
        Format::Text | Format::Markdown | Format::Sarif | Format::Junit | Format::Github => {
            bail!("definitions have the forms `yaml` and `json`, and not `{}`", args.output)
        }
    }
    Ok(ExitStatus::AsDesired)
}
