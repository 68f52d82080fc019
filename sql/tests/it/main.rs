//! SQL over a real store in a temporary directory: half of its rows in segments, half in memory.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod export;
mod fixture;
mod hostile;
mod numbers;
mod pushdown;
mod queries;
mod stages;
