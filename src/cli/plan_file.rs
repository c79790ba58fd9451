//! A saved plan: a claim, not an authority. What is applied is planned again, and must be the same.
//!
//! Never: applies what stands in a file.

use std::{fs::File, io::Read as _};

use anyhow::{Context, anyhow};

use super::planning::Planned;
use crate::{
    domain::problem::Problem,
    render::plan::{PLAN_FILE_MAX_BYTES, PlanDocument, read as parse},
};

/// Reads a plan that `diff -o json` has saved.
pub fn read(path: &str) -> anyhow::Result<PlanDocument> {
    let file = File::open(path).with_context(|| format!("`{path}` cannot be read"))?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(PLAN_FILE_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).with_context(|| format!("`{path}` cannot be read"))?;
    parse(&bytes).map_err(|problem| refusal(path, &problem))
}

/// Refuses unless what would be done is what the file says, and its time is not over.
pub fn check(path: &str, claim: &PlanDocument, planned: &Planned) -> anyhow::Result<()> {
    claim.claims(&planned.plan).map_err(|problem| refusal(path, &problem))
}

fn refusal(path: &str, problem: &Problem) -> anyhow::Error {
    let Problem { code, message, help, .. } = problem;
    let help = help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
    anyhow!("`{path}`: {message} [{code}]{help}")
}
