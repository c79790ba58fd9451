//! Carries out what may run, batch by batch, and reports what became of it.
//!
//! Never: reports a change before it is durable, or goes on after the store has failed.

use std::{collections::BTreeMap, ops::ControlFlow};

use super::{CHANGES_AT_ONCE, Outcome, Signature, StoreError, Write};
use crate::domain::limits::{Admitted, Limits};

/// What was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Each change that was tried, with what became of it.
    pub tried: Vec<(Admitted, Outcome)>,
    /// Changes that were not tried.
    pub left: Vec<Admitted>,
    /// Why it stopped early, if it did.
    pub stopped: Option<Stopped>,
}

/// Why `apply` stopped early.
#[derive(Debug, Clone, PartialEq)]
pub enum Stopped {
    /// Somebody asked.
    OnRequest,
    /// The store failed. The changes in flight may or may not have been made: planning again tells.
    Failed(StoreError),
}

/// Makes the changes, in order. `progress` is told after each transaction how many are done, and may stop it.
pub async fn apply(
    store: &mut impl Write,
    changes: Vec<Admitted>,
    limits: &BTreeMap<String, Limits>,
    by: &Signature,
    mut progress: impl FnMut(usize) -> ControlFlow<()>,
) -> Report {
    let mut report = Report { tried: Vec::new(), left: Vec::new(), stopped: None };
    let mut left = changes;
    while !left.is_empty() {
        if progress(report.tried.len()).is_break() {
            report.stopped = Some(Stopped::OnRequest);
            break;
        }
        let rest = left.split_off(left.len().min(CHANGES_AT_ONCE));
        match store.apply(&left, limits, by).await {
            Ok(outcomes) => report.tried.extend(left.into_iter().zip(outcomes)),
            Err(error) => {
                report.stopped = Some(Stopped::Failed(error));
                report.left = left;
                report.left.extend(rest);
                return report;
            }
        }
        left = rest;
    }
    report.left = left;
    report
}
