//! The real binary, from outside: OTLP in, every API out, bad input, sudden death.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "test helpers stop the test and say what was measured")]

mod apis;
mod bad_start;
mod browser;
mod kill;
mod otlp;
mod process;
