//! Data directories of every released format open, read back row by row, and go on.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::dump::{Dump, WINDOW};
use crate::sample;

/// The kept samples: `data`, a directory as a killed process left it, and `rows.txt`, what is in it.
pub(crate) const VERSIONS: [&str; 3] = ["v1", "v2", "v3"];

pub(crate) fn kept(version: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(version)
}

/// A copy of the kept sample of a version.
pub(crate) fn copy_of(version: &str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&kept(version).join("data"), dir.path());
    dir
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A line of the kept rows: the times of a series become the windows that they are in, as in a dump.
fn in_windows(line: &str) -> String {
    let series = line.strip_prefix("series ").and_then(|line| line.split_once(' '));
    let Some((id, (times, rest))) = series.and_then(|(id, line)| Some((id, line.split_once(' ')?))) else {
        return line.to_owned();
    };
    let (first, last) = times.split_once("..").unwrap();
    let [first, last] = [first, last].map(|time| time.parse::<i64>().unwrap().div_euclid(WINDOW));
    format!("series {id} {first}..{last} {rest}")
}

/// Fails with the first line that differs.
pub(crate) fn same(found: &Dump, expected: &str, when: &str) {
    assert_eq!(found.errors, Vec::<String>::new(), "{when}");
    let expected: Vec<String> = expected.lines().map(in_windows).collect();
    for (found, expected) in found.rows.iter().zip(&expected) {
        assert_eq!(found, expected, "{when}");
    }
    assert_eq!(found.rows.len(), expected.len(), "{when}");
}

#[test]
fn every_row_of_every_format_is_read_back() {
    for version in VERSIONS {
        let expected = fs::read_to_string(kept(version).join("rows.txt")).unwrap();
        for table in ["span ", "log ", "point ", "exemplar ", "series "] {
            assert!(expected.lines().filter(|line| line.starts_with(table)).count() > 5, "{version} has {table}rows");
        }
        let dir = copy_of(version);
        let (store, recovery) = sample::open(dir.path());
        assert_eq!(recovery.damage, Vec::<String>::new(), "{version}");
        assert_eq!((recovery.replayed_requests, recovery.orphans), (4, 0), "{version}");
        same(&Dump::of(&store.snapshot()), &expected, version);
        store.close();
        drop(store);
        let (store, recovery) = sample::open(dir.path());
        assert_eq!((recovery.replayed_requests, recovery.damage.len()), (0, 0), "{version}");
        same(&Dump::of(&store.snapshot()), &expected, &format!("{version} after a flush and a restart"));
    }
}

#[test]
fn retries_of_requests_of_every_format_are_known() {
    for version in VERSIONS {
        let dir = copy_of(version);
        let (store, _) = sample::open(dir.path());
        let rows = Dump::of(&store.snapshot()).rows.len();
        for step in [sample::Step::Second, sample::Step::Unflushed] {
            for request in sample::requests(step) {
                assert!(store.append_blocking(request).unwrap().is_duplicate(), "{version}");
            }
        }
        assert_eq!(Dump::of(&store.snapshot()).rows.len(), rows, "{version}");
    }
}

#[test]
fn what_is_written_now_is_read_back() {
    let dir = tempfile::tempdir().unwrap();
    sample::write(dir.path(), |_| {});
    let (store, recovery) = sample::open(dir.path());
    assert_eq!(recovery.damage, Vec::<String>::new());
    let steps = [sample::Step::First, sample::Step::Second, sample::Step::Unflushed];
    let batches = steps.into_iter().flat_map(sample::requests).flat_map(|request| request.rows.finish());
    let expected: usize =
        batches.filter(|(table, _)| *table != store::Table::Series).map(|(_, batch)| batch.num_rows()).sum();
    let rows = Dump::of(&store.snapshot()).rows;
    assert_eq!(rows.iter().filter(|line| !line.starts_with("series ")).count(), expected);
}
