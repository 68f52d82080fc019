//! The store as a whole: what is acknowledged is there, once, whatever happens in between.

mod chunks;
mod compaction;
mod damage;
mod disk_errors;
mod disk_space;
mod ending;
mod faults;
mod filters;
mod formats;
mod item;
mod logs;
mod news;
mod retention;
mod sequences;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::span::{Events, Links};
use model::{
    Attrs, AttrsBuf, LogRecord, MetricKind, Nanos, Point, PointValue, Resource, Scope, Series, Span, SpanId, SpanKind,
    StatusCode, Temporality, TimeRange, TraceId, Value,
};

use crate::{Decode, Recovery, Request, Rows, Scan, Store, StoreConfig, Table};

const SECOND: Nanos = 1_000_000_000;

/// A request of these tests: `n` spans, logs and points from second `first` on.
pub(crate) fn rows(first: u64, n: u64) -> Rows {
    let mut rows = Rows::default();
    push_rows(&mut rows, first, n);
    rows
}

/// Appends the rows of [`rows`].
pub(crate) fn push_rows(rows: &mut Rows, first: u64, n: u64) {
    let mut resource = AttrsBuf::new();
    resource.push("service.name", Value::Str("shop"));
    let resource = Resource::new(resource.as_bytes());
    for number in first..first + n {
        let time = number as Nanos * SECOND;
        let trace_id = trace(number);
        rows.spans.push(&Span {
            trace_id,
            span_id: SpanId(number.max(1).to_be_bytes()),
            parent_span_id: None,
            trace_state: "",
            flags: 1,
            name: "GET /",
            kind: SpanKind::Server,
            start: time,
            duration: 5,
            status: StatusCode::Unset,
            status_message: "",
            attrs: Attrs::default(),
            events: Events::default(),
            links: Links::default(),
            dropped_attributes: 0,
            dropped_events: 0,
            dropped_links: 0,
            service: "shop",
            resource,
            scope: Scope::default(),
        });
        let body = format!("order {number} accepted");
        rows.logs.push(&LogRecord {
            time,
            observed_time: time,
            severity_number: 9,
            severity_text: "INFO",
            body: &body,
            body_value: &[],
            event_name: "",
            trace_id: Some(trace_id),
            span_id: None,
            flags: 0,
            attrs: Attrs::default(),
            dropped_attributes: 0,
            service: "shop",
            resource,
            scope: Scope::default(),
        });
        let series = Series {
            name: "orders",
            unit: "{order}",
            description: "",
            kind: MetricKind::Sum,
            temporality: Temporality::Cumulative,
            monotonic: true,
            attrs: Attrs::default(),
            attr_bytes: &[],
            service: "shop",
            resource,
            scope: Scope::default(),
        };
        let series = rows.metrics.series(&series, time);
        let value = PointValue::Int(number as i64);
        rows.metrics.push(&Point { series, time, start_time: 1, flags: 0, value });
    }
}

fn trace(number: u64) -> TraceId {
    TraceId((u128::from(number) + 1).to_be_bytes())
}

fn body(first: u64, n: u64) -> Bytes {
    [first.to_le_bytes(), n.to_le_bytes()].concat().into()
}

fn decode() -> Decode {
    Box::new(|mut decoded, _, body, _| {
        let (first, n) = body.split_at_checked(8).ok_or("short body")?;
        let number = |bytes: &[u8]| bytes.try_into().map(u64::from_le_bytes).map_err(|_| "short body");
        push_rows(&mut decoded, number(first)?, number(n)?);
        Ok(decoded)
    })
}

fn open(dir: &Path) -> (Arc<Store>, Recovery) {
    open_with(StoreConfig::new(dir))
}

/// The series of a gauge without attributes.
fn gauge<'a>(name: &'a str, resource: &'a [u8]) -> Series<'a> {
    Series {
        name,
        unit: "",
        description: "",
        kind: MetricKind::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        attrs: Attrs::default(),
        attr_bytes: &[],
        service: "",
        resource: Resource::new(resource),
        scope: Scope::default(),
    }
}

/// A store that had rows 0 to 4 in segments and 5 to 9 in the log when it ended.
fn half_flushed(dir: &Path) {
    let (store, _) = open(dir);
    append(&store, 0, 5);
    store.flush().unwrap();
    append(&store, 5, 5);
}

fn open_with(config: StoreConfig) -> (Arc<Store>, Recovery) {
    Store::open(StoreConfig { compact_automatically: false, ..config }, decode()).unwrap()
}

fn try_append(store: &Store, first: u64, n: u64) -> Result<crate::Acked, crate::AppendError> {
    let request = Request { kind: 1, received_at: 0, body: body(first, n), dedup: true, rows: rows(first, n) };
    store.append_blocking(request)
}

fn append(store: &Store, first: u64, n: u64) -> bool {
    try_append(store, first, n).unwrap().is_duplicate()
}

/// The times of all rows of a table in seconds, sorted.
fn seconds(store: &Store, table: Table) -> Vec<i64> {
    let snapshot = store.snapshot();
    let mut seconds = Vec::new();
    let scan = Scan::new(TimeRange::ALL);
    match table {
        Table::Spans => snapshot.spans(scan).map(Result::unwrap).for_each(|chunk| {
            seconds.extend((0..chunk.len()).map(|row| chunk.start(row) / SECOND));
        }),
        Table::Logs => snapshot.logs(scan).map(Result::unwrap).for_each(|chunk| {
            seconds.extend((0..chunk.len()).map(|row| chunk.time(row) / SECOND));
        }),
        _ => snapshot.points(scan).map(Result::unwrap).for_each(|chunk| {
            seconds.extend((0..chunk.len()).map(|row| chunk.time(row) / SECOND));
        }),
    }
    seconds.sort_unstable();
    seconds
}

fn check(store: &Store, expected: std::ops::Range<i64>) {
    let expected: Vec<i64> = expected.collect();
    for table in [Table::Spans, Table::Logs, Table::Points] {
        assert_eq!(seconds(store, table), expected, "{table:?}");
    }
}

#[test]
fn acknowledged_rows_are_visible_at_once_and_after_each_step() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 10);
    check(&store, 0..10);
    store.flush().unwrap();
    check(&store, 0..10);
    append(&store, 10, 10);
    check(&store, 0..20);
    drop(store);
    let (store, recovery) = open(dir.path());
    check(&store, 0..20);
    assert_eq!((recovery.replayed_requests, recovery.replayed_rows), (1, 30));
    assert_eq!(recovery.damage, Vec::<String>::new());
    store.close();
    let (store, recovery) = open(dir.path());
    check(&store, 0..20);
    assert_eq!(recovery.replayed_requests, 0);
    assert_eq!(store.snapshot().series().by_name("orders").len(), 1);
}

#[test]
fn many_small_requests_become_few_chunks() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    (0..500).for_each(|number| assert!(!append(&store, number, 1)));
    check(&store, 0..500);
    assert!(store.snapshot().spans(Scan::new(TimeRange::ALL)).count() < 20);
}

#[test]
fn a_retried_request_is_stored_once_also_after_a_flush_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    assert!(!append(&store, 0, 3));
    assert!(append(&store, 0, 3));
    drop(store);
    let (store, _) = open(dir.path());
    assert!(append(&store, 0, 3));
    store.close();
    let (store, _) = open(dir.path());
    assert!(append(&store, 0, 3));
    check(&store, 0..3);
}

#[test]
fn segments_stay_within_windows_and_a_trace_is_found_across_them() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for hour in 0..6 {
        append(&store, hour * 3600, 5);
    }
    store.flush().unwrap();
    let segments = store.stats().tables.iter().find(|it| it.table == Table::Spans).unwrap().segments;
    assert_eq!(segments, 3);
    let wanted = trace(3600 * 3 + 2);
    let snapshot = store.snapshot();
    let found: Vec<_> = snapshot.spans(Scan::new(TimeRange::ALL).trace(wanted)).map(Result::unwrap).collect();
    assert_eq!(found.iter().map(|chunk| chunk.len()).sum::<usize>(), 1);
    assert_eq!(found[0].row(0).trace_id, wanted);
    assert_eq!(snapshot.logs(Scan::new(TimeRange::ALL).trace(wanted)).map(|it| it.unwrap().len()).sum::<usize>(), 1);
}

#[test]
fn one_scan_finds_several_traces_on_disk_and_in_memory() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 50);
    append(&store, 7200, 50);
    store.flush().unwrap();
    append(&store, 14_400, 50);
    let wanted = [14_401, 7_249, 3, 0, 3, 99].map(trace);
    let chunks = store.snapshot().spans(Scan::new(TimeRange::ALL).traces(wanted)).map(Result::unwrap);
    let mut found: Vec<_> =
        chunks.flat_map(|it| (0..it.len()).map(move |row| it.row(row).trace_id).collect::<Vec<_>>()).collect();
    found.sort_unstable();
    let mut expected = [0, 3, 7_249, 14_401].map(trace);
    expected.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(store.snapshot().spans(Scan::new(TimeRange::ALL).traces([])).count(), 0);
}

#[test]
fn times_spread_over_centuries_do_not_become_a_file_each() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    (0..2000).for_each(|number| assert!(!append(&store, number * 4_000_000, 1)));
    store.flush().unwrap();
    let spans = store.stats().tables.iter().find(|it| it.table == Table::Spans).unwrap().clone();
    assert!(spans.segments <= 400 && spans.rows == 2000, "{spans:?}");
}

#[test]
fn newest_first_chunks_never_exceed_their_bound() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    for step in [5u64, 0, 3, 1] {
        append(&store, step * 4000, 100);
        store.flush().unwrap();
    }
    append(&store, 8000, 100);
    let mut chunks = store.snapshot().logs(Scan::new(TimeRange::new(50 * SECOND, 30_000 * SECOND)).columns(&["body"]));
    let mut n = 0;
    while let Some(bound) = chunks.bound() {
        let chunk = chunks.next().unwrap().unwrap();
        assert!((0..chunk.len()).all(|row| chunk.time(row) <= bound && chunk.time(row) >= 50 * SECOND));
        assert_eq!(chunk.row(0).service, "", "a column not asked for reads as empty");
        n += chunk.len();
    }
    assert_eq!(n, 450);
}

#[test]
fn a_second_store_on_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_store, _) = open(dir.path());
    let refused = || {
        let error = Store::open(StoreConfig::new(dir.path()), decode()).err().unwrap();
        assert!(error.to_string().ends_with("is in use by another process"), "{error}");
    };
    refused();
    std::fs::remove_file(dir.path().join("lock")).unwrap();
    refused();
    refused();
}

#[test]
fn memory_over_its_limit_refuses_requests_until_a_flush() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        StoreConfig { max_memory_bytes: 1, flush_age: Duration::from_secs(3600), ..StoreConfig::new(dir.path()) };
    let (store, _) = open_with(config);
    append(&store, 0, 1);
    let request = Request { kind: 1, received_at: 0, body: body(1, 1), dedup: true, rows: rows(1, 1) };
    assert!(matches!(store.append_blocking(request), Err(crate::AppendError::Busy(_))));
    store.flush().unwrap();
    append(&store, 1, 1);
    check(&store, 0..2);
}

#[test]
fn rows_replayed_beyond_the_flush_size_become_segments() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    (0..20).for_each(|number| assert!(!append(&store, number * 50, 50)));
    drop(store);
    let config = StoreConfig { flush_bytes: 100_000, ..StoreConfig::new(dir.path()) };
    let (store, _) = open_with(config);
    check(&store, 0..1000);
    assert!(store.stats().tables.iter().any(|table| table.segments > 1));
    drop(store);
    check(&open(dir.path()).0, 0..1000);
}

#[test]
fn a_request_that_breaks_the_decoder_costs_itself_among_those_replayed_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    (0..40).for_each(|number| assert!(!append(&store, number * 5, 5)));
    drop(store);
    let broken = |number: u64| [0, 7, 8, 20, 39].contains(&number);
    // Leaves rows behind before it fails.
    let decode = move |mut decoded: Rows, _: u8, body: &[u8], _: Nanos| {
        let first = body.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        push_rows(&mut decoded, first, if broken(first / 5) { 2 } else { 5 });
        match first / 5 {
            20 => panic!("request {first} is not liked"),
            number if broken(number) => Err(format!("request {first} is not liked")),
            _ => Ok(decoded),
        }
    };
    let config = StoreConfig { compact_automatically: false, ..StoreConfig::new(dir.path()) };
    let (store, recovery) = Store::open(config, Box::new(decode)).unwrap();
    assert_eq!((recovery.replayed_requests, recovery.replayed_rows), (35, 35 * 15));
    let named: Vec<bool> = recovery.damage.iter().map(|it| it.contains("the decoder failed")).collect();
    assert_eq!(named, [false, false, false, true, false], "{:?}", recovery.damage);
    let expected: Vec<i64> = (0..200).filter(|second| !broken(second / 5)).map(|second| second as i64).collect();
    for table in [Table::Spans, Table::Logs, Table::Points] {
        assert_eq!(seconds(&store, table), expected, "{table:?}");
    }
    assert!(!append(&store, 35, 5) && append(&store, 45, 5), "what was not brought back may be sent again");
}
