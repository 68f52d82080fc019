//! The real binary, from outside: OTLP in, every API out, bad input, sudden death.

#![expect(clippy::unwrap_used, reason = "test helpers may stop the test")]
#![expect(clippy::print_stdout, reason = "long runs say what they counted")]

mod alertmanager;
mod apis;
mod attacks;
mod bad_start;
mod browser;
mod conformance;
mod disk_faults;
mod disk_space;
mod kill;
mod kill_alerts;
mod ledger;
mod load;
mod otlp;
mod own_metrics;
mod power;
mod process;
mod rejected;
mod remote_write;
mod rules;
mod slo_check;
mod slos;
mod tools;
