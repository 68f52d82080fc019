//! Random sequences of what can happen to a store, against a plain model: a list of what was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use model::{Nanos, TimeRange};
use proptest::prelude::*;

use super::SECOND;
use super::item::{ITEM_BYTES, Item, TABLES, decode, scan, trace};
use crate::files::faults::{How, Op, heal, inject};
use crate::{Order, Request, Retention, Rows, Scan, Snapshot, Store, StoreConfig, Table};

const HOUR: Nanos = 3600 * SECOND;
const RETENTION: Nanos = 8 * HOUR;

#[derive(Clone, Debug)]
enum Action {
    /// Items by table, id and tenth of an hour.
    Append(Vec<(Table, u64, i64)>),
    /// The last request once more, byte by byte.
    Retry,
    Flush,
    CompactNow(i64),
    CompactAll,
    /// What follows the given number of calls to the disk fails, until the next action but one.
    Break(usize, bool),
    Crash,
    CloseAndOpen,
    /// So many hours later.
    Retain(i64),
}

fn action() -> impl Strategy<Value = Action> {
    let item = (prop::sample::select(&TABLES[..]), 0..40u64, 0..120i64);
    prop_oneof![
        8 => prop::collection::vec(item, 1..60).prop_map(Action::Append),
        1 => Just(Action::Retry),
        6 => Just(Action::Flush),
        3 => (0..16i64).prop_map(Action::CompactNow),
        2 => Just(Action::CompactAll),
        2 => (0..12usize, any::<bool>()).prop_map(|(skip, sync)| Action::Break(skip, sync)),
        2 => Just(Action::Crash),
        1 => Just(Action::CloseAndOpen),
        1 => (0..5i64).prop_map(Action::Retain),
    ]
}

/// A store and what it must hold.
struct Run {
    dir: tempfile::TempDir,
    automatic: bool,
    store: Option<Arc<Store>>,
    acknowledged: Vec<Item>,
    /// Refused by a broken disk. May come back at the next start, and never after that.
    refused: Vec<Item>,
    last_body: Bytes,
    now: Nanos,
    /// What is older may be there or not.
    oldest: Nanos,
}

impl Run {
    fn new(automatic: bool) -> Self {
        // In memory where there is such a place: no power is cut here, so a sync only costs time.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let store = Some(open(dir.path(), automatic));
        let (acknowledged, refused, last_body) = (Vec::new(), Vec::new(), Bytes::new());
        Run { dir, automatic, store, acknowledged, refused, last_body, now: 0, oldest: Nanos::MIN }
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn append(&mut self, items: &[Item]) {
        let body: Bytes = items.iter().flat_map(|item| item.to_bytes()).collect();
        let rows = decode()(Rows::default(), 1, &body, 0).unwrap();
        let request = Request { kind: 1, received_at: 0, body: body.clone(), dedup: true, rows };
        let retried = self.acknowledged.ends_with(items);
        match self.store().append_blocking(request) {
            Ok(acked) => {
                assert_eq!(acked.is_duplicate(), retried);
                // The next log file begins where the record that was refused would have been.
                self.refused.clear();
                if !retried {
                    self.acknowledged.extend(items);
                }
            }
            Err(_) if retried => {}
            Err(_) => self.refused.extend(items),
        }
        self.last_body = body;
    }

    fn reopen(&mut self) {
        self.store = None;
        heal(self.dir.path());
        self.store = Some(open(self.dir.path(), self.automatic));
        let snapshot = self.store().snapshot();
        let found =
            |it: &Item| scan(&snapshot, it.table, Scan::new(TimeRange::ALL)).contains(&((it.time, it.id), it.version));
        let back = self.refused.iter().find(|it| found(it)).map(|it| it.version);
        // All of the request, as `check` finds out.
        let refused = std::mem::take(&mut self.refused);
        self.acknowledged.extend(refused.into_iter().filter(|it| Some(it.version) == back));
    }

    fn step(&mut self, number: usize, action: &Action) {
        match action {
            Action::Append(items) => {
                let items: Vec<Item> = items
                    .iter()
                    .map(|&(table, id, tenth)| Item { table, id, time: tenth * HOUR / 10, version: number as u64 })
                    .collect();
                self.append(&items);
            }
            Action::Retry => {
                let items: Vec<Item> = self.last_body.chunks_exact(ITEM_BYTES).map(Item::of).collect();
                if !items.is_empty() {
                    self.append(&items);
                }
            }
            // With a broken disk these fail, and nothing has changed.
            Action::Flush => drop(self.store().flush()),
            Action::CompactNow(hour) => drop(self.store().compact_now(hour * HOUR)),
            Action::CompactAll => drop(self.store().compact_all()),
            Action::Break(skip, sync) => {
                let op = if *sync { Op::Sync } else { Op::Write };
                inject(self.dir.path(), "", op, How::Error(std::io::ErrorKind::StorageFull), *skip, usize::MAX);
            }
            Action::Crash => self.reopen(),
            Action::CloseAndOpen => {
                self.store().close();
                self.reopen();
            }
            Action::Retain(hour) => {
                self.now += hour * HOUR;
                self.oldest = self.now - RETENTION;
                self.store().maintain_at(self.now, Duration::from_nanos(self.now as u64));
            }
        }
    }

    /// The versions of each row, in the order in which they were acknowledged.
    fn expected(&self, table: Table) -> BTreeMap<(Nanos, u64), Vec<u64>> {
        let mut rows: BTreeMap<_, Vec<u64>> = BTreeMap::new();
        for item in self.acknowledged.iter().filter(|item| item.table == table) {
            rows.entry((item.time, item.id)).or_default().push(item.version);
        }
        rows
    }

    fn check(&self) {
        let snapshot = self.store().snapshot();
        for table in TABLES {
            let expected = self.expected(table);
            let mut found: BTreeMap<_, Vec<u64>> = BTreeMap::new();
            scan(&snapshot, table, Scan::new(TimeRange::ALL))
                .into_iter()
                .for_each(|(key, version)| found.entry(key).or_default().push(version));
            for (key, versions) in &found {
                let stored = expected.get(key).unwrap_or_else(|| panic!("{table:?}: {key:?} was never stored"));
                let mut left = once_each(table, stored.clone());
                for version in versions {
                    let at = left.iter().position(|it| it == version);
                    left.remove(at.unwrap_or_else(|| panic!("{table:?}: {key:?} has {version} once too often")));
                }
                // Of spans the last one stays, sooner or later.
                let all = table == Table::Spans || left.is_empty() || key.0 < self.oldest;
                assert!(all, "{table:?}: {key:?} lacks {left:?}");
            }
            for (key, versions) in expected.iter().filter(|(key, _)| key.0 >= self.oldest) {
                let found = found.get(key).unwrap_or_else(|| panic!("{table:?}: {key:?} is gone"));
                let last = versions.last().unwrap();
                assert!(found.contains(last), "{table:?}: {key:?} has {found:?}, not the last of {versions:?}");
            }
            check_parts(&snapshot, table, &found);
        }
        let of_series = [Table::Points, Table::Exemplars].map(|table| self.expected(table).into_keys());
        for (time, id) in of_series.into_iter().flatten().filter(|(time, _)| *time >= self.oldest) {
            let known = snapshot.series().by_name(&format!("metric {id}"));
            assert!(known.iter().any(|it| it.times().0 <= time && time <= it.times().1), "metric {id} at {time}");
        }
    }

    /// With one segment to a window, nothing is there twice.
    fn check_compacted(&self) {
        let store = self.store();
        store.flush().unwrap();
        store.compact_all().unwrap();
        self.check();
        for table in [Table::Spans, Table::Points] {
            let rows = scan(&store.snapshot(), table, Scan::new(TimeRange::ALL));
            let mut keys: Vec<_> = rows.iter().map(|(key, _)| *key).collect();
            let windows: std::collections::BTreeSet<_> = keys.iter().map(|key| key.0.div_euclid(2 * HOUR)).collect();
            let n_segments = store.stats().tables.iter().find(|it| it.table == table).unwrap().segments;
            keys.sort_unstable();
            let n_rows = keys.len();
            keys.dedup();
            assert!(n_segments > windows.len() || keys.len() == n_rows, "{table:?} has rows twice");
        }
        let stats = store.stats().compaction;
        assert_eq!((stats.rows_in, stats.unreadable), (stats.rows_out + stats.duplicates, 0));
    }
}

fn open(dir: &Path, automatic: bool) -> Arc<Store> {
    let config = StoreConfig {
        retention: Retention::of_age(Some(RETENTION)),
        compact_automatically: automatic,
        row_group_rows: 16,
        ..StoreConfig::new(dir)
    };
    let (store, recovery) = Store::open(config, decode()).unwrap();
    assert_eq!(recovery.damage, Vec::<String>::new());
    store
}

/// Of the versions that were stored of a row those that a scan gives: of points the last, of exemplars each once.
fn once_each(table: Table, mut versions: Vec<u64>) -> Vec<u64> {
    match table {
        Table::Points => versions.split_off(versions.len() - 1),
        Table::Exemplars => {
            versions.sort_unstable();
            versions.dedup();
            versions
        }
        _ => versions,
    }
}

/// A part of the rows, by time and by trace, is that part of all rows.
fn check_parts(snapshot: &Snapshot, table: Table, all: &BTreeMap<(Nanos, u64), Vec<u64>>) {
    let flat = |wanted: &dyn Fn(&(Nanos, u64)) -> bool| {
        let rows = all.iter().filter(|(key, _)| wanted(key));
        let mut rows: Vec<_> = rows.flat_map(|(key, it)| it.iter().map(|version| (*key, *version))).collect();
        rows.sort_unstable();
        rows
    };
    let part = |it: Scan| {
        let mut rows = scan(snapshot, table, it);
        rows.sort_unstable();
        rows
    };
    let range = TimeRange::new(3 * HOUR / 2, 5 * HOUR);
    let inside = flat(&|key| range.contains(key.0));
    assert_eq!(part(Scan::new(range)), inside);
    assert_eq!(part(Scan::new(range).order(Order::OldestFirst)), inside);
    if table.has_trace_id() {
        let wanted = trace(7);
        assert_eq!(part(Scan::new(TimeRange::ALL).trace(wanted)), flat(&|key| trace(key.1) == wanted));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_was_acknowledged_is_there(
        automatic in any::<bool>(),
        actions in prop::collection::vec(action(), 1..40),
    ) {
        let mut run = Run::new(automatic);
        let mut broken_at = None;
        for (number, action) in actions.iter().enumerate() {
            if broken_at.is_some_and(|at| number > at + 1) {
                heal(run.dir.path());
                broken_at = None;
            }
            if matches!(action, Action::Break(..)) {
                broken_at = Some(number);
            }
            run.step(number, action);
            if !matches!(action, Action::Append(_) | Action::Break(..)) {
                run.check();
            }
        }
        heal(run.dir.path());
        run.reopen();
        run.check();
        run.check_compacted();
        run.reopen();
        run.check_compacted();
    }
}
