//! What is kept: by age and signal, by size, through jumps of the clock; and how many series.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::time::{DAY, HOUR};
use model::{Nanos, TimeRange};

use super::{SECOND, append, check, open_with, rows, seconds};
use crate::{Dropped, Reception, Request, Retention, Rows, Scan, Store, StoreConfig, Table};

fn open(dir: &Path, retention: Retention) -> Arc<Store> {
    open_with(StoreConfig { retention, ..StoreConfig::new(dir) }).0
}

/// A round of retention at a second since the epoch, on a clock that never jumped.
fn maintain(store: &Store, second: u64) {
    store.maintain_at(second as Nanos * SECOND, Duration::from_secs(second));
}

#[test]
fn whole_segments_and_their_series_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::of_age(Some(HOUR)));
    append(&store, 0, 10);
    append(&store, 20_000, 10);
    store.flush().unwrap();
    let reader = store.snapshot();
    maintain(&store, 20_100);
    check(&store, 20_000..20_010);
    assert_eq!(reader.spans(Scan::new(TimeRange::ALL)).map(|it| it.unwrap().len()).sum::<usize>(), 20);
    drop(reader);
    let n_files = store.snapshot().segments.iter().find(|it| it.table() == Table::Spans).unwrap().entry().files.len();
    assert_eq!(fs::read_dir(dir.path().join("segments/spans")).unwrap().count(), n_files, "of one segment");
    maintain(&store, 90_000);
    assert!(store.snapshot().series().is_empty());
}

#[test]
fn each_signal_has_its_own_retention() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { traces: Some(HOUR), logs: Some(DAY), metrics: None, max_bytes: None };
    let store = open(dir.path(), retention);
    append(&store, 0, 10);
    store.flush().unwrap();
    let left = |store: &Store| [Table::Spans, Table::Logs, Table::Points].map(|table| seconds(store, table).len());
    maintain(&store, 3_000);
    assert_eq!(left(&store), [10, 10, 10]);
    maintain(&store, 5_000);
    assert_eq!(left(&store), [0, 10, 10]);
    let dropped = |table: Table| store.stats().dropped[table as usize];
    let Dropped { segments, rows, bytes } = dropped(Table::Spans);
    assert!((segments, rows) == (1, 10) && bytes > 1000, "{bytes}");
    assert_eq!(dropped(Table::Logs), Dropped::default());
    maintain(&store, 5_060);
    assert_eq!(dropped(Table::Spans), Dropped { segments, rows, bytes }, "once");
    maintain(&store, 90_000);
    assert_eq!((left(&store), store.snapshot().series().len()), ([0, 0, 10], 1));
    let oldest = |table| store.reception(table, 100 * DAY).oldest_accepted;
    let now = store.reception(Table::Spans, 100 * DAY).received_at;
    assert!(oldest(Table::Spans) > oldest(Table::Logs) && now == 100 * DAY);
    assert_eq!(oldest(Table::Points), Nanos::MIN);
}

#[test]
fn over_the_limit_of_size_the_oldest_windows_of_all_signals_go() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::default());
    for window in 0..5 {
        append(&store, window * 7200, 50);
    }
    store.close();
    drop(store);
    // Room for the newest two windows and a bit.
    let store = open(dir.path(), Retention::default());
    let stats = store.stats();
    let segments: u64 = stats.tables.iter().map(|table| table.bytes).sum();
    drop(store);
    let max_bytes = stats.log_bytes + segments * 5 / 10;
    let store = open(dir.path(), Retention { max_bytes: Some(max_bytes), ..Retention::default() });
    maintain(&store, 40_000);
    let expected: Vec<i64> = (3..5).flat_map(|window| window * 7200..window * 7200 + 50).collect();
    for table in [Table::Spans, Table::Logs, Table::Points] {
        assert_eq!(seconds(&store, table), expected, "{table:?}");
    }
    assert_eq!(store.snapshot().series().len(), 1, "the series goes on");
    let stats = store.stats();
    assert!(stats.tables.iter().map(|table| table.bytes).sum::<u64>() + stats.log_bytes <= max_bytes);
    maintain(&store, 40_100);
    assert_eq!(seconds(&store, Table::Logs), expected, "what fits stays");
}

#[test]
fn the_log_counts_towards_the_limit_of_size() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention { max_bytes: Some(512 << 10), ..Retention::default() });
    append(&store, 0, 10);
    store.flush().unwrap();
    maintain(&store, 100);
    assert!(store.stats().log_bytes > 512 << 10, "the file has zeros ahead");
    assert_eq!(seconds(&store, Table::Logs), Vec::<i64>::new());
}

#[test]
fn a_jump_of_the_clock_deletes_and_rejects_nothing_for_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::of_age(Some(DAY)));
    append(&store, 0, 10);
    store.flush().unwrap();
    maintain(&store, 60);
    let jumped = 3650 * DAY;
    let round = |after: u64| store.maintain_at(jumped + after as Nanos * SECOND, Duration::from_secs(60 + after));
    round(0);
    // Counted from the opening of the store, which was some moments ago: the clock has not jumped for it.
    let reception = store.reception(Table::Logs, jumped);
    assert!(reception.oldest_accepted < 0 && reception.received_at == jumped, "{reception:?}");
    round(3599);
    check(&store, 0..10);
    round(3600);
    assert_eq!(seconds(&store, Table::Logs), Vec::<i64>::new());
}

#[test]
fn a_restart_within_the_hour_of_a_jump_does_not_end_the_doubt() {
    let dir = tempfile::tempdir().unwrap();
    let start = || open(dir.path(), Retention::of_age(Some(DAY)));
    let store = start();
    append(&store, 0, 10);
    store.flush().unwrap();
    maintain(&store, 60);
    let jumped = 3650 * DAY;
    store.maintain_at(jumped, Duration::from_secs(120));
    let mut rows = Rows::default();
    point(&mut rows, "after the jump", 60 * SECOND).unwrap();
    let received_at = store.reception(Table::Points, jumped).received_at;
    let body = "after the jump".into();
    store.append_blocking(Request { kind: 1, received_at, body, dedup: true, rows }).unwrap();
    for restart in 1..4 {
        store.close();
        let store = start();
        for second in [0, 60, 3500] {
            store.maintain_at(jumped + restart * HOUR + second * SECOND, Duration::from_secs(second as u64));
            assert_eq!(seconds(&store, Table::Logs), (0..10).collect::<Vec<_>>(), "restart {restart}, {second} s");
        }
    }
    let store = start();
    let round = |second: u64| store.maintain_at(jumped + second as Nanos * SECOND, Duration::from_secs(second));
    round(1);
    round(3601);
    assert_eq!(seconds(&store, Table::Logs), Vec::<i64>::new());
}

#[test]
fn a_clock_set_back_does_not_date_back_what_is_received() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::of_age(Some(DAY)));
    let now = 400 * DAY;
    assert_eq!(store.reception(Table::Logs, now), Reception { received_at: now, oldest_accepted: now - DAY });
    let back = store.reception(Table::Logs, 0);
    assert!((now..now + HOUR).contains(&back.received_at), "{back:?}");
    assert_eq!(back.oldest_accepted, -DAY);
}

#[test]
fn a_start_long_after_the_last_request_deletes_nothing_for_an_hour() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::of_age(Some(DAY)));
    append(&store, 0, 10); // received at 0
    store.close();
    drop(store);
    let store = open(dir.path(), Retention::of_age(Some(DAY)));
    store.maintain_at(10 * DAY, Duration::from_secs(1));
    check(&store, 0..10);
    store.maintain_at(10 * DAY + 3700 * SECOND, Duration::from_secs(3701));
    assert_eq!(seconds(&store, Table::Logs), Vec::<i64>::new());
}

#[test]
fn a_series_without_points_is_forgotten_though_its_segment_stays() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path(), Retention::of_age(Some(HOUR)));
    let request = |name: &'static str, second: u64| {
        let mut rows = Rows::default();
        point(&mut rows, name, second as Nanos * SECOND).unwrap();
        let body = format!("{name} {second}").into();
        store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: true, rows }).unwrap();
    };
    request("old", 10);
    request("new", 7000);
    maintain(&store, 7100);
    assert_eq!(store.snapshot().series().len(), 2, "in memory its point needs it");
    store.flush().unwrap();
    maintain(&store, 7200);
    assert_eq!(store.stats().tables.iter().map(|table| table.segments).sum::<usize>(), 2);
    let names: Vec<_> = store.snapshot().series().names().iter().map(|name| name.to_string()).collect();
    assert_eq!(names, ["new"]);
}

/// Adds a point of the series `name`, if there is room for it.
fn point(rows: &mut Rows, name: &str, time: Nanos) -> Option<()> {
    point_with(rows, name, model::AttrsBuf::new(), time)
}

fn point_with(rows: &mut Rows, name: &str, attrs: model::AttrsBuf, time: Nanos) -> Option<()> {
    let series = model::Series {
        name,
        unit: "",
        description: "",
        kind: model::MetricKind::Gauge,
        temporality: model::Temporality::Unspecified,
        monotonic: false,
        attrs: attrs.as_attrs(),
        attr_bytes: attrs.as_bytes(),
        service: "",
        resource: model::Resource::default(),
        scope: model::Scope::default(),
    };
    let id = series.id();
    rows.metrics.admit(id, &series, time).then_some(())?;
    let series = id;
    rows.metrics.push(&model::Point { series, time, start_time: 0, flags: 0, value: model::PointValue::Int(1) });
    Some(())
}

#[test]
fn a_full_series_table_takes_points_of_known_series_only() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(StoreConfig { max_series: 2, ..StoreConfig::new(dir.path()) });
    append(&store, 0, 1); // the series "orders"
    let mut request = store.rows(Nanos::MIN);
    assert_eq!(["a", "a", "b"].map(|name| point(&mut request, name, SECOND)), [Some(()), Some(()), None]);
    let body = "a".into();
    store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: true, rows: request }).unwrap();
    let mut full = store.rows(Nanos::MIN);
    assert_eq!(["c", "a"].map(|name| point(&mut full, name, SECOND)), [None, Some(())]);
    assert_eq!(store.snapshot().series().len(), 2);
    // Rows that nobody limits, such as those of the log, are all taken.
    assert!(rows(0, 1).metrics.len() == 1 && point(&mut Rows::default(), "d", 0).is_some());
}

#[test]
fn series_with_long_values_take_the_room_of_many() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open_with(StoreConfig { max_series: 100, ..StoreConfig::new(dir.path()) });
    let mut request = store.rows(Nanos::MIN);
    let taken = (0..100).filter(|number| {
        let mut attrs = model::AttrsBuf::new();
        attrs.push("long", model::Value::Str(&format!("{number}{}", "x".repeat(20_000))));
        point_with(&mut request, "a", attrs, SECOND).is_some()
    });
    // 153,600 bytes are for all, and each takes twice its attributes and a little more.
    assert_eq!(taken.count(), 3);
    assert!(point(&mut request, "b", SECOND).is_some());
    let body = "a".into();
    store.append_blocking(Request { kind: 1, received_at: 0, body, dedup: true, rows: request }).unwrap();
    let mut attrs = model::AttrsBuf::new();
    attrs.push("long", model::Value::Str(&"y".repeat(20_000)));
    assert!(point_with(&mut store.rows(Nanos::MIN), "a", attrs, SECOND).is_none(), "what is stored takes its room");
}
