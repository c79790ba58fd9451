//! The program `concordat`: parses what was typed, runs it and turns the answer into an exit code.
//!
//! Never: decides anything about partners, customers or roles.

use std::process::ExitCode;

use concordat::cli::{self, ExitStatus};

fn main() -> ExitCode {
    cli::tell_panics();
    let cli = match cli::parse() {
        Ok(cli) => cli,
        Err(status) => return ExitCode::from(status as u8),
    };
    cli::log(&cli);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a machine that runs this program can start two threads");
    let status = match runtime.block_on(cli::run(cli)) {
        Ok(status) => status,
        Err(error) => {
            cli::complain(&error);
            ExitStatus::Unknown
        }
    };
    ExitCode::from(status as u8)
}
