//! The `haechi` binary: reads the command line and hands over to what was asked for.

mod alerting;
mod api;
mod cli;
mod clock;
mod config;
mod demo;
#[cfg(feature = "sql")]
mod export;
mod inspect;
mod load;
mod logging;
mod serve;

use std::process::ExitCode;

/// Telemetry is many small allocations on many threads; the system's allocator keeps them apart and never returns them.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::complain(&error);
            ExitCode::FAILURE
        }
    }
}
