//! The planner against a store in memory, a second opinion of what should be held, and random histories.
//!
//! Never: the planner's own arithmetic in what judges it.

mod attacks;
pub mod build;
mod generate;
mod limits;
mod memory;
mod model;
mod ownership;
mod properties;
mod rules;
mod told;
