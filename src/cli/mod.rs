//! (stub)
//!
//! Never: stays.
#[derive(clap::Parser, Debug)]
pub struct Cli {
    #[arg(short)]
    pub verbose: u8,
}
