//! What is made: every kind of span, link, event, log record and instrument, with values at their limits.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::logs::{AnyValue, LogRecord, Logger, Severity};
use opentelemetry::metrics::{Counter, Gauge, Histogram, Meter, UpDownCounter};
use opentelemetry::trace::{
    Link, Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer,
};
use opentelemetry::{Array, Context, Key, KeyValue, StringValue, Value};

/// Attributes of every type that the API takes.
fn every_type() -> Vec<KeyValue> {
    let array = |array| Value::Array(array);
    vec![
        KeyValue::new("a.string", "plain"),
        KeyValue::new("a.string.empty", ""),
        KeyValue::new("a.string.unicode", "Grüße, 世界 — 🦀 \u{202e}rtl\u{202c}"),
        KeyValue::new("a.string.control", "quote \" backslash \\ newline \n tab \t bell \u{7}"),
        KeyValue::new("a.bool.true", true),
        KeyValue::new("a.bool.false", false),
        KeyValue::new("a.int.zero", 0),
        KeyValue::new("a.int.max", i64::MAX),
        KeyValue::new("a.int.min", i64::MIN),
        KeyValue::new("a.double", 0.1),
        KeyValue::new("a.double.whole", 3.0),
        KeyValue::new("a.double.long", 0.028_714_279_000_000_002),
        KeyValue::new("a.double.negative.zero", -0.0),
        KeyValue::new("a.double.tiny", 5e-324),
        KeyValue::new("a.double.max", f64::MAX),
        KeyValue::new("a.strings", array(Array::String(["one", "", "дві"].map(StringValue::from).to_vec()))),
        KeyValue::new("a.bools", array(Array::Bool(vec![true, false]))),
        KeyValue::new("a.ints", array(Array::I64(vec![1, i64::MIN, i64::MAX]))),
        KeyValue::new("a.doubles", array(Array::F64(vec![0.5, -1.25, 2.0]))),
        KeyValue::new("a.empty.array", array(Array::I64(Vec::new()))),
    ]
}

/// Makes a root, children of every kind, two traces that are linked, one child of a remote parent. Gives the root's context.
pub fn make_spans<T: Tracer>(tracer: &T, now: SystemTime) -> SpanContext
where
    T::Span: Send + Sync + 'static,
{
    let nothing = Context::new();
    let builder = tracer.span_builder("root ✓").with_kind(SpanKind::Server).with_attributes(every_type());
    let mut root = tracer.build_with_context(builder, &nothing);
    let own = root.span_context().clone();
    root.add_event("without attributes", Vec::new());
    root.add_event("with all of them", every_type());
    root.add_event_with_timestamp(
        "at a time of its own",
        now - Duration::new(5, 123_456_789),
        vec![KeyValue::new("n", 1)],
    );
    let inside = nothing.with_span(root);

    for kind in [SpanKind::Internal, SpanKind::Server, SpanKind::Client, SpanKind::Producer, SpanKind::Consumer] {
        let child = tracer.build_with_context(tracer.span_builder(format!("child {kind:?}")).with_kind(kind), &inside);
        let beneath = inside.with_span(child);
        tracer.build_with_context(tracer.span_builder("grandchild"), &beneath).end();
        beneath.span().end();
    }
    let mut failed = tracer.build_with_context(tracer.span_builder("failed"), &inside);
    failed.set_status(Status::error("card declined: ключ"));
    failed.end();
    let mut fine = tracer.build_with_context(tracer.span_builder("fine"), &inside);
    fine.set_status(Status::Ok);
    fine.end();

    let state = TraceState::from_key_value([("vendor", "one"), ("other@tenant", "t61rcWkgMzE")]).unwrap_or_default();
    let trace = TraceId::from(u128::from_be_bytes(own.trace_id().to_bytes()) ^ 0xffff);
    let remote = SpanContext::new(trace, SpanId::from(0xb7ad_6b71_6920_3331), TraceFlags::SAMPLED, true, state);
    let builder = tracer
        .span_builder("of a remote parent")
        .with_kind(SpanKind::Consumer)
        .with_start_time(now - Duration::new(2, 1))
        .with_links(vec![Link::with_context(own.clone()), Link::new(remote.clone(), every_type(), 0)]);
    let mut consumer = tracer.build_with_context(builder, &nothing.with_remote_span_context(remote));
    consumer.end_with_timestamp(now - Duration::new(0, 999));
    inside.span().end();
    own
}

/// Makes records of every severity, bodies of every kind, some in the span of `inside`.
pub fn make_logs<L: Logger>(logger: &L, inside: &SpanContext, now: SystemTime) {
    use Severity::{Debug, Error, Fatal, Info, Info4, Trace, Warn};
    for severity in [Trace, Debug, Info, Warn, Error, Fatal, Info4] {
        let mut record = logger.create_log_record();
        record.set_severity_number(severity);
        record.set_severity_text(severity.name());
        record.set_body(format!("a record of {}", severity.name()).into());
        record.set_trace_context(inside.trace_id(), inside.span_id(), Some(inside.trace_flags()));
        logger.emit(record);
    }
    let list = |items: Vec<AnyValue>| AnyValue::ListAny(Box::new(items));
    let map = |pairs: Vec<(&'static str, AnyValue)>| {
        AnyValue::Map(Box::new(pairs.into_iter().map(|(key, it)| (Key::new(key), it)).collect::<HashMap<_, _>>()))
    };
    let nested = map(vec![
        ("user", "ada".into()),
        ("n", i64::MAX.into()),
        ("ratio", 0.25.into()),
        ("ok", true.into()),
        ("tags", list(vec!["a".into(), "b".into()])),
        ("deep", map(vec![("er", map(vec![("est", AnyValue::Int(-1))]))])),
    ]);
    let bodies = [
        ("string", "Bücher für 世界 🦀".into()),
        ("empty", "".into()),
        ("map", nested.clone()),
        ("array", list(vec!["mixed".into(), 1.into(), 2.5.into(), false.into()])),
        ("int", i64::MIN.into()),
        ("double", 1.5.into()),
        ("bool", true.into()),
        ("bytes", AnyValue::Bytes(Box::new(vec![0, 1, 254, 255]))),
    ];
    for (kind, body) in bodies {
        let mut record = logger.create_log_record();
        record.set_body(body);
        record.add_attribute("kind", kind);
        logger.emit(record);
    }
    let mut record = logger.create_log_record();
    record.set_event_name("seat.taken");
    record.set_timestamp(now - Duration::new(7, 987_654_321));
    record.add_attribute("a.map", nested);
    record.add_attribute("a.int", i64::MAX);
    logger.emit(record);
}

/// Every kind of instrument.
pub struct Instruments {
    requests: Counter<u64>,
    bytes: Counter<f64>,
    queue: UpDownCounter<i64>,
    temperature: Gauge<f64>,
    duration: Histogram<f64>,
    exponential: Histogram<f64>,
    sizes: Histogram<u64>,
}

impl Instruments {
    /// Instruments whose names begin with `prefix`.
    pub fn new(meter: &Meter, prefix: &str) -> Self {
        let name = |name: &str| format!("{prefix}.{name}");
        meter
            .u64_observable_counter(name("observed"))
            .with_callback(|it| it.observe(10, &[KeyValue::new("from", "callback")]))
            .build();
        meter.f64_observable_up_down_counter(name("balance")).with_callback(|it| it.observe(-1.5, &[])).build();
        meter.i64_observable_gauge(name("load")).with_callback(|it| it.observe(-7, &[KeyValue::new("cpu", 0)])).build();
        Instruments {
            requests: meter
                .u64_counter(name("requests"))
                .with_unit("{request}")
                .with_description("Requests, größer")
                .build(),
            bytes: meter.f64_counter(name("bytes")).with_unit("By").build(),
            queue: meter.i64_up_down_counter(name("queue")).build(),
            temperature: meter.f64_gauge(name("temperature")).with_unit("Cel").build(),
            duration: meter
                .f64_histogram(name("duration"))
                .with_unit("s")
                .with_boundaries(vec![0.1, 0.5, 1.0, 5.0])
                .build(),
            exponential: meter.f64_histogram(name("exponential")).with_unit("By").build(),
            sizes: meter.u64_histogram(name("sizes")).build(),
        }
    }

    pub fn measure(&self, round: u64) {
        let shift = round as f64;
        let route = |route: &'static str| [KeyValue::new("route", route)];
        self.requests.add(3 + round, &[KeyValue::new("route", "/a"), KeyValue::new("status", 200)]);
        self.requests.add(1, &[KeyValue::new("route", "/b"), KeyValue::new("status", 500)]);
        self.requests.add(1 << 52, &route("/large"));
        self.bytes.add(0.1 + shift, &every_type());
        self.queue.add(if round == 0 { 5 } else { -7 }, &[]);
        self.temperature.record(-12.5 + shift, &[KeyValue::new("room", "größte")]);
        for seconds in [0.0, 0.05, 0.1, 0.3, 0.7, 2.0, 100.0] {
            self.duration.record(seconds + shift, &route("/a"));
        }
        for size in [0.0, 1.0, 1.5, 2.0, 1e-3, 1e9, 3.0, 3.0, 3.0, -2.0] {
            self.exponential.record(size, &route("/a"));
        }
        self.exponential.record(7.0, &route("/one value"));
        self.sizes.record(4096, &[]);
    }
}
