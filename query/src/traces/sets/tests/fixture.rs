//! Twelve small traces that differ in every respect that a query can ask for. The spans of trace N are numbered from 100 N.

use model::span::Events;
use model::time::MILLISECOND;
use model::{AttrsBuf, SpanKind, StatusCode, Value};

use crate::testing::{TestSpan, TestStore, array};

use SpanKind::{Client, Consumer, Internal, Producer, Server};
use Value::{Bool, Double, Int, Str};

/// A span of trace `id / 100` below `parent`, with its start and duration in milliseconds.
fn span(
    id: u64,
    parent: u64,
    service: &'static str,
    name: &str,
    kind: SpanKind,
    start: i64,
    duration: i64,
) -> TestSpan {
    let trace = u128::from(id / 100);
    // Traces lie one after another, a minute apart.
    let start = trace as i64 * 60_000 + start;
    TestSpan::new(trace, id, start * MILLISECOND).below(parent).of(service, name, kind).lasting(duration * MILLISECOND)
}

fn ok(mut span: TestSpan) -> TestSpan {
    span.status = StatusCode::Ok;
    span
}

fn attrs(entries: &[(&str, Value<'_>)]) -> AttrsBuf {
    let mut attrs = AttrsBuf::new();
    entries.iter().for_each(|(key, value)| attrs.push(key, *value));
    attrs
}

/// Adds an event some milliseconds after the start of the span.
fn event(span: TestSpan, after: i64, name: &str, entries: &[(&str, Value<'_>)]) -> TestSpan {
    let time = span.start + after * MILLISECOND;
    span.event(time, name, &attrs(entries))
}

fn list(span: TestSpan, key: &str, values: &[Value<'_>]) -> TestSpan {
    span.attr(key, Value::parse(&array(values)))
}

/// 1: a checkout with two failed calls, one below the other.
fn checkout() -> Vec<TestSpan> {
    let root = span(100, 0, "gateway", "GET /checkout", Server, 0, 900)
        .attr("http.status_code", Int(200))
        .attr("http.method", Str("GET"))
        .resource_attr("cloud.region", Str("eu-1"))
        .resource_attr("deployment.environment", Str("production"))
        .scope("otel.http")
        .scope_version("1.2.0")
        .scope_attr("language", Str("rust"));
    let book = span(102, 101, "booking", "POST /book", Server, 20, 700)
        .attr("http.status_code", Int(503))
        .attr("retry", Bool(true))
        .failed("no seats");
    let book = event(book, 5, "exception", &[("exception.type", Str("Timeout")), ("handled", Bool(false))]);
    let book = event(book, 10, "retry", &[("attempt", Int(2))]);
    vec![
        root,
        span(101, 100, "gateway", "call booking", Client, 10, 800).attr("peer", Str("booking")),
        book,
        span(103, 102, "booking", "SELECT seats", Client, 30, 100)
            .attr("db.system", Str("postgresql"))
            .attr("rows", Int(42))
            .attr("ratio", Double(0.5)),
        span(104, 102, "booking", "charge", Client, 200, 500).failed("declined").link_with(
            2,
            200,
            &attrs(&[("reason", Str("retry"))]),
        ),
        span(105, 104, "payment", "POST /charge", Server, 210, 400)
            .failed("")
            .attr("amount", Double(19.99))
            .resource_attr("cloud.region", Str("us-2"))
            .resource_attr("deployment.environment", Str("staging")),
        span(106, 100, "gateway", "render", Internal, 850, 40),
    ]
}

/// 2: short and well; the status code is a text.
fn health() -> Vec<TestSpan> {
    vec![
        ok(span(200, 0, "gateway", "GET /health", Server, 0, 5).attr("http.status_code", Str("200"))),
        span(201, 200, "gateway", "ping", Internal, 1, 1),
    ]
}

/// 3: the root has not arrived.
fn orphaned() -> Vec<TestSpan> {
    vec![
        span(300, 399, "booking", "POST /book", Server, 0, 50).attr("http.status_code", Int(404)),
        span(301, 300, "booking", "validate", Internal, 5, 10),
    ]
}

/// 4: arrays of each type, an empty value, two links.
fn arrays() -> Vec<TestSpan> {
    let root =
        span(400, 0, "worker", "batch", Consumer, 0, 2_000).link(1, 100).link(5, 500).attr("nothing", Value::Empty);
    let root = list(root, "tags", &[Str("red"), Str("blue")]);
    let root = list(root, "sizes", &[Int(1), Int(5), Int(10)]);
    let root = list(root, "ratios", &[Double(0.5), Double(2.5)]);
    vec![list(root, "flags", &[Bool(true), Bool(false)])]
}

/// 5: one span that produces.
fn publish() -> Vec<TestSpan> {
    vec![
        span(500, 0, "queue", "publish", Producer, 0, 3)
            .attr("queue.depth", Int(7))
            .attr("big", Int(9_007_199_254_740_993))
            .attr("negative", Int(-3)),
    ]
}

/// 6: names that need quotes, texts that are empty, a duration of zero.
fn odd() -> Vec<TestSpan> {
    vec![
        span(600, 0, "예약 서비스", "결제 \"x\"", Internal, 0, 0)
            .attr("key with space", Str("v"))
            .attr("a\"b", Str("quoted"))
            .attr("resource.kind", Str("dotted"))
            .attr("a-b/c", Int(1))
            .attr("lines", Str("one\ntwo"))
            .attr("note", Str("")),
    ]
}

/// 7: four siblings, two of them failed.
fn fan() -> Vec<TestSpan> {
    let leaf = |n: u64| {
        let leaf = span(700 + n, 700, "fan", "leaf", Internal, n as i64, n as i64).attr("item", Int(n as i64));
        if n.is_multiple_of(2) { leaf.failed("even") } else { leaf }
    };
    std::iter::once(span(700, 0, "fan", "spread", Internal, 0, 10)).chain((1..5).map(leaf)).collect()
}

/// 8: six spans, each below the one before.
fn chain() -> Vec<TestSpan> {
    let link = |n: u64| {
        let parent = if n == 0 { 0 } else { 799 + n };
        span(800 + n, parent, "chain", &format!("d{n}"), Internal, n as i64, 60 - 10 * n as i64)
            .attr("step", Int(n as i64))
    };
    (0..6).map(link).collect()
}

/// 9: two roots.
fn twins() -> Vec<TestSpan> {
    vec![span(900, 0, "twin", "left", Server, 0, 20), span(901, 0, "twin", "right", Server, 5, 20)]
}

/// 10: one key in several places.
fn places() -> Vec<TestSpan> {
    vec![
        span(1000, 0, "places", "both", Internal, 0, 30)
            .attr("k", Str("own"))
            .attr("only", Str("a"))
            .attr("service.name", Str("not the service"))
            .resource_attr("k", Str("res"))
            .resource_attr("service.version", Str("1.0")),
        span(1001, 1000, "places", "resource alone", Internal, 5, 10).resource_attr("k", Str("res")),
    ]
}

/// 11: one key with a value of each type.
fn types() -> Vec<TestSpan> {
    let typed = |n: u64, value| span(1100 + n, 1100, "types", "typed", Internal, n as i64, 1).attr("n", value);
    vec![
        span(1100, 0, "types", "untyped", Internal, 0, 40),
        typed(1, Int(5)),
        typed(2, Double(5.0)),
        typed(3, Str("5")),
        typed(4, Bool(true)),
    ]
}

/// 12: slow, with an event before its start.
fn slow() -> Vec<TestSpan> {
    let root = span(1200, 0, "slow", "GET /slow", Server, 0, 10_000)
        .attr("http.status_code", Int(500))
        .attr("user.id", Str("u-1"));
    vec![event(root, -2, "gc", &[]), span(1201, 1200, "slow", "wait", Client, 500, 9_000)]
}

/// All of them, in segments and in memory.
pub(in crate::traces) fn store() -> TestStore {
    let traces = [
        checkout(),
        health(),
        orphaned(),
        arrays(),
        publish(),
        odd(),
        fan(),
        chain(),
        twins(),
        places(),
        types(),
        slow(),
    ];
    let spans: Vec<TestSpan> = traces.into_iter().flatten().collect();
    assert!(spans.iter().all(|span| Events::new(&span.events).iter().all(|event| event.time > 0)));
    TestStore::in_thirds(&spans, TestStore::add_spans)
}
