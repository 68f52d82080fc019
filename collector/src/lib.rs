//! Bytes in, rows out: OTLP over gRPC and HTTP and Prometheus Remote-Write, decoded and handed to the store.
//!
//! A request goes through [`serve`] (connections), [`http`] or `grpc` (protocol), `body` (size, admission),
//! `coding` (decompression), [`json`] (transcoding), [`otlp`] or [`remote_write`] (decoding) and into the store, which makes
//! it durable; then the reply is sent. Both protocols are answered on every port.

mod body;
mod coding;
mod collector;
mod disguise;
mod fairness;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod grpc;
pub mod http;
pub mod json;
mod limits;
mod mistake;
pub mod otlp;
mod refusal;
pub mod remote_write;
mod reply;
mod serve;
mod signal;
pub mod stats;

#[cfg(test)]
mod testing;

pub use collector::{Collector, decode_for_replay};
pub use limits::Limits;
pub use serve::serve;
pub use signal::{BodyKind, Signal};
pub use stats::IngestStats;
