//! The ledger read: is it whole, what did it record, why does somebody hold a role, and what was so at an instant.
//!
//! Everything here is a pure function of entries, whoever read them: a store or a file. Long ledgers are pushed in
//! one entry after the other ([`Verifier`], [`Replay`], [`Trail`]), so that none has to fit into memory.
//!
//! Never: an answer without what was not looked at, or an entry passed over in silence.

pub mod export;
pub mod fault;
pub mod held;
pub mod history;
pub mod persons;
pub mod replay;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod story;
mod told;
pub mod trail;
pub mod verify;
pub mod who_can;
pub mod why;
pub mod words;

pub use fault::{Fault, Reason};
pub use held::{Held, held};
pub use history::{Answer, Filter, History, Line};
pub use persons::Persons;
pub use replay::{Replay, Replayed, Until};
pub use trail::Trail;
pub use verify::{Expected, FoundHead, Verdict, Verifier, verify};
pub use who_can::{Ability, WhoCan, who_can};
pub use why::{Question, Why, why};
