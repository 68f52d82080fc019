//! Log records: access lines 55 %, business events 35 %, slow calls 7 %, gRPC errors 3 %, each of a span of a trace.

use model::Nanos;
use model::wire::{put_bytes_field, put_fixed32_field, put_fixed64_field, put_varint_field};

use super::dice::{Dice, Stream, mix};
use super::encode::{Groups, Text, field_len, put_header, put_int, put_text};
use super::topology::SERVICES;
use super::traces::{Trace, Traces};

mod families;

pub(in crate::load) use families::RARITY;
use families::{EVENTS, RARE, Template};

pub(super) struct Logs {
    records: Stream,
    groups: Stream,
    events: Vec<Vec<Template>>,
    rare: Template,
    unique_bodies: bool,
    period: Nanos,
    trace_period: Nanos,
}

/// Memory that is used again from record to record.
#[derive(Default)]
pub(super) struct Scratch {
    record: Vec<u8>,
    attributes: Vec<u8>,
    text: Text,
    value: Text,
}

/// The field of a `LogRecord` that holds its attributes.
const ATTRIBUTES: u32 = 6;

/// Records of one trace in a row, and how many traces take turns.
const RECORDS_IN_A_ROW: u64 = 7;
const TURNS: u64 = 4;

/// A record is written up to this long after its trace began.
const LAG: u64 = 120_000_000;

/// Severity number and text of the specification.
type Severity = (u64, &'static str);
const DEBUG: Severity = (5, "DEBUG");
const INFO: Severity = (9, "INFO");
const WARN: Severity = (13, "WARN");
const ERROR: Severity = (17, "ERROR");

impl Logs {
    pub(super) fn new(seed: u64, period: Nanos, trace_period: Nanos, unique_bodies: bool) -> Self {
        Logs {
            records: Stream::new(seed, "log records"),
            groups: Stream::new(seed, "log groups"),
            events: EVENTS.iter().map(|lines| lines.iter().map(|line| Template::parse(line)).collect()).collect(),
            rare: Template::parse(RARE),
            unique_bodies,
            period,
            trace_period,
        }
    }

    /// Nanoseconds from the start to record `number`: no two records have the same, and they increase.
    #[inline]
    pub(super) fn after(&self, number: u64) -> Nanos {
        let period = self.period as u64;
        (number * period + self.records.at(number) % period) as Nanos
    }

    /// The trace that record `number` belongs to.
    #[inline]
    pub(super) fn trace_of(&self, number: u64) -> u64 {
        let block = number / (RECORDS_IN_A_ROW * TURNS);
        let group = block * TURNS + number % TURNS;
        let after = block * RECORDS_IN_A_ROW * TURNS * self.period as u64;
        after.saturating_sub(self.groups.at(group) % LAG) / self.trace_period as u64
    }

    /// Appends record `number`, whose time is `time`, to the group of its resource.
    pub(super) fn put(&self, traces: &Traces, number: u64, time: Nanos, groups: &mut Groups, scratch: &mut Scratch) {
        let trace = traces.trace(self.trace_of(number));
        let mut dice = self.records.dice(number);
        let ordinal = dice.below(trace.shape.nodes.len() as u64) as usize;
        let Scratch { record, attributes, text, value } = scratch;
        attributes.clear();
        text.start();
        value.start();
        let line = Line { trace: &trace, ordinal, service: trace.shape.nodes[ordinal].service };
        let family = dice.below(100);
        let severity = if dice.below(RARITY) == 0 {
            self.rare.fill(&trace, &mut dice, text);
            line.event(attributes, value, &mut dice);
            ERROR
        } else {
            match family {
                0..55 => line.access(attributes, text, value, &mut dice),
                55..90 => {
                    dice.pick_ref(&self.events[line.service]).fill(&trace, &mut dice, text);
                    line.event(attributes, value, &mut dice);
                    if dice.below(8) == 0 { DEBUG } else { INFO }
                }
                90..97 => line.slow_call(attributes, text, value, &mut dice),
                _ => line.grpc_error(attributes, text, value, &mut dice),
            }
        };
        if self.unique_bodies {
            text.start();
            for _ in 0..7 {
                text.hex(dice.roll(), 8).text(" ");
            }
        }
        let body = text.as_str();
        record.clear();
        put_fixed64_field(record, 1, time as u64);
        put_varint_field(record, 2, severity.0);
        put_bytes_field(record, 3, severity.1.as_bytes());
        put_header(record, 5, field_len(body.len()));
        put_bytes_field(record, 1, body.as_bytes());
        record.extend_from_slice(attributes);
        put_fixed32_field(record, 8, 1);
        put_bytes_field(record, 9, &traces.ids.trace(trace.number));
        put_bytes_field(record, 10, &traces.ids.span(trace.number, ordinal));
        // Observed by the SDK within the microseconds that writing took.
        put_fixed64_field(record, 11, (time + 1_000 + (dice.roll() % 30_000) as Nanos) as u64);
        put_bytes_field(groups.of(trace.resource(line.service)), 2, record);
    }
}

/// What a record is about.
struct Line<'a> {
    trace: &'a Trace<'a>,
    ordinal: usize,
    service: usize,
}

impl Line<'_> {
    fn access(&self, out: &mut Vec<u8>, text: &mut Text, value: &mut Text, dice: &mut Dice) -> Severity {
        let (method, route) = self.trace.shape.nodes[self.ordinal].request;
        let customer = self.trace.customer;
        let status = match dice.below(1000) {
            0..970 => 200,
            970..985 => 404,
            985..994 => 401,
            _ => 500,
        };
        let (tenths, size) = (1 + dice.below(40) * dice.below(60), 180 + dice.below(90) * dice.below(90));
        let address = mix(customer.number);
        text.address(address).text(" ").text(method).text(" ");
        match route.split_once("{id}") {
            Some((before, after)) => text.text(before).number(customer.product).text(after),
            None => text.text(route),
        };
        text.text(" HTTP/1.1 ").number(status).text(" ").number(size).text("B in ").tenths(tenths);
        text.text("ms for c-").number(customer.number);
        put_text(out, ATTRIBUTES, "http.request.method", method);
        put_text(out, ATTRIBUTES, "http.route", route);
        put_int(out, ATTRIBUTES, "http.response.status_code", status);
        put_int(out, ATTRIBUTES, "http.response.body.size", size);
        put_text(out, ATTRIBUTES, "client.address", value.address(address).as_str());
        put_text(
            out,
            ATTRIBUTES,
            "user_agent.name",
            ["Chrome", "Safari", "ShopApp", "Firefox"][address as usize >> 60 & 3],
        );
        put_text(out, ATTRIBUTES, "logger.name", "access");
        match status {
            500 => ERROR,
            200 => INFO,
            _ => WARN,
        }
    }

    fn event(&self, out: &mut Vec<u8>, value: &mut Text, dice: &mut Dice) {
        let name = SERVICES[self.service].name;
        let (_, route) = self.trace.shape.nodes[self.ordinal].request;
        let customer = self.trace.customer.number;
        put_text(out, ATTRIBUTES, "logger.name", name);
        put_text(out, ATTRIBUTES, "code.function.name", route);
        put_text(out, ATTRIBUTES, "thread.name", value.text("worker-").number(dice.below(16)).as_str());
        put_text(out, ATTRIBUTES, "app.customer.id", value.start().text("c-").number(customer).as_str());
        put_text(
            out,
            ATTRIBUTES,
            "app.region",
            ["eu-central", "eu-west", "us-east", "ap-northeast"][customer as usize & 3],
        );
        put_text(out, ATTRIBUTES, "app.feature.variant", if customer & 16 == 0 { "control" } else { "treatment" });
        put_int(out, ATTRIBUTES, "app.retry.count", dice.below(2) * dice.below(3));
    }

    fn slow_call(&self, out: &mut Vec<u8>, text: &mut Text, value: &mut Text, dice: &mut Dice) -> Severity {
        let callee = SERVICES[dice.below(SERVICES.len() as u64) as usize].name;
        let (_, route) = self.trace.shape.nodes[self.ordinal].request;
        let (millis, attempt) = (500 + dice.below(60) * dice.below(60), 1 + dice.below(3));
        text.text("slow call to ").text(callee).text(" took ").number(millis).text(" ms, threshold 500 ms, attempt ");
        text.number(attempt).text(" of 3");
        put_text(out, ATTRIBUTES, "logger.name", "shop.client");
        put_text(out, ATTRIBUTES, "code.function.name", route);
        put_text(out, ATTRIBUTES, "thread.name", value.text("worker-").number(dice.below(16)).as_str());
        put_text(out, ATTRIBUTES, "peer.service", callee);
        put_int(out, ATTRIBUTES, "duration_ms", millis);
        put_int(out, ATTRIBUTES, "attempt", attempt);
        put_int(out, ATTRIBUTES, "threshold_ms", 500);
        WARN
    }

    fn grpc_error(&self, out: &mut Vec<u8>, text: &mut Text, value: &mut Text, dice: &mut Dice) -> Severity {
        let callee = &SERVICES[dice.below(SERVICES.len() as u64) as usize];
        let (_, route) = self.trace.shape.nodes[self.ordinal].request;
        let (code, number, reason) = dice.pick(&[
            ("Unavailable", 14, "connection refused by "),
            ("DeadlineExceeded", 4, "context deadline exceeded at "),
            ("ResourceExhausted", 8, "too many requests to "),
        ]);
        value.address(mix(dice.below(72)));
        text.text("rpc error: code = ").text(code).text(" desc = ").text(reason).text(value.as_str());
        text.text(":").number(callee.port);
        put_text(out, ATTRIBUTES, "logger.name", "grpc");
        put_text(out, ATTRIBUTES, "rpc.system", "grpc");
        put_text(out, ATTRIBUTES, "rpc.method", route);
        put_int(out, ATTRIBUTES, "rpc.grpc.status_code", number);
        put_text(out, ATTRIBUTES, "error.type", code);
        put_text(out, ATTRIBUTES, "peer.service", callee.name);
        put_text(out, ATTRIBUTES, "network.peer.address", value.as_str());
        ERROR
    }
}
