//! The planner against a store in memory, a second opinion of what should be held, and random histories.
//!
//! Never: the planner's own arithmetic in what judges it.

mod attacks;
pub mod build;
mod conditions;
mod elsewhere;
mod fit;
mod generate;
mod limits;
mod lines;
mod memory;
mod model;
mod obstacles;
mod ownership;
mod properties;
mod recorded;
mod report;
mod rules;
mod statuses;
mod told;
