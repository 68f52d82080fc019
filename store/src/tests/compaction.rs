//! Compaction: the same rows in fewer segments, whatever happens on the way.

use std::fs;
use std::io::ErrorKind::StorageFull;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::TimeRange;

use super::{SECOND, append, check, decode, open, open_with, seconds, trace};
use crate::files::faults::{How, Op, heal, inject};
use crate::{Order, Retention, Scan, Store, StoreConfig, Table};

/// Stores `n` flushes of `rows` rows each, one row to a second.
fn fill(store: &Store, n: u64, rows: u64) {
    for number in 0..n {
        append(store, number * rows, rows);
        store.flush().unwrap();
    }
}

fn segments(store: &Store, table: Table) -> usize {
    store.stats().tables.iter().find(|it| it.table == table).unwrap().segments
}

/// The files of segments of `table`, in order.
fn files(dir: &Path, table: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join("segments").join(table)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == suffix)).collect();
    files.sort();
    files
}

#[test]
fn segments_become_one_and_every_row_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    fill(&store, 8, 50);
    let before = store.snapshot();
    store.compact_now(i64::MIN).unwrap();
    check(&store, 0..400);
    assert_eq!(segments(&store, Table::Spans), 1);
    assert_eq!(segments(&store, Table::Points), 8, "points wait for more");
    store.compact_all().unwrap();
    check(&store, 0..400);
    for table in [Table::Spans, Table::Logs, Table::Points, Table::Series] {
        assert_eq!(segments(&store, table), 1, "{table:?}");
    }
    let found = store.snapshot().spans(Scan::new(TimeRange::ALL).trace(trace(399))).map(Result::unwrap);
    assert_eq!(found.map(|chunk| chunk.row(0).start / SECOND).collect::<Vec<_>>(), [399]);
    let words = Scan::new(TimeRange::ALL).words(vec!["77".to_owned()]);
    assert_eq!(store.snapshot().logs(words).map(|chunk| chunk.unwrap().len()).sum::<usize>(), 1);
    // A snapshot from before reads what it saw; its files go with it.
    assert_eq!(before.spans(Scan::new(TimeRange::ALL)).map(|it| it.unwrap().len()).sum::<usize>(), 400);
    assert_eq!(files(dir.path(), "spans", "parquet").len(), 9);
    drop(before);
    assert_eq!(files(dir.path(), "spans", "parquet").len(), 1);
    let stats = store.stats().compaction;
    assert_eq!((stats.jobs, stats.failures, stats.conflicts), (4, 0, 0));
    let rows = 3 * 400 + 1; // the series was described once
    assert_eq!((stats.rows_in, stats.rows_out, stats.duplicates), (rows, rows, 0));
    drop(store);
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.damage, recovery.orphans), (vec![], 0));
    check(&store, 0..400);
    let series = store.snapshot().series().by_name("orders");
    assert_eq!(series.iter().map(|it| it.times()).collect::<Vec<_>>(), [(0, 7200 * SECOND - 1)], "as its window");
    store.compact_all().unwrap();
    assert_eq!(store.stats().compaction.jobs, 0, "what is compacted is left alone");
}

#[test]
fn row_groups_of_one_window_come_out_in_order_of_time() {
    let dir = tempfile::tempdir().unwrap();
    // A budget that one flush fills: row groups are written before all is read.
    let config = StoreConfig { compact_bytes: 256 << 10, ..StoreConfig::new(dir.path()) };
    let (store, _) = open_with(config);
    for number in [3, 0, 2, 1, 1, 0] {
        append(&store, number * 1500, 1500);
        store.flush().unwrap();
    }
    let mut expected = seconds(&store, Table::Logs);
    store.compact_all().unwrap();
    assert_eq!(seconds(&store, Table::Logs), expected);
    let chunks = store.snapshot().logs(Scan::new(TimeRange::ALL).order(Order::OldestFirst)).map(Result::unwrap);
    let times: Vec<Vec<i64>> = chunks.map(|chunk| (0..chunk.len()).map(|row| chunk.time(row)).collect()).collect();
    assert!(times.len() > 1 && times.is_sorted_by_key(|chunk| chunk[0]), "{} row groups", times.len());
    assert!(times.iter().all(|chunk| chunk.is_sorted()));
    expected.dedup();
    assert_eq!(seconds(&store, Table::Points), expected, "points of one time are one");
}

#[test]
fn a_damaged_input_that_can_be_restored_is_compacted_and_whole_again() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    fill(&store, 4, 10);
    for path in files(dir.path(), "spans", "parquet") {
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(path, &bytes).unwrap();
    }
    store.compact_all().unwrap();
    assert_eq!((segments(&store, Table::Spans), store.n_damaged()), (1, (0, 4)));
    drop(store);
    let (store, _) = open(dir.path());
    let chunks = store.snapshot().spans(Scan::new(TimeRange::ALL));
    assert_eq!(chunks.map(|chunk| chunk.unwrap().len()).sum::<usize>(), 40);
    assert_eq!(store.n_damaged(), (0, 0));
}

#[test]
fn a_damaged_input_stays_and_the_others_are_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    fill(&store, 4, 10);
    let path = &files(dir.path(), "spans", "parquet")[1];
    let mut bytes = fs::read(path).unwrap();
    bytes[100] ^= 1;
    fs::write(path, &bytes).unwrap();
    fs::remove_file(path.with_extension("repair")).unwrap();
    store.compact_all().unwrap();
    assert_eq!(segments(&store, Table::Spans), 2);
    assert_eq!(fs::read(path).unwrap(), bytes, "the damaged file is left as it is");
    assert_eq!(seconds(&store, Table::Logs), (0..40).collect::<Vec<_>>());
    let chunks: Vec<_> = store.snapshot().spans(Scan::new(TimeRange::ALL)).collect();
    assert_eq!(chunks.iter().flatten().map(|chunk| chunk.len()).sum::<usize>(), 30);
    assert_eq!(chunks.iter().filter(|chunk| chunk.is_err()).count(), 1);
    let stats = store.stats().compaction;
    assert_eq!((stats.unreadable, stats.failures), (1, 0));
    store.compact_all().unwrap();
    assert_eq!(store.stats().compaction, stats, "nothing is tried again at once");
}

#[test]
fn a_write_that_fails_changes_nothing_and_leaves_nothing() {
    for (part, op) in
        [("segments/", Op::Write), ("segments/", Op::Sync), ("manifest", Op::Write), ("manifest", Op::Sync)]
    {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = open(dir.path());
        fill(&store, 8, 10);
        let n_files = ["spans", "logs", "points"].map(|table| files(dir.path(), table, "parquet").len());
        inject(dir.path(), part, op, How::Error(StorageFull), 0, 1);
        let error = store.compact_all().unwrap_err().to_string();
        assert!(error.contains(part) && error.ends_with("injected"), "{error}");
        heal(dir.path());
        check(&store, 0..80);
        assert_eq!(["spans", "logs", "points"].map(|table| files(dir.path(), table, "parquet").len()), n_files);
        store.compact_all().unwrap();
        check(&store, 0..80);
        assert_eq!(segments(&store, Table::Logs), 1);
        drop(store);
        let (store, recovery) = open(dir.path());
        assert_eq!((recovery.damage, recovery.orphans), (vec![], 0), "{part} {op:?}");
        check(&store, 0..80);
    }
}

#[test]
fn retention_while_a_job_runs_makes_the_job_void() {
    let dir = tempfile::tempdir().unwrap();
    let config = StoreConfig { retention: Retention::of_age(Some(3600 * SECOND)), ..StoreConfig::new(dir.path()) };
    let (store, _) = open_with(config);
    fill(&store, 4, 10);
    append(&store, 20_000, 10);
    store.flush().unwrap();
    let jobs = store.shared.next_compaction(i64::MAX).unwrap();
    store.maintain_at(20_100 * SECOND, Duration::from_secs(20_100));
    assert!(store.shared.compact(&jobs).unwrap());
    check(&store, 20_000..20_010);
    store.compact_all().unwrap();
    check(&store, 20_000..20_010);
    drop(store);
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.damage, recovery.orphans), (vec![], 0));
    check(&store, 20_000..20_010);
}

#[test]
fn a_crash_around_the_publication_leaves_the_inputs_or_the_output() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    fill(&store, 4, 10);
    let inputs = tempfile::tempdir().unwrap();
    copy(dir.path(), inputs.path());
    store.compact_all().unwrap();
    drop(store);
    // Between the output's last byte and its record: all files, the old manifest.
    let before = tempfile::tempdir().unwrap();
    copy(inputs.path(), before.path());
    copy(&dir.path().join("segments"), &before.path().join("segments"));
    // Between the record and the removal of the inputs: all files, the new manifest.
    let after = tempfile::tempdir().unwrap();
    copy(before.path(), after.path());
    fs::copy(dir.path().join("manifest"), after.path().join("manifest")).unwrap();
    for (dir, n_segments, n_inputs) in [(before.path(), 4, 4), (after.path(), 1, 0)] {
        let (store, recovery) = open(dir);
        assert_eq!(recovery.damage, Vec::<String>::new());
        assert!(recovery.orphans > 0);
        check(&store, 0..40);
        assert_eq!(segments(&store, Table::Spans), n_segments);
        assert_eq!(files(dir, "spans", "parquet").len(), n_inputs.max(1));
        store.compact_all().unwrap();
        check(&store, 0..40);
    }
}

/// Copies what is in `from` into `to`.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn segments_are_compacted_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(StoreConfig::new(dir.path()), decode()).unwrap();
    fill(&store, 8, 10);
    let done = |wanted: &dyn Fn() -> bool| {
        (0..600).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            wanted()
        })
    };
    assert!(done(&|| segments(&store, Table::Spans) == 1), "eight are many");
    assert_eq!(segments(&store, Table::Points), 8);
    store.maintain(8000 * SECOND);
    assert!(done(&|| segments(&store, Table::Points) == 1), "the window has closed");
    check(&store, 0..80);
}
