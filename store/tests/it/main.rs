//! The store from outside: kept data directories of every format, and what damage to each file does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod dump;
mod formats;
mod inspect;
mod sample;
