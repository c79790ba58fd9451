//! One test binary: every test that needs more than one module, or a real outside thing.

mod manifest;
