//! What a hostile tester got done once, each with its neighbours, on the real parts.
//!
//! Never: an attack without the legitimate action beside it, which must go on working.

mod boundaries;
mod claims;
mod files;
mod limits;
mod persons;
mod postgres;
mod rows;
