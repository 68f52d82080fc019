//! Every kind of file that a data directory holds, damaged in every way: the store opens and says which file it is, all rows
//! but those that were in the damaged part are read, nothing is deleted, and a check of the directory finds it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use model::TimeRange;

use crate::chunk::Times;
use crate::manifest::SegmentEntry;
use crate::tests::SECOND;
use crate::tests::item::{Item, TABLES, decode, trace};
use crate::text::query_tokens;
use crate::{Recovery, Request, Scan, Store, StoreConfig, Table, inspect};

/// The first seconds of the rows in compacted segments, in flushed ones, and in the log; each in a window of its own.
const COMPACTED: u64 = 0;
const FLUSHED: u64 = 20_000;
const LOGGED: u64 = 40_000;
/// Files of the log that have requests which no segment has, so many seconds apart …
const LOG_FILES: u64 = 3;
const LOG_FILE: u64 = 1000;
/// … and in each of them two requests.
const SECOND_REQUEST: u64 = 500;
/// Rows of each table in a request.
const ROWS: u64 = 24;
/// What a request brings that comes after the damage.
const LATE: u64 = 43_000;
/// Rows that a damaged byte may cost where there are row groups.
const ROW_GROUP: usize = 8;
/// More than there are rows.
const MANY: usize = 64 << 10;

/// A table and the second of a row; of a series the number in its name.
type Row = (Table, u64);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// The end is cut off.
    Torn,
    Emptied,
    Missing,
    /// A bit is flipped in the first, …
    First,
    /// … the middle, …
    Middle,
    /// … or the last part.
    Last,
}
use Damage::{Emptied, First, Last, Middle, Missing, Torn};

const ALL: [Damage; 6] = [Torn, Emptied, Missing, First, Middle, Last];

impl Damage {
    /// Where the damage to a file of `length` bytes begins.
    fn at(self, length: usize) -> usize {
        match self {
            Emptied | Missing => 0,
            First => 10,
            Middle => length / 2,
            Torn => length - 9,
            Last => length - 1,
        }
    }

    /// Does it to the file at `path`, of which `length` bytes are in use.
    fn apply(self, path: &Path, length: usize) {
        let mut bytes = fs::read(path).unwrap();
        match self {
            Missing => return fs::remove_file(path).unwrap(),
            Torn | Emptied => bytes.truncate(self.at(length)),
            First | Middle | Last => bytes[self.at(length)] ^= 0x10,
        }
        fs::write(path, bytes).unwrap();
    }
}

/// Opens the directory; segments that are written from here on have so many rows to a row group.
fn open(dir: &Path, row_group_rows: usize) -> (Arc<Store>, Recovery) {
    let config =
        StoreConfig { compact_automatically: false, row_group_rows, log_file_bytes: 64 << 10, ..StoreConfig::new(dir) };
    Store::open(config, decode()).unwrap()
}

/// Stores a request of rows of all tables from second `first` on.
fn append(store: &Store, first: u64) {
    let items = (first..first + ROWS).flat_map(|second| TABLES.map(|table| (table, second)));
    let item = |(table, id): Row| Item { table, id, time: id as i64 * SECOND, version: 1 };
    let body: Vec<u8> = items.flat_map(|row| item(row).to_bytes()).collect();
    let rows = decode()(store.rows(i64::MIN), 1, &body, 0).unwrap();
    let request = Request { kind: 1, received_at: 0, body: body.into(), dedup: true, rows };
    assert!(!store.append_blocking(request).unwrap().is_duplicate());
}

/// The rows that can be read, and what is said of the others.
fn read(store: &Store) -> (BTreeSet<Row>, Vec<String>) {
    let snapshot = store.snapshot();
    let names = snapshot.series().all().into_iter().map(|it| it.as_series().name.replace("metric ", ""));
    let mut rows: BTreeSet<Row> = names.map(|name| (Table::Series, name.parse().unwrap())).collect();
    let mut errors = Vec::new();
    for table in TABLES {
        for batch in snapshot.batches(table, Scan::new(TimeRange::ALL)) {
            match batch {
                Err(error) => errors.push(error.to_string()),
                Ok(batch) => {
                    let times = Times::of(&batch, table.time_column());
                    let seconds = (0..batch.num_rows()).map(|row| (times.get(row) / SECOND) as u64);
                    seconds
                        .for_each(|second| assert!(rows.insert((table, second)), "{table:?} {second} is there twice"));
                }
            }
        }
    }
    (rows, errors)
}

/// What bloom filters and the text index lead to is what is there, and spans are counted.
fn look_up(store: &Store, rows: &BTreeSet<Row>) {
    let counted: u64 = store.snapshot().summaries(TimeRange::ALL).map(|(summary, _)| summary.n_spans).sum();
    let spans = rows.iter().filter(|row| row.0 == Table::Spans).count() as u64;
    assert!(counted >= spans, "{counted} spans are counted of {spans}");
    let seconds = |table, scan: Scan| -> Vec<u64> {
        let batches = store.snapshot().batches(table, scan).filter_map(Result::ok);
        let of_batch = |batch| {
            let times = Times::of(&batch, table.time_column());
            (0..batch.num_rows()).map(|row| (times.get(row) / SECOND) as u64).collect::<Vec<_>>()
        };
        let mut seconds: Vec<u64> = batches.flat_map(of_batch).collect();
        seconds.sort_unstable();
        seconds
    };
    let there = |table, wanted: &dyn Fn(u64) -> bool| -> Vec<u64> {
        rows.iter().filter(|row| row.0 == table && wanted(row.1)).map(|row| row.1).collect()
    };
    for second in [COMPACTED, FLUSHED, LOGGED].map(|first| first + 37) {
        let words = Scan::new(TimeRange::ALL).words(query_tokens(&second.to_string()));
        assert_eq!(seconds(Table::Logs, words), there(Table::Logs, &|it| it == second));
        for table in [Table::Spans, Table::Logs, Table::Exemplars] {
            let of_trace = Scan::new(TimeRange::ALL).trace(trace(second));
            assert_eq!(seconds(table, of_trace), there(table, &|it| trace(it) == trace(second)), "{table:?}");
        }
    }
}

/// Every file below `dir` with its bytes.
fn files(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.clone(), fs::read(path).unwrap())),
        }
    }
    found
}

/// A directory with files of every kind.
struct Whole {
    rows: BTreeSet<Row>,
    /// By path below the directory; of a log file without the zeros ahead of its records.
    files: BTreeMap<String, Vec<u8>>,
    segments: Vec<SegmentEntry>,
}

impl Whole {
    fn make(dir: &Path) -> Self {
        let (store, _) = open(dir, ROW_GROUP);
        append(&store, COMPACTED);
        store.flush().unwrap();
        store.compact_all().unwrap();
        append(&store, FLUSHED);
        store.flush().unwrap();
        store.maintain(LATE as i64 * SECOND);
        drop(store);
        // A start begins a file of the log.
        for file in 0..LOG_FILES {
            let (store, _) = open(dir, ROW_GROUP);
            append(&store, LOGGED + file * LOG_FILE);
            append(&store, LOGGED + file * LOG_FILE + SECOND_REQUEST);
        }
        let (store, recovery) = open(dir, ROW_GROUP);
        assert_eq!(recovery.damage, Vec::<String>::new());
        let (rows, _) = read(&store);
        let segments = store.snapshot().segments.iter().map(|segment| segment.entry().clone()).collect();
        drop(store);
        let name = |path: &Path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned();
        let mut files: BTreeMap<_, _> = files(dir).into_iter().map(|(path, bytes)| (name(&path), bytes)).collect();
        for (name, bytes) in &mut files {
            if name.starts_with("wal/") {
                // The last record ends in a number below 256.
                bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + size_of::<u64>()));
            }
        }
        Whole { rows, files, segments }
    }

    /// The segment that a file is of.
    fn segment(&self, name: &str) -> Option<&SegmentEntry> {
        self.segments.iter().find(|it| it.files.iter().any(|file| file.path == name))
    }

    /// The number of a log file among those with requests that no segment has.
    fn log_file(&self, name: &str) -> Option<u64> {
        let names: Vec<_> = self.files.keys().filter(|it| it.starts_with("wal/")).collect();
        let place = names.iter().position(|it| *it == name)? + LOG_FILES as usize;
        place.checked_sub(names.len()).map(|number| number as u64)
    }

    /// The rows that `damage` of the file `name` may cost, and how many of them.
    fn cost(&self, name: &str, damage: Damage) -> (BTreeSet<Row>, usize) {
        let rows = |wanted: &dyn Fn(&Row) -> bool| self.rows.iter().copied().filter(wanted).collect::<BTreeSet<Row>>();
        if let Some(segment) = self.segment(name) {
            let times = segment.min_time / SECOND..=segment.max_time / SECOND;
            let rows = rows(&|row| row.0.name() == segment.table && times.contains(&(row.1 as i64)));
            let n_rows = match (name.rsplit('.').next().unwrap(), damage) {
                ("parquet", Emptied | Missing) | ("times", Emptied | Missing) => rows.len(),
                _ => 0,
            };
            return (rows, n_rows);
        }
        let Some(number) = self.log_file(name) else { return Default::default() };
        let request = |first: u64| move |row: &Row| (first..first + ROWS).contains(&row.1);
        let first = LOGGED + number * LOG_FILE;
        let (one, two) = (rows(&request(first)), rows(&request(first + SECOND_REQUEST)));
        let rows = match damage {
            First => BTreeSet::new(), // of the header, which is there twice
            Middle => one,
            Torn | Last => two,
            Emptied | Missing => &one | &two,
        };
        let n_rows = rows.len();
        (rows, n_rows)
    }

    /// Whether nobody can tell: earlier versions had neither, and the first is written some time after the directory was made.
    fn is_silent(&self, name: &str, damage: Damage) -> bool {
        ["acknowledged", "clock"].contains(&name) && damage == Missing
    }

    /// Whether only a check of the directory finds it: nothing that was asked here needed the damaged part.
    fn is_unused(&self, name: &str, damage: Damage) -> bool {
        // It has its number twice, and a write that was cut short has spoiled one of them at most.
        if name == "acknowledged" {
            return damage != Emptied;
        }
        let flipped = matches!(damage, First | Middle | Last);
        flipped && (name.ends_with(".repair") || name.ends_with(".text"))
    }
}

/// Rows in words: how many of each table, the first and the last.
fn few(rows: &BTreeSet<Row>) -> String {
    let of_table = |table: Table| {
        let seconds: Vec<u64> = rows.iter().filter(|row| row.0 == table).map(|row| row.1).collect();
        Some(format!("{} {} from {} to {}", seconds.len(), table.name(), seconds.first()?, seconds.last()?))
    };
    Table::ALL.into_iter().filter_map(of_table).collect::<Vec<_>>().join(", ")
}

/// Whether `text` names the file, or, of a log file whose end or all is missing, the one before which it should be.
fn names(text: &str, whole: &Whole, name: &str) -> bool {
    let next = whole.files.keys().skip_while(|it| *it != name).nth(1).filter(|it| it.starts_with("wal/"));
    let missing = match next {
        Some(next) => text.contains("requests ") && text.contains(next.as_str()),
        None => text.contains("were acknowledged and are not in the log"),
    };
    text.contains(name) || (name.starts_with("wal/") && missing)
}

fn check(dir: &Path, whole: &Whole, name: &str, damage: Damage) {
    let case = format!("{damage:?} {name}");
    for (name, bytes) in &whole.files {
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    damage.apply(&dir.join(name), whole.files[name].len());
    let before = files(dir);

    let report = inspect::verify(dir, true).unwrap();
    let found: Vec<_> = report.findings.iter().map(|it| format!("{}: {}", it.path.display(), it.message)).collect();
    let told = found.iter().any(|it| names(it, whole, name));
    assert!(told != whole.is_silent(name, damage), "{case}: a check says {found:#?}");
    assert!(files(dir) == before, "{case}: a check changes nothing");

    let (store, recovery) = open(dir, MANY);
    let (rows, errors) = read(&store);
    look_up(&store, &rows);
    let places: Vec<_> = store.stats().damage.places.iter().map(ToString::to_string).collect();
    let said: Vec<_> = recovery.damage.iter().chain(&errors).chain(&places).collect();
    let told = said.iter().any(|it| names(it, whole, name));
    let silent = whole.is_silent(name, damage) || (whole.is_unused(name, damage) && !told);
    assert!(told != silent, "{case}: the store says {said:#?}");

    let (may_go, most) = whole.cost(name, damage);
    let gone: BTreeSet<_> = whole.rows.difference(&rows).copied().collect();
    assert!(rows.is_subset(&whole.rows) && gone.is_subset(&may_go), "{case}: {} are gone", few(&gone));
    assert!(gone.len() <= most, "{case}: {} are gone, {most} may be", few(&gone));
    let after = files(dir);
    for (path, bytes) in &before {
        // Of the manifest what was damaged is beside it.
        let kept = [path.clone(), path.with_extension("damaged-1")].iter().any(|it| after.get(it) == Some(bytes));
        // The number that was acknowledged is written anew by each start that can read it.
        let anew = path.ends_with("acknowledged");
        assert!(kept || bytes.is_empty() || anew, "{case}: {} is not what it was", path.display());
    }

    // Life goes on, and costs no more rows.
    append(&store, LATE);
    store.flush().unwrap();
    store.compact_all().unwrap();
    drop(store);
    let (store, _) = open(dir, MANY);
    let (later, _) = read(&store);
    let late: BTreeSet<Row> = (LATE..LATE + ROWS).flat_map(|it| Table::ALL.map(|table| (table, it))).collect();
    assert!(&later - &rows == late, "{case}: later there are also {}", few(&(&later - &rows)));
    assert!(rows.is_subset(&later), "{case}: later {} are gone", few(&(&rows - &later)));
}

/// Checks every damage to each of the files that are `wanted`; returns the kinds of files.
fn check_all(wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let whole = Whole::make(&dir.path().join("whole"));
    // What is in these two matters to nobody, what is in log files before the last ones is in segments, and those that a flush
    // wrote are alike.
    let idle = |name: &str| {
        let again = |it: &SegmentEntry| it.level == 0 && it.table != Table::Spans.name();
        ["lock", "reserve"].contains(&name)
            || (name.starts_with("wal/") && whole.log_file(name).is_none())
            || whole.segment(name).is_some_and(again)
    };
    let (mut failures, mut kinds) = (Vec::new(), BTreeSet::new());
    for name in whole.files.keys().filter(|name| !idle(name) && wanted(name)) {
        kinds.insert(name.rsplit(['.', '/']).next().unwrap().to_owned());
        for damage in ALL {
            let dir = tempfile::tempdir_in(dir.path()).unwrap();
            if catch_unwind(|| check(dir.path(), &whole, name, damage)).is_err() {
                failures.push(format!("{damage:?} {name}"));
            }
        }
    }
    assert_eq!(failures, Vec::<String>::new());
    kinds
}

fn kinds<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

// One test for each part of a directory, so that they run beside each other. A new kind of file fails one of them.

#[test]
fn damage_beside_the_segments_costs_requests_of_the_log_at_most_and_is_named() {
    let found = check_all(|name| !name.starts_with("segments/"));
    assert_eq!(found, kinds(["acknowledged", "clock", "dedup", "manifest", "manifest-copy", "wal"]));
}

#[test]
fn damage_of_segments_of_spans_costs_what_is_in_it_and_is_named() {
    let found = check_all(|name| name.starts_with("segments/spans/"));
    assert_eq!(found, kinds(["bloom", "repair", "parquet", "summary"]));
}

#[test]
fn damage_of_segments_of_logs_costs_what_is_in_it_and_is_named() {
    let found = check_all(|name| name.starts_with("segments/logs/"));
    assert_eq!(found, kinds(["bloom", "repair", "parquet", "text"]));
}

#[test]
fn damage_of_segments_of_points_costs_what_is_in_it_and_is_named() {
    let found = check_all(|name| name.starts_with("segments/points/"));
    assert_eq!(found, kinds(["parquet", "repair", "times"]));
}

#[test]
fn damage_of_segments_of_exemplars_and_series_costs_what_is_in_it_and_is_named() {
    let found = check_all(|name| ["exemplars", "series"].iter().any(|table| name.contains(table)));
    assert_eq!(found, kinds(["bloom", "repair", "parquet"]));
}
