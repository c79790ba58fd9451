//! What is right: values in, values out.
//!
//! Never: async, a clock, the environment, randomness, logging or I/O. Time and ids come in as arguments.

pub mod carrier;
pub mod catalogue;
pub mod change;
pub mod connection;
pub mod digest;
pub mod duration;
pub mod entry;
pub mod enumeration;
pub mod errand;
pub mod ids;
pub mod joiner;
pub mod lifecycle;
pub mod limits;
pub mod pages;
pub mod partner_type;
pub mod plan;
pub mod problem;
pub mod relationship;
pub mod state;
pub mod status;
pub mod validate;
pub mod visible;
