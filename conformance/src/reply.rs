//! A reply, and what it says in terms of OTLP.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use http::HeaderMap;

use crate::protocol::{Protocol, Signal};
use crate::request::preview;
use crate::status::Status;
use crate::wire::{Raw, fields};

/// More of a reply than this is not read; four times what a reply may have.
pub(crate) const MOST_READ: usize = 16 << 20;

/// A reply to a request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) protocol: Protocol,
    pub(crate) signal: Option<Signal>,
    pub(crate) http_status: u16,
    pub(crate) headers: HeaderMap,
    /// After decompression; as it came where that fails, or the coding is not gzip.
    pub(crate) body: Bytes,
    /// As it came, compressed or not.
    pub(crate) wire: Bytes,
    /// Whether it is said to be gzip and is not.
    pub(crate) false_gzip: bool,
    pub(crate) trailers: Option<HeaderMap>,
}

/// `Export…PartialSuccess`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partial {
    pub(crate) rejected: i64,
    pub(crate) message: String,
}

/// The codes of gRPC that the specification tells clients to retry. `RESOURCE_EXHAUSTED` is among them with `RetryInfo` only.
const RETRYABLE: [i32; 6] = [1, 4, 10, 11, 14, 15];

const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

pub(crate) const INVALID_ARGUMENT: i32 = 3;
pub(crate) const RESOURCE_EXHAUSTED: i32 = 8;
pub(crate) const UNIMPLEMENTED: i32 = 12;
pub(crate) const INTERNAL: i32 = 13;

pub(crate) fn code_name(code: i32) -> String {
    let name = usize::try_from(code).ok().and_then(|code| CODES.get(code).copied());
    name.map_or_else(|| format!("code {code}"), str::to_owned)
}

impl Reply {
    /// A reply whose body came as `wire`.
    pub(crate) fn new(
        protocol: Protocol,
        signal: Option<Signal>,
        http_status: u16,
        headers: HeaderMap,
        wire: Bytes,
        trailers: Option<HeaderMap>,
    ) -> Self {
        let body = wire.clone();
        let mut reply = Reply { protocol, signal, http_status, headers, body, wire, false_gzip: false, trailers };
        if reply.coding() == "gzip" {
            match reply.decoded() {
                Some(body) => reply.body = body.into(),
                None => reply.false_gzip = true,
            }
        }
        reply
    }

    /// The coding of the body, in lower case; empty when there is none. In gRPC a header names one, and a flag of the message
    /// says whether it has it.
    pub(crate) fn coding(&self) -> String {
        let name = match self.protocol {
            Protocol::Grpc if self.wire.first() != Some(&1) => "",
            Protocol::Grpc => "grpc-encoding",
            Protocol::HttpProtobuf | Protocol::HttpJson => "content-encoding",
        };
        let coding = if name.is_empty() { String::new() } else { self.header(name).to_ascii_lowercase() };
        if coding == "identity" { String::new() } else { coding }
    }

    /// The body out of gzip, in gRPC as an uncompressed message.
    fn decoded(&self) -> Option<Vec<u8>> {
        let inflate = |bytes: &[u8]| {
            let mut out = Vec::new();
            let read = MultiGzDecoder::new(bytes).take(MOST_READ as u64).read_to_end(&mut out);
            read.is_ok().then_some(out)
        };
        match self.protocol {
            Protocol::Grpc => {
                let message = inflate(self.grpc_message()?)?;
                Some([&[0][..], &(message.len() as u32).to_be_bytes(), &message].concat())
            }
            Protocol::HttpProtobuf | Protocol::HttpJson => inflate(&self.wire),
        }
    }

    /// The larger of the sizes before and after decompression.
    pub(crate) fn size(&self) -> usize {
        self.body.len().max(self.wire.len())
    }

    /// The value of a header, empty when there is none or it is no text.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A header of gRPC that is in the trailers, or in the headers of a reply without a message.
    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.trailer_bytes(name)?).ok()
    }

    pub(crate) fn trailer_bytes(&self, name: &str) -> Option<&[u8]> {
        let trailers = self.trailers.iter().find_map(|trailers| trailers.get(name));
        Some(trailers.or_else(|| self.headers.get(name))?.as_bytes())
    }

    pub(crate) fn grpc_code(&self) -> Option<i32> {
        self.trailer("grpc-status")?.parse().ok()
    }

    /// Whether the receiver says that it took the request, all or parts of it. Any 2xx counts here: that it must be 200 is a rule
    /// of its own.
    pub(crate) fn is_accepted(&self) -> bool {
        match self.protocol {
            Protocol::Grpc => self.http_status == 200 && self.grpc_code() == Some(0),
            Protocol::HttpProtobuf | Protocol::HttpJson => (200..300).contains(&self.http_status),
        }
    }

    /// Whether a client would send the same again.
    pub(crate) fn is_retryable(&self) -> bool {
        match self.protocol {
            Protocol::Grpc => self.grpc_code().is_some_and(|code| {
                let retry_info = self.grpc_details().is_some_and(|status| status.has_detail("RetryInfo"));
                RETRYABLE.contains(&code) || code == RESOURCE_EXHAUSTED && retry_info
            }),
            Protocol::HttpProtobuf | Protocol::HttpJson => matches!(self.http_status, 429 | 502 | 503 | 504),
        }
    }

    /// The one message of a unary gRPC reply; `None` when there is none or more, or its frame is broken.
    pub(crate) fn grpc_message(&self) -> Option<&[u8]> {
        let (prefix, message) = self.body.split_first_chunk::<5>()?;
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]);
        (prefix[0] <= 1 && message.len() == length as usize).then_some(message)
    }

    /// The bytes that ought to be an `Export…ServiceResponse`.
    pub(crate) fn response(&self) -> Option<&[u8]> {
        match self.protocol {
            Protocol::Grpc => self.grpc_message(),
            Protocol::HttpProtobuf | Protocol::HttpJson => Some(&self.body),
        }
    }

    /// The partial success of an accepted request: `Err` when the body is no such response.
    pub(crate) fn partial(&self) -> Result<Option<Partial>, String> {
        let response = self.response().ok_or("the reply has not exactly one gRPC message")?;
        match self.protocol {
            Protocol::HttpJson => json_partial(response, self.signal),
            Protocol::Grpc | Protocol::HttpProtobuf => protobuf_partial(response),
        }
    }

    /// The `google.rpc.Status` in `grpc-status-details-bin`, if it is there and can be read.
    pub(crate) fn grpc_details(&self) -> Option<Status> {
        Status::from_protobuf(&decode_base64(self.trailer("grpc-status-details-bin")?)?)
    }

    /// The `google.rpc.Status` of an HTTP body, in the encoding that its content type says.
    pub(crate) fn http_details(&self) -> Option<Status> {
        match self.essence().as_str() {
            "application/json" => Status::from_json(&self.body),
            "application/x-protobuf" => Status::from_protobuf(&self.body),
            _ => None,
        }
    }

    /// The content type without parameters, in lower case.
    pub(crate) fn essence(&self) -> String {
        self.header("content-type").split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// The reply in one line.
    pub(crate) fn describe(&self) -> String {
        let mut text = format!("HTTP {}", self.http_status);
        if let Some(code) = self.trailer("grpc-status") {
            let name = code.parse().map_or_else(|_| "not a number".to_owned(), code_name);
            text.push_str(&format!(", grpc-status {code} ({name})"));
        }
        if let Some(message) = self.trailer("grpc-message") {
            text.push_str(&format!(", grpc-message {message:.200}"));
        }
        for name in ["content-type", "content-encoding", "retry-after", "allow"] {
            if self.headers.contains_key(name) {
                text.push_str(&format!(", {name} {}", self.header(name)));
            }
        }
        format!("{text}, {} bytes{}", self.body.len(), preview(&self.body))
    }
}

fn protobuf_partial(response: &[u8]) -> Result<Option<Partial>, String> {
    let mut found = None;
    for (number, raw) in fields(response).ok_or("the body is not a protobuf message")? {
        let (1, Raw::Bytes(message)) = (number, raw) else { continue };
        let partial: &mut Partial = found.get_or_insert_default();
        for (number, raw) in fields(message).ok_or("partial_success is not a protobuf message")? {
            match (number, raw) {
                (1, Raw::Varint(rejected)) => partial.rejected = rejected as i64,
                (2, Raw::Bytes(text)) => {
                    partial.message =
                        String::from_utf8(text.to_vec()).map_err(|_| "partial_success.error_message is not UTF-8")?;
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

fn json_partial(response: &[u8], signal: Option<Signal>) -> Result<Option<Partial>, String> {
    let response: serde_json::Value =
        serde_json::from_slice(response).map_err(|error| format!("the body is not JSON: {error}"))?;
    let response = response.as_object().ok_or("the body is not a JSON object")?;
    let Some(partial) = response.get("partialSuccess").filter(|it| !it.is_null()) else { return Ok(None) };
    let partial = partial.as_object().ok_or("partialSuccess is not an object")?;
    let key = signal.map(Signal::rejected_key).unwrap_or_default();
    let rejected = match partial.get(key) {
        None | Some(serde_json::Value::Null) => Some(0),
        Some(serde_json::Value::String(text)) => text.parse().ok(),
        Some(number) => number.as_i64(),
    };
    let rejected = rejected.ok_or_else(|| format!("partialSuccess.{key} is not an integer"))?;
    let message = match partial.get("errorMessage") {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(_) => return Err("partialSuccess.errorMessage is not a string".to_owned()),
    };
    Ok(Some(Partial { rejected, message }))
}

/// Base64 of gRPC's binary headers: the standard alphabet, with or without padding.
pub(crate) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let (mut bits, mut n_bits) = (0u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        let sextet = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(sextet);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
            bits &= (1 << n_bits) - 1;
        }
    }
    (n_bits < 6).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Found = Result<Option<Partial>, String>;

    fn reply(protocol: Protocol, body: &[u8]) -> Reply {
        let body = Bytes::copy_from_slice(body);
        Reply::new(protocol, Some(Signal::Traces), 200, HeaderMap::new(), body, None)
    }

    #[test]
    fn compressed_replies_are_read_as_what_they_say() {
        let gzip = |name, body: &[u8], protocol| {
            let mut headers = HeaderMap::new();
            headers.insert(name, http::HeaderValue::from_static("gzip"));
            Reply::new(protocol, Some(Signal::Traces), 200, headers, Bytes::copy_from_slice(body), None)
        };
        let partial = Ok(Some(Partial { rejected: 2, message: String::new() }));
        let json = crate::gzip::gzip(br#"{"partialSuccess":{"rejectedSpans":"2"}}"#);
        let reply = gzip("content-encoding", &json, Protocol::HttpJson);
        assert_eq!((reply.partial(), reply.coding(), reply.false_gzip), (partial.clone(), "gzip".to_owned(), false));
        let message = crate::gzip::gzip(&[0x0a, 2, 0x08, 2]);
        let framed = [&[1, 0, 0, 0, message.len() as u8][..], &message].concat();
        assert_eq!(gzip("grpc-encoding", &framed, Protocol::Grpc).partial(), partial);
        // The header alone compresses nothing.
        let plain = gzip("grpc-encoding", &[0, 0, 0, 0, 4, 0x0a, 2, 0x08, 2], Protocol::Grpc);
        assert_eq!((plain.partial(), plain.coding()), (partial, String::new()));
        let wrong = gzip("content-encoding", b"{}", Protocol::HttpJson);
        assert!(wrong.false_gzip && wrong.partial() == Ok(None));
    }

    #[test]
    fn partial_success_is_read_in_both_encodings() {
        let partial = |rejected, message: &str| Ok(Some(Partial { rejected, message: message.to_owned() }));
        let protobuf: [(&[u8], Found); 4] = [
            (&[], Ok(None)),
            (&[0x0a, 0], partial(0, "")),
            (&[0x0a, 5, 0x08, 2, 0x12, 1, b'x'], partial(2, "x")),
            (&[0x0a, 9], Err("the body is not a protobuf message".to_owned())),
        ];
        for (body, expected) in protobuf {
            assert_eq!(reply(Protocol::HttpProtobuf, body).partial(), expected);
            let framed = [&[0, 0, 0, 0, body.len() as u8], body].concat();
            assert_eq!(reply(Protocol::Grpc, &framed).partial(), expected);
        }
        let json = [
            ("{}", Ok(None)),
            (r#"{"partialSuccess":null}"#, Ok(None)),
            (r#"{"partialSuccess":{}}"#, partial(0, "")),
            (r#"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"x"}}"#, partial(2, "x")),
            (r#"{"partialSuccess":{"rejectedSpans":2}}"#, partial(2, "")),
            (r#"{"partialSuccess":{"rejectedLogRecords":2}}"#, partial(0, "")),
            ("[]", Err("the body is not a JSON object".to_owned())),
        ];
        for (body, expected) in json {
            assert_eq!(reply(Protocol::HttpJson, body.as_bytes()).partial(), expected, "{body}");
        }
    }

    #[test]
    fn base64_with_and_without_padding() {
        for (text, bytes) in [("Zm9vYg==", "foob"), ("Zm9vYg", "foob"), ("", "")] {
            assert_eq!(decode_base64(text).unwrap(), bytes.as_bytes());
        }
        for bad in ["a", "a-b_", "Zg =="] {
            assert_eq!(decode_base64(bad), None, "{bad}");
        }
    }
}
