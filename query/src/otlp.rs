//! A stored trace as OTLP says it: the message `TracesData` in protobuf and in JSON, as Tempo's API, Jaeger's version 3 and
//! a download give it. What was sent comes out again, but for what no signal carries: unknown fields of messages.
//!
//! Source: opentelemetry-proto, `trace/v1/trace.proto`, and the JSON encoding of the OTLP specification.

mod attributes;
mod grouped;
mod json;
mod protobuf;
#[cfg(test)]
mod tests;

pub use attributes::AnyValue;
pub use json::TracesData;
pub use protobuf::traces_data;
