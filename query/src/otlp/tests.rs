//! Both encodings, read by the types that are generated from the specification.

use model::{AttrsBuf, SpanKind, TraceId, Value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use prost::Message;

use super::{TracesData, traces_data};
use crate::Budget;
use crate::testing::{TestSpan, TestStore, trace_id};
use crate::traces::{self, Trace};

fn attributes() -> AttrsBuf {
    let mut inner = AttrsBuf::new();
    inner.push("deep", Value::Int(i64::MIN));
    let mut all = AttrsBuf::new();
    all.push("text", Value::Str("\"quoted\" and 한국어"));
    all.push("bit", Value::Bool(false));
    all.push("int", Value::Int(-5));
    all.push("double", Value::Double(0.1));
    all.push("bytes", Value::Bytes(&[0, 255, 7]));
    all.push("map", Value::Map(inner.as_attrs()));
    all.push("empty", Value::Empty);
    all
}

fn spans() -> Vec<TestSpan> {
    let with_all =
        |span: TestSpan| attributes().as_attrs().iter().fold(span, |span, (key, value)| span.attr(key, value));
    vec![
        TestSpan::new(0xabc, 1, 5_000_500).of("gateway", "GET /", SpanKind::Server).lasting(2_000_999),
        with_all(TestSpan::new(0xabc, 2, 6_000_000).below(1).of("payment", "charge", SpanKind::Client))
            .resource_attr("host.name", Value::Str("node-1"))
            .scope("my.tracer")
            .event(6_001_000, "exception", &attributes())
            .link(0xdef, 9)
            .failed("declined"),
        TestSpan::new(0xabc, 3, 7_000_000).below(2).of("gateway", "", SpanKind::Internal),
    ]
}

fn found(store: &TestStore, id: TraceId) -> Trace {
    traces::trace(&store.snapshot(), &Budget::unlimited(), id).unwrap().unwrap()
}

#[test]
fn both_encodings_say_the_same_and_what_was_sent() {
    let store = TestStore::of_spans(&spans());
    let trace = found(&store, trace_id(0xabc));
    let binary = otlp::TracesData::decode(traces_data(&trace).as_slice()).unwrap();
    let json = serde_json::to_string(&TracesData::of([&trace])).unwrap();
    let read: otlp::TracesData = serde_json::from_str(&json).unwrap();
    for (read, binary) in read.resource_spans.iter().zip(&binary.resource_spans) {
        assert_eq!(read, binary);
    }
    assert_eq!(read.resource_spans.len(), binary.resource_spans.len());

    let services: Vec<_> =
        binary.resource_spans.iter().map(|it| it.scope_spans.iter().map(|it| it.spans.len()).sum::<usize>()).collect();
    assert_eq!(services, [2, 1], "by resource, in the order of their first spans");
    let scope = &binary.resource_spans[1].scope_spans[0];
    let span = &scope.spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().name, "my.tracer");
    assert_eq!(
        (span.span_id.as_slice(), span.parent_span_id.as_slice()),
        (&[0, 0, 0, 0, 0, 0, 0, 2][..], &[0, 0, 0, 0, 0, 0, 0, 1][..])
    );
    assert_eq!((span.start_time_unix_nano, span.kind, span.attributes.len()), (6_000_000, 3, 7));
    assert_eq!((span.events.len(), span.events[0].attributes.len(), span.links.len()), (1, 7, 1));
    assert_eq!(span.status.as_ref().unwrap().message, "declined");
}

#[test]
fn doubles_that_json_lacks_are_words() {
    let values = [(f64::NAN, "NaN"), (f64::INFINITY, "Infinity"), (f64::NEG_INFINITY, "-Infinity")];
    for (double, word) in values {
        let json = serde_json::to_value(super::AnyValue(Value::Double(double))).unwrap();
        assert_eq!(json, serde_json::json!({"doubleValue": word}));
    }
}
