//! Ways around the limits, and approvals of something else than what runs.
//!
//! Never: a loss or a gain that is called something else.

mod approvals;
mod fleet;
mod large;
mod longer;
mod replacements;
mod shares;
mod tenants;
