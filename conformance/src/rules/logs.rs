//! D4: log records.

use crate::expect::{accepted, taken};
use crate::message::{Message, Value};
use crate::probe::Probe;
use crate::protocol::Signal;
use crate::request::Request;
use crate::rule::{ALL, Rule, Test};
use crate::sample::{SECOND, any, array, attribute, kvlist, string};

const IDS: &str = "proto: logs.proto, LogRecord ids";

pub(super) const RULES: &[Rule] = &[
    Rule::must(
        "D4.all-fields",
        ALL,
        "proto: logs.proto, LogRecord",
        "a record with every field is valid, an event with its name too",
        Test::Send(|p| p.export(Signal::Logs, &p.logs([full_record(p)])), taken),
    ),
    Rule::must(
        "D4.no-fields",
        ALL,
        "proto: logs.proto, LogRecord",
        "all fields of a record but the observed time are optional",
        Test::Send(
            |p| {
                let observed = Message::new().set(11, "observedTimeUnixNano", Value::Fixed64(p.now()));
                p.export(Signal::Logs, &p.logs([observed]))
            },
            taken,
        ),
    ),
    Rule::practice(
        "D4.no-time",
        ALL,
        "proto: logs.proto, LogRecord times",
        "a record without any time is taken: the receiver has a clock",
        Test::Send(|p| records(p, |record| record.without(1).without(11)), taken),
    ),
    Rule::must(
        "D4.bodies",
        ALL,
        "proto: logs.proto, LogRecord.body",
        "a body is any value: text, number, bytes, array, map, or none",
        Test::Send(|p| p.export(Signal::Logs, &p.logs(bodies(p))), taken),
    ),
    Rule::must(
        "D4.severities",
        ALL,
        "proto: logs.proto, SeverityNumber",
        "every severity from 0 to 24 is valid",
        Test::Send(
            |p| p.export(Signal::Logs, &p.logs((0..=24).map(|it| p.log().set(2, "severityNumber", Value::Enum(it))))),
            taken,
        ),
    ),
    Rule::practice(
        "D4.unknown-severity",
        ALL,
        "protobuf: open enums of proto3",
        "a severity beyond 24 costs no more than its record",
        Test::Send(|p| records(p, |record| record.set(2, "severityNumber", Value::Enum(25))), accepted),
    ),
    Rule::should(
        "D4.zero-ids",
        ALL,
        IDS,
        "ids of zeros mean that the record belongs to no trace; it is not rejected",
        Test::Send(
            |p| {
                records(p, |record| {
                    record.set(9, "traceId", Value::Id(vec![0; 16])).set(10, "spanId", Value::Id(vec![0; 8]))
                })
            },
            taken,
        ),
    ),
    Rule::should(
        "D4.short-ids",
        ALL,
        IDS,
        "so do ids of a wrong length",
        Test::Send(
            |p| {
                records(p, |record| {
                    record.set(9, "traceId", Value::Id(vec![1; 15])).set(10, "spanId", Value::Id(vec![1; 3]))
                })
            },
            taken,
        ),
    ),
    Rule::should(
        "D4.span-id-alone",
        ALL,
        IDS,
        "a span id without a trace id is no error of the record",
        Test::Send(|p| records(p, |record| record.set(10, "spanId", Value::Id(vec![1; 8]))), taken),
    ),
    Rule::must(
        "D4.flags",
        ALL,
        "proto: logs.proto, LogRecord.flags",
        "readers must not assume that the upper 24 bits are zero",
        Test::Send(|p| records(p, |record| record.set(8, "flags", Value::Fixed32(0xffff_ff01))), taken),
    ),
    Rule::practice(
        "D4.out-of-order",
        ALL,
        "practice: files, buffering agents",
        "records in any order, an hour old among them, are taken",
        Test::Send(
            |p| {
                let ages = [0, 3600, 5, 60];
                let aged = ages.map(|age| p.log().set(1, "timeUnixNano", Value::Fixed64(p.now() - age * SECOND)));
                p.export(Signal::Logs, &p.logs(aged))
            },
            taken,
        ),
    ),
    Rule::practice(
        "D4.long-line",
        ALL,
        "practice: stack traces, dumps",
        "a body of 1 MB costs no more than its record",
        Test::Send(|p| records(p, |record| record.one(5, "body", string(&"line\n".repeat(200_000)))), accepted),
    ),
];

fn records(p: &Probe, change: impl Fn(Message) -> Message) -> Request {
    p.export(Signal::Logs, &p.logs([change(p.log())]))
}

fn bodies(p: &Probe) -> Vec<Message> {
    let bodies = [
        string(""),
        any(Value::Int64(-7)),
        any(Value::Double(0.5)),
        any(Value::Bool(true)),
        any(Value::Bytes(vec![0, 1, 0xff])),
        array(vec![string("a"), any(Value::Int64(1))]),
        kvlist(vec![attribute("user", kvlist(vec![attribute("id", any(Value::Int64(1)))]))]),
        Message::new(),
    ];
    bodies.into_iter().map(|body| p.log().one(5, "body", body)).chain([p.log().without(5)]).collect()
}

/// A record with every field of version 1.11.
pub(super) fn full_record(p: &Probe) -> Message {
    p.log()
        .one(5, "body", kvlist(vec![attribute("page", string("/tickets"))]))
        .set(7, "droppedAttributesCount", Value::Uint32(2))
        .set(8, "flags", Value::Fixed32(1))
        .set(9, "traceId", Value::Id(p.trace_id()))
        .set(10, "spanId", Value::Id(p.span_id()))
        .text(12, "eventName", "browser.page_view")
}
