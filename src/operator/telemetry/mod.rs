//! What the operator shows of itself: metrics, health, one log line for each effect, and traces.
//!
//! Never: a secret, a person's name or a text of the user's in a label, a log line or a span.

pub mod health;
pub mod labels;
pub mod logs;
pub mod metrics;
pub mod server;
pub mod traces;
