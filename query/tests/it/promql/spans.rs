//! Metrics that are made of spans: the same numbers wherever the spans lie, and as they would be counted one by one.

use std::sync::Arc;

use bytes::Bytes;
use model::span::{Events, Links};
use model::time::{MILLISECOND, MINUTE, SECOND};
use model::{AttrsBuf, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TimeRange, TraceId, Value};
use query::promql::{self, Labels, Limits, QueryValue, Source, exemplars, instant, label_values, metadata, series};
use store::{Request, Rows, Store, StoreConfig};
use tempfile::TempDir;

struct Spans {
    store: Arc<Store>,
    n_requests: u64,
    _dir: TempDir,
}

#[derive(Clone, Copy)]
struct Sent {
    ids: (u128, u64, u64),
    service: &'static str,
    name: &'static str,
    kind: SpanKind,
    start: Nanos,
    duration: Nanos,
    is_error: bool,
    database: bool,
}

impl Spans {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
        let (store, _) = Store::open(StoreConfig::new(dir.path()), decode).unwrap();
        Spans { store, n_requests: 0, _dir: dir }
    }

    fn add(&mut self, spans: &[Sent]) {
        let mut rows = Rows::default();
        for sent in spans {
            let (mut resource, mut attrs) = (AttrsBuf::new(), AttrsBuf::new());
            resource.push("service.name", Value::Str(sent.service));
            resource.push("service.namespace", Value::Str("box"));
            if sent.database {
                attrs.push("db.system.name", Value::Str("postgresql"));
                attrs.push("db.namespace", Value::Str("shop"));
            }
            let (trace, id, parent) = sent.ids;
            rows.spans.push(&Span {
                trace_id: TraceId(trace.to_be_bytes()),
                span_id: SpanId(id.to_be_bytes()),
                parent_span_id: (parent > 0).then_some(SpanId(parent.to_be_bytes())),
                trace_state: "",
                flags: 0,
                name: sent.name,
                kind: sent.kind,
                start: sent.start,
                duration: sent.duration,
                status: if sent.is_error { StatusCode::Error } else { StatusCode::Unset },
                status_message: "",
                attrs: attrs.as_attrs(),
                events: Events::default(),
                links: Links::default(),
                dropped_attributes: 0,
                dropped_events: 0,
                dropped_links: 0,
                service: sent.service,
                resource: Resource::new(resource.as_bytes()),
                scope: Scope::default(),
            });
        }
        self.n_requests += 1;
        let body = Bytes::copy_from_slice(&self.n_requests.to_be_bytes());
        self.store.append_blocking(Request { kind: 0, received_at: 0, body, dedup: false, rows }).unwrap();
    }

    fn source(&self) -> Source {
        Source::store(self.store.snapshot())
    }
}

impl Drop for Spans {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Thirty minutes of one request a second: a client, a server of another service below it, every tenth of which fails, and a
/// query of a database. Every hundredth request takes a second.
fn sent() -> Vec<Sent> {
    let of_request = |n: i64| {
        let (start, trace) = (n * SECOND, n as u128 + 1);
        let duration = if n % 100 == 99 { SECOND } else { 3 * MILLISECOND };
        let span = |ids: (u64, u64), service, name, kind| Sent {
            ids: (trace, ids.0, ids.1),
            service,
            name,
            kind,
            start,
            duration,
            is_error: false,
            database: false,
        };
        [
            span((1, 9), "gateway", "POST /pay", SpanKind::Client),
            Sent { is_error: n % 10 == 0, ..span((2, 1), "payment", "pay", SpanKind::Server) },
            Sent { database: true, ..span((3, 2), "payment", "SELECT", SpanKind::Client) },
        ]
    };
    (0..30 * 60).flat_map(of_request).collect()
}

/// Spans in a compacted segment, in a flushed one and in memory; sides of calls are in two of them.
fn stored() -> Spans {
    let (mut spans, sent) = (Spans::new(), sent());
    let thirds: Vec<&[Sent]> = sent.chunks(sent.len() / 3 + 1).collect();
    spans.add(thirds[0]);
    spans.store.flush().unwrap();
    spans.store.compact_all().unwrap();
    spans.add(thirds[1]);
    spans.store.flush().unwrap();
    spans.add(thirds[2]);
    spans
}

fn vector(source: &Source, query: &str, time: Nanos) -> Vec<(Labels, f64)> {
    let result = instant(source, query, time, &Limits::default()).unwrap();
    assert_eq!(result.warnings, Vec::<String>::new(), "{query}");
    match result.value {
        QueryValue::Vector(samples) => samples
            .into_iter()
            .map(|it| match it.value {
                promql::Value::Float(value) => (it.labels, value),
                promql::Value::Histogram(histogram) => (it.labels, histogram.count),
            })
            .collect(),
        other => panic!("{query} gives {other:?}"),
    }
}

fn scalar(source: &Source, query: &str, time: Nanos) -> f64 {
    let found = vector(source, query, time);
    assert_eq!(found.len(), 1, "{query} gives {found:?}");
    found[0].1
}

#[test]
fn rates_and_quantiles_are_those_of_the_spans() {
    let spans = stored();
    let source = spans.source();
    let close = |query: &str, time, expected: f64| {
        let found = scalar(&source, query, time);
        assert!((found - expected).abs() <= expected.abs() * 0.02, "{query} at {time}: {found} for {expected}");
    };
    let end = 30 * MINUTE;
    close(
        r#"sum(rate(traces_spanmetrics_calls_total{service="payment", span_kind="SPAN_KIND_SERVER"}[10m]))"#,
        end,
        1.0,
    );
    close(
        r#"sum(rate(traces_spanmetrics_calls_total{span_name="pay", status_code="STATUS_CODE_ERROR"}[10m]))"#,
        end,
        0.1,
    );
    // Windows of a minute, and those between whole minutes.
    close(r#"sum(rate(traces_spanmetrics_calls_total{span_name="pay"}[1m]))"#, end, 1.0);
    close(r#"sum(rate(traces_spanmetrics_calls_total{span_name="pay"}[5m]))"#, 17 * MINUTE + 42 * SECOND, 1.0);
    close(r#"sum(increase(traces_spanmetrics_latency_count{span_name="pay"}[30m]))"#, end, 1800.0);
    close(r#"sum(rate(traces_spanmetrics_latency_sum{span_name="pay"}[10m]))"#, end, 0.01 + 0.99 * 0.003);
    // Buckets are classic ones and native ones.
    let slow = r#"sum(rate(traces_spanmetrics_latency_bucket{span_name="pay", le="+Inf"}[30m])) - sum(rate(traces_spanmetrics_latency_bucket{span_name="pay", le="0.512"}[30m]))"#;
    close(slow, end, 0.01);
    let quantile = |metric: &str| {
        let by = if metric.ends_with("_bucket") { " by (le)" } else { "" };
        scalar(&source, &format!(r#"histogram_quantile(0.5, sum{by} (rate({metric}{{span_name="pay"}}[10m])))"#), end)
    };
    assert!((quantile("traces_spanmetrics_latency") - 0.003).abs() < 0.0003);
    assert!((0.002..=0.004).contains(&quantile("traces_spanmetrics_latency_bucket")));
}

#[test]
fn the_service_graph_has_calls_and_databases_counted_once() {
    let spans = stored();
    let source = spans.source();
    let end = 30 * MINUTE;
    let query = "sum by (client, server, connection_type) (increase(traces_service_graph_request_total[30m]))";
    let mut found = vector(&source, query, end);
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let found: Vec<_> = found
        .iter()
        .map(|(labels, value)| {
            (labels.get("client"), labels.get("server"), labels.get("connection_type"), value.round())
        })
        .collect();
    assert_eq!(
        found,
        [("gateway", "payment", "", 1800.0), ("payment", "postgresql/shop", "database", 1800.0)],
        "each call once, also where its sides are in two segments"
    );
    let failed = r#"sum(increase(traces_service_graph_request_failed_total{server="payment"}[30m]))"#;
    assert_eq!(scalar(&source, failed, end).round(), 180.0);
    for side in ["server", "client"] {
        let count =
            format!(r#"sum(increase(traces_service_graph_request_{side}_seconds_count{{server="payment"}}[30m]))"#);
        assert_eq!(scalar(&source, &count, end).round(), 1800.0, "{side}");
    }
    let of_database = r#"histogram_quantile(0.9, sum by (le) (rate(traces_service_graph_request_server_seconds_bucket{connection_type="database"}[10m])))"#;
    assert!(scalar(&source, of_database, end) < 0.1);
}

#[test]
fn counters_never_fall_and_begin_with_zero() {
    let spans = stored();
    let source = spans.source();
    let query = r#"traces_spanmetrics_calls_total{span_name="pay", status_code="STATUS_CODE_UNSET"}"#;
    let limits = Limits::default();
    let found = promql::range(&source, query, 0, 30 * MINUTE, 30 * SECOND, &limits).unwrap();
    let QueryValue::Matrix(found) = found.value else { panic!("no matrix") };
    let values: Vec<f64> = found[0].floats.iter().map(|(_, value)| *value).collect();
    assert_eq!(values[..4], [0.0, 27.0, 54.0, 81.0], "54 a minute, half of them in half of it");
    assert!(values.is_sorted() && values.last() == Some(&1620.0), "{values:?}");
    // The range ends within a minute.
    let found = promql::range(&source, query, 0, 10 * MINUTE + 45 * SECOND, 15 * SECOND, &limits).unwrap();
    let QueryValue::Matrix(found) = found.value else { panic!("no matrix") };
    assert_eq!(found[0].floats.last(), Some(&(10 * 60_000 + 45_000, 567.0)));
}

#[test]
fn the_minute_that_runs_rises_to_the_newest_span() {
    let mut spans = Spans::new();
    // A request a second for ten minutes and 45 seconds.
    spans.add(&sent()[..3 * 645]);
    let query = r#"sum(rate(traces_spanmetrics_calls_total{span_name="pay"}[1m]))"#;
    let found = scalar(&spans.source(), query, 10 * MINUTE + 45 * SECOND);
    assert!((found - 1.0).abs() < 0.1, "{found}");
}

#[test]
fn lists_and_exemplars_have_them() {
    let spans = stored();
    let source = spans.source();
    let (all, limits) = (TimeRange::new(0, 30 * MINUTE), Limits::default());
    let names = label_values::<&str>(&source, "__name__", &[], all, &limits).unwrap().items;
    for name in
        ["traces_spanmetrics_calls_total", "traces_spanmetrics_latency_bucket", "traces_service_graph_request_total"]
    {
        assert!(names.iter().any(|it| it == name), "{name} of {names:?}");
    }
    let found = series(&source, &[r#"traces_spanmetrics_calls_total{service="payment"}"#], all, &limits).unwrap().items;
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found.iter().all(|labels| labels.get("job") == "box/payment"));
    let bounds = label_values(&source, "le", &["traces_spanmetrics_latency_bucket"], all, &limits).unwrap().items;
    assert_eq!(bounds.len(), 15);
    let known = metadata(&source, Some("traces_spanmetrics_latency")).items;
    assert_eq!((known.len(), known[0].1[0].kind, known[0].1[0].unit.as_str()), (1, "histogram", "s"));

    let query = r#"histogram_quantile(0.9, rate(traces_spanmetrics_latency_bucket{span_name="pay"}[5m]))"#;
    let found = exemplars(&source, query, all, &limits).unwrap().items;
    let slow = found.iter().find(|it| it.labels.get("le") == "1.024").unwrap();
    assert!(slow.exemplars.iter().all(|it| it.value == 1.0), "{slow:?}");
    let id = slow.exemplars[0].labels.get("trace_id");
    assert!((u128::from_str_radix(id, 16).unwrap() % 100) == 0, "{id}");
    assert!(found.iter().all(|it| it.exemplars.len() <= 31));
    let found = exemplars(&source, "traces_service_graph_request_server_seconds_bucket", all, &limits).unwrap().items;
    let ends: Vec<_> =
        found.iter().map(|it| (it.labels.get("client"), it.labels.get("server"), it.labels.get("le"))).collect();
    assert_eq!(
        ends,
        [
            ("gateway", "payment", "0.1"),
            ("gateway", "payment", "1.6"),
            ("payment", "postgresql/shop", "0.1"),
            ("payment", "postgresql/shop", "1.6"),
        ]
    );
}

#[test]
fn what_does_not_match_or_is_outside_is_not_there() {
    let spans = stored();
    let source = spans.source();
    let none = [
        r#"traces_spanmetrics_calls_total{service="nobody"}"#,
        r#"traces_spanmetrics_latency_bucket{le="7"}"#,
        r#"traces_service_graph_request_total{client="nobody"}"#,
        "traces_spanmetrics_size_total",
    ];
    for query in none {
        assert_eq!(vector(&source, query, 30 * MINUTE), [], "{query}");
    }
    assert_eq!(
        vector(&source, "traces_spanmetrics_calls_total", 36 * MINUTE),
        [],
        "nothing is counted for five minutes"
    );
    assert_eq!(vector(&Spans::new().source(), "traces_spanmetrics_calls_total", MINUTE), []);
}
