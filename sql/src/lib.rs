//! SQL over a snapshot of the store: read-only, bounded in text, time, memory and rows.
//!
//! The only crate that knows DataFusion. Its API is boxed futures and Arrow batches, so the engine is compiled here
//! once and nowhere else. Tables and functions are described for users in `docs/sql.md`.

mod aliases;
mod attr;
mod config;
mod engine;
mod error;
mod exec;
mod export;
mod growth;
mod guard;
mod interrupt;
mod number;
mod provider;
mod pushdown;
mod result;
mod session;
mod table;

pub use arrow::array::RecordBatch;
pub use config::{SqlConfig, SqlOptions};
pub use engine::Engine;
pub use error::{Position, SqlError};
pub use export::{Export, ExportError};
pub use result::{Column, SqlResult};
