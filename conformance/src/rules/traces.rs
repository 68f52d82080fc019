//! D3: spans.

use crate::expect::{accepted, rejects, taken};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::request::Request;
use crate::rule::{ALL, PROTOBUF, Rule, Test};
use crate::sample::{SECOND, attribute, string};

const IDS: &str = "proto: trace.proto, Span ids";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "D3.all-fields",
        ALL,
        "proto: trace.proto, Span",
        "a span with every field, with events and links, is valid",
        Test::Send(|p| p.export(Signal::Traces, &p.traces([full_span(p)])), taken),
    ),
    Rule::must(
        "D3.least-fields",
        ALL,
        "proto: trace.proto, Span",
        "a span with ids, a name and times only is valid",
        Test::Send(|p| spans(p, |span| span.without(6).without(9)), taken),
    ),
    Rule::must(
        "D3.kinds",
        ALL,
        "proto: trace.proto, SpanKind",
        "every kind is valid, also 0, which may be taken for internal",
        Test::Send(|p| p.export(Signal::Traces, &p.traces((0..=5).map(|kind| of_kind(p, kind)))), taken),
    ),
    Rule::practice(
        "D3.unknown-kind",
        ALL,
        "protobuf: open enums of proto3",
        "a kind of a later version of the protocol costs no more than its span",
        Test::Send(|p| p.export(Signal::Traces, &p.traces([of_kind(p, 99)])), accepted),
    ),
    Rule::must(
        "D3.status",
        ALL,
        "proto: trace.proto, Status",
        "every status code is valid, also unset, with and without a message",
        Test::Send(
            |p| {
                p.export(
                    Signal::Traces,
                    &p.traces((0..=2).map(|code| p.span().one(15, "status", status(code, "text")))),
                )
            },
            taken,
        ),
    ),
    Rule::must(
        "D3.flags",
        ALL,
        "proto: trace.proto, Span.flags",
        "bits above the lowest eight are no error: 8 and 9 say whether the parent is remote, others may come",
        Test::Send(|p| spans(p, |span| span.set(16, "flags", Value::Fixed32(0xffff_ff01))), taken),
    ),
    Rule::must(
        "D3.parent-elsewhere",
        ALL,
        "proto: trace.proto, Span.parent_span_id",
        "a span whose parent is not in the request is valid",
        Test::Send(|p| spans(p, |span| span.set(4, "parentSpanId", Value::Id(vec![7; 8]))), taken),
    ),
    Rule::practice(
        "D3.zero-trace-id",
        ALL,
        IDS,
        "a trace id of zeros is invalid, and the field required: the span is rejected, the others are not",
        Test::Send(|p| one_of_two(p, |span| span.set(1, "traceId", Value::Id(vec![0; 16]))), rejects::<1>),
    ),
    Rule::practice(
        "D3.short-trace-id",
        ALL,
        IDS,
        "so is one of another length than 16 bytes",
        Test::Send(|p| one_of_two(p, |span| span.set(1, "traceId", Value::Id(vec![1; 15]))), rejects::<1>),
    ),
    Rule::practice(
        "D3.no-trace-id",
        ALL,
        IDS,
        "and none at all",
        Test::Send(|p| one_of_two(p, |span| span.without(1)), rejects::<1>),
    ),
    Rule::practice(
        "D3.zero-span-id",
        ALL,
        IDS,
        "a span id of zeros is invalid",
        Test::Send(|p| one_of_two(p, |span| span.set(2, "spanId", Value::Id(vec![0; 8]))), rejects::<1>),
    ),
    Rule::practice(
        "D3.short-span-id",
        ALL,
        IDS,
        "so is one of another length than 8 bytes",
        Test::Send(|p| one_of_two(p, |span| span.set(2, "spanId", Value::Id(vec![1; 9]))), rejects::<1>),
    ),
    Rule::practice(
        "D3.short-parent-id",
        ALL,
        "proto: trace.proto, Span.parent_span_id",
        "a parent id of another length costs no more than its span",
        Test::Send(|p| one_of_two(p, |span| span.set(4, "parentSpanId", Value::Id(vec![1; 3]))), accepted),
    ),
    Rule::practice(
        "D3.link-ids",
        ALL,
        "proto: trace.proto, Span.Link",
        "a link with ids of zeros or of another length costs no more than its span",
        Test::Send(|p| one_of_two(p, |span| span.many(13, "links", bad_links())), accepted),
    ),
    Rule::must(
        "D3.last-one-wins",
        PROTOBUF,
        "protobuf: Last One Wins",
        "of a field that is there twice the last counts: a trace id of zeros, then one that is valid",
        Test::Send(
            |p| {
                let zeros = Message::new().set(1, "traceId", Value::Id(vec![0; 16]));
                p.export(Signal::Traces, &p.traces([zeros.append(p.span())]))
            },
            taken,
        ),
    ),
    Rule::practice(
        "D3.end-before-start",
        ALL,
        "proto: trace.proto, Span times",
        "a span that ends before it starts costs no more than itself",
        Test::Send(|p| spans(p, |span| span.set(8, "endTimeUnixNano", Value::Fixed64(p.now() - 2 * SECOND))), accepted),
    ),
    Rule::practice(
        "D3.no-end",
        ALL,
        "proto: trace.proto, Span times",
        "a span without an end costs no more than itself",
        Test::Send(|p| spans(p, |span| span.without(8)), accepted),
    ),
    Rule::practice(
        "D3.no-name",
        ALL,
        "proto: trace.proto, Span.name",
        "an empty name is an unknown name, and no error",
        Test::Send(|p| spans(p, |span| span.without(5)), taken),
    ),
    Rule::practice(
        "D3.late",
        ALL,
        "practice: long requests, buffering agents",
        "a span of an hour ago is taken",
        Test::Send(
            |p| spans(p, |span| span.set(7, "startTimeUnixNano", Value::Fixed64(p.now() - 3600 * SECOND))),
            taken,
        ),
    ),
];

fn spans(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Traces, &p.traces([change(p.span())]))
}

/// A changed span, then one as it was.
fn one_of_two(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Traces, &p.traces([change(p.span()), p.span()]))
}

fn bad_links() -> [Message; 2] {
    let link =
        |trace_id, span_id| Message::new().set(1, "traceId", Value::Id(trace_id)).set(2, "spanId", Value::Id(span_id));
    [link(vec![0; 16], vec![0; 8]), link(vec![1; 15], vec![1; 3])]
}

fn of_kind(p: &Probe, kind: i32) -> Message {
    p.span().set(6, "kind", Value::Enum(kind))
}

fn status(code: i32, message: &str) -> Message {
    let status = Message::new().set(3, "code", Value::Enum(code));
    if code == 2 { status.text(2, "message", message) } else { status }
}

/// A span with every field of version 1.11.
pub(super) fn full_span(p: &Probe) -> Message {
    let dropped = |it: Message, number| it.set(number, "droppedAttributesCount", Value::Uint32(1));
    let event = Message::new().set(1, "timeUnixNano", Value::Fixed64(p.now())).text(2, "name", "exception").many(
        3,
        "attributes",
        [attribute("exception.type", string("Timeout"))],
    );
    let link = Message::new()
        .set(1, "traceId", Value::Id(p.trace_id()))
        .set(2, "spanId", Value::Id(p.span_id()))
        .text(3, "traceState", "vendor=1")
        .many(4, "attributes", [attribute("link", string("follows"))])
        .set(6, "flags", Value::Fixed32(0x301));
    p.span()
        .text(3, "traceState", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
        .set(4, "parentSpanId", Value::Id(p.span_id()))
        .set(10, "droppedAttributesCount", Value::Uint32(2))
        .many(11, "events", [dropped(event.clone(), 4), event])
        .set(12, "droppedEventsCount", Value::Uint32(3))
        .many(13, "links", [dropped(link.clone(), 5), link])
        .set(14, "droppedLinksCount", Value::Uint32(4))
        .one(15, "status", status(2, "deadline exceeded"))
        .set(16, "flags", Value::Fixed32(0x101))
}
