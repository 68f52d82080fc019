//! Traces as the HTTP API of Jaeger's query service gives them (the `/api/*` paths; those below `/api/v3` speak OTLP, see
//! [`crate::otlp`]).
//!
//! The JSON shapes that Jaeger's UI and Grafana's Jaeger data source read; routing belongs to the HTTP edge. Times are
//! microseconds. Source: jaegertracing/jaeger-idl, model/json.

mod convert;
mod params;
mod wire;

pub use convert::{dependencies, found_traces, operation_names, operations, service_names, trace, traces};
pub use params::{TraceParams, search_of};
pub use wire::{Dependency, Error, Log, Operation, Process, RefType, Reference, Response, Span, Tag, TagValue, Trace};

#[cfg(test)]
mod tests;
