//! What a sender did wrong, from what is seen of its connection or its request, and what to change.

use std::net::SocketAddr;

use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};
use store::AppendError;

use crate::disguise::Disguise;
use crate::fairness::Peer;
use crate::http::{REMOTE_WRITE_PATH, known_peer};
use crate::refusal::Refusal;
use crate::stats::Step;

/// What is kept of a request for the case that it is refused. Cheap: nothing in it is copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrival {
    pub(crate) peer: Option<SocketAddr>,
    method: Method,
    uri: Uri,
    version: Version,
    content_type: Option<HeaderValue>,
    content_encoding: Option<HeaderValue>,
    /// It has the header that every sender of Remote-Write must set.
    is_remote_write: bool,
}

/// Where a refused request stopped, and what to change.
pub(crate) struct Mistake {
    pub(crate) step: Step,
    /// Empty where the refusal says it.
    pub(crate) fix: String,
}

/// Longest part of a path or header that is repeated.
const MAX_SHOWN: usize = 200;

impl Arrival {
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let first =
            |headers: &HeaderMap, names: [&str; 2]| names.into_iter().find_map(|name| headers.get(name).cloned());
        Arrival {
            peer: known_peer(request.extensions()).map(Peer::address),
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            content_type: request.headers().get(header::CONTENT_TYPE).cloned(),
            is_remote_write: request.headers().contains_key("x-prometheus-remote-write-version"),
            content_encoding: first(request.headers(), ["content-encoding", "grpc-encoding"]),
        }
    }

    /// As in `POST /v1/traces over HTTP/1.1`.
    pub(crate) fn words(&self) -> String {
        let version = if self.version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" };
        format!("{} {} over {version}", self.method, shown(self.uri.path()))
    }

    /// Why a request like this was refused with `refusal`.
    pub(crate) fn mistake(&self, refusal: &Refusal) -> Mistake {
        let (step, fix) = match refusal {
            Refusal::NoSuchPath => (Step::Request, self.about_path()),
            Refusal::NoSuchGrpcMethod => (Step::Request, self.about_grpc_method()),
            Refusal::WrongPort { http, grpc } => (
                Step::Request,
                format!("Set OTEL_EXPORTER_OTLP_ENDPOINT to the same host and port {http}, or {grpc}; both take OTLP over HTTP and gRPC."),
            ),
            Refusal::Method => (Step::Request, self.about_method()),
            Refusal::GrpcContentType => (Step::Request, self.about_path()),
            Refusal::RemoteWriteType | Refusal::RemoteWriteEncoding => (Step::Request, String::new()),
            Refusal::ContentType => (Step::Request, self.about_content_type()),
            Refusal::ContentEncoding | Refusal::GrpcEncoding => (Step::Request, self.about_encoding()),
            Refusal::Compressed(_) => {
                (Step::Request, "The body is not compressed as its header says. A proxy in between may have unpacked it and left the header.".to_owned())
            }
            Refusal::CutShort(_) => {
                (Step::Request, "The end of the compressed data is missing. The sender must end its compressor before it takes what it has written, and send all of it.".to_owned())
            }
            Refusal::ZstdWindow => {
                (Step::Request, "Compress at a lower level: 5 at most in a Collector (compression_params: level), 19 at most and without --long elsewhere. Or send smaller batches.".to_owned())
            }
            Refusal::GzipMembers(_) => (Step::Request, "End the compressor once for each request.".to_owned()),
            Refusal::Disguised(disguise) => (Step::Request, self.about_disguise(*disguise)),
            Refusal::GrpcFrame(_) => {
                (Step::Request, "The body is not framed as gRPC does it. A client of OTLP/HTTP must not send content-type: application/grpc.".to_owned())
            }
            Refusal::Malformed(_) => (Step::Request, self.about_body()),
            Refusal::SlowBody(_) | Refusal::Aborted => {
                (Step::Request, "The network or a proxy in between lost the rest, or the client gave up. Its timeout is OTEL_EXPORTER_OTLP_TIMEOUT.".to_owned())
            }
            Refusal::TooLarge { .. } => (
                Step::Accepting,
                "Send smaller batches: OTEL_BSP_MAX_EXPORT_BATCH_SIZE for spans, OTEL_BLRP_MAX_EXPORT_BATCH_SIZE for log records, send_batch_max_size in a Collector.".to_owned(),
            ),
            Refusal::Greedy => (
                Step::Accepting,
                "The box is under pressure, and this client sends more than others. It tries again by itself.".to_owned(),
            ),
            Refusal::Overloaded => (Step::Accepting, "The client tries again by itself.".to_owned()),
            Refusal::Store(AppendError::Full { .. }) => {
                (Step::Storing, "Free space, or keep less by retention or max_disk. The client tries again by itself.".to_owned())
            }
            Refusal::Store(_) => (Step::Storing, "The client tries again by itself.".to_owned()),
            Refusal::Internal => (Step::Accepting, "This is a defect of the receiver: please report it with the body.".to_owned()),
        };
        Mistake { step, fix }
    }

    fn about_path(&self) -> String {
        let path = self.uri.path();
        let known = ["/v1/traces", "/v1/metrics", "/v1/logs"];
        let close = known
            .into_iter()
            .find(|known| path.trim_end_matches('/').to_ascii_lowercase().contains(known.trim_end_matches('s')));
        if path.is_empty() || path == "/" {
            "The endpoint of a signal is used without its path. Set OTEL_EXPORTER_OTLP_ENDPOINT, to which SDKs add /v1/traces, /v1/metrics or /v1/logs; \
             or add the path to OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, which is used as it is."
                .to_owned()
        } else if path.starts_with("/opentelemetry.proto.collector.") {
            format!(
                "This is a call of gRPC without content-type: application/grpc, over {}. A proxy in between may speak no HTTP/2; or use OTLP/HTTP with OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.",
                if self.version == Version::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" }
            )
        } else if known.into_iter().any(|known| path.matches("/v1/").count() > 1 && path.contains(known)) {
            format!(
                "The path is there twice: {}. OTEL_EXPORTER_OTLP_ENDPOINT is without a path, SDKs add it; only OTEL_EXPORTER_OTLP_TRACES_ENDPOINT and its like have one.",
                shown(path)
            )
        } else if let Some(known) = close {
            format!("{} is not the path; it is {known}.", shown(path))
        } else if path.starts_with("/api/v2/spans") || path.starts_with("/api/traces") {
            "Zipkin's and Jaeger's own formats are not received. Both have exporters of OTLP, and a Collector translates.".to_owned()
        } else if path.starts_with("/loki/") {
            "Loki's own format is not received. Send log records by OTLP; a Collector translates.".to_owned()
        } else if self.is_remote_write || ["/write", "/push", "/receive"].iter().any(|end| path.ends_with(end)) {
            format!("{} is not the path; Prometheus Remote-Write is received at {}.", shown(path), REMOTE_WRITE_PATH)
        } else if path.contains("profiles") {
            "Profiles are not received, only traces, metrics and logs.".to_owned()
        } else {
            format!("Nothing is received at {}.", shown(path))
        }
    }

    fn about_grpc_method(&self) -> String {
        let path = self.uri.path();
        if path.contains("/v1/traces") || path.contains("/v1/metrics") || path.contains("/v1/logs") {
            "gRPC was sent to a path of OTLP/HTTP. The endpoint of a gRPC exporter has no path: host and port alone. Or set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf.".to_owned()
        } else if path.contains("profiles") {
            "Profiles are not received, only traces, metrics and logs.".to_owned()
        } else {
            format!(
                "{} is not a method of OTLP. The endpoint of a gRPC exporter has no path: host and port alone.",
                shown(path)
            )
        }
    }

    fn about_method(&self) -> String {
        format!(
            "It was {}. A browser or a health check may have asked; exporters use POST. Whether the box lives is told by /-/healthy on the port of its pages.",
            self.method
        )
    }

    fn about_content_type(&self) -> String {
        match value(self.content_type.as_ref()) {
            None => "The request has no content-type. Send application/json or application/x-protobuf.".to_owned(),
            Some(sent) if sent.starts_with("application/grpc-web") => {
                "gRPC-Web is not received. In a browser use the exporter of OTLP/HTTP.".to_owned()
            }
            Some(sent) => format!(
                "It was {sent}. curl says application/x-www-form-urlencoded unless told: -H 'content-type: application/json'."
            ),
        }
    }

    fn about_encoding(&self) -> String {
        let sent = value(self.content_encoding.as_ref()).unwrap_or_default();
        format!("It was {sent}. Set OTEL_EXPORTER_OTLP_COMPRESSION=gzip, or leave it out.")
    }

    fn about_disguise(&self, disguise: Disguise) -> String {
        let is_grpc = value(self.content_type.as_ref()).is_some_and(|sent| sent.starts_with("application/grpc"));
        match disguise {
            Disguise::Compressed(_) if self.content_encoding.is_some() => {
                "It was compressed twice, or its headers name another compression.".to_owned()
            }
            Disguise::Compressed(coding) if is_grpc => {
                format!("Send grpc-encoding: {coding}, and set the flag of the message that says it is compressed.")
            }
            Disguise::Compressed(coding) => {
                format!("Send content-encoding: {coding}. A proxy in between may have removed it.")
            }
            Disguise::Json if is_grpc => {
                "Over gRPC OTLP is protobuf alone. JSON is sent to /v1/traces, /v1/metrics or /v1/logs with content-type: application/json.".to_owned()
            }
            Disguise::Json => "Send content-type: application/json.".to_owned(),
            Disguise::Protobuf => "Send content-type: application/x-protobuf.".to_owned(),
        }
    }

    fn about_body(&self) -> String {
        let sent = value(self.content_type.as_ref()).unwrap_or_default();
        if self.uri.path().trim_end_matches('/') == REMOTE_WRITE_PATH {
            "The body is not the message of Remote-Write that its content-type names, for the reason given.".to_owned()
        } else if sent.starts_with("application/json") {
            "The body is not OTLP in JSON, for the reason given.".to_owned()
        } else {
            "The body is not the message that OTLP has for this path, for the reason given. JSON must be sent with content-type: application/json, and each signal to its own path.".to_owned()
        }
    }
}

fn value(header: Option<&HeaderValue>) -> Option<String> {
    header.map(|value| shown(&String::from_utf8_lossy(value.as_bytes())))
}

fn shown(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_SHOWN)].to_owned()
}

/// What the first bytes on a connection say of a client that speaks no HTTP: what was seen, and what to change. `None` for HTTP
/// of any version, and for gRPC.
pub(crate) fn of_first_bytes(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    match bytes {
        // The record header of TLS: handshake, major version 3. RFC 8446, section 5.1.
        [0x16, 0x03, ..] | [0x16] => Some((
            "the client speaks TLS; this port is plaintext",
            "Use http:// in the endpoint, or OTEL_EXPORTER_OTLP_INSECURE=true for a gRPC exporter, or tls: insecure: true in a Collector.",
        )),
        // Both versions of the PROXY protocol of HAProxy.
        [b'P', b'R', b'O', b'X', b'Y', b' ', ..] | [b'\r', b'\n', b'\r', b'\n', 0, ..] => {
            Some(("a load balancer sends the PROXY protocol, which is not read here", "Switch it off for this port."))
        }
        [b'A'..=b'Z' | b'a'..=b'z' | b'\r' | b'\n', ..] | [] => None,
        _ => Some((
            "the first bytes are neither HTTP nor gRPC",
            "Send OTLP: over HTTP to /v1/traces, /v1/metrics or /v1/logs, or over gRPC. Other protocols, such as syslog, StatsD or Thrift, need a Collector in between.",
        )),
    }
}

#[cfg(test)]
mod tests;
