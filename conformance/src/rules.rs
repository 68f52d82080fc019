//! All rules, by section. The letters and numbers of their ids are those of a checklist; what follows the dot says what of it.

use crate::rule::Rule;

mod audits;
mod coding;
mod cors;
mod grpc;
mod http;
mod json;
mod json_values;
mod limits;
mod logs;
mod metrics;
mod refusals;
mod replies;
mod traces;
mod unknown;
mod values;

/// A chapter of the report.
pub(crate) struct Section {
    pub(crate) title: &'static str,
    parts: &'static [&'static [Rule]],
}

impl Section {
    pub(crate) fn rules(&self) -> impl Iterator<Item = &'static Rule> {
        self.parts.iter().flat_map(|part| part.iter())
    }
}

pub(crate) const SECTIONS: &[Section] = &[
    Section { title: "Compression", parts: &[coding::RULES] },
    Section { title: "HTTP", parts: &[http::RULES] },
    Section { title: "CORS", parts: &[cors::RULES] },
    Section { title: "gRPC", parts: &[grpc::RULES, audits::GRPC_REPLIES] },
    Section { title: "Limits", parts: &[limits::RULES] },
    Section { title: "Replies", parts: &[replies::RULES, audits::REPLIES] },
    Section { title: "Refusals", parts: &[refusals::RULES, audits::REFUSALS] },
    Section { title: "JSON", parts: &[json::RULES, unknown::RULES, json_values::RULES] },
    Section { title: "Attributes and values", parts: &[values::RULES] },
    Section { title: "Traces", parts: &[traces::RULES] },
    Section { title: "Logs", parts: &[logs::RULES] },
    Section { title: "Metrics", parts: &[metrics::RULES] },
];

/// What the first word of a source stands for.
pub(crate) const DOCUMENTS: &[(&str, &str)] = &[
    ("otlp", "open-telemetry/opentelemetry-proto 1.11, docs/specification.md"),
    ("proto", "open-telemetry/opentelemetry-proto 1.11, comments of the .proto files"),
    ("metrics", "open-telemetry/opentelemetry-specification, metrics/data-model.md"),
    ("grpc", "grpc/grpc, doc/PROTOCOL-HTTP2.md"),
    ("grpc-zip", "grpc/grpc, doc/compression.md"),
    ("grpc-codes", "grpc/grpc, doc/statuscodes.md"),
    ("protobuf", "protobuf.dev, Encoding"),
    ("protojson", "protobuf.dev, ProtoJSON Format"),
    ("rfc9110", "HTTP Semantics"),
    ("rfc9112", "HTTP/1.1"),
    ("rfc1952", "GZIP file format"),
    ("rfc8259", "JSON"),
    ("fetch", "fetch.spec.whatwg.org, HTTP-network-or-cache and CORS protocol"),
    ("practice", "no specification asks for it; what clients send or people need"),
];

/// All rules in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    SECTIONS.iter().flat_map(Section::rules)
}
