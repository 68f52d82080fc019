//! Questions to a snapshot of the store: traces, services, logs, fields, and PromQL.
//!
//! Everything here is synchronous and takes a [`Snapshot`](store::Snapshot) and a [`Budget`]; [`Engine`] runs it on
//! threads of its own, so that a slow query never holds up ingest. No clock is read: ranges come from the caller.

mod budget;
pub mod differences;
mod engine;
mod error;
pub mod fields;
mod ids;
pub mod jaeger;
pub mod lang;
pub mod logs;
pub mod otlp;
mod pointer;
pub mod promql;
pub mod services;
mod steps;
#[cfg(test)]
mod testing;
pub mod traces;
mod warnings;

pub use budget::Budget;
pub use engine::{Engine, EngineConfig};
pub use error::{Place, QueryError};
pub use pointer::pointer;
pub use warnings::Warnings;
