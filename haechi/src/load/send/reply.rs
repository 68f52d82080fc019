//! What an answer to an export means: done, to be tried again, or refused. Source: the OTLP specification, "Failures" of
//! both transports.

use std::time::Duration;

use http::HeaderMap;
use http::header::RETRY_AFTER;
use model::wire::{Raw, Reader};

/// Characters that are kept of what a receiver says of rejected items.
const MAX_WHY: usize = 300;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Stored, but for as many items as were rejected, and what the receiver says of those.
    Accepted { rejected: u64, why: String },
    /// The same bytes are worth another try, after this long if the receiver said so.
    Later { kind: String, pause: Option<Duration> },
    /// Not worth another try.
    Refused { kind: String },
}

/// Of an answer over HTTP.
pub(super) fn of_http(status: u16, headers: &HeaderMap, body: &[u8]) -> Outcome {
    match status {
        200..=299 => accepted(body),
        429 | 502..=504 => {
            let seconds = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
            Outcome::Later { kind: format!("HTTP {status}"), pause: seconds.map(Duration::from_secs) }
        }
        _ => Outcome::Refused { kind: format!("HTTP {status}") },
    }
}

/// Names of the codes of gRPC by number.
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

/// Of an answer over gRPC: the message, and the trailers (or, without a message, the headers).
pub(super) fn of_grpc(trailers: &HeaderMap, message: &[u8]) -> Outcome {
    let text = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok());
    let Some(code) = text("grpc-status").and_then(|code| code.parse::<usize>().ok()) else {
        return Outcome::Later { kind: "no grpc-status".to_owned(), pause: None };
    };
    let pause = text("grpc-status-details-bin").and_then(base64).and_then(|status| retry_delay(&status));
    let kind = CODES.get(code).map_or_else(|| format!("gRPC status {code}"), |name| (*name).to_owned());
    match code {
        // After five bytes of flag and length.
        0 => accepted(message.get(5..).unwrap_or_default()),
        1 | 4 | 10 | 11 | 14 | 15 => Outcome::Later { kind, pause },
        8 if pause.is_some() => Outcome::Later { kind, pause },
        _ => Outcome::Refused { kind },
    }
}

/// `partial_success` of an `Export*ServiceResponse`: `rejected_*` and, where that is not 0, `error_message`.
fn accepted(response: &[u8]) -> Outcome {
    let (mut rejected, mut why) = (0, String::new());
    let mut reader = Reader::new(response);
    while let Ok(Some((number, raw))) = reader.next_field() {
        let (1, Raw::Bytes(partial)) = (number, raw) else { continue };
        let mut reader = Reader::new(partial);
        while let Ok(Some((number, raw))) = reader.next_field() {
            match (number, raw) {
                (1, Raw::Varint(count)) => rejected = count,
                (2, Raw::Bytes(message)) => {
                    let text = String::from_utf8_lossy(message);
                    why = text.chars().filter(|char| !char.is_control()).take(MAX_WHY).collect();
                }
                _ => {}
            }
        }
    }
    if rejected == 0 {
        why.clear();
    }
    Outcome::Accepted { rejected, why }
}

/// The delay of the `google.rpc.RetryInfo` in a `google.rpc.Status`.
fn retry_delay(status: &[u8]) -> Option<Duration> {
    let any = messages(status, 3).find(|any| messages(any, 1).any(|url| url.ends_with(b"/google.rpc.RetryInfo")))?;
    let delay = messages(messages(any, 2).next()?, 1).next()?;
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(delay);
    while let Ok(Some((number, raw))) = reader.next_field() {
        match (number, raw) {
            (1, Raw::Varint(it)) => seconds = it,
            (2, Raw::Varint(it)) => nanos = it,
            _ => {}
        }
    }
    // A receiver that asks for more than a day asks for nothing that this tool can give.
    (seconds < 86_400).then(|| Duration::from_secs(seconds) + Duration::from_nanos(nanos.min(999_999_999)))
}

/// The strings or messages in field `wanted` of `message`.
fn messages(message: &[u8], wanted: u32) -> impl Iterator<Item = &[u8]> {
    let mut reader = Reader::new(message);
    std::iter::from_fn(move || reader.next_field().ok().flatten()).filter_map(move |(number, raw)| match raw {
        Raw::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// Binary metadata of gRPC: base64 with or without padding.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut n_bits, mut out) = (0u32, 0, Vec::new());
    for byte in text.trim_end_matches('=').bytes() {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            out.push((bits >> n_bits) as u8);
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use model::wire::{put_bytes_field, put_varint_field};

    use super::*;

    fn later(kind: &str, seconds: Option<u64>) -> Outcome {
        Outcome::Later { kind: kind.to_owned(), pause: seconds.map(Duration::from_secs) }
    }

    fn refused(kind: &str) -> Outcome {
        Outcome::Refused { kind: kind.to_owned() }
    }

    #[test]
    fn http_statuses_are_read_as_otlp_defines_them() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static("3"));
        let table = [
            (200, Outcome::Accepted { rejected: 0, why: String::new() }),
            (429, later("HTTP 429", Some(3))),
            (502, later("HTTP 502", Some(3))),
            (503, later("HTTP 503", Some(3))),
            (504, later("HTTP 504", Some(3))),
            (500, refused("HTTP 500")),
            (400, refused("HTTP 400")),
            (413, refused("HTTP 413")),
        ];
        for (status, expected) in table {
            assert_eq!(of_http(status, &headers, b""), expected, "{status}");
        }
        assert_eq!(of_http(503, &HeaderMap::new(), b""), later("HTTP 503", None));
    }

    #[test]
    fn rejected_items_are_counted() {
        let mut partial = Vec::new();
        put_varint_field(&mut partial, 1, 300);
        put_bytes_field(&mut partial, 2, b"too old");
        let mut response = Vec::new();
        put_bytes_field(&mut response, 1, &partial);
        assert_eq!(
            of_http(200, &HeaderMap::new(), &response),
            Outcome::Accepted { rejected: 300, why: "too old".to_owned() }
        );
    }

    /// `google.rpc.Status` with `RetryInfo` of one second, in base64.
    const RETRY_IN_ONE_SECOND: &str = "CA4aMAoodHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUucnBjLlJldHJ5SW5mbxIECgIIAQ";

    #[test]
    fn grpc_codes_are_read_as_otlp_defines_them() {
        let mut headers = HeaderMap::new();
        let mut outcome = |code: &'static str, details: Option<&'static str>| {
            headers.insert("grpc-status", HeaderValue::from_static(code));
            headers.remove("grpc-status-details-bin");
            details.map(|it| headers.insert("grpc-status-details-bin", HeaderValue::from_static(it)));
            of_grpc(&headers, b"")
        };
        assert_eq!(outcome("0", None), Outcome::Accepted { rejected: 0, why: String::new() });
        assert_eq!(outcome("14", None), later("UNAVAILABLE", None));
        assert_eq!(outcome("14", Some(RETRY_IN_ONE_SECOND)), later("UNAVAILABLE", Some(1)));
        assert_eq!(outcome("8", None), refused("RESOURCE_EXHAUSTED"));
        assert_eq!(outcome("8", Some(RETRY_IN_ONE_SECOND)), later("RESOURCE_EXHAUSTED", Some(1)));
        assert_eq!(outcome("3", Some(RETRY_IN_ONE_SECOND)), refused("INVALID_ARGUMENT"));
        assert_eq!(of_grpc(&HeaderMap::new(), b""), later("no grpc-status", None));
    }
}
