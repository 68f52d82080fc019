//! What a span costs that is counted for many SLOs with groups: one pass over what came, as the box makes it.
//!
//! `cargo bench -p haechi --bench counting`. Fifty services with ten operations each, and an SLO of availability and one of
//! latency for each operation: with 1,000 of them a span counts for two, each with 20 groups. Beside it what it costs to
//! find that nobody wants it.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may stop")]

use std::sync::Arc;

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use model::span::{Events as SpanEvents, Links};
use model::{AttrsBuf, Nanos, Resource, Scope, Span, SpanId, SpanKind, StatusCode, TraceId, Value};
use slo::Slo;
use store::{Request, Rows, Store, StoreConfig};
use tikv_jemallocator::Jemalloc;

#[path = "../src"]
mod src {
    #[expect(dead_code, unused_imports, reason = "one part of what the box does with it")]
    pub(crate) mod counting;
    pub(crate) mod within;
}

use src::counting::{Events, Stored};
use src::within;

/// As the box has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

const SERVICES: usize = 50;
const OPERATIONS: usize = 10;
const GROUPS: usize = 20;
/// A batch of two seconds at 50,000 spans a second.
const SPANS: usize = 100_000;
/// Spans in a request: the default batch of the SDKs.
const BATCH: usize = 512;

fn main() {
    divan::main();
}

fn rows(first: usize, n: usize, now: Nanos) -> Rows {
    let mut rows = Rows::default();
    for number in first..first + n {
        // Spreads services, operations and groups as hashes do.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let service = format!("service-{}", mixed % SERVICES);
        let mut resource = AttrsBuf::new();
        resource.push("service.name", Value::Str(&service));
        let mut attrs = AttrsBuf::new();
        for key in ["http.request.method", "server.address", "user_agent.original", "enduser.id"] {
            attrs.push(key, Value::Str("a value of usual length"));
        }
        attrs.push("http.route", Value::Str(&format!("/v1/route/{}", mixed / 10_000 % GROUPS)));
        attrs.push("http.response.status_code", Value::Int(200));
        rows.spans.push(&Span {
            trace_id: TraceId((number as u128 + 1).to_be_bytes()),
            span_id: SpanId((number as u64 + 1).to_be_bytes()),
            parent_span_id: None,
            trace_state: "",
            flags: 1,
            name: &format!("operation-{}", mixed / 100 % OPERATIONS),
            kind: SpanKind::Server,
            start: now + number as Nanos * 20_000,
            duration: 1_000_000 + (mixed % 1_000_000) as Nanos,
            status: if mixed.is_multiple_of(100) { StatusCode::Error } else { StatusCode::Unset },
            status_message: "",
            attrs: attrs.as_attrs(),
            events: SpanEvents::default(),
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service: &service,
            resource: Resource::new(resource.as_bytes()),
            scope: Scope::default(),
        });
    }
    rows
}

/// So many SLOs, of services of that name.
fn slos(n: usize, service: &str) -> Vec<Arc<Slo>> {
    let slo = |number: usize| {
        let indicator =
            if number.is_multiple_of(2) { "availability" } else { "{latency: {threshold: 2ms, client_errors: good}}" };
        format!(
            "  - {{name: slo-{number}, service: {service}-{}, operation: operation-{}, objective: 99, indicator: {indicator}, by: http.route}}\n",
            number / 2 % SERVICES,
            number / 2 / SERVICES % OPERATIONS
        )
    };
    let text = format!("slos:\n{}", (0..n).map(slo).collect::<String>());
    slo::spec::parse("bench.yaml", &text).unwrap().into_iter().map(Arc::new).collect()
}

fn news(bencher: Bencher<'_, '_>, slos: Vec<Arc<Slo>>) {
    let dir = tempfile::tempdir().unwrap();
    let decode = Box::new(|rows: Rows, _: u8, _: &[u8], _: Nanos| Ok(rows));
    let (store, _) = Store::open(StoreConfig::with_memory(dir.path(), 512 << 20), decode).unwrap();
    let stored = Stored::new(Arc::clone(&store)).unwrap();
    drop(stored.look());
    let mut next = 0_usize;
    bencher
        .counter(ItemsCount::new(SPANS))
        .with_inputs(|| {
            for _ in 0..SPANS.div_ceil(BATCH) {
                let body = Bytes::copy_from_slice(&next.to_le_bytes());
                let rows = rows(next, BATCH, 1_788_220_800_000_000_000);
                store.append_blocking(Request { kind: 0, received_at: 0, body, dedup: true, rows }).unwrap();
                next += BATCH;
            }
            stored.look()
        })
        .bench_local_values(|mut look| look.news(&slos).unwrap().unwrap());
}

#[divan::bench(args = [1, 100, 1000], sample_count = 10)]
fn wanted(bencher: Bencher<'_, '_>, n: usize) {
    news(bencher, slos(n, "service"));
}

#[divan::bench(args = [1000], sample_count = 10)]
fn unwanted(bencher: Bencher<'_, '_>, n: usize) {
    news(bencher, slos(n, "elsewhere"));
}
