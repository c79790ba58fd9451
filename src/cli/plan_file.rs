//! A saved plan: a claim, not an authority. What is applied is planned again, and must be the same.
//!
//! Never: applies what stands in a file.

use std::{fs::File, io::Read as _};

use anyhow::{Context, bail};

use super::planning::Planned;
use crate::render::plan::{self, PLAN_FILE_MAX_BYTES, PlanDocument};

/// Reads a plan that `diff -o json` has saved.
pub fn read(path: &str) -> anyhow::Result<PlanDocument> {
    let file = File::open(path).with_context(|| format!("`{path}` cannot be read"))?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(PLAN_FILE_MAX_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    file.take(limit).read_to_end(&mut bytes).with_context(|| format!("`{path}` cannot be read"))?;
    plan::read(&bytes).with_context(|| format!("`{path}` is not a plan that can be applied"))
}

/// Refuses unless what would be done is what the file says, and its time is not over.
pub fn check(claim: &PlanDocument, planned: &Planned) -> anyhow::Result<()> {
    let now = planned.plan.now;
    if let Some(valid_until) = claim.valid_until.filter(|valid_until| *valid_until <= now) {
        bail!("the saved plan was valid until {valid_until}: save a new one with `concordat diff -o json`");
    }
    let same = claim.changes == planned.plan.changes && claim.blocks_the_same(&planned.checked);
    if !same {
        bail!(
            "what would be done now is not what the saved plan says: {} instead of {}; save a new \
             one with `concordat diff -o json` and have it reviewed",
            changes(planned.plan.changes.len()),
            changes(claim.changes.len())
        );
    }
    Ok(())
}

fn changes(number: usize) -> String {
    if number == 1 { "1 change".to_owned() } else { format!("{number} changes") }
}
