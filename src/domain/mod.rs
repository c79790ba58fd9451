//! What is right: values in, values out.
//!
//! Never: async, a clock, the environment, randomness, logging or I/O. Time and ids come in as arguments.

pub mod catalogue;
pub mod duration;
pub mod ids;
pub mod problem;
