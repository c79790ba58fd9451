//! Concordat makes a relationship store hold exactly what a team's YAML says: which partner may act in
//! which customer tenant, with which roles, until when, and on the strength of which accepted agreement.
//!
//! Never: a step to the left along the ladder of modules.
//!
//! ```text
//! main → cli → operator → { render · manifest · store · ledger · emulator } → domain → api
//! ```

pub mod api;
pub mod cli;
pub mod domain;
pub mod emulator;
pub mod ledger;
pub mod manifest;
pub mod operator;
pub mod render;
pub mod store;
