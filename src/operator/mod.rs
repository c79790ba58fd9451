//! The operator: watches the five kinds in a cluster and makes the store hold what they say, for as long as they say so.
//!
//! Never: decides what is right; that is the domain's, and the command line gives the same answer.

pub mod admission;
pub mod cluster;
mod context;
pub mod controller;
pub mod election;
pub mod index;
pub mod reconcile;
pub mod run;
pub mod status_store;
mod store;
pub mod telemetry;
