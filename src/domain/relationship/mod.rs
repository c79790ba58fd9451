//! What holds for one relationship, whoever asks: the planner, a status, a store.
//!
//! Never: a plan, a condition or a table.

pub mod effect;
pub mod rows;
