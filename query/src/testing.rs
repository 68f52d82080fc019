//! Rows for tests, and a real store in a temporary directory to ask about them.

use std::sync::Arc;

use bytes::Bytes;
use model::span::{Events, Links};
use model::wire::{Raw, Reader, put_bytes_field, put_fixed64_field, put_varint_field};
use model::{AttrsBuf, LogRecord, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use store::{Request, Rows, Snapshot, Store, StoreConfig};
use tempfile::TempDir;

/// A store that goes away with its directory.
pub(crate) struct TestStore {
    pub(crate) store: Arc<Store>,
    n_requests: u64,
    dir: TempDir,
}

impl TestStore {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
        let (store, _) = Store::open(StoreConfig::new(dir.path()), decode).unwrap();
        TestStore { store, n_requests: 0, dir }
    }

    /// A store with `spans`, the first half of them in a segment.
    pub(crate) fn of_spans(spans: &[TestSpan]) -> Self {
        let mut store = TestStore::new();
        let (old, new) = spans.split_at(spans.len() / 2);
        store.add_spans(old);
        store.store.flush().unwrap();
        store.add_spans(new);
        store
    }

    /// A store with `logs`, the first half of them in a compacted segment.
    pub(crate) fn of_logs(logs: &[TestLog]) -> Self {
        let mut store = TestStore::new();
        let (old, new) = logs.split_at(logs.len() / 2);
        store.add_logs(old);
        store.store.flush().unwrap();
        store.store.compact_all().unwrap();
        store.add_logs(new);
        store
    }

    /// A store with `rows`, added by `add`: a third of them in a compacted segment, a third in one as it was flushed, the
    /// rest in memory.
    pub(crate) fn in_thirds<T>(rows: &[T], add: fn(&mut Self, &[T])) -> Self {
        let mut store = TestStore::new();
        let (oldest, newer) = rows.split_at(rows.len() / 3);
        let (old, new) = newer.split_at(newer.len() / 2);
        add(&mut store, oldest);
        store.store.flush().unwrap();
        store.store.compact_all().unwrap();
        add(&mut store, old);
        store.store.flush().unwrap();
        add(&mut store, new);
        store
    }

    pub(crate) fn add_spans(&mut self, spans: &[TestSpan]) {
        let mut rows = Rows::default();
        spans.iter().for_each(|span| span.with(|span| rows.spans.push(span)));
        self.append(rows);
    }

    pub(crate) fn add_logs(&mut self, logs: &[TestLog]) {
        let mut rows = Rows::default();
        logs.iter().for_each(|log| log.with(|log| rows.logs.push(log)));
        self.append(rows);
    }

    fn append(&mut self, rows: Rows) {
        if rows.is_empty() {
            return;
        }
        self.n_requests += 1;
        let body = Bytes::copy_from_slice(&self.n_requests.to_be_bytes());
        self.store.append_blocking(Request { kind: 0, received_at: 0, body, dedup: false, rows }).unwrap();
    }

    /// Overwrites the first half of every segment with zeros, and takes its parity away.
    pub(crate) fn damage_segments(&self) {
        let mut dirs = vec![self.dir.path().to_owned()];
        let mut n_damaged = 0;
        while let Some(dir) = dirs.pop() {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    dirs.push(path);
                } else if path.extension().is_some_and(|it| it == "parquet") {
                    let half = vec![0; std::fs::metadata(&path).unwrap().len() as usize / 2];
                    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
                    std::os::unix::fs::FileExt::write_all_at(&file, &half, 0).unwrap();
                    // Its parity would restore the file.
                    std::fs::remove_file(path.with_extension("repair")).unwrap();
                    n_damaged += 1;
                }
            }
        }
        assert!(n_damaged > 0);
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }
}

impl Drop for TestStore {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// A span with its own memory. Changed by struct update and by the methods below.
#[derive(Clone, Debug)]
pub(crate) struct TestSpan {
    pub(crate) trace: u128,
    pub(crate) id: u64,
    /// 0 for none.
    pub(crate) parent: u64,
    pub(crate) service: &'static str,
    pub(crate) name: String,
    pub(crate) kind: SpanKind,
    pub(crate) start: Nanos,
    pub(crate) duration: Nanos,
    pub(crate) status: StatusCode,
    pub(crate) status_message: &'static str,
    pub(crate) attrs: AttrsBuf,
    pub(crate) resource: AttrsBuf,
    pub(crate) scope: Vec<u8>,
    pub(crate) events: Vec<u8>,
    pub(crate) links: Vec<u8>,
}

impl TestSpan {
    /// A root span of 10 ns of service `shop`.
    pub(crate) fn new(trace: u128, id: u64, start: Nanos) -> Self {
        TestSpan {
            trace,
            id,
            parent: 0,
            service: "shop",
            name: "work".to_owned(),
            kind: SpanKind::Internal,
            start,
            duration: 10,
            status: StatusCode::Unset,
            status_message: "",
            attrs: AttrsBuf::new(),
            resource: AttrsBuf::new(),
            scope: Vec::new(),
            events: Vec::new(),
            links: Vec::new(),
        }
    }

    pub(crate) fn below(mut self, parent: u64) -> Self {
        self.parent = parent;
        self
    }

    pub(crate) fn of(mut self, service: &'static str, name: &str, kind: SpanKind) -> Self {
        (self.service, self.name, self.kind) = (service, name.to_owned(), kind);
        self
    }

    pub(crate) fn lasting(mut self, duration: Nanos) -> Self {
        self.duration = duration;
        self
    }

    pub(crate) fn failed(mut self, message: &'static str) -> Self {
        (self.status, self.status_message) = (StatusCode::Error, message);
        self
    }

    pub(crate) fn attr(mut self, key: &str, value: Value<'_>) -> Self {
        self.attrs.push(key, value);
        self
    }

    pub(crate) fn resource_attr(mut self, key: &str, value: Value<'_>) -> Self {
        self.resource.push(key, value);
        self
    }

    pub(crate) fn scope(mut self, name: &str) -> Self {
        put_bytes_field(&mut self.scope, 1, name.as_bytes());
        self
    }

    pub(crate) fn scope_version(mut self, version: &str) -> Self {
        put_bytes_field(&mut self.scope, 2, version.as_bytes());
        self
    }

    pub(crate) fn scope_attr(mut self, key: &str, value: Value<'_>) -> Self {
        let mut attrs = AttrsBuf::new();
        attrs.push(key, value);
        put_entries(&mut self.scope, 3, &attrs);
        self
    }

    pub(crate) fn event(mut self, time: Nanos, name: &str, attrs: &AttrsBuf) -> Self {
        let mut event = Vec::new();
        put_fixed64_field(&mut event, 1, time as u64);
        put_bytes_field(&mut event, 2, name.as_bytes());
        put_entries(&mut event, 3, attrs);
        put_bytes_field(&mut self.events, 1, &event);
        self
    }

    pub(crate) fn link(self, trace: u128, span: u64) -> Self {
        self.link_with(trace, span, &AttrsBuf::new())
    }

    pub(crate) fn link_with(mut self, trace: u128, span: u64, attrs: &AttrsBuf) -> Self {
        let mut link = Vec::new();
        put_bytes_field(&mut link, 1, &trace.to_be_bytes());
        put_bytes_field(&mut link, 2, &span.to_be_bytes());
        put_entries(&mut link, 4, attrs);
        put_bytes_field(&mut self.links, 1, &link);
        self
    }

    pub(crate) fn with(&self, each: impl FnOnce(&Span<'_>)) {
        let resource = resource(self.service, &self.resource);
        each(&Span {
            trace_id: trace_id(self.trace),
            span_id: span_id(self.id),
            parent_span_id: (self.parent > 0).then(|| span_id(self.parent)),
            trace_state: "",
            flags: 0,
            name: &self.name,
            kind: self.kind,
            start: self.start,
            duration: self.duration,
            status: self.status,
            status_message: self.status_message,
            attrs: self.attrs.as_attrs(),
            events: Events::new(&self.events),
            links: Links::new(&self.links),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service: self.service,
            resource: Resource::new(&resource),
            scope: Scope::new(&self.scope),
        });
    }
}

/// Puts attributes into the repeated field `number` of a message.
fn put_entries(out: &mut Vec<u8>, number: u32, attrs: &AttrsBuf) {
    let mut entries = Reader::new(attrs.as_bytes());
    while let Ok(Some((_, Raw::Bytes(entry)))) = entries.next_field() {
        put_bytes_field(out, number, entry);
    }
}

/// The `AnyValue` of an array of scalars.
pub(crate) fn array(values: &[Value<'_>]) -> Vec<u8> {
    let mut list = Vec::new();
    for value in values {
        let mut any = Vec::new();
        match value {
            Value::Str(text) => put_bytes_field(&mut any, 1, text.as_bytes()),
            Value::Bool(bit) => put_varint_field(&mut any, 2, u64::from(*bit)),
            Value::Int(int) => put_varint_field(&mut any, 3, *int as u64),
            Value::Double(double) => put_fixed64_field(&mut any, 4, double.to_bits()),
            other => panic!("{other:?} is no scalar"),
        }
        put_bytes_field(&mut list, 1, &any);
    }
    let mut array = Vec::new();
    put_bytes_field(&mut array, 5, &list);
    array
}

/// A log record with its own memory.
#[derive(Clone, Debug)]
pub(crate) struct TestLog {
    pub(crate) time: Nanos,
    pub(crate) service: &'static str,
    pub(crate) severity: u8,
    pub(crate) severity_text: &'static str,
    pub(crate) body: String,
    /// 0 for none.
    pub(crate) trace: u128,
    pub(crate) span: u64,
    pub(crate) event_name: &'static str,
    pub(crate) body_value: Vec<u8>,
    pub(crate) attrs: AttrsBuf,
    pub(crate) resource: AttrsBuf,
}

impl TestLog {
    /// A record of service `shop`, of severity INFO.
    pub(crate) fn new(time: Nanos, body: &str) -> Self {
        TestLog {
            time,
            service: "shop",
            severity: 9,
            severity_text: "",
            body: body.to_owned(),
            trace: 0,
            span: 0,
            event_name: "",
            body_value: Vec::new(),
            attrs: AttrsBuf::new(),
            resource: AttrsBuf::new(),
        }
    }

    pub(crate) fn of(mut self, service: &'static str, severity: u8) -> Self {
        (self.service, self.severity) = (service, severity);
        self
    }

    pub(crate) fn at(mut self, trace: u128, span: u64) -> Self {
        (self.trace, self.span) = (trace, span);
        self
    }

    pub(crate) fn attr(mut self, key: &str, value: Value<'_>) -> Self {
        self.attrs.push(key, value);
        self
    }

    pub(crate) fn resource_attr(mut self, key: &str, value: Value<'_>) -> Self {
        self.resource.push(key, value);
        self
    }

    /// Makes the body a map; its text becomes JSON.
    pub(crate) fn map_body(mut self, map: &AttrsBuf) -> Self {
        put_bytes_field(&mut self.body_value, 6, map.as_bytes());
        self.body = Value::parse(&self.body_value).to_string();
        self
    }

    pub(crate) fn with(&self, each: impl FnOnce(&LogRecord<'_>)) {
        let resource = resource(self.service, &self.resource);
        each(&LogRecord {
            time: self.time,
            observed_time: self.time,
            severity_number: self.severity,
            severity_text: self.severity_text,
            body: &self.body,
            body_value: &self.body_value,
            event_name: self.event_name,
            trace_id: (self.trace > 0).then(|| trace_id(self.trace)),
            span_id: (self.span > 0).then(|| span_id(self.span)),
            flags: 0,
            attrs: self.attrs.as_attrs(),
            dropped_attributes: 0,
            service: self.service,
            resource: Resource::new(&resource),
            scope: Scope::default(),
        });
    }
}

pub(crate) fn trace_id(number: u128) -> TraceId {
    TraceId(number.to_be_bytes())
}

pub(crate) fn span_id(number: u64) -> SpanId {
    SpanId(number.to_be_bytes())
}

fn resource(service: &str, more: &AttrsBuf) -> Vec<u8> {
    let mut attrs = AttrsBuf::new();
    attrs.push("service.name", Value::Str(service));
    let mut message = attrs.as_bytes().to_vec();
    message.extend_from_slice(more.as_bytes());
    message
}
