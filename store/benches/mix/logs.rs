//! Log records: four families of messages, bodies of some 64 bytes, seven attributes, a trace id shared by seven records in
//! a row and a span id by some of those.

use model::{AttrsBuf, LogRecord, SpanId, TraceId, Value};
use store::LogRows;

use super::{EPOCH, Random, SERVICES, Senders};

const PATHS: [&str; 8] = ["cart", "orders", "products", "payments", "search", "login", "stock", "prices"];
const EVENTS: [&str; 6] =
    ["order placed", "payment captured", "stock reserved", "mail queued", "price recalculated", "cart restored"];
const QUERIES: [&str; 4] = ["SELECT orders", "UPDATE stock", "INSERT ledger", "SELECT prices"];

/// Records in order of time, some 20 µs apart.
pub(crate) struct LogMix {
    random: Random,
    senders: Senders,
    time: i64,
    trace: (TraceId, SpanId, u64),
}

impl LogMix {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let senders = Senders::new(&mut random);
        LogMix { random, senders, time: EPOCH, trace: (TraceId([1; 16]), SpanId([1; 8]), 0) }
    }

    pub(crate) fn record(&mut self, rows: &mut LogRows) {
        let LogMix { random, senders, time, trace } = self;
        *time += random.lognormal(15_000.0, 1.0) as i64;
        if trace.2 == 0 {
            *trace = (TraceId(random.id()), SpanId(random.id()), 7);
        } else if trace.2 % 3 == 1 {
            trace.1 = SpanId(random.id());
        }
        trace.2 -= 1;
        let service = random.below(SERVICES.len() as u64) as usize;
        let (resource, scope) = senders.of(service, random.below(6));
        let path = PATHS[random.ranked(8) as usize];
        let user = random.ranked(50_000);
        let duration = random.lognormal(12.0, 0.9);
        let (severity, text, body) = match random.below(100) {
            0..55 => (
                9,
                "INFO",
                format!(
                    "GET /api/v1/{path}/{} HTTP/1.1 200 {} {duration:.3}ms",
                    random.below(100_000),
                    random.below(20_000)
                ),
            ),
            55..90 => (
                9,
                "INFO",
                format!(
                    "{} for user {user} id={:08x} total={}.{:02}",
                    EVENTS[random.below(6) as usize],
                    random.next() as u32,
                    random.below(500),
                    random.below(100)
                ),
            ),
            90..97 => (
                13,
                "WARN",
                format!(
                    "slow call {} took {:.1}ms, limit 250ms, pool {}/64",
                    QUERIES[random.below(4) as usize],
                    duration * 30.0,
                    random.below(64)
                ),
            ),
            _ => (
                17,
                "ERROR",
                format!(
                    "rpc error: code = Unavailable desc = connection to {}:50051 refused, attempt {}",
                    SERVICES[random.below(12) as usize],
                    random.below(5)
                ),
            ),
        };
        let mut attrs = AttrsBuf::new();
        attrs.push("http.request.method", Value::Str(["GET", "POST", "PUT"][random.ranked(3) as usize]));
        attrs.push("http.route", Value::Str(&format!("/api/v1/{path}/{{id}}")));
        attrs.push("http.response.status_code", Value::Int([200, 200, 200, 201, 404, 500][random.ranked(6) as usize]));
        attrs.push("enduser.id", Value::Str(&format!("user-{user}")));
        attrs.push("thread.name", Value::Str(&format!("worker-{}", random.below(32))));
        attrs.push(
            "code.file.path",
            Value::Str(["src/http.rs", "src/orders.rs", "src/pool.rs"][random.below(3) as usize]),
        );
        attrs.push("code.line.number", Value::Int(20 + random.ranked(300) as i64));
        rows.push(&LogRecord {
            time: *time,
            observed_time: *time + 40_000 + random.below(20_000) as i64,
            severity_number: severity,
            severity_text: text,
            body: &body,
            body_value: &[],
            event_name: "",
            trace_id: Some(trace.0),
            span_id: Some(trace.1),
            flags: 1,
            attrs: attrs.as_attrs(),
            dropped_attributes: 0,
            service: SERVICES[service],
            resource,
            scope,
        });
    }
}
