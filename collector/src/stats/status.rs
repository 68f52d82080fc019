//! What a refusal was answered with, as its protocol has it.

use std::fmt;

use tonic::Code;

use super::Protocol;
use crate::refusal::Refusal;

/// The status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Status {
    Http(u16),
    /// By the name of the code, such as `UNAVAILABLE`.
    Grpc(&'static str),
}

impl Status {
    /// What `refusal` is answered with over `protocol`; over HTTP where the request did not tell.
    pub(crate) fn of(refusal: &Refusal, protocol: Option<Protocol>) -> Self {
        match protocol {
            Some(Protocol::Grpc) => Status::Grpc(name(refusal.grpc_code())),
            Some(Protocol::RemoteWrite1 | Protocol::RemoteWrite2) => {
                Status::Http(refusal.remote_write_status().as_u16())
            }
            Some(Protocol::HttpProtobuf | Protocol::HttpJson) | None => Status::Http(refusal.http_status().as_u16()),
        }
    }

    /// The status of HTTP; `None` of gRPC, where it is 200 for everything.
    pub fn http(self) -> Option<u16> {
        match self {
            Status::Http(status) => Some(status),
            Status::Grpc(_) => None,
        }
    }

    /// The name of the code of gRPC.
    pub fn grpc(self) -> Option<&'static str> {
        match self {
            Status::Http(_) => None,
            Status::Grpc(name) => Some(name),
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Status::Http(status) => write!(out, "HTTP {status}"),
            Status::Grpc(name) => write!(out, "gRPC {name}"),
        }
    }
}

/// As the gRPC specification writes the codes that a refusal may have.
fn name(code: Code) -> &'static str {
    match code {
        Code::Cancelled => "CANCELLED",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        _ => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_the_one_that_the_protocol_sends() {
        let cases = [
            (Refusal::Overloaded, ["HTTP 429", "HTTP 503", "gRPC UNAVAILABLE"]),
            (Refusal::SlowBody(30), ["HTTP 503", "HTTP 503", "gRPC UNAVAILABLE"]),
            (Refusal::TooLarge { limit: 1 }, ["HTTP 413", "HTTP 413", "gRPC RESOURCE_EXHAUSTED"]),
            (Refusal::Internal, ["HTTP 500", "HTTP 400", "gRPC INTERNAL"]),
            (Refusal::Compressed("gzip"), ["HTTP 400", "HTTP 400", "gRPC INVALID_ARGUMENT"]),
            (Refusal::Aborted, ["HTTP 400", "HTTP 400", "gRPC CANCELLED"]),
            (Refusal::NoSuchGrpcMethod, ["HTTP 404", "HTTP 404", "gRPC UNIMPLEMENTED"]),
        ];
        for (refusal, [otlp_http, remote_write, grpc]) in cases {
            let status = |protocol| Status::of(&refusal, protocol).to_string();
            for protocol in [None, Some(Protocol::HttpProtobuf), Some(Protocol::HttpJson)] {
                assert_eq!(status(protocol), otlp_http, "{refusal:?}");
            }
            for protocol in [Protocol::RemoteWrite1, Protocol::RemoteWrite2] {
                assert_eq!(status(Some(protocol)), remote_write, "{refusal:?}");
            }
            assert_eq!(status(Some(Protocol::Grpc)), grpc, "{refusal:?}");
        }
    }
}
