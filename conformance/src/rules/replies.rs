//! R1 to R4, R6, R12: what the reply to a request says that was taken, all or parts of it.

use crate::expect::{
    accepted, answered, counts, explains, full_success, rejects, response_message, same_content_type, taken,
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
        "bad spans cost themselves and no other, whatever is wrong with them: two of three are rejected",
        Test::Send(badly_mixed_spans, rejects::<2>),
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
        Test::Signals(one_of_two, explains),
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
        Test::Signals(one_of_two, same_content_type),
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
        "an item that is twice in a request is no error",
        Test::Signals(
            |p, signal| {
                let item = p.item(signal);
                p.export(signal, &request(signal, [item.clone(), item]))
            },
            accepted,
        ),
    ),
];

/// A request with a resource without scopes, and a scope without items.
fn envelopes(signal: Signal) -> Message {
    let [resources, ..] = signal.lists();
    request(signal, []).many(1, resources, [Message::new(), Message::new().one(1, "resource", Message::new())])
}

/// An invalid item, then a good one.
fn one_of_two(p: &Probe, signal: Signal) -> Request {
    p.export(signal, &request(signal, [p.invalid_item(signal), p.item(signal)]))
}

/// Three spans: a good one between two whose trace ids are zeros. One fault alone: a receiver that finds only one of two kinds is
/// exact when it counts those.
fn two_bad_spans(p: &Probe) -> Request {
    let [first, last] = [0, 1].map(|_| p.invalid_item(Signal::Traces));
    p.export(Signal::Traces, &p.traces([first, p.span(), last]))
}

/// Three spans: with a trace id of zeros, good, with a span id that is too short.
fn badly_mixed_spans(p: &Probe) -> Request {
    let short = p.span().set(2, "spanId", Value::Id(vec![1; 7]));
    p.export(Signal::Traces, &p.traces([p.invalid_item(Signal::Traces), p.span(), short]))
}

/// Five points: three of a sum without a temporality, two of a good gauge.
fn three_bad_points(p: &Probe) -> Request {
    let bad = p.sum(0, [p.number_point(), p.number_point(), p.number_point()]);
    p.export(Signal::Metrics, &p.metrics([bad, p.gauge_of([p.number_point(), p.number_point()])]))
}

/// Two records, one of them at the end of time.
fn a_bad_record(p: &Probe) -> Request {
    one_of_two(p, Signal::Logs)
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
    for signal in p.signals() {
        let body = p.encode(&p.sample(signal));
        for _ in 0..2 {
            taken(&p.send(p.post(signal, body.clone())).await?)?;
        }
    }
    Ok(())
}
