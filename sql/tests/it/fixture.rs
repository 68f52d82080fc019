//! A store with a little telemetry of two services, and ways to ask it.

use std::sync::Arc;

use model::metric::canonical;
use model::span::{Events, Links};
use model::wire::{put_bytes_field, put_fixed64_field};
use model::{
    Attrs, AttrsBuf, Exemplar, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId,
    SpanKind, StatusCode, Temporality, TraceId, Value,
};
use sql::{Engine, SqlConfig, SqlError, SqlOptions, SqlResult};
use store::{Request, Rows, Store, StoreConfig};

/// 2026-11-22T00:00:00Z; row `n` is `n` seconds later.
pub(crate) const START: Nanos = 1_795_305_600_000_000_000;
pub(crate) const SECOND: Nanos = 1_000_000_000;

pub(crate) struct Fixture {
    pub(crate) store: Arc<Store>,
    pub(crate) engine: Engine,
    dir: tempfile::TempDir,
}

impl Fixture {
    /// 20 traces of two spans, 20 logs, 20 points of a gauge, 20 of a histogram, 20 exemplars.
    pub(crate) fn new() -> Self {
        Self::with(SqlConfig::default())
    }

    pub(crate) fn with(config: SqlConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = open(StoreConfig::new(dir.path()));
        append(&store, rows(0, 10));
        store.flush().unwrap();
        append(&store, rows(10, 20));
        Fixture { store, engine: Engine::new(config).unwrap(), dir }
    }

    /// Without rows. Nothing is compacted unless it is asked for, and row groups are small.
    pub(crate) fn empty() -> Self {
        // In memory where there is such a place: no power is cut here, so a sync only costs time.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = open(small(dir.path()));
        Fixture { store, engine: Engine::new(SqlConfig::default()).unwrap(), dir }
    }

    /// The store ends, and another one begins on the same directory.
    pub(crate) fn reopen(&mut self) {
        self.store.close();
        self.store = open(small(self.dir.path()));
    }

    pub(crate) async fn query(&self, text: &str) -> Result<SqlResult, SqlError> {
        let options = SqlOptions { now: START + 60 * SECOND, ..SqlOptions::default() };
        self.engine.query(self.store.snapshot(), text.to_owned(), options).await
    }

    /// The rows as JSON arrays.
    pub(crate) async fn rows(&self, text: &str) -> String {
        match self.query(text).await {
            Ok(result) => result.rows_json().unwrap(),
            Err(error) => panic!("{text}: {error}"),
        }
    }
}

fn small(dir: &std::path::Path) -> StoreConfig {
    StoreConfig { compact_automatically: false, row_group_rows: 16, ..StoreConfig::new(dir) }
}

fn open(config: StoreConfig) -> Arc<Store> {
    let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
    Store::open(config, decode).unwrap().0
}

pub(crate) fn append(store: &Store, rows: Rows) {
    let request = Request { kind: 0, received_at: START, body: bytes::Bytes::new(), dedup: false, rows };
    // On a thread of its own: the test's thread drives a runtime and must not block.
    std::thread::scope(|scope| scope.spawn(|| store.append_blocking(request).unwrap()).join().unwrap());
}

fn resource(service: &str) -> AttrsBuf {
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Value::Str(service));
    resource.push("service.version", Value::Str("1.2.3"));
    resource
}

fn trace(number: u64) -> TraceId {
    TraceId((0xabc0_u128 << 64 | u128::from(number + 1)).to_be_bytes())
}

/// Rows of the seconds from `first` to before `last`.
pub(crate) fn rows(first: u64, last: u64) -> Rows {
    let mut rows = Rows::default();
    for number in first..last {
        spans(&mut rows, number);
        log(&mut rows, number);
        metrics(&mut rows, number);
    }
    rows
}

fn spans(rows: &mut Rows, number: u64) {
    let time = START + number as Nanos * SECOND;
    let mut event_attrs = AttrsBuf::new();
    event_attrs.push("exception.type", Value::Str("Timeout"));
    let mut event = Vec::new();
    put_fixed64_field(&mut event, 1, time as u64);
    put_bytes_field(&mut event, 2, b"exception");
    put_bytes_field(&mut event, 3, &event_attrs.as_bytes()[2..]);
    let mut events = Vec::new();
    put_bytes_field(&mut events, 1, &event);
    let failed = number.is_multiple_of(5);
    for (service, id, parent, kind) in [("shop", 1, None, SpanKind::Server), ("payment", 2, Some(1), SpanKind::Client)]
    {
        let mut attrs = AttrsBuf::new();
        attrs.push("http.route", Value::Str(if number.is_multiple_of(2) { "/cart" } else { "/order/{id}" }));
        attrs.push("http.response.status_code", Value::Int(if failed { 503 } else { 200 }));
        attrs.push("ratio", Value::Double(0.5));
        let resource = resource(service);
        rows.spans.push(&Span {
            trace_id: trace(number),
            span_id: SpanId((number * 10 + id).to_be_bytes()),
            parent_span_id: parent.map(|id: u64| SpanId((number * 10 + id).to_be_bytes())),
            trace_state: "",
            flags: 1,
            name: if parent.is_none() { "GET" } else { "charge" },
            kind,
            start: time,
            duration: (number as Nanos + 1) * 1_000_000,
            status: if failed { StatusCode::Error } else { StatusCode::Unset },
            status_message: if failed { "late" } else { "" },
            attrs: attrs.as_attrs(),
            events: if failed { Events::new(&events) } else { Events::default() },
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service,
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
    }
}

fn log(rows: &mut Rows, number: u64) {
    let time = START + number as Nanos * SECOND;
    let resource = resource("shop");
    let mut attrs = AttrsBuf::new();
    attrs.push("order", Value::Int(number as i64));
    rows.logs.push(&LogRecord {
        time,
        observed_time: 0,
        severity_number: if number.is_multiple_of(5) { 17 } else { 9 },
        severity_text: "",
        body: &format!("order {number} \"accepted\""),
        body_value: &[],
        event_name: "",
        trace_id: number.is_multiple_of(2).then(|| trace(number)),
        span_id: None,
        flags: 0,
        attrs: attrs.as_attrs(),
        dropped_attributes: 0,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    });
}

fn metrics(rows: &mut Rows, number: u64) {
    let time = START + number as Nanos * SECOND;
    let resource = resource("shop");
    let mut attrs = AttrsBuf::new();
    attrs.push("http.route", Value::Str("/cart"));
    let mut sorted = Vec::new();
    canonical(attrs.as_attrs(), &mut sorted);
    let series = Series {
        name: "queue.length",
        unit: "{order}",
        description: "orders that wait",
        kind: MetricKind::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        attrs: Attrs::new(&sorted),
        attr_bytes: &sorted,
        service: "shop",
        resource: Resource::new(resource.as_bytes()),
        scope: Scope::default(),
    };
    let gauge = rows.metrics.series(&series, time);
    let value = PointValue::Int(number as i64);
    rows.metrics.push(&Point { series: gauge, time, start_time: 0, flags: 0, value });
    let histogram = Series {
        name: "request.duration",
        unit: "s",
        kind: MetricKind::Histogram,
        temporality: Temporality::Cumulative,
        ..series
    };
    let histogram = rows.metrics.series(&histogram, time);
    let mut message = Vec::new();
    put_fixed64_field(&mut message, 4, number + 1);
    put_fixed64_field(&mut message, 5, (number as f64 / 2.0).to_bits());
    put_bytes_field(&mut message, 6, &[number.to_le_bytes(), 1u64.to_le_bytes()].concat());
    put_bytes_field(&mut message, 7, &0.25f64.to_le_bytes());
    let value = PointValue::Distribution(&message);
    rows.metrics.push(&Point { series: histogram, time, start_time: START, flags: 0, value });
    rows.exemplars.push(&Exemplar {
        series: histogram,
        time,
        value: 0.125,
        trace_id: Some(trace(number)),
        span_id: None,
        attrs: Attrs::default(),
        attr_bytes: &[],
    });
}
