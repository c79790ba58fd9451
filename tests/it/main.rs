//! One test binary: every test that needs more than one module, or a real outside thing.
//!
//! Never: a test that passes because something it needs is missing.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking and tells its figures, also in a function that it calls"
)]

mod admission;
mod attacks;
mod chart;
mod cli;
mod cluster;
mod crash;
mod crds;
mod documents;
mod emulator;
mod examples;
mod failing_server;
mod failing_store;
mod graph;
mod house;
mod kinds;
mod kustomize;
mod layers;
mod leader;
mod manifest;
mod operator;
mod outbox;
mod pages;
mod planner;
mod postgres;
mod program;
mod random_edits;
mod real_crds;
mod requirements;
mod rounds;
mod saved_plans;
mod signals;
mod simulation;
mod slow_store;
mod sources;
mod store_contract;
mod store_epochs;
mod store_faults;
mod store_lifecycle;
mod store_rights;
mod store_samples;
mod store_sessions;
mod store_upgrade;
mod story;
mod telemetry;
mod unreadable;
mod verdict;
mod ways_out;
mod work;
