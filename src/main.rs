//! The program `concordat`: parses what was typed, runs it and turns the answer into an exit code.
//!
//! Never: decides anything about partners, customers or roles.

fn main() {}
