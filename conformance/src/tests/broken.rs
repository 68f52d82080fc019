//! Receivers with one fault each, on HTTP/1.1 and HTTP/2, on one port.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use crate::gzip::gzip;
use crate::wire::put_bytes;

mod grpc;

use grpc::{grpc, protobuf_partial};

/// What is wrong with a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Says success to everything, having read nothing: bad data, base64 ids, requests over the limit.
    AcceptsAll,
    /// Refuses everything as bad data, in the right form.
    RefusesAll,
    /// The same, and its refusals over HTTP are compressed, which nobody asked for.
    GzipRefusals,
    /// HTTP 500 and INTERNAL for everything, in plain text.
    PlainErrors,
    /// 206, one item rejected without a message, whatever was sent.
    PartialContent,
    /// Success with `partial_success` set and empty.
    EmptyPartial,
    /// Success with `-1` items rejected.
    NegativeCount,
    /// Success as text/html, and as an empty body in JSON.
    WrongContentType,
    /// Says that its replies are gzip, and they are not.
    FalseGzip,
    /// Replies of 5 MiB.
    LongReplies,
    /// 429 with a Retry-After that is none; RESOURCE_EXHAUSTED with RetryInfo, codes and text that are not encoded.
    AsksToRetry,
    /// 503 without Retry-After, and UNAVAILABLE.
    Unavailable,
    /// 413 and RESOURCE_EXHAUSTED with nothing beside.
    AllTooLarge,
    /// 405 without Allow for everything, a star with credentials for preflights.
    NoAllow,
    /// 415 without Accept-Encoding, UNIMPLEMENTED without grpc-accept-encoding.
    NoCodings,
    /// Takes the next request when the last one has its reply.
    OneAtATime,
    /// Closes a connection when it has a request.
    HangsUp,
}

impl Fault {
    pub(super) const ALL: [Fault; 17] = [
        Fault::AcceptsAll,
        Fault::RefusesAll,
        Fault::GzipRefusals,
        Fault::PlainErrors,
        Fault::PartialContent,
        Fault::EmptyPartial,
        Fault::NegativeCount,
        Fault::WrongContentType,
        Fault::FalseGzip,
        Fault::LongReplies,
        Fault::AsksToRetry,
        Fault::Unavailable,
        Fault::AllTooLarge,
        Fault::NoAllow,
        Fault::NoCodings,
        Fault::OneAtATime,
        Fault::HangsUp,
    ];

    /// Rules that this one must be found to break, beside others.
    pub(super) fn breaks(self) -> &'static [&'static str] {
        match self {
            Fault::AcceptsAll => &[
                "T1.gzip-corrupt",
                "T1.gzip-unread-rest",
                "T8.over-limit",
                "T8.over-limit-gzip",
                "T10.bomb",
                "R8.undecodable",
                "R8.truncated",
                "R8.wire-type",
                "R8.json-syntax",
                "R8.json-type",
                "J1.not-base64",
                "J2.names",
                "J4.warning",
                "D3.zero-trace-id",
                "D5.zero-time",
                "T6.unknown-method",
                "T6.two-messages",
            ],
            Fault::RefusesAll => {
                &["T1.identity", "T1.gzip", "R1.empty", "J1.hex-upper", "J3.unknown-item", "D4.zero-ids"]
            }
            Fault::GzipRefusals => &["T18.not-asked"],
            Fault::PlainErrors => {
                &["R7.bad-data", "R7.every", "R7.message", "R8.undecodable", "R10.no-fault", "T5.paths"]
            }
            Fault::PartialContent => &[
                "R2.status-200",
                "R2.unset",
                "R3.spans",
                "R3.data-points",
                "R3.log-records",
                "R4.message",
                "T1.identity",
            ],
            Fault::EmptyPartial => &["R2.unset", "R2.unset-empty", "R5.warning"],
            Fault::NegativeCount => &["R3.not-negative", "R3.spans"],
            Fault::WrongContentType => &["R6.success", "R6.every", "R6.partial", "R2.message", "T6.reply-headers"],
            Fault::FalseGzip => &["T18.gzip-reply-valid", "T18.not-asked"],
            Fault::LongReplies => &["T9.every", "T9.many-rejected", "T9.long-value"],
            Fault::AsksToRetry => &[
                "R9.retry-after",
                "R11.bad-data",
                "T8.not-retryable",
                "T6.percent-encoding",
                "T6.status-details",
                "T9.short-grpc-message",
            ],
            Fault::Unavailable => &[
                "R9.has-retry-after",
                "R11.bad-data",
                "T8.over-limit",
                "J1.not-base64",
                "J5.out-of-range",
                "R8.invalid-utf8",
            ],
            Fault::AllTooLarge => &["T8.status-body", "T7.within", "R8.undecodable", "T6.error-message"],
            Fault::NoAllow => &["T12.allow", "T14.star-credentials", "T14.credentials", "T12.foreign-content-type"],
            Fault::NoCodings => &["T11.accept-encoding", "T11.grpc-accept-encoding"],
            Fault::OneAtATime => &["T17.slow-call"],
            Fault::HangsUp => &["T1.identity", "T5.keep-alive", "T17.concurrent"],
        }
    }

    /// Rules that it keeps: the suite finds a fault where it is and not elsewhere.
    pub(super) fn keeps(self) -> &'static [&'static str] {
        match self {
            Fault::AcceptsAll | Fault::OneAtATime => &[
                "T1.identity",
                "T1.gzip",
                "T5.paths",
                "T6.reply-message",
                "R2.unset",
                "R2.message",
                "R6.success",
                "R3.spans",
                "J1.hex-upper",
                "D3.all-fields",
                "R5.warning",
                "T9.every",
                "T18.not-asked",
            ],
            Fault::RefusesAll | Fault::GzipRefusals => &[
                "R7.bad-data",
                "R7.message",
                "R7.every",
                "R8.undecodable",
                "R11.bad-data",
                "R10.no-fault",
                "J1.not-base64",
            ],
            Fault::EmptyPartial => &["T1.identity", "R2.message", "R2.status-200", "R3.not-negative"],
            Fault::AllTooLarge => &["T8.over-limit", "T8.over-limit-gzip", "T8.not-retryable"],
            _ => &[],
        }
    }
}

pub(super) struct Receiver {
    pub(super) address: String,
    accepting: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Receiver {
    pub(super) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let accepting = tokio::spawn(async move {
            let turn = Arc::new(Mutex::new(()));
            while let Ok((stream, _)) = listener.accept().await {
                let turn = Arc::clone(&turn);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(fault, Arc::clone(&turn), request));
                    let mut builder = auto::Builder::new(TokioExecutor::new());
                    builder.http2().initial_stream_window_size(8 << 20).initial_connection_window_size(8 << 20);
                    drop(builder.serve_connection(TokioIo::new(stream), service).await);
                });
            }
        });
        Receiver { address, accepting }
    }
}

/// What ends a connection.
#[derive(Debug)]
struct HungUp;

impl std::fmt::Display for HungUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("hung up")
    }
}

impl std::error::Error for HungUp {}

async fn answer(fault: Fault, turn: Arc<Mutex<()>>, request: Request<Incoming>) -> Result<Answer, HungUp> {
    if fault == Fault::HangsUp {
        return Err(HungUp);
    }
    let _turn = if fault == Fault::OneAtATime { Some(turn.lock().await) } else { None };
    let content_type = request.headers().get("content-type").map(|it| it.to_str().unwrap().to_ascii_lowercase());
    let content_type = content_type.unwrap_or_default();
    let preflight = request.method() == Method::OPTIONS;
    // The whole request is read first, as the replies do not depend on it.
    drop(request.into_body().collect().await);
    if content_type.starts_with("application/grpc") {
        return Ok(grpc(fault));
    }
    let json = !content_type.starts_with("application/x-protobuf");
    let kind = if json { "application/json" } else { "application/x-protobuf" };
    let status = |code: u8, message: &str| -> Vec<u8> {
        if json {
            return format!(r#"{{"code":{code},"message":"{message}"}}"#).into_bytes();
        }
        let mut status = vec![0x08, code];
        put_bytes(&mut status, 2, message.as_bytes());
        status
    };
    let partial = |rejected: i64, message: &str| -> Vec<u8> {
        if !json {
            return protobuf_partial(rejected, message);
        }
        let counts = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"];
        let counts: String = counts.iter().map(|key| format!(r#""{key}":"{rejected}","#)).collect();
        format!(r#"{{"partialSuccess":{{{counts}"errorMessage":"{message}"}}}}"#).into_bytes()
    };
    let full = if json { b"{}".to_vec() } else { Vec::new() };
    let (code, kind, body): (u16, &str, Vec<u8>) = match fault {
        Fault::AcceptsAll | Fault::OneAtATime => (200, kind, full),
        Fault::RefusesAll => (400, kind, status(3, "never")),
        Fault::GzipRefusals => (400, kind, gzip(&status(3, "never"))),
        Fault::PlainErrors => (500, "text/plain", b"internal server error\n".to_vec()),
        Fault::PartialContent => (206, kind, partial(1, "")),
        Fault::EmptyPartial => (200, kind, partial(0, "")),
        Fault::NegativeCount => (200, kind, partial(-1, "less than nothing")),
        Fault::WrongContentType => (200, "text/html", Vec::new()),
        Fault::FalseGzip => (200, kind, full),
        Fault::LongReplies => (200, kind, partial(1, &"because ".repeat(700_000))),
        Fault::AsksToRetry => (429, kind, status(14, "later")),
        Fault::Unavailable => (503, kind, status(14, "")),
        Fault::AllTooLarge => (413, "text/plain", Vec::new()),
        Fault::NoAllow if preflight => (200, "text/plain", Vec::new()),
        Fault::NoAllow => (405, kind, status(12, "no")),
        Fault::NoCodings => (415, kind, status(12, "no")),
        Fault::HangsUp => return Err(HungUp),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    *response.status_mut() = code.try_into().unwrap();
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_str(kind).unwrap());
    match fault {
        Fault::FalseGzip | Fault::GzipRefusals => {
            drop(headers.insert("content-encoding", HeaderValue::from_static("gzip")))
        }
        Fault::AsksToRetry => drop(headers.insert("retry-after", HeaderValue::from_static("soon"))),
        Fault::NoAllow => {
            headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
            headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
        }
        _ => {}
    }
    Ok(response)
}

/// A receiver that speaks just enough HTTP/2 to send clients away at their first ping.
pub(super) async fn sends_pings_away() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut preface = [0; 24];
        stream.read_exact(&mut preface).await.unwrap();
        stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let mut pinged = false;
        while !pinged {
            let mut head = [0; 9];
            stream.read_exact(&mut head).await.unwrap();
            let mut payload = vec![0; usize::from(head[2])];
            stream.read_exact(&mut payload).await.unwrap();
            pinged = head[3] == 6;
        }
        let debug = b"too_many_pings";
        let frame = [&[0, 0, 8 + debug.len() as u8, 7, 0, 0, 0, 0, 0][..], &[0, 0, 0, 0, 0, 0, 0, 11], debug].concat();
        stream.write_all(&frame).await.unwrap();
        // Open until the client is gone.
        drop(stream.read(&mut [0; 64]).await);
    });
    address
}
