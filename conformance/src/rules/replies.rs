//! R1 to R6, R12: what the reply to a request says that was taken, all or parts of it.

use crate::expect::{
    accepted, answered, counts, explains, full_success, rejects, response_message, same_content_type, status_200, taken,
};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::{Protocol, Signal};
use crate::request::Request;
use crate::rule::{ALL, Check, HTTP, JSON, Rule, Test};
use crate::sample::request;

const FULL: &str = "otlp: Full Success";
const PARTIAL: &str = "otlp: Partial Success";

pub(super) const RULES: &[Rule] = &[
    Rule::should(
        "R1.empty",
        ALL,
        FULL,
        "a request without telemetry (no bytes, or {}) is a success, of each signal",
        Test::Signals(|p, signal| p.post(signal, if p.protocol == Protocol::HttpJson { "{}" } else { "" }), accepted),
    ),
    Rule::should(
        "R1.empty-envelopes",
        ALL,
        "otlp: Empty Telemetry Envelopes",
        "resources without scopes and scopes without items are a success, of each signal",
        Test::Signals(|p, signal| p.export(signal, &envelopes(signal)), accepted),
    ),
    Rule::practice(
        "R1.no-bytes-json",
        JSON,
        "practice: clients without telemetry",
        "a body of no bytes under application/json is no fault; it may be a success or bad data",
        Test::Signals(|p, signal| p.post(signal, ""), answered),
    ),
    Rule::must(
        "R2.status-200",
        HTTP,
        FULL,
        "a success has HTTP status 200",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), status_200),
    ),
    Rule::must(
        "R2.message",
        ALL,
        FULL,
        "the body of a success is an Export…ServiceResponse; in JSON an object, not an empty body",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), response_message),
    ),
    Rule::must(
        "R2.unset",
        ALL,
        FULL,
        "partial_success is unset in a full success: no bytes in protobuf, {} in JSON, not an empty object",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), full_success),
    ),
    Rule::must(
        "R2.unset-empty",
        ALL,
        FULL,
        "nor is it set for an empty request",
        Test::Signals(
            |p, signal| p.post(signal, if p.protocol == Protocol::HttpJson { "{}" } else { "" }),
            full_success,
        ),
    ),
    Rule::must(
        "R3.spans",
        ALL,
        PARTIAL,
        "if spans are rejected, the reply is a success (200, not 206) with the exact rejected_spans",
        Test::Send(two_bad_spans, counts::<2, 3>),
    ),
    Rule::must(
        "R3.data-points",
        ALL,
        PARTIAL,
        "if data points are rejected, rejected_data_points counts points, not metrics",
        Test::Send(three_bad_points, counts::<3, 5>),
    ),
    Rule::must(
        "R3.log-records",
        ALL,
        PARTIAL,
        "if log records are rejected, the reply is a success with the exact rejected_log_records",
        Test::Send(a_bad_record, counts::<1, 2>),
    ),
    Rule::must(
        "R3.all-rejected",
        ALL,
        PARTIAL,
        "if all spans are rejected one by one, the count is that of all",
        Test::Send(|p| p.export(Signal::Traces, &p.traces([p.span().without(1), p.span().without(1)])), counts::<2, 2>),
    ),
    Rule::must(
        "R3.several-scopes",
        ALL,
        PARTIAL,
        "if spans are rejected, the count is over all resources and scopes of the request",
        Test::Send(bad_in_each_resource, counts::<3, 6>),
    ),
    Rule::practice(
        "R3.isolation",
        ALL,
        "practice: one bad span loses a batch",
        "bad spans cost themselves and no other: two of three are rejected",
        Test::Send(two_bad_spans, rejects::<2>),
    ),
    Rule::practice(
        "R3.isolation-points",
        ALL,
        "practice: one bad metric loses a batch",
        "points of a metric without a temporality cost themselves and no other",
        Test::Send(three_bad_points, rejects::<3>),
    ),
    Rule::should(
        "R4.message",
        ALL,
        PARTIAL,
        "a rejection has an error_message for people (that it is in English is not tested, only that it has words)",
        Test::Send(two_bad_spans, explains),
    ),
    Rule::must(
        "R6.success",
        HTTP,
        "otlp: OTLP/HTTP Response",
        "the content type of a success is that of the request",
        Test::Signals(|p, signal| p.export(signal, &p.sample(signal)), same_content_type),
    ),
    Rule::must(
        "R6.partial",
        HTTP,
        "otlp: OTLP/HTTP Response",
        "the content type of a reply to a request with bad items is that of the request",
        Test::Send(two_bad_spans, same_content_type),
    ),
    Rule::practice(
        "R12.retry",
        ALL,
        "otlp: Duplicate Data",
        "the same request again, as after a lost reply, is taken again",
        Test::Script(|p| Box::pin(twice(p))),
    ),
    Rule::practice(
        "R12.duplicate-items",
        ALL,
        "otlp: Duplicate Data",
        "a span that is twice in a request is no error",
        Test::Send(
            |p| {
                let span = p.span();
                p.export(Signal::Traces, &p.traces([span.clone(), span]))
            },
            accepted,
        ),
    ),
];

/// A request with a resource without scopes, and a scope without items.
fn envelopes(signal: Signal) -> Message {
    let full = request(signal, []);
    let key = match signal {
        Signal::Traces => "resourceSpans",
        Signal::Metrics => "resourceMetrics",
        Signal::Logs => "resourceLogs",
    };
    full.many(1, key, [Message::new(), Message::new().one(1, "resource", Message::new())])
}

/// Three spans: with a trace id of zeros, good, with a span id that is too short.
fn two_bad_spans(p: &Probe) -> Request {
    let zeros = p.span().set(1, "traceId", Value::Id(vec![0; 16]));
    let short = p.span().set(2, "spanId", Value::Id(vec![1; 7]));
    p.export(Signal::Traces, &p.traces([zeros, p.span(), short]))
}

/// Five points: three of a sum without a temporality, two of a good gauge.
fn three_bad_points(p: &Probe) -> Request {
    let bad = p.sum(0, [p.number_point(), p.number_point(), p.number_point()]);
    p.export(Signal::Metrics, &p.metrics([bad, p.gauge_of([p.number_point(), p.number_point()])]))
}

/// Two records, one of them at the end of time.
fn a_bad_record(p: &Probe) -> Request {
    let bad = p.log().set(1, "timeUnixNano", Value::Fixed64(u64::MAX));
    p.export(Signal::Logs, &p.logs([bad, p.log()]))
}

fn bad_in_each_resource(p: &Probe) -> Request {
    let mut message = Message::new();
    for _ in 0..3 {
        let one = p.traces([p.span(), p.span().without(2)]);
        // The resources of each, one after the other in one request.
        message = message.append(one);
    }
    p.export(Signal::Traces, &message)
}

async fn twice(p: &Probe) -> Check {
    for signal in Signal::ALL {
        let body = p.encode(&p.sample(signal));
        for _ in 0..2 {
            taken(&p.send(p.post(signal, body.clone())).await?)?;
        }
    }
    Ok(())
}
