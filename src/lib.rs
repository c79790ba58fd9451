//! Concordat makes a relationship store hold exactly what a team's YAML says: which partner may act in
//! which customer tenant, with which roles, until when, and on the strength of which accepted agreement.
//!
//! The words, the rules of a relationship's life and what is always true are told in `docs/concepts.md`. Where they are
//! kept:
//!
//! * What an effect makes of a row, and when it is forbidden (L1 to L7): [`domain::relationship::effect`].
//! * What is so of a row, such as whether it is what is asked for: [`domain::relationship::rows`].
//! * The plan, from what is desired and what is observed: [`domain::plan::plan`]; what needs a person: [`domain::limits`].
//! * The contract of a store: [`store::Read`] and [`store::Write`]; what is verified of its rows: [`ledger`].
//! * What is planned, made and read back in a cluster, over and over: [`operator::reconcile`].
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
