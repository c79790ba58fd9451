//! `concordat crd`: the custom resource definitions, as `crds/` holds them.
//!
//! Never: a schema that differs from what `validate` uses.

use super::{ExitStatus, Output};
use crate::{api, manifest};

/// Prints every definition as one YAML stream.
pub fn crd(out: &mut Output) -> anyhow::Result<ExitStatus> {
    let definitions: Vec<String> = api::crds().iter().map(manifest::to_yaml).collect();
    out.answer(&definitions.join("---\n"))?;
    Ok(ExitStatus::AsDesired)
}
