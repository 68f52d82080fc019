//! Rules about every reply of a run: R5, R6, R7, R9, R10, T9, T18.
//!
//! They hold the replies to all other tests, so that what is rare in one test is found in hundreds.

use crate::expect::{status_body, status_in_kind};
use crate::probe::Observation;
use crate::protocol::Protocol;
use crate::rule::{ALL, Check, GRPC, HTTP, Miss, Rule, Test};

pub(super) const REPLIES: &[Rule] = &[
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
    Rule::must(
        "T9.every",
        ALL,
        "otlp: Response (gRPC and HTTP)",
        "every reply is at most 4 MiB; over all replies",
        Test::Audit(|it| match it.reply.body.len() {
            size if size > 4 << 20 => Miss::broken(format!("the reply has {size} bytes")),
            _ => Ok(()),
        }),
    ),
    Rule::must(
        "T18.not-asked",
        ALL,
        "otlp: OTLP/HTTP Response; grpc-zip",
        "a client that did not say that it accepts gzip gets no compressed reply; over all replies",
        Test::Audit(|it| {
            let coding = [it.reply.header("content-encoding"), it.reply.header("grpc-encoding")].concat();
            match coding.to_ascii_lowercase().as_str() {
                _ if it.asked_for_gzip => Miss::not_applicable(""),
                "" | "identity" => Ok(()),
                // In gRPC the header names a coding, and the flag says whether the message has it.
                _ if it.reply.protocol == Protocol::Grpc && it.reply.body.first() != Some(&1) => Ok(()),
                coding => Miss::broken(format!("the reply is compressed with {coding}")),
            }
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
            value if value.bytes().all(|byte| byte.is_ascii_digit()) || value.ends_with(" GMT") => Ok(()),
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
        "no request of the suite is answered by 500, UNKNOWN or INTERNAL, but for broken framing of gRPC",
        Test::Audit(no_fault),
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
            Some(13) if it.breaks_framing => Ok(()),
            Some(2 | 13) => Miss::broken("a fault of the receiver"),
            _ => Ok(()),
        },
        _ if it.reply.http_status == 500 => Miss::broken("HTTP 500: clients drop what they sent"),
        _ => Ok(()),
    }
}
