//! The receiver's hot path without network and store: the bytes of a request to columns, everything checked.
//!
//! `cargo bench -p collector`. On one core.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may stop")]

use collector::Signal;
use collector::otlp::{Context, decode};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tikv_jemallocator::Jemalloc;

#[path = "../examples/recovery/bodies.rs"]
mod bodies;

/// As the box has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// So many different requests take turns, so that no cache of the processor holds what is read.
const REQUESTS: u64 = 64;

fn main() {
    divan::main();
}

#[divan::bench(args = [Signal::Traces, Signal::Logs, Signal::Metrics])]
fn protobuf(bencher: Bencher<'_, '_>, signal: Signal) {
    let requests: Vec<Vec<u8>> = (0..REQUESTS).map(|number| bodies::body(signal, number)).collect();
    let mut number = 0;
    bencher.counter(ItemsCount::new(bodies::ITEMS)).counter(BytesCount::new(requests[0].len())).bench_local(|| {
        number = (number + 1) % requests.len();
        let context = Context { received_at: bodies::received_at(number as u64), oldest_accepted: i64::MIN };
        let decoded = decode(signal, &requests[number], context).unwrap();
        assert_eq!(decoded.rejected(), 0, "every item counts");
        decoded
    });
}
