//! The operator: watches the five kinds in a cluster and makes the store hold what they say, for as long as they say so.
//!
//! Never: decides what is right; that is the domain's, and the command line gives the same answer.

pub mod admission;
pub mod cluster;
mod context;
pub mod lead;
pub mod leader;
pub mod reader;
pub mod round;
pub mod run;
pub mod telemetry;
pub mod world;
