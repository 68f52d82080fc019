//! Requests of spans.

use model::Nanos;
use model::wire::{put_bytes_field, put_fixed32_field, put_fixed64_field, put_varint_field};

use super::customers::Customer;
use super::dice::mix;
use super::encode::{Groups, Text, put_bool, put_header, put_int, put_text};
use super::shapes::{ATTRIBUTES, Field, Node};
use super::topology::SERVICES;
use super::traces::{Outcome, Timing, Trace, Traces, is_cache_hit};

/// Memory that is used again from trace to trace.
#[derive(Default)]
pub(super) struct Scratch {
    timings: Vec<Timing>,
    span: Vec<u8>,
    detail: Vec<u8>,
    text: Text,
}

/// What a failing span records as its exception, by service modulo their number.
const EXCEPTIONS: [(&str, &str); 4] = [
    ("java.net.SocketTimeoutException", "timeout: no response within 2000 ms"),
    ("io.grpc.StatusRuntimeException", "UNAVAILABLE: upstream connect error or disconnect/reset before headers"),
    ("org.postgresql.util.PSQLException", "could not serialize access due to concurrent update"),
    ("shop.DeclinedError", "the issuer declined: do_not_honor"),
];

const STACKTRACE: &str = "\tat shop.client.RetryingChannel.call(RetryingChannel.java:184)
\tat shop.client.RetryingChannel.lambda$callWithDeadline$3(RetryingChannel.java:131)
\tat java.base/java.util.concurrent.FutureTask.run(FutureTask.java:317)
\tat java.base/java.util.concurrent.ThreadPoolExecutor.runWorker(ThreadPoolExecutor.java:1144)
\tat java.base/java.lang.Thread.run(Thread.java:1583)";

/// `SpanFlags`: the W3C flag `sampled`, and whether the parent is remote is known, and whether it is.
const SAMPLED: u32 = 0x001;
const REMOTE_KNOWN: u32 = 0x100;
const REMOTE: u32 = 0x200;

impl Traces {
    /// Appends the spans of trace `number`, which starts at `start`, to the groups of their resources. Returns how many.
    pub(super) fn put(&self, number: u64, start: Nanos, groups: &mut Groups, scratch: &mut Scratch) -> u64 {
        let trace = self.trace(number);
        let Scratch { timings, span, detail, text } = scratch;
        self.run(&trace, start, timings);
        let trace_id = self.ids.trace(number);
        for (ordinal, (node, timing)) in trace.shape.nodes.iter().zip(timings.iter()).enumerate() {
            span.clear();
            put_bytes_field(span, 1, &trace_id);
            put_bytes_field(span, 2, &self.ids.span(number, ordinal));
            let parent = node.parent.map(|parent| self.ids.span(number, parent));
            if let Some(parent) = &parent {
                put_bytes_field(span, 4, parent);
            }
            span.extend_from_slice(&node.head);
            put_fixed64_field(span, 7, timing.start as u64);
            put_fixed64_field(span, 8, (timing.start + timing.duration) as u64);
            span.extend_from_slice(&node.attributes);
            self.put_fields(span, &trace, ordinal, timing.outcome, text);
            if timing.outcome == Outcome::Origin {
                put_exception(span, node.service, timing, detail);
            }
            if let (true, Some(parent)) = (node.is_consumer, &parent) {
                // The link of a consumer to the span that sent the message.
                put_header(span, 13, 18 + 10);
                put_bytes_field(span, 1, &trace_id);
                put_bytes_field(span, 2, parent);
            }
            if timing.outcome != Outcome::Success {
                let message = EXCEPTIONS[node.service % EXCEPTIONS.len()].1;
                put_header(span, 15, 2 + message.len() + 2);
                put_bytes_field(span, 2, message.as_bytes());
                put_varint_field(span, 3, 2);
            }
            let remote = node.parent.is_some_and(|parent| trace.shape.nodes[parent].service != node.service);
            put_fixed32_field(span, 16, SAMPLED | REMOTE_KNOWN | if remote { REMOTE } else { 0 });
            put_bytes_field(groups.of(trace.resource(node.service)), 2, span);
        }
        trace.shape.nodes.len() as u64
    }

    /// Appends the attributes that are the span's own.
    fn put_fields(&self, out: &mut Vec<u8>, trace: &Trace<'_>, ordinal: usize, outcome: Outcome, text: &mut Text) {
        let node = &trace.shape.nodes[ordinal];
        let Customer { number: customer, product, order } = trace.customer;
        let mut dice = self.dice(trace.number, ordinal);
        let first = dice.roll();
        // The second decided the failure; see `Traces::dice`.
        dice.roll();
        for field in &node.fields {
            match *field {
                Field::Path(route) => {
                    put_text(out, ATTRIBUTES, "url.path", path(text.start(), route, product).as_str())
                }
                Field::Url(service, route) => {
                    let it = &SERVICES[service];
                    text.start().text("http://").text(it.name).text(".shop.svc:").number(it.port);
                    put_text(out, ATTRIBUTES, "url.full", path(text, route, product).as_str());
                }
                Field::HttpStatus => put_int(out, ATTRIBUTES, "http.response.status_code", http_status(outcome, first)),
                Field::GrpcStatus => put_int(out, ATTRIBUTES, "rpc.grpc.status_code", grpc_status(outcome)),
                Field::Customer => {
                    let address = mix(customer);
                    text.start().number(91 + address % 120).text(".").number(address >> 8 & 255).text(".");
                    text.number(address >> 16 & 255).text(".").number(1 + (address >> 24) % 254);
                    put_text(out, ATTRIBUTES, "client.address", text.as_str());
                    put_text(out, ATTRIBUTES, "user_agent.original", trace.customer.user_agent());
                }
                Field::CustomerId => {
                    put_text(out, ATTRIBUTES, "app.customer.id", text.start().text("c-").number(customer).as_str());
                }
                Field::OrderId => {
                    put_text(out, ATTRIBUTES, "app.order.id", text.start().text("ord_").hex(order, 10).as_str());
                }
                Field::Peer => {
                    let other = self.peer(trace, node);
                    put_text(out, ATTRIBUTES, "network.peer.address", text.start().address(mix(other)).as_str());
                }
                Field::Rows => put_int(out, ATTRIBUTES, "db.response.returned_rows", dice.below(6) * dice.below(6)),
                Field::CacheHit => put_bool(out, ATTRIBUTES, "cache.hit", is_cache_hit(first)),
                Field::Message => {
                    text.start().uuid(self.dice(order, 255).roll(), order);
                    put_text(out, ATTRIBUTES, "messaging.message.id", text.as_str());
                    text.start().number(order % 12);
                    put_text(out, ATTRIBUTES, "messaging.destination.partition.id", text.as_str());
                    put_int(out, ATTRIBUTES, "messaging.message.body.size", 340 + order % 800);
                }
                Field::Offset => put_int(out, ATTRIBUTES, "messaging.kafka.offset", 8_000_000 + trace.number / 12),
                Field::Thread => put_int(out, ATTRIBUTES, "thread.id", 20 + dice.below(32)),
                Field::Provider => put_text(out, ATTRIBUTES, "payment.provider", trace.customer.provider()),
            }
        }
    }

    /// Stands for the pod at the other end of a span's connection.
    fn peer(&self, trace: &Trace<'_>, node: &Node) -> u64 {
        let service = match node.parent {
            Some(parent) => trace.shape.nodes[parent].service,
            None => node.service,
        };
        trace.resource(service) as u64
    }
}

/// Appends `route` with its `{id}` replaced.
fn path<'a>(text: &'a mut Text, route: &str, id: u64) -> &'a Text {
    match route.split_once("{id}") {
        Some((before, after)) => text.text(before).number(id).text(after),
        None => text.text(route),
    }
}

fn http_status(outcome: Outcome, roll: u64) -> u64 {
    match outcome {
        Outcome::Origin => 500,
        Outcome::Failed => 502,
        Outcome::Success if roll >> 40 & 127 == 0 => 404,
        Outcome::Success => 200,
    }
}

/// `INTERNAL` where it failed, `UNAVAILABLE` above.
fn grpc_status(outcome: Outcome) -> u64 {
    match outcome {
        Outcome::Origin => 13,
        Outcome::Failed => 14,
        Outcome::Success => 0,
    }
}

/// Appends the event `exception` at the end of a span.
fn put_exception(span: &mut Vec<u8>, service: usize, timing: &Timing, event: &mut Vec<u8>) {
    let (kind, message) = EXCEPTIONS[service % EXCEPTIONS.len()];
    event.clear();
    put_fixed64_field(event, 1, (timing.start + timing.duration) as u64);
    put_bytes_field(event, 2, b"exception");
    put_text(event, 3, "exception.type", kind);
    put_text(event, 3, "exception.message", message);
    put_text(event, 3, "exception.stacktrace", STACKTRACE);
    put_bytes_field(span, 11, event);
}
