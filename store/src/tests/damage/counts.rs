//! What is said of damage: what is counted of rows that are lost, and places of each kind, once.

use std::fs;
use std::path::{Path, PathBuf};

use model::TimeRange;

use crate::tests::{append, open, seconds};
use crate::{DamageKind, LogCount, Scan, Store, Table, inspect};

/// The file of the one segment of `table` with this extension.
fn file(dir: &Path, table: &str, suffix: &str) -> PathBuf {
    let paths = fs::read_dir(dir.join("segments").join(table)).unwrap().map(|it| it.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|it| it == suffix)).min().unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn flushed(dir: &Path, compacted: bool) {
    let (store, _) = open(dir);
    append(&store, 0, 8);
    store.flush().unwrap();
    if compacted {
        store.compact_all().unwrap();
    }
}

/// Log records as a count gives them and as a scan for their number does, each with the number of errors.
fn counted(store: &Store) -> [(u64, usize); 2] {
    let step_of = |_| 0;
    let (words, n_steps, by_severity) = (Vec::new(), 1, false);
    let count = LogCount { range: TimeRange::ALL, words, body: None, step_of: &step_of, n_steps, by_severity };
    let mut counter = store.snapshot().count_logs(count);
    let mut n_errors = 0;
    while let Some(result) = counter.step() {
        n_errors += usize::from(result.is_err());
    }
    let scanned = store.snapshot().batches(Table::Logs, Scan::new(TimeRange::ALL).columns(&[]));
    let (rows, errors): (Vec<_>, Vec<_>) = scanned.partition(Result::is_ok);
    let n_rows = rows.into_iter().flatten().map(|batch| batch.num_rows() as u64).sum();
    [(counter.counts()[0][0], n_errors), (n_rows, errors.len())]
}

#[test]
fn a_count_leaves_out_what_is_known_to_be_lost_and_says_so() {
    for compacted in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        flushed(dir.path(), compacted);
        let rows = file(dir.path(), "logs", "parquet");
        fs::remove_file(file(dir.path(), "logs", "repair")).unwrap();
        let whole = fs::read(&rows).unwrap();
        let (store, _) = open(dir.path());
        assert_eq!(counted(&store), [(8, 0); 2]);
        // A read of the rows meets the damage; from then on counts know of it, …
        flip(&rows, 20);
        assert!(store.snapshot().logs(Scan::new(TimeRange::ALL)).all(|it| it.is_err()));
        assert_eq!(counted(&store), [(0, 1); 2], "compacted: {compacted}");
        // … until the disk gives the rows again.
        fs::write(&rows, &whole).unwrap();
        assert_eq!(counted(&store), [(8, 0); 2]);
        // What a file has lost at its end, or altogether, needs no read before.
        fs::write(&rows, &whole[..10]).unwrap();
        assert_eq!(counted(&store), [(0, 1); 2]);
        drop(store);
        fs::remove_file(&rows).unwrap();
        assert_eq!(counted(&open(dir.path()).0), [(0, 1); 2]);
    }
}

#[test]
fn each_place_counts_once_by_the_kind_of_its_file() {
    use DamageKind::{BloomFilter, Dedup, Parity, Restored, Summary, TextIndex};
    let table = [
        ("logs", "text", TextIndex),
        ("logs", "bloom", BloomFilter),
        ("logs", "repair", Parity),
        ("spans", "summary", Summary),
        // Parity has all of a file as small as these.
        ("spans", "parquet", Restored),
        ("points", "times", Restored),
        ("", "dedup", Dedup),
    ];
    for (table, suffix, kind) in table {
        for cut in [None, Some(5)] {
            let dir = tempfile::tempdir().unwrap();
            flushed(dir.path(), true);
            let path = if table.is_empty() { dir.path().join(suffix) } else { file(dir.path(), table, suffix) };
            match cut {
                None => fs::remove_file(&path).unwrap(),
                Some(length) => fs::write(&path, &fs::read(&path).unwrap()[..length]).unwrap(),
            }
            let (store, _) = open(dir.path());
            for _ in 0..3 {
                seconds(&store, Table::Logs);
                let words = crate::text::query_tokens("accepted");
                store.snapshot().logs(Scan::new(TimeRange::ALL).words(words)).for_each(drop);
                store.snapshot().spans(Scan::new(TimeRange::ALL)).for_each(drop);
                store.snapshot().summaries(TimeRange::ALL).for_each(drop);
                seconds(&store, Table::Points);
            }
            let stats = store.stats().damage;
            let others = stats.places.iter().filter(|it| it.kind != kind);
            assert_eq!((stats.counts[kind as usize], others.count()), (1, 0), "{suffix}, {cut:?}: {stats:?}");
            assert!(stats.places.iter().all(|it| it.path == path), "{stats:?}");
        }
    }
}

#[test]
fn what_a_file_has_lost_at_its_end_counts_as_unreadable_only_if_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = open(dir.path());
    append(&store, 0, 20_000);
    store.flush().unwrap();
    store.compact_all().unwrap();
    drop(store);
    // Of more than one block, so that parity does not have all of it.
    let rows = file(dir.path(), "logs", "parquet");
    let whole = fs::read(&rows).unwrap();
    let counts = |store: &Store| {
        let counts = store.stats().damage.counts;
        (counts[DamageKind::Segment as usize], counts[DamageKind::Restored as usize], counts.iter().sum::<u64>())
    };
    // The footer and a few bytes before it.
    fs::write(&rows, &whole[..whole.len() - 6000]).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.damage, counts(&store)), (vec![], (0, 1, 1)), "{:?}", store.stats().damage);
    assert_eq!(seconds(&store, Table::Logs).len(), 20_000);
    assert_eq!(counts(&store), (0, 1, 1), "{:?}", store.stats().damage);
    drop(store);
    // More than was written costs nothing, and is said.
    fs::write(&rows, [&whole[..], b"garbage"].concat()).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!((recovery.damage, counts(&store)), (vec![], (0, 1, 1)), "{:?}", store.stats().damage);
    drop(store);
    for left in [Some(10), None] {
        match left {
            Some(left) => fs::write(&rows, &whole[..left]).unwrap(),
            None => fs::remove_file(&rows).unwrap(),
        }
        let (store, recovery) = open(dir.path());
        assert_eq!((recovery.damage.len(), counts(&store).0), (1, 1), "{left:?}: {:?}", store.stats().damage);
        assert!(store.snapshot().logs(Scan::new(TimeRange::ALL)).any(|it| it.is_err()));
        assert_eq!(counts(&store).0, 1, "{left:?}: {:?}", store.stats().damage);
    }
}

#[test]
fn series_that_nothing_describes_any_more_are_missed_by_name() {
    let dir = tempfile::tempdir().unwrap();
    flushed(dir.path(), true);
    let series = file(dir.path(), "series", "parquet");
    let whole = fs::read(&series).unwrap();
    let named = |store: &Store| store.snapshot().series().names().len();
    let n_named = named(&open(dir.path()).0);
    // Alone it comes back.
    fs::remove_file(&series).unwrap();
    let (store, recovery) = open(dir.path());
    assert_eq!((named(&store), recovery.damage), (n_named, vec![]));
    assert!(store.snapshot().unread_series(TimeRange::ALL).is_empty());
    drop(store);
    fs::remove_file(file(dir.path(), "series", "repair")).unwrap();
    let (store, recovery) = open(dir.path());
    let of_series = |it: &&String| it.contains(&format!("{}: ", series.display()));
    assert_eq!(recovery.damage.iter().filter(of_series).count(), 1, "{:?}", recovery.damage);
    let snapshot = store.snapshot();
    let (first, last) = snapshot.extent(Table::Points).unwrap();
    let unread = snapshot.unread_series(TimeRange::new(first, last + 1));
    assert_eq!(unread.len(), 1);
    let words = unread[0].to_string();
    assert!(words.contains("series that had points then are not known: ") && words.contains("No such file"), "{words}");
    assert!(snapshot.unread_series(TimeRange::new(last + model::time::DAY, i64::MAX)).is_empty());
    drop(store);
    let report = inspect::verify(dir.path(), false).unwrap();
    let undescribed = |it: &&inspect::Finding| it.message.contains("no segment describes");
    assert_eq!(report.findings.iter().filter(undescribed).count(), 1, "{:?}", report.findings);
    fs::write(&series, whole).unwrap();
    assert_eq!(named(&open(dir.path()).0), n_named);
}

#[test]
fn a_small_file_of_times_that_is_gone_comes_back_and_is_named() {
    let dir = tempfile::tempdir().unwrap();
    flushed(dir.path(), true);
    let times = file(dir.path(), "points", "times");
    let damage: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, "").unwrap(),
        |path| flip(path, 12),
        // As storage that lost its blocks.
        |path| fs::write(path, vec![0; fs::read(path).unwrap().len()]).unwrap(),
    ];
    let whole = fs::read(&times).unwrap();
    for (number, damage) in damage.into_iter().enumerate() {
        damage(&times);
        let report = inspect::verify(dir.path(), false).unwrap();
        assert!(report.findings.iter().all(|it| it.path == times), "{number}: {:?}", report.findings);
        let words = ["these bytes are restored from ", "whole row groups are read"];
        let restored = report.findings.iter().any(|it| words.iter().any(|words| it.message.contains(words)));
        let is_gone = report.findings.iter().any(|it| it.message.contains("No such file"));
        assert_eq!((report.rows, restored, is_gone), (25, true, number == 0), "{number}: {:?}", report.findings);
        let (store, _) = open(dir.path());
        assert_eq!(seconds(&store, Table::Points), (0..8).collect::<Vec<_>>(), "{number}");
        drop(store);
        fs::write(&times, &whole).unwrap();
    }
}
