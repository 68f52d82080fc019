//! Why a request was refused, and how each protocol says so.

use http::StatusCode;
use model::wire::{put_bytes_field, put_varint_field};
use store::AppendError;
use thiserror::Error;
use tonic::Code;

use crate::coding::ACCEPTED;
use crate::disguise::Disguise;
use crate::http::REMOTE_WRITE_PATH;
use crate::limits::Overloaded;
use crate::otlp::Malformed;
use crate::signal::Signal;

/// A refused request. Nothing of it was stored.
#[derive(Debug, Error)]
pub(crate) enum Refusal {
    #[error("no such path; OTLP/HTTP is received at {}, {} and {}, Prometheus Remote-Write at {}", Signal::Traces.http_path(), Signal::Metrics.http_path(), Signal::Logs.http_path(), REMOTE_WRITE_PATH)]
    NoSuchPath,
    #[error("no such method; OTLP/gRPC is received by Export of the trace, metrics and logs services")]
    NoSuchGrpcMethod,
    #[error(
        "this is the port of the pages and queries; OTLP is received on port {http}, and on {grpc}, over HTTP and gRPC"
    )]
    WrongPort { http: u16, grpc: u16 },
    #[error("method is not allowed; use POST")]
    Method,
    #[error("content-type is not allowed; use application/x-protobuf or application/json")]
    ContentType,
    #[error("content-type is not allowed; a gRPC call has application/grpc")]
    GrpcContentType,
    #[error("content-encoding is not allowed; use one of {ACCEPTED}")]
    ContentEncoding,
    #[error(
        "content-type is not allowed; Remote-Write is application/x-protobuf, with proto=io.prometheus.write.v2.Request for 2.0"
    )]
    RemoteWriteType,
    #[error("content-encoding is not allowed; Remote-Write is compressed with snappy")]
    RemoteWriteEncoding,
    #[error("grpc-encoding is not allowed; use one of {ACCEPTED}")]
    GrpcEncoding,
    #[error("body is larger than the limit of {limit} bytes after decompression; send smaller batches")]
    TooLarge { limit: usize },
    #[error("body is not valid {0} data")]
    Compressed(&'static str),
    #[error("body ends before its {0} data does, or its checksum is wrong")]
    CutShort(&'static str),
    #[error(
        "the window of the zstd data is too large: more than 32 MiB, or more than there is memory for beside the body; up to 8 MiB are always taken"
    )]
    ZstdWindow,
    #[error("the gzip data has more than {0} members; compress a request as one")]
    GzipMembers(usize),
    #[error("{0}")]
    Disguised(Disguise),
    #[error("gRPC framing: {0}")]
    GrpcFrame(&'static str),
    #[error("{0}")]
    Malformed(Malformed),
    #[error("body did not arrive within {0} s")]
    SlowBody(u64),
    #[error("connection ended before the body did")]
    Aborted,
    #[error("too many requests in progress; try again later")]
    Overloaded,
    #[error("there is little room, and this sender has sent much more than others; try again later")]
    Greedy,
    #[error("{0}")]
    Store(AppendError),
    #[error("the decoder failed on this body; nothing of it was stored")]
    Internal,
}

impl From<Malformed> for Refusal {
    fn from(error: Malformed) -> Self {
        Refusal::Malformed(error)
    }
}

impl From<Overloaded> for Refusal {
    fn from(_: Overloaded) -> Self {
        Refusal::Overloaded
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        Refusal::Store(error)
    }
}

const BAD_REQUEST: &str = "type.googleapis.com/google.rpc.BadRequest";
const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

impl Refusal {
    pub(crate) fn http_status(&self) -> StatusCode {
        match self {
            Refusal::NoSuchPath | Refusal::NoSuchGrpcMethod | Refusal::WrongPort { .. } => StatusCode::NOT_FOUND,
            Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::ContentType
            | Refusal::GrpcContentType
            | Refusal::ContentEncoding
            | Refusal::GrpcEncoding
            | Refusal::RemoteWriteType
            | Refusal::RemoteWriteEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Compressed(_)
            | Refusal::CutShort(_)
            | Refusal::ZstdWindow
            | Refusal::GzipMembers(_)
            | Refusal::Disguised(_)
            | Refusal::GrpcFrame(_)
            | Refusal::Malformed(_)
            | Refusal::Aborted => StatusCode::BAD_REQUEST,
            // Retryable for OTLP clients, unlike 408: a slow network passes.
            Refusal::SlowBody(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Overloaded | Refusal::Greedy | Refusal::Store(AppendError::Busy(_)) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Refusal::Store(
                AppendError::Full { .. } | AppendError::Disk(_) | AppendError::Failed | AppendError::Closed,
            ) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The status for a sender of Remote-Write. It must send a 5xx again, and a 4xx never but for 429, which it may: Prometheus
    /// drops that unless it is told otherwise (`retry_on_http_429`).
    pub(crate) fn remote_write_status(&self) -> StatusCode {
        match self.http_status() {
            StatusCode::TOO_MANY_REQUESTS => StatusCode::SERVICE_UNAVAILABLE,
            // It would be sent again without end, and fail each time.
            StatusCode::INTERNAL_SERVER_ERROR => StatusCode::BAD_REQUEST,
            status => status,
        }
    }

    pub(crate) fn grpc_code(&self) -> Code {
        match self {
            Refusal::NoSuchPath
            | Refusal::NoSuchGrpcMethod
            | Refusal::WrongPort { .. }
            | Refusal::GrpcEncoding
            | Refusal::ContentEncoding
            | Refusal::RemoteWriteEncoding => Code::Unimplemented,
            Refusal::Method
            | Refusal::ContentType
            | Refusal::GrpcContentType
            | Refusal::RemoteWriteType
            | Refusal::GrpcFrame(_)
            | Refusal::Internal => Code::Internal,
            Refusal::TooLarge { .. } => Code::ResourceExhausted,
            Refusal::Compressed(_)
            | Refusal::CutShort(_)
            | Refusal::ZstdWindow
            | Refusal::GzipMembers(_)
            | Refusal::Disguised(_)
            | Refusal::Malformed(_) => Code::InvalidArgument,
            Refusal::Aborted => Code::Cancelled,
            Refusal::SlowBody(_) | Refusal::Overloaded | Refusal::Greedy | Refusal::Store(_) => Code::Unavailable,
        }
    }

    /// Whether the box had no room, whoever had sent.
    pub(crate) fn is_of_box(&self) -> bool {
        matches!(self, Refusal::Overloaded | Refusal::Store(_))
    }

    /// Whether it passes by itself: the same request may be taken later.
    pub(crate) fn passes(&self) -> bool {
        self.retry_after().is_some()
    }

    /// After how many seconds the same request is worth another try; `None` when it never is.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Refusal::SlowBody(_) | Refusal::Overloaded | Refusal::Store(AppendError::Busy(_)) => Some(1),
            // Some flushes later, and half of what it sent is forgotten.
            Refusal::Greedy => Some(5),
            Refusal::Store(AppendError::Closed) => Some(5),
            Refusal::Store(AppendError::Full { .. } | AppendError::Disk(_) | AppendError::Failed) => Some(10),
            _ => None,
        }
    }

    /// Of a body that could not be read, the field, empty for the body itself, and what is wrong with it.
    fn violation(&self) -> Option<(&str, String)> {
        match self {
            Refusal::Malformed(error) => Some((error.place(), error.problem())),
            Refusal::Compressed(_)
            | Refusal::CutShort(_)
            | Refusal::ZstdWindow
            | Refusal::GzipMembers(_)
            | Refusal::Disguised(_) => Some(("", self.to_string())),
            _ => None,
        }
    }

    /// The refusal as a `google.rpc.Status` message, with `BadRequest` or `RetryInfo` where they apply.
    pub(crate) fn status_message(&self) -> Vec<u8> {
        let mut status = Vec::new();
        put_varint_field(&mut status, 1, self.grpc_code() as u64);
        put_bytes_field(&mut status, 2, self.to_string().as_bytes());
        let mut put_detail = |type_url: &str, value: &[u8]| {
            let mut any = Vec::new();
            put_bytes_field(&mut any, 1, type_url.as_bytes());
            put_bytes_field(&mut any, 2, value);
            put_bytes_field(&mut status, 3, &any);
        };
        if let Some((field, description)) = self.violation() {
            let mut violation = Vec::new();
            put_bytes_field(&mut violation, 1, field.as_bytes());
            put_bytes_field(&mut violation, 2, description.as_bytes());
            let mut bad_request = Vec::new();
            put_bytes_field(&mut bad_request, 1, &violation);
            put_detail(BAD_REQUEST, &bad_request);
        }
        if let Some(seconds) = self.retry_after() {
            let mut duration = Vec::new();
            put_varint_field(&mut duration, 1, seconds);
            let mut retry_info = Vec::new();
            put_bytes_field(&mut retry_info, 1, &duration);
            put_detail(RETRY_INFO, &retry_info);
        }
        status
    }

    /// The refusal as a `google.rpc.Status` in JSON.
    pub(crate) fn status_json(&self) -> String {
        let mut details = Vec::new();
        if let Some((field, description)) = self.violation() {
            details.push(serde_json::json!({
                "@type": BAD_REQUEST,
                "fieldViolations": [{ "field": field, "description": description }],
            }));
        }
        if let Some(seconds) = self.retry_after() {
            details.push(serde_json::json!({ "@type": RETRY_INFO, "retryDelay": format!("{seconds}s") }));
        }
        let mut status = serde_json::json!({ "code": self.grpc_code() as i32, "message": self.to_string() });
        if !details.is_empty() {
            status["details"] = details.into();
        }
        status.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_retryable_and_nothing_else() {
        // OTLP clients retry 429, 502, 503 and 504, and UNAVAILABLE; RESOURCE_EXHAUSTED only with RetryInfo.
        let passing = [
            Refusal::SlowBody(30),
            Refusal::Overloaded,
            Refusal::Greedy,
            Refusal::Store(AppendError::Busy(1)),
            Refusal::Store(AppendError::Full { free: 1, reserve: 2 }),
            Refusal::Store(AppendError::Disk("full".into())),
            Refusal::Store(AppendError::Failed),
            Refusal::Store(AppendError::Closed),
        ];
        for refusal in passing {
            assert!(matches!(refusal.http_status().as_u16(), 429 | 503), "{refusal:?}");
            assert_eq!(refusal.remote_write_status(), 503, "{refusal:?}");
            assert_eq!(refusal.grpc_code(), Code::Unavailable, "{refusal:?}");
            assert!(refusal.retry_after().is_some(), "{refusal:?}");
        }
        let lasting = [
            Refusal::NoSuchPath,
            Refusal::WrongPort { http: 4318, grpc: 4317 },
            Refusal::Method,
            Refusal::ContentType,
            Refusal::GrpcContentType,
            Refusal::ContentEncoding,
            Refusal::RemoteWriteType,
            Refusal::RemoteWriteEncoding,
            Refusal::TooLarge { limit: 1 },
            Refusal::Compressed("gzip"),
            Refusal::CutShort("gzip"),
            Refusal::ZstdWindow,
            Refusal::GzipMembers(1024),
            Refusal::Disguised(Disguise::Json),
            Refusal::Malformed(Malformed::new(String::new(), "x")),
            Refusal::Internal,
        ];
        for refusal in lasting {
            assert!(!matches!(refusal.http_status().as_u16(), 429 | 502 | 503 | 504), "{refusal:?}");
            assert!(matches!(refusal.remote_write_status().as_u16(), 400..=428), "{refusal:?}");
            assert!(!matches!(refusal.grpc_code(), Code::Unavailable | Code::DeadlineExceeded), "{refusal:?}");
            assert_eq!(refusal.retry_after(), None, "{refusal:?}");
        }
    }
}
