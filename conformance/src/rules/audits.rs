//! Rules about every reply of a run: R2, R3, R5 to R7, R9 to R11, T6, T9, T18.
//!
//! They hold the replies to all other tests, so that what is rare in one test is found in hundreds.

use crate::date::is_http_date;
use crate::expect::{not_retryable, status_body, status_in_kind};
use crate::probe::Observation;
use crate::protocol::Protocol;
use crate::reply::{INTERNAL, decode_base64};
use crate::request::Flaw;
use crate::rule::{ALL, Check, GRPC, HTTP, Miss, Rule, Test};
use crate::status::Status;

pub(super) const GRPC_REPLIES: &[Rule] = &[
    Rule::must(
        "T6.percent-encoding",
        GRPC,
        "grpc: Responses, Percent-Encoded",
        "grpc-message is percent-encoded: printable ASCII, and each percent sign with two hex digits; over all replies",
        Test::Audit(percent_encoded),
    ),
    Rule::must(
        "T6.status-details",
        GRPC,
        "grpc: Responses, Status-Details",
        "grpc-status-details-bin is a google.rpc.Status whose code does not contradict grpc-status; over all replies",
        Test::Audit(status_details),
    ),
];

pub(super) const REPLIES: &[Rule] = &[
    Rule::must(
        "R2.status-200",
        HTTP,
        "otlp: Full Success",
        "a success has HTTP status 200 and no other 2xx; over all replies",
        Test::Audit(|it| match it.reply.http_status {
            200 => Ok(()),
            status @ 201..300 => Miss::broken(format!("HTTP {status} for a success")),
            _ => Miss::not_applicable(""),
        }),
    ),
    Rule::must(
        "R5.warning",
        ALL,
        "otlp: Partial Success",
        "partial_success with nothing rejected, a warning, has a non-empty error_message; over all replies",
        Test::Audit(warning),
    ),
    Rule::must(
        "R3.not-negative",
        ALL,
        "otlp: Partial Success",
        "the count of rejected items is not negative; over all replies",
        Test::Audit(|it| match it.reply.partial() {
            Ok(Some(partial)) if it.reply.is_accepted() && partial.rejected < 0 => {
                Miss::broken(format!("{} items were rejected", partial.rejected))
            }
            Ok(Some(_)) if it.reply.is_accepted() => Ok(()),
            _ => Miss::not_applicable(""),
        }),
    ),
    Rule::must(
        "R6.every",
        HTTP,
        "otlp: OTLP/HTTP Response",
        "every success has the content type of its request; over all replies",
        Test::Audit(|it| match it.request_type.as_str() {
            _ if !it.reply.is_accepted() => Miss::not_applicable(""),
            request if request == it.reply.essence() => Ok(()),
            request => Miss::broken(format!("{request} was answered with {:?}", it.reply.essence())),
        }),
    ),
    Rule::should(
        "T9.every",
        ALL,
        "otlp: Response (gRPC and HTTP)",
        "every reply is at most 4 MiB, before compression too; over all replies",
        Test::Audit(|it| match it.reply.size() {
            size if size > 4 << 20 => Miss::broken(format!("the reply has {size} bytes")),
            _ => Ok(()),
        }),
    ),
    Rule::practice(
        "T18.not-asked",
        ALL,
        "otlp: OTLP/HTTP Response; grpc-zip",
        "a client that did not say that it accepts gzip gets no compressed reply; over all replies",
        Test::Audit(|it| match it.reply.coding().as_str() {
            _ if it.asked_for_gzip => Miss::not_applicable(""),
            "" => Ok(()),
            coding => Miss::broken(format!("the reply is compressed with {coding}")),
        }),
    ),
];

pub(super) const REFUSALS: &[Rule] = &[
    Rule::must(
        "R7.every",
        HTTP,
        "otlp: OTLP/HTTP Response, Failures",
        "every 4xx and 5xx has a google.rpc.Status, in the encoding of a request that has one; over all replies",
        Test::Audit(|it| match it.request_type.as_str() {
            "application/json" | "application/x-protobuf" => status_in_kind(&it.reply),
            _ => status_body(&it.reply),
        }),
    ),
    Rule::must(
        "R7.every-grpc",
        GRPC,
        "grpc: Responses",
        "every reply to a call has a grpc-status; over all replies to the content type of gRPC",
        Test::Audit(|it| match it.reply.grpc_code() {
            _ if !it.request_type.starts_with("application/grpc") => Miss::not_applicable(""),
            Some(_) => Ok(()),
            None => Miss::broken("there is no grpc-status"),
        }),
    ),
    Rule::must(
        "R9.retry-after",
        HTTP,
        "rfc9110: 10.2.3 Retry-After",
        "Retry-After, when it is there, is a number of seconds or an HTTP date; over all replies",
        Test::Audit(|it| match it.reply.header("retry-after") {
            "" => Miss::not_applicable(""),
            value if value.bytes().all(|byte| byte.is_ascii_digit()) || is_http_date(value) => Ok(()),
            value => Miss::broken(format!("retry-after is {value:?}")),
        }),
    ),
    Rule::practice(
        "R9.has-retry-after",
        HTTP,
        "otlp: OTLP/HTTP Throttling",
        "429 and 503 come with Retry-After; over all replies, no load is made to provoke one",
        Test::Audit(|it| match (it.reply.http_status, it.reply.header("retry-after")) {
            (429 | 503, "") => Miss::broken("there is no retry-after"),
            (429 | 503, _) => Ok(()),
            _ => Miss::not_applicable(""),
        }),
    ),
    Rule::practice(
        "R10.no-fault",
        ALL,
        "otlp: Retryable Response Codes",
        "no request is answered by 500, UNKNOWN or INTERNAL, but INTERNAL for what gRPC cannot parse; over all replies",
        Test::Audit(no_fault),
    ),
    Rule::must(
        "R11.bad-data",
        ALL,
        "otlp: Retryable Response Codes",
        "a refusal of bad data or for its size has a code that clients do not retry; over all replies",
        Test::Audit(|it| match it.flaw {
            Flaw::None => Miss::not_applicable(""),
            Flaw::Undecodable | Flaw::TooLarge if it.reply.is_accepted() => Miss::not_applicable(""),
            Flaw::Undecodable | Flaw::TooLarge => not_retryable(&it.reply),
        }),
    ),
];

fn warning(it: &Observation) -> Check {
    match it.reply.partial() {
        Ok(Some(partial)) if it.reply.is_accepted() && partial.rejected == 0 => {
            if partial.message.is_empty() {
                Miss::broken("error_message is empty")
            } else {
                Ok(())
            }
        }
        _ => Miss::not_applicable(""),
    }
}

fn no_fault(it: &Observation) -> Check {
    match it.reply.protocol {
        Protocol::Grpc => match it.reply.grpc_code() {
            // What gRPC's own document says for a message that cannot be decompressed or parsed.
            Some(INTERNAL) if it.breaks_framing || it.flaw == Flaw::Undecodable => Ok(()),
            Some(2 | 13) => Miss::broken("a fault of the receiver"),
            _ => Ok(()),
        },
        _ if it.reply.http_status == 500 => Miss::broken("HTTP 500: clients drop what they sent"),
        _ => Ok(()),
    }
}

fn percent_encoded(it: &Observation) -> Check {
    let Some(bytes) = it.reply.trailer_bytes("grpc-message").filter(|_| it.reply.protocol == Protocol::Grpc) else {
        return Miss::not_applicable("");
    };
    let printable = bytes.iter().all(|byte| (b' '..=b'~').contains(byte));
    let is_hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let encoded = (0..bytes.len()).filter(|at| bytes[*at] == b'%').all(|at| is_hex(at + 1) && is_hex(at + 2));
    if printable && encoded { Ok(()) } else { Miss::broken("grpc-message is not percent-encoded") }
}

fn status_details(it: &Observation) -> Check {
    let Some(text) = it.reply.trailer("grpc-status-details-bin") else { return Miss::not_applicable("") };
    let Some(bytes) = decode_base64(text) else { return Miss::broken("it is not base64") };
    let Some(status) = Status::from_protobuf(&bytes) else { return Miss::broken("it is no google.rpc.Status") };
    // A code of 0 is one that is not there: proto3 does not tell them apart.
    if status.code == 0 || Some(status.code) == it.reply.grpc_code() {
        return Ok(());
    }
    Miss::broken(format!("its code is {}, and grpc-status is {:?}", status.code, it.reply.grpc_code()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;
    use crate::message::base64;
    use crate::probe::Exchange;
    use crate::reply::Reply;

    /// A reply of gRPC with `code` and, when it is given, a `Status` with another or the same.
    fn observed(code: &'static str, status: Option<&[u8]>, flaw: Flaw) -> Observation {
        let mut headers = HeaderMap::new();
        headers.insert("grpc-status", HeaderValue::from_static(code));
        if let Some(status) = status {
            headers.insert("grpc-status-details-bin", HeaderValue::from_str(&base64(status)).unwrap());
        }
        Observation {
            exchange: Exchange { sent: String::new(), got: String::new() },
            request_type: "application/grpc".to_owned(),
            asked_for_gzip: false,
            breaks_framing: false,
            flaw,
            reply: Reply::new(Protocol::Grpc, None, 200, headers, Default::default(), None),
        }
    }

    #[test]
    fn a_status_may_leave_out_its_code_and_not_contradict() {
        for (status, holds) in [(&[0x08, 3][..], true), (&[], true), (&[0x12, 1, b'x'], true), (&[0x08, 5], false)] {
            let outcome = status_details(&observed("3", Some(status), Flaw::None));
            assert_eq!(outcome.is_ok(), holds, "{status:?} {outcome:?}");
        }
        assert!(matches!(status_details(&observed("3", None, Flaw::None)), Err(Miss::NotApplicable(_))));
    }

    #[test]
    fn internal_is_a_fault_unless_the_message_cannot_be_parsed() {
        for (code, flaw, holds) in [
            ("13", Flaw::None, false),
            ("13", Flaw::Undecodable, true),
            ("13", Flaw::TooLarge, false),
            ("2", Flaw::Undecodable, false),
            ("3", Flaw::None, true),
        ] {
            assert_eq!(no_fault(&observed(code, None, flaw)).is_ok(), holds, "{code} {flaw:?}");
        }
    }
}
