//! Requests of OTLP of usual size: 512 items of a resource of six attributes, spans of eight (390 bytes), log records of seven
//! (380 bytes) or gauges of three (101 bytes).

use collector::Signal;
use model::wire::{put_bytes_field, put_fixed64_field, put_varint_field};

/// 2026-01-01T00:00:00Z.
const START: u64 = 1_767_225_600_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Items of a request, as SDKs batch them.
pub(crate) const ITEMS: u64 = 512;

/// When request `number` arrives, in nanoseconds since the epoch: ten a second.
pub(crate) fn received_at(number: u64) -> i64 {
    (START + number * 100 * MILLISECOND) as i64
}

/// Request `number` of `signal`, with [`ITEMS`] items.
pub(crate) fn body(signal: Signal, number: u64) -> Vec<u8> {
    let service = ["gateway", "catalogue", "booking", "payment", "psp", "mail"][(number % 6) as usize];
    let mut resource = Vec::new();
    for (key, value) in [
        ("service.name", service),
        ("service.version", "1.42.0"),
        ("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
        ("deployment.environment.name", "production"),
        ("host.name", "node-17.eu-central-1.example.com"),
        ("telemetry.sdk.language", "go"),
    ] {
        attribute(&mut resource, 1, key, Value::Text(value));
    }
    let mut scope = Vec::new();
    put_bytes_field(&mut scope, 1, b"example.com/instrumentation");
    let mut items = Vec::new();
    put_bytes_field(&mut items, 1, &scope);
    for item in 0..ITEMS {
        let seed = mix(number * ITEMS + item);
        let time = START + number * 100 * MILLISECOND + item * MILLISECOND / 8;
        match signal {
            Signal::Traces => put_bytes_field(&mut items, 2, &span(number * ITEMS + item, seed, time)),
            Signal::Logs => put_bytes_field(&mut items, 2, &log(seed, time)),
            Signal::Metrics => put_bytes_field(&mut items, 2, &metric(number, item, seed, time)),
        }
    }
    let mut group = Vec::new();
    put_bytes_field(&mut group, 1, &resource);
    put_bytes_field(&mut group, 2, &items);
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, &group);
    body
}

enum Value<'a> {
    Text(&'a str),
    Int(u64),
}

/// A `KeyValue` in field `number` of `out`.
fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: Value<'_>) {
    let mut any = Vec::new();
    match value {
        Value::Text(text) => put_bytes_field(&mut any, 1, text.as_bytes()),
        Value::Int(int) => put_varint_field(&mut any, 3, int),
    }
    let mut entry = Vec::new();
    put_bytes_field(&mut entry, 1, key.as_bytes());
    put_bytes_field(&mut entry, 2, &any);
    put_bytes_field(out, number, &entry);
}

fn span(index: u64, seed: u64, time: u64) -> Vec<u8> {
    let trace = mix(index / 25);
    let mut span = Vec::new();
    put_bytes_field(&mut span, 1, &[trace.to_be_bytes(), mix(trace).to_be_bytes()].concat());
    put_bytes_field(&mut span, 2, &(seed | 1).to_be_bytes());
    put_bytes_field(&mut span, 4, &(mix(index.saturating_sub(1)) | 1).to_be_bytes());
    put_bytes_field(
        &mut span,
        5,
        ["GET /v1/events", "POST /v1/bookings", "SELECT", "charge"][(seed % 4) as usize].as_bytes(),
    );
    put_varint_field(&mut span, 6, 2);
    put_fixed64_field(&mut span, 7, time);
    put_fixed64_field(&mut span, 8, time + MILLISECOND + seed % (400 * MILLISECOND));
    attribute(&mut span, 9, "http.request.method", Value::Text("GET"));
    attribute(&mut span, 9, "http.route", Value::Text("/v1/events/{event_id}/seats"));
    attribute(&mut span, 9, "http.response.status_code", Value::Int(200 + seed % 3));
    attribute(&mut span, 9, "url.path", Value::Text(&format!("/v1/events/{}/seats", seed % 5000)));
    attribute(&mut span, 9, "server.address", Value::Text("booking.example.com"));
    attribute(&mut span, 9, "user_agent.original", Value::Text("Mozilla/5.0 (X11; Linux x86_64) Firefox/131.0"));
    attribute(&mut span, 9, "enduser.id", Value::Text(&format!("customer-{}", seed % 100_000)));
    attribute(&mut span, 9, "thread.id", Value::Int(seed % 32));
    span
}

fn log(seed: u64, time: u64) -> Vec<u8> {
    let mut record = Vec::new();
    put_fixed64_field(&mut record, 1, time);
    put_varint_field(&mut record, 2, 9);
    put_bytes_field(&mut record, 3, b"INFO");
    let text = format!("GET /v1/events/{}/seats 200 {} bytes in {} ms", seed % 5000, seed % 100_000, seed % 900);
    let mut body = Vec::new();
    put_bytes_field(&mut body, 1, text.as_bytes());
    put_bytes_field(&mut record, 5, &body);
    attribute(&mut record, 6, "http.request.method", Value::Text("GET"));
    attribute(&mut record, 6, "http.response.status_code", Value::Int(200));
    attribute(&mut record, 6, "http.route", Value::Text("/v1/events/{event_id}/seats"));
    attribute(
        &mut record,
        6,
        "client.address",
        Value::Text(&format!("10.{}.{}.{}", seed % 256, seed / 7 % 256, seed / 11 % 256)),
    );
    attribute(&mut record, 6, "code.function.name", Value::Text("com.example.booking.SeatsHandler.list"));
    attribute(&mut record, 6, "thread.name", Value::Text(&format!("worker-{}", seed % 32)));
    attribute(&mut record, 6, "enduser.id", Value::Text(&format!("customer-{}", seed % 100_000)));
    put_bytes_field(&mut record, 9, &[mix(seed / 7).to_be_bytes(), seed.to_be_bytes()].concat());
    put_bytes_field(&mut record, 10, &(seed | 1).to_be_bytes());
    put_fixed64_field(&mut record, 11, time + 1000);
    record
}

/// A gauge with one point: the 512 series of an instance, one export after the other.
fn metric(number: u64, item: u64, seed: u64, time: u64) -> Vec<u8> {
    let mut point = Vec::new();
    put_fixed64_field(&mut point, 3, time);
    put_fixed64_field(&mut point, 4, f64::to_bits((seed % 1000) as f64 / 8.0));
    attribute(&mut point, 7, "cpu", Value::Text(&(item % 64).to_string()));
    attribute(&mut point, 7, "instance", Value::Text(&(number % 100).to_string()));
    attribute(&mut point, 7, "state", Value::Text(["user", "system", "idle", "iowait"][(item / 64 % 4) as usize]));
    let mut gauge = Vec::new();
    put_bytes_field(&mut gauge, 1, &point);
    let mut metric = Vec::new();
    put_bytes_field(
        &mut metric,
        1,
        ["system.cpu.utilization", "process.cpu.utilization"][(item / 256) as usize].as_bytes(),
    );
    put_bytes_field(&mut metric, 3, b"1");
    put_bytes_field(&mut metric, 5, &gauge);
    metric
}

/// A number that looks random (the finalizer of SplitMix64).
fn mix(number: u64) -> u64 {
    let mut it = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    it ^ (it >> 31)
}
