//! A million rows of each signal out of memory into flushed segments, and from there into a compacted one.
//!
//! `cargo bench -p store --bench compaction`. Prints processor time, which on a shared machine says more than the clock, and
//! the bytes on disk.

#![expect(clippy::unwrap_used, reason = "a benchmark that fails may stop")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

use std::time::Duration;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use store::{Request, Rows, Store, StoreConfig, Table};

#[path = "compaction/telemetry.rs"]
mod telemetry;

const ROWS: u64 = 1 << 20;
/// Of metric points.
const SERIES: u64 = 8 << 10;
/// Bytes of rows in memory to a flush: a share of those of the default configuration, since the signals share them.
const FLUSH_BYTES: usize = 24 << 20;

fn main() {
    println!(
        "{:<8}{:>12}{:>14}{:>14}{:>14}{:>12}{:>12}",
        "", "segments", "flush", "compaction", "both", "flushed", "compacted"
    );
    println!(
        "{:<8}{:>12}{:>14}{:>14}{:>14}{:>12}{:>12}",
        "", "", "rows/CPU s", "rows/CPU s", "rows/CPU s", "B/row", "B/row"
    );
    run(Table::Spans, 512, &|first| telemetry::spans(first, 512));
    run(Table::Logs, 512, &|first| telemetry::logs(first, 512));
    run(Table::Points, SERIES, &|first| telemetry::points(first / SERIES, SERIES));
}

fn run(table: Table, batch: u64, rows: &dyn Fn(u64) -> Rows) {
    if std::env::args().skip(1).any(|arg| !arg.starts_with('-') && arg != table.name()) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { compact_automatically: false, ..StoreConfig::new(dir.path()) };
    let config = StoreConfig { flush_bytes: usize::MAX, max_memory_bytes: usize::MAX, ..config };
    let (store, _) = Store::open(config, Box::new(|rows, _, _, _| Ok(rows))).unwrap();
    let mut flush = Duration::ZERO;
    for first in (0..ROWS).step_by(batch as usize) {
        let body = Bytes::copy_from_slice(&first.to_le_bytes());
        let request = Request { kind: 1, received_at: 0, body, dedup: false, rows: rows(first) };
        store.append_blocking(request).unwrap();
        if store.stats().memory_bytes >= FLUSH_BYTES || first + batch >= ROWS {
            let before = cpu_time();
            store.flush().unwrap();
            flush += cpu_time() - before;
        }
    }
    let of_table = || store.stats().tables.into_iter().find(|it| it.table == table).unwrap();
    let flushed = of_table();
    let before = cpu_time();
    store.compact_all().unwrap();
    let compaction = cpu_time() - before;
    let compacted = of_table();
    let per_second = |time: Duration| format!("{:.0} k", ROWS as f64 / time.as_secs_f64() / 1000.0);
    println!(
        "{:<8}{:>12}{:>14}{:>14}{:>14}{:>12.1}{:>12.2}",
        table.name(),
        format!("{} -> {}", flushed.segments, compacted.segments),
        per_second(flush),
        per_second(compaction),
        per_second(flush + compaction),
        flushed.bytes as f64 / ROWS as f64,
        compacted.bytes as f64 / ROWS as f64,
    );
}

/// Time of the processor that all threads of the process have had.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
