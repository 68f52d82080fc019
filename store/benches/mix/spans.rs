//! Spans: traces of 25 on average, a tree whose parents are among the last six spans, log-normal durations, eight
//! attributes; one span in 30 failed and has an event with a stack trace.

use model::span::{Events, Links};
use model::{AttrsBuf, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use store::SpanRows;

use super::{EPOCH, Random, SERVICES, Senders};

const ROUTES: [&str; 24] = [
    "/",
    "/search",
    "/products/{id}",
    "/products/{id}/reviews",
    "/cart",
    "/cart/items",
    "/cart/items/{id}",
    "/checkout",
    "/checkout/confirm",
    "/orders",
    "/orders/{id}",
    "/orders/{id}/track",
    "/login",
    "/logout",
    "/account",
    "/account/addresses",
    "/prices/{sku}",
    "/stock/{sku}",
    "/stock/reserve",
    "/mail/send",
    "/ledger/entries",
    "/payments",
    "/payments/{id}/capture",
    "/health",
];
const SYSTEMS: [&str; 4] = ["postgresql", "redis", "kafka", "elasticsearch"];
const METHODS: [&str; 5] = ["GET", "GET", "GET", "POST", "PUT"];
const STATUSES: [i64; 8] = [200, 200, 200, 200, 201, 204, 304, 404];

/// Spans in order of their traces, which begin some 4 ms after one another.
pub(crate) struct SpanMix {
    random: Random,
    senders: Senders,
    start: i64,
}

impl SpanMix {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let senders = Senders::new(&mut random);
        SpanMix { random, senders, start: EPOCH }
    }

    /// Pushes one trace and returns its id.
    pub(crate) fn trace(&mut self, rows: &mut SpanRows) -> TraceId {
        let SpanMix { random, senders, start } = self;
        *start += random.lognormal(3e6, 0.8) as i64;
        let trace_id = TraceId(random.id());
        let n_spans = 5 + random.below(41) as usize;
        let user = format!("user-{}", random.ranked(50_000));

        let mut ids: Vec<(SpanId, i64, i64)> = Vec::with_capacity(n_spans);
        let mut entry = Vec::new();
        for number in 0..n_spans {
            let id = SpanId(random.id());
            let (parent, begin, within) = match number {
                0 => (None, *start, random.lognormal(200e6, 0.7) as i64),
                _ => {
                    let back = 1 + random.below(6.min(number as u64)) as usize;
                    let (parent, begin, duration) = ids[number - back];
                    (Some(parent), begin + (random.unit() * 0.3 * duration as f64) as i64, duration)
                }
            };
            let duration =
                if number == 0 { within } else { (within as f64 * random.lognormal(0.4, 0.6).min(0.99)) as i64 };
            ids.push((id, begin, duration));
            let service = if number == 0 { 0 } else { random.below(SERVICES.len() as u64) as usize };
            let pod = random.below(6);
            let (resource, scope) = senders.of(service, pod);
            let route = ROUTES[(service * 2 + random.ranked(4) as usize) % ROUTES.len()];
            let method = METHODS[random.below(5) as usize];
            let failed = random.one_in(30);
            let peer = peer_of(random);
            let kind = if number == 0 {
                SpanKind::Server
            } else {
                [SpanKind::Server, SpanKind::Client, SpanKind::Internal][random.below(3) as usize]
            };
            let mut attrs = AttrsBuf::new();
            let name = match kind {
                SpanKind::Client => {
                    let system = SYSTEMS[random.below(4) as usize];
                    attrs.push("db.system.name", Value::Str(system));
                    attrs.push("db.namespace", Value::Str(SERVICES[service]));
                    attrs.push("db.response.returned_rows", Value::Int(random.ranked(500) as i64));
                    format!("{system} {}", SERVICES[service])
                }
                _ => {
                    attrs.push("http.request.method", Value::Str(method));
                    attrs.push("http.route", Value::Str(route));
                    attrs.push(
                        "http.response.status_code",
                        Value::Int(if failed { 500 } else { STATUSES[random.below(8) as usize] }),
                    );
                    format!("{method} {route}")
                }
            };
            attrs.push("network.peer.address", Value::Str(&peer));
            attrs.push("enduser.id", Value::Str(&user));
            attrs.push("server.address", Value::Str(&format!("{}.shop.svc", SERVICES[service])));
            attrs.push("thread.id", Value::Int(random.below(32) as i64));
            attrs.push("app.cache.hit", Value::Bool(random.one_in(2)));
            entry.clear();
            if failed {
                exception(&mut entry, begin + duration, route, random);
            }
            rows.push(&Span {
                trace_id,
                span_id: id,
                parent_span_id: parent,
                trace_state: "",
                flags: 0x101,
                name: &name,
                kind,
                start: begin,
                duration,
                status: if failed { StatusCode::Error } else { StatusCode::Unset },
                status_message: if failed { "upstream did not answer in time" } else { "" },
                attrs: attrs.as_attrs(),
                events: Events::new(&entry),
                links: Links::default(),
                dropped_attributes: 0,
                dropped_events: 0,
                dropped_links: 0,
                service: SERVICES[service],
                resource,
                scope,
            });
        }
        trace_id
    }
}

fn peer_of(random: &mut Random) -> String {
    format!("10.{}.{}.{}", random.below(32), random.below(256), random.below(256))
}

/// An event as SDKs record a failure.
fn exception(out: &mut Vec<u8>, time: i64, route: &str, random: &mut Random) {
    use model::wire::{put_bytes_field, put_fixed64_field};
    let mut attrs = AttrsBuf::new();
    attrs.push("exception.type", Value::Str("shop::UpstreamTimeout"));
    attrs.push("exception.message", Value::Str(&format!("no answer from {route} after {} ms", random.below(5_000))));
    let frames: String = (0..6)
        .map(|it| format!("  at shop::call::frame_{} (call.rs:{})\n", it, 40 + it * 13 + random.below(3)))
        .collect();
    attrs.push("exception.stacktrace", Value::Str(&frames));
    let mut event = Vec::new();
    put_fixed64_field(&mut event, 1, time as u64);
    put_bytes_field(&mut event, 2, b"exception");
    let mut reader = model::wire::Reader::new(attrs.as_bytes());
    while let Ok(Some((_, model::wire::Raw::Bytes(pair)))) = reader.next_field() {
        put_bytes_field(&mut event, 3, pair);
    }
    put_bytes_field(out, 1, &event);
}
