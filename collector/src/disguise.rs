//! What a body that could not be read is instead, by its first bytes: a header is missing, or says something else.

use std::fmt;

use model::wire::{Raw, Reader};

use crate::stats::Protocol;

/// What a body is where a message of OTLP should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disguise {
    /// Compressed so.
    Compressed(&'static str),
    Json,
    Protobuf,
}

/// By the first bytes: RFC 1952, 2.3.1; RFC 8878, 3.1.1; framing_format.txt of Snappy, 4.1.
const MAGIC: [(&str, &[u8]); 3] =
    [("gzip", &[0x1f, 0x8b, 8]), ("zstd", &[0x28, 0xb5, 0x2f, 0xfd]), ("snappy", b"\xff\x06\x00\x00sNaPpY")];

impl Disguise {
    /// Of a body that is no message of OTLP, though it came over `protocol` and was decompressed as its headers say.
    pub(crate) fn of(protocol: Protocol, body: &[u8]) -> Option<Self> {
        if matches!(protocol, Protocol::RemoteWrite1 | Protocol::RemoteWrite2) {
            return None;
        }
        if let Some((coding, _)) = MAGIC.into_iter().find(|(_, magic)| body.starts_with(magic)) {
            return Some(Disguise::Compressed(coding));
        }
        let is_json = protocol == Protocol::HttpJson;
        match body.trim_ascii_start().first()? {
            b'{' if !is_json => Some(Disguise::Json),
            _ if is_json && is_list_of_messages(body) => Some(Disguise::Protobuf),
            _ => None,
        }
    }
}

/// Whether `body` is an export request in protobuf as far as its outermost fields go: messages in field 1.
fn is_list_of_messages(body: &[u8]) -> bool {
    let mut reader = Reader::new(body);
    loop {
        match reader.next_field() {
            Ok(Some((1, Raw::Bytes(_)))) => {}
            Ok(None) => return !body.is_empty(),
            Ok(Some(_)) | Err(_) => return false,
        }
    }
}

impl fmt::Display for Disguise {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Disguise::Compressed(coding) => write!(out, "body is {coding} data, and its headers do not say so"),
            Disguise::Json => out.write_str("body is JSON, and its headers say that it is protobuf"),
            Disguise::Protobuf => out.write_str("body is protobuf, and its headers say that it is JSON"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{gzip, sample};
    use crate::{Signal, json, otlp};

    #[test]
    fn a_body_is_known_by_its_first_bytes() {
        use Protocol::{Grpc, HttpJson, HttpProtobuf, RemoteWrite1};
        let protobuf = sample::body(Signal::Traces);
        let zstd = zstd::encode_all(&protobuf[..], 3).unwrap();
        let cases: [(Protocol, &[u8], Option<Disguise>); 14] = [
            (HttpProtobuf, &gzip(&protobuf), Some(Disguise::Compressed("gzip"))),
            (HttpJson, &gzip(b"{}"), Some(Disguise::Compressed("gzip"))),
            (Grpc, &zstd, Some(Disguise::Compressed("zstd"))),
            (HttpJson, b"\xff\x06\x00\x00sNaPpY rest", Some(Disguise::Compressed("snappy"))),
            (HttpProtobuf, b"{\"resourceSpans\":[]}", Some(Disguise::Json)),
            (Grpc, b"\n {}", Some(Disguise::Json)),
            (HttpJson, &protobuf, Some(Disguise::Protobuf)),
            (HttpJson, b"{\"resourceSpans\":5}", None),
            (HttpJson, b"\n{\"resourceSpans\":5}", None),
            (HttpJson, b"", None),
            (HttpJson, b"hello", None),
            (HttpProtobuf, b"hello", None),
            (HttpProtobuf, b"", None),
            (RemoteWrite1, b"{}", None),
        ];
        for (protocol, body, expected) in cases {
            assert_eq!(Disguise::of(protocol, body), expected, "{protocol:?} {body:?}");
            // It is asked of what could not be read.
            if expected.is_some() {
                let refused = match protocol {
                    HttpJson => json::transcode(Signal::Traces, body, 1 << 20).is_err(),
                    _ => otlp::decode(Signal::Traces, body, crate::testing::KEEP_ALL).is_err(),
                };
                assert!(refused, "{protocol:?} {body:?}");
            }
        }
    }
}
