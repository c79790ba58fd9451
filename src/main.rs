//! x
//!
//! Never: x
fn main() {}
