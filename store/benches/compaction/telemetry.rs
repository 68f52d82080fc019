//! Telemetry of a made-up shop of 24 services: the same for the same numbers.

use model::span::{Events, Links};
use model::{
    AttrsBuf, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId, SpanKind,
    StatusCode, Temporality, TraceId, Value,
};
use store::Rows;

const SERVICES: u64 = 24;
const PODS: u64 = 4;
const SPANS_A_TRACE: u64 = 25;
/// The shop gets this many spans or log records a second.
const RATE: u64 = 1000;
const SECOND: Nanos = 1_000_000_000;
/// The start of a window of two hours.
const START: Nanos = 1_700_006_400 * SECOND;

/// A number that looks random and depends on `n` alone: the finaliser of SplitMix64.
fn hash(n: u64) -> u64 {
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// One of 0 to `n` - 1, where low ones are likely.
fn skewed(random: u64, n: u64) -> u64 {
    let unit = (random >> 11) as f64 / (1u64 << 53) as f64;
    ((unit * unit * unit) * n as f64) as u64
}

/// Most values are small, few are large.
fn duration(random: u64) -> Nanos {
    let unit = (random >> 11) as f64 / (1u64 << 53) as f64;
    (200_000.0 * (1.0 / (1.0 - unit * 0.9999)).powf(0.8)) as Nanos
}

fn trace_id(trace: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&hash(trace * 2 + 1).to_be_bytes());
    id[8..].copy_from_slice(&hash(trace * 2 + 2).to_be_bytes());
    TraceId(id)
}

fn resource(service: u64, pod: u64) -> AttrsBuf {
    let mut attrs = AttrsBuf::new();
    attrs.push("service.name", Value::Str(&format!("shop-{service}")));
    attrs.push("service.version", Value::Str("1.14.2"));
    attrs.push("deployment.environment.name", Value::Str("production"));
    attrs.push("host.name", Value::Str(&format!("node-{}", pod * 3 + service % 3)));
    attrs.push("k8s.pod.name", Value::Str(&format!("shop-{service}-7f9d4c6b5-{:05x}", hash(service * 8 + pod) >> 44)));
    attrs.push("k8s.namespace.name", Value::Str("shop"));
    attrs.push("telemetry.sdk.language", Value::Str(["java", "go", "rust", "python"][(service % 4) as usize]));
    attrs
}

/// `n` spans from number `first` on: 25 to a trace, 8 attributes each.
pub(crate) fn spans(first: u64, n: u64) -> Rows {
    let mut rows = Rows::default();
    let services: Vec<String> = (0..SERVICES).map(|service| format!("shop-{service}")).collect();
    let resources: Vec<AttrsBuf> = (0..SERVICES * PODS).map(|it| resource(it / PODS, it % PODS)).collect();
    for number in first..first + n {
        let (trace, place) = (number / SPANS_A_TRACE, number % SPANS_A_TRACE);
        let random = hash(number);
        let service = if place == 0 { 0 } else { skewed(hash(random), SERVICES) };
        let route = skewed(hash(random + 1), 40);
        let status = if random.is_multiple_of(50) { 500 } else { 200 };
        let mut attrs = AttrsBuf::new();
        attrs.push("http.request.method", Value::Str(if route.is_multiple_of(3) { "POST" } else { "GET" }));
        attrs.push("http.route", Value::Str(&format!("/api/v1/items-{route}/{{id}}")));
        attrs.push("http.response.status_code", Value::Int(status));
        attrs.push("url.scheme", Value::Str("https"));
        attrs.push("server.address", Value::Str(&services[service as usize]));
        attrs.push("server.port", Value::Int(8080));
        let peer = format!("10.{}.{}.{}", random % 4, (random >> 8) % 256, (random >> 16) % 256);
        attrs.push("network.peer.address", Value::Str(&peer));
        attrs.push("enduser.id", Value::Str(&format!("user-{}", hash(trace) % 20_000)));
        let jitter = (hash(random + 2) % 40_000_000) as Nanos;
        let start = START + ((trace * SPANS_A_TRACE * SECOND as u64) / RATE) as Nanos + jitter;
        let parent = (place > 0).then(|| SpanId(hash(number - 1 - random % place).to_be_bytes()));
        rows.spans.push(&Span {
            trace_id: trace_id(trace),
            span_id: SpanId(random.to_be_bytes()),
            parent_span_id: parent,
            trace_state: "",
            flags: 0x101,
            name: ["GET /api/v1/items", "POST /api/v1/orders", "SELECT shop.items", "charge"][(route % 4) as usize],
            kind: if place % 2 == 0 { SpanKind::Server } else { SpanKind::Client },
            start,
            duration: duration(hash(random + 3)),
            status: if status == 500 { StatusCode::Error } else { StatusCode::Unset },
            status_message: if status == 500 { "upstream connect error" } else { "" },
            attrs: attrs.as_attrs(),
            events: Events::default(),
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service: &services[service as usize],
            resource: Resource::new(resources[(service * PODS + random % PODS) as usize].as_bytes()),
            scope: Scope::default(),
        });
    }
    rows
}

/// `n` log records from number `first` on: 12 families of text with values in them, 4 attributes, 2 in 3 within a trace.
pub(crate) fn logs(first: u64, n: u64) -> Rows {
    let mut rows = Rows::default();
    let services: Vec<String> = (0..SERVICES).map(|service| format!("shop-{service}")).collect();
    let resources: Vec<AttrsBuf> = (0..SERVICES * PODS).map(|it| resource(it / PODS, it % PODS)).collect();
    for number in first..first + n {
        let random = hash(number ^ 0x5eed);
        let service = skewed(hash(random), SERVICES);
        let (a, b, c) = (random % 100_000, hash(random + 1) % 5_000, hash(random + 2));
        let body = match skewed(hash(random + 3), 12) {
            0 => format!("request completed method=GET path=/api/v1/items/{a} status=200 duration_ms={b}"),
            1 => format!("order {a} accepted for user-{b} with {} items", c % 9 + 1),
            2 => format!("cache miss for key item:{a}, loading from database took {b} us"),
            3 => format!("payment authorized, transaction {c:016x}"),
            4 => format!("connection to 10.{}.{}.{}:5432 established", c % 4, a % 256, b % 256),
            5 => format!("retrying request to shop-{} after {b} ms, attempt {}", a % SERVICES, c % 4 + 2),
            6 => format!("GC pause {} ms, heap {b} MB of 4096 MB", a % 300),
            7 => format!("user-{b} logged in from 203.0.{}.{}", a % 256, c % 256),
            8 => format!("slow query: SELECT * FROM items WHERE id = {a} took {b} ms"),
            9 => format!("failed to reserve item {a}: upstream connect error or disconnect, reset reason: timeout"),
            10 => format!("message {c:016x} published to topic orders partition {} offset {a}", b % 12),
            _ => format!("health check of shop-{} passed in {b} us", a % SERVICES),
        };
        let mut attrs = AttrsBuf::new();
        attrs.push("thread.name", Value::Str(&format!("worker-{}", random % 16)));
        attrs.push("code.function.name", Value::Str(["handle", "load", "charge", "publish"][(random % 4) as usize]));
        attrs
            .push("log.logger", Value::Str(["com.shop.Http", "com.shop.Orders", "com.shop.Db"][(random % 3) as usize]));
        attrs.push("enduser.id", Value::Str(&format!("user-{}", hash(random) % 20_000)));
        let time = START + ((number * SECOND as u64) / RATE) as Nanos + (c % 900_000) as Nanos;
        let in_trace = !random.is_multiple_of(3);
        let level = if random.is_multiple_of(20) { (17, "ERROR") } else { (9, "INFO") };
        rows.logs.push(&LogRecord {
            time,
            observed_time: time + (b * 1000) as Nanos,
            severity_number: level.0,
            severity_text: level.1,
            body: &body,
            body_value: &[],
            event_name: "",
            trace_id: in_trace.then(|| trace_id(number / 10)),
            span_id: in_trace.then(|| SpanId(c.to_be_bytes())),
            flags: 1,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: &services[service as usize],
            resource: Resource::new(resources[(service * PODS + random % PODS) as usize].as_bytes()),
            scope: Scope::default(),
        });
    }
    rows
}

/// One scrape of `n_series` series, every 15 seconds: constants, counters, gauges with and without decimals.
pub(crate) fn points(step: u64, n_series: u64) -> Rows {
    let mut rows = Rows::default();
    for number in 0..n_series {
        let target = number / 100;
        let resource = resource(target % SERVICES, target % PODS);
        let mut attrs = AttrsBuf::new();
        attrs.push("cpu", Value::Str(&format!("{}", number % 100)));
        attrs.push("target", Value::Str(&format!("{target}")));
        let kind = number % 20;
        let counter = (7..14).contains(&kind);
        let series = Series {
            name: ["system.info", "system.requests", "system.load", "system.memory"][(kind / 5) as usize],
            unit: "1",
            description: "made up",
            kind: if counter { MetricKind::Sum } else { MetricKind::Gauge },
            temporality: if counter { Temporality::Cumulative } else { Temporality::Unspecified },
            monotonic: counter,
            attrs: attrs.as_attrs(),
            attr_bytes: attrs.as_bytes(),
            service: "shop",
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        };
        // All series of a target are taken at once, a little off the beat.
        let jitter = (hash(target * 7919 + step) % 3_000_000) as Nanos;
        let time = START + step as Nanos * 15 * SECOND + (target as Nanos * 10_000_000) + jitter;
        let random = hash(number * 1_000_003 + step);
        let value = match kind {
            0..7 => PointValue::Double(number as f64),
            7..12 => PointValue::Int((step * (number % 50) + random % 10) as i64),
            12..14 => PointValue::Double((step * (number % 50) + random % 10) as f64 * 0.01),
            14..17 => PointValue::Int((random % 1000) as i64),
            17..19 => PointValue::Double((random % 10_000) as f64 / 100.0),
            _ => PointValue::Double(f64::from_bits(0x3ff0_0000_0000_0000 | (random >> 12))),
        };
        let id = rows.metrics.series(&series, time);
        rows.metrics.push(&Point { series: id, time, start_time: START, flags: 0, value });
    }
    rows
}
