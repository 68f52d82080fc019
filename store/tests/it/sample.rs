//! Rows of every kind, made of nothing but numbers: the sample that each format of a data directory is kept with.
//!
//! `cargo run -p store --example format_sample` writes it; `formats.rs` reads the kept ones. A change of these rows does not
//! touch the samples on disk, whose rows are written down beside them.

use std::path::Path;
use std::sync::Arc;

use model::span::{Events, Links};
use model::wire::{put_bytes_field, put_fixed32_field, put_fixed64_field};
use model::{Attrs, AttrsBuf, LogRecord, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use store::{Decode, Request, Retention, Store, StoreConfig};

// Named, because the example includes this file from another directory.
#[path = "sample/metrics.rs"]
mod metrics;
#[path = "sample/otlp.rs"]
pub(crate) mod otlp;

use otlp::{Export, Kind, any, append, request};

pub(crate) const SECOND: Nanos = 1_000_000_000;
pub(crate) const HOUR: Nanos = 3600 * SECOND;
pub(crate) const DAY: Nanos = 24 * HOUR;
/// 2025-01-01T00:00:00Z, the start of a window.
pub(crate) const START: Nanos = 1_735_689_600 * SECOND;

/// Resources and scopes of the sample.
pub(crate) struct Senders {
    shop: Vec<u8>,
    payment: Vec<u8>,
    unnamed: Vec<u8>,
    http: Vec<u8>,
}

impl Senders {
    fn new() -> Self {
        let mut shop = AttrsBuf::new();
        shop.push("service.name", Value::Str("shop"));
        shop.push("service.version", Value::Str("1.4.2"));
        shop.push("host.name", Value::Str("node-3"));
        shop.push("process.pid", Value::Int(4711));
        let mut payment = AttrsBuf::new();
        payment.push("service.name", Value::Str("결제"));
        payment.push("deployment.environment.name", Value::Str("staging"));
        let mut payment = payment.as_bytes().to_vec();
        put_bytes_field(&mut payment, model::resource::SCHEMA_URL_FIELD, b"https://opentelemetry.io/schemas/1.30.0");
        let mut unnamed = AttrsBuf::new();
        unnamed.push("telemetry.sdk.language", Value::Str("rust"));
        let mut http = Vec::new();
        put_bytes_field(&mut http, 1, b"io.opentelemetry.http");
        put_bytes_field(&mut http, 2, b"2.1.0");
        Senders { shop: shop.as_bytes().to_vec(), payment, unnamed: unnamed.as_bytes().to_vec(), http }
    }

    pub(crate) fn resource(&self, number: u64) -> Resource<'_> {
        Resource::new([&self.shop, &self.payment, &self.unnamed][(number % 3) as usize])
    }

    pub(crate) fn scope(&self, number: u64) -> Scope<'_> {
        if number % 4 == 3 { Scope::default() } else { Scope::new(&self.http) }
    }
}

pub(crate) fn trace_id(number: u64) -> TraceId {
    TraceId(u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_be_bytes())
}

pub(crate) fn span_id(number: u64) -> SpanId {
    SpanId(((number + 1).wrapping_mul(0xd1b5_4a32_d192_ed03)).to_be_bytes())
}

/// Attributes of every type; which ones depends on `number`.
fn attributes(number: u64) -> AttrsBuf {
    let mut attrs = AttrsBuf::new();
    attrs.push("http.request.method", Value::Str(["GET", "POST", "DELETE"][(number % 3) as usize]));
    attrs.push("http.response.status_code", Value::Int([200, 404, 503][(number % 3) as usize]));
    attrs.push("url.path", Value::Str(&format!("/orders/{number}")));
    if number.is_multiple_of(2) {
        attrs.push("cache.hit", Value::Bool(number.is_multiple_of(4)));
        attrs.push("queue.wait", Value::Double(number as f64 / 7.0));
    }
    if number.is_multiple_of(5) {
        let mut nested = AttrsBuf::new();
        nested.push("depth", Value::Int(-1));
        nested.push("이름", Value::Str("값 \"quoted\""));
        attrs.push("nested", Value::Map(nested.as_attrs()));
        attrs.push("digest", Value::Bytes(&[0, 255, 16, number as u8]));
        attrs.push("empty", Value::Empty);
    }
    attrs
}

fn trace(export: &mut Export, senders: &Senders, number: u64, start: Nanos) {
    let mut event = Vec::new();
    put_fixed64_field(&mut event, 1, (start + 5) as u64);
    put_bytes_field(&mut event, 2, b"exception");
    let mut message = AttrsBuf::new();
    message.push("exception.message", Value::Str("seat 14C is taken"));
    put_attrs_of(&mut event, 3, message.as_attrs());
    let mut events = Vec::new();
    put_bytes_field(&mut events, 1, &event);
    let mut link = Vec::new();
    put_bytes_field(&mut link, 1, &trace_id(number + 1000).0);
    put_bytes_field(&mut link, 2, &span_id(number + 1000).0);
    put_fixed32_field(&mut link, 6, 1);
    let mut links = Vec::new();
    put_bytes_field(&mut links, 1, &link);

    for step in 0..4 {
        let id = number * 10 + step;
        let attrs = attributes(id);
        let failed = number % 4 == 1 && step == 3;
        let resource = senders.resource(number + step / 2);
        export.span(&Span {
            trace_id: trace_id(number),
            span_id: span_id(id),
            parent_span_id: (step > 0).then(|| span_id(number * 10 + (step - 1) / 2)),
            trace_state: if number.is_multiple_of(6) { "vendor=1,other=x" } else { "" },
            flags: 0x101,
            name: ["GET /orders/{id}", "reserve", "charge", "INSERT orders"][step as usize],
            kind: [SpanKind::Server, SpanKind::Internal, SpanKind::Client, SpanKind::Producer][step as usize],
            start: start + step as Nanos * 1_000_003,
            duration: 40_000_000 - step as Nanos * 9_999_999,
            status: if failed { StatusCode::Error } else { [StatusCode::Unset, StatusCode::Ok][step as usize % 2] },
            status_message: if failed { "card declined" } else { "" },
            attrs: attrs.as_attrs(),
            events: if failed { Events::new(&events) } else { Events::default() },
            links: if step == 3 && number.is_multiple_of(3) { Links::new(&links) } else { Links::default() },
            dropped_attributes: u32::from(failed) * 2,
            dropped_events: u32::from(failed),
            dropped_links: 0,
            service: resource.service_name(),
            resource,
            scope: senders.scope(step),
        });
    }
}

fn put_attrs_of(out: &mut Vec<u8>, number: u32, attrs: Attrs<'_>) {
    for (key, value) in attrs.iter() {
        let mut entry = Vec::new();
        put_bytes_field(&mut entry, 1, key.as_bytes());
        put_bytes_field(&mut entry, 2, &any(value));
        put_bytes_field(out, number, &entry);
    }
}

fn log(export: &mut Export, senders: &Senders, number: u64, time: Nanos) {
    let mut structured = AttrsBuf::new();
    structured.push("event", Value::Str("stock"));
    structured.push("left", Value::Int(number as i64));
    let structured_body = any(Value::Map(structured.as_attrs()));
    let (body, body_value): (String, &[u8]) = match number % 6 {
        0 => (format!("order {number} accepted for user-{} in 12ms", number * 7919 % 1000), &[]),
        1 => (format!("주문 {number} 실패: 재고 없음"), &[]),
        2 => (format!("{{\"event\":\"stock\",\"left\":{number}}}"), &structured_body),
        3 => ("GET /api/v1/cart HTTP/1.1 200 from 10.0.3.7".to_owned(), &[]),
        4 => (format!("panic at src/main.rs:{number}\n  thread 'main'\tstack 0xdeadbeef"), &[]),
        _ => (String::new(), &[]),
    };
    let attrs = attributes(number);
    let resource = senders.resource(number);
    let traced = number % 3 != 2;
    export.log(&LogRecord {
        time,
        observed_time: time + 1_500_000,
        severity_number: [9, 17, 5, 9, 21, 0][(number % 6) as usize],
        severity_text: ["INFO", "ERROR", "debug", "Information", "FATAL", ""][(number % 6) as usize],
        body: &body,
        body_value,
        event_name: if number % 6 == 5 { "session.start" } else { "" },
        trace_id: traced.then(|| trace_id(number % 12)),
        span_id: (traced && number.is_multiple_of(2)).then(|| span_id(number % 12 * 10)),
        flags: u32::from(traced),
        attrs: if number % 6 == 3 { Attrs::default() } else { attrs.as_attrs() },
        dropped_attributes: u32::from(number.is_multiple_of(11)),
        service: resource.service_name(),
        resource,
        scope: senders.scope(number),
    });
}

/// The requests of the sample in the order they are stored, each beside the step it belongs to.
pub(crate) fn requests(step: Step) -> Vec<Request> {
    contents(step).into_iter().map(|(at, kind, fill)| request(at, kind, fill)).collect()
}

/// When a request was received, what it has, and what puts that in.
type Content = (Nanos, Kind, Box<dyn Fn(&mut Export)>);

fn contents(step: Step) -> Vec<Content> {
    let traces = |from: u64, to: u64, at: Nanos| -> Content {
        let fill = move |export: &mut Export| {
            let senders = Senders::new();
            (from..to).for_each(|number| trace(export, &senders, number, at + number as Nanos * 61 * SECOND));
        };
        (at, Kind::Traces, Box::new(fill))
    };
    let logs = |from: u64, to: u64, at: Nanos| -> Content {
        let fill = move |export: &mut Export| {
            let senders = Senders::new();
            (from..to).for_each(|number| log(export, &senders, number, at + number as Nanos * 17 * SECOND));
        };
        (at, Kind::Logs, Box::new(fill))
    };
    let metrics = |from: u64, to: u64, at: Nanos| -> Content {
        let fill = move |export: &mut Export| {
            let senders = Senders::new();
            (from..to).for_each(|round| metrics::round(export, &senders, round, at));
        };
        (at, Kind::Metrics, Box::new(fill))
    };
    // Rows of the first step are older than what the sample keeps; those of the second lie in two windows.
    match step {
        Step::Dropped => vec![traces(500, 501, START - 30 * DAY), logs(500, 502, START - 30 * DAY)],
        Step::First => {
            let at = START + 2 * HOUR - 300 * SECOND;
            vec![traces(0, 8, at), logs(0, 40, at), metrics(0, 10, at), logs(40, 48, at)]
        }
        Step::Second => vec![traces(8, 12, START + 4 * HOUR), logs(50, 60, START + HOUR), metrics(10, 14, START)],
        Step::Unflushed => vec![
            traces(12, 14, START + 4 * HOUR),
            logs(60, 67, START + 4 * HOUR),
            metrics(14, 16, START + 4 * HOUR),
            logs(67, 69, START + 4 * HOUR),
        ],
    }
}

/// A part of the sample, by how far it gets: dropped by the retention, in segments of a first flush, in those of a second
/// one, or in the log only.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Dropped,
    First,
    Second,
    Unflushed,
}

/// The rows of a body of the sample; stands in for the receiver's decoder.
pub(crate) fn decode() -> Decode {
    Box::new(|rows, kind, body, _| {
        let steps = [Step::Dropped, Step::First, Step::Second, Step::Unflushed];
        let is_it = |(at, kind_of, fill): &Content| *kind_of as u8 == kind && request(*at, *kind_of, fill).body == body;
        let known = steps.into_iter().flat_map(contents).find(is_it);
        known.map(|(_, kind, fill)| append(rows, kind, fill)).ok_or_else(|| "not a request of the sample".to_owned())
    })
}

pub(crate) fn open(dir: &Path) -> (Arc<Store>, store::Recovery) {
    Store::open(StoreConfig::new(dir), decode()).unwrap()
}

/// Writes the sample to the empty directory `dir`, as a process leaves it that was killed. `arrange` is called when
/// everything but the last step is in segments.
pub(crate) fn write(dir: &Path, arrange: impl Fn(&Store)) {
    let config = StoreConfig { retention: Retention::of_age(Some(20 * DAY)), ..StoreConfig::new(dir) };
    let append = |store: &Store, step| {
        for request in requests(step) {
            assert!(!store.append_blocking(request).unwrap().is_duplicate());
        }
    };
    let (store, _) = Store::open(config.clone(), decode()).unwrap();
    append(&store, Step::Dropped);
    store.flush().unwrap();
    store.maintain(START);
    append(&store, Step::First);
    store.flush().unwrap();
    drop(store);
    // A new start begins a new log file, and the flush retires the old one.
    let (store, recovery) = Store::open(config, decode()).unwrap();
    assert_eq!(recovery.damage, Vec::<String>::new());
    append(&store, Step::Second);
    store.flush().unwrap();
    arrange(&store);
    append(&store, Step::Unflushed);
    drop(store);
    trim(dir);
}

/// Cuts log files after their last record, of the zeros that they are filled with ahead. Some zeros stay, since a record may
/// end in a few.
fn trim(dir: &Path) {
    for entry in std::fs::read_dir(dir.join("wal")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        std::fs::write(&path, &bytes[..bytes.len().min(end + 64)]).unwrap();
    }
    for name in ["lock", "reserve"] {
        std::fs::remove_file(dir.join(name)).unwrap();
    }
}
