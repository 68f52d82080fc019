//! What the wrong receivers answer over gRPC.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt, Full};

use super::{Answer, Fault};
use crate::wire::put_bytes;

pub(super) fn protobuf_partial(rejected: i64, message: &str) -> Vec<u8> {
    let mut partial = Vec::new();
    if rejected != 0 {
        partial.push(0x08);
        crate::wire::put_varint(&mut partial, rejected as u64);
    }
    if !message.is_empty() {
        put_bytes(&mut partial, 2, message.as_bytes());
    }
    let mut response = Vec::new();
    put_bytes(&mut response, 1, &partial);
    response
}

pub(super) fn grpc(fault: Fault) -> Answer {
    let message: Option<Vec<u8>> = match fault {
        Fault::AcceptsAll | Fault::OneAtATime | Fault::FalseGzip | Fault::WrongContentType => Some(Vec::new()),
        Fault::PartialContent => Some(protobuf_partial(1, "")),
        Fault::EmptyPartial => Some(protobuf_partial(0, "")),
        Fault::NegativeCount => Some(protobuf_partial(-1, "less than nothing")),
        Fault::LongReplies => Some(protobuf_partial(1, &"because ".repeat(700_000))),
        _ => None,
    };
    let mut trailers = HeaderMap::new();
    let mut set =
        |name: &'static str, value: &[u8]| drop(trailers.insert(name, HeaderValue::from_bytes(value).unwrap()));
    match fault {
        _ if message.is_some() => set("grpc-status", b"0"),
        Fault::RefusesAll | Fault::GzipRefusals => {
            set("grpc-status", b"3");
            set("grpc-message", b"never");
        }
        Fault::PlainErrors => {}
        Fault::AsksToRetry => {
            set("grpc-status", b"8");
            set("grpc-message", ["later: 100%".as_bytes(), &[0xe9], &[b'x'; 7000]].concat().as_slice());
            // A Status of another code, with RetryInfo.
            let mut any = Vec::new();
            put_bytes(&mut any, 1, b"type.googleapis.com/google.rpc.RetryInfo");
            let mut status = vec![0x08, 14];
            put_bytes(&mut status, 3, &any);
            set("grpc-status-details-bin", crate::message::base64(&status).as_bytes());
        }
        Fault::Unavailable => set("grpc-status", b"14"),
        Fault::AllTooLarge => set("grpc-status", b"8"),
        _ => set("grpc-status", b"12"),
    }
    let body = message.map(|message| {
        let flag = u8::from(fault == Fault::FalseGzip);
        [&[flag][..], &(message.len() as u32).to_be_bytes(), &message].concat()
    });
    let mut response = match body {
        Some(body) => {
            let body = Full::new(Bytes::from(body)).with_trailers(async { Some(Ok(trailers)) });
            Response::new(body.boxed_unsync())
        }
        None => {
            let mut response = Response::new(Full::new(Bytes::new()).boxed_unsync());
            *response.headers_mut() = trailers;
            response
        }
    };
    let kind = match fault {
        Fault::WrongContentType => "text/html",
        Fault::PlainErrors => "text/plain",
        _ => "application/grpc",
    };
    if fault == Fault::PlainErrors {
        *response.status_mut() = 500.try_into().unwrap();
    }
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    if fault == Fault::FalseGzip {
        response.headers_mut().insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    response
}
