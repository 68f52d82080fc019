//! The `haechi` binary: reads the command line and hands over to what was asked for.

mod alerting;
mod api;
mod cli;
mod clock;
mod config;
mod counting;
mod demo;
#[cfg(feature = "sql")]
mod export;
mod inspect;
mod load;
mod logging;
mod own;
mod rule_files;
mod serve;
mod slo_files;
mod within;

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// Rows are allocated by the threads that decode and freed by those that flush and compact; an allocator that keeps free memory
/// by thread holds several times of what is in use (docs/benchmarks.md, combined load). Its own thread gives unused pages back.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            logging::complain(&error);
            ExitCode::FAILURE
        }
    }
}
