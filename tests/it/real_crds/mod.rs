//! The custom resource definitions on a real API server.
//!
//! Never: a definition that only our own reading of it was asked about.

mod chance;
mod corpus;
mod definitions;
mod fidelity;
mod oracle;
mod samples;
