//! Compacted spans and logs: bytes by column, a trace by its id, rows that an equality leaves.
//!
//! `cargo bench -p store --bench wide`. `HAECHI_BENCH_ROWS` is how many spans and as many log records there are, a million
//! when it is not set. The telemetry is that of `mix`, seeded; bytes are the same in every run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that fails may stop, and prints its findings"
)]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use divan::Bencher;
use divan::counter::ItemsCount;
use model::{TimeRange, TraceId};
use parquet::file::reader::{FileReader, SerializedFileReader};
use store::{AttributeFilter, Filter, Place, Request, Rows, Scan, Store, StoreConfig, Table, Texts, Wanted};

#[path = "mix/mix.rs"]
mod mix;

/// Rows in a request.
const BATCH: usize = 8 << 10;

struct Filled {
    dir: tempfile::TempDir,
    store: Arc<Store>,
    traces: Vec<TraceId>,
    n_rows: u64,
}

static FILLED: LazyLock<Filled> = LazyLock::new(fill);

fn main() {
    let filled = &*FILLED;
    for table in ["spans", "logs"] {
        print_bytes(&filled.dir.path().join("segments").join(table), table);
    }
    print_latency();
    divan::main();
}

fn fill() -> Filled {
    let n_rows = std::env::var("HAECHI_BENCH_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(StoreConfig::new(dir.path()), Box::new(|rows, _, _, _| Ok(rows))).unwrap();
    let mut spans = mix::spans::SpanMix::new(1);
    let mut logs = mix::logs::LogMix::new(2);
    let mut traces = Vec::new();
    let mut number = 0u64;
    let mut append = |rows: Rows| {
        number += 1;
        let body = Bytes::from(number.to_le_bytes().to_vec());
        let request = Request { kind: 1, received_at: 0, body, dedup: false, rows };
        store.append_blocking(request).unwrap();
    };
    let started = Instant::now();
    for batch in 0..n_rows / BATCH as u64 {
        if batch % 8 == 7 {
            store.flush().unwrap(); // what is in memory is bounded
        }
        let mut rows = Rows::default();
        while rows.spans.len() < BATCH {
            traces.push(spans.trace(&mut rows.spans));
        }
        while rows.logs.len() < BATCH {
            logs.record(&mut rows.logs);
        }
        append(rows);
    }
    store.flush().unwrap();
    println!("appended and flushed in {:.1?}", started.elapsed());
    let started = Instant::now();
    store.compact_all().unwrap();
    println!("compacted in {:.1?}: {:?}", started.elapsed(), store.stats());
    Filled { dir, store, traces, n_rows }
}

/// What each column takes of the segments in `folder`.
fn print_bytes(folder: &Path, table: &str) {
    let mut columns: Vec<(String, i64)> = Vec::new();
    let (mut n_rows, mut n_bytes, mut others, mut groups) = (0, 0, 0, 0);
    for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let length = std::fs::metadata(&path).unwrap().len() as i64;
        if path.extension().is_none_or(|it| it != "parquet") {
            println!("{table}: {} {length}", path.extension().unwrap().to_string_lossy());
            others += length;
            continue;
        }
        n_bytes += length;
        let file = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
        for group in file.metadata().row_groups() {
            n_rows += group.num_rows();
            groups += 1;
            for column in group.columns() {
                let name = column.column_path().string();
                match columns.iter_mut().find(|(known, _)| *known == name) {
                    Some((_, bytes)) => *bytes += column.compressed_size(),
                    None => columns.push((name, column.compressed_size())),
                }
            }
        }
    }
    let of_row = |bytes: i64| bytes as f64 / n_rows as f64;
    let footers = n_bytes - columns.iter().map(|(_, bytes)| bytes).sum::<i64>();
    columns.extend([
        ("footers".to_owned(), footers),
        ("all of it".to_owned(), n_bytes),
        ("other files".to_owned(), others),
    ]);
    println!("{table}: {n_rows} rows in {groups} row groups, bytes a row");
    for (name, bytes) in columns {
        println!("  {name:40} {:7.3}", of_row(bytes));
    }
}

fn look_up(id: TraceId) -> usize {
    FILLED.store.snapshot().spans(Scan::new(TimeRange::ALL).trace(id)).map(|chunk| chunk.unwrap().len()).sum()
}

fn print_latency() {
    let mut random = mix::Random(3);
    let traces = &FILLED.traces;
    let mut times: Vec<Duration> = (0..2_000)
        .map(|_| {
            let id = traces[random.below(traces.len() as u64) as usize];
            let started = Instant::now();
            assert!(look_up(id) > 0);
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    println!(
        "trace by id, whole spans: p50 {:.2?}, p99 {:.2?}, longest {:.2?}",
        times[1_000], times[1_980], times[1_999]
    );
}

#[divan::bench]
fn trace_by_id(bencher: Bencher<'_, '_>) {
    let mut random = mix::Random(4);
    let traces = &FILLED.traces;
    bencher.with_inputs(|| traces[random.below(traces.len() as u64) as usize]).bench_local_values(look_up);
}

/// The rows of `table` that satisfy `filter`, counted.
fn count(table: Table, filter: Filter) -> usize {
    let scan = Scan::new(TimeRange::ALL).columns(&[]).filter(filter);
    FILLED.store.snapshot().batches(table, scan).map(|batch| batch.unwrap().num_rows()).sum()
}

fn attribute(key: &str, text: &str) -> Filter {
    let wanted = Wanted::texts([text.to_owned()]);
    Filter::Attribute(vec![AttributeFilter { place: Place::Own, key: key.to_owned(), wanted }])
}

#[divan::bench(sample_count = 20, args = ["http.route=/cart", "http.response.status_code=404", "enduser.id=user-7", "network.peer.address=10.0.0.1", "http.route=none", "no.such.key=none"])]
fn count_spans_by_attribute(bencher: Bencher<'_, '_>, condition: &str) {
    let (key, text) = condition.split_once('=').unwrap();
    bencher.counter(ItemsCount::new(FILLED.n_rows)).bench(|| count(Table::Spans, attribute(key, text)));
}

#[divan::bench(sample_count = 20, args = ["http.route=/api/v1/cart/{id}", "http.response.status_code=404", "enduser.id=user-7"])]
fn count_logs_by_attribute(bencher: Bencher<'_, '_>, condition: &str) {
    let (key, text) = condition.split_once('=').unwrap();
    bencher.counter(ItemsCount::new(FILLED.n_rows)).bench(|| count(Table::Logs, attribute(key, text)));
}

#[divan::bench(sample_count = 20)]
fn count_spans_by_service(bencher: Bencher<'_, '_>) {
    let wanted = Texts::exactly(["cart".to_owned()]);
    let filter = || Filter::Text { column: "service", wanted: wanted.clone() };
    bencher.counter(ItemsCount::new(FILLED.n_rows)).bench(|| count(Table::Spans, filter()));
}

#[divan::bench(sample_count = 5)]
fn read_whole_spans(bencher: Bencher<'_, '_>) {
    let read =
        || FILLED.store.snapshot().spans(Scan::new(TimeRange::ALL)).map(|chunk| chunk.unwrap().len()).sum::<usize>();
    bencher.counter(ItemsCount::new(FILLED.n_rows)).bench(read);
}
