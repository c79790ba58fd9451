//! The status of a boundary.
//!
//! Never: how much of its limits is used, which changes by itself.

use super::{
    About, Reported,
    condition::{Verdict, conditions},
    judged,
    reason::Reason,
};
use crate::{api::PartnerBoundaryStatus, domain::problem::Problem};

/// The status of a boundary, from the problems of the validation about it.
pub fn boundary(about: &About<'_>, problems: &[&Problem]) -> Reported<PartnerBoundaryStatus> {
    let ready = judged::verdict(problems)
        .unwrap_or_else(|| Verdict::reached(Reason::Valid, "it admits its namespaces"));
    let status = PartnerBoundaryStatus {
        observed_generation: about.generation,
        conditions: conditions(
            about,
            judged::with_warnings(ready, problems),
            judged::invalid(problems),
        ),
    };
    Reported { status, next_change: None }
}
